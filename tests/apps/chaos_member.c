/* The member that tests/chaos plays with. Everything it is told and does becomes a line of the log, appended with one write,
 * so that a kill loses none and the order of lines is the order of things:
 *
 *   A run partition...                 assigned
 *   V run reason partition...          revoked, lost, ...: its end, the commit behind it
 *   C run partition:offset...          committed; F: a commit was refused
 *   T run partition                    let go before its handler returned
 *   B run partition epoch offset:number...
 *                                      a handler begins; E: it is done, and nothing is marked yet; X: it is about to fail;
 *                                      G: it is about to ask for them again
 *   W run partition epoch offset       somebody is about to seek, w: which was refused; epoch 0: from outside, offset -1: not by
 *                                      offset
 *   S run partition:offset             sought; U: it could not be
 *   P run partition:offset             paused; R: resumed
 *   D run partition:offset             in the dead letter topic
 *   M run partition offset text        what the first handler of an assignment is told, "-": nothing
 *   K run partition                    what was done before cannot be asked for
 *   Y run partition:offset             a handler was told that everything before is committed
 *
 * CHAOS_MANNERS says what handlers do beside handling: defer, keys (keys-stay: each to its strand), seek, pause, marks, annotate,
 * letters. SIGUSR1 makes the next handler hang for a while. */
#include <inttypes.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <carafe/carafe.h>

#include "apps/chaos_later.h"
#include "chaos/message.h"

#define FAIL_EVERY 53 /* the first attempt at one message in so many fails */
#define PAUSE_EVERY 150
#define SEEK_EVERY 200
#define COMMIT_EVERY 25
#define EARLY 500     /* offsets */
#define STEER_MS 60   /* from outside, on average */

struct state {
	int epoch; /* which assignment of this process this is, from 1 */
};

static int log_fd;
static const char *run;
static int sleep_us, hang_ms;
static atomic_int epochs, hang;
static bool defers, keyed, seeks, pauses, marks, annotates, has_letters;
static atomic_int assignments[CHAOS_PARTITIONS];
static _Atomic int64_t places[CHAOS_PARTITIONS]; /* of each partition, the last that a handler was given */

static const char *
given(const char *name)
{
	const char *value = getenv(name);

	return value != NULL ? value : "";
}

void
later_append(const char *line)
{
	ssize_t n = (ssize_t)strlen(line);

	if (write(log_fd, line, (size_t)n) != n)
		_exit(99);
}

static int
chance(int n)
{
	static _Thread_local unsigned seed;

	if (seed == 0)
		seed = (unsigned)getpid() * 2654435761U ^ (unsigned)(uintptr_t)&seed;
	return (int)((unsigned)rand_r(&seed) % (unsigned)n);
}

static void
nap(long us)
{
	struct timespec ts = { us / 1000000, us % 1000000 * 1000 };

	if (us > 0)
		nanosleep(&ts, NULL);
}

/* ------------------------------------------------------------------------------------------------ handlers */

/* What a handler was given. */
struct work {
	carafe_consumer *consumer;
	const carafe_message *messages[CHAOS_IN_HAND];
	int count;
};

static int
number_of(const carafe_message *m)
{
	char text[16];

	snprintf(text, sizeof(text), "%.*s", (int)m->value.len, (const char *)m->value.data);
	return atoi(text);
}

/* Of its messages, from one to another one. */
static void
write_line(char *line, size_t size, char what, const struct work *w, int from, int to)
{
	const struct state *s = carafe_state(w->consumer);
	int n = snprintf(line, size, "%c %s %" PRId32 " %d", what, run, w->messages[0]->partition, s->epoch);

	for (int i = from; i < to; i++)
		n += snprintf(line + n, size - (size_t)n, " %" PRId64 ":%d", w->messages[i]->offset, number_of(w->messages[i]));
	snprintf(line + n, size - (size_t)n, "\n");
}

static void
note(char what, const struct work *w, int from, int to)
{
	char line[LATER_LINE];

	write_line(line, sizeof(line), what, w, from, to);
	later_append(line);
}

static void
note_metadata(const struct work *w)
{
	const char *metadata;
	char line[128];

	if (carafe_offset_metadata(w->consumer, false, &metadata, NULL) != CARAFE_OK)
		return;
	snprintf(line, sizeof(line), "M %s %" PRId32 " %" PRId64 " %s\n", run, w->messages[0]->partition, w->messages[0]->offset,
	    metadata != NULL ? metadata : "-");
	later_append(line);
}

