#include "rig.h"

#define LUCK " CARAFE_FAILED: no luck;"

static struct rig r; /* the one of the test that runs */

static void
begin(const carafe_handler *handler, carafe_dlq_opts dlq, carafe_marking marking)
{
	rig_init_with(&r, handler, .marking = marking);
	dlq.size = sizeof(dlq);
	dlq.topic = "orders.dead";
	carafe_dlq_(r.route, &dlq);
	rig_run(&r);
}

static void
what_failed_often_enough_is_dispatched_and_marked(void **unused)
{
	(void)unused;
	begin(&by_message, (carafe_dlq_opts){ .max_retries = 2 }, 0);
	r.bad = 11;
	fake_messages(&r.source, 10, 12);
	expect(&r, "m10 a1;m11 a1;error consume 11-12 a1" LUCK "retry 11 a2 in 200;");
	expect_after(&r, 200 * CRF_MS, "m11 a2;error consume 11-12 a2" LUCK "retry 11 a3 in 400;");
	expect_after(&r, 400 * CRF_MS, "m11 a3;error consume 11-12 a3" LUCK);
	assert_int_equal(sent_count, 1);
	assert_true(r.source.marked == 11); /* not before it is acknowledged */
	pass(r.pool, 3600 * CRF_SECOND);
	expect(&r, "");
	answer(0);
	expect(&r, "dead 11 a3 orders.dead[3]@77;m12 a1;");
	assert_true(r.source.marked == 13);
	assert_true(atomic_load(&r.flow.dead) == 1);
	rig_fini(&r);
}

static void
a_dead_letter_says_where_it_comes_from(void **unused)
{
	(void)unused;
	begin(&by_message, (carafe_dlq_opts){ .max_retries = CARAFE_NONE }, 0);
	r.bad = 11;
	fake_push(&r.source, (struct native){ .offset = 11, .key = "k", .value = "v" });
	expect(&r, "m11 a1;error consume 11-11 a1" LUCK);
	assert_string_equal(sent[0].text, "orders.dead k=v {source_topic=orders source_partition=0 source_offset=11 "
					  "source_consumer_group=billing source_attempts=1 source_error=no luck} @0");
	rig_fini(&r);
}

static void
the_default_is_three_retries(void **unused)
{
	(void)unused;
	begin(&by_message, (carafe_dlq_opts){ .max_retries = 0 }, 0);
	r.bad = 11;
	fake_message(&r.source, 11);
	pass(r.pool, 60 * CRF_SECOND);
	assert_int_equal(sent_count, 1);
	assert_true(atomic_load(&r.flow.failed) == 4);
	rig_fini(&r);
}

/* The first and the last of a batch, and several in a row. */
static void
every_bad_one_goes_and_the_others_are_handled(void **unused)
{
	(void)unused;
	begin(&by_message, (carafe_dlq_opts){ .max_retries = CARAFE_NONE }, 0);
	r.verdict = CARAFE_INVALID;
	r.fails = 2;
	r.bad = 13;
	fake_messages(&r.source, 10, 13);
	expect(&r, "m10 a1;error consume 10-13 a1 CARAFE_INVALID: the handler returned CARAFE_INVALID;");
	answer(0);
	expect(&r, "dead 10 a1 orders.dead[3]@77;m11 a1;error consume 11-13 a1 CARAFE_INVALID: the handler returned "
		   "CARAFE_INVALID;");
	answer(0);
	expect(&r, "dead 11 a1 orders.dead[3]@77;m12 a1;m13 a1;error consume 13-13 a1 CARAFE_INVALID: the handler returned "
		   "CARAFE_INVALID;");
	fake_message(&r.source, 14); /* waits its turn: dead letters stay in order */
	expect(&r, "");
	answer(0);
	expect(&r, "dead 13 a1 orders.dead[3]@77;m14 a1;");
	assert_true(r.source.marked == 15);
	rig_fini(&r);
}

/* ------------------------------------------------------------------------------------------------ batches */

