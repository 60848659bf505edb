/* Steering: pauses and seeks. A handler's wish waits until its run has been settled, one from outside until the lane's next
 * turn; both until nothing of the batch is in progress elsewhere. What is in hand is moved about in; only a place that is not
 * there is fetched from anew, by an errand that the strand awaits. A pause is the lane's alone: librdkafka knows nothing of it,
 * and goes on filling the mailbox. */
#include "flow/steer.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "flow/defer.h"

/* ------------------------------------------------------------------------------------------------ wishes */

carafe_rc
crf_wish_pause(const struct crf_flow *f, struct crf_wish *w, int timeout_ms)
{
	if (timeout_ms < CARAFE_NONE)
		return CARAFE_INVALID;
	w->pauses = true;
	w->until = timeout_ms == CARAFE_NONE ? CRF_NEVER : crf_now() + (timeout_ms == 0 ? f->pause_timeout : timeout_ms * CRF_MS);
	return CARAFE_OK;
}

carafe_rc
crf_wish_seek(struct crf_wish *w, carafe_position to)
{
	static const enum crf_position_kind kinds[] = { [CARAFE_AT_OFFSET] = CRF_AT_OFFSET, [CARAFE_AT_TIME] = CRF_AT_TIME,
		[CARAFE_AT_EARLIEST] = CRF_AT_EARLIEST, [CARAFE_AT_LATEST] = CRF_AT_LATEST };

	if ((size_t)to.at >= crf_array_len(kinds) || to.value < 0)
		return CARAFE_INVALID;
	if (to.at == CARAFE_AT_NEXT)
		return CARAFE_OK;
	w->seeks = true;
	w->to = (struct crf_position){ kinds[to.at], to.value };
	return CARAFE_OK;
}

/* The later one counts. */
static void
add(struct crf_wish *to, const struct crf_wish *w)
{
	if (w->pauses) {
		to->pauses = true;
		to->until = w->until;
	}
	if (w->seeks) {
		to->seeks = true;
		to->to = w->to;
		to->keeps_marks = w->keeps_marks;
		to->outside = w->outside;
	}
}

static bool
is_in_hand(const struct crf_lane *l, int64_t offset)
{
	const struct carafe_batch *b = l->strand.batch;

	return b != NULL && offset >= b->messages[0].offset && offset <= l->taken;
}

static bool
can_go(const struct crf_lane *l, const struct crf_wish *w)
{
	return !w->seeks || l->from->seek != NULL || (w->to.kind == CRF_AT_OFFSET && is_in_hand(l, w->to.value));
}

static carafe_rc
file(struct carafe_consumer *c, const struct crf_wish *w)
{
	if (!can_go(&c->lane, w))
		return CARAFE_INVALID;
	if (!crf_lane_owned(&c->lane))
		return CARAFE_LOST;
	add(&c->wish, w);
	atomic_store(&c->lane.steered, true);
	return CARAFE_OK;
}

carafe_rc
carafe_pause(carafe_consumer *c, carafe_position at, int timeout_ms)
{
	struct crf_wish w = { 0 };

	crf_check_consumer(c);
	if (crf_wish_seek(&w, at) != CARAFE_OK || crf_wish_pause(c->flow, &w, timeout_ms) != CARAFE_OK)
		return CARAFE_INVALID;
	return file(c, &w);
}

carafe_rc
carafe_resume(carafe_consumer *c)
{
	crf_check_consumer(c);
	return file(c, &(struct crf_wish){ .pauses = true });
}

carafe_rc
carafe_seek(carafe_consumer *c, carafe_position to, bool reset_offset)
{
	struct crf_wish w = { .keeps_marks = !reset_offset };

	crf_check_consumer(c);
	if (crf_wish_seek(&w, to) != CARAFE_OK)
		return CARAFE_INVALID;
	return w.seeks ? file(c, &w) : CARAFE_OK;
}

static bool
matches(const struct carafe_consumer *c, const char *group, const char *topic, int32_t partition)
{
	return (partition == CARAFE_ALL_PARTITIONS || partition == c->lane.partition) &&
	    strcmp(c->topic->name, topic) == 0 && strcmp(c->topic->connection->group, group) == 0;
}

