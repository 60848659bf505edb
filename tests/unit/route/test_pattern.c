/* Patterns: which route a topic belongs to. */
#include "fixture.h"

#define draw_pattern(f, group_name, regex) carafe_pattern(group((f), (group_name)), (regex), .handler = &by_message)
#define draw_topic(f, group_name, name) draw((f), (group_name), (name), .handler = &by_message)

static const char *
owner(const struct fixture *f, const char *group_name, const char *name)
{
	const carafe_route *r = crf_routing_owner(&f->routing, group_name, name);

	return r != NULL ? r->topic : "nobody";
}

static void
a_topic_belongs_to_the_route_that_names_it_then_to_the_first_pattern_that_matches(void **unused)
{
	FIXTURE(f);

	(void)unused;
	draw_pattern(&f, "g", "^orders-");
	draw_pattern(&f, "g", "^orders|^refunds$");
	draw_topic(&f, "g", "orders-special");
	draw_pattern(&f, "other", "^.*s$");
	compile(&f);
	assert_int_equal(f.out.count, 0);
	assert_string_equal(owner(&f, "g", "orders-1"), "^orders-");
	assert_string_equal(owner(&f, "g", "orders"), "^orders|^refunds$");
	assert_string_equal(owner(&f, "g", "refunds"), "^orders|^refunds$");
	assert_string_equal(owner(&f, "g", "refunds2"), "nobody");
	assert_string_equal(owner(&f, "g", "my-orders"), "nobody");
	assert_string_equal(owner(&f, "g", "orders-special"), "orders-special");
	assert_string_equal(owner(&f, "other", "orders-special"), "nobody");
	assert_string_equal(owner(&f, "other", "my-orders"), "^.*s$");
}

static void
what_kafka_keeps_for_itself_is_matched_only_when_it_is_asked_for(void **unused)
{
	FIXTURE(f);

	(void)unused;
	draw_pattern(&f, "g", "^.*offsets");
	draw_pattern(&f, "h", "^__consumer");
	compile(&f);
	assert_string_equal(owner(&f, "g", "__consumer_offsets"), "nobody");
	assert_string_equal(owner(&f, "g", "my-offsets"), "^.*offsets");
	assert_string_equal(owner(&f, "h", "__consumer_offsets"), "^__consumer");
}

static void
what_is_excluded_belongs_to_nobody_but_a_route_that_names_it(void **unused)
{
	FIXTURE(f);

	(void)unused;
	draw_pattern(&f, "g", "^orders");
	draw_topic(&f, "g", "orders-named");
	compile(&f);
	crf_routing_exclude(&f.routing, "g", "orders-dead");
	crf_routing_exclude(&f.routing, "g", "orders-named");
	assert_string_equal(owner(&f, "g", "orders-dead"), "nobody");
	assert_string_equal(owner(&f, "g", "orders-named"), "orders-named");
}

static void
a_connection_with_patterns_creates_no_topics_unless_told(void **unused)
{
	FIXTURE(f);

	(void)unused;
	draw_pattern(&f, "g", "^orders");
	draw_topic(&f, "h", "orders");
	carafe_pattern(group(&f, "i"), "^orders", .handler = &by_message, .kafka_mode = CARAFE_KAFKA_INHERIT,
	    .kafka = CARAFE_KV({ "allow.auto.create.topics", "true" }));
	compile(&f);
	assert_int_equal(f.out.count, 0);
	assert_string_equal(crf_kvs_get(&f.routing.connections[0].kafka, "allow.auto.create.topics"), "false");
	assert_string_equal(crf_kvs_get(&f.routing.connections[1].kafka, "allow.auto.create.topics"), "true");
	assert_string_equal(crf_kvs_get(&f.routing.connections[2].kafka, "allow.auto.create.topics"), "true");
	assert_true(f.routing.connections[0].has_patterns);
	assert_false(f.routing.connections[1].has_patterns);
}

static void
mistakes(void **unused)
{
	static const struct {
		const char *regex, *text;
	} wrong[] = {
		{ "orders", "must begin with ^" },
		{ "", "must begin with ^" },
		{ "^orders(", "is no POSIX extended regular expression" },
		{ "^[", "is no POSIX extended regular expression" },
		{ "^nu-\\d+", "has \\d, which means something else in a POSIX extended regular expression; write [0-9]" },
		{ "^nu\\.[\\w]", "has \\w" },
		{ "^nu\\b", "write what is meant" },
		{ "^(nu)\\1", "has \\1" },
		{ "^nu-[0-9]+?$", "leave the ? out" },
	};

	(void)unused;
	for (size_t i = 0; i < crf_array_len(wrong); i++) {
		CRF_AUTO_FREE char *path = NULL;
		FIXTURE(f);

		draw_pattern(&f, "g", wrong[i].regex);
		compile(&f);
		path = crf_format("groups.g.%s", wrong[i].regex);
		expect_problem(&f.out, path, wrong[i].text);
	}
}

static void
what_is_no_letter_may_be_escaped(void **unused)
{
	FIXTURE(f);

	(void)unused;
	draw_pattern(&f, "g", "^nu\\.x\\-[0-9]+(a|b)?$");
	compile(&f);
	assert_int_equal(f.out.count, 0);
	assert_string_equal(owner(&f, "g", "nu.x-12"), "^nu\\.x\\-[0-9]+(a|b)?$");
	assert_string_equal(owner(&f, "g", "nu-x-12"), "nobody");
}

static void
the_same_pattern_twice_in_a_group_is_a_mistake(void **unused)
{
	FIXTURE(f);

	(void)unused;
	draw_pattern(&f, "g", "^orders");
	draw_pattern(&f, "h", "^orders");
	draw_pattern(&f, "g", "^orders");
	compile(&f);
	assert_int_equal(f.out.count, 1);
	expect_problem(&f.out, "groups.g.^orders", "is drawn twice");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_topic_belongs_to_the_route_that_names_it_then_to_the_first_pattern_that_matches),
		cmocka_unit_test(what_kafka_keeps_for_itself_is_matched_only_when_it_is_asked_for),
		cmocka_unit_test(what_is_excluded_belongs_to_nobody_but_a_route_that_names_it),
		cmocka_unit_test(a_connection_with_patterns_creates_no_topics_unless_told),
		cmocka_unit_test(mistakes),
		cmocka_unit_test(what_is_no_letter_may_be_escaped),
		cmocka_unit_test(the_same_pattern_twice_in_a_group_is_a_mistake),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
