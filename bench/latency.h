/* The two sides of latency: each consumes what its own process sends, so that one clock stamps and reads. */
#ifndef CRF_BENCH_LATENCY_H
#define CRF_BENCH_LATENCY_H

#include <stdbool.h>

#include "bench.h"

struct latency {
	const char *brokers;
	const char *topic;
	int partitions;
	int rate;      /* messages per second, thousands of them: so many each millisecond */
	int linger_ms;
	int messages;
};

/* Sends the messages on a thread of its own once both ends are connected, each stamped with the time that was its turn:
 * a sender that is held up makes the messages behind it late, too. */
void latency_begin(const struct latency *l);
/* A message has arrived. False when it was the last. Any thread. */
bool latency_arrived(const void *value, size_t len);
/* After the last: percentiles in us, as value[0] (p50) and value[1] (p99). */
void latency_end(struct bench_result *result);

void latency_peer(const struct latency *l);
void latency_carafe(const struct latency *l);

#endif
