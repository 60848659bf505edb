/* An app's life inside a host program: started, quieted, scaled, stopped, and what becomes of mistakes. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/test.h"

/* ------------------------------------------------------------------------------------------------ from start to end */

static void
an_app_runs_in_the_background_from_start_to_stop(void **state)
{
	static const carafe_event_id order[] = { CARAFE_EV_APP_INITIALIZED, CARAFE_EV_APP_RUNNING, CARAFE_EV_APP_STOPPING,
		CARAFE_EV_APP_STOPPED, CARAFE_EV_APP_TERMINATED };
	const char *topic = it_topic("life", 1, NULL);
	struct it_events *events = it_events_new();
	struct it_sink *s = it_sink_new();
	carafe *app = it_app(.protocol = it_protocol(state), .events = events);
	carafe_error err = { 0 };

	it_route(app, it_name("group"), topic, it_message_handler, s);
	assert_int_equal(carafe_status_of(app), CARAFE_INITIALIZING);
	assert_int_equal(carafe_wait(app, 0, &err), CARAFE_STATE);
	it_start(app);
	assert_int_equal(carafe_status_of(app), CARAFE_RUNNING);
	assert_int_equal(carafe_wait(app, 10, &err), CARAFE_TIMEOUT);
	it_produce(topic, 0, "hello");
	it_until(it_handled(s) == 1);
	it_stop(app);
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(it_event_count(events, order[i]), 1);
		if (i > 0)
			assert_true(it_event_at(events, order[i], 0).at >= it_event_at(events, order[i - 1], 0).at);
	}
}

static carafe_rc
critical_at_first(struct it_sink *s, carafe_consumer *c, carafe_hook hook)
{
	(void)s, (void)c;
	return hook == CARAFE_HOOK_INITIALIZED ? CARAFE_CRITICAL : CARAFE_OK;
}

static void
nothing_is_handled_when_a_partition_cannot_begin(void **state)
{
	const char *topic = it_topic("first", 1, NULL), *group = it_name("group");
	struct it_sink *s = it_sink_new();
	carafe *app = it_app(.concurrency = 1);
	carafe_error err = { 0 };

	(void)state;
	it_produce_many(topic, 0, 0, 10);
	s->on_hook = critical_at_first;
	it_route(app, group, topic, it_message_handler, s);
	it_start(app);
	assert_int_equal(carafe_wait(app, IT_PATIENCE_MS, &err), CARAFE_CRITICAL);
	it_app_forget(app);
	carafe_free(app);
	assert_int_equal(it_handled(s), 0);
	assert_int_equal(it_count(s, CARAFE_HOOK_INITIALIZED), 1);
	assert_int_equal(it_committed(group, topic, 0), -1);
}

/* What carafe_log() gave. */
static struct {
	pthread_mutex_t mu;
	char lines[64][512];
	carafe_level levels[64];
	int count;
} logged = { .mu = PTHREAD_MUTEX_INITIALIZER };

static void
keep_line(carafe_level level, const char *line, void *arg)
{
	assert_ptr_equal(arg, &logged);
	pthread_mutex_lock(&logged.mu);
	if (logged.count < 64) {
		logged.levels[logged.count] = level;
		snprintf(logged.lines[logged.count++], sizeof(logged.lines[0]), "%s", line);
	}
	pthread_mutex_unlock(&logged.mu);
}

/* The first line with the word in it; -1. After the app's end. */
static int
logged_line(const char *word)
{
	for (int i = 0; i < logged.count; i++)
		if (strstr(logged.lines[i], word) != NULL)
			return i;
	return -1;
}

static void
a_host_program_has_the_log_when_it_asks_for_it(void **state)
{
	carafe *app = it_app(.settings = CARAFE_KV({ "log.format", "json" }, { "log.level", "info" }));
	int line;

	(void)state;
	it_route(app, it_name("group"), it_topic("logged", 1, NULL), it_message_handler, it_sink_new());
	carafe_log(app, keep_line, &logged);
	it_start(app);
	it_stop(app);
	line = logged_line("\"event\":\"app.running\"");
	assert_true(line >= 0);
	assert_int_equal(logged.levels[line], CARAFE_INFO);
	assert_int_equal(logged.lines[line][0], '{');
	assert_null(strchr(logged.lines[line], '\n'));
	assert_true(logged_line("app.stopped") > line);
	assert_int_equal(logged_line("\"debug\""), -1);
}

