/* The verifiable consumer and producer beside Java's of the same names: whoever drives the ones can drive the others. Each
 * tool is a process; what it says is read line by line into a story, which is held against the rules that both must keep, and
 * against the other's. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/test.h"

#define PARTITIONS 3
#define MOST 256 /* messages a partition */

enum tool { CARAFE, JAVA };
static const enum tool both[] = { CARAFE, JAVA };

/* ------------------------------------------------------------------------------------------------ processes */

/* Either's tool with these arguments; role is consumer or producer. */
static struct it_child *
run(enum tool tool, const char *role, const char *const *args)
{
	const char *argv[32], *java[] = { "exec", "--at", it_kafka() }, *own[] = { NULL, "--bootstrap-server", it_kafka() };
	char name[32];
	size_t n = 0;

	snprintf(name, sizeof(name), "verifiable-%s", role);
	if (tool == JAVA) {
		for (size_t i = 0; i < 3; i++)
			argv[n++] = java[i];
		argv[n++] = name;
	} else {
		argv[n++] = name;
		argv[n++] = own[1];
		argv[n++] = own[2];
	}
	while (*args != NULL)
		argv[n++] = *args++;
	argv[n] = NULL;
	return it_spawn(getenv(tool == JAVA ? "JAVA_TOOLS" : "TOOL"), CARAFE_KV({ "CARAFE_ENV", "test" }), argv);
}
#define consume(tool, ...) run((tool), "consumer", IT_ARGS(__VA_ARGS__))
#define produce(tool, ...) run((tool), "producer", IT_ARGS(__VA_ARGS__))

/* ------------------------------------------------------------------------------------------------ lines */

/* The text or number of a field, quotes left out; false when it is not there. Good enough for what these tools write. */
static bool
field(const char *line, const char *name, char *value, size_t size)
{
	char key[48];
	const char *at;
	size_t len;

	snprintf(key, sizeof(key), "\"%s\":", name);
	if ((at = strstr(line, key)) == NULL)
		return false;
	at += strlen(key);
	len = *at == '"' ? strcspn(++at, "\"") : strcspn(at, ",}]");
	snprintf(value, size, "%.*s", (int)len, at);
	return true;
}

static long
number(const char *line, const char *name)
{
	char value[32];

	return field(line, name, value, sizeof(value)) ? atol(value) : -1;
}

static bool
is(const char *line, const char *name)
{
	char value[48];

	return field(line, "name", value, sizeof(value)) && strcmp(value, name) == 0;
}

/* What a tool has said so far. */
struct story {
	bool owned[PARTITIONS];
	bool started, ended;
	int assignments, revocations, commits, refused;
	long consumed;              /* messages, as summed up */
	int times[PARTITIONS][MOST]; /* each offset, as listed with --verbose or covered by a summary */
	char records[PARTITIONS][MOST][24]; /* "key:value" */
	long committed[PARTITIONS]; /* -1: nothing */
	long handled[PARTITIONS];   /* behind the last one consumed */
	long sent, acked;
};

/* The objects of a list, one after the other: each begins with its topic. */
static const char *
next_partition(const char *at, long *partition)
{
	at = strstr(at, "{\"topic\":");
	if (at == NULL)
		return NULL;
	*partition = number(at, "partition");
	assert_in_range(*partition, 0, PARTITIONS - 1);
	return at + 1;
}

static void
read_ownership(struct story *s, const char *line, bool owned)
{
	long p;

	for (const char *at = line; (at = next_partition(at, &p)) != NULL;) {
		if (!owned && !s->owned[p])
			fail_msg("revoked and was not assigned: %s", line);
		s->owned[p] = owned;
		s->handled[p] = -1;
	}
}

static void
read_summary(struct story *s, const char *line)
{
	long p;

	assert_true(s->started && !s->ended);
	for (const char *at = line; (at = next_partition(at, &p)) != NULL;) {
		long count = number(at, "count"), first = number(at, "minOffset"), last = number(at, "maxOffset");

		if (!s->owned[p] || last - first + 1 != count || (s->handled[p] >= 0 && s->handled[p] != first))
			fail_msg("not owned, not counted or out of order: %s", line);
		for (long o = first; o <= last; o++)
			s->times[p][o]++;
		s->handled[p] = last + 1;
		s->consumed += count;
	}
}

static void
read_commit(struct story *s, const char *line)
{
	long p;

	s->commits++;
	if (strstr(line, "\"success\":true") == NULL) {
		s->refused++;
		return;
	}
	for (const char *at = line; (at = next_partition(at, &p)) != NULL;) {
		long offset = number(at, "offset");

		if (s->handled[p] >= 0 && offset > s->handled[p])
			fail_msg("committed before it was consumed: %s", line);
		s->committed[p] = offset;
	}
}

