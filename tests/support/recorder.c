#include "support/recorder.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "support/test.h"

#define COPY(to, from) snprintf((to), sizeof(to), "%s", (from))

struct it_log {
	pthread_mutex_t mu;
	struct it_entry *entries; /* mu */
	size_t count, cap;        /* mu */
	int runs;                 /* mu */
};

struct sink {
	struct it_sink sink;
	struct it_log log;
	struct sink *next;
};

static struct sink *sinks;

struct it_sink *
it_sink_new(void)
{
	struct sink *s = calloc(1, sizeof(*s));

	pthread_mutex_init(&s->log.mu, NULL);
	s->sink.log = &s->log;
	s->next = sinks;
	sinks = s;
	return &s->sink;
}

void
it_sinks_free(void)
{
	while (sinks != NULL) {
		struct sink *s = sinks;

		sinks = s->next;
		pthread_mutex_destroy(&s->log.mu);
		free(s->log.entries);
		free(s);
	}
}

/* ------------------------------------------------------------------------------------------------ writing */

static void
add(struct it_log *log, const struct it_entry *e)
{
	if (log->count == log->cap) {
		log->cap = log->cap ? 2 * log->cap : 256;
		log->entries = realloc(log->entries, log->cap * sizeof(*e));
	}
	log->entries[log->count++] = *e;
}

static void
copy_bytes(char *to, size_t size, carafe_bytes from)
{
	if (from.data == NULL)
		snprintf(to, size, "(null)");
	else
		snprintf(to, size, "%.*s", (int)from.len, (const char *)from.data);
}

static struct it_entry
entry_of(carafe_consumer *c, carafe_hook hook, int count)
{
	struct it_entry e = { .hook = hook, .at = it_now(), .partition = carafe_partition(c), .offset = -1 };

	COPY(e.topic, carafe_topic(c));
	e.attempt = carafe_attempt(c);
	e.thread = syscall(SYS_gettid);
	e.count = count;
	e.eofed = carafe_eofed(c);
	e.revoked = carafe_revoked(c);
	return e;
}

static void
write_message(struct it_log *log, struct it_entry *e, const carafe_message *m)
{
	e->offset = m->offset;
	copy_bytes(e->key, sizeof(e->key), m->key);
	copy_bytes(e->value, sizeof(e->value), m->value);
	add(log, e);
}

static carafe_rc
on_message(carafe_consumer *c, const carafe_message *m)
{
	struct it_sink *s = carafe_arg(c);
	struct it_entry e = entry_of(c, CARAFE_HOOK_CONSUME, 1);

	pthread_mutex_lock(&s->log->mu);
	e.run = s->log->runs++;
	write_message(s->log, &e, m);
	pthread_mutex_unlock(&s->log->mu);
	if (s->sleep_ms > 0)
		it_nap(s->sleep_ms);
	return s->on_message != NULL ? s->on_message(s, c, m) : CARAFE_OK;
}

static carafe_rc
on_batch(carafe_consumer *c, const carafe_batch *b)
{
	struct it_sink *s = carafe_arg(c);
	struct it_entry e = entry_of(c, CARAFE_HOOK_CONSUME, (int)carafe_batch_count(b));

	pthread_mutex_lock(&s->log->mu);
	e.run = s->log->runs++;
	carafe_foreach (m, b)
		write_message(s->log, &e, m);
	pthread_mutex_unlock(&s->log->mu);
	if (s->sleep_ms > 0)
		it_nap(s->sleep_ms);
	return s->on_batch != NULL ? s->on_batch(s, c, b) : CARAFE_OK;
}

static carafe_rc
on_hook(carafe_consumer *c, carafe_hook hook)
{
	struct it_sink *s = carafe_arg(c);
	struct it_entry e = entry_of(c, hook, 0);

	pthread_mutex_lock(&s->log->mu);
	e.run = s->log->runs++;
	add(s->log, &e);
	pthread_mutex_unlock(&s->log->mu);
	return s->on_hook != NULL ? s->on_hook(s, c, hook) : CARAFE_OK;
}

static carafe_rc
on_initialized(carafe_consumer *c)
{
	return on_hook(c, CARAFE_HOOK_INITIALIZED);
}

static carafe_rc
on_revoked(carafe_consumer *c)
{
	return on_hook(c, CARAFE_HOOK_REVOKED);
}

static carafe_rc
on_shutdown(carafe_consumer *c)
{
	return on_hook(c, CARAFE_HOOK_SHUTDOWN);
}

const carafe_handler it_message_handler = {
	.message = on_message,
	.initialized = on_initialized,
	.revoked = on_revoked,
	.shutdown = on_shutdown,
};

const carafe_handler it_batch_handler = {
	.consume = on_batch,
	.initialized = on_initialized,
	.revoked = on_revoked,
	.shutdown = on_shutdown,
};

static carafe_rc
on_eofed(carafe_consumer *c)
{
	return on_hook(c, CARAFE_HOOK_EOFED);
}

static carafe_rc
on_tick(carafe_consumer *c)
{
	return on_hook(c, CARAFE_HOOK_TICK);
}

