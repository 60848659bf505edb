/* What is marked, what is committed, and where the next one starts. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "support/test.h"

static carafe *
start(const char *group, const char *topic, struct it_sink *s, struct it_events *events, enum it_protocol protocol)
{
	carafe *app = it_app(.protocol = protocol, .events = events);

	it_route(app, group, topic, it_message_handler, s);
	it_start(app);
	return app;
}

/* ------------------------------------------------------------------------------------------------ metadata */

/* Reads what is there with the first message it is given; message 2 leaves something for the next, and looks at it. */
static carafe_rc
read_and_leave_metadata(struct it_sink *s, carafe_consumer *c, const carafe_message *m)
{
	char (*found)[64] = s->arg;
	const char *text;
	carafe_error err = { 0 };
	carafe_rc rc = carafe_offset_metadata(c, false, &text, &err);

	if (rc == CARAFE_OK && atomic_exchange(&s->other, 1) == 0)
		snprintf(found[0], sizeof(found[0]), "%s", text != NULL ? text : "(none)");
	if (rc == CARAFE_OK && m->offset == 2) {
		rc = carafe_mark_with(c, m, .metadata = "here", .commit = 1, .err = &err);
		if (rc == CARAFE_OK && (rc = carafe_offset_metadata(c, false, &text, &err)) == CARAFE_OK)
			snprintf(found[1], sizeof(found[1]), "%s", text != NULL ? text : "(none)");
		if (rc == CARAFE_OK && (rc = carafe_offset_metadata(c, true, &text, &err)) == CARAFE_OK)
			snprintf(found[2], sizeof(found[2]), "%s", text != NULL ? text : "(none)");
		atomic_store(&s->flag, 1);
	}
	return rc == CARAFE_OK ? rc : carafe_fail(c, "%s", err.text);
}

static void
metadata_goes_with_its_offset_to_whoever_has_the_partition_next(void **state)
{
	const char *topic = it_topic("metadata", 1, NULL), *group = it_name("group");
	struct it_sink *a = it_sink_new(), *b = it_sink_new();
	char found_a[3][64], found_b[3][64];
	carafe *app;

	it_produce_many(topic, 0, 0, 3);
	a->on_message = b->on_message = read_and_leave_metadata;
	a->arg = found_a;
	b->arg = found_b;
	app = start(group, topic, a, NULL, it_protocol(state));
	it_until(atomic_load(&a->flag) == 1);
	assert_string_equal(it_committed_metadata(group, topic, 0), "here");
	it_stop(app);
	assert_int_equal(it_committed(group, topic, 0), 3);
	assert_string_equal(it_committed_metadata(group, topic, 0), "here"); /* success marked it again, and changed nothing */
	assert_string_equal(found_a[0], "(none)");
	assert_string_equal(found_a[1], "(none)"); /* as it was read first */
	assert_string_equal(found_a[2], "here");   /* afresh */

	app = start(group, topic, b, NULL, it_protocol(state));
	it_produce_many(topic, 0, 3, 1);
	it_until(it_handled(b) == 1);
	it_stop(app);
	assert_string_equal(found_b[0], "here");
	assert_int_equal(it_committed(group, topic, 0), 4); /* with a mark that said nothing */
	assert_string_equal(it_committed_metadata(group, topic, 0), "");
}

/* Marked, committed, and after a while marked again with something else to say. */
static carafe_rc
say_it_again(struct it_sink *s, carafe_consumer *c, const carafe_message *m)
{
	bool fine = carafe_mark_with(c, m, .metadata = "one", .commit = 1) == CARAFE_OK;

	atomic_store(&s->flag, fine ? 1 : -1);
	it_gate_wait(s->gate);
	carafe_mark_with(c, m, .metadata = "two");
	return CARAFE_OK;
}

