#include "apps/chaos_later.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct item {
	struct item *next;
	carafe_deferred *deferred;
	carafe_rc rc;
	struct timespec due;
	char line[LATER_LINE];
};

static pthread_mutex_t mu = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed;
static struct item *first; /* mu; what is due first comes first */

static bool
is_before(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec != b->tv_sec ? a->tv_sec < b->tv_sec : a->tv_nsec < b->tv_nsec;
}

static void
complete(struct item *i)
{
	later_append(i->line);
	(void)carafe_complete(i->deferred, i->rc, i->rc == CARAFE_OK ? NULL : "it failed later");
	free(i);
}

static void *
serve(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&mu);
	for (;;) {
		struct item *i = first;
		struct timespec now;

		clock_gettime(CLOCK_MONOTONIC, &now);
		if (i == NULL) {
			pthread_cond_wait(&changed, &mu);
		} else if (is_before(&now, &i->due)) {
			pthread_cond_timedwait(&changed, &mu, &i->due);
		} else {
			first = i->next;
			pthread_mutex_unlock(&mu);
			complete(i);
			pthread_mutex_lock(&mu);
		}
	}
	return NULL;
}

/* Signals are for whoever waits for them. */
void
later_thread(void *(*fn)(void *arg), void *arg)
{
	pthread_t thread;
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pthread_create(&thread, NULL, fn, arg);
	pthread_detach(thread);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void
later_start(void)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&changed, &attr);
	later_thread(serve, NULL);
}

static void
insert(struct item *i)
{
	struct item **at = &first;

	while (*at != NULL && !is_before(&i->due, &(*at)->due))
		at = &(*at)->next;
	i->next = *at;
	*at = i;
}

void
later(carafe_deferred *d, carafe_rc rc, const char *line, int ms)
{
	struct item *i = calloc(1, sizeof(*i));

	i->deferred = d;
	i->rc = rc;
	strcpy(i->line, line);
	clock_gettime(CLOCK_MONOTONIC, &i->due);
	i->due.tv_nsec += ms % 1000 * 1000000L;
	i->due.tv_sec += ms / 1000 + i->due.tv_nsec / 1000000000L;
	i->due.tv_nsec %= 1000000000L;
	if (ms == 0) {
		complete(i);
		return;
	}
	pthread_mutex_lock(&mu);
	insert(i);
	pthread_cond_signal(&changed);
	pthread_mutex_unlock(&mu);
}
