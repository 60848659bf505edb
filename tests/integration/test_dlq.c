/* Dead letters: what goes there, how it looks there, and that it is there before the partition goes on. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/test.h"

/* Dead letters are given up on soon, so that what happens then can be seen. */
#define IMPATIENT                                                                                                      \
	CARAFE_KV({ "message.timeout.ms", "400" }, { "topic.metadata.propagation.max.ms", "100" }, { "retry.backoff.ms", "50" }, \
	    { "retry.backoff.max.ms", "100" })

static carafe_rc
fail_poison(struct it_sink *s, carafe_consumer *c, const carafe_message *m)
{
	(void)s;
	if (m->value.len >= 6 && memcmp(m->value.data, "poison", 6) == 0)
		return carafe_fail(c, "poison at %lld", (long long)m->offset);
	return CARAFE_OK;
}

static carafe_rc
fail_everything(struct it_sink *s, carafe_consumer *c, const carafe_message *m)
{
	(void)s, (void)m;
	return carafe_fail(c, "nothing works");
}

static int64_t
header_number(const struct it_message *m, const char *name)
{
	const char *text = it_header(m, name);

	assert_non_null(text);
	return strtoll(text, NULL, 10);
}

static bool
is(carafe_bytes b, const char *text)
{
	return b.data != NULL && b.len == strlen(text) && memcmp(b.data, text, b.len) == 0;
}

/* ------------------------------------------------------------------------------------------------ which and when */

static void
a_message_is_dispatched_once_after_its_retries(void **state)
{
	const char *topic = it_topic("retries", 1, NULL), *dead = it_topic("dead", 1, NULL), *group = it_name("group");
	struct it_events *events = it_events_new();
	struct it_sink *s = it_sink_new();
	carafe *app = it_app(.protocol = it_protocol(state), .events = events);
	struct it_messages letters;

	it_produce(topic, 0, "a");
	it_produce(topic, 0, "poison");
	it_produce(topic, 0, "b");
	s->on_message = fail_poison;
	carafe_dlq(it_route(app, group, topic, it_message_handler, s), .topic = dead, .max_retries = 2);
	it_start(app);
	it_until(it_handled(s) == 5);
	it_stop(app);
	assert_string_equal(it_at(s, CARAFE_HOOK_CONSUME, 4).value, "b");
	for (int i = 1; i <= 3; i++)
		assert_int_equal(it_at(s, CARAFE_HOOK_CONSUME, (size_t)i).attempt, i);
	it_read(dead, &letters);
	assert_int_equal(letters.count, 1);
	assert_true(is(letters.items[0].value, "poison"));
	it_messages_free(&letters);
	assert_int_equal(it_event_count(events, CARAFE_EV_DLQ_DISPATCHED), 1);
	assert_int_equal(it_event_at(events, CARAFE_EV_DLQ_DISPATCHED, 0).offset, 1);
	assert_int_equal(it_event_at(events, CARAFE_EV_DLQ_DISPATCHED, 0).target_offset, 0);
	assert_int_equal(it_committed(group, topic, 0), 3);
}

static void
broken_first_and_last_messages_do_not_stop_a_batch(void **state)
{
	const char *topic = it_topic("ends", 1, NULL), *dead = it_topic("dead", 1, NULL), *group = it_name("group");
	struct it_sink *s = it_sink_new();
	carafe *app = it_app(.max_messages = 10, .max_wait_time = 3000);
	struct it_messages letters;

	(void)state;
	it_produce(topic, 0, "poison first");
	it_produce_many(topic, 0, 1, 8);
	it_produce(topic, 0, "poison last");
	s->on_message = fail_poison;
	carafe_dlq(it_route(app, group, topic, it_message_handler, s), .topic = dead, .max_retries = CARAFE_NONE);
	it_start(app);
	it_until(it_committed(group, topic, 0) == 10);
	it_stop(app);
	it_expect_each_once(s, topic, 0, 0, 10);
	it_read(dead, &letters);
	assert_int_equal(letters.count, 2);
	assert_true(is(letters.items[0].value, "poison first"));
	assert_true(is(letters.items[1].value, "poison last"));
	it_messages_free(&letters);
}

