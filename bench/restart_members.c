#include <stdlib.h>
#include <string.h>

#include "raw.h"
#include "restart.h"

static bool
is_kip848(const struct restart *r)
{
	return strcmp(r->protocol, "kip848") == 0;
}

/* Settings of both: the group's protocol, heartbeats that let it find out about a change within a second instead of three, and
 * a session that does not keep a member that ended without leaving for 45 s. */
static void
group_settings(const struct restart *r, carafe_kv kafka[5])
{
	int n = 0;

	kafka[n++] = (carafe_kv){ "bootstrap.servers", r->brokers };
	if (is_kip848(r)) {
		kafka[n++] = (carafe_kv){ "group.protocol", "consumer" };
	} else {
		kafka[n++] = (carafe_kv){ "partition.assignment.strategy", r->protocol };
		kafka[n++] = (carafe_kv){ "heartbeat.interval.ms", "1000" };
		kafka[n++] = (carafe_kv){ "session.timeout.ms", "10000" };
	}
	kafka[n] = (carafe_kv){ NULL, NULL };
}

/* ------------------------------------------------------------------------------------------------ librdkafka alone */

static struct restart_log *notes;
static int self;

static void
handle(const rd_kafka_message_t *m, void *arg)
{
	(void)arg;
	restart_note(notes, self, m->partition, m->offset);
}

/* What is usual: librdkafka assigns, stores and commits by itself. */
int
restart_peer(const struct restart *r)
{
	carafe_kv kafka[8];
	int n = 0;

	notes = restart_log_open(r->log);
	self = r->member;
	group_settings(r, kafka);
	while (kafka[n].key != NULL)
		n++;
	kafka[n++] = (carafe_kv){ "group.id", r->group };
	kafka[n++] = (carafe_kv){ "fetch.queue.backoff.ms", "10" };
	kafka[n] = (carafe_kv){ NULL, NULL };
	raw_run(raw_consumer(r->brokers, r->topic, kafka), handle, NULL);
	return 0;
}

/* ------------------------------------------------------------------------------------------------ carafe */

static carafe_rc
on_message(carafe_consumer *c, const carafe_message *m)
{
	(void)c;
	restart_note(notes, self, m->partition, m->offset);
	return CARAFE_OK;
}

static const carafe_handler handler = { .message = on_message };

int
restart_carafe(const struct restart *r)
{
	char *argv[] = { "restart", "server", NULL };
	carafe_kv kafka[5];
	carafe *app;

	notes = restart_log_open(r->log);
	self = r->member;
	setenv("CARAFE_ENV", "production", 1);
	group_settings(r, kafka);
	app = carafe_new(.client_id = "bench", .settings = CARAFE_KV({ "log.level", "error" }), .kafka = kafka);
	carafe_route(carafe_group(app, r->group), r->topic, .handler = &handler);
	return carafe_main(app, 2, argv);
}
