#include "cli/help.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/mem.h"

static struct crf_call
call_of(const char *program, unsigned where)
{
	return (struct crf_call){ .program = program, .where = where };
}

static void
a_command_explains_itself(void **unused)
{
	struct crf_call call = call_of("shop", CRF_IN_APP);
	CRF_AUTO(crf_buf) text = { 0 };

	(void)unused;
	crf_help_command(&call, crf_command_find(CRF_IN_APP, "produce"), &text);
	assert_string_equal(crf_buf_str(&text),
	    "shop produce: write lines to a topic, one message each\n"
	    "\n"
	    "Usage: shop produce TOPIC [options]\n"
	    "\n"
	    "Reads lines and writes each as a message, with the Kafka settings of the program, then waits until\n"
	    "all of them are acknowledged. Exits with 70 when any was refused or there is no such topic, 69 when\n"
	    "no broker could be reached.\n"
	    "\n"
	    "Options:\n"
	    "  -l, --file FILE                 read from this file; - or nothing: standard input\n"
	    "  -K, --key-delimiter DELIM       a line is a key, DELIM and a value; \\t is a tab\n"
	    "  -p, --partition NUMBER          write to this partition; by default the key decides\n"
	    "  -X, --set KEY=VALUE             a setting of carafe (`help settings`) or librdkafka; may be\n"
	    "                                  repeated\n"
	    "  -F, --config FILE               a file of KEY=VALUE lines; over the environment, under -X\n"
	    "  -v, --verbose                   log everything: --log-level debug, unless the command says\n"
	    "                                  otherwise\n"
	    "  -q, --quiet                     log errors only: --log-level error\n"
	    "      --log-level debug|info|warn|error\n"
	    "                                  least level that is logged\n"
	    "      --log-format text|json      a readable line per event, or a JSON object\n"
	    "  -h, --help                      print this and exit\n");
}

static void
the_short_help_hints_at_what_to_do_next(void **unused)
{
	struct crf_call app = call_of("shop", CRF_IN_APP), tool = call_of("carafe", CRF_IN_TOOL);
	CRF_AUTO(crf_buf) text = { 0 };

	(void)unused;
	unsetenv("CARAFE_ENV");
	crf_help_short(&app, &text);
	assert_non_null(strstr(crf_buf_str(&text), "Usage: shop COMMAND [options]\n\n  server  "));
	assert_non_null(strstr(crf_buf_str(&text), "shop server consumes from Kafka; without a Kafka at hand, try shop dev.\n"));
	assert_null(strstr(crf_buf_str(&text), "begin a project"));
	crf_buf_reset(&text);
	setenv("CARAFE_ENV", "production", 1);
	crf_help_short(&app, &text);
	assert_null(strstr(crf_buf_str(&text), "shop dev."));
	crf_buf_reset(&text);
	crf_help_short(&tool, &text);
	assert_non_null(strstr(crf_buf_str(&text), "  new         begin a project of your own\n"));
	assert_null(strstr(crf_buf_str(&text), "server"));
}

static void
text_is_wrapped(void **unused)
{
	CRF_AUTO(crf_buf) text = { 0 };

	(void)unused;
	crf_help_wrap(&text, "one two three averyverylongword four", 2, 10);
	assert_string_equal(crf_buf_str(&text), "one two\n  three\n  averyverylongword\n  four\n");
}

static void
a_setting_has_a_variable_and_bounds(void **unused)
{
	CRF_AUTO(crf_buf) text = { 0 };

	(void)unused;
	crf_help_variable(&text, "pause.with_exponential_backoff");
	assert_string_equal(crf_buf_str(&text), "CARAFE_PAUSE_WITH_EXPONENTIAL_BACKOFF");
	crf_buf_reset(&text);
	crf_help_bounds(&text, "concurrency");
	assert_string_equal(crf_buf_str(&text), "1 to 4096");
}

static void
nothing_in_a_man_page_is_taken_for_a_request(void **unused)
{
	CRF_AUTO(crf_buf) page = { 0 };
	char *rest = NULL;

	(void)unused;
	crf_man("shop", CRF_IN_APP, &page);
	assert_non_null(strstr(crf_buf_str(&page), ".TH SHOP 1 "));
	assert_non_null(strstr(crf_buf_str(&page), "\n.SS server\n"));
	assert_non_null(strstr(crf_buf_str(&page), "\n\\-e, \\-\\-exit\\-eof\n"));
	assert_null(strstr(crf_buf_str(&page), "\n.SS new"));
	for (char *line = strtok_r(page.data, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest))
		if (line[0] == '.' && strncmp(line, ".TH ", 4) != 0 && strncmp(line, ".SH ", 4) != 0 &&
		    strncmp(line, ".SS ", 4) != 0 && strcmp(line, ".TP") != 0 && strncmp(line, ".B ", 3) != 0 &&
		    strncmp(line, ".I ", 3) != 0)
			fail_msg("what is %s", line);
}

/* The committed pages are what the program says of itself today. */
static void
compare(const char *file, void (*write)(struct crf_buf *out), const char *command)
{
	CRF_AUTO_FREE char *path = crf_format("%.*s/../../../docs/%s", (int)(strrchr(__FILE__, '/') - __FILE__), __FILE__, file);
	CRF_AUTO(crf_buf) expected = { 0 };
	CRF_AUTO(crf_buf) found = { 0 };
	char chunk[4096];
	FILE *f = fopen(path, "re");

	if (f == NULL)
		fail_msg("cannot read %s (from the build folder)", path);
	for (size_t n; (n = fread(chunk, 1, sizeof(chunk), f)) > 0;)
		crf_buf_add(&found, chunk, n);
	fclose(f);
	write(&expected);
	if (strcmp(crf_buf_str(&found), crf_buf_str(&expected)) != 0)
		fail_msg("docs/%s is out of date: build/src/carafe %s > docs/%s", file, command, file);
}

static void
the_pages_are_up_to_date(void **unused)
{
	(void)unused;
	compare("commands.md", crf_markdown_commands, "help --markdown");
	compare("configuration.md", crf_markdown_settings, "help settings --markdown");
	compare("events.md", crf_markdown_events, "help events --markdown");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_command_explains_itself),
		cmocka_unit_test(the_short_help_hints_at_what_to_do_next),
		cmocka_unit_test(text_is_wrapped),
		cmocka_unit_test(a_setting_has_a_variable_and_bounds),
		cmocka_unit_test(nothing_in_a_man_page_is_taken_for_a_request),
		cmocka_unit_test(the_pages_are_up_to_date),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