static carafe_rc
mark_until_poison(struct it_sink *s, carafe_consumer *c, const carafe_batch *b)
{
	(void)s;
	carafe_foreach (m, b) {
		if (m->value.len >= 6 && memcmp(m->value.data, "poison", 6) == 0)
			return carafe_fail(c, "poison");
		carafe_mark(c, m);
	}
	return CARAFE_OK;
}

static void
a_batch_that_marks_as_it_goes_dispatches_only_the_broken_message(void **state)
{
	const char *topic = it_topic("marking", 1, NULL), *dead = it_topic("dead", 1, NULL), *group = it_name("group");
	struct it_sink *s = it_sink_new();
	carafe *app = it_app(.max_messages = 20, .max_wait_time = 3000);
	struct it_messages letters;

	(void)state;
	it_produce_many(topic, 0, 0, 5);
	it_produce(topic, 0, "poison");
	it_produce_many(topic, 0, 6, 5);
	s->on_batch = mark_until_poison;
	carafe_dlq(it_route(app, group, topic, it_batch_handler, s), .topic = dead, .max_retries = 1);
	it_start(app);
	it_until(it_committed(group, topic, 0) == 11);
	it_stop(app);
	it_read(dead, &letters);
	assert_int_equal(letters.count, 1);
	assert_true(is(letters.items[0].value, "poison"));
	it_messages_free(&letters);
}

/* ------------------------------------------------------------------------------------------------ how it looks */

static void
a_dead_letter_is_the_message_with_where_it_came_from(void **state)
{
	const char *topic = it_topic("looks", 3, NULL), *dead = it_topic("dead", 1, NULL), *group = it_name("group");
	struct it_sink *s = it_sink_new();
	carafe *app = it_app(.concurrency = 1);
	struct it_messages letters;
	const struct it_message *m;

	(void)state;
	it_produce(topic, 2, "poison, so that offsets and places differ");
	it_produce_record(topic, 2, (carafe_bytes){ "k\0ey", 4 }, (carafe_bytes){ "poison\0\1", 8 },
	    CARAFE_KV({ "trace", "1" }, { "none", NULL }, { "trace", "2" }, { "source_topic", "a lie" }));
	s->on_message = fail_poison;
	carafe_dlq(it_route(app, group, topic, it_message_handler, s), .topic = dead, .max_retries = 1);
	it_start(app);
	it_until(it_committed(group, topic, 2) == 2);
	it_stop(app);
	it_read(dead, &letters);
	assert_int_equal(letters.count, 2);
	assert_null(letters.items[0].key.data);
	m = &letters.items[1];
	assert_int_equal(m->key.len, 4);
	assert_memory_equal(m->key.data, "k\0ey", 4);
	assert_int_equal(m->value.len, 8);
	assert_memory_equal(m->value.data, "poison\0\1", 8);
	assert_string_equal(m->headers[0].name, "trace");
	assert_string_equal(m->headers[0].value, "1");
	assert_string_equal(m->headers[1].name, "none");
	assert_true(m->headers[1].null);
	assert_string_equal(m->headers[2].value, "2");
	assert_string_equal(it_header(m, "source_topic"), topic);
	assert_int_equal(header_number(m, "source_partition"), 2);
	assert_int_equal(header_number(m, "source_offset"), 1);
	assert_string_equal(it_header(m, "source_consumer_group"), group);
	assert_int_equal(header_number(m, "source_attempts"), 2);
	assert_non_null(strstr(it_header(m, "source_error"), "poison at 1"));
	it_messages_free(&letters);
}

