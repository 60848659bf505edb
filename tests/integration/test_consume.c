/* The main job: what is produced is handled, by whom, when, in which portions. */
#include <string.h>

#include "support/test.h"

static void
each_message_is_handled_once_in_order(void **state)
{
	const char *topic = it_topic("once", 2, NULL), *group = it_name("group");
	struct it_sink *s = it_sink_new();
	carafe *app = it_app(.protocol = it_protocol(state));

	it_produce_many(topic, 0, 0, 50);
	it_produce_many(topic, 1, 0, 30);
	it_route(app, group, topic, it_message_handler, s);
	it_start(app);
	it_until(it_handled(s) == 80);
	it_stop(app);
	it_expect_each_once(s, topic, 0, 0, 50);
	it_expect_each_once(s, topic, 1, 0, 30);
	assert_int_equal(it_committed(group, topic, 0), 50);
	assert_int_equal(it_committed(group, topic, 1), 30);
}

static void
another_run_goes_on_where_the_first_ended(void **state)
{
	const char *topic = it_topic("goes-on", 1, NULL), *group = it_name("group");
	struct it_sink *first = it_sink_new(), *second = it_sink_new();
	carafe *app = it_app(.protocol = it_protocol(state));

	it_produce_many(topic, 0, 0, 10);
	it_route(app, group, topic, it_batch_handler, first);
	it_start(app);
	it_until(it_handled(first) == 10);
	it_stop(app);

	it_produce_many(topic, 0, 10, 10);
	app = it_app(.protocol = it_protocol(state));
	it_route(app, group, topic, it_batch_handler, second);
	it_start(app);
	it_until(it_handled(second) >= 10);
	it_stop(app);
	it_expect_each_once(first, topic, 0, 0, 10);
	it_expect_each_once(second, topic, 0, 10, 10);
}

static void
two_groups_get_everything_each(void **state)
{
	const char *topic = it_topic("two-groups", 1, NULL);
	struct it_sink *a = it_sink_new(), *b = it_sink_new();
	carafe *app = it_app(.concurrency = 2);

	(void)state;
	it_produce_many(topic, 0, 0, 20);
	it_route(app, it_name("group"), topic, it_message_handler, a);
	it_route(app, it_name("group"), topic, it_batch_handler, b);
	it_start(app);
	it_until(it_handled(a) == 20 && it_handled(b) == 20);
	it_stop(app);
	it_expect_each_once(a, topic, 0, 0, 20);
	it_expect_each_once(b, topic, 0, 0, 20);
}

/* Until a hundred wait; how many were produced so far. */
static int
keep_busy(const struct it_sink *s, const char *topic, int produced)
{
	for (; produced < (int)it_handled_in(s, topic, 0) + 100; produced += 50)
		it_produce_many(topic, 0, produced, 50);
	return produced;
}

/* There is always more of the first one. */
static void
five_topics_share_one_worker(void **state)
{
	const char *topics[5], *group = it_name("group");
	struct it_sink *s = it_sink_new();
	carafe *app = it_app(.concurrency = 1, .max_messages = 5);
	int produced;

	(void)state;
	for (int i = 0; i < 5; i++) {
		topics[i] = it_topic("share", 1, NULL);
		it_route(app, group, topics[i], it_message_handler, s);
	}
	produced = keep_busy(s, topics[0], 0);
	s->sleep_ms = 2;
	it_start(app);
	it_until(it_handled(s) > 0);
	for (int i = 1; i < 5; i++)
		it_produce_many(topics[i], 0, 0, 20);
	for (int i = 1; i < 5; i++)
		it_until((produced = keep_busy(s, topics[0], produced), it_handled_in(s, topics[i], 0) == 20));
	it_until(it_handled(s) == (size_t)produced + 80);
	it_stop(app);
	for (int i = 0; i < 5; i++)
		it_expect_each_once(s, topics[i], 0, 0, i > 0 ? 20 : (size_t)produced);
	assert_int_equal(it_at(s, CARAFE_HOOK_CONSUME, 0).thread, it_at(s, CARAFE_HOOK_CONSUME, it_handled(s) - 1).thread);
}

