/* A real route against a model of it: random schedules of messages, verdicts, work that is deferred, pauses, seeks back, wishes
 * from outside, revocations and time. Whatever happens, nothing that was not done is marked, nothing is handed out before what
 * is in front of it, and in the end everything was done. */
#include "../work/episodes.h"
#include "rig.h"

#include <carafe/feature/deferral.h>
#include <carafe/feature/dlq.h>
#include <carafe/feature/steer.h>

#define EPISODES 1000
#define STEPS 300
#define MOST 3000

static struct rig r;

static struct {
	uint64_t seed, random;
	uint64_t steps;
	bool by_batch, defers, fails, steers, marks; /* what handlers of this episode do */
	bool letters;                      /* what fails goes to a dead letter queue */
	bool calm;                         /* nothing unusual happens any more */
	bool sent_elsewhere;               /* from outside, perhaps instead of where a handler wanted to go, which is forgotten */
	int64_t produced, pushed;          /* so many exist; so many are in the mailbox or were taken */
	int64_t most;                      /* the highest that was handed out; -1 */
	bool done[MOST];
	carafe_deferred *held[MOST];       /* by offset; a batch by its first */
	int64_t held_end[MOST];
	bool steered[MOST];                /* it goes on elsewhere, and had better not fail: what it leaves out is left out */
} m;

