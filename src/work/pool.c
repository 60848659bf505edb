#include "work/pool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"
#include "work/pool_priv.h"

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

/* ------------------------------------------------------------------------------------------------ workers */

void
crf_task_leave(struct crf_pool *p, struct crf_task *t)
{
	crf_lock(&p->mu);
	crf_list_each (w, &p->workers, struct crf_worker, link)
		if (w->task == t)
			w->task = NULL;
	crf_unlock(&p->mu);
}

/* mu held. */
static void
begin_turn(struct crf_worker *w, struct crf_task *t, crf_ns now)
{
	w->task = t;
	w->since = now;
}

/* mu held. */
static void
go(struct crf_worker *w)
{
	struct crf_pool *p = w->pool;

	p->live--;
	crf_list_remove(&w->link);
	crf_list_append(&p->gone, &w->link);
	crf_cond_signal(&p->left);
}

/* again: the task it has just run, to be queued behind the others; NULL: none. NULL: it is one worker too many. */
static struct crf_task *
next_task(struct crf_worker *w, struct crf_task *again)
{
	struct crf_pool *p = w->pool;
	struct crf_called called = { 0 };
	struct crf_task *t = NULL;
	crf_ns now = crf_now(); /* without the lock */

	crf_lock(&p->mu);
	w->task = NULL;
	if (again != NULL)
		crf_ready_again(p, again);
	while (p->live <= p->target && (t = crf_ready_pop(p)) == NULL && (t = crf_rest(w)) == NULL)
		now = crf_now();
	if (t != NULL)
		begin_turn(w, t, now);
	else
		go(w);
	crf_call_one(p, &called);
	crf_unlock(&p->mu);
	crf_called_wake(&called);
	return t;
}

static void *
work(void *arg)
{
	struct crf_worker *w = arg;
	struct crf_task *t, *again = NULL;

	while ((t = next_task(w, again)) != NULL)
		again = crf_task_run(t, w);
	return NULL;
}

/* mu held. */
static struct crf_worker *
new_worker(struct crf_pool *p)
{
	struct crf_worker *w = crf_new(struct crf_worker);

	w->pool = p;
	crf_list_init(&w->rest);
	crf_bell_init(&w->bell);
	crf_spare_init(&w->spare);
	snprintf(w->name, sizeof(w->name), "crf-worker-%d", p->numbered++ % 1000);
	crf_list_append(&p->workers, &w->link);
	return w;
}

static void
free_worker(struct crf_worker *w)
{
	crf_thread_join(&w->thread);
	crf_spare_fini(&w->spare);
	crf_bell_fini(&w->bell);
	free(w->natives);
	free(w);
}

/* mu held. An error number when the system has no thread for it, else 0. */
static int
add_worker(struct crf_pool *p)
{
	struct crf_worker *w = new_worker(p);
	int problem = crf_thread_try_start(&w->thread, w->name, work, w);

	if (problem == 0) {
		p->live++;
		return 0;
	}
	crf_list_remove(&w->link);
	free_worker(w);
	return problem;
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
	crf_cond_init(&p->left);
	crf_list_init(&p->ready);
	crf_list_init(&p->workers);
	crf_list_init(&p->resting);
	crf_list_init(&p->gone);
	crf_timers_init(p);
	return p;
}

struct crf_pool *
crf_pool_new(int workers)
{
	struct crf_pool *p = new_pool();
	struct crf_scaled made;

	crf_timers_start(p);
	if ((made = crf_pool_scale(p, workers)).problem != 0)
		crf_panic("%d of %d workers cannot be started: %s; allow more threads (ulimit -u, the container's limit of pids) or "
			  "memory, or set concurrency to less",
		    workers - made.to, workers, strerror(made.problem));
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
	struct crf_task *t, *again;

	crf_lock(&p->mu);
	if ((t = crf_ready_pop(p)) != NULL)
		begin_turn(w, t, crf_now());
	crf_unlock(&p->mu);
	if (t == NULL)
		return false;
	again = crf_task_run(t, w);
	crf_lock(&p->mu);
	w->task = NULL;
	if (again != NULL)
		crf_ready_again(p, again);
	crf_unlock(&p->mu);
	return true;
}

struct crf_scaled
crf_pool_scale(struct crf_pool *p, int workers)
{
	struct crf_called called = { 0 };
	struct crf_scaled scaled = { 0 };

	crf_lock(&p->mu);
	scaled.from = p->target;
	p->target = workers < 1 ? 1 : workers;
	while (p->live < p->target && (scaled.problem = add_worker(p)) == 0)
		;
	if (scaled.problem != 0)
		p->target = p->live;
	scaled.to = p->target;
	crf_call_all(p, &called); /* to see whether they are too many */
	crf_unlock(&p->mu);
	crf_called_wake(&called);
	free_gone(p);
	return scaled;
}

void
crf_pool_free(struct crf_pool *p)
{
	struct crf_called called = { 0 };

	crf_timers_stop(p);
	crf_lock(&p->mu);
	p->target = 0;
	crf_call_all(p, &called);
	crf_called_wake(&called);
	while (p->live > 0)
		crf_cond_wait(&p->left, &p->mu);
	crf_list_move(&p->gone, &p->workers); /* the one without a thread */
	crf_unlock(&p->mu);
	free_gone(p);
	crf_cond_fini(&p->left);
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
