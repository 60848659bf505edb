#include "work/lane.h"

#include <inttypes.h>

#include "fake_source.h"

#define TOPIC "orders"

enum verdict { FINE, HOLD, AWAIT };

/* A lane with ops that do as they are told and write down what they were asked. */
struct rig {
	struct crf_pool *pool;
	struct crf_lane *lane;
	struct fake_source source;
	struct crf_buf log;
	/* what run() does */
	enum verdict verdict;
	size_t partly;           /* messages that are finished before a HOLD */
	crf_ns hold;
	unsigned raise;          /* signals that come while it runs */
	unsigned raise_in_hook;
	bool arrive_at_once;     /* AWAIT: before run() has returned */
	/* what filter() does */
	size_t keep;             /* lets at most so many through, and ... */
	crf_ns gate;             /* ... closes the gate for so long; 0: lets everything through */
	bool wants_eof, wants_tick;
};

static struct rig *
rig_of(const struct crf_lane *l)
{
	return l->flow;
}

/* ------------------------------------------------------------------------------------------------ ops */

static void
filter(struct crf_lane *l, crf_ns now)
{
	struct rig *r = rig_of(l);
	struct carafe_batch *b = l->strand.batch;

	assert_true(b->head == b->limit && b->head < b->count);
	b->limit = b->count;
	if (r->gate == 0 || b->count - b->head <= r->keep)
		return;
	b->limit = b->head + r->keep;
	l->gate_until = now + r->gate;
	crf_buf_printf(&r->log, "gate;");
}

static void
run(struct crf_lane *l, crf_ns now)
{
	struct rig *r = rig_of(l);
	struct crf_strand *s = &l->strand;
	struct carafe_batch *b = s->batch;

	assert_true(b->head < b->limit && b->limit <= b->count && b->count <= l->max_messages);
	l->used = true;
	crf_buf_printf(&r->log, "run %" PRId64 "-%" PRId64, b->messages[b->head].offset, b->messages[b->limit - 1].offset);
	if (r->raise != 0)
		crf_lane_raise(l, r->raise);
	r->raise = 0;
	if (r->verdict == FINE) {
		b->head = b->limit;
	} else if (r->verdict == HOLD) {
		b->head += r->partly;
		s->hold_until = now + r->hold;
		crf_buf_puts(&r->log, " held");
	} else {
		s->awaiting = true;
		crf_buf_puts(&r->log, " awaits");
		if (r->arrive_at_once)
			crf_lane_arrived(l);
	}
	crf_buf_putc(&r->log, ';');
}

static void
resume(struct crf_lane *l, crf_ns now)
{
	(void)now;
	if (l->strand.batch != NULL)
		l->strand.batch->head++;
	crf_buf_puts(&rig_of(l)->log, "resume;");
}

static void
hook(struct crf_lane *l, carafe_hook which)
{
	static const char *const names[] = { "consume", "initialized", "revoked", "shutdown", "eofed", "tick" };
	struct rig *r = rig_of(l);
	unsigned raise = r->raise_in_hook;

	l->used = true;
	r->raise_in_hook = 0;
	if (raise != 0)
		crf_lane_raise(l, raise);
	crf_buf_printf(&r->log, "%s;", names[which]);
}

static bool
wants(const struct crf_lane *l, carafe_hook which)
{
	return which == CARAFE_HOOK_EOFED ? rig_of(l)->wants_eof : rig_of(l)->wants_tick;
}

static void
error(struct crf_lane *l, int code, const char *text)
{
	crf_buf_printf(&rig_of(l)->log, "error %d %s;", code, text);
}

static void
quieted(struct crf_lane *l)
{
	crf_buf_puts(&rig_of(l)->log, "quiet;");
}

static void
at_end(struct crf_lane *l)
{
	crf_buf_puts(&rig_of(l)->log, "end;");
}

static void
gone(struct crf_lane *l)
{
	struct rig *r = rig_of(l);

	crf_buf_puts(&r->log, "gone;");
	assert_false(r->source.released); /* the client waits for that, so it comes after everything */
	r->lane = NULL;
	memset(l, 0xff, sizeof(*l));
	free(l);
}

static const struct crf_lane_ops ops = {
	.filter = filter,
	.run = run,
	.resume = resume,
	.hook = hook,
	.wants = wants,
	.error = error,
	.quieted = quieted,
	.at_end = at_end,
	.gone = gone,
};