/* ------------------------------------------------------------------------------------------------ batches */

static void
full_batches_do_not_wait_and_none_is_larger_than_max_messages(void **state)
{
	const char *topic = it_topic("full", 1, NULL);
	struct it_sink *s = it_sink_new();
	carafe *app = it_app(.max_messages = 5, .max_wait_time = 100000,
	    .settings = CARAFE_KV({ "shutdown_timeout", "110000" }));

	(void)state;
	it_produce_many(topic, 0, 0, 20);
	it_route(app, it_name("group"), topic, it_batch_handler, s);
	it_start(app);
	it_until(it_handled(s) == 20);
	for (size_t i = 0; i < 20; i++)
		assert_int_equal(it_at(s, CARAFE_HOOK_CONSUME, i).count, 5);
	assert_true(it_at(s, CARAFE_HOOK_CONSUME, 19).at - it_at(s, CARAFE_HOOK_CONSUME, 0).at < 60000);
	it_stop(app);
	it_expect_each_once(s, topic, 0, 0, 20);
}

static void
a_batch_that_is_not_full_waits_for_max_wait_time_and_no_longer(void **state)
{
	const char *topic = it_topic("wait", 1, NULL);
	struct it_sink *s = it_sink_new();
	carafe *app = it_app(.max_messages = 100, .max_wait_time = 1000, .kafka = CARAFE_KV({ "fetch.wait.max.ms", "10" }));
	double before;
	struct it_entry e;

	(void)state;
	it_route(app, it_name("group"), topic, it_batch_handler, s);
	it_start(app);
	it_produce(topic, 0, "the consumer is there");
	it_until(it_handled(s) == 1);
	before = it_now();
	it_produce_many(topic, 0, 1, 3);
	it_until(it_handled(s) == 4);
	e = it_at(s, CARAFE_HOOK_CONSUME, 1);
	assert_int_equal(e.count, 3);
	assert_true(e.at - before >= 999);
	assert_true(e.at - before < 60000);
	it_stop(app);
}

/* Each that comes late would make it wait once more. */
static void
a_batch_waits_from_its_first_message_on(void **state)
{
	const char *topic = it_topic("trickle", 1, NULL);
	struct it_sink *s = it_sink_new();
	carafe *app = it_app(.max_messages = 100000, .max_wait_time = 500, .kafka = CARAFE_KV({ "fetch.wait.max.ms", "10" }));

	(void)state;
	it_route(app, it_name("group"), topic, it_batch_handler, s);
	it_start(app);
	it_until(it_produce(topic, 0, "one of a trickle") >= 0 && it_handled(s) > 0);
	it_stop(app);
}

static void
a_stop_does_not_wait_for_a_batch_to_fill(void **state)
{
	const char *topic = it_topic("stop-waiting", 1, NULL), *group = it_name("group");
	struct it_events *events = it_events_new();
	struct it_sink *s = it_sink_new(), *after = it_sink_new();
	carafe *app = it_app(.max_wait_time = 100000, .events = events, .settings = CARAFE_KV({ "shutdown_timeout", "110000" }));
	double since;

	(void)state;
	it_produce_many(topic, 0, 0, 3);
	it_route(app, group, topic, it_batch_handler, s);
	it_start(app);
	it_until(it_event_count(events, CARAFE_EV_REBALANCE_ASSIGNED) == 1);
	it_nap(200); /* by now they most likely wait for more */
	since = it_now();
	it_stop(app);
	assert_true(it_now() - since < 60000);
	assert_int_equal(it_handled(s), 0);
	app = it_app(.concurrency = 1);
	it_route(app, group, topic, it_batch_handler, after);
	it_start(app);
	it_until(it_handled(after) >= 3);
	it_stop(app);
	it_expect_each_once(after, topic, 0, 0, 3);
}

