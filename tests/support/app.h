/* Apps with settings that suit tests: nothing waits longer than it must. */
#ifndef IT_APP_H
#define IT_APP_H

#include <carafe/carafe.h>

#include "support/recorder.h"

enum it_protocol { IT_COOPERATIVE, IT_RANGE, IT_KIP848 };

struct it_app_opts {
	enum it_protocol protocol;
	const carafe_kv *kafka;    /* on top of the tests' own */
	const carafe_kv *settings; /* likewise */
	int concurrency;           /* 4 */
	int max_messages;          /* 100 */
	int max_wait_time;         /* 0 */
	struct it_events *events;  /* filled; NULL: nobody listens */
	bool impatient;            /* max.poll.interval.ms is it_limit_ms() */
};

/* As short as librdkafka allows: with the classic protocol no shorter than the session. */
int it_limit_ms(enum it_protocol protocol);

/* An app on the cluster in use: to be drawn, started with it_start and ended with it_stop. */
#define it_app(...) it_app_(&(struct it_app_opts){ __VA_ARGS__ })
carafe *it_app_(const struct it_app_opts *opts);
/* it_route(app, group, topic, handler, sink, options...): a route whose handler records in sink, with carafe_arg() being the
 * sink. */
#define it_route(app, group, topic, handler_, ...)                                                                     \
	carafe_route(carafe_group((app), (group)), (topic), .handler = &(handler_), .arg = __VA_ARGS__)

void it_start(carafe *app);
/* Stops it gracefully, which must work, and frees it. */
void it_stop(carafe *app);
/* It is stopped, or about to be; waits, which must work, and frees it. */
void it_await_end(carafe *app);
/* The test keeps what it_app made: it_apps_end does not look after it any more. */
void it_app_forget(carafe *app);

/* Threads of this process whose name begins so. */
int it_threads(const char *name);
/* Files that this process has open. */
int it_descriptors(void);

/* Stops and frees whatever a test left running. */
void it_apps_end(void);

#endif
