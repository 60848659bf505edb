/* Seeking on a real Kafka: what is fetched again, what is handed out, what is committed. */
#include <dlfcn.h>
#include <pthread.h>

#include "integration/steered.h"
#include "support/rdkafka.h"

/* From number, once. */
static carafe_rc
seek_to_number_at_flag(struct it_sink *s, carafe_consumer *c, const carafe_message *m)
{
	if (m->offset == atomic_load(&s->flag) && !atomic_exchange(&s->other, 1))
		assert_int_equal(carafe_seek(c, carafe_offset(atomic_load(&s->number)), true), CARAFE_OK);
	return CARAFE_OK;
}

static int64_t
handled_at(struct it_sink *s, size_t i)
{
	return it_at(s, CARAFE_HOOK_CONSUME, i).offset;
}

/* ------------------------------------------------------------------------------------------------ seeks */

static void
a_seek_goes_back_and_on_from_there(void **state)
{
	const char *topic = it_topic("seek", 1, NULL), *group = it_name("group");
	struct it_sink *s = it_sink_new();
	struct it_events *e = it_events_new();

	it_produce_many(topic, 0, 0, 100);
	s->on_message = seek_to_number_at_flag;
	s->flag = 80;
	s->number = 5; /* long let go of */
	begin(it_protocol(state), topic, group, s, e);
	it_until(it_handled(s) == 81 + 95);
	for (int i = 0; i <= 80; i++)
		assert_true(handled_at(s, (size_t)i) == i);
	for (int i = 5; i < 100; i++)
		assert_true(handled_at(s, (size_t)(81 + i - 5)) == i);
	assert_true(it_event_at(e, CARAFE_EV_CONSUMER_SOUGHT, 0).offset == 5);
	assert_true(it_fetched(e) >= 100 + 95);
	it_until(it_committed(group, topic, 0) == 100);
	it_stop(s->arg);
}

static void
a_seek_forward_leaves_out_what_was_fetched_ahead(void **unused)
{
	const char *topic = it_topic("ahead", 1, NULL), *group = it_name("group");
	struct it_sink *s = it_sink_new();

	(void)unused;
	it_produce_many(topic, 0, 0, 100);
	s->on_message = seek_to_number_at_flag;
	s->flag = 3;
	s->number = 90;
	begin(IT_COOPERATIVE, topic, group, s, NULL);
	it_until(it_handled(s) == 4 + 10);
	for (int i = 90; i < 100; i++)
		assert_true(handled_at(s, (size_t)(4 + i - 90)) == i);
	it_until(it_committed(group, topic, 0) == 100);
	it_stop(s->arg);
}

/* From 50 to 5, and no further than 20. */
static carafe_rc
go_back_and_stay(struct it_sink *s, carafe_consumer *c, const carafe_message *m)
{
	(void)s;
	if (m->offset == 50)
		assert_int_equal(carafe_seek(c, carafe_offset(5), true), CARAFE_OK);
	if (m->offset == 20)
		assert_int_equal(carafe_pause(c, carafe_next(), CARAFE_NONE), CARAFE_OK);
	return CARAFE_OK;
}

/* Whoever goes back before anything is marked does not know what others have committed. */
static void
what_others_have_committed_stays_so_after_a_seek(void **state)
{
	const char *topic = it_topic("floor", 1, NULL), *group = it_name("group");
	struct it_sink *first = it_sink_new(), *s = it_sink_new();
	struct it_events *e = it_events_new();

	it_produce_many(topic, 0, 0, 50);
	begin(it_protocol(state), topic, group, first, NULL);
	it_until(it_handled(first) == 50);
	it_stop(first->arg);
	s->on_message = go_back_and_stay;
	begin(it_protocol(state), topic, group, s, e);
	it_produce(topic, 0, "value");
	it_until(it_event_count(e, CARAFE_EV_CONSUMER_PAUSED) == 1);
	it_stop(s->arg);
	assert_int_equal(it_handled(s), 1 + 16);
	assert_true(it_committed(group, topic, 0) == 50);
}

