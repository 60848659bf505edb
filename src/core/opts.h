/* Option structs that may be older or newer than the library: size first, the rest zero-extended. */
#ifndef CRF_CORE_OPTS_H
#define CRF_CORE_OPTS_H

#include <stdbool.h>
#include <stddef.h>

/* Copies from into the to_size bytes at to, over zeroes; both start with size_t size, which to keeps as its own. False
 * when from is larger than this library knows and says something in the part that is not known. */
bool crf_opts_copy(void *to, size_t to_size, const void *from);
/* The same for a struct without the size inside, of from_size bytes. */
bool crf_opts_copy_sized(void *to, size_t to_size, const void *from, size_t from_size);

#endif
