#include "bus/bus.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static char calls[64]; /* who was called, by their letters */

static void
note(const carafe_event *event, void *arg)
{
	(void)event;
	strcat(calls, arg);
}

static void
nobody_listens_at_first(void **unused)
{
	struct crf_bus *bus = crf_bus_new();

	(void)unused;
	for (int id = 1; id < CARAFE_EV_COUNT_; id++)
		assert_false(crf_bus_wanted(bus, (carafe_event_id)id));
	CRF_EMIT(bus, CARAFE_EV_APP_QUIET, CRF_INT(TIME_MS, 1));
	CRF_EMIT0(bus, CARAFE_EV_APP_STOPPING);
	crf_bus_free(bus);
	crf_bus_free(NULL);
}

static void
subscribers_are_called_in_their_order(void **unused)
{
	struct crf_bus *bus = crf_bus_new();

	(void)unused;
	calls[0] = '\0';
	crf_bus_subscribe(bus, CARAFE_EV_APP_QUIET, note, "a");
	crf_bus_subscribe(bus, CARAFE_EV_ANY, note, "b");
	crf_bus_subscribe(bus, CARAFE_EV_APP_QUIET, note, "c");
	CRF_EMIT(bus, CARAFE_EV_APP_QUIET, CRF_INT(TIME_MS, 1));
	assert_string_equal(calls, "abc");
	calls[0] = '\0';
	CRF_EMIT0(bus, CARAFE_EV_APP_STOPPING);
	assert_string_equal(calls, "b");
	crf_bus_free(bus);
}

static void
an_event_of_a_newer_header_never_happens(void **unused)
{
	struct crf_bus *bus = crf_bus_new();

	(void)unused;
	crf_bus_subscribe(bus, CARAFE_EV_COUNT_, note, "x");
	crf_bus_subscribe(bus, (carafe_event_id)-1, note, "x");
	for (int id = 1; id < CARAFE_EV_COUNT_; id++)
		assert_false(crf_bus_wanted(bus, (carafe_event_id)id));
	crf_bus_free(bus);
}

static void
look_at_fields(const carafe_event *event, void *arg)
{
	const char *text = "untouched";
	int64_t number = 99;

	assert_int_equal(carafe_event_kind(event), CARAFE_EV_CONSUMER_RETRY);
	assert_string_equal(carafe_event_name(event), "consumer.retry");
	assert_int_equal(carafe_event_level(event), CARAFE_WARN);
	assert_true(carafe_event_str(event, CARAFE_F_TOPIC, &text));
	assert_string_equal(text, "orders");
	assert_true(carafe_event_int(event, CARAFE_F_PARTITION, &number));
	assert_int_equal(number, 3);
	assert_false(carafe_event_int(event, CARAFE_F_OFFSET, &number));
	assert_false(carafe_event_int(event, CARAFE_F_TOPIC, &number));
	assert_int_equal(number, 3);
	assert_false(carafe_event_str(event, CARAFE_F_PARTITION, &text));
	assert_false(carafe_event_str(event, CARAFE_F_GROUP, &text));
	assert_string_equal(text, "orders");
	*(bool *)arg = true;
}

static void
loop_over_fields(const carafe_event *event, void *arg)
{
	const char *name = "", *text = "";
	int64_t number = 0;
	int at = 0;

	assert_true(carafe_event_next(event, &at, &name, &text, &number));
	assert_string_equal(name, "topic");
	assert_string_equal(text, "orders");
	assert_true(carafe_event_next(event, &at, &name, &text, &number));
	assert_string_equal(name, "partition");
	assert_null(text);
	assert_int_equal(number, 3);
	assert_false(carafe_event_next(event, &at, &name, &text, &number));
	assert_false(carafe_event_next(event, &at, &name, &text, &number));
	*(bool *)arg = true;
}

static void
fields_are_read_by_name_and_in_turn(void **unused)
{
	struct crf_bus *bus = crf_bus_new();
	bool looked = false, looped = false;
	const char *absent = NULL;

	(void)unused;
	crf_bus_subscribe(bus, CARAFE_EV_CONSUMER_RETRY, look_at_fields, &looked);
	crf_bus_subscribe(bus, CARAFE_EV_CONSUMER_RETRY, loop_over_fields, &looped);
	CRF_EMIT(bus, CARAFE_EV_CONSUMER_RETRY, CRF_STR(GROUP, absent), CRF_STR(TOPIC, "orders"), CRF_INT(PARTITION, 3),
	    CRF_STR(HINT, absent));
	assert_true(looked && looped);
	crf_bus_free(bus);
}

static void
everything_declared_has_a_name(void **unused)
{
	(void)unused;
	assert_string_equal(crf_event_id_name(CARAFE_EV_ANY), "any");
	assert_string_equal(crf_event_id_name(CARAFE_EV_APP_INITIALIZED), "app.initialized");
	assert_string_equal(crf_event_id_name(CARAFE_EV_CONFIG_WARNING), "config.warning");
	assert_string_equal(crf_event_id_name(CARAFE_EV_COUNT_), "unknown");
	assert_int_equal(crf_event_id_level(CARAFE_EV_CONFIG_WARNING), CARAFE_WARN);
	assert_int_equal(crf_event_id_level(CARAFE_EV_COUNT_), CARAFE_DEBUG);
	assert_string_equal(crf_field_name(CARAFE_F_GROUP), "group");
	assert_string_equal(crf_field_name(CARAFE_F_CLIENT), "client");
	assert_string_equal(crf_field_name(CARAFE_F_COUNT_), "unknown");
}

