/* Lines in, counts and completion out. */
#include "cli/lines.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "cli/help.h"
#include "cli/verifiable.h"
#include "cli/watch.h"
#include "core/mem.h"
#include "kafka/mock.h"

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

/* A stream that has its only line once whoever reads it has had no answer for longer than boot_timeout. */
static ssize_t
read_late(void *cookie, char *text, size_t size)
{
	struct crf_lines *l = cookie;

	(void)size;
	if (l->sent > 0)
		return 0;
	while (crf_now() <= l->started + l->boot_timeout * CRF_MS)
		nanosleep(&(struct timespec){ .tv_nsec = CRF_MS }, NULL);
	text[0] = '\n';
	return 1;
}

static void
brokers_are_waited_for_from_the_first_line_on(void **unused)
{
	struct crf_kvs kafka = { 0 };
	struct crf_bus *bus = crf_bus_new();
	struct crf_producer *p;
	struct crf_mock *mock;
	struct crf_lines l;
	FILE *in;

	(void)unused;
	assert_int_equal(crf_mock_new(&mock, 1, NULL), CARAFE_OK);
	assert_int_equal(crf_mock_topic(mock, "t", 1, NULL), CARAFE_OK);
	crf_kvs_set(&kafka, "bootstrap.servers", crf_mock_bootstrap(mock), "test");
	crf_kvs_set(&kafka, "linger.ms", "500", "test"); /* the answer takes as long */
	assert_int_equal(crf_producer_new(&p, &kafka, bus, NULL), CARAFE_OK);
	crf_lines_init(&l, &(struct crf_call){ .program = "test" }, p, "t", NULL);
	l.boot_timeout = 3000;
	in = fopencookie(&l, "r", (cookie_io_functions_t){ .read = read_late });
	assert_int_equal(crf_lines_send(&l, in), CARAFE_OK);
	fclose(in);
	crf_producer_free(p, 0);
	crf_lines_fini(&l);
	crf_bus_free(bus);
	crf_kvs_fini(&kafka);
	crf_mock_free(mock);
}

/* Whether it was, since the last time. */
static bool
asked_to_stop(void)
{
	sigset_t stop;

	sigemptyset(&stop);
	sigaddset(&stop, SIGTERM);
	return sigtimedwait(&stop, NULL, &(struct timespec){ 0 }) == SIGTERM;
}

/* In a process of its own, whose output nobody reads. */
static int
write_in_vain(void)
{
	sigset_t stop;
	int ends[2];

	sigemptyset(&stop);
	sigaddset(&stop, SIGTERM);
	if (sigprocmask(SIG_BLOCK, &stop, NULL) != 0 || pipe(ends) != 0 || dup2(ends[1], STDOUT_FILENO) < 0)
		return 1;
	signal(SIGPIPE, SIG_IGN);
	close(ends[0]);
	crf_line("startup_complete");
	if (!asked_to_stop())
		return 2;
	crf_line("shutdown_requested");
	return asked_to_stop() ? 3 : 0;
}

/* A second time would be told to force the stop. */
static void
a_reader_that_is_gone_ends_a_verifiable_tool_once(void **unused)
{
	pid_t child;
	int status;

	(void)unused;
	fflush(NULL);
	if ((child = fork()) == 0)
		_exit(write_in_vain());
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
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
		cmocka_unit_test(brokers_are_waited_for_from_the_first_line_on),
		cmocka_unit_test(a_reader_that_is_gone_ends_a_verifiable_tool_once),
		cmocka_unit_test(counts_are_readable),
		cmocka_unit_test(shells_are_told_of_every_command_and_option),
		cmocka_unit_test(other_shells_are_not_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
