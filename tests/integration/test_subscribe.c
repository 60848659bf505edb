/* What is subscribed to: topics that come, go and grow; patterns. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "support/test.h"

/* Metadata is looked at as often as in this, so that what is new is noticed soon. */
#define SOON CARAFE_KV({ "topic.metadata.refresh.interval.ms", "300" })

static carafe *
watching_app(enum it_protocol protocol, struct it_events *events)
{
	return it_app(.protocol = protocol, .events = events, .kafka = SOON);
}

/* A word of this test's own for it_name, and two patterns for the names that come of it: how they begin, and all that they are. */
struct family {
	char what[32];
	char prefix[80];
	char pattern[100];
};

static struct family
new_family(const char *what)
{
	static int number;
	struct family f;

	snprintf(f.what, sizeof(f.what), "%s%d", what, ++number);
	snprintf(f.prefix, sizeof(f.prefix), "^it-%s-%ld-", f.what, (long)getpid());
	snprintf(f.pattern, sizeof(f.pattern), "%s[0-9]+$", f.prefix);
	return f;
}

static void
a_topic_that_is_made_later_is_consumed(void **state)
{
	const char *topic = it_name("later"), *group = it_name("group");
	struct it_events *events = it_events_new();
	struct it_sink *s = it_sink_new();
	carafe *app = watching_app(it_protocol(state), events);

	it_route(app, group, topic, it_message_handler, s);
	it_start(app);
	it_until(it_event_find(events, CARAFE_EV_CONNECTION_ERROR, topic, NULL)); /* it is told meanwhile */
	it_topic_make(topic, 2, NULL);
	it_produce(topic, 0, "zero");
	it_produce(topic, 1, "one");
	it_until(it_committed(group, topic, 0) == 1 && it_committed(group, topic, 1) == 1);
	it_stop(app);
	it_expect_each_once(s, topic, 0, 0, 1);
	it_expect_each_once(s, topic, 1, 0, 1);
}

static void
partitions_that_are_added_are_consumed(void **state)
{
	const char *topic = it_topic("grows", 1, NULL), *group = it_name("group");
	struct it_sink *s = it_sink_new();
	carafe *app = watching_app(it_protocol(state), NULL);

	it_produce(topic, 0, "first");
	it_route(app, group, topic, it_message_handler, s);
	it_start(app);
	it_until(it_handled(s) == 1);
	it_topic_grow(topic, 3);
	it_produce(topic, 1, "second");
	it_produce(topic, 2, "third");
	it_until(it_committed(group, topic, 1) == 1 && it_committed(group, topic, 2) == 1);
	it_stop(app);
}

/* What was there before, count messages, and then these of the topic that was made anew. */
static void
expect_handled_then_anew(const struct it_sink *s, int count, int anew)
{
	assert_int_equal(it_handled(s), count + anew);
	for (int i = 0; i < count + anew; i++)
		assert_int_equal(it_at(s, CARAFE_HOOK_CONSUME, (size_t)i).offset, i < count ? i : i - count);
}

/* However many messages it has. */
static void
a_topic_that_is_deleted_and_made_anew_is_consumed_from_its_beginning(void **state)
{
	const char *topic = it_topic("anew", 1, NULL), *group = it_name("group");
	struct it_events *events = it_events_new();
	struct it_sink *s = it_sink_new();
	carafe *app = watching_app(it_protocol(state), events);

	it_produce_many(topic, 0, 0, 10);
	it_route(app, group, topic, it_message_handler, s);
	it_start(app);
	it_until(it_committed(group, topic, 0) == 10);
	it_topic_delete(topic);
	it_until(it_count(s, CARAFE_HOOK_REVOKED) == 1);
	if (it_protocol(state) != IT_KIP848)
		it_until(it_event_find(events, CARAFE_EV_CONNECTION_ERROR, topic, NULL));
	it_topic_make(topic, 1, NULL);
	it_produce_many(topic, 0, 100, 30);
	it_until(it_committed(group, topic, 0) == 30);
	it_stop(app);
	expect_handled_then_anew(s, 10, 30);
}

