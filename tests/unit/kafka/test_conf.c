#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/mem.h"
#include "kafka/tokens.h"
#include "kafka/conf.h"
#include "kafka/keys.h"
#include "kafka/native.h"

/* ------------------------------------------------------------------------------------------------ the table */

static void
keys_and_their_aliases_are_known(void **unused)
{
	(void)unused;
	assert_true(crf_conf_known("bootstrap.servers"));
	assert_true(crf_conf_known("metadata.broker.list"));
	assert_true(crf_conf_known("auto.offset.reset")); /* of topics */
	assert_true(crf_conf_known("enable.auto.commit"));
	assert_true(crf_conf_known("test.mock.num.brokers")); /* hidden */
	assert_false(crf_conf_known("no.such.setting"));
	assert_false(crf_conf_known(""));
	assert_true(crf_key_count() > 150);
	assert_string_equal(crf_conf_canonical("bootstrap.servers"), crf_conf_canonical("metadata.broker.list"));
	assert_string_equal(crf_conf_canonical("acks"), crf_conf_canonical("request.required.acks"));
	assert_string_equal(crf_conf_canonical("no.such.setting"), "no.such.setting");
}

static void
slips_have_a_nearest_key(void **unused)
{
	(void)unused;
	assert_string_equal(crf_conf_nearest("boostrap.servers"), "bootstrap.servers");
	assert_string_equal(crf_conf_nearest("fetch.min.byte"), "fetch.min.bytes");
	assert_string_equal(crf_conf_nearest("session_timeout_ms"), "session.timeout.ms");
	assert_null(crf_conf_nearest("zookeeper"));
}

static void
environment_names_find_their_key(void **unused)
{
	(void)unused;
	assert_string_equal(crf_conf_from_env("BOOTSTRAP_SERVERS"), "bootstrap.servers");
	assert_string_equal(crf_conf_from_env("SESSION_TIMEOUT_MS"), "session.timeout.ms");
	assert_string_equal(crf_conf_from_env("Acks"), "acks");
	assert_null(crf_conf_from_env("BOOTSTRAP_SERVER"));
	assert_null(crf_conf_from_env("REBALANCE_CB"));
	assert_null(crf_conf_from_env(""));
	for (size_t i = 0; i < crf_key_count(); i++) /* no two keys differ in their separators only */
		if (!crf_key_at(i)->pointer)
			assert_string_equal(crf_conf_from_env(crf_key_at(i)->name), crf_key_at(i)->name);
}

static void
secrets_are_secret(void **unused)
{
	static const char *const secret[] = { "sasl.password", "ssl.key.password", "ssl.keystore.password", "ssl.key.pem",
		"sasl.oauthbearer.client.secret", "sasl.oauthbearer.config", "sasl.oauthbearer.assertion.private.key.pem",
		"sasl.oauthbearer.assertion.private.key.passphrase", "some.future.password", "SASL.PASSWORD" };
	static const char *const open[] = { "bootstrap.servers", "sasl.username", "ssl.certificate.pem", "ssl.ca.pem",
		"ssl.key.location", "sasl.kerberos.keytab", "sasl.oauthbearer.token.endpoint.url", "" };

	(void)unused;
	for (size_t i = 0; i < crf_array_len(secret); i++)
		assert_true(crf_conf_secret(secret[i]));
	for (size_t i = 0; i < crf_array_len(open); i++)
		assert_false(crf_conf_secret(open[i]));
}

static void
defaults_are_librdkafkas(void **unused)
{
	(void)unused;
	assert_string_equal(crf_conf_default("session.timeout.ms"), "45000");
	assert_string_equal(crf_conf_default("fetch.queue.backoff.ms"), "1000");
	assert_string_equal(crf_conf_default("linger.ms"), "5"); /* an alias */
	assert_string_equal(crf_conf_default("message.timeout.ms"), "300000"); /* of topics */
	assert_null(crf_conf_default("bootstrap.servers"));
	assert_null(crf_conf_default("log_cb")); /* a pointer, which differs from run to run */
	assert_null(crf_conf_default("no.such.setting"));
}

