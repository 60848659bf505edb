#include "bus/log.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/mem.h"

/* A bus with a logger that writes to memory. */
struct scene {
	struct crf_bus *bus;
	struct crf_log *log;
	FILE *out;
	char *written;
	size_t len;
};

static void
open_scene(struct scene *s, enum crf_log_format format, carafe_level level)
{
	*s = (struct scene){ .bus = crf_bus_new() };
	s->out = open_memstream(&s->written, &s->len);
	s->log = crf_log_new(s->bus, s->out, format, level);
}

static void
close_scene(struct scene *s)
{
	crf_bus_free(s->bus);
	crf_log_free(s->log);
	fclose(s->out);
	free(s->written);
}

/* Behind the time, which starts every line: "12:34:56.789 ". */
static const char *
after_time(const struct scene *s)
{
	int hour, minute, second, ms, len = 0;

	assert_int_equal(sscanf(s->written, "%2d:%2d:%2d.%3d %n", &hour, &minute, &second, &ms, &len), 4);
	assert_int_equal(len, 13);
	return s->written + len;
}

static void
note_line(carafe_level level, const char *line, void *arg)
{
	struct scene *s = arg;

	s->len += (size_t)snprintf(s->written + s->len, 256 - s->len, "%d <%s>", (int)level, line);
}

static void
lines_may_be_given_to_a_function(void **unused)
{
	char written[256];
	struct scene s = { .bus = crf_bus_new(), .written = written };

	(void)unused;
	s.log = crf_log_new_fn(s.bus, note_line, &s, CRF_LOG_JSON, CARAFE_INFO);
	CRF_EMIT(s.bus, CARAFE_EV_APP_STUCK, CRF_STR(TEXT, "a"));
	assert_int_equal(strncmp(written, "3 <{\"time\":", 11), 0);
	assert_non_null(strstr(written, "\"text\":\"a\"}>"));
	crf_bus_free(s.bus);
	s.bus = crf_bus_new();
	crf_log_free(s.log);
	s.log = crf_log_new_fn(s.bus, note_line, &s, CRF_LOG_TEXT, CARAFE_INFO);
	s.len = 0;
	CRF_EMIT(s.bus, CARAFE_EV_APP_STUCK, CRF_STR(TEXT, "a"));
	assert_non_null(strstr(written, " ERROR app.stuck  a>"));
	crf_bus_free(s.bus);
	crf_log_free(s.log);
}

static void
a_line_reads_from_left_to_right(void **unused)
{
	struct scene s;

	(void)unused;
	open_scene(&s, CRF_LOG_TEXT, CARAFE_INFO);
	CRF_EMIT(s.bus, CARAFE_EV_REBALANCE_ASSIGNED, CRF_STR(GROUP, "billing"), CRF_STR(CONNECTION, "0"),
	    CRF_INT(COUNT, 3), CRF_STR(TEXT, "orders[0-2]"));
	assert_string_equal(
	    after_time(&s), "INFO  rebalance.assigned  group=billing connection=0 count=3  orders[0-2]\n");
	close_scene(&s);
}

static void
the_sentence_and_the_hint_come_last(void **unused)
{
	const char *absent = NULL;
	struct scene s;

	(void)unused;
	open_scene(&s, CRF_LOG_TEXT, CARAFE_INFO);
	CRF_EMIT(s.bus, CARAFE_EV_CONNECTION_ERROR, CRF_STR(HINT, "set bootstrap.servers"), CRF_STR(TEXT, "no broker: x"),
	    CRF_STR(GROUP, absent), CRF_STR(CONNECTION, "a b"), CRF_INT(KAFKA_CODE, -187));
	assert_string_equal(after_time(&s),
	    "WARN  connection.error  connection=\"a b\" kafka_code=-187  no broker: x  hint: set bootstrap.servers\n");
	close_scene(&s);
}

static void
an_event_may_have_nothing_to_say(void **unused)
{
	struct scene s;

	(void)unused;
	open_scene(&s, CRF_LOG_TEXT, CARAFE_INFO);
	CRF_EMIT0(s.bus, CARAFE_EV_APP_STOPPING);
	assert_string_equal(after_time(&s), "INFO  app.stopping\n");
	close_scene(&s);
}

