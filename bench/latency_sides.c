#include "app.h"
#include "latency.h"

/* ------------------------------------------------------------------------------------------------ librdkafka alone */

rd_kafka_t *
latency_peer_new(const struct latency *l)
{
	return raw_consumer(l->brokers, l->topic, CARAFE_KV({ "fetch.queue.backoff.ms", "10" }));
}

void
latency_peer_run(rd_kafka_t *rk)
{
	bool more = true;

	while (more) {
		rd_kafka_message_t *m = rd_kafka_consumer_poll(rk, 100);

		if (m == NULL)
			continue;
		if (m->err == 0)
			more = latency_arrived(LATENCY_PEER, m->payload, m->len);
		rd_kafka_message_destroy(m);
	}
	raw_consumer_free(rk);
}

/* ------------------------------------------------------------------------------------------------ carafe */

static carafe_rc
on_message(carafe_consumer *c, const carafe_message *m)
{
	if (!latency_arrived(LATENCY_CARAFE, m->value.data, m->value.len))
		carafe_stop(carafe_app(c));
	return CARAFE_OK;
}

static const carafe_handler handler = { .message = on_message };

carafe *
latency_carafe_new(const struct latency *l)
{
	carafe *app = carafe_new(.client_id = "bench", .kafka = CARAFE_KV({ "bootstrap.servers", l->brokers }));

	carafe_route(carafe_group(app, bench_fresh_name("carafe-bench")), l->topic, .handler = &handler);
	bench_app_start(app);
	return app;
}

void
latency_carafe_run(carafe *app)
{
	carafe_error err = { 0 };

	if (carafe_wait(app, -1, &err) != CARAFE_OK)
		bench_die("latency: %s", err.text);
	carafe_free(app);
}
