/* Dead letter queue. SPDX-License-Identifier: BSD-2-Clause */
#ifndef CARAFE_FEATURE_DLQ_H
#define CARAFE_FEATURE_DLQ_H

#include <carafe/carafe.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What went wrong with the work at hand, run after run. Emptied when something of it succeeds, and by a dispatch. */
typedef struct carafe_failures carafe_failures;

/* So many failures are kept with their texts; all are counted. */
#define CARAFE_FAILURES_KEPT 32

/* How many; how many of them with that code (CARAFE_INVALID stands for whatever is no carafe_rc, too). Inside a strategy. */
CARAFE_API size_t carafe_failures_count(const carafe_failures *f);
CARAFE_API size_t carafe_failures_with(const carafe_failures *f, carafe_rc rc);
/* The code and the text (as carafe_fail() gave it, cut at 127 bytes) of one of them, 0 being the latest. CARAFE_OK and NULL
 * for one that is not kept. The text is valid until the strategy returns. Inside a strategy. */
CARAFE_API carafe_rc carafe_failures_rc(const carafe_failures *f, size_t i);
CARAFE_API const char *carafe_failures_text(const carafe_failures *f, size_t i);

/* What becomes of a message whose run failed. */
typedef enum carafe_dlq_verdict {
	CARAFE_DLQ_BY_COUNT = 0, /* what max_retries says */
	CARAFE_DLQ_RETRY,        /* another run, after the back-off */
	CARAFE_DLQ_DISPATCH,     /* it is written to the dead letter queue now */
	CARAFE_DLQ_SKIP          /* it is left out, and a dead_letter_queue.skipped event says so */
} carafe_dlq_verdict;

/* Asked after each failed run (carafe_attempt() counts them), about the message that would be dispatched; with a batch handler
 * that is the first not marked. With CARAFE_DLQ_DISPATCH, *topic may be set to another topic than the route's: a string that
 * outlives the call, or lies in carafe_state(). A verdict that is none, or a topic that cannot be, is reported as a
 * consumer.error of type "strategy", and the work is retried. Worker. */
typedef carafe_dlq_verdict (*carafe_dlq_strategy)(carafe_consumer *c, const carafe_message *m, const carafe_failures *failures,
    const char **topic);

/* When a message failed max_retries times after its first run, it is written to another topic with its key, value and
 * headers, and the partition moves on, but only after the write was acknowledged; what cannot be written is retried, never
 * skipped. Messages of one partition go to one partition of the target, in order. Nothing is written for a partition that
 * is no longer owned. Added headers, all text: source_topic, source_partition, source_offset, source_consumer_group,
 * source_attempts (runs it had), source_error (the last failure), source_trace_id (as in the consumer.error events). */
typedef struct carafe_dlq_opts {
	size_t size;
	const char *topic; /* required, unless skip */
	int max_retries;   /* 3; CARAFE_NONE: straight to the dead letter queue */
	/* 1: with a batch handler, marking a message starts the count anew for what follows. By default a batch's count is
	 * started anew only by a batch that succeeds as a whole or by a dispatch. (Message handlers always count for
	 * each message alone.) */
	int independent;
	/* 1: do not mark the dispatched message; the default with automatic marking is to mark it. With manual marking it
	 * is never marked for you. */
	int leave_unmarked;
	int skip; /* 1: there is no topic; what fails too often is left out, and a dead_letter_queue.skipped event says so */
	carafe_dlq_strategy strategy; /* NULL: by max_retries alone */
} carafe_dlq_opts;

/* Drawing. */
#define carafe_dlq(route, ...) carafe_dlq_((route), CARAFE_OPTS_(carafe_dlq_opts, __VA_ARGS__))
CARAFE_API void carafe_dlq_(carafe_route *route, const carafe_dlq_opts *opts);

/* Writes one message of the batch at hand (or the message) to a dead letter queue from inside the handler, with the same
 * headers, and waits for the acknowledgement. The message is not marked: go on, and return or mark as ever. topic: NULL is
 * the route's. The route must have been drawn with carafe_dlq(.topic). What carafe_fail() was called with becomes
 * source_error. CARAFE_OK when it was acknowledged, CARAFE_LOST (nothing was written), CARAFE_TIMEOUT (it may still be
 * written: not acknowledged within message.timeout.ms, or not soon while the partition is being taken away),
 * CARAFE_KAFKA or CARAFE_DENIED (refused), CARAFE_INVALID. Worker, inside consume or message. */
CARAFE_API carafe_rc carafe_dead_letter(carafe_consumer *c, const carafe_message *m, const char *topic, carafe_error *err);

#ifdef __cplusplus
}
#endif
#endif
