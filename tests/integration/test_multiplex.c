/* Several connections for the same topics. */
#include <string.h>

#include "support/test.h"

#define PARTITIONS 4

static carafe *
multiplexed_app(enum it_protocol protocol, const char *group, const char *topic, struct it_sink *s, struct it_events *events)
{
	carafe *app = it_app(.protocol = protocol, .events = events);

	it_route(app, group, topic, it_message_handler, s);
	return app;
}

static void
produce_everywhere(const char *topic, int partitions, int from)
{
	for (int p = 0; p < partitions; p++)
		it_produce_many(topic, p, from, 5);
}

static bool
all_committed(const char *group, const char *topic, int partitions, int64_t offset)
{
	for (int p = 0; p < partitions; p++)
		if (it_committed(group, topic, p) != offset)
			return false;
	return true;
}

static void
a_fixed_number_of_copies_shares_the_partitions(void **state)
{
	const char *topic = it_topic("fixed", PARTITIONS, NULL), *group = it_name("group");
	struct it_events *events = it_events_new();
	struct it_sink *s = it_sink_new();
	carafe *app = multiplexed_app(it_protocol(state), group, topic, s, events);

	carafe_multiplex(carafe_group(app, group), .max = 2);
	it_start(app);
	it_until(it_members(group) == 2 && it_event_count(events, CARAFE_EV_CONNECTION_STARTED) == 2);
	produce_everywhere(topic, PARTITIONS, 0);
	it_until(all_committed(group, topic, PARTITIONS, 5));
	it_stop(app);
	it_until(it_members(group) == 0);
	assert_int_equal(it_event_count(events, CARAFE_EV_CONNECTION_SCALED), 0);
	assert_int_equal(it_event_count(events, CARAFE_EV_CONNECTION_STOPPED), 2);
}

/* For it_until: true, or the test fails. */
static bool
no_more_than_two(const char *group)
{
	assert_in_range(it_members(group), 0, 2);
	return true;
}

/* Copy 0 and copy 1 keep their partitions over a restart, which nobody could tell from one that stayed. What else is drawn then,
 * and in which order, is of no consequence. */
static void
copies_of_a_static_member_have_identities_of_their_own_that_stay(void **state)
{
	const char *topic = it_topic("static", PARTITIONS, NULL), *more = it_topic("more", 1, NULL);
	const char *group = it_name("group"), *other = it_name("other");
	struct it_sink *s = it_sink_new();
	carafe *app;

	(void)state;
	for (int64_t run = 1; run <= 2; run++) {
		struct it_events *events = it_events_new();

		app = it_app(.events = events, .kafka = CARAFE_KV({ "group.instance.id", "me" }));
		if (run == 2)
			it_route(app, other, more, it_message_handler, it_sink_new());
		it_route(app, group, topic, it_message_handler, s);
		carafe_multiplex(carafe_group(app, group), .max = 2);
		it_start(app);
		it_until(no_more_than_two(group) && it_event_find(events, CARAFE_EV_REBALANCE_ASSIGNED, topic, NULL) &&
			 it_members(group) == 2);
		produce_everywhere(topic, PARTITIONS, 0);
		it_until(all_committed(group, topic, PARTITIONS, 5 * run));
		it_stop(app);
		assert_int_equal(it_members(group), 2); /* they are expected back */
	}
}

static void
a_copy_is_added_while_one_has_more_than_one_partition(void **state)
{
	const char *topic = it_topic("grow", 2, NULL), *group = it_name("group");
	struct it_events *events = it_events_new();
	struct it_sink *s = it_sink_new();
	carafe *app = multiplexed_app(it_protocol(state), group, topic, s, events);

	carafe_multiplex(carafe_group(app, group), .max = 3, .min = 1, .boot = 1, .scale_delay = 1000);
	it_start(app);
	produce_everywhere(topic, 2, 0);
	it_until(all_committed(group, topic, 2, 5));
	it_until(it_members(group) == 2);
	produce_everywhere(topic, 2, 5);
	it_until(all_committed(group, topic, 2, 10));
	it_stop(app);
	assert_int_equal(it_event_at(events, CARAFE_EV_CONNECTION_SCALED, 0).from, 1);
	assert_int_equal(it_event_at(events, CARAFE_EV_CONNECTION_SCALED, 0).to, 2);
	it_expect_each_once(s, topic, 0, 0, 10);
	it_expect_each_once(s, topic, 1, 0, 10);
}

