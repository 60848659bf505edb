/* Completion scripts: what follows the program, a command, an option. */
#include <ctype.h>
#include <string.h>

#include "cli/help.h"
#include "core/mem.h"

static bool
in(const struct crf_command *c, unsigned where)
{
	return (c->where & where) != 0;
}

/* The program's name as part of a shell function's name. */
static void
identifier(struct crf_buf *out, const char *program)
{
	crf_buf_putc(out, '_');
	for (const char *c = program; *c != '\0'; c++)
		crf_buf_putc(out, isalnum((unsigned char)*c) ? *c : '_');
}

/* Inside single quotes. */
static void
quoted(struct crf_buf *out, const char *text)
{
	crf_buf_putc(out, '\'');
	for (; *text != '\0'; text++) {
		if (*text == '\'')
			crf_buf_puts(out, "'\\''");
		else
			crf_buf_putc(out, *text);
	}
	crf_buf_putc(out, '\'');
}

/* "a|b|c" as "a b c", which are words to choose from; NULL when the argument is something else. */
static char *
choices(const char *argument)
{
	char *words;

	if (argument == NULL || strchr(argument, '|') == NULL || strchr(argument, '[') != NULL)
		return NULL;
	words = crf_strdup(argument);
	for (char *c = words; *c != '\0'; c++)
		if (*c == '|')
			*c = ' ';
	return words;
}

/* The commands' names, aliases left out: they are for fingers, not for lists. */
static void
command_names(struct crf_buf *out, unsigned where)
{
	const char *gap = "";

	for (size_t i = 0; i < crf_command_count; i++) {
		if (in(&crf_commands[i], where)) {
			crf_buf_printf(out, "%s%s", gap, crf_commands[i].name);
			gap = " ";
		}
	}
}

/* The command's name and its aliases. */
static void
all_names(struct crf_buf *out, const struct crf_command *c, const char *gap)
{
	crf_buf_puts(out, c->name);
	for (const char *at = c->aliases; *at != '\0';) {
		size_t len = strcspn(at, ", ");

		crf_buf_puts(out, gap);
		crf_buf_add(out, at, len);
		at += len + strspn(at + len, ", ");
	}
}

/* ------------------------------------------------------------------------------------------------ bash */

static void
bash_values(struct crf_buf *out)
{
	for (size_t i = 0; i < CRF_OPTION_COUNT; i++) {
		const struct crf_option *o = &crf_options[i];
		CRF_AUTO_FREE char *words = choices(o->argument);

		if (o->argument == NULL)
			continue;
		crf_buf_printf(out, "\t--%s", o->name);
		if (o->letter != 0)
			crf_buf_printf(out, " | -%c", o->letter);
		if (words != NULL)
			crf_buf_printf(out, ") COMPREPLY=($(compgen -W '%s' -- \"$cur\")); return ;;\n", words);
		else if (strcmp(o->argument, "FILE") == 0)
			crf_buf_puts(out, ") COMPREPLY=($(compgen -f -- \"$cur\")); return ;;\n");
		else if (strcmp(o->argument, "DIR") == 0)
			crf_buf_puts(out, ") COMPREPLY=($(compgen -d -- \"$cur\")); return ;;\n");
		else
			crf_buf_puts(out, ") return ;;\n");
	}
}

static void
bash_command(struct crf_buf *out, const struct crf_command *c)
{
	CRF_AUTO_FREE char *words = choices(c->arguments);

	crf_buf_putc(out, '\t');
	all_names(out, c, "|");
	crf_buf_puts(out, ") words='");
	if (c->run == crf_command_help)
		crf_buf_puts(out, "$commands settings events ");
	else if (words != NULL)
		crf_buf_printf(out, "%s ", words);
	for (size_t i = 0; i < CRF_OPTION_COUNT; i++)
		if (crf_command_takes(c, i))
			crf_buf_printf(out, "--%s ", crf_options[i].name);
	crf_buf_puts(out, "' ;;\n");
}

