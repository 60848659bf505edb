#include "core/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void
the_clock_only_goes_forward(void **unused)
{
	crf_ns before = crf_now();

	(void)unused;
	for (int i = 0; i < 1000; i++) {
		crf_ns now = crf_now();

		assert_true(now >= before);
		before = now;
	}
}

static void
wall_time_is_milliseconds_since_1970(void **unused)
{
	int64_t ms = crf_wall_ms();

	(void)unused;
	assert_true(ms / 1000 - time(NULL) <= 1 && time(NULL) - ms / 1000 <= 1);
}

static void
a_wait_never_ends_too_early(void **unused)
{
	(void)unused;
	assert_int_equal(crf_ms_until(100, 200, 50), 0);
	assert_int_equal(crf_ms_until(200, 200, 50), 0);
	assert_int_equal(crf_ms_until(1, 0, 50), 1);
	assert_int_equal(crf_ms_until(CRF_MS, 0, 50), 1);
	assert_int_equal(crf_ms_until(CRF_MS + 1, 0, 50), 2);
	assert_int_equal(crf_ms_until(CRF_SECOND, 0, 50), 50);
	assert_int_equal(crf_ms_until(CRF_NEVER, 5, 50), 50);
	assert_int_equal(crf_ms_until(CRF_NEVER - 1, -5, 50), 50);
	assert_int_equal(crf_ms_until(CRF_NEVER - 1, 0, INT32_MAX), INT32_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_clock_only_goes_forward),
		cmocka_unit_test(wall_time_is_milliseconds_since_1970),
		cmocka_unit_test(a_wait_never_ends_too_early),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
