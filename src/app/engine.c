#include "app/engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/liveness.h"
#include "core/error.h"
#include "flow/plan.h"
#include "work/lane.h"

#define WATCH (1 * CRF_SECOND)

void
crf_engine_poke(carafe *app)
{
	crf_lock(&app->mu);
	crf_cond_broadcast(&app->changed);
	crf_unlock(&app->mu);
}

/* ------------------------------------------------------------------------------------------------ the connections' host */

static void *
opened(void *host, struct crf_epoch *e)
{
	struct crf_engine *en = host;
	struct crf_lane *l = crf_consumer_lane(crf_consumer_new(&en->flow, e->topic, e->partition, &crf_epoch_source, e));

	if (atomic_load(&en->app->quiet))
		crf_lane_raise(l, CRF_LANE_QUIET);
	return l;
}

static void
wake(void *lane)
{
	crf_lane_wake(lane);
}

static void
drain(void *lane, enum crf_drain why)
{
	crf_lane_raise(lane, why == CRF_DRAIN_STOP ? CRF_LANE_STOP : why == CRF_DRAIN_LOST ? CRF_LANE_LOST : CRF_LANE_REVOKED);
}

static bool
at_rest(const void *lane)
{
	return crf_lane_at_rest(lane);
}

static char *
note(const void *lane)
{
	return crf_lane_note(lane);
}

static void
ended(void *lane)
{
	crf_lane_raise(lane, CRF_LANE_ENDED);
}

/* A copy that the app goes on without has told what it could not commit: that is not the app's outcome. */
static void
stopped(void *host, struct crf_connection *c, carafe_rc rc, const carafe_error *err)
{
	struct crf_engine *en = host;
	bool alone = crf_connection_stopping(c) && !atomic_load(&en->app->stop);

	crf_lock(&en->app->mu);
	en->stopped++;
	if (rc != CARAFE_OK && !alone) {
		if (en->rc == CARAFE_OK) {
			en->rc = rc;
			en->err = *err;
		}
		atomic_store(&en->app->stop, true);
	}
	crf_cond_broadcast(&en->app->changed);
	crf_unlock(&en->app->mu);
}

static const struct crf_connection_host host_ops = {
	.opened = opened,
	.wake = wake,
	.drain = drain,
	.at_rest = at_rest,
	.note = note,
	.ended = ended,
	.stopped = stopped,
};

/* Any worker. The first one's word is the outcome. */
static void
critical(carafe *app, const char *why)
{
	struct crf_engine *e = app->engine;

	crf_lock(&app->mu);
	if (e->rc == CARAFE_OK)
		e->rc = crf_error(&e->err, CARAFE_CRITICAL, "a handler said that nothing can go on: %s", why);
	atomic_store(&app->stop, true);
	crf_cond_broadcast(&app->changed);
	crf_unlock(&app->mu);
}

/* ------------------------------------------------------------------------------------------------ the keeper */

/* A turn that goes on for too long, written down while the pool is locked. */
struct stuck {
	const struct crf_topic *topic;
	int32_t partition;
	int64_t offset;
	crf_ns since;
	char worker[16];
	char *text;
};

struct watch {
	crf_ns now;
	struct stuck *stuck;
	size_t count;
};

static void
watch_turn(struct crf_task *t, crf_ns since, const char *worker, void *arg)
{
	struct carafe_consumer *c = crf_consumer_of_task(t);
	const struct crf_lane *l = crf_consumer_lane(c);
	struct crf_buf text = { 0 };
	struct watch *w = arg;
	struct stuck *s;

	if (!crf_consumer_overdue(c, since, w->now))
		return;
	crf_consumer_give_up(c);
	crf_engine_describe_turn(t, since, worker, &text);
	w->stuck = crf_realloc(w->stuck, w->count + 1, sizeof(*w->stuck));
	s = &w->stuck[w->count++];
	*s = (struct stuck){ crf_consumer_topic(c), l->partition, atomic_load(&l->at), since, "", crf_buf_take(&text) };
	snprintf(s->worker, sizeof(s->worker), "%s", worker);
}

