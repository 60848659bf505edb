/* librdkafka alone, as its own documentation uses it: what the peers are made of. */
#ifndef CRF_BENCH_RAW_H
#define CRF_BENCH_RAW_H

#include <carafe/carafe.h>

#include "kafka/native.h"

/* A producer with these settings, a list. Ends the program when it cannot. Owned. */
rd_kafka_t *raw_producer(const char *brokers, const carafe_kv *kafka);
/* The same; delivered is called when it is polled, with arg. */
typedef void raw_delivered_fn(rd_kafka_t *rk, const rd_kafka_message_t *m, void *arg);
rd_kafka_t *raw_producer_told(const char *brokers, const carafe_kv *kafka, raw_delivered_fn *delivered, void *arg);
/* A consumer that has subscribed to topic, in a group of its own unless kafka names one; its main queue
 * is forwarded to the consumer's. The same. */
rd_kafka_t *raw_consumer(const char *brokers, const char *topic, const carafe_kv *kafka);
/* The loop of librdkafka's own examples, with their 100 ms, until SIGTERM; then closes and frees the consumer. */
void raw_run(rd_kafka_t *rk, void (*handle)(const rd_kafka_message_t *m, void *arg), void *arg);
/* Leaves the group, too. */
void raw_consumer_free(rd_kafka_t *rk);

#endif
