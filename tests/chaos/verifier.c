/* The rules. For each partition:
 *
 *   - what is committed was handled, all of it, and never goes back; poison that it covers is in the dead letter topic;
 *   - an assignment begins at or behind everything that was committed before, and in front of nothing that was not handled: what
 *     is handled again was not committed;
 *   - a partition that was given up in peace (drained, no commit refused) has all that was handled committed, as far as nothing
 *     before it is unfinished;
 *   - within an assignment messages come in order, each once, unless its handler failed; one at a time, or side by side when they
 *     are deferred, but what failed comes again when nothing else is in progress;
 *   - no handler begins after the partition was given up, nor, in calm weather, after another member was given it;
 *   - with keys, order holds key by key: none of a key begins before another one of it is done. What the commit's metadata says
 *     is done was handled, and after a peaceful end all of it is told, and nobody is given it again;
 *   - a seek goes where somebody wanted it to, when nothing is in progress, and the partition goes on there; what lies between may
 *     be left out, or come again. What a handler asks for again counts as not handled until it has come. Nothing is handed out while the partition is paused;
 *   - what a handler was told is committed is not handed out again;
 *   - a mark's metadata is committed with its offset, and is what the next one is told.
 *
 * With nodes or wires in trouble (rough weather) a commit that was refused for want of an answer may still be carried out, after one that
 * came later; and a coordinator that is none any more may answer. What that makes of the first rules is let pass.
 *
 * Members write a line before what it says has consequences ("done" before it is marked) or after it has come true
 * ("committed" when the coordinator has said so), so these hold for the order of lines. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "chaos/verifier_priv.h"
#include "support/test.h"

#define DOUBT_MS 20000 /* how long a request may lie about */

