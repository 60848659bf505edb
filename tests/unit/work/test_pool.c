#include "work/pool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "core/mem.h"
#include "work/batch.h"
#include "work/pool_priv.h"

/* A task that says what happened to it. */
struct job {
	struct crf_task task;
	struct crf_timer timer;
	enum crf_turn (*work)(struct job *j);
	struct crf_pool *pool;
	char name;
	atomic_int runs;
	atomic_int inside; /* turns at this moment */
	int plain;         /* written by each turn without a lock: two at once are a data race */
	crf_ns ran_at;
};

/* Turns that are let through one by one. */
static struct crf_mutex mu = { PTHREAD_MUTEX_INITIALIZER };
static struct crf_cond moved;
static bool open; /* mu */
static int held;  /* mu: turns that wait */
static char order[256];  /* mu */
static size_t orders;    /* mu */

static atomic_bool overlapped; /* two turns of one task at once */

static enum crf_turn
run(struct crf_task *t, struct crf_worker *w)
{
	struct job *j = crf_container_of(t, struct job, task);
	enum crf_turn turn;

	(void)w;
	if (atomic_fetch_add(&j->inside, 1) != 0)
		atomic_store(&overlapped, true);
	j->plain++;
	j->ran_at = crf_now();
	turn = j->work != NULL ? j->work(j) : CRF_TURN_IDLE;
	if (turn == CRF_TURN_GONE)
		return turn;
	atomic_fetch_sub(&j->inside, 1);
	atomic_fetch_add(&j->runs, 1);
	return turn;
}

static void
job_init(struct job *j, struct crf_pool *p, enum crf_turn (*work)(struct job *j))
{
	memset(j, 0, sizeof(*j));
	crf_task_init(&j->task, run);
	j->timer.task = &j->task;
	j->pool = p;
	j->work = work;
}

static void
nap(crf_ns ns)
{
	struct timespec ts = { .tv_sec = ns / CRF_SECOND, .tv_nsec = ns % CRF_SECOND };

	nanosleep(&ts, NULL);
}

/* Far longer than anything here takes, so that only a hang makes a test fail. */
static void
wait_for_runs(struct job *j, int runs)
{
	crf_ns until = crf_now() + 20 * CRF_SECOND;

	while (atomic_load(&j->runs) < runs) {
		assert_true(crf_now() < until);
		nap(CRF_MS / 10);
	}
}

static enum crf_turn
wait_at_the_door(struct job *j)
{
	(void)j;
	crf_lock(&mu);
	held++;
	crf_cond_broadcast(&moved);
	while (!open)
		crf_cond_wait(&moved, &mu);
	held--;
	crf_cond_broadcast(&moved);
	crf_unlock(&mu);
	return CRF_TURN_IDLE;
}

static void
set_door(bool is_open)
{
	crf_lock(&mu);
	open = is_open;
	crf_cond_broadcast(&moved);
	crf_unlock(&mu);
}

static void
wait_for_held(int n)
{
	crf_lock(&mu);
	while (held < n)
		assert_true(crf_cond_wait_until(&moved, &mu, crf_now() + 20 * CRF_SECOND));
	crf_unlock(&mu);
}

/* A pool whose only worker is busy until the door opens. */
static struct crf_pool *
busy_pool(struct job *doorman)
{
	struct crf_pool *p = crf_pool_new(1);

	set_door(false);
	job_init(doorman, p, wait_at_the_door);
	crf_task_wake(p, &doorman->task);
	wait_for_held(1);
	return p;
}

/* ------------------------------------------------------------------------------------------------ turns */

static void
woken_often_runs_once(void **unused)
{
	struct job doorman, j;
	struct crf_pool *p = busy_pool(&doorman);

	(void)unused;
	job_init(&j, p, NULL);
	for (int i = 0; i < 100; i++)
		crf_task_wake(p, &j.task);
	set_door(true);
	wait_for_runs(&j, 1);
	wait_for_runs(&doorman, 1);
	crf_pool_free(p);
	assert_int_equal(atomic_load(&j.runs), 1);
	assert_int_equal(atomic_load(&doorman.runs), 1);
}

