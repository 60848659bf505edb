/* At most so many messages in so much time. SPDX-License-Identifier: BSD-2-Clause */
#ifndef CARAFE_FEATURE_THROTTLE_H
#define CARAFE_FEATURE_THROTTLE_H

#include <carafe/carafe.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Each partition hands out at most limit messages per interval; the rest waits where it is, nothing is fetched twice
 * and no other partition is slowed. Retries of the same message do not count. */
typedef struct carafe_throttle_opts {
	size_t size;
	int limit;    /* messages, at least 1; required */
	int interval; /* ms, at least 1; 60000 */
} carafe_throttle_opts;

/* Drawing. */
#define carafe_throttle(route, ...) carafe_throttle_((route), CARAFE_OPTS_(carafe_throttle_opts, __VA_ARGS__))
CARAFE_API void carafe_throttle_(carafe_route *route, const carafe_throttle_opts *opts);

#ifdef __cplusplus
}
#endif
#endif
