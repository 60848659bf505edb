/* What health checks are told, and what they are not: every alarm in time, none that is false. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <carafe/feature/deferral.h>

#include "support/health.h"
#include "support/test.h"

/* ------------------------------------------------------------------------------------------------ consuming */

static void
a_handler_that_hangs_makes_the_endpoint_say_so_until_it_returns(void **state)
{
	const char *topic = it_topic("hung", 1, NULL), *port = it_free_port();
	struct it_sink *s = it_sink_new();
	carafe *app = it_app(.settings = CARAFE_KV({ "liveness.port", port }, { "liveness.host", "127.0.0.1" },
	    { "liveness.consuming_ttl", "1000" }));
	char text[2048], pid[64];

	(void)state;
	s->on_message = it_wait_at_gate;
	s->gate = it_gate_new();
	it_route(app, it_name("group"), topic, it_message_handler, s);
	it_start(app);
	assert_int_equal(it_health(port, text, sizeof(text)), 200);
	snprintf(pid, sizeof(pid), "\"process_id\":%ld", (long)getpid());
	assert_non_null(strstr(text, "\"status\":\"healthy\""));
	assert_non_null(strstr(text, pid));
	it_produce(topic, 0, "hang");
	it_until(it_gate_waiting(s->gate) == 1);
	it_await_red(port, it_now(), 1000, "consumption_ttl_exceeded");
	it_gate_open(s->gate);
	it_until(it_health_code(port) == 200);
	it_stop(app);
}

static carafe_rc
defer_and_forget(struct it_sink *s, carafe_consumer *c, const carafe_message *m)
{
	(void)m;
	s->arg = carafe_defer(c);
	atomic_store(&s->flag, 1);
	return CARAFE_PENDING;
}

static void
work_that_is_deferred_and_never_completed_is_told(void **state)
{
	const char *topic = it_topic("forgotten", 1, NULL), *port = it_free_port();
	struct it_sink *s = it_sink_new();
	carafe *app = it_app(.settings = CARAFE_KV({ "liveness.port", port }, { "liveness.consuming_ttl", "1000" }));

	(void)state;
	s->on_message = defer_and_forget;
	it_route(app, it_name("group"), topic, it_message_handler, s);
	it_start(app);
	it_produce(topic, 0, "forgotten");
	it_until(atomic_load(&s->flag) == 1);
	it_await_red(port, it_now(), 1000, "consumption_ttl_exceeded");
	assert_int_equal(carafe_complete(s->arg, CARAFE_OK, NULL), CARAFE_OK);
	it_until(it_health_code(port) == 200);
	it_stop(app);
}

static void
a_long_running_handler_is_healthy_and_silent_clients_keep_nobody_waiting(void **state)
{
	const char *topic = it_topic("long", 1, NULL), *port = it_free_port();
	struct it_sink *s = it_sink_new();
	carafe *app = it_app(.settings = CARAFE_KV({ "liveness.port", port }, { "liveness.consuming_ttl", "1000" }));
	int silent;

	(void)state;
	s->on_message = it_wait_at_gate;
	s->gate = it_gate_new();
	it_route(app, it_name("group"), topic, it_message_handler, s, .long_running = 1);
	it_start(app);
	silent = it_health_connect(port);
	it_produce(topic, 0, "take your time");
	it_until(it_gate_waiting(s->gate) == 1);
	it_nap(1500); /* longer than consuming_ttl */
	assert_int_equal(it_health_code(port), 200);
	it_gate_open(s->gate);
	it_stop(app);
	close(silent);
}

static carafe_rc
take_some_time(struct it_sink *s, carafe_consumer *c, const carafe_message *m)
{
	(void)s, (void)c;
	it_nap(m->offset % 50 == 49 ? 1000 : 20);
	return CARAFE_OK;
}

static carafe *
busy_app(const char *port, const char *group, const char *topic, struct it_sink *s)
{
	carafe *app = it_app(.concurrency = 2, .settings = CARAFE_KV({ "liveness.port", port }, { "liveness.consuming_ttl", "2000" },
	    { "liveness.polling_ttl", "5000" }));

	s->on_message = take_some_time;
	it_route(app, group, topic, it_message_handler, s);
	it_start(app);
	return app;
}

