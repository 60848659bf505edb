#include "rig.h"

#include <stdlib.h>

#include <carafe/feature/deferral.h>

static struct rig r; /* the one of the test that runs */

#define PLENTY 4096

static carafe_deferred *held[PLENTY]; /* by offset; what is in progress */
static int64_t batch_first;
static carafe_deferred *whole;

static carafe_rc
defer_message(carafe_consumer *c, const carafe_message *m)
{
	crf_buf_printf(&r.log, "m%" PRId64 " a%d;", m->offset, carafe_attempt(c));
	assert_null(held[m->offset]);
	held[m->offset] = carafe_defer(c);
	assert_non_null(held[m->offset]);
	assert_null(carafe_defer(c)); /* once */
	assert_true(carafe_deferred_message(held[m->offset])->offset == m->offset);
	return CARAFE_PENDING;
}

static carafe_rc
defer_batch(carafe_consumer *c, const carafe_batch *batch)
{
	batch_first = carafe_batch_at(batch, 0)->offset;
	crf_buf_printf(&r.log, "b%" PRId64 "+%zu a%d;", batch_first, carafe_batch_count(batch), carafe_attempt(c));
	whole = carafe_defer(c);
	assert_null(carafe_deferred_message(whole));
	return CARAFE_PENDING;
}

static const carafe_handler deferring = { .message = defer_message };
static const carafe_handler deferring_batches = { .consume = defer_batch };

static carafe_rc
complete(int64_t offset, carafe_rc rc)
{
	carafe_deferred *d = held[offset];

	held[offset] = NULL;
	return carafe_complete(d, rc, rc != CARAFE_OK ? "bad luck" : NULL);
}

static void
done(int64_t offset)
{
	assert_int_equal(complete(offset, CARAFE_OK), CARAFE_OK);
	settle(r.pool);
}

static void
begin(const carafe_handler *handler)
{
	rig_init(&r, handler);
	rig_run(&r);
}

static void
the_next_ones_are_handed_out_without_waiting(void **unused)
{
	(void)unused;
	begin(&deferring);
	fake_messages(&r.source, 10, 12);
	expect(&r, "m10 a1;m11 a1;m12 a1;");
	fake_messages(&r.source, 13, 14); /* while those are in progress */
	expect(&r, "m13 a1;m14 a1;");
	for (int64_t offset = 10; offset <= 14; offset++)
		done(offset);
	expect(&r, "");
	assert_true(r.source.marked == 15);
	assert_true(atomic_load(&r.flow.consumed) == 5);
	rig_fini(&r);
}

static void
nothing_is_marked_before_what_is_in_progress(void **unused)
{
	(void)unused;
	begin(&deferring);
	fake_messages(&r.source, 10, 14);
	expect(&r, "m10 a1;m11 a1;m12 a1;m13 a1;m14 a1;");
	done(11);
	done(13);
	assert_true(r.source.marked == -1);
	done(10);
	assert_true(r.source.marked == 12);
	done(14);
	assert_true(r.source.marked == 12);
	done(12);
	assert_true(r.source.marked == 15);
	rig_fini(&r);
}

static void
since_when_the_first_of_those_in_progress_is_waited_for(void **unused)
{
	crf_ns first, next;

	(void)unused;
	begin(&deferring);
	assert_true(crf_flow_deferred_since(&r.flow) == 0);
	fake_messages(&r.source, 10, 12);
	expect(&r, "m10 a1;m11 a1;m12 a1;");
	first = crf_flow_deferred_since(&r.flow);
	assert_true(first != 0);
	pass(r.pool, CRF_SECOND);
	done(11);
	fake_messages(&r.source, 13, 13);
	expect(&r, "m13 a1;");
	assert_true(crf_flow_deferred_since(&r.flow) == first); /* others that come and go do not help it */
	done(10);
	next = crf_flow_deferred_since(&r.flow);
	assert_true(next == first + CRF_SECOND);
	done(12);
	done(13);
	assert_true(crf_flow_deferred_since(&r.flow) == 0);
	rig_fini(&r);
}

