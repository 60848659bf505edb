/* Lines in, counts and completion out. */
#include "cli/lines.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "cli/help.h"
#include "cli/watch.h"
#include "core/mem.h"

static const struct {
	const char *line, *delimiter, *key, *value;
} splits[] = {
	{ "a:b", NULL, NULL, "a:b" },
	{ "a:b", ":", "a", "b" },
	{ "a:b:c", ":", "a", "b:c" },
	{ "a=>b", "=>", "a", "b" },
	{ ":b", ":", "", "b" },
	{ "a:", ":", "a", "" },
	{ "ab", ":", NULL, "ab" },
	{ "", ":", NULL, "" },
};

static void
assert_bytes(carafe_bytes found, const char *expected)
{
	if (expected == NULL) {
		assert_null(found.data);
		return;
	}
	assert_non_null(found.data);
	assert_int_equal(found.len, strlen(expected));
	assert_memory_equal(found.data, expected, found.len);
}

static void
a_line_is_split_at_the_first_delimiter(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < crf_array_len(splits); i++) {
		carafe_bytes key, value;

		crf_lines_split(splits[i].line, strlen(splits[i].line), splits[i].delimiter, &key, &value);
		assert_bytes(key, splits[i].key);
		assert_bytes(value, splits[i].value);
	}
}

static void
delimiters_may_be_escaped(void **unused)
{
	static const char *const pairs[][2] = { { "\\t", "\t" }, { "=>", "=>" }, { "\\\\", "\\" }, { "a\\nb", "a\nb" }, { "\\x", "\\x" },
		{ "\\", "\\" } };

	(void)unused;
	for (size_t i = 0; i < crf_array_len(pairs); i++) {
		struct crf_lines l;

		crf_lines_init(&l, NULL, NULL, "t", pairs[i][0]);
		assert_string_equal(l.delimiter, pairs[i][1]);
		crf_lines_fini(&l);
	}
}

static void
counts_are_readable(void **unused)
{
	const struct crf_totals many = { .consumed = 63632, .retried = 34, .dead = 1, .running = 2500 * CRF_MS };
	const struct crf_totals none = { 0 };
	CRF_AUTO(crf_buf) text = { 0 };

	(void)unused;
	crf_watch_counts(&many, &text);
	assert_string_equal(crf_buf_str(&text), "consumed 63,632 messages in 2.5 s (25,452/s), retried 34, dead-lettered 1");
	crf_buf_reset(&text);
	crf_watch_counts(&none, &text);
	assert_string_equal(crf_buf_str(&text), "consumed 0 messages, retried 0, dead-lettered 0");
}

static void
shells_are_told_of_every_command_and_option(void **unused)
{
	static const char *const shells[] = { "bash", "zsh", "fish" };

	(void)unused;
	for (size_t s = 0; s < crf_array_len(shells); s++) {
		CRF_AUTO(crf_buf) text = { 0 };

		assert_true(crf_complete(shells[s], "my-shop", CRF_IN_APP, &text));
		for (size_t i = 0; i < crf_command_count; i++)
			if ((crf_commands[i].where & CRF_IN_APP) != 0)
				assert_non_null(strstr(crf_buf_str(&text), crf_commands[i].name));
		for (size_t i = 0; i < CRF_OPTION_COUNT; i++)
			if (crf_option_known(CRF_IN_APP, i))
				assert_non_null(strstr(crf_buf_str(&text), crf_options[i].name));
		assert_null(strstr(crf_buf_str(&text), "_my-shop()"));
	}
}

static void
other_shells_are_not_known(void **unused)
{
	CRF_AUTO(crf_buf) text = { 0 };

	(void)unused;
	assert_false(crf_complete("csh", "shop", CRF_IN_APP, &text));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_is_split_at_the_first_delimiter),
		cmocka_unit_test(delimiters_may_be_escaped),
		cmocka_unit_test(counts_are_readable),
		cmocka_unit_test(shells_are_told_of_every_command_and_option),
		cmocka_unit_test(other_shells_are_not_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