static void
null_and_empty_survive_the_way(void **state)
{
	const char *topic = it_topic("nulls", 1, NULL), *dead = it_topic("dead", 1, NULL), *group = it_name("group");
	struct it_sink *s = it_sink_new();
	carafe *app = it_app(.concurrency = 1);
	struct it_messages letters;

	(void)state;
	it_produce_record(topic, 0, (carafe_bytes){ NULL, 0 }, (carafe_bytes){ NULL, 0 }, NULL);
	it_produce_record(topic, 0, (carafe_bytes){ "", 0 }, (carafe_bytes){ "", 0 }, NULL);
	s->on_message = fail_everything;
	carafe_dlq(it_route(app, group, topic, it_message_handler, s), .topic = dead, .max_retries = CARAFE_NONE);
	it_start(app);
	it_until(it_committed(group, topic, 0) == 2);
	it_stop(app);
	it_read(dead, &letters);
	assert_int_equal(letters.count, 2);
	assert_null(letters.items[0].key.data);
	assert_null(letters.items[0].value.data);
	assert_non_null(letters.items[1].key.data);
	assert_int_equal(letters.items[1].key.len, 0);
	assert_non_null(letters.items[1].value.data);
	assert_int_equal(letters.items[1].value.len, 0);
	it_messages_free(&letters);
}

/* In the dead letter topic each source partition is in one partition, in order. */
static void
expect_order(const struct it_messages *letters, int partitions, int64_t each)
{
	int64_t next[16] = { 0 };
	int32_t place[16];

	assert_int_equal(letters->count, partitions * each);
	for (size_t i = 0; i < letters->count; i++) {
		const struct it_message *m = &letters->items[i];
		int64_t from = header_number(m, "source_partition");

		if (next[from] == 0)
			place[from] = m->partition;
		assert_int_equal(m->partition, place[from]);
		assert_int_equal(header_number(m, "source_offset"), next[from]);
		next[from]++;
	}
}

static void
order_is_kept_from_partition_to_partition(void **state)
{
	const char *topic = it_topic("order", 6, NULL), *dead = it_topic("dead", 4, NULL), *group = it_name("group");
	struct it_sink *s = it_sink_new();
	carafe *app = it_app(.protocol = it_protocol(state), .concurrency = 6);
	struct it_messages letters;

	for (int p = 0; p < 6; p++)
		it_produce_many(topic, p, 0, 20);
	s->on_message = fail_everything;
	carafe_dlq(it_route(app, group, topic, it_message_handler, s), .topic = dead, .max_retries = CARAFE_NONE);
	it_start(app);
	for (int p = 0; p < 6; p++)
		it_until(it_committed(group, topic, p) == 20);
	it_stop(app);
	it_read(dead, &letters);
	expect_order(&letters, 6, 20);
	it_messages_free(&letters);
}

/* ------------------------------------------------------------------------------------------------ only once it is there */

static void
nothing_is_committed_before_the_dead_letter_is_acknowledged(void **state)
{
	const char *topic = it_topic("ack", 2, NULL), *group = it_name("group");
	const char *dead = it_name("appears"); /* until then the producer keeps the letter, for half a minute */
	struct it_events *events = it_events_new();
	struct it_sink *s = it_sink_new();
	carafe *app = it_app(.events = events);
	struct it_messages letters;

	(void)state;
	it_produce(topic, 0, "good");
	it_produce(topic, 0, "poison");
	it_produce(topic, 0, "waits");
	it_produce_many(topic, 1, 0, 200);
	s->on_message = fail_poison;
	s->sleep_ms = 5;
	carafe_dlq(it_route(app, group, topic, it_message_handler, s), .topic = dead, .max_retries = CARAFE_NONE);
	it_start(app);
	it_until(it_committed(group, topic, 1) == 200); /* the other partition goes on: a second of commits */
	assert_int_equal(it_committed(group, topic, 0), 1);
	assert_int_equal(it_handled_in(s, topic, 0), 2);
	assert_int_equal(it_event_count(events, CARAFE_EV_DLQ_DISPATCHED), 0);
	it_topic_make(dead, 1, NULL);
	it_until(it_committed(group, topic, 0) == 3);
	it_stop(app);
	it_read(dead, &letters);
	assert_int_equal(letters.count, 1);
	it_messages_free(&letters);
}