static void
a_second_start_is_refused_and_harms_nothing(void **state)
{
	const char *topic = it_topic("twice", 1, NULL);
	struct it_sink *s = it_sink_new();
	carafe *app = it_app(.concurrency = 1);
	carafe_error err = { 0 };

	(void)state;
	it_route(app, it_name("group"), topic, it_message_handler, s);
	it_start(app);
	assert_int_equal(carafe_start(app, &err), CARAFE_STATE);
	assert_true(strlen(err.text) > 0);
	it_produce(topic, 0, "still there");
	it_until(it_handled(s) == 1);
	carafe_stop(app);
	assert_int_equal(carafe_wait(app, 20000, &err), CARAFE_OK);
	assert_int_equal(carafe_start(app, &err), CARAFE_STATE); /* it runs once */
	assert_int_equal(carafe_wait(app, 0, &err), CARAFE_OK);
	it_app_forget(app);
	carafe_free(app);
}

static void
an_app_that_never_ran_is_just_freed(void **state)
{
	carafe *app = it_app(.concurrency = 1);

	(void)state;
	it_route(app, it_name("group"), it_name("topic"), it_message_handler, it_sink_new());
	carafe_stop(app); /* nothing to stop */
	carafe_quiet(app);
	carafe_scale(app, 3);
	carafe_dump(app);
	it_app_forget(app);
	carafe_free(app);
	carafe_free(NULL);
}

static void
hooks_run_in_order(void **state)
{
	const char *topic = it_topic("hooks", 1, NULL), *group = it_name("group");
	struct it_sink *s = it_sink_new();
	carafe *app = it_app(.protocol = it_protocol(state));

	it_produce_many(topic, 0, 0, 3);
	it_route(app, group, topic, it_message_handler, s);
	it_start(app);
	it_until(it_handled(s) == 3);
	it_stop(app);
	assert_int_equal(it_at(s, CARAFE_HOOK_INITIALIZED, 0).run, 0);
	assert_int_equal(it_at(s, CARAFE_HOOK_CONSUME, 0).run, 1);
	assert_int_equal(it_at(s, CARAFE_HOOK_SHUTDOWN, 0).run, 4);
	assert_false(it_at(s, CARAFE_HOOK_SHUTDOWN, 0).revoked);
	assert_int_equal(it_count(s, CARAFE_HOOK_REVOKED), 0);
}

static carafe_rc
mark_in_shutdown(struct it_sink *s, carafe_consumer *c, carafe_hook hook)
{
	carafe_error err;

	if (hook == CARAFE_HOOK_SHUTDOWN && carafe_commit(c, &err) == CARAFE_OK)
		atomic_store(&s->flag, 1);
	return CARAFE_OK;
}

static void
a_shutdown_hook_still_owns_its_partition(void **state)
{
	const char *topic = it_topic("owns", 1, NULL), *group = it_name("group");
	struct it_sink *s = it_sink_new();
	carafe *app = it_app(.protocol = it_protocol(state), .kafka = CARAFE_KV({ "enable.auto.commit", "false" }));

	it_produce_many(topic, 0, 0, 3);
	s->on_hook = mark_in_shutdown;
	it_route(app, group, topic, it_message_handler, s);
	it_start(app);
	it_until(it_handled(s) == 3);
	it_stop(app);
	assert_int_equal(atomic_load(&s->flag), 1);
	assert_int_equal(it_committed(group, topic, 0), 3);
}

