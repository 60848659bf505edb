/* Rebalances. Gaining partitions is answered at once. Giving them up goes in three steps, for those partitions alone:
 * drain (their lanes finish what is in hand, for at most drain_timeout), commit (what they marked), let go (their epochs
 * end, then librdkafka is told). Everything else goes on meanwhile, with what it has in hand: librdkafka fetches for nobody until it
 * has been told. Partitions that were lost are let go first. */
#include <stdlib.h>
#include <string.h>

#include "connection/priv.h"
#include "core/error.h"

#define COMMIT_BOUND (10 * CRF_SECOND) /* how long a revocation waits for its commit */

static void
report(struct crf_connection *c, carafe_event_id id, const struct crf_partitions *l, const char *reason, crf_ns took)
{
	char *text;

	if (!crf_bus_wanted(c->bus, id))
		return;
	text = crf_partitions_text(l, 300);
	CRF_EMIT(c->bus, id, CRF_STR(GROUP, c->spec->group), CRF_STR(CONNECTION, c->name),
	    CRF_INT(COUNT, (int64_t)l->count), CRF_STR(REASON, reason), CRF_INT(TIME_MS, took / CRF_MS),
	    CRF_LIST(PARTITIONS, l), CRF_STR(TEXT, text));
	free(text);
}

/* Before a rebalance is answered: of the partitions that stay nothing may be handed out twice. */
static void
keep_place(struct crf_connection *c)
{
	struct crf_partitions staying = { 0 };

	crf_list_each (e, &c->epochs, struct crf_epoch, link) {
		crf_epoch_await_take(e);
		crf_partitions_add(&staying, e->topic->name, e->partition);
	}
	if (staying.count > 0)
		crf_client_keep_place(c->client, &staying);
	crf_partitions_fini(&staying);
}

void
crf_rebalance_assign(struct crf_connection *c, struct crf_partitions *l)
{
	carafe_error err = { 0 };
	bool blocked = false;

	if (!c->spec->direct)
		keep_place(c);
	for (size_t i = 0; i < l->count; i++) {
		const struct crf_topic *t = crf_topics_find(c, l->items[i].topic);

		if (t == NULL || crf_epoch_find(c, t->name, l->items[i].partition) != NULL)
			continue;
		bool stray = crf_stray_suspected(c, t->name, l->items[i].partition);
		struct crf_epoch *e = crf_epoch_open(c, t, l->items[i].partition, stray);
		blocked = blocked || stray;
		if (c->phase != CRF_CONNECTION_RUNNING)
			c->ops->drain(e->lane, CRF_DRAIN_STOP);
	}
	report(c, CARAFE_EV_REBALANCE_ASSIGNED, l, NULL, 0); /* before anything is consumed */
	if ((blocked && crf_stray_end(c, l, &err) != CARAFE_OK) ||
	    (c->spec->direct ? crf_client_assign_directly : crf_client_assign)(c->client, l, &err) != CARAFE_OK) {
		c->last_error = err;
		c->fatal = true;
		return;
	}
	if (blocked)
		atomic_store(&c->unblocked, true);
	atomic_store(&c->steady, true);
	crf_underway_end(c);
	atomic_store(&c->rebalanced, crf_now());
	c->not_before = 0; /* what the last generation was refused */
	c->dropped = false;
}

/* A lane that has no worker to say so is as good as drained, unless its shutdown hook is to run. One that hangs is not waited
 * for. */
static bool
is_drained(const struct crf_connection *c, const struct crf_epoch *e)
{
	return atomic_load(&e->drained) || atomic_load(&e->overdue) ||
	    (c->phase == CRF_CONNECTION_RUNNING && c->ops->at_rest(e->lane));
}

static bool
all_drained(struct crf_connection *c, const struct crf_partitions *l)
{
	for (size_t i = 0; i < l->count; i++) {
		const struct crf_epoch *e = crf_epoch_find(c, l->items[i].topic, l->items[i].partition);

		if (e != NULL && !is_drained(c, e))
			return false;
	}
	return true;
}

/* The group goes on without a member that takes longer than max.poll.interval.ms, and does not tell it. */
static crf_ns
drain_bound(const struct crf_connection *c)
{
	int ms = c->settings->v.drain_timeout, most = crf_connection_max_poll(c) / 4 * 3;

	return (most > 0 && most < ms ? most : ms) * CRF_MS;
}

static void
report_undrained(struct crf_connection *c)
{
	for (size_t i = 0; i < c->revoke.list.count; i++) {
		const struct crf_partition *p = &c->revoke.list.items[i];
		const struct crf_epoch *e = crf_epoch_find(c, p->topic, p->partition);

		if (e != NULL && !is_drained(c, e))
			CRF_EMIT(c->bus, CARAFE_EV_REBALANCE_DRAIN_TIMEOUT, CRF_STR(GROUP, c->spec->group),
			    CRF_STR(CONNECTION, c->name), CRF_STR(TOPIC, p->topic), CRF_INT(PARTITION, p->partition),
			    CRF_INT(TIMEOUT_MS, drain_bound(c) / CRF_MS),
			    CRF_STR(HINT, "ask carafe_should_stop() in long handlers, or raise drain_timeout (of max.poll.interval.ms "
					  "it gets three quarters at most)"));
	}
}

