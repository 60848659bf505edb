/* What a routing becomes: options resolved, routes put together into connections, clients told what they need. */
#include "fixture.h"

static const char *
connection_of(const struct fixture *f, const char *group_name, const char *name)
{
	return topic(f, group_name, name)->connection->name;
}

static void
expect_no_problems(const struct fixture *f)
{
	expect_count(&f->out, 0);
}

/* ------------------------------------------------------------------------------------------------ options */

static void
a_route_that_says_nothing_has_the_root_settings(void **unused)
{
	const struct crf_topic *t;
	FIXTURE(f);

	(void)unused;
	set(&f, "max_messages=7");
	set(&f, "max_wait_time=70");
	set(&f, "consumer_persistence=false");
	draw(&f, NULL, "t", .handler = &by_batch);
	compile(&f);
	expect_no_problems(&f);
	t = topic(&f, "app", "t");
	assert_int_equal(t->max_messages, 7);
	assert_int_equal(t->max_wait_time, 70);
	assert_false(t->persistent);
	assert_false(t->manual_marking);
	assert_false(t->eof);
	assert_null(t->arg);
	assert_null(t->plan);
	assert_ptr_equal(t->handler.consume, ignore_batch);
	expect_kafka(&f, "app", "t", "auto.offset.reset", "earliest");
}

static void
a_routes_own_option_wins_over_the_defaults(void **unused)
{
	const struct crf_topic *own, *rest;
	FIXTURE(f);
	int a, b;

	(void)unused;
	set(&f, "max_messages=7");
	draw(&f, "g", "own", .handler = &by_batch, .max_messages = 3, .max_wait_time = CARAFE_NONE, .arg = &a,
	    .marking = CARAFE_MARK_AUTO, .initial_offset = "earliest", .inactive = CARAFE_NONE, .connection = "mine");
	draw_defaults(&f, .handler = &by_message, .max_messages = 5, .max_wait_time = 50, .arg = &b,
	    .marking = CARAFE_MARK_MANUAL, .initial_offset = "latest", .inactive = 1, .connection = "theirs");
	draw(&f, "g", "rest", .arg = NULL);
	compile(&f);
	expect_no_problems(&f);
	own = topic(&f, "g", "own");
	rest = topic(&f, "g", "rest");
	assert_int_equal(own->max_messages, 3);
	assert_int_equal(own->max_wait_time, 0);
	assert_ptr_equal(own->arg, &a);
	assert_ptr_equal(own->handler.consume, ignore_batch);
	assert_false(own->manual_marking);
	assert_true(own->connection->active);
	assert_string_equal(own->connection->name, "g_mine");
	expect_kafka(&f, "g", "own", "auto.offset.reset", "earliest");
	assert_int_equal(rest->max_messages, 5);
	assert_int_equal(rest->max_wait_time, 50);
	assert_ptr_equal(rest->arg, &b);
	assert_ptr_equal(rest->handler.message, ignore);
	assert_true(rest->manual_marking);
	assert_false(rest->connection->active);
	assert_string_equal(rest->connection->name, "g_theirs");
	expect_kafka(&f, "g", "rest", "auto.offset.reset", "latest");
}

/* ------------------------------------------------------------------------------------------------ kafka */