/* Before anything was fetched. */
static carafe_rc
seek_when_initialized(struct it_sink *s, carafe_consumer *c, carafe_hook hook)
{
	if (hook == CARAFE_HOOK_INITIALIZED)
		assert_int_equal(carafe_seek(c, carafe_offset(atomic_load(&s->number)), true), CARAFE_OK);
	return CARAFE_OK;
}

static void
a_partition_begins_where_its_first_hook_wants(void **unused)
{
	const char *topic = it_topic("first", 1, NULL), *group = it_name("group");
	struct it_sink *s = it_sink_new();

	(void)unused;
	it_produce_many(topic, 0, 0, 50);
	s->on_hook = seek_when_initialized;
	s->number = 42;
	begin(IT_COOPERATIVE, topic, group, s, NULL);
	it_until(it_handled(s) == 8);
	assert_true(handled_at(s, 0) == 42);
	it_stop(s->arg);
}

/* Which offset it goes on at when it is sent there. */
static int64_t
sent_to(struct it_sink *s, struct it_events *e, const char *group, const char *topic, carafe_position to)
{
	size_t before = it_event_count(e, CARAFE_EV_CONSUMER_SOUGHT);

	assert_int_equal(carafe_seek_partition(s->arg, group, topic, 0, to), 1);
	it_until(it_event_count(e, CARAFE_EV_CONSUMER_SOUGHT) == before + 1);
	return it_event_at(e, CARAFE_EV_CONSUMER_SOUGHT, before).offset;
}

static void
times_and_ends_from_outside(void **unused)
{
	const char *topic = it_topic("time", 1, CARAFE_KV({ "retention.ms", "-1" })), *group = it_name("group");
	struct it_sink *s = it_sink_new();
	struct it_events *e = it_events_new();

	(void)unused;
	for (int i = 0; i < 10; i++) /* long ago, hence no retention */
		it_produce_at(topic, 0, "value", 1000000 + 1000 * i);
	begin(IT_COOPERATIVE, topic, group, s, e);
	it_until(it_handled(s) == 10);
	assert_true(sent_to(s, e, group, topic, carafe_time(1004000)) == 4);
	it_until(it_handled(s) == 16);
	assert_true(sent_to(s, e, group, topic, carafe_time(1004001)) == 5);
	it_until(it_handled(s) == 21);
	assert_true(sent_to(s, e, group, topic, carafe_time(1)) == 0); /* before the first one */
	it_until(it_handled(s) == 31);
	assert_true(sent_to(s, e, group, topic, carafe_time(4000000000000)) == 10); /* in the future: the end */
	assert_true(sent_to(s, e, group, topic, carafe_earliest()) == 0);
	it_until(it_handled(s) == 41);
	assert_true(sent_to(s, e, group, topic, carafe_latest()) == 10);
	it_produce(topic, 0, "last");
	it_until(it_handled(s) == 42);
	assert_true(handled_at(s, 41) == 10);
	it_stop(s->arg);
}

static bool
produce_until_handled(const char *topic, const struct it_sink *s, size_t count)
{
	it_produce(topic, 0, "more");
	return it_handled(s) >= count;
}

/* As after retention: 5 to 9 are there, 5 is committed, and the app is sent elsewhere. Where it lands. */
static int64_t
lands(const char *reset, int64_t to)
{
	const char *topic = it_topic("trimmed", 1, NULL), *group = it_name("group");
	struct it_sink *s = it_sink_new();
	struct it_events *e = it_events_new();

	it_produce_many(topic, 0, 0, 5);
	begin(IT_COOPERATIVE, topic, group, s, NULL);
	it_until(it_handled(s) == 5);
	it_stop(s->arg);
	it_produce_many(topic, 0, 5, 5);
	it_topic_trim(topic, 0, 5);
	s->arg = it_app(.events = e);
	it_route(s->arg, group, topic, it_message_handler, s, .initial_offset = reset);
	it_start(s->arg);
	it_until(it_handled(s) == 10);
	assert_true(sent_to(s, e, group, topic, carafe_offset(to)) == to);
	it_until(produce_until_handled(topic, s, 11));
	it_stop(s->arg);
	return handled_at(s, 10);
}

