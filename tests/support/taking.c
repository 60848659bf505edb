/* A plugin of librdkafka's (plugin.library.paths) that tells the program of each client, each message that is being taken, and each
 * answer of a broker. */
#include "support/taking.h"

#pragma weak it_taking
#pragma weak it_answered
#pragma weak it_made
#pragma weak it_gone

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
on_thread(rd_kafka_t *rk, rd_kafka_thread_type_t type, const char *name, void *opaque)
{
	(void)name;
	(void)opaque;
	if (type == RD_KAFKA_THREAD_MAIN)
		it_made(rk);
	return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t
on_destroy(rd_kafka_t *rk, void *opaque)
{
	(void)opaque;
	it_gone(rk);
	return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t
on_new(rd_kafka_t *rk, const rd_kafka_conf_t *conf, void *opaque, char *text, size_t size)
{
	(void)conf;
	(void)opaque;
	(void)text;
	(void)size;
	if (it_made != NULL)
		rd_kafka_interceptor_add_on_thread_start(rk, "taking", on_thread, NULL);
	if (it_gone != NULL)
		rd_kafka_interceptor_add_on_destroy(rk, "taking", on_destroy, NULL);
	if (it_answered != NULL)
		rd_kafka_interceptor_add_on_response_received(rk, "taking", on_response, NULL);
	if (it_taking != NULL)
		rd_kafka_interceptor_add_on_consume(rk, "taking", on_consume, NULL);
	return RD_KAFKA_RESP_ERR_NO_ERROR;
}

rd_kafka_resp_err_t
conf_init(rd_kafka_conf_t *conf, void **opaque, char *text, size_t size)
{
	(void)opaque;
	(void)text;
	(void)size;
	return rd_kafka_conf_interceptor_add_on_new(conf, "taking", on_new, NULL);
}