static void
a_stop_before_the_first_rebalance_is_clean(void **state)
{
	const char *topic = it_topic("early", 2, NULL), *group = it_name("group");

	it_produce_many(topic, 0, 0, 10);
	for (int i = 0; i < 12; i++) {
		struct it_sink *s = it_sink_new();
		carafe *app = it_app(.protocol = it_protocol(state));
		int64_t before = it_committed(group, topic, 0);

		it_route(app, group, topic, it_message_handler, s);
		it_start(app);
		it_nap(i * i / 2);
		it_stop(app);
		if (before < 0)
			before = 0;
		assert_true(it_handled(s) == 0 || it_at(s, CARAFE_HOOK_CONSUME, 0).offset == before);
		assert_int_equal(before + (int64_t)it_handled(s), it_handled(s) > 0 ? it_committed(group, topic, 0) : before);
	}
	it_until(it_members(group) == 0);
}

static carafe_rc
stop_at_10(struct it_sink *s, carafe_consumer *c, const carafe_message *m)
{
	(void)s;
	if (m->offset == 10)
		carafe_stop(carafe_app(c));
	return CARAFE_OK;
}

static void
a_handler_can_stop_the_app(void **state)
{
	const char *topic = it_topic("stops", 1, NULL), *group = it_name("group");
	struct it_sink *s = it_sink_new();
	carafe *app = it_app(.concurrency = 1);

	(void)state;
	it_produce_many(topic, 0, 0, 1000);
	s->on_message = stop_at_10;
	it_route(app, group, topic, it_message_handler, s);
	it_start(app);
	it_await_end(app);
	assert_true(it_handled(s) >= 11);
	it_expect_each_once(s, topic, 0, 0, it_handled(s));
	assert_int_equal(it_committed(group, topic, 0), it_handled(s));
}

static carafe_rc
critical_at_3(struct it_sink *s, carafe_consumer *c, const carafe_message *m)
{
	(void)s, (void)c;
	return m->offset == 3 ? CARAFE_CRITICAL : CARAFE_OK;
}

static void
a_critical_handler_stops_the_app_without_a_retry_or_a_dead_letter(void **state)
{
	const char *topic = it_topic("critical", 1, NULL), *dead = it_topic("dead", 1, NULL), *group = it_name("group");
	struct it_events *events = it_events_new();
	struct it_sink *s = it_sink_new(), *after = it_sink_new();
	carafe *app = it_app(.events = events);
	struct it_messages letters = { 0 };
	carafe_route *route;
	carafe_error err = { 0 };

	(void)state;
	it_produce_many(topic, 0, 0, 10);
	s->on_message = critical_at_3;
	route = it_route(app, group, topic, it_message_handler, s);
	carafe_dlq(route, .topic = dead, .max_retries = CARAFE_NONE);
	it_start(app);
	assert_int_equal(carafe_wait(app, IT_PATIENCE_MS, &err), CARAFE_CRITICAL);
	assert_non_null(strstr(err.text, "CARAFE_CRITICAL"));
	assert_int_equal(it_event_count(events, CARAFE_EV_APP_STOPPING), 1);
	assert_int_equal(it_event_count(events, CARAFE_EV_CONSUMER_RETRY), 0);
	assert_true(it_event_count(events, CARAFE_EV_CONSUMER_ERROR) >= 1);
	it_app_forget(app);
	carafe_free(app);
	assert_int_equal(it_committed(group, topic, 0), 3);
	it_read(dead, &letters);
	assert_int_equal(letters.count, 0);
	it_messages_free(&letters);
	app = it_app(.concurrency = 1); /* the next run is given it again */
	it_route(app, group, topic, it_message_handler, after);
	it_start(app);
	it_until(it_handled(after) >= 7);
	it_stop(app);
	it_expect_each_once(after, topic, 0, 3, 7);
}

static void
quiet_finishes_what_is_in_hand_and_stays_in_the_group(void **state)
{
	const char *topic = it_topic("quiet", 2, NULL), *group = it_name("group");
	struct it_sink *s = it_sink_new();
	carafe *app = it_app(.protocol = it_protocol(state));

	it_produce_many(topic, 0, 0, 5);
	s->on_message = it_wait_at_gate;
	s->gate = it_gate_new();
	it_route(app, group, topic, it_message_handler, s);
	it_start(app);
	it_until(it_gate_waiting(s->gate) == 1);
	carafe_quiet(app);
	it_until(carafe_status_of(app) == CARAFE_QUIETING);
	it_produce(topic, 1, "not any more");
	it_gate_open(s->gate);
	it_until(carafe_status_of(app) == CARAFE_QUIET);
	assert_int_equal(it_count(s, CARAFE_HOOK_SHUTDOWN), 1);
	it_until(it_committed(group, topic, 0) == 1);
	assert_int_equal(it_members(group), 1);
	carafe_quiet(app); /* again: nothing */
	it_stop(app);
	assert_int_equal(it_handled(s), 1);
	assert_int_equal(it_count(s, CARAFE_HOOK_SHUTDOWN), 1);
	assert_int_equal(it_committed(group, topic, 0), 1);
}

