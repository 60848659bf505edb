/* What holds in the end: values and their bounds, rules across settings, environments, what carafe adds. */
#include "settings/settings.h"

#include "core/mem.h"
#include "expect.h"
#include "kafka/conf.h"

struct fixture {
	struct crf_settings s;
	struct crf_problems out;
};

static void
fixture_fini(struct fixture *f)
{
	crf_problems_fini(&f->out);
	crf_settings_fini(&f->s);
}
#define FIXTURE(name) __attribute__((cleanup(fixture_fini))) struct fixture name = { 0 }

static void
set(struct fixture *f, const char *option)
{
	assert_true(crf_settings_from_option(&f->s, option));
}

static void
resolve(struct fixture *f)
{
	crf_settings_resolve(&f->s, &f->out);
}

/* ------------------------------------------------------------------------------------------------ values */

static const struct {
	const char *option, *path, *fragment;
} bad_values[] = {
	{ "concurrency=0", "concurrency", "0 is out of bounds (command line -X); 1 to 4096 is allowed" },
	{ "concurrency=4097", "concurrency", "4097 is out of bounds" },
	{ "concurrency=9999999999999999999999", "concurrency", "is not a whole number" },
	{ "concurrency= 5", "concurrency", "is not a whole number" },
	{ "concurrency=5s", "concurrency", "is not a whole number" },
	{ "max_wait_time=-1", "max_wait_time", "0 to 3600000 is allowed" },
	{ "shutdown_timeout=4294967297000", "shutdown_timeout", "is out of bounds" },
	{ "consumer_persistence=maybe", "consumer_persistence", "\"maybe\" is neither true nor false (command line -X)" },
	{ "client_id=the shop", "client_id", "\"the shop\" is not allowed (command line -X); it must match ^" },
	{ "client_id=", "client_id", "is not allowed" },
	{ "group_id=a/b", "group_id", "is not allowed" },
	{ "initial_offset=newest", "initial_offset", "it must be one of earliest|latest" },
	{ "initial_offset=earl", "initial_offset", "is not allowed" },
	{ "initial_offset=earliest|latest", "initial_offset", "is not allowed" },
	{ "initial_offset=", "initial_offset", "is not allowed" },
	{ "log.level=trace", "log.level", "debug|info|warn|error" },
	{ "log.format=xml", "log.format", "text|json" },
	{ "liveness.host=1:2", "liveness.host", "\"1:2\" is no address (command line -X); such as 127.0.0.1 or ::1 is" },
	{ "liveness.host=999.1.1.1", "liveness.host", "\"999.1.1.1\" is no address" },
	{ "liveness.host=localhost", "liveness.host", "is not allowed" },
	{ "session.timeout.ms=many", "kafka.session.timeout.ms", "" },
	{ "acks=many", "kafka.acks", "" },
	{ "enable.auto.offset.store=true", "kafka.enable.auto.offset.store", "managed by carafe" },
};

static void
values_are_checked(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < crf_array_len(bad_values); i++) {
		FIXTURE(f);

		set(&f, bad_values[i].option);
		resolve(&f);
		expect_problem(&f.out, bad_values[i].path, bad_values[i].fragment);
		expect_count(&f.out, 1);
	}
}

static void
a_wrong_value_counts_as_its_default(void **unused)
{
	FIXTURE(f);

	(void)unused;
	set(&f, "concurrency=0");
	set(&f, "client_id=?");
	resolve(&f);
	assert_int_equal(f.s.v.concurrency, 5);
	assert_string_equal(f.s.v.client_id, "carafe");
	assert_string_equal(crf_kvs_find(&f.s.root, "concurrency")->value, "5");
}

static void
values_are_shown_in_one_spelling(void **unused)
{
	FIXTURE(f);

	(void)unused;
	set(&f, "concurrency=007");
	set(&f, "consumer_persistence=Off");
	set(&f, "strict_topics_namespacing=YES");
	resolve(&f);
	expect_count(&f.out, 0);
	assert_string_equal(crf_kvs_get(&f.s.root, "concurrency"), "7");
	assert_string_equal(crf_kvs_get(&f.s.root, "consumer_persistence"), "false");
	assert_string_equal(crf_kvs_get(&f.s.root, "strict_topics_namespacing"), "true");
	assert_string_equal(crf_kvs_find(&f.s.root, "concurrency")->origin, "command line -X");
	assert_false(f.s.v.consumer_persistence);
}

