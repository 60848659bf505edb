/* What is wrong with a routing: each mistake is told, at its place, with the others. */
#include "fixture.h"

#define LONGEST "a123456789b123456789c123456789d123456789e123456789f123456789g123456789h123456789i123456789j123456789"                          \
	"a123456789b123456789c123456789d123456789e123456789f123456789g123456789h123456789i123456789j123456789"           \
	"a123456789b123456789c123456789d123456789e12345678"

static const carafe_handler both = { .message = ignore, .consume = ignore_batch };
static const carafe_handler neither = { .revoked = ignore_hook };
static const carafe_handler sees_end = { .message = ignore, .eofed = ignore_hook };

/* ------------------------------------------------------------------------------------------------ names */

static const struct {
	const char *topic, *path, *fragment; /* no path: nothing is wrong */
} topic_names[] = {
	{ "orders", NULL, NULL },
	{ "orders-2024.eu", NULL, NULL },
	{ LONGEST, NULL, NULL },
	{ "_orders", NULL, NULL },
	{ "", "groups.g.", "is empty" },
	{ "or ders", "groups.g.or ders", "has characters that Kafka does not allow" },
	{ "orders\n", "groups.g.orders\n", "has characters that Kafka does not allow" },
	{ "b\xC3\xA9", "groups.g.b\xC3\xA9", "has characters that Kafka does not allow" },
	{ LONGEST "x", "groups.g." LONGEST "x", "longer than 249 bytes" },
	{ ".", "groups.g..", "does not allow" },
	{ "..", "groups.g...", "does not allow" },
	{ "...", NULL, NULL },
	{ "^orders\\..*", "groups.g.^orders\\..*", "is a pattern" },
	{ "or.de_rs", "groups.g.or.de_rs", "has both '.' and '_'" },
	{ NULL, "groups.g.?", "a route without a topic" },
};

static void
names_of_topics(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < crf_array_len(topic_names); i++) {
		FIXTURE(f);

		draw(&f, "g", topic_names[i].topic, .handler = &by_message);
		compile(&f);
		if (topic_names[i].path != NULL)
			expect_problem(&f.out, topic_names[i].path, topic_names[i].fragment);
		expect_count(&f.out, topic_names[i].path != NULL);
	}
	assert_null(crf_topic_name_problem("orders.dead"));
	assert_non_null(crf_topic_name_problem(""));
	assert_non_null(crf_topic_name_problem("a/b"));
}

static const struct {
	const char *group, *path; /* no path: nothing is wrong */
} group_names[] = {
	{ NULL, NULL },
	{ "billing", NULL },
	{ "a.b_c-d", NULL },
	{ "", "groups." },
	{ "a b", "groups.a b" },
	{ "gr\xC3\xBCn", "groups.gr\xC3\xBCn" },
};

static void
names_of_groups(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < crf_array_len(group_names); i++) {
		FIXTURE(f);

		draw(&f, group_names[i].group, "orders", .handler = &by_message);
		compile(&f);
		if (group_names[i].path != NULL)
			expect_problem(&f.out, group_names[i].path, "is no name for a group");
		expect_count(&f.out, group_names[i].path != NULL);
	}
}

static void
namespaces_may_be_mixed_when_told(void **unused)
{
	FIXTURE(f);

	(void)unused;
	set(&f, "strict_topics_namespacing=false");
	draw(&f, "g", "or.de_rs", .handler = &by_message);
	draw(&f, "g", "a.b", .handler = &by_message);
	draw(&f, "g", "a_b", .handler = &by_message);
	compile(&f);
	expect_count(&f.out, 0);
}

static void
names_that_collide_in_a_group(void **unused)
{
	FIXTURE(f);

	(void)unused;
	draw(&f, "g", "a.b.c", .handler = &by_message);
	draw(&f, "h", "a_b_c", .handler = &by_message); /* another group's metrics are others */
	draw(&f, "g", "a-b-c", .handler = &by_message);
	draw(&f, "g", "a_b_c", .handler = &by_message);
	compile(&f);
	expect_problem(&f.out, "groups.g.a_b_c", "and a.b.c differ only in '.' and '_'");
	expect_count(&f.out, 1);
}

