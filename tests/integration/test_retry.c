/* What fails runs again: when, from where, counted how; and what counts as done. */
#include <string.h>

#include "support/test.h"

/* Fails the first `flag` runs of the message at `number`. */
static carafe_rc
fail_at_first(struct it_sink *s, carafe_consumer *c, const carafe_message *m)
{
	if (m->offset == atomic_load(&s->number) && atomic_fetch_sub(&s->flag, 1) > 0)
		return carafe_fail(c, "offset %lld does not work yet", (long long)m->offset);
	return CARAFE_OK;
}

static carafe_rc
fail_always(struct it_sink *s, carafe_consumer *c, const carafe_message *m)
{
	(void)s, (void)m;
	return carafe_fail(c, "never works");
}

/* The gap before the run'th run (from 1) of the only message. */
static double
gap(const struct it_sink *s, size_t run)
{
	return it_at(s, CARAFE_HOOK_CONSUME, run).at - it_at(s, CARAFE_HOOK_CONSUME, run - 1).at;
}

static struct it_sink *
runs_of_a_failure(size_t runs, const carafe_retry_opts *retry, struct it_events *events)
{
	const char *topic = it_topic("backoff", 1, NULL);
	struct it_sink *s = it_sink_new();
	carafe *app = it_app(.events = events);
	carafe_route *r;

	it_produce(topic, 0, "poison");
	s->on_message = fail_always;
	r = it_route(app, it_name("group"), topic, it_message_handler, s);
	carafe_retry_(r, retry);
	it_start(app);
	it_until(it_handled(s) >= runs);
	it_stop(app);
	return s;
}

static void
the_back_off_doubles_up_to_its_cap(void **state)
{
	static const double expected[] = { 100, 200, 300, 300 };
	struct it_events *events = it_events_new();
	const struct it_sink *s = runs_of_a_failure(5,
	    &(carafe_retry_opts){ .size = sizeof(carafe_retry_opts), .timeout = 50, .max_timeout = 300 }, events);

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct it_event retry = it_event_at(events, CARAFE_EV_CONSUMER_RETRY, i);

		assert_in_range((uint64_t)gap(s, i + 1), (uint64_t)expected[i], (uint64_t)expected[i] + 3000);
		assert_in_range((uint64_t)retry.timeout_ms, (uint64_t)expected[i] - 20, (uint64_t)expected[i]);
		assert_int_equal(retry.attempt, i + 2);
		assert_int_equal(it_at(s, CARAFE_HOOK_CONSUME, i).attempt, i + 1);
	}
}

static void
a_constant_back_off_stays(void **state)
{
	struct it_events *events = it_events_new();
	const struct it_sink *s = runs_of_a_failure(5,
	    &(carafe_retry_opts){ .size = sizeof(carafe_retry_opts), .timeout = 60, .max_timeout = 3000, .constant = 1 }, events);

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		assert_true(gap(s, i + 1) >= 60);
		assert_in_range((uint64_t)it_event_at(events, CARAFE_EV_CONSUMER_RETRY, i).timeout_ms, 40, 60);
	}
}

static void
without_failures_every_attempt_is_the_first(void **state)
{
	const char *topic = it_topic("first", 1, NULL);
	struct it_sink *messages = it_sink_new(), *batches = it_sink_new();
	struct it_events *events = it_events_new();
	carafe *app = it_app(.max_messages = 7, .events = events);

	(void)state;
	it_produce_many(topic, 0, 0, 50);
	it_route(app, it_name("group"), topic, it_message_handler, messages);
	it_route(app, it_name("group"), topic, it_batch_handler, batches);
	it_start(app);
	it_until(it_handled(messages) == 50 && it_handled(batches) == 50);
	it_stop(app);
	for (size_t i = 0; i < 50; i++) {
		assert_int_equal(it_at(messages, CARAFE_HOOK_CONSUME, i).attempt, 1);
		assert_int_equal(it_at(batches, CARAFE_HOOK_CONSUME, i).attempt, 1);
	}
	assert_int_equal(it_event_count(events, CARAFE_EV_CONSUMER_RETRY), 0);
}