static void
one_list_feeds_both_kinds(void **unused)
{
	static const struct {
		const char *key;
		bool consumer, producer;
	} rows[] = {
		{ "bootstrap.servers", true, true },
		{ "session.timeout.ms", true, false },
		{ "auto.offset.reset", true, false },
		{ "linger.ms", false, true },
		{ "acks", false, true },
		{ "compression.type", false, true },
		{ "enable.idempotence", false, true },
		{ "no.such.setting", true, true }, /* to be refused by both */
	};
	carafe_error err = { 0 };
	struct crf_kvs all = { 0 };

	(void)unused;
	for (size_t i = 0; i < crf_array_len(rows); i++) {
		assert_int_equal(crf_conf_concerns(rows[i].key, CRF_CONSUMER), rows[i].consumer);
		assert_int_equal(crf_conf_concerns(rows[i].key, CRF_PRODUCER), rows[i].producer);
	}
	crf_kvs_set(&all, "session.timeout.ms", "6000", "test");
	crf_kvs_set(&all, "linger.ms", "20", "test");
	crf_kvs_set(&all, "auto.commit.interval.ms", "1", "test");
	for (int kind = CRF_CONSUMER; kind <= CRF_PRODUCER; kind++) {
		rd_kafka_conf_t *conf = crf_native_conf(&all, (enum crf_client_kind)kind, &err);

		assert_non_null(conf);
		assert_int_equal(crf_native_conf_is(conf, "session.timeout.ms", "6000"), kind == CRF_CONSUMER);
		assert_int_equal(crf_native_conf_is(conf, "linger.ms", "20"), kind == CRF_PRODUCER);
		assert_true(crf_native_conf_is(conf, "auto.commit.interval.ms", "5000")); /* carafe's own: not handed on */
		assert_true(crf_native_conf_is(conf, "client.software.name", "carafe"));
		rd_kafka_conf_destroy(conf);
	}
	crf_kvs_fini(&all);
}

static void
features_are_what_is_built_in(void **unused)
{
	(void)unused;
	assert_non_null(strstr(crf_conf_features(), "sasl_plain"));
}

/* ------------------------------------------------------------------------------------------------ checking */

#define MOST 5

struct row {
	enum crf_client_kind kind;
	const char *settings[MOST][2];
	const char *path; /* of the problem; NULL: there is none */
	const char *text; /* part of it */
	bool ours; /* librdkafka would take it */
};

