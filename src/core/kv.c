#include "core/kv.h"

#include <stdlib.h>
#include <string.h>

#include "core/mem.h"

/* Lists are configurations of tens of pairs: looking through them beats keeping an index. */
static struct crf_kv *
find(const struct crf_kvs *l, const char *key)
{
	for (size_t i = 0; i < l->count; i++)
		if (strcmp(l->items[i].key, key) == 0)
			return &l->items[i];
	return NULL;
}

static void
append(struct crf_kvs *l, const char *key, const char *value, const char *origin)
{
	struct crf_kv kv = { crf_strdup(key), crf_strdup(value), crf_strdup(origin) };

	if (l->count == l->cap) {
		l->cap = l->cap ? 2 * l->cap : 8;
		l->items = crf_realloc(l->items, l->cap, sizeof(*l->items));
	}
	l->items[l->count++] = kv;
}

/* The new text may be part of the old one. */
static void
replace(char **s, const char *with)
{
	char *old = *s;

	*s = crf_strdup(with);
	free(old);
}

static void
kv_fini(struct crf_kv *kv)
{
	free(kv->key);
	free(kv->value);
	free(kv->origin);
}

void
crf_kvs_set(struct crf_kvs *l, const char *key, const char *value, const char *origin)
{
	struct crf_kv *kv = find(l, key);

	if (kv == NULL) {
		append(l, key, value, origin);
		return;
	}
	replace(&kv->value, value);
	replace(&kv->origin, origin);
}

void
crf_kvs_default(struct crf_kvs *l, const char *key, const char *value, const char *origin)
{
	if (find(l, key) == NULL)
		append(l, key, value, origin);
}

const struct crf_kv *
crf_kvs_find(const struct crf_kvs *l, const char *key)
{
	return find(l, key);
}

const char *
crf_kvs_get(const struct crf_kvs *l, const char *key)
{
	const struct crf_kv *kv = find(l, key);

	return kv != NULL ? kv->value : NULL;
}

bool
crf_kvs_remove(struct crf_kvs *l, const char *key)
{
	struct crf_kv *kv = find(l, key);

	if (kv == NULL)
		return false;
	kv_fini(kv);
	l->count--;
	memmove(kv, kv + 1, (size_t)(l->items + l->count - kv) * sizeof(*kv));
	return true;
}

void
crf_kvs_copy(struct crf_kvs *to, const struct crf_kvs *from)
{
	if (from->tokens != NULL)
		to->tokens = from->tokens;
	for (size_t i = 0; i < from->count; i++)
		crf_kvs_set(to, from->items[i].key, from->items[i].value, from->items[i].origin);
}

static bool
same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

bool
crf_kvs_equal(const struct crf_kvs *a, const struct crf_kvs *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++) {
		const struct crf_kv *other = find(b, a->items[i].key);

		if (other == NULL || !same(a->items[i].value, other->value))
			return false;
	}
	return true;
}

void
crf_kvs_fini(struct crf_kvs *l)
{
	for (size_t i = 0; i < l->count; i++)
		kv_fini(&l->items[i]);
	free(l->items);
	*l = (struct crf_kvs){ 0 };
}
