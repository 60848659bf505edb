/* From argv to a call. getopt_long is given every option there is, so that options may stand before the command's name as
 * well as after it; whether the command takes them is looked at once it is known. */
#include <getopt.h>
#include <string.h>

#include "cli/cli.h"
#include "core/mem.h"
#include "core/text.h"

/* What getopt_long returns for option i; letters and '?' stay below. */
#define VALUE_OF(i) (1000 + (int)(i))
#define LONGS (CRF_OPTION_COUNT * 4)
#define LONG_NAME 64

struct tables {
	struct option longs[LONGS + 1];
	char underscored[LONGS][LONG_NAME];
	char shorts[CRF_OPTION_COUNT * 2 + 2];
	size_t long_count;
};

static void
add_long(struct tables *t, const char *name, size_t i)
{
	t->longs[t->long_count++] = (struct option){ name, crf_options[i].argument != NULL ? required_argument : no_argument,
		NULL, VALUE_OF(i) };
}

/* A name and, where it has dashes, the same with underscores. */
static void
add_name(struct tables *t, const char *name, size_t i)
{
	char *other;

	if (name == NULL)
		return;
	add_long(t, name, i);
	if (strchr(name, '-') == NULL)
		return;
	other = t->underscored[t->long_count];
	for (size_t c = 0; name[c] != '\0' && c + 1 < LONG_NAME; c++)
		other[c] = name[c];
	for (char *c = other; *c != '\0'; c++)
		if (*c == '-')
			*c = '_';
	add_long(t, other, i);
}

static void
fill(struct tables *t, unsigned where)
{
	char *s = t->shorts;

	*s++ = ':'; /* tell a missing argument from an unknown option */
	for (size_t i = 0; i < CRF_OPTION_COUNT; i++) {
		if (!crf_option_known(where, i))
			continue;
		add_name(t, crf_options[i].name, i);
		add_name(t, crf_options[i].alias, i);
		if (crf_options[i].letter == 0)
			continue;
		*s++ = crf_options[i].letter;
		if (crf_options[i].argument != NULL)
			*s++ = ':';
	}
}

static size_t
option_of(int value)
{
	for (size_t i = 0; i < CRF_OPTION_COUNT; i++)
		if (value == VALUE_OF(i) || value == crf_options[i].letter)
			return i;
	return CRF_OPTION_COUNT;
}

static const char *
candidate(const void *arg, size_t i)
{
	const unsigned *where = arg;

	return crf_option_known(*where, i) ? crf_options[i].name : "";
}

/* word as it was typed: "--exit-eol=x", or a letter of a cluster. */
static void
unknown_option(struct crf_buf *problem, unsigned where, const char *word, int letter)
{
	char name[LONG_NAME] = "";
	const char *nearest;

	if (letter != 0) {
		crf_buf_printf(problem, "unknown option -%c", letter);
		return;
	}
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(word, "="), word);
	crf_buf_printf(problem, "unknown option %s", name);
	if ((nearest = crf_nearest(name + 2, CRF_OPTION_COUNT, candidate, &where)) != NULL)
		crf_buf_printf(problem, "; did you mean --%s?", nearest);
}

static void
bad_option(struct crf_buf *problem, unsigned where, int result, const char *word)
{
	if (result == ':')
		crf_buf_printf(problem, "%s needs %s", word, crf_options[option_of(optopt)].argument);
	else if (optopt >= VALUE_OF(0))
		crf_buf_printf(problem, "%.*s takes no argument", (int)strcspn(word, "="), word);
	else
		unknown_option(problem, where, word, optopt);
}

/* getopt_long moves what is no option to the end of argv, hence the copy. */
static bool
parse_options(struct crf_call *call, int argc, char **argv, struct crf_buf *problem)
{
	struct tables t = { 0 };
	int result;

	fill(&t, call->where);
	optind = 0; /* glibc's way to start anew */
	opterr = 0;
	while ((result = getopt_long(argc, argv, t.shorts, t.longs, NULL)) != -1) {
		if (result == '?' || result == ':') {
			bad_option(problem, call->where, result, argv[optind - 1]);
			return false;
		}
		crf_words_add(&call->given[option_of(result)], optarg != NULL ? optarg : "");
	}
	for (int i = optind; i < argc; i++)
		crf_words_add(&call->args, argv[i]);
	return true;
}