static void
since_when_a_batch_is_waited_for(void **unused)
{
	crf_ns first;

	(void)unused;
	begin(&deferring_batches);
	fake_messages(&r.source, 10, 11);
	expect(&r, "b10+2 a1;");
	first = crf_flow_deferred_since(&r.flow);
	fake_messages(&r.source, 12, 12);
	pass(r.pool, CRF_SECOND);
	carafe_complete(whole, CARAFE_OK, NULL);
	expect(&r, "b12+1 a1;");
	assert_true(first != 0 && crf_flow_deferred_since(&r.flow) == first + CRF_SECOND);
	carafe_complete(whole, CARAFE_FAILED, "bad luck");
	settle(r.pool);
	assert_true(crf_flow_deferred_since(&r.flow) == 0); /* a retry is not waited for, but for a time */
	crf_buf_reset(&r.log);
	rig_fini(&r);
}

static void
what_has_come_back_is_not_waited_for_in_a_pause(void **unused)
{
	(void)unused;
	begin(&deferring);
	fake_messages(&r.source, 10, 10);
	expect(&r, "m10 a1;");
	assert_true(crf_flow_deferred_since(&r.flow) != 0);
	crf_flow_wish(&r.flow, "billing", "orders", 0, &(struct crf_wish){ .pauses = true, .outside = true, .until = CRF_NEVER });
	complete(10, CARAFE_FAILED);
	settle(r.pool);
	assert_true(crf_flow_deferred_since(&r.flow) == 0);
	crf_buf_reset(&r.log);
	rig_fini(&r);
}

static void
no_more_than_max_messages_are_in_hand(void **unused)
{
	(void)unused;
	begin(&deferring);
	fake_messages(&r.source, 0, 19);
	expect(&r, "m0 a1;m1 a1;m2 a1;m3 a1;m4 a1;m5 a1;m6 a1;m7 a1;m8 a1;m9 a1;");
	for (int64_t offset = 1; offset < 10; offset++)
		done(offset);
	expect(&r, ""); /* the first one is still there: the window is full */
	done(0);
	expect(&r, "m10 a1;m11 a1;m12 a1;m13 a1;m14 a1;m15 a1;m16 a1;m17 a1;m18 a1;m19 a1;");
	for (int64_t offset = 10; offset < 16; offset++)
		done(offset);
	fake_messages(&r.source, 20, 29);
	expect(&r, "m20 a1;m21 a1;m22 a1;m23 a1;m24 a1;m25 a1;"); /* it slides */
	for (int64_t offset = 16; offset < 26; offset++)
		done(offset);
	for (int64_t offset = 26; offset < 30; offset++)
		done(offset);
	assert_true(r.source.marked == 30);
	rig_fini(&r);
}

static void
one_that_fails_is_retried_when_the_others_are_back(void **unused)
{
	(void)unused;
	begin(&deferring);
	fake_messages(&r.source, 10, 13);
	expect(&r, "m10 a1;m11 a1;m12 a1;m13 a1;");
	assert_int_equal(complete(11, CARAFE_FAILED), CARAFE_OK);
	fake_message(&r.source, 14);
	done(12);
	done(10);
	expect(&r, "");
	done(13);
	expect(&r, "error consume 11-13 a1 CARAFE_FAILED: bad luck;retry 11 a2 in 200;");
	assert_true(r.source.marked == 11);
	expect_after(&r, 200 * CRF_MS, "m11 a2;m14 a1;");
	done(14);
	done(11);
	expect(&r, "");
	assert_true(r.source.marked == 15);
	assert_true(atomic_load(&r.flow.retried) == 1);
	rig_fini(&r);
}

static void
what_fails_too_often_is_dead_lettered(void **unused)
{
	(void)unused;
	rig_init(&r, &deferring);
	carafe_dlq(r.route, .topic = "orders.dead", .max_retries = 1);
	rig_run(&r);
	fake_messages(&r.source, 10, 12);
	expect(&r, "m10 a1;m11 a1;m12 a1;");
	complete(10, CARAFE_FAILED);
	done(11);
	complete(12, CARAFE_INVALID);
	expect(&r, "error consume 10-12 a1 CARAFE_FAILED: bad luck;retry 10 a2 in 200;");
	expect_after(&r, 200 * CRF_MS, "m10 a2;");
	complete(10, CARAFE_FAILED);
	expect(&r, "error consume 10-12 a2 CARAFE_FAILED: bad luck;");
	answer(0);
	expect(&r, "dead 10 a2 orders.dead[3]@77;error consume 12-12 a1 CARAFE_INVALID: bad luck;retry 12 a2 in 200;");
	assert_true(r.source.marked == 12);
	expect_after(&r, 200 * CRF_MS, "m12 a2;");
	done(12);
	assert_true(r.source.marked == 13);
	rig_fini(&r);
}

