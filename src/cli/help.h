/* Everything that is written from the command table and the table of settings. */
#ifndef CRF_CLI_HELP_H
#define CRF_CLI_HELP_H

#include "cli/cli.h"

/* For who gave no command. */
void crf_help_short(const struct crf_call *call, struct crf_buf *out);
void crf_help_all(const struct crf_call *call, struct crf_buf *out);
void crf_help_command(const struct crf_call *call, const struct crf_command *c, struct crf_buf *out);
void crf_help_settings(struct crf_buf *out);
/* A command's help, to stdout. Returns the exit status. */
int crf_help_print(const struct crf_call *call, const struct crf_command *c);

/* A man page of section 1, for the program called so. */
void crf_man(const char *program, unsigned where, struct crf_buf *out);
void crf_markdown_commands(struct crf_buf *out);
void crf_markdown_settings(struct crf_buf *out);
/* A completion script; false when the shell is none that is known. */
bool crf_complete(const char *shell, const char *program, unsigned where, struct crf_buf *out);

/* Text in lines of at most width columns, each indented; the first is taken to be at that column already. */
void crf_help_wrap(struct crf_buf *out, const char *text, int indent, int width);
/* "-g, --groups LIST" */
void crf_help_option(struct crf_buf *out, const struct crf_option *o);
bool crf_command_takes(const struct crf_command *c, size_t option);
/* "CARAFE_PAUSE_TIMEOUT" */
void crf_help_variable(struct crf_buf *out, const char *path);
/* "1 .. 100000", "text|json", a pattern, or "". */
void crf_help_bounds(struct crf_buf *out, const char *path);

struct crf_exit_doc {
	enum crf_exit status;
	const char *doc;
};
extern const struct crf_exit_doc crf_exit_docs[];
extern const size_t crf_exit_doc_count;

#endif
