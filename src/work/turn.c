/* A lane's turn: one look at everything that may keep it from working, then one piece of work. Every turn starts from the
 * lane's state alone, so a wake too many costs nothing and a wake is never lost. */
#include "work/lane.h"

#include "core/mem.h"

/* ------------------------------------------------------------------------------------------------ the batch in hand */

static void
free_messages(struct crf_lane *l, size_t from, size_t to)
{
	const struct carafe_batch *b = l->strand.batch;

	for (size_t i = from; i < to; i++)
		l->from->free_native(b->messages[i].native_);
}

static void
drop_batch(struct crf_lane *l)
{
	struct crf_strand *s = &l->strand;

	if (s->batch == NULL)
		return;
	free_messages(l, 0, s->batch->count);
	crf_worker_keep(l->worker, s->batch);
	s->batch = NULL;
	s->attempt = 0;
	s->hold_until = l->fill_until = 0;
}

static void
see_news(struct crf_lane *l, void *native, int news, int64_t offset, const char *text)
{
	if (news == CRF_NEWS_EOF) {
		l->eof_offset = offset;
		l->eof_told = false;
	} else {
		l->ops->error(l, news, text);
	}
	l->from->free_native(native);
}

/* Takes what the mailbox has into the batch, up to max_messages. True when the mailbox may have more. */
static bool
take_in(struct crf_lane *l)
{
	struct crf_strand *s = &l->strand;
	size_t room = l->max_messages - (s->batch != NULL ? s->batch->count : 0);
	void **natives = crf_worker_natives(l->worker, room);
	size_t n = room > 0 ? l->from->take(l->source, natives, room) : 0;

	if (n > 0 && s->batch == NULL)
		s->batch = crf_worker_batch(l->worker, l->max_messages);
	for (size_t i = 0; i < n; i++) {
		int64_t offset;
		const char *text;
		int news = l->from->news(natives[i], &offset, &text);

		if (news != 0) {
			see_news(l, natives[i], news, offset, text);
			continue;
		}
		l->eof_offset = -1;
		l->from->message(natives[i], l->topic, &s->batch->messages[s->batch->count++]);
	}
	if (s->batch != NULL && s->batch->count == 0)
		drop_batch(l);
	return n == room;
}

/* ------------------------------------------------------------------------------------------------ waiting */

static enum crf_turn
sleep_until(struct crf_lane *l, crf_ns when)
{
	crf_timer_set(l->pool, &l->timer, when);
	return CRF_TURN_IDLE;
}

/* Until when a batch that is not full waits for more; 0: it goes now. */
static crf_ns
wait_to_fill(struct crf_lane *l, crf_ns now)
{
	const struct carafe_batch *b = l->strand.batch;

	if (l->max_wait == 0 || b->head > 0 || b->count == l->max_messages || l->eof_offset >= 0)
		return 0;
	if (l->fill_until == 0)
		l->fill_until = now + l->max_wait;
	return l->fill_until > now ? l->fill_until : 0;
}

static enum crf_turn
idle(struct crf_lane *l, crf_ns now)
{
	if (l->eof_offset >= 0 && !l->eof_told) {
		l->eof_told = true;
		if (l->ops->wants(l, CARAFE_HOOK_EOFED))
			l->ops->hook(l, CARAFE_HOOK_EOFED);
		l->ops->at_end(l);
	}
	if (!l->ops->wants(l, CARAFE_HOOK_TICK))
		return CRF_TURN_IDLE;
	if (now >= l->next_tick) {
		l->ops->hook(l, CARAFE_HOOK_TICK);
		l->next_tick = crf_now() + l->tick_interval;
	}
	return sleep_until(l, l->next_tick);
}

/* ------------------------------------------------------------------------------------------------ coming to an end */

/* The epoch goes on or the lane stays, but it does no more work. */
static enum crf_turn
wind_down(struct crf_lane *l, unsigned signals)
{
	if (l->strand.awaiting)
		return CRF_TURN_IDLE;
	drop_batch(l);
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

	drop_batch(l); /* the client waits for its messages, the dead letter on its way does not need them */
	if (l->strand.awaiting)
		return CRF_TURN_IDLE;
	if (l->used && !l->shut_down)
		l->ops->hook(l, CARAFE_HOOK_REVOKED);
	crf_timer_set(l->pool, &l->timer, CRF_NEVER);
	crf_task_leave(l->pool, &l->task);
	l->ops->gone(l);
	from->release(source);
	return CRF_TURN_GONE;
}

/* ------------------------------------------------------------------------------------------------ working */

/* What the batch allows next. */
static enum crf_turn
after_work(struct crf_lane *l)
{
	const struct crf_strand *s = &l->strand;

	l->next_tick = crf_now() + l->tick_interval;
	if (s->batch != NULL && s->batch->head == s->batch->count)
		drop_batch(l);
	return s->awaiting && !atomic_load(&s->arrived) ? CRF_TURN_IDLE : CRF_TURN_AGAIN;
}

static enum crf_turn
work_on(struct crf_lane *l, crf_ns now)
{
	struct crf_strand *s = &l->strand;
	crf_ns later;

	if (now < s->hold_until)
		return sleep_until(l, s->hold_until);
	if (s->batch->limit == s->batch->head) {
		if (now < l->gate_until)
			return sleep_until(l, l->gate_until);
		if ((later = wait_to_fill(l, now)) != 0)
			return sleep_until(l, later);
		l->fill_until = 0;
		l->ops->filter(l, now);
		if (s->batch->limit == s->batch->head)
			return after_work(l);
	}
	atomic_store_explicit(&l->at, s->batch->messages[s->batch->head].offset, memory_order_relaxed);
	l->ops->run(l, now);
	return after_work(l);
}

static enum crf_turn
take_turn(struct crf_lane *l)
{
	unsigned signals = atomic_load(&l->signals);
	struct crf_strand *s = &l->strand;
	crf_ns now = crf_now();

	if (s->awaiting && atomic_load(&s->arrived)) {
		s->awaiting = false;
		atomic_store(&s->arrived, 0);
		l->ops->resume(l, now);
	}
	if (signals & CRF_LANE_ENDED)
		return end(l);
	if (signals != 0)
		return wind_down(l, signals);
	if (s->awaiting)
		return CRF_TURN_IDLE;
	if (s->batch == NULL || (l->fill_until != 0 && s->batch->count < l->max_messages))
		take_in(l);
	if (s->batch == NULL)
		return idle(l, now);
	return work_on(l, now);
}

static enum crf_turn
run(struct crf_task *t, struct crf_worker *w)
{
	struct crf_lane *l = crf_container_of(t, struct crf_lane, task);

	l->worker = w;
	return take_turn(l);
}

void
crf_lane_init(struct crf_lane *l, struct crf_pool *pool)
{
	crf_task_init(&l->task, run);
	l->timer = (struct crf_timer){ .task = &l->task };
	l->pool = pool;
	crf_tracker_init(&l->tracker);
	l->eof_offset = -1;
	l->next_tick = crf_now() + l->tick_interval;
	atomic_init(&l->signals, 0);
	atomic_init(&l->at, -1);
}
