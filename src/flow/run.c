/* A consumer's turn at work: filters, the handler, what follows. The lane decides when; this decides what. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flow/defer.h"
#include "kafka/kafka.h"

static struct carafe_consumer *
consumer_of(const struct crf_lane *l)
{
	return l->flow;
}

static void
count_up(_Atomic int64_t *counter, int64_t n)
{
	atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

/* ------------------------------------------------------------------------------------------------ hooks */

/* Message after message. What succeeded is done, and marked, whatever becomes of the rest. */
static carafe_rc
consume_messages(struct carafe_consumer *c)
{
	struct carafe_batch *b = c->lane.strand.batch;
	carafe_rc (*handle)(carafe_consumer *, const carafe_message *) = c->topic->handler.message;

	if (c->window != NULL)
		return crf_window_run(c);
	do {
		const carafe_message *m = &b->messages[b->head];
		carafe_rc rc;

		atomic_store_explicit(&c->lane.at, m->offset, memory_order_relaxed); /* which one hangs, if it does */
		rc = handle(c, m);
		if (rc == CARAFE_PENDING || c->window != NULL)
			return crf_window_take_over(c, rc);
		if (rc != CARAFE_OK)
			return rc;
		if (!c->topic->manual_marking)
			crf_steer_mark(c, b->head, b->head + 1);
		b->head++;
		c->attempt = 1;
		crf_failures_clear(&c->failures);
		c->why[0] = '\0';
	} while (b->head < b->limit && !crf_lane_should_yield(&c->lane));
	return CARAFE_OK;
}

static carafe_rc
invoke(struct carafe_consumer *c)
{
	const carafe_handler *h = &c->topic->handler;

	switch (c->hook) {
	case CARAFE_HOOK_CONSUME:
		return h->consume != NULL ? crf_window_run_batch(c) : consume_messages(c);
	case CARAFE_HOOK_INITIALIZED:
		return h->initialized != NULL ? h->initialized(c) : CARAFE_OK;
	case CARAFE_HOOK_REVOKED:
		return h->revoked != NULL ? h->revoked(c) : CARAFE_OK;
	case CARAFE_HOOK_SHUTDOWN:
		return h->shutdown != NULL ? h->shutdown(c) : CARAFE_OK;
	case CARAFE_HOOK_EOFED:
		return h->eofed != NULL ? h->eofed(c) : CARAFE_OK;
	case CARAFE_HOOK_TICK:
		return h->tick != NULL ? h->tick(c) : CARAFE_OK;
	}
	return CARAFE_INVALID;
}

void
carafe_proceed(carafe_consumer *c)
{
	crf_check_consumer(c);
	if (c->proceeded) /* the second time there is nothing left to surround */
		return;
	c->proceeded = true;
	c->rc = invoke(c);
}

static void
report(struct carafe_consumer *c)
{
	static const char *const types[] = { "consume", "initialized", "revoked", "shutdown", "eofed", "tick" };
	const char *type = c->proceeded ? types[c->hook] : "wrap";
	const struct carafe_batch *b = c->lane.strand.batch;

	if (c->why[0] == '\0' && (c->rc < CARAFE_OK || c->rc > CARAFE_PENDING))
		snprintf(c->why, sizeof(c->why), "the handler returned %d, which is no carafe_rc", (int)c->rc);
	else if (c->why[0] == '\0')
		snprintf(c->why, sizeof(c->why), "the handler returned %s", carafe_rc_name(c->rc));
	if (c->hook != CARAFE_HOOK_CONSUME) {
		CRF_EMIT(c->flow->bus, CARAFE_EV_CONSUMER_ERROR, CRF_STR(TYPE, type), CRF_WHERE(c),
		    CRF_STR(RC, carafe_rc_name(c->rc)), CRF_STR(TEXT, c->why));
		return;
	}
	crf_failures_add(&c->failures, c->rc, c->why);
	CRF_EMIT(c->flow->bus, CARAFE_EV_CONSUMER_ERROR, CRF_STR(TYPE, type), CRF_WHERE(c),
	    CRF_INT(OFFSET, b->messages[b->head].offset), CRF_INT(LAST_OFFSET, b->messages[b->limit - 1].offset),
	    CRF_INT(ATTEMPT, c->attempt), CRF_STR(RC, carafe_rc_name(c->rc)),
	    CRF_STR(TRACE_ID, crf_failures_trace_id(&c->failures)), CRF_STR(TEXT, c->why));
}