/* Between the turn's look at what has arrived and the run. */
static size_t
take_while_the_first_fails(void *source, void **natives, size_t max)
{
	if (held[10] != NULL)
		complete(10, CARAFE_FAILED);
	return fake_take(source, natives, max);
}

static void
what_comes_back_as_a_turn_begins_is_no_dead_letters_acknowledgement(void **unused)
{
	struct crf_source_ops ops = fake_source_ops;

	(void)unused;
	rig_init(&r, &deferring);
	carafe_dlq(r.route, .topic = "orders.dead", .max_retries = CARAFE_NONE);
	rig_run(&r);
	fake_message(&r.source, 10);
	expect(&r, "m10 a1;");
	ops.take = take_while_the_first_fails;
	r.source.lane->from = &ops;
	fake_message(&r.source, 11);
	expect(&r, "error consume 10-11 a1 CARAFE_FAILED: bad luck;");
	r.source.lane->from = &fake_source_ops;
	assert_true(r.source.marked == -1);
	answer(-1);
	expect(&r, "undead 10 no leader;retry 10 a2 in 200;");
	expect_after(&r, 200 * CRF_MS, "m10 a2;m11 a1;");
	done(10);
	done(11);
	rig_fini(&r);
}

static void
what_is_done_behind_a_dead_letter_is_marked_though_the_partition_goes(void **unused)
{
	(void)unused;
	rig_init(&r, &deferring);
	carafe_dlq(r.route, .topic = "orders.dead", .max_retries = CARAFE_NONE);
	rig_run(&r);
	fake_messages(&r.source, 10, 12);
	expect(&r, "m10 a1;m11 a1;m12 a1;");
	complete(10, CARAFE_FAILED);
	done(11);
	done(12);
	crf_lane_raise(r.source.lane, CRF_LANE_REVOKED);
	settle(r.pool);
	answer(0);
	settle(r.pool);
	assert_int_equal(r.source.drained, 1);
	assert_true(r.source.marked == 13);
	assert_true(atomic_load(&r.flow.consumed) == 2);
	crf_buf_reset(&r.log);
	rig_fini(&r);
}

static void
a_batch_is_deferred_as_a_whole(void **unused)
{
	(void)unused;
	begin(&deferring_batches);
	fake_messages(&r.source, 10, 12);
	expect(&r, "b10+3 a1;");
	fake_messages(&r.source, 13, 14);
	expect(&r, "");
	assert_int_equal(carafe_complete(whole, CARAFE_FAILED, "bad luck"), CARAFE_OK);
	expect(&r, "error consume 10-12 a1 CARAFE_FAILED: bad luck;retry 10 a2 in 200;");
	expect_after(&r, 200 * CRF_MS, "b10+3 a2;");
	assert_true(r.source.marked == -1);
	assert_int_equal(carafe_complete(whole, CARAFE_OK, NULL), CARAFE_OK);
	expect(&r, "b13+2 a1;");
	assert_true(r.source.marked == 13);
	assert_int_equal(carafe_complete(whole, CARAFE_OK, NULL), CARAFE_OK);
	settle(r.pool);
	assert_true(r.source.marked == 15);
	rig_fini(&r);
}

/* ------------------------------------------------------------------------------------------------ misuse */

static carafe_deferred *left;

static carafe_rc
defer_and_succeed(carafe_consumer *c, const carafe_message *m)
{
	(void)m;
	if (carafe_attempt(c) > 1)
		return CARAFE_OK;
	left = carafe_defer(c);
	return CARAFE_OK;
}

static carafe_rc
say_pending(carafe_consumer *c, const carafe_message *m)
{
	(void)m;
	return carafe_attempt(c) > 1 ? CARAFE_OK : CARAFE_PENDING;
}

static carafe_rc
complete_at_once(carafe_consumer *c, const carafe_message *m)
{
	carafe_deferred *d = carafe_defer(c);

	crf_buf_printf(&r.log, "m%" PRId64 " a%d;", m->offset, carafe_attempt(c));
	assert_int_equal(carafe_complete(d, CARAFE_OK, NULL), CARAFE_OK);
	return CARAFE_PENDING;
}