/* ------------------------------------------------------------------------------------------------ one route */

static const struct {
	carafe_route_opts opts;
	const char *path, *fragment;
} bad_options[] = {
	{ { 0 }, "groups.g.t.handler", "is missing" },
	{ { .handler = &both }, "groups.g.t.handler", "has both consume and message" },
	{ { .handler = &neither }, "groups.g.t.handler", "has neither consume nor message" },
	{ { .handler = &both, .inactive = 1 }, "groups.g.t.handler", "has both consume and message" },
	{ { .handler = &sees_end }, "groups.g.t.handler.eofed", "set enable.partition.eof=true" },
	{ { .handler = &by_message, .max_messages = -1 }, "groups.g.t.max_messages", "-1 is out of bounds; 1 to 100000" },
	{ { .handler = &by_message, .max_messages = 100001 }, "groups.g.t.max_messages", "100001 is out of bounds" },
	{ { .handler = &by_message, .max_wait_time = -2 }, "groups.g.t.max_wait_time", "-2 is out of bounds" },
	{ { .handler = &by_message, .max_wait_time = 3600001 }, "groups.g.t.max_wait_time", "out of bounds" },
	{ { .handler = &by_message, .max_wait_time = 60000 }, "groups.g.t.max_wait_time", "less than shutdown_timeout, which is 60000" },
	{ { .handler = &by_message, .initial_offset = "newest" }, "groups.g.t.initial_offset", "earliest or latest" },
	{ { .handler = &by_message, .initial_offset = "" }, "groups.g.t.initial_offset", "\"\" is not allowed" },
	{ { .handler = &by_message, .connection = "" }, "groups.g.t.connection", "is no name" },
	{ { .handler = &by_message, .connection = "a b" }, "groups.g.t.connection", "is no name" },
	{ { .handler = &by_message, .connection = "12" }, "groups.g.t.connection", "is only a number" },
	{ { .handler = &by_message, .kafka_mode = (carafe_kafka_mode)7 }, "groups.g.t.kafka_mode", "is 7;" },
	{ { .handler = &by_message, .marking = (carafe_marking)-3 }, "groups.g.t.marking", "is -3;" },
	{ { .handler = &by_message, .inactive = 2 }, "groups.g.t.inactive", "is 2;" },
	{ { .handler = &by_message, .long_running = 2 }, "groups.g.t.long_running", "2" },
	{ { .handler = &by_message, .handler_size = 1 }, "groups.g.t.handler_size", "is 1, which cannot be" },
	{ { .handler = &by_message, .handler_size = sizeof(carafe_handler) + 1 }, "groups.g.t.handler_size", "cannot be" },
	{ { .handler = &by_message, .handler_size = 1 << 20 }, "groups.g.t.handler_size", "cannot be" },
	{ { .handler = &by_message, .size = 3 }, "groups.g.t", "the options' size is 3, which cannot be" },
	{ { .handler = &by_message, .kafka_mode = CARAFE_KAFKA_REPLACE }, "groups.g.t.kafka_mode", "there is no .kafka" },
};

static void
options_of_a_route(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < crf_array_len(bad_options); i++) {
		FIXTURE(f);
		carafe_route_opts opts = bad_options[i].opts;

		opts.size = opts.size != 0 ? opts.size : sizeof(opts);
		opts.handler_size = opts.handler_size != 0 ? opts.handler_size : sizeof(carafe_handler);
		carafe_route_(group(&f, "g"), "t", &opts);
		compile(&f);
		expect_problem(&f.out, bad_options[i].path, bad_options[i].fragment);
		if (strstr(bad_options[i].fragment, "there is no .kafka") == NULL && opts.size != 3)
			expect_count(&f.out, 1);
	}
}

