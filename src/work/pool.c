#include "work/pool.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/mem.h"
#include "work/pool_priv.h"
#include "work/spare.h"

enum { IDLE, READY, RUNNING, WOKEN }; /* WOKEN: running, and asked to run again */

struct crf_worker {
	struct crf_list link; /* pool.mu */
	struct crf_pool *pool;
	struct crf_thread thread;
	char name[16];
	struct crf_task *task; /* pool.mu: whose turn it is */
	crf_ns since;          /* pool.mu; in a turn, the worker's to read */
	/* the worker's own */
	struct crf_spare spare;
	void **natives;
	size_t natives_cap;
};

/* ------------------------------------------------------------------------------------------------ what it lends */

struct carafe_batch *
crf_worker_batch(struct crf_worker *w, size_t cap)
{
	return crf_spare_take(&w->spare, cap);
}

void
crf_worker_keep(struct crf_worker *w, struct carafe_batch *b)
{
	crf_spare_keep(&w->spare, b);
}

void **
crf_worker_natives(struct crf_worker *w, size_t cap)
{
	if (cap > w->natives_cap) {
		w->natives = crf_realloc(w->natives, cap, sizeof(void *));
		w->natives_cap = cap;
	}
	return w->natives;
}

crf_ns
crf_worker_began(const struct crf_worker *w)
{
	return w->since;
}

/* ------------------------------------------------------------------------------------------------ tasks */

void
crf_task_init(struct crf_task *t, enum crf_turn (*run)(struct crf_task *task, struct crf_worker *w))
{
	crf_list_init(&t->link);
	t->below = NULL;
	atomic_init(&t->state, IDLE);
	t->run = run;
}

/* mu held. Those that were woken are queued in the order of that. */
static void
collect(struct crf_pool *p)
{
	struct crf_task *t = atomic_exchange(&p->woken, NULL);
	struct crf_list *first = p->ready.prev; /* goes behind it */

	for (; t != NULL; t = t->below)
		crf_list_append(first->next, &t->link);
}

/* mu held. Wakes a worker for what is ready, unless one is on its way: that one wakes the next when there is more, so many
 * small tasks at once do not get everybody out of bed for one each. */
static void
rouse(struct crf_pool *p)
{
	if (atomic_load(&p->waking) || atomic_load(&p->idle) == 0)
		return;
	collect(p);
	if (crf_list_empty(&p->ready))
		return;
	atomic_store(&p->waking, true);
	crf_cond_signal(&p->work);
}

/* The task is nobody else's. A worker that goes to sleep says so before it looks for the last time: either it finds the task
 * then, or this sees that it sleeps. */
static void
push(struct crf_pool *p, struct crf_task *t)
{
	struct crf_task *top = atomic_load_explicit(&p->woken, memory_order_relaxed);

	do
		t->below = top;
	while (!atomic_compare_exchange_weak(&p->woken, &top, t));
}

/* True when the task was idle: the caller must push it. */
static bool
note_wake(struct crf_task *t)
{
	int state = atomic_load(&t->state);

	while (state != READY && state != WOKEN)
		if (atomic_compare_exchange_weak(&t->state, &state, state == IDLE ? READY : WOKEN))
			return state == IDLE;
	return false;
}

void
crf_task_wake(struct crf_pool *p, struct crf_task *t)
{
	if (!note_wake(t))
		return;
	push(p, t);
	if (atomic_load(&p->idle) == 0 || atomic_load(&p->waking))
		return;
	crf_lock(&p->mu);
	rouse(p);
	crf_unlock(&p->mu);
}

bool
crf_task_is_running(const struct crf_task *t)
{
	int state = atomic_load(&t->state);

	return state == RUNNING || state == WOKEN;
}

void
crf_task_signal(struct crf_pool *p, struct crf_task *t, atomic_uint *flags, unsigned bits)
{
	crf_lock(&p->mu);
	atomic_fetch_or(flags, bits);
	if (note_wake(t))
		push(p, t);
	rouse(p);
	crf_unlock(&p->mu);
}

void
crf_task_leave(struct crf_pool *p, struct crf_task *t)
{
	crf_lock(&p->mu);
	crf_list_each (w, &p->workers, struct crf_worker, link)
		if (w->task == t)
			w->task = NULL;
	crf_unlock(&p->mu);
}

/* ------------------------------------------------------------------------------------------------ workers */

/* mu held. */
static void
begin_turn(struct crf_worker *w, struct crf_list *ready, crf_ns now)
{
	w->task = crf_container_of(ready, struct crf_task, link);
	w->since = now;
}

/* mu held. Behind those that were woken meanwhile. */
static void
queue_again(struct crf_pool *p, struct crf_task *t)
{
	collect(p);
	crf_list_append(&p->ready, &t->link);
}

/* mu held. The task that is ready first. */
static struct crf_list *
pop(struct crf_pool *p)
{
	collect(p);
	return crf_list_pop(&p->ready);
}

/* mu held. What is ready once it was worth to get up; NULL: nothing is. */
static struct crf_list *
rest(struct crf_pool *p)
{
	struct crf_list *l;

	atomic_fetch_add(&p->idle, 1);
	if ((l = pop(p)) == NULL) {
		crf_cond_wait(&p->work, &p->mu);
		atomic_store(&p->waking, false);
	}
	atomic_fetch_sub(&p->idle, 1);
	return l;
}

