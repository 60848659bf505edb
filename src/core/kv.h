/* Settings as ordered key-value pairs, each with where it came from. */
#ifndef CRF_CORE_KV_H
#define CRF_CORE_KV_H

#include <stdbool.h>
#include <stddef.h>

struct crf_kv {
	char *key;
	char *value;
	char *origin; /* "default", "code", "file shop.conf:3", "environment CARAFE_CONCURRENCY", "command line -X", ... */
};

struct crf_tokens;

struct crf_kvs {
	struct crf_kv *items;
	size_t count;
	size_t cap;
	const struct crf_tokens *tokens; /* of Kafka's settings: who provides OAUTHBEARER tokens; borrowed, NULL: nobody */
};

/* Adds, or replaces value and origin where the key is. */
void crf_kvs_set(struct crf_kvs *l, const char *key, const char *value, const char *origin);
/* Only where the key is not there. */
void crf_kvs_default(struct crf_kvs *l, const char *key, const char *value, const char *origin);
/* NULL when absent. Borrowed until the next change. */
const struct crf_kv *crf_kvs_find(const struct crf_kvs *l, const char *key);
const char *crf_kvs_get(const struct crf_kvs *l, const char *key);
bool crf_kvs_remove(struct crf_kvs *l, const char *key);
void crf_kvs_copy(struct crf_kvs *to, const struct crf_kvs *from); /* on top of what is in to */
/* Same keys and values, in whatever order. */
bool crf_kvs_equal(const struct crf_kvs *a, const struct crf_kvs *b);
void crf_kvs_fini(struct crf_kvs *l);

#endif
