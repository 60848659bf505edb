/* librdkafka itself: for the rooms behind the wall only (kafka, producer, admin). */
#ifndef CRF_KAFKA_NATIVE_H
#define CRF_KAFKA_NATIVE_H

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wignored-qualifiers" /* a const int that is returned by value */
#include <librdkafka/rdkafka.h>
#pragma GCC diagnostic pop

#include "core/kv.h"
#include "kafka/conf.h"
#include "kafka/kafka.h"

#if RD_KAFKA_VERSION < 0x020800ff
#error "carafe needs librdkafka 2.8.0 or later"
#endif

#define CRF_NATIVE_TEXT 512 /* what librdkafka's own errstr buffers hold */

/* The settings that concern this kind of client, carafe's own left out. The caller gives it to crf_native_new or
 * destroys it. NULL and CARAFE_CONFIG in err when librdkafka refuses one. */
rd_kafka_conf_t *crf_native_conf(const struct crf_kvs *kafka, enum crf_client_kind kind, carafe_error *err);
/* Consumes conf, also when it fails. */
carafe_rc crf_native_new(rd_kafka_t **rk, enum crf_client_kind kind, rd_kafka_conf_t *conf, carafe_error *err);

/* What the opaque of a conf begins with when its list names who provides tokens. */
struct crf_native_opaque {
	struct crf_tokens *tokens;
};
/* As a refresh callback. */
void crf_native_provide_token(rd_kafka_t *rk, const char *config, void *opaque);

/* Whether a setting has that value, in any case. */
bool crf_native_conf_is(const rd_kafka_conf_t *conf, const char *key, const char *value);

/* The caller destroys it: before the client, since its elements may come to hold references into it. */
rd_kafka_topic_partition_list_t *crf_native_list(const struct crf_partitions *l);
/* Adds each element of a native list. */
void crf_native_list_read(struct crf_partitions *l, const rd_kafka_topic_partition_list_t *native);

/* The error code that a broker, or nobody within the time, has for the topic, 0 none; and how many partitions it has then. Blocks. */
int crf_native_ask_for_topic(rd_kafka_t *rk, rd_kafka_topic_t *topic, int timeout_ms, int *partitions);

/* Fills in err from a code that a call on rk returned: "<what>: <words>"; what lies behind _FATAL is unwrapped. */
carafe_rc crf_native_fail(rd_kafka_t *rk, carafe_error *err, rd_kafka_resp_err_t code, const char *what);
/* The same from an error object, which it destroys; CARAFE_OK when that is NULL. */
carafe_rc crf_native_fail_error(rd_kafka_t *rk, carafe_error *err, rd_kafka_error_t *error, const char *what);

#endif