static void
an_offset_that_is_not_there_is_what_auto_offset_reset_makes_of_it(void **unused)
{
	(void)unused;
	assert_true(lands("earliest", 2) == 5);
	assert_true(lands("earliest", 50) == 5);
	assert_true(lands("latest", 2) >= 10);
}

static void *
pause_until_heard(void *arg)
{
	struct it_sink *s = arg;

	while (carafe_pause_partition(s->arg, "early", "early", 0, 1) + atomic_load(&s->flag) == 0)
		it_nap(1);
	return NULL;
}

/* Before the app is started, and while it is, there is nobody to hear it. For ThreadSanitizer. */
static void
who_steers_need_not_wait_for_the_start(void **unused)
{
	const char *topic = it_topic("early", 1, NULL), *group = it_name("group");
	struct it_sink *s = it_sink_new();
	carafe *app = it_app(.max_messages = 10);
	pthread_t thread;

	(void)unused;
	it_route(app, group, topic, it_message_handler, s);
	s->arg = app;
	assert_int_equal(pthread_create(&thread, NULL, pause_until_heard, s), 0);
	it_start(app);
	it_produce(topic, 0, "value");
	it_until(it_handled(s) == 1);
	atomic_store(&s->flag, 1);
	pthread_join(thread, NULL);
	it_stop(app);
}

static void
who_is_not_assigned_is_not_sent_anywhere(void **unused)
{
	const char *topic = it_topic("nobody", 1, NULL), *group = it_name("group");
	struct it_sink *s = it_sink_new();

	(void)unused;
	it_produce(topic, 0, "value");
	begin(IT_COOPERATIVE, topic, group, s, NULL);
	it_until(it_handled(s) == 1);
	assert_int_equal(carafe_seek_partition(s->arg, "nobody", topic, 0, carafe_offset(0)), 0);
	assert_int_equal(carafe_pause_partition(s->arg, group, topic, 1, 10), 0);
	assert_int_equal(carafe_seek_partition(s->arg, group, topic, CARAFE_ALL_PARTITIONS, carafe_offset(0)), 1);
	it_until(it_handled(s) == 2);
	it_stop(s->arg);
}

static void
the_unnamed_group_has_no_name_here_either(void **unused)
{
	const char *topic = it_topic("unnamed", 1, NULL), *group = it_name("group");
	carafe *app = it_app(.settings = CARAFE_KV({ "group_id", group }));
	struct it_sink *s = it_sink_new();

	(void)unused;
	it_produce(topic, 0, "value");
	it_route(app, NULL, topic, it_message_handler, s, .initial_offset = "earliest");
	it_start(app);
	it_until(it_handled(s) == 1);
	assert_int_equal(carafe_pause_partition(app, NULL, topic, 0, CARAFE_NONE), 1);
	assert_int_equal(carafe_seek_partition(app, NULL, topic, 0, carafe_offset(0)), 1);
	assert_int_equal(carafe_resume_partition(app, NULL, topic, 0), 1);
	it_until(it_handled(s) == 2);
	assert_int_equal(carafe_pause_partition(app, NULL, NULL, 0, 10), 0); /* no topic is so called */
	it_stop(app);
}

/* ------------------------------------------------------------------------------------------------ and what it leaves alone */

/* From everywhere to what is next. */
static carafe_rc
seek_to_the_next(struct it_sink *s, carafe_consumer *c, const carafe_message *m)
{
	(void)s;
	return carafe_seek(c, carafe_offset(m->offset + 1), true);
}

