#include "raw.h"

#include <signal.h>
#include <stdatomic.h>

#include "bench.h"

static void
set(rd_kafka_conf_t *conf, const char *key, const char *value)
{
	char text[512];

	if (rd_kafka_conf_set(conf, key, value, text, sizeof(text)) != RD_KAFKA_CONF_OK)
		bench_die("librdkafka: %s", text);
}

static rd_kafka_t *
make(rd_kafka_type_t type, rd_kafka_conf_t *conf, const char *brokers, const carafe_kv *kafka)
{
	char text[512];
	rd_kafka_t *rk;

	set(conf, "bootstrap.servers", brokers);
	for (; kafka->key != NULL; kafka++)
		set(conf, kafka->key, kafka->value);
	if ((rk = rd_kafka_new(type, conf, text, sizeof(text))) == NULL)
		bench_die("librdkafka: %s", text);
	return rk;
}

rd_kafka_t *
raw_producer(const char *brokers, const carafe_kv *kafka)
{
	return make(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), brokers, kafka);
}

rd_kafka_t *
raw_producer_told(const char *brokers, const carafe_kv *kafka, raw_delivered_fn *delivered, void *arg)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();

	rd_kafka_conf_set_dr_msg_cb(conf, delivered);
	rd_kafka_conf_set_opaque(conf, arg);
	return make(RD_KAFKA_PRODUCER, conf, brokers, kafka);
}

rd_kafka_t *
raw_consumer(const char *brokers, const char *topic, const carafe_kv *kafka)
{
	rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	rd_kafka_t *rk;

	set(conf, "group.id", bench_fresh_name("carafe-bench-peer"));
	set(conf, "auto.offset.reset", "earliest");
	rk = make(RD_KAFKA_CONSUMER, conf, brokers, kafka);
	rd_kafka_poll_set_consumer(rk);
	rd_kafka_topic_partition_list_add(topics, topic, RD_KAFKA_PARTITION_UA);
	if (rd_kafka_subscribe(rk, topics) != 0)
		bench_die("librdkafka: cannot subscribe to %s", topic);
	rd_kafka_topic_partition_list_destroy(topics);
	return rk;
}

static atomic_bool stopped;

static void
on_term(int signal)
{
	(void)signal;
	atomic_store(&stopped, true);
}

void
raw_run(rd_kafka_t *rk, void (*handle)(const rd_kafka_message_t *m, void *arg), void *arg)
{
	signal(SIGTERM, on_term);
	while (!atomic_load(&stopped)) {
		rd_kafka_message_t *m = rd_kafka_consumer_poll(rk, 100);

		if (m == NULL)
			continue;
		if (m->err == 0)
			handle(m, arg);
		rd_kafka_message_destroy(m);
	}
	raw_consumer_free(rk);
}

void
raw_consumer_free(rd_kafka_t *rk)
{
	rd_kafka_consumer_close(rk);
	rd_kafka_destroy(rk);
}
