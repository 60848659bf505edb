/* Handlers that are done with a message later, on another thread: what is handed out meanwhile, and what is committed. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/test.h"

/* What is in progress, and a thread that completes it. */
static struct {
	pthread_mutex_t mu;
	carafe_deferred *held[8192];
	size_t count;
	size_t most;
} shelf = { .mu = PTHREAD_MUTEX_INITIALIZER };

static size_t
shelved(void)
{
	size_t count;

	pthread_mutex_lock(&shelf.mu);
	count = shelf.count;
	pthread_mutex_unlock(&shelf.mu);
	return count;
}

static carafe_rc
put_on_shelf(carafe_deferred *d)
{
	pthread_mutex_lock(&shelf.mu);
	shelf.held[shelf.count++] = d;
	if (shelf.count > shelf.most)
		shelf.most = shelf.count;
	pthread_mutex_unlock(&shelf.mu);
	return CARAFE_PENDING;
}

/* The last one first, the others as they come: NULL when there is none but `keep`. */
static carafe_deferred *
take_from_shelf(const carafe_deferred *keep)
{
	carafe_deferred *d = NULL;

	pthread_mutex_lock(&shelf.mu);
	for (size_t i = shelf.count; d == NULL && i > 0; i--) {
		if (shelf.held[i - 1] == keep)
			continue;
		d = shelf.held[i - 1];
		shelf.held[i - 1] = shelf.held[--shelf.count];
	}
	pthread_mutex_unlock(&shelf.mu);
	return d;
}

static void
empty_shelf(void)
{
	shelf.count = shelf.most = 0;
}

/* Until told to end, and then until nothing is left. */
static void *
complete_all(void *arg)
{
	struct it_sink *s = arg;

	for (;;) {
		bool over = atomic_load(&s->other) == 1;
		carafe_deferred *d = take_from_shelf(NULL);

		if (d != NULL)
			(void)carafe_complete(d, CARAFE_OK, NULL);
		else if (over)
			return NULL;
		else
			it_nap(1);
	}
}

static carafe_rc
defer(struct it_sink *s, carafe_consumer *c, const carafe_message *m)
{
	(void)s, (void)m;
	return put_on_shelf(carafe_defer(c));
}

static carafe_rc
defer_batch(struct it_sink *s, carafe_consumer *c, const carafe_batch *b)
{
	(void)s, (void)b;
	return put_on_shelf(carafe_defer(c));
}

static void
what_another_thread_completes_is_done_once_and_committed(void **state)
{
	const char *topic = it_topic("async", 3, NULL), *group = it_name("group");
	struct it_sink *s = it_sink_new();
	carafe *app = it_app(.protocol = it_protocol(state), .max_messages = 50);
	pthread_t completer;

	empty_shelf();
	for (int p = 0; p < 3; p++)
		it_produce_many(topic, p, 0, 200);
	s->on_message = defer;
	it_route(app, group, topic, it_message_handler, s);
	pthread_create(&completer, NULL, complete_all, s);
	it_start(app);
	it_until(it_handled(s) == 600);
	it_stop(app);
	atomic_store(&s->other, 1);
	pthread_join(completer, NULL);
	assert_true(shelf.most <= 150);
	for (int p = 0; p < 3; p++) {
		it_expect_each_once(s, topic, p, 0, 200);
		assert_int_equal(it_committed(group, topic, p), 200);
	}
}

static void
complete_so_many(int count)
{
	while (count-- > 0)
		assert_int_equal(carafe_complete(take_from_shelf(NULL), CARAFE_OK, NULL), CARAFE_OK);
}

static void
thousands_are_in_progress_at_once_on_one_worker(void **state)
{
	const char *topic = it_topic("many", 1, NULL), *group = it_name("group");
	struct it_sink *s = it_sink_new();
	carafe *app = it_app(.concurrency = 1, .max_messages = 5000);

	(void)state;
	empty_shelf();
	it_produce_many(topic, 0, 0, 7000);
	s->on_message = defer;
	it_route(app, group, topic, it_message_handler, s);
	it_start(app);
	it_until(shelved() == 5000);
	assert_int_equal(it_threads("crf-worker"), 1);
	complete_so_many(5000); /* not those that come meanwhile */
	it_until(shelved() == 2000);
	complete_so_many(2000);
	it_stop(app);
	assert_int_equal(shelf.most, 5000);
	assert_int_equal(it_committed(group, topic, 0), 7000);
}

static void
nothing_is_committed_before_what_is_in_progress(void **state)
{
	const char *topic = it_topic("lowest", 1, NULL), *group = it_name("group");
	struct it_sink *s = it_sink_new();
	carafe *app = it_app(.max_messages = 50);
	carafe_deferred *keep = NULL, *d;

	(void)state;
	empty_shelf();
	it_produce_many(topic, 0, 0, 20);
	s->on_message = defer;
	it_route(app, group, topic, it_message_handler, s);
	it_start(app);
	it_until(shelved() == 20);
	for (size_t i = 0; i < 20; i++)
		if (carafe_deferred_message(shelf.held[i])->offset == 7)
			keep = shelf.held[i];
	assert_non_null(keep);
	while ((d = take_from_shelf(keep)) != NULL)
		assert_int_equal(carafe_complete(d, CARAFE_OK, NULL), CARAFE_OK);
	it_until(it_committed(group, topic, 0) == 7);
	assert_false(carafe_deferred_should_stop(keep));
	carafe_stop(app);
	it_until(carafe_deferred_should_stop(keep));
	assert_int_equal(it_committed(group, topic, 0), 7);
	assert_int_equal(carafe_complete(take_from_shelf(NULL), CARAFE_OK, NULL), CARAFE_OK); /* the stop waits for it */
	it_await_end(app);
	assert_int_equal(it_committed(group, topic, 0), 20);
}

