/* What pool.c and timer.c share. */
#ifndef CRF_WORK_POOL_PRIV_H
#define CRF_WORK_POOL_PRIV_H

#include "work/pool.h"

struct crf_pool {
	struct crf_mutex mu;
	struct crf_cond work;
	struct crf_cond left; /* a worker has gone */
	struct crf_list ready;   /* mu: tasks */
	struct crf_list workers; /* mu */
	struct crf_list gone;    /* mu: workers that ended, to be joined */
	int live;                /* mu: workers with a thread */
	int target;              /* mu: how many there should be */
	_Atomic(struct crf_task *) woken; /* the last first: any thread puts them there, who has mu queues them */
	atomic_int idle;         /* mu to write: workers that wait for work */
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

void crf_timers_init(struct crf_pool *p);
void crf_timers_start(struct crf_pool *p);
void crf_timers_stop(struct crf_pool *p);

#endif
