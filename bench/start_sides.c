#include <stdlib.h>

#include "raw.h"
#include "start.h"

/* ------------------------------------------------------------------------------------------------ librdkafka alone */

static void
handle(const rd_kafka_message_t *m, void *arg)
{
	(void)m, (void)arg;
	start_arrived();
}

int
start_peer(const struct start *s)
{
	rd_kafka_t *rk = raw_consumer(s->brokers, s->topic,
	    CARAFE_KV({ "group.protocol", s->protocol }, { "fetch.queue.backoff.ms", "10" }));

	raw_run(rk, handle, NULL);
	return 0;
}

/* ------------------------------------------------------------------------------------------------ carafe */

static carafe_rc
on_message(carafe_consumer *c, const carafe_message *m)
{
	(void)c, (void)m;
	start_arrived();
	return CARAFE_OK;
}

static const carafe_handler handler = { .message = on_message };

int
start_carafe(const struct start *s)
{
	char *argv[] = { "start", "server", NULL };
	carafe *app;

	setenv("CARAFE_ENV", "production", 1);
	app = carafe_new(.client_id = "bench", .settings = CARAFE_KV({ "log.level", "error" }),
	    .kafka = CARAFE_KV({ "bootstrap.servers", s->brokers }, { "group.protocol", s->protocol }));
	carafe_route(carafe_group(app, bench_fresh_name("carafe-bench")), s->topic, .handler = &handler);
	return carafe_main(app, 2, argv);
}