static const struct row rows[] = {
	{ CRF_CONSUMER, { { "bootstrap.servers", "localhost:9092" } }, NULL, NULL, false },
	/* single settings */
	{ CRF_CONSUMER, { { "fetch.min.byte", "1" } }, "kafka.fetch.min.byte", "did you mean fetch.min.bytes?", false },
	{ CRF_CONSUMER, { { "zookeeper", "1" } }, "kafka.zookeeper", "no such setting", false },
	{ CRF_CONSUMER, { { "fetch.min.bytes", "abc" } }, "kafka.fetch.min.bytes", "it takes", false },
	{ CRF_CONSUMER, { { "fetch.min.bytes", "0" } }, "kafka.fetch.min.bytes", "outside allowed range", false },
	{ CRF_CONSUMER, { { "fetch.wait.max.ms", "400000" } }, "kafka.fetch.wait.max.ms", "value 400000 is outside allowed range 0..300000", false },
	{ CRF_CONSUMER, { { "fetch.wait.max.ms", "4294967396" } }, "kafka.fetch.wait.max.ms", "value 4294967396 is outside", true },
	{ CRF_CONSUMER, { { "isolation.level", "foo" } }, "kafka.isolation.level", "invalid value \"foo\"; it takes read_uncommitted, read_committed", false },
	{ CRF_CONSUMER, { { "enable.partition.eof", "true" } }, NULL, NULL, false },
	{ CRF_CONSUMER, { { "enable.partition.eof", "perhaps" } }, "kafka.enable.partition.eof", "true or false", false },
	{ CRF_CONSUMER, { { "group.instance.id", "one" } }, NULL, NULL, false },
	{ CRF_CONSUMER, { { "linger.ms", "x" } }, NULL, NULL, false }, /* is the producer's matter */
	{ CRF_PRODUCER, { { "linger.ms", "x" } }, "kafka.linger.ms", "invalid value", false },
	{ CRF_PRODUCER, { { "acks", "9999" } }, "kafka.acks", "value 9999 is outside allowed range", false },
	{ CRF_PRODUCER, { { "compression.type", "zst" } }, "kafka.compression.type", "it takes none, gzip", false },
	/* carafe's own */
	{ CRF_CONSUMER, { { "enable.auto.commit", "false" } }, NULL, NULL, false },
	{ CRF_CONSUMER, { { "auto.commit.interval.ms", "1000" } }, NULL, NULL, false },
	{ CRF_CONSUMER, { { "enable.auto.offset.store", "true" } }, "kafka.enable.auto.offset.store", "CARAFE_MARK_MANUAL", true },
	{ CRF_CONSUMER, { { "enable.auto.offset.store", "false" } }, NULL, NULL, false },
	{ CRF_CONSUMER, { { "client.software.name", "x" } }, "kafka.client.software.name", "managed by carafe", true },
	{ CRF_CONSUMER, { { "rebalance_cb", "x" } }, "kafka.rebalance_cb", "callback", false },
	{ CRF_PRODUCER, { { "transactional.id", "x" } }, "kafka.transactional.id", "managed by carafe", true },
	{ CRF_CONSUMER, { { "transactional.id", "x" } }, NULL, NULL, false },
	/* the new consumer protocol */
	{ CRF_CONSUMER, { { "group.protocol", "consumer" } }, NULL, NULL, false },
	{ CRF_CONSUMER, { { "group.protocol", "consumer" }, { "session.timeout.ms", "6000" } }, "kafka.session.timeout.ms", "group.protocol=consumer", false },
	{ CRF_CONSUMER, { { "group.protocol", "consumer" }, { "heartbeat.interval.ms", "600" } }, "kafka.heartbeat.interval.ms", "brokers decide", false },
	{ CRF_CONSUMER, { { "group.protocol", "consumer" }, { "partition.assignment.strategy", "range" } }, "kafka.partition.assignment.strategy", "group.remote.assignor", false },
	{ CRF_CONSUMER, { { "group.protocol", "CONSUMER" }, { "group.protocol.type", "consumer" } }, "kafka.group.protocol.type", "leave it out", false },
	/* other combinations */
	{ CRF_CONSUMER, { { "session.timeout.ms", "400000" } }, "kafka.max.poll.interval.ms", "at least session.timeout.ms (400000)", false },
	{ CRF_CONSUMER, { { "heartbeat.interval.ms", "50000" } }, "kafka.heartbeat.interval.ms", "50000 must be less than session.timeout.ms (45000)", true },
	{ CRF_CONSUMER, { { "session.timeout.ms", "3000" } }, "kafka.heartbeat.interval.ms", "3000 must be less than session.timeout.ms (3000)", true },
	{ CRF_CONSUMER, { { "heartbeat.interval.ms", "5999" }, { "session.timeout.ms", "6000" } }, NULL, NULL, false },
	{ CRF_CONSUMER, { { "session.timeout.ms", "400000" }, { "max.poll.interval.ms", "400000" } }, NULL, NULL, false },
	{ CRF_CONSUMER, { { "partition.assignment.strategy", "sticky" } }, "kafka.partition.assignment.strategy", "there is no sticky", false },
	{ CRF_CONSUMER, { { "partition.assignment.strategy", "range,cooperative-sticky" } }, "kafka.partition.assignment.strategy", "does not go with", false },
	{ CRF_CONSUMER, { { "partition.assignment.strategy", "range, roundrobin" } }, NULL, NULL, false },
	{ CRF_CONSUMER, { { "partition.assignment.strategy", "" } }, "kafka.partition.assignment.strategy", "is empty", true },
	{ CRF_CONSUMER, { { "partition.assignment.strategy", " " } }, "kafka.partition.assignment.strategy", "is empty", true },
	{ CRF_CONSUMER, { { "client.id", "" } }, "kafka.client.id", "is empty", true },
	{ CRF_PRODUCER, { { "client.id", "" } }, "kafka.client.id", "is empty", true },
	{ CRF_CONSUMER, { { "session.timeout.ms", "" } }, "kafka.session.timeout.ms", "empty value", false },
	{ CRF_CONSUMER, { { "client.rack", "" }, { "group.instance.id", "" } }, NULL, NULL, false },
	{ CRF_CONSUMER, { { "fetch.max.bytes", "1000" } }, "kafka.fetch.max.bytes", "at least message.max.bytes", false },
	{ CRF_CONSUMER, { { "fetch.max.bytes", "2000000" }, { "receive.message.max.bytes", "2000000" } }, "kafka.receive.message.max.bytes", "512 more", false },
	{ CRF_CONSUMER, { { "reconnect.backoff.ms", "500" }, { "reconnect.backoff.max.ms", "100" } }, "kafka.reconnect.backoff.max.ms", "at least", false },
	{ CRF_PRODUCER, { { "linger.ms", "1000" }, { "delivery.timeout.ms", "1000" } }, "kafka.delivery.timeout.ms", "greater than linger.ms", false },
	{ CRF_PRODUCER, { { "linger.ms", "1000" }, { "message.timeout.ms", "0" } }, NULL, NULL, false },
	{ CRF_PRODUCER, { { "enable.idempotence", "true" } }, NULL, NULL, false },
	{ CRF_PRODUCER, { { "enable.idempotence", "true" }, { "acks", "all" } }, NULL, NULL, false },
	{ CRF_PRODUCER, { { "enable.idempotence", "true" }, { "acks", "1" } }, "kafka.acks", "must be all", false },
	{ CRF_PRODUCER, { { "enable.idempotence", "true" }, { "max.in.flight", "6" } }, "kafka.max.in.flight", "at most 5", false },
	{ CRF_PRODUCER, { { "enable.idempotence", "true" }, { "retries", "0" } }, "kafka.retries", "at least 1", false },
	{ CRF_PRODUCER, { { "enable.idempotence", "true" }, { "queuing.strategy", "lifo" } }, "kafka.queuing.strategy", "fifo", false },
	{ CRF_PRODUCER, { { "enable.gapless.guarantee", "true" } }, "kafka.enable.gapless.guarantee", "enable.idempotence", false },
	/* security */
	{ CRF_CONSUMER, { { "sasl.username", "me" }, { "sasl.password", "secret" } }, NULL, NULL, false },
	{ CRF_CONSUMER, { { "security.protocol", "SASL_SSL" }, { "sasl.mechanisms", "PLAIN" }, { "sasl.username", "me" }, { "sasl.password", "secret" } }, NULL, NULL, false },
	{ CRF_CONSUMER, { { "security.protocol", "sasl_ssl" }, { "sasl.mechanism", "PLAIN" }, { "sasl.username", "me" } }, "kafka.sasl.password", "must be set", false },
	{ CRF_CONSUMER, { { "security.protocol", "sasl_ssl" }, { "sasl.mechanism", "SCRAM-SHA-512" }, { "sasl.password", "x" } }, "kafka.sasl.username", "must be set", false },
	{ CRF_CONSUMER, { { "security.protocol", "sasl_ssl" }, { "sasl.mechanism", "PLAIN" }, { "sasl.username", "me" }, { "sasl.password", "" } }, "kafka.sasl.password", "must be set", false },
	{ CRF_PRODUCER, { { "ssl.keystore.location", "/etc/me.p12" }, { "ssl.keystore.password", "" } }, "kafka.ssl.keystore.password", "must be set", false },
	{ CRF_CONSUMER, { { "security.protocol", "sasl_ssl" }, { "sasl.mechanism", "PLAIN" }, { "sasl.username", " " }, { "sasl.password", "x" } }, "kafka.sasl.username", "must be set", true },
	{ CRF_PRODUCER, { { "ssl.keystore.location", "" } }, NULL, NULL, false },
	{ CRF_CONSUMER, { { "https.ca.location", "" }, { "https.ca.pem", "x" } }, NULL, NULL, false },
	{ CRF_CONSUMER, { { "security.protocol", "sasl_ssl" }, { "sasl.mechanism", "plain" }, { "sasl.password", "x" } }, "kafka.sasl.mechanism", "in capitals", false },
	{ CRF_CONSUMER, { { "security.protocol", "sasl_ssl" }, { "sasl.username", "me" }, { "sasl.password", "x" } }, "kafka.sasl.mechanisms", "must be set", false },
	{ CRF_CONSUMER, { { "security.protocol", "sasl_plaintext" }, { "sasl.mechanisms", "OAUTHBEARER" } }, "kafka.sasl.oauthbearer.method", "oidc", true },
	{ CRF_CONSUMER, { { "security.protocol", "sasl_plaintext" }, { "sasl.mechanisms", "OAUTHBEARER" }, { "enable.sasl.oauthbearer.unsecure.jwt", "true" } }, NULL, NULL, false },
	{ CRF_CONSUMER, { { "security.protocol", "sasl_plaintext" }, { "sasl.mechanisms", "OAUTHBEARER" }, { "sasl.oauthbearer.method", "oidc" }, { "sasl.oauthbearer.client.id", "x" }, { "sasl.oauthbearer.client.secret", "x" } }, "kafka.sasl.oauthbearer.token.endpoint.url", "must be set", false },
	{ CRF_CONSUMER, { { "ssl.keystore.location", "/nowhere" } }, "kafka.ssl.keystore.password", "must be set", false },
};

