/* Where settings come from: code, files, the environment, the command line. */
#include "settings/settings.h"

#include <ctype.h>
#include <stdlib.h>
#include <unistd.h>

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
resolve(struct fixture *f)
{
	crf_settings_resolve(&f->s, &f->out);
}

static void
from_environment(struct fixture *f, const char *name, const char *value)
{
	CRF_AUTO_FREE char *entry = crf_format("%s=%s", name, value);
	char *const environ_[] = { "PATH=/bin", entry, NULL };

	crf_settings_from_environment(&f->s, environ_);
}

/* A file with that content; the name is good until the next one. */
static const char *
a_file(const char *content, size_t len)
{
	static char path[64];
	int fd;

	strcpy(path, "/tmp/carafe-settings-XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, content, len), (ssize_t)len);
	close(fd);
	return path;
}

static void
from_file(struct fixture *f, enum crf_layer layer, const char *content)
{
	const char *path = a_file(content, strlen(content));

	crf_settings_from_file_as(&f->s, layer, path);
	unlink(path);
}

static void
expect_root(const struct fixture *f, const char *path, const char *value, const char *origin)
{
	const struct crf_kv *kv = crf_kvs_find(&f->s.root, path);

	assert_non_null(kv);
	assert_string_equal(kv->value, value);
	if (strncmp(kv->origin, origin, strlen(origin)) != 0)
		assert_string_equal(kv->origin, origin);
}

static void
expect_kafka(const struct fixture *f, const char *key, const char *value, const char *origin)
{
	const struct crf_kv *kv = crf_kvs_find(&f->s.kafka, key);

	assert_non_null(kv);
	assert_string_equal(kv->value, value);
	assert_string_equal(kv->origin, origin);
}

/* ------------------------------------------------------------------------------------------------ precedence */

static void
nothing_set_is_all_defaults(void **unused)
{
	FIXTURE(f);

	(void)unused;
	resolve(&f);
	expect_count(&f.out, 0);
	for (size_t i = 0; crf_setting_at(i) != NULL; i++)
		expect_root(&f, crf_setting_at(i)->path, crf_setting_at(i)->fallback, "default");
	assert_int_equal(f.s.v.concurrency, 5);
	assert_int_equal(f.s.v.max_wait_time, 0);
	assert_string_equal(f.s.v.initial_offset, "earliest");
	assert_true(f.s.v.consumer_persistence);
	assert_string_equal(f.s.v.log_level, "info");
	assert_int_equal(f.s.kafka.count, 0);
	assert_int_equal(f.s.warning_count, 0);
}

static void
set_layers(struct fixture *f, int upto)
{
	crf_settings_from_code(&f->s, &(carafe_opts){ .size = sizeof(carafe_opts), .concurrency = 11,
	    .kafka = CARAFE_KV({ "fetch.min.bytes", "11" }) });
	if (upto >= 1)
		from_file(f, CRF_LAYER_CONFIG, "concurrency=12\nfetch.min.bytes=12\n");
	if (upto >= 2)
		from_environment(f, "CARAFE_CONCURRENCY", "13");
	if (upto >= 2)
		from_environment(f, "CARAFE_KAFKA_FETCH_MIN_BYTES", "13");
	if (upto >= 3)
		from_file(f, CRF_LAYER_FILE, "concurrency=14\nfetch.min.bytes=14\n");
	if (upto >= 4)
		assert_true(crf_settings_from_option(&f->s, "concurrency=15"));
	if (upto >= 4)
		assert_true(crf_settings_from_option(&f->s, "kafka.fetch.min.bytes=15"));
}

static void
stronger_layers_win(void **unused)
{
	static const char *const origins[] = { "code", "file ", "environment CARAFE_CONCURRENCY", "file ",
		"command line -X" };
	static const char *const values[] = { "11", "12", "13", "14", "15" };

	(void)unused;
	for (int i = 0; i < 5; i++) {
		FIXTURE(f);

		set_layers(&f, i);
		resolve(&f);
		expect_count(&f.out, 0);
		expect_root(&f, "concurrency", values[i], origins[i]);
		assert_int_equal(f.s.v.concurrency, 11 + i);
		assert_string_equal(crf_kvs_get(&f.s.kafka, "fetch.min.bytes"), values[i]);
		assert_int_equal(f.s.kafka.count, 1);
	}
}

static void
the_order_of_reading_is_not_the_order_of_layers(void **unused)
{
	FIXTURE(f);

	(void)unused;
	crf_settings_from_option(&f.s, "concurrency=4");
	from_environment(&f, "CARAFE_CONCURRENCY", "3");
	from_file(&f, CRF_LAYER_FILE, "concurrency = 2\n");
	crf_settings_from_code(&f.s, &(carafe_opts){ .size = sizeof(carafe_opts), .concurrency = 1 });
	resolve(&f);
	expect_root(&f, "concurrency", "4", "command line -X");
}

/* Whichever is read first. */
static void
files_of_the_command_line_win_over_the_environment(void **unused)
{
	FIXTURE(f);
	CRF_AUTO_FREE char *first = crf_strdup(a_file("concurrency=1\nmax_messages=1\nmax_wait_time=1\n", 45));
	CRF_AUTO_FREE char *second = crf_strdup(a_file("max_messages=2\n", 15));
	CRF_AUTO_FREE char *config = crf_strdup(a_file("max_messages=3\nmax_wait_time=3\ntick_interval=3000\n", 50));

	(void)unused;
	crf_settings_from_file(&f.s, first);
	crf_settings_from_file(&f.s, second);
	from_environment(&f, "CARAFE_CONFIG", config);
	from_environment(&f, "CARAFE_CONCURRENCY", "4");
	from_environment(&f, "CARAFE_TICK_INTERVAL", "4000");
	unlink(first);
	unlink(second);
	unlink(config);
	resolve(&f);
	expect_count(&f.out, 0);
	expect_root(&f, "concurrency", "1", "file ");
	expect_root(&f, "max_messages", "2", "file ");
	expect_root(&f, "max_wait_time", "1", "file ");
	expect_root(&f, "tick_interval", "4000", "environment CARAFE_TICK_INTERVAL");
}

static void
spellings_of_one_kafka_setting_override_each_other(void **unused)
{
	FIXTURE(f);

	(void)unused;
	crf_settings_from_code(&f.s, &(carafe_opts){ .size = sizeof(carafe_opts),
	    .kafka = CARAFE_KV({ "sasl.mechanisms", "PLAIN" }, { "metadata.broker.list", "a:1" }) });
	from_environment(&f, "CARAFE_KAFKA_SASL_MECHANISM", "SCRAM-SHA-256");
	crf_settings_from_option(&f.s, "bootstrap.servers=b:1");
	resolve(&f);
	assert_null(crf_kvs_find(&f.s.kafka, "sasl.mechanisms"));
	expect_kafka(&f, "sasl.mechanism", "SCRAM-SHA-256", "environment CARAFE_KAFKA_SASL_MECHANISM");
	expect_kafka(&f, "bootstrap.servers", "b:1", "command line -X");
	assert_int_equal(f.s.kafka.count, 2);
}

/* ------------------------------------------------------------------------------------------------ code */

static void
options_of_code_all_arrive(void **unused)
{
	FIXTURE(f);

	(void)unused;
	crf_settings_from_code(&f.s, &(carafe_opts){ .size = sizeof(carafe_opts), .client_id = "shop", .initial_offset = "latest",
	    .concurrency = 2, .max_messages = 3, .max_wait_time = 4, .shutdown_timeout = 5000,
	    .settings = CARAFE_KV({ "pause.timeout", "6" }, { "kafka.fetch.wait.max.ms", "7" }),
	    .kafka = CARAFE_KV({ "bootstrap.servers", "h:9092" }, { "kafka.fetch.min.bytes", "8" }) });
	resolve(&f);
	expect_count(&f.out, 0);
	expect_root(&f, "client_id", "shop", "code");
	expect_root(&f, "initial_offset", "latest", "code");
	assert_int_equal(f.s.v.concurrency, 2);
	assert_int_equal(f.s.v.max_messages, 3);
	assert_int_equal(f.s.v.max_wait_time, 4);
	assert_int_equal(f.s.v.shutdown_timeout, 5000);
	assert_int_equal(f.s.v.pause_timeout, 6);
	expect_kafka(&f, "fetch.wait.max.ms", "7", "code");
	expect_kafka(&f, "bootstrap.servers", "h:9092", "code");
	expect_kafka(&f, "fetch.min.bytes", "8", "code");
}

static void
what_code_may_not_say(void **unused)
{
	FIXTURE(f);

	(void)unused;
	crf_settings_from_code(&f.s, &(carafe_opts){ .size = sizeof(carafe_opts), .concurrency = 2, .max_messages = -1,
	    .settings = CARAFE_KV({ "concurrency", "3" }, { "pause.timout", "6" }, { "tick_interval", NULL },
		{ "boot_timeout", "1" }, { "boot_timeout", "2" }),
	    .kafka = CARAFE_KV({ "concurrency", "3" }, { "fetch.min.byte", "8" }, { "client.rack", NULL }) });
	resolve(&f);
	expect_problem(&f.out, "concurrency", "2 as an option of carafe_new and 3 in .settings");
	expect_problem(&f.out, "pause.timout", "did you mean pause.timeout?");
	expect_problem(&f.out, "tick_interval", "has no value");
	expect_problem(&f.out, "boot_timeout", "twice");
	expect_problem(&f.out, "kafka.concurrency", "is a setting of carafe, not of librdkafka");
	expect_problem(&f.out, "kafka.fetch.min.byte", "did you mean fetch.min.bytes?");
	expect_problem(&f.out, "kafka.client.rack", "has no value");
	expect_problem(&f.out, "max_messages", "-1 is out of bounds (code); 1 to 100000");
	expect_count(&f.out, 8);
}

static void
older_and_newer_programs(void **unused)
{
	struct {
		carafe_opts opts;
		long more;
	} newer = { .opts = { .size = sizeof(newer), .concurrency = 3 } };
	carafe_opts older = { .size = offsetof(carafe_opts, concurrency), .client_id = "old", .concurrency = 77 };
	FIXTURE(a);
	FIXTURE(b);
	FIXTURE(c);

	(void)unused;
	crf_settings_from_code(&a.s, &older);
	resolve(&a);
	expect_count(&a.out, 0);
	assert_string_equal(a.s.v.client_id, "old");
	assert_int_equal(a.s.v.concurrency, 5);
	crf_settings_from_code(&b.s, &newer.opts);
	resolve(&b);
	expect_count(&b.out, 0);
	assert_int_equal(b.s.v.concurrency, 3);
	newer.more = 1;
	crf_settings_from_code(&c.s, &newer.opts);
	resolve(&c);
	expect_problem(&c.out, "carafe_new", "only a newer carafe knows");
	assert_int_equal(c.s.v.concurrency, 3);
}

static void
sizes_that_are_none(void **unused)
{
	static const size_t sizes[] = { 0, 1, sizeof(size_t) - 1, 4097, SIZE_MAX };

	(void)unused;
	for (size_t i = 0; i < crf_array_len(sizes); i++) {
		FIXTURE(f);

		crf_settings_from_code(&f.s, &(carafe_opts){ .size = sizes[i], .concurrency = 3 });
		resolve(&f);
		expect_problem(&f.out, "carafe_new", "which cannot be");
		assert_int_equal(f.s.v.concurrency, 5);
	}
	FIXTURE(f);
	crf_settings_from_code(&f.s, NULL);
	resolve(&f);
	expect_count(&f.out, 0);
}

/* ------------------------------------------------------------------------------------------------ files */

static void
a_file_as_people_write_it(void **unused)
{
	FIXTURE(f);

	(void)unused;
	from_file(&f, CRF_LAYER_FILE,
	    "\xEF\xBB\xBF# the shop's\r\n\r\n  concurrency =  7 \r\n\t# indented\nclient_id=shop\n"
	    "kafka.bootstrap.servers=a:1,b:2\nsasl.password= with = and # inside \n\nmax_messages=1\nmax_messages=8");
	resolve(&f);
	expect_count(&f.out, 0);
	assert_int_equal(f.s.v.concurrency, 7);
	assert_string_equal(f.s.v.client_id, "shop");
	assert_int_equal(f.s.v.max_messages, 8);
	assert_string_equal(crf_kvs_get(&f.s.kafka, "bootstrap.servers"), "a:1,b:2");
	assert_string_equal(crf_kvs_get(&f.s.kafka, "sasl.password"), "with = and # inside");
	assert_non_null(strstr(crf_kvs_find(&f.s.root, "concurrency")->origin, ":3"));
	assert_non_null(strstr(crf_kvs_find(&f.s.root, "max_messages")->origin, ":10"));
}

static void
expect_problem_with(const struct crf_problems *l, const char *path_end, const char *fragment)
{
	for (size_t i = 0; i < l->count; i++) {
		const struct crf_problem *p = &l->items[i];

		if (strlen(p->path) >= strlen(path_end) && strcmp(p->path + strlen(p->path) - strlen(path_end), path_end) == 0 &&
		    strstr(p->text, fragment) != NULL)
			return;
	}
	print_problems(l);
	fail_msg("no problem at ...%s with \"%s\"", path_end, fragment);
}

static void
a_file_with_mistakes(void **unused)
{
	FIXTURE(f);
	static const char zero[] = "concurrency=1\0" "2\n";
	const char *path;

	(void)unused;
	from_file(&f, CRF_LAYER_FILE, "sasl.password hunter2\n= 3\nconcurency=3\nconcurrency=many\n=\n");
	path = a_file(zero, sizeof(zero) - 1);
	crf_settings_from_file_as(&f.s, CRF_LAYER_FILE, path);
	unlink(path);
	resolve(&f);
	expect_problem_with(&f.out, ":1", "has no '='");
	expect_problem_with(&f.out, ":2", "has no key");
	expect_problem_with(&f.out, ":5", "has no key");
	expect_problem(&f.out, "concurency", "did you mean concurrency? (file /tmp/carafe-settings-");
	expect_problem(&f.out, "concurrency", "\"many\" is not a whole number (file ");
	expect_problem_with(&f.out, ":1", "zero byte");
	expect_count(&f.out, 6);
	for (size_t i = 0; i < f.out.count; i++)
		assert_null(strstr(f.out.items[i].text, "hunter2"));
}

static void
files_that_cannot_be_read(void **unused)
{
	FIXTURE(f);

	(void)unused;
	crf_settings_from_file(&f.s, "/nonexistent/shop.conf");
	crf_settings_from_file(&f.s, "/tmp");
	from_environment(&f, "CARAFE_CONFIG", "/nonexistent/other.conf");
	from_environment(&f, "CARAFE_CONFIG", "");
	resolve(&f);
	expect_problem(&f.out, "CARAFE_CONFIG", "is empty");
	expect_problem(&f.out, "file /nonexistent/shop.conf", "cannot be read: No such file");
	expect_problem(&f.out, "file /tmp", "cannot be read: Is a directory");
	expect_problem(&f.out, "file /nonexistent/other.conf", "cannot be read");
	expect_count(&f.out, 4);
}

static void
the_environment_may_name_a_file(void **unused)
{
	FIXTURE(f);
	CRF_AUTO_FREE char *path = crf_strdup(a_file("concurrency=7\nmax_messages=7\n", 29));

	(void)unused;
	from_environment(&f, "CARAFE_CONCURRENCY", "8");
	from_environment(&f, "CARAFE_CONFIG", path);
	unlink(path);
	resolve(&f);
	expect_root(&f, "concurrency", "8", "environment");
	expect_root(&f, "max_messages", "7", "file ");
}

/* ------------------------------------------------------------------------------------------------ the environment */

static void
every_row_has_a_variable_of_its_own(void **unused)
{
	char names[64][64];
	size_t n = 0;

	(void)unused;
	for (; crf_setting_at(n) != NULL; n++) {
		FIXTURE(f);
		const struct crf_setting *t = crf_setting_at(n);
		const char *value = strcmp(t->type, "boolean") == 0 ? "false" : t->fallback;

		crf_setting_env(t, names[n], sizeof(names[n]));
		from_environment(&f, names[n], value);
		resolve(&f);
		expect_count(&f.out, 0);
		expect_root(&f, t->path, value, "environment CARAFE_");
		for (size_t i = 0; i < n; i++)
			assert_string_not_equal(names[n], names[i]);
		assert_int_not_equal(strncmp(names[n], "CARAFE_KAFKA_", 13), 0);
		assert_string_not_equal(names[n], "CARAFE_ENV");
		assert_string_not_equal(names[n], "CARAFE_CONFIG");
		assert_false(crf_conf_known(t->path));
	}
	assert_true(n > 15);
	assert_null(crf_setting_at(n));
	assert_null(crf_setting_at(SIZE_MAX));
}

static const struct {
	const char *name, *fragment;
} unknown_names[] = {
	{ "CARAFE_PAUSE_TIMOUT", "did you mean CARAFE_PAUSE_TIMEOUT?" },
	{ "CARAFE_pause_timeout", "did you mean CARAFE_PAUSE_TIMEOUT?" },
	{ "CARAFE_EVN", "did you mean CARAFE_ENV?" },
	{ "CARAFE_CONFIGS", "did you mean CARAFE_CONFIG?" },
	{ "CARAFE_BOOTSTRAP_SERVERS", "did you mean CARAFE_KAFKA_BOOTSTRAP_SERVERS?" },
	{ "CARAFE_KAFKA_BOOTSTRAP_SERVER", "did you mean CARAFE_KAFKA_BOOTSTRAP_SERVERS?" },
	{ "CARAFE_KAFKA_ZOOKEEPER_CONNECT", "is not a setting" },
	{ "CARAFE_KAFKA_", "is not a setting" },
	{ "CARAFE_", "is not a setting" },
	{ "CARAFE_QUITE_SOMETHING_ELSE", "is not a setting; names that start with CARAFE_" },
};

static void
unknown_variables_are_problems(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < crf_array_len(unknown_names); i++) {
		FIXTURE(f);

		from_environment(&f, unknown_names[i].name, "1");
		resolve(&f);
		expect_problem(&f.out, unknown_names[i].name, unknown_names[i].fragment);
		expect_count(&f.out, 1);
	}
}