static carafe_rc
fail_once_when_anew(struct it_sink *s, carafe_consumer *c, const carafe_message *m)
{
	if (m->offset == 0 && atomic_fetch_add(&s->other, 1) == 1)
		return carafe_fail(c, "not at once");
	return CARAFE_OK;
}

/* Too fast for a classic member to notice: it goes on at an offset that is not there, and begins anew. */
static struct it_sink *
replace_topic(carafe *app, int strands)
{
	const char *topic = it_topic("quick", 1, NULL), *group = it_name("group");
	struct it_sink *s = it_sink_new();
	carafe_route *r;

	it_produce_many(topic, 0, 0, 10);
	s->on_message = fail_once_when_anew;
	r = it_route(app, group, topic, it_message_handler, s);
	if (strands > 0)
		carafe_keys(r, .max = strands);
	it_start(app);
	it_until(it_committed(group, topic, 0) == 10);
	it_topic_delete(topic);
	it_topic_make(topic, 1, NULL);
	it_produce_many(topic, 0, 100, 3);
	it_until(it_committed(group, topic, 0) == 3);
	it_stop(app);
	assert_int_equal(it_handled(s), 10 + 1 + 3);
	return s;
}

static void
marks_of_a_topic_that_was_deleted_do_not_count_for_the_next(void **state)
{
	struct it_sink *s = replace_topic(it_app(.protocol = it_protocol(state)), 0);

	assert_int_equal(it_at(s, CARAFE_HOOK_CONSUME, 11).offset, 0);
}

static void
nor_do_those_of_strands(void **state)
{
	replace_topic(it_app(.protocol = it_protocol(state)), 4);
}

static void
a_pattern_follows_topics_as_they_come_and_go(void **state)
{
	struct family f = new_family("follow");
	const char *first = it_topic(f.what, 1, NULL), *second = it_name(f.what), *group = it_name("group");
	struct it_events *events = it_events_new();
	struct it_sink *s = it_sink_new();
	carafe *app = watching_app(it_protocol(state), events);

	it_produce(first, 0, "one");
	carafe_pattern(carafe_group(app, group), f.pattern, .handler = &it_message_handler,
	    .arg = s);
	it_start(app);
	it_until(it_committed(group, first, 0) == 1);
	it_topic_make(second, 1, NULL);
	it_produce(second, 0, "two");
	it_until(it_committed(group, second, 0) == 1);
	assert_string_equal(it_at(s, CARAFE_HOOK_CONSUME, 0).topic, first);
	it_until(it_handled_in(s, second, 0) == 1);
	it_topic_delete(first);
	it_until(it_count_in(s, CARAFE_HOOK_REVOKED, first, 0) == 1);
	it_produce(second, 0, "three");
	it_until(it_committed(group, second, 0) == 2);
	it_topic_delete(second); /* nothing is left: it is there, and waits */
	it_until(it_count_in(s, CARAFE_HOOK_REVOKED, second, 0) >= 1);
	it_until(it_members(group) == 0);
	it_topic_make(second, 1, NULL);
	it_produce(second, 0, "four");
	it_until(it_handled_in(s, second, 0) >= 3);
	it_stop(app);
}

static void
a_pattern_that_matches_nothing_yet_starts_and_stops(void **state)
{
	struct family f = new_family("nothing");
	const char *group = it_name("group"), *topic = it_name(f.what);
	struct it_events *events = it_events_new();
	struct it_sink *s = it_sink_new();
	carafe *app = watching_app(it_protocol(state), events);

	carafe_pattern(carafe_group(app, group), f.pattern, .handler = &it_message_handler,
	    .arg = s);
	it_start(app);
	it_until(it_event_count(events, CARAFE_EV_CONNECTION_REACHED) == 1);
	it_stop(app);

	app = watching_app(it_protocol(state), events);
	carafe_pattern(carafe_group(app, group), f.prefix, .handler = &it_message_handler, .arg = s); /* brokers would want all of a name */
	it_start(app);
	it_topic_make(topic, 1, NULL);
	it_produce(topic, 0, "first");
	it_until(it_committed(group, topic, 0) == 1);
	it_stop(app);
}

