/* A partition whose keys are handled side by side, against a model of it: random schedules of messages, verdicts, completions,
 * marks and time, until the partition is taken away; then it goes on from what was committed. */
#include "../work/episodes.h"
#include "rig.h"

#include <carafe/feature/deferral.h>
#include <carafe/feature/keys.h>

#include "work/done.h"

#define EPISODES 600
#define STEPS 250
#define MESSAGES 1500
#define KEYS 12

struct message {
	int64_t offset;
	int key;           /* -1: none */
	int before;        /* the one before it of its key; -1 */
	bool done;         /* ever */
	/* of this epoch */
	bool covered;      /* the commit may pass it */
	bool recorded;     /* ... and the last one says so */
	bool past;         /* the last one before this epoch does */
	int strand;        /* that was given it last; -1 */
	uint64_t run;      /* in which it was given last */
	carafe_deferred *held;
};

static struct {
	uint64_t seed, random, steps;
	/* how this episode is */
	int failing;       /* of 100 runs */
	int deferring;
	bool manual, skips, batches;
	int strands, in_hand;
	/* what should be */
	struct message messages[MESSAGES];
	int produced;
	int from;          /* the first of this epoch */
	int64_t committed; /* and what else the commit says: */
	char *note;
	int busy[KEYS];    /* the message of it in progress; -1 */
	bool ending;       /* a signal was raised */
	unsigned to_raise; /* signals that come within a turn, perhaps */
	int given[MESSAGES], given_count; /* in that order */
	bool finishing;    /* nothing fails any more */
} model;

static struct rig r;
static uint64_t total_runs;

