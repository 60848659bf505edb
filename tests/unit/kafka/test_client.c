#include "kafka/tokens.h"
#include "scene.h"

#include <dlfcn.h>

#include "kafka/client_priv.h"

static bool ask_late; /* as by a thread that did not run for a while */

/* In the place of librdkafka's, which waits for an answer that nobody gives once the consumer is closed. */
const char *
rd_kafka_rebalance_protocol(rd_kafka_t *rk)
{
	const char *(*real)(rd_kafka_t *);

	*(void **)&real = dlsym(RTLD_NEXT, "rd_kafka_rebalance_protocol");
	for (crf_ns until = crf_now() + CRF_SECOND / 2; ask_late && crf_now() < until;)
		if (rd_kafka_consumer_closed(rk))
			fail_msg("a consumer that is closed is asked");
	return real(rk);
}

static void
messages_come_through_mailboxes_and_the_group_is_left(void **unused)
{
	struct scene s;
	void *natives[10];

	(void)unused;
	scene_open(&s);
	make_topic(&s, "orders", LANES);
	for (int i = 0; i < LANES; i++)
		write_messages(&s, "orders", i, 10);
	join(&s, "orders");
	for (int i = 0; i < LANES; i++) {
		take_exactly(&s.lanes[i], natives, 10);
		for (int k = 0; k < 10; k++) {
			assert_int_equal(crf_native_error(natives[k]), 0);
			assert_int_equal(crf_native_offset(natives[k]), k);
		}
		free_natives(natives, 10);
		assert_int_equal(crf_mailbox_take(s.lanes[i].mailbox, natives, 10), 0);
	}
	leave(&s);
	scene_close(&s);
}

static void
a_mailbox_wakes_each_time_it_stops_being_empty(void **unused)
{
	struct scene s;
	void *natives[2];

	(void)unused;
	scene_open(&s);
	make_topic(&s, "orders", LANES);
	join(&s, "orders");
	for (int round = 0; round < 5; round++) {
		write_messages(&s, "orders", 0, 2);
		assert_true(await_wake(&s.lanes[0], crf_now() + DEADLINE));
		take_exactly(&s.lanes[0], natives, 2);
		free_natives(natives, 2);
		assert_int_equal(crf_mailbox_take(s.lanes[0].mailbox, natives, 2), 0);
	}
	leave(&s);
	scene_close(&s);
}

static void
assert_committed(struct scene *s, void *tag, int64_t offset, const char *metadata)
{
	struct crf_client_event ev;

	await_event(s, CRF_CLIENT_COMMITTED, &ev);
	assert_int_equal(ev.code, 0);
	assert_ptr_equal(ev.tag, tag);
	assert_int_equal(ev.partitions.count, 1);
	assert_string_equal(ev.partitions.items[0].topic, "orders");
	assert_int_equal(ev.partitions.items[0].partition, 1);
	assert_int_equal(ev.partitions.items[0].offset, offset);
	assert_int_equal(ev.partitions.items[0].error, 0);
	if (metadata != NULL)
		assert_string_equal(ev.partitions.items[0].metadata, metadata);
	crf_client_event_fini(&ev);
}

/* What the group has for orders[1]. */
static int64_t
committed_offset(struct scene *s)
{
	rd_kafka_topic_partition_list_t *l = rd_kafka_topic_partition_list_new(1);
	int64_t offset;

	rd_kafka_topic_partition_list_add(l, "orders", 1);
	assert_int_equal(rd_kafka_committed(s->client->rk, l, 30000), 0);
	offset = l->elems[0].offset;
	rd_kafka_topic_partition_list_destroy(l);
	return offset;
}