static void
fill(struct crf_kvs *l, const struct row *r, const char *origin)
{
	for (int i = 0; i < MOST && r->settings[i][0] != NULL; i++)
		crf_kvs_set(l, r->settings[i][0], r->settings[i][1], origin);
}

static void
check_row(const struct row *r)
{
	struct crf_problems found = { 0 };
	struct crf_kvs l = { 0 };

	fill(&l, r, "test");
	crf_conf_check(&l, r->kind, "kafka", &found);
	if (found.count != (r->path != NULL))
		fail_msg("%s=%s ...: %zu problems, the first: %s", r->settings[0][0], r->settings[0][1], found.count,
		    found.count > 0 ? found.items[0].text : "-");
	if (r->path != NULL) {
		assert_string_equal(found.items[0].path, r->path);
		if (strstr(found.items[0].text, r->text) == NULL)
			fail_msg("%s: %s", found.items[0].path, found.items[0].text);
	}
	crf_problems_fini(&found);
	crf_kvs_fini(&l);
}

static bool
is_too_new(const struct row *r)
{
	return strcmp(r->settings[0][0], "group.protocol") == 0 && crf_kafka_version_number() < CRF_KAFKA_2_12;
}

static void
each_mistake_is_a_problem_at_its_key(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < crf_array_len(rows); i++)
		if (!is_too_new(&rows[i]))
			check_row(&rows[i]);
}

