/* The command line: one table of commands, one parser, one file per command. Everything here is the main thread's. */
#ifndef CRF_CLI_CLI_H
#define CRF_CLI_CLI_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <carafe/carafe.h>

#include "core/buf.h"

/* sysexits, as the header promises them. */
enum crf_exit {
	CRF_EXIT_OK = 0,
	CRF_EXIT_USAGE = 64,
	CRF_EXIT_UNAVAILABLE = 69,
	CRF_EXIT_FAILED = 70,
	CRF_EXIT_FORCED = 75,
	CRF_EXIT_CONFIG = 78
};

enum crf_option_id {
#define CRF_OPTION(id, name, letter, argument, alias, doc) CRF_OPT_##id,
#define CRF_COMMAND(id, name, aliases, where, arguments, fewest, most, options, summary, doc)
#include "cli/commands.def"
#undef CRF_OPTION
#undef CRF_COMMAND
	CRF_OPTION_COUNT
};
#define CRF_BIT(id) (UINT64_C(1) << CRF_OPT_##id)

struct crf_option {
	const char *name;
	char letter;
	const char *argument; /* NULL: takes none */
	const char *alias;
	const char *doc;
};
extern const struct crf_option crf_options[CRF_OPTION_COUNT];

/* Which binary has a command. */
enum crf_where { CRF_IN_APP = 1, CRF_IN_TOOL = 2 };

struct crf_call;
struct crf_command {
	const char *name;
	const char *aliases; /* "s, consumer" */
	unsigned where;
	const char *arguments;
	int fewest, most;
	uint64_t options;
	const char *summary;
	const char *doc;
	int (*run)(struct crf_call *call);
};
extern const struct crf_command crf_commands[];
extern const size_t crf_command_count;

/* By name or alias, NULL when that binary has none such. */
const struct crf_command *crf_command_find(unsigned where, const char *name);
/* The command whose name or alias is near, NULL. */
const char *crf_command_nearest(unsigned where, const char *name);

/* One of that binary's commands takes the option, or it belongs to none: what only others have is unknown there. */
bool crf_option_known(unsigned where, size_t option);

/* Strings in order; not theirs, unless crf_words_split made them. */
struct crf_words {
	const char **items; /* NULL-terminated once there is one */
	size_t count;
	char *text; /* what crf_words_split cut up */
};
void crf_words_add(struct crf_words *w, const char *word);
/* What is between the commas of all of them, blanks around it and empty ones left out. */
void crf_words_split(struct crf_words *w, const struct crf_words *lists);
void crf_words_fini(struct crf_words *w);

/* A command line, taken apart. */
struct crf_call {
	const char *program; /* as it is called, without the folder */
	unsigned where;
	carafe *app;
	const struct crf_command *command; /* NULL: none was given */
	struct crf_words given[CRF_OPTION_COUNT];
	struct crf_words args; /* after the command's name */
	struct crf_log *log;
};

/* False when it is wrong; what is wrong is added to problem, which may be read by a person. */
bool crf_call_parse(struct crf_call *call, unsigned where, int argc, char **argv, struct crf_buf *problem);
void crf_call_fini(struct crf_call *call);
static inline bool
crf_call_has(const struct crf_call *call, enum crf_option_id id)
{
	return call->given[id].count > 0;
}
/* The last one given, NULL. */
const char *crf_call_value(const struct crf_call *call, enum crf_option_id id);

/* Parses, runs and returns the exit status; takes app. */
int crf_cli(carafe *app, unsigned where, int argc, char **argv);

/* Says it on stderr, after the program's name. */
void crf_say(const struct crf_call *call, const char *format, ...) CARAFE_PRINTF(2, 3);
/* The same, returning CRF_EXIT_USAGE, with a pointer to --help. */
int crf_misused(const struct crf_call *call, const char *format, ...) CARAFE_PRINTF(2, 3);
/* Prepares the app and opens the log; otherwise says everything that is wrong. Returns the exit status. */
struct crf_scope;
int crf_call_prepare(struct crf_call *call, const struct crf_scope *scope);
/* Every mistake, then what to do. CRF_EXIT_CONFIG. */
int crf_call_problems(const struct crf_call *call);
/* To stdout; CRF_EXIT_FAILED when that cannot be written. */
int crf_print(const struct crf_call *call, struct crf_buf *text);

#define CRF_OPTION(id, name, letter, argument, alias, doc)
#define CRF_COMMAND(id, name, aliases, where, arguments, fewest, most, options, summary, doc)                          \
	int crf_command_##id(struct crf_call *call);
#include "cli/commands.def"
#undef CRF_OPTION
#undef CRF_COMMAND

#endif