static void
without_max_wait_time_a_batch_does_not_wait(void **state)
{
	const char *topic = it_topic("no-wait", 1, NULL);
	struct it_sink *s = it_sink_new();
	carafe *app = it_app(.kafka = CARAFE_KV({ "fetch.wait.max.ms", "10" }));
	int quick = 0; /* quicker than the least that anybody would notice of a max_wait_time of 1000 */

	(void)state;
	it_route(app, it_name("group"), topic, it_batch_handler, s);
	it_start(app);
	for (size_t i = 0; i < 10; i++) { /* nothing but what is there already could let the next one be handled */
		double before = it_now();

		it_produce(topic, 0, "alone");
		it_until(it_handled(s) == i + 1);
		assert_int_equal(it_at(s, CARAFE_HOOK_CONSUME, i).count, 1);
		quick += it_at(s, CARAFE_HOOK_CONSUME, i).at - before < 900;
	}
	it_stop(app);
	assert_true(quick >= 5);
}

/* ------------------------------------------------------------------------------------------------ state */

static carafe_rc
count_batches(carafe_consumer *c, const carafe_batch *b)
{
	struct it_sink *s = carafe_arg(c);
	int64_t *batches = carafe_state(c);

	(void)b;
	if (++*batches > atomic_load(&s->number))
		atomic_store(&s->number, *batches);
	atomic_fetch_add(&s->flag, 1);
	return CARAFE_OK;
}

static const carafe_handler counting = { .consume = count_batches, .state_size = sizeof(int64_t) };

static int64_t
batches_seen(const char *persistence)
{
	const char *topic = it_topic("state", 1, NULL);
	struct it_sink *s = it_sink_new();
	carafe *app = it_app(.max_messages = 2, .settings = CARAFE_KV({ "consumer_persistence", persistence }));

	it_produce_many(topic, 0, 0, 10);
	it_route(app, it_name("group"), topic, counting, s);
	it_start(app);
	it_until(atomic_load(&s->flag) >= 5);
	it_stop(app);
	return atomic_load(&s->number);
}

static void
state_lasts_as_long_as_the_assignment(void **state)
{
	(void)state;
	assert_true(batches_seen("true") >= 5);
}

static void
without_persistence_each_batch_starts_with_zeroes(void **state)
{
	(void)state;
	assert_int_equal(batches_seen("false"), 1);
}

/* ------------------------------------------------------------------------------------------------ isolation */

#define HOUR 3600000

static carafe_rc
fail_partition_0(struct it_sink *s, carafe_consumer *c, const carafe_message *m)
{
	(void)s, (void)m;
	return carafe_partition(c) == 0 ? carafe_fail(c, "partition 0 never works") : CARAFE_OK;
}

static void
a_partition_that_always_fails_holds_up_no_other(void **state)
{
	const char *topic = it_topic("poison", 4, NULL), *rare = it_topic("rare", 1, NULL), *group = it_name("group");
	struct it_sink *s = it_sink_new(), *backs_off = it_sink_new();
	carafe *app = it_app(.protocol = it_protocol(state), .concurrency = 1);

	s->on_message = backs_off->on_message = fail_partition_0;
	it_route(app, group, topic, it_message_handler, s);
	carafe_retry(it_route(app, group, rare, it_message_handler, backs_off), .timeout = HOUR, .max_timeout = HOUR);
	it_produce(rare, 0, "poison");
	it_start(app);
	it_until(it_handled(backs_off) == 1); /* no worker waits with it */
	for (int p = 0; p < 4; p++)
		it_produce_many(topic, p, 0, 25);
	for (int p = 1; p < 4; p++)
		it_until(it_handled_in(s, topic, p) == 25);
	it_until(it_handled_in(s, topic, 0) >= 5);
	it_stop(app);
	for (int p = 1; p < 4; p++) {
		it_expect_each_once(s, topic, p, 0, 25);
		assert_int_equal(it_committed(group, topic, p), 25);
	}
	for (size_t i = 0; i < it_handled_in(s, topic, 0); i++)
		assert_int_equal(it_at_in(s, CARAFE_HOOK_CONSUME, topic, 0, i).offset, 0);
	assert_int_equal(it_committed(group, topic, 0), -1);
}