/* What the check lets through librdkafka takes, and the other way round, but for what only carafe forbids. */
static void
librdkafka_agrees(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < crf_array_len(rows); i++) {
		const struct row *r = &rows[i];
		rd_kafka_conf_t *conf;
		rd_kafka_t *rk = NULL;
		struct crf_kvs l = { 0 };
		carafe_error err = { 0 };
		bool refused;

		if (is_too_new(r))
			continue;
		fill(&l, r, "test");
		conf = crf_native_conf(&l, r->kind, &err);
		refused = conf == NULL || crf_native_new(&rk, r->kind, conf, &err) != CARAFE_OK;
		if (refused != (r->path != NULL && !r->ours))
			fail_msg("%s=%s ...: librdkafka says %s", r->settings[0][0], r->settings[0][1],
			    refused ? err.text : "yes");
		if (rk != NULL)
			rd_kafka_destroy(rk);
		crf_kvs_fini(&l);
	}
}

static void
defaults_do_not_quarrel_with_the_new_protocol(void **unused)
{
	struct crf_problems found = { 0 };
	struct crf_kvs l = { 0 };
	carafe_error err = { 0 };
	rd_kafka_conf_t *conf;

	(void)unused;
	if (crf_kafka_version_number() < CRF_KAFKA_2_12)
		skip();
	crf_kvs_set(&l, "partition.assignment.strategy", "cooperative-sticky", "default");
	crf_kvs_set(&l, "group.protocol", "consumer", "test");
	crf_conf_check(&l, CRF_CONSUMER, "kafka", &found);
	assert_int_equal(found.count, 0);
	conf = crf_native_conf(&l, CRF_CONSUMER, &err);
	assert_non_null(conf);
	assert_true(crf_native_conf_is(conf, "partition.assignment.strategy", "range,roundrobin"));
	rd_kafka_conf_destroy(conf);
	crf_kvs_fini(&l);
	crf_problems_fini(&found);
}