/* ------------------------------------------------------------------------------------------------ the rig */

static void
rig_init(struct rig *r, size_t max_messages, crf_ns max_wait)
{
	struct crf_lane *l = crf_new(struct crf_lane);

	*r = (struct rig){ .pool = crf_pool_new_by_hand(), .lane = l, .hold = 100 * CRF_MS };
	fake_init(&r->source, &r->log);
	r->source.lane = l;
	l->from = &fake_source_ops;
	l->source = &r->source;
	l->ops = &ops;
	l->flow = r;
	l->topic = TOPIC;
	l->max_messages = max_messages;
	l->max_wait = max_wait;
	l->tick_interval = 5 * CRF_SECOND;
	crf_lane_init(l, r->pool);
	crf_lane_wake(l);
	settle(r->pool);
}

static void
expect(struct rig *r, const char *log)
{
	settle(r->pool);
	assert_string_equal(crf_buf_str(&r->log), log);
	crf_buf_reset(&r->log);
}

static void
rig_fini(struct rig *r)
{
	if (r->lane != NULL) {
		if (r->lane->strand.awaiting)
			crf_lane_arrived(r->lane);
		crf_lane_raise(r->lane, CRF_LANE_ENDED);
		settle(r->pool);
	}
	assert_null(r->lane);
	assert_true(r->source.released);
	assert_false(r->source.broken);
	assert_int_equal(r->source.out, 0);
	fake_fini(&r->source);
	crf_pool_free(r->pool);
	crf_buf_fini(&r->log);
}

/* ------------------------------------------------------------------------------------------------ intake */

static void
batches_are_no_longer_than_max_messages(void **unused)
{
	struct rig r;

	(void)unused;
	rig_init(&r, 5, 0);
	fake_messages(&r.source, 1, 20);
	fake_messages(&r.source, 30, 32);
	expect(&r, "run 1-5;run 6-10;run 11-15;run 16-20;run 30-32;");
	assert_int_equal(r.source.taken_at_most, 5);
	fake_message(&r.source, 33);
	expect(&r, "run 33-33;");
	rig_fini(&r);
}

/* The mailbox wakes only when it goes from empty to not empty: what comes while the lane is busy must not need a wake. */
static void
what_comes_while_it_is_busy_is_taken_afterwards(void **unused)
{
	struct rig r;

	(void)unused;
	rig_init(&r, 2, 0);
	r.verdict = HOLD;
	fake_message(&r.source, 1);
	expect(&r, "run 1-1 held;");
	fake_messages(&r.source, 2, 6);
	expect(&r, "");
	r.verdict = FINE;
	pass(r.pool, r.hold);
	expect(&r, "run 1-1;run 2-3;run 4-5;run 6-6;");
	rig_fini(&r);
}

static void
news_among_messages_cost_no_place(void **unused)
{
	struct rig r;

	(void)unused;
	rig_init(&r, 2, 0);
	fake_message(&r.source, 1);
	fake_error(&r.source, 7, "oh");
	fake_message(&r.source, 2);
	fake_eof(&r.source, 3);
	fake_message(&r.source, 3);
	expect(&r, "error 7 oh;run 1-2;run 3-3;");
	rig_fini(&r);
}

/* As many news as a batch has places, and messages behind them. */
static void
news_alone_do_not_end_the_taking(void **unused)
{
	struct rig r;

	(void)unused;
	rig_init(&r, 1, 0);
	fake_error(&r.source, 7, "oh");
	fake_eof(&r.source, 3);
	fake_message(&r.source, 3);
	expect(&r, "error 7 oh;run 3-3;");
	rig_fini(&r);

	rig_init(&r, 3, CRF_SECOND);
	fake_error(&r.source, 1, "a");
	fake_message(&r.source, 1);
	fake_error(&r.source, 2, "b");
	fake_messages(&r.source, 2, 3);
	expect(&r, "error 1 a;error 2 b;run 1-3;"); /* full: it does not wait */
	rig_fini(&r);
}

static void
stamped(struct rig *r, int64_t from, int64_t to, int64_t stamp)
{
	for (int64_t offset = from; offset <= to; offset++)
		fake_push(&r->source, (struct native){ .offset = offset, .stamp = stamp });
}

