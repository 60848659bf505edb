/* Messages. What a handler always looks at is copied into the public struct; the rest is asked for when it is wanted. */
#include "core/mem.h"
#include "kafka/mailbox.h"
#include "kafka/native.h"

int
crf_native_error(const void *native)
{
	return ((const rd_kafka_message_t *)native)->err;
}

bool
crf_native_is_eof(const void *native)
{
	return ((const rd_kafka_message_t *)native)->err == RD_KAFKA_RESP_ERR__PARTITION_EOF;
}

const char *
crf_native_text(const void *native)
{
	return rd_kafka_message_errstr(native);
}

int64_t
crf_native_offset(const void *native)
{
	return ((const rd_kafka_message_t *)native)->offset;
}

void
crf_native_free(void *native)
{
	rd_kafka_message_destroy(native);
}

bool
crf_native_message(void *native, const char *topic, carafe_message *m)
{
	const rd_kafka_message_t *from = native;

	if (from->err != 0)
		return false;
	m->offset = from->offset;
	m->key = (carafe_bytes){ from->key, from->key_len };
	m->value = (carafe_bytes){ from->payload, from->len };
	m->topic = topic;
	m->partition = from->partition;
	m->reserved_ = 0;
	m->native_ = native;
	return true;
}

/* ------------------------------------------------------------------------------------------------ asked for */

#define check_message(m) crf_check_given((m), "message", "one that the handler is given, while it runs")

int64_t
carafe_message_timestamp(const carafe_message *m)
{
	rd_kafka_timestamp_type_t type;
	int64_t ms;

	check_message(m);
	if (m->native_ == NULL)
		return -1;
	ms = rd_kafka_message_timestamp(m->native_, &type);
	return type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE ? -1 : ms;
}

int32_t
carafe_message_leader_epoch(const carafe_message *m)
{
	check_message(m);
	return m->native_ != NULL ? rd_kafka_message_leader_epoch(m->native_) : -1;
}

static rd_kafka_headers_t *
headers(const carafe_message *m)
{
	rd_kafka_headers_t *list;

	if (m->native_ == NULL || rd_kafka_message_headers(m->native_, &list) != 0)
		return NULL;
	return list;
}

bool
carafe_message_header(const carafe_message *m, const char *name, carafe_bytes *value)
{
	rd_kafka_headers_t *list;

	check_message(m);
	list = headers(m);
	return list != NULL && rd_kafka_header_get_last(list, name, &value->data, &value->len) == 0;
}

bool
carafe_message_header_at(const carafe_message *m, size_t i, const char **name, carafe_bytes *value)
{
	rd_kafka_headers_t *list;

	check_message(m);
	list = headers(m);
	return list != NULL && rd_kafka_header_get_all(list, i, name, &value->data, &value->len) == 0;
}

void *
carafe_message_native(const carafe_message *m)
{
	check_message(m);
	return m->native_;
}
