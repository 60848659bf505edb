/* Sending a message elsewhere. It counts as done only when the other topic has it: the strand waits for the
 * acknowledgement and nothing else of the lane goes on, so order is kept from partition to partition. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <carafe/feature/dlq.h>

#include "core/error.h"
#include "flow/consumer.h"
#include "kafka/kafka.h"

#define PATIENCE (2 * CRF_SECOND) /* with an acknowledgement, while the partition is being let go */

static void
report_failure(struct carafe_consumer *c, int code, const char *text)
{
	CRF_EMIT(c->flow->bus, CARAFE_EV_DLQ_FAILED, CRF_WHERE(c), CRF_INT(OFFSET, c->dispatch.offset),
	    CRF_STR(TRACE_ID, crf_failures_trace_id(&c->failures)), CRF_STR(TARGET, c->dispatch.to), CRF_STR(KAFKA, crf_kafka_error_name(code)), CRF_INT(KAFKA_CODE, code),
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

#define ORIGIN_HEADERS 7

/* A message as it goes to another topic, with what its record points to. */
struct letter {
	struct crf_record record;
	struct crf_header headers[ORIGIN_HEADERS];
	char numbers[3][24];
};

static void
add_header(struct letter *l, const char *name, const char *value)
{
	if (value != NULL && value[0] != '\0')
		l->headers[l->record.header_count++] = (struct crf_header){ name, { value, strlen(value) } };
}

/* Numbers as text, so that every tool can read them. */
static void
write_letter(struct letter *l, const struct carafe_consumer *c, const carafe_message *m, int attempt, const char *to)
{
	l->record = (struct crf_record){
		.topic = to,
		.key = m->key,
		.value = m->value,
		.partition = CRF_ANY_PARTITION,
		.spread = m->partition,
		.headers_of = m,
		.headers = l->headers,
	};
	snprintf(l->numbers[0], 24, "%" PRId32, m->partition);
	snprintf(l->numbers[1], 24, "%" PRId64, m->offset);
	snprintf(l->numbers[2], 24, "%d", attempt);
	add_header(l, "source_topic", m->topic);
	add_header(l, "source_partition", l->numbers[0]);
	add_header(l, "source_offset", l->numbers[1]);
	add_header(l, "source_consumer_group", c->topic->connection->group);
	add_header(l, "source_attempts", l->numbers[2]);
	add_header(l, "source_error", c->why);
	add_header(l, "source_trace_id", crf_failures_trace_id(&c->failures));
}

bool
crf_dispatch_start(struct carafe_consumer *c, const char *to, bool marks)
{
	struct crf_strand *s = &c->lane.strand;
	const carafe_message *m = &s->batch->messages[s->batch->head];
	struct letter letter;
	struct crf_ticket *ticket;
	carafe_error err = { 0 };

	write_letter(&letter, c, m, s->attempt, to);
	snprintf(c->dispatch.to, sizeof(c->dispatch.to), "%s", to);
	c->dispatch.offset = m->offset;
	c->dispatch.leader_epoch = carafe_message_leader_epoch(m);
	c->dispatch.attempt = s->attempt;
	c->dispatch.marks = marks;
	ticket = set_off(c);
	if (crf_produce(c->flow->producer, &letter.record, delivered, ticket, 0, &err) == CARAFE_OK)
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
	    CRF_INT(ATTEMPT, d->attempt), CRF_STR(TRACE_ID, crf_failures_trace_id(&c->failures)), CRF_STR(TARGET, d->to), CRF_INT(TARGET_PARTITION, d->outcome.partition),
	    CRF_INT(TARGET_OFFSET, d->outcome.offset));
	return true;
}

/* ------------------------------------------------------------------------------------------------ by hand */

/* Shared by the handler that waits and the producer's thread; whoever leaves last frees it. */
struct receipt {
	struct crf_mutex mu;
	struct crf_cond arrived;
	bool signed_; /* mu; the outcome is there */
	bool alone;   /* mu; nobody waits any more */
	struct crf_delivery outcome;
	char text[CARAFE_ERROR_TEXT];
};

static struct receipt *
receipt_new(void)
{
	struct receipt *r = crf_new(struct receipt);

	crf_mutex_init(&r->mu);
	crf_cond_init(&r->arrived);
	return r;
}

static void
receipt_free(struct receipt *r)
{
	crf_cond_fini(&r->arrived);
	crf_mutex_fini(&r->mu);
	free(r);
}

/* On the producer's thread. */
static void
sign(const struct crf_delivery *d, void *arg)
{
	struct receipt *r = arg;
	bool alone;

	crf_lock(&r->mu);
	alone = r->alone;
	r->signed_ = true;
	r->outcome = *d;
	snprintf(r->text, sizeof(r->text), "%s", d->text != NULL ? d->text : "");
	crf_cond_signal(&r->arrived);
	crf_unlock(&r->mu);
	if (alone)
		receipt_free(r);
}

/* The producer answers within message.timeout.ms; a partition that is being taken away does not wait for that long. */
static bool
await_signature(struct receipt *r, const struct carafe_consumer *c)
{
	crf_ns began = crf_now();
	bool there;

	crf_lock(&r->mu);
	while (!r->signed_ && !(crf_lane_should_stop(&c->lane) && crf_now() - began > PATIENCE))
		crf_cond_wait_until(&r->arrived, &r->mu, crf_now() + PATIENCE / 8);
	there = r->signed_;
	r->alone = !there;
	crf_unlock(&r->mu);
	return there;
}

static void
say_dispatched(struct carafe_consumer *c, const carafe_message *m, const char *to, const struct crf_delivery *d)
{
	CRF_EMIT(c->flow->bus, CARAFE_EV_DLQ_DISPATCHED, CRF_WHERE(c), CRF_INT(OFFSET, m->offset), CRF_INT(ATTEMPT, c->attempt),
	    CRF_STR(TRACE_ID, crf_failures_trace_id(&c->failures)), CRF_STR(TARGET, to), CRF_INT(TARGET_PARTITION, d->partition),
	    CRF_INT(TARGET_OFFSET, d->offset));
}

static void
count_dead(struct carafe_consumer *c)
{
	atomic_fetch_add_explicit(&c->flow->dead, 1, memory_order_relaxed);
}

/* The receipt's end, one way or the other. */
static carafe_rc
conclude(struct carafe_consumer *c, const carafe_message *m, const char *to, struct receipt *r, carafe_error *err)
{
	carafe_rc rc = CARAFE_OK;

	if (!await_signature(r, c))
		return crf_error(err, CARAFE_TIMEOUT, "%s[%" PRId32 "] offset %" PRId64 ": %s has not acknowledged it, and the "
		    "partition is being let go", m->topic, m->partition, m->offset, to);
	if (r->outcome.error != 0) {
		rc = crf_kafka_rc(r->outcome.error);
		crf_error(err, rc, "%s[%" PRId32 "] offset %" PRId64 " was not written to %s: %s", m->topic, m->partition, m->offset,
		    to, r->text);
		if (err != NULL)
			err->kafka = r->outcome.error;
	} else {
		count_dead(c);
		say_dispatched(c, m, to, &r->outcome);
	}
	receipt_free(r);
	return rc;
}

static void
take_target(const char *topic, void *arg)
{
	*(const char **)arg = topic;
}

/* What is wrong with such a letter; NULL when nothing is. */
static const char *
letter_problem(const struct carafe_consumer *c, const carafe_message *m, const char *route_topic, const char *topic)
{
	if (route_topic == NULL)
		return "the route has no dead letter queue: draw carafe_dlq(route, .topic = ...)";
	if (c->hook != CARAFE_HOOK_CONSUME || !crf_consumer_had(c, m))
		return "only a message that the handler was given can be written to a dead letter queue";
	return crf_dead_letter_problem(c->topic, topic);
}

carafe_rc
carafe_dead_letter(carafe_consumer *c, const carafe_message *m, const char *topic, carafe_error *err)
{
	const char *to = NULL, *wrong;
	struct letter letter;
	struct receipt *r;
	carafe_rc rc;

	crf_check_consumer(c);
	crf_plan_targets(c->topic, take_target, &to);
	if ((wrong = letter_problem(c, m, to, topic != NULL ? topic : to)) != NULL)
		return crf_error(err, CARAFE_INVALID, "%s", wrong);
	if (!crf_lane_owned(&c->lane))
		return crf_error(err, CARAFE_LOST, "%s[%" PRId32 "] is no longer owned: nothing was written", m->topic, m->partition);
	write_letter(&letter, c, m, c->attempt, topic != NULL ? topic : to);
	r = receipt_new();
	rc = crf_produce(c->flow->producer, &letter.record, sign, r, 0, err);
	if (rc == CARAFE_OK)
		return conclude(c, m, letter.record.topic, r, err);
	receipt_free(r);
	return rc;
}
