#include "core/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/mem.h"

static void
a_buffer_grows(void **unused)
{
	CRF_AUTO(crf_buf) b = { 0 };

	(void)unused;
	assert_string_equal(crf_buf_str(&b), "");
	for (int i = 0; i < 1000; i++) {
		crf_buf_printf(&b, "%03d", i);
		crf_buf_putc(&b, ',');
	}
	assert_int_equal(b.len, 4000);
	assert_int_equal(strlen(crf_buf_str(&b)), 4000);
	assert_string_equal(crf_buf_str(&b) + 3996, "999,");
}

static void
a_buffer_is_emptied_and_used_again(void **unused)
{
	CRF_AUTO(crf_buf) b = { 0 };

	(void)unused;
	crf_buf_reset(&b);
	crf_buf_puts(&b, "first");
	crf_buf_reset(&b);
	assert_string_equal(crf_buf_str(&b), "");
	crf_buf_add(&b, NULL, 0);
	crf_buf_puts(&b, "second");
	assert_string_equal(crf_buf_str(&b), "second");
}

static void
what_is_taken_is_the_callers(void **unused)
{
	struct crf_buf b = { 0 };
	CRF_AUTO_FREE char *empty = crf_buf_take(&b);
	CRF_AUTO_FREE char *full = NULL;

	(void)unused;
	assert_string_equal(empty, "");
	crf_buf_puts(&b, "mine");
	full = crf_buf_take(&b);
	assert_string_equal(full, "mine");
	assert_null(b.data);
	assert_int_equal(b.len, 0);
}

/* Text that just fits, does not quite, and is much larger than what there is. */
static void
formatting_fits_at_every_length(void **unused)
{
	(void)unused;
	for (int len = 0; len < 300; len++) {
		CRF_AUTO(crf_buf) b = { 0 };

		crf_buf_puts(&b, "x");
		crf_buf_printf(&b, "%*s", len, "");
		assert_int_equal(b.len, len + 1);
		assert_int_equal(strlen(b.data), len + 1);
	}
}

static const struct {
	const char *in, *out;
} json[] = {
	{ NULL, "null" },
	{ "", "\"\"" },
	{ "orders", "\"orders\"" },
	{ "say \"hi\" \\ /", "\"say \\\"hi\\\" \\\\ /\"" },
	{ "\b\f\n\r\t", "\"\\b\\f\\n\\r\\t\"" },
	{ "\001\037", "\"\\u0001\\u001f\"" },
	{ "\033[31m", "\"\\u001b[31m\"" },
	{ "\177", "\"\\u007f\"" },
	{ "\302\200\302\233m\302\240", "\"\\u0080\\u009bm\302\240\"" },
	{ "h\303\251 \342\202\254 \360\237\232\260", "\"h\303\251 \342\202\254 \360\237\232\260\"" },
	/* not UTF-8: a stray end, a cut beginning, two spellings too long, a surrogate, past the last code */
	{ "a\200b", "\"a\\ufffdb\"" },
	{ "a\342\202", "\"a\\ufffd\\ufffd\"" },
	{ "\303", "\"\\ufffd\"" },
	{ "\303(", "\"\\ufffd(\"" },
	{ "\300\257", "\"\\ufffd\\ufffd\"" },
	{ "\340\200\257", "\"\\ufffd\\ufffd\\ufffd\"" },
	{ "\355\240\200", "\"\\ufffd\\ufffd\\ufffd\"" },
	{ "\364\220\200\200", "\"\\ufffd\\ufffd\\ufffd\\ufffd\"" },
	{ "\376\377", "\"\\ufffd\\ufffd\"" },
	{ "\364\217\277\277", "\"\364\217\277\277\"" },
};

static void
json_strings_are_escaped(void **unused)
{
	CRF_AUTO(crf_buf) b = { 0 };

	(void)unused;
	for (size_t i = 0; i < crf_array_len(json); i++) {
		crf_buf_reset(&b);
		crf_buf_json(&b, json[i].in);
		assert_string_equal(crf_buf_str(&b), json[i].out);
	}
}

static void
json_of_bytes_keeps_nuls(void **unused)
{
	CRF_AUTO(crf_buf) b = { 0 };

	(void)unused;
	crf_buf_json_len(&b, "a\0b\"", 4);
	assert_string_equal(crf_buf_str(&b), "\"a\\u0000b\\\"\"");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_buffer_grows),
		cmocka_unit_test(a_buffer_is_emptied_and_used_again),
		cmocka_unit_test(what_is_taken_is_the_callers),
		cmocka_unit_test(formatting_fits_at_every_length),
		cmocka_unit_test(json_strings_are_escaped),
		cmocka_unit_test(json_of_bytes_keeps_nuls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
