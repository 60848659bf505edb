/* The command table as data. */
#include <string.h>

#include "cli/cli.h"
#include "core/mem.h"
#include "core/text.h"

#define CRF_COMMAND(id, name, aliases, where, arguments, fewest, most, options, summary, doc)
#define CRF_OPTION(id, name, letter, argument, alias, doc) { name, letter, argument, alias, doc },
const struct crf_option crf_options[CRF_OPTION_COUNT] = {
#include "cli/commands.def"
};
#undef CRF_OPTION
#undef CRF_COMMAND

#define CRF_OPTION(id, name, letter, argument, alias, doc)
#define CRF_COMMAND(id, name, aliases, where, arguments, fewest, most, options, summary, doc)                          \
	{ name, aliases, where, arguments, fewest, most, (options) | CRF_BIT(HELP), summary, doc, crf_command_##id },
const struct crf_command crf_commands[] = {
#include "cli/commands.def"
};
#undef CRF_OPTION
#undef CRF_COMMAND

const size_t crf_command_count = crf_array_len(crf_commands);

/* The next of the words in *at, which moves on; its length in *len. */
static const char *
next_alias(const char **at, size_t *len)
{
	const char *word;

	*at += strspn(*at, ", ");
	word = *at;
	*len = strcspn(word, ", ");
	*at += *len;
	return *len > 0 ? word : NULL;
}

static bool
has_alias(const struct crf_command *c, const char *name)
{
	const char *at = c->aliases, *alias;
	size_t len;

	while ((alias = next_alias(&at, &len)) != NULL)
		if (strlen(name) == len && strncmp(alias, name, len) == 0)
			return true;
	return false;
}

const struct crf_command *
crf_command_find(unsigned where, const char *name)
{
	for (size_t i = 0; i < crf_command_count; i++)
		if ((crf_commands[i].where & where) != 0 &&
		    (strcmp(crf_commands[i].name, name) == 0 || has_alias(&crf_commands[i], name)))
			return &crf_commands[i];
	return NULL;
}

static const char *
candidate(const void *arg, size_t i)
{
	const unsigned *where = arg;

	return (crf_commands[i].where & *where) != 0 ? crf_commands[i].name : "";
}

const char *
crf_command_nearest(unsigned where, const char *name)
{
	return crf_nearest(name, crf_command_count, candidate, &where);
}

bool
crf_option_known(unsigned where, size_t option)
{
	bool taken = false;

	for (size_t i = 0; i < crf_command_count; i++) {
		if ((crf_commands[i].options & (UINT64_C(1) << option)) == 0)
			continue;
		if ((crf_commands[i].where & where) != 0)
			return true;
		taken = true;
	}
	return !taken;
}
