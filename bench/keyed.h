/* The sides of keyed: each works through the jobs of one partition, those of one key one after the other, in a process of its
 * own. */
#ifndef CRF_BENCH_KEYED_H
#define CRF_BENCH_KEYED_H

#include <stdbool.h>

#include "bench.h"
#include "core/clock.h"

struct keyed {
	const char *brokers;
	const char *topic;
	int jobs;
	int keys;
	int in_flight; /* at most */
	int job_us;    /* how long each takes */
};

/* What a message says: the how manieth of its key it is. */
struct keyed_job {
	int32_t key;
	int64_t number;
};

void keyed_begin(const struct keyed *k);
/* A job begins, or ends; counted, and dies when it comes before its turn. True after the last. Any thread. */
struct keyed_job keyed_started(const void *key, const void *value);
bool keyed_ended(struct keyed_job job);
void keyed_end(struct bench_result *result);

void keyed_async_carafe(const struct keyed *k);
void keyed_async_keys(const struct keyed *k);
void keyed_async_peer(const struct keyed *k);
void keyed_threads_carafe(const struct keyed *k);
void keyed_threads_peer(const struct keyed *k);

#endif
