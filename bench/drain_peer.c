/* librdkafka alone, as its own documentation and examples use it: one thread, everything else at rest, offsets stored by
 * librdkafka itself, which is the cheapest way there is (once per partition and batch). */
#include "core/clock.h"
#include "drain.h"
#include "raw.h"

static int64_t
take(rd_kafka_message_t **messages, ssize_t n)
{
	int64_t count = 0;

	for (ssize_t i = 0; i < n; i++) {
		count += messages[i]->err == 0;
		rd_kafka_message_destroy(messages[i]);
	}
	return count;
}

/* A batch call returns when it is full or its time is over, so one that may not wait is followed, when there is nothing,
 * by a wait for a single message. */
__attribute__((noinline)) static int64_t
next_batch(rd_kafka_t *rk, rd_kafka_queue_t *queue, int batch)
{
	rd_kafka_message_t *messages[DRAIN_BATCH_MAX];
	ssize_t n = rd_kafka_consume_batch_queue(queue, 0, messages, (size_t)batch);

	(void)rk;
	if (n == 0 && (messages[0] = rd_kafka_consume_queue(queue, 100)) != NULL)
		n = 1;
	return take(messages, n);
}

__attribute__((noinline)) static int64_t
next_message(rd_kafka_t *rk, rd_kafka_queue_t *queue, int batch)
{
	rd_kafka_message_t *message = rd_kafka_consumer_poll(rk, 100);

	(void)queue, (void)batch;
	return message != NULL ? take(&message, 1) : 0;
}

void
drain_peer(const struct drain *d, struct bench_result *result)
{
	int64_t (*next)(rd_kafka_t *, rd_kafka_queue_t *, int) = d->one_by_one ? next_message : next_batch;
	rd_kafka_t *rk = raw_consumer(d->brokers, d->topic, d->kafka);
	rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(rk);
	int64_t wanted = d->per_partition * d->partitions, count = 0;
	int64_t cpu;
	crf_ns start;

	while ((count = next(rk, queue, d->batch)) == 0)
		;
	start = crf_now();
	cpu = bench_cpu_ns();
	while (count < wanted)
		count += next(rk, queue, d->batch);
	result->messages = count;
	result->seconds = (double)(crf_now() - start) / 1e9;
	result->cpu = (double)(bench_cpu_ns() - cpu) / 1e9;
	rd_kafka_queue_destroy(queue);
	raw_consumer_free(rk);
}