static void
a_commit_ends_with_its_tag_and_offsets(void **unused)
{
	struct crf_partitions l = { 0 };
	struct scene s;
	struct crf_partition *p;
	void *natives[10];
	int tag;

	(void)unused;
	scene_open(&s);
	make_topic(&s, "orders", LANES);
	write_messages(&s, "orders", 1, 10);
	join(&s, "orders");
	take_exactly(&s.lanes[1], natives, 10);
	free_natives(natives, 10);

	p = crf_partitions_add(&l, "orders", 1);
	p->offset = 7;
	p->leader_epoch = 0;
	p->metadata = crf_strdup("how far");
	assert_ok(crf_client_commit(s.client, &l, &tag, err));
	assert_committed(&s, &tag, 7, "how far");
	assert_int_equal(committed_offset(&s), 7);

	l.items[0].offset = 10;
	assert_ok(crf_client_commit(s.client, &l, NULL, err));
	assert_committed(&s, NULL, 10, NULL);
	assert_int_equal(committed_offset(&s), 10);
	crf_partitions_fini(&l);
	leave(&s);
	scene_close(&s);
}

/* Nothing is committed behind carafe's back: not on a timer, not at the end. */
static void
nothing_is_committed_that_was_not_asked_for(void **unused)
{
	struct scene s;
	void *natives[10];

	(void)unused;
	scene_open(&s);
	set(&s, "enable.auto.commit", "true");
	set(&s, "auto.commit.interval.ms", "10");
	make_topic(&s, "orders", LANES);
	write_messages(&s, "orders", 1, 10);
	join(&s, "orders");
	take_exactly(&s.lanes[1], natives, 10);
	free_natives(natives, 10);
	leave(&s);
	join(&s, "orders");
	assert_int_equal(committed_offset(&s), CRF_OFFSET_NONE);
	take_exactly(&s.lanes[1], natives, 10);
	free_natives(natives, 10);
	leave(&s);
	scene_close(&s);
}

static void
assign_from(struct scene *s, int64_t offset)
{
	struct crf_partitions l = { 0 };

	for (int i = 0; i < LANES; i++) {
		open_lane(s, "orders", i);
		crf_partitions_add(&l, "orders", i)->offset = offset;
	}
	assert_ok(crf_client_assign(s->client, &l, err));
	crf_partitions_fini(&l);
}

static void
unassign_all(struct scene *s)
{
	struct crf_partitions l = { 0 };

	for (int i = 0; i < LANES; i++)
		crf_partitions_add(&l, "orders", i);
	close_lanes(s);
	assert_ok(crf_client_unassign(s->client, &l, err));
	crf_partitions_fini(&l);
}

/* librdkafka remembers for a partition that its queue was taken out of the consumer's, beyond the assignment; and what
 * was fetched for the old assignment lies in that same queue. */
static void
check_reassignment(const char *strategy, const char *protocol)
{
	struct scene s;
	void *natives[100];

	scene_open(&s);
	set(&s, "partition.assignment.strategy", strategy);
	make_topic(&s, "orders", LANES);
	for (int i = 0; i < LANES; i++)
		write_messages(&s, "orders", i, 100);
	join(&s, "orders");
	assert_string_equal(crf_client_protocol(s.client), protocol);
	for (int round = 0; round < 3; round++) {
		take_exactly(&s.lanes[0], natives, 1); /* the rest stays behind */
		free_natives(natives, 1);
		unassign_all(&s);
		assign_from(&s, 50 + round);
		for (int i = 0; i < LANES; i++) {
			size_t left = (size_t)(100 - 50 - round);

			take_exactly(&s.lanes[i], natives, left);
			for (size_t k = 0; k < left; k++)
				assert_int_equal(crf_native_offset(natives[k]), 50 + round + (int)k);
			free_natives(natives, left);
			assert_int_equal(crf_mailbox_take(s.lanes[i].mailbox, natives, 1), 0);
		}
		unassign_all(&s);
		assign_from(&s, 0);
	}
	leave(&s);
	scene_close(&s);
}

static void
a_partition_assigned_again_delivers_again(void **unused)
{
	(void)unused;
	check_reassignment("cooperative-sticky", "COOPERATIVE");
	check_reassignment("range", "EAGER");
}

static void
the_consumer_protocol_works_too(void **unused)
{
	struct scene s;
	void *natives[10];

	(void)unused;
	if (crf_kafka_version_number() < CRF_KAFKA_2_12)
		skip();
	scene_open(&s);
	set(&s, "group.protocol", "consumer");
	make_topic(&s, "orders", LANES);
	write_messages(&s, "orders", 1, 10);
	join(&s, "orders");
	assert_string_equal(crf_client_protocol(s.client), "COOPERATIVE");
	take_exactly(&s.lanes[1], natives, 10);
	free_natives(natives, 10);
	leave(&s);
	scene_close(&s);
}