static void
only_an_old_librdkafka_cannot_do_the_new_protocol(void **unused)
{
	struct crf_problems found = { 0 };
	struct crf_kvs l = { 0 };
	bool old = crf_kafka_version_number() < CRF_KAFKA_2_12;

	(void)unused;
	crf_kvs_set(&l, "group.protocol", "consumer", "test");
	crf_conf_check(&l, CRF_CONSUMER, "kafka", &found);
	assert_int_equal(found.count, old);
	if (old)
		assert_non_null(strstr(found.items[0].text, "2.12"));
	crf_kvs_fini(&l);
	crf_problems_fini(&found);
}

static carafe_rc
no_token(const char *config, carafe_token *token, carafe_error *err, void *arg)
{
	(void)config, (void)token, (void)err, (void)arg;
	return CARAFE_FAILED;
}

static void
tokens_come_from_one_place(void **unused)
{
	struct crf_tokens *tokens = crf_tokens_new(no_token, NULL);
	struct crf_problems found = { 0 };
	struct crf_kvs l = { .tokens = tokens };

	(void)unused;
	crf_kvs_set(&l, "security.protocol", "sasl_ssl", "test");
	crf_kvs_set(&l, "sasl.mechanisms", "OAUTHBEARER", "test");
	crf_conf_check(&l, CRF_CONSUMER, "kafka", &found);
	assert_int_equal(found.count, 0);
	crf_kvs_set(&l, "sasl.oauthbearer.method", "oidc", "test");
	crf_conf_check(&l, CRF_CONSUMER, "kafka", &found);
	assert_int_equal(found.count, 1);
	assert_string_equal(found.items[0].path, "kafka.sasl.oauthbearer.method");
	assert_non_null(strstr(found.items[0].text, "carafe_token_provider()"));
	crf_tokens_retire(tokens);
	crf_kvs_fini(&l);
	crf_problems_fini(&found);
}

/* Not even when it is refused. */
static void
secrets_are_never_shown(void **unused)
{
	struct crf_problems found = { 0 };
	struct crf_kvs l = { 0 };

	(void)unused;
	crf_kvs_set(&l, "sasl.password", "hunter2", "test");
	crf_kvs_set(&l, "sasl.oauthbearer.client.secret", "hunter2", "test");
	crf_kvs_set(&l, "security.protocol", "sasl_ssl", "test");
	crf_kvs_set(&l, "ssl.key.pem", "hunter2", "test");
	crf_kvs_set(&l, "ssl.keystore.location", "x", "test");
	crf_conf_check(&l, CRF_CONSUMER, "kafka", &found);
	for (size_t i = 0; i < found.count; i++)
		assert_null(strstr(found.items[i].text, "hunter2"));
	crf_kvs_fini(&l);
	crf_problems_fini(&found);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_and_their_aliases_are_known),
		cmocka_unit_test(slips_have_a_nearest_key),
		cmocka_unit_test(environment_names_find_their_key),
		cmocka_unit_test(tokens_come_from_one_place),
		cmocka_unit_test(secrets_are_secret),
		cmocka_unit_test(defaults_are_librdkafkas),
		cmocka_unit_test(one_list_feeds_both_kinds),
		cmocka_unit_test(features_are_what_is_built_in),
		cmocka_unit_test(each_mistake_is_a_problem_at_its_key),
		cmocka_unit_test(librdkafka_agrees),
		cmocka_unit_test(defaults_do_not_quarrel_with_the_new_protocol),
		cmocka_unit_test(only_an_old_librdkafka_cannot_do_the_new_protocol),
		cmocka_unit_test(secrets_are_never_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
