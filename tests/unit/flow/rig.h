/* A real route with its real plan, on a mailbox without a broker, a producer that is asked, and time that stands still. */
#ifndef CRF_TESTS_FLOW_RIG_H
#define CRF_TESTS_FLOW_RIG_H

#include "../work/fake_source.h"
#include "fake_producer.h"

#include <inttypes.h>
#include <stdio.h>

#include "app/app.h"
#include "flow/consumer.h"

/* ------------------------------------------------------------------------------------------------ the producer */

#define RECORDS 64

struct sent {
	char *text; /* "orders.dead key=value {header=value ...} @spread" */
	crf_delivered_fn done;
	void *arg;
};

static struct sent sent[RECORDS];
static size_t sent_count, sent_answered;
static bool producer_is_full;
static bool producer_is_quick; /* it is acknowledged at once, by whoever writes it */

static void answer(int error);

static inline void
add_header(struct crf_buf *out, const char *name, carafe_bytes value)
{
	crf_buf_printf(out, "%s%s=%.*s", out->data[out->len - 1] == '{' ? "" : " ", name, (int)value.len,
	    (const char *)value.data);
}

carafe_rc
crf_produce(struct crf_producer *p, const struct crf_record *r, crf_delivered_fn done, void *arg, int wait_ms, carafe_error *err)
{
	CRF_AUTO(crf_buf) text = { 0 };

	(void)p, (void)wait_ms;
	if (producer_is_full) {
		*err = (carafe_error){ .rc = CARAFE_TIMEOUT, .kafka = -184, .text = "the queue is full" };
		return CARAFE_TIMEOUT;
	}
	crf_buf_printf(&text, "%s %.*s=%.*s {", r->topic, (int)r->key.len, r->key.data ? (const char *)r->key.data : "",
	    (int)r->value.len, r->value.data ? (const char *)r->value.data : "");
	for (size_t i = 0; i < r->header_count; i++)
		add_header(&text, r->headers[i].name, r->headers[i].value);
	crf_buf_printf(&text, "} @%d", r->spread);
	assert_int_equal(r->partition, CRF_ANY_PARTITION);
	assert_true(sent_count < RECORDS);
	sent[sent_count++] = (struct sent){ crf_buf_take(&text), done, arg };
	if (producer_is_quick)
		answer(0);
	return CARAFE_OK;
}

/* What was sent first and not answered is acknowledged, or refused with error. */
static void
answer(int error)
{
	const struct sent *s = &sent[sent_answered++];

	assert_true(sent_answered <= sent_count);
	s->done(&(struct crf_delivery){ .error = error, .text = error ? "no leader" : NULL, .partition = 3, .offset = 77 }, s->arg);
}

/* ------------------------------------------------------------------------------------------------ the rig */

struct rig {
	carafe *app;
	carafe_route *route;
	struct crf_pool *pool;
	struct crf_flow flow;
	struct fake_source source;
	struct carafe_consumer *consumer;
	struct crf_buf log;
	int changes;
	/* for handlers */
	int fails;            /* so many runs fail, then all succeed */
	int64_t bad;          /* this offset always fails; -1 */
	int64_t mark[4];      /* offsets that a batch handler marks, in this order; 0 ends the list */
	carafe_rc verdict;    /* of a failure */
	unsigned raise;       /* signals that come during the next run */
};

static struct rig *the_rig; /* for callbacks that carry no argument of ours */

static void
rig_changed(carafe *app)
{
	(void)app;
	the_rig->changes++;
}

static inline int64_t
number(const carafe_event *e, carafe_field field)
{
	int64_t value = -1;

	carafe_event_int(e, field, &value);
	return value;
}

static inline const char *
words(const carafe_event *e, carafe_field field)
{
	const char *value = "";

	carafe_event_str(e, field, &value);
	return value;
}