static void
a_handler_that_defers_returns_pending_and_no_other_does(void **unused)
{
	static const carafe_handler defers = { .message = defer_and_succeed }, says = { .message = say_pending };

	(void)unused;
	begin(&defers);
	fake_message(&r.source, 10);
	expect(&r, "error consume 10-10 a1 CARAFE_INVALID: the handler returned CARAFE_OK after carafe_defer(): it must return "
		   "CARAFE_PENDING;retry 10 a2 in 200;");
	assert_true(carafe_deferred_should_stop(left));
	assert_int_equal(carafe_complete(left, CARAFE_OK, NULL), CARAFE_STATE);
	pass(r.pool, 200 * CRF_MS);
	assert_true(r.source.marked == 11);
	rig_fini(&r);
	begin(&says);
	fake_message(&r.source, 10);
	expect(&r, "error consume 10-10 a1 CARAFE_INVALID: the handler returned CARAFE_PENDING without carafe_defer();retry 10 a2 "
		   "in 200;");
	pass(r.pool, 200 * CRF_MS);
	assert_true(r.source.marked == 11);
	rig_fini(&r);
}

static void
it_may_be_completed_before_the_handler_returns(void **unused)
{
	static const carafe_handler at_once = { .message = complete_at_once };

	(void)unused;
	begin(&at_once);
	fake_messages(&r.source, 10, 12);
	expect(&r, "m10 a1;m11 a1;m12 a1;");
	fake_messages(&r.source, 13, 40);
	settle(r.pool);
	assert_true(r.source.marked == 41);
	rig_fini(&r);
}

/* ------------------------------------------------------------------------------------------------ ends */

static void
a_partition_that_is_taken_away_waits_for_what_is_in_progress(void **unused)
{
	(void)unused;
	begin(&deferring);
	fake_messages(&r.source, 10, 12);
	expect(&r, "m10 a1;m11 a1;m12 a1;");
	assert_false(carafe_deferred_should_stop(held[10]));
	crf_lane_raise(r.source.lane, CRF_LANE_REVOKED);
	fake_message(&r.source, 13);
	expect(&r, "");
	assert_true(carafe_deferred_should_stop(held[10]));
	done(11);
	done(10);
	assert_int_equal(r.source.drained, 0);
	done(12);
	assert_int_equal(r.source.drained, 1);
	assert_true(r.source.marked == 13);
	expect(&r, "");
	rig_fini(&r);
}

static void
a_batch_that_is_complete_while_its_partition_goes_is_marked(void **unused)
{
	(void)unused;
	begin(&deferring_batches);
	fake_messages(&r.source, 10, 14);
	expect(&r, "b10+5 a1;");
	crf_lane_raise(r.source.lane, CRF_LANE_REVOKED);
	settle(r.pool);
	assert_int_equal(carafe_complete(whole, CARAFE_OK, NULL), CARAFE_OK);
	settle(r.pool);
	assert_true(r.source.marked == 15);
	assert_true(r.source.drained);
	rig_fini(&r);
}

static void
after_the_end_completion_is_refused_and_the_messages_are_there_until_then(void **unused)
{
	(void)unused;
	begin(&deferring);
	fake_messages(&r.source, 10, 11);
	expect(&r, "m10 a1;m11 a1;");
	r.source.lost = true;
	crf_lane_raise(r.source.lane, CRF_LANE_ENDED);
	settle(r.pool);
	assert_false(r.source.released);
	assert_memory_equal(carafe_deferred_message(held[10])->value.data, "value", 5);
	assert_int_equal(complete(10, CARAFE_OK), CARAFE_LOST);
	settle(r.pool);
	assert_false(r.source.released);
	assert_int_equal(complete(11, CARAFE_FAILED), CARAFE_LOST);
	settle(r.pool);
	assert_true(r.source.released);
	assert_true(r.source.marked == -1);
	rig_fini(&r);
}

/* ------------------------------------------------------------------------------------------------ at random */

static uint64_t dice;
static int64_t produced, finished_below;
static bool finished[PLENTY];

static uint64_t
rnd(uint64_t below)
{
	dice ^= dice << 13;
	dice ^= dice >> 7;
	dice ^= dice << 17;
	return dice % below;
}

static void
check_marks(void)
{
	while (finished_below < produced && finished[finished_below])
		finished_below++;
	assert_true(r.source.marked <= finished_below);
}

