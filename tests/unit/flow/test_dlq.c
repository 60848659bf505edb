#include "rig.h"

#define LUCK " CARAFE_FAILED: no luck;"

static struct rig r; /* the one of the test that runs */

static void
begin(const carafe_handler *handler, carafe_dlq_opts dlq, carafe_marking marking)
{
	rig_init_with(&r, handler, .marking = marking);
	dlq.size = sizeof(dlq);
	if (!dlq.skip)
		dlq.topic = "orders.dead";
	carafe_dlq_(r.route, &dlq);
	rig_run(&r);
}

static void
what_failed_often_enough_is_dispatched_and_marked(void **unused)
{
	(void)unused;
	begin(&by_message, (carafe_dlq_opts){ .max_retries = 2 }, 0);
	r.bad = 11;
	fake_messages(&r.source, 10, 12);
	expect(&r, "m10 a1;m11 a1;error consume 11-12 a1" LUCK "retry 11 a2 in 200;");
	expect_after(&r, 200 * CRF_MS, "m11 a2;error consume 11-12 a2" LUCK "retry 11 a3 in 400;");
	expect_after(&r, 400 * CRF_MS, "m11 a3;error consume 11-12 a3" LUCK);
	assert_int_equal(sent_count, 1);
	assert_true(r.source.marked == 11); /* not before it is acknowledged */
	pass(r.pool, 3600 * CRF_SECOND);
	expect(&r, "");
	answer(0);
	expect(&r, "dead 11 a3 orders.dead[3]@77;m12 a1;");
	assert_true(r.source.marked == 13);
	assert_true(atomic_load(&r.flow.dead) == 1);
	rig_fini(&r);
}

static void
a_dead_letter_says_where_it_comes_from(void **unused)
{
	(void)unused;
	begin(&by_message, (carafe_dlq_opts){ .max_retries = CARAFE_NONE }, 0);
	r.bad = 11;
	fake_push(&r.source, (struct native){ .offset = 11, .key = "k", .value = "v" });
	expect(&r, "m11 a1;error consume 11-11 a1" LUCK);
	assert_non_null(strstr(sent[0].text, "orders.dead k=v {source_topic=orders source_partition=0 source_offset=11 "
					     "source_consumer_group=billing source_attempts=1 source_error=no luck "
					     "source_trace_id="));
	assert_non_null(strstr(sent[0].text, "} @0"));
	rig_fini(&r);
}

static void
the_default_is_three_retries(void **unused)
{
	(void)unused;
	begin(&by_message, (carafe_dlq_opts){ .max_retries = 0 }, 0);
	r.bad = 11;
	fake_message(&r.source, 11);
	pass(r.pool, 60 * CRF_SECOND);
	assert_int_equal(sent_count, 1);
	assert_true(atomic_load(&r.flow.failed) == 4);
	rig_fini(&r);
}

/* The first and the last of a batch, and several in a row. */
static void
every_bad_one_goes_and_the_others_are_handled(void **unused)
{
	(void)unused;
	begin(&by_message, (carafe_dlq_opts){ .max_retries = CARAFE_NONE }, 0);
	r.verdict = CARAFE_INVALID;
	r.fails = 2;
	r.bad = 13;
	fake_messages(&r.source, 10, 13);
	expect(&r, "m10 a1;error consume 10-13 a1 CARAFE_INVALID: the handler returned CARAFE_INVALID;");
	answer(0);
	expect(&r, "dead 10 a1 orders.dead[3]@77;m11 a1;error consume 11-13 a1 CARAFE_INVALID: the handler returned "
		   "CARAFE_INVALID;");
	answer(0);
	expect(&r, "dead 11 a1 orders.dead[3]@77;m12 a1;m13 a1;error consume 13-13 a1 CARAFE_INVALID: the handler returned "
		   "CARAFE_INVALID;");
	fake_message(&r.source, 14); /* waits its turn: dead letters stay in order */
	expect(&r, "");
	answer(0);
	expect(&r, "dead 13 a1 orders.dead[3]@77;m14 a1;");
	assert_true(r.source.marked == 15);
	rig_fini(&r);
}

/* ------------------------------------------------------------------------------------------------ batches */

