/* A lane against a model of it: random schedules of messages, news, verdicts, dispatches, signals and time. */
#include "work/lane.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "episodes.h"
#include "fake_source.h"

#define EPISODES 2500
#define STEPS 200
#define MESSAGES_MAX 2000

struct model {
	uint64_t seed, random;
	struct crf_pool *pool;
	struct crf_lane *lane; /* NULL: gone */
	struct fake_source source;
	/* how this episode is */
	int patience;     /* of 100 runs so many fail */
	bool rewinds;     /* marks may go back: then what is committed may be ahead of what runs again */
	bool finishing;   /* nothing fails any more */
	/* what should be */
	int64_t offsets[MESSAGES_MAX];
	size_t produced;
	size_t done;      /* the first that is not finished */
	size_t end;       /* of the batch a run was given, while it is held; 0: none */
	int64_t marked;
	crf_ns hold_until;
	crf_ns gate_until;
	crf_ns free_since; /* when there first was a message at done and nothing else in hand */
	bool awaiting, arrived, dispatch_fails, dispatch_marks;
	int attempt;
	unsigned signals;
	bool used;
	int shutdowns, revocations, quieted;
	uint64_t runs, steps;
};

static uint64_t total_runs, total_steps;

#define check(m, condition)                                                                                            \
	do {                                                                                                           \
		if (!(condition))                                                                                      \
			fail_msg("CRF_SEED=%" PRIu64 ": step %" PRIu64 ": %s", (m)->seed, (m)->steps, #condition);  \
	} while (0)

static uint64_t
rnd(struct model *m, uint64_t below)
{
	return next_random(&m->random, below);
}

static bool
chance(struct model *m, int percent)
{
	return rnd(m, 100) < (uint64_t)percent;
}

/* ------------------------------------------------------------------------------------------------ ops */

static void
filter(struct crf_lane *l, crf_ns now)
{
	struct model *m = l->flow;
	struct carafe_batch *b = l->strand.batch;

	check(m, now >= m->gate_until && now >= m->hold_until && m->signals == 0 && !m->awaiting);
	check(m, b->head == b->limit && b->head < b->count && b->count <= l->max_messages);
	check(m, b->head > 0 || b->count == l->max_messages || l->eof_offset >= 0 ||
		now >= m->free_since + l->max_wait);
	b->limit = b->count;
	if (!m->finishing && chance(m, 10)) {
		b->limit = b->head + rnd(m, b->count - b->head);
		m->gate_until = l->gate_until = now + (crf_ns)(1 + rnd(m, 50)) * CRF_MS;
	}
}

static void
mark(struct model *m, int64_t offset)
{
	check(m, crf_lane_mark(m->lane, offset, 0) == CARAFE_OK);
	if (offset + 1 > m->marked)
		m->marked = offset + 1;
}

/* Some of it is marked, the last mark perhaps an earlier message than the one before; the rest runs again. */
static void
finish_partly(struct model *m, struct carafe_batch *b)
{
	size_t count = b->limit - b->head, last = rnd(m, count + 1);

	if (last < count) {
		if (m->rewinds && chance(m, 50))
			mark(m, b->messages[b->head + last + rnd(m, count - last)].offset);
		mark(m, b->messages[b->head + last].offset);
		m->done += last + 1;
	}
	crf_lane_skip_marked(m->lane);
}

static void
hold(struct model *m, crf_ns now)
{
	m->hold_until = m->lane->strand.hold_until = now + (crf_ns)rnd(m, 100) * CRF_MS;
}

static void
work_ended(struct model *m)
{
	const struct carafe_batch *b = m->lane->strand.batch;

	m->end = 0;
	if (b->head == b->count) /* the lane starts the next batch afresh */
		m->attempt = 0;
	m->free_since = virtual_now;
}

static void
check_view(struct model *m, const struct carafe_batch *b)
{
	check(m, b->limit > b->head && b->limit - b->head <= m->lane->max_messages);
	check(m, m->done + (b->limit - b->head) <= m->produced);
	for (size_t i = 0; i < b->limit - b->head; i++)
		check(m, b->messages[b->head + i].offset == m->offsets[m->done + i]);
	check(m, m->end == 0 || m->done + (b->limit - b->head) == m->end); /* what was held is what runs again */
}

static void
arrive(struct model *m)
{
	if (m->lane == NULL || !m->awaiting || m->arrived)
		return;
	m->arrived = true;
	crf_lane_arrived(m->lane);
}

static void
run(struct crf_lane *l, crf_ns now)
{
	struct model *m = l->flow;
	struct carafe_batch *b = l->strand.batch;
	size_t count = b->limit - b->head;

	check(m, m->signals == 0 && !m->awaiting && now >= m->hold_until);
	check_view(m, b);
	check(m, ++l->strand.attempt == ++m->attempt);
	m->runs++;
	m->used = l->used = true;
	m->end = m->done + count;
	if (m->finishing || !chance(m, m->patience)) {
		if (chance(m, 80))
			mark(m, b->messages[b->limit - 1].offset);
		m->done += count;
		b->head = b->limit;
	} else if (chance(m, 30)) {
		l->strand.awaiting = true;
		m->awaiting = true;
		m->dispatch_fails = chance(m, 20);
		m->dispatch_marks = chance(m, 80);
		if (chance(m, 20))
			arrive(m);
	} else {
		finish_partly(m, b);
		if (b->head < b->limit)
			hold(m, now);
	}
	if (b->head == b->limit)
		work_ended(m);
	if (!m->finishing && chance(m, 1)) {
		m->signals |= CRF_LANE_STOP;
		crf_lane_raise(l, CRF_LANE_STOP);
	}
}

static void
resume(struct crf_lane *l, crf_ns now)
{
	struct model *m = l->flow;
	struct crf_strand *s = &l->strand;

	check(m, m->awaiting && m->arrived);
	m->awaiting = m->arrived = false;
	if (s->batch == NULL) {
		check(m, m->signals & CRF_LANE_ENDED);
		return;
	}
	check(m, s->batch->messages[s->batch->head].offset == m->offsets[m->done]);
	if (m->dispatch_fails) {
		hold(m, now);
		return;
	}
	if (m->dispatch_marks)
		mark(m, s->batch->messages[s->batch->head].offset);
	s->batch->head++;
	if (++m->done == m->end)
		work_ended(m);
}

static void
hook(struct crf_lane *l, carafe_hook which)
{
	struct model *m = l->flow;

	check(m, m->used && !m->awaiting);
	if (which == CARAFE_HOOK_SHUTDOWN) {
		check(m, m->signals & (CRF_LANE_QUIET | CRF_LANE_STOP));
		m->shutdowns++;
	} else {
		check(m, which == CARAFE_HOOK_REVOKED && (m->signals & CRF_LANE_ENDED));
		m->revocations++;
	}
}

static bool
wants(const struct crf_lane *l, carafe_hook which)
{
	(void)l, (void)which;
	return false;
}

static void
error(struct crf_lane *l, int code, const char *text)
{
	(void)text;
	check((struct model *)l->flow, code == 7);
}

static void
quieted(struct crf_lane *l)
{
	((struct model *)l->flow)->quieted++;
}

static void
at_end(struct crf_lane *l)
{
	check((struct model *)l->flow, l->strand.batch == NULL);
}

static void
gone(struct crf_lane *l)
{
	struct model *m = l->flow;

	check(m, (m->signals & CRF_LANE_ENDED) && !m->awaiting && m->source.out == 0 && !m->source.released);
	m->lane = NULL;
	memset(l, 0xff, sizeof(*l));
	free(l);
}

static const struct crf_lane_ops ops = {
	.filter = filter,
	.run = run,
	.resume = resume,
	.hook = hook,
	.wants = wants,
	.error = error,
	.quieted = quieted,
	.at_end = at_end,
	.gone = gone,
};

/* ------------------------------------------------------------------------------------------------ what happens */

static void
produce(struct model *m)
{
	for (uint64_t n = 1 + rnd(m, 8); n > 0 && m->produced < MESSAGES_MAX; n--) {
		int64_t offset = m->produced ? m->offsets[m->produced - 1] + 1 : 0;

		if (chance(m, 5))
			fake_error(&m->source, 7, "it happens");
		if (chance(m, 10))
			offset += (int64_t)rnd(m, 5); /* compacted, or a transaction's */
		if (m->done == m->produced)
			m->free_since = virtual_now;
		m->offsets[m->produced++] = offset;
		fake_message(&m->source, offset);
		if (chance(m, 5))
			fake_eof(&m->source, offset + 1);
	}
}

static void
raise_some(struct model *m)
{
	unsigned signals = 1U << rnd(m, 4);

	m->signals |= signals;
	crf_lane_raise(m->lane, signals);
}

/* Nothing is ready: whatever is left undone has its reason, and something that ends it. */
static void
check_at_rest(struct model *m)
{
	const struct crf_lane *l = m->lane;
	const struct carafe_batch *b = l->strand.batch;
	crf_ns now = virtual_now, next = crf_pool_tick(m->pool, now);
	bool filling, held;

	check(m, m->source.marked == (m->marked ? m->marked : -1));
	check(m, m->rewinds || m->marked == 0 || m->marked <= (m->done < m->produced ? m->offsets[m->done] : INT64_MAX));
	if (m->signals != 0) {
		check(m, m->awaiting || b == NULL);
		check(m, m->awaiting || m->source.drained == ((m->signals & ~(unsigned)CRF_LANE_QUIET) != 0));
		check(m, m->awaiting || m->quieted == ((m->signals & CRF_LANE_QUIET) != 0));
		return;
	}
	check(m, m->source.drained == 0 && m->shutdowns == 0 && m->quieted == 0);
	if (m->done == m->produced) {
		check(m, b == NULL && m->source.in_mailbox == 0);
		return;
	}
	if (m->awaiting)
		return;
	check(m, b != NULL);
	held = now < l->strand.hold_until || now < l->gate_until;
	filling = l->fill_until > now && b->count < l->max_messages && m->source.in_mailbox == 0;
	check(m, held || filling);
	check(m, !filling || l->fill_until == m->free_since + l->max_wait);
	check(m, next > now && next != CRF_NEVER);
}

static void
check_rest(struct model *m)
{
	settle(m->pool);
	if (m->lane != NULL)
		check_at_rest(m);
}

static void
step(struct model *m)
{
	switch (rnd(m, 8)) {
	case 0:
	case 1:
		produce(m);
		break;
	case 2:
		pass(m->pool, (crf_ns)rnd(m, 40) * CRF_MS);
		break;
	case 3:
		arrive(m);
		break;
	case 4:
		crf_lane_wake(m->lane);
		break;
	case 5:
		crf_pool_step(m->pool);
		break;
	case 6:
		if (m->signals != 0 || chance(m, 1))
			raise_some(m);
		break;
	default:
		check_rest(m);
	}
}

/* ------------------------------------------------------------------------------------------------ an episode */

static void
begin(struct model *m, uint64_t seed)
{
	struct crf_lane *l = crf_new(struct crf_lane);

	memset(m, 0, sizeof(*m));
	m->seed = seed;
	m->random = seed * 0x9e3779b97f4a7c15u + 1;
	for (int i = 0; i < 10; i++)
		rnd(m, 2);
	m->patience = (int)rnd(m, 90);
	m->rewinds = chance(m, 12);
	m->pool = crf_pool_new_by_hand();
	m->lane = l;
	fake_init(&m->source, NULL);
	m->source.lane = l;
	l->from = &fake_source_ops;
	l->source = &m->source;
	l->ops = &ops;
	l->flow = m;
	l->topic = "model";
	l->max_messages = 1 + rnd(m, chance(m, 50) ? 3 : 20);
	l->max_wait = chance(m, 50) ? 0 : (crf_ns)(1 + rnd(m, 60)) * CRF_MS;
	crf_lane_init(l, m->pool);
	crf_lane_wake(l);
}

/* Nothing fails and nothing stops it any more: everything gets done. */
static void
let_it_finish(struct model *m)
{
	m->finishing = true;
	for (int i = 0; i < 10 && m->signals == 0; i++) {
		arrive(m);
		pass(m->pool, CRF_SECOND);
	}
	check(m, m->signals != 0 || m->done == m->produced);
}

static void
end(struct model *m)
{
	bool shut_down = m->shutdowns > 0;

	m->signals |= CRF_LANE_ENDED;
	crf_lane_raise(m->lane, CRF_LANE_ENDED);
	if (chance(m, 50))
		settle(m->pool);
	arrive(m);
	settle(m->pool);
	check(m, m->lane == NULL && m->source.released && !m->source.broken && m->source.out == 0);
	check(m, m->revocations == (m->used && !shut_down));
	check(m, m->shutdowns <= 1 && m->quieted <= 1 && m->source.drained <= 1);
	check(m, crf_pool_tick(m->pool, virtual_now) == CRF_NEVER);
	fake_fini(&m->source);
	crf_pool_free(m->pool);
}

static void
episode(uint64_t seed)
{
	static struct model m;

	begin(&m, seed);
	for (m.steps = 0; m.steps < STEPS; m.steps++)
		step(&m);
	check_rest(&m);
	if (chance(&m, 70))
		let_it_finish(&m);
	end(&m);
	total_runs += m.runs;
	total_steps += m.steps;
}

static void
a_lane_does_as_its_model(void **unused)
{
	(void)unused;
	run_episodes(episode, EPISODES);
	print_message("%" PRIu64 " steps, %" PRIu64 " runs\n", total_steps, total_runs);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_lane_does_as_its_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
