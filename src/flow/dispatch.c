/* Sending a message elsewhere. It counts as done only when the other topic has it: the strand waits for the
 * acknowledgement and nothing else of the lane goes on, so order is kept from partition to partition. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flow/consumer.h"
#include "kafka/kafka.h"

#define PATIENCE (2 * CRF_SECOND) /* with an acknowledgement, while the partition is being let go */

static void
report_failure(struct carafe_consumer *c, int code, const char *text)
{
	CRF_EMIT(c->flow->bus, CARAFE_EV_DLQ_FAILED, CRF_WHERE(c), CRF_INT(OFFSET, c->dispatch.offset),
	    CRF_STR(TARGET, c->dispatch.to), CRF_STR(KAFKA, crf_kafka_error_name(code)), CRF_INT(KAFKA_CODE, code),
	    CRF_STR(TEXT, text), CRF_STR(HINT, crf_kafka_error_hint(code)));
}

/* flow.mu held: the lane cannot go meanwhile. */
static void
arrive(struct carafe_consumer *c, const struct crf_delivery *d)
{
	c->dispatch.ticket->consumer = NULL;
	c->dispatch.ticket = NULL;
	c->dispatch.outcome = *d;
	snprintf(c->dispatch.text, sizeof(c->dispatch.text), "%s", d->text != NULL ? d->text : "");
	crf_lane_arrived(&c->lane);
}

/* On the producer's thread. */
static void
delivered(const struct crf_delivery *d, void *arg)
{
	struct crf_ticket *t = arg;

	crf_lock(&t->flow->mu);
	if (t->consumer != NULL)
		arrive(t->consumer, d);
	crf_unlock(&t->flow->mu);
	free(t);
}

void
crf_flow_give_up_dispatches(struct crf_flow *f, crf_ns now)
{
	static const struct crf_delivery late = { .error = CRF_KAFKA_TIMED_OUT,
		.text = "not acknowledged, and the partition is being let go: the message will be handed out again" };

	crf_lock(&f->mu);
	crf_list_each (c, &f->consumers, struct carafe_consumer, link)
		if (c->dispatch.ticket != NULL && crf_lane_should_stop(&c->lane) && now - c->dispatch.started > PATIENCE)
			arrive(c, &late);
	crf_unlock(&f->mu);
}

static struct crf_ticket *
set_off(struct carafe_consumer *c)
{
	struct crf_ticket *t = crf_new(struct crf_ticket);

	*t = (struct crf_ticket){ c->flow, c };
	crf_lock(&c->flow->mu);
	c->dispatch.ticket = t;
	c->dispatch.started = crf_now();
	crf_unlock(&c->flow->mu);
	c->lane.strand.awaiting = true; /* before another thread can say that it has arrived */
	return t;
}

static void
call_back(struct carafe_consumer *c, struct crf_ticket *t)
{
	c->lane.strand.awaiting = false;
	crf_lock(&c->flow->mu);
	c->dispatch.ticket = NULL;
	crf_unlock(&c->flow->mu);
	free(t);
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

	struct crf_ticket *ticket;

	origin_headers(c, m, numbers, headers);
	c->dispatch.to = to;
	c->dispatch.offset = m->offset;
	c->dispatch.leader_epoch = carafe_message_leader_epoch(m);
	c->dispatch.attempt = s->attempt;
	c->dispatch.marks = marks;
	ticket = set_off(c);
	if (crf_produce(c->flow->producer, &record, delivered, ticket, 0, &err) == CARAFE_OK)
		return true;
	call_back(c, ticket);
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
