#include "core/problems.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"

static void
add(struct crf_problems *l, const char *path, const char *text)
{
	for (size_t i = 0; i < l->count; i++)
		if (strcmp(l->items[i].path, path) == 0 && strcmp(l->items[i].text, text) == 0)
			return;
	if (l->count == l->cap) {
		l->cap = l->cap ? 2 * l->cap : 8;
		l->items = crf_realloc(l->items, l->cap, sizeof(*l->items));
	}
	l->items[l->count++] = (struct crf_problem){ crf_strdup(path), crf_strdup(text) };
}

void
crf_problem(struct crf_problems *l, const char *path, const char *format, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	add(l, path, text);
}

void
crf_problems_add_all(struct crf_problems *to, const struct crf_problems *from)
{
	for (size_t i = 0; i < from->count; i++)
		add(to, from->items[i].path, from->items[i].text);
}

void
crf_problems_fini(struct crf_problems *l)
{
	for (size_t i = 0; i < l->count; i++) {
		free(l->items[i].path);
		free(l->items[i].text);
	}
	free(l->items);
	*l = (struct crf_problems){ 0 };
}