static void
bounds_themselves_are_allowed(void **unused)
{
	(void)unused;
	for (size_t i = 0; crf_setting_at(i) != NULL; i++) {
		const struct crf_setting *t = crf_setting_at(i);
		const long ends[] = { t->low, t->high };

		for (size_t j = 0; j < 2 && strcmp(t->type, "number") == 0; j++) {
			FIXTURE(f);
			CRF_AUTO_FREE char *option = crf_format("%s=%ld", t->path, ends[j]);

			set(&f, option);
			resolve(&f);
			for (size_t k = 0; k < f.out.count; k++)
				assert_null(strstr(f.out.items[k].text, "out of bounds"));
		}
	}
}

static void
all_mistakes_are_told_at_once(void **unused)
{
	FIXTURE(f);

	(void)unused;
	set(&f, "concurrency=0");
	set(&f, "concurency=1");
	set(&f, "log.level=loud");
	set(&f, "fetch.min.bytes=x");
	set(&f, "pause.timeout=50000");
	crf_settings_from_file(&f.s, "/nonexistent");
	resolve(&f);
	expect_problem(&f.out, "concurrency", "out of bounds");
	expect_problem(&f.out, "concurency", "did you mean");
	expect_problem(&f.out, "log.level", "loud");
	expect_problem(&f.out, "kafka.fetch.min.bytes", "");
	expect_problem(&f.out, "pause.timeout", "at most pause.max_timeout");
	expect_problem(&f.out, "file /nonexistent", "cannot be read");
	expect_count(&f.out, 6);
}

/* ------------------------------------------------------------------------------------------------ across */

static const struct {
	const char *options[3];
	const char *path, *fragment; /* NULL: nothing is wrong */
} across[] = {
	{ { "pause.timeout=30000" }, NULL, NULL },
	{ { "pause.timeout=30001" }, "pause.timeout", "30001 (command line -X) must be at most pause.max_timeout, which is 30000 (default)" },
	{ { "pause.max_timeout=999" }, "pause.timeout", "1000 (default) must be at most pause.max_timeout, which is 999" },
	{ { "pause.max_timeout=999", "pause.timeout=999" }, NULL, NULL },
	{ { "max_wait_time=60000" }, "max_wait_time", "must be less than shutdown_timeout, which is 60000 (default)" },
	{ { "max_wait_time=59999" }, NULL, NULL },
	{ { "shutdown_timeout=1000" }, NULL, NULL },
	{ { "shutdown_timeout=1000", "drain_timeout=1000" }, NULL, NULL },
	{ { "shutdown_timeout=1000", "drain_timeout=1001" }, "drain_timeout", "must be at most shutdown_timeout, which is 1000" },
	{ { "drain_timeout=60001" }, "drain_timeout", "must be at most shutdown_timeout, which is 60000 (default)" },
	/* a default in place of a wrong value contradicts nothing */
	{ { "pause.timeout=x", "pause.max_timeout=10" }, "pause.timeout", "is not a whole number" },
};

static void
rules_across_settings(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < crf_array_len(across); i++) {
		FIXTURE(f);

		for (size_t j = 0; across[i].options[j] != NULL; j++)
			set(&f, across[i].options[j]);
		resolve(&f);
		if (across[i].path != NULL)
			expect_problem(&f.out, across[i].path, across[i].fragment);
		expect_count(&f.out, across[i].path != NULL);
	}
}

static void
drain_timeout_follows_shutdown_timeout_down(void **unused)
{
	FIXTURE(f);

	(void)unused;
	set(&f, "shutdown_timeout=2000");
	resolve(&f);
	assert_int_equal(f.s.v.drain_timeout, 2000);
	assert_string_equal(crf_kvs_find(&f.s.root, "drain_timeout")->value, "2000");
	assert_string_equal(crf_kvs_find(&f.s.root, "drain_timeout")->origin, "default (shutdown_timeout)");
}

/* Routes may add what the app's list lacks. */
static void
an_incomplete_kafka_list_is_no_mistake_yet(void **unused)
{
	FIXTURE(f);

	(void)unused;
	set(&f, "security.protocol=sasl_ssl");
	set(&f, "sasl.mechanisms=PLAIN");
	set(&f, "session.timeout.ms=400000");
	resolve(&f);
	expect_count(&f.out, 0);
}