void
crf_consumer_call(struct carafe_consumer *c, carafe_hook hook)
{
	c->hook = hook;
	c->rc = CARAFE_OK;
	c->why[0] = '\0';
	c->proceeded = false;
	if (c->topic->handler.wrap == NULL)
		carafe_proceed(c);
	else
		c->topic->handler.wrap(c, hook);
	if (!c->proceeded)
		c->rc = carafe_fail(c, "wrap did not call carafe_proceed(): nothing was done");
	if (c->rc != CARAFE_OK && !(c->rc == CARAFE_PENDING && hook == CARAFE_HOOK_CONSUME))
		report(c);
	if (c->rc == CARAFE_CRITICAL)
		c->flow->critical(c->flow->app, c->why);
}

static void hook(struct crf_lane *l, carafe_hook which);

/* Before the first hook of any kind. */
static void
initialize(struct carafe_consumer *c)
{
	size_t size = c->topic->handler.state_size;

	if (c->initialized)
		return;
	c->initialized = c->lane.used = true;
	c->state = size > 0 ? crf_alloc(1, size) : NULL;
	hook(&c->lane, CARAFE_HOOK_INITIALIZED);
}

static void
hook(struct crf_lane *l, carafe_hook which)
{
	static const carafe_event_id events[] = { 0, CARAFE_EV_CONSUMER_INITIALIZED, CARAFE_EV_CONSUMER_REVOKED,
		CARAFE_EV_CONSUMER_SHUTDOWN, 0, CARAFE_EV_CONSUMER_TICKED };
	struct carafe_consumer *c = consumer_of(l);

	initialize(c);
	c->attempt = 1;
	crf_consumer_call(c, which);
	if (which == CARAFE_HOOK_EOFED)
		CRF_EMIT(c->flow->bus, CARAFE_EV_CONSUMER_EOFED, CRF_WHERE(c), CRF_INT(OFFSET, l->eof_offset));
	else
		CRF_EMIT(c->flow->bus, events[which], CRF_WHERE(c));
}

static bool
wants(const struct crf_lane *l, carafe_hook which)
{
	const carafe_handler *h = &consumer_of(l)->topic->handler;

	return (which == CARAFE_HOOK_EOFED && h->eofed != NULL) || (which == CARAFE_HOOK_TICK && h->tick != NULL);
}

/* ------------------------------------------------------------------------------------------------ stages */

static void
close_gate(struct carafe_consumer *c, crf_ns until, crf_ns now)
{
	const struct carafe_batch *b = c->lane.strand.batch;

	c->lane.gate_until = until;
	CRF_EMIT(c->flow->bus, CARAFE_EV_FILTER_THROTTLED, CRF_WHERE(c),
	    CRF_INT(OFFSET, b->limit < b->count ? b->messages[b->limit].offset : b->messages[b->count - 1].offset + 1),
	    CRF_INT(TIMEOUT_MS, (until - now) / CRF_MS));
}

static void
filter(struct crf_lane *l, crf_ns now)
{
	struct carafe_consumer *c = consumer_of(l);
	struct crf_claims claims = { 0 };
	struct crf_step step = { .consumer = c, .claims = &claims, .now = now };

	l->strand.batch->limit = l->strand.batch->count;
	if (c->plan->step_count[CRF_FILTER] == 0)
		return;
	crf_plan_run(c->plan, CRF_FILTER, &step, c->step_state);
	if (claims.gate != CRF_RANK_NONE)
		close_gate(c, claims.gate_until, now);
}

void
crf_count_anew(struct crf_step *s)
{
	s->attempt = 1;
	s->claims->fresh = true;
	crf_failures_keep_last(&s->consumer->failures);
}

const carafe_message *
crf_failed_message(const struct crf_step *s)
{
	const struct carafe_batch *b = s->consumer->lane.strand.batch;

	return &b->messages[b->head];
}

const struct carafe_failures *
crf_failures_of(const struct crf_step *s)
{
	return s->consumer->failures.kept;
}

void
crf_complain(struct crf_step *s, const char *type, const char *text)
{
	struct carafe_consumer *c = s->consumer;

	CRF_EMIT(c->flow->bus, CARAFE_EV_CONSUMER_ERROR, CRF_STR(TYPE, type), CRF_WHERE(c),
	    CRF_INT(OFFSET, crf_failed_message(s)->offset), CRF_INT(ATTEMPT, s->attempt),
	    CRF_STR(TRACE_ID, crf_failures_trace_id(&c->failures)), CRF_STR(TEXT, text));
}

