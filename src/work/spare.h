/* Batches that nobody has: a worker keeps some, so that the next one uses memory that is still in the cache. */
#ifndef CRF_WORK_SPARE_H
#define CRF_WORK_SPARE_H

#include "work/batch.h"

#define CRF_SPARE_SIZES 18 /* powers of two, up to the largest max_messages */

/* Strands have many small ones, partitions few large ones: neither push out the other. */
struct crf_spare {
	struct {
		struct crf_list batches;
		size_t room; /* of all of them */
	} of[CRF_SPARE_SIZES];
};

void crf_spare_init(struct crf_spare *s);
void crf_spare_fini(struct crf_spare *s);
/* Empty, with room for cap. Owned. */
struct carafe_batch *crf_spare_take(struct crf_spare *s, size_t cap);
/* Takes b over. */
void crf_spare_keep(struct crf_spare *s, struct carafe_batch *b);

#endif
