/* The flow on real workers: a partition comes and goes while messages arrive, work is completed, letters are acknowledged and others
 * pause, go back and look, all at once. Whatever happens, nothing that is not done is marked or noted as done, no key is worked on
 * twice at a time, and in the end everything is done. Under ThreadSanitizer it says more. */
#define TIME_GOES_ON
#include "../work/episodes.h"
#include "../work/fake_source.h"
#include "fake_producer.h"

#include <carafe/feature/deferral.h>
#include <carafe/feature/dlq.h>
#include <carafe/feature/keys.h>

#include "app/app.h"
#include "flow/consumer.h"
#include "work/done.h"

#define EPISODES 60
#define SEEKS 6 /* from outside, in the time of an epoch */
#define MESSAGES 60
#define KEYS 7
#define HANGS (60 * CRF_SECOND)

static struct {
	uint64_t seed, random;
	bool keyed, batches, defers, fails, letters; /* how this episode is */
	atomic_bool done[MESSAGES];
	atomic_bool busy[KEYS];
	atomic_bool over;
	carafe *app;
	struct crf_flow flow;
	struct crf_pool *pool;
} t;

#define check(condition)                                                                                               \
	do {                                                                                                           \
		if (!(condition))                                                                                      \
			crf_panic("CRF_SEED=%llu: %s", (unsigned long long)t.seed, #condition);                        \
	} while (0)

/* Each thread has its own luck. */
static uint64_t
rnd(uint64_t below)
{
	static _Thread_local uint64_t random, of;

	if (of != t.seed)
		random = (of = t.seed) * 0x9e3779b97f4a7c15u + (uint64_t)(uintptr_t)&random;
	return next_random(&random, below);
}

static bool
chance(int percent)
{
	return rnd(100) < (uint64_t)percent;
}

static void
nap(uint64_t us)
{
	nanosleep(&(struct timespec){ .tv_nsec = (long)rnd(us) * 1000 }, NULL);
}

/* ------------------------------------------------------------------------------------------------ the source */

static struct crf_mutex source_mu; /* all of it; before pool.mu */
static struct fake_source source;
static int64_t next_push, end_push;
static _Atomic int64_t marked_next; /* what of it is asked for with that held */
static atomic_int seeks;

static size_t
take(void *f, void **natives, size_t max)
{
	size_t n;

	crf_lock(&source_mu);
	n = source.lost ? 0 : fake_take(f, natives, max);
	crf_unlock(&source_mu);
	return n;
}

static void
free_native(void *f, void *native)
{
	crf_lock(&source_mu);
	fake_free_native(f, native);
	crf_unlock(&source_mu);
}

static carafe_rc
mark(void *f, int64_t next, int32_t leader_epoch, const char *metadata)
{
	carafe_rc rc;

	crf_lock(&source_mu);
	for (int64_t offset = 0; offset < next; offset++)
		check(atomic_load(&t.done[offset]));
	rc = fake_mark(f, next, leader_epoch, metadata);
	atomic_store(&marked_next, source.marked);
	crf_unlock(&source_mu);
	return rc;
}

static bool
owned(const void *f)
{
	bool is;

	crf_lock(&source_mu);
	is = fake_owned(f);
	crf_unlock(&source_mu);
	return is;
}

static void
drained(void *f)
{
	crf_lock(&source_mu);
	fake_drained(f);
	crf_unlock(&source_mu);
}

static void
release(void *f)
{
	crf_lock(&source_mu);
	fake_release(f);
	crf_unlock(&source_mu);
}

static int64_t
marked(const void *f)
{
	(void)f;
	return atomic_load(&marked_next);
}

static void
restated(void *f)
{
	(void)f;
}

static struct crf_source_ops ops; /* those of a fake, but for these */

static bool
push(void)
{
	static const char *const keys[KEYS] = { "A", "B", "C", "D", "E", "F", "G" };
	bool more;

	crf_lock(&source_mu);
	if ((more = next_push < end_push)) {
		fake_push(&source, (struct native){ .offset = next_push, .key = keys[next_push % KEYS], .value = "v" });
		next_push++;
	}
	crf_unlock(&source_mu);
	return more;
}

static void
seek(void *f, struct crf_position to, crf_seek_fn *done, void *arg)
{
	crf_lock(&source_mu);
	fake_seek(f, to, done, arg);
	crf_unlock(&source_mu);
}

/* What was fetched is forgotten, unless brokers are away. */
static void
answer_seek(void)
{
	carafe_error err = { .rc = chance(20) ? CARAFE_TIMEOUT : CARAFE_OK };
	crf_seek_fn *done;
	void *arg;
	int64_t to;

	crf_lock(&source_mu);
	done = source.seek_done;
	arg = source.seek_arg;
	to = source.sought.value;
	source.seek_done = NULL;
	if (done != NULL && err.rc == CARAFE_OK) {
		fake_empty(&source);
		next_push = to;
	}
	crf_unlock(&source_mu);
	if (done != NULL)
		done(arg, to, &err);
}

/* ------------------------------------------------------------------------------------------------ others */

struct work {
	struct crf_list link;
	carafe_deferred *deferred; /* or a letter: */
	crf_delivered_fn done;
	void *arg;
	int64_t offset;
};

static struct {
	struct crf_mutex mu;
	struct crf_cond more;
	struct crf_list works;
} elsewhere;

static void
do_elsewhere(struct work w)
{
	struct work *copy = crf_memdup(&w, sizeof(w));

	crf_lock(&elsewhere.mu);
	crf_list_append(&elsewhere.works, &copy->link);
	crf_cond_signal(&elsewhere.more);
	crf_unlock(&elsewhere.mu);
}

static void
end_work(const struct work *w)
{
	bool fails = t.fails && chance(15);

	if (chance(50))
		nap(200);
	if (w->deferred != NULL && t.keyed)
		atomic_store(&t.busy[w->offset % KEYS], false);
	if (!fails)
		atomic_store(&t.done[w->offset], true);
	if (w->deferred != NULL)
		(void)carafe_complete(w->deferred, fails ? CARAFE_FAILED : CARAFE_OK, NULL);
	else
		w->done(&(struct crf_delivery){ .error = fails ? -1 : 0 }, w->arg);
}

static void *
work_elsewhere(void *unused)
{
	struct crf_list *first;

	(void)unused;
	crf_lock(&elsewhere.mu);
	while (!crf_list_empty(&elsewhere.works) || !atomic_load(&t.over)) {
		if ((first = crf_list_pop(&elsewhere.works)) == NULL) {
			crf_cond_wait(&elsewhere.more, &elsewhere.mu);
			continue;
		}
		crf_unlock(&elsewhere.mu);
		end_work(crf_container_of(first, struct work, link));
		free(crf_container_of(first, struct work, link));
		crf_lock(&elsewhere.mu);
	}
	crf_unlock(&elsewhere.mu);
	return NULL;
}

static void
see_turn(struct crf_task *task, crf_ns since, const char *worker, void *unused)
{
	(void)worker, (void)unused;
	(void)crf_consumer_progress(crf_consumer_of_task(task), since, crf_now());
}

static void
wish(struct crf_wish w)
{
	crf_flow_wish(&t.flow, "billing", "orders", CARAFE_ALL_PARTITIONS, &w);
}

/* As an operator, the keeper and the liveness thread do; and the brokers. */
static void *
meddle(void *unused)
{
	(void)unused;
	while (!atomic_load(&t.over)) {
		struct crf_buf text = { 0 };

		wish((struct crf_wish){ .pauses = true, .until = chance(10) ? crf_now() + CRF_MS : 0 });
		if (chance(5) && atomic_fetch_add(&seeks, 1) < SEEKS)
			wish((struct crf_wish){ .seeks = true, .outside = true,
			    .to = { CRF_AT_OFFSET, (int64_t)rnd((uint64_t)atomic_load(&marked_next) + 1) } });
		answer_seek();
		crf_flow_describe(&t.flow, &text);
		crf_buf_fini(&text);
		crf_pool_running(t.pool, see_turn, NULL);
		crf_flow_give_up_dispatches(&t.flow, crf_now());
	}
	return NULL;
}

carafe_rc
crf_produce(struct crf_producer *p, const struct crf_record *r, crf_delivered_fn done, void *arg, int wait_ms, carafe_error *err)
{
	(void)p, (void)wait_ms, (void)err;
	do_elsewhere((struct work){ .done = done, .arg = arg, .offset = r->headers_of->offset });
	return CARAFE_OK;
}

/* ------------------------------------------------------------------------------------------------ handlers */

static carafe_rc
handle(carafe_consumer *c, const carafe_message *m)
{
	atomic_bool *busy = &t.busy[m->offset % KEYS];

	check(!t.keyed || !atomic_exchange(busy, true));
	if (chance(10))
		nap(100);
	if (t.fails && chance(10)) {
		atomic_store(busy, false);
		return carafe_fail(c, "bad luck");
	}
	if (t.defers && chance(60)) {
		do_elsewhere((struct work){ .deferred = carafe_defer(c), .offset = m->offset });
		return CARAFE_PENDING;
	}
	atomic_store(&t.done[m->offset], true);
	atomic_store(busy, false);
	return CARAFE_OK;
}

static carafe_rc
handle_batch(carafe_consumer *c, const carafe_batch *batch)
{
	if (t.fails && chance(10))
		return carafe_fail(c, "bad luck");
	carafe_foreach (m, batch)
		atomic_store(&t.done[m->offset], true);
	return CARAFE_OK;
}

static carafe_rc
tick(carafe_consumer *c)
{
	if (chance(30))
		nap(100);
	if (chance(30))
		(void)carafe_pause(c, carafe_next(), 1);
	return CARAFE_OK;
}

static const carafe_handler messages = { .message = handle, .tick = tick }, in_batches = { .consume = handle_batch, .tick = tick };

/* ------------------------------------------------------------------------------------------------ episodes */

static bool
is_drained(void)
{
	return source.drained > 0;
}

static bool
is_released(void)
{
	return source.released;
}

static bool
is_all_marked(void)
{
	return source.marked == MESSAGES;
}

static void
until(bool (*is)(void))
{
	crf_ns hangs = crf_now() + HANGS;
	bool so = false;

	while (!so) {
		crf_lock(&source_mu);
		so = is();
		crf_unlock(&source_mu);
		check(so || crf_now() < hangs);
		if (!so && (is == is_released || !push()))
			nap(100);
	}
}

static void
lose(void)
{
	crf_lock(&source_mu);
	source.lost = true;
	crf_unlock(&source_mu);
	crf_lane_raise(source.lane, CRF_LANE_ENDED);
	until(is_released);
	check(!source.broken && source.out == 0);
}

static struct {
	int64_t from;
	char *note;
} committed;

/* As the connection does: the note, which is returned, may be of later. */
static char *
commit(void)
{
	struct crf_done done;
	char *note;

	committed.from = atomic_load(&marked_next);
	note = crf_lane_note(source.lane);
	crf_done_read(note, committed.from, &done);
	for (int64_t offset = 0; offset < MESSAGES; offset++)
		check(!crf_done_has(&done, offset, -1) || atomic_load(&t.done[offset]));
	crf_done_fini(&done);
	return note;
}

/* From what is committed on. */
static void
hold_partition(void)
{
	int64_t from = committed.from;
	char *note;

	crf_lock(&source_mu);
	fake_init(&source, NULL);
	source.marked = from;
	atomic_store(&marked_next, from);
	source.note = committed.note != NULL ? committed.note : "";
	source.committed = from;
	next_push = from;
	end_push = from + 1 + (int64_t)rnd((uint64_t)(MESSAGES - from));
	atomic_store(&seeks, 0);
	crf_unlock(&source_mu);
	for (int k = 0; k < KEYS; k++)
		atomic_store(&t.busy[k], false);
	source.lane = crf_consumer_lane(crf_consumer_new(&t.flow, &t.app->routing.connections[0].topics[0], 0, &ops, &source));
	crf_lane_wake(source.lane);
	while (push())
		;
	if (end_push == MESSAGES && chance(50))
		until(is_all_marked);
	else
		nap(1000);
	if (chance(70)) {
		crf_lane_raise(source.lane, chance(50) ? CRF_LANE_REVOKED : CRF_LANE_STOP);
		until(is_drained);
	}
	note = commit();
	lose();
	fake_fini(&source);
	free(committed.note);
	committed.note = note;
}

static void
draw(void)
{
	int max = 1 + (int)rnd(20);
	carafe_error err = { 0 };
	carafe_route *r;

	t.app = carafe_new(.client_id = "threads", .settings = CARAFE_KV({ "pause.timeout", "1" }, { "pause.max_timeout", "1" }),
	    .kafka = CARAFE_KV({ "bootstrap.servers", "none:1" }));
	r = carafe_route(carafe_group(t.app, "billing"), "orders", .handler = t.batches ? &in_batches : &messages, .max_messages = max);
	if (t.keyed)
		carafe_keys(r, .max = 1 + (int)rnd((uint64_t)max),
		    .distribution = chance(50) ? CARAFE_KEYS_CONSISTENT : CARAFE_KEYS_BALANCED);
	if (t.letters)
		carafe_dlq(r, .topic = "orders.dead", .max_retries = CARAFE_NONE);
	if (crf_app_prepare(t.app, NULL, &err) != CARAFE_OK)
		crf_panic("%s", err.text);
}

static void
changed(carafe *app)
{
	(void)app;
}

static void
begin(uint64_t seed)
{
	t.seed = seed;
	t.keyed = chance(70);
	t.batches = chance(20);
	t.defers = chance(50);
	t.fails = chance(50);
	t.letters = chance(50);
	atomic_store(&t.over, false);
	for (int i = 0; i < MESSAGES; i++)
		atomic_store(&t.done[i], false);
	committed.from = 0;
	draw();
	t.pool = crf_pool_new(1 + (int)rnd(4));
	crf_flow_init(&t.flow, t.app, t.app->bus, t.pool);
	t.flow.changed = changed;
	t.flow.tick_interval = chance(50) ? CRF_MS : CRF_SECOND;
}

static void
end(void)
{
	check(crf_list_empty(&t.flow.consumers));
	free(committed.note);
	committed.note = NULL;
	crf_pool_free(t.pool);
	crf_flow_fini(&t.flow);
	carafe_free(t.app);
}

static void
episode(uint64_t seed)
{
	struct crf_thread others[3] = { 0 };

	begin(seed);
	crf_thread_start(&others[0], "elsewhere", work_elsewhere, NULL);
	crf_thread_start(&others[1], "elsewhere", work_elsewhere, NULL);
	crf_thread_start(&others[2], "meddler", meddle, NULL);
	while (committed.from < MESSAGES)
		hold_partition();
	crf_lock(&elsewhere.mu);
	atomic_store(&t.over, true);
	crf_cond_broadcast(&elsewhere.more);
	crf_unlock(&elsewhere.mu);
	for (int i = 0; i < 3; i++)
		crf_thread_join(&others[i]);
	end();
}

static void
whatever_happens_at_once_nothing_is_lost(void **unused)
{
	(void)unused;
	crf_mutex_init(&source_mu);
	crf_mutex_init(&elsewhere.mu);
	crf_cond_init(&elsewhere.more);
	crf_list_init(&elsewhere.works);
	ops = fake_source_ops;
	ops.take = take;
	ops.stamp = NULL;
	ops.free_native = free_native;
	ops.mark = mark;
	ops.owned = owned;
	ops.drained = drained;
	ops.release = release;
	ops.marked = marked;
	ops.restated = restated;
	ops.seek = seek;
	run_episodes(episode, EPISODES);
	crf_cond_fini(&elsewhere.more);
	crf_mutex_fini(&elsewhere.mu);
	crf_mutex_fini(&source_mu);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(whatever_happens_at_once_nothing_is_lost) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
