/* What becomes of consumption when nodes of Kafka are killed, stand still or are restarted. The nodes are this suite's
 * own: scripts/test starts them and says where scripts/kafka is. */
#include <stdio.h>
#include <stdlib.h>

#include <carafe/feature/keys.h>

#include "support/health.h"
#include "support/test.h"

#define NODES 3
#define PARTITIONS 3
#define EACH 400

static bool
kafka_does(const char *what, int node)
{
	char command[512];

	snprintf(command, sizeof(command), "%s %s %d --port %s >/dev/null 2>&1", getenv("KAFKA_SCRIPT"), what, node,
	    getenv("KAFKA3_PORT"));
	return system(command) == 0;
}

static void
kafka(const char *what, int node)
{
	if (!kafka_does(what, node))
		fail_msg("scripts/kafka cannot %s node %d", what, node);
}

/* Whatever the test before left: a node that runs takes no harm from being resumed, one that was killed cannot be. */
static int
mend(void **state)
{
	it_begin(state);
	for (int node = 1; node <= NODES; node++)
		if (!kafka_does("resume", node))
			kafka("restart", node);
	it_until(it_whole(NODES));
	return 0;
}

/* A consumer in the middle of its work: slow enough that what is done to the nodes happens before it is through. */
struct work {
	const char *topic, *group;
	struct it_sink *sink;
	struct it_events *events;
	carafe *app;
};

static struct work
begin(void **state, const char *what)
{
	struct work w = { it_topic(what, PARTITIONS, NULL), it_name("group"), it_sink_new(), it_events_new(), NULL };

	for (int p = 0; p < PARTITIONS; p++)
		it_produce_many(w.topic, p, 0, EACH);
	w.sink->sleep_ms = 5;
	w.app = it_app(.protocol = it_protocol(state), .events = w.events);
	it_route(w.app, w.group, w.topic, it_message_handler, w.sink);
	it_start(w.app);
	it_until(it_handled(w.sink) > EACH / 4);
	return w;
}

/* Each message was handled, and the group knows it. What was handled and not yet committed when a broker took the
 * membership away may have been handled again. */
static void
expect_everything(struct work *w)
{
	for (int p = 0; p < PARTITIONS; p++) {
		size_t count = it_handled_in(w->sink, w->topic, p);
		bool seen[EACH] = { false };

		for (size_t i = 0; i < count; i++)
			seen[it_at_in(w->sink, CARAFE_HOOK_CONSUME, w->topic, p, i).offset] = true;
		for (int i = 0; i < EACH; i++)
			if (!seen[i])
				fail_msg("%s[%d]: offset %d was lost", w->topic, p, i);
		assert_int_equal(it_committed(w->group, w->topic, p), EACH);
	}
}

static bool
all_seen(struct work *w)
{
	for (int p = 0; p < PARTITIONS; p++) {
		size_t count = it_handled_in(w->sink, w->topic, p);

		if (count < EACH || it_at_in(w->sink, CARAFE_HOOK_CONSUME, w->topic, p, count - 1).offset != EACH - 1)
			return false;
	}
	return true;
}

static void
end(struct work *w)
{
	it_until(all_seen(w));
	it_until(it_whole(NODES));
	it_until(it_committed(w->group, w->topic, 0) == EACH && it_committed(w->group, w->topic, 1) == EACH &&
		 it_committed(w->group, w->topic, 2) == EACH);
	it_stop(w->app);
	expect_everything(w);
}

static size_t
commits(const struct work *w)
{
	return it_event_count(w->events, CARAFE_EV_OFFSETS_COMMITTED);
}

static void
a_leader_that_is_killed_loses_nothing(void **state)
{
	struct work w = begin(state, "leader");
	int leader = it_leader(w.topic, 0);

	kafka("kill", leader);
	it_until(it_leader(w.topic, 0) != leader);
	kafka("restart", leader);
	end(&w);
}

static void
a_coordinator_that_is_killed_loses_nothing(void **state)
{
	struct work w = begin(state, "coordinator");
	int coordinator = it_coordinator(w.group);
	size_t before;

	kafka("kill", coordinator);
	before = commits(&w);
	it_until(commits(&w) > before); /* another one took over */
	kafka("restart", coordinator);
	end(&w);
}

static void
a_coordinator_that_stands_still_for_a_while_loses_nothing(void **state)
{
	struct work w = begin(state, "still");
	int coordinator = it_coordinator(w.group);
	size_t handled;

	kafka("pause", coordinator);
	handled = it_handled(w.sink);
	it_until(it_handled(w.sink) > handled || all_seen(&w)); /* what it does not lead, or has been fetched, goes on */
	kafka("resume", coordinator);
	end(&w);
}

