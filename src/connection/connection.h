/* A connection: one librdkafka consumer and the one thread that speaks to it. It answers rebalances, commits, reports
 * errors and statistics, and makes the client anew when it failed for good. It never waits for a handler and never runs
 * one: what a partition's messages go through is the host's business. */
#ifndef CRF_CONNECTION_CONNECTION_H
#define CRF_CONNECTION_CONNECTION_H

#include "bus/bus.h"
#include "connection/epoch.h"
#include "core/buf.h"
#include "settings/settings.h"

enum crf_drain {
	CRF_DRAIN_REVOKED, /* another member gets the partition */
	CRF_DRAIN_LOST,    /* it is gone already: nothing can be committed */
	CRF_DRAIN_STOP     /* this process goes */
};

/* Calls from a connection to whoever runs the lanes. On the connection's thread unless said otherwise. */
struct crf_connection_host {
	/* A partition was assigned: returns its lane, which owns one reference of the epoch. */
	void *(*opened)(void *host, struct crf_epoch *e);
	/* The mailbox has something. On a thread of librdkafka that holds the queue's lock: only mark and signal. */
	void (*wake)(void *lane);
	/* Finish what is in hand, start nothing more, then call crf_epoch_drained(). May come twice; lost overrides. */
	void (*drain)(void *lane, enum crf_drain why);
	/* After drain(): nothing runs for the lane, and nothing will. */
	bool (*at_rest)(const void *lane);
	/* What the lane has to say to whoever has the partition next, NULL nothing; freed by the caller. */
	char *(*note)(const void *lane);
	/* The epoch has ended, drained or not; the lane must end and release it. The last call about this lane. */
	void (*ended)(void *lane);
	/* The connection's thread is about to return: rc is CARAFE_OK when it was asked to stop, else why it cannot go on. */
	void (*stopped)(void *host, struct crf_connection *c, carafe_rc rc, const carafe_error *err);
};

/* copy: which one of a multiplexed connection, from 0; -1 when there is one. prefetch_kib: its share of prefetch_budget. */
struct crf_connection *crf_connection_new(const struct crf_connection_spec *spec, int copy, const struct crf_settings *settings,
    int prefetch_kib, struct crf_bus *bus, const struct crf_connection_host *ops, void *host);
/* Brokers have been there before: it waits for them for as long as it takes. Before it is started. */
void crf_connection_be_patient(struct crf_connection *c);
void crf_connection_start(struct crf_connection *c);
/* Drains every lane, commits, leaves the group. Returns at once; stopped() tells the end. Any thread. */
void crf_connection_stop(struct crf_connection *c);
/* A stop waits for no lane any more: what is marked is committed, by then at the latest, the group is left, and a client that a
 * lane still holds messages of is left behind. Any thread. */
void crf_connection_force(struct crf_connection *c, crf_ns commit_by);
/* Makes its thread look at what has changed. Any thread, no lock of its own held. */
void crf_connection_wake(struct crf_connection *c);
/* After stopped() was called. */
void crf_connection_free(struct crf_connection *c);

const struct crf_connection_spec *crf_connection_spec(const struct crf_connection *c);
/* True when a rebalance round has been answered and none is going on: what is assigned is settled. Any thread. */
bool crf_connection_steady(const struct crf_connection *c);
/* How many partitions it has, and when that last changed (its start counts). Any thread. */
int crf_connection_assigned(const struct crf_connection *c);
crf_ns crf_connection_rebalanced(const struct crf_connection *c);
int crf_connection_copy(const struct crf_connection *c);
/* It was told to stop; its thread has said that it did. Any thread. */
bool crf_connection_stopping(const struct crf_connection *c);
bool crf_connection_over(const struct crf_connection *c);
/* No lane holds anything of it any more: it may be freed once it has stopped. Any thread. */
bool crf_connection_released(struct crf_connection *c);
/* ms that a handler may take before others think this member dead. Any thread. */
int crf_connection_max_poll(const struct crf_connection *c);
/* When its thread last looked at its client, 0 while it has none. Any thread. */
crf_ns crf_connection_polled(const struct crf_connection *c);
/* Since when it has been on its way to having its partitions, for as long as starting anew might help; 0: it has them, or waits for
 * others. Any thread. */
crf_ns crf_connection_underway(const struct crf_connection *c);
/* One line on what it is doing. Any thread. */
void crf_connection_describe(struct crf_connection *c, struct crf_buf *out);

#endif
