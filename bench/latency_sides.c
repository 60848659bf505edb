#include <carafe/carafe.h>

#include "latency.h"
#include "raw.h"

/* ------------------------------------------------------------------------------------------------ librdkafka alone */

void
latency_peer(const struct latency *l)
{
	rd_kafka_t *rk = raw_consumer(l->brokers, l->topic, CARAFE_KV({ "fetch.queue.backoff.ms", "10" }));
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
	raw_consumer_free(rk);
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