#define check(condition)                                                                                               \
	do {                                                                                                           \
		if (!(condition))                                                                                      \
			fail_msg("CRF_SEED=%" PRIu64 ": step %" PRIu64 ": %s", model.seed, model.steps, #condition);   \
	} while (0)

static uint64_t
rnd(uint64_t below)
{
	return next_random(&model.random, below);
}

static bool
chance(int percent)
{
	return rnd(100) < (uint64_t)percent;
}

static int
find(int64_t offset)
{
	int i = offset < model.produced ? (int)offset : model.produced - 1; /* there are gaps */

	while (model.messages[i].offset > offset)
		i--;
	check(model.messages[i].offset == offset);
	return i;
}

/* ------------------------------------------------------------------------------------------------ what is done */

/* A mark of i covers what its strand was given before it, too. */
static void
cover(int i)
{
	for (int g = 0; g < model.given_count; g++) {
		struct message *m = &model.messages[model.given[g]];

		if (m->strand == model.messages[i].strand)
			m->covered = true;
		if (model.given[g] == i)
			return;
	}
}

static void
finish(int i)
{
	struct message *m = &model.messages[i];

	m->done = true;
	if (m->key >= 0)
		model.busy[m->key] = -1;
	if (!model.manual && !r.source.lost)
		cover(i);
}

/* What was given and is not done is bounded. */
static int
undone(void)
{
	int n = 0;

	for (int i = model.from; i < model.produced; i++)
		n += model.messages[i].strand >= 0 && !model.messages[i].done;
	return n;
}

static void
note_given(carafe_consumer *c, int i)
{
	struct message *m = &model.messages[i];

	check(!model.ending);
	check(i >= model.from);
	check(m->held == NULL);
	check(m->key < 0 || model.busy[m->key] < 0);
	check(m->before < 0 || model.messages[m->before].done || model.messages[m->before].run == total_runs);
	check(!m->past);
	check(m->before < model.from || model.messages[m->before].strand >= 0 || model.messages[m->before].past);
	check(m->strand < 0 || carafe_attempt(c) > 1 || model.batches);
	check(carafe_strand(c) >= 0 && carafe_strand(c) < model.strands);
	check(r.source.out <= (2 + model.strands) * model.in_hand && undone() <= model.in_hand);
	if (m->strand < 0)
		model.given[model.given_count++] = i;
	m->strand = carafe_strand(c);
	m->run = total_runs;
}

static void meanwhile(void);

static carafe_rc
on_one(carafe_consumer *c, const carafe_message *message)
{
	int i = find(message->offset);
	struct message *m = &model.messages[i];

	total_runs++;
	note_given(c, i);
	meanwhile();
	if (!model.finishing && chance(model.failing))
		return carafe_fail(c, "no luck");
	if (!model.finishing && chance(model.deferring)) {
		m->held = carafe_defer(c);
		if (m->key >= 0)
			model.busy[m->key] = i;
		return CARAFE_PENDING;
	}
	finish(i);
	if (model.manual && (model.finishing || chance(30))) {
		check(carafe_mark(c, message) == CARAFE_OK);
		cover(i);
	}
	return CARAFE_OK;
}

/* Some of it is marked, perhaps, and then it fails or not. */
static carafe_rc
on_some(carafe_consumer *c, const carafe_batch *batch)
{
	size_t count = carafe_batch_count(batch), marked = model.finishing ? count : rnd(count + 1);
	bool fails = !model.finishing && chance(model.failing);

	total_runs++;
	for (size_t n = 0; n < count; n++) {
		int i = find(carafe_batch_at(batch, n)->offset);

		note_given(c, i);
		if (n < marked || !fails)
			finish(i);
		if (n < marked) {
			check(carafe_mark(c, carafe_batch_at(batch, n)) == CARAFE_OK);
			cover(i);
		}
	}
	return fails ? CARAFE_FAILED : CARAFE_OK;
}

static const carafe_handler singly = { .message = on_one }, in_batches = { .consume = on_some };

static void
note_skipped(const carafe_event *e, void *arg)
{
	(void)arg;
	finish(find(number(e, CARAFE_F_OFFSET)));
}

/* By key; a message without one is its own. */
static bool
by_key(const carafe_message *m, void *arg, uint64_t *key)
{
	const struct message *message = &model.messages[find(m->offset)];

	(void)arg;
	*key = message->key >= 0 ? (uint64_t)message->key : (uint64_t)(KEYS + m->offset);
	return true;
}

/* ------------------------------------------------------------------------------------------------ what happens */

static void
produce(void)
{
	for (uint64_t n = 1 + rnd(10); n > 0 && model.produced < MESSAGES; n--) {
		struct message *m = &model.messages[model.produced];
		int key = chance(10) ? -1 : (int)rnd(chance(50) ? KEYS : 2), before = model.produced - 1;

		while (before >= 0 && (key < 0 || model.messages[before].key != key))
			before--;
		*m = (struct message){ .key = key, .before = before, .strand = -1 };
		m->offset = (model.produced > 0 ? m[-1].offset : -1) + 1 + (int64_t)(chance(10) ? rnd(4) : 0);
		model.produced++;
		fake_message(&r.source, m->offset);
	}
}

static void
complete(int i, bool well)
{
	carafe_deferred *d = model.messages[i].held;

	model.messages[i].held = NULL;
	if (model.messages[i].key >= 0)
		model.busy[model.messages[i].key] = -1;
	if (well)
		finish(i);
	check(carafe_complete(d, well ? CARAFE_OK : CARAFE_FAILED, NULL) == (r.source.lost ? CARAFE_LOST : CARAFE_OK));
}

static void
complete_one(void)
{
	int held = 0;

	for (int i = model.from; i < model.produced; i++)
		held += model.messages[i].held != NULL;
	if (held == 0)
		return;
	held = (int)rnd((uint64_t)held);
	for (int i = model.from; i < model.produced; i++)
		if (model.messages[i].held != NULL && held-- == 0)
			complete(i, model.finishing || !chance(model.failing));
}

static void
complete_all(void)
{
	if (r.source.told != NULL)
		fake_answer(&r.source);
	for (int i = model.from; i < model.produced; i++)
		if (model.messages[i].held != NULL)
			complete(i, true);
}

/* What is committed is what lies before the first that is not covered; no less, once nobody has a turn to take. */
static void
check_marked(bool settled)
{
	int i = model.from;

	while (i < model.produced && model.messages[i].covered)
		i++;
	if (i == model.from)
		check(r.source.marked == -1 || r.source.marked == model.messages[i].offset);
	else if (settled && r.source.told == NULL)
		check(r.source.marked == model.messages[i - 1].offset + 1);
	else
		check(r.source.marked <= model.messages[i - 1].offset + 1);
}

/* A commit: what is covered need not be done again. */
static void
commit(void)
{
	struct crf_done done;

	if (r.source.marked < 0)
		return;
	free(model.note);
	model.committed = r.source.marked;
	model.note = crf_lane_note(r.source.lane);
	crf_done_read(model.note, model.committed, &done);
	for (int i = model.from; i < model.produced; i++) {
		struct message *m = &model.messages[i];

		m->recorded = m->offset < model.committed || crf_done_has(&done, m->offset, -1);
		check(!m->recorded || m->covered);
		check(m->recorded || !m->covered || model.manual); /* what is unmarked is not remembered one by one */
	}
	crf_done_fini(&done);
}

static void
step(void)
{
	if (r.source.told != NULL && chance(10))
		fake_answer(&r.source);
	switch (rnd(7)) {
	case 0:
		produce();
		break;
	case 1:
		pass(r.pool, (crf_ns)rnd(300) * CRF_MS);
		break;
	case 2:
		crf_lane_wake(r.source.lane);
		break;
	case 3:
		crf_pool_step(r.pool);
		break;
	case 4:
		settle(r.pool);
		check_marked(true);
		if (chance(20))
			commit();
		break;
	default:
		complete_one();
	}
	check_marked(false);
	crf_buf_reset(&r.log);
}

/* ------------------------------------------------------------------------------------------------ epochs */

/* Other threads do not wait for a turn to end. */
static void
meanwhile(void)
{
	if (chance(10))
		complete_one();
	if (model.to_raise != 0 && chance(10)) {
		model.ending = true;
		crf_lane_raise(r.source.lane, model.to_raise);
		model.to_raise = 0;
	}
}

static void
begin_epoch(void)
{
	fake_init(&r.source, NULL);
	r.source.note = model.note;
	r.source.committed = model.committed;
	r.source.answers_late = chance(30);
	r.consumer = crf_consumer_new(&r.flow, &r.app->routing.connections[0].topics[0], 0, &fake_source_ops, &r.source);
	r.source.lane = crf_consumer_lane(r.consumer);
	r.source.meanwhile = meanwhile;
	crf_lane_wake(r.source.lane);
	model.given_count = 0;
	model.ending = false;
	for (int k = 0; k < KEYS; k++)
		model.busy[k] = -1;
	for (int i = model.from; i < model.produced; i++) {
		model.messages[i].covered = model.messages[i].past = model.messages[i].recorded;
		model.messages[i].strand = -1;
		fake_message(&r.source, model.messages[i].offset);
	}
}

/* It is told to, perhaps, and has the time to, perhaps. */
static void
end_epoch(void)
{
	unsigned signals = (unsigned)rnd(16);

	model.to_raise = signals;
	if (chance(30) && signals != 0) {
		for (uint64_t n = rnd(20); n > 0 && model.to_raise != 0; n--) {
			complete_one();
			crf_pool_step(r.pool);
		}
	}
	if (model.to_raise != 0)
		crf_lane_raise(r.source.lane, signals);
	model.to_raise = 0;
	model.ending = signals != 0;
	for (uint64_t n = rnd(20); n > 0; n--) {
		complete_one();
		crf_pool_step(r.pool);
		check_marked(false);
	}
	if (chance(50)) {
		complete_all();
		settle(r.pool);
		check_marked(true);
		check(r.source.drained == ((signals & ~(unsigned)CRF_LANE_QUIET) != 0));
		check(signals == 0 || signals & ~(unsigned)CRF_LANE_QUIET || crf_flow_is_quiet(&r.flow));
		commit();
	}
	check(!r.source.released);
	model.ending = true;
	r.source.lost = true;
	crf_lane_raise(r.source.lane, CRF_LANE_ENDED);
	if (chance(50))
		settle(r.pool);
	complete_all();
	settle(r.pool);
	check(r.source.released && !r.source.broken && r.source.out == 0 && crf_list_empty(&r.flow.consumers));
	while (model.from < model.produced && model.messages[model.from].offset < model.committed)
		model.from++;
	fake_fini(&r.source);
}

/* Nothing fails any more: everything gets done. */
static void
let_it_finish(void)
{
	model.finishing = true;
	complete_all();
	for (int i = 0; i < 5; i++)
		pass(r.pool, CRF_SECOND);
	for (int i = 0; i < model.produced; i++)
		check(model.messages[i].done && (i < model.from || model.messages[i].strand >= 0 || model.messages[i].covered));
	check_marked(true);
	check(r.source.out == 0 && r.source.in_mailbox == 0);
}

static void
draw(void)
{
	model.in_hand = 1 + (int)rnd(chance(50) ? 5 : 30);
	model.strands = 1 + (int)rnd((uint64_t)model.in_hand);
	rig_draw(&r, model.batches ? &in_batches : &singly,
	    &(carafe_route_opts){ .max_messages = model.in_hand, .marking = model.manual ? CARAFE_MARK_MANUAL : CARAFE_MARK_AUTO },
	    CARAFE_KV({ "pause.timeout", "100" }, { "pause.max_timeout", "1000" }));
	carafe_keys(r.route, .max = model.strands, .partitioner = by_key,
	    .distribution = chance(40) ? CARAFE_KEYS_CONSISTENT : CARAFE_KEYS_BALANCED);
	if (model.skips)
		carafe_dlq(r.route, .skip = 1, .max_retries = 1);
	rig_run(&r);
	carafe_subscribe(r.app, CARAFE_EV_DLQ_SKIPPED, note_skipped, NULL);
	crf_lane_raise(r.source.lane, CRF_LANE_ENDED); /* epochs are begun here */
	settle(r.pool);
}

static void
begin(uint64_t seed)
{
	memset(&model, 0, sizeof(model));
	model.seed = seed;
	model.committed = -1;
	model.random = seed * 0x9e3779b97f4a7c15u + 1;
	for (int i = 0; i < 10; i++)
		rnd(2);
	model.failing = chance(20) ? 0 : (int)rnd(60);
	model.deferring = chance(20) ? 0 : (int)rnd(100);
	model.manual = chance(25);
	model.skips = chance(30);
	model.batches = chance(25);
	draw();
}

static void
episode(uint64_t seed)
{
	begin(seed);
	for (uint64_t epochs = 1 + rnd(4); epochs > 0; epochs--) {
		begin_epoch();
		for (int i = 0; i < STEPS; i++, model.steps++)
			step();
		if (epochs == 1 && chance(70))
			let_it_finish();
		if (epochs > 1)
			end_epoch();
	}
	model.ending = true;
	r.source.lost = true;
	crf_lane_raise(r.source.lane, CRF_LANE_ENDED);
	settle(r.pool);
	complete_all();
	rig_fini(&r);
	free(model.note);
}

static void
each_key_is_done_in_order_and_the_commit_passes_nothing_that_is_not(void **unused)
{
	(void)unused;
	run_episodes(episode, EPISODES);
	print_message("# %" PRIu64 " runs\n", total_runs);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_key_is_done_in_order_and_the_commit_passes_nothing_that_is_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