static void
a_message_is_retried_alone_and_nothing_overtakes_it(void **state)
{
	const char *topic = it_topic("alone", 1, NULL), *group = it_name("group");
	struct it_sink *s = it_sink_new();
	carafe *app = it_app(.concurrency = 4);

	(void)state;
	it_produce_many(topic, 0, 0, 20);
	s->on_message = fail_at_first;
	s->number = 7;
	s->flag = 3;
	it_route(app, group, topic, it_message_handler, s);
	it_start(app);
	it_until(it_handled(s) >= 23);
	it_stop(app);
	assert_int_equal(it_handled(s), 23);
	for (int i = 0; i < 23; i++) {
		struct it_entry e = it_at(s, CARAFE_HOOK_CONSUME, (size_t)i);

		assert_int_equal(e.offset, i <= 7 ? i : i <= 10 ? 7 : i - 3);
		assert_int_equal(e.attempt, i <= 7 || i > 10 ? 1 : i - 6);
	}
	assert_int_equal(it_committed(group, topic, 0), 20);
}

static carafe_rc
mark_half_and_fail(struct it_sink *s, carafe_consumer *c, const carafe_batch *b)
{
	if (atomic_fetch_add(&s->flag, 1) > 0)
		return CARAFE_OK;
	for (size_t i = 0; i < carafe_batch_count(b) / 2; i++)
		if (carafe_mark(c, carafe_batch_at(b, i)) != CARAFE_OK)
			return carafe_fail(c, "cannot mark");
	return carafe_fail(c, "half of it is done");
}

static void
a_batch_runs_again_from_the_first_message_not_marked(void **state)
{
	const char *topic = it_topic("half", 1, NULL), *group = it_name("group");
	struct it_sink *s = it_sink_new();
	carafe *app = it_app(.max_messages = 10, .max_wait_time = 5000);

	(void)state;
	it_produce_many(topic, 0, 0, 10);
	s->on_batch = mark_half_and_fail;
	it_route(app, group, topic, it_batch_handler, s);
	it_start(app);
	it_until(it_handled(s) >= 15);
	it_stop(app);
	assert_int_equal(it_handled(s), 15);
	for (int i = 0; i < 15; i++)
		assert_int_equal(it_at(s, CARAFE_HOOK_CONSUME, (size_t)i).offset, i < 10 ? i : i - 5);
	assert_int_equal(it_at(s, CARAFE_HOOK_CONSUME, 10).attempt, 2);
	assert_int_equal(it_committed(group, topic, 0), 10);
}

static carafe_rc
mark_first_then_fail(struct it_sink *s, carafe_consumer *c, const carafe_message *m)
{
	(void)s;
	if (m->offset != 3)
		return CARAFE_OK;
	if (carafe_mark(c, m) != CARAFE_OK)
		return carafe_fail(c, "cannot mark");
	return carafe_fail(c, "too late, it is marked");
}

static void
what_was_marked_before_a_failure_is_not_given_again(void **state)
{
	const char *topic = it_topic("at-most-once", 1, NULL), *group = it_name("group");
	struct it_events *events = it_events_new();
	struct it_sink *s = it_sink_new();
	carafe *app = it_app(.events = events);

	(void)state;
	it_produce_many(topic, 0, 0, 8);
	s->on_message = mark_first_then_fail;
	it_route(app, group, topic, it_message_handler, s);
	it_start(app);
	it_until(it_handled_in(s, topic, 0) >= 8);
	it_stop(app);
	it_expect_each_once(s, topic, 0, 0, 8);
	assert_true(it_event_find(events, CARAFE_EV_CONSUMER_ERROR, "too late", NULL));
	assert_int_equal(it_committed(group, topic, 0), 8);
}

static carafe_rc
mark_back_and_fail(struct it_sink *s, carafe_consumer *c, const carafe_batch *b)
{
	if (atomic_fetch_add(&s->flag, 1) > 0) {
		it_gate_wait(s->gate);
		return CARAFE_OK;
	}
	carafe_mark(c, carafe_batch_at(b, 7));
	carafe_mark(c, carafe_batch_at(b, 3));
	carafe_commit(c, NULL);
	return carafe_fail(c, "back to 4");
}

static void
marking_an_earlier_message_moves_the_retry_and_not_the_commit(void **state)
{
	const char *topic = it_topic("back", 1, NULL), *group = it_name("group");
	struct it_sink *s = it_sink_new();
	carafe *app = it_app(.max_messages = 10, .max_wait_time = 5000);

	(void)state;
	it_produce_many(topic, 0, 0, 10);
	s->on_batch = mark_back_and_fail;
	s->gate = it_gate_new();
	it_route(app, group, topic, it_batch_handler, s);
	it_start(app);
	it_until(it_gate_waiting(s->gate) == 1);
	assert_int_equal(it_committed(group, topic, 0), 8);
	it_gate_open(s->gate);
	it_until(it_handled(s) >= 16);
	it_stop(app);
	assert_int_equal(it_handled(s), 16);
	assert_int_equal(it_at(s, CARAFE_HOOK_CONSUME, 10).offset, 4);
	assert_int_equal(it_committed(group, topic, 0), 10);
}