static void
lists_add_up_unless_they_replace(void **unused)
{
	FIXTURE(f);

	(void)unused;
	set(&f, "client.rack=app");
	set(&f, "fetch.min.bytes=1");
	draw_defaults(&f, .handler = &by_message, .kafka_mode = CARAFE_KAFKA_INHERIT,
	    .kafka = CARAFE_KV({ "fetch.min.bytes", "2" }, { "fetch.wait.max.ms", "2" }));
	draw(&f, "g", "plain", .arg = NULL);
	draw(&f, "g", "inherits", .kafka_mode = CARAFE_KAFKA_INHERIT, .kafka = CARAFE_KV({ "fetch.wait.max.ms", "3" }));
	draw(&f, "g", "replaces", .kafka_mode = CARAFE_KAFKA_REPLACE,
	    .kafka = CARAFE_KV({ "bootstrap.servers", "other:1" }, { "fetch.wait.max.ms", "4" }));
	compile(&f);
	expect_no_problems(&f);
	expect_kafka(&f, "g", "plain", "client.rack", "app");
	expect_kafka(&f, "g", "plain", "fetch.min.bytes", "2");
	expect_kafka(&f, "g", "plain", "fetch.wait.max.ms", "2");
	expect_kafka(&f, "g", "plain", "bootstrap.servers", "localhost:9092");
	expect_kafka(&f, "g", "inherits", "client.rack", "app");
	expect_kafka(&f, "g", "inherits", "fetch.min.bytes", "2");
	expect_kafka(&f, "g", "inherits", "fetch.wait.max.ms", "3");
	expect_kafka(&f, "g", "replaces", "client.rack", NULL);
	expect_kafka(&f, "g", "replaces", "fetch.min.bytes", NULL);
	expect_kafka(&f, "g", "replaces", "fetch.wait.max.ms", "4");
	expect_kafka(&f, "g", "replaces", "bootstrap.servers", "other:1");
	expect_kafka(&f, "g", "replaces", "fetch.queue.backoff.ms", "10");
}

static void
defaults_may_replace_too(void **unused)
{
	FIXTURE(f);

	(void)unused;
	set(&f, "client.rack=app");
	draw_defaults(&f, .handler = &by_message, .kafka_mode = CARAFE_KAFKA_REPLACE,
	    .kafka = CARAFE_KV({ "bootstrap.servers", "other:1" }));
	draw(&f, "g", "t", .kafka_mode = CARAFE_KAFKA_INHERIT, .kafka = CARAFE_KV({ "fetch.min.bytes", "3" }));
	compile(&f);
	expect_no_problems(&f);
	expect_kafka(&f, "g", "t", "client.rack", NULL);
	expect_kafka(&f, "g", "t", "bootstrap.servers", "other:1");
	expect_kafka(&f, "g", "t", "fetch.min.bytes", "3");
}

static void
spellings_override_each_other_across_lists(void **unused)
{
	FIXTURE(f);

	(void)unused;
	set(&f, "sasl.mechanism=PLAIN");
	draw(&f, "g", "t", .handler = &by_message, .kafka_mode = CARAFE_KAFKA_INHERIT,
	    .kafka = CARAFE_KV({ "sasl.mechanisms", "SCRAM-SHA-256" }));
	compile(&f);
	expect_no_problems(&f);
	expect_kafka(&f, "g", "t", "sasl.mechanism", NULL);
	expect_kafka(&f, "g", "t", "sasl.mechanisms", "SCRAM-SHA-256");
}

static void
expect_origin(const struct fixture *f, const char *key, const char *value, const char *origin)
{
	const struct crf_kv *kv = crf_kvs_find(&topic(f, "g", "t")->connection->kafka, key);

	assert_non_null(kv);
	assert_string_equal(kv->value, value);
	assert_string_equal(kv->origin, origin);
}

static void
clients_are_told_everything_and_why(void **unused)
{
	FIXTURE(f);

	(void)unused;
	set(&f, "client_id=shop");
	draw_defaults(&f, .kafka_mode = CARAFE_KAFKA_INHERIT, .kafka = CARAFE_KV({ "fetch.min.bytes", "2" }));
	draw(&f, "g", "t", .handler = &by_message, .kafka_mode = CARAFE_KAFKA_INHERIT, .kafka = CARAFE_KV({ "client.rack", "a" }));
	compile(&f);
	expect_no_problems(&f);
	expect_origin(&f, "bootstrap.servers", "localhost:9092", "code");
	expect_origin(&f, "fetch.min.bytes", "2", "code (defaults)");
	expect_origin(&f, "client.rack", "a", "code (route t)");
	expect_origin(&f, "client.id", "shop", "client_id: command line -X");
	expect_origin(&f, "group.id", "g", "code (group)");
	expect_origin(&f, "auto.offset.reset", "earliest", "initial_offset: default");
	expect_origin(&f, "fetch.queue.backoff.ms", "10", "carafe");
	expect_origin(&f, "allow.auto.create.topics", "true", "carafe (development)");
	expect_origin(&f, "partition.assignment.strategy", "cooperative-sticky", "carafe");
}

