/* The running of an app: its pool, producer, connections, and the keeper, a thread that moves the app through its states
 * and looks after what runs. */
#ifndef CRF_APP_ENGINE_H
#define CRF_APP_ENGINE_H

#include <sys/types.h>

#include "app/app.h"
#include "connection/connection.h"
#include "flow/flow.h"

struct crf_liveness;

struct crf_engine {
	carafe *app;
	pid_t process; /* that it runs in */
	struct crf_pool *pool;
	struct crf_flow flow;
	struct crf_connection **connections; /* keeper; written under app.mu, so that others can look */
	size_t connection_count;             /* likewise */
	int share; /* of prefetch_budget that each has, KiB */
	struct crf_thread keeper;
	struct crf_liveness *liveness; /* NULL: nobody asks */
	bool exit_eof;
	/* app.mu */
	size_t stopped;       /* connections that have ended */
	carafe_rc rc;         /* what the run came to */
	carafe_error err;
	bool stuck;           /* the stop was forced and threads were left behind */
	crf_ns stop_deadline;
	crf_ns force_deadline; /* 0: the stop is not forced */
	/* keeper */
	crf_ns asked; /* when quiet or stop was asked for */
	crf_ns next_watch;
};

carafe_rc crf_engine_start(carafe *app, bool exit_eof, carafe_error *err);
void crf_engine_free(struct crf_engine *e);
/* The stop was forced and threads were left behind: nothing can be freed. */
bool crf_engine_stuck(const struct crf_engine *e);

/* The app runs in the process that this one was forked from: its threads are not here, its locks may be held for ever. */
bool crf_engine_elsewhere(const carafe *app);

/* What every connection and lane is doing, and whose turn it is on which worker: a line each. Any thread. */
void crf_engine_describe(struct crf_engine *e, struct crf_buf *out);
/* What keeps it from coming to an end, on one line: turns, what handlers have deferred, and then what connections do. Any thread. */
void crf_engine_describe_hung(struct crf_engine *e, struct crf_buf *out);
/* A turn that runs; in crf_pool_running. */
void crf_engine_describe_turn(struct crf_task *t, crf_ns since, const char *worker, struct crf_buf *out);
/* Adds a connection: which copy, -1 when there is only one. It is yet to be started. */
struct crf_connection *crf_engine_connect(struct crf_engine *e, const struct crf_connection_spec *spec, int copy);
/* Starts and stops copies of multiplexed connections as they are needed. Keeper. */
void crf_engine_scale(struct crf_engine *e, crf_ns now);
/* Something the keeper looks at has changed. Any thread, no lock held. */
void crf_engine_poke(carafe *app);

#endif
