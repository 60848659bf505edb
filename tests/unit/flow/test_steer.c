#include "rig.h"

#include <stdlib.h>

#include <carafe/feature/deferral.h>
#include <carafe/feature/dlq.h>
#include <carafe/feature/steer.h>

static struct rig r; /* the one of the test that runs */

/* What the handler does, once, when it is given this offset. */
static struct script {
	int64_t at;
	bool pauses, seeks, keeps_marks;
	carafe_position to;
	int timeout;
	carafe_rc rc;
	int64_t fails; /* this one, once, later on */
	bool spent;
} script;

static carafe_deferred *held[64]; /* by offset */

static carafe_rc
play(carafe_consumer *c)
{
	script.spent = true;
	if (script.pauses)
		assert_int_equal(carafe_pause(c, script.to, script.timeout), CARAFE_OK);
	if (script.seeks)
		assert_int_equal(carafe_seek(c, script.to, !script.keeps_marks), CARAFE_OK);
	return script.rc == CARAFE_FAILED ? carafe_fail(c, "as told") : script.rc;
}

static carafe_rc
message(carafe_consumer *c, const carafe_message *m)
{
	crf_buf_printf(&r.log, "m%" PRId64 " a%d;", m->offset, carafe_attempt(c));
	if (script.spent && m->offset == script.fails) {
		script.fails = 0;
		return carafe_fail(c, "later");
	}
	return m->offset == script.at && !script.spent ? play(c) : CARAFE_OK;
}

static carafe_rc
batch(carafe_consumer *c, const carafe_batch *b)
{
	const carafe_message *first = carafe_batch_at(b, 0), *last = carafe_batch_at(b, carafe_batch_count(b) - 1);

	crf_buf_printf(&r.log, "b%" PRId64 "-%" PRId64 " a%d;", first->offset, last->offset, carafe_attempt(c));
	return script.at >= first->offset && script.at <= last->offset && !script.spent ? play(c) : CARAFE_OK;
}

static carafe_rc
deferring(carafe_consumer *c, const carafe_message *m)
{
	crf_buf_printf(&r.log, "m%" PRId64 ";", m->offset);
	held[m->offset] = carafe_defer(c);
	if (m->offset == script.at && !script.spent)
		play(c);
	return CARAFE_PENDING;
}

static carafe_rc
tick(carafe_consumer *c)
{
	(void)c;
	crf_buf_puts(&r.log, "tick;");
	return CARAFE_OK;
}

static carafe_rc
initialized(carafe_consumer *c)
{
	return script.at == -1 && !script.spent ? play(c) : CARAFE_OK;
}

static const carafe_handler messages = { .message = message, .initialized = initialized };
static const carafe_handler batches = { .consume = batch };
static const carafe_handler deferrals = { .message = deferring };
static const carafe_handler ticking = { .message = message, .tick = tick };

/* Messages 10 to 14, the script not yet played. */
#define begin(handler, ...)                                                                                            \
	do {                                                                                                           \
		script = (struct script){ __VA_ARGS__ };                                                               \
		rig_init(&r, (handler));                                                                               \
		rig_run(&r);                                                                                           \
		fake_messages(&r.source, 10, 14);                                                                      \
	} while (0)

static void
complete(int64_t offset, carafe_rc rc)
{
	assert_int_equal(carafe_complete(held[offset], rc, rc != CARAFE_OK ? "bad luck" : NULL), CARAFE_OK);
	settle(r.pool);
}

static int
outside(struct crf_wish w)
{
	return crf_flow_wish(&r.flow, "billing", "orders", 0, &w);
}

/* ------------------------------------------------------------------------------------------------ pauses */

static void
a_pause_begins_when_the_handler_returns_and_ends_in_time(void **unused)
{
	(void)unused;
	begin(&messages, .at = 11, .pauses = true, .to = carafe_next(), .timeout = 500);
	expect(&r, "m10 a1;m11 a1;paused 12 for 500;");
	assert_true(r.source.marked == 12);
	expect_after(&r, 500 * CRF_MS, "resumed 12;m12 a1;m13 a1;m14 a1;");
	assert_int_equal(r.source.seeks, 0);
	assert_true(r.source.marked == 15);
	rig_fini(&r);
}