static void
secrets_are_not_told(void **unused)
{
	FIXTURE(f);

	(void)unused;
	set(&f, "ssl.key.password=hunter2");
	set(&f, "ssl.key.pem=hunter2");
	set(&f, "sasl.password=hunter2");
	set(&f, "kafka.sasl.passwrod=hunter2");
	resolve(&f);
	assert_true(f.out.count > 0);
	for (size_t i = 0; i < f.out.count; i++)
		assert_null(strstr(f.out.items[i].text, "hunter2"));
}

/* ------------------------------------------------------------------------------------------------ environments */

static const struct {
	const char *given; /* NULL: not set */
	enum crf_env env;
	const char *warning; /* NULL none */
	const char *log_level;
} environments[] = {
	{ NULL, CRF_DEVELOPMENT, NULL, "info" },
	{ "development", CRF_DEVELOPMENT, NULL, "info" },
	{ "test", CRF_TEST, NULL, "warn" },
	{ "staging", CRF_STAGING, NULL, "info" },
	{ "production", CRF_PRODUCTION, NULL, "info" },
	{ "prodution", CRF_PRODUCTION, "did you mean production?", "info" },
	{ "Production", CRF_PRODUCTION, "did you mean production?", "info" },
	{ "prod", CRF_PRODUCTION, "did you mean production?", "info" },
	{ "dev", CRF_PRODUCTION, "did you mean development?", "info" },
	{ "stage", CRF_PRODUCTION, "did you mean staging?", "info" },
	{ "testing", CRF_PRODUCTION, "did you mean test?", "info" },
	{ "qa", CRF_PRODUCTION, "CARAFE_ENV=qa is not a known environment", "info" },
	{ "", CRF_PRODUCTION, "CARAFE_ENV= is not a known environment", "info" },
};

static void
set_env(struct fixture *f, const char *name)
{
	CRF_AUTO_FREE char *entry = crf_format("CARAFE_ENV=%s", name ? name : "");
	char *const environ_[] = { entry, NULL };

	if (name != NULL)
		crf_settings_from_environment(&f->s, environ_);
}

static void
environments_and_what_is_none(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < crf_array_len(environments); i++) {
		FIXTURE(f);
		const char *warning = environments[i].warning;

		set_env(&f, environments[i].given);
		resolve(&f);
		expect_count(&f.out, 0);
		assert_int_equal(f.s.env, environments[i].env);
		assert_string_equal(f.s.env_name, environments[i].given ? environments[i].given : "development");
		assert_string_equal(f.s.v.log_level, environments[i].log_level);
		assert_int_equal(f.s.warning_count, warning != NULL);
		if (warning != NULL && strstr(f.s.warnings[0], warning) == NULL)
			assert_string_equal(f.s.warnings[0], warning);
		if (warning != NULL)
			assert_non_null(strstr(f.s.warnings[0], "counts as production"));
	}
}

static void
a_default_of_the_environment_says_so(void **unused)
{
	FIXTURE(f);
	FIXTURE(g);

	(void)unused;
	set_env(&f, "test");
	resolve(&f);
	assert_string_equal(crf_kvs_find(&f.s.root, "log.level")->origin, "default (test)");
	set_env(&g, "test");
	set(&g, "log.level=debug");
	resolve(&g);
	assert_string_equal(g.s.v.log_level, "debug");
}

static void
staging_counts_as_production(void **unused)
{
	(void)unused;
	assert_true(crf_env_is_production(CRF_STAGING));
	assert_true(crf_env_is_production(CRF_PRODUCTION));
	assert_false(crf_env_is_production(CRF_DEVELOPMENT));
	assert_false(crf_env_is_production(CRF_TEST));
	assert_string_equal(crf_env_name(CRF_STAGING), "staging");
}

/* ------------------------------------------------------------------------------------------------ what carafe adds */

static void
expect(const struct crf_kvs *l, const char *key, const char *value, const char *origin)
{
	const struct crf_kv *kv = crf_kvs_find(l, key);

	if (value == NULL) {
		assert_null(kv);
		return;
	}
	assert_non_null(kv);
	assert_string_equal(kv->value, value);
	assert_string_equal(kv->origin, origin);
}

static const struct {
	const char *env, *creates, *origin, *refresh;
} injected[] = {
	{ "development", "true", "carafe (development)", "5000" },
	{ "test", "false", "carafe (test)", "5000" },
	{ "staging", "false", "carafe (staging)", NULL },
	{ "production", "false", "carafe (production)", NULL },
};

