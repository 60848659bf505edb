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
static _Noreturn void
die(const char *prefix, const char *format, va_list ap)
{
	char text[1024];
	size_t len;

	snprintf(text, sizeof(text) / 2, "%s", prefix);
	len = strlen(text);
	vsnprintf(text + len, sizeof(text) - len - 1, format, ap);
	len = strlen(text);
	text[len++] = '\n';
	if (write(STDERR_FILENO, text, len) < 0)
		abort();
	abort();
}

void
crf_panic(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	die("carafe: ", format, ap);
}

void
crf_misuse(const char *call, const char *format, ...)
{
	int len = (int)strlen(call);
	char prefix[128];
	va_list ap;

	if (len > 0 && call[len - 1] == '_') /* the function behind a macro */
		len--;
	snprintf(prefix, sizeof(prefix), "carafe: %.*s: ", len, call);
	va_start(ap, format);
	die(prefix, format, ap);
}

void
crf_bad_handle(const char *call, bool null, const char *what, const char *source)
{
	if (null)
		crf_misuse(call, "the %s is NULL; give it %s", what, source);
	crf_misuse(call, "this is no %s: it was freed, or overwritten, or never was one; give it %s", what, source);
}
