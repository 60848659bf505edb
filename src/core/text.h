/* Small things with strings. */
#ifndef CRF_CORE_TEXT_H
#define CRF_CORE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The nearest of n candidates when it is near enough to be a slip of the keyboard, NULL otherwise. candidate(arg, i).
 * Case does not matter, nor which of . _ - separates words. */
const char *crf_nearest(const char *word, size_t n, const char *(*candidate)(const void *arg, size_t i), const void *arg);
/* The whole of s as a decimal number, nothing else around it. */
bool crf_parse_int(const char *s, int64_t *value);
/* true/false, yes/no, on/off, 1/0, in any case. */
bool crf_parse_bool(const char *s, bool *value);
/* 12345678 -> "12,345,678", into a buffer of at least 32 bytes, returned. */
char *crf_group_digits(int64_t n, char *buf, size_t len);
/* The bytes of the UTF-8 character at s (of len bytes), and its code point; 0 when there is no valid one. */
size_t crf_utf8(const char *s, size_t len, uint32_t *code);

#endif
