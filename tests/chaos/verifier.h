/* What was produced, what members say they were given and did, and what the group has committed, held against each other as it
 * happens. */
#ifndef CHAOS_VERIFIER_H
#define CHAOS_VERIFIER_H

#include <stdbool.h>
#include <stdint.h>

#include "chaos/message.h"

struct verifier;

/* CALM: nobody stands still, so that no member may act for a partition that another one was given. ROUGH: Kafka's nodes
 * and the wires to them are in trouble too, so that nobody knows whether a request that had no answer was carried out. */
enum weather { CALM, FAIR, ROUGH };

/* What members do that rules must know of. Without any, messages of a partition are handled one after the other. */
enum manner {
	SIDE_BY_SIDE = 1, /* messages are deferred: others are handed out before they are done */
	KEYED = 2,        /* carafe_keys: in order key by key, and what is done is told in the commit's metadata */
	SEEKING = 4,
	ANNOTATED = 8,    /* each mark has metadata, "m" and the offset */
	LETTERS = 16      /* poison goes to the dead letter topic */
};

/* Over the log at that path, which members append to. */
struct verifier *verifier_new(const char *log, enum weather weather, unsigned manners);
void verifier_free(struct verifier *v);

/* The first contradiction there was, NULL; nothing is looked at after it. */
const char *verifier_violation(const struct verifier *v);

/* The number-th message of a partition was acknowledged at that offset. */
void verifier_produced(struct verifier *v, int partition, int64_t offset, int number);
/* Reads what members wrote since. */
void verifier_read(struct verifier *v);
/* That process was given partitions before, or none. */
bool verifier_knows(const struct verifier *v, int run);
/* It has partitions, as far as it knows. */
bool verifier_owns(const struct verifier *v, int run);
/* The message at that offset is in the dead letter topic. */
void verifier_letter(struct verifier *v, int partition, int64_t offset);
/* What the group has committed; asked for after the last reading, and dead letters were read since it was asked for. Reads the
 * log before it judges. */
void verifier_committed(struct verifier *v, int partition, int64_t offset, const char *metadata);
/* Everything that was produced was handled, and the group knows it. */
bool verifier_done(const struct verifier *v);
/* After everybody has stopped: that, and each message was what had been produced. */
void verifier_finish(struct verifier *v);

struct verifier_counts {
	long produced, handled, again; /* messages; handled more than once */
	long assignments, losses, cut_off, refused; /* events */
	long sought, out_of_order, letters; /* seeks; messages that a commit's metadata said were done, once each; dead letters */
};
void verifier_count(const struct verifier *v, struct verifier_counts *n);
/* How far behind each partition is, for a person. */
void verifier_explain(const struct verifier *v);

#endif
