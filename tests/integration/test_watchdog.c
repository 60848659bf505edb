/* Handlers that take longer than max.poll.interval.ms: nobody but carafe can see them. */
#include <stdatomic.h>
#include <string.h>

#include "support/test.h"

#define PARTITIONS 3
#define MESSAGES 10

/* librdkafka wants the classic protocol's to be no shorter than the session. */
static int
limit_ms(enum it_protocol protocol)
{
	return protocol == IT_KIP848 ? 1500 : 3000;
}

static carafe *
impatient_app(enum it_protocol protocol, struct it_events *events, int concurrency)
{
	if (protocol == IT_KIP848)
		return it_app(.protocol = protocol, .events = events, .concurrency = concurrency,
		    .kafka = CARAFE_KV({ "max.poll.interval.ms", "1500" }));
	return it_app(.protocol = protocol, .events = events, .concurrency = concurrency,
	    .kafka = CARAFE_KV({ "session.timeout.ms", "3000" }, { "max.poll.interval.ms", "3000" }));
}

/* The first message of partition 1 waits at the gate, the first time that anybody is given it; what may be done for it
 * afterwards is in flag. */
static carafe_rc
hang_once_in_partition_1(struct it_sink *s, carafe_consumer *c, const carafe_message *m)
{
	if (m->partition != 1 || m->offset != 0 || atomic_exchange(&s->other, 1) != 0)
		return CARAFE_OK;
	it_gate_wait(s->gate);
	atomic_store(&s->flag, (int)carafe_mark(c, m) | (carafe_revoked(c) ? 0x100 : 0) | (carafe_should_stop(c) ? 0x200 : 0) |
	    (carafe_commit(c, NULL) == CARAFE_LOST ? 0x400 : 0) |
	    (carafe_mark_with(c, m, .metadata = "late", .commit = 1) == CARAFE_LOST ? 0x800 : 0));
	return CARAFE_OK;
}

static bool
all_committed(const char *group, const char *topic)
{
	for (int p = 0; p < PARTITIONS; p++)
		if (it_committed(group, topic, p) != MESSAGES)
			return false;
	return true;
}

static void
others_take_over_from_a_member_whose_handler_hangs_and_it_comes_back(void **state)
{
	const char *topic = it_topic("hangs", PARTITIONS, NULL), *group = it_name("group");
	struct it_events *events = it_events_new();
	struct it_sink *s = it_sink_new();
	carafe *app = impatient_app(it_protocol(state), events, 2);
	struct it_event stuck;
	struct it_peer *peer;

	for (int p = 0; p < PARTITIONS; p++)
		it_produce_many(topic, p, 0, MESSAGES);
	s->on_message = hang_once_in_partition_1;
	s->gate = it_gate_new();
	it_route(app, group, topic, it_message_handler, s);
	it_start(app);
	it_until(it_gate_waiting(s->gate) == 1);
	it_until(it_event_count(events, CARAFE_EV_CONSUMER_STUCK) == 1);
	stuck = it_event_at(events, CARAFE_EV_CONSUMER_STUCK, 0);
	assert_string_equal(stuck.group, group);
	assert_string_equal(stuck.topic, topic);
	assert_int_equal(stuck.partition, 1);
	assert_int_equal(stuck.offset, 0);
	assert_non_null(strstr(stuck.thread, "worker"));
	it_until(it_members(group) == 0); /* what else it had is finished and committed */
	peer = it_peer(.group = group, .topic = topic, .protocol = it_protocol(state));
	it_until(it_peer_assigned(peer) == PARTITIONS && all_committed(group, topic));
	for (int64_t offset = 0; offset < MESSAGES; offset++)
		assert_true(it_peer_times(peer, 1, offset) >= 1);
	assert_int_equal(it_count_in(s, CARAFE_HOOK_REVOKED, topic, 1), 0); /* its handler is still at it */

	it_gate_open(s->gate);
	it_until(it_count_in(s, CARAFE_HOOK_REVOKED, topic, 1) == 1);
	assert_int_equal(atomic_load(&s->flag), CARAFE_LOST | 0xf00);
	it_until(it_event_count(events, CARAFE_EV_CONNECTION_REJOINED) == 1);
	it_until(it_members(group) == 2);
	it_peer_leave(peer);
	for (int p = 0; p < PARTITIONS; p++)
		it_produce(topic, p, "after");
	it_until(it_handled_in(s, topic, 1) >= 2 && it_committed(group, topic, 1) == MESSAGES + 1);
	assert_int_equal(it_event_count(events, CARAFE_EV_CONSUMER_STUCK), 1); /* once for each that hangs */
	it_stop(app);
}