static void
report_stuck(struct crf_engine *e, const struct stuck *s, crf_ns now)
{
	CRF_EMIT(e->app->bus, CARAFE_EV_CONSUMER_STUCK, CRF_STR(GROUP, s->topic->connection->group),
	    CRF_STR(TOPIC, s->topic->name), CRF_INT(PARTITION, s->partition), CRF_INT(OFFSET, s->offset),
	    CRF_INT(TIME_MS, (now - s->since) / CRF_MS), CRF_STR(THREAD, s->worker), CRF_STR(TEXT, s->text),
	    CRF_STR(HINT, "the handler takes longer than max.poll.interval.ms: make it shorter, raise the setting, or draw the "
			  "route with .long_running = 1"));
}

static void
watch_turns(struct crf_engine *e, crf_ns now)
{
	struct watch w = { .now = now };

	if (now < e->next_watch)
		return;
	e->next_watch = now + WATCH;
	crf_flow_give_up_dispatches(&e->flow, now);
	crf_pool_running(e->pool, watch_turn, &w);
	for (size_t i = 0; i < w.count; i++) {
		report_stuck(e, &w.stuck[i], now);
		free(w.stuck[i].text);
	}
	free(w.stuck);
	for (size_t i = 0; w.count > 0 && i < e->connection_count; i++)
		crf_connection_wake(e->connections[i]);
}

/* mu held; let go meanwhile, since subscribers are user code. */
static void
enter(struct crf_engine *e, carafe_status status, carafe_event_id id)
{
	e->app->status = status;
	crf_cond_broadcast(&e->app->changed);
	crf_unlock(&e->app->mu);
	CRF_EMIT(e->app->bus, id, CRF_INT(TIME_MS, e->asked ? (crf_now() - e->asked) / CRF_MS : 0));
	crf_lock(&e->app->mu);
}

static bool
all_steady(const struct crf_engine *e)
{
	for (size_t i = 0; i < e->connection_count; i++)
		if (!crf_connection_steady(e->connections[i]))
			return false;
	return true;
}

/* A handler that hung when its client had to be made anew may still be at it. */
static bool
all_released(const struct crf_engine *e)
{
	for (size_t i = 0; i < e->connection_count; i++)
		if (!crf_connection_released(e->connections[i]))
			return false;
	return true;
}

static void
begin_quiet(struct crf_engine *e)
{
	e->asked = crf_now();
	enter(e, CARAFE_QUIETING, CARAFE_EV_APP_QUIETING);
	crf_unlock(&e->app->mu);
	crf_flow_raise(&e->flow, CRF_LANE_QUIET);
	crf_lock(&e->app->mu);
}

static void
begin_stop(struct crf_engine *e)
{
	e->asked = crf_now();
	e->stop_deadline = e->asked + e->app->settings.v.shutdown_timeout * CRF_MS;
	enter(e, CARAFE_STOPPING, CARAFE_EV_APP_STOPPING);
	crf_unlock(&e->app->mu);
	for (size_t i = 0; i < e->connection_count; i++)
		crf_connection_stop(e->connections[i]);
	crf_lock(&e->app->mu);
}

/* Nobody waits for handlers any more: connections commit what is marked, leave their groups and end. */
static void
begin_force(struct crf_engine *e)
{
	CRF_AUTO(crf_buf) text = { 0 };
	const struct crf_values *v = &e->app->settings.v;
	bool asked = atomic_load(&e->app->force);
	crf_ns now = crf_now();

	e->force_deadline = now + v->forceful_shutdown_wait * CRF_MS;
	crf_unlock(&e->app->mu);
	crf_engine_describe_hung(e, &text);
	for (size_t i = 0; i < e->connection_count; i++) /* before anybody is told, who may hang as well */
		crf_connection_force(e->connections[i], now + v->forceful_shutdown_wait / 2 * CRF_MS);
	CRF_EMIT(e->app->bus, CARAFE_EV_APP_STUCK, CRF_INT(TIMEOUT_MS, asked ? (now - e->asked) / CRF_MS : v->shutdown_timeout),
	    CRF_STR(TEXT, crf_buf_str(&text)),
	    CRF_STR(HINT, "what was not marked will be handed out again; ask carafe_should_stop() in long handlers, and complete all that was deferred"));
	crf_lock(&e->app->mu);
	if (asked)
		e->rc = crf_error(&e->err, CARAFE_TIMEOUT, "the stop was forced: %s", crf_buf_str(&text));
	else
		e->rc = crf_error(&e->err, CARAFE_TIMEOUT, "not stopped after shutdown_timeout (%d ms): %s", v->shutdown_timeout,
		    crf_buf_str(&text));
}