/* Nothing marked: the good ones ahead of the bad one go one by one, since nobody knows which it was. */
static void
a_batch_without_marks_is_skipped_one_by_one(void **unused)
{
	(void)unused;
	begin(&by_batch, (carafe_dlq_opts){ .max_retries = CARAFE_NONE }, 0);
	r.bad = 11;
	fake_messages(&r.source, 10, 12);
	expect(&r, "b10-12 a1;error consume 10-12 a1" LUCK);
	answer(0);
	expect(&r, "dead 10 a1 orders.dead[3]@77;b11-12 a1;error consume 11-12 a1" LUCK);
	answer(0);
	expect(&r, "dead 11 a1 orders.dead[3]@77;b12-12 a1;");
	assert_true(r.source.marked == 13);
	rig_fini(&r);
}

static void
marks_lead_to_the_bad_one(void **unused)
{
	(void)unused;
	begin(&by_batch, (carafe_dlq_opts){ .max_retries = 1 }, 0);
	r.bad = 12;
	r.mark[0] = 11;
	fake_messages(&r.source, 10, 13);
	expect(&r, "b10-13 a1;error consume 10-13 a1" LUCK "retry 12 a2 in 200;");
	expect_after(&r, 200 * CRF_MS, "b12-13 a2;error consume 12-13 a2" LUCK);
	answer(0);
	expect(&r, "dead 12 a2 orders.dead[3]@77;b13-13 a1;");
	rig_fini(&r);
}

/* A batch's count is shared by whatever fails in it ... */
static void
a_rolling_error_shares_the_count(void **unused)
{
	(void)unused;
	begin(&by_batch, (carafe_dlq_opts){ .max_retries = 1 }, 0);
	r.fails = 3;
	r.mark[0] = 10;
	fake_messages(&r.source, 10, 14);
	expect(&r, "b10-14 a1;error consume 10-14 a1" LUCK "retry 11 a2 in 200;");
	r.mark[0] = 11;
	expect_after(&r, 200 * CRF_MS, "b11-14 a2;error consume 11-14 a2" LUCK);
	assert_non_null(strstr(sent[0].text, "source_offset=12")); /* which has failed but once */
	rig_fini(&r);
}

/* ... unless it is independent: each mark starts it anew, and the back-off with it. */
static void
an_independent_count_starts_anew_with_each_mark(void **unused)
{
	(void)unused;
	begin(&by_batch, (carafe_dlq_opts){ .max_retries = 1, .independent = 1 }, 0);
	r.fails = 4;
	r.mark[0] = 10;
	fake_messages(&r.source, 10, 14);
	expect(&r, "b10-14 a1;error consume 10-14 a1" LUCK "retry 11 a2 in 200;");
	r.mark[0] = 11;
	expect_after(&r, 200 * CRF_MS, "b11-14 a2;error consume 11-14 a2" LUCK "retry 12 a2 in 200;");
	r.mark[0] = 12;
	expect_after(&r, 200 * CRF_MS, "b12-14 a2;error consume 12-14 a2" LUCK "retry 13 a2 in 200;");
	r.mark[0] = 0;
	expect_after(&r, 200 * CRF_MS, "b13-14 a2;error consume 13-14 a2" LUCK);
	answer(0);
	expect(&r, "dead 13 a2 orders.dead[3]@77;b14-14 a1;");
	rig_fini(&r);
}

/* The run that failed was the first of what is left, and with no retries the first is enough. */
static void
independent_and_straight_to_the_queue(void **unused)
{
	(void)unused;
	begin(&by_batch, (carafe_dlq_opts){ .max_retries = CARAFE_NONE, .independent = 1 }, 0);
	r.fails = 1;
	r.mark[0] = 11;
	fake_messages(&r.source, 10, 14);
	expect(&r, "b10-14 a1;error consume 10-14 a1" LUCK);
	answer(0);
	expect(&r, "dead 12 a1 orders.dead[3]@77;b13-14 a1;");
	rig_fini(&r);
}

static void
independent_changes_nothing_for_message_handlers(void **unused)
{
	(void)unused;
	begin(&by_message, (carafe_dlq_opts){ .max_retries = CARAFE_NONE, .independent = 1 }, 0);
	r.bad = 12;
	fake_messages(&r.source, 10, 13);
	expect(&r, "m10 a1;m11 a1;m12 a1;error consume 12-13 a1" LUCK);
	answer(0);
	expect(&r, "dead 12 a1 orders.dead[3]@77;m13 a1;");
	rig_fini(&r);
}

