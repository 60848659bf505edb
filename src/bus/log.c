#include "bus/log.h"

#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bus/event.h"
#include "core/buf.h"
#include "core/clock.h"
#include "core/mem.h"
#include "core/text.h"

struct crf_log {
	FILE *out;         /* NULL: fn has the lines */
	carafe_log_fn fn;
	void *fn_arg;
	bool colour;
	void (*around)(bool after, void *arg); /* const after init */
	void *arg;
};

/* Colours by what they say; none of them assumes a dark or a light background. */
#define DIM "\033[2m"
#define BOLD "\033[1m"
#define HINT "\033[36m"
#define PLAIN "\033[0m"

static const struct {
	const char *text, *json, *colour;
} levels[] = {
	[CARAFE_DEBUG] = { "DEBUG", "debug", DIM },
	[CARAFE_INFO] = { "INFO ", "info", "\033[32m" },
	[CARAFE_WARN] = { "WARN ", "warn", "\033[33m" },
	[CARAFE_ERROR] = { "ERROR", "error", "\033[31m" },
	[CARAFE_FATAL_LEVEL] = { "FATAL", "fatal", "\033[1;31m" },
};

/* ------------------------------------------------------------------------------------------------ writing */

static bool
pipe_signal_pending(void)
{
	sigset_t pending;

	sigemptyset(&pending);
	sigpending(&pending);
	return sigismember(&pending, SIGPIPE) == 1;
}

/* Whoever read the log may be gone, and the thread that emits may be anybody's: SIGPIPE is held back and, when it is
 * ours, taken away again. What could not be written is lost: there is nowhere to say so. */
