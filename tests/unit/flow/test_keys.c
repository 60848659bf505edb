#include "rig.h"

#include <stdlib.h>

#include <carafe/feature/deferral.h>
#include <carafe/feature/keys.h>

static struct rig r; /* the one of the test that runs */

#define PLENTY 4096

static carafe_deferred *held[PLENTY]; /* by offset; what is in progress */

static const char *
letter(const carafe_message *m)
{
	return m->key.data != NULL ? m->key.data : "-";
}

/* "A10 s0;": the key, the offset, the strand. */
static void
write_down(carafe_consumer *c, const carafe_message *m)
{
	crf_buf_printf(&r.log, "%s%" PRId64 " s%d;", letter(m), m->offset, carafe_strand(c));
}

static carafe_rc
defer(carafe_consumer *c, const carafe_message *m)
{
	write_down(c, m);
	held[m->offset] = carafe_defer(c);
	return CARAFE_PENDING;
}

/* "A10 s0 a1;" */
static carafe_rc
handle(carafe_consumer *c, const carafe_message *m)
{
	crf_buf_printf(&r.log, "%s%" PRId64 " s%d a%d;", letter(m), m->offset, carafe_strand(c), carafe_attempt(c));
	return rig_verdict(&r, c, m->offset);
}

/* "A10-14 s0;" */
static carafe_rc
handle_batch(carafe_consumer *c, const carafe_batch *batch)
{
	size_t count = carafe_batch_count(batch);
	const carafe_message *first = carafe_batch_at(batch, 0);

	crf_buf_printf(&r.log, "%s%" PRId64 "-%" PRId64 " s%d;", letter(first), first->offset,
	    carafe_batch_at(batch, count - 1)->offset, carafe_strand(c));
	carafe_foreach (m, batch)
		assert_string_equal(letter(m), letter(first));
	return CARAFE_OK;
}

static const carafe_handler deferring = { .message = defer };
static const carafe_handler handling = { .message = handle };
static const carafe_handler batching = { .consume = handle_batch };

/* "A10 B11 A12 -13": a message each. */
static void
feed(const char *messages)
{
	static const char *const keys[] = { "A", "B", "C", "D", "E", "F", "G", "H" };

	for (const char *m = messages; *m != '\0'; m += strcspn(m, " "), m += strspn(m, " "))
		fake_push(&r.source, (struct native){ .offset = atoi(m + 1), .key = *m != '-' ? keys[*m - 'A'] : NULL, .value = "v" });
}

static carafe_rc
complete(int64_t offset, carafe_rc rc)
{
	carafe_deferred *d = held[offset];

	held[offset] = NULL;
	return carafe_complete(d, rc, rc != CARAFE_OK ? "bad luck" : NULL);
}

static void
done(int64_t offset)
{
	assert_int_equal(complete(offset, CARAFE_OK), CARAFE_OK);
	settle(r.pool);
}

#define begin(handler, ...)                                                                                            \
	do {                                                                                                           \
		rig_init(&r, (handler));                                                                               \
		carafe_keys(r.route, __VA_ARGS__);                                                                     \
		rig_run(&r);                                                                                           \
	} while (0)

#define begin_with_ends(handler, ...)                                                                                  \
	do {                                                                                                           \
		rig_init_with(&r, (handler), .kafka = CARAFE_KV({ "enable.partition.eof", "true" }),                   \
		    .kafka_mode = CARAFE_KAFKA_INHERIT);                                                               \
		carafe_keys(r.route, __VA_ARGS__);                                                                     \
		rig_run(&r);                                                                                           \
	} while (0)

/* What comes first is not marked; a mark of that very place may say what is done behind it. */
static void
assert_none_marked(int64_t first)
{
	assert_true(r.source.marked == -1 || r.source.marked == first);
}

/* ------------------------------------------------------------------------------------------------ order */

static void
keys_go_on_side_by_side_and_each_in_order(void **unused)
{
	(void)unused;
	begin(&deferring, .max = 3);
	feed("A10 A11 B12 A13 B14");
	expect(&r, "A10 s0;B12 s1;");
	done(12);
	expect(&r, "B14 s1;");
	done(10);
	expect(&r, "A11 s0;");
	feed("A15 C16");
	expect(&r, "C16 s2;");
	done(11);
	done(13);
	expect(&r, "A13 s0;A15 s0;");
	done(14);
	done(16);
	done(15);
	assert_true(r.source.marked == 17);
	assert_true(atomic_load(&r.flow.consumed) == 7);
	rig_fini(&r);
}

/* And none while it is in progress. */
static void
a_message_that_is_completed_takes_its_strand_one_turn(void **unused)
{
	(void)unused;
	begin(&deferring, .max = 1);
	feed("A10 A11 A12");
	expect(&r, "A10 s0;");
	for (int64_t offset = 10; offset < 12; offset++) {
		assert_int_equal(complete(offset, CARAFE_OK), CARAFE_OK);
		assert_true(crf_pool_step(r.pool));
		assert_false(crf_pool_step(r.pool));
	}
	expect(&r, "A11 s0;A12 s0;");
	done(12);
	rig_fini(&r);
}

static void
nothing_is_marked_before_what_is_in_hand(void **unused)
{
	(void)unused;
	begin(&deferring, .max = 5);
	feed("A10 B11 C12 A13 C15");
	expect(&r, "A10 s0;B11 s1;C12 s2;");
	done(11);
	done(12);
	done(15);
	expect(&r, "C15 s2;");
	assert_none_marked(10);
	done(10);
	expect(&r, "A13 s0;");
	assert_true(r.source.marked == 13);
	feed("B16");
	expect(&r, "B16 s1;");
	done(13);
	assert_true(r.source.marked == 16);
	done(16);
	assert_true(r.source.marked == 17);
	rig_fini(&r);
}

static void
a_new_key_waits_while_all_strands_have_one(void **unused)
{
	(void)unused;
	begin(&deferring, .max = 2);
	feed("A10 B11 C12 D13 C14 A15");
	expect(&r, "A10 s0;B11 s1;");
	done(11);
	expect(&r, "C12 s1;");
	done(10);
	expect(&r, "A15 s0;"); /* its key is not done with */
	done(12);
	expect(&r, "C14 s1;");
	done(15);
	expect(&r, "D13 s0;");
	assert_true(r.source.marked == 13);
	done(13);
	done(14);
	assert_true(r.source.marked == 16);
	rig_fini(&r);
}

static void
messages_without_a_key_wait_for_no_other(void **unused)
{
	(void)unused;
	begin(&deferring, .max = 4);
	feed("-10 -11 -12");
	expect(&r, "-10 s0;-11 s1;-12 s2;");
	done(12);
	done(11);
	done(10);
	assert_true(r.source.marked == 13);
	rig_fini(&r);
}

