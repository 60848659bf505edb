/* Long-running routes: handlers that take as long as they take, and partitions that move meanwhile. */
#include <stdatomic.h>
#include <stdio.h>

#include "support/test.h"

#define MESSAGES 10
#define MANY 8 /* partitions */

static carafe_rc
take_long_at_first(struct it_sink *s, carafe_consumer *c, const carafe_message *m)
{
	(void)c, (void)m;
	if (atomic_exchange(&s->other, 1) == 0)
		it_nap(s->flag);
	return CARAFE_OK;
}

/* There is one worker, for whom all other partitions wait as long: the member stays, and order is kept. */
static void
long_running_handlers_stay_in_the_group(void **state)
{
	const char *topic = it_topic("long", MANY, NULL), *group = it_name("group");
	struct it_events *events = it_events_new();
	struct it_sink *s = it_sink_new();
	carafe *app = it_app(.protocol = it_protocol(state), .events = events, .concurrency = 1, .impatient = true);
	char member[64];

	for (int p = 0; p < MANY; p++)
		it_produce_many(topic, p, 0, MESSAGES);
	s->on_message = take_long_at_first;
	s->flag = it_limit_ms(it_protocol(state)) + 1100; /* the watchdog looks every second */
	it_route(app, group, topic, it_message_handler, s, .long_running = 1);
	it_start(app);
	it_until(it_handled(s) > 0);
	snprintf(member, sizeof(member), "%s", it_member_id(group, "it"));
	for (int p = 0; p < MANY; p++)
		it_until(it_committed(group, topic, p) == MESSAGES);
	assert_string_equal(it_member_id(group, "it"), member);
	it_stop(app);
	assert_int_equal(it_event_count(events, CARAFE_EV_CONSUMER_STUCK), 0);
	assert_int_equal(it_event_count(events, CARAFE_EV_CONNECTION_LEFT), 0);
	for (int p = 0; p < MANY; p++)
		it_expect_each_once(s, topic, p, 0, MESSAGES);
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

/* One is being worked on, the other waits for its turn. */
static void
move_while_busy(enum it_protocol protocol, int busy)
{
	const char *topic = it_topic("busy", 2, NULL), *group = it_name("group");
	struct it_events *events = it_events_new();
	struct it_sink *s = it_sink_new();
	carafe *app = it_app(.protocol = protocol, .events = events, .concurrency = 1,
	    .settings = CARAFE_KV({ "drain_timeout", "20000" }));
	struct it_peer *peer;

	s->on_message = work_until_told;
	it_route(app, group, topic, it_message_handler, s, .long_running = 1);
	it_start(app);
	it_produce(topic, busy, "first");
	it_until(atomic_load(&s->other) == 1);
	it_produce(topic, 1 - busy, "second");
	peer = it_peer(.group = group, .topic = topic, .protocol = protocol);
	it_until(it_peer_assigned(peer) >= 1 && it_members(group) == 2);
	atomic_store(&s->flag, 1);
	it_until(it_committed(group, topic, 0) == 1 && it_committed(group, topic, 1) == 1);
	it_peer_leave(peer);
	it_stop(app);
	assert_int_equal(it_event_count(events, CARAFE_EV_REBALANCE_DRAIN_TIMEOUT), 0);
	assert_int_equal(it_event_count(events, CARAFE_EV_CONSUMER_STUCK), 0);
	assert_int_equal(it_handled(s) + it_peer_got(peer), 2); /* what waited was not run by whom it was taken from */
}

/* A partition that is waiting for its turn moves at once, one that is being worked on when its handler has noticed: one of either
 * does, unless both do. */
static void
partitions_move_while_every_worker_is_busy(void **state)
{
	move_while_busy(it_protocol(state), 0);
	move_while_busy(it_protocol(state), 1);
}

/* Fails when it has lost its partition meanwhile, which it sees though every worker is busy. */
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
	carafe *app = it_app(.protocol = it_protocol(state), .events = events, .concurrency = 2,
	    .settings = CARAFE_KV({ "drain_timeout", "200" }));
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
	assert_int_equal(atomic_load(&s->number), it_protocol(state) == IT_RANGE ? 2 : 1);
	assert_int_equal(it_event_count(events, CARAFE_EV_DLQ_DISPATCHED), 0);
	assert_int_equal(it_end(dead, 0), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IT_PROTOCOLS(long_running_handlers_stay_in_the_group),
		IT(a_long_running_route_may_be_throttled),
		IT_PROTOCOLS(what_fails_after_its_partition_was_taken_is_no_dead_letter),
		IT_PROTOCOLS(partitions_move_while_every_worker_is_busy),
		IT_PROTOCOLS(a_partition_that_comes_back_waits_for_the_handler_it_was_taken_from),
	};

	return it_run(tests);
}