/* What was marked and could not be committed in time will be handed out again, to whoever gets the partition. */
static void
report_uncommitted(struct crf_connection *c)
{
	struct crf_partitions l = { 0 };
	char *text;

	for (size_t i = 0; i < c->revoke.list.count; i++) {
		const struct crf_partition *p = &c->revoke.list.items[i];
		struct crf_epoch *e = crf_epoch_find(c, p->topic, p->partition);

		if (e != NULL && crf_commit_awaited(e))
			crf_partitions_add(&l, p->topic, p->partition)->offset = atomic_load(&e->marked);
	}
	if (l.count > 0) {
		text = crf_partitions_text(&l, 120);
		if (c->phase != CRF_CONNECTION_RUNNING)
			crf_error(&c->uncommitted, CARAFE_KAFKA,
			    "stopped, but the last offsets of %s are not committed: some messages will be handed out again", text);
		CRF_EMIT(c->bus, CARAFE_EV_OFFSETS_COMMIT_FAILED, CRF_STR(GROUP, c->spec->group),
		    CRF_STR(CONNECTION, c->name), CRF_LIST(PARTITIONS, &l), CRF_STR(TEXT, text),
		    CRF_STR(REASON, "no answer in time before the partitions were let go"),
		    CRF_STR(HINT, "what was handled since the last commit will be handed out again"));
		free(text);
	}
	crf_partitions_fini(&l);
}

static void
let_go(struct crf_connection *c)
{
	struct crf_revoke *r = &c->revoke;
	carafe_error err = { 0 };

	if (!r->lost)
		report_uncommitted(c);
	for (size_t i = 0; i < r->list.count; i++) {
		struct crf_epoch *e = crf_epoch_find(c, r->list.items[i].topic, r->list.items[i].partition);

		if (e != NULL)
			crf_epoch_end(e);
	}
	keep_place(c);
	if (crf_client_unassign(c->client, &r->list, &err) != CARAFE_OK) {
		c->last_error = err;
		c->fatal = true;
	}
	report(c, CARAFE_EV_REBALANCE_REVOKED, &r->list,
	    r->lost                               ? "lost" :
		c->absent                          ? "left" :
		c->phase == CRF_CONNECTION_RUNNING ? "revoked" :
						     "stop",
	    crf_now() - r->started);
	crf_partitions_fini(&r->list);
	r->step = CRF_REVOKE_NONE;
	crf_underway_let_go(c);
	atomic_store(&c->steady, true);
}

void
crf_rebalance_advance(struct crf_connection *c, crf_ns now)
{
	struct crf_revoke *r = &c->revoke;

	if (r->step == CRF_REVOKE_NONE)
		return;
	if (!r->lost && (c->dropped || crf_client_lost(c->client)))
		r->lost = true;
	if (r->step == CRF_REVOKE_DRAINING) {
		bool waits = !r->lost && !crf_connection_forced(c) && !all_drained(c, &r->list);

		if (waits && now < r->deadline)
			return;
		if (waits)
			report_undrained(c);
		r->step = CRF_REVOKE_COMMITTING;
		r->deadline = c->phase == CRF_CONNECTION_CLOSING ? now : now + COMMIT_BOUND; /* it has had its time */
	}
	if (!r->lost && now < crf_connection_bound(c, r->deadline) && (c->committing || crf_commit_awaited_among(c, &r->list))) {
		if (!c->committing && now >= c->not_before)
			crf_commit_start(c, now);
		if (!c->dropped)
			return;
		r->lost = true;
	}
	let_go(c);
}

void
crf_rebalance_revoke(struct crf_connection *c, struct crf_client_event *ev)
{
	struct crf_revoke *r = &c->revoke;
	crf_ns now = crf_now();

	if (r->step != CRF_REVOKE_NONE) /* librdkafka waits for an answer before it asks again; if not, the first is moot */
		let_go(c);
	atomic_store(&c->steady, false);
	crf_underway_begin(c);
	*r = (struct crf_revoke){
		.step = CRF_REVOKE_DRAINING,
		.list = ev->partitions,
		.lost = ev->lost,
		.started = now,
		.deadline = now + drain_bound(c),
	};
	ev->partitions = (struct crf_partitions){ 0 };
	c->not_before = 0; /* what was refused was of the generation before; nothing is fetched until this is over */
	for (size_t i = 0; i < r->list.count; i++) {
		struct crf_epoch *e = crf_epoch_find(c, r->list.items[i].topic, r->list.items[i].partition);

		if (e != NULL)
			c->ops->drain(e->lane, r->lost ? CRF_DRAIN_LOST : CRF_DRAIN_REVOKED);
	}
	crf_rebalance_advance(c, now);
}

void
crf_rebalance_lose_all(struct crf_connection *c)
{
	struct crf_partitions l = { 0 };

	crf_list_each (e, &c->epochs, struct crf_epoch, link) {
		crf_partitions_add(&l, e->topic->name, e->partition);
		c->ops->drain(e->lane, CRF_DRAIN_LOST);
		crf_epoch_end(e);
	}
	if (l.count > 0)
		report(c, CARAFE_EV_REBALANCE_REVOKED, &l, "lost", 0);
	crf_partitions_fini(&l);
	crf_partitions_fini(&c->revoke.list);
	c->revoke = (struct crf_revoke){ 0 };
}
