#include "settings/kafka_list.h"

#include <string.h>

#include "kafka/conf.h"

#define SERVERS "bootstrap.servers"

static bool
same(const char *a, const char *b)
{
	return strcmp(crf_conf_canonical(a), crf_conf_canonical(b)) == 0;
}

const struct crf_kv *
crf_kafka_list_find(const struct crf_kvs *l, const char *key)
{
	for (size_t i = 0; i < l->count; i++)
		if (same(l->items[i].key, key))
			return &l->items[i];
	return NULL;
}

void
crf_kafka_list_set(struct crf_kvs *l, const char *key, const char *value, const char *origin)
{
	const struct crf_kv *there = crf_kafka_list_find(l, key);

	if (same(key, SERVERS))
		key = SERVERS;
	if (there != NULL && strcmp(there->key, key) != 0)
		crf_kvs_remove(l, there->key);
	crf_kvs_set(l, key, value, origin);
}

void
crf_kafka_list_default(struct crf_kvs *l, const char *key, const char *value, const char *origin)
{
	if (crf_kafka_list_find(l, key) == NULL)
		crf_kafka_list_set(l, key, value, origin);
}

void
crf_kafka_list_merge(struct crf_kvs *to, const struct crf_kvs *from)
{
	for (size_t i = 0; i < from->count; i++)
		crf_kafka_list_set(to, from->items[i].key, from->items[i].value, from->items[i].origin);
}
