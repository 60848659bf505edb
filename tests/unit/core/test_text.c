#include "core/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "core/mem.h"

static const char *const known[] = {
	"server", "topics", "doctor", "web", "dev", "info", "concurrency", "max_messages", "bootstrap.servers",
	"enable.partition.eof", "pause.timeout", "pause.max_timeout", "shutdown_timeout",
};

static const char *
candidate(const void *arg, size_t i)
{
	return ((const char *const *)arg)[i];
}

static const struct {
	const char *word, *nearest;
} nearest[] = {
	{ "server", "server" },
	{ "srever", "server" }, /* two neighbours swapped */
	{ "sever", "server" },
	{ "serverr", "server" },
	{ "Servre", "server" },
	{ "topic", "topics" },
	{ "dcotor", "doctor" },
	{ "wbe", "web" },
	{ "webb", "web" },
	{ "ewb", "web" },
	{ "ino", "info" },
	{ "concurency", "concurrency" },
	{ "conccurrancy", "concurrency" },
	{ "MAX-MESSAGES", "max_messages" },
	{ "bootstrap_server", "bootstrap.servers" },
	{ "boostrap.server", "bootstrap.servers" },
	{ "enable_partition_eof", "enable.partition.eof" },
	{ "pause.timout", "pause.timeout" },
	{ "pause.maxtimeout", "pause.max_timeout" },
	{ "", NULL },
	{ "x", NULL },
	{ "ab", NULL },
	{ "weird", NULL },
	{ "consumer", NULL },
	{ "run", NULL },
	{ "zookeeper.connect", NULL },
};

static void
slips_of_the_keyboard_are_recognised(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < crf_array_len(nearest); i++) {
		const char *found = crf_nearest(nearest[i].word, crf_array_len(known), candidate, known);

		if (nearest[i].nearest == NULL && found != NULL)
			fail_msg("%s: %s", nearest[i].word, found);
		if (nearest[i].nearest == NULL)
			continue;
		assert_non_null(found);
		assert_string_equal(found, nearest[i].nearest);
	}
}

static void
words_beyond_any_name_are_let_be(void **unused)
{
	const char *candidates[] = { NULL };
	char longer[300];

	(void)unused;
	memset(longer, 'a', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	assert_null(crf_nearest(longer, crf_array_len(known), candidate, known));
	candidates[0] = longer;
	assert_null(crf_nearest("aaa", 1, candidate, candidates));
	assert_null(crf_nearest("server", 0, candidate, NULL));
}

static void
a_number_is_the_whole_text(void **unused)
{
	static const char *const wrong[] = { "", "-", " 1", "1 ", "+1", "1x", "0x10", "1.0", "--1", "9223372036854775808" };
	int64_t n = 42;

	(void)unused;
	for (size_t i = 0; i < crf_array_len(wrong); i++)
		assert_false(crf_parse_int(wrong[i], &n));
	assert_int_equal(n, 42);
	assert_true(crf_parse_int("0", &n));
	assert_int_equal(n, 0);
	assert_true(crf_parse_int("-7", &n));
	assert_int_equal(n, -7);
	assert_true(crf_parse_int("010", &n));
	assert_int_equal(n, 10);
	assert_true(crf_parse_int("9223372036854775807", &n));
	assert_true(n == INT64_MAX);
	assert_true(crf_parse_int("-9223372036854775808", &n));
	assert_true(n == INT64_MIN);
}

static void
truth_has_several_names(void **unused)
{
	static const char *const yes[] = { "true", "TRUE", "Yes", "on", "1" };
	static const char *const no[] = { "false", "False", "NO", "off", "0" };
	bool value;

	(void)unused;
	for (size_t i = 0; i < crf_array_len(yes); i++) {
		value = false;
		assert_true(crf_parse_bool(yes[i], &value));
		assert_true(value);
		assert_true(crf_parse_bool(no[i], &value));
		assert_false(value);
	}
	assert_false(crf_parse_bool("", &value));
	assert_false(crf_parse_bool("2", &value));
	assert_false(crf_parse_bool("truely", &value));
}

static const struct {
	int64_t n;
	const char *text;
} grouped[] = {
	{ 0, "0" },
	{ 999, "999" },
	{ 1000, "1,000" },
	{ 12345678, "12,345,678" },
	{ -1, "-1" },
	{ -999, "-999" },
	{ -100000, "-100,000" },
	{ INT64_MAX, "9,223,372,036,854,775,807" },
	{ INT64_MIN, "-9,223,372,036,854,775,808" },
};

static void
digits_are_grouped(void **unused)
{
	char buf[32];

	(void)unused;
	for (size_t i = 0; i < crf_array_len(grouped); i++)
		assert_string_equal(crf_group_digits(grouped[i].n, buf, sizeof(buf)), grouped[i].text);
	assert_string_equal(crf_group_digits(1234567, buf, 5), "1,23");
}

static void
characters_are_measured(void **unused)
{
	uint32_t code = 0;

	(void)unused;
	assert_int_equal(crf_utf8("", 0, &code), 0);
	assert_int_equal(crf_utf8("a", 1, &code), 1);
	assert_int_equal(code, 'a');
	assert_int_equal(crf_utf8("\342\202\254x", 4, &code), 3);
	assert_int_equal(code, 0x20AC);
	assert_int_equal(crf_utf8("\342\202\254", 2, &code), 0);
	assert_int_equal(crf_utf8("\360\237\232\260", 4, &code), 4);
	assert_int_equal(code, 0x1F6B0);
	assert_int_equal(crf_utf8("\370\210\200\200\200", 5, &code), 0);
	assert_int_equal(crf_utf8("\0", 1, &code), 1);
	assert_int_equal(code, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slips_of_the_keyboard_are_recognised),
		cmocka_unit_test(words_beyond_any_name_are_let_be),
		cmocka_unit_test(a_number_is_the_whole_text),
		cmocka_unit_test(truth_has_several_names),
		cmocka_unit_test(digits_are_grouped),
		cmocka_unit_test(characters_are_measured),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
