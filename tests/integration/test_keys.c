/* Several handlers at work in one partition: the order of each key, what holds up whom, and what is committed. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "support/test.h"

/* ------------------------------------------------------------------------------------------------ the ledger */

#define KEYS 8
#define PARTITIONS 4
#define MOST 1000

/* What was done. A message's key is its offset % KEYS. */
static struct {
	pthread_mutex_t mu;
	unsigned done[PARTITIONS][MOST]; /* how often */
	bool busy[PARTITIONS][KEYS];
	size_t distinct;
	size_t too_early; /* before the one before it of its key was done */
	size_t overlaps;  /* two of a key at once */
	int now, most;    /* handlers at work */
} ledger = { .mu = PTHREAD_MUTEX_INITIALIZER };

static void
new_ledger(void)
{
	memset((char *)&ledger + sizeof(ledger.mu), 0, sizeof(ledger) - sizeof(ledger.mu));
}

static size_t
distinct(void)
{
	size_t n;

	pthread_mutex_lock(&ledger.mu);
	n = ledger.distinct;
	pthread_mutex_unlock(&ledger.mu);
	return n;
}

static void
begin(const carafe_message *m)
{
	bool *busy = &ledger.busy[m->partition][m->offset % KEYS];

	pthread_mutex_lock(&ledger.mu);
	ledger.overlaps += *busy;
	*busy = true;
	ledger.too_early += m->offset >= KEYS && ledger.done[m->partition][m->offset - KEYS] == 0;
	ledger.most += ++ledger.now > ledger.most;
	pthread_mutex_unlock(&ledger.mu);
}

static void
end(const carafe_message *m, bool done)
{
	pthread_mutex_lock(&ledger.mu);
	ledger.now--;
	ledger.busy[m->partition][m->offset % KEYS] = false;
	if (done)
		ledger.distinct += ledger.done[m->partition][m->offset]++ == 0;
	pthread_mutex_unlock(&ledger.mu);
}

static void
expect_in_order(void)
{
	assert_int_equal(ledger.too_early, 0);
	assert_int_equal(ledger.overlaps, 0);
}

static void
expect_each_once(int partition, int64_t from, int64_t to)
{
	for (int64_t offset = from; offset < to; offset++)
		if (ledger.done[partition][offset] != 1)
			fail_msg("offset %lld was done %u times", (long long)offset, ledger.done[partition][offset]);
}

static bool
by_offset(const carafe_message *m, void *arg, uint64_t *key)
{
	(void)arg;
	*key = (uint64_t)m->offset % KEYS;
	return true;
}

/* The message at `number` fails. With `flag`, it takes until it has to stop. */
static carafe_rc
work(struct it_sink *s, carafe_consumer *c, const carafe_message *m)
{
	bool fails = m->offset == atomic_load(&s->number);

	begin(m);
	if (s->gate != NULL)
		it_gate_wait(s->gate);
	while (atomic_load(&s->flag) && !carafe_should_stop(c))
		it_nap(1);
	end(m, !fails);
	return fails ? carafe_fail(c, "does not work") : CARAFE_OK;
}

static struct it_sink *
worker(void)
{
	struct it_sink *s = it_sink_new();

	s->on_message = work;
	atomic_store(&s->number, -1);
	return s;
}

static const carafe_kv quick[] = { { "pause.timeout", "10" }, { "pause.max_timeout", "20" }, { NULL, NULL } };

#define draw(app, group, topic, s, ...)                                                                                \
	carafe_keys(it_route((app), (group), (topic), it_message_handler, (s)), .partitioner = by_offset, __VA_ARGS__)

/* ------------------------------------------------------------------------------------------------ side by side */

static void
keys_of_a_partition_are_handled_side_by_side_each_in_order(void **state)
{
	const char *topic = it_topic("side", 1, NULL), *group = it_name("group");
	struct it_sink *s = worker();
	carafe *app = it_app(.concurrency = 4);

	(void)state;
	new_ledger();
	s->gate = it_gate_new();
	it_produce_many(topic, 0, 0, 400);
	draw(app, group, topic, s, .max = 6);
	it_start(app);
	it_until(it_gate_waiting(s->gate) == 4); /* on each worker */
	it_gate_open(s->gate);
	it_until(distinct() == 400);
	it_stop(app);
	expect_in_order();
	expect_each_once(0, 0, 400);
	assert_int_equal(it_committed(group, topic, 0), 400);
	assert_int_equal(it_count(s, CARAFE_HOOK_INITIALIZED), it_count(s, CARAFE_HOOK_SHUTDOWN));
	assert_true(it_count(s, CARAFE_HOOK_INITIALIZED) <= 6);
}