static void *
wake_client(void *arg)
{
	crf_client_wake(arg);
	return NULL;
}

static void
wake_ends_a_poll(void **unused)
{
	struct crf_thread thread = { 0 };
	struct crf_client_event ev;
	crf_ns started = crf_now();
	struct scene s;

	(void)unused;
	scene_open(&s);
	open_client(&s);
	crf_client_wake(s.client); /* before anybody polls */
	do
		crf_client_poll(s.client, 60000, &ev);
	while (ev.kind != CRF_CLIENT_NOTHING && (crf_client_event_fini(&ev), true));
	crf_thread_start(&thread, "waker", wake_client, s.client);
	do
		crf_client_poll(s.client, 60000, &ev);
	while (ev.kind != CRF_CLIENT_NOTHING && (crf_client_event_fini(&ev), true));
	crf_thread_join(&thread);
	assert_true(crf_now() - started < 50 * CRF_SECOND);
	crf_client_free(s.client, false);
	scene_close(&s);
}

static void
an_end_of_partition_is_news_not_a_message(void **unused)
{
	struct scene s;
	void *natives[3];

	(void)unused;
	scene_open(&s);
	set(&s, "enable.partition.eof", "true");
	make_topic(&s, "orders", LANES);
	write_messages(&s, "orders", 0, 2);
	join(&s, "orders");
	take_exactly(&s.lanes[0], natives, 3);
	assert_false(crf_native_is_eof(natives[1]));
	assert_true(crf_native_is_eof(natives[2]));
	assert_int_not_equal(crf_native_error(natives[2]), 0);
	assert_int_equal(crf_native_offset(natives[2]), 2);
	assert_non_null(crf_native_text(natives[2]));
	free_natives(natives, 3);
	leave(&s);
	scene_close(&s);
}

/* A position that is not in the log, with auto.offset.reset=error. */
static void
an_error_of_a_partition_comes_through_its_mailbox(void **unused)
{
	struct crf_partitions l = { 0 };
	struct scene s;
	void *native;

	(void)unused;
	scene_open(&s);
	set(&s, "auto.offset.reset", "error");
	make_topic(&s, "orders", LANES);
	write_messages(&s, "orders", 0, 2);
	open_client(&s);
	open_lane(&s, "orders", 0);
	crf_partitions_add(&l, "orders", 0)->offset = 999;
	assert_ok(crf_client_assign(s.client, &l, err));
	take_exactly(&s.lanes[0], &native, 1);
	assert_int_equal(crf_native_error(native), RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET);
	assert_false(crf_native_is_eof(native));
	crf_native_free(native);
	unassign_all(&s);
	crf_partitions_fini(&l);
	crf_client_free(s.client, false);
	scene_close(&s);
}

/* This test's error comes where librdkafka itself raises none (no group.instance.id), so that closing is refused while
 * destroying waits for it: see crf_client_free. */
static void
a_fatal_error_says_what_is_behind_it(void **unused)
{
	struct crf_client_event ev;
	carafe_error err = { 0 };
	struct scene s;

	(void)unused;
	scene_open(&s);
	make_topic(&s, "orders", LANES);
	join(&s, "orders");
	rd_kafka_test_fatal_error(s.client->rk, RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID, "somebody else");
	await_event(&s, CRF_CLIENT_ERROR, &ev);
	assert_true(ev.fatal);
	assert_int_equal(ev.code, RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID);
	assert_non_null(strstr(ev.text, "somebody else"));
	assert_int_equal(crf_kafka_rc(ev.code), CARAFE_FATAL);
	assert_non_null(crf_kafka_error_hint(ev.code));
	crf_client_event_fini(&ev);
	assert_int_equal(crf_client_close(s.client, &err), CARAFE_FATAL);
	assert_int_equal(err.kafka, RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID);
	close_lanes(&s);
	crf_client_free(s.client, false);
	scene_close(&s);
}

