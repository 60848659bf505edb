/* A partition's own queue. librdkafka forwards it to the consumer's queue when the partition is assigned, unless the
 * application has ever set its forwarding: that is remembered for the partition, not for the assignment, so it is set
 * again each time (a partition that is assigned twice would otherwise deliver to nobody). */
#include "kafka/mailbox.h"

#include <stdlib.h>

#include "core/mem.h"
#include "kafka/client_priv.h"

struct crf_mailbox {
	rd_kafka_queue_t *queue;
	void (*wake)(void *arg);
	void *arg;
};

static void
on_message(rd_kafka_t *rk, void *opaque)
{
	struct crf_mailbox *m = opaque;

	(void)rk;
	m->wake(m->arg);
}

/* What is there before the partition is assigned is left from an earlier assignment. It is not taken as messages are: librdkafka
 * would believe the application to be behind it. */
static void
discard(struct crf_mailbox *m)
{
	rd_kafka_event_t *ev;

	while ((ev = rd_kafka_queue_poll(m->queue, 0)) != NULL)
		rd_kafka_event_destroy(ev);
}

struct crf_mailbox *
crf_mailbox_open(struct crf_client *c, const char *topic, int32_t partition, void (*wake)(void *arg), void *arg)
{
	struct crf_mailbox *m = crf_new(struct crf_mailbox);

	m->queue = rd_kafka_queue_get_partition(c->rk, topic, partition);
	m->wake = wake;
	m->arg = arg;
	rd_kafka_queue_forward(m->queue, NULL);
	/* The callback first: it is called when the queue goes from empty to not empty, so a leftover found after it was
	 * set cannot hide a message that comes in between. */
	rd_kafka_queue_cb_event_enable(m->queue, on_message, m);
	discard(m);
	return m;
}

size_t
crf_mailbox_take(struct crf_mailbox *m, void **natives, size_t max)
{
	ssize_t n = rd_kafka_consume_batch_queue(m->queue, 0, (rd_kafka_message_t **)natives, max);

	return n > 0 ? (size_t)n : 0;
}

void
crf_mailbox_close(struct crf_mailbox *m)
{
	if (m == NULL)
		return;
	rd_kafka_queue_cb_event_enable(m->queue, NULL, NULL); /* takes the lock that the callback is called with */
	rd_kafka_queue_destroy(m->queue);
	free(m);
}
