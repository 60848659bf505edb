#include "settings/table.h"

#include <ctype.h>
#include <string.h>

#include "core/mem.h"
#include "core/text.h"

#define ENV_MAX 64

const struct crf_row crf_rows[] = {
#define AT(member) offsetof(struct crf_values, member)
#define CRF_SETTING_INT(path, member, fallback, low, high, doc)                                                        \
	{ { path, "number", #fallback, doc, low, high, NULL }, CRF_ROW_INT, AT(member) },
#define CRF_SETTING_BOOL(path, member, fallback, doc)                                                                  \
	{ { path, "boolean", #fallback, doc, 0, 0, NULL }, CRF_ROW_BOOL, AT(member) },
#define CRF_SETTING_TEXT(path, member, fallback, pattern, doc)                                                         \
	{ { path, "text", fallback, doc, 0, 0, pattern }, CRF_ROW_TEXT, AT(member) },
#include "settings/settings.def"
#undef CRF_SETTING_INT
#undef CRF_SETTING_BOOL
#undef CRF_SETTING_TEXT
};
const size_t crf_row_count = crf_array_len(crf_rows);

const struct crf_setting *
crf_setting_at(size_t i)
{
	return i < crf_row_count ? &crf_rows[i].setting : NULL;
}

char *
crf_setting_env(const struct crf_setting *setting, char *name, size_t len)
{
	size_t at = 0;

	for (const char *s = "CARAFE_"; *s != '\0' && at + 1 < len; s++)
		name[at++] = *s;
	for (const char *s = setting->path; *s != '\0' && at + 1 < len; s++)
		name[at++] = *s == '.' ? '_' : (char)toupper((unsigned char)*s);
	name[at] = '\0';
	return name;
}

const struct crf_row *
crf_row_find(const char *path)
{
	for (size_t i = 0; i < crf_row_count; i++)
		if (strcmp(crf_rows[i].setting.path, path) == 0)
			return &crf_rows[i];
	return NULL;
}

const struct crf_setting *
crf_setting_named(const char *path)
{
	return &crf_row_find(path)->setting;
}

const struct crf_row *
crf_row_from_env(const char *name)
{
	char env[ENV_MAX];

	for (size_t i = 0; i < crf_row_count; i++)
		if (strcmp(crf_setting_env(&crf_rows[i].setting, env, sizeof(env)), name) == 0)
			return &crf_rows[i];
	return NULL;
}

static const char *
candidate(const void *arg, size_t i)
{
	(void)arg;
	return crf_rows[i].setting.path;
}

const char *
crf_row_nearest(const char *path)
{
	return crf_nearest(path, crf_row_count, candidate, NULL);
}
