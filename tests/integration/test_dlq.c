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
	carafe *app = it_app(.max_messages = 11, .max_wait_time = 3000);
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

static carafe_rc
fail_with_poison(struct it_sink *s, carafe_consumer *c, const carafe_batch *b)
{
	(void)s;
	carafe_foreach (m, b)
		if (is(m->value, "poison"))
			return carafe_fail(c, "there is poison in it");
	return CARAFE_OK;
}

static void
a_batch_that_marks_nothing_is_dispatched_one_by_one_up_to_the_broken_message(void **state)
{
	const char *topic = it_topic("markless", 1, NULL), *dead = it_topic("dead", 1, NULL), *group = it_name("group");
	const char *values[] = { "a", "b", "poison", "c" };
	struct it_sink *s = it_sink_new();
	carafe *app = it_app(.max_messages = 4, .max_wait_time = 3000);
	struct it_messages letters;

	(void)state;
	for (int i = 0; i < 4; i++)
		it_produce(topic, 0, values[i]);
	s->on_batch = fail_with_poison;
	carafe_dlq(it_route(app, group, topic, it_batch_handler, s), .topic = dead, .max_retries = CARAFE_NONE);
	it_start(app);
	it_until(it_committed(group, topic, 0) == 4);
	it_stop(app);
	it_read(dead, &letters);
	assert_int_equal(letters.count, 3);
	for (size_t i = 0; i < 3; i++)
		assert_true(is(letters.items[i].value, values[i]));
	it_messages_free(&letters);
}

/* Each message fails once; `number` is the set of those that have. */
static carafe_rc
fail_each_once(struct it_sink *s, carafe_consumer *c, const carafe_batch *b)
{
	carafe_foreach (m, b) {
		int64_t bit = 1 << m->offset;

		if ((atomic_fetch_or(&s->number, bit) & bit) == 0)
			return carafe_fail(c, "not yet");
		carafe_mark(c, m);
	}
	return CARAFE_OK;
}

static size_t
letters_of_a_rolling_error(int independent)
{
	const char *topic = it_topic("rolling", 1, NULL), *dead = it_topic("dead", 1, NULL), *group = it_name("group");
	struct it_sink *s = it_sink_new();
	carafe *app = it_app(.max_messages = 8);
	struct it_messages letters;
	size_t count;

	it_produce_many(topic, 0, 0, 8);
	s->on_batch = fail_each_once;
	carafe_dlq(it_route(app, group, topic, it_batch_handler, s), .topic = dead, .max_retries = 2, .independent = independent);
	it_start(app);
	it_until(it_committed(group, topic, 0) == 8);
	it_stop(app);
	it_read(dead, &letters);
	count = letters.count;
	it_messages_free(&letters);
	return count;
}

static void
an_error_that_rolls_through_a_batch_is_dispatched_unless_counts_are_independent(void **state)
{
	(void)state;
	assert_in_range(letters_of_a_rolling_error(0), 1, 2);
	assert_int_equal(letters_of_a_rolling_error(1), 0);
}

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
	carafe *app = it_app(.concurrency = 1, .events = events);
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
	carafe *app = it_app(.concurrency = 1, .events = events, .kafka = IMPATIENT);
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
	carafe *app = it_app(.concurrency = 1, .events = events);
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
	carafe *app = it_app(.concurrency = 1, .events = events);
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
	carafe *app = it_app(.settings = CARAFE_KV({ "shutdown_timeout", "60000" }, { "drain_timeout", "500" }));
	double since;

	(void)state;
	it_produce(topic, 0, "poison");
	s->on_message = fail_poison;
	carafe_dlq(it_route(app, group, topic, it_message_handler, s), .topic = dead, .max_retries = CARAFE_NONE);
	it_start(app);
	it_until(it_handled(s) == 1);
	since = it_now();
	it_stop(app);
	assert_true(it_now() - since < 30000);
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

/* ------------------------------------------------------------------------------------------------ strategies, by hand */