size_t
crf_count(const struct crf_step *s)
{
	const struct carafe_batch *b = s->consumer->lane.strand.batch;

	return b->limit - crf_batch_fresh(b);
}

void
crf_keep(struct crf_step *s, size_t count)
{
	struct carafe_batch *b = s->consumer->lane.strand.batch;

	if (crf_batch_fresh(b) + count < b->limit)
		b->limit = crf_batch_fresh(b) + count;
}

static void
say_consumed(struct carafe_consumer *c, size_t first, size_t end, crf_ns began)
{
	const struct carafe_batch *b = c->lane.strand.batch;

	CRF_EMIT(c->flow->bus, CARAFE_EV_CONSUMER_CONSUMED, CRF_WHERE(c), CRF_INT(OFFSET, b->messages[first].offset),
	    CRF_INT(LAST_OFFSET, b->messages[end - 1].offset), CRF_INT(COUNT, (int64_t)(end - first)),
	    CRF_INT(ATTEMPT, c->lane.strand.attempt), CRF_INT(TIME_US, (crf_now() - began) / 1000));
}

static void
run_handler(struct carafe_consumer *c, crf_ns now)
{
	const struct carafe_batch *b = c->lane.strand.batch;
	size_t first = b->head;

	CRF_EMIT(c->flow->bus, CARAFE_EV_CONSUMER_CONSUME, CRF_WHERE(c), CRF_INT(OFFSET, b->messages[first].offset),
	    CRF_INT(LAST_OFFSET, b->messages[b->limit - 1].offset), CRF_INT(COUNT, (int64_t)(b->limit - first)),
	    CRF_INT(ATTEMPT, c->attempt));
	crf_consumer_call(c, CARAFE_HOOK_CONSUME);
	if (c->rc == CARAFE_OK && (c->topic->handler.consume != NULL || b->head > first))
		say_consumed(c, first, c->topic->handler.consume != NULL ? b->limit : b->head, now);
}

/* After a batch handler. A failure leaves what is unmarked; the rest is done. */
static size_t
end_batch(struct carafe_consumer *c)
{
	const struct carafe_batch *b = c->lane.strand.batch;

	crf_lane_skip_marked(&c->lane);
	return c->rc == CARAFE_OK ? b->limit : b->head;
}

/* After a message handler. What failed is the message at the head, and counted alone; unless it was marked before it
 * failed: then it is done with. */
static size_t
end_messages(struct carafe_consumer *c, size_t first)
{
	struct crf_strand *s = &c->lane.strand;
	size_t end = s->batch->head;

	if (c->window == NULL) /* there, what was marked may be in progress still */
		crf_lane_skip_marked(&c->lane);
	if (s->batch->head > first)
		s->attempt = c->rc == CARAFE_OK || s->batch->head > end ? 0 : 1;
	return end;
}

static void
follow_up(struct carafe_consumer *c, size_t first, crf_ns now)
{
	const struct crf_strand *s = &c->lane.strand;
	struct crf_claims claims = { 0 };
	struct crf_step step = {
		.consumer = c,
		.claims = &claims,
		.now = c->rc == CARAFE_OK ? now : crf_now(),
		.rc = c->rc,
		.attempt = s->attempt,
		.advanced = s->batch->head > first,
		.exhausted = s->batch->head == s->batch->limit,
	};

	crf_plan_run(c->plan, CRF_AFTER, &step, c->step_state);
	crf_settle(c, &claims);
}

static void
begin_run(struct carafe_consumer *c, crf_ns now)
{
	struct crf_flow *f = c->flow;

	if (atomic_load_explicit(&c->at_end, memory_order_relaxed))
		atomic_store(&c->at_end, false);
	if (atomic_load_explicit(&f->first, memory_order_relaxed) == 0)
		atomic_store(&f->first, now);
	if (!c->topic->persistent && c->state != NULL)
		memset(c->state, 0, c->topic->handler.state_size);
	c->attempt = ++c->lane.strand.attempt;
	if (c->attempt > 1 && !c->resumes)
		count_up(&f->retried, 1);
	c->resumes = false;
}

/* The stop that was asked for lets go of what is in hand, unmarked. */
static void
await_stop(struct carafe_consumer *c)
{
	c->lane.strand.hold_until = CRF_NEVER;
}