/* As when librdkafka asks twice where a partition begins. */
static void
what_comes_once_more_from_the_beginning_is_left_out(void **unused)
{
	struct rig r;

	(void)unused;
	rig_init(&r, 5, 0);
	stamped(&r, 10, 12, 7);
	expect(&r, "run 10-12;");
	stamped(&r, 10, 11, 7);
	expect(&r, "");
	stamped(&r, 12, 14, 7);
	expect(&r, "run 13-14;");
	stamped(&r, 10, 15, 7);
	expect(&r, "run 15-15;");
	rig_fini(&r);
}

/* As when it does so although it was told. */
static void
what_comes_from_before_the_beginning_by_mistake_is_left_out(void **unused)
{
	struct rig r;

	(void)unused;
	rig_init(&r, 5, 0);
	r.source.doubtful = true;
	stamped(&r, 10, 12, 7);
	expect(&r, "run 10-12;");
	stamped(&r, 0, 14, 7);
	expect(&r, "run 13-14;");
	crf_lane_expect(r.lane, 3); /* it was sought */
	stamped(&r, 3, 5, 7);
	expect(&r, "run 3-5;");
	rig_fini(&r);
}

static void
what_begins_anew_is_no_repetition(void **unused)
{
	struct rig r;

	(void)unused;
	rig_init(&r, 5, 0);
	stamped(&r, 0, 2, 7);
	expect(&r, "run 0-2;");
	stamped(&r, 0, 2, 8); /* another topic of that name */
	expect(&r, "run 0-2;");
	crf_lane_expect(r.lane, 0); /* it was sought */
	stamped(&r, 0, 3, 8);
	expect(&r, "run 0-3;");
	stamped(&r, 2, 3, 8); /* a log that was cut short */
	expect(&r, "run 2-3;");
	rig_fini(&r);

	rig_init(&r, 5, 0);
	stamped(&r, 0, 2, -1);
	expect(&r, "run 0-2;");
	stamped(&r, 0, 1, -1); /* nothing tells them apart: better twice than never */
	expect(&r, "run 0-1;");
	rig_fini(&r);

	rig_init(&r, 5, 0);
	stamped(&r, 0, 2, 7);
	expect(&r, "run 0-2;");
	r.lane->first.at -= 60 * CRF_SECOND;
	stamped(&r, 0, 1, 7); /* too late to be librdkafka's doing: somebody wrote the same once more */
	expect(&r, "run 0-1;");
	rig_fini(&r);
}

static void
a_log_that_steps_back_does_so_between_batches(void **unused)
{
	struct rig r;

	(void)unused;
	rig_init(&r, 5, 0);
	stamped(&r, 10, 12, 7);
	stamped(&r, 0, 8, 8);
	stamped(&r, 5, 6, 8);
	fake_error(&r.source, 1, "a");
	stamped(&r, 0, 1, 9);
	expect(&r, "run 10-12;run 0-4;run 5-8;error 1 a;run 5-6;run 0-1;");
	stamped(&r, 2, 2, 9);
	expect(&r, "run 2-2;");
	rig_fini(&r);
}

static void
what_waits_behind_a_step_back_is_let_go_at_the_end(void **unused)
{
	struct rig r;

	(void)unused;
	rig_init(&r, 5, 0);
	r.verdict = AWAIT;
	stamped(&r, 10, 11, 7);
	stamped(&r, 0, 1, 8);
	expect(&r, "run 10-11 awaits;");
	assert_int_equal(r.source.out, 4);
	crf_lane_raise(r.lane, CRF_LANE_REVOKED);
	crf_lane_arrived(r.lane);
	expect(&r, "resume;drained;");
	assert_int_equal(r.source.out, 0);
	rig_fini(&r);
}

/* ------------------------------------------------------------------------------------------------ filling */

static void
a_batch_waits_to_fill_no_shorter_and_no_longer(void **unused)
{
	struct rig r;

	(void)unused;
	rig_init(&r, 10, 50 * CRF_MS);
	fake_message(&r.source, 1);
	pass(r.pool, 20 * CRF_MS);
	fake_messages(&r.source, 2, 3);
	pass(r.pool, 30 * CRF_MS - 1);
	expect(&r, "");
	pass(r.pool, 1);
	expect(&r, "run 1-3;");
	fake_message(&r.source, 4); /* the next one waits as long */
	pass(r.pool, 50 * CRF_MS - 1);
	expect(&r, "");
	pass(r.pool, 1);
	expect(&r, "run 4-4;");
	rig_fini(&r);
}