/* Every worker is busy all the time, with turns that take longer than consuming_ttl, while members come and go. */
static void
an_app_with_more_to_do_than_it_can_is_never_called_ill(void **state)
{
	const char *topic = it_topic("busy", 6, NULL), *group = it_name("group"), *port = it_free_port();
	struct it_sink *s = it_sink_new(), *others = it_sink_new();
	carafe *app, *other;

	(void)state;
	for (int p = 0; p < 6; p++)
		it_produce_many(topic, p, 0, 200);
	app = busy_app(port, group, topic, s);
	it_until(it_stays_healthy(port) && it_handled(s) > 0);
	for (size_t i = 0; i < 3; i++) {
		other = busy_app("0", group, topic, others);
		it_until(it_stays_healthy(port) && it_handled(others) > i * 10);
		carafe_stop(other);
		it_until(it_stays_healthy(port) && carafe_status_of(other) == CARAFE_TERMINATED);
		it_await_end(other);
	}
	it_until(it_stays_healthy(port) && it_handled(s) + it_handled(others) >= 1200);
	it_stop(app);
}

/* Time in which nothing of it runs is none that anything takes. */
static void
a_process_that_was_stopped_wakes_up_healthy(void **state)
{
	const char *topic = it_topic("stopped", 1, NULL), *port = it_free_port();
	struct it_child *c = it_spawn("member",
	    CARAFE_KV({ "APP_TOPICS", topic }, { "APP_GROUP", it_name("group") }, { "CARAFE_LIVENESS_PORT", port },
		{ "CARAFE_LIVENESS_CONSUMING_TTL", "5000" }, { "CARAFE_LIVENESS_POLLING_TTL", "5000" }),
	    IT_ARGS("server"));

	(void)state;
	it_produce(topic, 0, "hang");
	it_until(it_child_said(c, "begin") == 1);
	assert_int_equal(it_health_code(port), 200);
	it_child_signal(c, SIGSTOP);
	it_nap(6000); /* longer than either */
	it_child_signal(c, SIGCONT);
	assert_int_equal(it_health_code(port), 200);
	it_await_red(port, it_now(), 5000, "consumption_ttl_exceeded"); /* it hangs all the same */
}

/* ------------------------------------------------------------------------------------------------ stability */

#define STABILITY_MS 1000

static carafe *
app_of(enum it_protocol protocol, const char *port, const char *group, const char *topic, struct it_sink *s)
{
	carafe *app = it_app(.protocol = protocol, .settings = CARAFE_KV({ "liveness.port", port }, { "liveness.stability_ttl", "1000" }));

	it_route(app, group, topic, it_message_handler, s);
	it_start(app);
	return app;
}

static void
partitions_that_cannot_be_given_up_are_told(void **state)
{
	const char *topic = it_topic("kept", 2, NULL), *group = it_name("group"), *port = it_free_port();
	struct it_sink *s = it_sink_new();
	struct it_peer *peer;
	carafe *app;

	s->on_message = it_wait_at_gate;
	s->gate = it_gate_new();
	app = app_of(it_protocol(state), port, group, topic, s);
	for (int p = 0; p < 2; p++)
		it_produce(topic, p, "takes long");
	it_until(it_stays_healthy(port) && it_gate_waiting(s->gate) == 2);
	peer = it_peer(.group = group, .topic = topic, .protocol = it_protocol(state));
	it_until(it_members(group) == 2);
	it_await_red(port, it_now(), STABILITY_MS, "stability_ttl_exceeded");
	it_gate_open(s->gate);
	it_until(it_health_code(port) == 200 && it_peer_assigned(peer) == 1);
	it_stop(app);
}

/* A member that answers no rebalance keeps the others waiting until its group gives it up. */
static void
a_join_that_does_not_end_is_told(void **state)
{
	const char *topic = it_topic("join", 2, NULL), *group = it_name("group"), *port = it_free_port();
	struct it_peer *peer = it_peer(.group = group, .topic = topic, .protocol = IT_RANGE);
	struct it_sink *s = it_sink_new();
	carafe *app;

	(void)state;
	it_until(it_peer_assigned(peer) == 2);
	it_peer_hang(peer, true);
	app = app_of(IT_RANGE, port, group, topic, s);
	it_until(it_stays_healthy(port) && it_members(group) == 2);
	it_await_red(port, it_now(), STABILITY_MS, "stability_ttl_exceeded");
	it_peer_hang(peer, false);
	it_until(it_health_code(port) == 200 && it_peer_assigned(peer) == 1);
	it_produce_many(topic, 0, 0, 1);
	it_produce_many(topic, 1, 0, 1);
	it_until(it_handled(s) + it_peer_got(peer) == 2);
	it_stop(app);
}

