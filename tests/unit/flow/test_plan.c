#include "flow/plan.h"

#include "rig.h"

static const struct crf_topic *
topic(const struct rig *r)
{
	return &r->app->routing.connections[0].topics[0];
}

static void
expect_plan(struct rig *r, const char *plan)
{
	CRF_AUTO(crf_buf) text = { 0 };
	carafe_error err = { 0 };

	if (crf_app_prepare(r->app, NULL, &err) != CARAFE_OK)
		fail_msg("%s", err.text);
	crf_plan_describe(topic(r), &text);
	assert_string_equal(crf_buf_str(&text), plan);
	carafe_free(r->app);
}

/* Whatever the order in which they were drawn. */
static void
features_stand_in_their_one_order(void **unused)
{
	struct rig r;

	(void)unused;
	rig_init(&r, &by_message);
	carafe_retry(r.route, .timeout = 5);
	carafe_dlq(r.route, .topic = "dead");
	carafe_throttle(r.route, .limit = 5);
	expect_plan(&r, "throttle auto_mark dlq retry");
}

static void
what_was_not_drawn_is_not_there(void **unused)
{
	struct rig r;

	(void)unused;
	rig_init(&r, &by_message);
	expect_plan(&r, "auto_mark retry"); /* retry needs no drawing */
	rig_init_with(&r, &by_message, .marking = CARAFE_MARK_MANUAL);
	expect_plan(&r, "retry");
	rig_init_with(&r, &by_message, .marking = CARAFE_MARK_MANUAL);
	carafe_dlq(r.route, .topic = "dead");
	expect_plan(&r, "dlq retry");
}

static void
only_stages_with_steps_cost_something(void **unused)
{
	struct rig r;
	const struct crf_plan *p;

	(void)unused;
	rig_init(&r, &by_message);
	assert_int_equal(crf_app_prepare(r.app, NULL, NULL), CARAFE_OK);
	p = topic(&r)->plan;
	assert_int_equal(p->step_count[CRF_FILTER], 0);
	assert_int_equal(p->step_count[CRF_AFTER], 2);
	assert_int_equal(p->state_size, 0);
	carafe_free(r.app);

	rig_init(&r, &by_message);
	carafe_throttle(r.route, .limit = 5);
	assert_int_equal(crf_app_prepare(r.app, NULL, NULL), CARAFE_OK);
	p = topic(&r)->plan;
	assert_int_equal(p->step_count[CRF_FILTER], 1);
	assert_int_equal(p->step_count[CRF_AFTER], 2);
	assert_true(p->state_size > 0 && p->state_size % _Alignof(max_align_t) == 0);
	carafe_free(r.app);
}

static void
note_target(const char *name, void *arg)
{
	crf_buf_printf(arg, "%s;", name);
}

static void
a_plan_tells_where_it_writes(void **unused)
{
	CRF_AUTO(crf_buf) targets = { 0 };
	struct rig r;

	(void)unused;
	rig_init(&r, &by_message);
	assert_int_equal(crf_app_prepare(r.app, NULL, NULL), CARAFE_OK);
	crf_plan_targets(topic(&r), note_target, &targets);
	assert_string_equal(crf_buf_str(&targets), "");
	carafe_free(r.app);

	rig_init(&r, &by_message);
	carafe_dlq(r.route, .topic = "orders.dead");
	assert_int_equal(crf_app_prepare(r.app, NULL, NULL), CARAFE_OK);
	crf_plan_targets(topic(&r), note_target, &targets);
	assert_string_equal(crf_buf_str(&targets), "orders.dead;");
	carafe_free(r.app);
}

static void
note_problem(const char *path, const char *problem, void *arg)
{
	(void)problem;
	crf_buf_printf(arg, "%s;", path);
}

/* Each at its own path, all at once. */
static void
every_mistake_of_every_feature_is_told(void **unused)
{
	CRF_AUTO(crf_buf) paths = { 0 };
	struct rig r;
	carafe_route *other;

	(void)unused;
	rig_init(&r, &by_message);
	carafe_retry(r.route, .timeout = -1);
	carafe_dlq(r.route, .topic = "no good", .max_retries = -7);
	other = carafe_route(carafe_group(r.app, "billing"), "refunds", .handler = &by_batch);
	carafe_throttle(other, .interval = -1);
	assert_int_equal(carafe_check(r.app, note_problem, &paths), 5);
	assert_string_equal(crf_buf_str(&paths), "groups.billing.orders.dlq;groups.billing.orders.dlq;groups.billing.orders.retry;"
						 "groups.billing.refunds.throttle;groups.billing.refunds.throttle;");
	carafe_free(r.app);
}

/* A program built with a newer header: fine as long as it asks for nothing that this library does not know. */
static void
options_of_a_newer_header_are_refused_when_they_say_something_new(void **unused)
{
	struct {
		carafe_throttle_opts opts;
		int new_option;
	} newer = { .opts = { .size = sizeof(newer), .limit = 3 } };
	CRF_AUTO(crf_buf) paths = { 0 };
	struct rig r;

	(void)unused;
	rig_init(&r, &by_message);
	carafe_throttle_(r.route, &newer.opts);
	expect_plan(&r, "throttle auto_mark retry");
	newer.new_option = 1;
	rig_init(&r, &by_message);
	carafe_throttle_(r.route, &newer.opts);
	assert_int_equal(carafe_check(r.app, note_problem, &paths), 1);
	assert_string_equal(crf_buf_str(&paths), "groups.billing.orders.throttle;");
	assert_non_null(strstr(r.app->problems.items[0].text, "only a newer carafe knows"));
	carafe_free(r.app);
}

static void
a_mistake_of_the_settings_is_told_once_and_not_for_every_route(void **unused)
{
	CRF_AUTO(crf_buf) paths = { 0 };
	struct rig r;

	(void)unused;
	rig_draw(&r, &by_message, &(carafe_route_opts){ 0 }, CARAFE_KV({ "pause.max_timeout", "10" }));
	carafe_route(carafe_group(r.app, "billing"), "refunds", .handler = &by_message);
	assert_int_equal(carafe_check(r.app, note_problem, &paths), 1);
	assert_string_equal(crf_buf_str(&paths), "pause.timeout;");
	carafe_free(r.app);
	crf_buf_reset(&paths);
	rig_draw(&r, &by_message, &(carafe_route_opts){ 0 }, CARAFE_KV({ "pause.timeout", "5" }));
	carafe_retry(r.route, .max_timeout = 4);
	assert_int_equal(carafe_check(r.app, note_problem, &paths), 1);
	assert_string_equal(crf_buf_str(&paths), "groups.billing.orders.retry;");
	carafe_free(r.app);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(features_stand_in_their_one_order),
		cmocka_unit_test(what_was_not_drawn_is_not_there),
		cmocka_unit_test(only_stages_with_steps_cost_something),
		cmocka_unit_test(a_plan_tells_where_it_writes),
		cmocka_unit_test(every_mistake_of_every_feature_is_told),
		cmocka_unit_test(a_mistake_of_the_settings_is_told_once_and_not_for_every_route),
		cmocka_unit_test(options_of_a_newer_header_are_refused_when_they_say_something_new),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
