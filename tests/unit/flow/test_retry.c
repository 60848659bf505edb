#include "rig.h"

#define LUCK " CARAFE_FAILED: no luck;"

static void
the_back_off_doubles_up_to_its_cap(void **unused)
{
	struct rig r;

	(void)unused;
	rig_init(&r, &by_message);
	rig_run(&r);
	r.fails = 5;
	fake_message(&r.source, 7);
	expect(&r, "m7 a1;error consume 7-7 a1" LUCK "retry 7 a2 in 200;");
	expect_after(&r, 200 * CRF_MS, "m7 a2;error consume 7-7 a2" LUCK "retry 7 a3 in 400;");
	expect_after(&r, 400 * CRF_MS, "m7 a3;error consume 7-7 a3" LUCK "retry 7 a4 in 800;");
	expect_after(&r, 800 * CRF_MS, "m7 a4;error consume 7-7 a4" LUCK "retry 7 a5 in 1000;");
	expect_after(&r, 1000 * CRF_MS, "m7 a5;error consume 7-7 a5" LUCK "retry 7 a6 in 1000;");
	expect_after(&r, 1000 * CRF_MS, "m7 a6;");
	assert_true(r.source.marked == 8);
	r.fails = 1; /* the count starts anew with the next work */
	fake_message(&r.source, 8);
	expect(&r, "m8 a1;error consume 8-8 a1" LUCK "retry 8 a2 in 200;");
	rig_fini(&r);
}

static carafe_rc
slow(carafe_consumer *c, const carafe_message *m)
{
	carafe_rc rc = on_message(c, m);

	virtual_now += 5 * CRF_SECOND;
	return rc;
}

static void
a_slow_handler_still_backs_off(void **unused)
{
	static const carafe_handler handler = { .message = slow };
	struct rig r;

	(void)unused;
	rig_init(&r, &handler);
	rig_run(&r);
	r.fails = 1;
	fake_message(&r.source, 7);
	expect(&r, "m7 a1;error consume 7-7 a1" LUCK "retry 7 a2 in 200;");
	expect_after(&r, 200 * CRF_MS, "m7 a2;");
	rig_fini(&r);
}

static void
a_constant_back_off(void **unused)
{
	struct rig r;

	(void)unused;
	rig_init(&r, &by_message);
	carafe_retry(r.route, .timeout = 50, .constant = 1);
	rig_run(&r);
	r.fails = 3;
	fake_message(&r.source, 7);
	expect(&r, "m7 a1;error consume 7-7 a1" LUCK "retry 7 a2 in 50;");
	expect_after(&r, 50 * CRF_MS, "m7 a2;error consume 7-7 a2" LUCK "retry 7 a3 in 50;");
	expect_after(&r, 50 * CRF_MS, "m7 a3;error consume 7-7 a3" LUCK "retry 7 a4 in 50;");
	rig_fini(&r);
}

/* pause.with_exponential_backoff=false: constant, unless the route says otherwise. */
static void
what_is_not_drawn_is_as_the_settings_say(void **unused)
{
	static const struct {
		carafe_retry_opts opts;
		crf_ns first, second;
	} cases[] = {
		{ { .timeout = 0 }, 300, 300 },
		{ { .timeout = 70 }, 70, 70 },
		{ { .timeout = 70, .constant = 1 }, 70, 70 },
		{ { .timeout = 70, .max_timeout = 200, .constant = CARAFE_NONE }, 140, 200 },
		{ { .constant = CARAFE_NONE }, 600, 700 },
	};
	struct rig r;

	(void)unused;
	for (size_t i = 0; i < crf_array_len(cases); i++) {
		carafe_retry_opts o = cases[i].opts;

		rig_draw(&r, &by_message, &(carafe_route_opts){ 0 }, CARAFE_KV({ "pause.timeout", "300" },
		    { "pause.max_timeout", "700" }, { "pause.with_exponential_backoff", "false" }));
		o.size = sizeof(o);
		carafe_retry_(r.route, &o);
		rig_run(&r);
		r.fails = 2;
		fake_message(&r.source, 7);
		settle(r.pool);
		crf_buf_reset(&r.log);
		pass(r.pool, cases[i].first * CRF_MS - 1);
		expect(&r, "");
		pass(r.pool, 1);
		assert_non_null(strstr(crf_buf_str(&r.log), "m7 a2;"));
		crf_buf_reset(&r.log);
		expect_after(&r, cases[i].second * CRF_MS, "m7 a3;");
		rig_fini(&r);
	}
}

