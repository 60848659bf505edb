#include "kafka/tokens.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/mem.h"
#include "core/thread.h"
#include "kafka/native.h"

struct crf_tokens {
	struct crf_mutex mu;
	struct crf_cond idle; /* mu: calls fell */
	int refs;             /* mu */
	int calls;            /* mu: that run now */
	carafe_token_fn fn;   /* mu; NULL: retired */
	void *arg;
};

struct crf_tokens *
crf_tokens_new(carafe_token_fn fn, void *arg)
{
	struct crf_tokens *t = crf_new(struct crf_tokens);

	crf_mutex_init(&t->mu);
	crf_cond_init(&t->idle);
	t->refs = 1;
	t->fn = fn;
	t->arg = arg;
	return t;
}

struct crf_tokens *
crf_tokens_ref(const struct crf_tokens *shared)
{
	struct crf_tokens *t = (struct crf_tokens *)shared;

	if (t == NULL)
		return NULL;
	crf_lock(&t->mu);
	t->refs++;
	crf_unlock(&t->mu);
	return t;
}

void
crf_tokens_unref(struct crf_tokens *t)
{
	bool last;

	if (t == NULL)
		return;
	crf_lock(&t->mu);
	last = --t->refs == 0;
	crf_unlock(&t->mu);
	if (!last)
		return;
	crf_cond_fini(&t->idle);
	crf_mutex_fini(&t->mu);
	free(t);
}

void
crf_tokens_retire(struct crf_tokens *t)
{
	if (t == NULL)
		return;
	crf_lock(&t->mu);
	t->fn = NULL;
	while (t->calls > 0)
		crf_cond_wait(&t->idle, &t->mu);
	crf_unlock(&t->mu);
	crf_tokens_unref(t);
}

/* ------------------------------------------------------------------------------------------------ librdkafka's side */

static carafe_token_fn
begin_call(struct crf_tokens *t)
{
	carafe_token_fn fn;

	crf_lock(&t->mu);
	fn = t->fn;
	t->calls += fn != NULL;
	crf_unlock(&t->mu);
	return fn;
}

static void
end_call(struct crf_tokens *t)
{
	crf_lock(&t->mu);
	t->calls--;
	crf_cond_broadcast(&t->idle);
	crf_unlock(&t->mu);
}

/* The pairs as librdkafka wants them: one array, keys and values in turn. The caller frees it. */
static const char **
flatten(const carafe_kv *extensions, size_t *count)
{
	const char **flat;

	for (*count = 0; extensions != NULL && extensions[*count].key != NULL;)
		++*count;
	flat = crf_new_array(const char *, 2 * *count + 1);
	for (size_t i = 0; i < *count; i++) {
		flat[2 * i] = extensions[i].key;
		flat[2 * i + 1] = extensions[i].value;
	}
	*count *= 2;
	return flat;
}

/* What is wrong with it, as a text; NULL when librdkafka has taken it. */
static const char *
set_token(rd_kafka_t *rk, const carafe_token *token, char *text, size_t size)
{
	const char **extensions;
	size_t count;
	bool taken;

	if (token->value == NULL || token->expires_at <= 0)
		return "the token provider has left out the token's value, or when it expires";
	for (const carafe_kv *kv = token->extensions; kv != NULL && kv->key != NULL; kv++) {
		if (kv->value != NULL)
			continue;
		snprintf(text, size, "the token provider's extension %s has no value", kv->key);
		return text;
	}
	extensions = flatten(token->extensions, &count);
	taken = rd_kafka_oauthbearer_set_token(rk, token->value, token->expires_at, token->principal != NULL ? token->principal : "",
		    extensions, count, text, size) == 0;
	free(extensions);
	return taken ? NULL : text;
}

static void
ask(rd_kafka_t *rk, const char *config, carafe_token_fn fn, void *arg)
{
	carafe_token token = { .size = sizeof(token) };
	carafe_error err = { 0 };
	char text[CRF_NATIVE_TEXT];
	const char *problem;

	if (fn(config, &token, &err, arg) != CARAFE_OK)
		problem = err.text[0] != '\0' ? err.text : "the token provider failed, and does not say why";
	else
		problem = set_token(rk, &token, text, sizeof(text));
	if (problem != NULL)
		rd_kafka_oauthbearer_set_token_failure(rk, problem);
}

void
crf_native_provide_token(rd_kafka_t *rk, const char *config, void *opaque)
{
	struct crf_tokens *t = ((const struct crf_native_opaque *)opaque)->tokens;
	carafe_token_fn fn = begin_call(t);

	if (fn == NULL)
		return;
	ask(rk, config, fn, t->arg);
	end_call(t);
}