static void
a_full_batch_does_not_wait(void **unused)
{
	struct rig r;

	(void)unused;
	rig_init(&r, 3, CRF_SECOND);
	fake_message(&r.source, 1);
	expect(&r, "");
	fake_messages(&r.source, 2, 4);
	expect(&r, "run 1-3;");
	pass(r.pool, CRF_SECOND);
	expect(&r, "run 4-4;");
	rig_fini(&r);
}

static void
the_end_of_the_partition_ends_the_waiting(void **unused)
{
	struct rig r;

	(void)unused;
	rig_init(&r, 10, 3600 * CRF_SECOND);
	fake_message(&r.source, 1);
	expect(&r, "");
	fake_eof(&r.source, 2);
	expect(&r, "run 1-1;end;");
	fake_message(&r.source, 2); /* the end is elsewhere now */
	expect(&r, "");
	fake_eof(&r.source, 3);
	expect(&r, "run 2-2;end;");
	rig_fini(&r);
}

static void
a_step_back_ends_the_waiting(void **unused)
{
	struct rig r;

	(void)unused;
	rig_init(&r, 5, 3600 * CRF_SECOND);
	stamped(&r, 10, 10, 7);
	expect(&r, "");
	stamped(&r, 0, 5, 8);
	expect(&r, "run 10-10;run 0-4;");
	rig_fini(&r);
}

static void
what_is_tried_again_does_not_wait_to_fill(void **unused)
{
	struct rig r;

	(void)unused;
	rig_init(&r, 10, CRF_SECOND);
	r.verdict = HOLD;
	r.partly = 1;
	fake_messages(&r.source, 1, 3);
	pass(r.pool, CRF_SECOND);
	expect(&r, "run 1-3 held;");
	r.verdict = FINE;
	pass(r.pool, r.hold);
	expect(&r, "run 2-3;");
	rig_fini(&r);
}

/* ------------------------------------------------------------------------------------------------ holds and gates */

static void
a_hold_keeps_the_batch_and_takes_nothing(void **unused)
{
	struct rig r;

	(void)unused;
	rig_init(&r, 5, 0);
	r.verdict = HOLD;
	r.partly = 1;
	fake_messages(&r.source, 1, 3);
	expect(&r, "run 1-3 held;");
	fake_messages(&r.source, 4, 5);
	for (int i = 0; i < 3; i++)
		crf_lane_wake(r.lane);
	pass(r.pool, r.hold - 1);
	expect(&r, "");
	assert_int_equal(r.source.in_mailbox, 2);
	assert_int_equal(r.source.out, 3);
	pass(r.pool, 1);
	expect(&r, "run 2-3 held;");
	r.verdict = FINE;
	pass(r.pool, r.hold);
	expect(&r, "run 3-3;run 4-5;");
	rig_fini(&r);
}

static void
a_gate_lets_through_what_was_kept_and_the_rest_later(void **unused)
{
	struct rig r;

	(void)unused;
	rig_init(&r, 10, 0);
	r.keep = 2;
	r.gate = CRF_SECOND;
	fake_messages(&r.source, 1, 5);
	expect(&r, "gate;run 1-2;");
	fake_message(&r.source, 6);
	pass(r.pool, CRF_SECOND - 1);
	expect(&r, "");
	pass(r.pool, 1);
	expect(&r, "gate;run 3-4;");
	pass(r.pool, CRF_SECOND);
	expect(&r, "run 5-5;run 6-6;");
	rig_fini(&r);
}

static void
what_the_filters_kept_back_does_not_wait_to_fill_again(void **unused)
{
	struct rig r;

	(void)unused;
	rig_init(&r, 10, CRF_SECOND);
	r.keep = 0;
	r.gate = 5 * CRF_SECOND;
	fake_messages(&r.source, 1, 2);
	pass(r.pool, CRF_SECOND);
	expect(&r, "gate;");
	r.gate = 0;
	pass(r.pool, 5 * CRF_SECOND - 1);
	expect(&r, "");
	pass(r.pool, 1);
	expect(&r, "run 1-2;");
	rig_fini(&r);
}

