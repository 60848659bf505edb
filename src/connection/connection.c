#include "connection/connection.h"

#include <stdlib.h>

#include "connection/priv.h"
#include "core/error.h"
#include "core/text.h"

#define POLL_MS 1000       /* longest sleep of the loop; everything urgent wakes it */
#define LEAVE_MS 5         /* how often it is looked whether the group was left: nothing tells */
#define MAX_POLL 300000    /* max.poll.interval.ms, until a client says: librdkafka's default */
#define REPEAT (5 * CRF_SECOND) /* librdkafka says the same many times a second while brokers are away */

struct crf_connection *
crf_connection_new(const struct crf_connection_spec *spec, int copy, const struct crf_settings *settings, int prefetch_kib,
    struct crf_bus *bus, const struct crf_connection_host *ops, void *host)
{
	struct crf_connection *c = crf_new(struct crf_connection);
	const char *auto_commit = crf_kvs_get(&spec->kafka, "enable.auto.commit");
	const char *interval = crf_kvs_get(&spec->kafka, "auto.commit.interval.ms");
	int64_t ms = 5000;

	c->spec = spec;
	c->copy = copy;
	c->name = copy < 0 ? crf_strdup(spec->name) : crf_format("%s-%d", spec->name, copy);
	atomic_init(&c->rebalanced, crf_now());
	atomic_init(&c->max_poll, MAX_POLL);
	c->settings = settings;
	c->prefetch_kib = prefetch_kib;
	c->bus = bus;
	c->ops = ops;
	c->host = host;
	c->auto_commit = true;
	if (auto_commit != NULL)
		crf_parse_bool(auto_commit, &c->auto_commit);
	if (interval != NULL)
		crf_parse_int(interval, &ms);
	c->auto_commit = c->auto_commit && ms > 0;
	c->commit_interval = ms * CRF_MS;
	crf_list_init(&c->epochs);
	crf_list_init(&c->waits);
	crf_list_init(&c->held);
	crf_list_init(&c->errands);
	crf_topics_init(c);
	crf_mutex_init(&c->mu);
	crf_cond_init(&c->idle);
	crf_cond_init(&c->errand);
	return c;
}

void
crf_connection_free(struct crf_connection *c)
{
	crf_thread_join(&c->thread);
	crf_topics_fini(c);
	crf_cond_fini(&c->errand);
	crf_cond_fini(&c->idle);
	crf_mutex_fini(&c->mu);
	free(c->name);
	free(c);
}

const struct crf_connection_spec *
crf_connection_spec(const struct crf_connection *c)
{
	return c->spec;
}

bool
crf_connection_steady(const struct crf_connection *c)
{
	return atomic_load(&c->steady);
}

crf_ns
crf_connection_polled(const struct crf_connection *c)
{
	return atomic_load(&c->polled);
}

crf_ns
crf_connection_underway(const struct crf_connection *c)
{
	return atomic_load(&c->underway);
}

void
crf_connection_be_patient(struct crf_connection *c)
{
	c->patient = true;
}

int
crf_connection_assigned(const struct crf_connection *c)
{
	return atomic_load(&c->assigned);
}

crf_ns
crf_connection_rebalanced(const struct crf_connection *c)
{
	return atomic_load(&c->rebalanced);
}

int
crf_connection_copy(const struct crf_connection *c)
{
	return c->copy;
}

bool
crf_connection_stopping(const struct crf_connection *c)
{
	return atomic_load(&c->stop);
}

bool
crf_connection_over(const struct crf_connection *c)
{
	return atomic_load(&c->over);
}

bool
crf_connection_released(struct crf_connection *c)
{
	bool released;

	crf_lock(&c->mu);
	released = c->open_lanes == 0 && c->orphans == 0;
	crf_unlock(&c->mu);
	return released;
}

int
crf_connection_max_poll(const struct crf_connection *c)
{
	return atomic_load(&c->max_poll);
}

void
crf_connection_wake(struct crf_connection *c)
{
	crf_lock(&c->mu);
	if (c->client != NULL)
		crf_client_wake(c->client);
	crf_cond_broadcast(&c->idle);
	crf_unlock(&c->mu);
}

void
crf_connection_stop(struct crf_connection *c)
{
	atomic_store(&c->stop, true);
	crf_connection_wake(c);
}

