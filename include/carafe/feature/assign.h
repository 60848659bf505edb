/* Partitions by hand. SPDX-License-Identifier: BSD-2-Clause */
#ifndef CARAFE_FEATURE_ASSIGN_H
#define CARAFE_FEATURE_ASSIGN_H

#include <carafe/carafe.h>

#ifdef __cplusplus
extern "C" {
#endif

/* This process consumes these partitions of the route's topic, and no group decides otherwise: it is no member, nothing is
 * ever rebalanced, and max.poll.interval.ms does not count. Offsets are still committed in the group. Two processes that name
 * the same partition both consume it. All routes of a group are assigned so, or none; not patterns. */
typedef struct carafe_assign_opts {
	size_t size;
	/* Required: "all" (those that are added later, too), or "0,3-5". One that the topic has not is reported (connection.error), and
	 * consumed when it comes to be: it is looked for every topic.metadata.refresh.interval.ms. */
	const char *partitions;
} carafe_assign_opts;

/* Drawing. */
#define carafe_assign(route, ...) carafe_assign_((route), CARAFE_OPTS_(carafe_assign_opts, __VA_ARGS__))
CARAFE_API void carafe_assign_(carafe_route *route, const carafe_assign_opts *opts);

#ifdef __cplusplus
}
#endif
#endif