static void
other_peoples_variables_are_not_looked_at(void **unused)
{
	char *const environ_[] = { "CARAFEX=1", "carafe_x=1", "CARAFE", "CARAFE_NOTHING", "KAFKA=x", "", NULL };
	FIXTURE(f);

	(void)unused;
	crf_settings_from_environment(&f.s, environ_);
	crf_settings_from_environment(&f.s, NULL);
	resolve(&f);
	expect_count(&f.out, 0);
}

static void
two_variables_for_one_setting(void **unused)
{
	char *const environ_[] = { "CARAFE_KAFKA_BOOTSTRAP_SERVERS=a:1", "CARAFE_KAFKA_METADATA_BROKER_LIST=b:1",
		"CARAFE_KAFKA_LINGER_MS=5", "CARAFE_KAFKA_QUEUE_BUFFERING_MAX_MS=5", NULL };
	FIXTURE(f);

	(void)unused;
	crf_settings_from_environment(&f.s, environ_);
	resolve(&f);
	expect_problem(&f.out, "CARAFE_KAFKA_METADATA_BROKER_LIST", "contradicts environment CARAFE_KAFKA_BOOTSTRAP_SERVERS");
	expect_count(&f.out, 1);
}

/* ------------------------------------------------------------------------------------------------ the command line */