/* As when an answer to a rebalance failed: nobody closes it first, and librdkafka waits for an answer. */
static void
a_client_is_freed_from_any_state(void **unused)
{
	struct crf_client_event ev;
	struct scene s;
	void *native;

	(void)unused;
	scene_open(&s);
	make_topic(&s, "orders", LANES);
	write_messages(&s, "orders", 0, 100);
	join(&s, "orders");
	take_exactly(&s.lanes[0], &native, 1);
	crf_native_free(native);
	close_lanes(&s);
	crf_client_free(s.client, false); /* assigned */

	open_client(&s);
	subscribe(&s, "orders");
	await_event(&s, CRF_CLIENT_ASSIGN, &ev);
	crf_client_event_fini(&ev);
	crf_client_free(s.client, false); /* asked to assign */

	join(&s, "orders");
	assert_ok(crf_client_close(s.client, err));
	await_event(&s, CRF_CLIENT_REVOKE, &ev);
	crf_client_event_fini(&ev);
	close_lanes(&s);
	crf_client_free(s.client, false); /* asked to let go */
	scene_close(&s);
}

/* Which has nobody to tell that it leaves, and is closed as soon as it has answered. */
static void
a_static_member_is_asked_nothing_once_it_is_closed(void **unused)
{
	struct scene s;

	(void)unused;
	scene_open(&s);
	set(&s, "group.instance.id", "one");
	make_topic(&s, "orders", LANES);
	join(&s, "orders");
	ask_late = true;
	leave(&s);
	ask_late = false;
	scene_close(&s);
}

/* A close revokes what is assigned without heed of an assignment that waits for its answer: with that answer it is all over. */
static void
a_close_is_answered_once(void **unused)
{
	struct crf_client_event ev;
	struct scene s;

	(void)unused;
	scene_open(&s);
	make_topic(&s, "orders", LANES);
	open_client(&s);
	subscribe(&s, "orders");
	await_event(&s, CRF_CLIENT_ASSIGN, &ev);
	assert_ok(crf_client_close(s.client, err));
	assert_ok(crf_client_assign(s.client, &ev.partitions, err));
	crf_client_event_fini(&ev);
	ask_late = true;
	serve_until_closed(&s);
	ask_late = false;
	crf_client_free(s.client, false);
	scene_close(&s);
}

/* As of a variable of the environment that is left empty: librdkafka has no static member then, and it leaves as others do. */
static void
an_identity_that_is_empty_is_none(void **unused)
{
	struct scene s;

	(void)unused;
	scene_open(&s);
	set(&s, "group.instance.id", "");
	make_topic(&s, "orders", LANES);
	join(&s, "orders");
	assert_false(crf_client_left(s.client));
	leave(&s);
	scene_close(&s);
}

static void
a_join_that_goes_on_is_read_from_statistics(void **unused)
{
	(void)unused;
	assert_true(crf_client_joins("{ \"cgrp\": { \"state\": \"up\", \"stateage\": 7, \"join_state\": \"wait-join\", \"rebalance_cnt\": 1 }}"));
	assert_true(crf_client_joins("{ \"cgrp\": { \"state\": \"up\", \"stateage\": 7, \"join_state\": \"wait-sync\" }}"));
	assert_false(crf_client_joins("{ \"cgrp\": { \"state\": \"up\", \"stateage\": 7, \"join_state\": \"steady\" }}"));
	assert_false(crf_client_joins("{ \"cgrp\": { \"state\": \"up\", \"stateage\": 7, \"join_state\": \"wait-metadata\" }}"));
	assert_false(crf_client_joins("{ \"cgrp\": { \"state\": \"wait-broker\", \"stateage\": 7, \"join_state\": \"wait-join\" }}"));
	assert_false(crf_client_joins("{ \"name\": \"it#consumer-1\" }"));
}

