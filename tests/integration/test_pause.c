/* Pausing on a real Kafka: what waits, what goes on meanwhile, and where. */
#include "integration/steered.h"

static carafe_rc
pause_at_flag(struct it_sink *s, carafe_consumer *c, const carafe_message *m)
{
	if (m->offset == atomic_load(&s->flag))
		assert_int_equal(carafe_pause(c, carafe_offset(m->offset), CARAFE_NONE), CARAFE_OK);
	return CARAFE_OK;
}

static void
who_comes_next_goes_on_where_the_pause_was(void **state)
{
	const char *topic = it_topic("pause", 2, NULL), *group = it_name("group");
	struct it_sink *s = it_sink_new(), *next = it_sink_new();
	struct it_events *e = it_events_new();
	struct it_peer *peer;
	int moved;

	for (int p = 0; p < 2; p++)
		it_produce_many(topic, p, 0, 20);
	s->on_message = pause_at_flag;
	s->flag = 7;
	begin(it_protocol(state), topic, group, s, e);
	it_until(it_event_count(e, CARAFE_EV_CONSUMER_PAUSED) == 2);
	assert_int_equal(it_handled(s), 2 * 8);
	peer = it_peer(.group = group, .topic = topic, .protocol = it_protocol(state));
	it_until(it_peer_got(peer) > 0);
	moved = it_peer_has(peer, 0) ? 0 : 1;
	assert_int_equal(it_peer_first(peer, moved), 7);
	it_until(it_peer_got(peer) == 13); /* not paused any more */
	it_until(it_committed(group, topic, 1 - moved) == 7);
	it_stop(s->arg);
	begin(it_protocol(state), topic, group, next, NULL);
	it_until(it_peer_got(peer) + it_handled(next) == 2 * 13); /* whoever got it */
	assert_true(it_handled(next) == 0 || it_at(next, CARAFE_HOOK_CONSUME, 0).offset == 7);
	assert_true(it_handled(next) > 0 || it_peer_first(peer, 1 - moved) == 7);
	it_stop(next->arg);
}

static void
what_is_paused_holds_up_nothing_else_and_is_resumed(void **unused)
{
	const char *topic = it_topic("two", 2, NULL), *group = it_name("group");
	struct it_sink *s = it_sink_new();
	struct it_events *e = it_events_new();

	(void)unused;
	begin(IT_COOPERATIVE, topic, group, s, e);
	it_produce(topic, 0, "value");
	it_produce(topic, 1, "value");
	it_until(it_handled(s) == 2);
	assert_int_equal(carafe_pause_partition(s->arg, group, topic, 0, CARAFE_NONE), 1);
	it_until(it_event_count(e, CARAFE_EV_CONSUMER_PAUSED) == 1);
	for (int i = 0; i < 10; i++) {
		it_produce(topic, 0, "value");
		it_produce(topic, 1, "value");
	}
	it_until(it_handled_in(s, topic, 1) == 11);
	assert_int_equal(it_handled_in(s, topic, 0), 1);
	assert_int_equal(carafe_resume_partition(s->arg, group, topic, CARAFE_ALL_PARTITIONS), 2);
	it_until(it_handled_in(s, topic, 0) == 11);
	it_expect_each_once(s, topic, 0, 0, 11);
	it_stop(s->arg);
}

static carafe_rc
pause_and_go_on(struct it_sink *s, carafe_consumer *c, const carafe_message *m)
{
	(void)s, (void)m;
	return carafe_pause(c, carafe_next(), 1);
}

static void
a_pause_after_each_message_loses_none_and_fetches_none_again(void **unused)
{
	const char *topic = it_topic("each", 1, NULL), *group = it_name("group");
	struct it_sink *s = it_sink_new();
	struct it_events *e = it_events_new();

	(void)unused;
	it_produce_many(topic, 0, 0, 50);
	s->on_message = pause_and_go_on;
	begin(IT_COOPERATIVE, topic, group, s, e);
	it_until(it_handled(s) == 50);
	it_expect_each_once(s, topic, 0, 0, 50);
	assert_int_equal(it_fetched(e), 50);
	it_stop(s->arg);
	assert_true(it_committed(group, topic, 0) == 50);
}

