/* What the sides that are apps share. */
#ifndef CRF_BENCH_APP_H
#define CRF_BENCH_APP_H

#include <stdatomic.h>

#include <carafe/carafe.h>

#include "core/thread.h"

/* Both end the program when they cannot. */
void bench_app_start(carafe *app);
/* Stops it, waits and frees it. */
void bench_app_end(carafe *app);

/* Opens when it was counted down to 0. */
struct bench_latch {
	atomic_int left;
	struct crf_mutex mu;
	struct crf_cond open;
};

void bench_latch_init(struct bench_latch *l, int count);
/* Any thread. */
void bench_latch_count(struct bench_latch *l);
void bench_latch_wait(struct bench_latch *l);

#endif