void
crf_connection_force(struct crf_connection *c, crf_ns commit_by)
{
	atomic_store(&c->force_by, commit_by);
	crf_connection_stop(c);
}

bool
crf_connection_forced(const struct crf_connection *c)
{
	return atomic_load(&c->force_by) != 0;
}

crf_ns
crf_connection_bound(const struct crf_connection *c, crf_ns deadline)
{
	crf_ns forced = atomic_load(&c->force_by);

	return forced != 0 && forced < deadline ? forced : deadline;
}

void
crf_connection_describe(struct crf_connection *c, struct crf_buf *out)
{
	crf_lock(&c->mu);
	crf_buf_printf(out, "connection %s: %s, %d partition%s", c->name,
	    c->client == NULL             ? "no client" :
		crf_connection_forced(c) ? "stopping by force" :
		atomic_load(&c->stop)     ? "stopping" :
		atomic_load(&c->steady)   ? "steady" :
					    "rebalancing",
	    c->open_lanes, c->open_lanes == 1 ? "" : "s");
	if (c->orphans > 0)
		crf_buf_printf(out, ", %d left behind", c->orphans);
	crf_unlock(&c->mu);
}

/* ------------------------------------------------------------------------------------------------ events */

/* Once credentials were refused, that no broker can be used is only what follows from it. */
static void
remember_error(struct crf_connection *c, const struct crf_client_event *ev)
{
	carafe_rc rc = crf_kafka_rc(ev->code);

	if (c->last_error.rc != CARAFE_DENIED || rc != CARAFE_UNAVAILABLE)
		crf_error_kafka(&c->last_error, rc, ev->code, "%s", ev->text);
}

/* Who was refused is told what the others have. */
static void
explain_strategies(struct crf_connection *c, const char *error, struct crf_buf *text)
{
	const char *own = crf_kvs_get(&c->spec->kafka, "partition.assignment.strategy");
	CRF_AUTO_FREE char *others = crf_client_group_strategy(c->client, c->spec->group, CRF_METADATA_MS);

	crf_buf_puts(text, error);
	if (own != NULL && others != NULL)
		crf_buf_printf(text, ": the group has %s, this member offers %s", others, own);
}

static void
report_error(struct crf_connection *c, const struct crf_client_event *ev)
{
	CRF_AUTO(crf_buf) text = { 0 };

	remember_error(c, ev);
	if (ev->fatal) {
		c->fatal = true;
		return;
	}
	if (crf_kafka_rc(ev->code) == CARAFE_UNAVAILABLE && !crf_thin_pass(&c->errors, ev->code, crf_now(), REPEAT))
		return;
	if (ev->code == CRF_KAFKA_INCONSISTENT_GROUP_PROTOCOL)
		explain_strategies(c, ev->text, &text);
	else
		crf_buf_puts(&text, ev->text);
	CRF_EMIT(c->bus, CARAFE_EV_CONNECTION_ERROR, CRF_STR(GROUP, c->spec->group), CRF_STR(CONNECTION, c->name),
	    CRF_STR(KAFKA, crf_kafka_error_name(ev->code)), CRF_INT(KAFKA_CODE, ev->code), CRF_STR(TEXT, crf_buf_str(&text)),
	    CRF_STR(HINT, crf_kafka_error_hint(ev->code)));
}

static void
handle(struct crf_connection *c, struct crf_client_event *ev)
{
	switch (ev->kind) {
	case CRF_CLIENT_NOTHING:
		break;
	case CRF_CLIENT_ASSIGN:
		crf_rebalance_assign(c, &ev->partitions);
		break;
	case CRF_CLIENT_REVOKE:
		crf_rebalance_revoke(c, ev);
		break;
	case CRF_CLIENT_COMMITTED:
		crf_commit_ended(c, ev);
		break;
	case CRF_CLIENT_ERROR:
		report_error(c, ev);
		break;
	case CRF_CLIENT_STATISTICS:
		crf_underway_learn(c, ev->text);
		CRF_EMIT(c->bus, CARAFE_EV_STATISTICS, CRF_STR(GROUP, c->spec->group),
		    CRF_STR(CONNECTION, c->name), CRF_STR(STATISTICS, ev->text));
		break;
	case CRF_CLIENT_LOG:
		CRF_EMIT(c->bus, CARAFE_EV_CONNECTION_LOG, CRF_STR(GROUP, c->spec->group),
		    CRF_STR(CONNECTION, c->name), CRF_STR(TEXT, ev->text));
		break;
	}
}

