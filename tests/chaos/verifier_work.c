/* What handlers are given, in which order, and what they are given again. */
#include <string.h>

#include "chaos/verifier_priv.h"

static bool
is_mine(const struct record *r, const struct work *w)
{
	return r->run == w->run && r->epoch == w->epoch;
}

/* Another one has begun with it since, and that may be news to this one. */
static bool
is_taken(const struct record *r, int run)
{
	return r->run != 0 && r->run != run;
}

static bool
was_handled(const struct record *r)
{
	return r->times > 0 || r->skipped;
}

static bool
is_in(const struct work *w, int64_t offset)
{
	for (int i = 0; i < w->count; i++)
		if (w->offsets[i] == offset)
			return true;
	return false;
}

static void
pass_handled(struct partition *p)
{
	while (p->handled < MOST && was_handled(&p->records[p->handled]))
		p->handled++;
}

/* ------------------------------------------------------------------------------------------------ one after the other */

static void
begin_epoch(struct verifier *v, const struct work *w)
{
	struct partition *p = partition_of(v, w);
	struct tenure *t = tenure_of(v, w);
	int64_t first = w->offsets[0];

	t->epoch = w->epoch;
	t->busy = 0;
	t->paused = false;
	t->must = -1;
	for (int k = 0; k < CHAOS_KEYS; k++)
		t->last[k] = -1;
	if ((v->manners & KEYED) != 0 || (t->sought && first == t->next))
		return;
	if (first < p->floor && in_doubt(p, first))
		p->floor = first;
	if (first < p->floor || first > p->handled)
		violate(v, "run %d begins partition %d at %lld; committed is everything before %lld, handled everything before %lld",
		    w->run, w->id, (long long)first, (long long)p->floor, (long long)p->handled);
	t->base = t->next = t->marked = first;
	t->sought = false;
}

/* Deferred, and it failed: it comes again when nothing else is in progress. */
static bool
is_retry(struct verifier *v, const struct work *w)
{
	const struct record *r = &partition_of(v, w)->records[w->offsets[0]];

	return (v->manners & SIDE_BY_SIDE) != 0 && w->count == 1 && w->offsets[0] < tenure_of(v, w)->next &&
	    ((is_mine(r, w) && r->stage == FAILED) || is_taken(r, w->run));
}

static void
expect_order(struct verifier *v, const struct work *w)
{
	struct tenure *t = tenure_of(v, w);
	int64_t first = w->offsets[0];
	bool strayed = t->astray && first < t->next;
	int most = v->manners & SIDE_BY_SIDE ? CHAOS_IN_HAND - 1 : 0;

	if (is_retry(v, w))
		most = 0;
	else if (t->must >= 0 && t->wish_count == 1 && first != t->must && !strayed)
		violate(v, "run %d goes on with %lld of partition %d; its handler wanted to go on with %lld", w->run, (long long)first,
		    w->id, (long long)t->must);
	else if (first != t->next && !strayed)
		violate(v, "run %d goes on with %lld of partition %d, not %lld", w->run, (long long)first, w->id, (long long)t->next);
	if (t->busy > most)
		violate(v, "run %d begins %lld of partition %d beside %d others", w->run, (long long)first, w->id, t->busy);
	for (int i = 1; i < w->count; i++)
		if (w->offsets[i] != first + i)
			violate(v, "run %d has %lld behind %lld of partition %d", w->run, (long long)w->offsets[i],
			    (long long)w->offsets[i - 1], w->id);
}

static void
begin_in_order(struct verifier *v, const struct work *w)
{
	struct tenure *t = tenure_of(v, w);

	expect_order(v, w);
	if (is_retry(v, w))
		return;
	t->next = w->offsets[w->count - 1] + 1;
	t->must = -1;
	t->astray = false;
	(void)wish_is_met(t, w->offsets[0]);
}

/* ------------------------------------------------------------------------------------------------ key by key */

/* The number of a message, as far as it is known. */
static int
number_of(const struct record *r)
{
	return r->produced != 0 ? r->produced : r->number;
}

/* The first of the key before that one which nobody has handled; -1 none. */
static int64_t
left_out(struct verifier *v, const struct work *w, int64_t before, int key)
{
	struct partition *p = partition_of(v, w);

	for (int64_t o = p->handled; o < before; o++)
		if (!was_handled(&p->records[o]) && number_of(&p->records[o]) != 0 && chaos_key(number_of(&p->records[o])) == key &&
		    !is_in(w, o))
			return o;
	return -1;
}