static void
the_same_offset_is_committed_again_with_other_metadata(void **state)
{
	const char *topic = it_topic("again", 1, NULL), *group = it_name("group");
	struct it_sink *s = it_sink_new();
	carafe *app;

	(void)state;
	it_produce_many(topic, 0, 0, 1);
	s->on_message = say_it_again;
	s->gate = it_gate_new();
	app = start(group, topic, s, NULL, IT_COOPERATIVE);
	it_until(it_gate_waiting(s->gate) == 1);
	assert_int_equal(atomic_load(&s->flag), 1);
	assert_string_equal(it_committed_metadata(group, topic, 0), "one");
	it_gate_open(s->gate);
	it_until(strcmp(it_committed_metadata(group, topic, 0), "two") == 0);
	it_stop(app);
	assert_int_equal(it_committed(group, topic, 0), 1);
}

static carafe_rc
say_too_much(struct it_sink *s, carafe_consumer *c, const carafe_message *m)
{
	char much[5000] = { 0 };

	memset(much, 'x', sizeof(much) - 1);
	if (m->offset == 1)
		atomic_store(&s->flag, (int)carafe_mark_with(c, m, .metadata = much, .commit = 1));
	return CARAFE_OK;
}

static void
metadata_that_is_refused_is_told_and_does_not_hold_back_the_offset(void **state)
{
	const char *topic = it_topic("too-much", 1, NULL), *group = it_name("group");
	struct it_events *events = it_events_new();
	struct it_sink *s = it_sink_new();
	struct it_event e;
	carafe *app;

	(void)state;
	it_produce_many(topic, 0, 0, 2);
	s->on_message = say_too_much;
	app = start(group, topic, s, events, IT_COOPERATIVE);
	it_until(it_committed(group, topic, 0) == 2 && atomic_load(&s->flag) != 0);
	assert_int_equal(atomic_load(&s->flag), CARAFE_INVALID);
	assert_true(it_event_find(events, CARAFE_EV_OFFSETS_COMMIT_FAILED, topic, &e));
	assert_string_equal(e.kafka, "OFFSET_METADATA_TOO_LARGE");
	assert_string_equal(it_committed_metadata(group, topic, 0), "");
	it_stop(app);
}

/* ------------------------------------------------------------------------------------------------ where it starts again */

static carafe_rc
commit_and_fail(struct it_sink *s, carafe_consumer *c, const carafe_message *m)
{
	if (m->offset != 2)
		return CARAFE_OK;
	if (carafe_mark_with(c, m, .commit = 1) != CARAFE_OK)
		return carafe_fail(c, "cannot mark");
	atomic_store(&s->flag, 1);
	it_gate_wait(s->gate);
	return carafe_fail(c, "it is marked, and so it is lost");
}

/* Marked before the work: at most once, in the same run and the next. */
static void
what_is_committed_before_the_work_is_never_given_again(void **state)
{
	const char *topic = it_topic("before", 1, NULL), *group = it_name("group");
	struct it_sink *a = it_sink_new(), *b = it_sink_new();
	carafe *app;

	(void)state;
	it_produce_many(topic, 0, 0, 3);
	a->on_message = commit_and_fail;
	a->gate = it_gate_new();
	app = start(group, topic, a, NULL, IT_COOPERATIVE);
	it_until(it_gate_waiting(a->gate) == 1);
	assert_int_equal(it_committed(group, topic, 0), 3);
	it_gate_open(a->gate);
	it_until(it_count(a, CARAFE_HOOK_CONSUME) == 3);
	it_stop(app);
	it_produce_many(topic, 0, 3, 1);
	app = start(group, topic, b, NULL, IT_COOPERATIVE);
	it_until(it_handled(b) == 1);
	it_stop(app);
	it_expect_each_once(a, topic, 0, 0, 3);
	it_expect_each_once(b, topic, 0, 3, 1);
}

/* Fails the first time that it is given the third batch. */
static carafe_rc
fail_in_the_third_batch(struct it_sink *s, carafe_consumer *c, const carafe_batch *b)
{
	if (carafe_batch_at(b, 0)->offset >= 6 && atomic_exchange(&s->flag, 1) == 0)
		return carafe_fail(c, "the third batch");
	return CARAFE_OK;
}