static void
a_message_that_is_to_come_again_is_not_marked(void **unused)
{
	(void)unused;
	begin(&messages, .at = 11, .pauses = true, .to = carafe_offset(11), .timeout = 500);
	expect(&r, "m10 a1;m11 a1;paused 12 for 500;sought 11;");
	assert_true(r.source.marked == 11);
	expect_after(&r, 500 * CRF_MS, "resumed 11;m11 a1;m12 a1;m13 a1;m14 a1;");
	assert_int_equal(r.source.seeks, 0); /* it was in hand */
	rig_fini(&r);
}

static void
a_batch_is_marked_up_to_where_it_pauses(void **unused)
{
	(void)unused;
	begin(&batches, .at = 12, .pauses = true, .to = carafe_offset(12), .timeout = 500);
	expect(&r, "b10-14 a1;paused 15 for 500;sought 12;");
	assert_true(r.source.marked == 12);
	expect_after(&r, 500 * CRF_MS, "resumed 12;b12-14 a1;");
	assert_true(r.source.marked == 15);
	assert_int_equal(r.source.seeks, 0);
	rig_fini(&r);
}

static void
a_pause_without_an_end_is_resumed_from_outside(void **unused)
{
	(void)unused;
	begin(&messages, .at = 10, .pauses = true, .to = carafe_next(), .timeout = CARAFE_NONE);
	expect(&r, "m10 a1;paused 11 for -1;");
	pass(r.pool, 3600 * CRF_SECOND);
	expect(&r, "");
	assert_int_equal(outside((struct crf_wish){ .pauses = true }), 1);
	expect(&r, "resumed 11;m11 a1;m12 a1;m13 a1;m14 a1;");
	rig_fini(&r);
}

static void
the_last_pause_counts_be_it_the_shorter(void **unused)
{
	(void)unused;
	begin(&messages, .at = 10, .pauses = true, .to = carafe_next(), .timeout = 5000);
	expect(&r, "m10 a1;paused 11 for 5000;");
	pass(r.pool, 100 * CRF_MS);
	outside((struct crf_wish){ .pauses = true, .until = virtual_now + 200 * CRF_MS });
	expect(&r, "paused 11 for 200;");
	expect_after(&r, 200 * CRF_MS, "resumed 11;m11 a1;m12 a1;m13 a1;m14 a1;");
	rig_fini(&r);
}

static void
a_retry_takes_the_place_of_a_pause(void **unused)
{
	(void)unused;
	begin(&messages, .at = 10, .pauses = true, .to = carafe_next(), .timeout = CARAFE_NONE, .rc = CARAFE_FAILED);
	expect(&r, "m10 a1;error consume 10-14 a1 CARAFE_FAILED: as told;retry 10 a2 in 200;");
	expect_after(&r, 200 * CRF_MS, "m10 a2;m11 a1;m12 a1;m13 a1;m14 a1;");
	rig_fini(&r);
}

static void
what_comes_in_waits_for_the_end_of_a_pause(void **unused)
{
	(void)unused;
	begin(&messages, .at = 14, .pauses = true, .to = carafe_next(), .timeout = 0); /* pause.timeout */
	expect(&r, "m10 a1;m11 a1;m12 a1;m13 a1;m14 a1;paused 15 for 100;");
	fake_messages(&r.source, 15, 16);
	expect_after(&r, 100 * CRF_MS, "resumed 15;m15 a1;m16 a1;");
	rig_fini(&r);
}

static void
ticks_go_on_in_a_pause(void **unused)
{
	(void)unused;
	begin(&ticking, .at = 14, .pauses = true, .to = carafe_next(), .timeout = 12000);
	expect(&r, "m10 a1;m11 a1;m12 a1;m13 a1;m14 a1;paused 15 for 12000;");
	fake_message(&r.source, 15);
	expect_after(&r, 5 * CRF_SECOND, "tick;");
	expect_after(&r, 5 * CRF_SECOND, "tick;");
	expect_after(&r, 2 * CRF_SECOND, "resumed 15;m15 a1;");
	rig_fini(&r);
}