/* Its strands share an assignment, and there is one of each partition at a time. */
static void
enter_epoch(const struct work *w)
{
	struct state *s = carafe_state(w->consumer);

	if (s->epoch != 0)
		return;
	if (carafe_strand(w->consumer) >= 0) {
		s->epoch = atomic_load(&assignments[w->messages[0]->partition]);
		return;
	}
	s->epoch = atomic_fetch_add(&epochs, 1) + 1;
	if (annotates)
		note_metadata(w);
}

/* How many are in front of the first one that nobody can do. */
static int
before_poison(const struct work *w)
{
	int i = 0;

	while (i < w->count && !(has_letters && chaos_is_poison(number_of(w->messages[i]))))
		i++;
	return i;
}

static void
wish(const struct work *w, char what, int64_t offset)
{
	const struct state *s = carafe_state(w->consumer);
	char line[128];

	snprintf(line, sizeof(line), "%c %s %" PRId32 " %d %" PRId64 "\n", what, run, w->messages[0]->partition, s->epoch, offset);
	later_append(line);
}

/* A little back, or to what it has in hand; a strand goes nowhere else. */
static void
seek(const struct work *w)
{
	int64_t first = w->messages[0]->offset;
	int64_t to = keyed || chance(2) ? first : chance(2) ? first - chance(30) : w->messages[chance(w->count)]->offset;

	to = to < 0 ? 0 : to;
	if (keyed)
		note('G', w, 0, w->count);
	wish(w, 'W', to);
	if (carafe_seek(w->consumer, carafe_offset(to), true) != CARAFE_OK)
		wish(w, 'w', to);
}

static void
pause_it(const struct work *w)
{
	(void)carafe_pause(w->consumer, carafe_next(), chance(8) == 0 ? CARAFE_NONE : 1 + chance(80));
	if (chance(4) == 0)
		(void)carafe_resume(w->consumer);
}

static void
annotate(const struct work *w, int i)
{
	char text[32];

	snprintf(text, sizeof(text), "m%" PRId64, w->messages[i]->offset);
	if (annotates)
		carafe_store_offset_metadata(w->consumer, text);
}

/* What is committed by keys is what all strands are through with: what that is, their marks do not say. */
static void
mark_all(const struct work *w)
{
	const carafe_message *last = w->messages[w->count - 1];
	bool commit = chance(COMMIT_EVERY) == 0;
	char line[64];

	if (carafe_mark_with(w->consumer, last, .commit = commit) != CARAFE_OK || !commit || keyed)
		return;
	snprintf(line, sizeof(line), "Y %s %" PRId32 ":%" PRId64 "\n", run, last->partition, last->offset + 1);
	later_append(line);
}

/* In front of what nobody can do, a batch is done. */
static carafe_rc
refuse(const struct work *w, int poison)
{
	if (poison > 0) {
		note('E', w, 0, poison);
		annotate(w, poison - 1);
		(void)carafe_mark(w->consumer, w->messages[poison - 1]);
	}
	note('X', w, poison, w->count);
	return carafe_fail(w->consumer, "nobody can do it");
}

static carafe_rc
end(const struct work *w, carafe_rc rc)
{
	char line[LATER_LINE];
	carafe_deferred *d = NULL;

	write_line(line, sizeof(line), rc == CARAFE_OK ? 'E' : 'X', w, 0, w->count);
	if (defers && chance(5) > 0)
		d = carafe_defer(w->consumer);
	if (d != NULL) {
		later(d, rc, line, chance(100) == 0 ? 300 : chance(8));
		return CARAFE_PENDING;
	}
	later_append(line);
	if (marks && rc == CARAFE_OK)
		mark_all(w);
	return rc == CARAFE_OK ? rc : carafe_fail(w->consumer, "it failed");
}

