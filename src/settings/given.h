/* What programs hand over as structs and lists: checked before it is believed. */
#ifndef CRF_SETTINGS_GIVEN_H
#define CRF_SETTINGS_GIVEN_H

#include <carafe/carafe.h>

#include "core/problems.h"

/* carafe_version() of this library, which lower rooms cannot call. */
#define CRF_VERSION CRF_VERSION_TEXT(CARAFE_VERSION_MAJOR, CARAFE_VERSION_MINOR, CARAFE_VERSION_PATCH)
#define CRF_VERSION_TEXT(major, minor, patch) CRF_VERSION_JOIN(major, minor, patch)
#define CRF_VERSION_JOIN(major, minor, patch) #major "." #minor "." #patch

/* Copies an options struct that starts with its size, of whatever version, over zeroes; NULL is all zeroes. A size that
 * cannot be one, and options that this library does not know, are problems at path. */
void crf_given_opts(void *to, size_t to_size, const void *from, const char *path, struct crf_problems *out);

/* Calls fn with each pair of a list, NULL being the empty one. A key without a value and a key that comes twice are
 * problems at "<path>.<key>", and left out. */
void crf_given_list(const carafe_kv *list, const char *path, struct crf_problems *out,
    void (*fn)(const carafe_kv *kv, void *arg), void *arg);

#endif