/* Nothing marked: the good ones ahead of the bad one go one by one, since nobody knows which it was. */
static void
a_batch_without_marks_is_skipped_one_by_one(void **unused)
{
	(void)unused;
	begin(&by_batch, (carafe_dlq_opts){ .max_retries = CARAFE_NONE }, 0);
	r.bad = 11;
	fake_messages(&r.source, 10, 12);
	expect(&r, "b10-12 a1;error consume 10-12 a1" LUCK);
	answer(0);
	expect(&r, "dead 10 a1 orders.dead[3]@77;b11-12 a1;error consume 11-12 a1" LUCK);
	answer(0);
	expect(&r, "dead 11 a1 orders.dead[3]@77;b12-12 a1;");
	assert_true(r.source.marked == 13);
	rig_fini(&r);
}

static void
marks_lead_to_the_bad_one(void **unused)
{
	(void)unused;
	begin(&by_batch, (carafe_dlq_opts){ .max_retries = 1 }, 0);
	r.bad = 12;
	r.mark[0] = 11;
	fake_messages(&r.source, 10, 13);
	expect(&r, "b10-13 a1;error consume 10-13 a1" LUCK "retry 12 a2 in 200;");
	expect_after(&r, 200 * CRF_MS, "b12-13 a2;error consume 12-13 a2" LUCK);
	answer(0);
	expect(&r, "dead 12 a2 orders.dead[3]@77;b13-13 a1;");
	rig_fini(&r);
}

/* A batch's count is shared by whatever fails in it ... */
static void
a_rolling_error_shares_the_count(void **unused)
{
	(void)unused;
	begin(&by_batch, (carafe_dlq_opts){ .max_retries = 1 }, 0);
	r.fails = 3;
	r.mark[0] = 10;
	fake_messages(&r.source, 10, 14);
	expect(&r, "b10-14 a1;error consume 10-14 a1" LUCK "retry 11 a2 in 200;");
	r.mark[0] = 11;
	expect_after(&r, 200 * CRF_MS, "b11-14 a2;error consume 11-14 a2" LUCK);
	assert_non_null(strstr(sent[0].text, "source_offset=12")); /* which has failed but once */
	rig_fini(&r);
}

/* ... unless it is independent: each mark starts it anew, and the back-off with it. */
static void
an_independent_count_starts_anew_with_each_mark(void **unused)
{
	(void)unused;
	begin(&by_batch, (carafe_dlq_opts){ .max_retries = 1, .independent = 1 }, 0);
	r.fails = 4;
	r.mark[0] = 10;
	fake_messages(&r.source, 10, 14);
	expect(&r, "b10-14 a1;error consume 10-14 a1" LUCK "retry 11 a2 in 200;");
	r.mark[0] = 11;
	expect_after(&r, 200 * CRF_MS, "b11-14 a2;error consume 11-14 a2" LUCK "retry 12 a2 in 200;");
	r.mark[0] = 12;
	expect_after(&r, 200 * CRF_MS, "b12-14 a2;error consume 12-14 a2" LUCK "retry 13 a2 in 200;");
	r.mark[0] = 0;
	expect_after(&r, 200 * CRF_MS, "b13-14 a2;error consume 13-14 a2" LUCK);
	answer(0);
	expect(&r, "dead 13 a2 orders.dead[3]@77;b14-14 a1;");
	rig_fini(&r);
}

/* The run that failed was the first of what is left, and with no retries the first is enough. */
static void
independent_and_straight_to_the_queue(void **unused)
{
	(void)unused;
	begin(&by_batch, (carafe_dlq_opts){ .max_retries = CARAFE_NONE, .independent = 1 }, 0);
	r.fails = 1;
	r.mark[0] = 11;
	fake_messages(&r.source, 10, 14);
	expect(&r, "b10-14 a1;error consume 10-14 a1" LUCK);
	answer(0);
	expect(&r, "dead 12 a1 orders.dead[3]@77;b13-14 a1;");
	rig_fini(&r);
}

