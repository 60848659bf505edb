#include "flow/consumer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flow/defer.h"

/* ------------------------------------------------------------------------------------------------ what handlers call */

carafe_rc
carafe_fail(carafe_consumer *c, const char *format, ...)
{
	va_list ap;

	crf_check_consumer(c);
	va_start(ap, format);
	vsnprintf(c->why, sizeof(c->why), format, ap);
	va_end(ap);
	return CARAFE_FAILED;
}

bool
crf_consumer_had(const struct carafe_consumer *c, const carafe_message *m)
{
	return m != NULL && m->partition == c->lane.partition && crf_lane_had(&c->lane, m->offset) &&
	    strcmp(m->topic, c->topic->name) == 0;
}

carafe_rc
carafe_mark(carafe_consumer *c, const carafe_message *m)
{
	crf_check_consumer(c);
	if (!crf_consumer_had(c, m))
		return CARAFE_INVALID;
	return crf_lane_mark(&c->lane, m->offset, carafe_message_leader_epoch(m));
}

carafe_rc
carafe_commit(carafe_consumer *c, carafe_error *err)
{
	crf_check_consumer(c);
	return c->lane.from->commit(c->lane.source, err);
}

void *
carafe_state(carafe_consumer *c)
{
	crf_check_consumer(c);
	return c->state;
}

void *
carafe_arg(const carafe_consumer *c)
{
	crf_check_consumer(c);
	return c->topic->arg;
}

carafe *
carafe_app(const carafe_consumer *c)
{
	crf_check_consumer(c);
	return c->flow->app;
}

const char *
carafe_topic(const carafe_consumer *c)
{
	crf_check_consumer(c);
	return c->topic->name;
}

int32_t
carafe_partition(const carafe_consumer *c)
{
	crf_check_consumer(c);
	return c->lane.partition;
}

const char *
carafe_group_id(const carafe_consumer *c)
{
	crf_check_consumer(c);
	return c->topic->connection->group;
}

int
carafe_attempt(const carafe_consumer *c)
{
	crf_check_consumer(c);
	return c->attempt;
}

bool
carafe_should_stop(const carafe_consumer *c)
{
	crf_check_consumer(c);
	return crf_lane_should_stop(&c->lane);
}

bool
carafe_revoked(const carafe_consumer *c)
{
	crf_check_consumer(c);
	return !crf_lane_owned(&c->lane);
}

bool
carafe_eofed(const carafe_consumer *c)
{
	const struct carafe_batch *b;

	crf_check_consumer(c);
	b = c->lane.strand.batch;
	return c->lane.eof_offset >= 0 && (b == NULL || b->limit == b->count);
}

/* ------------------------------------------------------------------------------------------------ its life */

static struct carafe_consumer *
make(struct crf_flow *f, const struct crf_topic *t, int32_t partition, const struct crf_source_ops *from, void *source)
{
	struct carafe_consumer *c = crf_new(struct carafe_consumer);
	struct crf_lane *l = &c->lane;

	c->magic = CRF_CONSUMER_MAGIC;
	c->flow = f;
	c->topic = t;
	c->plan = t->plan;
	c->step_state = crf_alloc(1, c->plan->state_size);
	l->from = from;
	l->source = source;
	l->ops = &crf_flow_ops;
	l->flow = c;
	l->topic = t->name;
	l->partition = partition;
	l->max_messages = (size_t)t->max_messages;
	l->max_wait = t->max_wait_time * CRF_MS;
	l->tick_interval = f->tick_interval;
	crf_lane_init(l, f->pool);
	return c;
}

void
crf_consumer_list(struct carafe_consumer *c)
{
	crf_list_append(&c->flow->consumers, &c->link);
}

struct carafe_consumer *
crf_consumer_new(struct crf_flow *f, const struct crf_topic *t, int32_t partition, const struct crf_source_ops *from,
    void *source)
{
	struct carafe_consumer *c = make(f, t, partition, from, source);

	crf_plan_opened(c->plan, c);
	crf_lock(&f->mu);
	crf_consumer_list(c);
	crf_unlock(&f->mu);
	return c;
}

struct carafe_consumer *
crf_consumer_new_strand(const struct carafe_consumer *whole, const struct crf_source_ops *from, void *source)
{
	return make(whole->flow, whole->topic, whole->lane.partition, from, source);
}

struct crf_lane *
crf_consumer_lane(struct carafe_consumer *c)
{
	return &c->lane;
}