static void
a_stop_while_the_member_stays_away_waits_for_the_handler(void **state)
{
	const char *topic = it_topic("away", PARTITIONS, NULL), *group = it_name("group");
	struct it_events *events = it_events_new();
	struct it_sink *s = it_sink_new();
	carafe *app = impatient_app(it_protocol(state), events, 2);
	carafe_error err = { 0 };

	it_produce(topic, 1, "hangs");
	s->on_message = hang_once_in_partition_1;
	s->gate = it_gate_new();
	it_route(app, group, topic, it_message_handler, s);
	it_start(app);
	it_until(it_gate_waiting(s->gate) == 1);
	it_until(it_event_count(events, CARAFE_EV_CONNECTION_LEFT) == 1 && it_members(group) == 0);
	carafe_stop(app);
	assert_int_equal(carafe_wait(app, 300, &err), CARAFE_TIMEOUT);
	it_gate_open(s->gate);
	it_await_end(app);
	assert_int_equal(it_event_count(events, CARAFE_EV_CONNECTION_REJOINED), 0);
	assert_int_equal(it_committed(group, topic, 1), -1);
}

static carafe_rc
take_long(struct it_sink *s, carafe_consumer *c, const carafe_message *m)
{
	(void)c;
	if (m->offset == 0)
		it_nap(s->flag);
	return CARAFE_OK;
}

/* More partitions than workers, all of them slow: the member stays, and order is kept. */
static void
long_running_handlers_stay_in_the_group(void **state)
{
	const char *topic = it_topic("long", 2, NULL), *group = it_name("group");
	struct it_events *events = it_events_new();
	struct it_sink *s = it_sink_new();
	carafe *app = impatient_app(it_protocol(state), events, 1);

	for (int p = 0; p < 2; p++)
		it_produce_many(topic, p, 0, MESSAGES);
	s->on_message = take_long;
	s->flag = limit_ms(it_protocol(state)) + 1100; /* the watchdog looks every second */
	it_route(app, group, topic, it_message_handler, s, .long_running = 1);
	it_start(app);
	it_until(it_committed(group, topic, 0) == MESSAGES && it_committed(group, topic, 1) == MESSAGES);
	it_stop(app);
	assert_int_equal(it_event_count(events, CARAFE_EV_CONSUMER_STUCK), 0);
	assert_int_equal(it_event_count(events, CARAFE_EV_CONNECTION_LEFT), 0);
	for (int p = 0; p < 2; p++)
		for (int64_t i = 1; i < MESSAGES; i++)
			assert_true(it_at_in(s, CARAFE_HOOK_CONSUME, topic, p, (size_t)i).offset >
			    it_at_in(s, CARAFE_HOOK_CONSUME, topic, p, (size_t)i - 1).offset);
}

/* One batch of them takes longer than the limit, no single one does. */
static void
messages_that_are_slow_together_are_no_hang(void **state)
{
	const char *topic = it_topic("slow", 1, NULL), *group = it_name("group");
	struct it_events *events = it_events_new();
	struct it_sink *s = it_sink_new();
	carafe *app = impatient_app(IT_KIP848, events, 1);

	(void)state;
	it_produce_many(topic, 0, 0, 40);
	s->sleep_ms = 100;
	it_route(app, group, topic, it_message_handler, s);
	it_start(app);
	it_until(it_committed(group, topic, 0) == 40);
	it_stop(app);
	assert_int_equal(it_event_count(events, CARAFE_EV_CONSUMER_STUCK), 0);
	it_expect_each_once(s, topic, 0, 0, 40);
}

/* As long as somebody is at a partition, nobody else in the process is. The first messages wait at the gate. */
static atomic_int at_it[2];

static carafe_rc
work_alone(struct it_sink *s, carafe_consumer *c, const carafe_message *m)
{
	if (atomic_fetch_add(&at_it[m->partition], 1) != 0)
		atomic_store(&s->flag, 1);
	if (atomic_fetch_add(&s->other, 1) < 2) {
		it_gate_wait(s->gate);
		if (carafe_revoked(c))
			atomic_fetch_add(&s->number, 1);
	}
	atomic_fetch_sub(&at_it[m->partition], 1);
	return CARAFE_OK;
}