/* ------------------------------------------------------------------------------------------------ what arrives */

static carafe_rc
look_closely(carafe_consumer *c, const carafe_message *m)
{
	struct it_sink *s = carafe_arg(c);
	carafe_bytes value = { "untouched", 9 };
	const char *name = NULL;

	if (m->offset == 0 && m->key.data == NULL && m->key.len == 0 && m->value.data == NULL && m->value.len == 0 &&
	    !carafe_message_header(m, "h", &value) && value.len == 9)
		atomic_fetch_or(&s->flag, 1); /* nothing at all */
	if (m->offset == 1 && m->key.data != NULL && m->key.len == 0 && m->value.data != NULL && m->value.len == 0)
		atomic_fetch_or(&s->flag, 2); /* empty */
	if (m->offset == 2 && carafe_message_header(m, "h", &value) && value.len == 1 && memcmp(value.data, "2", 1) == 0 &&
	    carafe_message_header_at(m, 1, &name, &value) && strcmp(name, "other") == 0 && value.data == NULL &&
	    carafe_message_header_at(m, 2, &name, &value) && !carafe_message_header_at(m, 3, &name, &value))
		atomic_fetch_or(&s->flag, 4); /* the last header of a name; null; the end */
	if (m->offset == 2 && carafe_message_timestamp(m) > 1600000000000 && carafe_message_leader_epoch(m) >= 0 &&
	    strcmp(m->topic, carafe_topic(c)) == 0 && m->partition == 0)
		atomic_fetch_or(&s->flag, 8);
	atomic_fetch_add(&s->number, 1);
	return CARAFE_OK;
}

static const carafe_handler looking = { .message = look_closely };

static void
null_and_empty_stay_apart_and_headers_are_readable(void **state)
{
	const char *topic = it_topic("null", 1, NULL);
	struct it_sink *s = it_sink_new();
	carafe *app = it_app(.concurrency = 1);

	(void)state;
	it_produce_record(topic, 0, (carafe_bytes){ NULL, 0 }, (carafe_bytes){ NULL, 0 }, NULL);
	it_produce_record(topic, 0, (carafe_bytes){ "", 0 }, (carafe_bytes){ "", 0 }, NULL);
	it_produce_record(topic, 0, (carafe_bytes){ "k", 1 }, (carafe_bytes){ "v", 1 },
	    CARAFE_KV({ "h", "1" }, { "other", NULL }, { "h", "2" }));
	it_route(app, it_name("group"), topic, looking, s);
	it_start(app);
	it_until(atomic_load(&s->number) == 3);
	it_stop(app);
	assert_int_equal(atomic_load(&s->flag), 15);
}

/* ------------------------------------------------------------------------------------------------ ends and ticks */

static void
the_end_of_a_partition_is_told_once_and_a_batch_knows_of_it(void **state)
{
	const char *topic = it_topic("eof", 1, NULL);
	struct it_sink *s = it_sink_new();
	carafe *app = it_app(.kafka = CARAFE_KV({ "enable.partition.eof", "true" }, { "fetch.wait.max.ms", "10" }));

	(void)state;
	it_route(app, it_name("group"), topic, it_eof_handler, s);
	it_start(app);
	it_until(it_count(s, CARAFE_HOOK_EOFED) == 1); /* of a partition with nothing in it */
	it_produce(topic, 0, "new");
	it_until(it_count(s, CARAFE_HOOK_EOFED) == 2);
	it_produce(topic, 0, "newer");
	it_until(it_handled(s) == 2 && it_count(s, CARAFE_HOOK_EOFED) == 3);
	it_stop(app);
	assert_int_equal(it_count(s, CARAFE_HOOK_EOFED), 3);
}