/* ------------------------------------------------------------------------------------------------ marking */

static void
left_unmarked_when_asked(void **unused)
{
	(void)unused;
	begin(&by_message, (carafe_dlq_opts){ .max_retries = CARAFE_NONE, .leave_unmarked = 1 }, 0);
	r.bad = 11;
	fake_messages(&r.source, 10, 11);
	expect(&r, "m10 a1;m11 a1;error consume 11-11 a1" LUCK);
	answer(0);
	expect(&r, "dead 11 a1 orders.dead[3]@77;");
	assert_true(r.source.marked == 11);
	fake_message(&r.source, 12); /* goes on all the same */
	expect(&r, "m12 a1;");
	assert_true(r.source.marked == 13);
	rig_fini(&r);
}

static void
manual_marking_marks_no_dead_letter(void **unused)
{
	(void)unused;
	begin(&by_batch, (carafe_dlq_opts){ .max_retries = CARAFE_NONE }, CARAFE_MARK_MANUAL);
	r.bad = 10;
	fake_messages(&r.source, 10, 11);
	expect(&r, "b10-11 a1;error consume 10-11 a1" LUCK);
	answer(0);
	expect(&r, "dead 10 a1 orders.dead[3]@77;b11-11 a1;");
	assert_int_equal(r.source.marks, 0);
	rig_fini(&r);
}

/* ------------------------------------------------------------------------------------------------ failures */

static void
a_dispatch_that_fails_is_run_again_and_never_skipped(void **unused)
{
	(void)unused;
	begin(&by_message, (carafe_dlq_opts){ .max_retries = 1 }, 0);
	r.bad = 11;
	fake_messages(&r.source, 11, 12);
	expect(&r, "m11 a1;error consume 11-12 a1" LUCK "retry 11 a2 in 200;");
	expect_after(&r, 200 * CRF_MS, "m11 a2;error consume 11-12 a2" LUCK);
	answer(-192);
	expect(&r, "undead 11 no leader;retry 11 a3 in 400;");
	expect_after(&r, 400 * CRF_MS, "m11 a3;error consume 11-12 a3" LUCK);
	assert_int_equal(sent_count, 2);
	producer_is_full = true;
	answer(-192);
	expect(&r, "undead 11 no leader;retry 11 a4 in 800;");
	expect_after(&r, 800 * CRF_MS, "m11 a4;error consume 11-12 a4" LUCK "undead 11 the queue is full;retry 11 a5 in 1000;");
	assert_int_equal(r.source.marks, 0);
	r.bad = -1; /* the handler may do better in the meantime */
	expect_after(&r, 1000 * CRF_MS, "m11 a5;m12 a1;");
	assert_true(r.source.marked == 13 && atomic_load(&r.flow.dead) == 0);
	rig_fini(&r);
}

static void
nothing_is_dispatched_for_a_partition_that_is_lost(void **unused)
{
	(void)unused;
	begin(&by_message, (carafe_dlq_opts){ .max_retries = CARAFE_NONE }, 0);
	r.bad = 11;
	r.source.lost = true;
	r.raise = CRF_LANE_LOST;
	fake_messages(&r.source, 11, 12);
	settle(r.pool);
	assert_int_equal(sent_count, 0);
	assert_int_equal(r.source.drained, 1);
	rig_fini(&r);
}

/* Revoked while its dead letter is on the way: waits for that, marks, and is then drained. */
static void
a_revocation_waits_for_the_acknowledgement(void **unused)
{
	(void)unused;
	begin(&by_message, (carafe_dlq_opts){ .max_retries = CARAFE_NONE }, 0);
	r.bad = 11;
	fake_messages(&r.source, 11, 12);
	settle(r.pool);
	crf_lane_raise(r.source.lane, CRF_LANE_REVOKED);
	settle(r.pool);
	assert_int_equal(r.source.drained, 0);
	crf_buf_reset(&r.log);
	answer(0);
	expect(&r, "dead 11 a1 orders.dead[3]@77;");
	assert_int_equal(r.source.drained, 1);
	assert_true(r.source.marked == 12);
	rig_fini(&r);
}