static void
the_unnamed_group_is_group_id(void **unused)
{
	FIXTURE(f);

	(void)unused;
	set(&f, "group_id=shop");
	draw(&f, NULL, "t", .handler = &by_message);
	draw(&f, "shop", "u", .handler = &by_message);
	compile(&f);
	expect_no_problems(&f);
	assert_int_equal(f.routing.count, 1);
	expect_kafka(&f, "shop", "t", "group.id", "shop");
	assert_string_equal(connection_of(&f, "shop", "u"), "shop_0");
}

static void
a_group_id_that_agrees_is_harmless(void **unused)
{
	FIXTURE(f);

	(void)unused;
	draw(&f, "g", "t", .handler = &by_message, .kafka_mode = CARAFE_KAFKA_INHERIT, .kafka = CARAFE_KV({ "group.id", "g" }));
	compile(&f);
	expect_no_problems(&f);
}

/* ------------------------------------------------------------------------------------------------ initial offsets */

static const struct {
	const char *root_offset, *root_reset;         /* -X */
	const char *defaults_offset, *defaults_reset;
	const char *offset, *reset;                   /* the route's */
	const char *effective;
	const char *path; /* of the contradiction; NULL none */
} offsets[] = {
	{ NULL, NULL, NULL, NULL, NULL, NULL, "earliest", NULL },
	{ "latest", NULL, NULL, NULL, NULL, NULL, "latest", NULL },
	{ "latest", NULL, "earliest", NULL, NULL, NULL, "earliest", NULL },
	{ "latest", NULL, "earliest", NULL, "latest", NULL, "latest", NULL },
	{ NULL, "latest", NULL, NULL, NULL, NULL, "latest", NULL },
	{ NULL, "error", NULL, NULL, NULL, NULL, "error", NULL },
	{ "latest", NULL, NULL, NULL, NULL, "earliest", "earliest", NULL },
	{ "latest", NULL, NULL, "earliest", NULL, NULL, "earliest", NULL },
	{ "earliest", "latest", NULL, NULL, NULL, NULL, "latest", "initial_offset" },
	{ "latest", "latest", NULL, NULL, NULL, NULL, "latest", NULL },
	{ "latest", "end", NULL, NULL, NULL, NULL, "end", NULL },
	{ NULL, "latest", NULL, NULL, "earliest", NULL, "latest", "groups.g.t.initial_offset" },
	{ NULL, NULL, NULL, NULL, "earliest", "latest", "latest", "groups.g.t.initial_offset" },
	{ NULL, NULL, NULL, NULL, "earliest", "beginning", "beginning", NULL },
	{ NULL, "latest", "earliest", NULL, NULL, NULL, "latest", "defaults.initial_offset" },
	{ NULL, NULL, "earliest", NULL, NULL, "latest", "latest", NULL },
	{ NULL, NULL, NULL, "latest", "earliest", NULL, "latest", "groups.g.t.initial_offset" },
};

static void
set_pair(struct fixture *f, const char *key, const char *value)
{
	CRF_AUTO_FREE char *option = crf_format("%s=%s", key, value ? value : "");

	if (value != NULL)
		set(f, option);
}

/* NULL without a value: no list, no mode. */
static const carafe_kv *
reset_list(carafe_kv *list, const char *value)
{
	list[0] = (carafe_kv){ "auto.offset.reset", value };
	list[1] = (carafe_kv){ NULL, NULL };
	return value != NULL ? list : NULL;
}

static void
the_nearest_word_on_the_first_offset_holds(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < crf_array_len(offsets); i++) {
		FIXTURE(f);
		carafe_kv a[2], b[2];

		set_pair(&f, "initial_offset", offsets[i].root_offset);
		set_pair(&f, "auto.offset.reset", offsets[i].root_reset);
		draw_defaults(&f, .initial_offset = offsets[i].defaults_offset, .kafka = reset_list(a, offsets[i].defaults_reset),
		    .kafka_mode = CARAFE_KAFKA_INHERIT);
		draw(&f, "g", "t", .handler = &by_message, .initial_offset = offsets[i].offset,
		    .kafka = reset_list(b, offsets[i].reset), .kafka_mode = CARAFE_KAFKA_INHERIT);
		compile(&f);
		expect_kafka(&f, "g", "t", "auto.offset.reset", offsets[i].effective);
		if (offsets[i].path != NULL)
			expect_problem(&f.out, offsets[i].path, "but auto.offset.reset is ");
		expect_count(&f.out, offsets[i].path != NULL);
	}
}