/* Workers are free to begin with the partition anew, and must not. */
static void
a_partition_that_comes_back_waits_for_the_handler_it_was_taken_from(void **state)
{
	const char *topic = it_topic("overlap", 2, NULL), *group = it_name("group");
	struct it_events *events = it_events_new();
	struct it_sink *s = it_sink_new();
	carafe *app = it_app(.protocol = it_protocol(state), .events = events, .settings = CARAFE_KV({ "drain_timeout", "200" }));
	struct it_peer *peer;
	size_t assigned;

	it_produce_many(topic, 0, 0, 2);
	it_produce_many(topic, 1, 0, 2);
	s->on_message = work_alone;
	s->gate = it_gate_new();
	it_route(app, group, topic, it_message_handler, s, .long_running = 1);
	it_start(app);
	it_until(it_gate_waiting(s->gate) == 2);
	peer = it_peer(.group = group, .topic = topic, .protocol = it_protocol(state));
	it_until(it_event_count(events, CARAFE_EV_REBALANCE_DRAIN_TIMEOUT) > 0 && it_peer_assigned(peer) == 1);
	assigned = it_event_count(events, CARAFE_EV_REBALANCE_ASSIGNED);
	it_peer_leave(peer);
	it_until(it_event_count(events, CARAFE_EV_REBALANCE_ASSIGNED) > assigned);
	it_produce(topic, 0, "another");
	it_produce(topic, 1, "another");
	it_nap(200); /* if it could begin, it would */
	assert_int_equal(atomic_load(&s->other), 2);
	it_gate_open(s->gate);
	it_until(it_committed(group, topic, 0) == 3 && it_committed(group, topic, 1) == 3);
	it_stop(app);
	assert_int_equal(atomic_load(&s->flag), 0);
	assert_true(atomic_load(&s->number) >= 1);
}

/* Whoever is at it goes on until it is told. */
static carafe_rc
work_until_told(struct it_sink *s, carafe_consumer *c, const carafe_message *m)
{
	(void)m;
	atomic_fetch_add(&s->other, 1);
	while (!carafe_should_stop(c) && atomic_load(&s->flag) == 0)
		it_nap(5);
	return CARAFE_OK;
}

/* A partition that is waiting for its turn moves at once, one that is being worked on when its handler has noticed. */
static void
partitions_move_while_every_worker_is_busy(void **state)
{
	const char *topic = it_topic("busy", 2, NULL), *group = it_name("group");
	struct it_events *events = it_events_new();
	struct it_sink *s = it_sink_new();
	carafe *app = it_app(.protocol = it_protocol(state), .events = events, .concurrency = 1,
	    .settings = CARAFE_KV({ "drain_timeout", "20000" }));
	struct it_peer *peer;

	it_produce(topic, 0, "zero");
	it_produce(topic, 1, "one");
	s->on_message = work_until_told;
	it_route(app, group, topic, it_message_handler, s, .long_running = 1);
	it_start(app);
	it_until(atomic_load(&s->other) == 1);
	peer = it_peer(.group = group, .topic = topic, .protocol = it_protocol(state));
	it_until(it_peer_assigned(peer) >= 1 && it_members(group) == 2);
	atomic_store(&s->flag, 1);
	it_until(it_committed(group, topic, 0) == 1 && it_committed(group, topic, 1) == 1);
	it_peer_leave(peer);
	it_stop(app);
	assert_int_equal(it_event_count(events, CARAFE_EV_REBALANCE_DRAIN_TIMEOUT), 0);
	assert_int_equal(it_event_count(events, CARAFE_EV_CONSUMER_STUCK), 0);
	assert_int_equal(it_handled(s) + it_peer_got(peer), 2); /* what waited was not run by whom it was taken from */
}

/* Fails when it has lost its partition meanwhile. */
static carafe_rc
fail_if_revoked(struct it_sink *s, carafe_consumer *c, const carafe_message *m)
{
	(void)m;
	it_gate_wait(s->gate);
	if (!carafe_revoked(c))
		return CARAFE_OK;
	atomic_fetch_add(&s->number, 1);
	return carafe_fail(c, "too late");
}