/* The epoch ended first: the letter is there, the mark is refused, somebody else will run it again. */
static void
an_acknowledgement_after_the_end_marks_nothing(void **unused)
{
	(void)unused;
	begin(&by_message, (carafe_dlq_opts){ .max_retries = CARAFE_NONE }, 0);
	r.bad = 11;
	fake_messages(&r.source, 11, 12);
	settle(r.pool);
	r.source.lost = true;
	crf_lane_raise(r.source.lane, CRF_LANE_LOST);
	crf_lane_raise(r.source.lane, CRF_LANE_ENDED);
	settle(r.pool);
	assert_int_equal(r.source.out, 0);
	assert_false(r.source.released);
	crf_buf_reset(&r.log);
	answer(0);
	expect(&r, "dead 11 a1 orders.dead[3]@77;");
	assert_true(r.source.released);
	assert_int_equal(r.source.marks, 0);
	rig_fini(&r);
}

/* ------------------------------------------------------------------------------------------------ strategies */

static void
without_a_topic_what_fails_too_often_is_skipped_and_told(void **unused)
{
	(void)unused;
	begin(&by_message, (carafe_dlq_opts){ .max_retries = 1, .skip = 1 }, 0);
	r.bad = 11;
	fake_messages(&r.source, 10, 12);
	expect(&r, "m10 a1;m11 a1;error consume 11-12 a1" LUCK "retry 11 a2 in 200;");
	expect_after(&r, 200 * CRF_MS, "m11 a2;error consume 11-12 a2" LUCK "skipped 11 a2;m12 a1;");
	assert_true(r.source.marked == 13);
	assert_int_equal(sent_count, 0);
	rig_fini(&r);
}

static struct {
	carafe_dlq_verdict verdicts[8];
	const char *topic;
	int calls;
	size_t count, timeouts;
	carafe_rc latest, oldest;
	char text[128], oldest_text[128];
	int64_t offset;
} asked;

static carafe_dlq_verdict
strategy(carafe_consumer *c, const carafe_message *m, const carafe_failures *f, const char **topic)
{
	size_t oldest = carafe_failures_count(f) - 1;

	(void)c;
	asked.count = carafe_failures_count(f);
	asked.timeouts = carafe_failures_with(f, CARAFE_TIMEOUT);
	asked.latest = carafe_failures_rc(f, 0);
	snprintf(asked.text, sizeof(asked.text), "%s", carafe_failures_text(f, 0));
	asked.oldest = carafe_failures_rc(f, oldest);
	asked.oldest_text[0] = '\0';
	if (carafe_failures_text(f, oldest) != NULL)
		snprintf(asked.oldest_text, sizeof(asked.oldest_text), "%s", carafe_failures_text(f, oldest));
	asked.offset = m->offset;
	if (asked.topic != NULL)
		*topic = asked.topic;
	return asked.verdicts[asked.calls < 7 ? asked.calls++ : 7];
}

static void
begin_asked(const carafe_handler *handler, int max_retries)
{
	memset(&asked, 0, sizeof(asked));
	begin(handler, (carafe_dlq_opts){ .max_retries = max_retries, .strategy = strategy }, 0);
}

static void
a_strategy_decides_by_what_went_wrong(void **unused)
{
	(void)unused;
	begin_asked(&by_message, CARAFE_NONE);
	asked.verdicts[0] = CARAFE_DLQ_RETRY;
	asked.verdicts[1] = CARAFE_DLQ_SKIP;
	asked.verdicts[2] = CARAFE_DLQ_DISPATCH;
	asked.verdicts[3] = CARAFE_DLQ_BY_COUNT; /* with no retries: dispatch */
	r.fails = 4;
	fake_messages(&r.source, 10, 13);
	expect(&r, "m10 a1;error consume 10-13 a1" LUCK "retry 10 a2 in 200;");
	assert_true(asked.count == 1 && asked.latest == CARAFE_FAILED && asked.offset == 10);
	assert_string_equal(asked.text, "no luck");
	expect_after(&r, 200 * CRF_MS, "m10 a2;error consume 10-13 a2" LUCK "skipped 10 a2;m11 a1;error consume 11-13 a1" LUCK);
	assert_true(asked.offset == 11 && asked.count == 1);
	answer(0);
	expect(&r, "dead 11 a1 orders.dead[3]@77;m12 a1;error consume 12-13 a1" LUCK);
	answer(0);
	expect(&r, "dead 12 a1 orders.dead[3]@77;m13 a1;");
	assert_int_equal(asked.calls, 4);
	assert_true(r.source.marked == 14);
	rig_fini(&r);
}

