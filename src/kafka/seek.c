/* Where a partition is read from. All of it waits for brokers. */
#include "kafka/client_priv.h"

static carafe_rc
find_ends(struct crf_client *c, const char *topic, int32_t partition, int timeout_ms, int64_t *low, int64_t *high, carafe_error *err)
{
	rd_kafka_resp_err_t code = rd_kafka_query_watermark_offsets(c->rk, topic, partition, low, high, timeout_ms);

	return code == 0 ? CARAFE_OK : crf_native_fail(c->rk, err, code, "cannot ask for the partition's first and last offset");
}

/* RD_KAFKA_OFFSET_END when nothing is as late. */
static carafe_rc
find_time(struct crf_client *c, const char *topic, int32_t partition, int64_t time, int timeout_ms, int64_t *offset, carafe_error *err)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
	rd_kafka_topic_partition_t *p = rd_kafka_topic_partition_list_add(list, topic, partition);
	rd_kafka_resp_err_t code;

	p->offset = time;
	if ((code = rd_kafka_offsets_for_times(c->rk, list, timeout_ms)) == 0)
		code = p->err;
	*offset = p->offset;
	rd_kafka_topic_partition_list_destroy(list);
	return code == 0 ? CARAFE_OK : crf_native_fail(c->rk, err, code, "cannot ask for the offset at that time");
}

carafe_rc
crf_client_find_offset(struct crf_client *c, const char *topic, int32_t partition, struct crf_position at, int timeout_ms,
    int64_t *offset, carafe_error *err)
{
	int64_t low = 0, high = 0;
	carafe_rc rc = CARAFE_OK;

	*offset = at.value;
	if (at.kind == CRF_AT_OFFSET)
		return CARAFE_OK;
	if (at.kind == CRF_AT_TIME)
		rc = find_time(c, topic, partition, at.value, timeout_ms, offset, err);
	if (rc != CARAFE_OK || (at.kind == CRF_AT_TIME && *offset >= 0))
		return rc;
	if ((rc = find_ends(c, topic, partition, timeout_ms, &low, &high, err)) == CARAFE_OK)
		*offset = at.kind == CRF_AT_EARLIEST ? low : high;
	return rc;
}

carafe_rc
crf_client_seek(struct crf_client *c, const char *topic, int32_t partition, int64_t offset, int timeout_ms, carafe_error *err)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
	rd_kafka_topic_partition_t *p = rd_kafka_topic_partition_list_add(list, topic, partition);
	carafe_rc rc;

	p->offset = offset;
	rc = crf_native_fail_error(c->rk, err, rd_kafka_seek_partitions(c->rk, list, timeout_ms), "cannot seek");
	if (rc == CARAFE_OK && p->err != 0)
		rc = crf_native_fail(c->rk, err, p->err, "cannot seek");
	rd_kafka_topic_partition_list_destroy(list);
	return rc;
}