static void
strands_that_are_there_take_turns(void **unused)
{
	(void)unused;
	begin(&deferring, .max = 4);
	feed("A10 B11");
	expect(&r, "A10 s0;B11 s1;");
	done(10);
	done(11);
	for (int64_t offset = 12; offset < 16; offset++) {
		char message[8];

		snprintf(message, sizeof(message), "C%d", (int)offset);
		feed(message);
		settle(r.pool);
		done(offset);
	}
	expect(&r, "C12 s0;C13 s1;C14 s0;C15 s1;");
	rig_fini(&r);
}

static void
no_more_than_max_messages_are_in_hand(void **unused)
{
	(void)unused;
	begin(&deferring, .max = 10); /* max_messages */
	for (int64_t offset = 0; offset < 40; offset++)
		fake_message(&r.source, offset); /* without a key */
	settle(r.pool);
	assert_true(r.source.out <= 20);
	for (int64_t offset = 0; offset < 10; offset++)
		assert_non_null(held[offset]);
	assert_null(held[10]);
	for (int64_t offset = 1; offset < 40; offset++) {
		done(offset);
		assert_true(r.source.out <= 20);
	}
	assert_none_marked(0);
	done(0);
	assert_true(r.source.marked == 40);
	crf_buf_reset(&r.log);
	rig_fini(&r);
}

static void
batches_are_of_a_strand(void **unused)
{
	(void)unused;
	begin(&batching, .max = 3);
	feed("A10 B11 A12 B13 A14 C15");
	expect(&r, "A10-14 s0;B11-13 s1;C15-15 s2;");
	assert_true(r.source.marked == 16);
	rig_fini(&r);
}

static void
a_batch_of_a_strand_may_wait_to_fill(void **unused)
{
	(void)unused;
	rig_init_with(&r, &batching, .max_wait_time = 50);
	carafe_keys(r.route, .max = 3);
	rig_run(&r);
	feed("A10 B11");
	expect(&r, "");
	pass(r.pool, 20 * CRF_MS);
	feed("A12");
	expect_after(&r, 30 * CRF_MS, "A10-12 s0;B11-11 s1;");
	rig_fini(&r);
}

/* ------------------------------------------------------------------------------------------------ failures */

static void
a_key_that_fails_is_retried_alone(void **unused)
{
	(void)unused;
	begin(&handling, .max = 2);
	r.bad = 10;
	feed("A10 B11 A12");
	expect(&r, "A10 s0 a1;error consume 10-12 a1 CARAFE_FAILED: no luck;retry 10 a2 in 200;B11 s1 a1;");
	feed("B13 A14 C15");
	expect(&r, "B13 s1 a1;C15 s1 a1;");
	assert_none_marked(10);
	r.bad = -1;
	expect_after(&r, 200 * CRF_MS, "A10 s0 a2;A12 s0 a1;A14 s0 a1;");
	assert_true(r.source.marked == 16);
	assert_true(atomic_load(&r.flow.failed) == 1);
	rig_fini(&r);
}

static void
one_that_fails_for_ever_holds_up_no_other(void **unused)
{
	(void)unused;
	begin(&handling, .max = 2);
	r.bad = 0;
	feed("A0");
	for (int64_t offset = 1; offset < 1000; offset++) { /* max_messages is 10 */
		fake_message(&r.source, offset);
		if (offset % 10 == 0)
			settle(r.pool);
	}
	settle(r.pool);
	assert_true(atomic_load(&r.flow.consumed) == 999);
	assert_none_marked(0);
	assert_int_equal(r.source.out, 1);
	r.bad = -1;
	pass(r.pool, CRF_SECOND);
	assert_true(r.source.marked == 1000);
	crf_buf_reset(&r.log);
	rig_fini(&r);
}

/* Most of what there is room for is held. */
static void
the_rest_of_the_window_is_used(void **unused)
{
	(void)unused;
	begin(&handling, .max = 2);
	r.bad = 0;
	feed("A0 A1 A2 A3 A4 A5 A6 A7 A8");
	for (int64_t offset = 9; offset < 50; offset++) /* max_messages is 10 */
		fake_message(&r.source, offset);
	settle(r.pool);
	assert_true(atomic_load(&r.flow.consumed) == 41);
	assert_int_equal(r.source.out, 9);
	crf_buf_reset(&r.log);
	rig_fini(&r);
}

/* Those that were done before the one that is held. */
static void
what_is_done_takes_no_room(void **unused)
{
	(void)unused;
	begin(&handling, .max = 2);
	r.bad = 4;
	feed("A0 A1 A2 A3 A4 A5 A6 A7 A8 A9");
	settle(r.pool);
	for (int64_t offset = 10; offset < 50; offset++) /* max_messages is 10 */
		fake_message(&r.source, offset);
	settle(r.pool);
	assert_true(atomic_load(&r.flow.consumed) == 4 + 40);
	crf_buf_reset(&r.log);
	rig_fini(&r);
}

static carafe_rc
done_before(carafe_consumer *c, const carafe_message *m)
{
	write_down(c, m);
	return m->offset == 10 ? carafe_fail(c, "no luck") : CARAFE_OK;
}

static void
what_was_done_before_is_not_done_again(void **unused)
{
	static const carafe_handler failing = { .message = done_before };
	char *note;

	(void)unused;
	begin(&failing, .max = 3);
	feed("A10 B11 A12 C13 D14");
	settle(r.pool);
	note = crf_lane_note(r.source.lane);
	assert_string_equal(note, "carafe/1 -1 10 2 =3");
	assert_true(r.source.marked == 10 && r.source.restated > 0); /* there is something to say, though it does not move */
	assert_int_equal(r.source.leader_epoch, -1);                 /* nobody knows what was before */
	crf_buf_reset(&r.log);
	rig_fini(&r);
	begin(&handling, .max = 3);
	r.source.note = note;
	r.source.committed = 10;
	feed("A10 B11 A12 C13 D14 E15");
	expect(&r, "A10 s0 a1;A12 s0 a1;E15 s1 a1;");
	assert_true(r.source.marked == 16);
	assert_null(crf_lane_note(r.source.lane));
	rig_fini(&r);
	begin(&handling, .max = 3); /* what is sought is done again */
	r.source.note = note;
	r.source.committed = 10;
	feed("A10");
	expect(&r, "A10 s0 a1;");
	crf_flow_wish(&r.flow, "billing", "orders", 0, &(struct crf_wish){ .seeks = true, .outside = true, .to = { CRF_AT_OFFSET, 10 } });
	settle(r.pool);
	fake_sought(&r.source, 10);
	feed("A10 B11");
	expect(&r, "sought 10;A10 s0 a1;B11 s1 a1;");
	rig_fini(&r);
	begin(&handling, .max = 3); /* also when that comes before anything else */
	r.source.note = note;
	r.source.committed = 10;
	crf_flow_wish(&r.flow, "billing", "orders", 0, &(struct crf_wish){ .seeks = true, .outside = true, .to = { CRF_AT_OFFSET, 10 } });
	settle(r.pool);
	fake_sought(&r.source, 10);
	feed("A10 B11");
	expect(&r, "sought 10;A10 s0 a1;B11 s1 a1;");
	rig_fini(&r);
	free(note);
}

