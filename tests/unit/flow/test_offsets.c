#include "rig.h"

/* Each handler is given 10, 11, 12 in one batch. */
static void
hand_out(struct rig *r, const carafe_handler *handler)
{
	rig_init(r, handler);
	rig_run(r);
	fake_messages(&r->source, 10, 12);
}

static carafe_rc
mark_two(carafe_consumer *c, const carafe_batch *b)
{
	carafe_error err = { 0 };

	assert_int_equal(carafe_mark_with(c, carafe_batch_at(b, 0), .metadata = "first"), CARAFE_OK);
	assert_string_equal(the_rig->source.metadata, "first");
	assert_int_equal(carafe_mark_with(c, carafe_batch_at(b, 1), .commit = 1, .err = &err), CARAFE_OK);
	assert_string_equal(the_rig->source.metadata, ""); /* it was the first one's */
	assert_int_equal(the_rig->source.marked, 12);
	assert_int_equal(the_rig->source.commits, 1);
	return CARAFE_OK;
}

static void
a_mark_carries_its_own_metadata_and_commits_when_asked_to(void **unused)
{
	static const carafe_handler handler = { .consume = mark_two };
	struct rig r;

	(void)unused;
	hand_out(&r, &handler);
	expect(&r, "");
	assert_int_equal(r.source.marked, 13);
	assert_int_equal(r.source.commits, 1);
	rig_fini(&r);
}

static carafe_rc
store_twice(carafe_consumer *c, const carafe_batch *b)
{
	carafe_store_offset_metadata(c, "lost");
	carafe_store_offset_metadata(c, "stored");
	assert_int_equal(carafe_mark_with(c, carafe_batch_at(b, 0), .metadata = "said"), CARAFE_OK);
	assert_string_equal(the_rig->source.metadata, "said");
	carafe_store_offset_metadata(c, "for the end");
	carafe_store_offset_metadata(c, NULL);
	carafe_store_offset_metadata(c, "for the batch");
	return CARAFE_OK;
}

static void
the_next_mark_carries_what_was_stored_for_it(void **unused)
{
	static const carafe_handler handler = { .consume = store_twice };
	struct rig r;

	(void)unused;
	hand_out(&r, &handler);
	expect(&r, "");
	assert_int_equal(r.source.marked, 13);
	assert_string_equal(r.source.metadata, "for the batch");
	rig_fini(&r);
}

static carafe_rc
store_and_fail(carafe_consumer *c, const carafe_message *m)
{
	(void)m;
	carafe_store_offset_metadata(c, "the dead letter's");
	return CARAFE_FAILED;
}

static void
a_dead_letters_mark_carries_it_as_well(void **unused)
{
	static const carafe_handler handler = { .message = store_and_fail };
	struct rig r;

	(void)unused;
	rig_init(&r, &handler);
	carafe_dlq(r.route, .topic = "orders.dead", .max_retries = CARAFE_NONE);
	rig_run(&r);
	fake_message(&r.source, 10);
	settle(r.pool);
	assert_int_equal(r.source.marked, -1);
	answer(0);
	settle(r.pool);
	assert_int_equal(r.source.marked, 11);
	assert_string_equal(r.source.metadata, "the dead letter's");
	rig_fini(&r);
}

static carafe_rc
mark_what_is_wrong(carafe_consumer *c, const carafe_batch *b)
{
	carafe_message other = *carafe_batch_at(b, 0);
	struct {
		carafe_mark_opts opts;
		int more;
	} newer = { { .size = sizeof(newer) }, 1 };
	carafe_error err = { 0 };

	other.partition = 7;
	assert_int_equal(carafe_mark_with(c, &other, .metadata = "x", .commit = 1, .err = &err), CARAFE_INVALID);
	assert_string_equal(err.text, "the message is none that was handed out of orders[0]: nothing was marked");
	assert_int_equal(carafe_mark_with(c, NULL, .commit = 1), CARAFE_INVALID);
	other.partition = 0;
	other.offset = 13; /* is yet to come */
	assert_int_equal(carafe_mark_with(c, &other, .metadata = "x", .commit = 1, .err = &err), CARAFE_INVALID);
	assert_int_equal(carafe_mark(c, &other), CARAFE_INVALID);
	assert_int_equal(carafe_dead_letter(c, &other, NULL, &err), CARAFE_INVALID);
	other.offset = -1;
	assert_int_equal(carafe_mark(c, &other), CARAFE_INVALID);
	assert_int_equal(the_rig->source.marks, 0);
	assert_int_equal(carafe_mark(c, carafe_batch_at(b, 0)), CARAFE_OK);
	assert_string_equal(the_rig->source.metadata, ""); /* what was refused takes its metadata along */
	assert_int_equal(carafe_mark_with_(c, carafe_batch_at(b, 0), &newer.opts), CARAFE_INVALID);
	the_rig->source.lost = true;
	assert_int_equal(carafe_mark_with(c, carafe_batch_at(b, 0), .metadata = "x", .commit = 1, .err = &err), CARAFE_LOST);
	assert_string_equal(err.text, "orders[0] is no longer owned, nothing was marked");
	assert_int_equal(the_rig->source.marks, 1);
	assert_int_equal(the_rig->source.commits, 0);
	return CARAFE_OK;
}

