#include "core/text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/mem.h"

/* Names longer than this are not what anybody mistypes. */
#define WORD_MAX 64

/* Not tolower(): what a name is must not depend on the locale. */
static char
fold(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (char)(c - 'A' + 'a');
	return c == '.' || c == '-' ? '_' : c;
}

static unsigned
min2(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* Damerau-Levenshtein (optimal string alignment): changes, insertions, removals and swaps of neighbours. Rows of the
 * table for the characters of a; only the last three are ever needed. */
static unsigned
distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
	unsigned rows[3][WORD_MAX + 1];

	for (size_t j = 0; j <= b_len; j++)
		rows[0][j] = (unsigned)j;
	for (size_t i = 1; i <= a_len; i++) {
		const unsigned *before = rows[(i + 1) % 3], *above = rows[(i - 1) % 3];
		unsigned *row = rows[i % 3];

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= b_len; j++) {
			char x = fold(a[i - 1]), y = fold(b[j - 1]);

			row[j] = min2(above[j - 1] + (x != y), min2(above[j], row[j - 1]) + 1);
			if (i > 1 && j > 1 && x == fold(b[j - 2]) && fold(a[i - 2]) == y)
				row[j] = min2(row[j], before[j - 2] + 1);
		}
	}
	return rows[a_len % 3][b_len];
}

/* How many slips a word of that length can hold and still be meant. */
static unsigned
slips(size_t len)
{
	if (len < 4)
		return 1;
	return len < 9 ? 2 : (unsigned)len / 3;
}

const char *
crf_nearest(const char *word, size_t n, const char *(*candidate)(const void *arg, size_t i), const void *arg)
{
	size_t len = strlen(word);
	unsigned limit = slips(len);
	const char *nearest = NULL;

	if (len == 0 || len > WORD_MAX)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		const char *other = candidate(arg, i);
		size_t other_len = strlen(other);
		unsigned d = other_len <= WORD_MAX ? distance(word, len, other, other_len) : UINT32_MAX;

		if (d <= limit && d < len && (nearest == NULL || d < limit)) {
			nearest = other;
			limit = d;
		}
	}
	return nearest;
}

bool
crf_parse_int(const char *s, int64_t *value)
{
	const char *digits = s + (*s == '-');
	char *end;
	long long n;

	/* strtoll would take blanks and a plus sign too */
	if (*digits < '0' || *digits > '9')
		return false;
	errno = 0;
	n = strtoll(s, &end, 10);
	if (*end != '\0' || errno != 0)
		return false;
	*value = n;
	return true;
}

bool
crf_parse_bool(const char *s, bool *value)
{
	static const char *const words[] = { "false", "true", "no", "yes", "off", "on", "0", "1" };

	for (size_t i = 0; i < crf_array_len(words); i++) {
		if (strcasecmp(s, words[i]) == 0) {
			*value = i % 2 == 1;
			return true;
		}
	}
	return false;
}

char *
crf_group_digits(int64_t n, char *buf, size_t len)
{
	char plain[24];
	size_t digits = (size_t)snprintf(plain, sizeof(plain), "%" PRId64, n), at = 0;

	for (size_t i = 0; i < digits && at + 1 < len; i++) {
		buf[at++] = plain[i];
		if (plain[i] != '-' && i + 1 < digits && (digits - i - 1) % 3 == 0 && at + 1 < len)
			buf[at++] = ',';
	}
	buf[at] = '\0';
	return buf;
}

/* How many bytes a character that starts like this has, and the lowest code that needs so many: a lower one is written
 * too long, which is how filters are slipped past. 0 for a byte that starts nothing. */
static size_t
utf8_shape(unsigned char first, uint32_t *lowest, uint32_t *bits)
{
	static const struct {
		unsigned char mask, lead;
		uint32_t lowest;
	} shapes[] = { { 0x80, 0x00, 0 }, { 0xE0, 0xC0, 0x80 }, { 0xF0, 0xE0, 0x800 }, { 0xF8, 0xF0, 0x10000 } };

	for (size_t i = 0; i < crf_array_len(shapes); i++) {
		if ((first & shapes[i].mask) == shapes[i].lead) {
			*lowest = shapes[i].lowest;
			*bits = first & (unsigned char)~shapes[i].mask;
			return i + 1;
		}
	}
	return 0;
}

size_t
crf_utf8(const char *s, size_t len, uint32_t *code)
{
	uint32_t lowest = 0, c = 0;
	size_t n = len > 0 ? utf8_shape((unsigned char)s[0], &lowest, &c) : 0;

	if (n > len)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if (((unsigned char)s[i] & 0xC0) != 0x80)
			return 0;
		c = c << 6 | ((unsigned char)s[i] & 0x3F);
	}
	if (c < lowest || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF))
		return 0;
	*code = c;
	return n;
}
