/* How messages come into a lane's hand: in batches, none twice, and what is of another log than what is in hand after that. */
#include "work/lane.h"

#include <stdlib.h>
#include <string.h>

#include "core/mem.h"

#define BEGINS_AGAIN (5 * CRF_SECOND) /* after a partition's first message; see place_of */

/* ------------------------------------------------------------------------------------------------ letting go */

static void
free_first(struct crf_lane *l, size_t count)
{
	const struct carafe_batch *b = l->strand.batch;

	for (size_t i = 0; i < count; i++)
		if (b->messages[i].native_ != NULL) /* it was given away */
			l->from->free_native(l->source, b->messages[i].native_);
}

void
crf_lane_drop_batch(struct crf_lane *l)
{
	struct crf_strand *s = &l->strand;

	if (s->batch == NULL)
		return;
	free_first(l, s->batch->count);
	crf_worker_keep(l->worker, s->batch);
	s->batch = NULL;
	s->attempt = 0;
	s->hold_until = l->fill_until = 0;
}

void
crf_lane_drop_done(struct crf_lane *l)
{
	struct carafe_batch *b = l->strand.batch;
	size_t by = b->head;

	free_first(l, by);
	b->count -= by;
	b->limit -= by;
	b->fresh = crf_batch_fresh(b) - by;
	b->head = 0;
	memmove(b->messages, b->messages + by, b->count * sizeof(b->messages[0]));
}

static void
forget_later(struct crf_lane *l)
{
	free(l->later.natives);
	l->later.natives = NULL;
	l->later.count = l->later.next = 0;
}

void
crf_lane_drop(struct crf_lane *l)
{
	crf_lane_drop_batch(l);
	while (l->later.next < l->later.count)
		l->from->free_native(l->source, l->later.natives[l->later.next++]);
	forget_later(l);
}

/* ------------------------------------------------------------------------------------------------ what comes */

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
	PLACE_BACK,  /* the log was cut short */
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

	if (l->from->stamp == NULL)
		return PLACE_NEXT;
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
	return m->offset > l->first.offset || is_first ? PLACE_BACK : PLACE_ANEW;
}

static bool
has_any(const struct crf_lane *l)
{
	return l->strand.batch->count > 0 || l->strand.lent;
}

/* Marks of what is cut off, or of the log before, say nothing of what comes now. */
static void
step_back(struct crf_lane *l, const carafe_message *m, bool anew)
{
	l->unmarked = -1;
	if (l->ops->back != NULL)
		l->ops->back(l, anew);
	if (!anew)
		return;
	remember_first(l, m);
	if (l->from->forget != NULL)
		l->from->forget(l->source);
}

/* False: it is behind the batch's end, but what is in hand is done with first, for its offset is before theirs. */
static bool
take(struct crf_lane *l, const carafe_message *m)
{
	enum place place = place_of(l, m);

	if (place == PLACE_AGAIN) {
		l->from->free_native(l->source, m->native_);
		return true;
	}
	if (place != PLACE_NEXT) {
		if (has_any(l))
			return false;
		step_back(l, m, place == PLACE_ANEW);
	}
	l->taken = m->offset + 1;
	if (l->furthest < l->taken)
		l->furthest = l->taken;
	l->eof_offset = -1;
	l->strand.batch->count++;
	return true;
}

/* ------------------------------------------------------------------------------------------------ filling the batch */

/* They come before those that are kept already. */
static void
keep_for_later(struct crf_lane *l, void **natives, size_t count)
{
	size_t behind = l->later.count - l->later.next;
	void **all = crf_new_array(void *, count + behind);

	memcpy(all, natives, count * sizeof(*all));
	if (behind > 0)
		memcpy(all + count, l->later.natives + l->later.next, behind * sizeof(*all));
	forget_later(l);
	l->later.natives = all;
	l->later.count = count + behind;
}

static size_t
take_kept(struct crf_lane *l, void **natives, size_t max)
{
	size_t left = l->later.count - l->later.next, n = left < max ? left : max;

	memcpy(natives, l->later.natives + l->later.next, n * sizeof(*natives));
	l->later.next += n;
	if (n == left)
		forget_later(l);
	return n;
}

/* Up to max of what comes next; whether there may be more. */
static bool
take_some(struct crf_lane *l, size_t max)
{
	struct crf_strand *s = &l->strand;
	void **natives = crf_worker_natives(l->worker, max);
	bool kept = l->later.count > 0;
	size_t n = kept ? take_kept(l, natives, max) : l->from->take(l->source, natives, max);

	if (n > 0 && s->batch == NULL)
		s->batch = crf_worker_batch(l->worker, l->max_messages);
	for (size_t i = 0; i < n; i++) {
		carafe_message *m = &s->batch->messages[s->batch->count];

		if (!l->from->message(l->source, natives[i], l->topic, m)) {
			see_news(l, natives[i]);
		} else if (!take(l, m)) {
			keep_for_later(l, natives + i, n - i);
			return false;
		}
	}
	return kept || n == max;
}

size_t
crf_lane_room(const struct crf_lane *l)
{
	return l->max_messages - (l->strand.batch != NULL ? l->strand.batch->count : 0);
}

void
crf_lane_take_in(struct crf_lane *l)
{
	size_t wanted;

	while ((wanted = crf_lane_room(l)) > 0 && take_some(l, wanted))
		;
	if (l->strand.batch != NULL && l->strand.batch->count == 0) /* nothing but news */
		crf_lane_drop_batch(l);
}