static void
a_quiet_member_keeps_its_share_and_answers_when_others_join(void **state)
{
	const char *topic = it_topic("share", 2, NULL), *group = it_name("group");
	struct it_sink *s = it_sink_new();
	carafe *app = it_app(.protocol = it_protocol(state));
	struct it_peer *peer;
	int theirs;

	it_route(app, group, topic, it_message_handler, s);
	it_start(app);
	it_until(it_members(group) == 1);
	carafe_quiet(app);
	it_until(carafe_status_of(app) == CARAFE_QUIET);
	for (int p = 0; p < 2; p++)
		it_produce_many(topic, p, 0, 5);
	peer = it_peer(.group = group, .topic = topic, .protocol = it_protocol(state));
	it_until(it_peer_assigned(peer) == 1 && it_peer_got(peer) == 5);
	theirs = it_peer_has(peer, 0) ? 0 : 1;
	it_peer_leave(peer);
	it_stop(app);
	assert_int_equal(it_handled(s), 0);
	assert_int_equal(it_committed(group, topic, theirs), 5);
	assert_int_equal(it_committed(group, topic, 1 - theirs), -1);
}

/* In the child: 0 when everything is refused or ignored. */
static int
use_in_child(carafe *app)
{
	carafe_error err = { 0 };

	alarm(IT_PATIENCE_MS / 1000);
	carafe_stop(app);
	carafe_quiet(app);
	carafe_scale(app, 2);
	carafe_dump(app);
	if (carafe_start(app, &err) != CARAFE_STATE || strstr(err.text, "fork") == NULL)
		return 1;
	if (carafe_wait(app, -1, &err) != CARAFE_STATE || strstr(err.text, "fork") == NULL)
		return 2;
	carafe_free(app);
	return carafe_status_of(app) == CARAFE_RUNNING ? 0 : 3;
}

static void
a_child_process_is_told_that_the_app_is_not_its_own(void **state)
{
	const char *topic = it_topic("fork", 1, NULL);
	struct it_sink *s = it_sink_new();
	carafe *app = it_app(.concurrency = 1);
	int status = -1;
	pid_t child;

	(void)state;
	it_route(app, it_name("group"), topic, it_message_handler, s);
	it_start(app);
	if ((child = fork()) == 0)
		_exit(use_in_child(app));
	assert_true(child > 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	it_produce(topic, 0, "the parent goes on");
	it_until(it_handled(s) == 1);
	it_stop(app);
}

/* ------------------------------------------------------------------------------------------------ workers */

static void
scaling_down_while_busy_leaves_exactly_as_many_as_asked_for(void **state)
{
	const char *topic = it_topic("scale", 8, NULL), *group = it_name("group");
	struct it_events *events = it_events_new();
	struct it_sink *s = it_sink_new();
	carafe *app = it_app(.concurrency = 5, .events = events);

	(void)state;
	for (int p = 0; p < 8; p++)
		it_produce_many(topic, p, 0, 200);
	s->sleep_ms = 1;
	it_route(app, group, topic, it_message_handler, s);
	it_start(app);
	it_until(it_handled(s) > 20);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(it_threads("crf-worker"), 5);
		carafe_scale(app, 1);
		it_until(it_threads("crf-worker") == 1);
		carafe_scale(app, 5);
	}
	carafe_scale(app, 0);
	it_until(it_threads("crf-worker") == 1);
	it_until(it_handled(s) == 1600);
	carafe_scale(app, -3);
	assert_int_equal(it_threads("crf-worker"), 1);
	it_stop(app);
	for (int p = 0; p < 8; p++)
		it_expect_each_once(s, topic, p, 0, 200);
	assert_int_equal(it_event_count(events, CARAFE_EV_WORKERS_SCALED), 8);
	assert_int_equal(it_event_at(events, CARAFE_EV_WORKERS_SCALED, 0).from, 5);
	assert_int_equal(it_event_at(events, CARAFE_EV_WORKERS_SCALED, 6).to, 1);
}