/* The events that matter here, short. */
static void
note_event(const carafe_event *e, void *arg)
{
	struct crf_buf *log = &((struct rig *)arg)->log;
	int64_t offset = number(e, CARAFE_F_OFFSET);

	switch (carafe_event_kind(e)) {
	case CARAFE_EV_CONSUMER_ERROR:
		crf_buf_printf(log, "error %s %" PRId64 "-%" PRId64 " a%" PRId64 " %s: %s;", words(e, CARAFE_F_TYPE), offset,
		    number(e, CARAFE_F_LAST_OFFSET), number(e, CARAFE_F_ATTEMPT), words(e, CARAFE_F_RC), words(e, CARAFE_F_TEXT));
		break;
	case CARAFE_EV_CONSUMER_RETRY:
		crf_buf_printf(log, "retry %" PRId64 " a%" PRId64 " in %" PRId64 ";", offset, number(e, CARAFE_F_ATTEMPT),
		    number(e, CARAFE_F_TIMEOUT_MS));
		break;
	case CARAFE_EV_DLQ_DISPATCHED:
		crf_buf_printf(log, "dead %" PRId64 " a%" PRId64 " %s[%" PRId64 "]@%" PRId64 ";", offset, number(e, CARAFE_F_ATTEMPT),
		    words(e, CARAFE_F_TARGET), number(e, CARAFE_F_TARGET_PARTITION), number(e, CARAFE_F_TARGET_OFFSET));
		break;
	case CARAFE_EV_DLQ_FAILED:
		crf_buf_printf(log, "undead %" PRId64 " %s;", offset, words(e, CARAFE_F_TEXT));
		break;
	case CARAFE_EV_DLQ_SKIPPED:
		crf_buf_printf(log, "skipped %" PRId64 " a%" PRId64 ";", offset, number(e, CARAFE_F_ATTEMPT));
		break;
	case CARAFE_EV_CONSUMER_PAUSED:
		crf_buf_printf(log, "paused %" PRId64 " for %" PRId64 ";", offset, number(e, CARAFE_F_TIMEOUT_MS));
		break;
	case CARAFE_EV_CONSUMER_RESUMED:
		crf_buf_printf(log, "resumed %" PRId64 ";", offset);
		break;
	case CARAFE_EV_CONSUMER_SOUGHT:
		crf_buf_printf(log, "sought %" PRId64 ";", offset);
		break;
	case CARAFE_EV_FILTER_THROTTLED:
		crf_buf_printf(log, "gate %" PRId64 " for %" PRId64 ";", offset, number(e, CARAFE_F_TIMEOUT_MS));
		break;
	default:
		break;
	}
}

/* Draws "orders" in group "billing" with the handler; more may be drawn before rig_run. */
static inline void
rig_draw(struct rig *r, const carafe_handler *handler, const carafe_route_opts *opts, const carafe_kv *settings)
{
	carafe_route_opts o = *opts;

	*r = (struct rig){ .bad = -1, .verdict = CARAFE_FAILED };
	the_rig = r;
	sent_count = sent_answered = 0;
	producer_is_full = producer_is_quick = false;
	o.size = sizeof(o);
	o.handler_size = sizeof(*handler);
	o.handler = handler;
	o.arg = r;
	r->app = carafe_new(.client_id = "rig", .settings = settings, .kafka = CARAFE_KV({ "bootstrap.servers", "none:1" }));
	r->route = carafe_route_(carafe_group(r->app, "billing"), "orders", &o);
}

#define rig_init(r, handler) rig_init_with((r), (handler), .inactive = 0)
#define rig_init_with(r, handler_, ...)                                                                                   \
	rig_draw((r), (handler_), &(carafe_route_opts){ .max_messages = 10, __VA_ARGS__ },                             \
	    CARAFE_KV({ "pause.timeout", "100" }, { "pause.max_timeout", "1000" }))

