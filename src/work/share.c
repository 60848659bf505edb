/* A strand's share of a partition: what its lane has for a source. */
#include "work/spread_priv.h"

#include "core/mem.h"

/* ------------------------------------------------------------------------------------------------ taking */

/* mu held. */
static void
be_idle(struct share *s)
{
	crf_list_remove(&s->idle);
	crf_list_append(&s->of->idle, &s->idle);
	crf_spread_tell_whole(s->of, true);
}

/* mu held. */
static bool
is_given(const struct share *s)
{
	return s->line != NULL && !crf_list_empty(&s->line->queue);
}

static size_t
take(void *source, void **natives, size_t max)
{
	struct share *s = source;
	size_t n = 0;

	crf_lock(&s->of->mu);
	if (s->at_end)
		natives[n++] = s; /* the news */
	s->at_end = false;
	if (s->line == NULL)
		crf_spread_take_line(s);
	if (crf_list_empty(&s->hands)) /* what it is given now may be earlier: another line's, or sought */
		s->lane->unmarked = -1;
	while (n < max && is_given(s)) {
		struct slot *slot = crf_container_of(crf_list_pop(&s->line->queue), struct slot, link);

		crf_list_append(&s->hands, &slot->link);
		if (s->to_mark == NULL)
			s->to_mark = slot;
		natives[n++] = slot->native;
	}
	if (crf_list_empty(&s->hands))
		be_idle(s);
	crf_spread_unlock(s->of);
	return n;
}

bool
crf_spread_step_aside(void *share)
{
	struct share *s = share;
	bool given;

	crf_lock(&s->of->mu);
	crf_list_remove(&s->idle);
	given = is_given(s);
	crf_spread_unlock(s->of);
	return !given;
}

static bool
message(void *source, void *native, const char *topic, carafe_message *m)
{
	const struct share *s = source;
	const struct crf_lane *whole = s->of->whole;

	return native != s && whole->from->message(whole->source, native, topic, m);
}

static int
news(const void *native, int64_t *offset, const char **text)
{
	*offset = atomic_load(&((const struct share *)native)->end);
	*text = NULL;
	return CRF_NEWS_EOF;
}

/* ------------------------------------------------------------------------------------------------ marking. mu held. */

static void
free_slot(struct crf_spread *sp, struct slot *slot)
{
	crf_list_remove(&slot->unmarked);
	crf_list_append(&sp->free_slots, &slot->link);
}

/* The slot is not in hand any more, though the strand may have it. */
static void
finish(struct crf_spread *sp, struct slot *slot)
{
	if (!slot->counts)
		return;
	slot->counts = false;
	sp->in_hand--;
	sp->freed++;
	crf_spread_tell_whole(sp, false);
}

static void
step_to_mark(struct share *s)
{
	struct crf_list *next = s->to_mark->link.next;

	s->to_mark = next == &s->hands ? NULL : crf_container_of(next, struct slot, link);
}

void
crf_spread_forgive(struct share *s)
{
	if (s->owed != NULL)
		free_slot(s->of, s->owed);
	s->owed = NULL;
	s->owes_from = INT64_MAX;
}

/* The strand's message next - 1 and what it was given before it. */
static void
mark_before(struct share *s, int64_t next)
{
	for (; s->to_mark != NULL && s->to_mark->offset < next; step_to_mark(s)) {
		crf_list_remove(&s->to_mark->unmarked);
		finish(s->of, s->to_mark);
	}
	crf_spread_forgive(s);
	crf_list_each (slot, &s->undone, struct slot, link)
		if (slot->offset < next) {
			crf_list_remove(&slot->link);
			free_slot(s->of, slot);
		}
}

static carafe_rc
mark(void *source, int64_t next, int32_t leader_epoch, const char *metadata)
{
	struct share *s = source;
	const struct crf_lane *whole = s->of->whole;
	bool owned;

	(void)leader_epoch; /* each slot has it */
	crf_lock(&s->of->mu);
	if ((owned = whole->from->owned(whole->source))) {
		mark_before(s, next);
		atomic_store_explicit(&s->marked, next, memory_order_relaxed);
		crf_spread_advance(s->of, metadata);
	}
	crf_spread_unlock(s->of);
	return owned ? CARAFE_OK : CARAFE_LOST;
}

/* ------------------------------------------------------------------------------------------------ letting go */

/* mu held. A message was finished without being marked. One of them is enough to hold back the commit, and the next mark covers
 * all. */
static void
owe(struct share *s, struct slot *slot)
{
	struct slot *later = slot;

	if (s->owed == NULL || slot->offset < s->owed->offset) {
		later = s->owed;
		s->owed = slot;
	}
	if (later == NULL)
		return;
	if (later->offset < s->owes_from)
		s->owes_from = later->offset;
	free_slot(s->of, later);
}

