#include "work/done.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/mem.h"

static void
expect_text(const int64_t *undone, size_t count, int64_t end, const char *expected)
{
	struct crf_done d = { .undone = crf_memdup(undone, count * sizeof(*undone)), .count = count, .end = end, .epoch = 7 };
	char *text = crf_done_text(&d);

	if (expected == NULL)
		assert_null(text);
	else
		assert_string_equal(text, expected);
	free(text);
	crf_done_fini(&d);
}

#define OFFSETS(...) (const int64_t[]){ __VA_ARGS__ }, sizeof((const int64_t[]){ __VA_ARGS__ }) / sizeof(int64_t)

static void
what_is_not_done_is_told_up_to_the_last_that_is(void **unused)
{
	(void)unused;
	expect_text(OFFSETS(10), 12, "carafe/1 7 10 =2");
	expect_text(OFFSETS(10, 12, 13, 20), 30, "carafe/1 7 10 2 1 7 =10");
	expect_text(OFFSETS(10, 12, 18, 19), 20, "carafe/1 7 10 2 =6"); /* the last ones are as if they had not come */
	expect_text(OFFSETS(10, 11, 12), 13, NULL);
	expect_text(OFFSETS(10), 11, NULL);
}

static void
what_was_told_is_known(void **unused)
{
	struct crf_done d;

	(void)unused;
	assert_true(crf_done_read("carafe/1 7 10 2 1 7 =10", 10, &d));
	for (int64_t offset = 0; offset < 40; offset++) {
		bool undone = offset < 10 || offset == 10 || offset == 12 || offset == 13 || offset == 20 || offset >= 30;

		assert_int_equal(crf_done_has(&d, offset, 7), !undone);
		assert_int_equal(crf_done_has(&d, offset, 6), !undone);
		assert_false(crf_done_has(&d, offset, 8)); /* the log was cut off, and goes on otherwise */
	}
	crf_done_fini(&d);
	assert_true(crf_done_read("carafe/1 -1 10 =2", 5, &d));
	assert_true(crf_done_has(&d, 5, -1)); /* nothing is there that was not done */
	assert_false(crf_done_has(&d, 4, -1));
	crf_done_fini(&d);
}

static void
another_text_says_nothing(void **unused)
{
	static const char *const texts[] = { NULL, "", "resume at line 17", "carafe/1", "carafe/1 ", "carafe/1 7", "carafe/1 7 10",
		"carafe/1 7 10 =", "carafe/1 7 10 =0", "carafe/1 7 10 =-5", "carafe/1 7 10 0 =5", "carafe/1 7 10 -3 =5", "carafe/1 7 -10 =5",
		"carafe/1 7 10 =5 ", "carafe/1 7 10 2 =5x", "carafe/2 7 10 2 =5",
		"carafe/1 7 10 9223372036854775807 9223372036854775807 =20", "carafe/1 7 10 =9223372036854775807" };
	struct crf_done d;

	(void)unused;
	for (size_t i = 0; i < crf_array_len(texts); i++) {
		assert_false(crf_done_read(texts[i], 0, &d));
		assert_false(crf_done_has(&d, 11, -1));
	}
	assert_true(crf_done_is_text("carafe/1 7 10 =2"));
	assert_false(crf_done_is_text("resume at line 17"));
	assert_false(crf_done_is_text(NULL));
}

static void
what_does_not_fit_is_as_if_it_was_not_done(void **unused)
{
	struct crf_done d = { .undone = crf_alloc(10000, sizeof(int64_t)), .count = 10000, .end = 1000000000000, .epoch = 1 }, back;
	char *text;

	(void)unused;
	for (size_t i = 0; i < d.count; i++)
		d.undone[i] = 100 + (int64_t)i * 1000;
	text = crf_done_text(&d);
	assert_in_range(strlen(text), 3900, 4000);
	assert_true(crf_done_read(text, 0, &back));
	assert_in_range(back.count, 700, 1000);
	for (size_t i = 0; i < d.count; i++) {
		assert_false(crf_done_has(&back, d.undone[i], 1));
		assert_int_equal(crf_done_has(&back, d.undone[i] + 1, 1), i < back.count);
	}
	free(text);
	crf_done_fini(&back);
	crf_done_fini(&d);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_done_is_told_up_to_the_last_that_is),
		cmocka_unit_test(what_was_told_is_known),
		cmocka_unit_test(another_text_says_nothing),
		cmocka_unit_test(what_does_not_fit_is_as_if_it_was_not_done),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
