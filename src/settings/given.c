#include "settings/given.h"

#include <string.h>

#include "core/buf.h"
#include "core/mem.h"
#include "core/opts.h"

/* No options struct will ever be this large: a larger size is not a size. */
#define SIZE_MAX_OPTS 4096

static void
zero_opts(void *to, size_t to_size)
{
	memset(to, 0, to_size);
	memcpy(to, &to_size, sizeof(to_size));
}

void
crf_given_opts(void *to, size_t to_size, const void *from, const char *path, struct crf_problems *out)
{
	size_t size = to_size;

	if (from != NULL)
		memcpy(&size, from, sizeof(size));
	if (size < sizeof(size) || size > SIZE_MAX_OPTS)
		crf_problem(out, path, "the options' size is %zu, which cannot be: set .size to sizeof the struct, as the macro does",
		    size);
	if (from == NULL || size < sizeof(size) || size > SIZE_MAX_OPTS)
		zero_opts(to, to_size);
	else if (!crf_opts_copy(to, to_size, from))
		crf_problem(out, path, "an option is set that only a newer carafe knows; " CRF_VERSION
		    " is linked: update it, or leave the option out");
}

static bool
came_before(const carafe_kv *list, const carafe_kv *kv)
{
	for (const carafe_kv *other = list; other != kv; other++)
		if (strcmp(other->key, kv->key) == 0)
			return true;
	return false;
}

void
crf_given_list(const carafe_kv *list, const char *path, struct crf_problems *out,
    void (*fn)(const carafe_kv *kv, void *arg), void *arg)
{
	for (const carafe_kv *kv = list; kv != NULL && kv->key != NULL; kv++) {
		CRF_AUTO(crf_buf) at = { 0 };

		crf_buf_printf(&at, "%s%s%s", path, *path ? "." : "", kv->key);
		if (kv->value == NULL)
			crf_problem(out, crf_buf_str(&at), "has no value");
		else if (came_before(list, kv))
			crf_problem(out, crf_buf_str(&at), "is in the list twice; keep one");
		else
			fn(kv, arg);
	}
}
