/* Copies that come and go, on a mock cluster. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>

#include "app/engine.h"
#include "kafka/native.h"

#include <librdkafka/rdkafka_mock.h>

#define OFFSET_COMMIT 8 /* Kafka's number of that request */

static atomic_int handled;

static carafe_rc
count(carafe_consumer *c, const carafe_message *m)
{
	(void)c, (void)m;
	atomic_fetch_add(&handled, 1);
	return CARAFE_OK;
}

static const carafe_handler handler = { .message = count };

static void
see_failed_commit(const carafe_event *e, void *seen)
{
	(void)e;
	atomic_fetch_add((atomic_int *)seen, 1);
}

static void
must(carafe_rc rc, const carafe_error *err)
{
	if (rc != CARAFE_OK)
		fail_msg("%s", err->text);
}

/* A librdkafka handle with a cluster of its own. */
static rd_kafka_t *
new_cluster(void)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	rd_kafka_t *rk;

	assert_int_equal(rd_kafka_conf_set(conf, "test.mock.num.brokers", "1", NULL, 0), RD_KAFKA_CONF_OK);
	assert_non_null(rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, NULL, 0));
	return rk;
}

static void
write_one(rd_kafka_t *rk, const char *topic)
{
	rd_kafka_topic_t *rkt;

	assert_int_equal(rd_kafka_mock_topic_create(rd_kafka_handle_mock_cluster(rk), topic, 1, 1), 0);
	assert_non_null(rkt = rd_kafka_topic_new(rk, topic, NULL));
	assert_int_equal(rd_kafka_produce(rkt, 0, RD_KAFKA_MSG_F_COPY, (void *)"1", 1, NULL, 0, NULL), 0);
	assert_int_equal(rd_kafka_flush(rk, 30000), 0);
	rd_kafka_topic_destroy(rkt);
}

static void
refuse_commits(rd_kafka_t *rk)
{
	static const rd_kafka_resp_err_t refusals[] = { RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
		RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
		RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED };

	rd_kafka_mock_push_request_errors_array(rd_kafka_handle_mock_cluster(rk), OFFSET_COMMIT, crf_array_len(refusals), refusals);
}

static size_t
connections(carafe *app)
{
	size_t n;

	crf_lock(&app->mu);
	n = app->engine->connection_count;
	crf_unlock(&app->mu);
	return n;
}

/* The keeper saw it without partitions, and it was given one just then: here with certainty. */
static void
a_copy_that_goes_and_cannot_commit_leaves_the_app_running(void **unused)
{
	rd_kafka_t *rk = new_cluster();
	const char *servers = rd_kafka_mock_cluster_bootstraps(rd_kafka_handle_mock_cluster(rk));
	carafe *app = carafe_new(.kafka = CARAFE_KV({ "bootstrap.servers", servers }, { "auto.offset.reset", "earliest" },
				     { "auto.commit.interval.ms", "600000" }),
	    .settings = CARAFE_KV({ "shutdown_timeout", "1000" }));
	carafe_group *group = carafe_group(app, "scale");
	atomic_int failed_commits = 0;
	carafe_error err = { 0 };

	(void)unused;
	write_one(rk, "orders");
	carafe_subscribe(app, CARAFE_EV_OFFSETS_COMMIT_FAILED, see_failed_commit, &failed_commits);
	carafe_route(group, "orders", .handler = &handler);
	carafe_multiplex(group, .max = 2, .min = 1, .boot = 1, .scale_delay = 600000);
	must(carafe_start(app, &err), &err);
	while (atomic_load(&handled) == 0)
		usleep(10000);
	refuse_commits(rk);
	crf_connection_stop(app->engine->connections[0]);
	while (connections(app) > 0 && carafe_status_of(app) == CARAFE_RUNNING)
		usleep(10000);
	assert_int_equal(carafe_status_of(app), CARAFE_RUNNING);
	assert_true(atomic_load(&failed_commits) > 0);
	carafe_stop(app);
	must(carafe_wait(app, 30000, &err), &err);
	carafe_free(app);
	rd_kafka_destroy(rk);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_copy_that_goes_and_cannot_commit_leaves_the_app_running),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
