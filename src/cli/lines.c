#include "cli/lines.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"

#define SHOWN 5
#define LOOK_MS 200

/* A line on its way. */
struct flight {
	struct crf_lines *lines;
	int64_t number;
};

static char *
unescape(const char *s)
{
	static const char from[] = "tn\\", to[] = "\t\n\\";
	CRF_AUTO(crf_buf) b = { 0 };

	for (; *s != '\0'; s++) {
		const char *escape = s[0] == '\\' && s[1] != '\0' ? strchr(from, s[1]) : NULL;

		crf_buf_putc(&b, escape != NULL ? to[escape - from] : *s);
		s += escape != NULL;
	}
	return crf_strdup(crf_buf_str(&b));
}

void
crf_lines_init(struct crf_lines *l, const struct crf_call *call, struct crf_producer *p, const char *topic, const char *delimiter)
{
	*l = (struct crf_lines){ .call = call, .producer = p, .topic = topic, .partition = CRF_ANY_PARTITION };
	if (delimiter != NULL && *delimiter != '\0')
		l->delimiter = unescape(delimiter);
	crf_mutex_init(&l->mu);
}

void
crf_lines_fini(struct crf_lines *l)
{
	free(l->delimiter);
	crf_mutex_fini(&l->mu);
}

FILE *
crf_lines_open(const struct crf_call *call, const char *name)
{
	FILE *in;

	if (name == NULL || strcmp(name, "-") == 0)
		return stdin;
	if ((in = fopen(name, "re")) == NULL)
		crf_say(call, "cannot read %s: %s", name, strerror(errno));
	return in;
}

void
crf_lines_close(FILE *in)
{
	if (in != NULL && in != stdin)
		fclose(in);
}

void
crf_lines_split(const char *line, size_t len, const char *delimiter, carafe_bytes *key, carafe_bytes *value)
{
	const char *at = delimiter != NULL ? memmem(line, len, delimiter, strlen(delimiter)) : NULL;

	*key = (carafe_bytes){ 0 };
	*value = (carafe_bytes){ line, len };
	if (at == NULL)
		return;
	*key = (carafe_bytes){ line, (size_t)(at - line) };
	at += strlen(delimiter);
	*value = (carafe_bytes){ at, len - (size_t)(at - line) };
}

/* ------------------------------------------------------------------------------------------------ sending */

static void
count_failure(struct crf_lines *l, int64_t number, const char *why)
{
	bool given_up;
	int64_t failed;

	crf_lock(&l->mu);
	given_up = l->given_up;
	failed = ++l->failed;
	crf_unlock(&l->mu);
	if (given_up)
		return;
	if (failed <= SHOWN)
		crf_say(l->call, "line %" PRId64 ": %s", number, why);
	else if (failed == SHOWN + 1)
		crf_say(l->call, "... more lines fail");
}

static void
on_delivered(const struct crf_delivery *d, void *arg)
{
	struct flight *f = arg;
	struct crf_lines *l = f->lines;

	if (d->error != 0) {
		count_failure(l, f->number, d->text);
	} else {
		crf_lock(&l->mu);
		l->acknowledged++;
		crf_unlock(&l->mu);
	}
	free(f);
}

static bool
unreachable(struct crf_lines *l)
{
	bool silent;

	crf_lock(&l->mu);
	silent = l->acknowledged + l->failed == 0;
	crf_unlock(&l->mu);
	return silent && l->boot_timeout > 0 && crf_now() - l->waiting > l->boot_timeout * CRF_MS;
}

/* What the producer refuses at once counts as failed; false when waiting has no point any more. */
static bool
send_line(struct crf_lines *l, const char *line, size_t len)
{
	struct crf_record r = { .topic = l->topic, .partition = l->partition, .spread = -1 };
	struct flight *f = crf_new(struct flight);
	carafe_error err = { 0 };
	carafe_rc rc;

	if (l->sent == 0)
		l->waiting = crf_now();
	*f = (struct flight){ l, ++l->sent };
	crf_lines_split(line, len, l->delimiter, &r.key, &r.value);
	do
		rc = crf_produce(l->producer, &r, on_delivered, f, LOOK_MS, &err);
	while (rc == CARAFE_TIMEOUT && !unreachable(l));
	if (rc == CARAFE_OK)
		return true;
	free(f);
	if (rc == CARAFE_TIMEOUT)
		return false;
	count_failure(l, l->sent, err.text);
	return true;
}

static bool
send_lines(struct crf_lines *l, FILE *in)
{
	CRF_AUTO_FREE char *line = NULL;
	size_t cap = 0;
	ssize_t len;

	while ((len = getline(&line, &cap, in)) >= 0) {
		len -= len > 0 && line[len - 1] == '\n';
		if (!send_line(l, line, (size_t)len))
			return false;
	}
	if (ferror(in))
		crf_say(l->call, "reading stopped after line %" PRId64 ": %s", l->sent, strerror(errno));
	return true;
}

static bool
wait_for_all(struct crf_lines *l)
{
	while (crf_producer_flush(l->producer, LOOK_MS, NULL) == CARAFE_TIMEOUT)
		if (unreachable(l))
			return false;
	return true;
}

carafe_rc
crf_lines_send(struct crf_lines *l, FILE *in)
{
	bool failed;

	l->started = crf_now();
	if (!send_lines(l, in) || !wait_for_all(l)) {
		crf_lock(&l->mu);
		l->given_up = true;
		crf_unlock(&l->mu);
		crf_say(l->call, "no broker answered within %d ms (boot_timeout); nothing was written to %s", l->boot_timeout, l->topic);
		return CARAFE_UNAVAILABLE;
	}
	crf_lock(&l->mu);
	failed = l->failed > 0 || ferror(in);
	crf_unlock(&l->mu);
	return failed ? CARAFE_FAILED : CARAFE_OK;
}
