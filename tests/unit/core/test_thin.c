#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/thin.h"

#define EVERY (5 * CRF_SECOND)

static void
a_key_passes_once_in_a_while(void **unused)
{
	struct crf_thin t = { 0 };
	crf_ns now = CRF_SECOND;

	(void)unused;
	assert_true(crf_thin_pass(&t, -187, now, EVERY));
	assert_false(crf_thin_pass(&t, -187, now + EVERY - 1, EVERY));
	assert_true(crf_thin_pass(&t, -187, now + EVERY, EVERY));
	assert_false(crf_thin_pass(&t, -187, now + EVERY + 1, EVERY));
}

static void
keys_do_not_hide_each_other(void **unused)
{
	struct crf_thin t = { 0 };

	(void)unused;
	for (int key = 0; key < CRF_THIN_KEYS; key++)
		assert_true(crf_thin_pass(&t, key, CRF_SECOND + key, EVERY));
	for (int key = 0; key < CRF_THIN_KEYS; key++)
		assert_false(crf_thin_pass(&t, key, 2 * CRF_SECOND, EVERY));
}

static void
the_oldest_key_makes_room(void **unused)
{
	struct crf_thin t = { 0 };

	(void)unused;
	for (int key = 0; key <= CRF_THIN_KEYS; key++)
		assert_true(crf_thin_pass(&t, key, CRF_SECOND + key, EVERY));
	assert_false(crf_thin_pass(&t, 1, 2 * CRF_SECOND, EVERY));
	assert_true(crf_thin_pass(&t, 0, 2 * CRF_SECOND, EVERY));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_passes_once_in_a_while),
		cmocka_unit_test(keys_do_not_hide_each_other),
		cmocka_unit_test(the_oldest_key_makes_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
