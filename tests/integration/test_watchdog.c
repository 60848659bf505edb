/* Handlers that take longer than max.poll.interval.ms: nobody but carafe can see them. */
#include <stdatomic.h>
#include <string.h>

#include "support/test.h"

#define PARTITIONS 3
#define MESSAGES 10

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
	carafe *app = it_app(.protocol = it_protocol(state), .events = events, .concurrency = 2, .impatient = true);
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
	carafe *app = it_app(.protocol = it_protocol(state), .events = events, .concurrency = 2, .impatient = true);
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

/* One batch of them takes longer than the limit, no single one does. */
static void
messages_that_are_slow_together_are_no_hang(void **state)
{
	const char *topic = it_topic("slow", 1, NULL), *group = it_name("group");
	struct it_events *events = it_events_new();
	struct it_sink *s = it_sink_new();
	carafe *app = it_app(.protocol = IT_KIP848, .events = events, .concurrency = 1, .impatient = true);

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

/* The hook commits when it has slept longer than the limit, which is `other`. `number`: what another member noticed by then. */
static carafe_rc
shut_down_slowly(struct it_sink *s, carafe_consumer *c, carafe_hook hook)
{
	if (hook != CARAFE_HOOK_SHUTDOWN)
		return CARAFE_OK;
	it_nap(atomic_load(&s->other) + 1100); /* the watchdog looks every second */
	atomic_store(&s->flag, carafe_commit(c, NULL) == CARAFE_OK);
	atomic_store(&s->number, it_peer_rebalances(s->arg));
	return CARAFE_OK;
}

static void
a_shutdown_hook_may_take_longer_than_the_limit(void **state)
{
	const char *topic = it_topic("slow-hook", 2, NULL), *group = it_name("group");
	struct it_events *events = it_events_new();
	struct it_sink *s = it_sink_new();
	carafe *app = it_app(.protocol = it_protocol(state), .events = events, .concurrency = 1, .impatient = true,
	    .kafka = CARAFE_KV({ "enable.auto.commit", "false" }));
	struct it_peer *peer;
	int mine, before;

	s->on_hook = shut_down_slowly;
	s->other = it_limit_ms(it_protocol(state));
	it_route(app, group, topic, it_message_handler, s);
	it_start(app);
	it_until(it_members(group) == 1);
	s->arg = peer = it_peer(.group = group, .topic = topic, .protocol = it_protocol(state));
	it_until(it_peer_assigned(peer) == 1 && it_stable(group));
	mine = it_peer_has(peer, 0) ? 1 : 0;
	it_produce_many(topic, mine, 0, MESSAGES);
	it_until(it_handled_in(s, topic, mine) == MESSAGES);
	assert_int_equal(it_committed(group, topic, mine), -1); /* that is left to the hook */
	before = it_peer_rebalances(peer);
	it_stop(app);
	it_until(it_peer_assigned(peer) == 2);
	assert_true(atomic_load(&s->flag));
	assert_int_equal(atomic_load(&s->number), before);
	assert_int_equal(it_event_count(events, CARAFE_EV_CONSUMER_STUCK), 0);
	assert_int_equal(it_committed(group, topic, mine), MESSAGES);
	assert_int_equal(it_peer_got(peer), 0);
}

static carafe_rc
take_longer_than_the_limit_once(struct it_sink *s, carafe_consumer *c, const carafe_message *m)
{
	(void)s;
	(void)c;
	if (m->offset == 0)
		it_nap(it_limit_ms(IT_KIP848) + 1100);
	return CARAFE_OK;
}

static void
a_partition_by_hand_has_no_limit(void **state)
{
	const char *topic = it_topic("by-hand", 1, NULL), *group = it_name("group");
	struct it_events *events = it_events_new();
	struct it_sink *s = it_sink_new();
	carafe *app = it_app(.protocol = IT_KIP848, .events = events, .concurrency = 1, .impatient = true);

	(void)state;
	it_produce_many(topic, 0, 0, MESSAGES);
	s->on_message = take_longer_than_the_limit_once;
	carafe_assign(it_route(app, group, topic, it_message_handler, s), .partitions = "all");
	it_start(app);
	it_until(it_committed(group, topic, 0) == MESSAGES);
	it_stop(app);
	assert_int_equal(it_event_count(events, CARAFE_EV_CONSUMER_STUCK), 0);
	assert_int_equal(it_event_count(events, CARAFE_EV_CONNECTION_LEFT), 0);
	it_expect_each_once(s, topic, 0, 0, MESSAGES);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IT_PROTOCOLS(others_take_over_from_a_member_whose_handler_hangs_and_it_comes_back),
		IT_COOPERATIVE_ONES(a_stop_while_the_member_stays_away_waits_for_the_handler),
		IT(messages_that_are_slow_together_are_no_hang),
		IT(a_partition_by_hand_has_no_limit),
		IT_PROTOCOLS(a_shutdown_hook_may_take_longer_than_the_limit),
	};

	return it_run(tests);
}