static void
nothing_is_left_of_an_app(void **state)
{
	const char *topic = it_topic("left", 2, NULL);
	struct it_sink *s = it_sink_new();
	int before;
	carafe *app;

	(void)state;
	it_produce_many(topic, 0, 0, 3);
	before = it_threads("");
	app = it_app(.concurrency = 3);
	carafe_dlq(it_route(app, it_name("group"), topic, it_message_handler, s), .topic = it_name("dead"));
	it_start(app);
	it_until(it_handled(s) == 3);
	it_stop(app);
	it_until(it_threads("") <= before);
}

/* ------------------------------------------------------------------------------------------------ hanging */

static carafe_rc
hang_in_partition_1(struct it_sink *s, carafe_consumer *c, const carafe_message *m)
{
	(void)m;
	if (carafe_partition(c) == 1)
		it_gate_wait(s->gate);
	return CARAFE_OK;
}

#define SLOW_MACHINE { "forceful_shutdown_wait", "60000" } /* it ends as soon as it can */
static carafe *volatile left_behind[8]; /* on purpose: no leak */
static int left_count;

static void
a_stop_that_cannot_end_names_what_hangs_and_leaves_the_host_alone(void **state)
{
	const char *topic = it_topic("hangs", 2, NULL), *group = it_name("group");
	struct it_events *events = it_events_new();
	struct it_sink *s = it_sink_new();
	carafe *app = it_app(.events = events, .protocol = it_protocol(state),
	    .kafka = CARAFE_KV({ "enable.auto.commit", "false" }),
	    .settings = CARAFE_KV({ "shutdown_timeout", "1000" }, { "drain_timeout", "1000" }, SLOW_MACHINE));
	carafe_error err = { 0 };
	char name[200];

	it_produce_many(topic, 0, 0, 5);
	it_produce_many(topic, 1, 0, 5);
	s->on_message = hang_in_partition_1;
	s->gate = it_gate_new();
	it_route(app, group, topic, it_message_handler, s);
	it_start(app);
	it_until(it_gate_waiting(s->gate) == 1 && it_handled_in(s, topic, 0) == 5);
	carafe_stop(app);
	assert_int_equal(carafe_wait(app, -1, &err), CARAFE_TIMEOUT);
	snprintf(name, sizeof(name), "%s[1]", topic);
	assert_non_null(strstr(err.text, name));
	assert_int_equal(it_event_count(events, CARAFE_EV_APP_STUCK), 1);
	assert_true(it_event_find(events, CARAFE_EV_APP_STUCK, name, NULL));
	it_app_forget(app);
	carafe_free(app); /* leaves it, since it is in use */
	left_behind[left_count++] = app;
	assert_int_equal(it_members(group), 0); /* nobody waits for its session to end */
	assert_int_equal(it_committed(group, topic, 0), 5); /* what was done is committed */
	assert_int_equal(it_committed(group, topic, 1), -1);
	it_gate_open(s->gate); /* what still runs comes to its end, with nobody to tell */
	it_until(it_event_count(events, CARAFE_EV_CONSUMER_REVOKED) == 1);
	assert_int_equal(it_count_in(s, CARAFE_HOOK_REVOKED, topic, 1), 1);
	assert_int_equal(it_committed(group, topic, 1), -1);
}

/* One partition is done with, one marks and hangs, one hangs; there is no worker for anything else. */
static carafe_rc
mark_and_hang(struct it_sink *s, carafe_consumer *c, const carafe_message *m)
{
	if (m->partition == 0)
		return CARAFE_OK;
	if (m->partition == 1)
		carafe_mark(c, m);
	it_gate_wait(s->gate);
	atomic_store(&s->flag, (int)carafe_mark(c, m));
	return CARAFE_OK;
}