static bool
unknown_command(struct crf_call *call, const char *name, struct crf_buf *problem)
{
	const char *nearest = crf_command_nearest(call->where, name);
	bool elsewhere = crf_command_find(~call->where, name) != NULL;

	crf_buf_printf(problem, "unknown command %s", name);
	if (elsewhere)
		crf_buf_puts(problem, call->where == CRF_IN_TOOL ? ": it is a command of programs built with carafe, not of this tool"
								 : ": it is a command of the carafe tool");
	else if (nearest != NULL)
		crf_buf_printf(problem, "; did you mean %s?", nearest);
	return false;
}

/* The first word is the command's name, the rest are its arguments. */
static bool
take_command(struct crf_call *call, struct crf_buf *problem)
{
	const char *name = call->args.items[0];

	call->command = crf_command_find(call->where, name);
	if (call->command == NULL)
		return unknown_command(call, name, problem);
	memmove(call->args.items, call->args.items + 1, call->args.count * sizeof(*call->args.items));
	call->args.count--;
	return true;
}

static bool
one_of(const char *choices, const char *word)
{
	size_t len;

	for (const char *at = choices; *at != '\0'; at += len + (at[len] == '|')) {
		len = strcspn(at, "|");
		if (strlen(word) == len && strncmp(at, word, len) == 0)
			return true;
	}
	return false;
}

static bool
check_option(const struct crf_call *call, size_t i, struct crf_buf *problem)
{
	const struct crf_option *o = &crf_options[i];
	const struct crf_words *given = &call->given[i];

	if ((call->command->options & (UINT64_C(1) << i)) == 0) {
		crf_buf_printf(problem, "%s takes no --%s", call->command->name, o->name);
		return false;
	}
	for (size_t n = 0; o->argument != NULL && strchr(o->argument, '|') != NULL && n < given->count; n++) {
		if (!one_of(o->argument, given->items[n])) {
			crf_buf_printf(problem, "--%s %s: must be one of %s", o->name, given->items[n], o->argument);
			return false;
		}
	}
	return true;
}

static bool
check(const struct crf_call *call, struct crf_buf *problem)
{
	const struct crf_command *c = call->command;

	for (size_t i = 0; i < CRF_OPTION_COUNT; i++)
		if (call->given[i].count > 0 && !check_option(call, i, problem))
			return false;
	if ((int)call->args.count > c->most) {
		crf_buf_printf(problem, "%s: one argument too many: %s", c->name, call->args.items[c->most]);
		return false;
	}
	if ((int)call->args.count < c->fewest && !crf_call_has(call, CRF_OPT_HELP)) {
		crf_buf_printf(problem, "%s needs %s", c->name, c->arguments);
		return false;
	}
	return true;
}

bool
crf_call_parse(struct crf_call *call, unsigned where, int argc, char **argv, struct crf_buf *problem)
{
	CRF_AUTO_FREE char **copy = crf_new_array(char *, (size_t)argc + 1);
	const char *slash;

	for (int i = 0; i < argc; i++)
		copy[i] = argv[i];
	call->where = where;
	call->program = argc > 0 ? argv[0] : "carafe";
	if ((slash = strrchr(call->program, '/')) != NULL)
		call->program = slash + 1;
	if (!parse_options(call, argc, copy, problem))
		return false;
	if (call->args.count == 0)
		return true;
	return take_command(call, problem) && check(call, problem);
}

const char *
crf_call_value(const struct crf_call *call, enum crf_option_id id)
{
	const struct crf_words *given = &call->given[id];

	return given->count > 0 ? given->items[given->count - 1] : NULL;
}

void
crf_call_fini(struct crf_call *call)
{
	for (size_t i = 0; i < CRF_OPTION_COUNT; i++)
		crf_words_fini(&call->given[i]);
	crf_words_fini(&call->args);
}
