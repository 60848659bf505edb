/* The environments, for this room only. */
#ifndef CRF_SETTINGS_ENV_H
#define CRF_SETTINGS_ENV_H

#include "settings/settings.h"

/* False when there is no environment of that name. */
bool crf_env_parse(const char *name, enum crf_env *env);
/* The name that one which is none was probably meant to be; NULL when there is no telling. */
const char *crf_env_meant(const char *name);

#endif