static void
options_of_the_defaults(void **unused)
{
	FIXTURE(f);

	(void)unused;
	draw_defaults(&f, .handler = &both, .max_messages = -5, .max_wait_time = -5, .initial_offset = "x", .connection = "7",
	    .inactive = -2, .marking = (carafe_marking)9, .kafka = CARAFE_KV({ "fetch.min.bytes", "1" }));
	draw_defaults(&f, .max_messages = 1);
	draw(&f, "g", "t", .handler = &by_message, .max_messages = 1, .max_wait_time = 1);
	compile(&f);
	expect_problem(&f.out, "defaults", "are drawn twice");
	expect_problem(&f.out, "defaults.handler", "has both");
	expect_problem(&f.out, "defaults.max_messages", "-5 is out of bounds");
	expect_problem(&f.out, "defaults.max_wait_time", "-5 is out of bounds");
	expect_problem(&f.out, "defaults.initial_offset", "earliest or latest");
	expect_problem(&f.out, "defaults.connection", "only a number");
	expect_problem(&f.out, "defaults.inactive", "is -2");
	expect_problem(&f.out, "defaults.marking", "is 9");
	expect_problem(&f.out, "defaults.kafka_mode", "must be said");
	expect_count(&f.out, 9);
}

/* ------------------------------------------------------------------------------------------------ kafka */

#define T "groups.g.t."

static const struct {
	carafe_kv kafka[4];
	carafe_kafka_mode mode;
	const char *path, *fragment;
} bad_kafka[] = {
	{ { { "fetch.min.bytes", "1" } }, CARAFE_KAFKA_UNSAID, T "kafka_mode", "must be said" },
	{ { { "fetch.min.byts", "1" } }, CARAFE_KAFKA_INHERIT, T "kafka.fetch.min.byts", "did you mean fetch.min.bytes?" },
	{ { { "fetch.min.bytes", "x" } }, CARAFE_KAFKA_INHERIT, T "kafka.fetch.min.bytes", "" },
	{ { { "fetch.min.bytes", NULL } }, CARAFE_KAFKA_INHERIT, T "kafka.fetch.min.bytes", "has no value" },
	{ { { "fetch.min.bytes", "1" }, { "fetch.min.bytes", "2" } }, CARAFE_KAFKA_INHERIT, T "kafka.fetch.min.bytes", "twice" },
	{ { { "enable.auto.offset.store", "true" } }, CARAFE_KAFKA_INHERIT, T "kafka.enable.auto.offset.store", "managed by carafe" },
	{ { { "group.id", "other" } }, CARAFE_KAFKA_INHERIT, T "kafka.group.id", "name the group in carafe_group" },
	{ { { "fetch.min.bytes", "1" } }, CARAFE_KAFKA_REPLACE, T "kafka.bootstrap.servers", "with CARAFE_KAFKA_REPLACE the list must" },
	{ { { "group.protocol", "consumer" }, { "session.timeout.ms", "6000" } }, CARAFE_KAFKA_INHERIT, T "kafka.session.timeout.ms",
	    "does not go with group.protocol=consumer" },
	{ { { "session.timeout.ms", "400000" } }, CARAFE_KAFKA_INHERIT, T "kafka.max.poll.interval.ms",
	    "must be at least session.timeout.ms" },
	{ { { "security.protocol", "sasl_plaintext" }, { "sasl.mechanisms", "PLAIN" }, { "sasl.username", "u" } },
	    CARAFE_KAFKA_INHERIT, T "kafka.sasl.password", "must be set" },
	{ { { "auto.offset.reset", "latest" }, { "group.instance.id", "a b" } }, CARAFE_KAFKA_INHERIT, T "kafka.group.instance.id",
	    "has characters that Kafka does not allow" },
};

