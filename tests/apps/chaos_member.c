/* The member that tests/chaos plays with. Everything it is told and does becomes a line of the log, appended with one write,
 * so that a kill loses none and the order of lines is the order of things:
 *
 *   A run partition...                 assigned
 *   V run reason partition...          revoked, lost, ...: its end, the commit behind it
 *   C run partition:offset...          committed; F: a commit was refused
 *   T run partition                    let go before its handler returned
 *   B run partition epoch first last   a handler begins; E: it is done, and nothing is marked yet
 *
 * SIGUSR1 makes the next handler hang for a while. */
#include <inttypes.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <carafe/carafe.h>

#define FAIL_EVERY 53 /* the first attempt at one message in so many fails */

struct state {
	int epoch; /* which assignment of this process this is, from 1 */
};

static int log_fd;
static const char *run;
static int sleep_us, hang_ms;
static atomic_int epochs, hang;

static void
append(const char *line, int n)
{
	if (write(log_fd, line, (size_t)n) != n)
		_exit(99);
}

static void
nap(long us)
{
	struct timespec ts = { us / 1000000, us % 1000000 * 1000 };

	if (us > 0)
		nanosleep(&ts, NULL);
}

/* ------------------------------------------------------------------------------------------------ handlers */

static void
note(carafe_consumer *c, char what, const carafe_message *first, const carafe_message *last)
{
	struct state *s = carafe_state(c);
	char line[160];

	if (s->epoch == 0)
		s->epoch = atomic_fetch_add(&epochs, 1) + 1;
	append(line, snprintf(line, sizeof(line), "%c %s %" PRId32 " %d %" PRId64 " %" PRId64 " %.*s %.*s\n", what, run, first->partition,
	    s->epoch, first->offset, last->offset, (int)first->value.len, (const char *)first->value.data, (int)last->value.len,
	    (const char *)last->value.data));
}

static carafe_rc
work_on(carafe_consumer *c, const carafe_message *first, const carafe_message *last)
{
	note(c, 'B', first, last);
	nap(atomic_exchange(&hang, 0) * 1000L);
	nap((last->offset - first->offset + 1) * sleep_us);
	if (first->offset % FAIL_EVERY == 0 && carafe_attempt(c) == 1)
		return carafe_fail(c, "the first attempt fails");
	note(c, 'E', first, last);
	return CARAFE_OK;
}

static carafe_rc
on_message(carafe_consumer *c, const carafe_message *m)
{
	return work_on(c, m, m);
}

static carafe_rc
on_batch(carafe_consumer *c, const carafe_batch *batch)
{
	return work_on(c, carafe_batch_at(batch, 0), carafe_batch_at(batch, carafe_batch_count(batch) - 1));
}

/* ------------------------------------------------------------------------------------------------ events */

static void
on_event(const carafe_event *event, void *arg)
{
	const char *topic, *reason = "none";
	char line[1024];
	int32_t partition;
	int64_t offset, number;
	int n;

	carafe_event_str(event, CARAFE_F_REASON, &reason);
	n = snprintf(line, sizeof(line), "%s %s", (const char *)arg, run);
	if (carafe_event_kind(event) == CARAFE_EV_REBALANCE_REVOKED)
		n += snprintf(line + n, sizeof(line) - (size_t)n, " %s", reason);
	if (carafe_event_int(event, CARAFE_F_PARTITION, &number))
		n += snprintf(line + n, sizeof(line) - (size_t)n, " %" PRId64, number);
	for (size_t i = 0; carafe_event_partition(event, i, &topic, &partition, &offset); i++) {
		n += snprintf(line + n, sizeof(line) - (size_t)n, " %" PRId32, partition);
		if (offset >= 0)
			n += snprintf(line + n, sizeof(line) - (size_t)n, ":%" PRId64, offset);
	}
	line[n++] = '\n';
	append(line, n);
}

static void
subscribe(carafe *app)
{
	static const struct {
		carafe_event_id id;
		const char *letter;
	} events[] = {
		{ CARAFE_EV_REBALANCE_ASSIGNED, "A" },
		{ CARAFE_EV_REBALANCE_REVOKED, "V" },
		{ CARAFE_EV_REBALANCE_DRAIN_TIMEOUT, "T" },
		{ CARAFE_EV_OFFSETS_COMMITTED, "C" },
		{ CARAFE_EV_OFFSETS_COMMIT_FAILED, "F" },
	};

	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
		carafe_subscribe(app, events[i].id, on_event, (void *)(uintptr_t)events[i].letter);
}

/* ------------------------------------------------------------------------------------------------ the app */

static void
on_usr1(int signal)
{
	(void)signal;
	atomic_store(&hang, hang_ms);
}

static const char *
given(const char *name)
{
	const char *value = getenv(name);

	return value != NULL ? value : "";
}

static carafe *
make(void)
{
	bool consumer = strcmp(given("CHAOS_PROTOCOL"), "kip-848") == 0;
	carafe_kv kafka[16] = { { "bootstrap.servers", given("KAFKA") }, { "auto.commit.interval.ms", given("CHAOS_COMMIT") },
		{ "max.poll.interval.ms", given("CHAOS_MAX_POLL") }, { "fetch.wait.max.ms", "20" },
		{ "reconnect.backoff.max.ms", "500" }, { "topic.metadata.refresh.fast.interval.ms", "50" } };
	size_t n = 6;

	if (consumer)
		kafka[n++] = (carafe_kv){ "group.protocol", "consumer" };
	if (!consumer) {
		kafka[n++] = (carafe_kv){ "partition.assignment.strategy",
			strcmp(given("CHAOS_PROTOCOL"), "range") == 0 ? "range" : "cooperative-sticky" };
		kafka[n++] = (carafe_kv){ "session.timeout.ms", given("CHAOS_SESSION") };
		kafka[n++] = (carafe_kv){ "heartbeat.interval.ms", "200" };
	}
	if (given("CHAOS_INSTANCE")[0] != '\0')
		kafka[n++] = (carafe_kv){ "group.instance.id", given("CHAOS_INSTANCE") };
	return carafe_new(.client_id = "chaos", .concurrency = 3, .max_messages = 20, .shutdown_timeout = 20000, .kafka = kafka,
	    .settings = CARAFE_KV({ "pause.timeout", "5" }, { "pause.max_timeout", "50" }, { "reset_backoff", "500" },
		{ "drain_timeout", given("CHAOS_DRAIN") }, { "boot_timeout", "0" }));
}

static const carafe_handler messages = { .message = on_message, .state_size = sizeof(struct state) };
static const carafe_handler batches = { .consume = on_batch, .state_size = sizeof(struct state) };

int
main(int argc, char **argv)
{
	carafe *app = make();

	run = given("CHAOS_RUN");
	sleep_us = atoi(given("CHAOS_SLEEP_US"));
	hang_ms = atoi(given("CHAOS_HANG"));
	log_fd = open(given("CHAOS_LOG"), O_WRONLY | O_APPEND | O_CLOEXEC);
	if (log_fd < 0)
		return 99;
	sigaction(SIGUSR1, &(struct sigaction){ .sa_handler = on_usr1, .sa_flags = SA_RESTART }, NULL);
	subscribe(app);
	carafe_route(carafe_group(app, given("CHAOS_GROUP")), given("CHAOS_TOPIC"),
	    .handler = strcmp(given("CHAOS_HANDLER"), "batches") == 0 ? &batches : &messages);
	return carafe_main(app, argc, argv);
}
