#include <stdio.h>

#include <carafe/carafe.h>

#include "core/mem.h"
#include "kafka/native.h"
#include "latency.h"

/* ------------------------------------------------------------------------------------------------ librdkafka alone */

static rd_kafka_t *
subscribe(const struct latency *l)
{
	const char *const settings[][2] = {
		{ "bootstrap.servers", l->brokers },
		{ "group.id", bench_fresh_name("carafe-bench-peer") },
		{ "auto.offset.reset", "earliest" },
		{ "fetch.queue.backoff.ms", "10" },
	};
	rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char text[512];
	rd_kafka_t *rk;

	for (size_t i = 0; i < crf_array_len(settings); i++)
		if (rd_kafka_conf_set(conf, settings[i][0], settings[i][1], text, sizeof(text)) != RD_KAFKA_CONF_OK)
			bench_die("latency: %s", text);
	if ((rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof(text))) == NULL)
		bench_die("latency: %s", text);
	rd_kafka_poll_set_consumer(rk);
	rd_kafka_topic_partition_list_add(topics, l->topic, RD_KAFKA_PARTITION_UA);
	if (rd_kafka_subscribe(rk, topics) != 0)
		bench_die("latency: cannot subscribe to %s", l->topic);
	rd_kafka_topic_partition_list_destroy(topics);
	return rk;
}

void
latency_peer(const struct latency *l)
{
	rd_kafka_t *rk = subscribe(l);
	bool more = true;

	latency_begin(l);
	while (more) {
		rd_kafka_message_t *m = rd_kafka_consumer_poll(rk, 100);

		if (m == NULL)
			continue;
		if (m->err == 0)
			more = latency_arrived(m->payload, m->len);
		rd_kafka_message_destroy(m);
	}
	rd_kafka_consumer_close(rk);
	rd_kafka_destroy(rk);
}

/* ------------------------------------------------------------------------------------------------ carafe */

static carafe_rc
on_message(carafe_consumer *c, const carafe_message *m)
{
	if (!latency_arrived(m->value.data, m->value.len))
		carafe_stop(carafe_app(c));
	return CARAFE_OK;
}

static const carafe_handler handler = { .message = on_message };

void
latency_carafe(const struct latency *l)
{
	carafe *app = carafe_new(.client_id = "bench", .kafka = CARAFE_KV({ "bootstrap.servers", l->brokers }));
	carafe_error err = { 0 };

	carafe_route(carafe_group(app, bench_fresh_name("carafe-bench")), l->topic, .handler = &handler);
	if (carafe_start(app, &err) != CARAFE_OK)
		bench_die("latency: %s", err.text);
	latency_begin(l);
	if (carafe_wait(app, -1, &err) != CARAFE_OK)
		bench_die("latency: %s", err.text);
	carafe_free(app);
}