/* Time spent before a closed gate counts as waiting to fill. */
static void
a_batch_fills_while_the_gate_is_closed(void **unused)
{
	struct rig r;

	(void)unused;
	rig_init(&r, 3, CRF_SECOND);
	r.lane->gate_until = virtual_now + 3 * CRF_SECOND;
	fake_message(&r.source, 1);
	pass(r.pool, 2 * CRF_SECOND);
	fake_message(&r.source, 2);
	pass(r.pool, CRF_SECOND - 1);
	expect(&r, "");
	pass(r.pool, 1);
	expect(&r, "run 1-2;");
	rig_fini(&r);

	rig_init(&r, 3, CRF_SECOND);
	r.lane->gate_until = virtual_now + 3 * CRF_SECOND;
	fake_messages(&r.source, 1, 4); /* full, and still behind the gate */
	pass(r.pool, 3 * CRF_SECOND - 1);
	expect(&r, "");
	pass(r.pool, 1);
	expect(&r, "run 1-3;");
	rig_fini(&r);
}

static void
a_strand_that_awaits_takes_no_turn(void **unused)
{
	struct rig r;

	(void)unused;
	rig_init(&r, 2, 0);
	r.verdict = AWAIT;
	fake_messages(&r.source, 1, 4);
	expect(&r, "run 1-2 awaits;");
	crf_lane_wake(r.lane);
	pass(r.pool, 10 * CRF_SECOND);
	expect(&r, "");
	assert_int_equal(r.source.in_mailbox, 2);
	r.verdict = FINE;
	crf_lane_arrived(r.lane);
	expect(&r, "resume;run 2-2;run 3-4;");
	rig_fini(&r);
}

static void
what_arrives_before_the_run_is_over_is_not_missed(void **unused)
{
	struct rig r;

	(void)unused;
	rig_init(&r, 1, 0);
	r.verdict = AWAIT;
	r.arrive_at_once = true;
	fake_messages(&r.source, 1, 3);
	expect(&r, "run 1-1 awaits;resume;run 2-2 awaits;resume;run 3-3 awaits;resume;");
	rig_fini(&r);
}

/* ------------------------------------------------------------------------------------------------ end of partition, ticks */

static void
the_end_is_told_once_and_again_after_new_messages(void **unused)
{
	struct rig r;

	(void)unused;
	rig_init(&r, 5, 0);
	r.wants_eof = true;
	fake_eof(&r.source, 0);
	expect(&r, "eofed;end;");
	crf_lane_wake(r.lane);
	expect(&r, "");
	fake_message(&r.source, 0);
	expect(&r, "run 0-0;");
	fake_eof(&r.source, 1);
	expect(&r, "eofed;end;");
	fake_eof(&r.source, 1);
	expect(&r, "eofed;end;");
	rig_fini(&r);
}

/* The end was seen, but there is still work in hand. */
static void
the_end_is_not_told_while_work_is_held(void **unused)
{
	struct rig r;

	(void)unused;
	rig_init(&r, 5, 0);
	r.verdict = HOLD;
	fake_messages(&r.source, 1, 2);
	fake_eof(&r.source, 3);
	expect(&r, "run 1-2 held;");
	assert_true(r.lane->eof_offset == 3);
	r.verdict = FINE;
	pass(r.pool, r.hold);
	expect(&r, "run 1-2;end;");
	rig_fini(&r);
}

static void
ticks_come_while_there_is_nothing_to_do(void **unused)
{
	struct rig r;

	(void)unused;
	rig_init(&r, 5, 0);
	r.wants_tick = true;
	crf_lane_wake(r.lane);
	pass(r.pool, 5 * CRF_SECOND - 1);
	expect(&r, "");
	pass(r.pool, 1);
	expect(&r, "tick;");
	pass(r.pool, 10 * CRF_SECOND);
	expect(&r, "tick;tick;");
	pass(r.pool, 4 * CRF_SECOND);
	fake_message(&r.source, 1); /* work puts it off */
	expect(&r, "run 1-1;");
	pass(r.pool, 5 * CRF_SECOND - 1);
	expect(&r, "");
	pass(r.pool, 1);
	expect(&r, "tick;");
	r.verdict = HOLD;
	r.hold = 60 * CRF_SECOND;
	fake_message(&r.source, 2);
	pass(r.pool, 50 * CRF_SECOND);
	expect(&r, "run 2-2 held;"); /* no ticks during a retry */
	rig_fini(&r);
}

