#include "core/opts.h"

#include <string.h>

bool
crf_opts_copy_sized(void *to, size_t to_size, const void *from, size_t from_size)
{
	const unsigned char *bytes = from;

	memset(to, 0, to_size);
	memcpy(to, from, from_size < to_size ? from_size : to_size);
	for (size_t i = to_size; i < from_size; i++)
		if (bytes[i] != 0)
			return false;
	return true;
}

bool
crf_opts_copy(void *to, size_t to_size, const void *from)
{
	size_t from_size;
	bool known;

	memcpy(&from_size, from, sizeof(from_size));
	known = crf_opts_copy_sized(to, to_size, from, from_size);
	memcpy(to, &to_size, sizeof(to_size));
	return known;
}
