/* A project to begin with, from the templates in new/, which the build turns into lines of C strings. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/cli.h"
#include "core/mem.h"

#define PLACEHOLDER "@NAME@"
#define NAME_MAX_LEN 48

static const char *const main_c[] = {
#include "cli/new_main.c.inc"
	NULL,
};
static const char *const makefile[] = {
#include "cli/new_Makefile.inc"
	NULL,
};
static const char *const meson_build[] = {
#include "cli/new_meson.build.inc"
	NULL,
};
static const char *const readme[] = {
#include "cli/new_README.md.inc"
	NULL,
};
static const char *const conf[] = {
#include "cli/new_conf.inc"
	NULL,
};
static const char *const gitignore[] = {
#include "cli/new_gitignore.inc"
	NULL,
};
static const char *const orders[] = {
#include "cli/new_orders.txt.inc"
	NULL,
};

static const struct {
	const char *name;
	const char *const *lines;
} files[] = {
	{ "main.c", main_c },
	{ "Makefile", makefile },
	{ "meson.build", meson_build },
	{ "README.md", readme },
	{ "@NAME@.conf", conf },
	{ ".gitignore", gitignore },
	{ "orders.txt", orders },
};

static void
fill_in(struct crf_buf *out, const char *text, const char *name)
{
	const char *at;

	while ((at = strstr(text, PLACEHOLDER)) != NULL) {
		crf_buf_add(out, text, (size_t)(at - text));
		crf_buf_puts(out, name);
		text = at + strlen(PLACEHOLDER);
	}
	crf_buf_puts(out, text);
}

/* A file name, a make target, a client.id, a group. */
static bool
good_name(const char *name)
{
	size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_");

	return name[0] >= 'a' && name[0] <= 'z' && name[len] == '\0' && len <= NAME_MAX_LEN;
}

static char *
path_of(const char *dir, const char *file, const char *name)
{
	CRF_AUTO(crf_buf) path = { 0 };

	crf_buf_printf(&path, "%s/", dir);
	fill_in(&path, file, name);
	return crf_buf_take(&path);
}

/* "x": never over a file that is there. */
static bool
write_file(const char *path, const char *const *lines, const char *name)
{
	CRF_AUTO(crf_buf) text = { 0 };
	FILE *f = fopen(path, "wxe");
	bool written;

	if (f == NULL)
		return false;
	for (; *lines != NULL; lines++)
		fill_in(&text, *lines, name);
	written = fwrite(text.data, 1, text.len, f) == text.len;
	return fclose(f) == 0 && written;
}

/* All of them are looked at before the first is written: half a project helps nobody. */
static bool
check_free(const struct crf_call *call, const char *dir, const char *name)
{
	struct stat st;

	for (size_t i = 0; i < crf_array_len(files); i++) {
		CRF_AUTO_FREE char *path = path_of(dir, files[i].name, name);

		if (lstat(path, &st) == 0) {
			crf_say(call, "%s is there already; nothing was written", path);
			return false;
		}
	}
	return true;
}

static bool
write_all(const struct crf_call *call, const char *dir, const char *name)
{
	for (size_t i = 0; i < crf_array_len(files); i++) {
		CRF_AUTO_FREE char *path = path_of(dir, files[i].name, name);

		if (!write_file(path, files[i].lines, name)) {
			crf_say(call, "cannot write %s: %s", path, strerror(errno));
			return false;
		}
	}
	return true;
}

int
crf_command_new(struct crf_call *call)
{
	const char *name = call->args.items[0], *dir = crf_call_value(call, CRF_OPT_DIR);

	if (!good_name(name))
		return crf_misused(call, "%s: a name is a small letter, then small letters, digits, - and _; at most %d", name,
		    NAME_MAX_LEN);
	dir = dir != NULL ? dir : name;
	if (mkdir(dir, 0777) != 0 && errno != EEXIST) {
		crf_say(call, "cannot make %s: %s", dir, strerror(errno));
		return CRF_EXIT_FAILED;
	}
	if (!check_free(call, dir, name) || !write_all(call, dir, name))
		return CRF_EXIT_FAILED;
	printf("%s is a small consumer; build it, and try it without a Kafka:\n\n  cd %s\n  make try\n\nIts README.md says more.\n", dir,
	    dir);
	return CRF_EXIT_OK;
}