/* Partition 0 fails again and again until `flag` is set. `number`: how often it had when another began. */
static carafe_rc
fail_at_the_gate_first(struct it_sink *s, carafe_consumer *c, const carafe_message *m)
{
	if (m->partition > 0)
		atomic_store(&s->number, atomic_load(&s->other));
	if (m->partition > 0 || atomic_load(&s->flag))
		return CARAFE_OK;
	it_gate_wait(s->gate);
	atomic_fetch_add(&s->other, 1);
	return carafe_fail(c, "not yet");
}

static int
partition_led_by_another(const char *topic, int partitions, int node)
{
	for (int p = 1; p < partitions; p++)
		if (it_leader(topic, p) != node)
			return p;
	fail_msg("node %d leads all partitions of %s", node, topic);
	return -1;
}

/* With keys it is asked for what was done before, here while the only worker is wanted elsewhere. */
static void
a_partition_that_waits_for_the_coordinator_holds_up_no_other(void **state)
{
	const char *topic = it_topic("ask", 6, NULL), *group = it_name("group");
	struct it_sink *s = it_sink_new();
	carafe *app = it_app(.protocol = it_protocol(state), .concurrency = 1,
	    .settings = CARAFE_KV({ "pause.timeout", "20" }, { "pause.max_timeout", "20" }));
	int coordinator, waiting;

	s->on_message = fail_at_the_gate_first;
	s->gate = it_gate_new();
	carafe_keys(it_route(app, group, topic, it_message_handler, s), .max = 2);
	it_start(app);
	it_produce(topic, 0, "fails");
	it_until(it_gate_waiting(s->gate) == 1);
	coordinator = it_coordinator(group);
	waiting = partition_led_by_another(topic, 6, coordinator);
	it_produce(topic, waiting, "waits");
	kafka("pause", coordinator);
	it_gate_open(s->gate);
	it_until(it_handled_in(s, topic, waiting) == 1); /* another node has become the coordinator */
	assert_true(atomic_load(&s->number) > 10);
	kafka("resume", coordinator);
	atomic_store(&s->flag, 1);
	it_until(it_whole(NODES));
	it_stop(app);
}

static void
a_rolling_restart_of_all_nodes_loses_nothing(void **state)
{
	struct work w = begin(state, "rolling");

	for (int node = 1; node <= NODES; node++) {
		kafka("kill", node);
		kafka("restart", node);
		it_until(it_whole(NODES));
	}
	end(&w);
}

/* Starting anew would not bring them back. */
static void
a_member_without_brokers_is_not_called_ill(void **state)
{
	const char *topic = it_topic("without", 1, NULL), *port = it_free_port();
	struct it_events *events = it_events_new();
	struct it_sink *s = it_sink_new();
	carafe *app = it_app(.protocol = it_protocol(state), .events = events,
	    .kafka = CARAFE_KV({ "session.timeout.ms", "6000" }, { "max.poll.interval.ms", "6000" }, { "statistics.interval.ms", "500" }),
	    .settings = CARAFE_KV({ "liveness.port", port }, { "liveness.polling_ttl", "5000" }, { "liveness.stability_ttl", "12000" }));
	double since;

	it_route(app, it_name("group"), topic, it_message_handler, s);
	it_start(app);
	it_until(it_event_count(events, CARAFE_EV_REBALANCE_ASSIGNED) == 1);
	for (int node = 1; node <= NODES; node++)
		kafka("pause", node);
	it_until(it_stays_healthy(port) && it_event_count(events, CARAFE_EV_REBALANCE_REVOKED) == 1); /* its session is over */
	since = it_now();
	it_until(it_stays_healthy(port) && it_now() - since > 16000); /* it joins a node that does not answer, for 9 s */
	for (int node = 1; node <= NODES; node++)
		kafka("resume", node);
	it_until(it_whole(NODES));
	it_produce(topic, 0, "there again");
	it_until(it_health_code(port) == 200 && it_handled(s) == 1);
	it_stop(app);
}

#define NODES_TEST(fn, protocol) { #fn ", " protocol, fn, mend, it_end_test, (void *)(protocol) }
#define IN_EACH_PROTOCOL(fn) NODES_TEST(fn, "range"), NODES_TEST(fn, "cooperative"), NODES_TEST(fn, "kip-848")

int
main(void)
{
	const struct CMUnitTest tests[] = {
		NODES_TEST(a_leader_that_is_killed_loses_nothing, "cooperative"),
		IN_EACH_PROTOCOL(a_coordinator_that_is_killed_loses_nothing),
		IN_EACH_PROTOCOL(a_coordinator_that_stands_still_for_a_while_loses_nothing),
		NODES_TEST(a_partition_that_waits_for_the_coordinator_holds_up_no_other, "cooperative"),
		NODES_TEST(a_member_without_brokers_is_not_called_ill, "range"),
		NODES_TEST(a_rolling_restart_of_all_nodes_loses_nothing, "cooperative"),
		NODES_TEST(a_rolling_restart_of_all_nodes_loses_nothing, "kip-848"),
	};

	it_skip_without("KAFKA3_PORT");
	return it_run(tests);
}