static void
a_messages_own_key_is_what_counts(void **state)
{
	const char *topic = it_topic("own", 1, NULL), *group = it_name("group");
	struct it_sink *s = it_sink_new();
	carafe *app = it_app(.concurrency = 4);

	(void)state;
	s->on_message = it_wait_at_gate;
	s->gate = it_gate_new();
	for (int i = 0; i < 12; i++)
		it_produce_record(topic, 0, (carafe_bytes){ i % 4 == 3 ? "b" : "a", 1 }, (carafe_bytes){ "v", 1 }, NULL);
	carafe_keys(it_route(app, group, topic, it_message_handler, s), .max = 4);
	it_start(app);
	it_until(it_gate_waiting(s->gate) == 2);
	assert_int_equal(it_at(s, CARAFE_HOOK_CONSUME, 0).offset + it_at(s, CARAFE_HOOK_CONSUME, 1).offset, 0 + 3);
	it_gate_open(s->gate);
	it_until(it_handled(s) == 12);
	it_stop(app);
	assert_int_equal(it_committed(group, topic, 0), 12);
}

/* ------------------------------------------------------------------------------------------------ the same strand */

static atomic_int strand_of[KEYS]; /* + 1 */
static atomic_int strays;

static carafe_rc
note_strand(struct it_sink *s, carafe_consumer *c, const carafe_message *m)
{
	atomic_int *strand = &strand_of[m->offset % KEYS];

	(void)s;
	if (atomic_load(strand) == 0)
		atomic_store(strand, carafe_strand(c) + 1);
	else if (atomic_load(strand) != carafe_strand(c) + 1)
		atomic_fetch_add(&strays, 1);
	return CARAFE_OK;
}

static void
a_key_stays_with_its_strand_when_that_is_wanted(void **state)
{
	const char *topic = it_topic("stay", 1, NULL), *group = it_name("group");
	struct it_sink *s = it_sink_new();
	carafe *app = it_app(.concurrency = 4);

	(void)state;
	s->on_message = note_strand;
	it_produce_many(topic, 0, 0, 200);
	draw(app, group, topic, s, .max = 3, .distribution = CARAFE_KEYS_CONSISTENT);
	it_start(app);
	it_until(it_handled(s) == 200);
	it_produce_many(topic, 0, 200, 100);
	it_until(it_handled(s) == 300);
	it_stop(app);
	assert_int_equal(atomic_load(&strays), 0);
	assert_int_equal(it_committed(group, topic, 0), 300);
}

/* ------------------------------------------------------------------------------------------------ failures */

static void
a_key_that_fails_for_ever_holds_up_no_other(void **state)
{
	const char *topic = it_topic("never", 1, NULL), *group = it_name("group");
	struct it_sink *s = worker(), *again = worker();
	carafe *app = it_app(.max_messages = 30, .settings = quick);

	(void)state;
	new_ledger();
	atomic_store(&s->number, 400);
	it_produce_many(topic, 0, 0, 600);
	draw(app, group, topic, s, .max = 4);
	it_start(app);
	it_until(distinct() == 575); /* it and those of its key behind it wait */
	it_until(it_committed(group, topic, 0) == 400);
	it_stop(app);
	assert_int_equal(it_committed(group, topic, 0), 400);
	expect_each_once(0, 0, 400);
	app = it_app(.max_messages = 30);
	draw(app, group, topic, again, .max = 4);
	it_start(app);
	it_until(distinct() == 600);
	it_until(it_committed(group, topic, 0) == 600);
	it_stop(app);
	expect_in_order();
	expect_each_once(0, 0, 600); /* what was done behind it is not done again */
	assert_int_equal(it_handled(again), 25);
}