static void
a_strategy_may_choose_the_topic(void **unused)
{
	(void)unused;
	begin_asked(&by_message, CARAFE_NONE);
	asked.verdicts[0] = CARAFE_DLQ_DISPATCH;
	asked.topic = "orders.odd";
	r.fails = 1;
	fake_messages(&r.source, 10, 11);
	expect(&r, "m10 a1;error consume 10-11 a1" LUCK);
	assert_non_null(strstr(sent[0].text, "orders.odd "));
	answer(0);
	expect(&r, "dead 10 a1 orders.odd[3]@77;m11 a1;");
	rig_fini(&r);
}

static void
a_verdict_that_is_none_is_told_and_retried(void **unused)
{
	static const char *const topics[] = { NULL, "no name", "orders" };
	static const char *const texts[] = { "the strategy returned what is no carafe_dlq_verdict",
		"the dead letter's topic is no name of a topic",
		"the dead letter's topic is one that its route consumes: dead letters would come back for ever" };

	(void)unused;
	for (size_t i = 0; i < crf_array_len(topics); i++) {
		char log[512];

		begin_asked(&by_message, CARAFE_NONE);
		asked.verdicts[0] = topics[i] != NULL ? CARAFE_DLQ_DISPATCH : (carafe_dlq_verdict)7;
		asked.topic = topics[i];
		r.fails = 1;
		fake_message(&r.source, 10);
		snprintf(log, sizeof(log), "m10 a1;error consume 10-10 a1" LUCK "error strategy 10--1 a1 : %s;retry 10 a2 in 200;",
		    texts[i]);
		expect(&r, log);
		expect_after(&r, 200 * CRF_MS, "m10 a2;");
		assert_int_equal(sent_count, 0);
		rig_fini(&r);
	}
}

static void
the_last_failures_are_kept_and_all_are_counted(void **unused)
{
	(void)unused;
	begin_asked(&by_message, CARAFE_NONE);
	for (size_t i = 0; i < 8; i++)
		asked.verdicts[i] = CARAFE_DLQ_RETRY;
	r.fails = 3;
	fake_message(&r.source, 10);
	pass(r.pool, 3600 * CRF_SECOND);
	r.verdict = CARAFE_TIMEOUT;
	r.fails = CARAFE_FAILURES_KEPT;
	fake_message(&r.source, 11);
	pass(r.pool, 3600 * CRF_SECOND);
	assert_int_equal(asked.count, CARAFE_FAILURES_KEPT);
	assert_true(asked.timeouts == CARAFE_FAILURES_KEPT && asked.oldest == CARAFE_TIMEOUT);
	assert_string_equal(asked.oldest_text, "the handler returned CARAFE_TIMEOUT");
	r.fails = CARAFE_FAILURES_KEPT + 5;
	fake_message(&r.source, 12);
	pass(r.pool, 3600 * CRF_SECOND);
	assert_int_equal(asked.count, CARAFE_FAILURES_KEPT + 5);
	assert_true(asked.timeouts == CARAFE_FAILURES_KEPT + 5);
	assert_true(asked.oldest == CARAFE_OK && asked.oldest_text[0] == '\0'); /* not kept any more */
	assert_true(asked.latest == CARAFE_TIMEOUT);
	rig_fini(&r);
}

static void
failures_are_those_of_the_message_that_fails_now(void **unused)
{
	(void)unused;
	begin_asked(&by_message, CARAFE_NONE);
	asked.verdicts[0] = asked.verdicts[1] = CARAFE_DLQ_RETRY;
	r.fails = 2;
	fake_messages(&r.source, 10, 11);
	pass(r.pool, 200 * CRF_MS);
	assert_int_equal(asked.count, 2);
	asked.verdicts[2] = CARAFE_DLQ_RETRY;
	r.bad = 11;
	pass(r.pool, 400 * CRF_MS);
	assert_true(asked.calls >= 3 && asked.offset == 11);
	assert_int_equal(asked.count, 1);
	rig_fini(&r);
}

