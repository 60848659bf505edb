#include "work/spread.h"

#include <stdlib.h>

#include "core/mem.h"

struct line;

/* A message that was given away. */
struct slot {
	struct crf_list link;     /* in its line, or in the hands of a strand, or free */
	struct crf_list unmarked; /* all that are not marked, in their order */
	int64_t offset;
	void *native;
	int64_t before;           /* what may be committed when it is the first that is not marked */
	int32_t before_epoch;
	bool counts;              /* in hand: neither marked nor let go */
	struct line *line;
};

/* Messages of one key, or of those that share one. */
struct line {
	struct crf_list link;  /* free, or waiting for a strand */
	struct line *next;     /* with the same hash's end */
	uint64_t key;
	struct crf_list queue; /* slots */
	size_t count;          /* in the queue and in the strand's hands */
	struct share *share;   /* who takes them; NULL */
};

/* A strand's source. */
struct share {
	struct crf_spread *of;
	struct crf_lane *lane;  /* NULL: not open, or gone */
	struct line *line;      /* NULL: none */
	struct line own;        /* lines stay */
	struct crf_list idle;   /* has nothing, and no turn to come */
	struct crf_list hands;  /* slots it has taken, in that order */
	struct slot *to_mark;   /* the first of them that is not marked */
	struct slot *owed;      /* was finished without being marked, the earliest; the next mark covers it; NULL */
	int64_t owes_from;      /* ... and others, the earliest of which is this; INT64_MAX */
	struct crf_list undone; /* slots it let go when it had to come to an end */
	bool resting;           /* it has come to an end */
	bool at_end;            /* it is to be told that the partition ends at end */
	_Atomic int64_t end;
	_Atomic int64_t marked;
};

struct crf_spread {
	struct crf_lane *whole;
	size_t cap;
	int max;
	bool stay;
	struct crf_mutex mu; /* all below, and what it leads to */
	struct crf_list free_slots;
	struct line *lines;  /* they do not stay; NULL: nothing was ever given away */
	struct crf_list free_lines;
	struct line **table; /* by the end of the key's hash */
	size_t mask;
	struct share *shares;
	struct crf_list waiting;  /* lines that nobody takes */
	struct crf_list idle;     /* shares; the one that is so for longest is first, so that each has its turn to mark */
	struct crf_list unmarked; /* slots */
	int64_t given;       /* one behind the last message; -1 */
	int32_t given_epoch; /* that one's */
	int64_t told;        /* what the source was told is marked */
	struct crf_done before; /* what others did of what is to come */
	size_t in_hand;
	int opened, open, resting; /* ever; there now; of those, that have come to an end */
	bool suspended;      /* the partition's lane awaits what happens here */
	bool full;           /* ... and has more to give */
	size_t freed;        /* slots, since then */
	unsigned signals;
};

/* ------------------------------------------------------------------------------------------------ its parts */

static void
init_line(struct line *l)
{
	crf_list_init(&l->link);
	crf_list_init(&l->queue);
}

static void
init_share(struct crf_spread *sp, struct share *s)
{
	s->of = sp;
	crf_list_init(&s->idle);
	crf_list_init(&s->hands);
	crf_list_init(&s->undone);
	init_line(&s->own);
	s->own.share = s;
	s->line = sp->stay ? &s->own : NULL;
	s->owes_from = INT64_MAX;
	atomic_init(&s->end, -1);
	atomic_init(&s->marked, -1);
}

/* Only when there is something to give: a partition that has none needs no memory for it. */
static void
make_lines(struct crf_spread *sp)
{
	size_t most = sp->cap + (size_t)sp->max; /* a strand has its line until it has let go of what is marked */

	for (sp->mask = 1; sp->mask < most; sp->mask *= 2)
		;
	sp->table = crf_new_array(struct line *, sp->mask);
	sp->mask--;
	sp->lines = crf_new_array(struct line, most);
	for (size_t i = 0; i < most; i++) {
		init_line(&sp->lines[i]);
		crf_list_append(&sp->free_lines, &sp->lines[i].link);
	}
}

struct crf_spread *
crf_spread_new(struct crf_lane *whole, size_t cap, int max, bool stay)
{
	struct crf_spread *sp = crf_new(struct crf_spread);

	*sp = (struct crf_spread){ .whole = whole, .cap = cap, .max = max, .stay = stay, .given = -1, .told = -1 };
	crf_mutex_init(&sp->mu);
	crf_list_init(&sp->free_slots);
	crf_list_init(&sp->free_lines);
	crf_list_init(&sp->waiting);
	crf_list_init(&sp->idle);
	crf_list_init(&sp->unmarked);
	sp->shares = crf_new_array(struct share, (size_t)max);
	for (int i = 0; i < max; i++)
		init_share(sp, &sp->shares[i]);
	return sp;
}