static void
nothing_is_given_away_before_it_is_known_what_was_done(void **unused)
{
	(void)unused;
	begin(&handling, .max = 3);
	r.source.note = "carafe/1 -1 10 2 =3"; /* 11 is done, 13 and later are not known */
	r.source.committed = 10;
	r.source.answers_late = true;
	feed("A10 B11");
	settle(r.pool); /* the worker is free */
	feed("A12");
	expect(&r, "");
	assert_int_equal(r.source.asked, 0);
	fake_answer(&r.source);
	expect(&r, "A10 s0 a1;A12 s0 a1;");
	assert_int_equal(r.source.asked, 1);
	rig_fini(&r);
}

/* The coordinator may be the reason why it stops. */
static void
an_end_does_not_wait_for_that(void **unused)
{
	(void)unused;
	begin(&handling, .max = 3);
	r.source.answers_late = true;
	feed("A10 B11");
	settle(r.pool);
	crf_lane_raise(r.source.lane, CRF_LANE_STOP);
	settle(r.pool);
	assert_int_equal(r.source.drained, 1);
	crf_lane_raise(r.source.lane, CRF_LANE_ENDED);
	settle(r.pool);
	assert_false(r.source.released); /* who asks still holds it */
	r.source.lost = true;
	fake_answer(&r.source);
	settle(r.pool);
	assert_true(r.source.released);
	assert_true(r.source.marks == 0);
	rig_fini(&r);
}

static void
a_key_is_dead_lettered_alone(void **unused)
{
	(void)unused;
	rig_init(&r, &handling);
	carafe_keys(r.route, .max = 2);
	carafe_dlq(r.route, .topic = "orders.dead", .max_retries = CARAFE_NONE);
	rig_run(&r);
	r.bad = 10;
	feed("A10 B11 A12");
	expect(&r, "A10 s0 a1;error consume 10-12 a1 CARAFE_FAILED: no luck;B11 s1 a1;");
	feed("B13");
	expect(&r, "B13 s1 a1;"); /* while it is on its way */
	assert_none_marked(10);
	answer(0);
	expect(&r, "dead 10 a1 orders.dead[3]@77;A12 s0 a1;");
	assert_true(r.source.marked == 14);
	rig_fini(&r);
}

/* "asked A10 s0 f1;" */
static carafe_dlq_verdict
let_only_b_go(carafe_consumer *c, const carafe_message *m, const carafe_failures *f, const char **topic)
{
	crf_buf_printf(&r.log, "asked %s%" PRId64 " s%d f%zu;", letter(m), m->offset, carafe_strand(c), carafe_failures_count(f));
	*topic = "orders.odd";
	return letter(m)[0] == 'B' ? CARAFE_DLQ_DISPATCH : CARAFE_DLQ_RETRY;
}

static void
a_strategy_is_asked_about_a_key_alone_with_its_own_failures(void **unused)
{
	(void)unused;
	rig_init(&r, &handling);
	carafe_keys(r.route, .max = 2);
	carafe_dlq(r.route, .topic = "orders.dead", .max_retries = CARAFE_NONE, .strategy = let_only_b_go);
	rig_run(&r);
	r.fails = 2;
	feed("A10 B11 A12 B13");
	expect(&r, "A10 s0 a1;error consume 10-12 a1 CARAFE_FAILED: no luck;asked A10 s0 f1;retry 10 a2 in 200;"
		   "B11 s1 a1;error consume 11-13 a1 CARAFE_FAILED: no luck;asked B11 s1 f1;");
	answer(0);
	expect(&r, "dead 11 a1 orders.odd[3]@77;B13 s1 a1;"); /* while the other key backs off */
	assert_none_marked(10);
	r.fails = 1;
	expect_after(&r, 200 * CRF_MS, "A10 s0 a2;error consume 10-12 a2 CARAFE_FAILED: no luck;asked A10 s0 f2;retry 10 a3 in 400;");
	expect_after(&r, 400 * CRF_MS, "A10 s0 a3;A12 s0 a1;");
	assert_int_equal(sent_count, 1);
	assert_true(r.source.marked == 14);
	rig_fini(&r);
}

static void
what_is_deferred_may_fail_too(void **unused)
{
	(void)unused;
	begin(&deferring, .max = 2);
	feed("A10 A11 B12");
	expect(&r, "A10 s0;B12 s1;");
	complete(10, CARAFE_FAILED);
	expect(&r, "error consume 10-11 a1 CARAFE_FAILED: bad luck;retry 10 a2 in 200;");
	done(12);
	expect_after(&r, 200 * CRF_MS, "A10 s0;");
	done(10);
	expect(&r, "A11 s0;");
	done(11);
	assert_true(r.source.marked == 13);
	rig_fini(&r);
}

/* What a strand had of one key says nothing of the next one's. */
static void
a_strand_that_goes_back_to_an_earlier_message_runs_it_again_when_it_fails(void **unused)
{
	(void)unused;
	begin(&handling, .max = 1);
	r.bad = 11;
	feed("A10 B11 A12 B13");
	expect(&r, "A10 s0 a1;A12 s0 a1;B11 s0 a1;error consume 11-13 a1 CARAFE_FAILED: no luck;retry 11 a2 in 200;");
	assert_true(r.source.marked == 11);
	r.bad = -1;
	expect_after(&r, 200 * CRF_MS, "B11 s0 a2;B13 s0 a1;");
	assert_true(r.source.marked == 14);
	rig_fini(&r);
}

/* ------------------------------------------------------------------------------------------------ which key */

static void
a_key_always_goes_to_the_same_strand_when_that_is_wanted(void **unused)
{
	int strand[8];

	(void)unused;
	rig_init(&r, &deferring);
	carafe_keys(r.route, .max = 3, .distribution = CARAFE_KEYS_CONSISTENT);
	rig_run(&r);
	for (int i = 0; i < 8; i++)
		strand[i] = (int)(carafe_hash((carafe_bytes){ &"ABCDEFGH"[i], 1 }) % 3);
	for (int64_t offset = 0; offset < 64; offset++) {
		char message[16], expected[32];

		snprintf(message, sizeof(message), "%c%d", "ABCDEFGH"[offset * 5 % 8], (int)offset);
		snprintf(expected, sizeof(expected), "%s s%d;", message, strand[offset * 5 % 8]);
		feed(message);
		expect(&r, expected);
		done(offset);
	}
	assert_true(r.source.marked == 64);
	rig_fini(&r);
}

static void
keys_that_share_a_strand_wait_for_one_another(void **unused)
{
	(void)unused;
	begin(&deferring, .max = 1, .distribution = CARAFE_KEYS_CONSISTENT);
	feed("A10 B11 C12");
	expect(&r, "A10 s0;");
	done(10);
	expect(&r, "B11 s0;");
	done(11);
	done(12);
	assert_true(r.source.marked == 13);
	crf_buf_reset(&r.log);
	rig_fini(&r);
}