static carafe_rc
refuse_bad(struct it_sink *s, carafe_consumer *c, const carafe_message *m)
{
	(void)s;
	return m->value.len == 3 && memcmp(m->value.data, "bad", 3) == 0 ? carafe_fail(c, "bad") : CARAFE_OK;
}

/* All of them match; the group takes each from the right route, and never what it writes itself. */
static void
a_pattern_leaves_out_its_dead_letters_and_what_the_group_names(void **state)
{
	struct family f = new_family("leave");
	const char *topic = it_topic(f.what, 1, NULL), *named = it_topic(f.what, 1, NULL), *dead = it_topic(f.what, 1, NULL);
	const char *group = it_name("group");
	struct it_sink *by_pattern = it_sink_new(), *by_name = it_sink_new();
	struct it_messages letters;
	carafe *app = watching_app(it_protocol(state), NULL);

	it_produce(topic, 0, "bad");
	it_produce(named, 0, "named");
	by_pattern->on_message = refuse_bad;
	carafe_dlq(carafe_pattern(carafe_group(app, group), f.pattern,
		       .handler = &it_message_handler, .arg = by_pattern),
	    .topic = dead, .max_retries = CARAFE_NONE);
	it_route(app, group, named, it_message_handler, by_name);
	it_start(app);
	it_until(it_committed(group, topic, 0) == 1 && it_committed(group, named, 0) == 1);
	it_produce(topic, 0, "good");
	it_until(it_committed(group, topic, 0) == 2);
	it_stop(app);
	assert_int_equal(it_handled_in(by_name, named, 0), 1);
	assert_int_equal(it_handled_in(by_pattern, named, 0), 0);
	assert_int_equal(it_handled_in(by_pattern, dead, 0), 0);
	assert_int_equal(it_committed(group, dead, 0), -1);
	it_read(dead, &letters);
	assert_int_equal(letters.count, 1);
	assert_string_equal(it_header(&letters.items[0], "source_topic"), topic); /* by its own name, not the pattern's */
	it_messages_free(&letters);
}

static carafe_dlq_verdict
choose_a_topic_that_matches(carafe_consumer *c, const carafe_message *m, const carafe_failures *failures, const char **topic)
{
	struct it_sink *s = carafe_arg(c);

	(void)m;
	(void)failures;
	if (atomic_load(&s->flag) == 0)
		*topic = s->arg;
	return CARAFE_DLQ_DISPATCH;
}

static void
a_strategy_cannot_choose_a_topic_that_the_pattern_matches(void **state)
{
	struct family f = new_family("choose");
	const char *topic = it_topic(f.what, 1, NULL), *dead = it_topic(f.what, 1, NULL), *group = it_name("group");
	struct it_events *events = it_events_new();
	struct it_sink *s = it_sink_new();
	struct it_messages letters;
	carafe *app = watching_app(IT_COOPERATIVE, events);

	(void)state;
	it_produce(topic, 0, "bad");
	s->on_message = refuse_bad;
	s->arg = (void *)it_name(f.what);
	carafe_dlq(carafe_pattern(carafe_group(app, group), f.pattern, .handler = &it_message_handler, .arg = s), .topic = dead,
	    .strategy = choose_a_topic_that_matches);
	it_start(app);
	it_until(it_event_find(events, CARAFE_EV_CONSUMER_ERROR, "dead letters would come back for ever", NULL));
	atomic_store(&s->flag, 1);
	it_until(it_committed(group, topic, 0) == 1);
	it_stop(app);
	it_read(dead, &letters);
	assert_int_equal(letters.count, 1);
	it_messages_free(&letters);
}

/* ------------------------------------------------------------------------------------------------ not the same for all */