/* ------------------------------------------------------------------------------------------------ signals */

static void
a_stop_in_the_handler_lets_it_finish(void **unused)
{
	struct rig r;

	(void)unused;
	rig_init(&r, 2, 0);
	r.raise = CRF_LANE_STOP;
	fake_messages(&r.source, 1, 4);
	expect(&r, "run 1-2;shutdown;drained;");
	assert_true(crf_lane_should_stop(r.lane));
	assert_int_equal(r.source.in_mailbox, 2);
	crf_lane_raise(r.lane, CRF_LANE_REVOKED); /* what leaving the group brings */
	expect(&r, "");
	crf_lane_raise(r.lane, CRF_LANE_ENDED);
	expect(&r, "gone;released;");
	rig_fini(&r);
}

static void
a_revocation_in_the_handler_lets_it_finish(void **unused)
{
	struct rig r;

	(void)unused;
	rig_init(&r, 2, 0);
	r.raise = CRF_LANE_REVOKED;
	fake_messages(&r.source, 1, 4);
	expect(&r, "run 1-2;drained;");
	crf_lane_raise(r.lane, CRF_LANE_ENDED);
	expect(&r, "revoked;gone;released;");
	rig_fini(&r);
}

static void
quiet_first_then_stop(void **unused)
{
	struct rig r;

	(void)unused;
	rig_init(&r, 2, 0);
	fake_message(&r.source, 1);
	expect(&r, "run 1-1;");
	crf_lane_raise(r.lane, CRF_LANE_QUIET);
	expect(&r, "shutdown;quiet;");
	fake_message(&r.source, 2);
	expect(&r, "");
	crf_lane_raise(r.lane, CRF_LANE_STOP);
	expect(&r, "drained;");
	rig_fini(&r);
}

static void
a_signal_from_a_last_hook_is_heard(void **unused)
{
	struct rig r;

	(void)unused;
	rig_init(&r, 2, 0);
	fake_message(&r.source, 1);
	settle(r.pool);
	r.raise_in_hook = CRF_LANE_ENDED;
	crf_lane_raise(r.lane, CRF_LANE_STOP);
	expect(&r, "run 1-1;shutdown;drained;gone;released;");
	rig_fini(&r);
}

/* States a lane can be in when signals come. */
enum state { UNUSED, IDLE, HOLDING, GATED, FILLING, AWAITING, RUNNING, STATES };

static const char *const state_names[] = { "unused", "idle", "holding", "gated", "filling", "awaiting", "running" };

static void
bring_to(struct rig *r, enum state state)
{
	rig_init(r, 4, state == FILLING ? CRF_SECOND : 0);
	r->keep = 1;
	r->gate = state == GATED ? CRF_SECOND : 0;
	r->verdict = state == HOLDING ? HOLD : state == AWAITING ? AWAIT : FINE;
	if (state == RUNNING || state == UNUSED) /* RUNNING: the signals are raised by the handler */
		return;
	fake_messages(&r->source, 1, 3);
	settle(r->pool);
	assert_true(r->lane->used == (state != FILLING));
	assert_true(r->lane->strand.awaiting == (state == AWAITING));
	assert_true((r->lane->strand.batch != NULL) == (state != IDLE));
	crf_buf_reset(&r->log);
}

/* What a lane should say to signals, as simply as it can be said. */
struct oracle {
	struct crf_buf log;
	unsigned seen;
	bool used, awaiting, shut_down, quiet, drained, gone;
};

static void
oracle_turn(struct oracle *o)
{
	if (o->awaiting || o->gone)
		return;
	if (o->seen & CRF_LANE_ENDED) {
		crf_buf_puts(&o->log, o->used && !o->shut_down ? "revoked;gone;released;" : "gone;released;");
		o->gone = true;
		return;
	}
	if ((o->seen & (CRF_LANE_QUIET | CRF_LANE_STOP)) && !(o->seen & (CRF_LANE_REVOKED | CRF_LANE_LOST)) && !o->shut_down) {
		o->shut_down = true;
		crf_buf_puts(&o->log, o->used ? "shutdown;" : "");
	}
	if ((o->seen & CRF_LANE_QUIET) && !o->quiet) {
		o->quiet = true;
		crf_buf_puts(&o->log, "quiet;");
	}
	if ((o->seen & ~(unsigned)CRF_LANE_QUIET) && !o->drained) {
		o->drained = true;
		crf_buf_puts(&o->log, "drained;");
	}
}