#define check(condition)                                                                                               \
	do {                                                                                                           \
		if (!(condition))                                                                                      \
			fail_msg("CRF_SEED=%" PRIu64 ": step %" PRIu64 ": %s", m.seed, m.steps, #condition);          \
	} while (0)

static uint64_t
rnd(uint64_t below)
{
	return next_random(&m.random, below);
}

static bool
chance(int percent)
{
	return !m.calm && rnd(100) < (uint64_t)percent;
}

/* ------------------------------------------------------------------------------------------------ handlers */

static void
finish(int64_t first, int64_t end)
{
	for (int64_t offset = first; offset < end; offset++)
		m.done[offset] = true;
}

/* Somewhere to go on at: never past what was not done. Where what succeeds now ends. */
static int64_t
steer(carafe_consumer *c, int64_t first, int64_t end)
{
	int64_t back = first - (int64_t)rnd(first < 25 ? (uint64_t)first + 1 : 25), at = back + (int64_t)rnd((uint64_t)(end - back));

	if (chance(30)) {
		check(carafe_pause(c, carafe_next(), 1 + (int)rnd(50)) == CARAFE_OK);
		return end;
	}
	if (chance(50))
		check(carafe_pause(c, carafe_offset(at), 1 + (int)rnd(50)) == CARAFE_OK);
	else
		check(carafe_seek(c, carafe_offset(at), true) == CARAFE_OK);
	return at;
}

static void meanwhile(void);

static carafe_rc
handle(carafe_consumer *c, int64_t first, int64_t end)
{
	meanwhile();
	check(first <= m.most + 1);
	check(m.held[first] == NULL);
	if (end - 1 > m.most)
		m.most = end - 1;
	if (m.fails && chance(15))
		return carafe_fail(c, "bad luck");
	if (m.defers && chance(60)) {
		m.held[first] = carafe_defer(c);
		check(m.held[first] != NULL);
		m.held_end[first] = end;
		m.steered[first] = m.steers && chance(10);
		if (m.steered[first])
			m.held_end[first] = steer(c, first, end);
		return CARAFE_PENDING;
	}
	if (m.steers && chance(10))
		end = steer(c, first, end);
	if (end > first)
		finish(first, end);
	return CARAFE_OK;
}

static carafe_rc
message(carafe_consumer *c, const carafe_message *message)
{
	return handle(c, message->offset, message->offset + 1);
}

static carafe_rc
batch(carafe_consumer *c, const carafe_batch *b)
{
	const carafe_message *first = carafe_batch_at(b, 0);
	size_t count = carafe_batch_count(b), some = (size_t)rnd(count);

	for (size_t i = 0; i < count; i++)
		check(carafe_batch_at(b, i)->offset == first->offset + (int64_t)i);
	if (m.marks && chance(20)) { /* as one that then fails, perhaps */
		finish(first->offset, first->offset + (int64_t)some + 1);
		(void)carafe_mark(c, carafe_batch_at(b, some));
	}
	return handle(c, first->offset, first->offset + (int64_t)count);
}

static const carafe_handler messages = { .message = message };
static const carafe_handler batches = { .consume = batch };

/* ------------------------------------------------------------------------------------------------ the world */

static void
check_marks(void)
{
	for (int64_t offset = 0; offset < r.source.marked; offset++)
		check(m.done[offset]);
}

static void
push(int64_t count)
{
	for (; count > 0 && m.pushed < m.produced; count--)
		fake_message(&r.source, m.pushed++);
}

static void
complete_one(void)
{
	int64_t count = m.most + 1, from = count > 0 ? (int64_t)rnd((uint64_t)count) : 0;

	for (int64_t i = 0; i < count; i++) {
		int64_t offset = (from + i) % count;
		carafe_deferred *d = m.held[offset];
		carafe_rc rc = m.fails && !m.steered[offset] && chance(15) ? CARAFE_FAILED : CARAFE_OK;

		if (d == NULL)
			continue;
		m.held[offset] = NULL;
		if (rc == CARAFE_OK && m.held_end[offset] > offset)
			finish(offset, m.held_end[offset]);
		(void)carafe_complete(d, rc, NULL);
		return;
	}
}

/* The queue acknowledges a letter, or does not. */
static void
answer_letter(void)
{
	if (sent_answered == sent_count)
		return;
	answer(chance(20) ? -1 : 0);
	if (sent_answered < sent_count)
		return;
	for (size_t i = 0; i < sent_count; i++)
		free(sent[i].text);
	sent_count = sent_answered = 0;
}

static void
note_letter(const carafe_event *e, void *arg)
{
	int64_t offset = number(e, CARAFE_F_OFFSET);

	(void)arg;
	finish(offset, offset + 1);
}

static void
answer_seek(void)
{
	if (r.source.seek_done == NULL)
		return;
	if (chance(10) && !m.sent_elsewhere) {
		fake_not_sought(&r.source, "nobody there");
		return;
	}
	m.sent_elsewhere = false;
	m.pushed = r.source.sought.value;
	fake_sought(&r.source, m.pushed);
}

static void
wish_from_outside(void)
{
	struct crf_wish w = { .pauses = true };
	int64_t marked = r.source.marked < 0 ? 0 : r.source.marked;

	if (chance(50)) {
		w.until = virtual_now + (crf_ns)rnd(50) * CRF_MS;
	} else if (chance(50)) {
		m.sent_elsewhere = true;
		w = (struct crf_wish){ .seeks = true, .outside = true, .to = { CRF_AT_OFFSET, (int64_t)rnd((uint64_t)marked + 1) } };
	}
	crf_flow_wish(&r.flow, "billing", "orders", CARAFE_ALL_PARTITIONS, &w);
}

/* Other threads do not wait for a turn to end. */
static void
meanwhile(void)
{
	switch (rnd(30)) {
	case 0:
	case 1:
	case 2:
	case 3:
		complete_one();
		break;
	case 4:
		answer_seek();
		answer_letter();
		break;
	case 5:
		if (m.steers && chance(20))
			wish_from_outside();
		break;
	}
}

static void
assign(void)
{
	int64_t marked = r.source.marked < 0 ? 0 : r.source.marked;

	rig_draw(&r, m.by_batch ? &batches : &messages, &(carafe_route_opts){ .max_messages = 1 + (int)rnd(20) },
	    CARAFE_KV({ "pause.timeout", "100" }, { "pause.max_timeout", "1000" }));
	if (m.letters)
		carafe_dlq(r.route, .topic = "orders.dead", .max_retries = rnd(2) ? CARAFE_NONE : 1);
	rig_run(&r);
	carafe_subscribe(r.app, CARAFE_EV_DLQ_DISPATCHED, note_letter, NULL);
	r.source.meanwhile = meanwhile;
	r.source.marked = marked;
	m.pushed = marked;
	m.most = marked - 1;
}

/* The partition goes and comes back. */
static void
take_away(void)
{
	int64_t marked;

	if (chance(30))
		r.source.lost = true;
	crf_lane_raise(crf_consumer_lane(r.consumer), r.source.lost ? CRF_LANE_LOST : CRF_LANE_REVOKED);
	settle(r.pool);
	for (int64_t offset = 0; offset <= m.most; offset++)
		complete_one();
	answer_seek();
	settle(r.pool);
	while (sent_answered < sent_count) {
		answer_letter();
		settle(r.pool);
	}
	check(r.source.seek_done == NULL);
	check(r.source.drained == 1);
	check_marks();
	marked = r.source.marked;
	rig_fini(&r);
	r.source.marked = marked;
	assign();
}

static void
step(void)
{
	m.steps++;
	switch (rnd(12)) {
	case 0:
	case 1:
		if (m.produced < MOST - 10 && !m.calm)
			m.produced += (int64_t)rnd(10);
		push((int64_t)rnd(10));
		break;
	case 2:
	case 3:
	case 4:
		complete_one();
		break;
	case 5:
		answer_seek();
		answer_letter();
		break;
	case 6:
		pass(r.pool, (crf_ns)rnd(100) * CRF_MS);
		break;
	case 7:
		if (m.steers && chance(20))
			wish_from_outside();
		break;
	case 8:
		if (chance(5))
			take_away();
		break;
	default:
		if (!crf_pool_step(r.pool))
			push(1);
		break;
	}
	check_marks();
	crf_buf_reset(&r.log);
}

/* From now on all goes well: everything is done, soon. */
static void
calm_down(void)
{
	m.calm = true;
	crf_flow_wish(&r.flow, "billing", "orders", 0, &(struct crf_wish){ .pauses = true });
	for (int i = 0; r.source.marked < m.produced && i < 100 * STEPS; i++)
		step();
	check(r.source.marked == m.produced);
	for (int64_t offset = 0; offset <= m.most; offset++)
		complete_one();
	settle(r.pool);
	answer_seek();
	answer_letter();
}

static void
episode(uint64_t seed)
{
	memset(&m, 0, sizeof(m));
	m.seed = seed;
	m.random = seed * 0x9e3779b97f4a7c15u + 1;
	rnd(2);
	m.defers = rnd(2);
	m.fails = rnd(2);
	m.steers = rnd(4) > 0;
	m.marks = rnd(2);
	m.by_batch = rnd(2);
	m.letters = rnd(2);
	r.source.marked = -1;
	assign();
	for (int i = 0; i < STEPS; i++)
		step();
	calm_down();
	settle(r.pool);
	rig_fini(&r);
}

static void
whatever_happens_all_is_done_in_order(void **unused)
{
	(void)unused;
	run_episodes(episode, EPISODES);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(whatever_happens_all_is_done_in_order) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
