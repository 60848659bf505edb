/* Which offsets of an epoch are finished. In order, one number says it all; out-of-order completion extends this, not
 * its users. */
#ifndef CRF_WORK_TRACKER_H
#define CRF_WORK_TRACKER_H

#include <stdint.h>

struct crf_tracker {
	int64_t next;  /* a retry starts here: first offset not marked; moved back by marking an earlier message again */
	int64_t high;  /* the most that was ever finished: what may be committed; never moves back */
	int32_t leader_epoch; /* of the message behind high */
};

#define CRF_TRACKER_NOTHING (-1)

static inline void
crf_tracker_init(struct crf_tracker *t)
{
	*t = (struct crf_tracker){ CRF_TRACKER_NOTHING, CRF_TRACKER_NOTHING, -1 };
}

/* offset and everything before it is finished. */
static inline void
crf_tracker_mark(struct crf_tracker *t, int64_t offset, int32_t leader_epoch)
{
	t->next = offset + 1;
	if (t->next > t->high) {
		t->high = t->next;
		t->leader_epoch = leader_epoch;
	}
}

#endif
