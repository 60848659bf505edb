/* What is ready, and which worker is woken for it. Waking takes no lock unless a worker rests. */
#include "work/pool_priv.h"

enum { IDLE, READY, RUNNING, WOKEN }; /* WOKEN: running, and asked to run again */

/* ------------------------------------------------------------------------------------------------ what is ready */

/* mu held. Those that were woken are queued in the order of that. */
static void
collect(struct crf_pool *p)
{
	struct crf_task *t = atomic_exchange(&p->woken, NULL);
	struct crf_list *before = p->ready.prev;

	for (; t != NULL; t = t->below)
		crf_list_append(before->next, &t->link);
}

struct crf_task *
crf_ready_pop(struct crf_pool *p)
{
	struct crf_list *first;

	collect(p);
	first = crf_list_pop(&p->ready);
	return first != NULL ? crf_container_of(first, struct crf_task, link) : NULL;
}

void
crf_ready_again(struct crf_pool *p, struct crf_task *t)
{
	collect(p);
	crf_list_append(&p->ready, &t->link);
}

/* The task is nobody else's. A worker that goes to rest says so before it looks for the last time: either it finds the task then, or
 * who has pushed it sees that it rests. */
static void
push(struct crf_pool *p, struct crf_task *t)
{
	struct crf_task *top = atomic_load_explicit(&p->woken, memory_order_relaxed);

	do
		t->below = top;
	while (!atomic_compare_exchange_weak(&p->woken, &top, t));
}

/* ------------------------------------------------------------------------------------------------ who is woken */

/* mu held. */
static void
call_last(struct crf_pool *p, struct crf_called *called)
{
	struct crf_worker *w = crf_container_of(p->resting.prev, struct crf_worker, rest);

	crf_list_remove(&w->rest);
	atomic_fetch_sub(&p->idle, 1);
	w->called = called->first;
	called->first = w;
}

void
crf_call_one(struct crf_pool *p, struct crf_called *called)
{
	if (atomic_load(&p->waking) || atomic_load(&p->idle) == 0)
		return;
	collect(p);
	if (crf_list_empty(&p->ready))
		return;
	atomic_store(&p->waking, true);
	call_last(p, called);
}

void
crf_call_all(struct crf_pool *p, struct crf_called *called)
{
	while (!crf_list_empty(&p->resting))
		call_last(p, called);
}

void
crf_called_wake(struct crf_called *called)
{
	for (struct crf_worker *w = called->first, *next; w != NULL; w = next) {
		next = w->called; /* it may be called again as soon as it is awake */
		crf_bell_ring(&w->bell);
	}
	called->first = NULL;
}

struct crf_task *
crf_rest(struct crf_worker *w)
{
	struct crf_pool *p = w->pool;
	struct crf_task *t;

	crf_list_append(&p->resting, &w->rest);
	atomic_fetch_add(&p->idle, 1);
	if ((t = crf_ready_pop(p)) != NULL) {
		crf_list_remove(&w->rest);
		atomic_fetch_sub(&p->idle, 1);
		return t;
	}
	crf_unlock(&p->mu);
	crf_bell_wait(&w->bell);
	crf_lock(&p->mu);
	atomic_store(&p->waking, false);
	return NULL;
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
crf_task_call(struct crf_pool *p, struct crf_task *t, struct crf_called *called)
{
	if (!note_wake(t))
		return;
	push(p, t);
	if (atomic_load(&p->idle) == 0 || atomic_load(&p->waking))
		return;
	crf_lock(&p->mu);
	crf_call_one(p, called);
	crf_unlock(&p->mu);
}

void
crf_task_wake(struct crf_pool *p, struct crf_task *t)
{
	struct crf_called called = { 0 };

	crf_task_call(p, t, &called);
	crf_called_wake(&called);
}

void
crf_task_signal(struct crf_pool *p, struct crf_task *t, atomic_uint *flags, unsigned bits)
{
	struct crf_called called = { 0 };

	crf_lock(&p->mu);
	atomic_fetch_or(flags, bits);
	if (note_wake(t))
		push(p, t);
	crf_call_one(p, &called);
	crf_unlock(&p->mu);
	crf_called_wake(&called);
}

bool
crf_task_is_running(const struct crf_task *t)
{
	int state = atomic_load(&t->state);

	return state == RUNNING || state == WOKEN;
}

struct crf_task *
crf_task_run(struct crf_task *t, struct crf_worker *w)
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