static void
a_stop_that_is_forced_commits_what_is_marked_and_leaves_at_once(void **state)
{
	const char *topic = it_topic("forced", 3, NULL), *group = it_name("group");
	struct it_events *events = it_events_new();
	struct it_sink *s = it_sink_new();
	carafe *app = it_app(.events = events, .protocol = it_protocol(state), .concurrency = 2,
	    .kafka = CARAFE_KV({ "enable.auto.commit", "false" }), .settings = CARAFE_KV(SLOW_MACHINE));
	carafe_error err = { 0 };

	it_produce_many(topic, 0, 0, 1);
	s->on_message = mark_and_hang;
	s->gate = it_gate_new();
	it_route(app, group, topic, it_message_handler, s);
	it_start(app);
	it_until(it_handled_in(s, topic, 0) == 1);
	it_produce_many(topic, 1, 0, 2);
	it_produce_many(topic, 2, 0, 2);
	it_until(it_gate_waiting(s->gate) == 2);
	carafe_force_stop(app);
	carafe_force_stop(app);
	assert_int_equal(carafe_wait(app, -1, &err), CARAFE_TIMEOUT);
	assert_non_null(strstr(err.text, "the stop was forced"));
	assert_int_equal(it_event_count(events, CARAFE_EV_APP_STUCK), 1);
	it_app_forget(app);
	left_behind[left_count++] = app;
	assert_int_equal(it_members(group), 0);
	assert_int_equal(it_committed(group, topic, 0), 1);
	assert_int_equal(it_committed(group, topic, 1), 1);
	assert_int_equal(it_committed(group, topic, 2), -1);
	it_gate_open(s->gate);
	it_until(it_event_count(events, CARAFE_EV_CONSUMER_REVOKED) == 3);
	assert_int_equal(atomic_load(&s->flag), CARAFE_LOST);
	assert_int_equal(it_committed(group, topic, 2), -1);
	assert_int_equal(it_handled_in(s, topic, 1), 1); /* nothing more was begun */
}

/* ------------------------------------------------------------------------------------------------ mistakes */

static void
note_problem(const char *path, const char *problem, void *arg)
{
	char *all = arg;

	strncat(all, path, 4000 - strlen(all));
	strncat(all, ": ", 4000 - strlen(all));
	strncat(all, problem, 4000 - strlen(all));
	strncat(all, "\n", 4000 - strlen(all));
}

static void
mistakes_are_refused_all_at_once_by_their_paths(void **state)
{
	carafe *app = it_app(.kafka = CARAFE_KV({ "fetch.min.bites", "1" }, { "session.timeout.ms", "soon" }),
	    .settings = CARAFE_KV({ "shutdown_timeot", "5" }));
	carafe_error err = { 0 };
	char all[4096] = "";

	(void)state;
	carafe_route(carafe_group(app, "shop"), "orders", .max_messages = 1); /* without a handler */
	carafe_route(carafe_group(app, "shop"), "no such: topic", .handler = &it_message_handler);
	assert_int_equal(carafe_start(app, &err), CARAFE_CONFIG);
	assert_non_null(strstr(err.text, "mistakes"));
	assert_int_equal(carafe_check(app, note_problem, all), 5);
	assert_non_null(strstr(all, "fetch.min.bytes"));
	assert_non_null(strstr(all, "session.timeout.ms"));
	assert_non_null(strstr(all, "shutdown_timeout"));
	assert_non_null(strstr(all, "shop.orders"));
	assert_non_null(strstr(all, "no such: topic"));
	it_app_forget(app);
	carafe_free(app);
}

/* What carafe_wait says of an app that ends by itself. */
static carafe_rc
outcome(carafe *app, carafe_error *err)
{
	carafe_rc rc;

	it_route(app, it_name("group"), it_name("topic"), it_message_handler, it_sink_new());
	it_start(app);
	rc = carafe_wait(app, 20000, err);
	it_app_forget(app);
	carafe_free(app);
	return rc;
}