void
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
verifier_new(const char *log, enum weather weather, unsigned manners)
{
	struct verifier *v = calloc(1, sizeof(*v));

	v->fd = open(log, O_RDONLY | O_CLOEXEC);
	assert_true(v->fd >= 0);
	v->weather = weather;
	v->manners = manners;
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

/* What hung before is an epoch that was. Somebody outside may have been about to seek when the news came. */
static void
assigned(struct verifier *v, int run, int id, int64_t offset)
{
	struct tenure *t = &v->tenures[run][id], before = *t;

	(void)offset;
	*t = (struct tenure){ .owned = true, .in_peace = true, .must = -1, .wish_count = before.wish_count };
	memcpy(t->wishes, before.wishes, sizeof(t->wishes));
	v->partitions[id].sought = false;
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
	if (t->in_peace && !t->refused)
		work_is_settled(v, run, id);
	t->wish_count = 0;
	v->n.losses += !peace;
}

static void
committed(struct verifier *v, int run, int id, int64_t offset)
{
	struct partition *p = &v->partitions[id];

	if (offset > p->handled)
		violate(v, "run %d has committed %lld of partition %d; handled is everything before %lld", run, (long long)offset, id,
		    (long long)p->handled);
	if (offset < p->floor && v->weather == CALM)
		violate(v, "run %d has committed %lld of partition %d, which had %lld", run, (long long)offset, id, (long long)p->floor);
	raise_floor(p, offset);
	v->tenures[run][id].refused = false;
}

/* With no way back, whatever the weather. */
static void
promised(struct verifier *v, int run, int id, int64_t offset)
{
	struct partition *p = &v->partitions[id];

	if (offset > p->handled)
		violate(v, "run %d was told that %lld of partition %d is committed; handled is everything before %lld", run,
		    (long long)offset, id, (long long)p->handled);
	raise_floor(p, offset);
}

bool
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

/* What was done before cannot be asked for: it is handed out again. */
static void
unknown(struct verifier *v, int run, int id, int64_t offset)
{
	struct partition *p = &v->partitions[id];

	(void)offset;
	if (v->weather != ROUGH)
		violate(v, "run %d cannot ask what is done of partition %d", run, id);
	for (int64_t o = p->floor; o < p->top; o++)
		p->records[o].settled = false;
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

static int64_t
offset_in(struct verifier *v, const char *word)
{
	char *end;
	long long offset = strtoll(word, &end, 10);

	if (end == word || offset < ANYWHERE || offset >= MOST)
		violate(v, "there is no offset %s", word);
	return offset;
}

/* "partition epoch offset:number..." */
static void
read_work(struct verifier *v, int run, char *rest, void (*fn)(struct verifier *v, const struct work *w))
{
	struct work w = { .run = run };
	int read = 0;

	if (sscanf(rest, "%d %d%n", &w.id, &w.epoch, &read) != 2 || w.id < 0 || w.id >= CHAOS_PARTITIONS)
		violate(v, "not understood: %s", rest);
	rest += read;
	for (char *word; (word = strtok_r(NULL, " ", &rest)) != NULL && w.count < CHAOS_IN_HAND; w.count++) {
		const char *colon = strchr(word, ':');

		w.offsets[w.count] = offset_in(v, word);
		w.numbers[w.count] = colon != NULL ? atoi(colon + 1) : 0;
		if (w.offsets[w.count] < 0 || w.numbers[w.count] < 1)
			violate(v, "there is no such message: %s", word);
	}
	if (w.count == 0)
		violate(v, "no messages");
	if (v->violation[0] == '\0')
		fn(v, &w);
}

/* "partition epoch offset" */
static void
read_wish(struct verifier *v, int run, char *rest, bool is_void)
{
	int id = partition_in(v, strtok_r(NULL, " ", &rest)), epoch = atoi(strtok_r(NULL, " ", &rest));
	int64_t offset = offset_in(v, strtok_r(NULL, " ", &rest));

	if ((v->manners & KEYED) != 0 && epoch != 0) /* a strand's: which messages it is for has been said */
		return;
	if (is_void)
		wish_is_void(v, run, id, offset);
	else
		wish(v, run, id, epoch, offset);
}

/* "partition offset metadata": what whoever begins there is told; "-": none. A commit may still be on its way when members stand
 * still. */
static void
read_told(struct verifier *v, char *rest)
{
	int id = partition_in(v, strtok_r(NULL, " ", &rest));
	int64_t offset = offset_in(v, strtok_r(NULL, " ", &rest));
	const char *metadata = strtok_r(NULL, " ", &rest);

	if (v->weather == CALM)
		judge_metadata(v, id, offset, strcmp(metadata, "-") == 0 ? "" : metadata);
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
	case 'S': read_partitions(v, run, rest, sought); break;
	case 'U': read_partitions(v, run, rest, not_sought); break;
	case 'P': read_partitions(v, run, rest, paused); break;
	case 'R': read_partitions(v, run, rest, resumed); break;
	case 'D': read_partitions(v, run, rest, letter_is_written); break;
	case 'K': read_partitions(v, run, rest, unknown); break;
	case 'Y': read_partitions(v, run, rest, promised); break;
	case 'V': read_revocation(v, run, rest); break;
	case 'W': read_wish(v, run, rest, false); break;
	case 'w': read_wish(v, run, rest, true); break;
	case 'M': read_told(v, rest); break;
	case 'B': read_work(v, run, rest, work_begins); break;
	case 'E': read_work(v, run, rest, work_is_done); break;
	case 'X': read_work(v, run, rest, work_failed); break;
	case 'G': read_work(v, run, rest, work_is_wanted_again); break;
	default: violate(v, "not understood: %s", what);
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
verifier_letter(struct verifier *v, int partition, int64_t offset)
{
	v->partitions[partition].records[offset].in_queue = true;
}

static void
judge_letters(struct verifier *v, int id, int64_t end)
{
	struct partition *p = &v->partitions[id];

	for (; p->letters < end && (v->manners & LETTERS) != 0; p->letters++) {
		const struct record *r = &p->records[p->letters];

		if (r->times > 0 && chaos_is_poison(r->handled) && !r->in_queue)
			violate(v, "partition %d has %lld committed, and %lld, which nobody can do, is in no dead letter topic", id,
			    (long long)end, (long long)p->letters);
	}
}

void
verifier_committed(struct verifier *v, int partition, int64_t offset, const char *metadata)
{
	struct partition *p = &v->partitions[partition];

	verifier_read(v);
	if (offset > p->handled || (offset < p->committed && v->weather != ROUGH))
		violate(v, "partition %d has %lld committed; it had %lld, and handled is everything before %lld", partition,
		    (long long)offset, (long long)p->committed, (long long)p->handled);
	if (v->violation[0] == '\0') {
		judge_letters(v, partition, offset);
		judge_metadata(v, partition, offset, metadata);
	}
	p->committed = offset;
}

/* What was skipped last need not be committed. */
static bool
is_committed(const struct partition *p)
{
	int64_t end = p->committed;

	while (end >= 0 && end < p->end && p->records[end].skipped)
		end++;
	return end >= p->end;
}

bool
verifier_done(const struct verifier *v)
{
	for (int i = 0; i < CHAOS_PARTITIONS; i++)
		if (v->partitions[i].handled < v->partitions[i].end || !is_committed(&v->partitions[i]))
			return false;
	return true;
}

void
verifier_finish(struct verifier *v)
{
	for (int i = 0; i < CHAOS_PARTITIONS; i++) {
		const struct partition *p = &v->partitions[i];

		if (p->handled != p->end || !is_committed(p))
			violate(v, "partition %d ends at %lld; handled is everything before %lld, committed %lld", i, (long long)p->end,
			    (long long)p->handled, (long long)p->committed);
		for (int64_t o = 0; o < p->end; o++)
			if (p->records[o].produced != p->records[o].handled && !(p->records[o].skipped && p->records[o].times == 0))
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
