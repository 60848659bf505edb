/* Multiplexing: how many copies there are, and what contradicts itself. */
#include "fixture.h"

static const struct crf_multiplex *
multiplex(const struct fixture *f, size_t i)
{
	return &f->routing.connections[i].multiplex;
}

static void
numbers_that_are_not_said_follow_from_max(void **unused)
{
	static const struct {
		carafe_multiplex_opts opts;
		struct crf_multiplex expected;
	} cases[] = {
		{ { .max = 4 }, { 4, 4, 4, 60000 } },
		{ { .max = 6, .min = 1 }, { 1, 6, 3, 60000 } },
		{ { .max = 6, .min = 5 }, { 5, 6, 5, 60000 } },
		{ { .max = 6, .min = 2, .boot = 6, .scale_delay = 1000 }, { 2, 6, 6, 1000 } },
	};

	(void)unused;
	for (size_t i = 0; i < crf_array_len(cases); i++) {
		carafe_multiplex_opts o = cases[i].opts;
		FIXTURE(f);

		o.size = sizeof(o);
		draw(&f, "g", "orders", .handler = &by_message);
		carafe_multiplex_(group(&f, "g"), &o);
		compile(&f);
		expect_count(&f.out, 0);
		assert_memory_equal(multiplex(&f, 0), &cases[i].expected, sizeof(cases[i].expected));
	}
}

static void
the_connection_that_is_named_is_multiplexed_and_no_other(void **unused)
{
	FIXTURE(f);

	(void)unused;
	draw(&f, "g", "orders", .handler = &by_message, .connection = "fast");
	draw(&f, "g", "refunds", .handler = &by_message);
	draw(&f, "h", "orders", .handler = &by_message, .connection = "fast");
	carafe_multiplex(group(&f, "g"), .connection = "fast", .max = 2);
	compile(&f);
	expect_count(&f.out, 0);
	assert_int_equal(multiplex(&f, 0)->max, 2);
	assert_int_equal(multiplex(&f, 1)->max, 0);
	assert_int_equal(multiplex(&f, 2)->max, 0);
}

static void
mistakes(void **unused)
{
	static const struct {
		carafe_multiplex_opts opts;
		const char *path, *text;
	} wrong[] = {
		{ { .max = 0 }, "groups.g.multiplex", "max must be" },
		{ { .max = 1 }, "groups.g.multiplex", "max must be" },
		{ { .max = 1001 }, "groups.g.multiplex", "max must be" },
		{ { .max = 2, .min = 3 }, "groups.g.multiplex", "min must be" },
		{ { .max = 2, .min = -1 }, "groups.g.multiplex", "min must be" },
		{ { .max = 4, .min = 2, .boot = 1 }, "groups.g.multiplex", "boot must be" },
		{ { .max = 4, .boot = 3 }, "groups.g.multiplex", "boot must be" },
		{ { .max = 4, .min = 1, .scale_delay = 999 }, "groups.g.multiplex", "scale_delay must be" },
		{ { .max = 2, .connection = "fast" }, "groups.g.multiplex.fast", "no route of group g has .connection" },
	};

	(void)unused;
	for (size_t i = 0; i < crf_array_len(wrong); i++) {
		carafe_multiplex_opts o = wrong[i].opts;
		FIXTURE(f);

		o.size = sizeof(o);
		draw(&f, "g", "orders", .handler = &by_message);
		carafe_multiplex_(group(&f, "g"), &o);
		compile(&f);
		expect_count(&f.out, 1);
		expect_problem(&f.out, wrong[i].path, wrong[i].text);
	}
}

static void
what_does_not_go_together(void **unused)
{
	FIXTURE(f);

	(void)unused;
	set(&f, "group.instance.id=me");
	draw(&f, "changes", "orders", .handler = &by_message);
	carafe_multiplex(group(&f, "changes"), .max = 4, .min = 1);
	draw(&f, "fixed", "orders", .handler = &by_message);
	carafe_multiplex(group(&f, "fixed"), .max = 4);
	draw(&f, "twice", "orders", .handler = &by_message);
	carafe_multiplex(group(&f, "twice"), .max = 2);
	carafe_multiplex(group(&f, "twice"), .max = 3);
	carafe_assign(draw(&f, "direct", "orders", .handler = &by_message), .partitions = "all");
	carafe_multiplex(group(&f, "direct"), .max = 2);
	compile(&f);
	expect_count(&f.out, 3);
	expect_problem(&f.out, "groups.changes.multiplex", "does not go with group.instance.id");
	expect_problem(&f.out, "groups.twice.multiplex", "is drawn twice");
	expect_problem(&f.out, "groups.direct.multiplex", "does not go with carafe_assign");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_that_are_not_said_follow_from_max),
		cmocka_unit_test(the_connection_that_is_named_is_multiplexed_and_no_other),
		cmocka_unit_test(mistakes),
		cmocka_unit_test(what_does_not_go_together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
