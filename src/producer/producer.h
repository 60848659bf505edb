/* The producer that carafe itself writes with: dead letters, seeds. One librdkafka producer and one thread that serves
 * delivery reports. */
#ifndef CRF_PRODUCER_PRODUCER_H
#define CRF_PRODUCER_PRODUCER_H

#include <carafe/carafe.h>

#include "bus/bus.h"
#include "core/kv.h"

struct crf_producer;

struct crf_header {
	const char *name;
	carafe_bytes value;
};

struct crf_record {
	const char *topic;
	carafe_bytes key;
	carafe_bytes value;
	int32_t partition;      /* CRF_ANY_PARTITION: chosen by spread, else by the partitioner from the key */
	int32_t spread;         /* >= 0: partition spread modulo the target's count */
	const carafe_message *headers_of; /* copies that message's headers first; NULL: none */
	const struct crf_header *headers; /* then these */
	size_t header_count;
	int64_t timestamp; /* ms; 0: now */
};

#define CRF_ANY_PARTITION (-1)

struct crf_delivery {
	int error; /* 0: acknowledged */
	const char *text;
	int32_t partition;
	int64_t offset;
};

/* On the producer's thread, exactly once for each record that crf_produce accepted; short. */
typedef void (*crf_delivered_fn)(const struct crf_delivery *d, void *arg);

/* kafka: the app's list; what only consumers know is left out, defaults filled in (message.timeout.ms 150000, nagle off,
 * allow.auto.create.topics as told by the list). Starts the thread, which makes the client anew when that has failed for good: an
 * idempotent one's does. */
carafe_rc crf_producer_new(struct crf_producer **p, const struct crf_kvs *kafka, struct crf_bus *bus, carafe_error *err);
/* Why brokers say that the topic cannot be written to: 0 when it can. Asks them for up to timeout_ms. */
int crf_producer_topic_error(struct crf_producer *p, const char *topic, int timeout_ms);
/* Copies the record and sends it in the background. done may be NULL. CARAFE_TIMEOUT when librdkafka's queue stayed full
 * for wait_ms (0: do not wait), CARAFE_UNAVAILABLE while the client is made anew. Any thread. */
carafe_rc crf_produce(struct crf_producer *p, const struct crf_record *r, crf_delivered_fn done, void *arg, int wait_ms, carafe_error *err);
/* Waits until everything accepted so far was delivered or failed; CARAFE_TIMEOUT otherwise. Any thread. */
carafe_rc crf_producer_flush(struct crf_producer *p, int timeout_ms, carafe_error *err);
/* Flushes for up to timeout_ms, then lets the rest fail (done is called for it), and frees. */
void crf_producer_free(struct crf_producer *p, int timeout_ms);

#endif
