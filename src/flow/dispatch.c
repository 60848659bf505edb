/* Sending a message elsewhere. It counts as done only when the other topic has it: the strand waits for the
 * acknowledgement and nothing else of the lane goes on, so order is kept from partition to partition. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "flow/consumer.h"
#include "kafka/kafka.h"

static void
report_failure(struct carafe_consumer *c, int code, const char *text)
{
	CRF_EMIT(c->flow->bus, CARAFE_EV_DLQ_FAILED, CRF_WHERE(c), CRF_INT(OFFSET, c->dispatch.offset),
	    CRF_STR(TARGET, c->dispatch.to), CRF_STR(KAFKA, crf_kafka_error_name(code)), CRF_INT(KAFKA_CODE, code),
	    CRF_STR(TEXT, text), CRF_STR(HINT, crf_kafka_error_hint(code)));
}

/* On the producer's thread. */
static void
delivered(const struct crf_delivery *d, void *arg)
{
	struct carafe_consumer *c = arg;

	c->dispatch.outcome = *d;
	snprintf(c->dispatch.text, sizeof(c->dispatch.text), "%s", d->text != NULL ? d->text : "");
	crf_lane_arrived(&c->lane);
}

#define ORIGIN_HEADERS 6

/* Numbers as text, so that every tool can read them. */
static void
origin_headers(const struct carafe_consumer *c, const carafe_message *m, char numbers[3][24],
    struct crf_header headers[ORIGIN_HEADERS])
{
	const char *names[ORIGIN_HEADERS] = { "source_topic", "source_partition", "source_offset", "source_consumer_group",
		"source_attempts", "source_error" };
	const char *values[ORIGIN_HEADERS] = { m->topic, numbers[0], numbers[1], c->topic->connection->group, numbers[2],
		c->why };

	snprintf(numbers[0], 24, "%" PRId32, m->partition);
	snprintf(numbers[1], 24, "%" PRId64, m->offset);
	snprintf(numbers[2], 24, "%d", c->lane.strand.attempt);
	for (int i = 0; i < ORIGIN_HEADERS; i++)
		headers[i] = (struct crf_header){ names[i], { values[i], strlen(values[i]) } };
}

bool
crf_dispatch_start(struct carafe_consumer *c, const char *to, bool marks)
{
	struct crf_strand *s = &c->lane.strand;
	const carafe_message *m = &s->batch->messages[s->batch->head];
	struct crf_header headers[ORIGIN_HEADERS];
	char numbers[3][24];
	carafe_error err = { 0 };
	struct crf_record record = {
		.topic = to,
		.key = m->key,
		.value = m->value,
		.partition = CRF_ANY_PARTITION,
		.spread = m->partition,
		.headers_of = m,
		.headers = headers,
		.header_count = ORIGIN_HEADERS,
	};

	origin_headers(c, m, numbers, headers);
	c->dispatch = (struct crf_dispatch){
		.to = to,
		.offset = m->offset,
		.leader_epoch = carafe_message_leader_epoch(m),
		.attempt = s->attempt,
		.marks = marks,
	};
	s->awaiting = true; /* before the other thread can say that it has arrived */
	if (crf_produce(c->flow->producer, &record, delivered, c, 0, &err) == CARAFE_OK)
		return true;
	s->awaiting = false;
	report_failure(c, err.kafka, err.text);
	return false;
}

bool
crf_dispatch_finish(struct carafe_consumer *c)
{
	const struct crf_dispatch *d = &c->dispatch;

	if (d->outcome.error != 0) {
		report_failure(c, d->outcome.error, d->text);
		return false;
	}
	CRF_EMIT(c->flow->bus, CARAFE_EV_DLQ_DISPATCHED, CRF_WHERE(c), CRF_INT(OFFSET, d->offset),
	    CRF_INT(ATTEMPT, d->attempt), CRF_STR(TARGET, d->to), CRF_INT(TARGET_PARTITION, d->outcome.partition),
	    CRF_INT(TARGET_OFFSET, d->outcome.offset));
	return true;
}