static void
without_its_topic_the_partition_waits_and_goes_on_when_it_appears(void **state)
{
	const char *topic = it_topic("no-dead", 2, NULL), *dead = it_name("appears"), *group = it_name("group");
	struct it_events *events = it_events_new();
	struct it_sink *s = it_sink_new();
	carafe *app = it_app(.events = events, .kafka = IMPATIENT);
	struct it_messages letters;
	struct it_event failed;

	(void)state;
	it_produce(topic, 0, "poison");
	it_produce(topic, 0, "waits");
	it_produce_many(topic, 1, 0, 20);
	s->on_message = fail_poison;
	carafe_dlq(it_route(app, group, topic, it_message_handler, s), .topic = dead, .max_retries = 1);
	it_start(app);
	it_until(it_committed(group, topic, 1) == 20);
	it_until(it_event_count(events, CARAFE_EV_DLQ_FAILED) >= 2); /* tried, failed, run again, failed again */
	failed = it_event_at(events, CARAFE_EV_DLQ_FAILED, 0);
	assert_string_equal(failed.target, dead);
	assert_int_equal(failed.offset, 0);
	assert_true(strlen(failed.text) > 0);
	assert_true(it_handled_in(s, topic, 0) >= 3);
	assert_int_equal(it_at_in(s, CARAFE_HOOK_CONSUME, topic, 0, it_handled_in(s, topic, 0) - 1).offset, 0);
	assert_int_equal(it_committed(group, topic, 0), -1);
	it_topic_make(dead, 1, NULL);
	it_until(it_committed(group, topic, 0) == 2);
	it_stop(app);
	it_read(dead, &letters);
	assert_int_equal(letters.count, 1);
	assert_true(is(letters.items[0].value, "poison"));
	it_messages_free(&letters);
}

static void
a_dead_letter_that_is_refused_is_not_skipped(void **state)
{
	const char *topic = it_topic("refused", 2, NULL), *group = it_name("group");
	const char *dead = it_topic("narrow", 1, CARAFE_KV({ "max.message.bytes", "1000" }));
	struct it_events *events = it_events_new();
	struct it_sink *s = it_sink_new();
	carafe *app = it_app(.events = events);
	struct it_messages letters;
	char big[3000];

	(void)state;
	memset(big, 'x', sizeof(big));
	memcpy(big, "poison", 6);
	it_produce_record(topic, 0, (carafe_bytes){ NULL, 0 }, (carafe_bytes){ big, sizeof(big) }, NULL);
	it_produce(topic, 0, "waits");
	it_produce_many(topic, 1, 0, 20);
	s->on_message = fail_poison;
	carafe_dlq(it_route(app, group, topic, it_message_handler, s), .topic = dead, .max_retries = CARAFE_NONE);
	it_start(app);
	it_until(it_committed(group, topic, 1) == 20 && it_event_count(events, CARAFE_EV_DLQ_FAILED) >= 3);
	assert_string_equal(it_event_at(events, CARAFE_EV_DLQ_FAILED, 0).kafka, "MSG_SIZE_TOO_LARGE");
	assert_int_equal(it_committed(group, topic, 0), -1);
	it_topic_config(dead, "max.message.bytes", "1000000");
	it_until(it_committed(group, topic, 0) == 2);
	it_stop(app);
	it_read(dead, &letters);
	assert_int_equal(letters.count, 1);
	assert_int_equal(letters.items[0].value.len, sizeof(big));
	it_messages_free(&letters);
}

