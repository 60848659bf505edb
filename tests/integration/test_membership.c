/* Being a member among others: identities, strategies and protocols that do not agree, members that hang. */
#include <stdio.h>
#include <string.h>

#include "support/taking.h"
#include "support/test.h"

#define PARTITIONS 4
#define SOON_AGAIN CARAFE_KV({ "reset_backoff", "200" })

static carafe *
member(enum it_protocol protocol, const char *group, const char *topic, struct it_sink *s, struct it_events *events,
    const carafe_kv *kafka)
{
	carafe *app = it_app(.protocol = protocol, .events = events, .kafka = kafka, .settings = SOON_AGAIN);

	it_route(app, group, topic, it_message_handler, s);
	it_start(app);
	return app;
}

/* ------------------------------------------------------------------------------------------------ strategies */

static void
a_strategy_that_the_group_does_not_know_is_explained_and_tried_until_it_does(void **state)
{
	const char *topic = it_topic("strategy", 1, NULL), *group = it_name("group");
	struct it_events *events = it_events_new();
	struct it_sink *s = it_sink_new();
	struct it_event refused;
	struct it_peer *peer;
	bool range = it_protocol(state) == IT_RANGE; /* of the app; the group has the other one */
	int rebalances;
	carafe *app;

	it_produce(topic, 0, "one");
	peer = it_peer(.group = group, .topic = topic, .protocol = range ? IT_COOPERATIVE : IT_RANGE);
	it_until(it_peer_assigned(peer) == 1 && it_committed(group, topic, 0) == 1);
	rebalances = it_peer_rebalances(peer);
	app = member(it_protocol(state), group, topic, s, events, NULL);
	it_until(it_event_count(events, CARAFE_EV_CONNECTION_ERROR) > 0);
	refused = it_event_at(events, CARAFE_EV_CONNECTION_ERROR, 0);
	assert_string_equal(refused.kafka, "INCONSISTENT_GROUP_PROTOCOL");
	assert_non_null(strstr(refused.text, range ? "the group has cooperative-sticky, this member offers range" :
						     "the group has range, this member offers cooperative-sticky"));
	assert_non_null(strstr(refused.hint, "partition.assignment.strategy"));
	it_produce(topic, 0, "two");
	it_until(it_peer_times(peer, 0, 1) == 1);
	assert_int_equal(it_peer_assigned(peer), 1); /* it does not even notice */
	assert_int_equal(it_peer_rebalances(peer), rebalances);
	it_peer_leave(peer);
	it_produce(topic, 0, "three");
	it_until(it_committed(group, topic, 0) == 3);
	it_stop(app);
	it_expect_each_once(s, topic, 0, 2, 1);
}

/* ------------------------------------------------------------------------------------------------ identities */

/* What carafe makes of the prefix "me". */
static const char *
identity(const char *group, char *id, size_t len)
{
	snprintf(id, len, "me_%s", group);
	return id;
}

static void
with_the_new_protocol_an_identity_that_is_taken_refuses_the_newcomer_until_it_is_free(void **state)
{
	const char *topic = it_topic("taken", 1, NULL), *group = it_name("group");
	struct it_events *events = it_events_new();
	struct it_sink *s = it_sink_new();
	struct it_event refused;
	struct it_peer *peer;
	carafe *app;
	char id[200];

	(void)state;
	peer = it_peer(.group = group, .topic = topic, .protocol = IT_KIP848, .instance = identity(group, id, sizeof(id)));
	it_until(it_peer_assigned(peer) == 1);
	app = member(IT_KIP848, group, topic, s, events, CARAFE_KV({ "group.instance.id", "me" }));
	it_until(it_event_count(events, CARAFE_EV_CONNECTION_FATAL) >= 2); /* told, and tried again */
	refused = it_event_at(events, CARAFE_EV_CONNECTION_FATAL, 0);
	assert_string_equal(refused.kafka, "UNRELEASED_INSTANCE_ID");
	assert_non_null(strstr(refused.hint, "group.instance.id"));
	assert_int_equal(it_peer_assigned(peer), 1); /* it does not even notice */
	it_peer_leave(peer);
	it_produce(topic, 0, "one");
	it_until(it_committed(group, topic, 0) == 1);
	it_stop(app);
	assert_int_equal(it_handled(s), 1);
}