static carafe_rc
fail_by_name(struct it_sink *s, carafe_consumer *c, const carafe_message *m)
{
	(void)s;
	if (is(m->value, "slow"))
		return CARAFE_TIMEOUT;
	return is(m->value, "good") ? CARAFE_OK : carafe_fail(c, "%.*s", (int)m->value.len, (const char *)m->value.data);
}

/* Time-outs are tried twice more, "odd" goes to another topic (carafe_arg's), "junk" nowhere, and for "mad" there is no verdict at
 * first; the rest by count. */
static carafe_dlq_verdict
by_kind(carafe_consumer *c, const carafe_message *m, const carafe_failures *f, const char **topic)
{
	struct it_sink *s = carafe_arg(c);

	(void)m;
	if (carafe_failures_rc(f, 0) == CARAFE_TIMEOUT)
		return carafe_failures_with(f, CARAFE_TIMEOUT) <= 2 ? CARAFE_DLQ_RETRY : CARAFE_DLQ_DISPATCH;
	if (strcmp(carafe_failures_text(f, 0), "junk") == 0)
		return CARAFE_DLQ_SKIP;
	if (strcmp(carafe_failures_text(f, 0), "mad") == 0)
		return carafe_failures_count(f) == 1 ? (carafe_dlq_verdict)99 : CARAFE_DLQ_SKIP;
	if (strcmp(carafe_failures_text(f, 0), "odd") != 0)
		return CARAFE_DLQ_BY_COUNT;
	*topic = s->arg;
	return CARAFE_DLQ_DISPATCH;
}

static void
a_strategy_sends_each_kind_of_error_where_it_belongs(void **state)
{
	const char *topic = it_topic("kinds", 1, NULL), *dead = it_topic("dead", 1, NULL), *group = it_name("group");
	struct it_events *events = it_events_new();
	struct it_sink *s = it_sink_new();
	carafe *app = it_app(.events = events);
	struct it_messages letters, odd;

	(void)state;
	s->on_message = fail_by_name;
	s->arg = (void *)it_topic("odd", 1, NULL);
	it_produce(topic, 0, "slow");
	it_produce(topic, 0, "odd");
	it_produce(topic, 0, "junk");
	it_produce(topic, 0, "mad");
	it_produce(topic, 0, "else");
	it_produce(topic, 0, "good");
	carafe_dlq(it_route(app, group, topic, it_message_handler, s), .topic = dead, .max_retries = 1, .strategy = by_kind);
	it_start(app);
	it_until(it_committed(group, topic, 0) == 6);
	it_stop(app);
	it_read(dead, &letters);
	assert_int_equal(letters.count, 2);
	assert_true(is(letters.items[0].value, "slow"));
	assert_int_equal(header_number(&letters.items[0], "source_attempts"), 3);
	assert_true(is(letters.items[1].value, "else"));
	assert_int_equal(header_number(&letters.items[1], "source_attempts"), 2);
	it_messages_free(&letters);
	it_read(s->arg, &odd);
	assert_int_equal(odd.count, 1);
	assert_true(is(odd.items[0].value, "odd"));
	assert_int_equal(strlen(it_header(&odd.items[0], "source_trace_id")), 32);
	it_messages_free(&odd);
	assert_int_equal(it_event_count(events, CARAFE_EV_DLQ_SKIPPED), 2);
	assert_int_equal(it_event_at(events, CARAFE_EV_DLQ_SKIPPED, 0).offset, 2);
	assert_true(it_event_find(events, CARAFE_EV_CONSUMER_ERROR, "no carafe_dlq_verdict", NULL));
	for (size_t i = 0; i < 2; i++) /* and it was tried again */
		assert_string_equal(it_at(s, CARAFE_HOOK_CONSUME, 5 + i).value, "mad");
}

/* Its own verdict on each message of a batch: what is bad is put aside, the batch as a whole succeeds. */
static carafe_rc
put_poison_aside(struct it_sink *s, carafe_consumer *c, const carafe_batch *b)
{
	carafe_error err = { 0 };

	(void)s;
	carafe_foreach (m, b) {
		if (m->value.len < 6 || memcmp(m->value.data, "poison", 6) != 0)
			continue;
		carafe_fail(c, "poison at %lld", (long long)m->offset);
		if (carafe_dead_letter(c, m, NULL, &err) != CARAFE_OK)
			return carafe_fail(c, "%s", err.text);
	}
	return CARAFE_OK;
}