/* ------------------------------------------------------------------------------------------------ the thread */

static void
drain_all(struct crf_connection *c)
{
	c->phase = CRF_CONNECTION_DRAINING;
	crf_list_each (e, &c->epochs, struct crf_epoch, link)
		c->ops->drain(e->lane, CRF_DRAIN_STOP);
}

static bool
everything_drained(const struct crf_connection *c)
{
	crf_list_each (e, &c->epochs, struct crf_epoch, link)
		if (!atomic_load(&e->drained))
			return false;
	return true;
}

/* What is marked is committed while this is a member like any other. A commit waits behind a join that is on its way, and
 * is refused when that has made a new generation; closing, librdkafka would not take notice of it any more. */
static bool
waits_for_commit(struct crf_connection *c, crf_ns now)
{
	if ((!c->committing && !crf_commit_awaited_among(c, NULL)) || now >= crf_connection_bound(c, c->close_by) ||
	    c->dropped || crf_client_lost(c->client))
		return false;
	if (now >= c->not_before)
		crf_commit_start(c, now);
	return true;
}

static void
leave(struct crf_connection *c)
{
	c->phase = CRF_CONNECTION_LEAVING;
	if (crf_list_empty(&c->epochs))
		crf_client_leave(c->client);
	else
		c->close_by = 0; /* closing revokes these, and leaves */
}

static void
close_group(struct crf_connection *c)
{
	carafe_error err = { 0 };

	c->phase = CRF_CONNECTION_CLOSING;
	if (crf_client_close(c->client, &err) != CARAFE_OK) {
		c->last_error = err;
		c->fatal = true;
	}
}

/* A stop drains all lanes, commits, leaves the group, closes. */
static void
advance_stop(struct crf_connection *c, crf_ns now)
{
	if (c->phase == CRF_CONNECTION_RUNNING && atomic_load(&c->stop))
		drain_all(c);
	if (c->revoke.step != CRF_REVOKE_NONE)
		return;
	if (c->phase == CRF_CONNECTION_DRAINING && (everything_drained(c) || crf_connection_forced(c))) {
		c->phase = CRF_CONNECTION_COMMITTING;
		c->close_by = now + c->settings->v.shutdown_timeout / 2 * CRF_MS;
	}
	if (c->phase == CRF_CONNECTION_COMMITTING && !waits_for_commit(c, now))
		leave(c);
	if (c->phase == CRF_CONNECTION_LEAVING && (now >= crf_connection_bound(c, c->close_by) || crf_client_left(c->client)))
		close_group(c);
}

static void
look_for_broker(struct crf_connection *c, crf_ns now)
{
	int patience = c->patient ? 0 : c->settings->v.boot_timeout;

	if (c->reached)
		return;
	c->reached = crf_client_reached(c->client);
	if (c->reached) {
		CRF_EMIT(c->bus, CARAFE_EV_CONNECTION_REACHED, CRF_STR(GROUP, c->spec->group),
		    CRF_STR(CONNECTION, c->name), CRF_INT(TIME_MS, (now - c->started) / CRF_MS));
	} else if (patience > 0 && now > c->started + patience * CRF_MS) {
		carafe_error last = c->last_error;

		crf_error_kafka(&c->last_error, last.rc == CARAFE_DENIED ? CARAFE_DENIED : CARAFE_UNAVAILABLE, last.kafka,
		    "group %s: no broker of %s answered within %d ms (boot_timeout)%s%s", c->spec->group,
		    crf_kvs_get(&c->spec->kafka, "bootstrap.servers"), patience, last.rc ? "; last error: " : "", last.text);
		c->fatal = true;
	}
}

static int
poll_timeout(const struct crf_connection *c, crf_ns now)
{
	crf_ns next = c->auto_commit && !c->committing ? c->next_commit : CRF_NEVER;

	if (c->phase == CRF_CONNECTION_LEAVING)
		return LEAVE_MS;
	if (c->phase == CRF_CONNECTION_COMMITTING && !c->committing)
		next = now;
	if (c->revoke.step != CRF_REVOKE_NONE && c->revoke.deadline < next)
		next = c->revoke.deadline;
	if (next < c->not_before)
		next = c->not_before;
	return crf_ms_until(next, now, c->reached ? POLL_MS : 100);
}