static void
write_to_stream(const struct crf_log *log, const struct crf_buf *line)
{
	sigset_t pipe_signal, before;
	FILE *out = log->out;
	bool was_pending = pipe_signal_pending();
	int caught;

	sigemptyset(&pipe_signal);
	sigaddset(&pipe_signal, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
	flockfile(out);
	if (log->around != NULL)
		log->around(false, log->arg);
	fwrite(line->data, 1, line->len, out);
	fflush(out);
	if (log->around != NULL)
		log->around(true, log->arg);
	clearerr(out);
	funlockfile(out);
	if (!was_pending && pipe_signal_pending())
		sigwait(&pipe_signal, &caught);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void
write_line(const struct crf_log *log, const carafe_event *event, struct crf_buf *line)
{
	if (log->fn != NULL) {
		log->fn(carafe_event_level(event), crf_buf_str(line), log->fn_arg);
		return;
	}
	crf_buf_putc(line, '\n');
	write_to_stream(log, line);
}

/* ------------------------------------------------------------------------------------------------ JSON */

static void
json_time(struct crf_buf *b, int64_t ms)
{
	time_t seconds = (time_t)(ms / 1000);
	struct tm tm;

	gmtime_r(&seconds, &tm);
	crf_buf_printf(b, "\"%04d-%02d-%02dT%02d:%02d:%02d.%03dZ\"", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
	    tm.tm_hour, tm.tm_min, tm.tm_sec, (int)(ms % 1000));
}

static void
json_line(struct crf_buf *b, const carafe_event *event)
{
	const struct crf_field *field;
	int at = 0;

	crf_buf_puts(b, "{\"time\":");
	json_time(b, crf_wall_ms());
	crf_buf_printf(b, ",\"level\":\"%s\",\"event\":\"%s\"", levels[carafe_event_level(event)].json,
	    carafe_event_name(event));
	while ((field = crf_event_next(event, &at)) != NULL) {
		crf_buf_printf(b, ",\"%s\":", crf_field_name(field->id));
		if (field->is_text)
			crf_buf_json(b, field->text);
		else
			crf_buf_printf(b, "%" PRId64, field->number);
	}
	crf_buf_putc(b, '}');
}

static void
on_event_json(const carafe_event *event, void *arg)
{
	const struct crf_log *log = arg;
	CRF_AUTO(crf_buf) line = { 0 };

	json_line(&line, event);
	write_line(log, event, &line);
}

/* ------------------------------------------------------------------------------------------------ text */

static void
colour(struct crf_buf *b, const struct crf_log *log, const char *code)
{
	if (log->colour)
		crf_buf_puts(b, code);
}

/* What a terminal would obey instead of showing: control characters, line separators, and the marks that turn the
 * direction of the text around. */
static bool
hostile(uint32_t code)
{
	return code < 0x20 || (code >= 0x7F && code <= 0x9F) || code == 0x2028 || code == 0x2029 ||
	    code == 0x061C || code == 0x200E || code == 0x200F || (code >= 0x202A && code <= 0x202E) ||
	    (code >= 0x2066 && code <= 0x2069);
}

static void
escape(struct crf_buf *b, uint32_t code)
{
	static const char names[] = { ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't' };

	if (code < sizeof(names) && names[code] != '\0')
		crf_buf_printf(b, "\\%c", names[code]);
	else
		crf_buf_printf(b, code < 0x100 ? "\\x%02x" : "\\u%04x", (unsigned)code);
}

/* One line of harmless characters, whatever is in s; inside quotes when quoted. */
static void
add_escaped(struct crf_buf *b, const char *s, bool quoted)
{
	size_t left = strlen(s), n;
	uint32_t code;

	for (; left > 0; s += n, left -= n) {
		n = crf_utf8(s, left, &code);
		if (n == 0) {
			n = 1;
			escape(b, (unsigned char)*s);
		} else if (hostile(code)) {
			escape(b, code);
		} else {
			if (quoted && (code == '"' || code == '\\'))
				crf_buf_putc(b, '\\');
			crf_buf_add(b, s, n);
		}
	}
}

/* A value that could be taken for more than one, or for less. */
static bool
needs_quotes(const char *s)
{
	for (const char *c = s; *c != '\0'; c++)
		if ((unsigned char)*c <= ' ' || *c == '"' || *c == '=' || *c == '\\')
			return true;
	return *s == '\0';
}

static void
text_value(struct crf_buf *b, const struct crf_field *field)
{
	bool quoted;

	if (!field->is_text) {
		crf_buf_printf(b, "%" PRId64, field->number);
		return;
	}
	quoted = needs_quotes(field->text);
	if (quoted)
		crf_buf_putc(b, '"');
	add_escaped(b, field->text, quoted);
	if (quoted)
		crf_buf_putc(b, '"');
}

static void
text_fields(struct crf_buf *b, const struct crf_log *log, const carafe_event *event)
{
	const struct crf_field *field;
	const char *gap = "  ";
	int at = 0;

	while ((field = crf_event_next(event, &at)) != NULL) {
		if (field->id == CARAFE_F_TEXT || field->id == CARAFE_F_HINT)
			continue;
		crf_buf_puts(b, gap);
		colour(b, log, DIM);
		crf_buf_printf(b, "%s=", crf_field_name(field->id));
		colour(b, log, PLAIN);
		text_value(b, field);
		gap = " ";
	}
}

/* What is meant to be read comes last, where the eye ends up, as it is. */
static void
text_sentences(struct crf_buf *b, const struct crf_log *log, const carafe_event *event)
{
	const char *text, *hint;

	if (carafe_event_str(event, CARAFE_F_TEXT, &text) && *text != '\0') {
		crf_buf_puts(b, "  ");
		add_escaped(b, text, false);
	}
	if (carafe_event_str(event, CARAFE_F_HINT, &hint) && *hint != '\0') {
		crf_buf_puts(b, "  ");
		colour(b, log, HINT);
		crf_buf_puts(b, "hint: ");
		add_escaped(b, hint, false);
		colour(b, log, PLAIN);
	}
}

static void
text_head(struct crf_buf *b, const struct crf_log *log, const carafe_event *event)
{
	carafe_level level = carafe_event_level(event);
	int64_t ms = crf_wall_ms();
	time_t seconds = (time_t)(ms / 1000);
	struct tm tm;

	localtime_r(&seconds, &tm);
	colour(b, log, DIM);
	crf_buf_printf(b, "%02d:%02d:%02d.%03d ", tm.tm_hour, tm.tm_min, tm.tm_sec, (int)(ms % 1000));
	colour(b, log, PLAIN);
	colour(b, log, levels[level].colour);
	crf_buf_puts(b, levels[level].text);
	colour(b, log, PLAIN);
	crf_buf_putc(b, ' ');
	colour(b, log, BOLD);
	crf_buf_puts(b, carafe_event_name(event));
	colour(b, log, PLAIN);
}

static void
on_event_text(const carafe_event *event, void *arg)
{
	const struct crf_log *log = arg;
	CRF_AUTO(crf_buf) line = { 0 };

	text_head(&line, log, event);
	text_fields(&line, log, event);
	text_sentences(&line, log, event);
	write_line(log, event, &line);
}

/* ------------------------------------------------------------------------------------------------ life */

/* no-color.org: any value at all says no. */
static bool
wants_colour(FILE *out)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return (no == NULL || *no == '\0') && (term == NULL || strcmp(term, "dumb") != 0) && isatty(fileno(out));
}

/* Not CARAFE_EV_ANY: what will not be written is not wanted, so that it costs nothing to emit. */
static void
subscribe(struct crf_log *log, struct crf_bus *bus, enum crf_log_format format, carafe_level level)
{
	for (size_t id = 1; id < CARAFE_EV_COUNT_; id++) {
		if (crf_event_id_level((carafe_event_id)id) < level)
			continue;
		if (format == CRF_LOG_JSON)
			crf_bus_subscribe(bus, (carafe_event_id)id, on_event_json, log);
		else if (id != CARAFE_EV_STATISTICS) /* kilobytes that nobody can read */
			crf_bus_subscribe(bus, (carafe_event_id)id, on_event_text, log);
	}
}

static struct crf_log *
start(struct crf_bus *bus, const struct crf_log *as, enum crf_log_format format, carafe_level level)
{
	struct crf_log *log = crf_new(struct crf_log);

	tzset(); /* localtime_r need not */
	*log = *as;
	subscribe(log, bus, format, level);
	return log;
}

struct crf_log *
crf_log_new(struct crf_bus *bus, FILE *out, enum crf_log_format format, carafe_level level)
{
	struct crf_log as = { .out = out, .colour = format == CRF_LOG_TEXT && wants_colour(out) };

	return start(bus, &as, format, level);
}

struct crf_log *
crf_log_new_fn(struct crf_bus *bus, carafe_log_fn fn, void *arg, enum crf_log_format format, carafe_level level)
{
	return start(bus, &(struct crf_log){ .fn = fn, .fn_arg = arg }, format, level);
}

void
crf_log_around(struct crf_log *log, void (*around)(bool after, void *arg), void *arg)
{
	log->around = around;
	log->arg = arg;
}

void
crf_log_free(struct crf_log *log)
{
	free(log);
}
