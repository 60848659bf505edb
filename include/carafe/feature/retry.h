/* Backing off after a failure. SPDX-License-Identifier: BSD-2-Clause */
#ifndef CARAFE_FEATURE_RETRY_H
#define CARAFE_FEATURE_RETRY_H

#include <carafe/carafe.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Failed work runs again after min(max_timeout, timeout * 2^attempt) milliseconds, attempt being 1 for the first
 * failure: 2, 4, 8 seconds and so on with the defaults. Without this call the root settings pause.timeout, pause.max_timeout and pause.with_exponential_backoff
 * apply. Only the partition that failed waits; its messages are kept and not fetched again. */
typedef struct carafe_retry_opts {
	size_t size;
	int timeout;     /* ms; pause.timeout (1000); the first failure waits twice as long, unless constant */
	int max_timeout; /* ms; pause.max_timeout (30000) */
	int constant;    /* 1: always timeout; CARAFE_NONE: exponential whatever pause.with_exponential_backoff says */
	int reserved_;
} carafe_retry_opts;

/* Drawing. */
#define carafe_retry(route, ...) carafe_retry_((route), CARAFE_OPTS_(carafe_retry_opts, __VA_ARGS__))
CARAFE_API void carafe_retry_(carafe_route *route, const carafe_retry_opts *opts);

#ifdef __cplusplus
}
#endif
#endif