/* mu held. NULL: it is one worker too many. */
static struct crf_list *
wait_for_task(struct crf_pool *p, crf_ns *now)
{
	struct crf_list *l = NULL;

	while (p->live <= p->target && (l = pop(p)) == NULL && (l = rest(p)) == NULL)
		*now = crf_now();
	return l;
}

/* again: the task it has just run, to be queued behind the others; NULL: none. */
static struct crf_task *
next_task(struct crf_worker *w, struct crf_task *again)
{
	struct crf_pool *p = w->pool;
	crf_ns now = crf_now(); /* without the lock */
	struct crf_list *l;

	crf_lock(&p->mu);
	w->task = NULL;
	if (again != NULL)
		queue_again(p, again);
	if ((l = wait_for_task(p, &now)) == NULL) {
		p->live--;
		crf_list_remove(&w->link);
		crf_list_append(&p->gone, &w->link);
		crf_cond_signal(&p->left);
	} else {
		begin_turn(w, l, now);
	}
	rouse(p);
	crf_unlock(&p->mu);
	return w->task;
}

/* The task when it must be queued again, else NULL. */
static struct crf_task *
take_turn(struct crf_worker *w, struct crf_task *t)
{
	int running = RUNNING;
	enum crf_turn turn;

	atomic_store(&t->state, RUNNING);
	turn = t->run(t, w);
	if (turn == CRF_TURN_GONE)
		return NULL;
	if (turn == CRF_TURN_IDLE && atomic_compare_exchange_strong(&t->state, &running, IDLE))
		return NULL;
	atomic_store(&t->state, READY);
	return t;
}

static void *
work(void *arg)
{
	struct crf_worker *w = arg;
	struct crf_task *t, *again = NULL;

	while ((t = next_task(w, again)) != NULL)
		again = take_turn(w, t);
	return NULL;
}

/* mu held. */
static struct crf_worker *
new_worker(struct crf_pool *p)
{
	struct crf_worker *w = crf_new(struct crf_worker);

	w->pool = p;
	crf_spare_init(&w->spare);
	snprintf(w->name, sizeof(w->name), "crf-worker-%d", p->numbered++ % 1000);
	crf_list_append(&p->workers, &w->link);
	return w;
}

/* mu held. */
static void
add_worker(struct crf_pool *p)
{
	struct crf_worker *w = new_worker(p);

	p->live++;
	crf_thread_start(&w->thread, w->name, work, w);
}

static void
free_worker(struct crf_worker *w)
{
	crf_thread_join(&w->thread);
	crf_spare_fini(&w->spare);
	free(w->natives);
	free(w);
}

static void
free_gone(struct crf_pool *p)
{
	struct crf_list gone;

	crf_list_init(&gone);
	crf_lock(&p->mu);
	crf_list_move(&gone, &p->gone);
	crf_unlock(&p->mu);
	crf_list_each (w, &gone, struct crf_worker, link)
		free_worker(w);
}

/* ------------------------------------------------------------------------------------------------ the pool */

static struct crf_pool *
new_pool(void)
{
	struct crf_pool *p = crf_new(struct crf_pool);

	crf_mutex_init(&p->mu);
	crf_cond_init(&p->work);
	crf_cond_init(&p->left);
	crf_list_init(&p->ready);
	crf_list_init(&p->workers);
	crf_list_init(&p->gone);
	crf_timers_init(p);
	return p;
}

struct crf_pool *
crf_pool_new(int workers)
{
	struct crf_pool *p = new_pool();

	crf_timers_start(p);
	crf_pool_scale(p, workers);
	return p;
}

struct crf_pool *
crf_pool_new_by_hand(void)
{
	struct crf_pool *p = new_pool();

	p->by_hand = new_worker(p);
	return p;
}

bool
crf_pool_step(struct crf_pool *p)
{
	struct crf_worker *w = p->by_hand;
	struct crf_task *again;
	struct crf_list *ready;

	crf_lock(&p->mu);
	if ((ready = pop(p)) != NULL)
		begin_turn(w, ready, crf_now());
	crf_unlock(&p->mu);
	if (ready == NULL)
		return false;
	again = take_turn(w, w->task);
	crf_lock(&p->mu);
	w->task = NULL;
	if (again != NULL)
		queue_again(p, again);
	crf_unlock(&p->mu);
	return true;
}

int
crf_pool_scale(struct crf_pool *p, int workers)
{
	int before;

	crf_lock(&p->mu);
	before = p->target;
	p->target = workers < 1 ? 1 : workers;
	while (p->live < p->target)
		add_worker(p);
	crf_cond_broadcast(&p->work);
	crf_unlock(&p->mu);
	free_gone(p);
	return before;
}

void
crf_pool_free(struct crf_pool *p)
{
	crf_timers_stop(p);
	crf_lock(&p->mu);
	p->target = 0;
	crf_cond_broadcast(&p->work);
	while (p->live > 0)
		crf_cond_wait(&p->left, &p->mu);
	crf_list_move(&p->gone, &p->workers); /* the one without a thread */
	crf_unlock(&p->mu);
	free_gone(p);
	crf_cond_fini(&p->left);
	crf_cond_fini(&p->work);
	crf_mutex_fini(&p->mu);
	free(p);
}

void
crf_pool_running(struct crf_pool *p, void (*fn)(struct crf_task *t, crf_ns since, const char *worker, void *arg), void *arg)
{
	crf_lock(&p->mu);
	crf_list_each (w, &p->workers, struct crf_worker, link)
		if (w->task != NULL)
			fn(w->task, w->since, w->name, arg);
	crf_unlock(&p->mu);
}