static void
with_nothing_marked_a_failed_batch_is_retried_and_a_restart_begins_at_the_first(void **state)
{
	const char *topic = it_topic("unmarked", 1, NULL), *group = it_name("group");

	(void)state;
	it_produce_many(topic, 0, 0, 9);
	for (int run = 0; run < 2; run++) {
		struct it_sink *s = it_sink_new();
		carafe *app = it_app(.max_messages = 3, .max_wait_time = 10000);

		s->on_batch = fail_in_the_third_batch;
		it_route(app, group, topic, it_batch_handler, s, .marking = CARAFE_MARK_MANUAL);
		it_start(app);
		it_until(it_handled(s) == 12);
		it_stop(app);
		for (int i = 0; i < 12; i++) /* the batch that failed is still in hand: nothing before it is run again */
			assert_int_equal(it_at(s, CARAFE_HOOK_CONSUME, (size_t)i).offset, i < 9 ? i : i - 3);
		assert_int_equal(it_committed(group, topic, 0), -1);
	}
}

/* The first time. */
static carafe_rc
commit_mark_back_and_wait(struct it_sink *s, carafe_consumer *c, const carafe_batch *b)
{
	carafe_rc nothing = carafe_commit(c, NULL); /* with nothing marked, ever */

	if (carafe_batch_at(b, 0)->offset > 0)
		return CARAFE_OK;
	if (nothing != CARAFE_OK || carafe_mark_with(c, carafe_batch_at(b, 5), .commit = 1) != CARAFE_OK ||
	    carafe_mark(c, carafe_batch_at(b, 2)) != CARAFE_OK || carafe_commit(c, NULL) != CARAFE_OK)
		return carafe_fail(c, "not what was expected");
	atomic_fetch_add(&s->flag, 1);
	it_gate_wait(s->gate);
	return CARAFE_OK;
}

static void
an_earlier_mark_does_not_take_back_what_is_committed(void **state)
{
	const char *topic = it_topic("regress", 2, NULL), *group = it_name("group");
	struct it_sink *s = it_sink_new();
	carafe *app = it_app(.protocol = it_protocol(state), .max_messages = 10, .max_wait_time = 10000);
	struct it_peer *peer;
	int moved;

	for (int p = 0; p < 2; p++)
		it_produce_many(topic, p, 0, 10);
	s->on_batch = commit_mark_back_and_wait;
	s->gate = it_gate_new();
	it_route(app, group, topic, it_batch_handler, s, .marking = CARAFE_MARK_MANUAL);
	it_start(app);
	it_until(it_gate_waiting(s->gate) == 2);
	assert_int_equal(atomic_load(&s->flag), 2);
	peer = it_peer(.group = group, .topic = topic, .protocol = it_protocol(state));
	it_gate_open(s->gate);
	it_until(it_peer_got(peer) > 0);
	moved = it_peer_has(peer, 0) ? 0 : 1;
	assert_int_equal(it_peer_first(peer, moved), 6);
	it_peer_leave(peer);
	it_stop(app);
	assert_int_equal(it_committed(group, topic, 1 - moved), 6);
}

/* ------------------------------------------------------------------------------------------------ rebalances */

static carafe_rc
mark_the_fifth_only(struct it_sink *s, carafe_consumer *c, const carafe_message *m)
{
	(void)s;
	return m->offset == 4 ? carafe_mark(c, m) : CARAFE_OK;
}

static void
without_automatic_commits_a_new_owner_starts_at_the_mark(void **state)
{
	const char *topic = it_topic("manual", 2, NULL), *group = it_name("group");
	struct it_sink *a = it_sink_new(), *b = it_sink_new();
	carafe *first = it_app(.protocol = it_protocol(state), .kafka = CARAFE_KV({ "enable.auto.commit", "false" })), *second;
	int moved;

	for (int p = 0; p < 2; p++)
		it_produce_many(topic, p, 0, 10);
	a->on_message = mark_the_fifth_only;
	it_route(first, group, topic, it_message_handler, a, .marking = CARAFE_MARK_MANUAL);
	it_start(first);
	it_until(it_handled(a) == 20);
	assert_int_equal(it_committed(group, topic, 0), -1);
	assert_int_equal(it_committed(group, topic, 1), -1);
	second = start(group, topic, b, NULL, it_protocol(state));
	it_until(it_handled(b) >= 5);
	moved = it_at(b, CARAFE_HOOK_CONSUME, 0).partition;
	it_until(it_handled_in(b, topic, moved) == 5);
	assert_true(it_at_in(b, CARAFE_HOOK_CONSUME, topic, moved, 0).offset == 5);
	it_stop(second);
	it_stop(first);
	it_expect_each_once(b, topic, moved, 5, 5);
}