int
crf_flow_wish(struct crf_flow *f, const char *group, const char *topic, int32_t partition, const struct crf_wish *w)
{
	int count = 0;

	crf_lock(&f->mu);
	crf_list_each (c, &f->consumers, struct carafe_consumer, link) {
		if (!matches(c, group, topic, partition) || crf_lane_should_stop(&c->lane))
			continue;
		if (c->lane.number >= 0 && w->seeks) /* that is for who has the partition */
			continue;
		add(&c->sent, w);
		atomic_store(&c->lane.steered, true);
		crf_lane_wake(&c->lane);
		count += c->lane.number < 0;
	}
	crf_unlock(&f->mu);
	return count;
}

/* What came from outside counts after what the handler wanted. */
static void
take_sent(struct carafe_consumer *c)
{
	crf_lock(&c->flow->mu);
	add(&c->wish, &c->sent);
	c->sent = (struct crf_wish){ 0 };
	crf_unlock(&c->flow->mu);
}

/* ------------------------------------------------------------------------------------------------ in a run */

/* Where the handler wants to go on, as far as that is known; success ends there. */
static int64_t
bound(const struct crf_wish *w)
{
	if (!w->seeks || w->to.kind == CRF_AT_LATEST)
		return INT64_MAX;
	return w->to.kind == CRF_AT_OFFSET ? w->to.value : 0;
}

void
crf_steer_mark(struct carafe_consumer *c, size_t first, size_t end)
{
	const struct carafe_batch *b = c->lane.strand.batch;
	int64_t before = bound(&c->wish);
	size_t last = end;

	while (end > first && b->messages[end - 1].offset >= before)
		end--;
	if (end < last && !c->wish.spares) {
		c->wish.spares = true;
		c->wish.spared = b->messages[end].offset;
	}
	if (end > first)
		crf_lane_mark(&c->lane, b->messages[end - 1].offset, carafe_message_leader_epoch(&b->messages[end - 1]));
}

void
crf_steer_mark_failed(struct carafe_consumer *c, int64_t offset, int32_t leader_epoch)
{
	if (!c->wish.spares || offset < c->wish.spared)
		crf_lane_mark(&c->lane, offset, leader_epoch);
}

/* ------------------------------------------------------------------------------------------------ between runs */

static int64_t
next_offset(const struct crf_lane *l)
{
	const struct carafe_batch *b = l->strand.batch;

	return b != NULL && b->head < b->count ? b->messages[b->head].offset : l->taken;
}

/* What was marked before a seek back that keeps marks may be further on than what is in hand: the retry begins behind it. */
void
crf_steer_failed(struct carafe_consumer *c)
{
	struct crf_lane *l = &c->lane;

	c->wish.pauses = false;
	if (c->wish.seeks || c->window != NULL || l->from->seek == NULL || l->unmarked <= next_offset(l))
		return;
	c->wish.seeks = c->wish.keeps_marks = true;
	c->wish.outside = false;
	c->wish.to = (struct crf_position){ CRF_AT_OFFSET, l->unmarked };
	atomic_store(&l->steered, true);
}

static void
say_paused(struct carafe_consumer *c, crf_ns now)
{
	crf_ns until = c->lane.pause_until;

	CRF_EMIT(c->flow->bus, CARAFE_EV_CONSUMER_PAUSED, CRF_WHERE(c), CRF_INT(OFFSET, next_offset(&c->lane)),
	    CRF_INT(TIMEOUT_MS, until == CRF_NEVER ? -1 : (until - now) / CRF_MS));
}

static void
say_resumed(struct carafe_consumer *c)
{
	CRF_EMIT(c->flow->bus, CARAFE_EV_CONSUMER_RESUMED, CRF_WHERE(c), CRF_INT(OFFSET, next_offset(&c->lane)));
}

static void
pause_or_resume(struct carafe_consumer *c, crf_ns now)
{
	struct crf_lane *l = &c->lane;
	bool was_paused = l->pause_until != 0;

	if (c->wish.pauses)
		l->pause_until = c->wish.until;
	if (l->pause_until <= now)
		l->pause_until = 0;
	if (l->pause_until != 0 && c->wish.pauses)
		say_paused(c, now);
	else if (l->pause_until == 0 && was_paused)
		say_resumed(c);
	c->wish.pauses = false;
}

