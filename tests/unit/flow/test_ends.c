/* Where a partition ends, and while there is nothing to do: what handlers are told of it, and when. */
#include "rig.h"

static struct rig r; /* the one of the test that runs */

/* "b1-3;" or "b1-3 eofed;" */
static carafe_rc
tell_batch(carafe_consumer *c, const carafe_batch *b)
{
	crf_buf_printf(&r.log, "b%" PRId64 "-%" PRId64 "%s;", carafe_batch_at(b, 0)->offset,
	    carafe_batch_at(b, carafe_batch_count(b) - 1)->offset, carafe_eofed(c) ? " eofed" : "");
	return rig_verdict(&r, c, -2);
}

static carafe_rc
tell_end(carafe_consumer *c)
{
	crf_buf_printf(&r.log, "end%s;", carafe_eofed(c) ? " eofed" : "");
	return rig_verdict(&r, c, -2);
}

static carafe_rc
tell_tick(carafe_consumer *c)
{
	(void)c;
	crf_buf_puts(&r.log, "tick;");
	return CARAFE_OK;
}

static const carafe_handler telling = { .consume = tell_batch, .eofed = tell_end };
static const carafe_handler ticking = { .consume = tell_batch, .tick = tell_tick };

static void
begin_with(const carafe_handler *handler, const char *pause)
{
	static const carafe_kv kafka[] = { { "enable.partition.eof", "true" }, { NULL, NULL } };

	rig_draw(&r, handler, &(carafe_route_opts){ .max_messages = 3, .kafka = kafka, .kafka_mode = CARAFE_KAFKA_INHERIT },
	    CARAFE_KV({ "pause.timeout", pause }));
	rig_run(&r);
}

static void
begin(void)
{
	begin_with(&telling, "100");
}

static carafe_rc
lose_it(carafe_consumer *c)
{
	crf_buf_puts(&r.log, "initialized;");
	crf_lane_raise(&c->lane, CRF_LANE_LOST);
	return CARAFE_OK;
}

static void
nothing_is_begun_with_when_the_partition_was_lost_in_initialized(void **unused)
{
	static const carafe_handler handler = { .consume = tell_batch, .initialized = lose_it };

	(void)unused;
	rig_init(&r, &handler);
	rig_run(&r);
	fake_messages(&r.source, 1, 3);
	expect(&r, "initialized;");
	assert_int_equal(r.source.drained, 1);
	rig_fini(&r);
}

static void
an_end_without_messages_is_told_alone(void **unused)
{
	(void)unused;
	begin();
	fake_eof(&r.source, 1);
	expect(&r, "end eofed;");
	rig_fini(&r);
}

static void
a_batch_knows_that_it_ends_there_and_one_before_does_not(void **unused)
{
	(void)unused;
	begin();
	fake_messages(&r.source, 1, 5);
	fake_eof(&r.source, 6);
	expect(&r, "b1-3;b4-5 eofed;end eofed;");
	rig_fini(&r);
}

static void
new_messages_make_an_end_forgotten(void **unused)
{
	(void)unused;
	begin();
	fake_eof(&r.source, 1);
	expect(&r, "end eofed;");
	fake_messages(&r.source, 1, 2);
	expect(&r, "b1-2;");
	fake_messages(&r.source, 3, 3);
	fake_eof(&r.source, 4);
	fake_messages(&r.source, 4, 4);
	expect(&r, "b3-4;");
	fake_eof(&r.source, 5);
	expect(&r, "end eofed;");
	rig_fini(&r);
}

static void
the_end_is_told_when_the_last_batch_has_succeeded(void **unused)
{
	(void)unused;
	begin();
	r.fails = 1;
	fake_messages(&r.source, 1, 2);
	fake_eof(&r.source, 3);
	expect(&r, "b1-2 eofed;error consume 1-2 a1 CARAFE_FAILED: no luck;retry 1 a2 in 200;");
	expect_after(&r, 200 * CRF_MS, "b1-2 eofed;end eofed;");
	assert_true(r.source.marked == 3);
	rig_fini(&r);
}

static void
has_no_message(const carafe_event *e, void *arg)
{
	const char *text;
	int64_t number;

	assert_false(carafe_event_int(e, CARAFE_F_OFFSET, &number));
	assert_false(carafe_event_int(e, CARAFE_F_LAST_OFFSET, &number));
	assert_false(carafe_event_int(e, CARAFE_F_ATTEMPT, &number));
	assert_false(carafe_event_str(e, CARAFE_F_TRACE_ID, &text));
	++*(int *)arg;
}

static void
a_hook_that_fails_is_told_and_not_called_again(void **unused)
{
	int told = 0;

	(void)unused;
	begin();
	carafe_subscribe(r.app, CARAFE_EV_CONSUMER_ERROR, has_no_message, &told);
	r.fails = 1;
	fake_eof(&r.source, 1);
	expect(&r, "end eofed;error eofed -1--1 a-1 CARAFE_FAILED: no luck;");
	fake_messages(&r.source, 1, 1);
	expect(&r, "b1-1;");
	assert_true(r.source.marked == 2);
	assert_int_equal(told, 1);
	rig_fini(&r);
}

static void
ticks_come_once_in_an_interval_and_not_while_work_is_held(void **unused)
{
	(void)unused;
	begin_with(&ticking, "8000");
	expect_after(&r, 5 * CRF_SECOND, "tick;");
	expect_after(&r, 5 * CRF_SECOND, "tick;");
	r.fails = 1;
	fake_messages(&r.source, 1, 1);
	expect(&r, "b1-1;error consume 1-1 a1 CARAFE_FAILED: no luck;retry 1 a2 in 16000;");
	expect_after(&r, 16 * CRF_SECOND, "b1-1;");
	expect_after(&r, 5 * CRF_SECOND, "tick;");
	rig_fini(&r);
}

static void
ticks_end_with_the_partition(void **unused)
{
	(void)unused;
	begin_with(&ticking, "100");
	expect_after(&r, 5 * CRF_SECOND, "tick;");
	crf_lane_raise(r.source.lane, CRF_LANE_REVOKED);
	expect_after(&r, 20 * CRF_SECOND, "");
	crf_lane_raise(r.source.lane, CRF_LANE_ENDED);
	expect_after(&r, 20 * CRF_SECOND, "");
	rig_fini(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_begun_with_when_the_partition_was_lost_in_initialized),
		cmocka_unit_test(an_end_without_messages_is_told_alone),
		cmocka_unit_test(a_batch_knows_that_it_ends_there_and_one_before_does_not),
		cmocka_unit_test(new_messages_make_an_end_forgotten),
		cmocka_unit_test(the_end_is_told_when_the_last_batch_has_succeeded),
		cmocka_unit_test(a_hook_that_fails_is_told_and_not_called_again),
		cmocka_unit_test(ticks_come_once_in_an_interval_and_not_while_work_is_held),
		cmocka_unit_test(ticks_end_with_the_partition),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
