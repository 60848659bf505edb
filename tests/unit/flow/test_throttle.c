#include "rig.h"

static struct rig r; /* the one of the test that runs */

static void
begin(const carafe_handler *handler, int limit, int interval)
{
	rig_init(&r, handler);
	carafe_throttle(r.route, .limit = limit, .interval = interval);
	rig_run(&r);
}

static void
no_more_than_the_limit_goes_through_in_an_interval(void **unused)
{
	(void)unused;
	begin(&by_batch, 3, 1000);
	fake_messages(&r.source, 1, 8);
	expect(&r, "gate 4 for 1000;b1-3 a1;");
	expect_after(&r, CRF_SECOND, "gate 7 for 1000;b4-6 a1;");
	expect_after(&r, CRF_SECOND, "b7-8 a1;");
	assert_true(r.source.marked == 9);
	rig_fini(&r);
}

static void
batches_share_the_window(void **unused)
{
	(void)unused;
	begin(&by_batch, 5, 1000);
	fake_messages(&r.source, 1, 3);
	expect(&r, "b1-3 a1;");
	pass(r.pool, 400 * CRF_MS);
	fake_messages(&r.source, 4, 7);
	expect(&r, "gate 6 for 600;b4-5 a1;");
	expect_after(&r, 600 * CRF_MS, "b6-7 a1;");
	rig_fini(&r);
}

/* A batch of which nothing may go waits as a whole, and for no longer. */
static void
a_window_that_is_used_up_keeps_a_whole_batch(void **unused)
{
	(void)unused;
	begin(&by_batch, 3, 1000);
	fake_messages(&r.source, 1, 3);
	expect(&r, "b1-3 a1;");
	fake_messages(&r.source, 4, 5);
	expect(&r, "gate 4 for 1000;");
	fake_messages(&r.source, 6, 7);
	expect_after(&r, CRF_SECOND, "b4-5 a1;gate 7 for 1000;b6-6 a1;");
	rig_fini(&r);
}

static void
a_window_that_is_over_starts_anew(void **unused)
{
	(void)unused;
	begin(&by_batch, 2, 1000);
	fake_messages(&r.source, 1, 2);
	expect(&r, "b1-2 a1;");
	pass(r.pool, 1500 * CRF_MS);
	fake_messages(&r.source, 3, 5);
	expect(&r, "gate 5 for 1000;b3-4 a1;");
	rig_fini(&r);
}

static void
retries_do_not_count(void **unused)
{
	(void)unused;
	begin(&by_message, 3, 10000);
	r.fails = 3;
	fake_messages(&r.source, 1, 3);
	pass(r.pool, 5 * CRF_SECOND);
	assert_non_null(strstr(crf_buf_str(&r.log), "m1 a4;m2 a1;m3 a1;"));
	assert_null(strstr(crf_buf_str(&r.log), "gate"));
	rig_fini(&r);
}

static void
what_is_kept_back_is_not_lost_when_it_ends(void **unused)
{
	(void)unused;
	begin(&by_batch, 1, 1000);
	fake_messages(&r.source, 1, 4);
	expect(&r, "gate 2 for 1000;b1-1 a1;");
	crf_lane_raise(r.source.lane, CRF_LANE_REVOKED);
	expect(&r, "");
	assert_true(r.source.marked == 2 && r.source.drained == 1);
	rig_fini(&r);
}

static void
bad_options_are_mistakes(void **unused)
{
	static const struct {
		carafe_throttle_opts opts;
		const char *text;
	} cases[] = {
		{ { .limit = 0 }, "groups.billing.orders.throttle: limit must be at least 1 message, it is 0" },
		{ { .limit = -4 }, "groups.billing.orders.throttle: limit must be at least 1 message, it is -4" },
		{ { .limit = 1, .interval = -1 }, "groups.billing.orders.throttle: interval must be at least 1 ms, it is -1" },
	};

	(void)unused;
	for (size_t i = 0; i < crf_array_len(cases); i++) {
		carafe_throttle_opts o = cases[i].opts;
		carafe_error err;

		rig_init(&r, &by_message);
		o.size = sizeof(o);
		carafe_throttle_(r.route, &o);
		assert_int_equal(crf_app_prepare(r.app, NULL, &err), CARAFE_CONFIG);
		assert_non_null(strstr(err.text, cases[i].text));
		carafe_free(r.app);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_more_than_the_limit_goes_through_in_an_interval),
		cmocka_unit_test(batches_share_the_window),
		cmocka_unit_test(a_window_that_is_used_up_keeps_a_whole_batch),
		cmocka_unit_test(a_window_that_is_over_starts_anew),
		cmocka_unit_test(retries_do_not_count),
		cmocka_unit_test(what_is_kept_back_is_not_lost_when_it_ends),
		cmocka_unit_test(bad_options_are_mistakes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
