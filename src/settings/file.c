/* Files of settings: key=value lines, blank ones and # comments between them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"
#include "settings/settings.h"

#define BYTE_ORDER_MARK "\xEF\xBB\xBF"
#define BLANKS " \t\r\n"

static char *
trimmed(char *s)
{
	size_t len;

	s += strspn(s, BLANKS);
	for (len = strlen(s); len > 0 && strchr(BLANKS, s[len - 1]) != NULL; len--)
		;
	s[len] = '\0';
	return s;
}

/* A line that is none is not quoted: it may hold half a password. */
static void
read_line(struct crf_settings *s, enum crf_layer layer, char *line, const char *origin)
{
	char *key = trimmed(line), *equals;

	if (*key == '\0' || *key == '#')
		return;
	if ((equals = strchr(key, '=')) == NULL) {
		crf_problem(&s->problems, origin, "has no '='; a line is key=value, or a comment after #");
		return;
	}
	*equals = '\0';
	key = trimmed(key);
	if (*key == '\0')
		crf_problem(&s->problems, origin, "has no key before the '='");
	else
		crf_settings_set(s, layer, key, trimmed(equals + 1), origin);
}

static void
read_lines(struct crf_settings *s, enum crf_layer layer, const char *path, FILE *f)
{
	char *line = NULL;
	size_t cap = 0;
	ssize_t len;

	for (int number = 1; (len = getline(&line, &cap, f)) >= 0; number++) {
		CRF_AUTO_FREE char *origin = crf_format("file %s:%d", path, number);
		size_t mark = number == 1 && strncmp(line, BYTE_ORDER_MARK, 3) == 0 ? 3 : 0;

		if (strlen(line) != (size_t)len)
			crf_problem(&s->problems, origin, "has a zero byte in it: this is not a text file");
		else
			read_line(s, layer, line + mark, origin);
	}
	free(line);
}

static void
report(struct crf_settings *s, const char *path, int errnum)
{
	CRF_AUTO_FREE char *at = crf_format("file %s", path);

	crf_problem(&s->problems, at, "cannot be read: %s", strerror(errnum));
}

void
crf_settings_from_file_as(struct crf_settings *s, enum crf_layer layer, const char *path)
{
	FILE *f = fopen(path, "re");

	if (f == NULL) {
		report(s, path, errno);
		return;
	}
	errno = 0;
	read_lines(s, layer, path, f);
	if (ferror(f))
		report(s, path, errno);
	fclose(f);
}

void
crf_settings_from_file(struct crf_settings *s, const char *path)
{
	crf_settings_from_file_as(s, CRF_LAYER_FILE, path);
}
