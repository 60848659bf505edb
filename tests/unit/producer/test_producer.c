/* The producer, on a mock cluster. */
#include "producer/producer_priv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <time.h>

#include <cmocka.h>

#include "kafka/mock.h"

#define DEADLINE (60 * CRF_SECOND)

struct scene {
	struct crf_mock *mock;
	struct crf_bus *bus;
	struct crf_producer *producer;
	atomic_int accepted, acknowledged, failed;
	atomic_bool over;
};

static void
scene_open(struct scene *s)
{
	struct crf_kvs kafka = { 0 };

	*s = (struct scene){ .bus = crf_bus_new() };
	assert_int_equal(crf_mock_new(&s->mock, 1, NULL), CARAFE_OK);
	assert_int_equal(crf_mock_topic(s->mock, "t", 1, NULL), CARAFE_OK);
	crf_kvs_set(&kafka, "bootstrap.servers", crf_mock_bootstrap(s->mock), "test");
	crf_kvs_set(&kafka, "linger.ms", "200", "test");
	crf_kvs_set(&kafka, "enable.idempotence", "true", "test");
	assert_int_equal(crf_producer_new(&s->producer, &kafka, s->bus, NULL), CARAFE_OK);
	crf_kvs_fini(&kafka);
}

static void
scene_close(struct scene *s)
{
	crf_producer_free(s->producer, 0);
	crf_mock_free(s->mock);
	crf_bus_free(s->bus);
}

static void
count(const struct crf_delivery *d, void *arg)
{
	struct scene *s = arg;

	atomic_fetch_add(d->error == 0 ? &s->acknowledged : &s->failed, 1);
}

static carafe_rc
produce(struct scene *s)
{
	const struct crf_record r = { .topic = "t", .partition = CRF_ANY_PARTITION, .spread = -1, .value = { "v", 1 } };

	return crf_produce(s->producer, &r, count, s, 0, NULL);
}

static void *
produce_on_and_on(void *arg)
{
	struct scene *s = arg;

	while (!atomic_load(&s->over)) {
		if (produce(s) == CARAFE_OK)
			atomic_fetch_add(&s->accepted, 1);
		nanosleep(&(struct timespec){ .tv_nsec = CRF_MS }, NULL);
	}
	return NULL;
}

static void
produce_once_it_is_taken(struct scene *s)
{
	crf_ns until = crf_now() + DEADLINE;

	while (produce(s) != CARAFE_OK) {
		assert_true(crf_now() < until);
		nanosleep(&(struct timespec){ .tv_nsec = CRF_MS }, NULL);
	}
}

/* Of an idempotent one, whose rights or sequence numbers are gone; nothing can be sent with it any more. */
static void
a_client_that_fails_for_good_is_made_anew(void **unused)
{
	struct scene s;

	(void)unused;
	scene_open(&s);
	assert_int_equal(produce(&s), CARAFE_OK);
	assert_int_equal(crf_producer_flush(s.producer, 30000, NULL), CARAFE_OK);
	assert_int_equal(s.acknowledged, 1);
	assert_int_equal(produce(&s), CARAFE_OK);
	rd_kafka_test_fatal_error(s.producer->rk, RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, "the test wants it");
	produce_once_it_is_taken(&s);
	assert_int_equal(crf_producer_flush(s.producer, 30000, NULL), CARAFE_OK);
	assert_int_equal(s.acknowledged + s.failed, 3); /* what was on its way may have arrived */
	assert_true(s.acknowledged >= 2);
	scene_close(&s);
}

static void
whoever_produces_meanwhile_is_told_how_each_record_ended(void **unused)
{
	struct crf_thread writers[4] = { { .started = false } };
	crf_ns until = crf_now() + DEADLINE;
	struct scene s;
	rd_kafka_t *rk;
	bool renewed = false;

	(void)unused;
	scene_open(&s);
	rk = s.producer->rk;
	for (size_t i = 0; i < 4; i++)
		crf_thread_start(&writers[i], "writer", produce_on_and_on, &s);
	while (atomic_load(&s.acknowledged) == 0)
		assert_true(crf_now() < until);
	rd_kafka_test_fatal_error(rk, RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, "the test wants it");
	while (!renewed) {
		assert_true(crf_now() < until);
		crf_lock(&s.producer->mu);
		renewed = s.producer->rk != rk;
		crf_unlock(&s.producer->mu);
	}
	for (int before = atomic_load(&s.acknowledged); atomic_load(&s.acknowledged) == before;)
		assert_true(crf_now() < until);
	atomic_store(&s.over, true);
	for (size_t i = 0; i < 4; i++)
		crf_thread_join(&writers[i]);
	scene_close(&s);
	assert_int_equal(s.acknowledged + s.failed, s.accepted);
}

static void
what_is_left_at_the_end_fails(void **unused)
{
	struct scene s;

	(void)unused;
	scene_open(&s);
	assert_int_equal(produce(&s), CARAFE_OK);
	scene_close(&s);
	assert_int_equal(s.acknowledged + s.failed, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_client_that_fails_for_good_is_made_anew),
		cmocka_unit_test(whoever_produces_meanwhile_is_told_how_each_record_ended),
		cmocka_unit_test(what_is_left_at_the_end_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
