#include "core/opts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

struct old_opts {
	size_t size;
	const char *name;
};

struct new_opts {
	size_t size;
	const char *name;
	int64_t limit;
};

static void
an_older_struct_is_extended_with_zeroes(void **unused)
{
	struct old_opts from = { .size = sizeof(from), .name = "a" };
	struct new_opts to = { .limit = 7 };

	(void)unused;
	assert_true(crf_opts_copy(&to, sizeof(to), &from));
	assert_int_equal(to.size, sizeof(to));
	assert_string_equal(to.name, "a");
	assert_int_equal(to.limit, 0);
}

static void
a_newer_struct_may_say_nothing_new(void **unused)
{
	struct new_opts from = { .size = sizeof(from), .name = "a" };
	struct old_opts to;

	(void)unused;
	assert_true(crf_opts_copy(&to, sizeof(to), &from));
	assert_int_equal(to.size, sizeof(to));
	from.limit = 1;
	assert_false(crf_opts_copy(&to, sizeof(to), &from));
	assert_string_equal(to.name, "a");
}

static void
the_size_may_be_beside_the_struct(void **unused)
{
	int32_t from[3] = { 1, 2, 0 }, to[4] = { 9, 9, 9, 9 };

	(void)unused;
	assert_true(crf_opts_copy_sized(to, sizeof(to), from, sizeof(from)));
	assert_int_equal(to[1], 2);
	assert_int_equal(to[3], 0);
	assert_true(crf_opts_copy_sized(to, 2 * sizeof(int32_t), from, sizeof(from)));
	assert_false(crf_opts_copy_sized(to, sizeof(int32_t), from, sizeof(from)));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_older_struct_is_extended_with_zeroes),
		cmocka_unit_test(a_newer_struct_may_say_nothing_new),
		cmocka_unit_test(the_size_may_be_beside_the_struct),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