static void
read_record(struct story *s, const char *line)
{
	long p = number(line, "partition"), offset = number(line, "offset");
	char key[12] = "", value[12] = "";

	assert_in_range(p, 0, PARTITIONS - 1);
	assert_in_range(offset, 0, MOST - 1);
	field(line, "key", key, sizeof(key));
	field(line, "value", value, sizeof(value));
	snprintf(s->records[p][offset], sizeof(s->records[p][offset]), "%s:%s", key, value);
}

static void
read_line(struct story *s, const char *line)
{
	if (is(line, "startup_complete")) {
		s->started = true;
	} else if (is(line, "shutdown_complete")) {
		s->ended = true;
	} else if (is(line, "partitions_assigned")) {
		s->assignments++;
		read_ownership(s, line, true);
	} else if (is(line, "partitions_revoked")) {
		s->revocations++;
		read_ownership(s, line, false);
	} else if (is(line, "records_consumed")) {
		read_summary(s, line);
	} else if (is(line, "offsets_committed")) {
		read_commit(s, line);
	} else if (is(line, "record_data") || is(line, "producer_send_success")) {
		read_record(s, line);
	} else if (is(line, "tool_data")) {
		s->sent = number(line, "sent");
		s->acked = number(line, "acked");
	}
}

/* Anew each time. What is no line of the protocol is the log. */
static const struct story *
story(struct it_child *c)
{
	static struct story stories[8];
	static size_t turn;
	struct story *s = &stories[turn++ % 8];
	char *text = it_child_output(c), *rest = NULL, *last = strrchr(text, '\n');

	*s = (struct story){ .sent = -1, .acked = -1 };
	for (int p = 0; p < PARTITIONS; p++)
		s->committed[p] = s->handled[p] = -1;
	if (last != NULL) {
		*last = '\0';
		for (char *line = strtok_r(text, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest))
			if (line[0] == '{')
				read_line(s, line);
	}
	free(text);
	return s;
}

static int
owned(struct it_child *c)
{
	const struct story *s = story(c);
	int n = 0;

	for (int p = 0; p < PARTITIONS; p++)
		n += s->owned[p];
	return n;
}

static void
expect_end(struct it_child *c, int status)
{
	int got = it_child_wait(c);

	if (got != status || !story(c)->ended) {
		it_child_show(c);
		fail_msg("it ended with %d", got);
	}
}

static void
stop(struct it_child *c)
{
	it_child_signal(c, SIGTERM);
	it_child_wait(c);
	if (!story(c)->ended || owned(c) != 0) {
		it_child_show(c);
		fail_msg("no shutdown_complete, or partitions kept");
	}
}

/* Looked at once: it takes a second. */
static void
skip_without_java(void)
{
	static int there = -1;

	if (there < 0) {
		struct it_child *c = run(JAVA, "producer", IT_ARGS("--help"));

		it_child_wait(c); /* with whatever Java thinks that help is worth */
		there = it_child_said(c, "--max-messages") > 0;
	}
	if (!there) {
		print_message("# no Java, or no jars of Kafka: scripts/setup --for test\n");
		skip();
	}
}

/* ------------------------------------------------------------------------------------------------ both beside each other */

#define COUNT "40"

static void
both_producers_and_both_consumers_tell_the_same_story(void **state)
{
	const char *topics[2], *groups[2][2];
	struct it_child *producers[2], *consumers[2][2];

	(void)state;
	skip_without_java();
	for (size_t i = 0; i < 2; i++) {
		topics[i] = it_topic("verifiable", PARTITIONS, NULL);
		producers[i] = produce(both[i], "--topic", topics[i], "--max-messages", COUNT, "--value-prefix", "7", "--repeating-keys", "9",
		    "--acks", "1");
	}
	for (size_t i = 0; i < 2; i++) {
		expect_end(producers[i], 0);
		assert_int_equal(story(producers[i])->sent, 40);
		assert_int_equal(story(producers[i])->acked, 40);
	}
	for (size_t i = 0; i < 2; i++) {
		for (size_t j = 0; j < 2; j++) {
			groups[i][j] = it_name("group");
			consumers[i][j] = consume(both[i], "--topic", topics[j], "--group-id", groups[i][j], "--verbose", "--max-messages", COUNT);
		}
	}
	for (size_t i = 0; i < 2; i++) {
		for (size_t j = 0; j < 2; j++) {
			const struct story *c, *p = story(producers[j]), *other = story(producers[1 - j]);

			expect_end(consumers[i][j], 0);
			c = story(consumers[i][j]);
			assert_int_equal(c->consumed, 40);
			assert_memory_equal(c->records, p->records, sizeof(c->records));
			assert_memory_equal(p->records, other->records, sizeof(c->records));
			assert_int_equal(c->refused, 0);
			for (int n = 0; n < PARTITIONS; n++)
				assert_int_equal(c->committed[n], it_committed(groups[i][j], topics[j], n));
		}
	}
}