static carafe_rc
work_on(const struct work *w)
{
	int poison = before_poison(w);
	int64_t first = w->messages[0]->offset;

	enter_epoch(w);
	atomic_store(&places[w->messages[0]->partition], first);
	note('B', w, 0, w->count);
	nap(atomic_exchange(&hang, 0) * 1000L);
	nap((long)w->count * sleep_us);
	if (poison > 0 && poison < w->count)
		return refuse(w, poison);
	if (poison == 0 || (first % FAIL_EVERY == 0 && carafe_attempt(w->consumer) == 1))
		return end(w, CARAFE_FAILED);
	if (seeks && chance(SEEK_EVERY) == 0)
		seek(w);
	if (pauses && chance(PAUSE_EVERY) == 0)
		pause_it(w);
	annotate(w, w->count - 1);
	return end(w, CARAFE_OK);
}

static carafe_rc
on_message(carafe_consumer *c, const carafe_message *m)
{
	return work_on(&(struct work){ c, { m }, 1 });
}

static carafe_rc
on_batch(carafe_consumer *c, const carafe_batch *batch)
{
	struct work w = { .consumer = c };

	carafe_foreach (m, batch)
		w.messages[w.count++] = m;
	return work_on(&w);
}

/* ------------------------------------------------------------------------------------------------ from outside */

/* carafe_main() frees the app when it has stopped. */
static pthread_mutex_t app_mu = PTHREAD_MUTEX_INITIALIZER;
static bool app_stopped; /* app_mu */

static void
on_stopped(const carafe_event *event, void *arg)
{
	(void)event, (void)arg;
	pthread_mutex_lock(&app_mu);
	app_stopped = true;
	pthread_mutex_unlock(&app_mu);
}

/* By time, to the latest, or a little back; early on, where there is little to do again, also to the earliest. The offset, or -1
 * when only Kafka knows. */