static void
bash(const char *program, unsigned where, struct crf_buf *out)
{
	crf_buf_printf(out, "# bash completion for %s\n", program);
	identifier(out, program);
	crf_buf_puts(out, "()\n{\n\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} command= words= i\n"
			  "\tlocal commands='");
	command_names(out, where);
	crf_buf_puts(out, "'\n\n\tcase $prev in\n");
	bash_values(out);
	crf_buf_puts(out, "\tesac\n\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
			  "\t\tcase ${COMP_WORDS[i]} in -*) ;; *) command=${COMP_WORDS[i]}; break ;; esac\n\tdone\n"
			  "\tcase $command in\n\t'') words=\"$commands --help --version\" ;;\n");
	for (size_t i = 0; i < crf_command_count; i++)
		if (in(&crf_commands[i], where))
			bash_command(out, &crf_commands[i]);
	crf_buf_puts(out, "\tesac\n\tCOMPREPLY=($(compgen -W \"${words//\\$commands/$commands}\" -- \"$cur\"))\n}\ncomplete -F ");
	identifier(out, program);
	crf_buf_printf(out, " %s\n", program);
}

/* ------------------------------------------------------------------------------------------------ zsh */

/* In a _arguments specification [ ] and : have a meaning. */
static void
zsh_text(struct crf_buf *out, const char *text)
{
	for (; *text != '\0'; text++) {
		if (strchr("[]:\\", *text) != NULL)
			crf_buf_putc(out, '\\');
		crf_buf_putc(out, *text);
	}
}

/* "--file=[doc]:FILE:_files", once for each spelling. */
static void
zsh_spelling(struct crf_buf *out, const struct crf_option *o, bool is_long)
{
	CRF_AUTO_FREE char *words = choices(o->argument);
	CRF_AUTO(crf_buf) spec = { 0 };

	if (is_long)
		crf_buf_printf(&spec, "*--%s%s[", o->name, o->argument != NULL ? "=" : "");
	else
		crf_buf_printf(&spec, "*-%c[", o->letter);
	zsh_text(&spec, o->doc);
	crf_buf_putc(&spec, ']');
	if (words != NULL)
		crf_buf_printf(&spec, ":%s:(%s)", o->name, words);
	else if (o->argument != NULL)
		crf_buf_printf(&spec, ":%s:%s", o->argument,
		    strcmp(o->argument, "FILE") == 0      ? "_files"
			: strcmp(o->argument, "DIR") == 0 ? "_files -/"
							  : "");
	crf_buf_puts(out, " \\\n\t\t\t");
	quoted(out, crf_buf_str(&spec));
}

static void
zsh_command(struct crf_buf *out, const struct crf_command *c)
{
	CRF_AUTO_FREE char *words = choices(c->arguments);

	crf_buf_puts(out, "\t\t");
	all_names(out, c, "|");
	crf_buf_puts(out, ")\n\t\t\t_arguments");
	for (size_t i = 0; i < CRF_OPTION_COUNT; i++) {
		if (!crf_command_takes(c, i))
			continue;
		zsh_spelling(out, &crf_options[i], true);
		if (crf_options[i].letter != 0)
			zsh_spelling(out, &crf_options[i], false);
	}
	if (c->run == crf_command_help)
		crf_buf_puts(out, " \\\n\t\t\t'1:command:($names settings events)'");
	else if (words != NULL)
		crf_buf_printf(out, " \\\n\t\t\t'1:%s:(%s)'", c->name, words);
	crf_buf_puts(out, "\n\t\t\t;;\n");
}