static bool
first_alone(const carafe_message *m, void *arg, uint64_t *key)
{
	(void)arg;
	*key = m->offset == 0 ? KEYS : (uint64_t)m->offset % KEYS;
	return true;
}

/* Nothing of a whole batch is left to be handed out. */
static void
a_long_running_route_goes_on_behind_batches_that_were_done_before(void **state)
{
	const char *topic = it_topic("before", 1, NULL), *group = it_name("group");
	struct it_sink *s = worker(), *again = worker();
	carafe *app = it_app(.max_messages = 10, .settings = quick);

	(void)state;
	new_ledger();
	atomic_store(&s->number, 0);
	it_produce_many(topic, 0, 0, 100);
	carafe_keys(it_route(app, group, topic, it_message_handler, s, .long_running = 1), .max = 4, .partitioner = first_alone);
	it_start(app);
	it_until(distinct() == 99);
	it_stop(app);
	app = it_app(.max_messages = 10);
	carafe_keys(it_route(app, group, topic, it_message_handler, again, .long_running = 1), .max = 4, .partitioner = first_alone);
	it_start(app);
	it_produce(topic, 0, "another");
	it_until(it_committed(group, topic, 0) == 101);
	it_stop(app);
	assert_int_equal(it_handled(again), 2);
	expect_each_once(0, 0, 101);
}

static void
a_key_is_dead_lettered_alone_and_goes_on(void **state)
{
	const char *topic = it_topic("dlq", 1, NULL), *dead = it_topic("dlq.dead", 1, NULL), *group = it_name("group");
	struct it_sink *s = worker(), *letters = it_sink_new();
	struct it_events *events = it_events_new();
	carafe *app = it_app(.events = events, .settings = quick);
	carafe_route *r = it_route(app, group, topic, it_message_handler, s);

	(void)state;
	new_ledger();
	atomic_store(&s->number, 3);
	it_produce_many(topic, 0, 0, 100);
	carafe_keys(r, .max = 4, .partitioner = by_offset);
	carafe_dlq(r, .topic = dead, .max_retries = 2);
	it_route(app, group, dead, it_message_handler, letters);
	it_start(app);
	it_until(distinct() == 99 && it_handled(letters) == 1);
	it_until(it_committed(group, topic, 0) == 100);
	it_stop(app);
	assert_string_equal(it_at(letters, CARAFE_HOOK_CONSUME, 0).value, "0:3");
	assert_int_equal(it_event_count(events, CARAFE_EV_CONSUMER_ERROR), 3);
	assert_int_equal(ledger.overlaps, 0);
	assert_int_equal(ledger.too_early, 1); /* the one behind it was not held up for ever */
}

static bool
cannot_tell(const carafe_message *m, void *arg, uint64_t *key)
{
	(void)m, (void)arg, (void)key;
	return false;
}

static void
what_a_partitioner_cannot_tell_is_handled_in_order(void **state)
{
	const char *topic = it_topic("untold", 1, NULL), *group = it_name("group");
	struct it_sink *s = it_sink_new();
	struct it_events *events = it_events_new();
	carafe *app = it_app(.events = events, .concurrency = 4);

	(void)state;
	it_produce_many(topic, 0, 0, 50);
	carafe_keys(it_route(app, group, topic, it_message_handler, s), .max = 4, .partitioner = cannot_tell);
	it_start(app);
	it_until(it_handled(s) == 50);
	it_stop(app);
	it_expect_each_once(s, topic, 0, 0, 50);
	assert_int_equal(it_event_count(events, CARAFE_EV_CONSUMER_ERROR), 50);
	assert_int_equal(it_committed(group, topic, 0), 50);
}

/* ------------------------------------------------------------------------------------------------ marking by hand */

static carafe_rc
mark_number(struct it_sink *s, carafe_consumer *c, const carafe_message *m)
{
	return m->offset == atomic_load(&s->number) ? carafe_mark(c, m) : CARAFE_OK;
}

