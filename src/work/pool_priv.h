/* What pool.c, ready.c and timer.c share. */
#ifndef CRF_WORK_POOL_PRIV_H
#define CRF_WORK_POOL_PRIV_H

#include "work/pool.h"
#include "work/spare.h"

struct crf_pool {
	struct crf_mutex mu;
	struct crf_cond left; /* a worker has gone */
	struct crf_list ready;   /* mu: tasks */
	struct crf_list workers; /* mu */
	struct crf_list resting; /* mu: workers that wait for work, by their rest; the last one's memory is the warmest */
	struct crf_list gone;    /* mu: workers that ended, to be joined */
	int live;                /* mu: workers with a thread */
	int target;              /* mu: how many there should be */
	_Atomic(struct crf_task *) woken; /* the last first: any thread puts them there, who has mu queues them */
	atomic_int idle;         /* mu to write: how many are resting */
	atomic_bool waking;      /* mu to write: one of them has been woken and has not looked yet */
	int numbered;            /* mu */
	struct crf_worker *by_hand; /* const after new: the one without a thread; NULL */

	struct crf_mutex timer_mu; /* before mu */
	struct crf_cond timer_set;
	struct crf_timer **heap; /* timer_mu: from index 1, earliest first */
	size_t heap_count;
	size_t heap_cap;
	bool timers_quit; /* timer_mu */
	struct crf_thread timer_thread;
};

struct crf_worker {
	struct crf_list link; /* pool.mu */
	struct crf_list rest; /* pool.mu: among those that wait for work */
	struct crf_bell bell;      /* rung by who called it */
	struct crf_worker *called; /* the next of those; who called it */
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

/* pool.mu held. The task that is ready first; NULL. */
struct crf_task *crf_ready_pop(struct crf_pool *p);
/* pool.mu held. Behind those that were woken before. */
void crf_ready_again(struct crf_pool *p, struct crf_task *t);
/* pool.mu held, and given back meanwhile: until the worker is woken. What came while it was about to rest; else NULL. */
struct crf_task *crf_rest(struct crf_worker *w);
/* pool.mu held. Calls the worker that is to be woken for what is ready: none when one is on its way, that one calls the next when
 * there is more, so many small tasks at once do not get everybody out of bed for one each. */
void crf_call_one(struct crf_pool *p, struct crf_called *called);
/* pool.mu held. All that rest. */
void crf_call_all(struct crf_pool *p, struct crf_called *called);
/* A turn. The task when it must be queued again, else NULL. */
struct crf_task *crf_task_run(struct crf_task *t, struct crf_worker *w);

void crf_timers_init(struct crf_pool *p);
void crf_timers_start(struct crf_pool *p);
void crf_timers_stop(struct crf_pool *p);

#endif