void
crf_spread_free(struct crf_spread *sp)
{
	crf_mutex_fini(&sp->mu);
	crf_done_fini(&sp->before);
	crf_list_each (slot, &sp->unmarked, struct slot, unmarked)
		free(slot);
	crf_list_each (slot, &sp->free_slots, struct slot, link)
		free(slot);
	free(sp->shares);
	free(sp->table);
	free(sp->lines);
	free(sp);
}

/* ------------------------------------------------------------------------------------------------ lines. mu held. */

static struct line **
place_of(struct crf_spread *sp, uint64_t key)
{
	struct line **at = &sp->table[key & sp->mask];

	while (*at != NULL && (*at)->key != key)
		at = &(*at)->next;
	return at;
}

/* The line that messages of this key wait in; a new one when nothing of it is in hand. */
static struct line *
line_of(struct crf_spread *sp, uint64_t key)
{
	struct line **at;

	if (sp->stay)
		return &sp->shares[key % (uint64_t)sp->max].own;
	if (sp->lines == NULL)
		make_lines(sp);
	at = place_of(sp, key);
	if (*at == NULL) {
		*at = crf_container_of(crf_list_pop(&sp->free_lines), struct line, link);
		(*at)->key = key;
		crf_list_append(&sp->waiting, &(*at)->link);
	}
	return *at;
}

/* Nothing of its key is in hand any more. */
static void
end_line(struct crf_spread *sp, struct line *l)
{
	struct line **at = place_of(sp, l->key);

	*at = l->next;
	l->next = NULL;
	l->share->line = NULL;
	l->share = NULL;
	crf_list_append(&sp->free_lines, &l->link);
}

/* The next line that nobody takes is this strand's now. */
static void
take_line(struct share *s)
{
	struct crf_list *first = crf_list_pop(&s->of->waiting);

	if (first == NULL)
		return;
	s->line = crf_container_of(first, struct line, link);
	s->line->share = s;
}

/* Whoever is to take what stands in the line gets to know of it. The number of the strand that must be opened for it. */
static int
call(struct crf_spread *sp, struct line *l)
{
	struct crf_list *idle;

	if (l->share == NULL && (idle = crf_list_pop(&sp->idle)) != NULL)
		take_line(crf_container_of(idle, struct share, idle)); /* it is the only one that waits */
	if (l->share == NULL)
		return sp->opened < sp->max ? sp->opened : CRF_SPREAD_NONE;
	if (l->share->lane == NULL)
		return (int)(l->share - sp->shares);
	crf_list_remove(&l->share->idle);
	crf_lane_wake(l->share->lane);
	return CRF_SPREAD_NONE;
}

/* ------------------------------------------------------------------------------------------------ giving away */

/* mu held. The next message is behind this one. */
static void
pass(struct crf_spread *sp, const carafe_message *m)
{
	sp->given = m->offset + 1;
	sp->given_epoch = carafe_message_leader_epoch(m);
	if (sp->before.count > 0 && (sp->given >= sp->before.end || sp->given_epoch > sp->before.epoch))
		crf_done_fini(&sp->before);
}

/* mu held. */
static struct slot *
new_slot(struct crf_spread *sp, const carafe_message *m)
{
	struct crf_list *free_one = crf_list_pop(&sp->free_slots);
	struct slot *s = free_one != NULL ? crf_container_of(free_one, struct slot, link) : crf_new(struct slot);

	s->counts = true;
	s->offset = m->offset;
	s->native = m->native_;
	s->before = sp->given >= 0 ? sp->given : m->offset;
	s->before_epoch = sp->given_epoch;
	crf_list_append(&sp->unmarked, &s->unmarked);
	pass(sp, m);
	sp->in_hand++;
	return s;
}

bool
crf_spread_put(struct crf_spread *sp, const carafe_message *m, uint64_t key, int *open)
{
	struct line *l;
	struct slot *s;
	bool taken;

	*open = CRF_SPREAD_NONE;
	crf_lock(&sp->mu);
	if ((taken = sp->signals == 0)) {
		s = new_slot(sp, m);
		l = s->line = line_of(sp, key);
		l->count++;
		crf_list_append(&l->queue, &s->link);
		if (l->queue.next == &s->link) /* else it has been called, and has not taken all since */
			*open = call(sp, l);
	}
	crf_unlock(&sp->mu);
	return taken;
}

