/* A lane's turn: one look at everything that may keep it from working, then one piece of work. Every turn starts from the
 * lane's state alone, so a wake too many costs nothing and a wake is never lost. */
#include "work/lane.h"

/* ------------------------------------------------------------------------------------------------ waiting */

static enum crf_turn
sleep_until(struct crf_lane *l, crf_ns when)
{
	crf_timer_set(l->pool, &l->timer, when);
	return CRF_TURN_IDLE;
}

static bool
more_may_join(const struct crf_lane *l)
{
	return l->fill_until != CRF_FILLED && crf_lane_room(l) > 0 && l->eof_offset < 0 && l->later.count == 0;
}

/* Until when the batch may not go through the filters: while the gate is closed, or while it is not full and waits for
 * more. */
static crf_ns
wait_to_go(struct crf_lane *l, crf_ns now)
{
	if (l->max_wait == 0 || !more_may_join(l))
		return l->gate_until;
	if (l->fill_until == 0)
		l->fill_until = now + l->max_wait;
	return l->fill_until > l->gate_until ? l->fill_until : l->gate_until;
}

static bool
tick(struct crf_lane *l, crf_ns now)
{
	if (now < l->next_tick || !l->ops->wants(l, CARAFE_HOOK_TICK))
		return false;
	l->ops->hook(l, CARAFE_HOOK_TICK);
	l->next_tick = crf_now() + l->tick_interval;
	return true;
}

static void
reach_end(struct crf_lane *l)
{
	l->eof_told = true;
	if (l->ops->wants(l, CARAFE_HOOK_EOFED))
		l->ops->hook(l, CARAFE_HOOK_EOFED);
	if (!crf_lane_is_steered(l))
		l->ops->at_end(l);
}

static enum crf_turn
idle(struct crf_lane *l, crf_ns now)
{
	if (l->eof_offset >= 0 && !l->eof_told)
		reach_end(l);
	if (crf_lane_is_steered(l) || tick(l, now))
		return CRF_TURN_AGAIN;
	return l->ops->wants(l, CARAFE_HOOK_TICK) ? sleep_until(l, l->next_tick) : CRF_TURN_IDLE;
}

/* Paused. What is in progress elsewhere may end meanwhile. */
static enum crf_turn
rest(struct crf_lane *l, crf_ns now)
{
	bool ticks = !l->strand.awaiting && l->ops->wants(l, CARAFE_HOOK_TICK);

	if (ticks && tick(l, now))
		return CRF_TURN_AGAIN;
	return sleep_until(l, ticks && l->next_tick < l->pause_until ? l->next_tick : l->pause_until);
}

/* ------------------------------------------------------------------------------------------------ coming to an end */

static bool
others_finished(struct crf_lane *l, unsigned signals)
{
	return l->ops->finished == NULL || l->ops->finished(l, signals);
}

/* The epoch goes on or the lane stays, but it does no more work. */
static enum crf_turn
wind_down(struct crf_lane *l, unsigned signals)
{
	if ((l->strand.awaiting && !l->strand.asks) || !others_finished(l, signals))
		return CRF_TURN_IDLE;
	crf_lane_drop(l);
	if ((signals & (CRF_LANE_QUIET | CRF_LANE_STOP)) && !(signals & (CRF_LANE_REVOKED | CRF_LANE_LOST)) && !l->shut_down) {
		l->shut_down = true;
		if (l->used)
			l->ops->hook(l, CARAFE_HOOK_SHUTDOWN);
	}
	if ((signals & CRF_LANE_QUIET) && !l->quiet_told) {
		l->quiet_told = true;
		l->ops->quieted(l);
	}
	if ((signals & ~(unsigned)CRF_LANE_QUIET) && !l->drained_told) {
		l->drained_told = true;
		l->from->drained(l->source);
	}
	return CRF_TURN_IDLE;
}

