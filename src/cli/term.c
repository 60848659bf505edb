#include "cli/term.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "core/thread.h"

#define STATUS_MAX 256

/* Behind stderr's own lock, which orders what is written and alone would do, but ThreadSanitizer does not see it. */
static struct crf_mutex mu = { PTHREAD_MUTEX_INITIALIZER };
static char status[STATUS_MAX]; /* mu; "": none */

bool
crf_term_is(FILE *f)
{
	const char *term = getenv("TERM");

	return isatty(fileno(f)) && term != NULL && strcmp(term, "dumb") != 0;
}

int
crf_term_width(FILE *f)
{
	struct winsize size;

	if (ioctl(fileno(f), TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
		return 80;
	return size.ws_col;
}

/* One short of the width: a terminal wraps when its last column is written. The cursor goes back to the start, so that
 * whatever else is printed begins there. */
static void
draw(void)
{
	fprintf(stderr, "\033[K%.*s\r", crf_term_width(stderr) - 1, status);
	fflush(stderr);
}

void
crf_term_status(const char *text)
{
	flockfile(stderr);
	crf_lock(&mu);
	snprintf(status, sizeof(status), "%s", text);
	draw();
	crf_unlock(&mu);
	funlockfile(stderr);
}

void
crf_term_clear(void)
{
	flockfile(stderr);
	crf_lock(&mu);
	if (status[0] != '\0') {
		status[0] = '\0';
		draw();
	}
	crf_unlock(&mu);
	funlockfile(stderr);
}

void
crf_term_around(bool after, void *arg)
{
	(void)arg;
	crf_lock(&mu);
	if (status[0] != '\0' && after)
		draw();
	else if (status[0] != '\0')
		fputs("\033[K", stderr);
	crf_unlock(&mu);
}