void *
crf_spread_share(struct crf_spread *sp, int number)
{
	return &sp->shares[number];
}

void
crf_spread_open(struct crf_spread *sp, int number, struct crf_lane *strand)
{
	crf_lock(&sp->mu);
	sp->shares[number].lane = strand;
	sp->opened++;
	sp->open++;
	if (sp->signals != 0)
		crf_lane_raise(strand, sp->signals);
	crf_lane_wake(strand);
	crf_unlock(&sp->mu);
}

int
crf_spread_opened(struct crf_spread *sp)
{
	int opened;

	crf_lock(&sp->mu);
	opened = sp->opened;
	crf_unlock(&sp->mu);
	return opened;
}

#define each_open(s, sp)                                                                                               \
	for (struct share *s = (sp)->shares; s < (sp)->shares + (sp)->max; s++)                                        \
		if (s->lane != NULL)

void
crf_spread_tell_end(struct crf_spread *sp, int64_t offset)
{
	crf_lock(&sp->mu);
	each_open (s, sp) {
		s->at_end = true;
		atomic_store(&s->end, offset);
		crf_lane_wake(s->lane);
	}
	crf_unlock(&sp->mu);
}

/* ------------------------------------------------------------------------------------------------ the partition's lane */

void
crf_spread_await(struct crf_spread *sp)
{
	struct crf_strand *s = &sp->whole->strand;

	crf_lock(&sp->mu);
	sp->full = false;
	s->lent = sp->suspended = sp->in_hand > 0;
	s->awaiting = s->lent;
	crf_unlock(&sp->mu);
}

size_t
crf_spread_room(struct crf_spread *sp)
{
	size_t room;

	crf_lock(&sp->mu);
	room = sp->cap - sp->in_hand;
	sp->full = room == 0;
	sp->freed = 0;
	crf_unlock(&sp->mu);
	return room;
}

/* mu held. Room for a few is not worth a turn, unless somebody has nothing to do. */
static void
tell_whole(struct crf_spread *sp, bool hungry)
{
	bool room = sp->full && (hungry ? sp->freed > 0 : sp->freed >= (sp->cap + 3) / 4);

	if (!sp->suspended || !(room || sp->in_hand == 0))
		return;
	sp->suspended = false;
	crf_lane_arrived(sp->whole);
}

void
crf_spread_raise(struct crf_spread *sp, unsigned signals)
{
	crf_lock(&sp->mu);
	sp->signals |= signals;
	each_open (s, sp)
		crf_lane_raise(s->lane, signals);
	crf_unlock(&sp->mu);
}

bool
crf_spread_at_rest(struct crf_spread *sp)
{
	bool rest = true;

	crf_lock(&sp->mu);
	each_open (s, sp)
		rest = rest && crf_lane_at_rest(s->lane);
	crf_unlock(&sp->mu);
	return rest;
}

bool
crf_spread_finished(struct crf_spread *sp, unsigned signals)
{
	bool finished;

	crf_lock(&sp->mu);
	finished = sp->in_hand == 0 && (signals & CRF_LANE_ENDED ? sp->open == 0 : sp->open == sp->resting);
	crf_unlock(&sp->mu);
	return finished;
}

/* ------------------------------------------------------------------------------------------------ taking */

