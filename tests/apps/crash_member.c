/* The consumer that tests/integration/crash.c kills again and again. Each message it handles becomes a line of the log,
 * appended with one write, so that a kill loses none: "H run topic partition offset value time". A value that ends in
 * "dead" always fails in the third topic: its line begins with D, and it belongs into the dead letter queue. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <carafe/carafe.h>

static int log_fd;
static const char *run;

static bool
is_dead(const carafe_message *m)
{
	return m->value.len > 4 && memcmp((const char *)m->value.data + m->value.len - 4, "dead", 4) == 0;
}

static void
note(char what, const carafe_message *m)
{
	struct timespec ts;
	char line[256];
	int n;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	n = snprintf(line, sizeof(line), "%c %s %s %" PRId32 " %" PRId64 " %.*s %.3f\n", what, run, m->topic, m->partition,
	    m->offset, (int)m->value.len, (const char *)m->value.data, (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6);
	if (write(log_fd, line, (size_t)n) != n)
		_exit(99);
}

static carafe_rc
handle_batch(carafe_consumer *c, const carafe_batch *batch)
{
	(void)c;
	carafe_foreach (m, batch)
		note('H', m);
	return CARAFE_OK;
}

static carafe_rc
handle_letter(carafe_consumer *c, const carafe_message *m)
{
	note(is_dead(m) ? 'D' : 'H', m);
	return is_dead(m) ? carafe_fail(c, "dead") : CARAFE_OK;
}

/* Now and then the first attempt fails. */
static carafe_rc
handle_message(carafe_consumer *c, const carafe_message *m)
{
	if (m->offset % 37 == 36 && carafe_attempt(c) == 1)
		return carafe_fail(c, "the first attempt fails");
	note('H', m);
	return CARAFE_OK;
}

static const carafe_handler batches = { .consume = handle_batch };
static const carafe_handler messages = { .message = handle_message };
static const carafe_handler letters = { .message = handle_letter };

int
main(int argc, char **argv)
{
	carafe *app = carafe_new(.client_id = "crash", .concurrency = 3, .max_messages = 20,
	    .kafka = CARAFE_KV({ "bootstrap.servers", getenv("KAFKA") }, { "group.instance.id", "crash" },
		{ "auto.commit.interval.ms", "50" }, { "session.timeout.ms", "6000" }, { "heartbeat.interval.ms", "200" },
		{ "fetch.wait.max.ms", "10" }),
	    .settings = CARAFE_KV({ "pause.timeout", "1" }, { "pause.max_timeout", "5" }));
	carafe_group *group = carafe_group(app, getenv("CRASH_GROUP"));

	run = getenv("CRASH_RUN");
	log_fd = open(getenv("CRASH_LOG"), O_WRONLY | O_APPEND | O_CLOEXEC);
	if (log_fd < 0)
		return 99;
	carafe_route(group, getenv("CRASH_BATCHES"), .handler = &batches);
	carafe_route(group, getenv("CRASH_MESSAGES"), .handler = &messages);
	carafe_dlq(carafe_route(group, getenv("CRASH_LETTERS"), .handler = &letters), .topic = getenv("CRASH_DEAD"),
	    .max_retries = CARAFE_NONE);
	return carafe_main(app, argc, argv);
}