static const struct {
	const char *in, *value, *sentence;
} escaped[] = {
	{ "plain-1.2/x", "plain-1.2/x", "plain-1.2/x" },
	{ "a=b", "\"a=b\"", "a=b" },
	{ "C:\\x", "\"C:\\\\x\"", "C:\\x" },
	{ "say \"hi\"", "\"say \\\"hi\\\"\"", "say \"hi\"" },
	{ "one\ntwo\r\tthree", "\"one\\ntwo\\r\\tthree\"", "one\\ntwo\\r\\tthree" },
	{ "\033]0;owned\007", "\"\\x1b]0;owned\\x07\"", "\\x1b]0;owned\\x07" },
	{ "\302\2332J\177", "\\x9b2J\\x7f", "\\x9b2J\\x7f" },
	{ "\342\200\256evil\342\200\250", "\\u202eevil\\u2028", "\\u202eevil\\u2028" },
	{ "\233\200 h\303\251", "\"\\x9b\\x80 h\303\251\"", "\\x9b\\x80 h\303\251" },
};

static void
no_value_can_break_the_line_or_the_terminal(void **unused)
{
	char expected[256];

	(void)unused;
	for (size_t i = 0; i < crf_array_len(escaped); i++) {
		struct scene s;

		open_scene(&s, CRF_LOG_TEXT, CARAFE_INFO);
		CRF_EMIT(s.bus, CARAFE_EV_APP_STUCK, CRF_STR(GROUP, escaped[i].in), CRF_STR(TEXT, escaped[i].in));
		snprintf(expected, sizeof(expected), "ERROR app.stuck  group=%s  %s\n", escaped[i].value,
		    escaped[i].sentence);
		assert_string_equal(after_time(&s), expected);
		close_scene(&s);
	}
}

static void
an_empty_value_is_seen_an_empty_sentence_is_not(void **unused)
{
	struct scene s;

	(void)unused;
	open_scene(&s, CRF_LOG_TEXT, CARAFE_INFO);
	CRF_EMIT(s.bus, CARAFE_EV_APP_STUCK, CRF_STR(GROUP, ""), CRF_STR(TEXT, ""), CRF_STR(HINT, ""));
	assert_string_equal(after_time(&s), "ERROR app.stuck  group=\"\"\n");
	close_scene(&s);
}

static void
what_is_not_written_is_not_wanted(void **unused)
{
	struct scene s;

	(void)unused;
	open_scene(&s, CRF_LOG_TEXT, CARAFE_WARN);
	for (int id = 1; id < CARAFE_EV_COUNT_; id++)
		assert_int_equal(crf_bus_wanted(s.bus, (carafe_event_id)id),
		    crf_event_id_level((carafe_event_id)id) >= CARAFE_WARN);
	close_scene(&s);
}

static void
statistics_are_for_machines(void **unused)
{
	struct scene s;

	(void)unused;
	open_scene(&s, CRF_LOG_TEXT, CARAFE_DEBUG);
	assert_false(crf_bus_wanted(s.bus, CARAFE_EV_STATISTICS));
	assert_true(crf_bus_wanted(s.bus, CARAFE_EV_CONSUMER_CONSUMED));
	close_scene(&s);
	open_scene(&s, CRF_LOG_JSON, CARAFE_INFO);
	assert_false(crf_bus_wanted(s.bus, CARAFE_EV_STATISTICS));
	close_scene(&s);
	open_scene(&s, CRF_LOG_JSON, CARAFE_DEBUG);
	CRF_EMIT(s.bus, CARAFE_EV_STATISTICS, CRF_STR(STATISTICS, "{\"a\":1}"));
	assert_non_null(strstr(s.written, "\"statistics\":\"{\\\"a\\\":1}\"}\n"));
	close_scene(&s);
}

static void
json_is_one_object_per_line(void **unused)
{
	struct scene s;
	int year, month, day, hour, minute, second, ms, len = 0;

	(void)unused;
	open_scene(&s, CRF_LOG_JSON, CARAFE_INFO);
	CRF_EMIT(s.bus, CARAFE_EV_REBALANCE_ASSIGNED, CRF_STR(GROUP, "bill\ning"), CRF_INT(COUNT, -3),
	    CRF_STR(TEXT, "orders[0-2]"));
	assert_int_equal(sscanf(s.written, "{\"time\":\"%4d-%2d-%2dT%2d:%2d:%2d.%3dZ\"%n", &year, &month, &day, &hour,
			     &minute, &second, &ms, &len),
	    7);
	assert_string_equal(s.written + len,
	    ",\"level\":\"info\",\"event\":\"rebalance.assigned\",\"group\":\"bill\\ning\",\"count\":-3,"
	    "\"text\":\"orders[0-2]\"}\n");
	close_scene(&s);
}

/* ------------------------------------------------------------------------------------------------ terminals */

