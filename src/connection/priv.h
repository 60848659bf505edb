/* What the files of this room share. Everything is the connection thread's unless a lock or "atomic" is named. */
#ifndef CRF_CONNECTION_PRIV_H
#define CRF_CONNECTION_PRIV_H

#include "connection/connection.h"
#include "core/thin.h"
#include "kafka/client.h"

#define CRF_METADATA_MS 1000 /* what asking brokers about topics and groups may take */

/* A worker that waits for a commit. On its stack; linked while it waits. */
struct crf_commit_wait {
	struct crf_list link; /* connection.mu */
	struct crf_epoch *epoch;
	bool sent; /* mu: part of the commit that is on its way */
	bool done; /* mu */
	carafe_rc rc;
	carafe_error err;
	struct crf_cond changed;
};

/* Partitions on their way out: asked for, drained, committed, let go. */
enum crf_revoke_step { CRF_REVOKE_NONE, CRF_REVOKE_DRAINING, CRF_REVOKE_COMMITTING };

struct crf_revoke {
	enum crf_revoke_step step;
	struct crf_partitions list;
	bool lost;
	crf_ns started;
	crf_ns deadline;
};

enum crf_connection_phase {
	CRF_CONNECTION_RUNNING,
	CRF_CONNECTION_DRAINING,
	CRF_CONNECTION_COMMITTING,
	CRF_CONNECTION_LEAVING,
	CRF_CONNECTION_CLOSING
};

struct crf_connection {
	const struct crf_connection_spec *spec;
	int copy;   /* of a multiplexed connection, from 0; -1: there is one */
	char *name; /* the spec's, and the copy's number */
	const struct crf_settings *settings;
	struct crf_bus *bus;
	const struct crf_connection_host *ops;
	void *host;
	struct crf_thread thread;
	atomic_bool stop;
	_Atomic crf_ns force_by; /* a stop waits for nobody, and for commits no longer than that; 0: it does */
	atomic_bool over; /* stopped() was called */
	atomic_bool steady;
	_Atomic crf_ns polled;      /* last turn of its thread; 0: no client now */
	_Atomic crf_ns underway;    /* underway.c: since when it has been on its way to having its partitions; 0 */
	atomic_int max_poll;
	atomic_int assigned;        /* epochs */
	_Atomic crf_ns rebalanced;  /* last */
	atomic_bool overdue;   /* one of the epochs may be */
	atomic_bool unblocked; /* likewise */

	enum crf_connection_phase phase;
	crf_ns close_by; /* after DRAINING: a stop waits no longer for the group */
	struct crf_list epochs;
	struct crf_list found; /* topics.c */
	size_t found_count;
	struct crf_told *told; /* topics.c: of each topic whose partitions are assigned by hand */
	crf_ns look_interval;
	crf_ns next_look; /* for topics that match patterns */
	bool subscribed;
	bool absent; /* left the group until a handler that hangs returns */
	crf_ns absent_since;
	struct crf_partitions strays; /* connection: which this client may still fetch when it has given them up; stray.c */
	struct crf_revoke revoke;
	bool answered;    /* underway.c: an assignment of this client, and no revocation since */
	bool joining;     /* likewise: it waits in a join, as was last learned */
	crf_ns failed_at; /* likewise: the last client that could not go on; 0 */
	crf_ns started;
	bool reached;
	bool patient; /* no boot_timeout */
	bool fatal; /* the client cannot go on */
	carafe_error last_error;
	struct crf_thin errors;
	carafe_error uncommitted; /* rc not CARAFE_OK: something marked was let go without a commit */
	int prefetch_kib; /* this connection's share of prefetch_budget */

	bool auto_commit;
	crf_ns commit_interval;
	crf_ns next_commit; /* the periodic one */
	crf_ns not_before;  /* after a refusal */
	bool dropped;       /* the group does not know this member any more */
	bool committing;    /* one commit is on its way; never two, so that they cannot overtake each other */

	struct crf_mutex mu;
	struct crf_cond idle;     /* mu: open_lanes fell, or client went */
	struct crf_client *client; /* written under mu, so that others can wake it */
	struct crf_list waits;    /* mu: crf_commit_wait */
	struct crf_list held;     /* mu: epochs that lanes have not released, ended or not */
	struct crf_list errands;  /* mu: errand.c's */
	struct crf_cond errand;   /* mu: there is one more, or they are over */
	atomic_bool errands_over; /* written under mu */
	struct crf_thread errand_thread; /* started under mu */
	int open_lanes;           /* mu: lanes that may still hold messages of the client */
	unsigned generation;      /* mu: which client this is */
	int orphans;              /* mu: lanes of clients that were left behind because a handler hung */
};