/* The back-off of a run that failed and wants to go on elsewhere stays; that of work which somebody outside leaves out does not. */
static void
arrive_at(struct carafe_consumer *c, int64_t offset, const struct crf_wish *w, crf_ns hold)
{
	struct crf_lane *l = &c->lane;

	if (!w->keeps_marks)
		l->unmarked = -1;
	if (!w->outside && hold > crf_now() && hold > l->pause_until)
		l->pause_until = hold;
	l->strand.hold_until = 0;
	l->strand.attempt = 0;
	crf_failures_clear(&c->failures);
	crf_window_forget(c);
	if (l->ops->sought != NULL)
		l->ops->sought(l);
	CRF_EMIT(c->flow->bus, CARAFE_EV_CONSUMER_SOUGHT, CRF_WHERE(c), CRF_INT(OFFSET, offset));
}

/* And nothing behind it was handed out already. */
static bool
is_there(const struct crf_lane *l, int64_t offset)
{
	const struct carafe_batch *b = l->strand.batch;

	return offset == next_offset(l) && (b == NULL || b->fresh <= b->head);
}

/* To the first message that is not before offset. */
static void
move_head(struct carafe_consumer *c, int64_t offset)
{
	struct carafe_batch *b = c->lane.strand.batch;

	b->head = b->fresh = 0;
	while (b->head < b->count && b->messages[b->head].offset < offset)
		b->head++;
	if (b->limit < b->head)
		b->limit = b->head;
	crf_window_forget(c);
}

/* On any thread. */
static void
sought(void *arg, int64_t offset, const carafe_error *err)
{
	struct carafe_consumer *c = arg;

	c->seek.offset = offset;
	c->seek.err = *err;
	crf_lane_arrived(&c->lane);
}

static void
seek(struct carafe_consumer *c)
{
	struct crf_lane *l = &c->lane;
	struct crf_wish w = c->wish;

	c->wish.seeks = c->wish.spares = false;
	if (w.to.kind == CRF_AT_OFFSET && is_there(l, w.to.value))
		return;
	if (w.to.kind == CRF_AT_OFFSET && is_in_hand(l, w.to.value)) {
		move_head(c, w.to.value);
		arrive_at(c, w.to.value, &w, l->strand.hold_until);
		return;
	}
	if (l->from->seek == NULL) /* it was in hand when it was asked for, and is done with */
		return;
	c->seek = (struct crf_seek){ .going = true, .wish = w };
	l->strand.awaiting = true;
	l->from->seek(l->source, w.to, sought, c);
}

/* What was to come again, and was not marked for that, comes again all the same. */
static void
stay(struct carafe_consumer *c)
{
	const carafe_error *err = &c->seek.err;

	if (c->seek.wish.spares && is_in_hand(&c->lane, c->seek.wish.spared))
		move_head(c, c->seek.wish.spared);
	CRF_EMIT(c->flow->bus, CARAFE_EV_CONSUMER_ERROR, CRF_STR(TYPE, "seek"), CRF_WHERE(c),
	    CRF_INT(OFFSET, next_offset(&c->lane)), CRF_STR(RC, carafe_rc_name(err->rc)), CRF_STR(TEXT, err->text),
	    CRF_STR(HINT, "the partition goes on where it was"));
}

void
crf_steer_arrived(struct carafe_consumer *c)
{
	struct crf_lane *l = &c->lane;
	crf_ns hold = l->strand.hold_until;

	c->seek.going = false;
	if (!crf_lane_owned(l))
		return;
	if (c->seek.err.rc != CARAFE_OK) {
		stay(c);
		return;
	}
	crf_lane_drop(l);
	crf_lane_expect(l, c->seek.offset);
	arrive_at(c, c->seek.offset, &c->seek.wish, hold);
}

/* A failure is looked at first. Who wants it elsewhere from outside may leave out what is to be retried; a handler knows nothing of
 * the deferred messages before its own. */
static bool
may_move(struct carafe_consumer *c)
{
	const struct carafe_batch *b = c->lane.strand.batch;

	return crf_window_settled(c) && (c->wish.outside || b == NULL || b->fresh <= b->head);
}

/* False: the lane waits for what is on its way. */
bool
crf_steer(struct crf_lane *l, crf_ns now)
{
	struct carafe_consumer *c = l->flow;

	if (atomic_exchange(&l->steered, false))
		take_sent(c);
	pause_or_resume(c, now);
	if (!c->wish.seeks)
		return !c->seek.going;
	if (!l->strand.awaiting && may_move(c)) {
		seek(c);
		return !l->strand.awaiting;
	}
	atomic_store(&l->steered, true);
	return !l->strand.awaiting;
}