/* ------------------------------------------------------------------------------------------------ one group */

static long
handled_by_both(struct it_child *a, struct it_child *b)
{
	return story(a)->consumed + story(b)->consumed;
}

static void
expect_each_once(struct it_child *a, struct it_child *b, int each)
{
	const struct story *s = story(a), *t = story(b);

	for (int p = 0; p < PARTITIONS; p++)
		for (int o = 0; o < each; o++)
			if (s->times[p][o] + t->times[p][o] != 1)
				fail_msg("[%d] %d was consumed %d times", p, o, s->times[p][o] + t->times[p][o]);
}

static void
produce_each(const char *topic, int from, int count)
{
	for (int p = 0; p < PARTITIONS; p++)
		it_produce_many(topic, p, from, count);
}

/* Partitions move to the one that comes, all of them back to the one that stays; each message is consumed once. */
static void
one_of_each_share_a_group(void **state)
{
	const char *topic = it_topic("verifiable", PARTITIONS, NULL), *group = it_name("group");
	const char *protocol = it_protocol(state) == IT_KIP848 ? "consumer" : "classic";
	const char *strategy = it_protocol(state) == IT_RANGE ? "org.apache.kafka.clients.consumer.RoundRobinAssignor" :
								"org.apache.kafka.clients.consumer.CooperativeStickyAssignor";
	struct it_child *java, *own;

	skip_without_java();
	own = consume(CARAFE, "--topic", topic, "--group-id", group, "--group-protocol", protocol, "--assignment-strategy", strategy);
	it_until(owned(own) == PARTITIONS);
	produce_each(topic, 0, 10);
	it_until(story(own)->consumed == 30);
	java = consume(JAVA, "--topic", topic, "--group-id", group, "--group-protocol", protocol, "--assignment-strategy", strategy);
	it_until(owned(java) > 0 && owned(java) + owned(own) == PARTITIONS);
	produce_each(topic, 10, 10);
	it_until(handled_by_both(java, own) == 60);
	stop(own);
	it_until(owned(java) == PARTITIONS);
	produce_each(topic, 20, 10);
	it_until(handled_by_both(java, own) == 90);
	stop(java);
	expect_each_once(java, own, 30);
	for (int p = 0; p < PARTITIONS; p++)
		assert_int_equal(it_committed(group, topic, p), 30);
}

/* ------------------------------------------------------------------------------------------------ arguments */

static void
a_limit_leaves_the_rest_to_the_next(void **state)
{
	const char *topic = it_topic("verifiable", PARTITIONS, NULL), *group = it_name("group");
	struct it_child *first, *second;

	(void)state;
	first = consume(CARAFE, "--topic", topic, "--group-id", group, "--max-messages", "0"); /* nor waits for any */
	expect_end(first, 0);
	produce_each(topic, 0, 20);
	first = consume(CARAFE, "--topic", topic, "--group-id", group, "--max-messages", "25");
	expect_end(first, 0);
	assert_int_equal(story(first)->consumed, 25);
	second = consume(CARAFE, "--topic", topic, "--group-id", group, "--max-messages", "35");
	expect_end(second, 0);
	expect_each_once(first, second, 20);
}

static void
without_a_committed_offset_the_reset_policy_decides(void **state)
{
	const char *topic = it_topic("verifiable", PARTITIONS, NULL), *group = it_name("group");
	struct it_child *c;

	(void)state;
	produce_each(topic, 0, 5);
	c = consume(CARAFE, "--topic", topic, "--group-id", it_name("group"), "--reset-policy", "none");
	expect_end(c, 0);
	assert_int_equal(story(c)->consumed, 0);
	c = consume(CARAFE, "--topic", topic, "--group-id", group, "--reset-policy", "latest");
	it_until(owned(c) == PARTITIONS);
	for (int n = 5; story(c)->consumed == 0; n++) { /* it is not known when it has looked where the end is */
		it_produce_many(topic, 0, n, 1);
		it_nap(20);
	}
	assert_int_equal(story(c)->times[0][0] + story(c)->times[1][0] + story(c)->times[2][0], 0);
	stop(c);
	c = consume(CARAFE, "--topic", topic, "--group-id", it_name("group"), "--reset-policy", "earliest");
	it_until(story(c)->consumed > 15);
	stop(c);
}

