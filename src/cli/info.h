#ifndef CRF_CLI_INFO_H
#define CRF_CLI_INFO_H

#include <carafe/carafe.h>

#include "core/buf.h"

/* All that is known of a prepared app, right or wrong. */
void crf_info(const carafe *app, bool json, struct crf_buf *out);
/* A setting's value as it may be seen: secrets are masked. */
const char *crf_info_shown(const char *key, const char *value);

#endif
