#include "wheel.h"

#include <sys/prctl.h>

void
wheel_init(struct wheel *w, crf_ns now)
{
	w->tick = now / WHEEL_TICK;
	for (int i = 0; i < WHEEL_SLOTS; i++) {
		w->first[i] = NULL;
		w->last[i] = &w->first[i];
	}
}

void
wheel_add(struct wheel *w, struct wheel_job *job, crf_ns when)
{
	int64_t tick = when / WHEEL_TICK + 1; /* not before it is due */
	int slot;

	if (tick <= w->tick)
		tick = w->tick + 1;
	slot = (int)(tick % WHEEL_SLOTS);
	job->next = NULL;
	*w->last[slot] = job;
	w->last[slot] = &job->next;
}

struct wheel_job *
wheel_ended(struct wheel *w, crf_ns now)
{
	struct wheel_job *ended = NULL, **end = &ended;
	int64_t until = now / WHEEL_TICK;

	for (; w->tick < until; w->tick++) {
		int slot = (int)((w->tick + 1) % WHEEL_SLOTS);

		if (w->first[slot] == NULL)
			continue;
		*end = w->first[slot];
		end = w->last[slot];
		w->first[slot] = NULL;
		w->last[slot] = &w->first[slot];
	}
	return ended;
}

void
wheel_sleep(void)
{
	static _Thread_local bool exact;
	crf_ns next = (crf_now() / WHEEL_TICK + 1) * WHEEL_TICK;
	struct timespec ts = { .tv_sec = next / CRF_SECOND, .tv_nsec = next % CRF_SECOND };

	if (!exact)
		exact = prctl(PR_SET_TIMERSLACK, 1) == 0;
	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
}