static void
raise_in_state(struct rig *r, enum state state, unsigned signals, struct oracle *o)
{
	if (state == RUNNING && o->seen == 0) {
		r->raise = signals;
		fake_messages(&r->source, 1, 5);
		crf_buf_puts(&o->log, "run 1-4;");
		o->used = true;
	} else {
		crf_lane_raise(r->lane, signals);
	}
	o->seen |= signals;
}

/* Three steps, each raising some signals, with turns in between or not; a dispatch that is awaited arrives after step
 * `arrival`. */
static void
try_signals(enum state state, const unsigned steps[3], unsigned turns_between, int arrival)
{
	struct rig r;
	struct oracle o = { .used = state != UNUSED && state != FILLING && state != RUNNING, .awaiting = state == AWAITING };

	bring_to(&r, state);
	for (int i = 0; i < 3 && !o.gone; i++) {
		if (steps[i] != 0)
			raise_in_state(&r, state, steps[i], &o);
		if (o.awaiting && arrival == i) {
			crf_lane_arrived(r.lane);
			o.awaiting = false;
			crf_buf_puts(&o.log, "resume;");
		}
		if (i == 2 || (turns_between & 1U << i) || (state == RUNNING && i == 0)) {
			settle(r.pool);
			if (o.seen != 0)
				oracle_turn(&o);
		}
	}
	if (strcmp(crf_buf_str(&r.log), crf_buf_str(&o.log)) != 0)
		fail_msg("%s, signals %u %u %u, turns %u, arrival %d: \"%s\", not \"%s\"", state_names[state], steps[0], steps[1],
		    steps[2], turns_between, arrival, crf_buf_str(&r.log), crf_buf_str(&o.log));
	crf_buf_fini(&o.log);
	rig_fini(&r);
}

static void
every_signal_in_every_state(void **unused)
{
	(void)unused;
	for (enum state state = UNUSED; state < STATES; state++)
		for (unsigned a = 1; a < 32; a++)
			for (unsigned bc = 0; bc < 36; bc++) {
				unsigned steps[3] = { a, bc % 6 ? 1U << (bc % 6 - 1) : 0, bc / 6 ? 1U << (bc / 6 - 1) : 0 };

				for (unsigned turns = 0; turns < 4; turns++)
					for (int arrival = 0; arrival < (state == AWAITING ? 3 : 1); arrival++)
						try_signals(state, steps, turns, arrival);
			}
}

/* A dead letter is on its way when the epoch ends: the messages go back at once, the lane waits. */
static void
an_ended_lane_gives_its_messages_back_and_waits_for_what_it_awaits(void **unused)
{
	struct rig r;

	(void)unused;
	rig_init(&r, 4, 0);
	r.verdict = AWAIT;
	fake_messages(&r.source, 1, 3);
	crf_buf_reset(&r.log);
	settle(r.pool);
	crf_lane_raise(r.lane, CRF_LANE_LOST | CRF_LANE_ENDED);
	expect(&r, "run 1-3 awaits;");
	assert_int_equal(r.source.out, 0);
	crf_lane_wake(r.lane);
	expect(&r, "");
	crf_lane_arrived(r.lane);
	expect(&r, "resume;revoked;gone;released;");
	rig_fini(&r);
}

static void
no_timer_outlives_a_lane(void **unused)
{
	struct rig r;

	(void)unused;
	rig_init(&r, 4, 0);
	r.verdict = HOLD;
	fake_message(&r.source, 1);
	settle(r.pool);
	assert_true(crf_pool_tick(r.pool, virtual_now) == virtual_now + r.hold);
	crf_lane_raise(r.lane, CRF_LANE_ENDED);
	settle(r.pool);
	assert_true(crf_pool_tick(r.pool, virtual_now) == CRF_NEVER);
	rig_fini(&r);
}

/* ------------------------------------------------------------------------------------------------ marks */

