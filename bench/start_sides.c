#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "raw.h"
#include "start.h"

/* ------------------------------------------------------------------------------------------------ librdkafka alone */

static atomic_bool stopped;

static void
on_term(int signal)
{
	(void)signal;
	atomic_store(&stopped, true);
}

/* The loop of librdkafka's own examples, and their 100 ms. */
int
start_peer(const struct start *s)
{
	rd_kafka_t *rk = raw_consumer(s->brokers, s->topic,
	    CARAFE_KV({ "group.protocol", s->protocol }, { "fetch.queue.backoff.ms", "10" }));

	signal(SIGTERM, on_term);
	while (!atomic_load(&stopped)) {
		rd_kafka_message_t *m = rd_kafka_consumer_poll(rk, 100);

		if (m == NULL)
			continue;
		if (m->err == 0)
			start_arrived();
		rd_kafka_message_destroy(m);
	}
	raw_consumer_free(rk);
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