/* The runs of offset 3 fail; its completions do. */
static void *
fail_third(void *arg)
{
	struct it_sink *s = arg;

	for (;;) {
		bool over = atomic_load(&s->other) == 1;
		carafe_deferred *d = take_from_shelf(NULL);

		if (d == NULL && over)
			return NULL;
		if (d == NULL)
			it_nap(1);
		else if (carafe_deferred_message(d)->offset == 3)
			(void)carafe_complete(d, CARAFE_FAILED, "the answer was no");
		else
			(void)carafe_complete(d, CARAFE_OK, NULL);
	}
}

static void
a_completion_that_fails_is_retried_and_dead_lettered(void **state)
{
	const char *topic = it_topic("no", 1, NULL), *dead = it_topic("no.dead", 1, NULL), *group = it_name("group");
	struct it_sink *s = it_sink_new(), *letters = it_sink_new();
	struct it_events *events = it_events_new();
	carafe *app = it_app(.events = events, .settings = CARAFE_KV({ "pause.timeout", "10" }, { "pause.max_timeout", "20" }));
	carafe_route *r;
	pthread_t completer;

	(void)state;
	empty_shelf();
	it_produce_many(topic, 0, 0, 10);
	s->on_message = defer;
	r = it_route(app, group, topic, it_message_handler, s);
	carafe_dlq(r, .topic = dead, .max_retries = 2);
	it_route(app, group, dead, it_message_handler, letters);
	pthread_create(&completer, NULL, fail_third, s);
	it_start(app);
	it_until(it_handled(s) == 12 && it_handled(letters) == 1);
	it_until(shelved() == 0);
	it_stop(app);
	atomic_store(&s->other, 1);
	pthread_join(completer, NULL);
	assert_true(it_event_find(events, CARAFE_EV_CONSUMER_ERROR, "the answer was no", NULL));
	assert_int_equal(it_event_count(events, CARAFE_EV_CONSUMER_ERROR), 3);
	assert_int_equal(it_committed(group, topic, 0), 10);
}

static void
a_batch_may_be_deferred(void **state)
{
	const char *topic = it_topic("whole", 1, NULL), *group = it_name("group");
	struct it_sink *s = it_sink_new();
	carafe *app = it_app(.max_messages = 10);
	pthread_t completer;

	(void)state;
	empty_shelf();
	it_produce_many(topic, 0, 0, 95);
	s->on_batch = defer_batch;
	it_route(app, group, topic, it_batch_handler, s);
	pthread_create(&completer, NULL, complete_all, s);
	it_start(app);
	it_until(it_handled(s) == 95);
	it_stop(app);
	atomic_store(&s->other, 1);
	pthread_join(completer, NULL);
	it_expect_each_once(s, topic, 0, 0, 95);
	assert_int_equal(shelf.most, 1);
	assert_int_equal(it_committed(group, topic, 0), 95);
}

static carafe *volatile left_behind; /* on purpose: no leak */

static void
what_was_never_completed_is_named_in_the_dump_and_when_the_stop_is_forced(void **state)
{
	const char *topic = it_topic("forgotten", 1, NULL), *group = it_name("group");
	struct it_events *events = it_events_new();
	struct it_sink *s = it_sink_new();
	carafe *app = it_app(.events = events, .settings = CARAFE_KV({ "forceful_shutdown_wait", "60000" }));
	carafe_error err = { 0 };
	struct it_event dump;
	char at[128];

	(void)state;
	empty_shelf();
	it_produce_many(topic, 0, 0, 5);
	s->on_message = defer;
	it_route(app, group, topic, it_message_handler, s);
	it_start(app);
	it_until(shelved() == 5);
	(void)carafe_complete(shelf.held[0], CARAFE_OK, NULL);
	it_until(it_committed(group, topic, 0) == 1);
	carafe_dump(app);
	snprintf(at, sizeof(at), "partition %s/%s[0] ", group, topic);
	assert_true(it_event_find(events, CARAFE_EV_PROCESS_DUMP, at, &dump));
	assert_non_null(strstr(dump.text, "4 deferred in progress, the first at offset 1 for "));
	carafe_force_stop(app);
	assert_int_equal(carafe_wait(app, -1, &err), CARAFE_TIMEOUT);
	assert_non_null(strstr(err.text, at));
	assert_non_null(strstr(err.text, "4 deferred in progress, the first at offset 1 for "));
	assert_null(strchr(err.text, '\n'));
	assert_true(it_event_find(events, CARAFE_EV_APP_STUCK, at, &dump));
	assert_null(strchr(dump.text, '\n'));
	it_app_forget(app);
	left_behind = app;
	for (int i = 1; i < 5; i++)
		assert_int_equal(carafe_complete(shelf.held[i], CARAFE_OK, NULL), CARAFE_LOST);
	it_until(it_event_count(events, CARAFE_EV_CONSUMER_REVOKED) == 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IT_PROTOCOLS(what_another_thread_completes_is_done_once_and_committed),
		IT(thousands_are_in_progress_at_once_on_one_worker),
		IT(nothing_is_committed_before_what_is_in_progress),
		IT(a_completion_that_fails_is_retried_and_dead_lettered),
		IT(a_batch_may_be_deferred),
		IT(what_was_never_completed_is_named_in_the_dump_and_when_the_stop_is_forced),
	};

	return it_run(tests);
}
