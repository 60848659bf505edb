/* The two sides of latency: both consume the same messages at the same time, in the process that sends them, so that one clock
 * stamps and reads, and what holds up the cluster holds up both. */
#ifndef CRF_BENCH_LATENCY_H
#define CRF_BENCH_LATENCY_H

#include <stdbool.h>

#include <carafe/carafe.h>

#include "bench.h"
#include "raw.h"

enum latency_side { LATENCY_CARAFE, LATENCY_PEER, LATENCY_SIDES };

struct latency {
	const char *brokers;
	const char *topic;
	int partitions;
	int rate;      /* messages per second, thousands of them: so many each millisecond */
	int linger_ms;
	int messages;
};

/* Sends the messages on a thread of its own once both sides are connected, each stamped with the time that was its turn:
 * a sender that is held up makes the messages behind it late, too. */
void latency_begin(const struct latency *l);
/* A message has arrived. False when it was the side's last. Any thread. */
bool latency_arrived(enum latency_side side, const void *value, size_t len);
/* After the last: percentiles in us, p50 and p99 of a side after those of the other. */
void latency_end(struct bench_result *result);

carafe *latency_carafe_new(const struct latency *l);
/* Until it has had all. */
void latency_carafe_run(carafe *app);
rd_kafka_t *latency_peer_new(const struct latency *l);
void latency_peer_run(rd_kafka_t *rk);

#endif