static void
expect_key_order(struct verifier *v, const struct work *w, int64_t offset, int key)
{
	struct partition *p = partition_of(v, w);
	struct tenure *t = tenure_of(v, w);
	const struct record *before = t->last[key] >= 0 ? &p->records[t->last[key]] : NULL;
	int64_t missing = left_out(v, w, offset, key);
	bool unaware = v->weather != CALM && p->owner != w->run; /* it stood still when another member was given the partition */

	if (offset < p->floor && !(t->sought && offset >= t->base) && !in_doubt(p, offset) && !unaware)
		violate(v, "run %d begins %lld of partition %d; committed is everything before %lld", w->run, (long long)offset, w->id,
		    (long long)p->floor);
	if (p->records[offset].settled && !in_doubt(p, offset) && !unaware)
		violate(v, "run %d begins %lld of partition %d, which the commit's metadata says is done", w->run, (long long)offset, w->id);
	if (offset < t->last[key])
		violate(v, "run %d begins %lld of partition %d after %lld, which has the same key", w->run, (long long)offset, w->id,
		    (long long)t->last[key]);
	if (missing >= 0)
		violate(v, "run %d begins %lld of partition %d before %lld, which has the same key", w->run, (long long)offset, w->id,
		    (long long)missing);
	if (before != NULL && is_mine(before, w) && (before->stage == BEGUN || before->stage == FAILED) && !is_in(w, t->last[key]))
		violate(v, "run %d begins %lld of partition %d beside %lld, which has the same key", w->run, (long long)offset, w->id,
		    (long long)t->last[key]);
}

static void
begin_one(struct verifier *v, const struct work *w, int i)
{
	struct tenure *t = tenure_of(v, w);
	struct record *r = &partition_of(v, w)->records[w->offsets[i]];
	int64_t offset = w->offsets[i];
	int key = chaos_key(w->numbers[i]);

	if (!is_mine(r, w))
		expect_key_order(v, w, offset, key);
	else if (r->stage == BEGUN || (r->stage == DONE && !r->again))
		violate(v, "run %d begins %lld of partition %d again", w->run, (long long)offset, w->id);
	if (t->last[key] < offset)
		t->last[key] = offset;
}

static void
begin_keyed(struct verifier *v, const struct work *w)
{
	for (int i = 0; i < w->count; i++)
		begin_one(v, w, i);
}

/* ------------------------------------------------------------------------------------------------ what becomes of it */

static void
enter(struct verifier *v, const struct work *w, enum stage stage)
{
	struct partition *p = partition_of(v, w);
	struct tenure *t = tenure_of(v, w);

	if (t->epoch == w->epoch)
		t->busy += stage == BEGUN ? w->count : -w->count;
	for (int i = 0; i < w->count; i++) {
		struct record *r = &p->records[w->offsets[i]];

		if (stage != BEGUN && !is_mine(r, w)) /* another one has it since */
			continue;
		r->run = w->run;
		r->epoch = w->epoch;
		r->stage = stage;
		r->number = w->numbers[i];
		r->again = r->again && stage != BEGUN;
		if (p->top <= w->offsets[i])
			p->top = w->offsets[i] + 1;
	}
}

void
work_begins(struct verifier *v, const struct work *w)
{
	struct tenure *t = tenure_of(v, w);
	long long first = w->offsets[0];

	/* A partition is lost without asking: one handler may be about to begin. */
	if (!t->owned && (t->in_peace || ++t->late > 1))
		violate(v, "run %d begins %lld of partition %d, which it has given up", w->run, first, w->id);
	if (v->weather == CALM && v->partitions[w->id].owner != w->run)
		violate(v, "run %d begins %lld of partition %d, which run %d was given", w->run, first, w->id, v->partitions[w->id].owner);
	if (t->epoch != w->epoch)
		begin_epoch(v, w);
	if (t->paused)
		violate(v, "run %d begins %lld of partition %d, which is paused", w->run, first, w->id);
	if (v->manners & KEYED)
		begin_keyed(v, w);
	else
		begin_in_order(v, w);
	enter(v, w, BEGUN);
}