static void
woken_while_it_runs_runs_again(void **unused)
{
	struct job doorman;
	struct crf_pool *p = busy_pool(&doorman);

	(void)unused;
	for (int i = 0; i < 3; i++)
		crf_task_wake(p, &doorman.task);
	set_door(true);
	wait_for_runs(&doorman, 2);
	crf_pool_free(p);
	assert_int_equal(atomic_load(&doorman.runs), 2);
}

static enum crf_turn
note_order(struct job *j)
{
	crf_lock(&mu);
	order[orders++] = j->name;
	crf_unlock(&mu);
	return atomic_load(&j->runs) == 0 ? CRF_TURN_AGAIN : CRF_TURN_IDLE;
}

static void
first_come_first_served(void **unused)
{
	struct job doorman, jobs[5];
	struct crf_pool *p = busy_pool(&doorman);

	(void)unused;
	orders = 0;
	for (int i = 0; i < 5; i++) {
		job_init(&jobs[i], p, note_order);
		jobs[i].name = (char)('a' + i);
		crf_task_wake(p, &jobs[i].task);
	}
	crf_task_wake(p, &jobs[0].task); /* does not jump the queue, nor count twice */
	set_door(true);
	for (int i = 0; i < 5; i++)
		wait_for_runs(&jobs[i], 2);
	crf_pool_free(p);
	order[orders] = '\0';
	assert_string_equal(order, "abcdeabcde"); /* those that want to go on go behind the others */
}

#define HAMMERED 6
#define HAMMERS 3
#define BLOWS 4000

struct hammered {
	struct job job;
	atomic_int asked;
	int seen; /* turn: of asked */
};

static struct hammered anvils[HAMMERED];

static enum crf_turn
catch_up(struct job *j)
{
	struct hammered *h = crf_container_of(j, struct hammered, job);

	h->seen = atomic_load(&h->asked);
	return h->seen % 7 == 0 ? CRF_TURN_AGAIN : CRF_TURN_IDLE;
}

static void *
hammer(void *arg)
{
	struct crf_pool *p = arg;

	for (int i = 0; i < BLOWS; i++) {
		struct hammered *h = &anvils[i % HAMMERED];

		atomic_fetch_add(&h->asked, 1);
		crf_task_wake(p, &h->job.task);
		if (i % 500 == 0)
			nap(CRF_MS / 5);
	}
	return NULL;
}

/* Whatever a wake was for is seen by a turn, and no turn of a task overlaps another: run() notes it, and TSan sees it in
 * job.plain. */
static void
no_wake_is_lost_and_no_turns_overlap(void **unused)
{
	struct crf_thread hammers[HAMMERS] = { 0 };
	struct crf_pool *p = crf_pool_new(4);

	(void)unused;
	for (int i = 0; i < HAMMERED; i++) {
		job_init(&anvils[i].job, p, catch_up);
		atomic_store(&anvils[i].asked, 1);
	}
	for (int i = 0; i < HAMMERS; i++)
		crf_thread_start(&hammers[i], "hammer", hammer, p);
	for (int i = 0; i < HAMMERS; i++)
		crf_thread_join(&hammers[i]);
	for (int i = 0; i < HAMMERED; i++) /* a multiple of 7 would run for ever */
		if (atomic_load(&anvils[i].asked) % 7 == 0) {
			atomic_fetch_add(&anvils[i].asked, 1);
			crf_task_wake(p, &anvils[i].job.task);
		}
	for (crf_ns until = crf_now() + 20 * CRF_SECOND;;) {
		bool idle = true;

		for (int i = 0; i < HAMMERED; i++)
			idle = idle && atomic_load(&anvils[i].job.task.state) == 0;
		if (idle)
			break;
		assert_true(crf_now() < until);
		nap(CRF_MS);
	}
	crf_pool_free(p);
	for (int i = 0; i < HAMMERED; i++)
		assert_int_equal(anvils[i].seen, atomic_load(&anvils[i].asked));
	assert_false(atomic_load(&overlapped));
}