static bool
by_tens(const carafe_message *m, void *arg, uint64_t *key)
{
	assert_ptr_equal(arg, &r);
	*key = (uint64_t)m->offset / 10;
	return m->offset < 50;
}

static void
a_function_may_say_what_belongs_together(void **unused)
{
	(void)unused;
	begin(&deferring, .max = 3, .partitioner = by_tens);
	feed("A10 B11 A20 C30 C31");
	expect(&r, "A10 s0;A20 s1;C30 s2;");
	done(10);
	done(30);
	expect(&r, "B11 s0;C31 s2;");
	done(11);
	done(31);
	done(20);
	assert_true(r.source.marked == 32);
	rig_fini(&r);
}

static void
what_it_cannot_tell_is_handed_out_in_order(void **unused)
{
	static const char *why = "the partitioner cannot tell the message's key: it is handed out in order with others like it";
	CRF_AUTO(crf_buf) expected = { 0 };

	(void)unused;
	begin(&deferring, .max = 3, .partitioner = by_tens);
	feed("C20 A50 B51");
	for (int i = 0; i < 2; i++)
		crf_buf_printf(&expected, "error partitioner %d--1 a-1 : %s;", 50 + i, why);
	crf_buf_puts(&expected, "C20 s0;A50 s1;");
	expect(&r, crf_buf_str(&expected));
	done(50);
	expect(&r, "B51 s1;");
	done(51);
	done(20);
	rig_fini(&r);
}

/* ------------------------------------------------------------------------------------------------ marking by hand */

static int64_t mark_at[8];

static carafe_rc
mark_some(carafe_consumer *c, const carafe_message *m)
{
	write_down(c, m);
	for (size_t i = 0; i < 8 && mark_at[i] != 0; i++)
		if (mark_at[i] == m->offset)
			assert_int_equal(carafe_mark(c, m), CARAFE_OK);
	return CARAFE_OK;
}

static const carafe_handler marking = { .message = mark_some };

static bool
by_units(const carafe_message *m, void *arg, uint64_t *key)
{
	(void)arg;
	*key = (uint64_t)m->offset % 10;
	return true;
}

static void
begin_marking(int max, const int64_t *at, size_t count)
{
	memset(mark_at, 0, sizeof(mark_at));
	memcpy(mark_at, at, count * sizeof(*at));
	rig_init_with(&r, &marking, .marking = CARAFE_MARK_MANUAL);
	carafe_keys(r.route, .max = max, .distribution = CARAFE_KEYS_CONSISTENT, .partitioner = by_units);
	rig_run(&r);
}

static void
a_mark_covers_what_its_strand_had_before_and_nothing_else(void **unused)
{
	static const int64_t at[] = { 31, 42 };

	(void)unused;
	begin_marking(3, at, 2);
	feed("A11 A12 A21 A23 A31"); /* 23 is never marked, nor is 12 until 42 is */
	expect(&r, "A11 s1;A21 s1;A31 s1;A12 s2;A23 s0;");
	assert_true(r.source.marked == 12 || r.source.marked == -1);
	rig_fini(&r);
}

static carafe_rc
mark_another_strands(carafe_consumer *c, const carafe_message *m)
{
	carafe_message other = *m;

	other.offset = 30;
	assert_int_equal(carafe_mark(c, &other), m->offset < 30 ? CARAFE_INVALID : CARAFE_OK);
	return CARAFE_OK;
}

static void
a_strand_marks_nothing_behind_what_it_was_given(void **unused)
{
	static const carafe_handler handler = { .message = mark_another_strands };

	(void)unused;
	rig_init_with(&r, &handler, .marking = CARAFE_MARK_MANUAL);
	carafe_keys(r.route, .max = 3, .distribution = CARAFE_KEYS_CONSISTENT, .partitioner = by_tens);
	rig_run(&r);
	feed("A10 A20 A30");
	expect(&r, "");
	assert_none_marked(10);
	rig_fini(&r);
}

static void
only_the_highest_is_marked(void **unused)
{
	static const int64_t at[] = { 23 };

	(void)unused;
	begin_marking(3, at, 1);
	feed("A11 A12 A13 A23");
	expect(&r, "A11 s1;A12 s2;A13 s0;A23 s0;");
	assert_none_marked(11);
	rig_fini(&r);
}

static void
a_later_mark_frees_the_commit(void **unused)
{
	static const int64_t at[] = { 32, 41, 42 };

	(void)unused;
	begin_marking(2, at, 3);
	feed("A11 A12 A21 A22");
	expect(&r, "A11 s1;A21 s1;A12 s0;A22 s0;");
	assert_none_marked(11);
	feed("A32");
	expect(&r, "A32 s0;");
	assert_none_marked(11);
	feed("A41 A42");
	expect(&r, "A41 s1;A42 s0;");
	assert_true(r.source.marked == 43);
	rig_fini(&r);
}

/* ------------------------------------------------------------------------------------------------ ends and hooks */

static carafe_rc
say(carafe_consumer *c, const char *what)
{
	crf_buf_printf(&r.log, "%s s%d;", what, carafe_strand(c));
	return CARAFE_OK;
}

static carafe_rc
say_initialized(carafe_consumer *c)
{
	return say(c, "initialized");
}

static carafe_rc
say_revoked(carafe_consumer *c)
{
	return say(c, "revoked");
}

static carafe_rc
say_shutdown(carafe_consumer *c)
{
	return say(c, "shutdown");
}

static carafe_rc
say_eofed(carafe_consumer *c)
{
	return say(c, "eofed");
}

static carafe_rc
say_tick(carafe_consumer *c)
{
	return say(c, "tick");
}

static const carafe_handler hooked = { .message = defer, .initialized = say_initialized, .revoked = say_revoked,
	.shutdown = say_shutdown };
static const carafe_handler waiting = { .message = handle, .tick = say_tick };
static const carafe_handler ending = { .message = handle, .eofed = say_eofed };

static void
a_partition_that_is_taken_away_waits_for_what_is_in_progress_and_starts_nothing(void **unused)
{
	(void)unused;
	begin(&hooked, .max = 2);
	feed("A10 A11 B12 C13 D14");
	expect(&r, "initialized s0;A10 s0;initialized s1;B12 s1;");
	assert_false(carafe_deferred_should_stop(held[10]));
	crf_lane_raise(r.source.lane, CRF_LANE_REVOKED);
	assert_true(carafe_deferred_should_stop(held[10])); /* without a turn of anybody */
	feed("E15");
	expect(&r, "");
	done(12);
	assert_int_equal(r.source.drained, 0);
	done(10);
	assert_int_equal(r.source.drained, 1);
	assert_true(r.source.marked == 11);
	expect(&r, "");
	r.source.lost = true;
	crf_lane_raise(r.source.lane, CRF_LANE_ENDED);
	expect(&r, "revoked s0;revoked s1;");
	assert_true(r.source.released);
	rig_fini(&r);
}

