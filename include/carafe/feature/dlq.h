/* Dead letter queue. SPDX-License-Identifier: BSD-2-Clause */
#ifndef CARAFE_FEATURE_DLQ_H
#define CARAFE_FEATURE_DLQ_H

#include <carafe/carafe.h>

#ifdef __cplusplus
extern "C" {
#endif

/* When a message failed max_retries times after its first run, it is written to another topic with its key, value and
 * headers, and the partition moves on, but only after the write was acknowledged. Messages of one partition go to one
 * partition of the target, in order. Added headers: source_topic, source_partition, source_offset,
 * source_consumer_group, source_attempts, source_error. */
typedef struct carafe_dlq_opts {
	size_t size;
	const char *topic; /* required */
	int max_retries;   /* 3; CARAFE_NONE: straight to the dead letter queue */
	/* 1: with a batch handler, marking a message starts the count anew for what follows. By default a batch's count is
	 * started anew only by a batch that succeeds as a whole or by a dispatch. (Message handlers always count for
	 * each message alone.) */
	int independent;
	/* 1: do not mark the dispatched message; the default with automatic marking is to mark it. With manual marking it
	 * is never marked for you. */
	int leave_unmarked;
	int reserved_;
} carafe_dlq_opts;

/* Drawing. */
#define carafe_dlq(route, ...)                                                                                         \
	carafe_dlq_((route), &(carafe_dlq_opts){ .size = sizeof(carafe_dlq_opts), __VA_ARGS__ })
CARAFE_API void carafe_dlq_(carafe_route *route, const carafe_dlq_opts *opts);

#ifdef __cplusplus
}
#endif
#endif
