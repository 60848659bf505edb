/* carafe: reliable, fast Kafka consumers in C. SPDX-License-Identifier: BSD-2-Clause
 *
 *     static carafe_rc on_order(carafe_consumer *c, const carafe_message *m)
 *     {
 *             if (m->value.len == 0)
 *                     return carafe_fail(c, "empty order");      retried, then dead-lettered
 *             return CARAFE_OK;                                  marked as consumed
 *     }
 *     static const carafe_handler orders = { .message = on_order };
 *
 *     int main(int argc, char **argv)
 *     {
 *             carafe *app = carafe_new(.client_id = "shop");
 *             carafe_route(carafe_group(app, "billing"), "orders", .handler = &orders);
 *             return carafe_main(app, argc, argv);
 *     }
 *
 * Three audiences of threads appear below: *drawing* is the one thread that builds the app before it starts; a *worker*
 * is a thread of carafe's pool inside one of your handlers, for the consumer it was given; *any* is any thread at all.
 * Strings and structs passed in are copied, except handlers and user arguments, which must live as long as the app.
 * Drawing calls never fail on the spot: mistakes are collected and reported together when the app is started.
 *
 * A handle that is NULL, or is none any more as far as that can be told, says so on stderr and aborts; so does drawing on an app
 * that was started. */
#ifndef CARAFE_H
#define CARAFE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <carafe/error.h>
#include <carafe/event.h>

#define CARAFE_VERSION_MAJOR 0
#define CARAFE_VERSION_MINOR 1
#define CARAFE_VERSION_PATCH 0