static void
note_trace(const carafe_event *e, void *arg)
{
	char *trace = arg;
	const char *id = words(e, CARAFE_F_TRACE_ID);

	assert_int_equal(strlen(id), 32);
	if (trace[0] != '\0' && carafe_event_kind(e) != CARAFE_EV_CONSUMER_ERROR)
		assert_string_equal(trace, id);
	snprintf(trace, 33, "%s", id);
}

static void
a_trace_id_ties_a_dead_letter_to_its_errors(void **unused)
{
	char first[33] = "", header[64];

	(void)unused;
	begin(&by_message, (carafe_dlq_opts){ .max_retries = CARAFE_NONE }, 0);
	carafe_subscribe(r.app, CARAFE_EV_CONSUMER_ERROR, note_trace, first);
	carafe_subscribe(r.app, CARAFE_EV_DLQ_DISPATCHED, note_trace, first);
	r.fails = 2;
	fake_messages(&r.source, 10, 12);
	settle(r.pool);
	snprintf(header, sizeof(header), "source_trace_id=%s", first);
	assert_non_null(strstr(sent[0].text, header));
	answer(0);
	settle(r.pool);
	assert_null(strstr(sent[1].text, header)); /* another message, other trouble */
	answer(0);
	settle(r.pool);
	rig_fini(&r);
}

/* ------------------------------------------------------------------------------------------------ by hand */

static carafe_rc by_hand_rc;
static carafe_error by_hand_error;
static const char *by_hand_topic;

static carafe_rc
write_the_odd(carafe_consumer *c, const carafe_batch *batch)
{
	carafe_foreach (m, batch) {
		if (m->offset % 2 == 0)
			continue;
		carafe_fail(c, "odd");
		by_hand_rc = carafe_dead_letter(c, m, by_hand_topic, &by_hand_error);
		if (by_hand_rc != CARAFE_OK)
			return by_hand_rc;
	}
	return CARAFE_OK;
}

static const carafe_handler odd = { .consume = write_the_odd };

static void
by_hand_a_letter_is_there_when_the_call_returns_and_marks_nothing(void **unused)
{
	(void)unused;
	begin(&odd, (carafe_dlq_opts){ .max_retries = CARAFE_NONE }, CARAFE_MARK_MANUAL);
	producer_is_quick = true;
	by_hand_topic = NULL;
	fake_messages(&r.source, 10, 13);
	expect(&r, "dead 11 a1 orders.dead[3]@77;dead 13 a1 orders.dead[3]@77;");
	assert_non_null(strstr(sent[1].text, "source_offset=13 source_consumer_group=billing source_attempts=1 source_error=odd} @0"));
	assert_int_equal(r.source.marks, 0);
	assert_true(atomic_load(&r.flow.dead) == 2);
	by_hand_topic = "elsewhere";
	fake_message(&r.source, 15);
	expect(&r, "dead 15 a1 elsewhere[3]@77;");
	rig_fini(&r);
}

static void
by_hand_what_cannot_be_written_is_told(void **unused)
{
	(void)unused;
	begin(&odd, (carafe_dlq_opts){ .max_retries = 5 }, 0);
	producer_is_full = true;
	by_hand_topic = NULL;
	fake_message(&r.source, 11);
	settle(r.pool);
	assert_int_equal(by_hand_rc, CARAFE_TIMEOUT);
	by_hand_topic = "orders";
	pass(r.pool, 200 * CRF_MS);
	assert_int_equal(by_hand_rc, CARAFE_INVALID);
	by_hand_topic = NULL;
	r.source.lost = true;
	pass(r.pool, 400 * CRF_MS);
	assert_int_equal(by_hand_rc, CARAFE_LOST);
	assert_non_null(strstr(by_hand_error.text, "orders[0] is no longer owned"));
	assert_int_equal(sent_count, 0);
	rig_fini(&r);

	begin(&odd, (carafe_dlq_opts){ .skip = 1 }, 0);
	fake_message(&r.source, 11);
	settle(r.pool);
	assert_int_equal(by_hand_rc, CARAFE_INVALID);
	assert_non_null(strstr(by_hand_error.text, "carafe_dlq(route, .topic"));
	rig_fini(&r);
}