/* ------------------------------------------------------------------------------------------------ connections */

static void
routes_that_agree_share_a_connection(void **unused)
{
	FIXTURE(f);

	(void)unused;
	draw(&f, "g", "a", .handler = &by_message);
	draw(&f, "g", "b", .handler = &by_batch, .max_messages = 5, .max_wait_time = 9, .marking = CARAFE_MARK_MANUAL);
	draw(&f, "g", "c", .handler = &by_message, .initial_offset = "earliest");
	draw(&f, "g", "d", .handler = &by_message, .kafka_mode = CARAFE_KAFKA_INHERIT,
	    .kafka = CARAFE_KV({ "bootstrap.servers", "localhost:9092" }));
	draw(&f, "h", "a", .handler = &by_message);
	compile(&f);
	expect_no_problems(&f);
	assert_int_equal(f.routing.count, 2);
	assert_int_equal(f.routing.connections[0].topic_count, 4);
	assert_int_equal(f.routing.connections[1].topic_count, 1);
	assert_string_equal(f.routing.connections[0].topics[3].name, "d");
	assert_ptr_equal(f.routing.connections[0].topics[3].connection, &f.routing.connections[0]);
}

static void
routes_that_differ_have_connections_of_their_own(void **unused)
{
	FIXTURE(f);

	(void)unused;
	draw(&f, "g", "a", .handler = &by_message);
	draw(&f, "g", "b", .handler = &by_message, .initial_offset = "latest");
	draw(&f, "h", "a", .handler = &by_message);
	draw(&f, "g", "c", .handler = &by_message, .kafka_mode = CARAFE_KAFKA_INHERIT, .kafka = CARAFE_KV({ "fetch.min.bytes", "9" }));
	draw(&f, "g", "d", .handler = &by_message, .connection = "d");
	draw(&f, "g", "e", .handler = &by_message, .connection = "e");
	draw(&f, "g", "f", .handler = &by_message, .connection = "d");
	draw(&f, "g", "g", .handler = &by_message, .initial_offset = "latest");
	compile(&f);
	expect_no_problems(&f);
	assert_int_equal(f.routing.count, 6);
	assert_string_equal(connection_of(&f, "g", "a"), "g_0");
	assert_string_equal(connection_of(&f, "g", "b"), "g_1");
	assert_string_equal(connection_of(&f, "h", "a"), "h_0");
	assert_string_equal(connection_of(&f, "g", "c"), "g_2");
	assert_string_equal(connection_of(&f, "g", "d"), "g_d");
	assert_string_equal(connection_of(&f, "g", "e"), "g_e");
	assert_string_equal(connection_of(&f, "g", "f"), "g_d");
	assert_string_equal(connection_of(&f, "g", "g"), "g_1");
	for (size_t i = 0; i < f.routing.count; i++)
		assert_int_equal(f.routing.connections[i].position, i);
	assert_int_equal(topic(&f, "h", "a")->connection->position, 2);
}

static void
positions_follow_the_drawing_across_groups(void **unused)
{
	FIXTURE(f);

	(void)unused;
	draw(&f, "g", "a", .handler = &by_message);
	draw(&f, "h", "a", .handler = &by_message);
	draw(&f, "g", "b", .handler = &by_message, .connection = "b");
	compile(&f);
	assert_int_equal(topic(&f, "g", "a")->connection->position, 0);
	assert_int_equal(topic(&f, "h", "a")->connection->position, 1);
	assert_int_equal(topic(&f, "g", "b")->connection->position, 2);
}

