/* An epoch: one partition from the moment a connection was assigned it until it lets go. It is what decides ownership in
 * carafe, whatever librdkafka believes: after its end nothing is taken, marked or committed for it.
 *
 * The connection's thread opens and ends epochs; a lane on a worker takes messages and marks through one. Both hold a
 * reference. Ending takes the epoch's lock, so that a worker in the middle of taking, or a seek, is either before the end or
 * refused. Marking needs no lock: only the connection commits, and only what belongs to epochs it has not ended. What a
 * mark says beside its offset, its metadata or another leader epoch than the mark before, is handed over under the lock. */
#ifndef CRF_CONNECTION_EPOCH_H
#define CRF_CONNECTION_EPOCH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/list.h"
#include "core/thread.h"
#include "kafka/mailbox.h"
#include "route/route.h"

struct crf_connection;

struct crf_epoch {
	struct crf_list link; /* connection */
	struct crf_list held; /* connection.mu: until the lane releases it */
	struct crf_connection *connection;
	const struct crf_topic *topic;
	int32_t partition;
	bool stray;           /* const: its fetcher may be a stray one; stray.c */
	void *lane;           /* const after the host's opened() */
	unsigned generation;  /* const: of the connection's client */
	struct crf_mutex mu;
	atomic_bool ended;    /* written under mu */
	struct crf_mailbox *mailbox;   /* mu */
	bool taken;           /* mu: something, if only news */
	_Atomic int64_t marked;        /* lane writes: next offset for whoever comes next; CRF_OFFSET_NONE */
	_Atomic int32_t leader_epoch;  /* lane writes, under mu together with marked if it changes: of the message marked */
	char *metadata;       /* mu: of that mark; NULL */
	int64_t metadata_of;  /* mu: which mark it belongs to; CRF_OFFSET_NONE */
	atomic_uint restated; /* lane writes: how often metadata was said, or is to be asked for */
	_Atomic int64_t floor; /* what others had committed, if it was asked for before anything was marked; CRF_OFFSET_NONE */
	atomic_bool forgets;  /* lane writes: the next mark is the first one of another log */
	atomic_bool anew;     /* written under mu: it was made, and committed is of the log before */
	int64_t committed;    /* connection: acknowledged by the coordinator */
	int64_t committing;   /* connection: on its way */
	int64_t refused;      /* connection: what was not committed for want of the topic, */
	int refusals;         /* connection: and how often */
	unsigned restated_committed, restated_committing; /* connection: likewise, of restated */
	bool noted;    /* connection: the lane's note is on its way */
	bool unnoted;  /* connection: brokers refuse such notes */
	atomic_bool drained;
	atomic_bool overdue; /* a turn of its lane runs longer than the group allows */
	atomic_bool blocked; /* the partition's last epoch is not released yet, or its fetcher may be a stray one: nothing is taken */
	atomic_int refs;
};

/* Up to max native messages without waiting; none once the epoch has ended. The lane's holder. */
size_t crf_epoch_take(struct crf_epoch *e, void **natives, size_t max);

/* Everything before next is consumed. Earlier than what is marked already: fine, and nothing changes. metadata is committed
 * with it, until a later mark; copied; NULL: nothing, or what was said when the same was marked before. CARAFE_LOST once the
 * epoch has ended. The lane's holder. */
carafe_rc crf_epoch_mark(struct crf_epoch *e, int64_t next, int32_t leader_epoch, const char *metadata);

/* The partition's log is another one than what was marked is of: the next mark counts, whatever was marked and committed before. The
 * lane's holder. */
void crf_epoch_forget(struct crf_epoch *e);

/* The lane has something else to say of what is marked, when it is asked (crf_connection_host.note). Whoever the lane lets. */
void crf_epoch_restated(struct crf_epoch *e);

/* The next offset that is marked, CRF_OFFSET_NONE. Any thread that knows the lane to hold it. */
int64_t crf_epoch_marked(const struct crf_epoch *e);

/* Commits what is marked and waits for the answer, at most 60 s. The lane's holder, nothing locked. */
carafe_rc crf_epoch_commit(struct crf_epoch *e, carafe_error *err);

/* What the group has committed for the partition: offset CRF_OFFSET_NONE when nothing, metadata NULL when it says nothing,
 * which the caller frees. Asks the coordinator and waits for the answer, at most 5 s. The lane's holder, nothing locked. */
carafe_rc crf_epoch_committed(struct crf_epoch *e, int64_t *offset, char **metadata, carafe_error *err);
/* The same without waiting. done(arg, ...) is called once, perhaps before this returns, on another thread else. Until then the
 * lane must not release the epoch. The lane's holder. */
void crf_epoch_ask_committed(struct crf_epoch *e, crf_committed_fn *done, void *arg);
/* Before it goes back while nothing is marked, which could be before what others have committed: from then on that is the least
 * that is marked. Asks as crf_epoch_committed, for at most timeout_ms. While the lane takes no turns. */
carafe_rc crf_epoch_learn_floor(struct crf_epoch *e, int timeout_ms, carafe_error *err);
/* Goes on from there; what was fetched and not taken is forgotten. done(arg, ...) is called once, perhaps before this returns,
 * on another thread else: with the offset, or with err->rc not CARAFE_OK, when all is as it was. Until then the lane must
 * not release the epoch. The lane's holder. */
void crf_epoch_seek(struct crf_epoch *e, struct crf_position to, crf_seek_fn *done, void *arg);

/* The lane has finished what it had in hand and starts nothing more. The lane's holder. */
void crf_epoch_drained(struct crf_epoch *e);

/* A turn of the lane runs longer than max.poll.interval.ms: the member leaves its group until that has returned. Wake the
 * connection afterwards. Any thread that knows the lane to hold it; takes no lock. */
void crf_epoch_overdue(struct crf_epoch *e);

bool crf_epoch_owned(const struct crf_epoch *e);

/* The lane is done with the epoch and holds no message of it any more. */
void crf_epoch_release(struct crf_epoch *e);

#endif