/* ------------------------------------------------------------------------------------------------ workers */

static int
live(struct crf_pool *p)
{
	int n;

	crf_lock(&p->mu);
	n = p->live;
	crf_unlock(&p->mu);
	return n;
}

static void
wait_for_live(struct crf_pool *p, int n)
{
	crf_ns until = crf_now() + 20 * CRF_SECOND;

	while (live(p) != n) {
		assert_true(crf_now() < until);
		nap(CRF_MS / 10);
	}
}

#define BUSY 8

static void
scaling_down_thrice_while_busy_leaves_one(void **unused)
{
	struct job jobs[BUSY];
	struct crf_pool *p = crf_pool_new(5);

	(void)unused;
	for (int i = 0; i < BUSY; i++)
		job_init(&jobs[i], p, wait_at_the_door);
	for (int round = 0; round < 3; round++) {
		set_door(false);
		for (int i = 0; i < BUSY; i++)
			crf_task_wake(p, &jobs[i].task);
		wait_for_held(5);
		assert_int_equal(crf_pool_scale(p, 1).from, 5);
		assert_int_equal(crf_pool_scale(p, 1).from, 1);
		set_door(true);
		for (int i = 0; i < BUSY; i++)
			wait_for_runs(&jobs[i], round + 1);
		wait_for_live(p, 1);
		assert_int_equal(crf_pool_scale(p, 5).from, 1);
		wait_for_live(p, 5);
	}
	crf_pool_free(p);
}

static void
going_down_and_up_again_while_busy(void **unused)
{
	struct job jobs[BUSY];
	struct crf_pool *p = crf_pool_new(5);

	(void)unused;
	set_door(false);
	for (int i = 0; i < BUSY; i++) {
		job_init(&jobs[i], p, wait_at_the_door);
		crf_task_wake(p, &jobs[i].task);
	}
	wait_for_held(5);
	crf_pool_scale(p, 1);
	crf_pool_scale(p, 6); /* nobody has gone yet: one is added */
	wait_for_held(6);
	assert_int_equal(live(p), 6);
	set_door(true);
	for (int i = 0; i < BUSY; i++)
		wait_for_runs(&jobs[i], 1);
	assert_int_equal(live(p), 6);
	crf_pool_free(p);
}

static void
there_is_always_one_worker(void **unused)
{
	struct crf_pool *p = crf_pool_new(-3);
	struct job j;

	(void)unused;
	assert_int_equal(live(p), 1);
	assert_int_equal(crf_pool_scale(p, 0).from, 1);
	assert_int_equal(crf_pool_scale(p, -5).from, 1);
	job_init(&j, p, NULL);
	crf_task_wake(p, &j.task);
	wait_for_runs(&j, 1);
	assert_int_equal(live(p), 1);
	crf_pool_free(p);
}

static void
pools_come_and_go(void **unused)
{
	(void)unused;
	for (int i = 0; i < 200; i++) {
		struct crf_pool *p = crf_pool_new(1 + i % 5);
		struct job j;

		job_init(&j, p, NULL);
		crf_task_wake(p, &j.task);
		if (i % 2)
			crf_pool_scale(p, 1 + i % 3);
		wait_for_runs(&j, 1);
		crf_pool_free(p);
	}
}

static void
see_running(struct crf_task *t, crf_ns since, const char *worker, void *arg)
{
	assert_true(since <= crf_now());
	assert_true(strncmp(worker, "crf-worker-", 11) == 0);
	*(struct crf_task **)arg = t;
}