static void
a_stop_lets_each_strand_shut_down_first(void **unused)
{
	(void)unused;
	begin(&hooked, .max = 2);
	feed("A10 B11");
	expect(&r, "initialized s0;A10 s0;initialized s1;B11 s1;");
	done(11);
	crf_lane_raise(r.source.lane, CRF_LANE_STOP);
	expect(&r, "shutdown s1;");
	assert_int_equal(r.source.drained, 0);
	done(10);
	expect(&r, "shutdown s0;");
	assert_int_equal(r.source.drained, 1);
	assert_true(r.source.marked == 12);
	rig_fini(&r);
	begin(&hooked, .max = 2);
	feed("A10");
	expect(&r, "initialized s0;A10 s0;");
	done(10); /* nothing is in hand */
	crf_lane_raise(r.source.lane, CRF_LANE_STOP);
	expect(&r, "shutdown s0;");
	assert_int_equal(r.source.drained, 1);
	rig_fini(&r);
}

static void
quiet_is_when_every_strand_is(void **unused)
{
	(void)unused;
	begin(&hooked, .max = 2);
	feed("A10 B11 B12");
	expect(&r, "initialized s0;A10 s0;initialized s1;B11 s1;");
	crf_flow_raise(&r.flow, CRF_LANE_QUIET);
	done(11);
	expect(&r, "shutdown s1;");
	assert_false(crf_flow_is_quiet(&r.flow));
	done(10);
	expect(&r, "shutdown s0;");
	assert_true(crf_flow_is_quiet(&r.flow));
	assert_int_equal(r.source.drained, 0);
	crf_lane_raise(r.source.lane, CRF_LANE_STOP);
	expect(&r, "");
	assert_int_equal(r.source.drained, 1);
	rig_fini(&r);
}

static void
the_end_waits_for_what_is_in_progress(void **unused)
{
	(void)unused;
	begin(&hooked, .max = 2);
	feed("A10 A11 B12 C13");
	expect(&r, "initialized s0;A10 s0;initialized s1;B12 s1;");
	r.source.lost = true;
	crf_lane_raise(r.source.lane, CRF_LANE_ENDED);
	expect(&r, "");
	assert_int_equal(complete(12, CARAFE_OK), CARAFE_LOST);
	expect(&r, "revoked s1;");
	assert_false(r.source.released);
	assert_int_equal(complete(10, CARAFE_OK), CARAFE_LOST);
	expect(&r, "revoked s0;");
	assert_true(r.source.released);
	assert_none_marked(10);
	rig_fini(&r);
}

static void
a_dead_letter_on_its_way_does_not_cover_what_was_not_done(void **unused)
{
	(void)unused;
	rig_init(&r, &handling);
	carafe_keys(r.route, .max = 2);
	carafe_dlq(r.route, .topic = "orders.dead", .max_retries = CARAFE_NONE);
	rig_run(&r);
	r.bad = 10;
	feed("A10 A11 A12");
	expect(&r, "A10 s0 a1;error consume 10-12 a1 CARAFE_FAILED: no luck;");
	crf_lane_raise(r.source.lane, CRF_LANE_REVOKED | CRF_LANE_ENDED);
	settle(r.pool);
	answer(0);
	settle(r.pool);
	assert_true(r.source.released);
	assert_true(r.source.marked == 11);
	crf_buf_reset(&r.log);
	rig_fini(&r);
}

static void
strands_at_rest_need_no_worker_to_be_let_go(void **unused)
{
	(void)unused;
	begin(&handling, .max = 2);
	feed("A10");
	settle(r.pool);
	feed("A11 B12"); /* nobody has a turn */
	crf_lane_raise(r.source.lane, CRF_LANE_REVOKED);
	assert_true(crf_lane_at_rest(r.source.lane));
	crf_buf_reset(&r.log);
	rig_fini(&r);
	begin(&deferring, .max = 2);
	feed("A10");
	settle(r.pool);
	crf_lane_raise(r.source.lane, CRF_LANE_REVOKED);
	assert_false(crf_lane_at_rest(r.source.lane));
	done(10);
	assert_true(crf_lane_at_rest(r.source.lane));
	crf_buf_reset(&r.log);
	rig_fini(&r);
}

static void
idle_strands_tick(void **unused)
{
	(void)unused;
	begin(&waiting, .max = 3);
	expect(&r, "");
	expect_after(&r, 5 * CRF_SECOND, "tick s0;"); /* there must be one */
	feed("A10 B11");
	expect(&r, "A10 s0 a1;B11 s1 a1;");
	pass(r.pool, 5 * CRF_SECOND);
	assert_non_null(strstr(crf_buf_str(&r.log), "tick s0;"));
	assert_non_null(strstr(crf_buf_str(&r.log), "tick s1;"));
	assert_int_equal(r.log.len, strlen("tick s0;tick s1;"));
	rig_fini(&r);
}

static void
each_strand_is_told_of_the_end_when_all_is_done(void **unused)
{
	(void)unused;
	begin_with_ends(&ending, .max = 3);
	fake_eof(&r.source, 0);
	expect(&r, "eofed s0;");
	assert_true(crf_flow_at_end(&r.flow));
	r.bad = 11;
	feed("A10 B11");
	fake_eof(&r.source, 12);
	expect(&r, "A10 s0 a1;B11 s1 a1;error consume 11-11 a1 CARAFE_FAILED: no luck;retry 11 a2 in 200;");
	assert_false(crf_flow_at_end(&r.flow));
	r.bad = -1;
	expect_after(&r, 200 * CRF_MS, "B11 s1 a2;eofed s1;eofed s0;");
	assert_true(crf_flow_at_end(&r.flow));
	rig_fini(&r);
}

static void
filters_come_before_strands(void **unused)
{
	(void)unused;
	rig_init(&r, &handling);
	carafe_keys(r.route, .max = 3);
	carafe_throttle(r.route, .limit = 2, .interval = 1000);
	rig_run(&r);
	feed("A10 B11 A12 B13");
	expect(&r, "gate 12 for 1000;A10 s0 a1;B11 s1 a1;");
	expect_after(&r, CRF_SECOND, "A12 s0 a1;B13 s1 a1;");
	assert_true(r.source.marked == 14);
	rig_fini(&r);
}

static void
each_strand_is_described(void **unused)
{
	CRF_AUTO(crf_buf) text = { 0 };

	(void)unused;
	begin(&deferring, .max = 2);
	feed("A10 B11");
	settle(r.pool);
	crf_flow_describe(&r.flow, &text);
	assert_string_equal(crf_buf_str(&text),
	    "partition billing/orders[0] idle at offset 10\n"
	    "partition billing/orders[0] strand 0 idle at offset 10, 1 deferred in progress, the first at offset 10 for 0.0 s\n"
	    "partition billing/orders[0] strand 1 idle at offset 11, 1 deferred in progress, the first at offset 11 for 0.0 s\n");
	done(10);
	done(11);
	crf_buf_reset(&r.log);
	rig_fini(&r);
}