static void
what_cannot_be_marked_is_not_committed(void **unused)
{
	static const carafe_handler handler = { .consume = mark_what_is_wrong };
	struct rig r;

	(void)unused;
	hand_out(&r, &handler);
	expect(&r, "");
	assert_int_equal(r.source.marks, 1);
	rig_fini(&r);
}

static carafe_rc
read_back(carafe_consumer *c, const carafe_batch *b)
{
	carafe_error err = { 0 };
	const char *text;

	(void)b;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(carafe_offset_metadata(c, false, &text, &err), CARAFE_OK);
		assert_string_equal(text, "committed");
		assert_int_equal(the_rig->source.asked, 1); /* once, then it is known */
	}
	assert_int_equal(carafe_offset_metadata(c, true, &text, &err), CARAFE_OK);
	assert_string_equal(text, "committed");
	assert_int_equal(the_rig->source.asked, 2);
	the_rig->source.lost = true;
	assert_int_equal(carafe_offset_metadata(c, false, &text, &err), CARAFE_LOST);
	assert_null(text);
	assert_string_equal(err.text, "orders[0] is no longer owned");
	return CARAFE_OK;
}

static void
what_is_committed_is_asked_for_once(void **unused)
{
	static const carafe_handler handler = { .consume = read_back };
	struct rig r;

	(void)unused;
	hand_out(&r, &handler);
	expect(&r, "");
	assert_int_equal(r.source.asked, 2);
	rig_fini(&r);
}

static void
stamped(struct rig *r, int64_t from, int64_t to, int64_t stamp)
{
	for (int64_t offset = from; offset <= to; offset++)
		fake_push(&r->source, (struct native){ .offset = offset, .stamp = stamp });
}

static void
marks_of_a_log_that_is_no_more_do_not_count_for_the_next(void **unused)
{
	struct rig r;

	(void)unused;
	rig_init(&r, &by_message);
	rig_run(&r);
	stamped(&r, 10, 12, 7);
	expect(&r, "m10 a1;m11 a1;m12 a1;");
	r.bad = 0;
	stamped(&r, 0, 1, 8); /* the topic was deleted and made anew */
	expect(&r, "m0 a1;error consume 0-1 a1 CARAFE_FAILED: no luck;retry 0 a2 in 200;");
	r.bad = -1;
	expect_after(&r, 200 * CRF_MS, "m0 a2;m1 a1;");
	assert_int_equal(r.source.marked, 2);
	stamped(&r, 2, 4, 8);
	stamped(&r, 0, 1, 9); /* and once more, while there is something in hand */
	expect(&r, "m2 a1;m3 a1;m4 a1;m0 a1;m1 a1;");
	assert_int_equal(r.source.marked, 2);
	stamped(&r, 2, 2, 9);
	expect(&r, "m2 a1;");
	assert_int_equal(r.source.marked, 3);
	rig_fini(&r);
}

static void
what_fails_behind_the_end_of_a_log_that_is_no_more_is_retried(void **unused)
{
	struct rig r;

	(void)unused;
	rig_init(&r, &by_message);
	rig_run(&r);
	r.bad = 0;
	stamped(&r, 10, 12, 7);
	stamped(&r, 0, 1, 8);
	expect(&r, "m10 a1;m11 a1;m12 a1;m0 a1;error consume 0-1 a1 CARAFE_FAILED: no luck;retry 0 a2 in 200;");
	r.bad = -1;
	expect_after(&r, 200 * CRF_MS, "m0 a2;m1 a1;");
	assert_int_equal(r.source.marked, 2);
	rig_fini(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_mark_carries_its_own_metadata_and_commits_when_asked_to),
		cmocka_unit_test(the_next_mark_carries_what_was_stored_for_it),
		cmocka_unit_test(a_dead_letters_mark_carries_it_as_well),
		cmocka_unit_test(what_cannot_be_marked_is_not_committed),
		cmocka_unit_test(what_is_committed_is_asked_for_once),
		cmocka_unit_test(marks_of_a_log_that_is_no_more_do_not_count_for_the_next),
		cmocka_unit_test(what_fails_behind_the_end_of_a_log_that_is_no_more_is_retried),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