static carafe_rc
wait_at_the_first_end(struct it_sink *s, carafe_consumer *c, const carafe_batch *b)
{
	(void)b;
	if (carafe_eofed(c))
		it_gate_wait(s->gate);
	return CARAFE_OK;
}

static void
the_last_batch_before_the_end_is_told_so(void **state)
{
	const char *topic = it_topic("eofed", 1, NULL);
	struct it_sink *s = it_sink_new();
	struct it_events *events = it_events_new();
	/* the batch waits for more until the end is seen: what max_wait_time is, does not matter then */
	carafe *app = it_app(.events = events, .max_messages = 20, .max_wait_time = 100000,
	    .settings = CARAFE_KV({ "shutdown_timeout", "110000" }),
	    .kafka = CARAFE_KV({ "enable.partition.eof", "true" }, { "statistics.interval.ms", "50" }));

	(void)state;
	s->on_batch = wait_at_the_first_end;
	s->gate = it_gate_new();
	it_produce_many(topic, 0, 0, 30);
	it_route(app, it_name("group"), topic, it_eof_handler, s);
	it_start(app);
	it_until(it_gate_waiting(s->gate) == 1);
	it_produce_many(topic, 0, 30, 30);
	it_until(it_fetched(events) == 60);
	it_gate_open(s->gate);
	it_until(it_handled(s) == 60);
	for (size_t i = 0; i < 60; i++) { /* new messages: it is not at its end any more */
		assert_int_equal(it_at(s, CARAFE_HOOK_CONSUME, i).count, i % 30 < 20 ? 20 : 10);
		assert_int_equal(it_at(s, CARAFE_HOOK_CONSUME, i).eofed, i % 30 >= 20);
	}
	assert_true(it_at(s, CARAFE_HOOK_CONSUME, 59).at - it_at(s, CARAFE_HOOK_CONSUME, 0).at < 60000);
	it_stop(app);
}

static void
ends_between_messages_never_stall_a_partition(void **state)
{
	const char *topic = it_topic("eof-1", 1, NULL);
	struct it_sink *s = it_sink_new();
	carafe *app = it_app(.max_messages = 1, .kafka = CARAFE_KV({ "enable.partition.eof", "true" }, { "fetch.wait.max.ms", "1" }));

	(void)state;
	it_route(app, it_name("group"), topic, it_batch_handler, s);
	it_start(app);
	for (int i = 0; i < 200; i++)
		it_produce(topic, 0, "one by one, an end after each");
	it_until(it_handled(s) == 200);
	it_stop(app);
	it_expect_each_once(s, topic, 0, 0, 200);
}

static carafe_rc
sleep_longer_than_a_tick(struct it_sink *s, carafe_consumer *c, const carafe_message *m)
{
	size_t ticks = it_count(s, CARAFE_HOOK_TICK);

	(void)c, (void)m;
	it_nap(250);
	if (it_count(s, CARAFE_HOOK_TICK) != ticks)
		atomic_store(&s->flag, 1);
	return CARAFE_OK;
}

static void
ticks_come_while_there_is_nothing_to_do_and_only_then(void **state)
{
	const char *topic = it_topic("tick", 1, NULL);
	struct it_sink *s = it_sink_new();
	carafe *app = it_app(.concurrency = 4);
	struct it_entry one, next;

	(void)state;
	s->on_message = sleep_longer_than_a_tick;
	it_produce_many(topic, 0, 0, 2);
	it_route(app, it_name("group"), topic, it_tick_handler, s);
	it_start(app);
	it_until(it_handled(s) == 2 && it_count(s, CARAFE_HOOK_TICK) >= 4);
	it_stop(app);
	assert_int_equal(atomic_load(&s->flag), 0);
	next = it_at(s, CARAFE_HOOK_TICK, it_count(s, CARAFE_HOOK_TICK) - 1);
	one = it_at(s, CARAFE_HOOK_TICK, it_count(s, CARAFE_HOOK_TICK) - 2);
	assert_true(next.at - one.at >= 99); /* tick_interval */
}

