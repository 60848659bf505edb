/* The man page, in man(7)'s macros. */
#include <ctype.h>
#include <string.h>

#include "cli/help.h"
#include "core/mem.h"

/* Text in which nothing is taken for a request: \ and - are escaped, and a line never starts with . or '. */
static void
plain(struct crf_buf *out, const char *text)
{
	if (*text == '.' || *text == '\'')
		crf_buf_puts(out, "\\&");
	for (; *text != '\0'; text++) {
		if (*text == '\\')
			crf_buf_puts(out, "\\e");
		else if (*text == '-')
			crf_buf_puts(out, "\\-");
		else
			crf_buf_putc(out, *text);
	}
}

static void
line(struct crf_buf *out, const char *text)
{
	plain(out, text);
	crf_buf_putc(out, '\n');
}

static void
option(struct crf_buf *out, const struct crf_option *o)
{
	CRF_AUTO(crf_buf) name = { 0 };

	crf_help_option(&name, o);
	crf_buf_puts(out, ".TP\n");
	line(out, crf_buf_str(&name));
	line(out, o->doc);
}

static void
command(struct crf_buf *out, const struct crf_command *c)
{
	crf_buf_puts(out, ".SS ");
	plain(out, c->name);
	if (c->arguments[0] != '\0') {
		crf_buf_putc(out, ' ');
		plain(out, c->arguments);
	}
	crf_buf_putc(out, '\n');
	line(out, c->doc);
	if (c->aliases[0] != '\0') {
		crf_buf_puts(out, "Also called: ");
		plain(out, c->aliases);
		crf_buf_puts(out, ".\n");
	}
	for (size_t i = 0; i < CRF_OPTION_COUNT; i++)
		if (crf_command_takes(c, i) && i != CRF_OPT_HELP)
			option(out, &crf_options[i]);
}

static void
title(struct crf_buf *out, const char *program, unsigned where)
{
	crf_buf_puts(out, ".TH ");
	for (const char *c = program; *c != '\0'; c++)
		crf_buf_putc(out, (char)toupper((unsigned char)*c));
	crf_buf_printf(out, " 1 \"\" \"carafe %s\" \"carafe\"\n.SH NAME\n", carafe_version());
	plain(out, program);
	crf_buf_printf(out, " \\- %s\n.SH SYNOPSIS\n.B ", where == CRF_IN_APP ? "a Kafka consumer" : "Kafka consumers in C");
	plain(out, program);
	crf_buf_puts(out, "\n.I COMMAND\n[options]\n.SH DESCRIPTION\n");
}

static void
exit_status(struct crf_buf *out)
{
	crf_buf_puts(out, ".SH EXIT STATUS\n");
	for (size_t i = 0; i < crf_exit_doc_count; i++) {
		crf_buf_printf(out, ".TP\n%d\n", (int)crf_exit_docs[i].status);
		line(out, crf_exit_docs[i].doc);
	}
}

void
crf_man(const char *program, unsigned where, struct crf_buf *out)
{
	title(out, program, where);
	line(out, where == CRF_IN_APP
		? "This program is built with carafe: it consumes messages from Kafka. Options may stand before the command or after "
		  "it; in long ones _ is taken for -."
		: "carafe makes reliable Kafka consumers of C functions. Programs built with it are their own command line; this "
		  "tool begins new ones and explains the rest.");
	crf_buf_puts(out, ".SH COMMANDS\n");
	for (size_t i = 0; i < crf_command_count; i++)
		if ((crf_commands[i].where & where) != 0)
			command(out, &crf_commands[i]);
	exit_status(out);
	crf_buf_puts(out, ".SH ENVIRONMENT\n.TP\nCARAFE_ENV\ndevelopment (if unset), test, staging or production\n"
			  ".TP\nCARAFE_CONFIG\na file of settings, like \\-F\n"
			  ".TP\nCARAFE_KEY, CARAFE_KAFKA_KEY\na setting of carafe, of librdkafka\n"
			  ".TP\nNO_COLOR\nno colours in the log\n");
}