/* Two connections, since one route wants other settings: members of one group that subscribe to different topics. */
static carafe *
two_connections(enum it_protocol protocol, const char *group, const char *const topics[2], struct it_sink *s)
{
	carafe *app = it_app(.protocol = protocol);

	it_route(app, group, topics[0], it_message_handler, s);
	it_route(app, group, topics[1], it_message_handler, s, .kafka = CARAFE_KV({ "fetch.wait.max.ms", "50" }),
	    .kafka_mode = CARAFE_KAFKA_INHERIT);
	it_start(app);
	return app;
}

static void
produce_everywhere(const char *const topics[2])
{
	for (int i = 0; i < 4; i++)
		it_produce(topics[i / 2], i % 2, "value");
}

static bool
all_committed(const char *group, const char *const topics[2], int64_t offset)
{
	for (int i = 0; i < 4; i++)
		if (it_committed(group, topics[i / 2], i % 2) != offset)
			return false;
	return true;
}

static bool
has_of_each(const struct it_sink *s, const char *const topics[2])
{
	return it_handled_in(s, topics[0], 0) + it_handled_in(s, topics[0], 1) > 0 &&
	    it_handled_in(s, topics[1], 0) + it_handled_in(s, topics[1], 1) > 0;
}

static void
members_of_one_group_may_subscribe_to_different_topics(void **state)
{
	const char *const topics[] = { it_topic("one", 2, NULL), it_topic("other", 2, NULL) }, *group = it_name("group");
	struct it_sink *s = it_sink_new(), *second = it_sink_new();
	carafe *app = two_connections(it_protocol(state), group, topics, s), *next;
	int count = 1;

	produce_everywhere(topics);
	it_until(all_committed(group, topics, count));
	assert_int_equal(it_members(group), 2);
	next = two_connections(it_protocol(state), group, topics, second);
	it_until((produce_everywhere(topics), count++, has_of_each(second, topics)));
	it_until(all_committed(group, topics, count));
	assert_int_equal(it_members(group), 4);
	it_stop(app);
	produce_everywhere(topics);
	count++;
	it_until(all_committed(group, topics, count));
	it_stop(next);
	for (int i = 0; i < 4; i++)
		it_expect_each_once_among((struct it_sink *[]){ s, second, NULL }, topics[i / 2], i % 2, 0, (size_t)count);
}

/* ------------------------------------------------------------------------------------------------ by hand */

static void
partitions_named_by_hand_are_consumed_without_a_group_and_committed_in_it(void **state)
{
	const char *topic = it_topic("direct", 4, NULL), *group = it_name("group");
	struct it_sink *s = it_sink_new(), *again = it_sink_new();
	carafe *app = watching_app(it_protocol(state), NULL);

	for (int p = 0; p < 4; p++)
		it_produce_many(topic, p, 0, 5);
	carafe_assign(it_route(app, group, topic, it_message_handler, s), .partitions = "0,2-3");
	it_start(app);
	it_until(it_committed(group, topic, 0) == 5 && it_committed(group, topic, 2) == 5 && it_committed(group, topic, 3) == 5);
	assert_int_equal(it_members(group), 0);
	it_stop(app);
	assert_int_equal(it_handled_in(s, topic, 1), 0);
	assert_int_equal(it_count(s, CARAFE_HOOK_SHUTDOWN), 3);

	it_produce(topic, 3, "more");
	app = watching_app(it_protocol(state), NULL);
	carafe_assign(it_route(app, group, topic, it_message_handler, again), .partitions = "3");
	it_start(app);
	it_until(it_committed(group, topic, 3) == 6);
	it_stop(app);
	it_expect_each_once(again, topic, 3, 5, 1);
	assert_int_equal(it_handled(again), 1);
}

static void
all_partitions_by_hand_are_those_that_are_added_too(void **state)
{
	const char *topic = it_topic("all", 1, NULL), *group = it_name("group");
	struct it_sink *s = it_sink_new();
	carafe *app = watching_app(it_protocol(state), NULL);

	it_produce(topic, 0, "first");
	carafe_assign(it_route(app, group, topic, it_message_handler, s), .partitions = "all");
	it_start(app);
	it_until(it_committed(group, topic, 0) == 1);
	it_topic_grow(topic, 2);
	it_produce(topic, 1, "second");
	it_produce(topic, 0, "third");
	it_until(it_committed(group, topic, 1) == 1 && it_committed(group, topic, 0) == 2);
	it_stop(app);
	it_expect_each_once(s, topic, 0, 0, 2);
	assert_int_equal(it_count(s, CARAFE_HOOK_REVOKED), 0);
}

