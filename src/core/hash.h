/* A hash for tables. */
#ifndef CRF_CORE_HASH_H
#define CRF_CORE_HASH_H

#include <stddef.h>
#include <stdint.h>

/* FNV-1a. */
static inline uint64_t
crf_hash(const void *data, size_t len)
{
	const unsigned char *bytes = data;
	uint64_t h = 0xcbf29ce484222325u;

	for (size_t i = 0; i < len; i++)
		h = (h ^ bytes[i]) * 0x100000001b3u;
	return h ^ h >> 32;
}

#endif