static void
a_mark_commits_nothing_that_other_strands_have_not_marked(void **state)
{
	const char *topic = it_topic("high", 1, NULL), *group = it_name("group");
	struct it_sink *s = it_sink_new();
	carafe *app = it_app(.concurrency = 4);

	(void)state;
	s->on_message = mark_number;
	atomic_store(&s->number, 79);
	it_produce_many(topic, 0, 0, 80);
	carafe_keys(it_route(app, group, topic, it_message_handler, s, .marking = CARAFE_MARK_MANUAL), .max = KEYS,
	    .distribution = CARAFE_KEYS_CONSISTENT, .partitioner = by_offset);
	it_start(app);
	it_until(it_handled(s) == 80);
	it_stop(app);
	assert_true(it_committed(group, topic, 0) <= 0);
}

/* Marks the last of each key. */
static carafe_rc
mark_last(struct it_sink *s, carafe_consumer *c, const carafe_message *m)
{
	(void)s;
	if (m->offset < 80 - KEYS)
		return CARAFE_OK;
	assert_int_equal(carafe_mark(c, m), CARAFE_OK);
	return carafe_commit(c, NULL);
}

static void
a_mark_covers_what_its_strand_had_before(void **state)
{
	const char *topic = it_topic("cover", 1, NULL), *group = it_name("group");
	struct it_sink *s = it_sink_new();
	carafe *app = it_app(.concurrency = 4);

	(void)state;
	s->on_message = mark_last;
	it_produce_many(topic, 0, 0, 80);
	carafe_keys(it_route(app, group, topic, it_message_handler, s, .marking = CARAFE_MARK_MANUAL), .max = KEYS,
	    .distribution = CARAFE_KEYS_CONSISTENT, .partitioner = by_offset);
	it_start(app);
	it_until(it_handled(s) == 80);
	it_until(it_committed(group, topic, 0) == 80);
	it_stop(app);
}

/* ------------------------------------------------------------------------------------------------ members come and go */

static void
nothing_is_lost_or_done_twice_and_order_is_kept_when_partitions_move(void **state)
{
	const char *topic = it_topic("move", PARTITIONS, NULL), *group = it_name("group");
	struct it_sink *s = worker(), *other = worker();
	carafe *app = it_app(.protocol = it_protocol(state), .max_messages = 40), *second;

	new_ledger();
	s->sleep_ms = other->sleep_ms = 1;
	for (int p = 0; p < PARTITIONS; p++)
		it_produce_many(topic, p, 0, 250);
	draw(app, group, topic, s, .max = 4);
	it_start(app);
	it_until(distinct() > 100);
	second = it_app(.protocol = it_protocol(state), .max_messages = 40);
	draw(second, group, topic, other, .max = 4);
	it_start(second);
	it_until(it_handled(other) > 50 || distinct() == PARTITIONS * 250);
	it_stop(second); /* in the middle of it */
	it_until(distinct() == PARTITIONS * 250);
	for (int p = 0; p < PARTITIONS; p++)
		it_until(it_committed(group, topic, p) == 250);
	it_stop(app);
	expect_in_order();
	for (int p = 0; p < PARTITIONS; p++)
		expect_each_once(p, 0, 250);
}

static void
a_rebalance_while_a_key_fails_moves_it_as_it_is(void **state)
{
	const char *topic = it_topic("failing", 2, NULL), *group = it_name("group");
	struct it_sink *s = worker(), *other = worker();
	carafe *app = it_app(.protocol = it_protocol(state), .settings = quick);
	carafe *second = it_app(.protocol = it_protocol(state), .settings = quick);

	new_ledger();
	atomic_store(&s->number, 50);
	for (int p = 0; p < 2; p++)
		it_produce_many(topic, p, 0, 250);
	draw(app, group, topic, s, .max = 4);
	draw(second, group, topic, other, .max = 4);
	it_start(app);
	it_until(distinct() == 2 * (250 - 25)); /* all but those of the key from there on */
	it_start(second);
	it_until(distinct() == 2 * 250 - 25); /* of one partition they are done elsewhere */
	atomic_store(&s->number, -1);
	it_until(distinct() == 2 * 250);
	for (int p = 0; p < 2; p++)
		it_until(it_committed(group, topic, p) == 250);
	it_stop(second);
	it_stop(app);
	expect_in_order();
	for (int p = 0; p < 2; p++)
		expect_each_once(p, 0, 250);
}

