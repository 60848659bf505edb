/* A string that grows. Always NUL-terminated once something was added. */
#ifndef CRF_CORE_BUF_H
#define CRF_CORE_BUF_H

#include <stddef.h>

#include <carafe/error.h>

struct crf_buf {
	char *data;
	size_t len;
	size_t cap;
};

void crf_buf_add(struct crf_buf *b, const char *data, size_t len);
void crf_buf_puts(struct crf_buf *b, const char *s);
void crf_buf_putc(struct crf_buf *b, char c);
void crf_buf_printf(struct crf_buf *b, const char *format, ...) CARAFE_PRINTF(2, 3);
/* s as a JSON string, quoted; bytes that are not UTF-8 become U+FFFD, NULL becomes null. DEL and the C1 controls are
 * escaped too, which JSON does not ask for but a terminal does. */
void crf_buf_json(struct crf_buf *b, const char *s);
void crf_buf_json_len(struct crf_buf *b, const char *s, size_t len); /* NULs inside are fine */
void crf_buf_reset(struct crf_buf *b);      /* empty, memory kept */
const char *crf_buf_str(struct crf_buf *b); /* "" when nothing was added; borrowed */
char *crf_buf_take(struct crf_buf *b);      /* the caller frees it; b is empty */
void crf_buf_fini(struct crf_buf *b);

#endif
