/* Thins out what repeats itself: the same key passes once in a while only. */
#ifndef CRF_CORE_THIN_H
#define CRF_CORE_THIN_H

#include <stdbool.h>

#include "core/clock.h"

#define CRF_THIN_KEYS 8

struct crf_thin {
	int keys[CRF_THIN_KEYS];
	crf_ns passed[CRF_THIN_KEYS]; /* 0: free */
};

/* True when key has not passed within every; of more keys than there is room for, the one that passed longest ago is
 * forgotten. One thread at a time. */
static inline bool
crf_thin_pass(struct crf_thin *t, int key, crf_ns now, crf_ns every)
{
	int oldest = 0;

	for (int i = 0; i < CRF_THIN_KEYS; i++) {
		if (t->passed[i] != 0 && t->keys[i] == key) {
			if (now - t->passed[i] < every)
				return false;
			oldest = i;
			break;
		}
		if (t->passed[i] < t->passed[oldest])
			oldest = i;
	}
	t->keys[oldest] = key;
	t->passed[oldest] = now;
	return true;
}

#endif
