/* What has gone wrong with the work at hand since something last went right: for the strategies of dead letter queues, and
 * the trace id that ties a dead letter to the errors that led to it. The turn's. */
#ifndef CRF_FLOW_FAILURES_H
#define CRF_FLOW_FAILURES_H

#include <carafe/feature/dlq.h>

/* Zeroed: nothing went wrong. Takes memory with the first failure and keeps it. */
struct crf_failures {
	carafe_failures *kept;
};

void crf_failures_add(struct crf_failures *f, carafe_rc rc, const char *text);
/* Something went right. */
void crf_failures_clear(struct crf_failures *f);
/* Only the last one belongs to what is left. */
void crf_failures_keep_last(struct crf_failures *f);
void crf_failures_fini(struct crf_failures *f);
/* NULL when nothing went wrong. */
const char *crf_failures_trace_id(const struct crf_failures *f);

#endif