static void
a_partition_by_hand_that_is_not_there_is_told_of_and_consumed_when_it_is(void **state)
{
	const char *topic = it_topic("few", 1, NULL), *group = it_name("group");
	struct it_events *events = it_events_new();
	struct it_sink *s = it_sink_new();
	carafe *app = watching_app(IT_COOPERATIVE, events);
	struct it_event error;

	(void)state;
	carafe_assign(it_route(app, group, topic, it_message_handler, s), .partitions = "0,2-3");
	it_start(app);
	it_until(it_event_find(events, CARAFE_EV_CONNECTION_ERROR, topic, &error));
	assert_string_equal(error.group, group);
	assert_string_equal(error.topic, topic);
	assert_int_equal(error.partition, 2);
	assert_int_equal(error.count, 1);
	assert_non_null(strstr(error.text, "[2-3]"));
	it_topic_grow(topic, 3);
	it_produce(topic, 2, "late");
	it_until(it_committed(group, topic, 2) == 1);
	assert_int_equal(it_event_count(events, CARAFE_EV_CONNECTION_ERROR), 2);
	error = it_event_at(events, CARAFE_EV_CONNECTION_ERROR, 1);
	assert_int_equal(error.partition, 3);
	assert_int_equal(error.count, 3);
	it_stop(app);
	it_expect_each_once(s, topic, 2, 0, 1);
}

static void
a_topic_by_hand_that_is_not_there_is_told_of_and_consumed_when_it_is(void **state)
{
	const char *topic = it_name("none"), *group = it_name("group");
	struct it_events *events = it_events_new();
	struct it_sink *s = it_sink_new();
	carafe *app = watching_app(IT_COOPERATIVE, events);

	(void)state;
	carafe_assign(it_route(app, group, topic, it_message_handler, s), .partitions = "0");
	it_start(app);
	it_until(it_event_find(events, CARAFE_EV_CONNECTION_ERROR, topic, NULL));
	it_topic_make(topic, 1, NULL);
	it_produce(topic, 0, "late");
	it_until(it_committed(group, topic, 0) == 1);
	assert_int_equal(it_event_count(events, CARAFE_EV_CONNECTION_ERROR), 1);
	it_stop(app);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IT_PROTOCOLS(a_topic_that_is_made_later_is_consumed),
		IT_PROTOCOLS(partitions_that_are_added_are_consumed),
		IT_PROTOCOLS(a_topic_that_is_deleted_and_made_anew_is_consumed_from_its_beginning),
		IT_PROTOCOLS(marks_of_a_topic_that_was_deleted_do_not_count_for_the_next),
		IT_PROTOCOLS(nor_do_those_of_strands),
		IT_PROTOCOLS(a_pattern_follows_topics_as_they_come_and_go),
		IT_PROTOCOLS(a_pattern_that_matches_nothing_yet_starts_and_stops),
		IT_PROTOCOLS(a_pattern_leaves_out_its_dead_letters_and_what_the_group_names),
		IT(a_strategy_cannot_choose_a_topic_that_the_pattern_matches),
		IT_PROTOCOLS(members_of_one_group_may_subscribe_to_different_topics),
		IT_PROTOCOLS(partitions_named_by_hand_are_consumed_without_a_group_and_committed_in_it),
		IT_PROTOCOLS(all_partitions_by_hand_are_those_that_are_added_too),
		IT(a_partition_by_hand_that_is_not_there_is_told_of_and_consumed_when_it_is),
		IT(a_topic_by_hand_that_is_not_there_is_told_of_and_consumed_when_it_is),
	};

	return it_run(tests);
}
