/* The two sides of drain: each consumes a topic to the last message in a process of its own. */
#ifndef CRF_BENCH_DRAIN_H
#define CRF_BENCH_DRAIN_H

#include <carafe/carafe.h>

#include "bench.h"

#define DRAIN_BATCH_MAX 1000

struct drain {
	const char *brokers;
	const char *topic;
	int64_t per_partition;
	int partitions;
	int workers;            /* carafe */
	int batch;              /* most messages at once */
	bool one_by_one;        /* the message handler; rd_kafka_consumer_poll */
	const carafe_kv *kafka; /* settings of librdkafka beside its defaults */
};

void drain_peer(const struct drain *d, struct bench_result *result);
void drain_carafe(const struct drain *d, struct bench_result *result);

#endif