static void
who_looks_sees_what_runs(void **unused)
{
	struct job doorman;
	struct crf_pool *p = busy_pool(&doorman);
	struct crf_task *seen = NULL;

	(void)unused;
	crf_pool_running(p, see_running, &seen);
	assert_ptr_equal(seen, &doorman.task);
	set_door(true);
	wait_for_runs(&doorman, 1);
	for (crf_ns until = crf_now() + 20 * CRF_SECOND; seen != NULL; crf_pool_running(p, see_running, &seen)) {
		assert_true(crf_now() < until);
		seen = NULL;
	}
	crf_pool_free(p);
}

/* ------------------------------------------------------------------------------------------------ going */

#define MORTALS 300

struct mortal {
	struct job job;
	atomic_uint flags;
	int *buried;
};

static atomic_int alive;

static enum crf_turn
live_or_die(struct job *j)
{
	struct mortal *m = crf_container_of(j, struct mortal, job);

	if (!(atomic_load(&m->flags) & 2))
		return CRF_TURN_IDLE;
	crf_task_leave(j->pool, &j->task);
	memset(m, 0xff, sizeof(*m)); /* who still touches it finds nonsense, even without ASan */
	free(m);
	atomic_fetch_sub(&alive, 1);
	return CRF_TURN_GONE;
}

static void *
send_and_let_go(void *arg)
{
	struct mortal *m = arg;
	struct crf_pool *p = m->job.pool;

	for (int i = 0; i < 20; i++)
		crf_task_signal(p, &m->job.task, &m->flags, 1);
	crf_task_signal(p, &m->job.task, &m->flags, 2);
	return NULL;
}

static void
look_at_name(struct crf_task *t, crf_ns since, const char *worker, void *arg)
{
	(void)since, (void)worker;
	*(int *)arg += crf_container_of(t, struct job, task)->name == 'm';
}

/* The one that signals the end and those who look at running turns never touch what has freed itself. */
static void
a_task_may_free_itself(void **unused)
{
	struct crf_pool *p = crf_pool_new(3);
	struct crf_thread senders[MORTALS] = { 0 };
	int seen = 0;

	(void)unused;
	atomic_store(&alive, MORTALS);
	for (int i = 0; i < MORTALS; i++) {
		struct mortal *m = crf_new(struct mortal);

		job_init(&m->job, p, live_or_die);
		m->job.name = 'm';
		crf_thread_start(&senders[i], "sender", send_and_let_go, m);
		crf_pool_running(p, look_at_name, &seen);
	}
	for (crf_ns until = crf_now() + 20 * CRF_SECOND; atomic_load(&alive) > 0;) {
		crf_pool_running(p, look_at_name, &seen);
		assert_true(crf_now() < until);
	}
	for (int i = 0; i < MORTALS; i++)
		crf_thread_join(&senders[i]);
	crf_pool_free(p);
}

/* ------------------------------------------------------------------------------------------------ timers */

#define TIMED 400

static int
by_time(const void *a, const void *b)
{
	const struct job *const *x = a, *const *y = b;

	return (*x)->timer.when < (*y)->timer.when ? -1 : (*x)->timer.when > (*y)->timer.when;
}

static struct job *fired[TIMED];
static atomic_int fires;

static enum crf_turn
note_fired(struct job *j)
{
	fired[atomic_fetch_add(&fires, 1)] = j;
	return CRF_TURN_IDLE;
}

/* With one worker, turns are taken in the order in which timers fired. */
static void
timers_fire_in_order_and_never_early(void **unused)
{
	static struct job jobs[TIMED], *sorted[TIMED];
	struct crf_pool *p = crf_pool_new(1);
	crf_ns now = crf_now();
	unsigned seed = 42;

	(void)unused;
	atomic_store(&fires, 0);
	for (int i = 0; i < TIMED; i++) {
		job_init(&jobs[i], p, note_fired);
		sorted[i] = &jobs[i];
		crf_timer_set(p, &jobs[i].timer, now + 20 * CRF_MS + i * CRF_MS / 10 + rand_r(&seed) % 7 * CRF_MS);
	}
	for (int i = 0; i < TIMED; i++)
		wait_for_runs(&jobs[i], 1);
	crf_pool_free(p);
	qsort(sorted, TIMED, sizeof(sorted[0]), by_time);
	assert_int_equal(atomic_load(&fires), TIMED);
	for (int i = 0; i < TIMED; i++) {
		assert_true(fired[i]->timer.when == sorted[i]->timer.when);
		assert_true(fired[i]->ran_at >= fired[i]->timer.when);
		assert_true(fired[i]->ran_at < fired[i]->timer.when + 10 * CRF_SECOND);
	}
}

