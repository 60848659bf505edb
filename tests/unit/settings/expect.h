/* What tests of settings and routes ask of a list of problems. */
#ifndef TESTS_SETTINGS_EXPECT_H
#define TESTS_SETTINGS_EXPECT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "core/problems.h"

static inline void
print_problems(const struct crf_problems *l)
{
	for (size_t i = 0; i < l->count; i++)
		print_message("  %s: %s\n", l->items[i].path, l->items[i].text);
}

static inline int
has_problem(const struct crf_problems *l, const char *path, const char *fragment)
{
	for (size_t i = 0; i < l->count; i++)
		if (strcmp(l->items[i].path, path) == 0 && strstr(l->items[i].text, fragment) != NULL)
			return 1;
	return 0;
}

static inline void
expect_problem(const struct crf_problems *l, const char *path, const char *fragment)
{
	if (has_problem(l, path, fragment))
		return;
	print_message("no problem at %s with \"%s\" among %zu:\n", path, fragment, l->count);
	print_problems(l);
	fail();
}

static inline void
expect_count(const struct crf_problems *l, size_t count)
{
	if (l->count == count)
		return;
	print_message("%zu problems instead of %zu:\n", l->count, count);
	print_problems(l);
	fail();
}

#endif