static void
a_named_connection_has_one_set_of_settings(void **unused)
{
	FIXTURE(f);

	(void)unused;
	draw(&f, "g", "a", .handler = &by_message, .connection = "fast");
	draw(&f, "g", "b", .handler = &by_message, .connection = "fast", .initial_offset = "latest",
	    .kafka_mode = CARAFE_KAFKA_INHERIT, .kafka = CARAFE_KV({ "client.rack", "x" }, { "fetch.min.bytes", "3" }));
	draw(&f, "h", "b", .handler = &by_message, .connection = "fast", .initial_offset = "latest");
	draw(&f, "g", "c", .handler = &by_message, .connection = "fast");
	compile(&f);
	expect_problem(&f.out, "groups.g.b.connection", "\"fast\" is that of topic a too");
	expect_problem(&f.out, "groups.g.b.connection", "client.rack");
	expect_problem(&f.out, "groups.g.b.connection", "fetch.min.bytes");
	expect_problem(&f.out, "groups.g.b.connection", "auto.offset.reset");
	expect_count(&f.out, 1);
	assert_int_equal(f.routing.count, 2);
}

static void
differences_do_not_tell_secrets(void **unused)
{
	FIXTURE(f);

	(void)unused;
	draw(&f, "g", "a", .handler = &by_message, .connection = "fast", .kafka_mode = CARAFE_KAFKA_INHERIT,
	    .kafka = CARAFE_KV({ "sasl.password", "hunter1" }));
	draw(&f, "g", "b", .handler = &by_message, .connection = "fast", .kafka_mode = CARAFE_KAFKA_INHERIT,
	    .kafka = CARAFE_KV({ "sasl.password", "hunter2" }));
	compile(&f);
	expect_problem(&f.out, "groups.g.b.connection", "differ in sasl.password;");
	assert_null(strstr(f.out.items[0].text, "hunter"));
}

static void
two_connections_do_not_get_one_name(void **unused)
{
	FIXTURE(f);

	(void)unused;
	draw(&f, "a", "t", .handler = &by_message, .connection = "b_c");
	draw(&f, "a_b", "u", .handler = &by_message, .connection = "c");
	compile(&f);
	expect_problem(&f.out, "groups.a_b.u", "a connection of the name a_b_c, as has topic t of group a");
	expect_count(&f.out, 1);
}

static void
inactive_routes_are_known_but_not_consumed(void **unused)
{
	const struct crf_connection_spec *spec;
	FIXTURE(f);

	(void)unused;
	draw(&f, "g", "off", .inactive = 1);
	draw(&f, "g", "on", .handler = &by_message);
	draw(&f, "h", "off", .inactive = 1);
	compile(&f);
	expect_no_problems(&f);
	assert_int_equal(f.routing.count, 2);
	spec = &f.routing.connections[0];
	assert_true(spec->active);
	assert_int_equal(spec->topic_count, 1);
	assert_int_equal(spec->drawn_count, 2);
	assert_string_equal(spec->topics[0].name, "on");
	assert_string_equal(spec->topics[1].name, "off");
	assert_false(f.routing.connections[1].active);
	assert_int_equal(f.routing.connections[1].topic_count, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_route_that_says_nothing_has_the_root_settings),
		cmocka_unit_test(a_routes_own_option_wins_over_the_defaults),
		cmocka_unit_test(lists_add_up_unless_they_replace),
		cmocka_unit_test(defaults_may_replace_too),
		cmocka_unit_test(spellings_override_each_other_across_lists),
		cmocka_unit_test(clients_are_told_everything_and_why),
		cmocka_unit_test(the_unnamed_group_is_group_id),
		cmocka_unit_test(a_group_id_that_agrees_is_harmless),
		cmocka_unit_test(the_nearest_word_on_the_first_offset_holds),
		cmocka_unit_test(routes_that_agree_share_a_connection),
		cmocka_unit_test(routes_that_differ_have_connections_of_their_own),
		cmocka_unit_test(positions_follow_the_drawing_across_groups),
		cmocka_unit_test(a_named_connection_has_one_set_of_settings),
		cmocka_unit_test(differences_do_not_tell_secrets),
		cmocka_unit_test(two_connections_do_not_get_one_name),
		cmocka_unit_test(inactive_routes_are_known_but_not_consumed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