static void
a_paused_partition_is_let_go_at_once(void **unused)
{
	(void)unused;
	begin(&messages, .at = 10, .pauses = true, .to = carafe_next(), .timeout = CARAFE_NONE);
	expect(&r, "m10 a1;paused 11 for -1;");
	crf_lane_raise(r.source.lane, CRF_LANE_REVOKED);
	assert_true(crf_lane_at_rest(r.source.lane));
	settle(r.pool);
	assert_int_equal(r.source.drained, 1);
	rig_fini(&r);
}

/* ------------------------------------------------------------------------------------------------ seeks */

static void
what_is_in_hand_is_not_fetched_again(void **unused)
{
	(void)unused;
	begin(&messages, .at = 13, .seeks = true, .to = carafe_offset(11));
	expect(&r, "m10 a1;m11 a1;m12 a1;m13 a1;sought 11;m11 a1;m12 a1;m13 a1;m14 a1;");
	assert_int_equal(r.source.seeks, 0);
	assert_true(r.source.marked == 15);
	rig_fini(&r);
}

static void
forward_in_hand(void **unused)
{
	(void)unused;
	begin(&messages, .at = 10, .seeks = true, .to = carafe_offset(13));
	expect(&r, "m10 a1;sought 13;m13 a1;m14 a1;");
	assert_int_equal(r.source.seeks, 0);
	rig_fini(&r);
}

static void
where_it_is_already_nothing_happens(void **unused)
{
	(void)unused;
	begin(&batches, .at = 12, .seeks = true, .to = carafe_offset(15));
	expect(&r, "b10-14 a1;");
	assert_true(r.source.marked == 15);
	fake_message(&r.source, 15);
	expect(&r, "b15-15 a1;");
	assert_int_equal(r.source.seeks, 0);
	rig_fini(&r);
}

static void
elsewhere_is_fetched_anew(void **unused)
{
	(void)unused;
	begin(&messages, .at = 11, .seeks = true, .to = carafe_offset(3));
	expect(&r, "m10 a1;m11 a1;");
	assert_int_equal(r.source.seeks, 1);
	assert_int_equal(r.source.sought.kind, CRF_AT_OFFSET);
	assert_true(r.source.sought.value == 3);
	fake_messages(&r.source, 15, 16);
	expect(&r, ""); /* not before the seek is through */
	fake_sought(&r.source, 3);
	expect(&r, "sought 3;");
	fake_messages(&r.source, 3, 4);
	expect(&r, "m3 a1;m4 a1;");
	assert_true(r.source.marked == 11); /* what is committed never moves back */
	rig_fini(&r);
}

static void
a_seek_that_fails_leaves_all_as_it_was(void **unused)
{
	(void)unused;
	begin(&messages, .at = 11, .seeks = true, .to = carafe_time(1234));
	expect(&r, "m10 a1;m11 a1;");
	assert_int_equal(r.source.sought.kind, CRF_AT_TIME);
	fake_not_sought(&r.source, "nobody there");
	expect(&r, "error seek 11--1 a-1 CARAFE_TIMEOUT: nobody there;m11 a1;m12 a1;m13 a1;m14 a1;");
	assert_true(r.source.marked == 15);
	rig_fini(&r);
}

static void
a_seek_that_is_through_after_the_partition_was_lost_is_not_told(void **unused)
{
	(void)unused;
	begin(&messages, .at = 11, .seeks = true, .to = carafe_offset(3));
	expect(&r, "m10 a1;m11 a1;");
	r.source.lost = true;
	crf_lane_raise(r.source.lane, CRF_LANE_LOST);
	fake_sought(&r.source, 3);
	expect(&r, "");
	assert_int_equal(r.source.drained, 1);
	rig_fini(&r);
}

