#include "support/letters.h"

#include <stdlib.h>

#include "support/rdkafka.h"
#include "support/test.h"

struct it_letters {
	rd_kafka_t *rk;
	const char *topic;
	int64_t next;
};

struct it_letters *
it_letters_open(const char *topic)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
	struct it_letters *l = calloc(1, sizeof(*l));

	*l = (struct it_letters){ .topic = topic };
	l->rk = it_consumer(CARAFE_KV({ "group.id", "it-letters" }, { "fetch.wait.max.ms", "5" }, { "fetch.error.backoff.ms", "50" }));
	rd_kafka_topic_partition_list_add(list, topic, 0)->offset = RD_KAFKA_OFFSET_BEGINNING;
	assert_int_equal(rd_kafka_assign(l->rk, list), 0);
	rd_kafka_topic_partition_list_destroy(list);
	return l;
}

static void
note(const rd_kafka_message_t *m, void (*fn)(int32_t partition, int64_t offset))
{
	rd_kafka_headers_t *headers;
	const void *partition, *offset;
	size_t len;

	assert_int_equal(rd_kafka_message_headers(m, &headers), 0);
	assert_int_equal(rd_kafka_header_get_last(headers, "source_partition", &partition, &len), 0);
	assert_int_equal(rd_kafka_header_get_last(headers, "source_offset", &offset, &len), 0);
	fn(atoi(partition), atoll(offset));
}

bool
it_letters_read(struct it_letters *l, void (*fn)(int32_t partition, int64_t offset), int patience_ms)
{
	double since = it_now();
	int64_t low, end;

	if (rd_kafka_query_watermark_offsets(l->rk, l->topic, 0, &low, &end, patience_ms) != 0)
		return false;
	while (l->next < end && it_now() - since < patience_ms) {
		rd_kafka_message_t *m = rd_kafka_consumer_poll(l->rk, 100);

		if (m != NULL && m->err == 0) {
			note(m, fn);
			l->next = m->offset + 1;
		}
		if (m != NULL)
			rd_kafka_message_destroy(m);
	}
	return l->next >= end;
}

void
it_letters_close(struct it_letters *l)
{
	rd_kafka_consumer_close(l->rk);
	rd_kafka_destroy(l->rk);
	free(l);
}