static void
serve(struct crf_connection *c)
{
	c->next_commit = crf_now() + c->commit_interval;
	while (!c->fatal && !(c->phase == CRF_CONNECTION_CLOSING && crf_client_closed(c->client))) {
		struct crf_client_event ev;
		crf_ns now = crf_now();

		atomic_store_explicit(&c->polled, now, memory_order_relaxed);
		advance_stop(c, now);
		crf_absence_advance(c, now);
		crf_topics_serve(c, now);
		crf_rebalance_advance(c, now);
		crf_epoch_unblock(c);
		crf_commit_serve(c, now);
		crf_underway_serve(c, now);
		look_for_broker(c, now);
		if (c->fatal)
			break;
		crf_client_poll(c->client, poll_timeout(c, crf_now()), &ev);
		handle(c, &ev);
		crf_client_event_fini(&ev);
	}
}

static void
pause_before_reset(struct crf_connection *c)
{
	crf_ns until = crf_now() + c->settings->v.reset_backoff * CRF_MS;

	CRF_EMIT(c->bus, CARAFE_EV_CONNECTION_FATAL, CRF_STR(GROUP, c->spec->group), CRF_STR(CONNECTION, c->name),
	    CRF_STR(KAFKA, crf_kafka_error_name(c->last_error.kafka)), CRF_INT(KAFKA_CODE, c->last_error.kafka),
	    CRF_STR(TEXT, c->last_error.text), CRF_STR(HINT, crf_kafka_error_hint(c->last_error.kafka)),
	    CRF_INT(TIMEOUT_MS, c->settings->v.reset_backoff));
	crf_lock(&c->mu);
	while (!atomic_load(&c->stop) && crf_cond_wait_until(&c->idle, &c->mu, until))
		;
	crf_unlock(&c->mu);
}

static void
report_started(struct crf_connection *c)
{
	CRF_AUTO(crf_buf) topics = { 0 }, client = { 0 };

	crf_buf_puts(&client, crf_kvs_get(&c->spec->kafka, "client.id"));
	if (c->copy >= 0)
		crf_buf_printf(&client, "-%d", c->copy);
	for (size_t i = 0; i < c->spec->topic_count; i++)
		crf_buf_printf(&topics, "%s%s", i ? " " : "", c->spec->topics[i].name);
	CRF_EMIT(c->bus, CARAFE_EV_CONNECTION_STARTED, CRF_STR(GROUP, c->spec->group), CRF_STR(CONNECTION, c->name),
	    CRF_STR(CLIENT, crf_buf_str(&client)), CRF_STR(TEXT, crf_buf_str(&topics)));
}

/* One client's life. CARAFE_OK: it was asked to stop and did. */
static carafe_rc
live_once(struct crf_connection *c)
{
	c->fatal = c->absent = c->subscribed = false;
	c->phase = CRF_CONNECTION_RUNNING;
	crf_underway_begin(c);
	if (crf_connection_open(c, &c->last_error) != CARAFE_OK) {
		crf_underway_failed(c);
		return c->last_error.rc;
	}
	crf_errands_begin(c);
	report_started(c);
	serve(c);
	atomic_store(&c->polled, 0);
	if (c->fatal)
		crf_underway_failed(c);
	crf_connection_close(c);
	return c->fatal ? c->last_error.rc : CARAFE_OK;
}

static void *
run(void *arg)
{
	struct crf_connection *c = arg;
	carafe_rc rc;

	c->started = crf_now();
	while ((rc = live_once(c)) != CARAFE_OK && (c->reached || c->patient) && !atomic_load(&c->stop))
		pause_before_reset(c);
	crf_underway_end(c);
	if (rc == CARAFE_OK || atomic_load(&c->stop))
		CRF_EMIT(c->bus, CARAFE_EV_CONNECTION_STOPPED, CRF_STR(GROUP, c->spec->group),
		    CRF_STR(CONNECTION, c->name), CRF_INT(TIME_MS, (crf_now() - c->started) / CRF_MS));
	if (atomic_load(&c->stop)) /* what the client made of its last moments is of no consequence, what was lost is */
		c->ops->stopped(c->host, c, c->uncommitted.rc, &c->uncommitted);
	else
		c->ops->stopped(c->host, c, rc, &c->last_error);
	atomic_store(&c->over, true);
	return NULL;
}

void
crf_connection_start(struct crf_connection *c)
{
	crf_thread_start(&c->thread, "crf-connection", run, c);
}
