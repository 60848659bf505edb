/* The rules. For each partition:
 *
 *   - what is committed was handled, all of it, and never goes back;
 *   - an assignment begins at or behind everything that was committed before, and in front of nothing that was not handled: what
 *     is handled again was not committed;
 *   - a partition that was given up in peace (drained, no commit refused) has all that was handled committed;
 *   - within an assignment messages come in order, each once, unless its handler failed;
 *   - no handler begins after the partition was given up, nor, in calm weather, after another member was given it.
 *
 * With nodes or wires in trouble (rough weather) a commit that was refused for want of an answer may still be carried out, after one that
 * came later; and a coordinator that is none any more may answer. What that makes of the first rules is let pass.
 *
 * Members write a line before what it says has consequences ("done" before it is marked) or after it has come true
 * ("committed" when the coordinator has said so), so these hold for the order of lines. */
#include "chaos/verifier.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/test.h"

#define MOST (1 << 17) /* messages a partition */
#define RUNS 512       /* processes */
#define DOUBT_MS 20000 /* how long a request may lie about */

struct record {
	int produced, handled; /* its number, from 1; 0: not yet */
	int times;
};

struct partition {
	struct record *records;
	int64_t end;       /* behind the last that was acknowledged */
	int64_t handled;   /* everything before was handled */
	int64_t floor;     /* everything before is known to be committed: nothing begins before it */
	int64_t committed; /* as last asked, -1 */
	int owner;         /* the run that was last given it */
	int64_t doubt;     /* rough weather: a commit of this, or of more, may still be carried out */
	double doubt_until;
};

/* A process and a partition. */
struct tenure {
	bool owned, in_peace, refused;
	int late;     /* handlers that began after it was lost */
	int epoch;    /* the assignment, as its lines say */
	int64_t next; /* expected */
};

struct verifier {
	int fd;
	off_t at;
	long line;
	enum weather weather;
	struct partition partitions[CHAOS_PARTITIONS];
	struct tenure tenures[RUNS][CHAOS_PARTITIONS];
	bool known[RUNS]; /* processes that have been in the group */
	struct verifier_counts n;
	char violation[256]; /* the first */
};