static void
a_client_that_fails_again_and_again_leaves_nothing_behind_and_disturbs_no_other(void **state)
{
	const char *topic = it_topic("fails", 1, NULL), *group = it_name("group"), *other = it_name("other");
	struct it_events *events = it_events_new();
	struct it_sink *s = it_sink_new();
	carafe *app = it_app(.protocol = IT_KIP848, .events = events, .kafka = CARAFE_KV({ "group.instance.id", "me" }),
	    .settings = CARAFE_KV({ "reset_backoff", "100" }));
	struct it_peer *peer;
	int files, threads;
	char id[200];

	(void)state;
	peer = it_peer(.group = group, .topic = topic, .protocol = IT_KIP848, .instance = identity(group, id, sizeof(id)));
	it_until(it_peer_assigned(peer) == 1);
	it_route(app, group, topic, it_message_handler, it_sink_new());
	it_route(app, other, topic, it_message_handler, s);
	it_start(app);
	it_produce(topic, 0, "one");
	it_until(it_event_count(events, CARAFE_EV_CONNECTION_FATAL) >= 3 && it_handled(s) == 1);
	files = it_descriptors();
	threads = it_threads("");
	it_until(it_event_count(events, CARAFE_EV_CONNECTION_FATAL) >= 13);
	assert_true(it_descriptors() < files + 20); /* a client has several of each */
	assert_true(it_threads("") < threads + 10);
	it_produce(topic, 0, "two");
	it_until(it_committed(other, topic, 0) == 2);
	for (size_t i = 0; i < it_event_count(events, CARAFE_EV_CONNECTION_FATAL); i++)
		assert_string_equal(it_event_at(events, CARAFE_EV_CONNECTION_FATAL, i).group, group);
	assert_int_equal(it_event_count(events, CARAFE_EV_REBALANCE_ASSIGNED), 1);
	assert_int_equal(it_event_count(events, CARAFE_EV_REBALANCE_REVOKED), 0);
	it_stop(app);
	it_expect_each_once(s, topic, 0, 0, 2);
}

static void
with_the_classic_protocol_an_identity_that_is_taken_over_is_explained(void **state)
{
	const char *topic = it_topic("fenced", 1, NULL), *group = it_name("group");
	struct it_events *events = it_events_new();
	struct it_sink *s = it_sink_new();
	struct it_event fenced;
	struct it_peer *peer;
	carafe *app;
	char id[200];

	it_produce(topic, 0, "one");
	app = member(it_protocol(state), group, topic, s, events, CARAFE_KV({ "group.instance.id", "me" }));
	it_until(it_committed(group, topic, 0) == 1);
	peer = it_peer(.group = group, .topic = topic, .protocol = it_protocol(state), .instance = identity(group, id, sizeof(id)));
	it_until(it_event_count(events, CARAFE_EV_CONNECTION_FATAL) >= 1);
	fenced = it_event_at(events, CARAFE_EV_CONNECTION_FATAL, 0);
	assert_string_equal(fenced.kafka, "FENCED_INSTANCE_ID");
	assert_non_null(strstr(fenced.hint, "group.instance.id"));
	it_until(strcmp(it_peer_error(peer), "FENCED_INSTANCE_ID") == 0); /* made anew, carafe takes it back */
	it_peer_leave(peer);
	it_produce(topic, 0, "two");
	it_until(it_committed(group, topic, 0) == 2);
	it_stop(app);
}

