/* A plugin of librdkafka's (plugin.library.paths) that tells the program of each message that is being taken, and each answer of a
 * broker. */
#include "support/taking.h"

rd_kafka_resp_err_t conf_init(rd_kafka_conf_t *conf, void **opaque, char *text, size_t size);

static rd_kafka_resp_err_t
on_consume(rd_kafka_t *rk, rd_kafka_message_t *m, void *opaque)
{
	rd_kafka_queue_t *queue = rd_kafka_queue_get_partition(rk, rd_kafka_topic_name(m->rkt), m->partition);

	(void)opaque;
	it_taking(queue, m->partition, m->offset);
	rd_kafka_queue_destroy(queue);
	return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t
on_response(rd_kafka_t *rk, int fd, const char *name, int32_t id, int16_t api, int16_t version, int32_t number, size_t size, int64_t rtt,
    rd_kafka_resp_err_t code, void *opaque)
{
	(void)fd;
	(void)name;
	(void)id;
	(void)version;
	(void)number;
	(void)size;
	(void)rtt;
	(void)code;
	(void)opaque;
	it_answered(rk, api);
	return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t
on_new(rd_kafka_t *rk, const rd_kafka_conf_t *conf, void *opaque, char *text, size_t size)
{
	(void)conf;
	(void)opaque;
	(void)text;
	(void)size;
	rd_kafka_interceptor_add_on_response_received(rk, "taking", on_response, NULL);
	return rd_kafka_interceptor_add_on_consume(rk, "taking", on_consume, NULL);
}

rd_kafka_resp_err_t
conf_init(rd_kafka_conf_t *conf, void **opaque, char *text, size_t size)
{
	(void)opaque;
	(void)text;
	(void)size;
	return rd_kafka_conf_interceptor_add_on_new(conf, "taking", on_new, NULL);
}