static void violate(struct verifier *v, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void
violate(struct verifier *v, const char *format, ...)
{
	va_list args;
	int n;

	if (v->violation[0] != '\0')
		return;
	n = snprintf(v->violation, sizeof(v->violation), "line %ld of the log: ", v->line);
	va_start(args, format);
	vsnprintf(v->violation + n, sizeof(v->violation) - (size_t)n, format, args);
	va_end(args);
}

const char *
verifier_violation(const struct verifier *v)
{
	return v->violation[0] != '\0' ? v->violation : NULL;
}

struct verifier *
verifier_new(const char *log, enum weather weather)
{
	struct verifier *v = calloc(1, sizeof(*v));

	v->fd = open(log, O_RDONLY | O_CLOEXEC);
	assert_true(v->fd >= 0);
	v->weather = weather;
	for (int p = 0; p < CHAOS_PARTITIONS; p++) {
		v->partitions[p].records = calloc(MOST, sizeof(struct record));
		v->partitions[p].committed = -1;
	}
	return v;
}

void
verifier_free(struct verifier *v)
{
	if (v == NULL)
		return;
	close(v->fd);
	for (int p = 0; p < CHAOS_PARTITIONS; p++)
		free(v->partitions[p].records);
	free(v);
}

void
verifier_produced(struct verifier *v, int partition, int64_t offset, int number)
{
	struct partition *p = &v->partitions[partition];

	assert_in_range(offset, 0, MOST - 1);
	p->records[offset].produced = number;
	if (offset >= p->end)
		p->end = offset + 1;
	v->n.produced++;
}

/* ------------------------------------------------------------------------------------------------ ownership */

static void
raise_floor(struct partition *p, int64_t offset)
{
	if (p->floor < offset)
		p->floor = offset;
}

static void
assigned(struct verifier *v, int run, int id, int64_t offset)
{
	struct tenure *t = &v->tenures[run][id];

	(void)offset;
	*t = (struct tenure){ .owned = true, .in_peace = true }; /* what hung before is an epoch that was */
	v->partitions[id].owner = run;
	v->n.assignments++;
}

static void
given_up(struct verifier *v, int run, int id, const char *reason)
{
	struct tenure *t = &v->tenures[run][id];
	bool peace = strcmp(reason, "revoked") == 0 || strcmp(reason, "stop") == 0;

	if (!t->owned)
		violate(v, "run %d gives up partition %d, which it does not have", run, id);
	t->owned = false;
	t->in_peace = t->in_peace && peace;
	if (t->in_peace && !t->refused && t->next > 0)
		raise_floor(&v->partitions[id], t->next);
	v->n.losses += !peace;
}

static void
committed(struct verifier *v, int run, int id, int64_t offset)
{
	struct partition *p = &v->partitions[id];

	if (offset > p->handled)
		violate(v, "run %d has committed %lld of partition %d; handled is everything before %lld", run, (long long)offset, id,
		    (long long)p->handled);
	raise_floor(p, offset);
	v->tenures[run][id].refused = false;
}

static bool
in_doubt(const struct partition *p, int64_t offset)
{
	return it_now() < p->doubt_until && offset >= p->doubt;
}

static void
refused(struct verifier *v, int run, int id, int64_t offset)
{
	struct partition *p = &v->partitions[id];

	if (v->weather == ROUGH && !in_doubt(p, offset)) {
		p->doubt = it_now() < p->doubt_until && p->doubt < offset ? p->doubt : offset;
		p->doubt_until = it_now() + DOUBT_MS;
	}
	v->tenures[run][id].refused = true;
	v->n.refused++;
}

static void
cut_off(struct verifier *v, int run, int id, int64_t offset)
{
	(void)offset;
	v->tenures[run][id].in_peace = false;
	v->n.cut_off++;
}

/* ------------------------------------------------------------------------------------------------ handlers */

struct work {
	int run, id, epoch, first_number, last_number;
	int64_t first, last;
};

static void
begin_epoch(struct verifier *v, struct tenure *t, const struct work *w)
{
	struct partition *p = &v->partitions[w->id];

	if (w->first < p->floor && in_doubt(p, w->first))
		p->floor = w->first;
	if (w->first < p->floor || w->first > p->handled)
		violate(v, "run %d begins partition %d at %lld; committed is everything before %lld, handled everything before %lld",
		    w->run, w->id, (long long)w->first, (long long)p->floor, (long long)p->handled);
	t->epoch = w->epoch;
	t->next = w->first;
}

static void
begins(struct verifier *v, const struct work *w)
{
	struct tenure *t = &v->tenures[w->run][w->id];

	/* A partition is lost without asking: one handler may be about to begin. */
	if (!t->owned && (t->in_peace || ++t->late > 1))
		violate(v, "run %d begins %lld of partition %d, which it has given up", w->run, (long long)w->first, w->id);
	if (v->weather == CALM && v->partitions[w->id].owner != w->run)
		violate(v, "run %d begins %lld of partition %d, which run %d was given", w->run, (long long)w->first, w->id,
		    v->partitions[w->id].owner);
	if (t->epoch != w->epoch)
		begin_epoch(v, t, w);
	else if (t->next != w->first)
		violate(v, "run %d goes on with %lld of partition %d, not %lld", w->run, (long long)w->first, w->id, (long long)t->next);
}

static void
done(struct verifier *v, const struct work *w)
{
	struct tenure *t = &v->tenures[w->run][w->id];
	struct partition *p = &v->partitions[w->id];

	if (t->epoch == w->epoch)
		t->next = w->last + 1;
	for (int64_t o = w->first; o <= w->last; o++) {
		p->records[o].handled = w->last_number - (int)(w->last - o);
		v->n.again += p->records[o].times++ > 0;
		v->n.handled++;
	}
	if (p->records[w->first].handled != w->first_number)
		violate(v, "partition %d has %d at %lld and %d at %lld", w->id, w->first_number, (long long)w->first, w->last_number,
		    (long long)w->last);
	while (p->handled < MOST && p->records[p->handled].times > 0)
		p->handled++;
}

/* ------------------------------------------------------------------------------------------------ the log */

static int
partition_in(struct verifier *v, const char *word)
{
	int id = atoi(word);

	if (id >= 0 && id < CHAOS_PARTITIONS)
		return id;
	violate(v, "there is no partition %s", word);
	return 0;
}

static void
read_partitions(struct verifier *v, int run, char *rest, void (*fn)(struct verifier *v, int run, int id, int64_t offset))
{
	for (char *word; (word = strtok_r(NULL, " ", &rest)) != NULL;) {
		const char *colon = strchr(word, ':');

		fn(v, run, partition_in(v, word), colon != NULL ? atoll(colon + 1) : -1);
	}
}

static void
read_revocation(struct verifier *v, int run, char *rest)
{
	const char *reason = strtok_r(NULL, " ", &rest);

	for (char *word; (word = strtok_r(NULL, " ", &rest)) != NULL;)
		given_up(v, run, partition_in(v, word), reason);
}

static void
read_work(struct verifier *v, char what, int run, const char *rest)
{
	struct work w = { .run = run };
	long long first = -1, last = -1;

	if (sscanf(rest, "%d %d %lld %lld %d %d", &w.id, &w.epoch, &first, &last, &w.first_number, &w.last_number) != 6)
		violate(v, "not understood: %s", rest);
	if (w.id < 0 || w.id >= CHAOS_PARTITIONS || first < 0 || last < first || last >= MOST)
		violate(v, "there is no such message: %s", rest);
	if (v->violation[0] != '\0')
		return;
	w.first = first;
	w.last = last;
	if (what == 'B')
		begins(v, &w);
	else
		done(v, &w);
}

static void
read_line(struct verifier *v, char *line)
{
	char *rest, *what = strtok_r(line, " ", &rest);
	int run = atoi(strtok_r(NULL, " ", &rest));

	assert_in_range(run, 0, RUNS - 1);
	v->known[run] = true;
	switch (*what) {
	case 'A': read_partitions(v, run, rest, assigned); break;
	case 'C': read_partitions(v, run, rest, committed); break;
	case 'F': read_partitions(v, run, rest, refused); break;
	case 'T': read_partitions(v, run, rest, cut_off); break;
	case 'V': read_revocation(v, run, rest); break;
	default: read_work(v, *what, run, rest);
	}
}

bool
verifier_knows(const struct verifier *v, int run)
{
	return v->known[run];
}

bool
verifier_owns(const struct verifier *v, int run)
{
	for (int p = 0; p < CHAOS_PARTITIONS; p++)
		if (v->tenures[run][p].owned)
			return true;
	return false;
}

void
verifier_read(struct verifier *v)
{
	static char chunk[1 << 16];
	ssize_t n;

	while ((n = pread(v->fd, chunk, sizeof(chunk) - 1, v->at)) > 0) {
		char *line = chunk, *end;

		chunk[n] = '\0';
		for (; (end = strchr(line, '\n')) != NULL; line = end + 1) {
			*end = '\0';
			v->at += end + 1 - line;
			v->line++;
			if (v->violation[0] == '\0')
				read_line(v, line);
		}
		if (line == chunk)
			return;
	}
}

/* ------------------------------------------------------------------------------------------------ judging */

void
verifier_committed(struct verifier *v, int partition, int64_t offset)
{
	struct partition *p = &v->partitions[partition];

	verifier_read(v);
	if (offset > p->handled || (offset < p->committed && v->weather != ROUGH))
		violate(v, "partition %d has %lld committed; it had %lld, and handled is everything before %lld", partition,
		    (long long)offset, (long long)p->committed, (long long)p->handled);
	p->committed = offset;
}

bool
verifier_done(const struct verifier *v)
{
	for (int i = 0; i < CHAOS_PARTITIONS; i++)
		if (v->partitions[i].handled < v->partitions[i].end || v->partitions[i].committed < v->partitions[i].end)
			return false;
	return true;
}

void
verifier_finish(struct verifier *v)
{
	for (int i = 0; i < CHAOS_PARTITIONS; i++) {
		const struct partition *p = &v->partitions[i];

		if (p->handled != p->end || p->committed != p->end)
			violate(v, "partition %d ends at %lld; handled is everything before %lld, committed %lld", i, (long long)p->end,
			    (long long)p->handled, (long long)p->committed);
		for (int64_t o = 0; o < p->end; o++)
			if (p->records[o].produced != p->records[o].handled)
				violate(v, "partition %d, offset %lld: produced was %d, handled %d", i, (long long)o,
				    p->records[o].produced, p->records[o].handled);
	}
}

void
verifier_count(const struct verifier *v, struct verifier_counts *n)
{
	*n = v->n;
}

void
verifier_explain(const struct verifier *v)
{
	for (int i = 0; i < CHAOS_PARTITIONS; i++)
		print_message("#   partition %d: end %lld, handled %lld, committed %lld, last given to run %d\n", i,
		    (long long)v->partitions[i].end, (long long)v->partitions[i].handled, (long long)v->partitions[i].committed,
		    v->partitions[i].owner);
}