static void
a_run_that_seeks_and_fails_is_retried_from_there(void **unused)
{
	(void)unused;
	begin(&batches, .at = 12, .seeks = true, .to = carafe_offset(13), .rc = CARAFE_FAILED);
	expect(&r, "b10-14 a1;error consume 10-14 a1 CARAFE_FAILED: as told;retry 10 a2 in 200;sought 13;");
	assert_true(r.source.marked == -1);
	expect_after(&r, 200 * CRF_MS, "resumed 13;b13-14 a1;");
	rig_fini(&r);
}

static void
the_back_off_outlasts_a_seek_elsewhere(void **unused)
{
	(void)unused;
	begin(&batches, .at = 12, .seeks = true, .to = carafe_offset(2), .rc = CARAFE_FAILED);
	expect(&r, "b10-14 a1;error consume 10-14 a1 CARAFE_FAILED: as told;retry 10 a2 in 200;");
	fake_sought(&r.source, 2);
	fake_messages(&r.source, 2, 4);
	expect(&r, "sought 2;");
	expect_after(&r, 200 * CRF_MS, "resumed 2;b2-4 a1;");
	rig_fini(&r);
}

static void
a_dead_letter_goes_before_a_seek(void **unused)
{
	(void)unused;
	script = (struct script){ .at = 10, .seeks = true, .to = carafe_offset(13), .rc = CARAFE_FAILED };
	rig_init(&r, &messages);
	carafe_dlq(r.route, .topic = "orders.dead", .max_retries = CARAFE_NONE);
	rig_run(&r);
	fake_messages(&r.source, 10, 14);
	expect(&r, "m10 a1;error consume 10-14 a1 CARAFE_FAILED: as told;");
	answer(0);
	expect(&r, "dead 10 a1 orders.dead[3]@77;sought 13;m13 a1;m14 a1;");
	rig_fini(&r);
}

static void
a_seek_in_a_pause_stays_paused(void **unused)
{
	(void)unused;
	begin(&messages, .at = 13, .pauses = true, .to = carafe_next(), .timeout = 500);
	expect(&r, "m10 a1;m11 a1;m12 a1;m13 a1;paused 14 for 500;");
	outside((struct crf_wish){ .seeks = true, .outside = true, .to = { CRF_AT_OFFSET, 11 } });
	expect(&r, "sought 11;");
	expect_after(&r, 500 * CRF_MS, "resumed 11;m11 a1;m12 a1;m13 a1;m14 a1;");
	rig_fini(&r);
}

static void
a_seek_before_the_first_message(void **unused)
{
	(void)unused;
	begin(&messages, .at = -1, .seeks = true, .to = carafe_latest());
	expect(&r, "");
	assert_int_equal(r.source.sought.kind, CRF_AT_LATEST);
	fake_sought(&r.source, 100);
	fake_message(&r.source, 100);
	expect(&r, "sought 100;m100 a1;");
	assert_true(r.source.marked == 101);
	rig_fini(&r);
}

static void
a_retry_after_a_seek_begins_there(void **unused)
{
	(void)unused;
	begin(&messages, .at = 12, .seeks = true, .to = carafe_offset(10), .fails = 11);
	expect(&r, "m10 a1;m11 a1;m12 a1;sought 10;m10 a1;m11 a1;error consume 11-14 a1 CARAFE_FAILED: later;retry 11 a2 in 200;");
	expect_after(&r, 200 * CRF_MS, "m11 a2;m12 a1;m13 a1;m14 a1;");
	rig_fini(&r);
}

static void
unless_marks_are_kept(void **unused)
{
	(void)unused;
	begin(&messages, .at = 13, .seeks = true, .to = carafe_offset(10), .keeps_marks = true, .fails = 10);
	expect(&r, "m10 a1;m11 a1;m12 a1;m13 a1;sought 10;m10 a1;error consume 10-14 a1 CARAFE_FAILED: later;m13 a1;m14 a1;");
	assert_true(r.source.marked == 15);
	rig_fini(&r);
}