static void
automatic_commits_are_made_and_not_told(void **state)
{
	const char *topic = it_topic("verifiable", PARTITIONS, NULL), *group = it_name("group");
	struct it_child *c = consume(CARAFE, "--topic", topic, "--group-id", group, "--enable-autocommit");

	(void)state;
	produce_each(topic, 0, 5);
	it_until(story(c)->consumed == 15);
	stop(c);
	assert_int_equal(story(c)->commits, 0);
	for (int p = 0; p < PARTITIONS; p++)
		assert_int_equal(it_committed(group, topic, p), 5);
}

/* The identity is the one given, to the letter: whoever else has it takes it over. */
static void
a_static_member_whose_identity_is_taken_over_ends(void **state)
{
	const char *topic = it_topic("verifiable", PARTITIONS, NULL), *group = it_name("group");
	struct it_child *c = consume(CARAFE, "--topic", topic, "--group-id", group, "--group-instance-id", "me");
	struct it_peer *peer;

	(void)state;
	it_until(owned(c) == PARTITIONS);
	peer = it_peer(.group = group, .topic = topic, .protocol = IT_RANGE, .instance = "me");
	it_child_wait(c);
	assert_true(story(c)->ended);
	assert_int_equal(owned(c), 0);
	it_until(it_peer_assigned(peer) == PARTITIONS);
}

static void
a_static_member_that_comes_back_is_not_noticed(void **state)
{
	const char *topic = it_topic("verifiable", PARTITIONS, NULL), *group = it_name("group");
	struct it_peer *peer = it_peer(.group = group, .topic = topic, .protocol = IT_RANGE, .instance = "other");
	struct it_child *c;
	int before;

	(void)state;
	it_until(it_peer_assigned(peer) == PARTITIONS);
	c = consume(CARAFE, "--topic", topic, "--group-id", group, "--group-instance-id", "me", "--session-timeout", "30000");
	it_until(owned(c) > 0);
	before = owned(c);
	it_until(it_peer_assigned(peer) == PARTITIONS - before);
	it_child_signal(c, SIGKILL);
	it_child_wait(c);
	c = consume(CARAFE, "--topic", topic, "--group-id", group, "--group-instance-id", "me", "--session-timeout", "30000");
	it_until(owned(c) == before);
	assert_int_equal(it_peer_assigned(peer), PARTITIONS - before);
	stop(c);
}

static void
throughput_is_kept_and_a_signal_ends_it(void **state)
{
	const char *topic = it_topic("verifiable", PARTITIONS, NULL);
	double since = it_now();
	struct it_child *c = produce(CARAFE, "--topic", topic, "--throughput", "50");
	const struct story *s;

	(void)state;
	it_until(it_child_said(c, "producer_send_success") > 20);
	it_child_signal(c, SIGTERM);
	expect_end(c, 0);
	s = story(c);
	assert_int_equal(s->sent, s->acked);
	assert_true((double)s->sent <= 1 + (it_now() - since) / 1000 * 50);
}

static void
what_is_missing_or_wrong_is_said(void **state)
{
	static const char *const lines[][6] = {
		{ "--topic", "x", NULL },
		{ "--topic", "x", "--group-id", "g", "--max-messages", "many" },
		{ "--topic", "x", "--group-id", "g", "--reset-policy", "sometimes" },
	};
	static const char *const said[] = { "needs --group-id", "--max-messages many", "--reset-policy sometimes" };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		const char *args[7] = { NULL };
		struct it_child *c;

		for (size_t n = 0; n < 6; n++)
			args[n] = lines[i][n];
		c = run(CARAFE, "consumer", args);
		assert_int_equal(it_child_wait(c), 64);
		assert_int_equal(it_child_said(c, said[i]), 1);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IT(both_producers_and_both_consumers_tell_the_same_story),
		IT_PROTOCOLS(one_of_each_share_a_group),
		IT(a_limit_leaves_the_rest_to_the_next),
		IT(without_a_committed_offset_the_reset_policy_decides),
		IT(automatic_commits_are_made_and_not_told),
		IT(a_static_member_that_comes_back_is_not_noticed),
		IT(a_static_member_whose_identity_is_taken_over_ends),
		IT(throughput_is_kept_and_a_signal_ends_it),
		IT(what_is_missing_or_wrong_is_said),
	};

	return it_run(tests);
}