static void
statistics_and_log_lines_are_events(void **unused)
{
	struct crf_client_event ev;
	struct scene s;

	(void)unused;
	scene_open(&s);
	set(&s, "statistics.interval.ms", "50");
	set(&s, "debug", "cgrp");
	open_client(&s);
	await_event(&s, CRF_CLIENT_LOG, &ev);
	assert_true(strlen(ev.text) > 0);
	assert_in_range(ev.level, 0, 7);
	crf_client_event_fini(&ev);
	await_event(&s, CRF_CLIENT_STATISTICS, &ev);
	assert_non_null(strstr(ev.text, "\"type\": \"consumer\""));
	crf_client_event_fini(&ev);
	crf_client_free(s.client, false);
	scene_close(&s);
}

/* Before any topic is there or subscribed to, and without ever waiting. */
static void
a_broker_that_answers_is_noticed(void **unused)
{
	crf_ns until = crf_now() + DEADLINE, longest = 0;
	struct crf_client_event ev;
	struct scene s;

	(void)unused;
	scene_open(&s);
	open_client(&s);
	while (crf_now() < until) {
		crf_ns started = crf_now();
		bool reached = crf_client_reached(s.client);

		longest = crf_now() - started > longest ? crf_now() - started : longest;
		if (reached)
			break;
		crf_client_poll(s.client, 10, &ev);
		crf_client_event_fini(&ev);
	}
	assert_true(crf_client_reached(s.client));
	assert_true(longest < CRF_SECOND);
	crf_client_free(s.client, false);
	scene_close(&s);
}

static void
a_broker_that_is_not_there_is_an_error(void **unused)
{
	const char *topic = "orders";
	struct crf_client_event ev;
	struct scene s;

	(void)unused;
	scene_open(&s);
	set(&s, "bootstrap.servers", "127.0.0.1:1");
	open_client(&s);
	await_event(&s, CRF_CLIENT_ERROR, &ev);
	assert_false(ev.fatal);
	assert_int_equal(crf_kafka_rc(ev.code), CARAFE_UNAVAILABLE);
	assert_true(crf_kafka_error_retriable(ev.code));
	assert_true(strlen(ev.text) > 0);
	crf_client_event_fini(&ev);
	assert_false(crf_client_reached(s.client));
	assert_int_equal(crf_client_partition_count(s.client, &topic, 1, 50), 0);
	crf_client_free(s.client, false);
	scene_close(&s);
}

static void
partitions_are_counted(void **unused)
{
	const char *topics[] = { "orders", "nowhere", "^orders", "refunds" };
	struct scene s;

	(void)unused;
	scene_open(&s);
	make_topic(&s, "orders", 3);
	make_topic(&s, "refunds", 4);
	open_client(&s);
	assert_int_equal(crf_client_partition_count(s.client, topics, 4, 30000), 7);
	assert_int_equal(crf_client_max_poll_interval(s.client), 300000);
	crf_client_free(s.client, false);
	scene_close(&s);
}

/* A handler hangs with a message: the client cannot be destroyed, but its partitions must go to others. */
static void
an_abandoned_client_leaves_its_group(void **unused)
{
	struct scene s;
	struct crf_client *left;
	void *held, *natives[10];

	(void)unused;
	scene_open(&s);
	make_topic(&s, "orders", LANES);
	write_messages(&s, "orders", 0, 10);
	join(&s, "orders");
	take_exactly(&s.lanes[0], &held, 1);
	close_lanes(&s);
	left = s.client;
	crf_client_free(left, true);
	join(&s, "orders");
	take_exactly(&s.lanes[0], natives, 10);
	free_natives(natives, 10);
	leave(&s);
	crf_native_free(held); /* the handler that hung comes back */
	crf_client_free(left, false); /* in a test there is somebody to do that, and no thread outlives main */
	scene_close(&s);
}

static void
settings_that_do_not_do_are_refused(void **unused)
{
	struct crf_client *client = NULL;
	carafe_error err = { 0 };
	struct scene s;

	(void)unused;
	scene_open(&s);
	set(&s, "no.such.setting", "1");
	assert_int_equal(crf_client_new(&client, &s.kafka, &err), CARAFE_CONFIG);
	assert_non_null(strstr(err.text, "no.such.setting"));
	crf_kvs_remove(&s.kafka, "no.such.setting");
	set(&s, "max.poll.interval.ms", "1000");
	assert_int_equal(crf_client_new(&client, &s.kafka, &err), CARAFE_CONFIG);
	assert_non_null(strstr(err.text, "max.poll.interval.ms"));
	crf_kvs_remove(&s.kafka, "group.id");
	assert_int_equal(crf_client_new(&client, &s.kafka, &err), CARAFE_CONFIG);
	assert_non_null(strstr(err.text, "group.id"));
	assert_null(client);
	crf_client_free(NULL, false);
	scene_close(&s);
}