static void
give_up(struct crf_engine *e)
{
	crf_liveness_give_up(e->liveness);
	e->stuck = true;
	crf_cond_broadcast(&e->app->changed);
}

static crf_ns
deadline_of(const struct crf_engine *e)
{
	return e->force_deadline != 0 ? e->force_deadline : e->stop_deadline;
}

static void
take_down(struct crf_engine *e)
{
	size_t count = e->connection_count;

	e->connection_count = 0; /* who describes or checks them looks no more */
	crf_unlock(&e->app->mu);
	for (size_t i = 0; i < count; i++)
		crf_connection_free(e->connections[i]);
	crf_producer_free(e->flow.producer, 0); /* nobody waits for a letter any more: its message will be handed out again */
	e->flow.producer = NULL;
	crf_lock(&e->app->mu);
	enter(e, CARAFE_STOPPED, CARAFE_EV_APP_STOPPED);
	enter(e, CARAFE_TERMINATED, CARAFE_EV_APP_TERMINATED);
}

/* A stop that does not come to its end by itself. mu held. */
static void
advance_stop(struct crf_engine *e, crf_ns now)
{
	crf_ns deadline = deadline_of(e);

	if (e->force_deadline == 0 && (now >= e->stop_deadline || atomic_load(&e->app->force)))
		begin_force(e);
	else if (e->force_deadline != 0 && (now >= e->force_deadline || e->stopped == e->connection_count))
		give_up(e);
	else
		crf_cond_wait_until(&e->app->changed, &e->app->mu, deadline < now + WATCH ? deadline : now + WATCH);
}

/* One look at where the app is; false when its life is over. mu held. */
static bool
advance(struct crf_engine *e)
{
	carafe_status status = e->app->status;
	crf_ns now = crf_now();

	if (status < CARAFE_QUIETING && atomic_load(&e->app->quiet) && !atomic_load(&e->app->stop))
		begin_quiet(e);
	else if (status == CARAFE_QUIETING && crf_flow_is_quiet(&e->flow))
		enter(e, CARAFE_QUIET, CARAFE_EV_APP_QUIET);
	else if (status < CARAFE_STOPPING && atomic_load(&e->app->stop))
		begin_stop(e);
	else if (status < CARAFE_QUIETING && e->exit_eof && all_steady(e) && crf_flow_at_end(&e->flow))
		atomic_store(&e->app->stop, true);
	else if (status == CARAFE_STOPPING && e->stopped == e->connection_count && all_released(e))
		take_down(e);
	else if (status == CARAFE_STOPPING)
		advance_stop(e, now);
	else
		crf_cond_wait_until(&e->app->changed, &e->app->mu, now + WATCH);
	return e->app->status != CARAFE_TERMINATED && !e->stuck;
}

static void *
keep(void *arg)
{
	struct crf_engine *e = arg;

	crf_lock(&e->app->mu);
	while (advance(e)) {
		crf_unlock(&e->app->mu);
		watch_turns(e, crf_now());
		crf_engine_scale(e, crf_now());
		crf_lock(&e->app->mu);
	}
	crf_unlock(&e->app->mu);
	return NULL;
}

/* ------------------------------------------------------------------------------------------------ start and end */

static void
note_target(const char *topic, void *arg)
{
	(void)topic;
	*(bool *)arg = true;
}