/* ------------------------------------------------------------------------------------------------ pauses and seeks */

/* A is paused at 10, and B would go back to where it never was. */
static carafe_rc
steer(carafe_consumer *c, const carafe_message *m)
{
	write_down(c, m);
	if (m->offset == 10)
		assert_int_equal(carafe_pause(c, carafe_offset(10), 500), CARAFE_OK);
	if (m->offset == 21) {
		assert_int_equal(carafe_seek(c, carafe_offset(3), true), CARAFE_INVALID);
		assert_int_equal(carafe_seek(c, carafe_latest(), true), CARAFE_INVALID);
		assert_int_equal(carafe_seek(c, carafe_offset(23), true), CARAFE_OK);
	}
	return CARAFE_OK;
}

static const carafe_handler steering = { .message = steer };

static void
a_strand_that_pauses_holds_up_no_other(void **unused)
{
	(void)unused;
	begin(&steering, .max = 2);
	feed("A10 B11 A12");
	expect(&r, "A10 s0;B11 s1;paused 12 for 500;sought 10;");
	feed("C13");
	expect(&r, "C13 s1;");
	assert_none_marked(10);
	expect_after(&r, 500 * CRF_MS, "resumed 10;A10 s0;paused 12 for 500;sought 10;");
	rig_fini(&r);
}

static void
a_strand_goes_nowhere_but_in_what_it_has_in_hand(void **unused)
{
	(void)unused;
	begin(&steering, .max = 2);
	feed("A20 B21 B22 B23");
	expect(&r, "A20 s0;B21 s1;sought 23;B23 s1;");
	assert_true(r.source.marked == 24);
	rig_fini(&r);
}

static int
outside(struct crf_wish w)
{
	return crf_flow_wish(&r.flow, "billing", "orders", 0, &w);
}

/* The first strand's hooks pause it for good; what comes meanwhile is given away before that. */
static const char *meanwhile;

static carafe_rc
pause_first(carafe_consumer *c, const char *hook)
{
	(void)say(c, hook);
	if (meanwhile != NULL) {
		feed(meanwhile);
		while (crf_pool_step(r.pool))
			;
	}
	meanwhile = NULL;
	if (carafe_strand(c) == 0)
		assert_int_equal(carafe_pause(c, carafe_next(), CARAFE_NONE), CARAFE_OK);
	return CARAFE_OK;
}

static carafe_rc
pause_at_tick(carafe_consumer *c)
{
	return pause_first(c, "tick");
}

static carafe_rc
pause_at_end(carafe_consumer *c)
{
	return pause_first(c, "eofed");
}

static const carafe_handler pausing = { .message = handle, .tick = pause_at_tick };
static const carafe_handler pausing_at_end = { .message = handle, .eofed = pause_at_end };

static void
an_idle_strand_that_pauses_is_given_nothing(void **unused)
{
	(void)unused;
	begin(&pausing, .max = 2);
	expect_after(&r, 5 * CRF_SECOND, "tick s0;paused -1 for -1;");
	feed("A10 B11 A12");
	expect(&r, "A10 s1 a1;A12 s1 a1;B11 s1 a1;");
	assert_true(r.source.marked == 13);
	outside((struct crf_wish){ .pauses = true });
	expect(&r, "resumed -1;");
	feed("A13 B14");
	expect(&r, "A13 s0 a1;B14 s1 a1;");
	assert_true(r.source.marked == 15);
	rig_fini(&r);
	begin_with_ends(&pausing_at_end, .max = 2);
	fake_eof(&r.source, 10);
	expect(&r, "eofed s0;paused -1 for -1;");
	feed("A10 B11");
	expect(&r, "A10 s1 a1;B11 s1 a1;");
	rig_fini(&r);
}

static void
what_comes_while_a_hook_runs_is_for_other_strands(void **unused)
{
	(void)unused;
	begin(&pausing, .max = 2);
	meanwhile = "A10 B11";
	expect_after(&r, 5 * CRF_SECOND, "tick s0;A10 s1 a1;B11 s1 a1;paused -1 for -1;");
	rig_fini(&r);
	begin_with_ends(&pausing_at_end, .max = 2);
	meanwhile = "A10 B11";
	fake_eof(&r.source, 10);
	expect(&r, "eofed s0;A10 s1 a1;B11 s1 a1;paused -1 for -1;");
	rig_fini(&r);
}

static void
a_strand_that_was_given_something_does_not_tick_before(void **unused)
{
	struct crf_lane *strand;

	(void)unused;
	begin(&pausing, .max = 2);
	feed("A10");
	expect(&r, "A10 s0 a1;");
	feed("A11");
	assert_true(crf_pool_step(r.pool)); /* the partition's turn; the strand is about to tick */
	strand = &crf_container_of(r.flow.consumers.prev, struct carafe_consumer, link)->lane;
	assert_int_equal(strand->number, 0);
	strand->ops->hook(strand, CARAFE_HOOK_TICK);
	expect(&r, "A11 s0 a1;");
	rig_fini(&r);
}

static carafe_rc
pause_at_once(carafe_consumer *c, const carafe_message *m)
{
	write_down(c, m);
	return carafe_pause(c, carafe_next(), CARAFE_NONE);
}

static void
a_strand_that_is_paused_ticks_whatever_waits_for_it(void **unused)
{
	static const carafe_handler once = { .message = pause_at_once, .tick = say_tick };

	(void)unused;
	begin(&once, .max = 2);
	feed("A10 A11");
	expect(&r, "A10 s0;paused 11 for -1;");
	feed("A12");
	expect_after(&r, 5 * CRF_SECOND, "tick s0;");
	rig_fini(&r);
}

static void
a_pause_from_outside_is_for_all_strands(void **unused)
{
	(void)unused;
	begin(&deferring, .max = 2);
	feed("A10 B11 A12");
	expect(&r, "A10 s0;B11 s1;");
	assert_int_equal(outside((struct crf_wish){ .pauses = true, .until = CRF_NEVER }), 1);
	settle(r.pool);
	crf_buf_reset(&r.log);
	done(10);
	done(11);
	feed("C13");
	expect(&r, "");
	assert_true(r.source.marked == 12);
	outside((struct crf_wish){ .pauses = true });
	settle(r.pool);
	assert_non_null(held[12]);
	assert_non_null(held[13]);
	done(12);
	done(13);
	assert_true(r.source.marked == 14);
	crf_buf_reset(&r.log);
	rig_fini(&r);
}

/* Whatever was fetched is given back: librdkafka does not end before. Here 20, which was done before, is in one batch with
 * messages that have no place in the window yet, when a pause comes. */
