/* Marks that say more than their offset. SPDX-License-Identifier: BSD-2-Clause */
#ifndef CARAFE_FEATURE_OFFSETS_H
#define CARAFE_FEATURE_OFFSETS_H

#include <carafe/carafe.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Options of a mark. */
typedef struct carafe_mark_opts {
	size_t size;
	const char *metadata; /* committed with the offset, for whoever has the partition next; NULL: none. Copied */
	carafe_error *err;    /* filled in when it fails; NULL: not wanted */
	int commit;           /* 1: commits at once and waits for the coordinator's answer, as carafe_commit() */
	int reserved_;
} carafe_mark_opts;

/* carafe_mark() with more to say: carafe_mark_with(c, m, .metadata = "resume at line 17", .err = &err, .commit = 1).
 *
 * Metadata belongs to its offset: a later mark without any leaves none. Marking the same message again with other metadata
 * commits that; with none, the first stays. With an earlier message than what is marked it is dropped. Brokers take 4096 bytes
 * (offset.metadata.max.bytes); what they refuse is dropped and reported (offsets.commit_failed), and the offset is committed
 * without it.
 *
 * CARAFE_LOST when the partition is no longer owned, CARAFE_INVALID when the message is not this consumer's or the metadata
 * was refused; with .commit also what carafe_commit() returns: then it is marked, and may still be committed. Worker. */
#define carafe_mark_with(c, m, ...) carafe_mark_with_((c), (m), CARAFE_OPTS_(carafe_mark_opts, __VA_ARGS__))
CARAFE_API carafe_rc carafe_mark_with_(carafe_consumer *c, const carafe_message *m, const carafe_mark_opts *opts);

/* Metadata for the next mark, whoever makes it: success, carafe_mark(), a dead letter. What carafe_mark_with() says wins. Copied;
 * NULL takes it back. Worker. */
CARAFE_API void carafe_store_offset_metadata(carafe_consumer *c, const char *metadata);

/* The metadata that the group has committed for the partition, NULL when none: after an assignment, what the one who had it
 * before left behind. It is asked for once and remembered until the partition is taken away; afresh asks again. Asking waits for
 * the coordinator, for at most 5 s. The text is valid until the next call and no longer than the partition is assigned.
 * CARAFE_LOST when it is no longer owned, CARAFE_TIMEOUT, CARAFE_UNAVAILABLE, CARAFE_DENIED or CARAFE_KAFKA. Worker. */
CARAFE_API carafe_rc carafe_offset_metadata(carafe_consumer *c, bool afresh, const char **metadata, carafe_error *err);

#ifdef __cplusplus
}
#endif
#endif
