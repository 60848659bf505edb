/* How old something is, without the time in which this process did not run: a SIGSTOP, a container that was paused, a machine
 * that gave it no processor. Whoever looks at regular intervals notices by having come too late. One thread at a time. */
#ifndef CRF_CORE_AWAKE_H
#define CRF_CORE_AWAKE_H

#include "core/clock.h"

struct crf_awake {
	crf_ns looked; /* last; 0: never */
	struct {       /* the last time it did not run */
		crf_ns from, until;
	} gap;
};

/* Now is a look; the next one is due after every. */
static inline void
crf_awake_look(struct crf_awake *a, crf_ns now, crf_ns every)
{
	if (a->looked != 0 && now - a->looked > 2 * every) {
		a->gap.from = a->looked;
		a->gap.until = now;
	}
	a->looked = now;
}

/* At the last look, of what is so since then. Gaps before the last one count in full: who hangs is found in any case. */
static inline crf_ns
crf_awake_age(const struct crf_awake *a, crf_ns since)
{
	crf_ns asleep = a->gap.until - (since > a->gap.from ? since : a->gap.from);

	return a->looked - since - (asleep > 0 ? asleep : 0);
}

#endif