static void
kafka_settings_of_a_route(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < crf_array_len(bad_kafka); i++) {
		FIXTURE(f);

		draw(&f, "g", "t", .handler = &by_message, .kafka = bad_kafka[i].kafka, .kafka_mode = bad_kafka[i].mode);
		compile(&f);
		expect_problem(&f.out, bad_kafka[i].path, bad_kafka[i].fragment);
		if (!has_problem(&f.out, T "kafka.group.protocol", "")) /* a librdkafka that is too old for it */
			expect_count(&f.out, 1);
	}
}

/* Once, where it was said, however many routes it reaches. */
static void
mistakes_of_the_app_are_told_once(void **unused)
{
	FIXTURE(f);

	(void)unused;
	set(&f, "fetch.min.bytes=x");
	set(&f, "group.id=mine");
	draw_defaults(&f, .kafka = CARAFE_KV({ "fetch.wait.max.ms", "x" }), .kafka_mode = CARAFE_KAFKA_INHERIT);
	draw(&f, "g", "t", .handler = &by_message);
	draw(&f, "g", "u", .handler = &by_message, .kafka = CARAFE_KV({ "client.rack", "a" }), .kafka_mode = CARAFE_KAFKA_INHERIT);
	draw(&f, "h", "u", .handler = &by_message);
	compile(&f);
	expect_problem(&f.out, "kafka.fetch.min.bytes", "");
	expect_problem(&f.out, "kafka.group.id", "managed by carafe");
	expect_problem(&f.out, "defaults.kafka.fetch.wait.max.ms", "");
	expect_count(&f.out, 3);
}

static void
no_broker_is_named(void **unused)
{
	__attribute__((cleanup(fixture_fini))) struct fixture f = { 0 };

	(void)unused;
	crf_settings_init(&f.s);
	crf_tree_init(&f.t);
	draw(&f, "g", "t", .handler = &by_message);
	draw(&f, "h", "t", .handler = &by_message);
	compile(&f);
	expect_problem(&f.out, "kafka.bootstrap.servers", "CARAFE_KAFKA_BOOTSTRAP_SERVERS, or with -X bootstrap.servers=");
	expect_count(&f.out, 1);
}

static void
the_aliased_name_of_the_brokers_will_do(void **unused)
{
	__attribute__((cleanup(fixture_fini))) struct fixture f = { 0 };

	(void)unused;
	crf_settings_init(&f.s);
	crf_tree_init(&f.t);
	set(&f, "metadata.broker.list=a:1");
	draw(&f, "g", "t", .handler = &by_message);
	draw(&f, "g", "u", .handler = &by_message, .kafka = CARAFE_KV({ "metadata.broker.list", "b:1" }),
	    .kafka_mode = CARAFE_KAFKA_REPLACE);
	compile(&f);
	expect_count(&f.out, 0);
	expect_kafka(&f, "g", "t", "bootstrap.servers", "a:1");
	expect_kafka(&f, "g", "u", "bootstrap.servers", "b:1");
}

/* ------------------------------------------------------------------------------------------------ side by side */

static void
a_group_consumes_a_topic_once(void **unused)
{
	FIXTURE(f);

	(void)unused;
	draw(&f, "g", "t", .handler = &by_message);
	draw(&f, "g", "t", .handler = &by_message);
	draw(&f, "g", "t", .handler = &by_message);
	draw(&f, "h", "t", .handler = &by_message);
	draw(&f, "g", "u", .handler = &by_message);
	draw(&f, "g", "u", .handler = &by_batch);
	compile(&f);
	expect_problem(&f.out, "groups.g.t", "is drawn twice in group g");
	expect_problem(&f.out, "groups.g.u", "has two handlers in group g");
	expect_count(&f.out, 2);
	assert_int_equal(f.routing.connections[0].drawn_count, 2);
}

static void
groups_without_routes(void **unused)
{
	FIXTURE(f);
	FIXTURE(g);

	(void)unused;
	group(&f, "empty");
	group(&f, NULL);
	draw(&f, "g", "t", .handler = &by_message);
	compile(&f);
	expect_problem(&f.out, "groups.empty", "has no routes");
	expect_problem(&f.out, "groups.app", "has no routes");
	expect_count(&f.out, 2);
	compile(&g);
	expect_problem(&g.out, "groups", "nothing is routed");
	expect_count(&g.out, 1);
	assert_int_equal(g.routing.count, 0);
}