/* Where starting anew would not help, or nothing is wrong. */
static void
who_waits_for_others_is_healthy(void **state)
{
	const char *topic = it_topic("one", 1, NULL), *group = it_name("group");
	const char *missing = it_free_port(), *spare = it_free_port(), *away = it_free_port();
	carafe *apps[] = {
		app_of(IT_RANGE, missing, it_name("group"), it_name("missing"), it_sink_new()),
		app_of(IT_KIP848, "0", group, topic, it_sink_new()),
		app_of(IT_KIP848, spare, group, topic, it_sink_new()),
		it_app(.kafka = CARAFE_KV({ "bootstrap.servers", "127.0.0.1:1" }),
		    .settings = CARAFE_KV({ "liveness.port", away }, { "liveness.stability_ttl", "1000" }, { "boot_timeout", "0" })),
	};
	double since = it_now();

	(void)state;
	it_route(apps[3], it_name("group"), topic, it_message_handler, it_sink_new());
	it_start(apps[3]);
	it_until(it_now() - since > 8 * STABILITY_MS && it_stays_healthy(missing) && it_stays_healthy(spare) && it_stays_healthy(away));
	for (int i = 0; i < 4; i++)
		it_stop(apps[i]);
}

static void
clients_that_fail_one_after_another_are_told(void **state)
{
	const char *topic = it_topic("fails", 1, NULL), *group = it_name("group"), *port = it_free_port();
	struct it_events *events = it_events_new();
	carafe *app = it_app(.protocol = IT_KIP848, .events = events, .kafka = CARAFE_KV({ "group.instance.id", "me" }),
	    .settings = CARAFE_KV({ "reset_backoff", "100" }, { "liveness.port", port }, { "liveness.stability_ttl", "1000" }));
	struct it_peer *peer;
	char id[200];

	(void)state;
	snprintf(id, sizeof(id), "me_%s", group);
	peer = it_peer(.group = group, .topic = topic, .protocol = IT_KIP848, .instance = id);
	it_until(it_peer_assigned(peer) == 1);
	it_route(app, group, topic, it_message_handler, it_sink_new());
	it_start(app);
	it_until(it_event_count(events, CARAFE_EV_CONNECTION_FATAL) == 1);
	it_await_red(port, it_now(), STABILITY_MS, "stability_ttl_exceeded");
	it_peer_leave(peer);
	it_until(it_health_code(port) == 200);
	it_stop(app);
}

/* ------------------------------------------------------------------------------------------------ for good */

static carafe_rc
give_up_in_partition_1(struct it_sink *s, carafe_consumer *c, const carafe_message *m)
{
	(void)c;
	if (m->partition == 1)
		return CARAFE_CRITICAL;
	it_gate_wait(s->gate);
	return CARAFE_OK;
}

static void
an_app_that_has_failed_says_so_until_it_ends(void **state)
{
	const char *topic = it_topic("failed", 2, NULL), *port = it_free_port();
	carafe *app = it_app(.settings = CARAFE_KV({ "liveness.port", port }));
	struct it_sink *s = it_sink_new();
	carafe_error err = { 0 };

	(void)state;
	s->on_message = give_up_in_partition_1;
	s->gate = it_gate_new();
	it_route(app, it_name("group"), topic, it_message_handler, s);
	it_start(app);
	it_produce(topic, 0, "keeps it from ending");
	it_until(it_gate_waiting(s->gate) == 1);
	assert_int_equal(it_health_code(port), 200);
	it_produce(topic, 1, "nothing can go on");
	it_await_red(port, it_now(), 0, "unrecoverable");
	it_gate_open(s->gate);
	assert_int_equal(carafe_wait(app, IT_PATIENCE_MS, &err), CARAFE_CRITICAL);
	it_app_forget(app);
	carafe_free(app);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IT(a_handler_that_hangs_makes_the_endpoint_say_so_until_it_returns),
		IT(work_that_is_deferred_and_never_completed_is_told),
		IT(a_long_running_handler_is_healthy_and_silent_clients_keep_nobody_waiting),
		IT(an_app_with_more_to_do_than_it_can_is_never_called_ill),
		IT(a_process_that_was_stopped_wakes_up_healthy),
		IT_PROTOCOLS(partitions_that_cannot_be_given_up_are_told),
		IT(a_join_that_does_not_end_is_told),
		IT(who_waits_for_others_is_healthy),
		IT(clients_that_fail_one_after_another_are_told),
		IT(an_app_that_has_failed_says_so_until_it_ends),
	};

	return it_run(tests);
}