static void
a_message_too_large_for_the_producer_waits_and_holds_up_nobody(void **state)
{
	const char *topic = it_topic("large", 2, CARAFE_KV({ "max.message.bytes", "4000000" })), *group = it_name("group");
	const char *dead = it_topic("dead", 1, CARAFE_KV({ "max.message.bytes", "4000000" }));
	struct it_events *events = it_events_new();
	struct it_sink *s = it_sink_new();
	carafe *app = it_app(.events = events);
	char *big = malloc(2000000);

	(void)state;
	memset(big, 'x', 2000000);
	memcpy(big, "poison", 6);
	it_produce_record(topic, 0, (carafe_bytes){ NULL, 0 }, (carafe_bytes){ big, 2000000 }, NULL);
	it_produce_many(topic, 1, 0, 20);
	free(big);
	s->on_message = fail_poison;
	carafe_dlq(it_route(app, group, topic, it_message_handler, s), .topic = dead, .max_retries = CARAFE_NONE);
	it_start(app);
	it_until(it_committed(group, topic, 1) == 20 && it_event_count(events, CARAFE_EV_DLQ_FAILED) >= 2);
	assert_string_equal(it_event_at(events, CARAFE_EV_DLQ_FAILED, 0).kafka, "MSG_SIZE_TOO_LARGE");
	assert_true(strlen(it_event_at(events, CARAFE_EV_DLQ_FAILED, 0).hint) > 0);
	assert_true(it_handled_in(s, topic, 0) >= 2);
	assert_int_equal(it_committed(group, topic, 0), -1);
	it_stop(app);
}

static void
a_stop_does_not_wait_for_a_dead_letter_that_cannot_be_written(void **state)
{
	const char *topic = it_topic("stop", 1, NULL), *group = it_name("group"), *dead = it_name("never-appears");
	struct it_sink *s = it_sink_new();
	carafe *app = it_app(.settings = CARAFE_KV({ "shutdown_timeout", "5000" }, { "drain_timeout", "2000" }));

	(void)state;
	it_produce(topic, 0, "poison");
	s->on_message = fail_poison;
	carafe_dlq(it_route(app, group, topic, it_message_handler, s), .topic = dead, .max_retries = CARAFE_NONE);
	it_start(app);
	it_until(it_handled(s) == 1);
	it_stop(app);
	assert_int_equal(it_committed(group, topic, 0), -1);
}

/* ------------------------------------------------------------------------------------------------ options */

static void
an_unmarked_dead_letter_does_not_move_the_commit_by_itself(void **state)
{
	const char *topic = it_topic("unmarked", 1, NULL), *dead = it_topic("dead", 1, NULL), *group = it_name("group");
	struct it_events *events = it_events_new();
	struct it_sink *s = it_sink_new();
	carafe *app = it_app(.events = events);

	(void)state;
	it_produce(topic, 0, "poison");
	s->on_message = fail_poison;
	carafe_dlq(it_route(app, group, topic, it_message_handler, s), .topic = dead, .max_retries = CARAFE_NONE,
	    .leave_unmarked = 1);
	it_start(app);
	it_until(it_event_count(events, CARAFE_EV_DLQ_DISPATCHED) == 1);
	it_produce(topic, 0, "poison");
	it_until(it_event_count(events, CARAFE_EV_DLQ_DISPATCHED) == 2); /* it goes on all the same */
	assert_int_equal(it_committed(group, topic, 0), -1);
	it_produce(topic, 0, "good");
	it_until(it_committed(group, topic, 0) == 3);
	it_stop(app);
	it_expect_each_once(s, topic, 0, 0, 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IT_PROTOCOLS(a_message_is_dispatched_once_after_its_retries),
		IT(broken_first_and_last_messages_do_not_stop_a_batch),
		IT(a_batch_that_marks_as_it_goes_dispatches_only_the_broken_message),
		IT(a_dead_letter_is_the_message_with_where_it_came_from),
		IT(null_and_empty_survive_the_way),
		IT_PROTOCOLS(order_is_kept_from_partition_to_partition),
		IT(nothing_is_committed_before_the_dead_letter_is_acknowledged),
		IT(without_its_topic_the_partition_waits_and_goes_on_when_it_appears),
		IT(a_dead_letter_that_is_refused_is_not_skipped),
		IT(a_message_too_large_for_the_producer_waits_and_holds_up_nobody),
		IT(a_stop_does_not_wait_for_a_dead_letter_that_cannot_be_written),
		IT(an_unmarked_dead_letter_does_not_move_the_commit_by_itself),
	};

	return it_run(tests);
}