static void
a_pause_ends_with_the_assignment(void **state)
{
	const char *topic = it_topic("reclaim", 2, NULL), *group = it_name("group");
	struct it_sink *s = it_sink_new();
	struct it_events *e = it_events_new();
	struct it_peer *peer;
	int32_t moved;

	begin(it_protocol(state), topic, group, s, e);
	it_until(it_event_count(e, CARAFE_EV_REBALANCE_ASSIGNED) == 1);
	assert_int_equal(carafe_pause_partition(s->arg, group, topic, CARAFE_ALL_PARTITIONS, CARAFE_NONE), 2);
	it_until(it_event_count(e, CARAFE_EV_CONSUMER_PAUSED) == 2);
	peer = it_peer(.group = group, .topic = topic, .protocol = it_protocol(state));
	it_until(it_peer_assigned(peer) == 1);
	moved = it_peer_has(peer, 0) ? 0 : 1;
	it_peer_leave(peer);
	it_produce_many(topic, moved, 0, 5);
	it_until(it_handled_in(s, topic, moved) == 5);
	it_stop(s->arg);
}

/* ------------------------------------------------------------------------------------------------ one after another */

#define HOUR 3600000

static carafe_rc
pause_long_then_short(struct it_sink *s, carafe_consumer *c, const carafe_message *m)
{
	(void)s;
	if (m->offset != 0)
		return CARAFE_OK;
	assert_int_equal(carafe_pause(c, carafe_next(), HOUR), CARAFE_OK);
	return carafe_pause(c, carafe_next(), 20);
}

static void
the_last_pause_counts_be_it_the_shorter(void **unused)
{
	const char *topic = it_topic("shorter", 1, NULL), *group = it_name("group");
	struct it_sink *s = it_sink_new();
	struct it_events *e = it_events_new();

	(void)unused;
	it_produce_many(topic, 0, 0, 3);
	s->on_message = pause_long_then_short;
	begin(IT_COOPERATIVE, topic, group, s, e);
	it_until(it_handled(s) == 3);
	assert_int_equal(carafe_pause_partition(s->arg, group, topic, 0, HOUR), 1);
	it_until(it_event_count(e, CARAFE_EV_CONSUMER_PAUSED) == 2);
	it_produce(topic, 0, "value");
	assert_int_equal(carafe_pause_partition(s->arg, group, topic, 0, 20), 1);
	it_until(it_handled(s) == 4);
	it_stop(s->arg);
}

static carafe_rc
pause_and_pause_again(struct it_sink *s, carafe_consumer *c, const carafe_message *m)
{
	if (m->offset != 0)
		return CARAFE_OK;
	assert_int_equal(carafe_pause(c, carafe_next(), 300), CARAFE_OK);
	it_nap(200);
	atomic_store(&s->number, (int64_t)it_now());
	return carafe_pause(c, carafe_next(), 300);
}

static void
a_pause_that_is_asked_for_again_lasts_from_then_on(void **unused)
{
	const char *topic = it_topic("again", 1, NULL), *group = it_name("group");
	struct it_sink *s = it_sink_new();

	(void)unused;
	it_produce_many(topic, 0, 0, 2);
	s->on_message = pause_and_pause_again;
	begin(IT_COOPERATIVE, topic, group, s, NULL);
	it_until(it_handled(s) == 2);
	assert_true(it_at(s, CARAFE_HOOK_CONSUME, 1).at >= (double)atomic_load(&s->number) + 300);
	it_stop(s->arg);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IT_PROTOCOLS(who_comes_next_goes_on_where_the_pause_was),
		IT(what_is_paused_holds_up_nothing_else_and_is_resumed),
		IT(a_pause_after_each_message_loses_none_and_fetches_none_again),
		IT_PROTOCOLS(a_pause_ends_with_the_assignment),
		IT(the_last_pause_counts_be_it_the_shorter),
		IT(a_pause_that_is_asked_for_again_lasts_from_then_on),
	};

	return it_run(tests);
}