static void
by_hand_a_letter_cannot_come_back_by_way_of_a_pattern(void **unused)
{
	(void)unused;
	rig_init_with(&r, &odd, .inactive = 1);
	carafe_dlq(carafe_pattern(carafe_group(r.app, "billing"), "^orders[.]", .handler = &odd, .arg = &r), .topic = "orders.dead");
	rig_run(&r);
	producer_is_quick = true;
	by_hand_topic = "orders.eu";
	fake_message(&r.source, 11);
	settle(r.pool);
	assert_int_equal(by_hand_rc, CARAFE_INVALID);
	assert_non_null(strstr(by_hand_error.text, "dead letters would come back for ever"));
	assert_int_equal(sent_count, 0);
	by_hand_topic = "orders.dead"; /* which the pattern leaves out */
	pass(r.pool, 200 * CRF_MS);
	assert_int_equal(by_hand_rc, CARAFE_OK);
	assert_int_equal(sent_count, 1);
	rig_fini(&r);
}

static void
bad_options_are_mistakes(void **unused)
{
	static const struct {
		carafe_dlq_opts opts;
		const char *text;
	} cases[] = {
		{ { .topic = NULL }, "groups.billing.orders.dlq: topic" },
		{ { .topic = "a b" }, "groups.billing.orders.dlq: topic" },
		{ { .topic = "orders" }, "groups.billing.orders.dlq: topic is the one that is consumed" },
		{ { .topic = "dead", .skip = 1 }, "groups.billing.orders.dlq: topic and skip exclude each other" },
		{ { .topic = "dead", .max_retries = -2 }, "groups.billing.orders.dlq: max_retries must be 0 or more" },
	};

	(void)unused;
	for (size_t i = 0; i < crf_array_len(cases); i++) {
		carafe_dlq_opts o = cases[i].opts;
		carafe_error err;

		rig_init(&r, &by_message);
		o.size = sizeof(o);
		carafe_dlq_(r.route, &o);
		assert_int_equal(crf_app_prepare(r.app, NULL, &err), CARAFE_CONFIG);
		if (strstr(err.text, cases[i].text) == NULL)
			fail_msg("\"%s\" is not in \"%s\"", cases[i].text, err.text);
		carafe_free(r.app);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_failed_often_enough_is_dispatched_and_marked),
		cmocka_unit_test(a_dead_letter_says_where_it_comes_from),
		cmocka_unit_test(the_default_is_three_retries),
		cmocka_unit_test(every_bad_one_goes_and_the_others_are_handled),
		cmocka_unit_test(a_batch_without_marks_is_skipped_one_by_one),
		cmocka_unit_test(marks_lead_to_the_bad_one),
		cmocka_unit_test(a_rolling_error_shares_the_count),
		cmocka_unit_test(an_independent_count_starts_anew_with_each_mark),
		cmocka_unit_test(independent_and_straight_to_the_queue),
		cmocka_unit_test(independent_changes_nothing_for_message_handlers),
		cmocka_unit_test(left_unmarked_when_asked),
		cmocka_unit_test(manual_marking_marks_no_dead_letter),
		cmocka_unit_test(a_dispatch_that_fails_is_run_again_and_never_skipped),
		cmocka_unit_test(nothing_is_dispatched_for_a_partition_that_is_lost),
		cmocka_unit_test(a_revocation_waits_for_the_acknowledgement),
		cmocka_unit_test(an_acknowledgement_after_the_end_marks_nothing),
		cmocka_unit_test(without_a_topic_what_fails_too_often_is_skipped_and_told),
		cmocka_unit_test(a_strategy_decides_by_what_went_wrong),
		cmocka_unit_test(a_strategy_may_choose_the_topic),
		cmocka_unit_test(a_verdict_that_is_none_is_told_and_retried),
		cmocka_unit_test(the_last_failures_are_kept_and_all_are_counted),
		cmocka_unit_test(failures_are_those_of_the_message_that_fails_now),
		cmocka_unit_test(a_trace_id_ties_a_dead_letter_to_its_errors),
		cmocka_unit_test(by_hand_a_letter_is_there_when_the_call_returns_and_marks_nothing),
		cmocka_unit_test(by_hand_what_cannot_be_written_is_told),
		cmocka_unit_test(by_hand_a_letter_cannot_come_back_by_way_of_a_pattern),
		cmocka_unit_test(bad_options_are_mistakes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
