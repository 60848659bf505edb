/* The messages a lane has in hand. Three marks move along it: what is before head is finished, what is between head and
 * limit was let through by the filters and is being worked on, what is behind limit waits for them. */
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
	carafe_message messages[];
};

struct carafe_batch *crf_batch_new(size_t cap);
void crf_batch_free(struct carafe_batch *b);

#endif