static void
run(struct crf_lane *l, crf_ns now)
{
	struct carafe_consumer *c = consumer_of(l);
	const struct crf_strand *s = &l->strand;
	size_t first = s->batch->head, end;

	if (!c->initialized) {
		initialize(c);
		if (c->rc == CARAFE_CRITICAL)
			await_stop(c);
		if (c->rc == CARAFE_CRITICAL || crf_lane_should_yield(l)) /* it wants to begin elsewhere, or the partition may be another's */
			return;
	}
	begin_run(c, now);
	run_handler(c, now);
	if (c->rc == CARAFE_PENDING) {
		count_up(&c->flow->consumed, (int64_t)(s->batch->head - first));
		return;
	}
	end = c->topic->handler.consume != NULL ? end_batch(c) : end_messages(c, first);
	count_up(&c->flow->consumed, (int64_t)(end - first));
	if (c->rc != CARAFE_OK) {
		count_up(&c->flow->failed, 1);
		crf_steer_failed(c);
	} else {
		crf_failures_clear(&c->failures);
	}
	if (c->rc == CARAFE_CRITICAL) {
		await_stop(c);
		return;
	}
	if (s->attempt == 0 && s->batch->head < s->batch->limit)
		return; /* between two messages: the rest is for the next run, or for whoever comes next */
	follow_up(c, first, now);
}

/* ------------------------------------------------------------------------------------------------ what else a lane says */

static void
say_error(struct crf_lane *l, int code, const char *text)
{
	struct carafe_consumer *c = consumer_of(l);

	CRF_EMIT(c->flow->bus, CARAFE_EV_CONNECTION_ERROR, CRF_WHERE(c), CRF_STR(CONNECTION, c->topic->connection->name),
	    CRF_STR(KAFKA, crf_kafka_error_name(code)), CRF_INT(KAFKA_CODE, code), CRF_STR(TEXT, text),
	    CRF_STR(HINT, crf_kafka_error_hint(code)));
}

static void
quieted(struct crf_lane *l)
{
	struct carafe_consumer *c = consumer_of(l);

	atomic_store(&c->quiet, true);
	c->flow->changed(c->flow->app);
}

static void
at_end(struct crf_lane *l)
{
	struct carafe_consumer *c = consumer_of(l);

	atomic_store(&c->at_end, true);
	c->flow->changed(c->flow->app);
}

static void
gone(struct crf_lane *l)
{
	struct carafe_consumer *c = consumer_of(l);
	struct crf_flow *f = c->flow;

	crf_lock(&f->mu);
	crf_list_remove(&c->link);
	crf_unlock(&f->mu);
	c->magic = 0;
	free(c->state);
	free(c->step_state);
	crf_window_free(c);
	crf_failures_fini(&c->failures);
	free(c->committed.metadata);
	free(c);
	f->changed(f->app);
}

static void
resume(struct crf_lane *l, crf_ns now)
{
	struct carafe_consumer *c = consumer_of(l);
	struct crf_strand *s = &l->strand;
	struct crf_claims claims = { 0 };
	struct crf_step step = { .consumer = c, .claims = &claims, .now = now, .rc = CARAFE_FAILED, .attempt = s->attempt,
		.undelivered = true };

	if (s->lent && c->topic->handler.consume != NULL) { /* at once: a partition that goes has no other turn for it */
		run(l, now);
		return;
	}
	if (s->lent) {
		count_up(&c->flow->consumed, (int64_t)crf_window_resume(c));
		return;
	}
	if (c->seek.going) {
		crf_steer_arrived(c);
		return;
	}
	if (!crf_dispatch_finish(c)) {
		if (s->batch == NULL)
			return;
		crf_plan_run(c->plan, CRF_AFTER, &step, c->step_state);
		crf_settle(c, &claims);
		return;
	}
	count_up(&c->flow->dead, 1);
	if (c->dispatch.marks)
		crf_steer_mark_failed(c, c->dispatch.offset, c->dispatch.leader_epoch);
	crf_failures_clear(&c->failures);
	if (s->batch != NULL) {
		s->batch->head++;
		s->attempt = 0;
		s->hold_until = 0;
		count_up(&c->flow->consumed, (int64_t)crf_window_pass(c)); /* perhaps there is no other turn for it */
	}
}

const struct crf_lane_ops crf_flow_ops = {
	.filter = filter,
	.run = run,
	.resume = resume,
	.steer = crf_steer,
	.slide = crf_window_slide,
	.hook = hook,
	.wants = wants,
	.error = say_error,
	.quieted = quieted,
	.at_end = at_end,
	.gone = gone,
};
