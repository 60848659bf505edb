/* The inside of a producer, for this room only. */
#ifndef CRF_PRODUCER_PRODUCER_PRIV_H
#define CRF_PRODUCER_PRODUCER_PRIV_H

#include "core/list.h"
#include "core/map.h"
#include "core/thin.h"
#include "kafka/native.h"
#include "producer/producer.h"

typedef int32_t (*crf_partitioner_fn)(
    const rd_kafka_topic_t *topic, const void *key, size_t key_len, int32_t count, void *topic_opaque, void *opaque);

struct crf_producer {
	struct crf_native_opaque opaque; /* first; const after new */
	struct crf_kvs kafka; /* const after new */
	rd_kafka_t *rk; /* written by the thread under mu, while nothing is flying: whoever has a flight may use it */
	rd_kafka_queue_t *queue; /* likewise; what rd_kafka_poll serves, to wake it */
	struct crf_bus *bus;
	struct crf_thread thread;
	struct crf_thin errors; /* the thread's */
	bool failed;            /* the thread's: rk has, for good */
	crf_ns renewed;         /* the thread's: when that was last tried; 0: never */
	crf_partitioner_fn by_key; /* const after new: the configured one */
	atomic_bool stop;
	struct crf_mutex mu;
	struct crf_cond progress; /* a record came to its end */
	struct crf_list flying;   /* mu: struct crf_flight, oldest first */
	bool renewing;            /* mu: nothing may fly */
	uint64_t accepted;        /* mu */
	uint64_t finished;        /* mu */
	struct crf_map topics;    /* mu, which is held while librdkafka makes one: name -> rd_kafka_topic_t */
};

/* A record on its way: the message opaque. */
struct crf_flight {
	struct crf_list link; /* mu */
	uint64_t number;
	crf_delivered_fn done;
	void *arg;
	int32_t spread;
};

/* One partitioner for all topics: spreads the records that ask for it, leaves the others to the configured one. */
int32_t crf_producer_partition(
    const rd_kafka_topic_t *topic, const void *key, size_t key_len, int32_t count, void *topic_opaque, void *opaque);
/* The record has come to its end: frees it. Any thread. */
void crf_flight_land(struct crf_producer *p, struct crf_flight *f);

#endif