/* stray: nothing is taken before c->unblocked says so. */
struct crf_epoch *crf_epoch_open(struct crf_connection *c, const struct crf_topic *topic, int32_t partition, bool stray);
void crf_epoch_end(struct crf_epoch *e);
/* A take that had begun when this is called has ended when it returns. */
void crf_epoch_await_take(struct crf_epoch *e);
void crf_epoch_unref(struct crf_epoch *e);
/* Lets epochs begin that waited for an earlier one of the same partition. */
void crf_epoch_unblock(struct crf_connection *c);
struct crf_epoch *crf_epoch_find(struct crf_connection *c, const char *topic, int32_t partition);

/* Stray fetchers: librdkafka may go on with a partition that is given up. */
void crf_stray_suspect(struct crf_connection *c, const char *topic, int32_t partition);
bool crf_stray_suspected(const struct crf_connection *c, const char *topic, int32_t partition);
/* Before they are assigned: those of them that are suspected, and no longer are then, are given the offset to begin at. Asks the
 * coordinator; when that fails they must not be assigned to this client. */
carafe_rc crf_stray_end(struct crf_connection *c, struct crf_partitions *assigned, carafe_error *err);

/* Rebalances. */
void crf_rebalance_assign(struct crf_connection *c, struct crf_partitions *l);
void crf_rebalance_revoke(struct crf_connection *c, struct crf_client_event *ev);
/* Moves a revocation on as far as it can go now. */
void crf_rebalance_advance(struct crf_connection *c, crf_ns now);
/* Ends every epoch at once, as lost: the client is going. */
void crf_rebalance_lose_all(struct crf_connection *c);

/* underway.c: a client is made, or partitions are to be given up; they were, and others may come; the client has failed; it has its
 * partitions. */
void crf_underway_begin(struct crf_connection *c);
void crf_underway_let_go(struct crf_connection *c);
void crf_underway_failed(struct crf_connection *c);
void crf_underway_end(struct crf_connection *c);
/* From librdkafka's statistics; and whether starting anew might still bring what it waits for. */
void crf_underway_learn(struct crf_connection *c, const char *statistics);
void crf_underway_serve(struct crf_connection *c, crf_ns now);

/* Its stop was forced; a deadline, or when that wants an end if it is earlier. */
bool crf_connection_forced(const struct crf_connection *c);
crf_ns crf_connection_bound(const struct crf_connection *c, crf_ns deadline);

/* Leaves the group when a handler hangs, comes back when it has returned. */
void crf_absence_advance(struct crf_connection *c, crf_ns now);

/* What the coordinator said when it was asked what is committed for this one, among others; err: how the asking ended, and then
 * why there is no answer. */
carafe_rc crf_committed_said(const struct crf_partition *p, carafe_error *err);

/* Errands for lanes of a new client; no more for those of this one, which are refused: waits for the one that is on its
 * way. */
void crf_errands_begin(struct crf_connection *c);
void crf_errands_end(struct crf_connection *c);

/* Commits. */
/* Sends what is marked and not committed, of all epochs; false when there is nothing or one is on its way. */
bool crf_commit_start(struct crf_connection *c, crf_ns now);
void crf_commit_ended(struct crf_connection *c, const struct crf_client_event *ev);
/* Periodic commits, commits that workers wait for. */
void crf_commit_serve(struct crf_connection *c, crf_ns now);
/* The workers that wait get this answer: the client is going. */
void crf_commit_fail_all(struct crf_connection *c, carafe_rc rc, const char *text);
/* It has something marked that the coordinator has not acknowledged, and that is worth waiting for. */
bool crf_commit_awaited(const struct crf_epoch *e);
/* One of those has; NULL: of all. */
bool crf_commit_awaited_among(struct crf_connection *c, const struct crf_partitions *among);

/* The client. */
carafe_rc crf_connection_open(struct crf_connection *c, carafe_error *err);
/* Every epoch ends as lost; waits for the lanes, of a client that has failed no longer than drain_timeout. */
void crf_connection_close(struct crf_connection *c);
/* To what there is to consume now. With nothing there it is no member of its group. */
carafe_rc crf_connection_subscribe(struct crf_connection *c, struct crf_client *client, carafe_error *err);
/* The same for the client that runs; a failure is fatal to it. */
void crf_connection_resubscribe(struct crf_connection *c);
/* Says that brokers have this error for the topic. */
void crf_connection_report_topic(struct crf_connection *c, const char *topic, int code);

/* Topics. */
void crf_topics_init(struct crf_connection *c);
void crf_topics_fini(struct crf_connection *c);
/* The topic of that name, however it came to be consumed; NULL. */
const struct crf_topic *crf_topics_find(const struct crf_connection *c, const char *name);
/* What there is to consume now; the caller frees the array. */
const char **crf_topics_names(const struct crf_connection *c, size_t *count);
/* Asks the brokers what there is; true when patterns match others than before. Blocks for a second at most. */
bool crf_topics_look(struct crf_connection *c, struct crf_client *client);
/* The same when it is time, and subscribes anew. */
void crf_topics_serve(struct crf_connection *c, crf_ns now);

#endif