struct carafe_consumer *
crf_consumer_of_task(struct crf_task *t)
{
	return crf_container_of(t, struct carafe_consumer, lane.task);
}

const struct crf_topic *
crf_consumer_topic(const struct carafe_consumer *c)
{
	return c->topic;
}

crf_ns
crf_consumer_progress(struct carafe_consumer *c, crf_ns turn, crf_ns now)
{
	int64_t marked = c->lane.from->marked(c->lane.source);

	if (c->watch.turn != turn) {
		c->watch.turn = c->watch.progress = turn;
		c->watch.reported = false;
	} else if (c->watch.marked != marked) {
		c->watch.progress = now;
	}
	c->watch.marked = marked;
	return c->watch.progress;
}

bool
crf_consumer_overdue(struct carafe_consumer *c, crf_ns since, crf_ns now)
{
	crf_ns limit = c->topic->long_running ? 0 : c->lane.from->max_poll(c->lane.source) * CRF_MS;
	crf_ns progress = crf_consumer_progress(c, since, now);

	if (limit == 0 || now - progress <= limit || c->watch.reported || crf_lane_should_stop(&c->lane))
		return false;
	c->watch.reported = true;
	return true;
}

void
crf_consumer_give_up(struct carafe_consumer *c)
{
	c->lane.from->overdue(c->lane.source);
}

/* ------------------------------------------------------------------------------------------------ all of them */

void
crf_flow_init(struct crf_flow *f, carafe *app, struct crf_bus *bus, struct crf_pool *pool)
{
	*f = (struct crf_flow){ .app = app, .bus = bus, .pool = pool };
	crf_mutex_init(&f->mu);
	crf_list_init(&f->consumers);
}

void
crf_flow_fini(struct crf_flow *f)
{
	crf_mutex_fini(&f->mu);
}

void
crf_flow_raise(struct crf_flow *f, unsigned signals)
{
	crf_lock(&f->mu);
	crf_list_each (c, &f->consumers, struct carafe_consumer, link)
		crf_lane_raise(&c->lane, signals);
	crf_unlock(&f->mu);
}

bool
crf_flow_is_quiet(struct crf_flow *f)
{
	bool quiet = true;

	crf_lock(&f->mu);
	crf_list_each (c, &f->consumers, struct carafe_consumer, link)
		quiet = quiet && atomic_load(&c->quiet);
	crf_unlock(&f->mu);
	return quiet;
}

bool
crf_flow_at_end(struct crf_flow *f)
{
	bool at_end;

	crf_lock(&f->mu);
	at_end = !crf_list_empty(&f->consumers);
	crf_list_each (c, &f->consumers, struct carafe_consumer, link)
		at_end = at_end && (c->lane.number >= 0 || atomic_load(&c->at_end)); /* not each strand */
	crf_unlock(&f->mu);
	return at_end;
}

crf_ns
crf_flow_deferred_since(struct crf_flow *f)
{
	crf_ns oldest = CRF_NEVER;

	crf_lock(&f->mu);
	crf_list_each (c, &f->consumers, struct carafe_consumer, link) {
		crf_ns since = atomic_load_explicit(&c->deferred_since, memory_order_relaxed);

		if (since != 0 && since < oldest && !c->topic->long_running)
			oldest = since;
	}
	crf_unlock(&f->mu);
	return oldest != CRF_NEVER ? oldest : 0;
}

static void
describe(struct carafe_consumer *c, const char *deferred, struct crf_buf *out)
{
	crf_buf_printf(out, "partition %s/", c->topic->connection->group);
	crf_lane_describe(&c->lane, out);
	crf_buf_printf(out, "%s%s\n", deferred[0] != '\0' ? ", " : "", deferred);
}

static void
describe_all(struct crf_flow *f, bool only_deferred, struct crf_buf *out)
{
	CRF_AUTO(crf_buf) deferred = { 0 };

	crf_lock(&f->mu);
	crf_list_each (c, &f->consumers, struct carafe_consumer, link) {
		crf_buf_reset(&deferred);
		if (crf_window_describe(c, &deferred) || !only_deferred)
			describe(c, crf_buf_str(&deferred), out);
	}
	crf_unlock(&f->mu);
}

void
crf_flow_describe(struct crf_flow *f, struct crf_buf *out)
{
	describe_all(f, false, out);
}

void
crf_flow_describe_deferred(struct crf_flow *f, struct crf_buf *out)
{
	describe_all(f, true, out);
}
