/* The settlement: the one place where claims become deeds.
 *
 *   dispatch   before hold: what goes to the dead letter queue is not run again
 *   skip       likewise what is left out instead
 *   hold       the strand sleeps; what is unmarked runs again from the head
 *   mark       what the handler was given is consumed, as far as the partition is still owned, and up to where the handler
 *              wants to go on (steer.c)
 *   nothing    the batch is done with, marked or not (manual marking)
 */
#include "flow/consumer.h"

static void
finish_batch(struct carafe_consumer *c)
{
	struct crf_strand *s = &c->lane.strand;

	s->batch->head = s->batch->limit;
	s->attempt = 0;
	s->hold_until = 0;
}

static void
hold(struct carafe_consumer *c, const struct crf_claims *claims)
{
	struct crf_strand *s = &c->lane.strand;

	s->hold_until = claims->hold_until;
	CRF_EMIT(c->flow->bus, CARAFE_EV_CONSUMER_RETRY, CRF_WHERE(c),
	    CRF_INT(OFFSET, s->batch->messages[s->batch->head].offset), CRF_INT(ATTEMPT, s->attempt + 1),
	    CRF_INT(TIMEOUT_MS, (claims->hold_until - crf_now() + CRF_MS - 1) / CRF_MS));
}

static void
skip_head(struct carafe_consumer *c, bool marks)
{
	struct crf_strand *s = &c->lane.strand;
	const carafe_message *m = &s->batch->messages[s->batch->head];

	CRF_EMIT(c->flow->bus, CARAFE_EV_DLQ_SKIPPED, CRF_WHERE(c), CRF_INT(OFFSET, m->offset), CRF_INT(ATTEMPT, s->attempt),
	    CRF_STR(TRACE_ID, crf_failures_trace_id(&c->failures)), CRF_STR(TEXT, c->why));
	if (marks)
		crf_steer_mark_failed(c, m->offset, carafe_message_leader_epoch(m));
	crf_failures_clear(&c->failures);
	s->batch->head++;
	s->attempt = 0;
	s->hold_until = 0;
}

void
crf_settle(struct carafe_consumer *c, const struct crf_claims *claims)
{
	struct crf_strand *s = &c->lane.strand;

	if (claims->fresh)
		s->attempt = 1;
	if (claims->dispatch != CRF_RANK_NONE && crf_lane_owned(&c->lane) &&
	    crf_dispatch_start(c, claims->dispatch_to, claims->dispatch_marks))
		return;
	if (claims->skip != CRF_RANK_NONE && crf_lane_owned(&c->lane)) {
		skip_head(c, claims->skip_marks);
		return;
	}
	if (claims->hold != CRF_RANK_NONE) {
		hold(c, claims);
		return;
	}
	if (claims->mark != CRF_RANK_NONE)
		crf_steer_mark(c, s->batch->head, s->batch->limit);
	finish_batch(c);
}
