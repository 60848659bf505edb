/* Pauses and seeks, and what a commit says beside its offset. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chaos/verifier_priv.h"

/* ------------------------------------------------------------------------------------------------ wishes */

static void
drop_wishes(struct tenure *t, int count)
{
	t->wish_count -= count;
	memmove(t->wishes, t->wishes + count, (size_t)t->wish_count * sizeof(t->wishes[0]));
}

void
wish(struct verifier *v, int run, int id, int epoch, int64_t offset)
{
	struct tenure *t = &v->tenures[run][id];

	if (t->wish_count == WISHES)
		drop_wishes(t, 1);
	t->wishes[t->wish_count++] = offset;
	if (epoch != 0 && epoch == t->epoch)
		t->must = offset;
}

/* Nobody wanted to hear it. */
void
wish_is_void(struct verifier *v, int run, int id, int64_t offset)
{
	struct tenure *t = &v->tenures[run][id];

	for (int i = t->wish_count - 1; i >= 0; i--)
		if (t->wishes[i] == offset) {
			memmove(t->wishes + i, t->wishes + i + 1, (size_t)(t->wish_count - i - 1) * sizeof(t->wishes[0]));
			t->wish_count--;
			break;
		}
	if (t->must == offset)
		t->must = -1;
}

bool
wish_is_met(struct tenure *t, int64_t offset)
{
	for (int i = 0; i < t->wish_count; i++)
		if (t->wishes[i] == offset || t->wishes[i] == ANYWHERE) {
			drop_wishes(t, i + 1);
			return true;
		}
	return false;
}

int64_t
wished_bound(const struct tenure *t)
{
	int64_t bound = INT64_MAX;

	for (int i = 0; i < t->wish_count; i++)
		if (t->wishes[i] < bound)
			bound = t->wishes[i] == ANYWHERE ? 0 : t->wishes[i];
	return bound;
}

/* ------------------------------------------------------------------------------------------------ seeks */

/* What is handed out from there on is as if it had never been before. */
static void
go_back(struct partition *p, struct tenure *t, int64_t offset)
{
	for (int64_t o = offset; o < p->top; o++) {
		p->records[o].settled = false;
		p->records[o].run = 0;
	}
	for (int k = 0; k < CHAOS_KEYS; k++)
		if (t->last[k] >= offset)
			t->last[k] = -1;
}

static void
skip(struct partition *p, int64_t offset)
{
	for (int64_t o = p->handled; o < offset && o < MOST; o++)
		p->records[o].skipped = true;
	if (p->handled < offset)
		p->handled = offset;
}

void
sought(struct verifier *v, int run, int id, int64_t offset)
{
	struct partition *p = &v->partitions[id];
	struct tenure *t = &v->tenures[run][id];

	if (!t->owned)
		return;
	v->n.sought++;
	if (offset < p->top && p->records[offset].again) /* a strand's */
		return;
	if (!wish_is_met(t, offset))
		violate(v, "run %d seeks to %lld of partition %d, and nobody wanted it", run, (long long)offset, id);
	if (t->busy > 0)
		violate(v, "run %d seeks to %lld of partition %d while %d messages are in progress", run, (long long)offset, id, t->busy);
	go_back(p, t, offset);
	skip(p, offset);
	t->sought = p->sought = true;
	t->base = t->next = offset;
	t->must = -1;
}

void
not_sought(struct verifier *v, int run, int id, int64_t offset)
{
	struct tenure *t = &v->tenures[run][id];

	(void)offset;
	t->astray = true;
	if (t->wish_count > 0) /* there may be later ones */
		drop_wishes(t, 1);
	t->must = -1;
}

/* ------------------------------------------------------------------------------------------------ pauses */

/* With keys it may be that of a strand. */
void
paused(struct verifier *v, int run, int id, int64_t offset)
{
	(void)offset;
	v->tenures[run][id].paused = (v->manners & KEYED) == 0;
}

void
resumed(struct verifier *v, int run, int id, int64_t offset)
{
	(void)offset;
	v->tenures[run][id].paused = false;
}

/* ------------------------------------------------------------------------------------------------ metadata */

static void
judge_done(struct verifier *v, int id, int64_t offset)
{
	struct partition *p = &v->partitions[id];
	struct record *r = &p->records[offset];

	if (r->times == 0 && !r->skipped)
		violate(v, "partition %d has %lld committed as done, which was not handled", id, (long long)offset);
	v->n.out_of_order += !r->told;
	r->told = true;
	if (v->weather != ROUGH && !p->sought)
		r->settled = true;
}

/* "carafe/1 <epoch> <first that is not done> <gap to the next>... =<gap to the end>" */
static void
judge_note(struct verifier *v, int id, int64_t committed, const char *note)
{
	int64_t done = committed, undone;
	int read = 0;

	if (sscanf(note, "carafe/1 %*d %" SCNd64 "%n", &undone, &read) != 1)
		violate(v, "partition %d has metadata that is none of carafe's: %s", id, note);
	for (note += read;; note += read) {
		int64_t gap;

		for (; done < undone && done < MOST; done++)
			judge_done(v, id, done);
		done = undone < committed ? committed : undone + 1;
		read = 0;
		note += strncmp(note, " =", 2) == 0 ? 2 : 0;
		if (sscanf(note, "%" SCNd64 "%n", &gap, &read) != 1)
			return;
		undone += gap;
	}
}

static void
judge_annotation(struct verifier *v, int id, int64_t offset, const char *metadata)
{
	int number = v->partitions[id].records[offset - 1].handled;
	char expected[32];

	snprintf(expected, sizeof(expected), "m%lld", (long long)offset - 1);
	if (metadata[0] == '\0' && (v->manners & LETTERS) != 0 && chaos_is_poison(number))
		return;
	if (strcmp(metadata, expected) != 0)
		violate(v, "partition %d has %lld committed with \"%s\", not \"%s\"", id, (long long)offset, metadata, expected);
}

void
judge_metadata(struct verifier *v, int id, int64_t offset, const char *metadata)
{
	if ((v->manners & KEYED) != 0 && metadata[0] != '\0')
		judge_note(v, id, offset, metadata);
	else if ((v->manners & ANNOTATED) != 0 && offset > 0)
		judge_annotation(v, id, offset, metadata);
	else if (metadata[0] != '\0')
		violate(v, "partition %d has %lld committed with \"%s\", which nobody said", id, (long long)offset, metadata);
}