/* Tokens: from nowhere, which must not be silence. */
static void
a_missing_token_is_an_error(void **unused)
{
	struct crf_client_event ev;
	struct scene s;

	(void)unused;
	scene_open(&s);
	set(&s, "security.protocol", "sasl_plaintext");
	set(&s, "sasl.mechanisms", "OAUTHBEARER");
	open_client(&s);
	await_event(&s, CRF_CLIENT_ERROR, &ev);
	assert_int_equal(ev.code, RD_KAFKA_RESP_ERR__AUTHENTICATION);
	assert_non_null(strstr(ev.text, "sasl.oauthbearer.method"));
	crf_client_event_fini(&ev);
	crf_client_free(s.client, false);
	scene_close(&s);
}

static carafe_rc
provide_half_an_extension(const char *config, carafe_token *token, carafe_error *err, void *arg)
{
	static const carafe_kv extensions[] = { { "tenant", NULL }, { NULL, NULL } };

	(void)config, (void)err, (void)arg;
	token->value = "token";
	token->expires_at = crf_wall_ms() + 3600000;
	token->extensions = extensions;
	return CARAFE_OK;
}

static void
an_extension_without_a_value_is_an_error(void **unused)
{
	struct crf_tokens *tokens = crf_tokens_new(provide_half_an_extension, NULL);
	struct crf_client_event ev;
	struct scene s;

	(void)unused;
	scene_open(&s);
	s.kafka.tokens = tokens;
	set(&s, "security.protocol", "sasl_plaintext");
	set(&s, "sasl.mechanisms", "OAUTHBEARER");
	open_client(&s);
	await_event(&s, CRF_CLIENT_ERROR, &ev);
	assert_int_equal(ev.code, RD_KAFKA_RESP_ERR__AUTHENTICATION);
	assert_non_null(strstr(ev.text, "extension tenant has no value"));
	crf_client_event_fini(&ev);
	crf_client_free(s.client, false);
	scene_close(&s);
	crf_tokens_retire(tokens);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_come_through_mailboxes_and_the_group_is_left),
		cmocka_unit_test(a_mailbox_wakes_each_time_it_stops_being_empty),
		cmocka_unit_test(a_commit_ends_with_its_tag_and_offsets),
		cmocka_unit_test(nothing_is_committed_that_was_not_asked_for),
		cmocka_unit_test(a_partition_assigned_again_delivers_again),
		cmocka_unit_test(the_consumer_protocol_works_too),
		cmocka_unit_test(wake_ends_a_poll),
		cmocka_unit_test(an_end_of_partition_is_news_not_a_message),
		cmocka_unit_test(an_error_of_a_partition_comes_through_its_mailbox),
		cmocka_unit_test(a_fatal_error_says_what_is_behind_it),
		cmocka_unit_test(a_client_is_freed_from_any_state),
		cmocka_unit_test(a_static_member_is_asked_nothing_once_it_is_closed),
		cmocka_unit_test(a_close_is_answered_once),
		cmocka_unit_test(an_identity_that_is_empty_is_none),
		cmocka_unit_test(a_join_that_goes_on_is_read_from_statistics),
		cmocka_unit_test(statistics_and_log_lines_are_events),
		cmocka_unit_test(a_broker_that_answers_is_noticed),
		cmocka_unit_test(a_broker_that_is_not_there_is_an_error),
		cmocka_unit_test(partitions_are_counted),
		cmocka_unit_test(an_abandoned_client_leaves_its_group),
		cmocka_unit_test(settings_that_do_not_do_are_refused),
		cmocka_unit_test(a_missing_token_is_an_error),
		cmocka_unit_test(an_extension_without_a_value_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