static const struct {
	const char *option, *path, *fragment;
} bad_options[] = {
	{ "concurency=3", "concurency", "is not a setting of carafe or librdkafka; did you mean concurrency? (command line -X)" },
	{ "fetch.min.byts=3", "fetch.min.byts", "did you mean fetch.min.bytes?" },
	{ "kafka.concurrency=3", "kafka.concurrency", "is a setting of carafe" },
	{ "kafka.=3", "kafka.", "is not a setting of librdkafka" },
	{ "=3", "", "is not a setting" },
	{ "zookeeper.connect.string=3", "zookeeper.connect.string", "is not a setting of carafe or librdkafka (" },
	{ "pause.timeout=", "pause.timeout", "\"\" is not a whole number (command line -X); 1 to 86400000" },
	{ "fetch.min.bytes=x", "kafka.fetch.min.bytes", "" },
};

static void
options_with_mistakes(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < crf_array_len(bad_options); i++) {
		FIXTURE(f);

		assert_true(crf_settings_from_option(&f.s, bad_options[i].option));
		resolve(&f);
		expect_problem(&f.out, bad_options[i].path, bad_options[i].fragment);
		expect_count(&f.out, 1);
	}
	FIXTURE(f);
	assert_false(crf_settings_from_option(&f.s, "concurrency"));
	assert_false(crf_settings_from_option(&f.s, ""));
}