/* What a logger writes to a terminal, with NO_COLOR as given. */
static void
write_to_terminal(const char *no_color, char *line, size_t len)
{
	struct crf_bus *bus = crf_bus_new();
	int master = posix_openpt(O_RDWR | O_NOCTTY);
	struct crf_log *log;
	FILE *out;
	ssize_t n;

	assert_true(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
	out = fopen(ptsname(master), "w");
	assert_non_null(out);
	setenv("TERM", "xterm", 1);
	setenv("NO_COLOR", no_color, 1);
	log = crf_log_new(bus, out, CRF_LOG_TEXT, CARAFE_INFO);
	CRF_EMIT(bus, CARAFE_EV_APP_STUCK, CRF_STR(GROUP, "g"), CRF_STR(HINT, "wait"));
	n = read(master, line, len - 1);
	assert_true(n > 0);
	line[n] = '\0';
	crf_bus_free(bus);
	crf_log_free(log);
	fclose(out);
	close(master);
}

static void
terminals_get_colour_unless_asked_not_to(void **unused)
{
	char line[512];

	(void)unused;
	write_to_terminal("", line, sizeof(line));
	assert_non_null(strstr(line, "\033[31mERROR\033[0m"));
	assert_non_null(strstr(line, "hint: wait\033[0m"));
	write_to_terminal("1", line, sizeof(line));
	assert_null(strchr(line, '\033'));
	assert_non_null(strstr(line, "ERROR app.stuck  group=g  hint: wait"));
}

/* ------------------------------------------------------------------------------------------------ pipes, threads */

static void
a_reader_that_went_away_is_no_trouble(void **unused)
{
	struct crf_bus *bus = crf_bus_new();
	struct crf_log *log;
	sigset_t pending;
	int ends[2];
	FILE *out;

	(void)unused;
	assert_int_equal(pipe(ends), 0);
	out = fdopen(ends[1], "w");
	log = crf_log_new(bus, out, CRF_LOG_TEXT, CARAFE_INFO);
	signal(SIGPIPE, SIG_DFL);
	close(ends[0]);
	for (int i = 0; i < 1000; i++)
		CRF_EMIT0(bus, CARAFE_EV_APP_STOPPING);
	sigpending(&pending);
	assert_int_equal(sigismember(&pending, SIGPIPE), 0);
	signal(SIGPIPE, SIG_IGN);
	CRF_EMIT0(bus, CARAFE_EV_APP_STOPPING);
	crf_bus_free(bus);
	crf_log_free(log);
	fclose(out);
}

#define LINES 500

static void *
emit_lines(void *arg)
{
	for (int i = 0; i < LINES; i++)
		CRF_EMIT((struct crf_bus *)arg, CARAFE_EV_APP_STUCK, CRF_INT(COUNT, i), CRF_STR(TEXT, "some text of a line"));
	return NULL;
}

static size_t
count_whole_lines(FILE *in)
{
	char line[256];
	size_t lines = 0;

	rewind(in);
	for (; fgets(line, sizeof(line), in) != NULL; lines++) {
		int n, len = 0;

		sscanf(line + 13, "ERROR app.stuck  count=%d  some text of a line%n", &n, &len);
		assert_true(len > 0);
		assert_string_equal(line + 13 + len, "\n");
	}
	return lines;
}

/* Into a file, and unbuffered as stderr is. */
static void
lines_never_mix(void **unused)
{
	struct crf_bus *bus = crf_bus_new();
	struct crf_thread threads[3] = { 0 };
	FILE *out = tmpfile();
	struct crf_log *log;

	(void)unused;
	assert_non_null(out);
	setvbuf(out, NULL, _IONBF, 0);
	log = crf_log_new(bus, out, CRF_LOG_TEXT, CARAFE_INFO);
	for (int i = 0; i < 3; i++)
		crf_thread_start(&threads[i], "emitter", emit_lines, bus);
	for (int i = 0; i < 3; i++)
		crf_thread_join(&threads[i]);
	assert_int_equal(count_whole_lines(out), 3 * LINES);
	crf_bus_free(bus);
	crf_log_free(log);
	fclose(out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_reads_from_left_to_right),
		cmocka_unit_test(lines_may_be_given_to_a_function),
		cmocka_unit_test(the_sentence_and_the_hint_come_last),
		cmocka_unit_test(an_event_may_have_nothing_to_say),
		cmocka_unit_test(no_value_can_break_the_line_or_the_terminal),
		cmocka_unit_test(an_empty_value_is_seen_an_empty_sentence_is_not),
		cmocka_unit_test(what_is_not_written_is_not_wanted),
		cmocka_unit_test(statistics_are_for_machines),
		cmocka_unit_test(json_is_one_object_per_line),
		cmocka_unit_test(terminals_get_colour_unless_asked_not_to),
		cmocka_unit_test(a_reader_that_went_away_is_no_trouble),
		cmocka_unit_test(lines_never_mix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
