#include "connection/epoch.h"

#include <stdlib.h>
#include <string.h>

#include "connection/priv.h"
#include "core/error.h"

/* mu held. */
static struct crf_epoch *
find_held(struct crf_connection *c, const struct crf_topic *topic, int32_t partition)
{
	crf_list_each (e, &c->held, struct crf_epoch, held)
		if (e->partition == partition && strcmp(e->topic->name, topic->name) == 0)
			return e;
	return NULL;
}

/* A partition may come back while the handler that it was taken from is still at it: the lanes must not overlap. */
static void
wake(void *epoch)
{
	struct crf_epoch *e = epoch;

	if (!atomic_load(&e->blocked))
		e->connection->ops->wake(e->lane);
}

/* Whether the first that is held for its partition. */
static bool
is_next(struct crf_connection *c, const struct crf_epoch *e)
{
	bool next;

	crf_lock(&c->mu);
	next = find_held(c, e->topic, e->partition) == e;
	crf_unlock(&c->mu);
	return next;
}

void
crf_epoch_unblock(struct crf_connection *c)
{
	if (!atomic_exchange(&c->unblocked, false))
		return;
	crf_list_each (e, &c->epochs, struct crf_epoch, link)
		if (atomic_load(&e->blocked) && is_next(c, e)) {
			atomic_store(&e->blocked, false);
			wake(e);
		}
}

struct crf_epoch *
crf_epoch_open(struct crf_connection *c, const struct crf_topic *topic, int32_t partition, bool stray)
{
	struct crf_epoch *e = crf_new(struct crf_epoch);

	e->connection = c;
	e->topic = topic;
	e->partition = partition;
	e->stray = stray;
	e->committed = e->committing = e->metadata_of = CRF_OFFSET_NONE;
	atomic_init(&e->marked, CRF_OFFSET_NONE);
	atomic_init(&e->floor, CRF_OFFSET_NONE);
	atomic_init(&e->leader_epoch, -1);
	atomic_init(&e->forgets, false);
	atomic_init(&e->anew, false);
	atomic_init(&e->refs, 2); /* the connection's and the lane's */
	crf_mutex_init(&e->mu);
	crf_list_append(&c->epochs, &e->link);
	atomic_fetch_add(&c->assigned, 1);
	atomic_store(&c->rebalanced, crf_now());

	crf_lock(&c->mu);
	c->open_lanes++;
	e->generation = c->generation;
	atomic_init(&e->blocked, stray || find_held(c, topic, partition) != NULL);
	crf_list_append(&c->held, &e->held);
	crf_unlock(&c->mu);

	e->lane = c->ops->opened(c->host, e);
	crf_lock(&e->mu); /* the lane may be woken, and take, before this returns */
	e->mailbox = crf_mailbox_open(c->client, topic->name, partition, wake, e);
	crf_unlock(&e->mu);
	wake(e); /* its first turn, for what need not wait for a message */
	return e;
}

void
crf_epoch_unref(struct crf_epoch *e)
{
	if (atomic_fetch_sub(&e->refs, 1) > 1)
		return;
	crf_mutex_fini(&e->mu);
	free(e->metadata);
	free(e);
}

void
crf_epoch_end(struct crf_epoch *e)
{
	crf_lock(&e->mu);
	atomic_store(&e->ended, true);
	if (!e->taken && e->connection->phase == CRF_CONNECTION_RUNNING)
		crf_stray_suspect(e->connection, e->topic->name, e->partition);
	crf_unlock(&e->mu);
	crf_mailbox_close(e->mailbox);
	crf_list_remove(&e->link);
	atomic_fetch_sub(&e->connection->assigned, 1);
	atomic_store(&e->connection->rebalanced, crf_now());
	e->connection->ops->ended(e->lane);
	crf_epoch_unref(e);
}

struct crf_epoch *
crf_epoch_find(struct crf_connection *c, const char *topic, int32_t partition)
{
	crf_list_each (e, &c->epochs, struct crf_epoch, link)
		if (e->partition == partition && strcmp(e->topic->name, topic) == 0)
			return e;
	return NULL;
}

