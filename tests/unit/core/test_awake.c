#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/awake.h"

#define EVERY (1 * CRF_SECOND)

/* Looks every so often, from one time to the other. */
static void
look(struct crf_awake *a, int from, int until)
{
	for (int s = from; s <= until; s++)
		crf_awake_look(a, s * CRF_SECOND, EVERY);
}

static void
age_is_time_that_has_passed(void **unused)
{
	struct crf_awake a = { 0 };

	(void)unused;
	look(&a, 100, 110);
	assert_int_equal(crf_awake_age(&a, 103 * CRF_SECOND), 7 * CRF_SECOND);
	crf_awake_look(&a, 111900 * CRF_MS, EVERY); /* late, and no more than that */
	assert_int_equal(crf_awake_age(&a, 103 * CRF_SECOND), 8900 * CRF_MS);
}

static void
a_gap_does_not_count_for_what_was_before_it(void **unused)
{
	struct crf_awake a = { 0 };

	(void)unused;
	look(&a, 100, 110);
	look(&a, 170, 172);
	assert_int_equal(crf_awake_age(&a, 109 * CRF_SECOND), 3 * CRF_SECOND);
	assert_int_equal(crf_awake_age(&a, 171 * CRF_SECOND), 1 * CRF_SECOND);
}

/* Between the last look and the moment it was stopped. */
static void
a_gap_does_not_count_for_what_began_in_it(void **unused)
{
	struct crf_awake a = { 0 };

	(void)unused;
	look(&a, 100, 110);
	look(&a, 170, 172);
	assert_int_equal(crf_awake_age(&a, 110500 * CRF_MS), 2 * CRF_SECOND);
}

static void
who_is_often_stopped_finds_what_hangs_all_the_same(void **unused)
{
	struct crf_awake a = { 0 };

	(void)unused;
	for (int s = 100; s <= 200; s += 10)
		crf_awake_look(&a, s * CRF_SECOND, EVERY);
	assert_int_equal(crf_awake_age(&a, 100 * CRF_SECOND), 90 * CRF_SECOND);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(age_is_time_that_has_passed),
		cmocka_unit_test(a_gap_does_not_count_for_what_was_before_it),
		cmocka_unit_test(a_gap_does_not_count_for_what_began_in_it),
		cmocka_unit_test(who_is_often_stopped_finds_what_hangs_all_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