static void
a_static_member_that_restarts_gets_what_it_had_and_others_notice_nothing(void **state)
{
	const char *topic = it_topic("static", PARTITIONS, NULL), *group = it_name("group");
	struct it_sink *before = it_sink_new(), *after = it_sink_new();
	enum it_protocol protocol = it_protocol(state);
	struct it_peer *peer;
	int rebalances;
	carafe *app;

	app = member(protocol, group, topic, before, NULL, CARAFE_KV({ "group.instance.id", "me" }));
	it_until(it_members(group) == 1);
	peer = it_peer(.group = group, .topic = topic, .protocol = protocol);
	it_until(it_peer_assigned(peer) == PARTITIONS / 2);
	for (int p = 0; p < PARTITIONS; p++)
		it_produce(topic, p, "before");
	it_until(it_handled(before) == PARTITIONS / 2 && it_peer_got(peer) == PARTITIONS / 2);
	rebalances = it_peer_rebalances(peer);
	it_stop(app);
	assert_int_equal(it_members(group), 2); /* nobody left */
	for (int p = 0; p < PARTITIONS; p++)
		it_produce(topic, p, "after");
	app = member(protocol, group, topic, after, NULL, CARAFE_KV({ "group.instance.id", "me" }));
	it_until(it_handled(after) >= PARTITIONS / 2 && it_peer_got(peer) >= PARTITIONS);
	for (int p = 0; p < PARTITIONS; p++) {
		assert_int_equal(it_handled_in(after, topic, p), it_handled_in(before, topic, p));
		assert_int_equal(it_peer_has(peer, p), it_handled_in(before, topic, p) == 0);
	}
	assert_int_equal(it_peer_rebalances(peer), rebalances);
	it_stop(app);
}

/* ------------------------------------------------------------------------------------------------ protocols */

static size_t
handled_by(struct it_sink *const *sinks)
{
	size_t n = 0;

	for (; *sinks != NULL; sinks++)
		n += it_handled(*sinks);
	return n;
}

static void
produce_more(const char *topic, int *produced)
{
	for (int p = 0; p < PARTITIONS; p++)
		it_produce_many(topic, p, *produced, 10);
	*produced += 10;
}

/* One after the other leaves and comes back with the new protocol. With range both kinds are in the group meanwhile; members
 * with cooperative-sticky that have rejoined once cannot be taken over by brokers (Kafka 4.3), which refuse the new ones until
 * the last of the old has gone. */
static void
a_group_moves_to_the_new_protocol_member_by_member(void **state)
{
	const char *topic = it_topic("migrate", PARTITIONS, NULL), *group = it_name("group");
	struct it_sink *sinks[] = { it_sink_new(), it_sink_new(), it_sink_new(), it_sink_new(), NULL };
	carafe *old[2], *new[2];
	int produced = 0;

	for (int i = 0; i < 2; i++)
		old[i] = member(it_protocol(state), group, topic, sinks[i], NULL, NULL);
	it_until(it_members(group) == 2);
	produce_more(topic, &produced);
	it_until(handled_by(sinks) == (size_t)produced * PARTITIONS);
	for (int i = 0; i < 2; i++) {
		it_stop(old[i]);
		new[i] = member(IT_KIP848, group, topic, sinks[2 + i], NULL, NULL);
		it_until(it_members(group) == 2 || (i == 0 && it_protocol(state) == IT_COOPERATIVE));
		produce_more(topic, &produced);
		it_until(handled_by(sinks) >= (size_t)produced * PARTITIONS);
	}
	for (int i = 0; i < 2; i++)
		it_stop(new[i]);
	for (int p = 0; p < PARTITIONS; p++) {
		it_expect_each_once_among(sinks, topic, p, 0, (size_t)produced);
		assert_int_equal(it_committed(group, topic, p), produced);
	}
}

/* ------------------------------------------------------------------------------------------------ subscribing */

static atomic_int made, gone; /* clients */

/* Broken from the start: librdkafka refuses every subscription then. */
void
it_made(rd_kafka_t *rk)
{
	atomic_fetch_add(&made, 1);
	rd_kafka_test_fatal_error(rk, RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID, "the test wants it");
}

void
it_gone(rd_kafka_t *rk)
{
	(void)rk;
	atomic_fetch_add(&gone, 1);
}

static void
a_client_that_cannot_subscribe_ends_the_app_and_is_no_more(void **state)
{
	const char *topic = it_topic("subscribe", 1, NULL), *group = it_name("group");
	carafe *app = member(IT_KIP848, group, topic, it_sink_new(), NULL, CARAFE_KV({ "plugin.library.paths", it_plugin() }));
	carafe_error err = { 0 };

	(void)state;
	assert_int_equal(carafe_wait(app, IT_PATIENCE_MS, &err), CARAFE_FATAL);
	assert_non_null(strstr(err.text, "cannot subscribe"));
	it_app_forget(app);
	carafe_free(app);
	assert_int_equal(atomic_load(&made), 1);
	assert_int_equal(atomic_load(&gone), 1);
}