/* mu held. The strand has no use for the message any more. */
static void
release_slot(struct share *s, struct slot *slot)
{
	struct crf_spread *sp = s->of;
	struct line *l = slot->line;
	bool marked = s->to_mark != slot;

	if (!marked)
		step_to_mark(s);
	finish(sp, slot);
	crf_list_remove(&slot->link);
	if (marked)
		free_slot(sp, slot);
	else if (sp->signals == 0)
		owe(s, slot);
	else
		crf_list_append(&s->undone, &slot->link);
	if (--l->count == 0 && !sp->stay)
		crf_spread_end_line(sp, l);
}

static void
free_native(void *source, void *native)
{
	struct share *s = source;
	const struct crf_lane *whole = s->of->whole;
	struct slot *slot;

	if (native == s)
		return;
	whole->from->free_native(whole->source, native);
	crf_lock(&s->of->mu);
	slot = crf_container_of(s->hands.next, struct slot, link);
	if (crf_list_empty(&s->hands) || slot->native != native)
		crf_panic("%s[%d] strand %d lets go of a message that is not the next of those it has", whole->topic,
		    whole->partition, (int)(s - s->of->shares));
	release_slot(s, slot);
	crf_spread_unlock(s->of);
}

/* mu held. What stands in the line goes to lost. It is not marked, and never will be. */
static void
clear_line(struct crf_spread *sp, struct line *l, struct crf_list *lost)
{
	crf_list_each (slot, &l->queue, struct slot, link) {
		crf_list_remove(&slot->link);
		crf_list_append(lost, &slot->link);
		l->count--;
		sp->in_hand--;
	}
}

/* The strand takes nothing any more, and nobody takes what it would have taken. */
static void
clear(struct share *s)
{
	struct crf_spread *sp = s->of;
	struct crf_list lost;

	crf_list_init(&lost);
	crf_lock(&sp->mu);
	if (s->line != NULL)
		clear_line(sp, s->line, &lost);
	crf_list_each (l, &sp->waiting, struct line, link)
		clear_line(sp, l, &lost);
	crf_spread_tell_whole(sp, false);
	crf_spread_unlock(sp);
	crf_list_each (slot, &lost, struct slot, link)
		sp->whole->from->free_native(sp->whole->source, slot->native);
}

/* Each is the first to come to an end, or that much nearer to it. */
static void
come_to_rest(struct share *s, bool gone)
{
	struct crf_spread *sp = s->of;

	clear(s);
	crf_lock(&sp->mu);
	sp->resting += !gone && !s->resting;
	sp->resting -= gone && s->resting;
	sp->open -= gone;
	s->resting = !gone;
	crf_lane_call(sp->whole, &sp->called); /* which may go when this is unlocked */
	crf_spread_unlock(sp);
}

void
crf_spread_quieted(void *share)
{
	come_to_rest(share, false);
}

static void
drained(void *source)
{
	come_to_rest(source, false);
}

static void
release(void *source)
{
	come_to_rest(source, true);
}

void
crf_spread_close(void *share)
{
	struct share *s = share;

	crf_lock(&s->of->mu);
	s->lane = NULL;
	crf_list_remove(&s->idle);
	crf_spread_unlock(s->of);
}

/* ------------------------------------------------------------------------------------------------ as the partition's source */

static carafe_rc
commit(void *source, carafe_error *err)
{
	const struct crf_lane *whole = ((struct share *)source)->of->whole;

	return whole->from->commit(whole->source, err);
}

static carafe_rc
committed(void *source, int64_t *offset, char **metadata, carafe_error *err)
{
	const struct crf_lane *whole = ((struct share *)source)->of->whole;

	return whole->from->committed(whole->source, offset, metadata, err);
}

static bool
owned(const void *source)
{
	return crf_lane_owned(((const struct share *)source)->of->whole);
}

static int
max_poll(const void *source)
{
	const struct crf_lane *whole = ((const struct share *)source)->of->whole;

	return whole->from->max_poll(whole->source);
}

static int64_t
marked(const void *source)
{
	return atomic_load_explicit(&((const struct share *)source)->marked, memory_order_relaxed);
}

static void
overdue(void *source)
{
	const struct crf_lane *whole = ((struct share *)source)->of->whole;

	whole->from->overdue(whole->source);
}

const struct crf_source_ops crf_spread_source = {
	.take = take,
	.message = message,
	.news = news,
	.free_native = free_native,
	.mark = mark,
	.commit = commit,
	.committed = committed,
	.ask_committed = NULL, /* nobody was asked for it */
	.seek = NULL, /* the others would have to go there, too */
	.owned = owned,
	.drained = drained,
	.release = release,
	.max_poll = max_poll,
	.marked = marked,
	.overdue = overdue,
};