/* ------------------------------------------------------------------------------------------------ committing */

static void
a_failing_message_holds_back_the_commit(void **state)
{
	const char *topic = it_topic("hold-back", 1, NULL), *group = it_name("group");
	struct it_sink *s = it_sink_new();
	carafe *app = it_app(.protocol = it_protocol(state));

	it_produce_many(topic, 0, 0, 10);
	s->on_message = fail_at_first;
	s->number = 6;
	s->flag = 1000000;
	it_route(app, group, topic, it_message_handler, s);
	it_start(app);
	it_until(it_handled(s) >= 12 && it_committed(group, topic, 0) == 6);
	it_stop(app);
	assert_int_equal(it_committed(group, topic, 0), 6);
}

static carafe_rc
mark_nothing(struct it_sink *s, carafe_consumer *c, const carafe_batch *b)
{
	(void)s, (void)c, (void)b;
	return CARAFE_OK;
}

static void
with_manual_marking_success_marks_nothing(void **state)
{
	const char *topic = it_topic("manual", 1, NULL), *group = it_name("group");
	struct it_sink *s = it_sink_new();
	carafe *app = it_app(.max_messages = 3);

	(void)state;
	it_produce_many(topic, 0, 0, 10);
	s->on_batch = mark_nothing;
	it_route(app, group, topic, it_batch_handler, s, .marking = CARAFE_MARK_MANUAL);
	it_start(app);
	it_until(it_handled(s) == 10);
	it_stop(app);
	it_expect_each_once(s, topic, 0, 0, 10);
	assert_int_equal(it_committed(group, topic, 0), -1);
}

static carafe_rc
commit_and_wait(struct it_sink *s, carafe_consumer *c, const carafe_message *m)
{
	carafe_error err = { 0 };
	carafe_rc rc;

	if (m->offset != 4)
		return CARAFE_OK;
	if ((rc = carafe_mark(c, m)) == CARAFE_OK && (rc = carafe_commit(c, &err)) == CARAFE_OK)
		rc = carafe_commit(c, &err); /* nothing new: fine as well */
	atomic_store(&s->flag, rc == CARAFE_OK ? 1 : -1);
	it_gate_wait(s->gate);
	return CARAFE_OK;
}

static void
a_commit_is_there_when_it_returns(void **state)
{
	const char *topic = it_topic("commit", 1, NULL), *group = it_name("group");
	struct it_sink *s = it_sink_new();
	carafe *app = it_app(.protocol = it_protocol(state), .kafka = CARAFE_KV({ "enable.auto.commit", "false" }));

	it_produce_many(topic, 0, 0, 10);
	s->on_message = commit_and_wait;
	s->gate = it_gate_new();
	it_route(app, group, topic, it_message_handler, s);
	it_start(app);
	it_until(it_gate_waiting(s->gate) == 1);
	assert_int_equal(atomic_load(&s->flag), 1);
	assert_int_equal(it_committed(group, topic, 0), 5);
	it_gate_open(s->gate);
	it_until(it_handled(s) == 10);
	assert_int_equal(it_committed(group, topic, 0), 5); /* nobody commits by itself */
	it_stop(app);
	assert_int_equal(it_committed(group, topic, 0), 10); /* but for the end */
}

/* ------------------------------------------------------------------------------------------------ odd handlers */

static carafe_rc
return_garbage(struct it_sink *s, carafe_consumer *c, const carafe_message *m)
{
	static const int garbage[] = { 1234, -5, INT32_MIN, INT32_MAX };
	int run = atomic_fetch_add(&s->flag, 1);

	(void)c, (void)m;
	return run < 4 ? (carafe_rc)garbage[run] : CARAFE_OK;
}