/* ------------------------------------------------------------------------------------------------ stopping */

static void
a_stop_in_the_middle_of_joining_is_clean(void **state)
{
	const char *topic = it_topic("joining", 1, NULL), *group = it_name("group");
	struct it_sink *s = it_sink_new();

	for (int i = 0; i < 6; i++) {
		carafe *app = member(it_protocol(state), group, topic, s, NULL, NULL);

		it_nap(i * 10);
		it_stop(app);
	}
}

static int
committed_in(const char *group, const char *topic)
{
	int n = 0;

	for (int p = 0; p < PARTITIONS; p++)
		n += it_committed(group, topic, p) == 1;
	return n;
}

/* Others join until a round waits for the one that hangs, and this app is in it. With range whoever joins begins a round that all
 * have to answer; a cooperative member is only asked when something moves, and then missed in the next one. */
static void
hold_up_a_round(const char *group, const char *topic, enum it_protocol protocol, struct it_events *events)
{
	size_t revoked = it_event_count(events, CARAFE_EV_REBALANCE_REVOKED);

	it_peer(.group = group, .topic = topic, .protocol = protocol);
	it_until(it_members(group) == 3);
	if (protocol == IT_KIP848) /* has no rounds */
		return;
	if (protocol == IT_COOPERATIVE)
		it_peer(.group = group, .topic = topic, .protocol = protocol);
	it_until(!it_stable(group));
	if (protocol == IT_RANGE)
		it_until(it_event_count(events, CARAFE_EV_REBALANCE_REVOKED) > revoked);
	else
		it_nap(1500); /* by now it has most likely joined */
	assert_false(it_stable(group));
}

static void
a_stop_does_not_wait_for_a_member_that_hangs(void **state)
{
	const char *topic = it_topic("stuck", PARTITIONS, NULL), *group = it_name("group");
	enum it_protocol protocol = it_protocol(state);
	struct it_events *events = it_events_new();
	struct it_sink *s = it_sink_new();
	carafe *app = it_app(.protocol = protocol, .events = events, .kafka = CARAFE_KV({"group.instance.id", "me"}),
	    .settings = CARAFE_KV({ "drain_timeout", "14000" }, { "shutdown_timeout", "14000" }));
	struct it_peer *peer;

	it_route(app, group, topic, it_message_handler, s);
	it_start(app);
	it_until(it_members(group) == 1);
	peer = it_peer(.group = group, .topic = topic, .protocol = protocol);
	it_until(it_peer_assigned(peer) == PARTITIONS / 2);
	for (int p = 0; p < PARTITIONS; p++)
		it_produce(topic, p, "one");
	it_until(it_handled(s) == PARTITIONS / 2 && committed_in(group, topic) == PARTITIONS);
	it_peer_hang(peer, true);
	hold_up_a_round(group, topic, protocol, events);
	it_stop(app); /* must work, within shutdown_timeout */
	it_peer_hang(peer, false);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IT_CLASSIC_ONES(a_strategy_that_the_group_does_not_know_is_explained_and_tried_until_it_does),
		IT(with_the_new_protocol_an_identity_that_is_taken_refuses_the_newcomer_until_it_is_free),
		IT(a_client_that_fails_again_and_again_leaves_nothing_behind_and_disturbs_no_other),
		IT_CLASSIC_ONES(with_the_classic_protocol_an_identity_that_is_taken_over_is_explained),
		IT_PROTOCOLS(a_static_member_that_restarts_gets_what_it_had_and_others_notice_nothing),
		IT_CLASSIC_ONES(a_group_moves_to_the_new_protocol_member_by_member),
		IT(a_client_that_cannot_subscribe_ends_the_app_and_is_no_more),
		IT_PROTOCOLS(a_stop_in_the_middle_of_joining_is_clean),
		IT_PROTOCOLS(a_stop_does_not_wait_for_a_member_that_hangs),
	};

	return it_run(tests);
}
