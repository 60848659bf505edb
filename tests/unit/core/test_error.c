#include "core/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <string.h>
#include <cmocka.h>

static void
an_error_says_what_and_returns_its_code(void **unused)
{
	carafe_error err = { .kafka = 7 };

	(void)unused;
	assert_int_equal(crf_error(&err, CARAFE_INVALID, "topic %d", 3), CARAFE_INVALID);
	assert_int_equal(err.rc, CARAFE_INVALID);
	assert_int_equal(err.kafka, 0);
	assert_string_equal(err.text, "topic 3");
	assert_int_equal(crf_error_kafka(&err, CARAFE_KAFKA, -187, "all down"), CARAFE_KAFKA);
	assert_int_equal(err.kafka, -187);
}

static void
nobody_need_want_to_know(void **unused)
{
	(void)unused;
	assert_int_equal(crf_error(NULL, CARAFE_LOST, "x"), CARAFE_LOST);
	assert_int_equal(crf_error_kafka(NULL, CARAFE_KAFKA, 1, "x"), CARAFE_KAFKA);
	assert_int_equal(crf_error_errno(NULL, EPERM, "x"), CARAFE_SYSTEM);
	assert_int_equal(crf_error_prefix(NULL, CARAFE_LOST, "x"), CARAFE_LOST);
}

static void
errno_is_described(void **unused)
{
	carafe_error err;

	(void)unused;
	assert_int_equal(crf_error_errno(&err, ENOENT, "open %s", "a"), CARAFE_SYSTEM);
	assert_string_equal(err.text, "open a: No such file or directory");
}

static void
a_prefix_goes_before_and_keeps_the_kafka_code(void **unused)
{
	carafe_error err;

	(void)unused;
	crf_error_kafka(&err, CARAFE_DENIED, 29, "not allowed");
	assert_int_equal(crf_error_prefix(&err, CARAFE_DENIED, "topic %s", "orders"), CARAFE_DENIED);
	assert_string_equal(err.text, "topic orders: not allowed");
	assert_int_equal(err.kafka, 29);
}

static void
the_text_may_be_made_of_itself(void **unused)
{
	carafe_error err;

	(void)unused;
	crf_error(&err, CARAFE_FAILED, "inner");
	crf_error(&err, CARAFE_FAILED, "outer <%s>", err.text);
	assert_string_equal(err.text, "outer <inner>");
}

/* at: where in the text a character of several bytes starts that is cut by the end of the buffer, or just not. */
static void
expect_cut(const char *character, size_t at, size_t len)
{
	char long_text[CARAFE_ERROR_TEXT + 16];
	carafe_error err;

	memset(long_text, 'a', sizeof(long_text));
	memcpy(long_text + at, character, strlen(character));
	long_text[sizeof(long_text) - 1] = '\0';
	crf_error(&err, CARAFE_FAILED, "%s", long_text);
	assert_int_equal(strlen(err.text), len);
	assert_memory_equal(err.text, long_text, len);
}

static void
a_long_text_is_cut_between_characters(void **unused)
{
	size_t max = CARAFE_ERROR_TEXT - 1;

	(void)unused;
	expect_cut("a", 0, max);
	expect_cut("é", max - 1, max - 1);
	expect_cut("é", max - 2, max);
	expect_cut("€", max - 1, max - 1);
	expect_cut("€", max - 2, max - 2);
	expect_cut("€", max - 3, max);
	expect_cut("🚰", max - 3, max - 3);
	expect_cut("🚰", max - 4, max);
}

static void
every_code_has_its_name(void **unused)
{
	(void)unused;
	assert_string_equal(carafe_rc_name(CARAFE_OK), "CARAFE_OK");
	assert_string_equal(carafe_rc_name(CARAFE_LOST), "CARAFE_LOST");
	assert_string_equal(carafe_rc_name(CARAFE_SYSTEM), "CARAFE_SYSTEM");
	assert_string_equal(carafe_rc_name(CARAFE_PENDING), "CARAFE_PENDING");
	assert_string_equal(carafe_rc_name((carafe_rc)(CARAFE_PENDING + 1)), "unknown");
	assert_string_equal(carafe_rc_name((carafe_rc)-1), "unknown");
	for (int rc = CARAFE_OK; rc <= CARAFE_PENDING; rc++)
		assert_non_null(carafe_rc_name((carafe_rc)rc));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_error_says_what_and_returns_its_code),
		cmocka_unit_test(nobody_need_want_to_know),
		cmocka_unit_test(errno_is_described),
		cmocka_unit_test(a_prefix_goes_before_and_keeps_the_kafka_code),
		cmocka_unit_test(the_text_may_be_made_of_itself),
		cmocka_unit_test(a_long_text_is_cut_between_characters),
		cmocka_unit_test(every_code_has_its_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