static void
a_handler_that_returns_garbage_has_failed_and_is_told(void **state)
{
	const char *topic = it_topic("garbage", 1, NULL), *group = it_name("group");
	struct it_events *events = it_events_new();
	struct it_sink *s = it_sink_new();
	carafe *app = it_app(.events = events);

	(void)state;
	it_produce_many(topic, 0, 0, 3);
	s->on_message = return_garbage;
	it_route(app, group, topic, it_message_handler, s);
	it_start(app);
	it_until(it_handled(s) == 7);
	it_stop(app);
	assert_int_equal(it_event_count(events, CARAFE_EV_CONSUMER_ERROR), 4);
	assert_true(it_event_find(events, CARAFE_EV_CONSUMER_ERROR, "1234", NULL));
	assert_true(it_event_find(events, CARAFE_EV_CONSUMER_ERROR, "-5", NULL));
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(it_at(s, CARAFE_HOOK_CONSUME, i).offset, 0);
	assert_int_equal(it_committed(group, topic, 0), 3);
}

static carafe_rc
fail_hook(struct it_sink *s, carafe_consumer *c, carafe_hook hook)
{
	(void)s;
	return carafe_fail(c, "hook %d fails", (int)hook);
}

static void
a_hook_that_fails_is_told_and_changes_nothing(void **state)
{
	const char *topic = it_topic("hooks", 1, NULL), *group = it_name("group");
	struct it_events *events = it_events_new();
	struct it_sink *s = it_sink_new();
	carafe *app = it_app(.events = events);

	(void)state;
	it_produce_many(topic, 0, 0, 5);
	s->on_hook = fail_hook;
	it_route(app, group, topic, it_message_handler, s);
	it_start(app);
	it_until(it_handled(s) == 5);
	it_stop(app);
	it_expect_each_once(s, topic, 0, 0, 5);
	assert_int_equal(it_count(s, CARAFE_HOOK_INITIALIZED), 1);
	assert_int_equal(it_count(s, CARAFE_HOOK_SHUTDOWN), 1);
	assert_int_equal(it_event_count(events, CARAFE_EV_CONSUMER_ERROR), 2);
	assert_string_equal(it_event_at(events, CARAFE_EV_CONSUMER_ERROR, 0).type, "initialized");
	assert_string_equal(it_event_at(events, CARAFE_EV_CONSUMER_ERROR, 1).type, "shutdown");
	assert_int_equal(it_committed(group, topic, 0), 5);
}

static const carafe_handler *
with_every_hook(void)
{
	static carafe_handler h;

	h = it_batch_handler;
	h.eofed = it_eof_handler.eofed;
	h.tick = it_tick_handler.tick;
	return &h;
}

static void
a_failing_eofed_or_tick_hook_is_told_and_consumption_goes_on(void **state)
{
	const char *topic = it_topic("ends", 1, NULL), *group = it_name("group");
	struct it_events *events = it_events_new();
	struct it_sink *s = it_sink_new();
	carafe *app = it_app(.events = events, .kafka = CARAFE_KV({ "enable.partition.eof", "true" }));

	(void)state;
	s->on_hook = fail_hook;
	it_route(app, group, topic, *with_every_hook(), s);
	it_start(app);
	it_until(it_count(s, CARAFE_HOOK_EOFED) == 1 && it_count(s, CARAFE_HOOK_TICK) >= 2);
	it_produce(topic, 0, "goes on");
	it_until(it_handled(s) == 1 && it_count(s, CARAFE_HOOK_EOFED) == 2);
	it_stop(app);
	for (const char *const *type = (const char *const[]){ "eofed", "tick", NULL }; *type != NULL; type++) {
		size_t i = 0;

		while (strcmp(it_event_at(events, CARAFE_EV_CONSUMER_ERROR, i).type, *type) != 0)
			i++; /* fails where there is none */
	}
	assert_int_equal(it_event_count(events, CARAFE_EV_CONSUMER_RETRY), 0);
	assert_int_equal(it_committed(group, topic, 0), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IT(the_back_off_doubles_up_to_its_cap),
		IT(a_constant_back_off_stays),
		IT(without_failures_every_attempt_is_the_first),
		IT(a_message_is_retried_alone_and_nothing_overtakes_it),
		IT(a_batch_runs_again_from_the_first_message_not_marked),
		IT(what_was_marked_before_a_failure_is_not_given_again),
		IT(marking_an_earlier_message_moves_the_retry_and_not_the_commit),
		IT_PROTOCOLS(a_failing_message_holds_back_the_commit),
		IT(with_manual_marking_success_marks_nothing),
		IT_PROTOCOLS(a_commit_is_there_when_it_returns),
		IT(a_handler_that_returns_garbage_has_failed_and_is_told),
		IT(a_hook_that_fails_is_told_and_changes_nothing),
		IT(a_failing_eofed_or_tick_hook_is_told_and_consumption_goes_on),
	};

	return it_run(tests);
}
