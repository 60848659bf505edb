/* Work that handlers have deferred: the window of the batch in hand in which messages finish out of order. */
#ifndef CRF_FLOW_DEFER_H
#define CRF_FLOW_DEFER_H

#include "flow/consumer.h"

/* After a handler that deferred, or says so: goes on with the messages behind it. CARAFE_PENDING: the strand awaits what is in
 * progress; CARAFE_OK: everything is done; else the message at the head has failed. */
carafe_rc crf_window_take_over(struct carafe_consumer *c, carafe_rc rc);
/* A run of a consumer that has a window. */
carafe_rc crf_window_run(struct carafe_consumer *c);
/* The same for a batch handler: calls it unless its batch has been completed. */
carafe_rc crf_window_run_batch(struct carafe_consumer *c);

/* Something was completed: marks what that lets be marked. How many messages are done with. */
size_t crf_window_resume(struct carafe_consumer *c);
/* The head has moved: likewise of what was completed behind it. */
size_t crf_window_pass(struct carafe_consumer *c);
bool crf_window_slide(struct crf_lane *l);
/* Nothing is in progress, and no failure is yet to be looked at. */
bool crf_window_settled(struct carafe_consumer *c);
/* Settled: the batch is gone, or begins anew elsewhere. */
void crf_window_forget(struct carafe_consumer *c);
void crf_window_free(struct carafe_consumer *c);
/* A few words on what is in progress; false, and none, when nothing is. flow.mu held, so that c stays. */
bool crf_window_describe(struct carafe_consumer *c, struct crf_buf *out);

#endif
