/* librdkafka's settings: which there are, and whether values are accepted. */
#ifndef CRF_KAFKA_CONF_H
#define CRF_KAFKA_CONF_H

#include <stdbool.h>

#include "core/kv.h"
#include "core/problems.h"

enum crf_client_kind { CRF_CONSUMER, CRF_PRODUCER };

/* librdkafka knows the key (for either kind of client). */
bool crf_conf_known(const char *key);
/* The nearest known key, NULL when nothing is near. Borrowed, static. */
const char *crf_conf_nearest(const char *key);
/* The key whose name is this when '.', '-' and '_' and case do not count: BOOTSTRAP_SERVERS -> bootstrap.servers. */
const char *crf_conf_from_env(const char *name);
/* The spelling that librdkafka itself uses (delivery.timeout.ms -> message.timeout.ms), the key itself when it has only
 * one or is unknown: two keys with the same one set the same thing. Borrowed: static, or key. */
const char *crf_conf_canonical(const char *key);
/* True for passwords, keys and tokens: never shown. */
bool crf_conf_secret(const char *key);
/* librdkafka's own default for the key as text; NULL when it has none. Borrowed, static. */
const char *crf_conf_default(const char *key);

/* Settings that belong to the other kind of client only are left out when a client is made: one list feeds both sides. */
bool crf_conf_concerns(const char *key, enum crf_client_kind kind);

/* Adds a problem at "<path>.<key>" for each key that is unknown (did you mean), each value that librdkafka refuses
 * (with its words), each key that carafe manages itself (enable.auto.offset.store, ...; says what to use instead),
 * and each combination it refuses as a whole (group.protocol=consumer with session.timeout.ms, ...; KIP-848 with a
 * library below 2.12; compression.codec=zstd without support built in). */
void crf_conf_check(const struct crf_kvs *kafka, enum crf_client_kind kind, const char *path, struct crf_problems *out);

/* "gzip,snappy,ssl,sasl,...": builtin.features. Borrowed, static. */
const char *crf_conf_features(void);

#endif