static void
independent_changes_nothing_for_message_handlers(void **unused)
{
	(void)unused;
	begin(&by_message, (carafe_dlq_opts){ .max_retries = CARAFE_NONE, .independent = 1 }, 0);
	r.bad = 12;
	fake_messages(&r.source, 10, 13);
	expect(&r, "m10 a1;m11 a1;m12 a1;error consume 12-13 a1" LUCK);
	answer(0);
	expect(&r, "dead 12 a1 orders.dead[3]@77;m13 a1;");
	rig_fini(&r);
}

/* ------------------------------------------------------------------------------------------------ marking */

static void
left_unmarked_when_asked(void **unused)
{
	(void)unused;
	begin(&by_message, (carafe_dlq_opts){ .max_retries = CARAFE_NONE, .leave_unmarked = 1 }, 0);
	r.bad = 11;
	fake_messages(&r.source, 10, 11);
	expect(&r, "m10 a1;m11 a1;error consume 11-11 a1" LUCK);
	answer(0);
	expect(&r, "dead 11 a1 orders.dead[3]@77;");
	assert_true(r.source.marked == 11);
	fake_message(&r.source, 12); /* goes on all the same */
	expect(&r, "m12 a1;");
	assert_true(r.source.marked == 13);
	rig_fini(&r);
}

static void
manual_marking_marks_no_dead_letter(void **unused)
{
	(void)unused;
	begin(&by_batch, (carafe_dlq_opts){ .max_retries = CARAFE_NONE }, CARAFE_MARK_MANUAL);
	r.bad = 10;
	fake_messages(&r.source, 10, 11);
	expect(&r, "b10-11 a1;error consume 10-11 a1" LUCK);
	answer(0);
	expect(&r, "dead 10 a1 orders.dead[3]@77;b11-11 a1;");
	assert_int_equal(r.source.marks, 0);
	rig_fini(&r);
}

/* ------------------------------------------------------------------------------------------------ failures */

static void
a_dispatch_that_fails_is_run_again_and_never_skipped(void **unused)
{
	(void)unused;
	begin(&by_message, (carafe_dlq_opts){ .max_retries = 1 }, 0);
	r.bad = 11;
	fake_messages(&r.source, 11, 12);
	expect(&r, "m11 a1;error consume 11-12 a1" LUCK "retry 11 a2 in 200;");
	expect_after(&r, 200 * CRF_MS, "m11 a2;error consume 11-12 a2" LUCK);
	answer(-192);
	expect(&r, "undead 11 no leader;retry 11 a3 in 400;");
	expect_after(&r, 400 * CRF_MS, "m11 a3;error consume 11-12 a3" LUCK);
	assert_int_equal(sent_count, 2);
	producer_is_full = true;
	answer(-192);
	expect(&r, "undead 11 no leader;retry 11 a4 in 800;");
	expect_after(&r, 800 * CRF_MS, "m11 a4;error consume 11-12 a4" LUCK "undead 11 the queue is full;retry 11 a5 in 1000;");
	assert_int_equal(r.source.marks, 0);
	r.bad = -1; /* the handler may do better in the meantime */
	expect_after(&r, 1000 * CRF_MS, "m11 a5;m12 a1;");
	assert_true(r.source.marked == 13 && atomic_load(&r.flow.dead) == 0);
	rig_fini(&r);
}

static void
nothing_is_dispatched_for_a_partition_that_is_lost(void **unused)
{
	(void)unused;
	begin(&by_message, (carafe_dlq_opts){ .max_retries = CARAFE_NONE }, 0);
	r.bad = 11;
	r.source.lost = true;
	r.raise = CRF_LANE_LOST;
	fake_messages(&r.source, 11, 12);
	settle(r.pool);
	assert_int_equal(sent_count, 0);
	assert_int_equal(r.source.drained, 1);
	rig_fini(&r);
}

