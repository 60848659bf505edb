#include "core/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void *
must(void *p, size_t count, size_t size)
{
	if (p == NULL)
		crf_panic("out of memory: %zu x %zu bytes", count, size);
	return p;
}

/* C leaves open whether nothing at all is NULL: here it never is, so that NULL always means failure. */
static bool
nothing(size_t count, size_t size)
{
	return count == 0 || size == 0;
}

void *
crf_alloc(size_t count, size_t size)
{
	return must(nothing(count, size) ? calloc(1, 1) : calloc(count, size), count, size);
}

void *
crf_realloc(void *p, size_t count, size_t size)
{
	return must(nothing(count, size) ? realloc(p, 1) : reallocarray(p, count, size), count, size);
}

char *
crf_strdup(const char *s)
{
	return s == NULL ? NULL : crf_strndup(s, strlen(s));
}

char *
crf_strndup(const char *s, size_t len)
{
	len = strnlen(s, len);
	char *copy = crf_alloc(len + 1, 1);

	memcpy(copy, s, len);
	return copy;
}

void *
crf_memdup(const void *p, size_t len)
{
	void *copy = crf_alloc(len, 1);

	if (len > 0)
		memcpy(copy, p, len);
	return copy;
}

char *
crf_format(const char *format, ...)
{
	char *text;
	va_list ap;
	int len;

	va_start(ap, format);
	len = vasprintf(&text, format, ap);
	va_end(ap);
	if (len < 0)
		crf_panic("cannot format \"%s\"", format);
	return text;
}

/* Formats on the stack and writes past stdio: the heap or a lock of stderr may be what is broken. */
void
crf_panic(const char *format, ...)
{
	static const char prefix[] = "carafe: ";
	char text[1024];
	size_t len = sizeof(prefix) - 1;
	va_list ap;

	memcpy(text, prefix, len);
	va_start(ap, format);
	vsnprintf(text + len, sizeof(text) - len - 1, format, ap);
	va_end(ap);
	len = strlen(text);
	text[len++] = '\n';
	if (write(STDERR_FILENO, text, len) < 0)
		abort();
	abort();
}