static void
nobody_at_the_address_is_given_up_on_after_boot_timeout(void **state)
{
	carafe_error err = { 0 };
	double since = it_now();
	carafe *app = it_app(.kafka = CARAFE_KV({ "bootstrap.servers", "127.0.0.1:1" }), .settings = CARAFE_KV({ "boot_timeout", "600" }));

	(void)state;
	assert_int_equal(outcome(app, &err), CARAFE_UNAVAILABLE);
	assert_non_null(strstr(err.text, "127.0.0.1:1"));
	assert_true(it_now() - since >= 600);
}

static void
wrong_credentials_are_told_from_nobody_there(void **state)
{
	carafe_error err = { 0 };
	const char *sasl = getenv("KAFKA_SASL");
	carafe *app;

	(void)state;
	if (sasl == NULL)
		skip(); /* scripts/kafka start --sasl */
	app = it_app(.kafka = CARAFE_KV({ "bootstrap.servers", sasl }, { "security.protocol", "sasl_plaintext" },
	    { "sasl.mechanism", "PLAIN" }, { "sasl.username", "carafe" }, { "sasl.password", "a-guess" }),
	    .settings = CARAFE_KV({ "boot_timeout", "1500" }));
	assert_int_equal(outcome(app, &err), CARAFE_DENIED);
	assert_null(strstr(err.text, "a-guess"));
}

static void
a_topic_that_is_not_there_is_told_and_the_others_are_consumed(void **state)
{
	const char *topic = it_topic("there", 1, NULL), *missing = it_name("missing"), *group = it_name("group");
	struct it_events *events = it_events_new();
	struct it_sink *s = it_sink_new();
	carafe *app = it_app(.protocol = it_protocol(state), .events = events,
	    .kafka = CARAFE_KV({ "topic.metadata.refresh.interval.ms", "500" }));

	it_produce_many(topic, 0, 0, 5);
	it_route(app, group, missing, it_message_handler, s);
	it_route(app, group, topic, it_message_handler, s);
	it_start(app);
	it_until(it_committed(group, topic, 0) == 5);
	it_until(it_event_find(events, CARAFE_EV_CONNECTION_ERROR, missing, NULL));
	it_topic_make(missing, 1, NULL); /* it is consumed once it is there */
	it_produce(missing, 0, "late");
	it_until(it_committed(group, missing, 0) == 1);
	it_stop(app);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IT_PROTOCOLS(an_app_runs_in_the_background_from_start_to_stop),
		IT(a_host_program_has_the_log_when_it_asks_for_it),
		IT(a_second_start_is_refused_and_harms_nothing),
		IT(an_app_that_never_ran_is_just_freed),
		IT_PROTOCOLS(hooks_run_in_order),
		IT_PROTOCOLS(a_shutdown_hook_still_owns_its_partition),
		IT_PROTOCOLS(a_stop_before_the_first_rebalance_is_clean),
		IT(a_handler_can_stop_the_app),
		IT(a_critical_handler_stops_the_app_without_a_retry_or_a_dead_letter),
		IT(nothing_is_handled_when_a_partition_cannot_begin),
		IT_PROTOCOLS(quiet_finishes_what_is_in_hand_and_stays_in_the_group),
		IT_PROTOCOLS(a_quiet_member_keeps_its_share_and_answers_when_others_join),
		IT(a_child_process_is_told_that_the_app_is_not_its_own),
		IT(scaling_down_while_busy_leaves_exactly_as_many_as_asked_for),
		IT(nothing_is_left_of_an_app),
		IT_PROTOCOLS(a_stop_that_cannot_end_names_what_hangs_and_leaves_the_host_alone),
		IT_PROTOCOLS(a_stop_that_is_forced_commits_what_is_marked_and_leaves_at_once),
		IT(mistakes_are_refused_all_at_once_by_their_paths),
		IT(nobody_at_the_address_is_given_up_on_after_boot_timeout),
		IT(wrong_credentials_are_told_from_nobody_there),
		IT_PROTOCOLS(a_topic_that_is_not_there_is_told_and_the_others_are_consumed),
	};

	return it_run(tests);
}