/* Revoked while its dead letter is on the way: waits for that, marks, and is then drained. */
static void
a_revocation_waits_for_the_acknowledgement(void **unused)
{
	(void)unused;
	begin(&by_message, (carafe_dlq_opts){ .max_retries = CARAFE_NONE }, 0);
	r.bad = 11;
	fake_messages(&r.source, 11, 12);
	settle(r.pool);
	crf_lane_raise(r.source.lane, CRF_LANE_REVOKED);
	settle(r.pool);
	assert_int_equal(r.source.drained, 0);
	crf_buf_reset(&r.log);
	answer(0);
	expect(&r, "dead 11 a1 orders.dead[3]@77;");
	assert_int_equal(r.source.drained, 1);
	assert_true(r.source.marked == 12);
	rig_fini(&r);
}

/* The epoch ended first: the letter is there, the mark is refused, somebody else will run it again. */
static void
an_acknowledgement_after_the_end_marks_nothing(void **unused)
{
	(void)unused;
	begin(&by_message, (carafe_dlq_opts){ .max_retries = CARAFE_NONE }, 0);
	r.bad = 11;
	fake_messages(&r.source, 11, 12);
	settle(r.pool);
	r.source.lost = true;
	crf_lane_raise(r.source.lane, CRF_LANE_LOST);
	crf_lane_raise(r.source.lane, CRF_LANE_ENDED);
	settle(r.pool);
	assert_int_equal(r.source.out, 0);
	assert_false(r.source.released);
	crf_buf_reset(&r.log);
	answer(0);
	expect(&r, "dead 11 a1 orders.dead[3]@77;");
	assert_true(r.source.released);
	assert_int_equal(r.source.marks, 0);
	rig_fini(&r);
}

static void
bad_options_are_mistakes(void **unused)
{
	static const struct {
		carafe_dlq_opts opts;
		const char *text;
	} cases[] = {
		{ { .topic = NULL }, "groups.billing.orders.dlq: topic" },
		{ { .topic = "a b" }, "groups.billing.orders.dlq: topic" },
		{ { .topic = "orders" }, "groups.billing.orders.dlq: topic is the one that is consumed" },
		{ { .topic = "dead", .max_retries = -2 }, "groups.billing.orders.dlq: max_retries must be 0 or more" },
	};

	(void)unused;
	for (size_t i = 0; i < crf_array_len(cases); i++) {
		carafe_dlq_opts o = cases[i].opts;
		carafe_error err;

		rig_init(&r, &by_message);
		o.size = sizeof(o);
		carafe_dlq_(r.route, &o);
		assert_int_equal(crf_app_prepare(r.app, NULL, &err), CARAFE_CONFIG);
		if (strstr(err.text, cases[i].text) == NULL)
			fail_msg("\"%s\" is not in \"%s\"", cases[i].text, err.text);
		carafe_free(r.app);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_failed_often_enough_is_dispatched_and_marked),
		cmocka_unit_test(a_dead_letter_says_where_it_comes_from),
		cmocka_unit_test(the_default_is_three_retries),
		cmocka_unit_test(every_bad_one_goes_and_the_others_are_handled),
		cmocka_unit_test(a_batch_without_marks_is_skipped_one_by_one),
		cmocka_unit_test(marks_lead_to_the_bad_one),
		cmocka_unit_test(a_rolling_error_shares_the_count),
		cmocka_unit_test(an_independent_count_starts_anew_with_each_mark),
		cmocka_unit_test(independent_and_straight_to_the_queue),
		cmocka_unit_test(independent_changes_nothing_for_message_handlers),
		cmocka_unit_test(left_unmarked_when_asked),
		cmocka_unit_test(manual_marking_marks_no_dead_letter),
		cmocka_unit_test(a_dispatch_that_fails_is_run_again_and_never_skipped),
		cmocka_unit_test(nothing_is_dispatched_for_a_partition_that_is_lost),
		cmocka_unit_test(a_revocation_waits_for_the_acknowledgement),
		cmocka_unit_test(an_acknowledgement_after_the_end_marks_nothing),
		cmocka_unit_test(bad_options_are_mistakes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