/* mu held. */
static void
be_idle(struct share *s)
{
	crf_list_remove(&s->idle);
	crf_list_append(&s->of->idle, &s->idle);
	tell_whole(s->of, true);
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
		take_line(s);
	if (crf_list_empty(&s->hands)) /* what it is given now may be earlier: another line's, or sought */
		crf_tracker_init(&s->lane->tracker);
	while (n < max && s->line != NULL && !crf_list_empty(&s->line->queue)) {
		struct slot *slot = crf_container_of(crf_list_pop(&s->line->queue), struct slot, link);

		crf_list_append(&s->hands, &slot->link);
		if (s->to_mark == NULL)
			s->to_mark = slot;
		natives[n++] = slot->native;
	}
	if (crf_list_empty(&s->hands))
		be_idle(s);
	crf_unlock(&s->of->mu);
	return n;
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

/* Marks up to the first that is not marked; metadata goes with it when that is further than before. What is done behind it is
 * for the note. */
static void
advance(struct crf_spread *sp, const char *metadata)
{
	const struct slot *first = crf_container_of(sp->unmarked.next, struct slot, unmarked);
	bool all = crf_list_empty(&sp->unmarked);
	int64_t next = all ? sp->given : first->before;

	if (next > sp->told) {
		sp->told = next;
		(void)sp->whole->from->mark(sp->whole->source, next, all ? sp->given_epoch : first->before_epoch, metadata);
	}
	if (!all)
		sp->whole->from->restated(sp->whole->source);
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
	tell_whole(sp, false);
}

static void
step_to_mark(struct share *s)
{
	struct crf_list *next = s->to_mark->link.next;

	s->to_mark = next == &s->hands ? NULL : crf_container_of(next, struct slot, link);
}

/* The strand's message next - 1 and what it was given before it. */
static void
mark_before(struct share *s, int64_t next)
{
	for (; s->to_mark != NULL && s->to_mark->offset < next; step_to_mark(s)) {
		crf_list_remove(&s->to_mark->unmarked);
		finish(s->of, s->to_mark);
	}
	if (s->owed != NULL)
		free_slot(s->of, s->owed);
	s->owed = NULL;
	s->owes_from = INT64_MAX;
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
		advance(s->of, metadata);
	}
	crf_unlock(&s->of->mu);
	return owned ? CARAFE_OK : CARAFE_LOST;
}

/* ------------------------------------------------------------------------------------------------ what others have done */

void
crf_spread_recall(struct crf_spread *sp, int64_t committed, const char *note)
{
	struct crf_done before;

	(void)crf_done_read(note, committed, &before);
	crf_lock(&sp->mu);
	sp->before = before;
	crf_unlock(&sp->mu);
}

void
crf_spread_forget(struct crf_spread *sp)
{
	crf_lock(&sp->mu);
	crf_done_fini(&sp->before);
	crf_unlock(&sp->mu);
}

bool
crf_spread_is_done(struct crf_spread *sp, const carafe_message *m)
{
	bool done;

	if (sp->before.count == 0) /* it changes in these turns only */
		return false;
	crf_lock(&sp->mu);
	if ((done = crf_done_has(&sp->before, m->offset, carafe_message_leader_epoch(m)))) {
		pass(sp, m);
		advance(sp, NULL);
	}
	crf_unlock(&sp->mu);
	return done;
}

/* mu held. From there on nobody knows. */
static void
cut(const struct crf_spread *sp, struct crf_done *d)
{
	for (int i = 0; i < sp->max; i++)
		if (sp->shares[i].owes_from < d->end)
			d->end = sp->shares[i].owes_from;
	while (d->count > 0 && d->undone[d->count - 1] >= d->end)
		d->count--;
}

/* mu held. The offsets that are not marked, and those that others left; false when they are not in order, after a seek. */
static bool
list_undone(struct crf_spread *sp, struct crf_done *d)
{
	bool ordered = true;

	d->undone = crf_alloc(sp->cap + (size_t)sp->max + sp->before.count, sizeof(*d->undone));
	crf_list_each (slot, &sp->unmarked, struct slot, unmarked) {
		ordered = ordered && (d->count == 0 || slot->offset > d->undone[d->count - 1]);
		d->undone[d->count++] = slot->offset;
	}
	for (size_t i = 0; i < sp->before.count; i++)
		if (sp->before.undone[i] >= sp->given)
			d->undone[d->count++] = sp->before.undone[i];
	cut(sp, d);
	return ordered;
}

char *
crf_spread_note(struct crf_spread *sp)
{
	struct crf_done d = { 0 };
	char *text = NULL;

	crf_lock(&sp->mu);
	d.end = sp->before.count > 0 ? sp->before.end : sp->given;
	d.epoch = sp->before.count > 0 ? sp->before.epoch : sp->given_epoch;
	if (sp->given >= 0 && list_undone(sp, &d))
		text = crf_done_text(&d);
	crf_unlock(&sp->mu);
	crf_done_fini(&d);
	return text;
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
		end_line(sp, l);
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
	crf_unlock(&s->of->mu);
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
	tell_whole(sp, false);
	crf_unlock(&sp->mu);
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
	crf_lane_wake(sp->whole); /* which may go when this is unlocked */
	crf_unlock(&sp->mu);
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
	crf_unlock(&s->of->mu);
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
	.seek = NULL, /* the others would have to go there, too */
	.owned = owned,
	.drained = drained,
	.release = release,
	.max_poll = max_poll,
	.marked = marked,
	.overdue = overdue,
};