size_t
crf_epoch_take(struct crf_epoch *e, void **natives, size_t max)
{
	size_t n = 0;

	crf_lock(&e->mu);
	if (e->mailbox != NULL && !atomic_load_explicit(&e->ended, memory_order_relaxed) && !atomic_load(&e->blocked))
		n = crf_mailbox_take(e->mailbox, natives, max);
	e->taken = e->taken || n > 0;
	crf_unlock(&e->mu);
	return n;
}

void
crf_epoch_await_take(struct crf_epoch *e)
{
	crf_lock(&e->mu);
	crf_unlock(&e->mu);
}

/* mu held, unless the leader epoch is that of the mark before. */
static void
move_mark(struct crf_epoch *e, int64_t next, int32_t leader_epoch)
{
	if (next > atomic_load_explicit(&e->marked, memory_order_relaxed)) {
		atomic_store_explicit(&e->leader_epoch, leader_epoch, memory_order_relaxed);
		atomic_store_explicit(&e->marked, next, memory_order_release);
	}
}

/* Under the lock when the leader is another one, which is rare: whoever commits must not see its epoch with an offset that is not its. */
static void
mark_only(struct crf_epoch *e, int64_t next, int32_t leader_epoch)
{
	bool same = leader_epoch == atomic_load_explicit(&e->leader_epoch, memory_order_relaxed);

	if (!same)
		crf_lock(&e->mu);
	move_mark(e, next, leader_epoch);
	if (!same)
		crf_unlock(&e->mu);
}

/* Both under the lock, so that whoever commits sees the two together. */
static void
mark_with(struct crf_epoch *e, int64_t next, int32_t leader_epoch, const char *metadata)
{
	crf_lock(&e->mu);
	if (next >= atomic_load_explicit(&e->marked, memory_order_relaxed)) {
		free(e->metadata);
		e->metadata = crf_strdup(metadata);
		e->metadata_of = next;
		atomic_fetch_add(&e->restated, 1);
		move_mark(e, next, leader_epoch);
	}
	crf_unlock(&e->mu);
}

/* Under the lock, so that whoever commits sees all of it or nothing. */
static void
mark_anew(struct crf_epoch *e, int64_t next, int32_t leader_epoch)
{
	crf_lock(&e->mu);
	atomic_store(&e->forgets, false);
	e->metadata_of = CRF_OFFSET_NONE;
	atomic_store(&e->anew, true);
	atomic_store(&e->floor, CRF_OFFSET_NONE);
	atomic_store(&e->leader_epoch, leader_epoch);
	atomic_store(&e->marked, next);
	crf_unlock(&e->mu);
}

carafe_rc
crf_epoch_mark(struct crf_epoch *e, int64_t next, int32_t leader_epoch, const char *metadata)
{
	if (atomic_load_explicit(&e->ended, memory_order_relaxed))
		return CARAFE_LOST;
	if (atomic_load_explicit(&e->forgets, memory_order_relaxed))
		mark_anew(e, next, leader_epoch);
	if (metadata == NULL)
		mark_only(e, next, leader_epoch);
	else
		mark_with(e, next, leader_epoch, metadata);
	return CARAFE_OK;
}

void
crf_epoch_forget(struct crf_epoch *e)
{
	atomic_store(&e->forgets, true);
}

void
crf_epoch_restated(struct crf_epoch *e)
{
	atomic_fetch_add(&e->restated, 1);
}

int64_t
crf_epoch_marked(const struct crf_epoch *e)
{
	return atomic_load_explicit(&e->marked, memory_order_relaxed);
}

void
crf_epoch_drained(struct crf_epoch *e)
{
	atomic_store(&e->drained, true);
	crf_connection_wake(e->connection);
}

bool
crf_epoch_owned(const struct crf_epoch *e)
{
	return !atomic_load(&e->ended);
}

void
crf_epoch_release(struct crf_epoch *e)
{
	struct crf_connection *c = e->connection;
	unsigned generation = e->generation;

	crf_lock(&c->mu);
	crf_list_remove(&e->held);
	atomic_store(&c->unblocked, true);
	if (generation == c->generation)
		c->open_lanes--;
	else
		c->orphans--;
	if (c->client != NULL)
		crf_client_wake(c->client);
	crf_cond_broadcast(&c->idle);
	crf_unlock(&c->mu);
	crf_epoch_unref(e);
}