/* ------------------------------------------------------------------------------------------------ without an offset */

static carafe_rc
fail_always(struct it_sink *s, carafe_consumer *c, const carafe_message *m)
{
	(void)s, (void)m;
	return carafe_fail(c, "never");
}

static carafe *
start_at_latest(const char *group, const char *topic, struct it_sink *s)
{
	carafe *app = it_app(.concurrency = 1);

	it_route(app, group, topic, it_message_handler, s, .initial_offset = "latest");
	it_start(app);
	return app;
}

/* As the settings' documentation warns. */
static void
with_latest_what_failed_before_anything_was_committed_is_skipped_after_a_restart(void **state)
{
	const char *topic = it_topic("latest", 1, NULL), *group = it_name("group");
	struct it_sink *a = it_sink_new(), *b = it_sink_new();
	carafe *app;

	(void)state;
	a->on_message = fail_always;
	app = start_at_latest(group, topic, a);
	while (it_handled(a) == 0) { /* it is known where "latest" is once something arrives */
		it_produce(topic, 0, "fails");
		it_nap(50);
	}
	it_stop(app);
	assert_int_equal(it_committed(group, topic, 0), -1);
	app = start_at_latest(group, topic, b);
	while (it_handled(b) == 0) {
		it_produce(topic, 0, "fine");
		it_nap(50);
	}
	it_stop(app);
	for (size_t i = 0; i < it_handled(b); i++)
		assert_string_equal(it_at(b, CARAFE_HOOK_CONSUME, i).value, "fine");
}

static void
without_a_reset_policy_a_missing_offset_is_told(void **state)
{
	const char *topic = it_topic("no-reset", 1, NULL), *group = it_name("group");
	struct it_events *events = it_events_new();
	struct it_sink *s = it_sink_new();
	carafe *app = it_app(.events = events, .kafka = CARAFE_KV({ "auto.offset.reset", "error" }));
	struct it_event e;

	(void)state;
	it_produce_many(topic, 0, 0, 3);
	it_route(app, group, topic, it_message_handler, s);
	it_start(app);
	it_until(it_event_find(events, CARAFE_EV_CONNECTION_ERROR, "offset", &e));
	assert_string_equal(e.kafka, "_AUTO_OFFSET_RESET");
	assert_string_equal(e.topic, topic);
	assert_int_equal(e.partition, 0);
	it_stop(app);
	assert_int_equal(it_handled(s), 0);
	assert_int_equal(it_committed(group, topic, 0), -1);
}

static void
records_of_aborted_transactions_are_not_handed_out(void **state)
{
	const char *topic = it_topic("aborted", 1, NULL), *group = it_name("group");
	struct it_sink *s = it_sink_new();
	carafe *app;

	(void)state;
	it_produce_many(topic, 0, 0, 2);
	it_produce_aborted(topic, 0, 3);
	it_produce_many(topic, 0, 2, 2);
	app = start(group, topic, s, NULL, IT_COOPERATIVE);
	it_until(it_handled(s) == 4);
	it_stop(app);
	for (int i = 0; i < 4; i++) { /* where the marker of their end is, the coordinator knows */
		char value[16];

		snprintf(value, sizeof(value), "0:%d", i);
		assert_string_equal(it_at(s, CARAFE_HOOK_CONSUME, (size_t)i).value, value);
	}
	assert_true(it_committed(group, topic, 0) >= 7);
}

/* ------------------------------------------------------------------------------------------------ many at once */

#define COMMITTERS 8 /* partitions */
#define COMMITS 1000 /* of each */

/* All of them, again and again; nobody else's commit helps who is forgotten. */
static carafe_rc
commit_together(struct it_sink *s, carafe_consumer *c, const carafe_message *m)
{
	carafe_error err = { 0 };
	carafe_rc rc;

	pthread_barrier_wait(s->arg);
	if ((rc = carafe_mark(c, m)) == CARAFE_OK)
		rc = carafe_commit(c, &err);
	if (rc != CARAFE_OK)
		atomic_fetch_add(&s->flag, 1);
	return rc == CARAFE_OK ? rc : carafe_fail(c, "%s", err.text);
}

