#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "core/mem.h"
#include "settings/kafka_list.h"
#include "settings/settings.h"

struct added {
	const char *key, *value;
};

static const struct added for_consumers[] = {
	{ "statistics.interval.ms", "5000" },
	{ "max.poll.interval.ms", "300000" },
	{ "auto.commit.interval.ms", "5000" }, /* carafe's own commits, as often as librdkafka's would be */
	{ "socket.nagle.disable", "true" },
	{ "fetch.queue.backoff.ms", "10" }, /* librdkafka's 1000 costs most of the throughput */
};

static const struct added for_producers[] = {
	{ "message.timeout.ms", "150000" },
	{ "socket.nagle.disable", "true" },
};

static void
add(struct crf_kvs *kafka, const struct added *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		crf_kafka_list_default(kafka, list[i].key, list[i].value, "carafe");
}

/* Explicit either way: librdkafka's own default is to create topics when producing and not to when consuming. */
static void
add_for_env(const struct crf_settings *s, struct crf_kvs *kafka)
{
	char origin[64];

	snprintf(origin, sizeof(origin), "carafe (%s)", crf_env_name(s->env));
	crf_kafka_list_default(kafka, "allow.auto.create.topics", s->env == CRF_DEVELOPMENT ? "true" : "false", origin);
	if (!crf_env_is_production(s->env))
		crf_kafka_list_default(kafka, "topic.metadata.refresh.interval.ms", "5000", origin);
}

static void
add_client_id(const struct crf_settings *s, struct crf_kvs *kafka)
{
	char origin[128];

	snprintf(origin, sizeof(origin), "client_id: %s", crf_kvs_find(&s->root, "client_id")->origin);
	crf_kafka_list_default(kafka, "client.id", s->v.client_id, origin);
}

/* Brokers assign partitions under KIP-848, and librdkafka refuses to be told a strategy. */
static void
add_strategy(struct crf_kvs *kafka)
{
	const char *protocol = crf_kvs_get(kafka, "group.protocol");

	if (protocol == NULL || strcasecmp(protocol, "consumer") != 0)
		crf_kafka_list_default(kafka, "partition.assignment.strategy", "cooperative-sticky", "carafe");
}

void
crf_settings_inject_consumer(const struct crf_settings *s, struct crf_kvs *kafka)
{
	add_client_id(s, kafka);
	add(kafka, for_consumers, crf_array_len(for_consumers));
	add_strategy(kafka);
	add_for_env(s, kafka);
}

void
crf_settings_inject_producer(const struct crf_settings *s, struct crf_kvs *kafka)
{
	add_client_id(s, kafka);
	add(kafka, for_producers, crf_array_len(for_producers));
	add_for_env(s, kafka);
}