static int64_t
choose_position(int partition, carafe_position *position)
{
	int64_t place = atomic_load(&places[partition]), to = place - chance(30);
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	*position = carafe_time((int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 - 200);
	if (chance(6) == 0)
		return -1;
	*position = carafe_latest();
	if (chance(12) == 0)
		return -1;
	*position = carafe_earliest();
	if (place < EARLY && chance(4) == 0)
		return 0;
	to = to < 0 ? 0 : to;
	*position = carafe_offset(to);
	return to;
}

static void
seek_from_outside(carafe *app, int partition)
{
	carafe_position position;
	int64_t to = choose_position(partition, &position);
	char line[128];

	snprintf(line, sizeof(line), "W %s %d 0 %" PRId64 "\n", run, partition, to);
	later_append(line);
	if (carafe_seek_partition(app, given("CHAOS_GROUP"), given("CHAOS_TOPIC"), partition, position) > 0)
		return;
	line[0] = 'w';
	later_append(line);
}

static void
steer_once(carafe *app, int partition)
{
	const char *group = given("CHAOS_GROUP"), *topic = given("CHAOS_TOPIC");

	if (seeks && chance(8) == 0)
		seek_from_outside(app, partition);
	else if (pauses && chance(2))
		carafe_pause_partition(app, group, topic, partition, chance(6) ? 1 + chance(100) : CARAFE_NONE);
	else if (pauses)
		carafe_resume_partition(app, group, topic, CARAFE_ALL_PARTITIONS);
}

static void *
steer(void *arg)
{
	for (bool stopped = false; !stopped;) {
		nap(chance(2 * STEER_MS) * 1000L);
		pthread_mutex_lock(&app_mu);
		stopped = app_stopped;
		if (!stopped)
			steer_once(arg, chance(CHAOS_PARTITIONS));
		pthread_mutex_unlock(&app_mu);
	}
	return NULL;
}

/* ------------------------------------------------------------------------------------------------ events */

/* Of the errors, those that are nobody's handler's. */
static void *
letter_of(const carafe_event *event)
{
	const char *type = "";

	carafe_event_str(event, CARAFE_F_TYPE, &type);
	return strcmp(type, "seek") == 0 ? "U" : strcmp(type, "keys") == 0 ? "K" : NULL;
}

static void
on_event(const carafe_event *event, void *arg)
{
	const char *topic, *reason = "none";
	char line[1024];
	int32_t partition;
	int64_t offset, number;
	int n;

	if (carafe_event_kind(event) == CARAFE_EV_CONSUMER_ERROR && (arg = letter_of(event)) == NULL)
		return;
	carafe_event_str(event, CARAFE_F_REASON, &reason);
	n = snprintf(line, sizeof(line), "%s %s", (const char *)arg, run);
	if (carafe_event_kind(event) == CARAFE_EV_REBALANCE_REVOKED)
		n += snprintf(line + n, sizeof(line) - (size_t)n, " %s", reason);
	if (carafe_event_int(event, CARAFE_F_PARTITION, &number))
		n += snprintf(line + n, sizeof(line) - (size_t)n, " %" PRId64, number);
	if (carafe_event_int(event, CARAFE_F_OFFSET, &number))
		n += snprintf(line + n, sizeof(line) - (size_t)n, ":%" PRId64, number);
	for (size_t i = 0; carafe_event_partition(event, i, &topic, &partition, &offset); i++) {
		n += snprintf(line + n, sizeof(line) - (size_t)n, " %" PRId32, partition);
		if (carafe_event_kind(event) == CARAFE_EV_REBALANCE_ASSIGNED)
			atomic_store(&assignments[partition], atomic_fetch_add(&epochs, 1) + 1);
		if (offset >= 0)
			n += snprintf(line + n, sizeof(line) - (size_t)n, ":%" PRId64, offset);
	}
	snprintf(line + n, sizeof(line) - (size_t)n, "\n");
	later_append(line);
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
		{ CARAFE_EV_CONSUMER_SOUGHT, "S" },
		{ CARAFE_EV_CONSUMER_PAUSED, "P" },
		{ CARAFE_EV_CONSUMER_RESUMED, "R" },
		{ CARAFE_EV_CONSUMER_ERROR, "" },
		{ CARAFE_EV_DLQ_DISPATCHED, "D" },
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

static carafe *
make(void)
{
	bool consumer = strcmp(given("CHAOS_PROTOCOL"), "kip-848") == 0;
	carafe_kv kafka[16] = { { "bootstrap.servers", given("KAFKA") }, { "auto.commit.interval.ms", given("CHAOS_COMMIT") },
		{ "max.poll.interval.ms", given("CHAOS_MAX_POLL") }, { "fetch.wait.max.ms", "20" },
		{ "reconnect.backoff.max.ms", "500" }, { "topic.metadata.refresh.fast.interval.ms", "50" },
		{ "socket.timeout.ms", "20000" } }; /* a node may die unheard: what was asked of it has no answer for so long */
	size_t n = 7;

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
	return carafe_new(.client_id = "chaos", .concurrency = 3, .max_messages = CHAOS_IN_HAND, .shutdown_timeout = 20000, .kafka = kafka,
	    .settings = CARAFE_KV({ "pause.timeout", "5" }, { "pause.max_timeout", "50" }, { "reset_backoff", "500" },
		{ "drain_timeout", given("CHAOS_DRAIN") }, { "boot_timeout", "0" }));
}

static const carafe_handler messages = { .message = on_message, .state_size = sizeof(struct state) };
static const carafe_handler batches = { .consume = on_batch, .state_size = sizeof(struct state) };

static bool
has_manner(const char *name)
{
	return strstr(given("CHAOS_MANNERS"), name) != NULL;
}

static void
draw(carafe *app)
{
	carafe_route *route = carafe_route(carafe_group(app, given("CHAOS_GROUP")), given("CHAOS_TOPIC"),
	    .handler = strcmp(given("CHAOS_HANDLER"), "batches") == 0 ? &batches : &messages,
	    .marking = marks ? CARAFE_MARK_MANUAL : CARAFE_MARK_AUTO);

	if (keyed)
		carafe_keys(route, .max = 4,
		    .distribution = has_manner("keys-stay") ? CARAFE_KEYS_CONSISTENT : CARAFE_KEYS_BALANCED);
	if (has_letters)
		carafe_dlq(route, .topic = given("CHAOS_DEAD"), .max_retries = 2, .independent = 1);
}

static void
begin(carafe *app)
{
	defers = has_manner("defer");
	keyed = has_manner("keys");
	seeks = has_manner("seek");
	pauses = has_manner("pause");
	marks = has_manner("marks");
	annotates = has_manner("annotate");
	has_letters = has_manner("letters");
	if (defers)
		later_start();
	carafe_subscribe(app, CARAFE_EV_APP_STOPPED, on_stopped, NULL);
	if (seeks || pauses)
		later_thread(steer, app);
}

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
	begin(app);
	draw(app);
	return carafe_main(app, argc, argv);
}
