#include "core/thread.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "core/mem.h"

/* Every one of these calls can only fail through a bug, or for lack of memory. */
#define must(call) check((call), #call)

static void
check(int errnum, const char *call)
{
	if (errnum != 0)
		crf_panic("%s: error %d", call, errnum);
}

void
crf_mutex_init(struct crf_mutex *mu)
{
	must(pthread_mutex_init(&mu->m, NULL));
}

void
crf_mutex_fini(struct crf_mutex *mu)
{
	must(pthread_mutex_destroy(&mu->m));
}

void
crf_lock(struct crf_mutex *mu)
{
	must(pthread_mutex_lock(&mu->m));
}

void
crf_unlock(struct crf_mutex *mu)
{
	must(pthread_mutex_unlock(&mu->m));
}

void
crf_cond_init(struct crf_cond *c)
{
	pthread_condattr_t attr;

	must(pthread_condattr_init(&attr));
	must(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC));
	must(pthread_cond_init(&c->c, &attr));
	must(pthread_condattr_destroy(&attr));
}

void
crf_cond_fini(struct crf_cond *c)
{
	must(pthread_cond_destroy(&c->c));
}

void
crf_cond_signal(struct crf_cond *c)
{
	must(pthread_cond_signal(&c->c));
}

void
crf_cond_broadcast(struct crf_cond *c)
{
	must(pthread_cond_broadcast(&c->c));
}

void
crf_cond_wait(struct crf_cond *c, struct crf_mutex *mu)
{
	must(pthread_cond_wait(&c->c, &mu->m));
}

bool
crf_cond_wait_until(struct crf_cond *c, struct crf_mutex *mu, crf_ns until)
{
	struct timespec ts;
	int rc;

	if (until == CRF_NEVER) {
		crf_cond_wait(c, mu);
		return true;
	}
	if (until < 0)
		until = 0;
	ts.tv_sec = (time_t)(until / CRF_SECOND);
	ts.tv_nsec = (long)(until % CRF_SECOND);
	rc = pthread_cond_timedwait(&c->c, &mu->m, &ts);
	if (rc != ETIMEDOUT)
		check(rc, "pthread_cond_timedwait");
	return rc == 0;
}

void
crf_bell_init(struct crf_bell *b)
{
	if (sem_init(&b->s, 0, 0) != 0)
		check(errno, "sem_init");
}

void
crf_bell_fini(struct crf_bell *b)
{
	sem_destroy(&b->s);
}

void
crf_bell_ring(struct crf_bell *b)
{
	if (sem_post(&b->s) != 0)
		check(errno, "sem_post");
}

void
crf_bell_wait(struct crf_bell *b)
{
	while (sem_wait(&b->s) != 0)
		if (errno != EINTR)
			check(errno, "sem_wait");
}

/* A fault's signal that is blocked would kill the process without its handler (a sanitizer's, a crash reporter's) ever
 * running; SIGPROF is how profilers sample. A child process inherits this, and a shell that cannot hear SIGCHLD waits for ever. */
static void
fill_blocked(sigset_t *set)
{
	static const int open[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT, SIGPROF, SIGCHLD,
		CRF_DUMP_SIGNAL };

	sigfillset(set);
	for (size_t i = 0; i < crf_array_len(open); i++)
		sigdelset(set, open[i]);
}

static void
set_name(pthread_t t, const char *name)
{
#ifdef __linux__
	char cut[16]; /* the kernel refuses longer ones */

	snprintf(cut, sizeof(cut), "%.15s", name);
	pthread_setname_np(t, cut);
#else
	(void)t;
	(void)name;
#endif
}

int
crf_thread_try_start(struct crf_thread *t, const char *name, void *(*fn)(void *), void *arg)
{
	sigset_t blocked, before;
	int problem;

	fill_blocked(&blocked);
	must(pthread_sigmask(SIG_SETMASK, &blocked, &before));
	problem = pthread_create(&t->t, NULL, fn, arg);
	must(pthread_sigmask(SIG_SETMASK, &before, NULL));
	if (problem != 0)
		return problem;
	t->started = true;
	set_name(t->t, name);
	return 0;
}

void
crf_thread_start(struct crf_thread *t, const char *name, void *(*fn)(void *), void *arg)
{
	int problem = crf_thread_try_start(t, name, fn, arg);

	if (problem != 0)
		crf_panic("the thread %s cannot be started: %s; allow more threads (ulimit -u, the container's limit of pids) or memory",
		    name, strerror(problem));
}

void
crf_thread_join(struct crf_thread *t)
{
	if (!t->started)
		return;
	must(pthread_join(t->t, NULL));
	t->started = false;
}

void
crf_thread_detach(struct crf_thread *t)
{
	if (!t->started)
		return;
	must(pthread_detach(t->t));
	t->started = false;
}