static void
what_fails_after_its_partition_was_taken_is_no_dead_letter(void **state)
{
	const char *topic = it_topic("late", 2, NULL), *group = it_name("group"), *dead = it_topic("dead", 1, NULL);
	struct it_events *events = it_events_new();
	struct it_sink *s = it_sink_new();
	carafe *app = it_app(.protocol = it_protocol(state), .events = events, .settings = CARAFE_KV({ "drain_timeout", "200" }));
	struct it_peer *peer;

	it_produce(topic, 0, "zero");
	it_produce(topic, 1, "one");
	s->on_message = fail_if_revoked;
	s->gate = it_gate_new();
	carafe_dlq(it_route(app, group, topic, it_message_handler, s, .long_running = 1), .topic = dead, .max_retries = CARAFE_NONE);
	it_start(app);
	it_until(it_gate_waiting(s->gate) == 2);
	peer = it_peer(.group = group, .topic = topic, .protocol = it_protocol(state));
	it_until(it_event_count(events, CARAFE_EV_REBALANCE_DRAIN_TIMEOUT) > 0 && it_peer_assigned(peer) == 1);
	it_gate_open(s->gate);
	it_until(it_committed(group, topic, 0) == 1 && it_committed(group, topic, 1) == 1);
	it_until(it_count(s, CARAFE_HOOK_REVOKED) >= 1);
	it_peer_leave(peer);
	it_stop(app);
	assert_true(atomic_load(&s->number) >= 1);
	assert_int_equal(it_event_count(events, CARAFE_EV_DLQ_DISPATCHED), 0);
	assert_int_equal(it_end(dead, 0), 0);
}

/* The hook commits when it has slept longer than the limit. */
static carafe_rc
shut_down_slowly(struct it_sink *s, carafe_consumer *c, carafe_hook hook)
{
	if (hook != CARAFE_HOOK_SHUTDOWN)
		return CARAFE_OK;
	it_nap(limit_ms(IT_KIP848) + 1100); /* the watchdog looks every second */
	atomic_store(&s->flag, carafe_commit(c, NULL) == CARAFE_OK);
	return CARAFE_OK;
}

static void
a_shutdown_hook_may_take_longer_than_the_limit(void **state)
{
	const char *topic = it_topic("slow-hook", 1, NULL), *group = it_name("group");
	struct it_events *events = it_events_new();
	struct it_sink *s = it_sink_new();
	carafe *app = impatient_app(IT_KIP848, events, 1);

	(void)state;
	it_produce_many(topic, 0, 0, MESSAGES);
	s->on_hook = shut_down_slowly;
	it_route(app, group, topic, it_message_handler, s);
	it_start(app);
	it_until(it_handled(s) == MESSAGES);
	it_stop(app);
	assert_true(atomic_load(&s->flag));
	assert_int_equal(it_event_count(events, CARAFE_EV_CONSUMER_STUCK), 0);
	assert_int_equal(it_committed(group, topic, 0), MESSAGES);
}

static void
a_long_running_route_may_be_throttled(void **state)
{
	const char *topic = it_topic("throttled", 1, NULL), *group = it_name("group");
	struct it_sink *s = it_sink_new();
	carafe *app = it_app(.concurrency = 1);

	(void)state;
	it_produce_many(topic, 0, 0, MESSAGES);
	carafe_throttle(it_route(app, group, topic, it_batch_handler, s, .long_running = 1), .limit = 4, .interval = 100);
	it_start(app);
	it_until(it_committed(group, topic, 0) == MESSAGES);
	it_stop(app);
	it_expect_each_once(s, topic, 0, 0, MESSAGES);
}

/* What takes long by its nature is not done once more for the eager protocol. */
#define IT_COOPERATIVE_ONES(fn)                                                                                        \
	{ #fn ", cooperative", fn, it_begin, it_end_test, (void *)"cooperative" },                                     \
	    { #fn ", kip-848", fn, it_begin, it_end_test, (void *)"kip-848" }

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IT_PROTOCOLS(others_take_over_from_a_member_whose_handler_hangs_and_it_comes_back),
		IT_COOPERATIVE_ONES(a_stop_while_the_member_stays_away_waits_for_the_handler),
		IT_COOPERATIVE_ONES(long_running_handlers_stay_in_the_group),
		IT(messages_that_are_slow_together_are_no_hang),
		IT(a_shutdown_hook_may_take_longer_than_the_limit),
		IT(a_long_running_route_may_be_throttled),
		IT_PROTOCOLS(what_fails_after_its_partition_was_taken_is_no_dead_letter),
		IT_PROTOCOLS(partitions_move_while_every_worker_is_busy),
		IT_PROTOCOLS(a_partition_that_comes_back_waits_for_the_handler_it_was_taken_from),
	};

	return it_run(tests);
}