static void
marks_go_to_the_source_and_move_the_start_of_a_retry(void **unused)
{
	struct rig r;
	struct carafe_batch *b;

	(void)unused;
	rig_init(&r, 5, 0);
	r.verdict = HOLD;
	fake_messages(&r.source, 10, 14);
	settle(r.pool);
	b = r.lane->strand.batch;
	assert_int_equal(crf_lane_mark(r.lane, 12, 3), CARAFE_OK);
	assert_true(r.source.marked == 13);
	crf_lane_mark(r.lane, 10, 3); /* earlier again: the retry starts there, what may be committed stays */
	assert_true(r.source.marked == 13);
	crf_lane_skip_marked(r.lane);
	assert_true(b->messages[b->head].offset == 11);
	crf_lane_mark(r.lane, 14, 3);
	crf_lane_skip_marked(r.lane);
	assert_true(b->head == b->limit);
	r.source.lost = true;
	assert_int_equal(crf_lane_mark(r.lane, 20, 3), CARAFE_LOST);
	assert_true(r.source.marked == 15);
	assert_false(crf_lane_owned(r.lane));
	rig_fini(&r);
}

static void
a_lane_says_what_it_does(void **unused)
{
	struct rig r;
	CRF_AUTO(crf_buf) text = { 0 };

	(void)unused;
	rig_init(&r, 5, 0);
	crf_lane_describe(r.lane, &text);
	assert_string_equal(crf_buf_str(&text), "orders[0] idle at offset -1");
	fake_message(&r.source, 12);
	settle(r.pool);
	crf_lane_raise(r.lane, CRF_LANE_QUIET);
	crf_buf_reset(&text);
	crf_lane_describe(r.lane, &text);
	assert_string_equal(crf_buf_str(&text), "orders[0] ready at offset 12, coming to an end");
	rig_fini(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(batches_are_no_longer_than_max_messages),
		cmocka_unit_test(what_comes_while_it_is_busy_is_taken_afterwards),
		cmocka_unit_test(news_among_messages_cost_no_place),
		cmocka_unit_test(news_alone_do_not_end_the_taking),
		cmocka_unit_test(what_comes_once_more_from_the_beginning_is_left_out),
		cmocka_unit_test(what_comes_from_before_the_beginning_by_mistake_is_left_out),
		cmocka_unit_test(what_begins_anew_is_no_repetition),
		cmocka_unit_test(a_log_that_steps_back_does_so_between_batches),
		cmocka_unit_test(what_waits_behind_a_step_back_is_let_go_at_the_end),
		cmocka_unit_test(a_batch_waits_to_fill_no_shorter_and_no_longer),
		cmocka_unit_test(a_full_batch_does_not_wait),
		cmocka_unit_test(the_end_of_the_partition_ends_the_waiting),
		cmocka_unit_test(a_step_back_ends_the_waiting),
		cmocka_unit_test(what_is_tried_again_does_not_wait_to_fill),
		cmocka_unit_test(a_hold_keeps_the_batch_and_takes_nothing),
		cmocka_unit_test(a_gate_lets_through_what_was_kept_and_the_rest_later),
		cmocka_unit_test(what_the_filters_kept_back_does_not_wait_to_fill_again),
		cmocka_unit_test(a_batch_fills_while_the_gate_is_closed),
		cmocka_unit_test(a_strand_that_awaits_takes_no_turn),
		cmocka_unit_test(what_arrives_before_the_run_is_over_is_not_missed),
		cmocka_unit_test(the_end_is_told_once_and_again_after_new_messages),
		cmocka_unit_test(the_end_is_not_told_while_work_is_held),
		cmocka_unit_test(ticks_come_while_there_is_nothing_to_do),
		cmocka_unit_test(a_stop_in_the_handler_lets_it_finish),
		cmocka_unit_test(a_revocation_in_the_handler_lets_it_finish),
		cmocka_unit_test(quiet_first_then_stop),
		cmocka_unit_test(a_signal_from_a_last_hook_is_heard),
		cmocka_unit_test(every_signal_in_every_state),
		cmocka_unit_test(an_ended_lane_gives_its_messages_back_and_waits_for_what_it_awaits),
		cmocka_unit_test(no_timer_outlives_a_lane),
		cmocka_unit_test(marks_go_to_the_source_and_move_the_start_of_a_retry),
		cmocka_unit_test(a_lane_says_what_it_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