static void
a_feature_is_drawn_once(void **unused)
{
	static const int feature, other;
	FIXTURE(f);
	int opts = 5;
	carafe_route *r = draw(&f, "g", "t", .handler = &by_message);

	(void)unused;
	crf_route_set_option(r, &feature, "throttle", &opts, sizeof(opts));
	opts = 6;
	crf_route_set_option(r, &feature, "throttle", &opts, sizeof(opts));
	compile(&f);
	expect_problem(&f.out, "groups.g.t.throttle", "is drawn twice");
	expect_count(&f.out, 1);
	assert_int_equal(*(const int *)crf_route_option(r, &feature), 5);
	assert_null(crf_route_option(r, &other));
}

static void
all_mistakes_are_told_at_once(void **unused)
{
	FIXTURE(f);

	(void)unused;
	set(&f, "concurrency=0");
	set(&f, "max_mesages=5");
	draw(&f, "billing", "or ders", .max_messages = -1);
	draw(&f, "billing", "a.b_c", .handler = &both, .initial_offset = "middle",
	    .kafka = CARAFE_KV({ "fetch.min.bytes", "many" }, { "fetch.mim.bytes", "1" }));
	draw(&f, "shipping", "t", .handler = &sees_end, .connection = "?");
	group(&f, "idle");
	compile(&f);
	expect_problem(&f.out, "concurrency", "out of bounds");
	expect_problem(&f.out, "max_mesages", "did you mean max_messages?");
	expect_problem(&f.out, "groups.billing.or ders", "has characters");
	expect_problem(&f.out, "groups.billing.or ders.max_messages", "out of bounds");
	expect_problem(&f.out, "groups.billing.or ders.handler", "is missing");
	expect_problem(&f.out, "groups.billing.a.b_c", "has both '.' and '_'");
	expect_problem(&f.out, "groups.billing.a.b_c.handler", "has both");
	expect_problem(&f.out, "groups.billing.a.b_c.initial_offset", "middle");
	expect_problem(&f.out, "groups.billing.a.b_c.kafka_mode", "must be said");
	expect_problem(&f.out, "groups.billing.a.b_c.kafka.fetch.min.bytes", "");
	expect_problem(&f.out, "groups.billing.a.b_c.kafka.fetch.mim.bytes", "did you mean");
	expect_problem(&f.out, "groups.shipping.t.handler.eofed", "never run");
	expect_problem(&f.out, "groups.shipping.t.connection", "is no name");
	expect_problem(&f.out, "groups.idle", "has no routes");
	expect_count(&f.out, 14);
}

static void
ends_that_are_seen(void **unused)
{
	FIXTURE(f);

	(void)unused;
	draw(&f, "g", "t", .handler = &sees_end, .kafka = CARAFE_KV({ "enable.partition.eof", "true" }),
	    .kafka_mode = CARAFE_KAFKA_INHERIT);
	draw(&f, "g", "u", .handler = &by_message);
	compile(&f);
	expect_count(&f.out, 0);
	assert_true(topic(&f, "g", "t")->eof);
	assert_false(topic(&f, "g", "u")->eof);
}

/* ------------------------------------------------------------------------------------------------ versions */

static void
older_and_newer_options(void **unused)
{
	struct {
		carafe_route_opts opts;
		void *more;
	} newer = { .opts = { .size = sizeof(newer), .handler_size = sizeof(carafe_handler), .handler = &by_message } };
	carafe_route_opts older = { .size = offsetof(carafe_route_opts, max_messages), .handler_size = sizeof(carafe_handler),
		.handler = &by_message, .max_messages = -99 };
	FIXTURE(f);

	(void)unused;
	carafe_route_(group(&f, "g"), "older", &older);
	carafe_route_(group(&f, "g"), "newer", &newer.opts);
	newer.more = &newer;
	carafe_route_(group(&f, "g"), "unknown", &newer.opts);
	compile(&f);
	expect_problem(&f.out, "groups.g.unknown", "only a newer carafe knows");
	expect_count(&f.out, 1);
	assert_int_equal(topic(&f, "g", "older")->max_messages, 100);
}

