/* Committing. The connection commits what lanes have marked, by itself and one commit at a time: librdkafka's automatic
 * commits are off, since they go by its idea of ownership. Nothing is committed twice, nothing is ever rewound, and an
 * epoch that has ended is not in the list any more. */
#include <stdlib.h>
#include <string.h>

#include "connection/priv.h"
#include "core/error.h"

#define COMMIT_RETRY (1 * CRF_SECOND)
#define COMMIT_PATIENCE (60 * CRF_SECOND) /* of a worker that waits */
#define REFUSALS 2 /* a coordinator may not have heard of a new topic yet; of one that was deleted it never will */

static bool
is_due(const struct crf_epoch *e)
{
	int64_t marked = atomic_load_explicit(&e->marked, memory_order_acquire);
	int64_t committed = atomic_load(&e->anew) ? CRF_OFFSET_NONE : e->committed;

	return (marked > committed && marked > atomic_load_explicit(&e->floor, memory_order_relaxed)) ||
	    atomic_load(&e->restated) != e->restated_committed;
}

bool
crf_commit_awaited(const struct crf_epoch *e)
{
	return is_due(e) && (e->refusals < REFUSALS || crf_epoch_marked(e) != e->refused);
}

bool
crf_commit_awaited_among(struct crf_connection *c, const struct crf_partitions *among)
{
	crf_list_each (e, &c->epochs, struct crf_epoch, link)
		if (crf_commit_awaited(e) && (among == NULL || crf_partitions_find(among, e->topic->name, e->partition) != NULL))
			return true;
	return false;
}

static void
fill_in(struct crf_epoch *e, struct crf_partition *p)
{
	bool own; /* the handler's */

	crf_lock(&e->mu);
	if (atomic_exchange(&e->anew, false))
		e->committed = CRF_OFFSET_NONE;
	p->offset = e->committing = atomic_load_explicit(&e->marked, memory_order_acquire);
	p->leader_epoch = atomic_load_explicit(&e->leader_epoch, memory_order_relaxed);
	e->restated_committing = atomic_load(&e->restated);
	if ((own = e->metadata_of == p->offset))
		p->metadata = crf_strdup(e->metadata);
	crf_unlock(&e->mu);
	if (p->metadata == NULL && !e->unnoted)
		p->metadata = e->connection->ops->note(e->lane);
	e->noted = p->metadata != NULL && !own;
}

static void
collect(struct crf_connection *c, struct crf_partitions *l)
{
	crf_list_each (e, &c->epochs, struct crf_epoch, link)
		if (is_due(e))
			fill_in(e, crf_partitions_add(l, e->topic->name, e->partition));
}

static void
report_failure(struct crf_connection *c, int code, const struct crf_partitions *l)
{
	char *text = crf_positions_text(l, 300);

	CRF_EMIT(c->bus, CARAFE_EV_OFFSETS_COMMIT_FAILED, CRF_STR(GROUP, c->spec->group),
	    CRF_STR(CONNECTION, c->name), CRF_STR(KAFKA, crf_kafka_error_name(code)), CRF_INT(KAFKA_CODE, code),
	    CRF_STR(REASON, crf_kafka_error_text(code)), CRF_LIST(PARTITIONS, l), CRF_STR(TEXT, text),
	    CRF_STR(HINT, crf_kafka_error_hint(code)));
	free(text);
}

/* Asked before each commit while partitions are on their way out; else librdkafka tells. A member of the new protocol, which names
 * itself, hears it from the commit's answer: its epoch is that of the group it was dropped from until the revocation is answered. */
static bool
is_dropped(struct crf_connection *c)
{
	if (c->revoke.step == CRF_REVOKE_NONE || c->spec->direct)
		return false;
	c->dropped = c->dropped || !crf_client_member(c->client);
	return c->dropped;
}

bool
crf_commit_start(struct crf_connection *c, crf_ns now)
{
	struct crf_partitions l = { 0 };
	carafe_error err = { 0 };

	if (c->committing)
		return false;
	collect(c, &l);
	if (l.count > 0 && !is_dropped(c)) {
		c->committing = crf_client_commit(c->client, &l, NULL, &err) == CARAFE_OK;
		if (!c->committing) {
			c->not_before = now + COMMIT_RETRY;
			report_failure(c, err.kafka, &l);
		}
	}
	c->next_commit = now + c->commit_interval;
	crf_partitions_fini(&l);
	return c->committing;
}

/* The answer for one waiting worker; false when it goes on waiting for the next commit. mu held. */
static bool
answer(struct crf_commit_wait *w, int code)
{
	if (code != 0 && crf_kafka_error_retriable(code)) {
		w->sent = false;
		return false;
	}
	w->rc = code == 0 ? CARAFE_OK :
			    crf_error_kafka(&w->err, crf_kafka_rc(code), code, "commit of %s[%d] refused: %s",
				w->epoch->topic->name, w->epoch->partition, crf_kafka_error_text(code));
	w->done = true;
	crf_cond_signal(&w->changed);
	return true;
}

static void
answer_waits(struct crf_connection *c, const struct crf_epoch *e, int code)
{
	crf_lock(&c->mu);
	crf_list_each (w, &c->waits, struct crf_commit_wait, link)
		if (w->sent && w->epoch == e)
			answer(w, code);
	crf_unlock(&c->mu);
}

static void
note_committed(struct crf_epoch *e)
{
	e->committed = e->committing;
	e->restated_committed = e->restated_committing;
}

/* It must not hold back the offset. */
static void
drop_metadata(struct crf_epoch *e)
{
	crf_lock(&e->mu);
	e->unnoted = e->unnoted || e->noted;
	if (e->metadata_of == e->committing)
		e->metadata_of = CRF_OFFSET_NONE;
	crf_unlock(&e->mu);
}

