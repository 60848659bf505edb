/* Who provides tokens for OAUTHBEARER: user code, asked by librdkafka's threads. A client that was left behind may ask when the app
 * is gone already, hence the references. */
#ifndef CRF_KAFKA_TOKENS_H
#define CRF_KAFKA_TOKENS_H

#include <carafe/feature/token.h>

struct crf_tokens;

struct crf_tokens *crf_tokens_new(carafe_token_fn fn, void *arg);
/* Both may be given NULL. Any thread. */
struct crf_tokens *crf_tokens_ref(const struct crf_tokens *t);
void crf_tokens_unref(struct crf_tokens *t);
/* The provider is not called any more; waits for the call that runs. Gives the reference back. */
void crf_tokens_retire(struct crf_tokens *t);

#endif