static void
a_timer_that_was_moved_fires_once_at_its_new_time(void **unused)
{
	struct crf_pool *p = crf_pool_new(1);
	struct job sooner, later;
	crf_ns now = crf_now();

	(void)unused;
	job_init(&sooner, p, NULL);
	job_init(&later, p, NULL);
	crf_timer_set(p, &sooner.timer, now + 3600 * CRF_SECOND);
	crf_timer_set(p, &later.timer, now + 10 * CRF_MS);
	crf_timer_set(p, &sooner.timer, now + 5 * CRF_MS);
	crf_timer_set(p, &later.timer, now + 40 * CRF_MS);
	wait_for_runs(&later, 1);
	assert_true(later.ran_at >= now + 40 * CRF_MS);
	assert_int_equal(atomic_load(&sooner.runs), 1);
	nap(10 * CRF_MS);
	crf_pool_free(p);
	assert_int_equal(atomic_load(&later.runs), 1);
}

static void
a_timer_that_was_taken_off_does_not_fire(void **unused)
{
	struct crf_pool *p = crf_pool_new(2);
	unsigned seed = 7;

	(void)unused;
	for (int i = 0; i < 200; i++) { /* around the moment when it fires */
		struct job *j = crf_new(struct job);

		job_init(j, p, NULL);
		crf_timer_set(p, &j->timer, crf_now() + CRF_MS / 5);
		nap(rand_r(&seed) % 400 * 1000);
		crf_timer_set(p, &j->timer, CRF_NEVER);
		while (atomic_load(&j->task.state) != 0)
			nap(CRF_MS / 20);
		memset(j, 0xff, sizeof(*j));
		free(j); /* nothing fires any more: the pool would touch freed memory */
	}
	crf_pool_free(p);
}

#define CLOCKS 64
#define SETTINGS 40000

/* Everything that is due by now has its turn, in order, and nothing else. */
static void
check_fired(struct crf_pool *p, struct job *jobs, crf_ns *when, crf_ns now)
{
	crf_ns next = CRF_NEVER, last = 0;
	int due = 0;

	for (int i = 0; i < CLOCKS; i++) {
		due += when[i] <= now;
		if (when[i] > now && when[i] < next)
			next = when[i];
	}
	atomic_store(&fires, 0);
	assert_true(crf_pool_tick(p, now) == next);
	while (crf_pool_step(p))
		;
	assert_int_equal(atomic_load(&fires), due);
	for (int i = 0; i < due; i++) {
		crf_ns at = when[fired[i] - jobs];

		assert_true(at >= last && at <= now);
		last = at;
		when[fired[i] - jobs] = CRF_NEVER;
	}
}

/* Many timers, set, moved and taken off at random, against a plain array. */
static void
timers_agree_with_a_plain_list(void **unused)
{
	static struct job jobs[CLOCKS];
	crf_ns when[CLOCKS], now = 1000;
	struct crf_pool *p = crf_pool_new_by_hand();
	unsigned seed = 1;

	(void)unused;
	for (int i = 0; i < CLOCKS; i++) {
		job_init(&jobs[i], p, note_fired);
		when[i] = CRF_NEVER;
	}
	for (int step = 0; step < SETTINGS; step++) {
		int i = rand_r(&seed) % CLOCKS;

		when[i] = rand_r(&seed) % 5 == 0 ? CRF_NEVER : now + rand_r(&seed) % 300;
		crf_timer_set(p, &jobs[i].timer, when[i]);
		if (rand_r(&seed) % 4 == 0)
			check_fired(p, jobs, when, now += rand_r(&seed) % 40);
	}
	crf_pool_free(p);
}

