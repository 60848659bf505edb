/* A consumer as users write them, for tests that need a process of its own. What it is to do is in the environment:
 *
 *   APP_TOPICS   comma separated      APP_GROUP    its group
 *   APP_HANDLER  message (default): one at a time; marking: batches, marked and committed message by message
 *   APP_SLEEP    ms that each message takes
 *   APP_STUCK    hang: so does what listens for app.stuck, once
 *   APP_THREAD   a thread is there before the app, and blocks no signals
 *
 * and in values: "hang" never returns, "poison" always fails, "wait" goes on when it is asked to stop, "sleep" takes a second,
 * "shell" has a shell wait for a child, "stop" stops the app. Every step is a line on standard output, written at once. */
#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <carafe/carafe.h>

static int sleep_ms;

static void
say(carafe_consumer *c, const char *what, int64_t offset)
{
	char line[256];
	int n = snprintf(line, sizeof(line), "%s %s %" PRId32 " %" PRId64 " attempt %d\n", what, carafe_topic(c),
	    carafe_partition(c), offset, carafe_attempt(c));

	if (write(STDOUT_FILENO, line, (size_t)n) != n)
		_exit(99);
}

static void
nap(int ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000L };

	nanosleep(&ts, NULL);
}

static bool
is(const carafe_message *m, const char *text)
{
	return m->value.len == strlen(text) && memcmp(m->value.data, text, m->value.len) == 0;
}

static carafe_rc
work_on(carafe_consumer *c, const carafe_message *m)
{
	say(c, "begin", m->offset);
	nap(sleep_ms);
	while (is(m, "hang"))
		nap(1000);
	while (is(m, "wait") && !carafe_should_stop(c))
		nap(5);
	if (is(m, "sleep"))
		nap(1000);
	if (is(m, "shell") && system("sleep 0.1 & wait") != 0)
		return carafe_fail(c, "the shell failed");
	if (is(m, "stop"))
		carafe_stop(carafe_app(c));
	if (is(m, "poison"))
		return carafe_fail(c, "this is poison");
	say(c, "end", m->offset);
	return CARAFE_OK;
}

static carafe_rc
mark_each(carafe_consumer *c, const carafe_batch *batch)
{
	carafe_error err;

	carafe_foreach (m, batch) {
		carafe_rc rc = work_on(c, m);

		if (rc != CARAFE_OK || (rc = carafe_mark(c, m)) != CARAFE_OK)
			return rc;
		if (carafe_commit(c, &err) != CARAFE_OK)
			return carafe_fail(c, "%s", err.text);
		say(c, "committed", m->offset);
	}
	return CARAFE_OK;
}

static carafe_rc
initialized(carafe_consumer *c)
{
	say(c, "initialized", -1);
	return CARAFE_OK;
}

static carafe_rc
revoked(carafe_consumer *c)
{
	say(c, "revoked", -1);
	return CARAFE_OK;
}

static carafe_rc
shut_down(carafe_consumer *c)
{
	say(c, "shutdown", -1);
	return CARAFE_OK;
}

static const carafe_handler by_message = {
	.message = work_on,
	.initialized = initialized,
	.revoked = revoked,
	.shutdown = shut_down,
};

static const carafe_handler marking = {
	.consume = mark_each,
	.initialized = initialized,
	.revoked = revoked,
	.shutdown = shut_down,
};

static void
hang_once(const carafe_event *e, void *arg)
{
	static bool hung;

	(void)e, (void)arg;
	if (hung)
		return;
	hung = true;
	puts("a callback hangs");
	fflush(stdout);
	for (;;)
		nap(1000);
}

static void *
do_nothing(void *arg)
{
	for (;;)
		nap(1000);
	return arg;
}

static const char *
given(const char *name, const char *fallback)
{
	const char *value = getenv(name);

	return value != NULL ? value : fallback;
}

int
main(int argc, char **argv)
{
	carafe *app = carafe_new(.client_id = "it", .kafka = CARAFE_KV({ "bootstrap.servers", given("KAFKA", "localhost:9092") },
	    { "auto.commit.interval.ms", "100" }, { "session.timeout.ms", "6000" }, { "heartbeat.interval.ms", "100" },
	    { "topic.metadata.refresh.fast.interval.ms", "50" }),
	    .settings = CARAFE_KV({ "pause.timeout", "20" }, { "pause.max_timeout", "60000" }));
	const carafe_handler *handler = strcmp(given("APP_HANDLER", "message"), "marking") == 0 ? &marking : &by_message;
	char *topics = strdup(given("APP_TOPICS", "none")), *rest = NULL;

	pthread_t thread;

	sleep_ms = atoi(given("APP_SLEEP", "0"));
	if (getenv("APP_THREAD") != NULL)
		pthread_create(&thread, NULL, do_nothing, NULL);
	for (char *topic = strtok_r(topics, ",", &rest); topic != NULL; topic = strtok_r(NULL, ",", &rest))
		carafe_route(carafe_group(app, given("APP_GROUP", "it")), topic, .handler = handler);
	free(topics);
	if (getenv("APP_STUCK") != NULL)
		carafe_subscribe(app, CARAFE_EV_APP_STUCK, hang_once, NULL);
	return carafe_main(app, argc, argv);
}