/* Defers most, answers some itself, fails some. */
static carafe_rc
anything(carafe_consumer *c, const carafe_message *m)
{
	assert_null(held[m->offset]);
	assert_false(finished[m->offset]);
	check_marks();
	assert_true(m->offset < finished_below + 10); /* max_messages */
	switch (rnd(8)) {
	case 0:
		return carafe_fail(c, "no luck");
	case 1:
		finished[m->offset] = true;
		return CARAFE_OK;
	case 2:
		finished[m->offset] = true;
		assert_int_equal(carafe_complete(carafe_defer(c), CARAFE_OK, NULL), CARAFE_OK);
		return CARAFE_PENDING;
	default:
		held[m->offset] = carafe_defer(c);
		return CARAFE_PENDING;
	}
}

static void
finish_some(int failing)
{
	int64_t offset = produced > 0 ? (int64_t)rnd((uint64_t)produced) : 0;

	while (offset < produced && held[offset] == NULL)
		offset++;
	if (offset == produced)
		return;
	finished[offset] = (int)rnd(100) >= failing;
	complete(offset, finished[offset] ? CARAFE_OK : CARAFE_FAILED);
}

static void
any_step(int failing)
{
	switch (rnd(6)) {
	case 0:
		for (uint64_t n = rnd(8); n > 0 && produced < PLENTY; n--)
			fake_message(&r.source, produced++);
		break;
	case 1:
		pass(r.pool, (crf_ns)rnd(300) * CRF_MS);
		break;
	case 2:
		crf_pool_step(r.pool);
		break;
	default:
		finish_some(failing);
	}
	check_marks();
}

static void
episode(uint64_t seed)
{
	static const carafe_handler handler = { .message = anything };
	int failing;

	dice = seed * 0x9e3779b97f4a7c15u + 1;
	for (int i = 0; i < 10; i++)
		rnd(2);
	failing = (int)rnd(40);
	produced = finished_below = 0;
	memset(finished, 0, sizeof(finished));
	begin(&handler);
	for (int i = 0; i < 400; i++)
		any_step(failing);
	for (int i = 0; i < 100000 && r.source.marked < produced && produced > 0; i++) {
		finish_some(0);
		check_marks();
		pass(r.pool, CRF_SECOND);
	}
	if (produced > 0 && r.source.marked != produced)
		fail_msg("seed %" PRIu64 ": marked up to %" PRId64 " of %" PRId64, seed, r.source.marked, produced);
	rig_fini(&r);
}

static void
whatever_happens_each_is_done_and_nothing_is_marked_before_it(void **unused)
{
	const char *seed = getenv("CRF_SEED");

	(void)unused;
	for (uint64_t i = seed != NULL ? strtoull(seed, NULL, 10) : 1; i <= 300; i++) {
		episode(i);
		if (seed != NULL)
			return;
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_next_ones_are_handed_out_without_waiting),
		cmocka_unit_test(nothing_is_marked_before_what_is_in_progress),
		cmocka_unit_test(since_when_the_first_of_those_in_progress_is_waited_for),
		cmocka_unit_test(since_when_a_batch_is_waited_for),
		cmocka_unit_test(what_has_come_back_is_not_waited_for_in_a_pause),
		cmocka_unit_test(no_more_than_max_messages_are_in_hand),
		cmocka_unit_test(one_that_fails_is_retried_when_the_others_are_back),
		cmocka_unit_test(what_fails_too_often_is_dead_lettered),
		cmocka_unit_test(what_comes_back_as_a_turn_begins_is_no_dead_letters_acknowledgement),
		cmocka_unit_test(what_is_done_behind_a_dead_letter_is_marked_though_the_partition_goes),
		cmocka_unit_test(a_batch_is_deferred_as_a_whole),
		cmocka_unit_test(a_handler_that_defers_returns_pending_and_no_other_does),
		cmocka_unit_test(it_may_be_completed_before_the_handler_returns),
		cmocka_unit_test(a_partition_that_is_taken_away_waits_for_what_is_in_progress),
		cmocka_unit_test(a_batch_that_is_complete_while_its_partition_goes_is_marked),
		cmocka_unit_test(after_the_end_completion_is_refused_and_the_messages_are_there_until_then),
		cmocka_unit_test(whatever_happens_each_is_done_and_nothing_is_marked_before_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