/* ------------------------------------------------------------------------------------------------ by hand */

static void
by_hand_turns_are_the_callers(void **unused)
{
	struct crf_pool *p = crf_pool_new_by_hand();
	struct job a, b;

	(void)unused;
	orders = 0;
	job_init(&a, p, note_order);
	job_init(&b, p, note_order);
	a.name = 'a';
	b.name = 'b';
	assert_false(crf_pool_step(p));
	crf_task_wake(p, &a.task);
	crf_task_wake(p, &b.task);
	crf_task_wake(p, &a.task);
	while (crf_pool_step(p))
		;
	order[orders] = '\0';
	assert_string_equal(order, "abab");
	crf_pool_free(p);
}

static enum crf_turn
borrow(struct crf_task *t, struct crf_worker *w)
{
	struct carafe_batch *small[300], *large[2];
	void **natives = crf_worker_natives(w, 3);

	(void)t;
	natives[2] = w;
	assert_ptr_equal(crf_worker_natives(w, 2), natives); /* room enough */
	assert_ptr_equal(crf_worker_natives(w, 500)[2], w);
	for (int i = 0; i < 300; i++)
		small[i] = crf_worker_batch(w, 16);
	large[0] = crf_worker_batch(w, 3000);
	large[1] = crf_worker_batch(w, 3000);
	crf_worker_keep(w, large[0]); /* one is kept, however large */
	crf_worker_keep(w, large[1]);
	for (int i = 0; i < 300; i++)
		crf_worker_keep(w, small[i]); /* more than it keeps */
	assert_ptr_equal(crf_worker_batch(w, 3000), large[0]); /* small ones do not push it out */
	small[127]->count = small[127]->head = small[127]->limit = small[127]->fresh = 7;
	for (int i = 127; i >= 0; i--)
		assert_ptr_equal(crf_worker_batch(w, 16), small[i]); /* the last that came back is the first */
	assert_true(small[127]->count == 0 && small[127]->head == 0 && small[127]->limit == 0 && small[127]->fresh == 0);
	crf_worker_keep(w, large[0]);
	for (int i = 0; i < 128; i++)
		crf_worker_keep(w, small[i]);
	small[0] = crf_worker_batch(w, 17); /* about the same size, but they are too small: they go */
	assert_int_equal(small[0]->cap, 17);
	crf_worker_keep(w, small[0]);
	return CRF_TURN_IDLE;
}

static void
workers_lend_batches(void **unused)
{
	struct crf_pool *p = crf_pool_new_by_hand();
	struct crf_task t;

	(void)unused;
	crf_task_init(&t, borrow);
	crf_task_wake(p, &t);
	assert_true(crf_pool_step(p));
	crf_pool_free(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(woken_often_runs_once),
		cmocka_unit_test(woken_while_it_runs_runs_again),
		cmocka_unit_test(first_come_first_served),
		cmocka_unit_test(no_wake_is_lost_and_no_turns_overlap),
		cmocka_unit_test(scaling_down_thrice_while_busy_leaves_one),
		cmocka_unit_test(going_down_and_up_again_while_busy),
		cmocka_unit_test(there_is_always_one_worker),
		cmocka_unit_test(pools_come_and_go),
		cmocka_unit_test(who_looks_sees_what_runs),
		cmocka_unit_test(a_task_may_free_itself),
		cmocka_unit_test(timers_fire_in_order_and_never_early),
		cmocka_unit_test(a_timer_that_was_moved_fires_once_at_its_new_time),
		cmocka_unit_test(a_timer_that_was_taken_off_does_not_fire),
		cmocka_unit_test(timers_agree_with_a_plain_list),
		cmocka_unit_test(by_hand_turns_are_the_callers),
		cmocka_unit_test(workers_lend_batches),
	};

	crf_cond_init(&moved);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