static void
what_was_done_before_is_given_back_though_there_is_a_pause(void **unused)
{
	(void)unused;
	begin(&deferring, .max = 3);
	r.source.note = "carafe/1 -1 10 2 1 1 1 1 1 1 1 2 =1"; /* of those before 22, 11 and 20 were done */
	r.source.committed = 10;
	for (int64_t offset = 10; offset < 25; offset++)
		fake_push(&r.source, (struct native){ .offset = offset, .key = "A", .value = "A" });
	settle(r.pool);
	outside((struct crf_wish){ .pauses = true, .until = CRF_NEVER });
	settle(r.pool);
	outside((struct crf_wish){ .pauses = true });
	settle(r.pool);
	for (int64_t offset = 10; offset < 25; offset++)
		if (offset != 11 && offset != 20)
			done(offset);
	settle(r.pool);
	assert_true(r.source.marked == 25);
	assert_int_equal(r.source.out, 0);
	crf_buf_reset(&r.log);
	rig_fini(&r);
}

static void
a_seek_from_outside_waits_for_what_is_in_hand(void **unused)
{
	(void)unused;
	begin(&deferring, .max = 2);
	feed("A10 B11 A12");
	expect(&r, "A10 s0;B11 s1;");
	assert_int_equal(outside((struct crf_wish){ .seeks = true, .outside = true, .to = { CRF_AT_OFFSET, 3 } }), 1);
	feed("C13 D14");
	done(10);
	expect(&r, "A12 s0;");
	done(12);
	assert_int_equal(r.source.seeks, 0);
	done(11);
	assert_int_equal(r.source.seeks, 1);
	assert_true(r.source.marked == 13);
	fake_sought(&r.source, 3);
	expect(&r, "sought 3;");
	feed("A3 B4");
	settle(r.pool);
	done(3);
	assert_int_equal(complete(4, CARAFE_FAILED), CARAFE_OK);
	expect(&r, "A3 s0;B4 s1;error consume 4-4 a1 CARAFE_FAILED: bad luck;retry 4 a2 in 200;");
	assert_true(r.source.marked == 13);
	expect_after(&r, 200 * CRF_MS, "B4 s1;");
	done(4);
	feed("A13");
	settle(r.pool);
	done(13);
	assert_true(r.source.marked == 14);
	crf_buf_reset(&r.log);
	rig_fini(&r);
}

/* ------------------------------------------------------------------------------------------------ mistakes */

static void
check_text(const char *path, const char *problem, void *arg)
{
	crf_buf_printf(arg, "%s: %s;", path, problem);
}

static void
expect_mistake(const carafe_keys_opts *opts, const char *text)
{
	CRF_AUTO(crf_buf) problems = { 0 };

	rig_init(&r, &handling);
	carafe_keys_(r.route, opts);
	carafe_check(r.app, check_text, &problems);
	assert_string_equal(crf_buf_str(&problems), text);
	carafe_free(r.app);
}

#define mistake(text, ...) expect_mistake(&(carafe_keys_opts){ .size = sizeof(carafe_keys_opts), __VA_ARGS__ }, (text))

static void
what_makes_no_sense_is_a_mistake(void **unused)
{
	(void)unused;
	mistake("groups.billing.orders.keys: max must be 1 to 10000 strands, it is -1;", .max = -1);
	mistake("groups.billing.orders.keys: max (11 strands) is more than max_messages (10): so many never have work; raise "
		"max_messages;", .max = 11);
	mistake("groups.billing.orders.keys: distribution is 7; CARAFE_KEYS_BALANCED and CARAFE_KEYS_CONSISTENT are allowed;",
	    .distribution = (carafe_keys_distribution)7);
	mistake("", .max = 10);
	mistake("", .distribution = CARAFE_KEYS_CONSISTENT); /* concurrency */
}

/* In hand, not given away yet. */
static void
what_was_done_before_is_done_again_when_somebody_goes_back_to_it(void **unused)
{
	struct crf_wish w = { .seeks = true, .outside = true, .to = { CRF_AT_OFFSET, 12 } };

	(void)unused;
	rig_init(&r, &handling);
	carafe_keys(r.route, .max = 2);
	rig_run(&r);
	r.source.note = "carafe/1 -1 10 =10";
	r.source.committed = 10;
	r.source.answers_late = true;
	feed("A10 A11 A12 A13");
	expect(&r, "");
	crf_flow_wish(&r.flow, "billing", "orders", 0, &w);
	fake_answer(&r.source);
	expect(&r, "sought 12;A12 s0 a1;A13 s0 a1;");
	rig_fini(&r);
}

static void
what_a_seek_leaves_out_is_let_go(void **unused)
{
	(void)unused;
	rig_init(&r, &handling);
	carafe_keys(r.route, .max = 2);
	rig_run(&r);
	r.source.answers_late = true;
	feed("A10 A11 A12 A13");
	expect(&r, "");
	crf_flow_wish(&r.flow, "billing", "orders", 0, &(struct crf_wish){ .pauses = true, .until = CRF_NEVER, .seeks = true,
	    .outside = true, .to = { CRF_AT_OFFSET, 12 } });
	fake_answer(&r.source);
	expect(&r, "paused 10 for -1;sought 12;");
	crf_flow_wish(&r.flow, "billing", "orders", 0, &(struct crf_wish){ .pauses = true });
	expect(&r, "resumed 12;A12 s0 a1;A13 s0 a1;");
	assert_int_equal(r.source.out, 0);
	rig_fini(&r);
}

/* ------------------------------------------------------------------------------------------------ another log */

static void
feed_log(int64_t stamp, const char *key, int64_t from, int64_t to)
{
	for (int64_t offset = from; offset <= to; offset++)
		fake_push(&r.source, (struct native){ .offset = offset, .key = key, .value = "v", .stamp = stamp });
}

/* The topic was deleted and made anew. */
static void
marks_of_a_log_that_is_no_more_do_not_count_for_the_next(void **unused)
{
	(void)unused;
	begin(&handling, .max = 2);
	feed_log(7, "A", 10, 12);
	expect(&r, "A10 s0 a1;A11 s0 a1;A12 s0 a1;");
	assert_true(r.source.marked == 13);
	feed_log(8, "A", 0, 1);
	expect(&r, "A0 s0 a1;A1 s0 a1;");
	assert_true(r.source.marked == 2);
	rig_fini(&r);
}

static void
what_is_in_hand_of_a_log_that_is_no_more_is_not_marked_in_the_next(void **unused)
{
	(void)unused;
	begin(&deferring, .max = 2);
	feed_log(7, "A", 10, 10);
	expect(&r, "A10 s0;");
	feed_log(8, "B", 0, 1);
	expect(&r, ""); /* before the log before is done with */
	feed_log(8, "B", 2, 2);
	done(10);
	expect(&r, "B0 s0;");
	done(0);
	expect(&r, "B1 s0;");
	assert_true(r.source.marked == 1);
	done(1);
	expect(&r, "B2 s0;");
	done(2);
	assert_true(r.source.marked == 3);
	rig_fini(&r);
}