static void
handle(struct verifier *v, struct partition *p, int64_t offset, int number)
{
	struct record *r = &p->records[offset];

	if (r->number != number)
		violate(v, "partition %d has %d at %lld, and had %d", (int)(p - v->partitions), number, (long long)offset, r->number);
	r->handled = number;
	v->n.again += r->times++ > 0;
	v->n.handled++;
}

/* In order everything before is marked, up to where somebody wants to go on. */
static void
mark(struct tenure *t, int64_t end)
{
	int64_t bound = wished_bound(t);

	if (end > bound)
		end = bound;
	if (t->marked < end)
		t->marked = end;
}

/* Its handler wants it to come again: until it has, it counts as if it had not been handled. */
static bool
is_wanted_again(struct verifier *v, const struct work *w, int64_t offset)
{
	const struct record *r = &partition_of(v, w)->records[offset];
	const struct tenure *t = tenure_of(v, w);

	return r->times == 0 && t->epoch == w->epoch && (r->again || (t->must >= 0 && offset >= t->must));
}

void
work_is_done(struct verifier *v, const struct work *w)
{
	struct partition *p = partition_of(v, w);
	struct tenure *t = tenure_of(v, w);

	for (int i = 0; i < w->count; i++)
		if (!is_wanted_again(v, w, w->offsets[i]))
			handle(v, p, w->offsets[i], w->numbers[i]);
	enter(v, w, DONE);
	if (t->epoch == w->epoch && !(v->manners & SIDE_BY_SIDE))
		mark(t, w->offsets[w->count - 1] + 1);
	pass_handled(p);
}

void
work_failed(struct verifier *v, const struct work *w)
{
	struct tenure *t = tenure_of(v, w);

	enter(v, w, FAILED);
	if (t->epoch == w->epoch && !(v->manners & SIDE_BY_SIDE))
		t->next = w->offsets[0];
}

void
work_is_wanted_again(struct verifier *v, const struct work *w)
{
	for (int i = 0; i < w->count; i++)
		partition_of(v, w)->records[w->offsets[i]].again = true;
}

void
letter_is_written(struct verifier *v, int run, int id, int64_t offset)
{
	struct partition *p = &v->partitions[id];
	struct tenure *t = &v->tenures[run][id];
	struct record *r = &p->records[offset];
	int number = number_of(r);
	bool is_its = r->run == run ? r->epoch == t->epoch : is_taken(r, run) && t->next == offset;

	v->n.letters++;
	if ((v->manners & LETTERS) == 0 || (number != 0 && !chaos_is_poison(number)))
		violate(v, "run %d lets go of %lld of partition %d as a dead letter, which it is not", run, (long long)offset, id);
	handle(v, p, offset, number);
	if (is_its && r->run == run) {
		if (r->stage == BEGUN)
			violate(v, "run %d lets go of %lld of partition %d as a dead letter before it has failed", run, (long long)offset, id);
		r->stage = DONE;
	}
	if (is_its && !(v->manners & SIDE_BY_SIDE)) {
		t->next = offset + 1;
		mark(t, offset + 1);
	}
	pass_handled(p);
}

/* ------------------------------------------------------------------------------------------------ what is committed of it */

static bool
is_done_by(const struct record *r, int run, int epoch)
{
	return r->run == run && r->epoch == epoch && r->stage == DONE && !r->again;
}

static void
settle_in_order(struct partition *p, struct tenure *t, int run)
{
	int64_t end = t->base;

	while (end < t->next && is_done_by(&p->records[end], run, t->epoch))
		end++;
	if (end > t->base) /* to have gone there marks nothing */
		mark(t, end);
	if (t->marked > p->floor)
		p->floor = t->marked;
}

static void
settle_keyed(struct partition *p, const struct tenure *t, int run)
{
	for (int64_t o = p->floor; o < p->top; o++)
		if (is_done_by(&p->records[o], run, t->epoch))
			p->records[o].settled = true;
	while (p->floor < p->top && p->records[p->floor].settled)
		p->floor++;
}

void
work_is_settled(struct verifier *v, int run, int id)
{
	struct tenure *t = &v->tenures[run][id];

	if (t->epoch == 0)
		return;
	if (v->manners & KEYED)
		settle_keyed(&v->partitions[id], t, run);
	else
		settle_in_order(&v->partitions[id], t, run);
}
