/* The worker pool: threads that run tasks, and the timer that wakes them.
 *
 * A task is something that can take a turn. Waking it asks for one more turn; however often it is woken meanwhile, it is
 * queued once and runs on one worker at a time, so a task's own state needs no lock. A wake that comes while it runs is
 * not lost: it runs again. Turns are taken first come, first served. */
#ifndef CRF_WORK_POOL_H
#define CRF_WORK_POOL_H

#include <stdatomic.h>

#include "core/list.h"
#include "core/thread.h"

struct crf_pool;
struct crf_worker;
struct crf_task;

enum crf_turn {
	CRF_TURN_IDLE,  /* until woken */
	CRF_TURN_AGAIN, /* there is more: queue it behind the others */
	CRF_TURN_GONE   /* the task is no more: do not touch it */
};

struct crf_task {
	struct crf_list link;   /* pool.mu */
	struct crf_task *below; /* among those that were woken */
	atomic_int state;
	enum crf_turn (*run)(struct crf_task *task, struct crf_worker *w);
};

/* What a worker lends to turns. Worker. */
struct carafe_batch *crf_worker_batch(struct crf_worker *w, size_t cap); /* empty, with room for cap */
void crf_worker_keep(struct crf_worker *w, struct carafe_batch *b);      /* back for the next one */
void **crf_worker_natives(struct crf_worker *w, size_t cap);             /* scratch */
crf_ns crf_worker_began(const struct crf_worker *w);                     /* when the turn began */

/* Aborts when the system has no threads for them. */
struct crf_pool *crf_pool_new(int workers);
struct crf_scaled {
	int from, to; /* how many workers there should have been, and should be */
	int problem;  /* an error number: the system has no thread for one more; 0 */
};
/* Not by hand. Any thread. Up at once, as far as there are threads; down as turns end; below 1 counts as 1. */
struct crf_scaled crf_pool_scale(struct crf_pool *p, int workers);
/* Every task has gone or is idle for good: ends and joins the workers. */
void crf_pool_free(struct crf_pool *p);

/* A pool without threads, for a harness that takes the turns itself and says what time it is. */
struct crf_pool *crf_pool_new_by_hand(void);
/* By hand: the turn of the task that is ready first; false when there is none. */
bool crf_pool_step(struct crf_pool *p);
/* By hand: wakes the tasks whose timers are due; returns when the next one is, CRF_NEVER without any. */
crf_ns crf_pool_tick(struct crf_pool *p, crf_ns now);

void crf_task_init(struct crf_task *t, enum crf_turn (*run)(struct crf_task *task, struct crf_worker *w));
/* Any thread that knows the task to be there until this returns, also with librdkafka's queue lock held. */
void crf_task_wake(struct crf_pool *p, struct crf_task *t);

/* Workers that are called, and yet to be woken: by who called them, once it has given back the lock that they would wait for. They
 * are there until then, and the pool. { 0 }: none. */
struct crf_called {
	struct crf_worker *first;
};

/* crf_task_wake in two steps. */
void crf_task_call(struct crf_pool *p, struct crf_task *t, struct crf_called *called);
void crf_called_wake(struct crf_called *called);

/* A turn of it runs now. Any thread that knows the task to be there. */
bool crf_task_is_running(const struct crf_task *t);
/* Sets bits in flags and wakes, for news upon which the task may go: nothing of it is touched after a turn could have
 * seen them and called crf_task_leave. Any thread. */
void crf_task_signal(struct crf_pool *p, struct crf_task *t, atomic_uint *flags, unsigned bits);
/* In the last turn, before the task's memory goes: whoever signalled it or looks at running turns is done with it. */
void crf_task_leave(struct crf_pool *p, struct crf_task *t);

/* Calls fn for each turn that is running now: the task and since when. fn runs with the pool's lock held. */
void crf_pool_running(struct crf_pool *p, void (*fn)(struct crf_task *t, crf_ns since, const char *worker, void *arg), void *arg);

/* A timer wakes one task at one time. */
struct crf_timer {
	struct crf_task *task;
	crf_ns when;  /* pool's timer lock */
	size_t place; /* in the heap, from 1; 0: not set */
};

/* (Re)sets it; CRF_NEVER takes it off. After that returned an earlier setting no longer fires. Any thread. */
void crf_timer_set(struct crf_pool *p, struct crf_timer *t, crf_ns when);

#endif