static void
zsh(const char *program, unsigned where, struct crf_buf *out)
{
	crf_buf_printf(out, "#compdef %s\n\n", program);
	identifier(out, program);
	crf_buf_puts(out, "()\n{\n\tlocal -a commands names\n\tlocal state\n\tcommands=(\n");
	for (size_t i = 0; i < crf_command_count; i++) {
		CRF_AUTO(crf_buf) described = { 0 };

		if (!in(&crf_commands[i], where))
			continue;
		crf_buf_printf(&described, "%s:%s", crf_commands[i].name, crf_commands[i].summary);
		crf_buf_puts(out, "\t\t");
		quoted(out, crf_buf_str(&described));
		crf_buf_putc(out, '\n');
	}
	crf_buf_puts(out, "\t)\n\tnames=(${commands%%:*})\n"
			  "\t_arguments -C '1:command:->command' '*::argument:->argument' '(- *)--help' '(- *)--version'\n"
			  "\tcase $state in\n\tcommand) _describe command commands ;;\n\targument)\n\t\tcase $words[1] in\n");
	for (size_t i = 0; i < crf_command_count; i++)
		if (in(&crf_commands[i], where))
			zsh_command(out, &crf_commands[i]);
	crf_buf_puts(out, "\t\tesac\n\t\t;;\n\tesac\n}\n\nif [ \"$funcstack[1]\" = ");
	identifier(out, program);
	crf_buf_puts(out, " ]; then\n\t");
	identifier(out, program);
	crf_buf_puts(out, " \"$@\"\nelse\n\tcompdef ");
	identifier(out, program);
	crf_buf_printf(out, " %s\nfi\n", program);
}

/* ------------------------------------------------------------------------------------------------ fish */

static void
fish_option(struct crf_buf *out, const char *program, const struct crf_command *c, const struct crf_option *o)
{
	CRF_AUTO_FREE char *words = choices(o->argument);

	crf_buf_printf(out, "complete -c %s -n '__fish_seen_subcommand_from ", program);
	all_names(out, c, " ");
	crf_buf_printf(out, "' -l %s", o->name);
	if (o->letter != 0)
		crf_buf_printf(out, " -s %c", o->letter);
	if (words != NULL)
		crf_buf_printf(out, " -x -a '%s'", words);
	else if (o->argument != NULL)
		crf_buf_puts(out, strcmp(o->argument, "FILE") == 0  ? " -r -F"
			: strcmp(o->argument, "DIR") == 0 ? " -x -a '(__fish_complete_directories)'"
							  : " -x");
	crf_buf_puts(out, " -d ");
	quoted(out, o->doc);
	crf_buf_putc(out, '\n');
}

static void
fish_command(struct crf_buf *out, const char *program, unsigned where, const struct crf_command *c)
{
	CRF_AUTO_FREE char *words = choices(c->arguments);

	crf_buf_printf(out, "complete -c %s -n __fish_use_subcommand -a %s -d ", program, c->name);
	quoted(out, c->summary);
	crf_buf_putc(out, '\n');
	if (c->run == crf_command_help) {
		crf_buf_printf(out, "complete -c %s -n '__fish_seen_subcommand_from help' -a '", program);
		command_names(out, where);
		crf_buf_puts(out, " settings events'\n");
	} else if (words != NULL) {
		crf_buf_printf(out, "complete -c %s -n '__fish_seen_subcommand_from %s' -a '%s'\n", program, c->name, words);
	}
	for (size_t i = 0; i < CRF_OPTION_COUNT; i++)
		if (crf_command_takes(c, i))
			fish_option(out, program, c, &crf_options[i]);
}

static void
fish(const char *program, unsigned where, struct crf_buf *out)
{
	crf_buf_printf(out, "# fish completion for %s\ncomplete -c %s -f\n", program, program);
	for (size_t i = 0; i < crf_command_count; i++)
		if (in(&crf_commands[i], where))
			fish_command(out, program, where, &crf_commands[i]);
}

/* ------------------------------------------------------------------------------------------------ */

bool
crf_complete(const char *shell, const char *program, unsigned where, struct crf_buf *out)
{
	static const struct {
		const char *name;
		void (*write)(const char *program, unsigned where, struct crf_buf *out);
	} shells[] = { { "bash", bash }, { "zsh", zsh }, { "fish", fish } };

	for (size_t i = 0; i < crf_array_len(shells); i++) {
		if (strcmp(shells[i].name, shell) == 0) {
			shells[i].write(program, where, out);
			return true;
		}
	}
	return false;
}

int
crf_command_completion(struct crf_call *call)
{
	CRF_AUTO(crf_buf) text = { 0 };

	if (!crf_complete(call->args.items[0], call->program, call->where, &text))
		return crf_misused(call, "no completion for %s; there is bash, zsh and fish", call->args.items[0]);
	return crf_print(call, &text);
}