const carafe_handler it_eof_handler = {
	.consume = on_batch,
	.eofed = on_eofed,
	.shutdown = on_shutdown,
};

const carafe_handler it_tick_handler = {
	.message = on_message,
	.tick = on_tick,
	.shutdown = on_shutdown,
};

carafe_rc
it_wait_at_gate(struct it_sink *s, carafe_consumer *c, const carafe_message *m)
{
	(void)c, (void)m;
	it_gate_wait(s->gate);
	return CARAFE_OK;
}

/* ------------------------------------------------------------------------------------------------ reading */

static bool
is_meant(const struct it_entry *e, carafe_hook hook, const char *topic, int32_t partition)
{
	return e->hook == hook && (topic == NULL || (e->partition == partition && strcmp(e->topic, topic) == 0));
}

size_t
it_count_in(const struct it_sink *s, carafe_hook hook, const char *topic, int32_t partition)
{
	size_t n = 0;

	pthread_mutex_lock(&s->log->mu);
	for (size_t i = 0; i < s->log->count; i++)
		n += is_meant(&s->log->entries[i], hook, topic, partition);
	pthread_mutex_unlock(&s->log->mu);
	return n;
}

size_t
it_count(const struct it_sink *s, carafe_hook hook)
{
	return it_count_in(s, hook, NULL, 0);
}

struct it_entry
it_at_in(const struct it_sink *s, carafe_hook hook, const char *topic, int32_t partition, size_t i)
{
	struct it_entry found = { .offset = -1 };
	bool there = false;

	pthread_mutex_lock(&s->log->mu);
	for (size_t j = 0; j < s->log->count && !there; j++)
		if (is_meant(&s->log->entries[j], hook, topic, partition) && i-- == 0) {
			found = s->log->entries[j];
			there = true;
		}
	pthread_mutex_unlock(&s->log->mu);
	assert_true(there);
	return found;
}

struct it_entry
it_at(const struct it_sink *s, carafe_hook hook, size_t i)
{
	return it_at_in(s, hook, NULL, 0, i);
}

void
it_expect_each_once(const struct it_sink *s, const char *topic, int32_t partition, int64_t first, size_t count)
{
	assert_int_equal(it_handled_in(s, topic, partition), count);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(it_at_in(s, CARAFE_HOOK_CONSUME, topic, partition, i).offset, first + (int64_t)i);
}

/* How often each of the offsets was handled; others fail the test. */
static void
tally(const struct it_sink *s, const char *topic, int32_t partition, int64_t first, size_t count, unsigned *times)
{
	size_t strays = 0;

	pthread_mutex_lock(&s->log->mu);
	for (size_t i = 0; i < s->log->count; i++) {
		const struct it_entry *e = &s->log->entries[i];

		if (!is_meant(e, CARAFE_HOOK_CONSUME, topic, partition))
			continue;
		if (e->offset < first || e->offset >= first + (int64_t)count)
			strays++;
		else
			times[e->offset - first]++;
	}
	pthread_mutex_unlock(&s->log->mu);
	assert_int_equal(strays, 0);
}

void
it_expect_each_once_among(struct it_sink *const *among, const char *topic, int32_t partition, int64_t first, size_t count)
{
	unsigned *times = calloc(count, sizeof(*times));
	size_t wrong = 0;

	for (; *among != NULL; among++)
		tally(*among, topic, partition, first, count, times);
	for (size_t i = 0; i < count; i++)
		if (times[i] != 1) {
			print_error("%s[%d] offset %lld was handled %u times\n", topic, partition,
			    (long long)(first + (int64_t)i), times[i]);
			wrong++;
		}
	free(times);
	assert_int_equal(wrong, 0);
}

/* ------------------------------------------------------------------------------------------------ events */

struct it_events {
	struct it_events *next;
	pthread_mutex_t mu;
	struct it_event *items; /* mu */
	size_t count, cap;      /* mu */
};

static struct it_events *all_events;

struct it_events *
it_events_new(void)
{
	struct it_events *e = calloc(1, sizeof(*e));

	pthread_mutex_init(&e->mu, NULL);
	e->next = all_events;
	all_events = e;
	return e;
}

void
it_events_free(void)
{
	while (all_events != NULL) {
		struct it_events *e = all_events;

		all_events = e->next;
		pthread_mutex_destroy(&e->mu);
		free(e->items);
		free(e);
	}
}

static void
read_text(const carafe_event *event, carafe_field field, char *to, size_t size)
{
	const char *text;

	if (carafe_event_str(event, field, &text) && text != NULL)
		snprintf(to, size, "%s", text);
}

static int64_t
read_int(const carafe_event *event, carafe_field field)
{
	int64_t value = -1;

	carafe_event_int(event, field, &value);
	return value;
}

/* librdkafka's own total comes last, after those of partitions. */
static int64_t
read_fetched(const carafe_event *event)
{
	static const char name[] = "\"rxmsgs\":";
	const char *text, *last = NULL;

	if (!carafe_event_str(event, CARAFE_F_STATISTICS, &text) || text == NULL)
		return -1;
	while ((text = strstr(text, name)) != NULL)
		last = text += sizeof(name) - 1;
	return last != NULL ? atoll(last) : -1;
}

