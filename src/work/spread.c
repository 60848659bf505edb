#include "work/spread_priv.h"

#include <stdlib.h>

#include "core/mem.h"

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

	*sp = (struct crf_spread){ .whole = whole, .cap = cap, .max = max, .stay = stay, .given = -1, .given_epoch = -1, .told = -1 };
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

void
crf_spread_unlock(struct crf_spread *sp)
{
	struct crf_called called = sp->called;

	sp->called.first = NULL;
	crf_unlock(&sp->mu);
	crf_called_wake(&called);
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

void
crf_spread_end_line(struct crf_spread *sp, struct line *l)
{
	struct line **at = place_of(sp, l->key);

	*at = l->next;
	l->next = NULL;
	l->share->line = NULL;
	l->share = NULL;
	crf_list_append(&sp->free_lines, &l->link);
}

void
crf_spread_take_line(struct share *s)
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
		crf_spread_take_line(crf_container_of(idle, struct share, idle)); /* it is the only one that waits */
	if (l->share == NULL)
		return sp->opened < sp->max ? sp->opened : CRF_SPREAD_NONE;
	if (l->share->lane == NULL)
		return (int)(l->share - sp->shares);
	crf_list_remove(&l->share->idle);
	crf_lane_call(l->share->lane, &sp->called);
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

/* mu held. The number of the strand that must be opened for it. */
static int
put(struct crf_spread *sp, const carafe_message *m, uint64_t key)
{
	struct slot *s = new_slot(sp, m);
	struct line *l = s->line = line_of(sp, key);

	l->count++;
	crf_list_append(&l->queue, &s->link);
	return l->queue.next == &s->link ? call(sp, l) : CRF_SPREAD_NONE; /* else it was called, and has not taken all since */
}

size_t
crf_spread_put(struct crf_spread *sp, carafe_message *messages, const uint64_t *keys, size_t count, int *open)
{
	size_t n = 0;

	*open = CRF_SPREAD_NONE;
	crf_lock(&sp->mu);
	for (; n < count && *open == CRF_SPREAD_NONE && sp->signals == 0; n++) {
		*open = put(sp, &messages[n], keys[n]);
		messages[n].native_ = NULL;
	}
	crf_spread_unlock(sp);
	return n;
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
	crf_lane_call(strand, &sp->called);
	crf_spread_unlock(sp);
}

int
crf_spread_opened(struct crf_spread *sp)
{
	int opened;

	crf_lock(&sp->mu);
	opened = sp->opened;
	crf_spread_unlock(sp);
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
		crf_lane_call(s->lane, &sp->called);
	}
	crf_spread_unlock(sp);
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
	crf_spread_unlock(sp);
}

size_t
crf_spread_room(struct crf_spread *sp)
{
	size_t room;

	crf_lock(&sp->mu);
	room = sp->cap - sp->in_hand;
	sp->full = room == 0;
	sp->freed = 0;
	crf_spread_unlock(sp);
	return room;
}

void
crf_spread_tell_whole(struct crf_spread *sp, bool hungry)
{
	bool room = sp->full && (hungry ? sp->freed > 0 : sp->freed >= (sp->cap + 3) / 4);

	if (!sp->suspended || !(room || sp->in_hand == 0))
		return;
	sp->suspended = false;
	crf_lane_arrived_kept(sp->whole, &sp->called);
}

void
crf_spread_raise(struct crf_spread *sp, unsigned signals)
{
	crf_lock(&sp->mu);
	sp->signals |= signals;
	each_open (s, sp)
		crf_lane_raise(s->lane, signals);
	crf_spread_unlock(sp);
}

bool
crf_spread_at_rest(struct crf_spread *sp)
{
	bool rest = true;

	crf_lock(&sp->mu);
	each_open (s, sp)
		rest = rest && crf_lane_at_rest(s->lane);
	crf_spread_unlock(sp);
	return rest;
}

bool
crf_spread_finished(struct crf_spread *sp, unsigned signals)
{
	bool finished;

	crf_lock(&sp->mu);
	finished = sp->in_hand == 0 && (signals & CRF_LANE_ENDED ? sp->open == 0 : sp->open == sp->resting);
	crf_spread_unlock(sp);
	return finished;
}

/* ------------------------------------------------------------------------------------------------ what is done */

void
crf_spread_advance(struct crf_spread *sp, const char *metadata)
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

void
crf_spread_recall(struct crf_spread *sp, int64_t committed, const char *note)
{
	struct crf_done before;

	(void)crf_done_read(note, committed, &before);
	crf_lock(&sp->mu);
	sp->before = before;
	crf_spread_unlock(sp);
}

void
crf_spread_forget(struct crf_spread *sp)
{
	crf_lock(&sp->mu);
	crf_done_fini(&sp->before);
	sp->given = sp->given_epoch = -1;
	crf_spread_unlock(sp);
}

void
crf_spread_begin_anew(struct crf_spread *sp)
{
	crf_spread_forget(sp);
	crf_lock(&sp->mu);
	for (int i = 0; i < sp->max; i++)
		crf_spread_forgive(&sp->shares[i]);
	sp->told = -1;
	crf_spread_unlock(sp);
}

bool
crf_spread_is_done(const struct crf_spread *sp, const carafe_message *m)
{
	return sp->before.count > 0 && /* it changes in these turns only */
	    crf_done_has(&sp->before, m->offset, carafe_message_leader_epoch(m));
}

void
crf_spread_skip(struct crf_spread *sp, const carafe_message *m)
{
	crf_lock(&sp->mu);
	pass(sp, m);
	crf_spread_advance(sp, NULL);
	crf_spread_unlock(sp);
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
	crf_spread_unlock(sp);
	crf_done_fini(&d);
	return text;
}