static inline void
rig_run(struct rig *r)
{
	carafe_error err = { 0 };

	if (crf_app_prepare(r->app, NULL, &err) != CARAFE_OK)
		fail_msg("%s", err.text);
	r->pool = crf_pool_new_by_hand();
	crf_flow_init(&r->flow, r->app, r->app->bus, r->pool);
	r->flow.changed = rig_changed;
	r->flow.tick_interval = 5 * CRF_SECOND;
	r->flow.pause_timeout = 100 * CRF_MS;
	carafe_subscribe(r->app, CARAFE_EV_ANY, note_event, r);
	fake_init(&r->source, NULL);
	r->consumer = crf_consumer_new(&r->flow, &r->app->routing.connections[0].topics[0], 0, &fake_source_ops, &r->source);
	r->source.lane = crf_consumer_lane(r->consumer);
	crf_lane_wake(r->source.lane);
	settle(r->pool);
}

static inline void
expect(struct rig *r, const char *log)
{
	settle(r->pool);
	assert_string_equal(crf_buf_str(&r->log), log);
	crf_buf_reset(&r->log);
}

/* Nothing happens for ns less one; then this does. */
static inline void
expect_after(struct rig *r, crf_ns ns, const char *log)
{
	pass(r->pool, ns - 1);
	expect(r, "");
	pass(r->pool, 1);
	expect(r, log);
}

static inline void
rig_fini(struct rig *r)
{
	crf_buf_reset(&r->log);
	if (!r->source.released)
		crf_lane_raise(r->source.lane, CRF_LANE_ENDED);
	while (sent_answered < sent_count)
		answer(0);
	settle(r->pool);
	assert_true(r->source.released);
	assert_false(r->source.broken);
	assert_int_equal(r->source.out, 0);
	assert_true(crf_list_empty(&r->flow.consumers));
	fake_fini(&r->source);
	crf_pool_free(r->pool);
	crf_flow_fini(&r->flow);
	carafe_free(r->app);
	crf_buf_fini(&r->log);
	for (size_t i = 0; i < sent_count; i++)
		free(sent[i].text);
}

/* ------------------------------------------------------------------------------------------------ handlers */

static inline carafe_rc
rig_verdict(struct rig *r, carafe_consumer *c, int64_t offset)
{
	if (r->raise != 0)
		crf_lane_raise(r->source.lane, r->raise);
	r->raise = 0;
	if (offset != r->bad && r->fails == 0)
		return CARAFE_OK;
	if (r->fails > 0)
		r->fails--;
	return r->verdict == CARAFE_FAILED ? carafe_fail(c, "no %s", "luck") : r->verdict;
}

/* "m10 a1;" */
static carafe_rc
on_message(carafe_consumer *c, const carafe_message *m)
{
	struct rig *r = carafe_arg(c);

	crf_buf_printf(&r->log, "m%" PRId64 " a%d;", m->offset, carafe_attempt(c));
	return rig_verdict(r, c, m->offset);
}

/* "b10-14 a1;" A batch with the bad one in it fails there, with what is before it unmarked unless told. */
static carafe_rc
on_batch(carafe_consumer *c, const carafe_batch *batch)
{
	struct rig *r = carafe_arg(c);
	const carafe_message *first = carafe_batch_at(batch, 0), *last = carafe_batch_at(batch, carafe_batch_count(batch) - 1);
	bool has_bad = r->bad >= first->offset && r->bad <= last->offset;

	crf_buf_printf(&r->log, "b%" PRId64 "-%" PRId64 " a%d;", first->offset, last->offset, carafe_attempt(c));
	for (size_t i = 0; i < 4 && r->mark[i] != 0; i++)
		carafe_foreach (m, batch)
			if (m->offset == r->mark[i])
				assert_int_equal(carafe_mark(c, m), CARAFE_OK);
	return rig_verdict(r, c, has_bad ? r->bad : -2);
}

static const carafe_handler by_message = { .message = on_message };
static const carafe_handler by_batch = { .consume = on_batch };

#endif
