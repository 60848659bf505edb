/* Several handlers at work in one partition, in order key by key. SPDX-License-Identifier: BSD-2-Clause */
#ifndef CARAFE_FEATURE_KEYS_H
#define CARAFE_FEATURE_KEYS_H

#include <carafe/carafe.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How keys are shared out. */
typedef enum carafe_keys_distribution {
	/* A key goes to whichever strand has nothing to do, and stays there until nothing of it is in hand. While all strands
	 * are at work new keys wait. */
	CARAFE_KEYS_BALANCED = 0,
	/* A key always goes to the same strand as long as the partition is assigned, so that what carafe_state() holds is that
	 * key's, and that of others that share the strand. They wait for one another. */
	CARAFE_KEYS_CONSISTENT
} carafe_keys_distribution;

/* Which messages must keep their order: those that are given the same number. carafe_hash() makes one of bytes. arg is the
 * route's. False when it cannot tell: that is reported as a consumer.error of type "partitioner", and the messages that it is
 * true of are handed out in order, one after the other, as if they had one key. Worker; for one partition at most once at a
 * time, but beside its handlers. */
typedef bool (*carafe_keys_partitioner)(const carafe_message *m, void *arg, uint64_t *key);

/* Virtual partitions: the messages of a partition are handled by several strands side by side. Messages with the same key are
 * handled one after the other, in order; a message without a key for itself. A key that fails is retried, or dead-lettered, by
 * itself: no other waits for it.
 *
 * A strand is a consumer of its own: it has its carafe_state(), its attempts, its hooks (initialized before its first work,
 * shutdown, revoked, eofed, tick for each), and a consume handler is given batches of its messages only. What carafe_defer()
 * defers is not overtaken by its strand either. Strands are made as they are needed.
 *
 * A success marks a message as ever, and carafe_mark() marks a message and everything that its strand was given before it. What
 * is committed is what lies before the first message that is not marked; which ones behind it are, the commit's metadata says.
 * Whoever is given the partition next hands those out to nobody, if it has carafe_keys() on its route. What was done after the last
 * commit is handed out again after a crash, as ever.
 *
 * carafe_eofed() is true in the eofed hook and nowhere else, since a batch is not the partition's.
 *
 * carafe_pause() and carafe_seek() in a handler are for its strand, and go back or forth in what it has in hand, else they return
 * CARAFE_INVALID. From outside they are for the partition; such a seek waits until nothing is in the strands' hands. Metadata of
 * a mark (carafe_mark_with()) is committed if that mark lets more be committed, in the place of carafe's own, and lost if not.
 *
 * At most max_messages of the partition are with the strands and not done, and as many again wait for them. A key that fails for ever,
 * on a route without a dead letter queue, holds back the commit, and the whole partition once so many messages of it
 * have come. */
typedef struct carafe_keys_opts {
	size_t size;
	int max; /* strands of a partition, at most max_messages; concurrency */
	carafe_keys_distribution distribution;
	carafe_keys_partitioner partitioner; /* NULL: the message's key */
} carafe_keys_opts;

/* At least one named argument. Drawing. */
#define carafe_keys(route, ...) carafe_keys_((route), CARAFE_OPTS_(carafe_keys_opts, __VA_ARGS__))
CARAFE_API void carafe_keys_(carafe_route *route, const carafe_keys_opts *opts);

/* Which strand of its partition this is, 0 to max - 1; -1 when the route has none. Worker. */
CARAFE_API int carafe_strand(const carafe_consumer *c);

/* A number for bytes, as the messages' own keys are given. Any thread. */
CARAFE_API uint64_t carafe_hash(carafe_bytes bytes);

#ifdef __cplusplus
}
#endif
#endif