#ifdef __cplusplus
extern "C" {
#endif

/* "0.1.0" of the library that is linked, which may differ from the header's. Any thread. */
CARAFE_API const char *carafe_version(void);

/* ------------------------------------------------------------------------------------------------ values */

/* Borrowed bytes. data is NULL for Kafka's null (a tombstone's value, a missing key), which is not the same as empty. */
typedef struct carafe_bytes {
	const void *data;
	size_t len;
} carafe_bytes;

/* One setting. A list ends with a pair of NULLs; CARAFE_KV writes it. */
typedef struct carafe_kv {
	const char *key;
	const char *value;
} carafe_kv;

/* What the macros write in which options are named: a struct of them, and a list of settings, each there until the call that it is
 * given to has returned. C++ has no compound literals. There it takes C++20 (which names them in the order of the struct), and with
 * g++ -Wextra also -Wno-missing-field-initializers. */
#ifdef __cplusplus
extern "C++" {
template <typename opts> inline const opts *
carafe_opts_at_(const opts &given)
{
	return &given;
}
template <size_t count> inline const carafe_kv *
carafe_kv_at_(const carafe_kv (&given)[count])
{
	return given;
}
}
#define CARAFE_OPTS_(type, ...) carafe_opts_at_(type{ .size = sizeof(type), __VA_ARGS__ })
#define CARAFE_KV_(...) carafe_kv_at_({ __VA_ARGS__ })
#else
#define CARAFE_OPTS_(type, ...) (&(type){ .size = sizeof(type), __VA_ARGS__ })
#define CARAFE_KV_(...) ((const carafe_kv[]){ __VA_ARGS__ })
#endif

/* CARAFE_KV({ "bootstrap.servers", "localhost:9092" }, { "fetch.min.bytes", "1" }) */
#define CARAFE_KV(...) CARAFE_KV_(__VA_ARGS__, { NULL, NULL })

/* Explicitly nothing, for an option whose 0 means "the default". */
#define CARAFE_NONE (-1)

/* ------------------------------------------------------------------------------------------------ messages */

/* One message, valid until the handler that was given it returns; see carafe_defer() for longer. Never allocated by you: the
 * struct may grow. */
typedef struct carafe_message {
	int64_t offset;
	carafe_bytes key;
	carafe_bytes value;
	const char *topic;
	int32_t partition;
	int32_t reserved_;
	void *native_; /* see carafe_message_native() */
} carafe_message;

/* Messages of one partition in the order of their offsets. */
typedef struct carafe_batch carafe_batch;

/* How many messages. Worker. */
CARAFE_API size_t carafe_batch_count(const carafe_batch *batch);
/* The i-th message, NULL past the end. Worker. */
CARAFE_API const carafe_message *carafe_batch_at(const carafe_batch *batch, size_t i);
/* The message after m, NULL past the end. Worker. */
CARAFE_API const carafe_message *carafe_batch_next(const carafe_batch *batch, const carafe_message *m);

/* carafe_foreach (m, batch) { ... } */
#define carafe_foreach(m, batch)                                                                                       \
	for (const carafe_message *m = carafe_batch_at((batch), 0); m != NULL; m = carafe_batch_next((batch), m))

/* Milliseconds since 1970; -1 when the message carries no time. Worker. */
CARAFE_API int64_t carafe_message_timestamp(const carafe_message *m);
/* The partition leader's epoch the message was written in; -1 if unknown. Worker. */
CARAFE_API int32_t carafe_message_leader_epoch(const carafe_message *m);
/* The last header of that name: false if there is none. Worker. */
CARAFE_API bool carafe_message_header(const carafe_message *m, const char *name, carafe_bytes *value);
/* Header i of the message, in the order written: false past the end. Worker. */
CARAFE_API bool carafe_message_header_at(const carafe_message *m, size_t i, const char **name, carafe_bytes *value);
/* librdkafka's own rd_kafka_message_t, borrowed. Worker. */
CARAFE_API void *carafe_message_native(const carafe_message *m);

/* ------------------------------------------------------------------------------------------------ handlers */

/* What handlers are given: one assigned partition of one route, from assignment to revocation. */
typedef struct carafe_consumer carafe_consumer;

/* The hook a wrap() surrounds. */
typedef enum carafe_hook {
	CARAFE_HOOK_CONSUME,
	CARAFE_HOOK_INITIALIZED,
	CARAFE_HOOK_REVOKED,
	CARAFE_HOOK_SHUTDOWN,
	CARAFE_HOOK_EOFED,
	CARAFE_HOOK_TICK
} carafe_hook;

/* Your code. Exactly one of consume and message is required; the rest may be NULL. For one partition at most one of
 * them runs at a time; partitions run side by side on the workers. Only failures of consume and message are retried,
 * those of the others are reported as consumer.error events. */
typedef struct carafe_handler {
	/* A batch. On CARAFE_OK all of it is marked as consumed (unless marking is manual); a failure runs it again from
	 * the first message not marked. */
	carafe_rc (*consume)(carafe_consumer *c, const carafe_batch *batch);
	/* One message at a time. Each success is marked; a failure is retried from that very message. */
	carafe_rc (*message)(carafe_consumer *c, const carafe_message *m);
	/* Before the first work of an assigned partition, which goes on when this fails, too: what it could not set up is for the handler
	 * to see, and to fail. CARAFE_CRITICAL stops the app before anything of the partition is handled. */
	carafe_rc (*initialized)(carafe_consumer *c);
	/* After the partition was taken away or lost, if anything ever ran for it. Nothing can be marked any more. */
	carafe_rc (*revoked)(carafe_consumer *c);
	/* Before the app stops or falls quiet, if anything ever ran for it. What is marked here is still committed. */
	carafe_rc (*shutdown)(carafe_consumer *c);
	/* The end of the partition was reached with nothing left to do: after consume or message has succeeded with what was before
	 * it, if anything was. Needs enable.partition.eof=true on the route. */
	carafe_rc (*eofed)(carafe_consumer *c);
	/* Now and then (tick_interval) while there is nothing to do. */
	carafe_rc (*tick)(carafe_consumer *c);
	/* Around each of the above, to set something up and take it down: must call carafe_proceed(c) exactly once. */
	void (*wrap)(carafe_consumer *c, carafe_hook hook);
	/* So many zeroed bytes for each partition, from its assignment to its end: see carafe_state(). */
	size_t state_size;
} carafe_handler;

/* Runs what a wrap() surrounds. Worker, inside wrap. */
CARAFE_API void carafe_proceed(carafe_consumer *c);

/* Says why the work failed, printf-like; the text is in the consumer.error event and the dead letter's headers.
 * Returns CARAFE_FAILED: return carafe_fail(c, "no such customer"). Worker. */
CARAFE_API carafe_rc carafe_fail(carafe_consumer *c, const char *format, ...) CARAFE_PRINTF(2, 3);

/* Marks m and everything before it in its partition as consumed: it will not be handed out again once the next commit
 * is through (auto.commit.interval.ms, every revocation and stop, carafe_commit). Marking an earlier message again
 * moves the point a retry starts from, never the committed offset. CARAFE_LOST when the partition is no longer owned:
 * nothing was marked and somebody else will be given the message. CARAFE_INVALID when m is no message that this consumer
 * has had. Worker. */
CARAFE_API carafe_rc carafe_mark(carafe_consumer *c, const carafe_message *m);

/* Commits what is marked and waits for the coordinator's answer. CARAFE_OK also when there was nothing new to commit
 * (which proves nothing about ownership), CARAFE_LOST, CARAFE_TIMEOUT (after 60 s; it may still happen) or
 * CARAFE_KAFKA. Worker. */
CARAFE_API carafe_rc carafe_commit(carafe_consumer *c, carafe_error *err);

/* The consumer's state_size zeroed bytes; NULL when that is 0. With consumer_persistence off they are zeroed before
 * every batch. Worker. */
CARAFE_API void *carafe_state(carafe_consumer *c);
/* The route's .arg. Worker. */
CARAFE_API void *carafe_arg(const carafe_consumer *c);
CARAFE_API carafe *carafe_app(const carafe_consumer *c);
CARAFE_API const char *carafe_topic(const carafe_consumer *c);
CARAFE_API int32_t carafe_partition(const carafe_consumer *c);
CARAFE_API const char *carafe_group_id(const carafe_consumer *c);
/* Which run of the same work this is: 1 at first, more when it is retried. Worker. */
CARAFE_API int carafe_attempt(const carafe_consumer *c);
/* True when a long handler had better come to an end: the partition is being taken away, or the app stops. Worker. */
CARAFE_API bool carafe_should_stop(const carafe_consumer *c);
/* True once the partition is no longer owned. Worker. */
CARAFE_API bool carafe_revoked(const carafe_consumer *c);
/* True when the batch ends at the partition's end (needs enable.partition.eof=true). False when that was not known yet when the batch
 * was taken, as happens: brokers tell of the end in a fetch of its own. A batch that waits to be full (max_wait_time) hears of it
 * meanwhile; eofed() is called in any case. Worker. */
CARAFE_API bool carafe_eofed(const carafe_consumer *c);

/* ------------------------------------------------------------------------------------------------ drawing */

/* Root settings in code: the weakest layer, under the file, the environment and the command line. 0 or NULL is the
 * default; docs/configuration.md has them all with their defaults and reasons. */
typedef struct carafe_opts {
	size_t size;
	const char *client_id;      /* "carafe" */
	const char *initial_offset; /* "earliest" or "latest", where a group has no committed offset; "earliest" */
	const carafe_kv *kafka;     /* librdkafka's settings under their own names */
	const carafe_kv *settings;  /* any root setting by its dotted path, such as { "pause.timeout", "500" } */
	int concurrency;            /* worker threads; 5 */
	int max_messages;           /* most messages in a batch; 100 */
	int max_wait_time;          /* how long a batch that is not full may wait to fill, ms; 0: it never waits */
	int shutdown_timeout;       /* how long a graceful stop may take, ms; 60000 */
} carafe_opts;

/* A new app, to be given to carafe_main() or freed with carafe_free(). At least one named argument. Drawing. */
#define carafe_new(...) carafe_new_(CARAFE_OPTS_(carafe_opts, __VA_ARGS__))
CARAFE_API carafe *carafe_new_(const carafe_opts *opts);

/* Frees an app that never ran or has terminated; NULL is fine. One whose stop was given up on (see carafe_wait) is left
 * as it is, since threads that hang still use it. Not from a handler or callback. */
CARAFE_API void carafe_free(carafe *app);

/* A consumer group; the same name opens the same group again. Drawing. */
typedef struct carafe_group carafe_group;
#define carafe_group(app, name) carafe_group_((app), (name))
CARAFE_API carafe_group *carafe_group_(carafe *app, const char *name);

/* What a route's kafka list is to the app's. There is no default: with .kafka set, one of them must be named. */
typedef enum carafe_kafka_mode {
	CARAFE_KAFKA_UNSAID = 0,
	CARAFE_KAFKA_INHERIT, /* on top of the app's and the defaults' */
	CARAFE_KAFKA_REPLACE  /* instead of the app's: bootstrap.servers must be in it */
} carafe_kafka_mode;

typedef enum carafe_marking {
	CARAFE_MARK_DEFAULT = 0,
	CARAFE_MARK_AUTO,  /* success marks; the default */
	CARAFE_MARK_MANUAL /* only carafe_mark() does */
} carafe_marking;

/* Options of a route, and of the defaults for routes. 0 or NULL: what the defaults, then the root settings, say;
 * CARAFE_NONE for max_wait_time, inactive and long_running: 0, whatever they say. */
typedef struct carafe_route_opts {
	size_t size;
	size_t handler_size;           /* filled in by the macro */
	const carafe_handler *handler; /* required for a route that is active */
	void *arg;                     /* for carafe_arg() */
	const carafe_kv *kafka;        /* librdkafka's settings for this route's connection: say .kafka_mode too */
	const char *connection;        /* routes of one group with the same name and settings share a librdkafka consumer */
	const char *initial_offset;    /* "earliest" or "latest" */
	carafe_kafka_mode kafka_mode;
	carafe_marking marking;
	int max_messages;
	int max_wait_time;
	int inactive; /* 1: known to tools, not consumed */
	int long_running; /* 1: handlers may take longer than max.poll.interval.ms, see below */
} carafe_route_opts;
#define CARAFE_ROUTE_OPTS_(...) CARAFE_OPTS_(carafe_route_opts, .handler_size = sizeof(carafe_handler), __VA_ARGS__)

/* A handler that runs longer than max.poll.interval.ms and marks nothing meanwhile is taken to hang: consumer.stuck is reported, the member finishes
 * and commits what else it has in hand and leaves its group, so that others take over all of its partitions, and it comes
 * back when the handler has returned. What the handler marks after that is refused. On a long-running route none of this
 * happens: the partition is kept for as long as a handler takes, and one that hangs holds it for ever. Such a handler
 * asks carafe_should_stop() now and then, so that rebalances need not wait for drain_timeout. */

/* A topic consumed by a group. Topics with the same Kafka settings and connection name share one connection. Drawing. */
typedef struct carafe_route carafe_route;
#define carafe_route(group, topic, ...) carafe_route_((group), (topic), CARAFE_ROUTE_OPTS_(__VA_ARGS__))
CARAFE_API carafe_route *carafe_route_(carafe_group *group, const char *topic, const carafe_route_opts *opts);

/* All topics whose names match a POSIX extended regular expression, those that are made later included (they are noticed
 * within topic.metadata.refresh.interval.ms: 5 s in development and test, 5 minutes else). Each is consumed under its own
 * name with this route's options. The expression must begin with ^, and means the same with every group protocol; what other
 * languages have and this one has not, such as \d (write [0-9]), is a mistake. Not matched: topics that a route of the group
 * names; those that an earlier pattern of the group matches; the dead letter queues that routes of the group write; Kafka's
 * own ("__...") unless the expression begins with ^__. The connection does not create topics
 * (allow.auto.create.topics=false) unless you say so. Drawing. */
#define carafe_pattern(group, regex, ...) carafe_pattern_((group), (regex), CARAFE_ROUTE_OPTS_(__VA_ARGS__))
CARAFE_API carafe_route *carafe_pattern_(carafe_group *group, const char *regex, const carafe_route_opts *opts);

/* Defaults for all routes, wherever they are drawn: a route's own option always wins. Once. Drawing. */
#define carafe_defaults(app, ...) carafe_defaults_((app), CARAFE_ROUTE_OPTS_(__VA_ARGS__))
CARAFE_API void carafe_defaults_(carafe *app, const carafe_route_opts *opts);

/* ------------------------------------------------------------------------------------------------ running */

/* The command line: takes the app, does what argv says, and returns the exit status for main(): 0 all done and
 * committed, 64 usage, 69 brokers unreachable, 70 fatal, 75 forced to stop after shutdown_timeout, 78 configuration.
 * The server takes signals: INT, TERM, QUIT stop (a second one forces the stop, a third ends the process on the spot; what comes
 * within 100 ms counts as one), TSTP falls quiet, TTIN dumps; PIPE is ignored. It blocks them and has a thread wait for them.
 * Threads of yours that do not block them pass them on, and what they are waiting in may be interrupted (EINTR). Handlers run with
 * nearly all signals blocked, which a process that is started from one inherits: unblock there what it is to hear. */
CARAFE_API int carafe_main(carafe *app, int argc, char **argv);

/* Where a program's consumer is in its life: only ever forward, perhaps skipping some. */
typedef enum carafe_status {
	CARAFE_INITIALIZING,
	CARAFE_INITIALIZED,
	CARAFE_RUNNING,
	CARAFE_QUIETING, /* finishing what is in hand; takes nothing new */
	CARAFE_QUIET,    /* done; still a member of its groups */
	CARAFE_STOPPING,
	CARAFE_STOPPED,
	CARAFE_TERMINATED
} carafe_status;

CARAFE_API carafe_status carafe_status_of(const carafe *app);
CARAFE_API const char *carafe_status_name(carafe_status status);

/* For a host program with a main() of its own: checks everything, starts connections and workers, and returns. Uses no
 * signals, never exits the process. CARAFE_CONFIG when there are mistakes (the first in err, all of them from
 * carafe_check), CARAFE_STATE when it was started before: an app runs once. Logs nothing unless carafe_log() was called before.
 * Whatever is drawn from then on aborts. Any thread, not a handler.
 *
 * A child process of fork() has none of the app's threads: there carafe_start and carafe_wait return CARAFE_STATE, and
 * carafe_stop, carafe_force_stop, carafe_quiet, carafe_scale, carafe_dump and carafe_free do nothing. Fork first, then start. */
CARAFE_API carafe_rc carafe_start(carafe *app, carafe_error *err) CARAFE_USE;

/* Finishes what is in hand, runs shutdown hooks, takes nothing new and stays in its groups, so that no rebalance
 * happens. There is no way back but stop. Counts before the start, too, as a stop does. Returns at once. Any thread. */
CARAFE_API void carafe_quiet(carafe *app);

/* Asks for a graceful stop: what is in hand is finished, shutdown hooks run, offsets are committed, groups are left.
 * Returns at once; harmless when repeated. Before carafe_start or carafe_main, or while they begin, it counts as well: they
 * succeed, and the app ends at once, having consumed nothing. Any thread, handlers too; it takes a lock, so not a signal handler. */
CARAFE_API void carafe_stop(carafe *app);

/* Stops without waiting for handlers any longer, as a stop does by itself after shutdown_timeout: what is marked is committed,
 * groups are left, and what handlers that still run do from then on is refused. carafe_wait returns CARAFE_TIMEOUT, after
 * forceful_shutdown_wait at most. Returns at once; harmless when repeated. Any thread, handlers too. */
CARAFE_API void carafe_force_stop(carafe *app);

/* Waits until the app has terminated; timeout_ms < 0: as long as its own shutdown_timeout allows once it is stopping.
 * CARAFE_TIMEOUT when it has not: once the stop was forced the text names what hangs, and threads that hang are left
 * behind. CARAFE_UNAVAILABLE, CARAFE_DENIED or CARAFE_FATAL when that is what ended it. Any thread, not a handler. */
CARAFE_API carafe_rc carafe_wait(carafe *app, int timeout_ms, carafe_error *err);

/* Changes the number of workers of a running app; below 1 counts as 1, above 4096 as 4096. Workers in excess go when their turn
 * ends. When the system has no threads for all of them, the app goes on with those there are, and workers.scaled says so. Any
 * thread. */
CARAFE_API void carafe_scale(carafe *app, int concurrency);

/* Checks the configuration, drawing included, and calls fn with each mistake and its dotted path; returns how many.
 * Nothing can be drawn or set afterwards, nor carafe_main() called, which checks by itself: that aborts. fn may be NULL. Drawing, or
 * after carafe_start. */
CARAFE_API int carafe_check(carafe *app, void (*fn)(const char *path, const char *problem, void *arg), void *arg);

/* Writes what every thread and every partition is doing as process.dump events. Each thread that does not block SIGURG, yours
 * included, is sent it to tell its stack: what it waits in may be interrupted (EINTR). Any thread. */
CARAFE_API void carafe_dump(carafe *app);

#ifdef __cplusplus
}
#endif

#include <carafe/feature/assign.h>
#include <carafe/feature/deferral.h>
#include <carafe/feature/dlq.h>
#include <carafe/feature/keys.h>
#include <carafe/feature/multiplex.h>
#include <carafe/feature/offsets.h>
#include <carafe/feature/retry.h>
#include <carafe/feature/steer.h>
#include <carafe/feature/throttle.h>
#include <carafe/feature/token.h>

#endif
