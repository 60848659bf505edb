#include "core/error.h"

#include <stdio.h>
#include <string.h>

#include "core/mem.h"
#include "core/text.h"

static const char *const names[] = {
	[CARAFE_OK] = "CARAFE_OK",
	[CARAFE_FAILED] = "CARAFE_FAILED",
	[CARAFE_INVALID] = "CARAFE_INVALID",
	[CARAFE_CONFIG] = "CARAFE_CONFIG",
	[CARAFE_STATE] = "CARAFE_STATE",
	[CARAFE_TIMEOUT] = "CARAFE_TIMEOUT",
	[CARAFE_LOST] = "CARAFE_LOST",
	[CARAFE_UNAVAILABLE] = "CARAFE_UNAVAILABLE",
	[CARAFE_DENIED] = "CARAFE_DENIED",
	[CARAFE_UNSUPPORTED] = "CARAFE_UNSUPPORTED",
	[CARAFE_KAFKA] = "CARAFE_KAFKA",
	[CARAFE_FATAL] = "CARAFE_FATAL",
	[CARAFE_SYSTEM] = "CARAFE_SYSTEM",
	[CARAFE_CRITICAL] = "CARAFE_CRITICAL",
	[CARAFE_PENDING] = "CARAFE_PENDING",
};

const char *
carafe_rc_name(carafe_rc rc)
{
	return (size_t)rc < crf_array_len(names) ? names[rc] : "unknown";
}

/* Drops the beginning of a character whose end did not fit. */
static void
trim(char *text, size_t len)
{
	size_t start = len;
	uint32_t code;

	while (start > 0 && len - start < 3 && ((unsigned char)text[start - 1] & 0xC0) == 0x80)
		start--;
	if (start > 0 && (unsigned char)text[start - 1] >= 0xC0 && crf_utf8(text + start - 1, len - start + 1, &code) == 0)
		text[start - 1] = '\0';
}

/* into must not be what the arguments point to: hence a buffer between it and carafe_error.text everywhere below. */
static void
format_text(char into[CARAFE_ERROR_TEXT], const char *format, va_list ap)
{
	int len = vsnprintf(into, CARAFE_ERROR_TEXT, format, ap);

	if (len >= CARAFE_ERROR_TEXT)
		trim(into, CARAFE_ERROR_TEXT - 1);
}

static CARAFE_PRINTF(2, 3) void
format_args(char into[CARAFE_ERROR_TEXT], const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	format_text(into, format, ap);
	va_end(ap);
}

static void
fill(carafe_error *err, carafe_rc rc, int kafka, const char *text)
{
	err->rc = rc;
	err->kafka = kafka;
	memcpy(err->text, text, strlen(text) + 1);
}

carafe_rc
crf_error(carafe_error *err, carafe_rc rc, const char *format, ...)
{
	char text[CARAFE_ERROR_TEXT];
	va_list ap;

	if (err == NULL)
		return rc;
	va_start(ap, format);
	format_text(text, format, ap);
	va_end(ap);
	fill(err, rc, 0, text);
	return rc;
}

carafe_rc
crf_error_kafka(carafe_error *err, carafe_rc rc, int kafka, const char *format, ...)
{
	char text[CARAFE_ERROR_TEXT];
	va_list ap;

	if (err == NULL)
		return rc;
	va_start(ap, format);
	format_text(text, format, ap);
	va_end(ap);
	fill(err, rc, kafka, text);
	return rc;
}

/* strerror_r comes in two shapes, by C library and feature macros: the type of what it returns tells them apart. */
static const char *
described_gnu(const char *text, const char *buf)
{
	(void)buf;
	return text;
}

static const char *
described_posix(int failed, const char *buf)
{
	return failed ? "unknown error" : buf;
}

#define describe(errnum, buf)                                                                                          \
	_Generic(strerror_r((errnum), (buf), sizeof(buf)), char *: described_gnu, int: described_posix)(               \
	    strerror_r((errnum), (buf), sizeof(buf)), (buf))

carafe_rc
crf_error_errno(carafe_error *err, int errnum, const char *format, ...)
{
	char text[CARAFE_ERROR_TEXT], whole[CARAFE_ERROR_TEXT], buf[128];
	va_list ap;

	if (err == NULL)
		return CARAFE_SYSTEM;
	va_start(ap, format);
	format_text(text, format, ap);
	va_end(ap);
	format_args(whole, "%s: %s", text, describe(errnum, buf));
	fill(err, CARAFE_SYSTEM, 0, whole);
	return CARAFE_SYSTEM;
}

carafe_rc
crf_error_prefix(carafe_error *err, carafe_rc rc, const char *format, ...)
{
	char text[CARAFE_ERROR_TEXT], whole[CARAFE_ERROR_TEXT];
	va_list ap;

	if (err == NULL)
		return rc;
	va_start(ap, format);
	format_text(text, format, ap);
	va_end(ap);
	format_args(whole, "%s: %s", text, err->text);
	fill(err, rc, err->kafka, whole);
	return rc;
}
