/* A lane's turn: one look at everything that may keep it from working, then one piece of work. Every turn starts from the
 * lane's state alone, so a wake too many costs nothing and a wake is never lost. */
#include "work/lane.h"

#include "core/mem.h"

#define BEGINS_AGAIN (5 * CRF_SECOND) /* after a partition's first message; see place_of */

/* ------------------------------------------------------------------------------------------------ the batch in hand */

static void
free_messages(struct crf_lane *l)
{
	const struct carafe_batch *b = l->strand.batch;

	for (size_t i = 0; i < b->count; i++)
		if (b->messages[i].native_ != NULL) /* it was given away */
			l->from->free_native(l->source, b->messages[i].native_);
}

void
crf_lane_drop(struct crf_lane *l)
{
	struct crf_strand *s = &l->strand;

	if (s->batch == NULL)
		return;
	free_messages(l);
	crf_worker_keep(l->worker, s->batch);
	s->batch = NULL;
	s->attempt = 0;
	s->hold_until = l->fill_until = 0;
}

static void
see_news(struct crf_lane *l, void *native)
{
	int64_t offset;
	const char *text;
	int news = l->from->news(native, &offset, &text);

	if (news == CRF_NEWS_EOF) {
		l->eof_offset = offset;
		l->eof_told = false;
	} else {
		l->ops->error(l, news, text);
	}
	l->from->free_native(l->source, native);
}

void
crf_lane_expect(struct crf_lane *l, int64_t offset)
{
	l->taken = offset;
	l->first.offset = l->first.until = l->eof_offset = -1;
}

static void
remember_first(struct crf_lane *l, const carafe_message *m)
{
	l->first.offset = m->offset;
	l->first.stamp = l->from->stamp(m);
	l->first.epoch = carafe_message_leader_epoch(m);
	l->first.at = crf_now();
	l->first.until = -1;
}

/* What a message is to those that were taken in before it. */
enum place {
	PLACE_NEXT,  /* it goes on, wherever */
	PLACE_AGAIN, /* it was taken in already */
	PLACE_ANEW   /* it is another log's */
};

static bool
begins_again(const struct crf_lane *l, const carafe_message *m, bool is_first)
{
	if (crf_now() >= l->first.at + BEGINS_AGAIN || m->offset > l->first.offset)
		return false;
	if (m->offset == l->first.offset)
		return is_first && l->first.stamp > 0;
	return l->from->doubtful != NULL && l->from->doubtful(l->source);
}

/* librdkafka may begin with a partition once more: when a rebalance came while it asked where the partition begins, it asks again,
 * and the timer that the first answer, which is outdated, has set (to half a second) is not stopped by the second, nor by an
 * assignment that says where to begin (seen with 2.15). A log that was cut short goes on with a newer epoch of its leader. A topic
 * that was deleted and made anew while nobody noticed begins before everything that was taken in, or at the place of the first but
 * later, and not with the same message. */
static enum place
place_of(struct crf_lane *l, const carafe_message *m)
{
	bool is_first;

	if (l->first.offset < 0) { /* wherever it is: what was expected may not be there */
		remember_first(l, m);
		return PLACE_NEXT;
	}
	if (m->offset >= l->taken)
		return PLACE_NEXT;
	is_first = m->offset == l->first.offset && l->from->stamp(m) == l->first.stamp;
	if (begins_again(l, m, is_first))
		l->first.until = l->taken;
	if (m->offset < l->first.until && carafe_message_leader_epoch(m) <= l->first.epoch)
		return PLACE_AGAIN;
	return m->offset > l->first.offset || is_first ? PLACE_NEXT : PLACE_ANEW;
}

/* Marks of the log before would hold back those of this one. What is in hand of either is done with first: that may mark once more
 * what was before. */
static void
forget_old_log(struct crf_lane *l)
{
	if (!l->anew || l->strand.batch->count > 0 || l->strand.lent)
		return;
	l->anew = false;
	crf_tracker_init(&l->tracker);
	if (l->ops->forget != NULL)
		l->ops->forget(l);
	if (l->from->forget != NULL)
		l->from->forget(l->source);
}

static void
take(struct crf_lane *l, const carafe_message *m)
{
	enum place place = l->from->stamp != NULL ? place_of(l, m) : PLACE_NEXT;

	if (place == PLACE_AGAIN) {
		l->from->free_native(l->source, m->native_);
		return;
	}
	if (place == PLACE_ANEW) {
		l->anew = true;
		remember_first(l, m);
	}
	forget_old_log(l);
	l->taken = m->offset + 1;
	if (l->furthest < l->taken)
		l->furthest = l->taken;
	l->eof_offset = -1;
	l->strand.batch->count++;
}

/* Takes up to max natives; how many it got. */
static size_t
take_some(struct crf_lane *l, size_t max)
{
	struct crf_strand *s = &l->strand;
	void **natives = crf_worker_natives(l->worker, max);
	size_t n = l->from->take(l->source, natives, max);

	if (n > 0 && s->batch == NULL)
		s->batch = crf_worker_batch(l->worker, l->max_messages);
	for (size_t i = 0; i < n; i++) {
		carafe_message *m = &s->batch->messages[s->batch->count];

		if (l->from->message(l->source, natives[i], l->topic, m))
			take(l, m);
		else
			see_news(l, natives[i]);
	}
	return n;
}

static size_t
room(const struct crf_lane *l)
{
	return l->max_messages - (l->strand.batch != NULL ? l->strand.batch->count : 0);
}

/* Fills the batch as far as the mailbox goes. It stops short of a full batch only when it has seen the mailbox empty:
 * only from there does the mailbox wake the lane. */
static void
take_in(struct crf_lane *l)
{
	size_t wanted;

	while ((wanted = room(l)) > 0 && take_some(l, wanted) == wanted)
		;
	if (l->strand.batch != NULL && l->strand.batch->count == 0) /* nothing but news */
		crf_lane_drop(l);
}

/* ------------------------------------------------------------------------------------------------ waiting */

static enum crf_turn
sleep_until(struct crf_lane *l, crf_ns when)
{
	crf_timer_set(l->pool, &l->timer, when);
	return CRF_TURN_IDLE;
}

/* Until when the batch may not go through the filters: while the gate is closed, or while it is not full and waits for
 * more. */
static crf_ns
wait_to_go(struct crf_lane *l, crf_ns now)
{
	if (l->max_wait == 0 || l->fill_until == CRF_FILLED || room(l) == 0 || l->eof_offset >= 0)
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
		crf_lane_drop(l);
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
		take_in(l);
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
	crf_tracker_init(&l->tracker);
	crf_lane_expect(l, -1);
	l->next_tick = crf_now() + l->tick_interval;
	atomic_init(&l->signals, 0);
	atomic_init(&l->steered, false);
	atomic_init(&l->at, -1);
}
