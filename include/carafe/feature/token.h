/* Tokens for sasl.mechanisms=OAUTHBEARER. SPDX-License-Identifier: BSD-2-Clause */
#ifndef CARAFE_FEATURE_TOKEN_H
#define CARAFE_FEATURE_TOKEN_H

#include <carafe/carafe.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a provider fills in; all strings are copied when it has returned. */
typedef struct carafe_token {
	size_t size;                 /* set by carafe: what it knows of this struct */
	const char *value;           /* the token as brokers want it; required */
	int64_t expires_at;          /* ms since 1970; required */
	const char *principal;       /* whose it is; NULL: "" */
	const carafe_kv *extensions; /* SASL extensions, as CARAFE_KV writes them; NULL: none */
} carafe_token;

/* Called when a client needs a token: when it is made, and again when four fifths of the last one's time are over. Each client
 * asks for itself, on a thread of its own, which may wait for as long as it takes; nothing else waits with it. config is
 * sasl.oauthbearer.config, NULL when that is not set. Anything but CARAFE_OK, with what went wrong in err->text, is reported
 * (connection.error, producer.error) and asked again after ten seconds, while an earlier token is used as long as it lasts.
 * It must call nothing of carafe's. */
typedef carafe_rc (*carafe_token_fn)(const char *config, carafe_token *token, carafe_error *err, void *arg);

/* Who provides the tokens of all clients of the app that have sasl.mechanisms=OAUTHBEARER; others never ask. It takes the place of
 * sasl.oauthbearer.method=oidc, with which librdkafka fetches tokens by itself. The last call counts, and fn NULL takes it back; fn and arg must live as long as the app.
 * Drawing. */
CARAFE_API void carafe_token_provider(carafe *app, carafe_token_fn fn, void *arg);

#ifdef __cplusplus
}
#endif
#endif