/* Only an app with something to write has a producer. */
static carafe_rc
make_producer(struct crf_engine *e, carafe_error *err)
{
	const struct crf_routing *r = &e->app->routing;
	struct crf_kvs kafka = { 0 };
	bool writes = false;
	carafe_rc rc = CARAFE_OK;

	for (size_t i = 0; i < r->count; i++)
		for (size_t j = 0; r->connections[i].active && j < r->connections[i].topic_count; j++)
			crf_plan_targets(&r->connections[i].topics[j], note_target, &writes);
	if (writes) {
		crf_kvs_copy(&kafka, &e->app->settings.kafka);
		crf_settings_inject_producer(&e->app->settings, &kafka);
		rc = crf_producer_new(&e->flow.producer, &kafka, e->app->bus, err);
		crf_kvs_fini(&kafka);
	}
	return rc;
}

struct crf_connection *
crf_engine_connect(struct crf_engine *e, const struct crf_connection_spec *spec, int copy)
{
	struct crf_connection *c =
	    crf_connection_new(spec, copy, &e->app->settings, e->share, e->app->bus, &host_ops, e);

	crf_lock(&e->app->mu);
	e->connections[e->connection_count++] = c;
	crf_unlock(&e->app->mu);
	return c;
}

static int
most_copies(const struct crf_connection_spec *spec)
{
	return !spec->active ? 0 : spec->multiplex.max > 0 ? spec->multiplex.max : 1;
}

static void
make_connections(struct crf_engine *e)
{
	const struct crf_routing *r = &e->app->routing;
	int most = 0;

	for (size_t i = 0; i < r->count; i++)
		most += most_copies(&r->connections[i]);
	e->share = e->app->settings.v.prefetch_budget * 1024 / (most > 0 ? most : 1);
	e->connections = crf_new_array(struct crf_connection *, (size_t)most + 1);
	for (size_t i = 0; i < r->count; i++) {
		const struct crf_connection_spec *spec = &r->connections[i];

		if (spec->active && spec->multiplex.max == 0)
			crf_engine_connect(e, spec, -1);
		for (int copy = 0; spec->active && copy < spec->multiplex.boot; copy++)
			crf_engine_connect(e, spec, copy);
	}
}

carafe_rc
crf_engine_start(carafe *app, bool exit_eof, carafe_error *err)
{
	struct crf_engine *e = crf_new(struct crf_engine);
	carafe_rc rc;

	e->app = app;
	e->process = getpid();
	e->exit_eof = exit_eof;
	e->pool = crf_pool_new(app->settings.v.concurrency);
	crf_flow_init(&e->flow, app, app->bus, e->pool);
	e->flow.changed = crf_engine_poke;
	e->flow.critical = critical;
	e->flow.tick_interval = app->settings.v.tick_interval * CRF_MS;
	e->flow.pause_timeout = app->settings.v.pause_timeout * CRF_MS;
	if ((rc = make_producer(e, err)) != CARAFE_OK) {
		crf_engine_free(e);
		return rc;
	}
	if ((rc = crf_liveness_open(&e->liveness, e, err)) != CARAFE_OK) {
		crf_producer_free(e->flow.producer, 0);
		crf_engine_free(e);
		return rc;
	}
	make_connections(e);
	app->engine = e;
	for (size_t i = 0; i < e->connection_count; i++)
		crf_connection_start(e->connections[i]);
	crf_lock(&app->mu);
	app->status = CARAFE_RUNNING;
	crf_unlock(&app->mu);
	CRF_EMIT(app->bus, CARAFE_EV_APP_RUNNING, CRF_INT(COUNT, (int64_t)e->connection_count));
	crf_liveness_start(e->liveness);
	crf_thread_start(&e->keeper, "crf-keeper", keep, e);
	return CARAFE_OK;
}

bool
crf_engine_elsewhere(const carafe *app)
{
	return app->engine != NULL && app->engine->process != getpid();
}

bool
crf_engine_stuck(const struct crf_engine *e)
{
	bool stuck;

	crf_lock(&e->app->mu);
	stuck = e->stuck;
	crf_unlock(&e->app->mu);
	return stuck;
}

void
crf_engine_free(struct crf_engine *e)
{
	crf_thread_join(&e->keeper);
	crf_liveness_close(e->liveness);
	crf_pool_free(e->pool);
	crf_flow_fini(&e->flow);
	free(e->connections);
	free(e);
}
