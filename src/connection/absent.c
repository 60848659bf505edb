/* A member that stays away. librdkafka cannot see a handler that hangs, since polling any of its queues counts as being
 * alive; carafe's watchdog does, and tells the partition's epoch. The member then leaves its group: every partition is
 * drained and committed as for any revocation, except that nobody waits for the one that hangs. Others take over; this
 * one comes back when the handler has returned. */
#include <stdlib.h>

#include "connection/priv.h"

void
crf_epoch_overdue(struct crf_epoch *e)
{
	atomic_store(&e->overdue, true);
	atomic_store(&e->connection->overdue, true);
}

static bool
owns_overdue(const struct crf_connection *c)
{
	crf_list_each (e, &c->epochs, struct crf_epoch, link)
		if (atomic_load(&e->overdue))
			return true;
	return false;
}

static bool
holds_overdue(struct crf_connection *c)
{
	bool found = false;

	crf_lock(&c->mu);
	crf_list_each (e, &c->held, struct crf_epoch, held)
		found = found || atomic_load(&e->overdue);
	crf_unlock(&c->mu);
	return found;
}

static void
stay_away(struct crf_connection *c, crf_ns now)
{
	c->absent = true;
	c->absent_since = now;
	crf_client_unsubscribe(c->client);
	c->subscribed = false;
	CRF_EMIT(c->bus, CARAFE_EV_CONNECTION_LEFT, CRF_STR(GROUP, c->spec->group), CRF_STR(CONNECTION, c->name),
	    CRF_STR(TEXT, "leaving the group, since a handler runs longer than max.poll.interval.ms; others take over"),
	    CRF_STR(HINT, "it comes back when the handler returns"));
}

static void
come_back(struct crf_connection *c, crf_ns now)
{
	c->absent = false;
	crf_connection_resubscribe(c);
	CRF_EMIT(c->bus, CARAFE_EV_CONNECTION_REJOINED, CRF_STR(GROUP, c->spec->group),
	    CRF_STR(CONNECTION, c->name), CRF_INT(TIME_MS, (now - c->absent_since) / CRF_MS));
}

void
crf_absence_advance(struct crf_connection *c, crf_ns now)
{
	if (c->phase != CRF_CONNECTION_RUNNING)
		return;
	if (!c->absent && atomic_exchange(&c->overdue, false) && owns_overdue(c))
		stay_away(c, now);
	if (c->absent && crf_list_empty(&c->epochs) && c->revoke.step == CRF_REVOKE_NONE && !holds_overdue(c))
		come_back(c, now);
}
