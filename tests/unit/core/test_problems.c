#include "core/problems.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "core/mem.h"

static void
problems_are_kept_once_and_in_order(void **unused)
{
	CRF_AUTO(crf_problems) l = { 0 };

	(void)unused;
	crf_problem(&l, "groups.billing", "has no %s", "topics");
	crf_problem(&l, "groups.billing", "has no topics");
	crf_problem(&l, "groups.billing", "has no name");
	assert_int_equal(l.count, 2);
	assert_string_equal(l.items[0].path, "groups.billing");
	assert_string_equal(l.items[0].text, "has no topics");
	assert_string_equal(l.items[1].text, "has no name");
}

static void
lists_of_problems_are_joined(void **unused)
{
	CRF_AUTO(crf_problems) to = { 0 };
	CRF_AUTO(crf_problems) from = { 0 };
	char path[16];

	(void)unused;
	for (int i = 0; i < 20; i++) {
		snprintf(path, sizeof(path), "p%d", i);
		crf_problem(&from, path, "wrong");
	}
	crf_problem(&to, "p3", "wrong");
	crf_problems_add_all(&to, &from);
	assert_int_equal(to.count, 20);
	assert_string_equal(to.items[0].path, "p3");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(problems_are_kept_once_and_in_order),
		cmocka_unit_test(lists_of_problems_are_joined),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
