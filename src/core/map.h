/* Hash map from strings to pointers. Keys are copied; values are the caller's. Not thread-safe. */
#ifndef CRF_CORE_MAP_H
#define CRF_CORE_MAP_H

#include <stddef.h>

struct crf_map {
	struct crf_map_slot *slots;
	size_t cap;
	size_t count;
};

void *crf_map_get(const struct crf_map *m, const char *key);
/* The value that was there before, or NULL. value must not be NULL. */
void *crf_map_put(struct crf_map *m, const char *key, void *value);
void *crf_map_remove(struct crf_map *m, const char *key);
/* In no particular order; *at starts at 0; NULL key at the end. The map must not change meanwhile. */
const char *crf_map_next(const struct crf_map *m, size_t *at, void **value);
void crf_map_fini(struct crf_map *m);

#endif
