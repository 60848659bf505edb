/* Claims: what the steps of a run ask for. One of each kind survives, by rank; the settlement carries them out. */
#ifndef CRF_FLOW_CLAIMS_H
#define CRF_FLOW_CLAIMS_H

#include <stdbool.h>

#include "core/clock.h"

/* Who asks. The higher rank wins, the later among equals. */
enum crf_rank {
	CRF_RANK_NONE,
	CRF_RANK_AUTO,   /* what success does by itself */
	CRF_RANK_FILTER,
	CRF_RANK_RETRY   /* a failed run replaces what else was asked for */
};

struct crf_claims {
	enum crf_rank mark; /* everything the handler was given is consumed */
	enum crf_rank hold;
	crf_ns hold_until; /* the strand takes no turns */
	enum crf_rank gate;
	crf_ns gate_until; /* nothing goes through the filters */
	enum crf_rank dispatch;
	const char *dispatch_to; /* the message at the head goes to this topic, and is done once that is acknowledged */
	bool dispatch_marks;     /* ... and is marked then */
	enum crf_rank skip;      /* the message at the head is left out */
	bool skip_marks;         /* ... and marked */
	bool fresh;              /* what is left has had one run, this one */
};

static inline void
crf_claim_mark(struct crf_claims *c, enum crf_rank rank)
{
	if (rank >= c->mark)
		c->mark = rank;
}

static inline void
crf_claim_hold(struct crf_claims *c, enum crf_rank rank, crf_ns until)
{
	if (rank < c->hold)
		return;
	c->hold = rank;
	c->hold_until = until;
}

static inline void
crf_claim_gate(struct crf_claims *c, enum crf_rank rank, crf_ns until)
{
	if (rank < c->gate || (rank == c->gate && until < c->gate_until)) /* of several filters the longest counts */
		return;
	c->gate = rank;
	c->gate_until = until;
}

static inline void
crf_claim_dispatch(struct crf_claims *c, enum crf_rank rank, const char *to, bool marks)
{
	if (rank < c->dispatch)
		return;
	c->dispatch = rank;
	c->dispatch_to = to;
	c->dispatch_marks = marks;
}

static inline void
crf_claim_skip(struct crf_claims *c, enum crf_rank rank, bool marks)
{
	if (rank < c->skip)
		return;
	c->skip = rank;
	c->skip_marks = marks;
}

#endif
