/* What carafe says of Kafka above the wall: no header of librdkafka is needed to read this.
 * A native message is an rd_kafka_message_t behind a void pointer; an error code is an rd_kafka_resp_err_t as an int. */
#ifndef CRF_KAFKA_KAFKA_H
#define CRF_KAFKA_KAFKA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <carafe/error.h>

#include "core/partition.h"

#define CRF_KAFKA_TIMED_OUT (-185) /* librdkafka's _TIMED_OUT */
#define CRF_KAFKA_UNKNOWN_TOPIC_OR_PART 3
#define CRF_KAFKA_OFFSET_METADATA_TOO_LARGE 12
#define CRF_KAFKA_INCONSISTENT_GROUP_PROTOCOL 23
#define CRF_KAFKA_UNKNOWN_MEMBER_ID 25
#define CRF_KAFKA_FENCED_MEMBER_EPOCH 110

/* A place in a partition. */
struct crf_position {
	enum crf_position_kind { CRF_AT_OFFSET, CRF_AT_TIME, CRF_AT_EARLIEST, CRF_AT_LATEST } kind;
	int64_t value; /* the offset; ms since 1970 */
};

/* How a seek ended. */
typedef void crf_seek_fn(void *arg, int64_t offset, const carafe_error *err);
/* What is committed: offset CRF_OFFSET_NONE when nothing, metadata NULL when it says nothing, which the callee frees; or why that
 * cannot be told. */
typedef void crf_committed_fn(void *arg, int64_t offset, char *metadata, const carafe_error *err);

/* Adds one; topic and metadata are copied. Returns it, to be filled in further; valid until the next add. */
struct crf_partition *crf_partitions_add(struct crf_partitions *l, const char *topic, int32_t partition);
/* NULL when it is not in there. */
struct crf_partition *crf_partitions_find(const struct crf_partitions *l, const char *topic, int32_t partition);
/* "orders[0-2,5] refunds[1]"; the caller frees. At most about max characters, then "... and N more". */
char *crf_partitions_text(const struct crf_partitions *l, size_t max);
/* The same with the offset of each: "orders[0]@15 orders[1]@7 refunds[1]@0". */
char *crf_positions_text(const struct crf_partitions *l, size_t max);
void crf_partitions_fini(struct crf_partitions *l);

/* "_TRANSPORT", "UNKNOWN_TOPIC_OR_PART", ... */
const char *crf_kafka_error_name(int code);
/* librdkafka's words for it. */
const char *crf_kafka_error_text(int code);
/* What a person can do about it, one sentence, or NULL when there is nothing better than to wait. */
const char *crf_kafka_error_hint(int code);
/* Trying the same again may help. */
bool crf_kafka_error_retriable(int code);
/* The code of carafe that this is: DENIED, UNAVAILABLE, LOST, TIMEOUT, ... */
carafe_rc crf_kafka_rc(int code);

/* The library's version at run time, as text and as librdkafka's 0xMMmmrrxx. */
const char *crf_kafka_version(void);
int crf_kafka_version_number(void);
/* The version that carafe was compiled for. */
const char *crf_kafka_version_built(void);
#define CRF_KAFKA_2_12 0x020c0000
#define CRF_KAFKA_2_15 0x020f0000

#endif