/* A batch counts as a whole and runs again from its first message that is not marked. */
static void
a_batch_runs_again_from_what_is_not_marked(void **unused)
{
	struct rig r;

	(void)unused;
	rig_init(&r, &by_batch);
	rig_run(&r);
	r.fails = 2;
	r.mark[0] = 12;
	fake_messages(&r.source, 10, 14);
	expect(&r, "b10-14 a1;error consume 10-14 a1" LUCK "retry 13 a2 in 200;");
	assert_true(r.source.marked == 13);
	r.mark[0] = 13;
	fake_messages(&r.source, 15, 16); /* not part of it */
	expect_after(&r, 200 * CRF_MS, "b13-14 a2;error consume 13-14 a2" LUCK "retry 14 a3 in 400;");
	r.mark[0] = 0;
	expect_after(&r, 400 * CRF_MS, "b14-14 a3;b15-16 a1;");
	assert_true(r.source.marked == 17);
	rig_fini(&r);
}

/* A message handler's failure is of one message: those before it are done, and counted out. */
static void
a_message_runs_again_alone(void **unused)
{
	struct rig r;

	(void)unused;
	rig_init(&r, &by_message);
	rig_run(&r);
	r.bad = 12;
	fake_messages(&r.source, 10, 13);
	expect(&r, "m10 a1;m11 a1;m12 a1;error consume 12-13 a1" LUCK "retry 12 a2 in 200;");
	assert_true(r.source.marked == 12);
	expect_after(&r, 200 * CRF_MS, "m12 a2;error consume 12-13 a2" LUCK "retry 12 a3 in 400;");
	r.bad = 13;
	expect_after(&r, 400 * CRF_MS, "m12 a3;m13 a1;error consume 13-13 a1" LUCK "retry 13 a2 in 200;");
	r.bad = -1;
	expect_after(&r, 200 * CRF_MS, "m13 a2;");
	rig_fini(&r);
}

static void
a_batch_that_marked_everything_is_done_though_it_failed(void **unused)
{
	struct rig r;

	(void)unused;
	rig_init(&r, &by_batch);
	rig_run(&r);
	r.fails = 1;
	r.mark[0] = 14;
	fake_messages(&r.source, 10, 14);
	expect(&r, "b10-14 a1;error consume 10-14 a1" LUCK);
	fake_message(&r.source, 15);
	expect(&r, "b15-15 a1;");
	rig_fini(&r);
}

static void
bad_options_are_mistakes(void **unused)
{
	static const struct {
		carafe_retry_opts opts;
		const char *text;
	} cases[] = {
		{ { .timeout = -1 }, "groups.billing.orders.retry: timeout and max_timeout must be at least 1 ms, they are -1 and 1000" },
		{ { .max_timeout = -5 }, "groups.billing.orders.retry: timeout and max_timeout must be at least 1 ms, they are 100 and -5" },
		{ { .timeout = 2000 }, "groups.billing.orders.retry: timeout (2000 ms) is longer than max_timeout (1000 ms)" },
	};

	(void)unused;
	for (size_t i = 0; i < crf_array_len(cases); i++) {
		carafe_retry_opts o = cases[i].opts;
		carafe_error err;
		struct rig r;

		rig_init(&r, &by_message);
		o.size = sizeof(o);
		carafe_retry_(r.route, &o);
		assert_int_equal(crf_app_prepare(r.app, NULL, &err), CARAFE_CONFIG);
		assert_non_null(strstr(err.text, cases[i].text));
		carafe_free(r.app);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_back_off_doubles_up_to_its_cap),
		cmocka_unit_test(a_slow_handler_still_backs_off),
		cmocka_unit_test(a_constant_back_off),
		cmocka_unit_test(what_is_not_drawn_is_as_the_settings_say),
		cmocka_unit_test(a_batch_runs_again_from_what_is_not_marked),
		cmocka_unit_test(a_message_runs_again_alone),
		cmocka_unit_test(a_batch_that_marked_everything_is_done_though_it_failed),
		cmocka_unit_test(bad_options_are_mistakes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
