/* What is produced, and what the group has committed of it. */
#include "chaos/chaos.h"

#include <stdio.h>

#include "support/letters.h"
#include "support/rdkafka.h"
#include "support/test.h"

#define RATE 1200     /* messages a second */
#define ANSWER_MS 500 /* how long Kafka may take to say something */

static void
on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
	(void)rk, (void)opaque;
	if (m->err != 0)
		fail_msg("seed %u: not produced: %s", chaos.seed, rd_kafka_err2str(m->err));
	verifier_produced(chaos.verifier, m->partition, m->offset, (int)(intptr_t)m->_private);
}

static void
produce_one(int partition)
{
	int number = ++chaos.numbers[partition];
	char value[32], key[12];
	size_t len = (size_t)snprintf(value, sizeof(value), "%d", number);
	size_t key_len = (size_t)snprintf(key, sizeof(key), "k%d", chaos_key(number));
	rd_kafka_vu_t vus[] = {
		{ .vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = chaos.topic },
		{ .vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = partition },
		{ .vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY },
		{ .vtype = RD_KAFKA_VTYPE_KEY, .u.mem = { key, key_len } },
		{ .vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = { value, len } },
		{ .vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = (void *)(intptr_t)number },
	};

	assert_null(rd_kafka_produceva(chaos.producer, vus, 6));
	chaos.sent++;
}

void
traffic_pump(void)
{
	long due = (long)((it_now() - chaos.began) * RATE / 1000);

	for (int burst = 0; !chaos.mute && chaos.sent < due && burst < 1000; burst++)
		produce_one((int)(chaos.sent % CHAOS_PARTITIONS));
	rd_kafka_poll(chaos.producer, 0);
}

static void
note_letter(int32_t partition, int64_t offset)
{
	verifier_letter(chaos.verifier, partition, offset);
}

static void
show_committed(const rd_kafka_topic_partition_t *p)
{
	char metadata[4097];

	snprintf(metadata, sizeof(metadata), "%.*s", (int)p->metadata_size, p->metadata != NULL ? (const char *)p->metadata : "");
	verifier_committed(chaos.verifier, p->partition, p->offset, metadata);
}

void
traffic_look_at_commits(void)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(CHAOS_PARTITIONS);

	for (int p = 0; p < CHAOS_PARTITIONS; p++)
		rd_kafka_topic_partition_list_add(list, chaos.topic, p);
	if (rd_kafka_committed(chaos.asker, list, ANSWER_MS) == 0 && (chaos.letters == NULL || it_letters_read(chaos.letters, note_letter, ANSWER_MS)))
		for (int i = 0; i < list->cnt; i++)
			if (list->elems[i].err == 0 && list->elems[i].offset >= 0)
				show_committed(&list->elems[i]);
	rd_kafka_topic_partition_list_destroy(list);
}

void
traffic_begin(void)
{
	chaos.producer = it_producer(CARAFE_KV({ "linger.ms", "2" }, { "enable.idempotence", "true" }), on_delivery);
	chaos.asker = it_consumer(CARAFE_KV({ "group.id", chaos.group }));
	if (chaos.dead != NULL)
		chaos.letters = it_letters_open(chaos.dead);
}

bool
traffic_is_delivered(void)
{
	return rd_kafka_outq_len(chaos.producer) == 0;
}

void
traffic_end(void)
{
	rd_kafka_purge(chaos.producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT | RD_KAFKA_PURGE_F_NON_BLOCKING);
	rd_kafka_destroy(chaos.producer);
	rd_kafka_destroy(chaos.asker);
	if (chaos.letters != NULL)
		it_letters_close(chaos.letters);
}
