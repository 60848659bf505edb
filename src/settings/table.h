/* The rows of settings.def, for this room only. */
#ifndef CRF_SETTINGS_TABLE_H
#define CRF_SETTINGS_TABLE_H

#include "settings/settings.h"

enum crf_row_kind { CRF_ROW_INT, CRF_ROW_BOOL, CRF_ROW_TEXT };

struct crf_row {
	struct crf_setting setting;
	enum crf_row_kind kind;
	size_t at; /* of the member in struct crf_values */
};

extern const struct crf_row crf_rows[];
extern const size_t crf_row_count;

/* NULL when there is none. */
const struct crf_row *crf_row_find(const char *path);
/* By the name of its environment variable. */
const struct crf_row *crf_row_from_env(const char *name);
/* The nearest path, NULL when nothing is near. */
const char *crf_row_nearest(const char *path);

#endif
