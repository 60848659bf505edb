/* Partitions change hands: what was begun is finished and committed first, and nobody else notices. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/taking.h"
#include "support/test.h"

#define PARTITIONS 4
#define BATCH 20

/* A group's topic and what was produced to it so far. */
struct stream {
	const char *topic, *group;
	int produced;
};

static struct stream
new_stream(const char *what)
{
	return (struct stream){ it_topic(what, PARTITIONS, NULL), it_name("group"), 0 };
}

static void
produce_more(struct stream *t, int count)
{
	for (int p = 0; p < PARTITIONS; p++)
		it_produce_many(t->topic, p, t->produced, count);
	t->produced += count;
}

/* Goes on producing until the condition holds, so that everybody has something in hand meanwhile. */
#define produce_until(t, condition)                                                                                    \
	for (double it_since = it_now(); !(condition);) {                                                              \
		produce_more((t), 5);                                                                                  \
		it_wait_more(it_since, #condition, __FILE__, __LINE__);                                                \
	}

static carafe *
member(const struct stream *t, enum it_protocol protocol, struct it_sink *s, struct it_events *events, const carafe_kv *settings)
{
	carafe *app = it_app(.protocol = protocol, .events = events, .settings = settings, .max_messages = BATCH);

	it_route(app, t->group, t->topic, it_message_handler, s);
	it_start(app);
	return app;
}

/* How many of the partitions this member has handled something of. */
static int
partitions_of(const struct it_sink *s, const char *topic)
{
	int n = 0;

	for (int p = 0; p < PARTITIONS; p++)
		n += it_handled_in(s, topic, p) > 0;
	return n;
}

static void
expect_all_once(const struct stream *t, struct it_sink *const *sinks)
{
	for (int p = 0; p < PARTITIONS; p++) {
		it_expect_each_once_among(sinks, t->topic, p, 0, (size_t)t->produced);
		assert_int_equal(it_committed(t->group, t->topic, p), t->produced);
	}
}

/* ------------------------------------------------------------------------------------------------ graceful */

static void
members_come_and_go_and_nothing_is_lost_or_handled_twice(void **state)
{
	struct stream t = new_stream("come-and-go");
	struct it_sink *a = it_sink_new(), *b = it_sink_new();
	struct it_events *events = it_events_new();
	carafe *first, *second;

	a->sleep_ms = b->sleep_ms = 2;
	first = member(&t, it_protocol(state), a, events, NULL);
	produce_until(&t, partitions_of(a, t.topic) == PARTITIONS);
	second = member(&t, it_protocol(state), b, NULL, NULL);
	produce_until(&t, partitions_of(b, t.topic) == PARTITIONS / 2 && it_handled(b) > 40);
	assert_true(it_event_count(events, CARAFE_EV_REBALANCE_REVOKED) >= 1);
	it_stop(second);
	it_until(it_handled(a) + it_handled(b) == (size_t)t.produced * PARTITIONS);
	produce_until(&t, it_event_count(events, CARAFE_EV_REBALANCE_ASSIGNED) >= 2);
	it_until(it_handled(a) + it_handled(b) == (size_t)t.produced * PARTITIONS);
	it_stop(first);
	expect_all_once(&t, (struct it_sink *[]){ a, b, NULL });
}

static void
only_what_moves_is_revoked_unless_the_group_is_eager(void **state)
{
	struct stream t = new_stream("moves");
	struct it_sink *a = it_sink_new(), *b = it_sink_new();
	size_t revoked = it_protocol(state) == IT_RANGE ? PARTITIONS : PARTITIONS / 2;
	carafe *first, *second;

	first = member(&t, it_protocol(state), a, NULL, NULL);
	produce_until(&t, partitions_of(a, t.topic) == PARTITIONS);
	second = member(&t, it_protocol(state), b, NULL, NULL);
	produce_until(&t, partitions_of(b, t.topic) == PARTITIONS / 2);
	produce_more(&t, 1); /* everybody has handled something of what it has now */
	it_until(it_handled(a) + it_handled(b) == (size_t)t.produced * PARTITIONS);
	assert_int_equal(it_count(a, CARAFE_HOOK_REVOKED), revoked);
	for (size_t i = 0; i < revoked; i++)
		assert_true(it_at(a, CARAFE_HOOK_REVOKED, i).revoked); /* the handler can tell, too */
	it_stop(first);
	it_stop(second);
	assert_int_equal(it_count(a, CARAFE_HOOK_REVOKED), revoked);
	assert_int_equal(it_count(a, CARAFE_HOOK_SHUTDOWN), PARTITIONS / 2);
}

static void
a_member_without_partitions_leaves_when_it_stops(void **state)
{
	const char *topic = it_topic("idle", 1, NULL), *group = it_name("group");
	struct it_sink *s = it_sink_new();
	struct it_events *events = it_events_new();
	/* with the new protocol the broker says how long a session is: 6 s, as scripts/kafka sets it up */
	bool ours = it_protocol(state) != IT_KIP848;
	const carafe_kv *kafka = ours ? CARAFE_KV({ "session.timeout.ms", "90000" }) : NULL;
	carafe *first = it_app(.protocol = it_protocol(state), .kafka = kafka);
	carafe *second = it_app(.protocol = it_protocol(state), .kafka = kafka, .events = events);
	double stopped;

	it_produce(topic, 0, "there");
	it_route(first, group, topic, it_message_handler, s);
	it_route(second, group, topic, it_message_handler, s);
	it_start(first);
	it_until(it_handled(s) == 1);
	it_start(second);
	it_until(it_members(group) == 2);
	it_stop(second);
	stopped = it_now();
	it_until(it_members(group) == 1);
	assert_true(!ours || it_now() - stopped < 60000); /* long before its session would end */
	it_stop(first);
}

/* The longest that giving partitions up took. */
static int64_t
longest_revocation(struct it_events *events)
{
	int64_t longest = 0;

	for (size_t i = 0; i < it_event_count(events, CARAFE_EV_REBALANCE_REVOKED); i++) {
		struct it_event e = it_event_at(events, CARAFE_EV_REBALANCE_REVOKED, i);

		longest = e.time_ms > longest ? e.time_ms : longest;
	}
	return longest;
}

/* A commit that is on its way when the member joins anew is refused: it was of the generation before. */
static void
a_commit_that_a_rebalance_refused_does_not_hold_it_up(void **state)
{
	struct stream t = new_stream("refused");
	struct it_sink *a = it_sink_new();
	struct it_events *events = it_events_new();
	carafe *app = it_app(.events = events, .kafka = CARAFE_KV({ "auto.commit.interval.ms", "1" }));

	(void)state;
	it_route(app, t.group, t.topic, it_message_handler, a);
	it_start(app);
	produce_until(&t, partitions_of(a, t.topic) == PARTITIONS);
	for (int i = 0; i < 20 && it_event_count(events, CARAFE_EV_OFFSETS_COMMIT_FAILED) < 3; i++) {
		struct it_peer *p = it_peer(.group = t.group, .topic = t.topic);

		produce_until(&t, it_peer_assigned(p) == PARTITIONS / 2);
		it_peer_leave(p);
		it_until(it_members(t.group) == 1);
	}
	assert_true(longest_revocation(events) < 900);
	it_stop(app);
}

/* ------------------------------------------------------------------------------------------------ draining */

/* A handler that is asked to stop waits at the gate first, until `flag` is set; `number` is the set of partitions that do. */
static carafe_rc
wait_when_asked_to_stop(struct it_sink *s, carafe_consumer *c, const carafe_message *m)
{
	(void)m;
	for (int i = 0; i < 10 && !carafe_should_stop(c) && !atomic_load(&s->flag); i++)
		it_nap(1);
	if (carafe_should_stop(c)) {
		atomic_fetch_or(&s->number, 1 << carafe_partition(c));
		it_gate_wait(s->gate);
	}
	return CARAFE_OK;
}

static void
nobody_has_a_partition_before_its_handler_has_finished(void **state)
{
	struct stream t = new_stream("drain");
	struct it_sink *a = it_sink_new(), *b = it_sink_new();
	size_t moved = it_protocol(state) == IT_RANGE ? PARTITIONS : PARTITIONS / 2;
	double since;
	carafe *first, *second;

	a->on_message = wait_when_asked_to_stop;
	a->gate = it_gate_new();
	first = member(&t, it_protocol(state), a, NULL, NULL);
	produce_until(&t, partitions_of(a, t.topic) == PARTITIONS);
	second = member(&t, it_protocol(state), b, NULL, NULL);
	produce_until(&t, it_gate_waiting(a->gate) == (int)moved);
	since = it_now();
	produce_until(&t, it_now() - since > 500);
	assert_int_equal(it_gate_waiting(a->gate), moved); /* no other was asked to stop */
	assert_int_equal(it_handled(b), 0);
	atomic_store(&a->flag, 1); /* the rest is done quickly */
	it_gate_open(a->gate);
	it_until(it_handled(a) + it_handled(b) >= (size_t)t.produced * PARTITIONS);
	assert_int_equal(it_count(a, CARAFE_HOOK_REVOKED), moved);
	it_stop(first);
	it_stop(second);
	expect_all_once(&t, (struct it_sink *[]){ a, b, NULL });
}

#define ARMED (-2)

/* Armed (`number`), every partition's handler is at work until one is asked to stop. That one then hangs through the
 * revocation and finds out afterwards; the others go on. */
static carafe_rc
hang_when_asked_to_stop(struct it_sink *s, carafe_consumer *c, const carafe_message *m)
{
	while (atomic_load(&s->number) == ARMED && !carafe_should_stop(c))
		it_nap(2);
	if (!carafe_should_stop(c) || atomic_exchange(&s->other, 1) != 0)
		return CARAFE_OK;
	atomic_store(&s->number, m->offset * PARTITIONS + m->partition);
	it_gate_wait(s->gate);
	atomic_store(&s->flag, (int)carafe_mark(c, m) | (carafe_revoked(c) ? 0x100 : 0) |
	    (carafe_commit(c, NULL) == CARAFE_LOST ? 0x200 : 0));
	return CARAFE_OK;
}

static size_t
times_handled(const struct it_sink *s, const char *topic, int32_t partition, int64_t offset)
{
	size_t times = 0;

	for (size_t i = 0; i < it_handled_in(s, topic, partition); i++)
		times += it_at_in(s, CARAFE_HOOK_CONSUME, topic, partition, i).offset == offset;
	return times;
}

/* How many partitions this member has handled all of. */
static int
partitions_done(const struct it_sink *s, const struct stream *t)
{
	int n = 0;

	for (int p = 0; p < PARTITIONS; p++)
		n += it_handled_in(s, t->topic, p) == (size_t)t->produced;
	return n;
}

static void
a_handler_past_the_drain_timeout_loses_its_partition_and_delays_no_other(void **state)
{
	struct stream t = new_stream("past");
	struct it_sink *a = it_sink_new(), *b = it_sink_new();
	struct it_events *events = it_events_new();
	struct it_event cut;
	int32_t partition;
	int64_t offset;
	carafe *first, *second;

	a->on_message = hang_when_asked_to_stop;
	a->gate = it_gate_new();
	atomic_store(&a->number, ARMED);
	produce_more(&t, BATCH);
	first = member(&t, it_protocol(state), a, events, CARAFE_KV({ "drain_timeout", "2000" }));
	it_until(it_handled(a) == PARTITIONS); /* which have the rest in hand */
	second = member(&t, it_protocol(state), b, NULL, NULL);
	it_until(it_gate_waiting(a->gate) == 1);
	partition = (int32_t)(a->number % PARTITIONS);
	offset = a->number / PARTITIONS;
	it_until(it_protocol(state) == IT_RANGE || partitions_done(a, &t) >= PARTITIONS / 2); /* those that stay */
	assert_int_equal(it_event_count(events, CARAFE_EV_REBALANCE_DRAIN_TIMEOUT), 0);
	produce_until(&t, it_event_count(events, CARAFE_EV_REBALANCE_DRAIN_TIMEOUT) > 0);
	cut = it_event_at(events, CARAFE_EV_REBALANCE_DRAIN_TIMEOUT, 0);
	assert_string_equal(cut.topic, t.topic);
	assert_int_equal(cut.partition, partition);
	produce_until(&t, partitions_of(b, t.topic) >= 1); /* the group goes on with the handler still at it */
	assert_int_equal(it_gate_waiting(a->gate), 1);
	it_gate_open(a->gate);
	it_until(atomic_load(&a->flag) != 0);
	assert_int_equal(atomic_load(&a->flag), CARAFE_LOST | 0x300);
	it_until(it_handled(a) + it_handled(b) >= (size_t)t.produced * PARTITIONS + 1); /* and one twice */
	it_stop(first);
	it_stop(second);
	for (int p = 0; p < PARTITIONS; p++)
		assert_int_equal(it_committed(t.group, t.topic, p), t.produced);
	assert_int_equal(it_handled(a) + it_handled(b), (size_t)t.produced * PARTITIONS + 1);
	assert_int_equal(times_handled(a, t.topic, partition, offset) + times_handled(b, t.topic, partition, offset), 2);
}

/* ------------------------------------------------------------------------------------------------ attempts */

/* Counts its runs in its state. */
static carafe_rc
fail_while_flag(struct it_sink *s, carafe_consumer *c, const carafe_message *m)
{
	int *runs = carafe_state(c);

	(void)m;
	if (++*runs != carafe_attempt(c))
		atomic_store(&s->other, 1); /* it is of a life before */
	return atomic_load(&s->flag) ? carafe_fail(c, "not now") : CARAFE_OK;
}

static int
highest_attempt(const struct it_sink *s, const char *topic, int partition)
{
	int highest = 0;

	for (size_t i = 0; i < it_handled_in(s, topic, partition); i++)
		if (it_at_in(s, CARAFE_HOOK_CONSUME, topic, partition, i).attempt > highest)
			highest = it_at_in(s, CARAFE_HOOK_CONSUME, topic, partition, i).attempt;
	return highest;
}

static void
expect_each_life_at_attempt_1(const struct it_sink *s, const char *topic, int partition)
{
	for (size_t i = 0, life = 0; i < it_count_in(s, CARAFE_HOOK_INITIALIZED, topic, partition); i++) {
		double began = it_at_in(s, CARAFE_HOOK_INITIALIZED, topic, partition, i).at;

		while (it_at_in(s, CARAFE_HOOK_CONSUME, topic, partition, life).at < began)
			life++;
		assert_int_equal(it_at_in(s, CARAFE_HOOK_CONSUME, topic, partition, life).attempt, 1);
	}
}

static void
after_losing_and_regaining_a_partition_everything_starts_anew(void **state)
{
	const char *topic = it_topic("anew", 2, NULL), *group = it_name("group");
	struct it_sink *a = it_sink_new(), *b = it_sink_new();
	carafe *first = it_app(.protocol = it_protocol(state)), *second = it_app(.protocol = it_protocol(state));
	carafe_handler handler = it_message_handler;
	size_t regained;
	int moved;

	handler.state_size = sizeof(int);
	for (int p = 0; p < 2; p++)
		it_produce(topic, p, "poison");
	a->on_message = b->on_message = fail_while_flag;
	a->flag = b->flag = 1;
	it_route(first, group, topic, handler, a);
	it_route(second, group, topic, handler, b);
	it_start(first);
	it_until(highest_attempt(a, topic, 0) >= 4 && highest_attempt(a, topic, 1) >= 4);
	it_start(second);
	it_until(it_handled(b) > 0);
	moved = it_at(b, CARAFE_HOOK_CONSUME, 0).partition;
	regained = it_handled_in(a, topic, moved);
	it_stop(second);
	it_until(it_handled_in(a, topic, moved) >= regained + 3);
	atomic_store(&a->flag, 0);
	it_until(it_committed(group, topic, 0) == 1 && it_committed(group, topic, 1) == 1);
	it_stop(first);
	assert_true(it_count_in(a, CARAFE_HOOK_INITIALIZED, topic, moved) >= 2);
	for (int p = 0; p < 2; p++)
		expect_each_life_at_attempt_1(a, topic, p);
	assert_int_equal(atomic_load(&a->other) | atomic_load(&b->other), 0);
}

/* ------------------------------------------------------------------------------------------------ who notices */

static void
a_group_does_not_notice_another_groups_rebalance(void **state)
{
	struct stream t = new_stream("apart");
	const char *other_group = it_name("group");
	struct it_sink *a = it_sink_new(), *b = it_sink_new(), *other = it_sink_new();
	struct it_events *events = it_events_new();
	carafe *first = it_app(.protocol = it_protocol(state), .events = events), *second;

	it_route(first, t.group, t.topic, it_message_handler, a);
	it_route(first, other_group, t.topic, it_message_handler, other);
	it_start(first);
	produce_until(&t, partitions_of(a, t.topic) == PARTITIONS && partitions_of(other, t.topic) == PARTITIONS);
	second = member(&t, it_protocol(state), b, NULL, NULL);
	produce_until(&t, partitions_of(b, t.topic) == PARTITIONS / 2);
	for (size_t i = 0; i < it_event_count(events, CARAFE_EV_REBALANCE_REVOKED); i++)
		assert_string_equal(it_event_at(events, CARAFE_EV_REBALANCE_REVOKED, i).group, t.group);
	assert_true(it_event_count(events, CARAFE_EV_REBALANCE_REVOKED) > 0);
	assert_int_equal(it_count(other, CARAFE_HOOK_REVOKED), 0);
	it_stop(second);
	it_until(it_handled(other) == (size_t)t.produced * PARTITIONS);
	it_stop(first);
	for (int p = 0; p < PARTITIONS; p++)
		it_expect_each_once(other, t.topic, p, 0, (size_t)t.produced);
}

static carafe *
static_member(const struct stream *t, const char *id, struct it_sink *s, struct it_events *events)
{
	carafe *app = it_app(.events = events, .kafka = CARAFE_KV({ "group.instance.id", id }));

	it_route(app, t->group, t->topic, it_message_handler, s);
	it_start(app);
	return app;
}

static void
a_static_member_that_restarts_is_not_noticed(void **state)
{
	struct stream t = new_stream("static");
	struct it_sink *a = it_sink_new(), *b = it_sink_new(), *again = it_sink_new();
	struct it_events *events = it_events_new();
	carafe *first = static_member(&t, "a", a, events), *second;
	size_t assigned;

	(void)state;
	produce_until(&t, partitions_of(a, t.topic) == PARTITIONS);
	second = static_member(&t, "b", b, NULL);
	produce_until(&t, partitions_of(b, t.topic) == PARTITIONS / 2);
	it_until(it_handled(a) + it_handled(b) == (size_t)t.produced * PARTITIONS);
	assigned = it_event_count(events, CARAFE_EV_REBALANCE_ASSIGNED);
	it_stop(second);
	second = static_member(&t, "b", again, NULL);
	produce_until(&t, partitions_of(again, t.topic) == PARTITIONS / 2);
	for (int p = 0; p < PARTITIONS; p++)
		assert_int_equal(it_handled_in(again, t.topic, p) > 0, it_handled_in(b, t.topic, p) > 0);
	assert_int_equal(it_event_count(events, CARAFE_EV_REBALANCE_ASSIGNED), assigned);
	assert_int_equal(it_count(a, CARAFE_HOOK_REVOKED), PARTITIONS / 2);
	it_until(it_handled(a) + it_handled(b) + it_handled(again) == (size_t)t.produced * PARTITIONS);
	it_stop(first);
	it_stop(second);
	expect_all_once(&t, (struct it_sink *[]){ a, b, again, NULL });
}

/* ------------------------------------------------------------------------------------------------ churn */

#define SLOTS 3

static void
turmoil_loses_nothing_and_repeats_nothing(void **state)
{
	struct stream t = new_stream("churn");
	struct it_sink *sinks[24] = { 0 };
	carafe *members[SLOTS] = { 0 };
	unsigned seed = it_seed(), count = 0;
	size_t handled;

	while (count < 10) {
		unsigned slot = (unsigned)rand_r(&seed) % SLOTS;

		if (members[slot] != NULL) {
			it_stop(members[slot]);
			members[slot] = NULL;
		} else {
			sinks[count] = it_sink_new();
			sinks[count]->sleep_ms = (int)(count % 4);
			members[slot] = member(&t, it_protocol(state), sinks[count++], NULL, NULL);
		}
		for (int i = rand_r(&seed) % 20; i > 0; i--) {
			produce_more(&t, 2);
			it_nap(rand_r(&seed) % 20);
		}
	}
	for (unsigned i = 0; i < SLOTS; i++)
		if (members[i] == NULL)
			members[i] = member(&t, it_protocol(state), sinks[count++] = it_sink_new(), NULL, NULL);
	do {
		it_nap(10);
		handled = 0;
		for (unsigned i = 0; i < count; i++)
			handled += it_handled(sinks[i]);
	} while (handled < (size_t)t.produced * PARTITIONS);
	for (unsigned i = 0; i < SLOTS; i++)
		it_stop(members[i]);
	expect_all_once(&t, sinks);
}

/* ------------------------------------------------------------------------------------------------ in the middle of a take */

#define MIDDLE 10 /* offset */
#define BEHIND 20 /* messages */

static atomic_bool takes_slowly;
static atomic_int in_the_middle;

/* A message is taken very slowly: not before librdkafka has put a barrier, which counts, before what it had fetched behind it. */
void
it_taking(rd_kafka_queue_t *queue, int32_t partition, int64_t offset)
{
	static atomic_bool done[PARTITIONS];

	if (!takes_slowly || offset != MIDDLE || atomic_exchange(&done[partition], true))
		return;
	while (rd_kafka_queue_length(queue) < BEHIND)
		it_nap(1);
	atomic_fetch_add(&in_the_middle, 1);
	while (rd_kafka_queue_length(queue) == BEHIND)
		it_nap(1);
}

/* Where a partition has got to since it was assigned. */
struct progress {
	int64_t next;
};

/* `flag`: messages; `number`: those that were handled before; `other`: those that come after the middle. */
static carafe_rc
count_repeats(carafe_consumer *c, const carafe_message *m)
{
	struct it_sink *s = carafe_arg(c);
	struct progress *p = carafe_state(c);

	atomic_fetch_add(&s->flag, 1);
	if (m->offset < p->next)
		atomic_fetch_add(&s->number, 1);
	else if (m->offset > MIDDLE)
		atomic_fetch_add(&s->other, 1);
	p->next = m->offset + 1;
	return CARAFE_OK;
}

static const carafe_handler repeats_counter = { .message = count_repeats, .state_size = sizeof(struct progress) };

static bool
has_all_of_its_own(struct it_peer *peer, int produced)
{
	for (int p = 0; p < PARTITIONS; p++)
		if (it_peer_has(peer, p) && it_peer_times(peer, p, produced - 1) == 0)
			return false;
	return true;
}

/* librdkafka holds all partitions up for a rebalance, and goes on from where it believes the application to be: not behind
 * what is being taken just then. */
static void
a_partition_that_stays_repeats_nothing_that_was_being_taken(void **state)
{
	struct stream t = new_stream("middle");
	struct it_sink *s = it_sink_new();
	struct it_peer *peer;
	carafe *app;

	(void)state;
	app = it_app(.max_messages = 1, .kafka = CARAFE_KV({ "plugin.library.paths", it_plugin() },
	    { "auto.commit.interval.ms", "60000" })); /* a commit waits for takes */
	it_route(app, t.group, t.topic, repeats_counter, s);
	produce_more(&t, 1);
	takes_slowly = true;
	it_start(app);
	it_until(atomic_load(&s->flag) == PARTITIONS);
	peer = it_peer(.group = t.group, .topic = t.topic);
	it_until(it_peer_assigned(peer) == PARTITIONS / 2);
	produce_more(&t, MIDDLE + BEHIND);
	it_until(atomic_load(&in_the_middle) == PARTITIONS / 2 && has_all_of_its_own(peer, t.produced));
	it_peer_leave(peer);
	it_until(atomic_load(&s->other) >= PARTITIONS / 2 * BEHIND);
	takes_slowly = false;
	it_stop(app);
	assert_int_equal(atomic_load(&s->number), 0);
}

/* ------------------------------------------------------------------------------------------------ in the middle of asking */

#define LIST_OFFSETS 2 /* requests */
#define OFFSET_FETCH 9

enum { AS_THEY_COME, TO_BE_HELD, HELD, SLOW };
static atomic_int answers, slow_ms;
static _Atomic(rd_kafka_t *) asker;

/* It takes long to hear where partitions begin: until they are given up. Later, what is committed. */
void
it_answered(rd_kafka_t *rk, int api)
{
	atomic_store(&asker, rk);
	if (api == OFFSET_FETCH && answers == SLOW)
		it_nap(300 + atomic_exchange(&slow_ms, 0));
	if (api != LIST_OFFSETS || answers != TO_BE_HELD)
		return;
	answers = HELD;
	for (int i = 0; i < 5000 && answers == HELD; i++)
		it_nap(1);
}

/* The app fetches what the peer has. */
static bool
has_stray(struct it_peer *peer, const char *topic)
{
	size_t fetched = 0;

	for (int p = 0; p < PARTITIONS; p++) {
		rd_kafka_queue_t *queue = rd_kafka_queue_get_partition(asker, topic, p);

		fetched += it_peer_has(peer, p) ? rd_kafka_queue_length(queue) : 0;
		rd_kafka_queue_destroy(queue);
	}
	return fetched >= 2 * BEHIND;
}

/* Everything from there on, some of it perhaps again. */
static bool
has_without_a_gap(const struct it_sink *s, const struct stream *t, int partition, int64_t next)
{
	for (size_t i = 0; i < it_handled_in(s, t->topic, partition); i++) {
		int64_t offset = it_at_in(s, CARAFE_HOOK_CONSUME, t->topic, partition, i).offset;

		assert_in_range(offset, 0, next);
		next += offset == next;
	}
	return next == t->produced;
}

/* librdkafka may go on fetching a partition that it has given up while it asked where it begins. Some come back, and for that long
 * nobody says where they go on. How much of them is handled again is told. */
static size_t
lose_and_regain(enum it_protocol protocol, int slow, bool impatient, struct it_events *events)
{
	struct stream t = new_stream("back");
	struct it_sink *s = it_sink_new();
	size_t again = 0;
	int from[PARTITIONS];
	struct it_peer *peer;
	carafe *app;

	app = it_app(.protocol = protocol, .impatient = impatient, .events = events,
	    .settings = CARAFE_KV({ "reset_backoff", "100" }), .kafka = CARAFE_KV({ "plugin.library.paths", it_plugin() }));
	it_route(app, t.group, t.topic, it_message_handler, s);
	answers = TO_BE_HELD;
	it_start(app);
	it_until(answers == HELD);
	peer = it_peer(.group = t.group, .topic = t.topic, .protocol = protocol);
	it_until(it_peer_assigned(peer) == PARTITIONS / 2);
	slow_ms = slow;
	answers = SLOW;
	produce_more(&t, BEHIND);
	for (int i = 0; i < 3000 && !has_stray(peer, t.topic); i++) /* which one day it may not */
		it_nap(1);
	it_until(it_peer_got(peer) == BEHIND * PARTITIONS / 2);
	for (int p = 0; p < PARTITIONS; p++)
		from[p] = it_peer_has(peer, p) ? t.produced : 0;
	it_peer_leave(peer);
	for (int p = 0; p < PARTITIONS; p++)
		assert_true(from[p] == 0 || it_committed(t.group, t.topic, p) == from[p]);
	produce_until(&t, partitions_of(s, t.topic) == PARTITIONS);
	for (int p = 0; p < PARTITIONS; p++)
		it_until(has_without_a_gap(s, &t, p, from[p]));
	answers = AS_THEY_COME;
	it_stop(app);
	for (int p = 0; p < PARTITIONS; p++)
		again += it_handled_in(s, t.topic, p) - (size_t)(t.produced - from[p]);
	return again;
}

static void
a_partition_that_comes_back_begins_where_the_group_left_it(void **state)
{
	struct it_events *events = it_events_new();

	assert_int_equal(lose_and_regain(it_protocol(state), 1000, false, events), 0);
	assert_int_equal(it_event_count(events, CARAFE_EV_CONNECTION_FATAL), 0);
}

static void
a_client_goes_when_nobody_says_where_a_partition_goes_on(void **state)
{
	struct it_events *events = it_events_new();

	lose_and_regain(it_protocol(state), it_limit_ms(it_protocol(state)), true, events);
	assert_int_equal(it_event_count(events, CARAFE_EV_CONNECTION_FATAL), 1);
}

/* ------------------------------------------------------------------------------------------------ dropped */

/* One that is asked to stop waits at the gate, the others take a little while. */
static carafe_rc
linger_when_asked_to_stop(struct it_sink *s, carafe_consumer *c, const carafe_message *m)
{
	(void)m;
	for (int i = 0; i < 20 && !carafe_should_stop(c); i++)
		it_nap(2);
	if (carafe_should_stop(c))
		it_gate_wait(s->gate);
	return CARAFE_OK;
}

/* Or the group would go on without the member, and tell it nothing. */
static void
a_drain_ends_before_the_group_goes_on_without_the_member(void **state)
{
	struct stream t = new_stream("cut");
	struct it_sink *s = it_sink_new(), *other = it_sink_new();
	struct it_events *events = it_events_new();
	enum it_protocol protocol = it_protocol(state);
	carafe *app = it_app(.protocol = protocol, .events = events, .impatient = true), *second;

	s->gate = it_gate_new();
	s->on_message = linger_when_asked_to_stop;
	it_route(app, t.group, t.topic, it_message_handler, s, .long_running = 1); /* the watchdog leaves it alone */
	it_start(app);
	produce_until(&t, partitions_of(s, t.topic) == PARTITIONS);
	second = it_app(.protocol = protocol, .impatient = true);
	it_route(second, t.group, t.topic, it_message_handler, other);
	it_start(second);
	produce_until(&t, partitions_of(other, t.topic) > 0);
	assert_true(it_event_at(events, CARAFE_EV_REBALANCE_DRAIN_TIMEOUT, 0).timeout_ms < it_limit_ms(protocol));
	assert_string_equal(it_event_at(events, CARAFE_EV_REBALANCE_REVOKED, 0).reason, "revoked");
	assert_int_equal(it_members(t.group), 2);
	it_gate_open(s->gate);
	it_stop(second);
	it_stop(app);
}

/* Every partition's last message. */
static bool
has_got_to_the_end(const struct stream *t, struct it_peer *peer)
{
	for (int p = 0; p < PARTITIONS; p++)
		if (it_peer_times(peer, p, t->produced - 1) == 0)
			return false;
	return true;
}

static bool
all_committed(const struct stream *t)
{
	for (int p = 0; p < PARTITIONS; p++)
		if (it_committed(t->group, t->topic, p) != t->produced)
			return false;
	return true;
}

/* The coordinator has told it that it is no member. */
static bool
is_nobody(rd_kafka_t *rk)
{
	char *id = rd_kafka_memberid(rk);
	bool nobody = id == NULL || id[0] == '\0';

	rd_kafka_mem_free(rk, id);
	return nobody;
}

static bool
ends_with(const struct it_sink *s, const struct stream *t)
{
	for (int p = 0; p < PARTITIONS; p++)
		if (it_at_in(s, CARAFE_HOOK_CONSUME, t->topic, p, it_handled_in(s, t->topic, p) - 1).offset != t->produced - 1)
			return false;
	return true;
}

/* In the middle of giving partitions up. Another one takes over, gets further, and leaves. By then the member knows, and asks for no
 * commit; librdkafka tells it nothing. */
static void
a_member_that_was_dropped_while_it_finished_takes_nothing_back(void **state)
{
	struct stream t = new_stream("dropped");
	struct it_sink *s = it_sink_new();
	struct it_events *events = it_events_new();
	carafe *app = it_app(.protocol = it_protocol(state), .events = events, .max_messages = BATCH,
	    .kafka = CARAFE_KV({ "plugin.library.paths", it_plugin() }, { "auto.commit.interval.ms", "600000" }));
	struct it_peer *peer;
	size_t failed;

	s->gate = it_gate_new();
	s->on_message = linger_when_asked_to_stop;
	it_route(app, t.group, t.topic, it_message_handler, s);
	it_start(app);
	produce_until(&t, partitions_of(s, t.topic) == PARTITIONS);
	peer = it_peer(.group = t.group, .topic = t.topic, .protocol = it_protocol(state));
	produce_until(&t, it_gate_waiting(s->gate) > 0);
	it_expel(t.group, "it");
	it_until(it_peer_assigned(peer) == PARTITIONS);
	produce_more(&t, 5);
	it_until(has_got_to_the_end(&t, peer));
	it_peer_leave(peer);
	assert_true(all_committed(&t));
	assert_int_equal(it_event_count(events, CARAFE_EV_REBALANCE_REVOKED), 0);
	it_until(is_nobody(asker));
	failed = it_event_count(events, CARAFE_EV_OFFSETS_COMMIT_FAILED);
	it_gate_open(s->gate);
	it_until(it_event_count(events, CARAFE_EV_REBALANCE_REVOKED) > 0);
	assert_int_equal(it_event_count(events, CARAFE_EV_OFFSETS_COMMIT_FAILED), failed);
	assert_true(all_committed(&t));
	assert_string_equal(it_event_at(events, CARAFE_EV_REBALANCE_REVOKED, 0).reason, "lost");
	produce_more(&t, 1);
	it_until(ends_with(s, &t));
	it_stop(app);
	assert_true(all_committed(&t));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IT_PROTOCOLS(members_come_and_go_and_nothing_is_lost_or_handled_twice),
		IT(a_commit_that_a_rebalance_refused_does_not_hold_it_up),
		IT_PROTOCOLS(only_what_moves_is_revoked_unless_the_group_is_eager),
		IT_PROTOCOLS(a_member_without_partitions_leaves_when_it_stops),
		IT_PROTOCOLS(nobody_has_a_partition_before_its_handler_has_finished),
		IT_PROTOCOLS(a_handler_past_the_drain_timeout_loses_its_partition_and_delays_no_other),
		IT_PROTOCOLS(a_drain_ends_before_the_group_goes_on_without_the_member),
		IT_CLASSIC_ONES(a_member_that_was_dropped_while_it_finished_takes_nothing_back),
		IT_PROTOCOLS(after_losing_and_regaining_a_partition_everything_starts_anew),
		IT_PROTOCOLS(a_group_does_not_notice_another_groups_rebalance),
		IT(a_static_member_that_restarts_is_not_noticed),
		IT(a_partition_that_stays_repeats_nothing_that_was_being_taken),
		IT_COOPERATIVE_ONES(a_partition_that_comes_back_begins_where_the_group_left_it),
		IT_COOPERATIVE_ONES(a_client_goes_when_nobody_says_where_a_partition_goes_on),
		IT_PROTOCOLS(turmoil_loses_nothing_and_repeats_nothing),
	};

	return it_run(tests);
}