static void
every_environment_adds_its_own(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < crf_array_len(injected); i++) {
		FIXTURE(f);
		CRF_AUTO(crf_kvs) consumer = { 0 }, producer = { 0 };
		CRF_AUTO(crf_problems) found = { 0 };

		set_env(&f, injected[i].env);
		resolve(&f);
		crf_settings_inject_consumer(&f.s, &consumer);
		crf_settings_inject_producer(&f.s, &producer);
		expect(&consumer, "allow.auto.create.topics", injected[i].creates, injected[i].origin);
		expect(&producer, "allow.auto.create.topics", injected[i].creates, injected[i].origin);
		expect(&consumer, "topic.metadata.refresh.interval.ms", injected[i].refresh, injected[i].origin);
		expect(&producer, "topic.metadata.refresh.interval.ms", injected[i].refresh, injected[i].origin);
		expect(&consumer, "statistics.interval.ms", "5000", "carafe");
		expect(&consumer, "max.poll.interval.ms", "300000", "carafe");
		expect(&consumer, "auto.commit.interval.ms", "5000", "carafe");
		expect(&consumer, "socket.nagle.disable", "true", "carafe");
		expect(&consumer, "fetch.queue.backoff.ms", "10", "carafe");
		expect(&consumer, "partition.assignment.strategy", "cooperative-sticky", "carafe");
		expect(&consumer, "message.timeout.ms", NULL, NULL);
		expect(&consumer, "client.id", "carafe", "client_id: default");
		expect(&producer, "message.timeout.ms", "150000", "carafe");
		expect(&producer, "socket.nagle.disable", "true", "carafe");
		expect(&producer, "client.id", "carafe", "client_id: default");
		crf_conf_check(&consumer, CRF_CONSUMER, "kafka", &found);
		crf_conf_check(&producer, CRF_PRODUCER, "kafka", &found);
		expect_count(&found, 0);
	}
	assert_true(crf_conf_concerns("allow.auto.create.topics", CRF_PRODUCER));
	assert_true(crf_conf_concerns("allow.auto.create.topics", CRF_CONSUMER));
}

static void
what_is_said_stays(void **unused)
{
	FIXTURE(f);
	CRF_AUTO(crf_kvs) consumer = { 0 }, producer = { 0 };

	(void)unused;
	set(&f, "client_id=shop");
	resolve(&f);
	crf_kvs_set(&consumer, "fetch.queue.backoff.ms", "1000", "code");
	crf_kvs_set(&consumer, "client.id", "mine", "code");
	crf_kvs_set(&consumer, "allow.auto.create.topics", "false", "code");
	crf_kvs_set(&producer, "delivery.timeout.ms", "1000", "code");
	crf_settings_inject_consumer(&f.s, &consumer);
	crf_settings_inject_producer(&f.s, &producer);
	expect(&consumer, "fetch.queue.backoff.ms", "1000", "code");
	expect(&consumer, "client.id", "mine", "code");
	expect(&consumer, "allow.auto.create.topics", "false", "code");
	expect(&producer, "message.timeout.ms", NULL, NULL);
	expect(&producer, "delivery.timeout.ms", "1000", "code");
	expect(&producer, "client.id", "shop", "client_id: command line -X");
}

static void
brokers_assign_under_kip_848(void **unused)
{
	FIXTURE(f);
	CRF_AUTO(crf_kvs) kafka = { 0 };

	(void)unused;
	resolve(&f);
	crf_kvs_set(&kafka, "group.protocol", "CONSUMER", "code");
	crf_settings_inject_consumer(&f.s, &kafka);
	expect(&kafka, "partition.assignment.strategy", NULL, NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_checked),
		cmocka_unit_test(a_wrong_value_counts_as_its_default),
		cmocka_unit_test(values_are_shown_in_one_spelling),
		cmocka_unit_test(bounds_themselves_are_allowed),
		cmocka_unit_test(all_mistakes_are_told_at_once),
		cmocka_unit_test(rules_across_settings),
		cmocka_unit_test(drain_timeout_follows_shutdown_timeout_down),
		cmocka_unit_test(an_incomplete_kafka_list_is_no_mistake_yet),
		cmocka_unit_test(secrets_are_not_told),
		cmocka_unit_test(environments_and_what_is_none),
		cmocka_unit_test(a_default_of_the_environment_says_so),
		cmocka_unit_test(staging_counts_as_production),
		cmocka_unit_test(every_environment_adds_its_own),
		cmocka_unit_test(what_is_said_stays),
		cmocka_unit_test(brokers_assign_under_kip_848),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