static void
values_may_have_equals_signs(void **unused)
{
	FIXTURE(f);

	(void)unused;
	crf_settings_from_option(&f.s, "sasl.jaas.config=x");
	crf_settings_from_option(&f.s, "sasl.password=a=b=");
	resolve(&f);
	assert_string_equal(crf_kvs_get(&f.s.kafka, "sasl.password"), "a=b=");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_set_is_all_defaults),
		cmocka_unit_test(stronger_layers_win),
		cmocka_unit_test(the_order_of_reading_is_not_the_order_of_layers),
		cmocka_unit_test(files_of_the_command_line_win_over_the_environment),
		cmocka_unit_test(spellings_of_one_kafka_setting_override_each_other),
		cmocka_unit_test(options_of_code_all_arrive),
		cmocka_unit_test(what_code_may_not_say),
		cmocka_unit_test(older_and_newer_programs),
		cmocka_unit_test(sizes_that_are_none),
		cmocka_unit_test(a_file_as_people_write_it),
		cmocka_unit_test(a_file_with_mistakes),
		cmocka_unit_test(files_that_cannot_be_read),
		cmocka_unit_test(the_environment_may_name_a_file),
		cmocka_unit_test(every_row_has_a_variable_of_its_own),
		cmocka_unit_test(unknown_variables_are_problems),
		cmocka_unit_test(other_peoples_variables_are_not_looked_at),
		cmocka_unit_test(two_variables_for_one_setting),
		cmocka_unit_test(options_with_mistakes),
		cmocka_unit_test(values_may_have_equals_signs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
