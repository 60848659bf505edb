/* Direct assignment: what is drawn is read, and what contradicts itself is told. */
#include "fixture.h"

static void
partitions_are_read(void **unused)
{
	static const int32_t expected[] = { 7, 0, 3, 4, 5 };
	const struct crf_topic *t;
	FIXTURE(f);

	(void)unused;
	carafe_assign(draw(&f, "g", "orders", .handler = &by_message), .partitions = "7,0,3-5,4");
	carafe_assign(draw(&f, "g", "refunds", .handler = &by_message), .partitions = "all");
	draw(&f, "h", "orders", .handler = &by_message);
	compile(&f);
	expect_count(&f.out, 0);
	t = topic(&f, "g", "orders");
	assert_true(t->direct.on && !t->direct.all && t->long_running && t->connection->direct);
	assert_int_equal(t->direct.count, crf_array_len(expected));
	assert_memory_equal(t->direct.partitions, expected, sizeof(expected));
	assert_true(topic(&f, "g", "refunds")->direct.all);
	assert_false(topic(&f, "h", "orders")->direct.on);
	assert_false(topic(&f, "h", "orders")->connection->direct);
}

static void
what_is_no_list_is_a_mistake(void **unused)
{
	static const char *const wrong[] = { "", ",", "1,", "-1", "5-3", "1-", "a", "1 2", "1,,2", "100000", "99999999999999999999", "all,1" };

	(void)unused;
	for (size_t i = 0; i < crf_array_len(wrong); i++) {
		FIXTURE(f);

		carafe_assign(draw(&f, "g", "orders", .handler = &by_message), .partitions = wrong[i]);
		compile(&f);
		expect_count(&f.out, 1);
		expect_problem(&f.out, "groups.g.orders.assign", "is no list of partitions");
	}
}

static void
a_group_is_assigned_as_a_whole_and_without_patterns(void **unused)
{
	FIXTURE(f);

	(void)unused;
	carafe_assign(draw(&f, "g", "orders", .handler = &by_message), .partitions = "all");
	draw(&f, "g", "refunds", .handler = &by_message);
	draw(&f, "g", "returns", .handler = &by_message); /* not the same once more */
	carafe_assign(carafe_pattern(group(&f, "h"), "^orders", .handler = &by_message), .partitions = "all");
	compile(&f);
	expect_count(&f.out, 2);
	expect_problem(&f.out, "groups.g.refunds.assign", "as a whole");
	expect_problem(&f.out, "groups.h.^orders.assign", "does not go with a pattern");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(partitions_are_read),
		cmocka_unit_test(what_is_no_list_is_a_mistake),
		cmocka_unit_test(a_group_is_assigned_as_a_whole_and_without_patterns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