static void
a_seek_to_where_it_is_fetches_nothing_again(void **unused)
{
	const char *topic = it_topic("there", 1, NULL), *group = it_name("group");
	struct it_sink *s = it_sink_new();
	struct it_events *e = it_events_new();

	(void)unused;
	it_produce_many(topic, 0, 0, 50);
	s->on_message = seek_to_the_next;
	begin(IT_COOPERATIVE, topic, group, s, e);
	it_until(it_handled(s) == 50);
	assert_int_equal(carafe_seek_partition(s->arg, group, topic, 0, carafe_offset(50)), 1);
	it_produce(topic, 0, "another");
	it_until(it_handled(s) == 51);
	it_expect_each_once(s, topic, 0, 0, 51);
	assert_int_equal(it_fetched(e), 51);
	assert_int_equal(it_event_count(e, CARAFE_EV_CONSUMER_SOUGHT), 0);
	it_stop(s->arg);
}

static void
a_seek_in_a_pause_goes_on_from_there_when_it_is_resumed(void **unused)
{
	const char *topic = it_topic("inside", 1, NULL), *group = it_name("group");
	struct it_sink *s = it_sink_new();
	struct it_events *e = it_events_new();

	(void)unused;
	it_produce_many(topic, 0, 0, 20);
	begin(IT_COOPERATIVE, topic, group, s, e);
	it_until(it_handled(s) == 20);
	assert_int_equal(carafe_pause_partition(s->arg, group, topic, 0, CARAFE_NONE), 1);
	assert_int_equal(carafe_seek_partition(s->arg, group, topic, 0, carafe_offset(5)), 1);
	it_until(it_event_count(e, CARAFE_EV_CONSUMER_SOUGHT) == 1);
	it_until(it_fetched(e) == 20 + 15); /* they are there, and wait */
	assert_int_equal(it_handled(s), 20);
	assert_int_equal(carafe_resume_partition(s->arg, group, topic, 0), 1);
	it_until(it_handled(s) == 20 + 15);
	for (int i = 5; i < 20; i++)
		assert_true(handled_at(s, (size_t)(20 + i - 5)) == i);
	it_stop(s->arg);
}

/* At 7 to nowhere, at 12 to 10; either fails. */
static carafe_rc
seek_and_fail(struct it_sink *s, carafe_consumer *c, const carafe_message *m)
{
	if (m->offset == 7 && carafe_attempt(c) == 1)
		return carafe_seek(c, carafe_offset(-5), true);
	if (m->offset != 12 || atomic_exchange(&s->other, 1))
		return CARAFE_OK;
	assert_int_equal(carafe_seek(c, carafe_offset(10), true), CARAFE_OK);
	return carafe_fail(c, "not yet");
}

static void
a_handler_that_fails_in_a_seek_skips_nothing(void **unused)
{
	static const int64_t expected[] = { 0, 1, 2, 3, 4, 5, 6, 7, 7, 8, 9, 10, 11, 12, 10, 11, 12, 13, 14 };
	const char *topic = it_topic("fail", 1, NULL), *group = it_name("group");
	const size_t count = sizeof(expected) / sizeof(expected[0]);
	struct it_sink *s = it_sink_new();

	(void)unused;
	it_produce_many(topic, 0, 0, 15);
	s->on_message = seek_and_fail;
	begin(IT_COOPERATIVE, topic, group, s, NULL);
	it_until(it_committed(group, topic, 0) == 15);
	it_stop(s->arg);
	assert_int_equal(it_handled(s), count);
	for (size_t i = 0; i < count; i++)
		assert_true(handled_at(s, i) == expected[i]);
}

/* From 35 to 5, which fails then. */
static carafe_rc
seek_back_keep_marks_and_fail(struct it_sink *s, carafe_consumer *c, const carafe_message *m)
{
	if (m->offset == 5 && atomic_load(&s->other) == 1)
		return carafe_fail(c, "once was enough");
	if (m->offset == 35 && !atomic_exchange(&s->other, 1))
		assert_int_equal(carafe_seek(c, carafe_offset(5), false), CARAFE_OK);
	return CARAFE_OK;
}