/* ------------------------------------------------------------------------------------------------ wrap */

static void
proceed_every_other_time(carafe_consumer *c, carafe_hook hook)
{
	struct it_sink *s = carafe_arg(c);

	if (hook != CARAFE_HOOK_CONSUME || atomic_fetch_add(&s->flag, 1) % 2 == 1)
		carafe_proceed(c);
}

static void
a_wrap_that_forgets_to_proceed_is_reported_and_nothing_is_skipped(void **state)
{
	const char *topic = it_topic("wrap", 4, NULL);
	struct it_events *events = it_events_new();
	struct it_sink *s = it_sink_new();
	carafe_handler wrapped = it_batch_handler;
	carafe *app = it_app(.concurrency = 2, .events = events);

	(void)state;
	wrapped.wrap = proceed_every_other_time;
	for (int p = 0; p < 4; p++)
		it_produce_many(topic, p, 0, 10);
	it_route(app, it_name("group"), topic, wrapped, s);
	it_start(app);
	it_until(it_handled(s) >= 40);
	assert_int_equal(it_threads("crf-worker"), 2);
	it_stop(app);
	for (int p = 0; p < 4; p++)
		it_expect_each_once(s, topic, p, 0, 10);
	assert_true(it_event_find(events, CARAFE_EV_CONSUMER_ERROR, "carafe_proceed", NULL));
}

static void
proceed_thrice(carafe_consumer *c, carafe_hook hook)
{
	(void)hook;
	carafe_proceed(c);
	carafe_proceed(c);
	carafe_proceed(c);
}

static void
a_wrap_that_proceeds_too_often_runs_nothing_twice(void **state)
{
	const char *topic = it_topic("wrap-thrice", 1, NULL);
	struct it_sink *s = it_sink_new();
	carafe_handler wrapped = it_message_handler;
	carafe *app = it_app(.concurrency = 1);

	(void)state;
	wrapped.wrap = proceed_thrice;
	it_produce_many(topic, 0, 0, 10);
	it_route(app, it_name("group"), topic, wrapped, s);
	it_start(app);
	it_until(it_handled(s) >= 10);
	it_stop(app);
	it_expect_each_once(s, topic, 0, 0, 10);
	assert_int_equal(it_count(s, CARAFE_HOOK_INITIALIZED), 1);
	assert_int_equal(it_count(s, CARAFE_HOOK_SHUTDOWN), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IT_PROTOCOLS(each_message_is_handled_once_in_order),
		IT_PROTOCOLS(another_run_goes_on_where_the_first_ended),
		IT(two_groups_get_everything_each),
		IT(five_topics_share_one_worker),
		IT(full_batches_do_not_wait_and_none_is_larger_than_max_messages),
		IT(a_batch_that_is_not_full_waits_for_max_wait_time_and_no_longer),
		IT(a_batch_waits_from_its_first_message_on),
		IT(a_stop_does_not_wait_for_a_batch_to_fill),
		IT(without_max_wait_time_a_batch_does_not_wait),
		IT(state_lasts_as_long_as_the_assignment),
		IT(without_persistence_each_batch_starts_with_zeroes),
		IT_PROTOCOLS(a_partition_that_always_fails_holds_up_no_other),
		IT(null_and_empty_stay_apart_and_headers_are_readable),
		IT(the_end_of_a_partition_is_told_once_and_a_batch_knows_of_it),
		IT(the_last_batch_before_the_end_is_told_so),
		IT(ends_between_messages_never_stall_a_partition),
		IT(ticks_come_while_there_is_nothing_to_do_and_only_then),
		IT(a_wrap_that_forgets_to_proceed_is_reported_and_nothing_is_skipped),
		IT(a_wrap_that_proceeds_too_often_runs_nothing_twice),
	};

	return it_run(tests);
}
