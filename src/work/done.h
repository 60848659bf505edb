/* What is done of a partition behind the first message that is not: as text, for a commit's metadata. */
#ifndef CRF_WORK_DONE_H
#define CRF_WORK_DONE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Everything from start to end that is not among these is done. */
struct crf_done {
	int64_t start;   /* not in the text: what was committed with it */
	int64_t *undone; /* ascending */
	size_t count;
	int64_t end;
	int32_t epoch;   /* the leader's, of the last of them: what was written in a later one is something else; -1 unknown */
};

/* NULL when nothing is done behind the first that is not. At most as long as brokers take; what does not fit is as if it was
 * not done. The caller frees it. */
char *crf_done_text(const struct crf_done *d);
/* Whether it is such a text. */
bool crf_done_is_text(const char *text);
/* Fills in d, to be finished; false when the text (NULL: none) is no such, with nothing done in d. */
bool crf_done_read(const char *text, int64_t start, struct crf_done *d);
void crf_done_fini(struct crf_done *d);

bool crf_done_has(const struct crf_done *d, int64_t offset, int32_t epoch);

#endif