static void
a_seek_that_keeps_marks_leaves_out_on_failure_what_was_done(void **unused)
{
	const char *topic = it_topic("keep", 1, NULL), *group = it_name("group");
	struct it_sink *s = it_sink_new();
	struct it_events *e = it_events_new();

	(void)unused;
	it_produce_many(topic, 0, 0, 40);
	s->on_message = seek_back_keep_marks_and_fail;
	begin(IT_COOPERATIVE, topic, group, s, e);
	it_until(it_committed(group, topic, 0) == 40);
	it_stop(s->arg);
	assert_int_equal(it_handled(s), 36 + 1 + 5);
	assert_true(handled_at(s, 36) == 5);
	for (int i = 35; i < 40; i++)
		assert_true(handled_at(s, (size_t)(37 + i - 35)) == i);
	assert_int_equal(it_event_count(e, CARAFE_EV_CONSUMER_ERROR), 1);
}

static struct it_events *late_until_assigned_again; /* as by a thread that did not run for a while */

/* In the place of librdkafka's, which seeks whatever it fetches by then. */
rd_kafka_error_t *
rd_kafka_seek_partitions(rd_kafka_t *rk, rd_kafka_topic_partition_list_t *partitions, int timeout_ms)
{
	rd_kafka_error_t *(*real)(rd_kafka_t *, rd_kafka_topic_partition_list_t *, int);
	struct it_events *e = late_until_assigned_again;

	*(void **)&real = dlsym(RTLD_NEXT, "rd_kafka_seek_partitions");
	for (int i = 0; e != NULL && i < 2000 && it_event_count(e, CARAFE_EV_REBALANCE_ASSIGNED) < 2; i++)
		it_nap(1);
	return real(rk, partitions, timeout_ms);
}

static void
a_seek_of_a_partition_that_is_lost_meanwhile_is_not_for_whoever_has_it_next(void **state)
{
	const char *topic = it_topic("meanwhile", 1, NULL), *group = it_name("group");
	struct it_sink *s = it_sink_new();
	struct it_events *e = it_events_new();

	it_produce_many(topic, 0, 0, 10);
	begin(it_protocol(state), topic, group, s, e);
	it_until(it_committed(group, topic, 0) == 10);
	late_until_assigned_again = e;
	assert_int_equal(carafe_seek_partition(s->arg, group, topic, 0, carafe_offset(0)), 1);
	it_expel(group, "it");
	it_until(it_event_count(e, CARAFE_EV_REBALANCE_ASSIGNED) == 2);
	late_until_assigned_again = NULL;
	it_produce_many(topic, 0, 10, 10);
	it_until(it_committed(group, topic, 0) == 20);
	it_stop(s->arg);
	it_expect_each_once(s, topic, 0, 0, 20);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IT_PROTOCOLS(a_seek_goes_back_and_on_from_there),
		IT_PROTOCOLS(what_others_have_committed_stays_so_after_a_seek),
		IT(a_seek_forward_leaves_out_what_was_fetched_ahead),
		IT(a_partition_begins_where_its_first_hook_wants),
		IT(times_and_ends_from_outside),
		IT(an_offset_that_is_not_there_is_what_auto_offset_reset_makes_of_it),
		IT(who_steers_need_not_wait_for_the_start),
		IT(who_is_not_assigned_is_not_sent_anywhere),
		IT(the_unnamed_group_has_no_name_here_either),
		IT(a_seek_to_where_it_is_fetches_nothing_again),
		IT(a_seek_in_a_pause_goes_on_from_there_when_it_is_resumed),
		IT(a_handler_that_fails_in_a_seek_skips_nothing),
		IT(a_seek_that_keeps_marks_leaves_out_on_failure_what_was_done),
		IT_CLASSIC_ONES(a_seek_of_a_partition_that_is_lost_meanwhile_is_not_for_whoever_has_it_next),
	};

	return it_run(tests);
}
