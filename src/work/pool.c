#include "work/pool.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/mem.h"
#include "work/batch.h"
#include "work/pool_priv.h"

#define SPARE_BATCHES 4

enum { IDLE, READY, RUNNING, WOKEN }; /* WOKEN: running, and asked to run again */

struct crf_worker {
	struct crf_list link; /* pool.mu */
	struct crf_pool *pool;
	struct crf_thread thread;
	char name[16];
	struct crf_task *task; /* pool.mu: whose turn it is */
	crf_ns since;          /* pool.mu */
	/* the worker's own */
	struct crf_list spare;
	int spare_count;
	void **natives;
	size_t natives_cap;
};

/* ------------------------------------------------------------------------------------------------ what it lends */

struct carafe_batch *
crf_worker_batch(struct crf_worker *w, size_t cap)
{
	struct crf_list *l;

	while ((l = crf_list_pop(&w->spare)) != NULL) {
		struct carafe_batch *b = crf_container_of(l, struct carafe_batch, link);

		w->spare_count--;
		if (b->cap >= cap) {
			b->count = b->head = b->limit = b->fresh = 0;
			return b;
		}
		crf_batch_free(b);
	}
	return crf_batch_new(cap);
}

void
crf_worker_keep(struct crf_worker *w, struct carafe_batch *b)
{
	if (w->spare_count == SPARE_BATCHES) {
		crf_batch_free(b);
		return;
	}
	b->link.next = w->spare.next; /* on top: the one whose memory is warmest is used next */
	b->link.prev = &w->spare;
	w->spare.next->prev = &b->link;
	w->spare.next = &b->link;
	w->spare_count++;
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

/* ------------------------------------------------------------------------------------------------ tasks */

void
crf_task_init(struct crf_task *t, enum crf_turn (*run)(struct crf_task *task, struct crf_worker *w))
{
	crf_list_init(&t->link);
	atomic_init(&t->state, IDLE);
	t->run = run;
}

/* mu held. Wakes a worker for what is ready, unless one is on its way: that one wakes the next when there is more, so many
 * small tasks at once do not get everybody out of bed for one each. */
static void
rouse(struct crf_pool *p)
{
	if (p->waking || p->idle == 0 || crf_list_empty(&p->ready))
		return;
	p->waking = true;
	crf_cond_signal(&p->work);
}

/* mu held. */
static void
enqueue(struct crf_pool *p, struct crf_task *t)
{
	crf_list_append(&p->ready, &t->link);
	rouse(p);
}

/* True when the task was idle: the caller must enqueue it. */
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
	crf_lock(&p->mu);
	enqueue(p, t);
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
		enqueue(p, t);
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
begin_turn(struct crf_worker *w, struct crf_list *ready)
{
	w->task = crf_container_of(ready, struct crf_task, link);
	w->since = crf_now();
}

/* mu held. */
static void
rest(struct crf_pool *p)
{
	p->idle++;
	crf_cond_wait(&p->work, &p->mu);
	p->idle--;
	p->waking = false;
}

/* again: the task it has just run, to be queued behind the others; NULL: none. */
static struct crf_task *
next_task(struct crf_worker *w, struct crf_task *again)
{
	struct crf_pool *p = w->pool;
	struct crf_list *l = NULL;

	crf_lock(&p->mu);
	w->task = NULL;
	if (again != NULL)
		crf_list_append(&p->ready, &again->link);
	while (p->live <= p->target && (l = crf_list_pop(&p->ready)) == NULL)
		rest(p);
	if (l == NULL) { /* one too many */
		p->live--;
		crf_list_remove(&w->link);
		crf_list_append(&p->gone, &w->link);
		crf_cond_signal(&p->left);
	} else {
		begin_turn(w, l);
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
	crf_list_init(&w->spare);
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
	struct crf_list *l;

	crf_thread_join(&w->thread);
	while ((l = crf_list_pop(&w->spare)) != NULL)
		crf_batch_free(crf_container_of(l, struct carafe_batch, link));
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
	if ((ready = crf_list_pop(&p->ready)) != NULL)
		begin_turn(w, ready);
	crf_unlock(&p->mu);
	if (ready == NULL)
		return false;
	again = take_turn(w, w->task);
	crf_lock(&p->mu);
	w->task = NULL;
	if (again != NULL)
		enqueue(p, again);
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
