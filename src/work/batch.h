/* The messages a lane has in hand. Three marks move along it: what is before head is finished, what is between head and
 * limit was let through by the filters and is being worked on, what is behind limit waits for them. Work that is deferred
 * lets later messages overtake it: what is before fresh was handed out already. */
#ifndef CRF_WORK_BATCH_H
#define CRF_WORK_BATCH_H

#include <carafe/carafe.h>

#include "core/list.h"

struct carafe_batch {
	struct crf_list link; /* a worker's spare ones */
	size_t cap;
	size_t count;
	size_t head;
	size_t limit;
	size_t fresh; /* below head: nothing is deferred */
	carafe_message messages[];
};

struct carafe_batch *crf_batch_new(size_t cap);
void crf_batch_free(struct carafe_batch *b);

/* The first message that was not handed out yet. */
static inline size_t
crf_batch_fresh(const struct carafe_batch *b)
{
	return b->fresh > b->head ? b->fresh : b->head;
}

#endif
