#include "core/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/mem.h"
#include "core/text.h"

/* Room for len more bytes and the NUL. */
static char *
room(struct crf_buf *b, size_t len)
{
	size_t cap = b->cap ? b->cap : 64;

	if (len >= SIZE_MAX / 2 - b->len)
		crf_panic("a string of more than %zu bytes", SIZE_MAX / 2);
	while (cap <= b->len + len)
		cap *= 2;
	if (cap != b->cap) {
		b->data = crf_realloc(b->data, cap, 1);
		b->cap = cap;
	}
	return b->data + b->len;
}

void
crf_buf_add(struct crf_buf *b, const char *data, size_t len)
{
	char *end = room(b, len);

	if (len > 0)
		memcpy(end, data, len);
	end[len] = '\0';
	b->len += len;
}

void
crf_buf_puts(struct crf_buf *b, const char *s)
{
	crf_buf_add(b, s, strlen(s));
}

void
crf_buf_putc(struct crf_buf *b, char c)
{
	crf_buf_add(b, &c, 1);
}

void
crf_buf_printf(struct crf_buf *b, const char *format, ...)
{
	char *end = room(b, 0);
	va_list ap, again;
	int len;

	va_start(ap, format);
	va_copy(again, ap);
	len = vsnprintf(end, b->cap - b->len, format, ap);
	if (len < 0)
		crf_panic("cannot format \"%s\"", format);
	if ((size_t)len >= b->cap - b->len)
		vsnprintf(room(b, (size_t)len), (size_t)len + 1, format, again);
	b->len += (size_t)len;
	va_end(again);
	va_end(ap);
}

static void
json_escape(struct crf_buf *b, uint32_t code)
{
	static const char plain[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
	const char *at = code < 0x80 && code > 0 ? strchr(plain, (int)code) : NULL;

	if (at != NULL)
		crf_buf_printf(b, "\\%c", letters[at - plain]);
	else
		crf_buf_printf(b, "\\u%04x", (unsigned)code);
}

static bool
json_plain(uint32_t code)
{
	return code >= 0x20 && code != '"' && code != '\\' && (code < 0x7F || code > 0x9F);
}

void
crf_buf_json_len(struct crf_buf *b, const char *s, size_t len)
{
	const char *end = s + len;
	uint32_t code;

	crf_buf_putc(b, '"');
	while (s < end) {
		const char *run = s;
		size_t n = 0;

		while (s < end && (n = crf_utf8(s, (size_t)(end - s), &code)) > 0 && json_plain(code))
			s += n;
		crf_buf_add(b, run, (size_t)(s - run));
		if (s == end)
			break;
		json_escape(b, n > 0 ? code : 0xFFFD);
		s += n > 0 ? n : 1;
	}
	crf_buf_putc(b, '"');
}

void
crf_buf_json(struct crf_buf *b, const char *s)
{
	if (s == NULL)
		crf_buf_puts(b, "null");
	else
		crf_buf_json_len(b, s, strlen(s));
}

void
crf_buf_reset(struct crf_buf *b)
{
	b->len = 0;
	if (b->data != NULL)
		b->data[0] = '\0';
}

const char *
crf_buf_str(struct crf_buf *b)
{
	return b->data != NULL ? b->data : "";
}

char *
crf_buf_take(struct crf_buf *b)
{
	char *s = b->data != NULL ? b->data : crf_strdup("");

	*b = (struct crf_buf){ 0 };
	return s;
}

void
crf_buf_fini(struct crf_buf *b)
{
	free(b->data);
	*b = (struct crf_buf){ 0 };
}