static void
marks_that_are_kept_may_be_further_on_than_what_is_in_hand(void **unused)
{
	(void)unused;
	begin(&messages, .at = 14, .seeks = true, .to = carafe_offset(3), .keeps_marks = true, .fails = 3);
	expect(&r, "m10 a1;m11 a1;m12 a1;m13 a1;m14 a1;");
	fake_sought(&r.source, 3);
	fake_messages(&r.source, 3, 5);
	expect(&r, "sought 3;m3 a1;error consume 3-5 a1 CARAFE_FAILED: later;");
	assert_int_equal(r.source.seeks, 2);
	assert_true(r.source.sought.value == 14);
	fake_sought(&r.source, 14);
	fake_messages(&r.source, 14, 15);
	expect(&r, "sought 14;m14 a1;m15 a1;");
	assert_true(r.source.marked == 16);
	rig_fini(&r);
}

static void
a_seek_that_is_on_its_way_when_the_partition_goes(void **unused)
{
	(void)unused;
	begin(&messages, .at = 11, .seeks = true, .to = carafe_earliest());
	expect(&r, "m10 a1;m11 a1;");
	crf_lane_raise(r.source.lane, CRF_LANE_REVOKED);
	settle(r.pool);
	assert_int_equal(r.source.drained, 0);
	fake_sought(&r.source, 0);
	settle(r.pool);
	assert_int_equal(r.source.drained, 1);
	rig_fini(&r);
}

/* ------------------------------------------------------------------------------------------------ deferred work */

static void
nothing_more_is_handed_out_in_a_pause_and_what_is_in_progress_ends(void **unused)
{
	(void)unused;
	begin(&deferrals, .at = 11, .pauses = true, .to = carafe_next(), .timeout = 500);
	expect(&r, "m10;m11;paused 10 for 500;");
	complete(11, CARAFE_OK);
	complete(10, CARAFE_OK);
	assert_true(r.source.marked == 12);
	expect_after(&r, 500 * CRF_MS, "resumed 12;m12;m13;m14;");
	for (int64_t offset = 12; offset < 15; offset++)
		complete(offset, CARAFE_OK);
	assert_true(r.source.marked == 15);
	rig_fini(&r);
}

static void
a_seek_waits_for_what_is_in_progress(void **unused)
{
	(void)unused;
	begin(&deferrals, .at = 12, .seeks = true, .to = carafe_offset(11));
	expect(&r, "m10;m11;m12;");
	complete(12, CARAFE_OK);
	complete(10, CARAFE_OK);
	expect(&r, "");
	complete(11, CARAFE_OK);
	expect(&r, "sought 11;m11;m12;m13;m14;");
	assert_true(r.source.marked == 11); /* not what is to come again */
	for (int64_t offset = 11; offset < 15; offset++)
		complete(offset, CARAFE_OK);
	assert_true(r.source.marked == 15);
	rig_fini(&r);
}

static void
a_handler_that_seeks_leaves_out_no_failure_before_it(void **unused)
{
	(void)unused;
	begin(&deferrals, .at = 12, .seeks = true, .to = carafe_offset(14));
	expect(&r, "m10;m11;m12;");
	complete(11, CARAFE_FAILED);
	complete(12, CARAFE_OK);
	complete(10, CARAFE_OK);
	expect(&r, "error consume 11-14 a1 CARAFE_FAILED: bad luck;retry 11 a2 in 200;");
	expect_after(&r, 200 * CRF_MS, "m11;");
	complete(11, CARAFE_OK);
	expect(&r, "sought 14;m14;");
	complete(14, CARAFE_OK);
	rig_fini(&r);
}

static void
who_seeks_from_outside_may(void **unused)
{
	(void)unused;
	begin(&deferrals, .at = 99);
	expect(&r, "m10;m11;m12;m13;m14;");
	outside((struct crf_wish){ .seeks = true, .outside = true, .to = { CRF_AT_OFFSET, 15 } });
	for (int64_t offset = 10; offset < 15; offset++)
		complete(offset, offset == 11 ? CARAFE_FAILED : CARAFE_OK);
	expect(&r, "error consume 11-14 a1 CARAFE_FAILED: bad luck;retry 11 a2 in 200;sought 15;");
	fake_message(&r.source, 15);
	expect(&r, "m15;");
	complete(15, CARAFE_OK);
	rig_fini(&r);
}