/* Said of every partition of the commit when it is true of one, be the others committed: librdkafka's doing (2.15.1,
 * rd_kafka_cgrp_update_committed_offsets). */
static void
note_refusal(struct crf_epoch *e, int code)
{
	bool again = code == CRF_KAFKA_UNKNOWN_TOPIC_OR_PART && e->refused == e->committing;

	e->refused = e->committing;
	e->refusals = code != CRF_KAFKA_UNKNOWN_TOPIC_OR_PART ? 0 : again ? e->refusals + 1 : 1;
	if (code == CRF_KAFKA_OFFSET_METADATA_TOO_LARGE)
		drop_metadata(e);
}

void
crf_commit_ended(struct crf_connection *c, const struct crf_client_event *ev)
{
	int failed = ev->code;
	char *text;

	c->committing = false;
	for (size_t i = 0; i < ev->partitions.count; i++) {
		const struct crf_partition *p = &ev->partitions.items[i];
		struct crf_epoch *e = crf_epoch_find(c, p->topic, p->partition);
		int code = p->error != 0 ? p->error : ev->code;

		failed = code != 0 ? code : failed;
		if (e == NULL || e->committing != p->offset)
			continue;
		if (code == 0)
			note_committed(e);
		else
			note_refusal(e, code);
		answer_waits(c, e, code);
	}
	c->dropped = failed == CRF_KAFKA_UNKNOWN_MEMBER_ID || failed == CRF_KAFKA_FENCED_MEMBER_EPOCH;
	if (failed != 0) {
		c->not_before = crf_now() + COMMIT_RETRY;
		report_failure(c, failed, &ev->partitions);
		return;
	}
	if (!crf_bus_wanted(c->bus, CARAFE_EV_OFFSETS_COMMITTED))
		return;
	text = crf_positions_text(&ev->partitions, 300);
	CRF_EMIT(c->bus, CARAFE_EV_OFFSETS_COMMITTED, CRF_STR(GROUP, c->spec->group),
	    CRF_STR(CONNECTION, c->name), CRF_INT(COUNT, (int64_t)ev->partitions.count),
	    CRF_LIST(PARTITIONS, &ev->partitions), CRF_STR(TEXT, text));
	free(text);
}

static carafe_rc
lost(const struct crf_epoch *e, carafe_error *err)
{
	return crf_error(err, CARAFE_LOST, "%s[%d] is no longer owned, nothing was committed", e->topic->name, e->partition);
}

/* Answers those with nothing to wait for; true when somebody needs a commit now. */
static bool
look_at_waits(struct crf_connection *c)
{
	bool wanted = false;

	crf_lock(&c->mu);
	crf_list_each (w, &c->waits, struct crf_commit_wait, link) {
		if (w->done)
			continue;
		if (!crf_epoch_owned(w->epoch)) {
			w->rc = lost(w->epoch, &w->err);
			w->done = true;
			crf_cond_signal(&w->changed);
		} else if (!w->sent && !is_due(w->epoch)) {
			answer(w, 0);
		} else {
			wanted = wanted || !w->sent;
		}
	}
	crf_unlock(&c->mu);
	return wanted;
}

/* Before offsets are collected: who comes later may have something to say that this commit does not have. */
static void
set_sent(struct crf_connection *c, bool sent)
{
	crf_lock(&c->mu);
	crf_list_each (w, &c->waits, struct crf_commit_wait, link)
		w->sent = sent && crf_epoch_owned(w->epoch) && is_due(w->epoch);
	crf_unlock(&c->mu);
}

void
crf_commit_serve(struct crf_connection *c, crf_ns now)
{
	bool waited_for = look_at_waits(c);

	if (c->committing || now < c->not_before)
		return;
	if (!waited_for && !(c->auto_commit && now >= c->next_commit))
		return;
	set_sent(c, true);
	if (!crf_commit_start(c, now))
		set_sent(c, false);
}

void
crf_commit_fail_all(struct crf_connection *c, carafe_rc rc, const char *text)
{
	crf_lock(&c->mu);
	crf_list_each (w, &c->waits, struct crf_commit_wait, link) {
		if (w->done)
			continue;
		w->rc = crf_error(&w->err, rc, "%s", text);
		w->done = true;
		crf_cond_signal(&w->changed);
	}
	crf_unlock(&c->mu);
}

carafe_rc
crf_epoch_commit(struct crf_epoch *e, carafe_error *err)
{
	struct crf_connection *c = e->connection;
	struct crf_commit_wait w = { .epoch = e, .rc = CARAFE_TIMEOUT };
	crf_ns until = crf_now() + COMMIT_PATIENCE;

	crf_lock(&c->mu);
	if (!crf_epoch_owned(e)) { /* nobody may be there any more to say so */
		crf_unlock(&c->mu);
		return lost(e, err);
	}
	crf_cond_init(&w.changed);
	crf_list_append(&c->waits, &w.link);
	crf_unlock(&c->mu);
	crf_connection_wake(c);

	crf_lock(&c->mu);
	while (!w.done && crf_cond_wait_until(&w.changed, &c->mu, until))
		;
	crf_list_remove(&w.link);
	crf_unlock(&c->mu);
	crf_cond_fini(&w.changed);

	if (!w.done)
		return crf_error(err, CARAFE_TIMEOUT, "commit of %s[%d]: no answer from the coordinator of group %s in 60 s",
		    e->topic->name, e->partition, c->spec->group);
	if (w.rc != CARAFE_OK && err != NULL)
		*err = w.err;
	return w.rc;
}