static enum crf_turn
end(struct crf_lane *l)
{
	const struct crf_source_ops *from = l->from;
	void *source = l->source;

	if (!l->strand.lent)
		crf_lane_drop(l); /* the client waits for its messages, the dead letter on its way does not need them */
	if (l->strand.awaiting || !others_finished(l, CRF_LANE_ENDED))
		return CRF_TURN_IDLE;
	if (l->used && !l->shut_down)
		l->ops->hook(l, CARAFE_HOOK_REVOKED);
	crf_timer_set(l->pool, &l->timer, CRF_NEVER);
	crf_task_leave(l->pool, &l->task);
	crf_lane_annotate(l, NULL);
	l->ops->gone(l);
	from->release(source);
	return CRF_TURN_GONE;
}

/* ------------------------------------------------------------------------------------------------ working */

static void
drop_finished(struct crf_lane *l)
{
	const struct carafe_batch *b = l->strand.batch;

	if (b != NULL && b->head == b->count && !crf_lane_is_steered(l)) /* it may have to go back in it */
		crf_lane_drop_batch(l);
}

/* What the batch allows next. */
static enum crf_turn
after_work(struct crf_lane *l)
{
	const struct crf_strand *s = &l->strand;

	if (l->ops->wants(l, CARAFE_HOOK_TICK))
		l->next_tick = crf_now() + l->tick_interval;
	drop_finished(l);
	if (s->lent && l->ops->slide(l)) /* the mailbox's wake may have been for a turn that had no room */
		return CRF_TURN_AGAIN;
	return s->awaiting && !atomic_load(&s->arrived) ? CRF_TURN_IDLE : CRF_TURN_AGAIN;
}

/* The first message that this turn may work on. */
static size_t
to_go(const struct crf_strand *s)
{
	return s->awaiting ? crf_batch_fresh(s->batch) : s->batch->head;
}

static enum crf_turn
work_on(struct crf_lane *l, crf_ns now)
{
	struct crf_strand *s = &l->strand;
	crf_ns later;

	if (now < s->hold_until)
		return sleep_until(l, s->hold_until);
	if (s->batch->limit == to_go(s)) {
		if (now < (later = wait_to_go(l, now)))
			return sleep_until(l, later);
		l->fill_until = CRF_FILLED;
		l->ops->filter(l, now);
		if (s->batch->limit == to_go(s))
			return after_work(l);
	}
	atomic_store_explicit(&l->at, s->batch->messages[s->batch->head].offset, memory_order_relaxed);
	l->ops->run(l, now);
	return after_work(l);
}

static enum crf_turn
take_turn(struct crf_lane *l, crf_ns now)
{
	unsigned signals = atomic_load(&l->signals);
	struct crf_strand *s = &l->strand;

	if (s->awaiting && atomic_load(&s->arrived)) {
		s->awaiting = false;
		atomic_store(&s->arrived, 0);
		l->ops->resume(l, now);
		drop_finished(l);
	}
	if (signals & CRF_LANE_ENDED)
		return end(l);
	if (signals != 0)
		return wind_down(l, signals);
	if (l->pause_until != 0 || crf_lane_is_steered(l)) {
		if (!l->ops->steer(l, now))
			return CRF_TURN_IDLE;
		drop_finished(l);
		if (l->pause_until != 0)
			return rest(l, now);
	}
	if (s->awaiting && !(s->lent && l->ops->slide(l)))
		return CRF_TURN_IDLE;
	if (s->batch == NULL || l->fill_until > 0 || s->lent)
		crf_lane_take_in(l);
	if (s->awaiting && (s->batch == NULL || s->batch->count == crf_batch_fresh(s->batch)))
		return CRF_TURN_IDLE;
	if (s->batch == NULL)
		return idle(l, now);
	return work_on(l, now);
}

static enum crf_turn
run(struct crf_task *t, struct crf_worker *w)
{
	struct crf_lane *l = crf_container_of(t, struct crf_lane, task);

	l->worker = w;
	return take_turn(l, crf_worker_began(w));
}

void
crf_lane_init(struct crf_lane *l, struct crf_pool *pool)
{
	crf_task_init(&l->task, run);
	l->timer = (struct crf_timer){ .task = &l->task };
	l->pool = pool;
	l->number = -1;
	l->unmarked = -1;
	crf_lane_expect(l, -1);
	l->next_tick = crf_now() + l->tick_interval;
	atomic_init(&l->signals, 0);
	atomic_init(&l->steered, false);
	atomic_init(&l->at, -1);
}
