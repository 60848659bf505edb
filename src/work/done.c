/* "carafe/1 <epoch> <first undone> <gap to the next> ... =<gap to the end>", all decimal. */
#include "work/done.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/mem.h"

#define PREFIX "carafe/1 "
#define LONGEST 4000 /* brokers take 4096 bytes (offset.metadata.max.bytes) */
#define GAP 21       /* the longest there is, and the room for the last one */

/* The last ones that are not done need not be told: so many are left. */
static size_t
told(const struct crf_done *d, int64_t *end)
{
	size_t count = d->count;

	*end = d->end;
	while (count > 0 && d->undone[count - 1] == *end - 1)
		*end = d->undone[--count];
	return count;
}

char *
crf_done_text(const struct crf_done *d)
{
	struct crf_buf text = { 0 };
	int64_t end, last;
	size_t count = told(d, &end);

	if (count == 0)
		return NULL;
	last = d->undone[0];
	crf_buf_printf(&text, PREFIX "%" PRId32 " %" PRId64, d->epoch, last);
	for (size_t i = 1; i < count; i++) {
		if (text.len > LONGEST - 2 * GAP) {
			end = d->undone[i];
			break;
		}
		crf_buf_printf(&text, " %" PRId64, d->undone[i] - last);
		last = d->undone[i];
	}
	crf_buf_printf(&text, " =%" PRId64, end - last);
	return crf_buf_take(&text);
}

bool
crf_done_is_text(const char *text)
{
	return text != NULL && strncmp(text, PREFIX, strlen(PREFIX)) == 0;
}

static bool
read_number(const char **text, int64_t *n)
{
	char *rest;

	*n = strtoll(*text, &rest, 10);
	if (rest == *text)
		return false;
	*text = rest;
	return true;
}

/* As a commit's metadata it may be anybody's. */
static bool
read_gap(const char **text, int64_t *last)
{
	int64_t gap;

	if (!read_number(text, &gap) || gap < 1 || gap > INT64_MAX - *last)
		return false;
	*last += gap;
	return true;
}

static void
add(struct crf_done *d, int64_t offset)
{
	d->undone = crf_realloc(d->undone, d->count + 1, sizeof(*d->undone));
	d->undone[d->count++] = offset;
}

static bool
read_all(const char *text, struct crf_done *d)
{
	int64_t epoch, last;

	if (!read_number(&text, &epoch) || !read_number(&text, &last) || last < 0)
		return false;
	d->epoch = (int32_t)epoch;
	add(d, last);
	while (strncmp(text, " =", 2) != 0) {
		if (!read_gap(&text, &last))
			return false;
		add(d, last);
	}
	text += 2;
	d->end = last;
	return read_gap(&text, &d->end) && *text == '\0';
}

bool
crf_done_read(const char *text, int64_t start, struct crf_done *d)
{
	*d = (struct crf_done){ .start = start, .epoch = -1 };
	if (crf_done_is_text(text) && read_all(text + strlen(PREFIX), d))
		return true;
	crf_done_fini(d);
	return false;
}

void
crf_done_fini(struct crf_done *d)
{
	free(d->undone);
	*d = (struct crf_done){ .epoch = -1 };
}

static int
compare(const void *key, const void *offset)
{
	int64_t a = *(const int64_t *)key, b = *(const int64_t *)offset;

	return (a > b) - (a < b);
}

bool
crf_done_has(const struct crf_done *d, int64_t offset, int32_t epoch)
{
	return d->count > 0 && offset >= d->start && offset < d->end && epoch <= d->epoch &&
	    bsearch(&offset, d->undone, d->count, sizeof(offset), compare) == NULL;
}
