/* Liveness: whether the app still does its work, for those who restart it when it does not: an HTTP endpoint, a file,
 * systemd. One thread; it only looks at others. */
#ifndef CRF_APP_LIVENESS_H
#define CRF_APP_LIVENESS_H

#include "app/engine.h"

/* *out is NULL when nobody asks. Fails when the endpoint cannot be opened. */
carafe_rc crf_liveness_open(struct crf_liveness **out, struct crf_engine *e, carafe_error *err);
void crf_liveness_start(struct crf_liveness *l);
/* Takes the file away for good: the app ends without this being closed, since threads hang. NULL is fine. Any thread. */
void crf_liveness_give_up(struct crf_liveness *l);
/* Ends the thread; NULL is fine. */
void crf_liveness_close(struct crf_liveness *l);

#endif
