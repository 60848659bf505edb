/* A timer wheel for many jobs that end soon: who takes 5 ms, without a thread each. Not for several threads at once. */
#ifndef CRF_BENCH_WHEEL_H
#define CRF_BENCH_WHEEL_H

#include <stdbool.h>

#include "core/clock.h"

#define WHEEL_TICK (CRF_MS / 10)
#define WHEEL_SLOTS 1024 /* jobs may take so many ticks, less one */

/* The first member of whatever ends. */
struct wheel_job {
	struct wheel_job *next;
};

struct wheel {
	int64_t tick; /* that was looked at last */
	struct wheel_job *first[WHEEL_SLOTS], **last[WHEEL_SLOTS];
};

void wheel_init(struct wheel *w, crf_ns now);
void wheel_add(struct wheel *w, struct wheel_job *job, crf_ns when);
/* Those that have ended, in order. */
struct wheel_job *wheel_ended(struct wheel *w, crf_ns now);
/* Until the next tick; the thread's timer slack is taken off. */
void wheel_sleep(void);

#endif