/* ------------------------------------------------------------------------------------------------ misuse */

static void
what_makes_no_sense_is_refused(void **unused)
{
	carafe_consumer *c;

	(void)unused;
	begin(&messages, .at = 99);
	expect(&r, "m10 a1;m11 a1;m12 a1;m13 a1;m14 a1;");
	c = r.consumer;
	assert_int_equal(carafe_pause(c, carafe_next(), -2), CARAFE_INVALID);
	assert_int_equal(carafe_pause(c, carafe_offset(-1), 10), CARAFE_INVALID);
	assert_int_equal(carafe_seek(c, carafe_offset(-1001), true), CARAFE_INVALID);
	assert_int_equal(carafe_seek(c, carafe_position_of((carafe_at)77, 0), true), CARAFE_INVALID);
	assert_int_equal(carafe_pause_partition(r.app, "billing", "orders", 0, 10), 0); /* it does not run */
	r.source.lost = true;
	assert_int_equal(carafe_pause(c, carafe_next(), 10), CARAFE_LOST);
	assert_int_equal(carafe_seek(c, carafe_offset(1), true), CARAFE_LOST);
	expect(&r, "");
	assert_int_equal(crf_flow_wish(&r.flow, "billing", "orders", 1, &(struct crf_wish){ .pauses = true }), 0);
	assert_int_equal(crf_flow_wish(&r.flow, "other", "orders", 0, &(struct crf_wish){ .pauses = true }), 0);
	r.source.lost = false;
	rig_fini(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pause_begins_when_the_handler_returns_and_ends_in_time),
		cmocka_unit_test(a_message_that_is_to_come_again_is_not_marked),
		cmocka_unit_test(a_batch_is_marked_up_to_where_it_pauses),
		cmocka_unit_test(a_pause_without_an_end_is_resumed_from_outside),
		cmocka_unit_test(the_last_pause_counts_be_it_the_shorter),
		cmocka_unit_test(a_retry_takes_the_place_of_a_pause),
		cmocka_unit_test(what_comes_in_waits_for_the_end_of_a_pause),
		cmocka_unit_test(ticks_go_on_in_a_pause),
		cmocka_unit_test(a_paused_partition_is_let_go_at_once),
		cmocka_unit_test(what_is_in_hand_is_not_fetched_again),
		cmocka_unit_test(forward_in_hand),
		cmocka_unit_test(where_it_is_already_nothing_happens),
		cmocka_unit_test(elsewhere_is_fetched_anew),
		cmocka_unit_test(a_seek_that_fails_leaves_all_as_it_was),
		cmocka_unit_test(a_seek_that_is_through_after_the_partition_was_lost_is_not_told),
		cmocka_unit_test(a_run_that_seeks_and_fails_is_retried_from_there),
		cmocka_unit_test(the_back_off_outlasts_a_seek_elsewhere),
		cmocka_unit_test(a_dead_letter_goes_before_a_seek),
		cmocka_unit_test(a_seek_in_a_pause_stays_paused),
		cmocka_unit_test(a_seek_before_the_first_message),
		cmocka_unit_test(a_retry_after_a_seek_begins_there),
		cmocka_unit_test(unless_marks_are_kept),
		cmocka_unit_test(marks_that_are_kept_may_be_further_on_than_what_is_in_hand),
		cmocka_unit_test(a_seek_that_is_on_its_way_when_the_partition_goes),
		cmocka_unit_test(nothing_more_is_handed_out_in_a_pause_and_what_is_in_progress_ends),
		cmocka_unit_test(a_seek_waits_for_what_is_in_progress),
		cmocka_unit_test(a_handler_that_seeks_leaves_out_no_failure_before_it),
		cmocka_unit_test(who_seeks_from_outside_may),
		cmocka_unit_test(what_makes_no_sense_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