/* One commit at a time is on its way, for whoever asked before it began. */
static void
handlers_that_commit_beside_each_other_are_all_answered(void **state)
{
	const char *topic = it_topic("committers", COMMITTERS, NULL), *group = it_name("group");
	struct it_sink *s = it_sink_new();
	struct it_events *events = it_events_new();
	carafe *app = it_app(.concurrency = COMMITTERS, .events = events, .kafka = CARAFE_KV({ "enable.auto.commit", "false" }));
	pthread_barrier_t barrier;

	(void)state;
	pthread_barrier_init(&barrier, NULL, COMMITTERS);
	s->arg = &barrier;
	s->on_message = commit_together;
	for (int p = 0; p < COMMITTERS; p++)
		it_produce_many(topic, p, 0, COMMITS);
	it_route(app, group, topic, it_message_handler, s);
	it_start(app);
	it_until(it_handled(s) >= COMMITTERS * COMMITS || atomic_load(&s->flag) > 0);
	it_stop(app);
	assert_int_equal(atomic_load(&s->flag), 0);
	assert_int_equal(it_event_count(events, CARAFE_EV_CONSUMER_ERROR), 0);
	for (int p = 0; p < COMMITTERS; p++)
		assert_int_equal(it_committed(group, topic, p), COMMITS);
	pthread_barrier_destroy(&barrier);
}

/* Its last offset is refused for ever, and is all that is left of it. */
static void
a_topic_that_is_deleted_holds_up_nothing(void **state)
{
	const char *stays = it_topic("stays", 1, NULL), *goes = it_topic("goes", 1, NULL), *group = it_name("group");
	struct it_events *events = it_events_new();
	struct it_sink *s = it_sink_new();
	carafe *app = it_app(.protocol = it_protocol(state), .events = events,
	    .kafka = CARAFE_KV({ "auto.commit.interval.ms", "600000" }, { "topic.metadata.refresh.interval.ms", "200" }));

	it_route(app, group, stays, it_message_handler, s);
	it_route(app, group, goes, it_message_handler, s);
	it_produce(stays, 0, "value");
	it_produce(goes, 0, "value");
	it_start(app);
	it_until(it_handled(s) == 2);
	it_topic_delete(goes);
	it_until(it_count_in(s, CARAFE_HOOK_REVOKED, goes, 0) == 1 && it_event_count(events, CARAFE_EV_REBALANCE_REVOKED) > 0);
	assert_true(it_event_at(events, CARAFE_EV_REBALANCE_REVOKED, 0).time_ms < 6000);
	it_produce(stays, 0, "value");
	it_until(it_handled_in(s, stays, 0) == 2);
	it_stop(app);
	assert_int_equal(it_committed(group, stays, 0), 2);
	it_expect_each_once(s, stays, 0, 0, 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IT_PROTOCOLS(metadata_goes_with_its_offset_to_whoever_has_the_partition_next),
		IT(the_same_offset_is_committed_again_with_other_metadata),
		IT(metadata_that_is_refused_is_told_and_does_not_hold_back_the_offset),
		IT(what_is_committed_before_the_work_is_never_given_again),
		IT(with_nothing_marked_a_failed_batch_is_retried_and_a_restart_begins_at_the_first),
		IT_PROTOCOLS(an_earlier_mark_does_not_take_back_what_is_committed),
		IT_PROTOCOLS(without_automatic_commits_a_new_owner_starts_at_the_mark),
		IT(with_latest_what_failed_before_anything_was_committed_is_skipped_after_a_restart),
		IT(without_a_reset_policy_a_missing_offset_is_told),
		IT(records_of_aborted_transactions_are_not_handed_out),
		IT(handlers_that_commit_beside_each_other_are_all_answered),
		IT_PROTOCOLS(a_topic_that_is_deleted_holds_up_nothing),
	};

	return it_run(tests);
}
