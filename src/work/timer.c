/* Timers: a binary heap and one thread that sleeps until the earliest. Firing wakes the task under the timers' lock, so
 * that a timer that was reset or taken off cannot fire any more once that call returned. */
#include <stdlib.h>

#include "work/pool_priv.h"

static void
place(struct crf_pool *p, size_t at, struct crf_timer *t)
{
	p->heap[at] = t;
	t->place = at;
}

static void
sift_up(struct crf_pool *p, size_t at, struct crf_timer *t)
{
	for (; at > 1 && p->heap[at / 2]->when > t->when; at /= 2)
		place(p, at, p->heap[at / 2]);
	place(p, at, t);
}

static void
sift_down(struct crf_pool *p, size_t at, struct crf_timer *t)
{
	for (size_t child; (child = 2 * at) <= p->heap_count; at = child) {
		if (child < p->heap_count && p->heap[child + 1]->when < p->heap[child]->when)
			child++;
		if (p->heap[child]->when >= t->when)
			break;
		place(p, at, p->heap[child]);
	}
	place(p, at, t);
}

static void
take_off(struct crf_pool *p, struct crf_timer *t)
{
	size_t at = t->place;
	struct crf_timer *last = p->heap[p->heap_count--];

	t->place = 0;
	if (last == t)
		return;
	if (at > 1 && p->heap[at / 2]->when > last->when)
		sift_up(p, at, last);
	else
		sift_down(p, at, last);
}

static void
put(struct crf_pool *p, struct crf_timer *t)
{
	if (p->heap_count + 1 >= p->heap_cap) {
		p->heap_cap = p->heap_cap ? 2 * p->heap_cap : 64;
		p->heap = crf_realloc(p->heap, p->heap_cap, sizeof(struct crf_timer *));
	}
	sift_up(p, ++p->heap_count, t);
}

void
crf_timer_set(struct crf_pool *p, struct crf_timer *t, crf_ns when)
{
	crf_lock(&p->timer_mu);
	if (t->place != 0 && t->when != when)
		take_off(p, t);
	if (t->place == 0 && when != CRF_NEVER) {
		t->when = when;
		put(p, t);
		if (t->place == 1)
			crf_cond_signal(&p->timer_set);
	}
	crf_unlock(&p->timer_mu);
}

/* When the next one is due. timer_mu held. */
static crf_ns
fire(struct crf_pool *p, crf_ns now)
{
	while (p->heap_count > 0 && p->heap[1]->when <= now) {
		struct crf_timer *t = p->heap[1];

		take_off(p, t);
		crf_task_wake(p, t->task);
	}
	return p->heap_count > 0 ? p->heap[1]->when : CRF_NEVER;
}

crf_ns
crf_pool_tick(struct crf_pool *p, crf_ns now)
{
	crf_ns next;

	crf_lock(&p->timer_mu);
	next = fire(p, now);
	crf_unlock(&p->timer_mu);
	return next;
}

static void *
keep_time(void *arg)
{
	struct crf_pool *p = arg;

	crf_lock(&p->timer_mu);
	while (!p->timers_quit)
		crf_cond_wait_until(&p->timer_set, &p->timer_mu, fire(p, crf_now()));
	crf_unlock(&p->timer_mu);
	return NULL;
}

void
crf_timers_init(struct crf_pool *p)
{
	crf_mutex_init(&p->timer_mu);
	crf_cond_init(&p->timer_set);
}

void
crf_timers_start(struct crf_pool *p)
{
	crf_thread_start(&p->timer_thread, "crf-timer", keep_time, p);
}

void
crf_timers_stop(struct crf_pool *p)
{
	crf_lock(&p->timer_mu);
	p->timers_quit = true;
	crf_cond_signal(&p->timer_set);
	crf_unlock(&p->timer_mu);
	crf_thread_join(&p->timer_thread);
	crf_cond_fini(&p->timer_set);
	crf_mutex_fini(&p->timer_mu);
	free(p->heap);
}