static void
what_a_handler_puts_aside_is_there_in_order_and_the_batch_goes_on(void **state)
{
	const char *topic = it_topic("by-hand", 1, NULL), *dead = it_topic("dead", 3, NULL), *group = it_name("group");
	struct it_events *events = it_events_new();
	struct it_sink *s = it_sink_new();
	carafe *app = it_app(.events = events);
	struct it_messages letters;

	(void)state;
	s->on_batch = put_poison_aside;
	it_produce(topic, 0, "poison a");
	it_produce(topic, 0, "good");
	it_produce(topic, 0, "poison b");
	it_produce(topic, 0, "poison c");
	carafe_dlq(it_route(app, group, topic, it_batch_handler, s), .topic = dead);
	it_start(app);
	it_until(it_committed(group, topic, 0) == 4);
	it_stop(app);
	assert_int_equal(it_event_count(events, CARAFE_EV_CONSUMER_ERROR), 0);
	assert_int_equal(it_event_count(events, CARAFE_EV_DLQ_DISPATCHED), 3);
	it_read(dead, &letters);
	assert_int_equal(letters.count, 3);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(letters.items[i].partition, letters.items[0].partition);
		assert_int_equal(header_number(&letters.items[i], "source_offset"), i == 0 ? 0 : i + 1);
	}
	assert_string_equal(it_header(&letters.items[2], "source_error"), "poison at 3");
	it_messages_free(&letters);
}

static carafe_route *
with_queue_that_is_not_there(carafe_route *r)
{
	carafe_dlq(r, .topic = it_name("nobody-made-it"), .max_retries = 1000);
	return r;
}

/* Nobody takes the letter: the handler is told within message.timeout.ms and the message is not skipped. */
static void
what_cannot_be_put_aside_is_not_lost(void **state)
{
	const char *topic = it_topic("nowhere", 1, NULL), *group = it_name("group");
	struct it_events *events = it_events_new();
	struct it_sink *s = it_sink_new();
	carafe *app = it_app(.events = events, .kafka = IMPATIENT);

	(void)state;
	s->on_batch = put_poison_aside;
	it_produce(topic, 0, "poison");
	carafe_retry(
	    with_queue_that_is_not_there(it_route(app, group, topic, it_batch_handler, s)), .timeout = 50, .max_timeout = 50);
	it_start(app);
	it_until(it_event_count(events, CARAFE_EV_CONSUMER_RETRY) >= 2);
	it_stop(app);
	assert_int_equal(it_committed(group, topic, 0), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IT_PROTOCOLS(a_message_is_dispatched_once_after_its_retries),
		IT(broken_first_and_last_messages_do_not_stop_a_batch),
		IT(a_batch_that_marks_as_it_goes_dispatches_only_the_broken_message),
		IT(a_batch_that_marks_nothing_is_dispatched_one_by_one_up_to_the_broken_message),
		IT(an_error_that_rolls_through_a_batch_is_dispatched_unless_counts_are_independent),
		IT(a_dead_letter_is_the_message_with_where_it_came_from),
		IT(null_and_empty_survive_the_way),
		IT_PROTOCOLS(order_is_kept_from_partition_to_partition),
		IT(nothing_is_committed_before_the_dead_letter_is_acknowledged),
		IT(without_its_topic_the_partition_waits_and_goes_on_when_it_appears),
		IT(a_dead_letter_that_is_refused_is_not_skipped),
		IT(a_message_too_large_for_the_producer_waits_and_holds_up_nobody),
		IT(a_stop_does_not_wait_for_a_dead_letter_that_cannot_be_written),
		IT(an_unmarked_dead_letter_does_not_move_the_commit_by_itself),
		IT(a_strategy_sends_each_kind_of_error_where_it_belongs),
		IT(what_a_handler_puts_aside_is_there_in_order_and_the_batch_goes_on),
		IT(what_cannot_be_put_aside_is_not_lost),
	};

	return it_run(tests);
}
