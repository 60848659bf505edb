/* Mistakes of a configuration, collected so that all are reported at once. */
#ifndef CRF_CORE_PROBLEMS_H
#define CRF_CORE_PROBLEMS_H

#include <stddef.h>

#include <carafe/error.h>

struct crf_problem {
	char *path; /* dotted: "groups.billing.orders.max_messages" */
	char *text;
};

struct crf_problems {
	struct crf_problem *items;
	size_t count;
	size_t cap;
};

/* The same path and text twice is kept once. */
void crf_problem(struct crf_problems *l, const char *path, const char *format, ...) CARAFE_PRINTF(3, 4);
void crf_problems_add_all(struct crf_problems *to, const struct crf_problems *from);
void crf_problems_fini(struct crf_problems *l);

#endif
