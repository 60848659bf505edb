/* Threads, mutexes, conditions: pthreads that cannot fail quietly, on the monotonic clock. */
#ifndef CRF_CORE_THREAD_H
#define CRF_CORE_THREAD_H

#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdbool.h>

#include "core/clock.h"

/* Lock order, outermost first; never call user code or librdkafka holding one, but for what is said beside it.
 *   engine.mu  >  app.mu  >  connection.mu  >  window.mu (flow/defer.c; after flow.mu)  >  spread.mu (work/spread_priv.h; likewise)  >
 *   epoch.mu (librdkafka may be called)  >  timer_mu  >  pool.mu  >  bus.mu */
struct crf_mutex {
	pthread_mutex_t m;
};
struct crf_cond {
	pthread_cond_t c;
};
struct crf_bell {
	sem_t s;
};
struct crf_thread {
	pthread_t t;
	bool started;
};

void crf_mutex_init(struct crf_mutex *mu);
void crf_mutex_fini(struct crf_mutex *mu);
void crf_lock(struct crf_mutex *mu);
void crf_unlock(struct crf_mutex *mu);

void crf_cond_init(struct crf_cond *c);
void crf_cond_fini(struct crf_cond *c);
void crf_cond_signal(struct crf_cond *c);
void crf_cond_broadcast(struct crf_cond *c);
void crf_cond_wait(struct crf_cond *c, struct crf_mutex *mu);
/* False when until (monotonic; CRF_NEVER waits without limit) has passed. */
bool crf_cond_wait_until(struct crf_cond *c, struct crf_mutex *mu, crf_ns until);

/* For one thread that waits: returns once for each ring, also for one that came before. Nothing is touched by who rings once the
 * other may have returned. */
void crf_bell_init(struct crf_bell *b);
void crf_bell_fini(struct crf_bell *b);
void crf_bell_ring(struct crf_bell *b);
void crf_bell_wait(struct crf_bell *b);

/* What a thread of carafe can be asked for its stack with; ignored by default. */
#define CRF_DUMP_SIGNAL SIGURG

/* Starts fn(arg) with every signal blocked, so that signals go to threads that want them; only those that a fault of the
 * thread itself raises, and CRF_DUMP_SIGNAL, are let through. The name shows in debuggers, cut to 15 characters. Aborts
 * when the system has no more threads: there is no half-started app. */
void crf_thread_start(struct crf_thread *t, const char *name, void *(*fn)(void *), void *arg);
/* The same, but returns an error number when there are no more; 0: it runs. */
int crf_thread_try_start(struct crf_thread *t, const char *name, void *(*fn)(void *), void *arg);
/* Waits for the thread's end; nothing when it was never started. */
void crf_thread_join(struct crf_thread *t);
/* Leaves a thread that hangs to itself. */
void crf_thread_detach(struct crf_thread *t);

#endif