static void
draw_sized(struct fixture *f, const char *name, const carafe_handler *handler, size_t size)
{
	carafe_route_(group(f, "g"), name,
	    &(carafe_route_opts){ .size = sizeof(carafe_route_opts), .handler_size = size, .handler = handler });
}

static void
older_and_newer_handlers(void **unused)
{
	struct {
		carafe_handler handler;
		void (*more)(void);
	} newer = { .handler = { .message = ignore } };
	carafe_handler older = { .message = ignore, .tick = ignore_hook };
	FIXTURE(f);

	(void)unused;
	draw_sized(&f, "newer", &newer.handler, sizeof(newer));
	draw_sized(&f, "older", &older, offsetof(carafe_handler, tick));
	newer.more = (void (*)(void))ignore_hook;
	draw_sized(&f, "unknown", &newer.handler, sizeof(newer));
	compile(&f);
	expect_problem(&f.out, "groups.g.unknown.handler", "a hook that only a newer carafe knows");
	expect_count(&f.out, 1);
	assert_ptr_equal(topic(&f, "g", "newer")->handler.message, ignore);
	assert_ptr_equal(topic(&f, "g", "older")->handler.message, ignore);
	assert_null(topic(&f, "g", "older")->handler.tick);
}

/* What was passed in may go away. */
static void
everything_is_copied(void **unused)
{
	FIXTURE(f);
	char name[] = "orders", group_name[] = "billing", connection[] = "fast", offset[] = "latest", key[] = "client.rack",
	     value[] = "west";
	carafe_handler handler = { .message = ignore };
	int arg;

	(void)unused;
	carafe_route(group(&f, group_name), name, .handler = &handler, .connection = connection, .initial_offset = offset,
	    .arg = &arg, .kafka = CARAFE_KV({ key, value }), .kafka_mode = CARAFE_KAFKA_INHERIT);
	memset(name, 'x', 3);
	memset(group_name, 'x', 3);
	memset(connection, 'x', 3);
	memset(offset, 'x', 3);
	memset(key, 'x', 3);
	memset(value, 'x', 3);
	handler.message = NULL;
	compile(&f);
	expect_count(&f.out, 0);
	assert_string_equal(f.routing.connections[0].name, "billing_fast");
	assert_ptr_equal(topic(&f, "billing", "orders")->handler.message, ignore);
	assert_ptr_equal(topic(&f, "billing", "orders")->arg, &arg);
	expect_kafka(&f, "billing", "orders", "client.rack", "west");
	expect_kafka(&f, "billing", "orders", "auto.offset.reset", "latest");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_of_topics),
		cmocka_unit_test(names_of_groups),
		cmocka_unit_test(namespaces_may_be_mixed_when_told),
		cmocka_unit_test(names_that_collide_in_a_group),
		cmocka_unit_test(options_of_a_route),
		cmocka_unit_test(options_of_the_defaults),
		cmocka_unit_test(kafka_settings_of_a_route),
		cmocka_unit_test(mistakes_of_the_app_are_told_once),
		cmocka_unit_test(no_broker_is_named),
		cmocka_unit_test(the_aliased_name_of_the_brokers_will_do),
		cmocka_unit_test(a_group_consumes_a_topic_once),
		cmocka_unit_test(groups_without_routes),
		cmocka_unit_test(a_feature_is_drawn_once),
		cmocka_unit_test(all_mistakes_are_told_at_once),
		cmocka_unit_test(ends_that_are_seen),
		cmocka_unit_test(older_and_newer_options),
		cmocka_unit_test(older_and_newer_handlers),
		cmocka_unit_test(everything_is_copied),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
