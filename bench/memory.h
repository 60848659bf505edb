/* The two sides of memory: each consumes the one message of each partition and then stays idle for a while. */
#ifndef CRF_BENCH_MEMORY_H
#define CRF_BENCH_MEMORY_H

#include "bench.h"

struct memory {
	const char *brokers;
	const char *topic;
	int partitions;
	int settle; /* seconds */
};

/* What the process uses, in bytes, as value[0] (resident) and value[1] (allocated). */
void memory_look(struct bench_result *result);

void memory_peer(const struct memory *m, struct bench_result *result);
void memory_carafe(const struct memory *m, struct bench_result *result);

#endif
