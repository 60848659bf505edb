/* Instructions as callgrind counted them. */
#ifndef CRF_BENCH_CALLGRIND_H
#define CRF_BENCH_CALLGRIND_H

#include <stdbool.h>

struct callgrind {
	double total;
	double inside; /* one function and everything it called */
};

bool callgrind_is_there(void);
/* From a file of callgrind's. */
struct callgrind callgrind_read(const char *file, const char *function);

#endif