static void
a_mark_of_a_log_that_is_no_more_is_none_of_the_next(void **unused)
{
	(void)unused;
	begin(&deferring, .max = 2);
	feed_log(7, "A", 10, 10);
	feed_log(8, "A", 0, 1);
	expect(&r, "A10 s0;");
	done(10);
	expect(&r, "A0 s0;");
	assert_true(r.source.marked <= 0);
	done(0);
	expect(&r, "A1 s0;");
	assert_true(r.source.marked == 1);
	done(1);
	assert_true(r.source.marked == 2);
	rig_fini(&r);
}

static carafe_rc
mark_the_second(carafe_consumer *c, const carafe_message *m)
{
	write_down(c, m);
	return m->offset % 2 == 1 ? carafe_mark(c, m) : CARAFE_OK;
}

static void
what_was_left_unmarked_of_a_log_that_is_no_more_holds_back_nothing(void **unused)
{
	static const carafe_handler by_hand = { .message = mark_the_second };

	(void)unused;
	rig_init_with(&r, &by_hand, .marking = CARAFE_MARK_MANUAL);
	carafe_keys(r.route, .max = 2, .distribution = CARAFE_KEYS_CONSISTENT);
	rig_run(&r);
	feed_log(7, "A", 10, 10);
	expect(&r, "A10 s0;");
	feed_log(8, "B", 0, 1);
	expect(&r, "B0 s1;B1 s1;");
	assert_true(r.source.marked == 2);
	rig_fini(&r);
}

/* Others did 11 to 19 of the log before. */
static void
what_was_done_of_a_log_that_is_no_more_is_not_done_in_the_next(void **unused)
{
	(void)unused;
	rig_init(&r, &handling);
	carafe_keys(r.route, .max = 2);
	rig_run(&r);
	r.source.note = "carafe/1 -1 10 =10";
	r.source.committed = 10;
	feed_log(7, "A", 10, 11);
	expect(&r, "A10 s0 a1;");
	feed_log(8, "A", 10, 11);
	expect(&r, "A10 s0 a1;A11 s0 a1;");
	assert_true(r.source.marked == 12);
	rig_fini(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_go_on_side_by_side_and_each_in_order),
		cmocka_unit_test(a_message_that_is_completed_takes_its_strand_one_turn),
		cmocka_unit_test(nothing_is_marked_before_what_is_in_hand),
		cmocka_unit_test(a_new_key_waits_while_all_strands_have_one),
		cmocka_unit_test(messages_without_a_key_wait_for_no_other),
		cmocka_unit_test(strands_that_are_there_take_turns),
		cmocka_unit_test(no_more_than_max_messages_are_in_hand),
		cmocka_unit_test(batches_are_of_a_strand),
		cmocka_unit_test(a_batch_of_a_strand_may_wait_to_fill),
		cmocka_unit_test(a_key_that_fails_is_retried_alone),
		cmocka_unit_test(one_that_fails_for_ever_holds_up_no_other),
		cmocka_unit_test(the_rest_of_the_window_is_used),
		cmocka_unit_test(what_is_done_takes_no_room),
		cmocka_unit_test(what_was_done_before_is_not_done_again),
		cmocka_unit_test(nothing_is_given_away_before_it_is_known_what_was_done),
		cmocka_unit_test(an_end_does_not_wait_for_that),
		cmocka_unit_test(a_key_is_dead_lettered_alone),
		cmocka_unit_test(a_strategy_is_asked_about_a_key_alone_with_its_own_failures),
		cmocka_unit_test(what_is_deferred_may_fail_too),
		cmocka_unit_test(a_strand_that_goes_back_to_an_earlier_message_runs_it_again_when_it_fails),
		cmocka_unit_test(a_key_always_goes_to_the_same_strand_when_that_is_wanted),
		cmocka_unit_test(keys_that_share_a_strand_wait_for_one_another),
		cmocka_unit_test(a_function_may_say_what_belongs_together),
		cmocka_unit_test(what_it_cannot_tell_is_handed_out_in_order),
		cmocka_unit_test(a_mark_covers_what_its_strand_had_before_and_nothing_else),
		cmocka_unit_test(a_strand_marks_nothing_behind_what_it_was_given),
		cmocka_unit_test(only_the_highest_is_marked),
		cmocka_unit_test(a_later_mark_frees_the_commit),
		cmocka_unit_test(a_partition_that_is_taken_away_waits_for_what_is_in_progress_and_starts_nothing),
		cmocka_unit_test(a_stop_lets_each_strand_shut_down_first),
		cmocka_unit_test(quiet_is_when_every_strand_is),
		cmocka_unit_test(the_end_waits_for_what_is_in_progress),
		cmocka_unit_test(a_dead_letter_on_its_way_does_not_cover_what_was_not_done),
		cmocka_unit_test(strands_at_rest_need_no_worker_to_be_let_go),
		cmocka_unit_test(idle_strands_tick),
		cmocka_unit_test(each_strand_is_told_of_the_end_when_all_is_done),
		cmocka_unit_test(filters_come_before_strands),
		cmocka_unit_test(each_strand_is_described),
		cmocka_unit_test(a_strand_that_pauses_holds_up_no_other),
		cmocka_unit_test(a_strand_goes_nowhere_but_in_what_it_has_in_hand),
		cmocka_unit_test(an_idle_strand_that_pauses_is_given_nothing),
		cmocka_unit_test(what_comes_while_a_hook_runs_is_for_other_strands),
		cmocka_unit_test(a_strand_that_was_given_something_does_not_tick_before),
		cmocka_unit_test(a_strand_that_is_paused_ticks_whatever_waits_for_it),
		cmocka_unit_test(a_pause_from_outside_is_for_all_strands),
		cmocka_unit_test(what_was_done_before_is_given_back_though_there_is_a_pause),
		cmocka_unit_test(a_seek_from_outside_waits_for_what_is_in_hand),
		cmocka_unit_test(what_makes_no_sense_is_a_mistake),
		cmocka_unit_test(what_was_done_before_is_done_again_when_somebody_goes_back_to_it),
		cmocka_unit_test(what_a_seek_leaves_out_is_let_go),
		cmocka_unit_test(marks_of_a_log_that_is_no_more_do_not_count_for_the_next),
		cmocka_unit_test(a_mark_of_a_log_that_is_no_more_is_none_of_the_next),
		cmocka_unit_test(what_is_in_hand_of_a_log_that_is_no_more_is_not_marked_in_the_next),
		cmocka_unit_test(what_was_left_unmarked_of_a_log_that_is_no_more_holds_back_nothing),
		cmocka_unit_test(what_was_done_of_a_log_that_is_no_more_is_not_done_in_the_next),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