static void
a_copy_without_partitions_is_stopped_and_others_do_not_notice(void **state)
{
	const char *topic = it_topic("shrink", 2, NULL), *group = it_name("group");
	struct it_events *events = it_events_new();
	struct it_sink *s = it_sink_new();
	carafe *app = multiplexed_app(it_protocol(state), group, topic, s, events);

	carafe_multiplex(carafe_group(app, group), .max = 3, .min = 1, .boot = 3, .scale_delay = 1000);
	it_start(app);
	it_until(it_members(group) == 3);
	produce_everywhere(topic, 2, 0);
	it_until(it_event_count(events, CARAFE_EV_CONNECTION_SCALED) >= 1);
	it_until(it_members(group) == 2);
	produce_everywhere(topic, 2, 5);
	it_until(all_committed(group, topic, 2, 10));
	if (it_event_count(events, CARAFE_EV_CONNECTION_SCALED) == 1)
		assert_int_equal(it_count(s, CARAFE_HOOK_SHUTDOWN), 0); /* it had no work */
	it_stop(app);
	assert_int_equal(it_event_at(events, CARAFE_EV_CONNECTION_SCALED, 0).from, 3);
	assert_int_equal(it_event_at(events, CARAFE_EV_CONNECTION_SCALED, 0).to, 2);
	it_expect_each_once(s, topic, 0, 0, 10);
	it_expect_each_once(s, topic, 1, 0, 10);
}

/* The last that there was of this; 0: none. */
static double
last(struct it_events *events, carafe_event_id id)
{
	size_t count = it_event_count(events, id);

	return count > 0 ? it_event_at(events, id, count - 1).at : 0;
}

/* Something was scaled, and since then nothing, nor was there a rebalance, for so long. */
static bool
at_rest_for(struct it_events *events, double ms)
{
	double scaled = last(events, CARAFE_EV_CONNECTION_SCALED);

	return scaled > 0 && it_now() - scaled > ms && it_now() - last(events, CARAFE_EV_REBALANCE_ASSIGNED) > ms;
}

/* The others would change: one waits for its delay, one has as many copies as it may, one no more than it must. A copy whose first
 * partition is long in coming may be stopped and made again. */
static void
a_group_stays_as_it_is_in_balance_before_its_own_delay_and_at_its_bounds(void **state)
{
	const char *topic = it_topic("balance", 2, NULL), *wide = it_topic("wide", 4, NULL), *narrow = it_topic("narrow", 1, NULL);
	const char *group = it_name("group"), *slow = it_name("slow"), *most = it_name("most"), *least = it_name("least");
	struct it_events *events = it_events_new();
	struct it_sink *s = it_sink_new();
	carafe *app = multiplexed_app(IT_COOPERATIVE, group, topic, s, events);
	size_t count;

	(void)state;
	it_route(app, slow, topic, it_message_handler, s);
	it_route(app, most, wide, it_message_handler, s);
	it_route(app, least, narrow, it_message_handler, s);
	carafe_multiplex(carafe_group(app, group), .max = 3, .min = 1, .boot = 1, .scale_delay = 1000);
	carafe_multiplex(carafe_group(app, slow), .max = 3, .min = 1, .boot = 1, .scale_delay = 600000);
	carafe_multiplex(carafe_group(app, most), .max = 2, .min = 1, .boot = 2, .scale_delay = 1000);
	carafe_multiplex(carafe_group(app, least), .max = 3, .min = 2, .boot = 2, .scale_delay = 1000);
	it_start(app);
	it_until(at_rest_for(events, 3000)); /* time enough for another change */
	assert_int_equal(it_members(group), 2);
	assert_int_equal(it_members(slow), 1);
	assert_int_equal(it_members(most), 2);
	assert_int_equal(it_members(least), 2);
	count = it_event_count(events, CARAFE_EV_CONNECTION_SCALED);
	for (size_t i = 0; i < count; i++) {
		assert_string_not_equal(it_event_at(events, CARAFE_EV_CONNECTION_SCALED, i).group, slow);
		assert_string_not_equal(it_event_at(events, CARAFE_EV_CONNECTION_SCALED, i).group, least);
	}
	assert_int_equal(it_event_at(events, CARAFE_EV_CONNECTION_SCALED, count - 1).to, 2);
	it_stop(app);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IT_PROTOCOLS(a_fixed_number_of_copies_shares_the_partitions),
		IT(copies_of_a_static_member_have_identities_of_their_own_that_stay),
		IT_PROTOCOLS(a_copy_is_added_while_one_has_more_than_one_partition),
		IT_PROTOCOLS(a_copy_without_partitions_is_stopped_and_others_do_not_notice),
		IT(a_group_stays_as_it_is_in_balance_before_its_own_delay_and_at_its_bounds),
	};

	return it_run(tests);
}