static struct it_event
read_event(const carafe_event *event)
{
	struct it_event e = { .id = carafe_event_kind(event), .at = it_now() };

	read_text(event, CARAFE_F_GROUP, e.group, sizeof(e.group));
	read_text(event, CARAFE_F_TOPIC, e.topic, sizeof(e.topic));
	read_text(event, CARAFE_F_TYPE, e.type, sizeof(e.type));
	read_text(event, CARAFE_F_RC, e.rc, sizeof(e.rc));
	read_text(event, CARAFE_F_KAFKA, e.kafka, sizeof(e.kafka));
	read_text(event, CARAFE_F_REASON, e.reason, sizeof(e.reason));
	read_text(event, CARAFE_F_TARGET, e.target, sizeof(e.target));
	read_text(event, CARAFE_F_THREAD, e.thread, sizeof(e.thread));
	read_text(event, CARAFE_F_TEXT, e.text, sizeof(e.text));
	read_text(event, CARAFE_F_HINT, e.hint, sizeof(e.hint));
	e.partition = read_int(event, CARAFE_F_PARTITION);
	e.offset = read_int(event, CARAFE_F_OFFSET);
	e.last_offset = read_int(event, CARAFE_F_LAST_OFFSET);
	e.count = read_int(event, CARAFE_F_COUNT);
	e.attempt = read_int(event, CARAFE_F_ATTEMPT);
	e.timeout_ms = read_int(event, CARAFE_F_TIMEOUT_MS);
	e.time_ms = read_int(event, CARAFE_F_TIME_MS);
	e.from = read_int(event, CARAFE_F_FROM);
	e.to = read_int(event, CARAFE_F_TO);
	e.target_partition = read_int(event, CARAFE_F_TARGET_PARTITION);
	e.target_offset = read_int(event, CARAFE_F_TARGET_OFFSET);
	e.fetched = read_fetched(event);
	return e;
}

static void
listen(const carafe_event *event, void *arg)
{
	struct it_events *to = arg;
	struct it_event e = read_event(event);

	pthread_mutex_lock(&to->mu);
	if (to->count == to->cap) {
		to->cap = to->cap ? 2 * to->cap : 64;
		to->items = realloc(to->items, to->cap * sizeof(e));
	}
	to->items[to->count++] = e;
	pthread_mutex_unlock(&to->mu);
}

static void
print_event(const carafe_event *event, void *arg)
{
	const char *name, *text;
	char line[2048];
	int64_t number;
	size_t len;
	int at = 0;

	(void)arg;
	len = (size_t)snprintf(line, sizeof(line), "# %.0f %s", it_now(), carafe_event_name(event));
	while (len < sizeof(line) && carafe_event_next(event, &at, &name, &text, &number))
		len += (size_t)(text != NULL ? snprintf(line + len, sizeof(line) - len, " %s=%s", name, text) :
					       snprintf(line + len, sizeof(line) - len, " %s=%lld", name, (long long)number));
	fprintf(stderr, "%s\n", line);
}

void
it_events_listen(struct it_events *e, carafe *app)
{
	if (e != NULL)
		carafe_subscribe(app, CARAFE_EV_ANY, listen, e);
	if (getenv("IT_VERBOSE") != NULL)
		carafe_subscribe(app, CARAFE_EV_ANY, print_event, NULL);
}

size_t
it_event_count(struct it_events *e, carafe_event_id id)
{
	size_t n = 0;

	pthread_mutex_lock(&e->mu);
	for (size_t i = 0; i < e->count; i++)
		n += e->items[i].id == id;
	pthread_mutex_unlock(&e->mu);
	return n;
}

struct it_event
it_event_at(struct it_events *e, carafe_event_id id, size_t i)
{
	struct it_event found = { 0 };
	bool there = false;

	pthread_mutex_lock(&e->mu);
	for (size_t j = 0; j < e->count && !there; j++)
		if (e->items[j].id == id && i-- == 0) {
			found = e->items[j];
			there = true;
		}
	pthread_mutex_unlock(&e->mu);
	assert_true(there);
	return found;
}

bool
it_event_find(struct it_events *e, carafe_event_id id, const char *contains, struct it_event *event)
{
	bool there = false;

	pthread_mutex_lock(&e->mu);
	for (size_t i = 0; i < e->count && !there; i++) {
		const struct it_event *x = &e->items[i];

		there = x->id == id && (strstr(x->text, contains) != NULL || strstr(x->hint, contains) != NULL);
		if (there && event != NULL)
			*event = *x;
	}
	pthread_mutex_unlock(&e->mu);
	return there;
}

int64_t
it_fetched(struct it_events *e)
{
	size_t next = it_event_count(e, CARAFE_EV_STATISTICS) + 1; /* the first to come may be of before */

	it_until(it_event_count(e, CARAFE_EV_STATISTICS) > next);
	return it_event_at(e, CARAFE_EV_STATISTICS, next).fetched;
}