static void
a_stop_waits_for_what_is_in_hand_and_commits_no_more(void **state)
{
	const char *topic = it_topic("stop", 1, NULL), *group = it_name("group");
	struct it_sink *s = worker(), *again = worker();
	carafe *app = it_app(.concurrency = 4);

	(void)state;
	new_ledger();
	atomic_store(&s->flag, 1);
	it_produce_many(topic, 0, 0, 200);
	draw(app, group, topic, s, .max = 4);
	it_start(app);
	it_until(it_handled(s) == 4); /* 0 to 3 */
	it_stop(app);
	assert_int_equal(it_committed(group, topic, 0), 4);
	assert_int_equal(distinct(), 4);
	app = it_app(.concurrency = 4);
	draw(app, group, topic, again, .max = 4);
	it_start(app);
	it_until(distinct() == 200);
	it_stop(app);
	expect_in_order();
	expect_each_once(0, 0, 200);
	assert_int_equal(it_committed(group, topic, 0), 200);
}

/* ------------------------------------------------------------------------------------------------ deferred */

#define SHELF 2000

static struct {
	pthread_mutex_t mu;
	carafe_deferred *held[SHELF];
	size_t count;
} shelf = { .mu = PTHREAD_MUTEX_INITIALIZER };

static carafe_rc
put_on_shelf(struct it_sink *s, carafe_consumer *c, const carafe_message *m)
{
	carafe_deferred *d = carafe_defer(c);

	(void)s;
	begin(m);
	pthread_mutex_lock(&shelf.mu);
	shelf.held[shelf.count++] = d;
	pthread_mutex_unlock(&shelf.mu);
	return CARAFE_PENDING;
}

static size_t
shelved(void)
{
	size_t count;

	pthread_mutex_lock(&shelf.mu);
	count = shelf.count;
	pthread_mutex_unlock(&shelf.mu);
	return count;
}

/* Whatever is there; the latest first. */
static void
complete_some(void)
{
	pthread_mutex_lock(&shelf.mu);
	while (shelf.count > 0) {
		carafe_deferred *d = shelf.held[--shelf.count];

		pthread_mutex_unlock(&shelf.mu);
		end(carafe_deferred_message(d), true);
		(void)carafe_complete(d, CARAFE_OK, NULL);
		pthread_mutex_lock(&shelf.mu);
	}
	pthread_mutex_unlock(&shelf.mu);
}

static void
what_is_deferred_is_in_order_key_by_key(void **state)
{
	const char *topic = it_topic("async", 2, NULL), *group = it_name("group");
	struct it_sink *s = it_sink_new();
	carafe *app = it_app(.concurrency = 1, .max_messages = 60);

	(void)state;
	new_ledger();
	s->on_message = put_on_shelf;
	for (int p = 0; p < 2; p++)
		it_produce_many(topic, p, 0, 200);
	draw(app, group, topic, s, .max = 50);
	it_start(app);
	it_until(shelved() == 2 * KEYS); /* one of each key, on one worker */
	it_until((complete_some(), distinct() == 400));
	it_stop(app);
	expect_in_order();
	assert_true(ledger.most <= 2 * KEYS);
	for (int p = 0; p < 2; p++) {
		expect_each_once(p, 0, 200);
		assert_int_equal(it_committed(group, topic, p), 200);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IT(keys_of_a_partition_are_handled_side_by_side_each_in_order),
		IT(a_messages_own_key_is_what_counts),
		IT(a_key_stays_with_its_strand_when_that_is_wanted),
		IT(a_key_that_fails_for_ever_holds_up_no_other),
		IT(a_long_running_route_goes_on_behind_batches_that_were_done_before),
		IT(a_key_is_dead_lettered_alone_and_goes_on),
		IT(what_a_partitioner_cannot_tell_is_handled_in_order),
		IT(a_mark_commits_nothing_that_other_strands_have_not_marked),
		IT(a_mark_covers_what_its_strand_had_before),
		IT_PROTOCOLS(nothing_is_lost_or_done_twice_and_order_is_kept_when_partitions_move),
		IT_PROTOCOLS(a_rebalance_while_a_key_fails_moves_it_as_it_is),
		IT(a_stop_waits_for_what_is_in_hand_and_commits_no_more),
		IT(what_is_deferred_is_in_order_key_by_key),
	};

	return it_run(tests);
}
