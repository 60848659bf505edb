#include "settings/env.h"

#include <string.h>
#include <strings.h>

#include "core/mem.h"
#include "core/text.h"

static const char *const names[] = {
	[CRF_DEVELOPMENT] = "development",
	[CRF_TEST] = "test",
	[CRF_STAGING] = "staging",
	[CRF_PRODUCTION] = "production",
};

const char *
crf_env_name(enum crf_env env)
{
	return names[env];
}

bool
crf_env_is_production(enum crf_env env)
{
	return env == CRF_PRODUCTION || env == CRF_STAGING;
}

bool
crf_env_parse(const char *name, enum crf_env *env)
{
	for (size_t i = 0; i < crf_array_len(names); i++) {
		if (strcmp(names[i], name) == 0) {
			*env = (enum crf_env)i;
			return true;
		}
	}
	return false;
}

static const char *
candidate(const void *arg, size_t i)
{
	(void)arg;
	return names[i];
}

/* dev, prod, stage, Production, prodution. */
const char *
crf_env_meant(const char *name)
{
	for (size_t i = 0; i < crf_array_len(names) && strlen(name) >= 3; i++)
		if (strncasecmp(names[i], name, strlen(name)) == 0 || strncasecmp(names[i], name, 4) == 0)
			return names[i];
	return crf_nearest(name, crf_array_len(names), candidate, NULL);
}
