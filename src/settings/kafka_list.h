/* Lists of librdkafka's settings, where the spellings that librdkafka has for one setting are one key: message.timeout.ms
 * and delivery.timeout.ms, say. A list with both would mean whichever comes later. */
#ifndef CRF_SETTINGS_KAFKA_LIST_H
#define CRF_SETTINGS_KAFKA_LIST_H

#include "core/kv.h"

/* Adds, or replaces what is there under any spelling. bootstrap.servers is always kept under this name. */
void crf_kafka_list_set(struct crf_kvs *l, const char *key, const char *value, const char *origin);
/* Only where no spelling of it is there. */
void crf_kafka_list_default(struct crf_kvs *l, const char *key, const char *value, const char *origin);
/* Under any spelling; NULL when absent. */
const struct crf_kv *crf_kafka_list_find(const struct crf_kvs *l, const char *key);
/* On top of what is in to. */
void crf_kafka_list_merge(struct crf_kvs *to, const struct crf_kvs *from);

#endif
