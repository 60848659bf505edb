/* Work that ends later, on another thread. SPDX-License-Identifier: BSD-2-Clause */
#ifndef CARAFE_FEATURE_DEFERRAL_H
#define CARAFE_FEATURE_DEFERRAL_H

#include <carafe/carafe.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a handler was given, from carafe_defer() to carafe_complete(). */
typedef struct carafe_deferred carafe_deferred;

/* Defers the message, or the whole batch, that the handler has now: the handler starts what it has to do, keeps the result
 * and returns CARAFE_PENDING, and carafe_complete() says later how it ended. It may do so before the handler has returned.
 *
 *     static carafe_rc on_order(carafe_consumer *c, const carafe_message *m)
 *     {
 *             carafe_deferred *d = carafe_defer(c);
 *
 *             start_request(carafe_deferred_message(d), on_answer, d);       on_answer calls carafe_complete(d, ...)
 *             return CARAFE_PENDING;
 *     }
 *
 * A message handler is given the next messages meanwhile, in their order, up to the route's max_messages in hand; a batch
 * handler the next batch when this one is complete. Messages finish in any order, and are marked in the order of their
 * offsets: nothing is committed before what is still in progress. When one fails, no new ones are handed out until all that
 * are in progress have ended; then it is retried alone, or dead-lettered, as any other, and the rest goes on.
 *
 * The owner of the result must complete it exactly once: until then the partition keeps its memory, a revocation waits for
 * it up to drain_timeout and a stop up to shutdown_timeout. One that was forgotten is seen in the dump (carafe_dump(), SIGTTIN) and
 * when a stop is forced (app.stuck): how many a partition has in progress, the first one's offset, and for how long. max.poll.interval.ms does not limit how long it takes.
 *
 * NULL outside consume and message, and when it was deferred already. A handler that returns something else after this has
 * failed, and so has one that returns CARAFE_PENDING without it. Worker. */
CARAFE_API carafe_deferred *carafe_defer(carafe_consumer *c);

/* The message, valid until it is completed; NULL when it is a batch, whose messages are those the handler was given. Any
 * thread. */
CARAFE_API const carafe_message *carafe_deferred_message(const carafe_deferred *d);

/* True when it had better come to an end: the partition is being taken away, or the app stops. Any thread. */
CARAFE_API bool carafe_deferred_should_stop(const carafe_deferred *d);

/* It has ended: CARAFE_OK, or any failure and why (a text, copied; NULL: none). Takes d. CARAFE_LOST when the partition is no
 * longer owned: nothing is marked and somebody else is given the message. CARAFE_STATE when the handler did not return
 * CARAFE_PENDING. Any thread; also in the handler itself. */
CARAFE_API carafe_rc carafe_complete(carafe_deferred *d, carafe_rc rc, const char *why);

#ifdef __cplusplus
}
#endif
#endif