/* ------------------------------------------------------------------------------------------------ threads */

struct crowd {
	struct crf_bus *bus;
	atomic_bool stop;
	atomic_int wrong;
};

/* Runs on the emitters' threads, where cmocka cannot assert. */
static void
check(const carafe_event *event, void *arg)
{
	struct crowd *crowd = arg;
	int64_t from = 0, to = 0;

	if (!carafe_event_int(event, CARAFE_F_FROM, &from) || !carafe_event_int(event, CARAFE_F_TO, &to) || to != from + 1)
		atomic_fetch_add(&crowd->wrong, 1);
}

static void *
emit_until_stopped(void *arg)
{
	struct crowd *crowd = arg;

	for (int64_t i = 0; !atomic_load(&crowd->stop); i++)
		CRF_EMIT(crowd->bus, CARAFE_EV_WORKERS_SCALED, CRF_INT(FROM, i), CRF_INT(TO, i + 1));
	return NULL;
}

static void *
subscribe_often(void *arg)
{
	struct crowd *crowd = arg;

	for (int i = 0; i < 50; i++)
		crf_bus_subscribe(crowd->bus, i % 5 == 0 ? CARAFE_EV_ANY : CARAFE_EV_WORKERS_SCALED, check, crowd);
	return NULL;
}

static void
subscribing_and_emitting_go_side_by_side(void **unused)
{
	struct crf_thread emitters[2] = { 0 }, subscribers[2] = { 0 };
	struct crowd crowd = { .bus = crf_bus_new() };

	(void)unused;
	for (int i = 0; i < 2; i++)
		crf_thread_start(&emitters[i], "emitter", emit_until_stopped, &crowd);
	for (int i = 0; i < 2; i++)
		crf_thread_start(&subscribers[i], "subscriber", subscribe_often, &crowd);
	for (int i = 0; i < 2; i++)
		crf_thread_join(&subscribers[i]);
	atomic_store(&crowd.stop, true);
	for (int i = 0; i < 2; i++)
		crf_thread_join(&emitters[i]);
	assert_int_equal(atomic_load(&crowd.wrong), 0);
	crf_bus_free(crowd.bus);
}

static void
count(const carafe_event *event, void *arg)
{
	(void)event;
	(*(int *)arg)++;
}

struct race {
	struct crf_bus *bus;
	pthread_barrier_t start;
	int counted;
};

static void *
subscribe_counter(void *arg)
{
	struct race *race = arg;

	pthread_barrier_wait(&race->start);
	for (int i = 0; i < 500; i++)
		crf_bus_subscribe(race->bus, CARAFE_EV_APP_QUIET, count, &race->counted);
	return NULL;
}

static void
no_subscription_is_lost(void **unused)
{
	struct race race = { .bus = crf_bus_new() };
	struct crf_thread threads[3] = { 0 };

	(void)unused;
	pthread_barrier_init(&race.start, NULL, 3);
	for (int i = 0; i < 3; i++)
		crf_thread_start(&threads[i], "subscriber", subscribe_counter, &race);
	for (int i = 0; i < 3; i++)
		crf_thread_join(&threads[i]);
	CRF_EMIT0(race.bus, CARAFE_EV_APP_QUIET);
	assert_int_equal(race.counted, 3 * 500);
	pthread_barrier_destroy(&race.start);
	crf_bus_free(race.bus);
}

static void
look_at_partitions(const carafe_event *event, void *arg)
{
	const char *topic, *name, *text;
	int32_t partition;
	int64_t offset, number;
	int *seen = arg, at = 0;

	assert_true(carafe_event_partition(event, 0, &topic, &partition, &offset));
	assert_string_equal(topic, "orders");
	assert_int_equal(partition, 3);
	assert_int_equal(offset, 17);
	assert_true(carafe_event_partition(event, 1, &topic, &partition, &offset));
	assert_string_equal(topic, "refunds");
	assert_int_equal(offset, -1);
	assert_false(carafe_event_partition(event, 2, &topic, &partition, &offset));
	while (carafe_event_next(event, &at, &name, &text, &number)) /* a list is no text and no number */
		++*seen;
}

static void
an_event_may_have_a_list_of_partitions(void **unused)
{
	struct crf_bus *bus = crf_bus_new();
	struct crf_partition items[] = { { .topic = "orders", .partition = 3, .offset = 17 },
		{ .topic = "refunds", .partition = 0, .offset = CRF_OFFSET_NONE } };
	struct crf_partitions list = { .items = items, .count = 2 };
	int seen = 0;

	(void)unused;
	crf_bus_subscribe(bus, CARAFE_EV_OFFSETS_COMMITTED, look_at_partitions, &seen);
	CRF_EMIT(bus, CARAFE_EV_OFFSETS_COMMITTED, CRF_INT(COUNT, 2), CRF_LIST(PARTITIONS, &list), CRF_STR(TEXT, "x"));
	assert_int_equal(seen, 2);
	crf_bus_free(bus);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_listens_at_first),
		cmocka_unit_test(subscribers_are_called_in_their_order),
		cmocka_unit_test(an_event_of_a_newer_header_never_happens),
		cmocka_unit_test(fields_are_read_by_name_and_in_turn),
		cmocka_unit_test(everything_declared_has_a_name),
		cmocka_unit_test(subscribing_and_emitting_go_side_by_side),
		cmocka_unit_test(no_subscription_is_lost),
		cmocka_unit_test(an_event_may_have_a_list_of_partitions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
