#include "cli/help.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"
#include "core/text.h"
#include "settings/settings.h"

#define OPTION_COLUMN 34
#define COMMAND_COLUMN 14

const struct crf_exit_doc crf_exit_docs[] = {
	{ CRF_EXIT_OK, "all done and committed" },
	{ CRF_EXIT_USAGE, "the command line is wrong" },
	{ CRF_EXIT_UNAVAILABLE, "no broker could be reached, or none let us in" },
	{ CRF_EXIT_FAILED, "something failed for good; it was said what" },
	{ CRF_EXIT_FORCED, "forced to stop: shutdown_timeout passed, or a second signal came" },
	{ CRF_EXIT_CONFIG, "the configuration is wrong; nothing was started" },
};
const size_t crf_exit_doc_count = crf_array_len(crf_exit_docs);

void
crf_help_wrap(struct crf_buf *out, const char *text, int indent, int width)
{
	int column = indent;

	while (*text != '\0') {
		size_t len = strcspn(text, " ");

		if (column > indent && column + 1 + (int)len > width) {
			crf_buf_printf(out, "\n%*s", indent, "");
			column = indent;
		}
		if (column > indent)
			crf_buf_putc(out, ' ');
		column += (column > indent) + (int)len;
		crf_buf_add(out, text, len);
		text += len + strspn(text + len, " ");
	}
	crf_buf_putc(out, '\n');
}

/* A name, then its text from that column on; below it when the name is too long. */
static void
entry(struct crf_buf *out, const char *name, const char *text, int column)
{
	crf_buf_printf(out, "  %-*s", column - 2, name);
	if ((int)strlen(name) + 3 > column)
		crf_buf_printf(out, "\n%*s", column, "");
	crf_help_wrap(out, text, column, CRF_HELP_WIDTH);
}

void
crf_help_option(struct crf_buf *out, const struct crf_option *o)
{
	if (o->letter != 0)
		crf_buf_printf(out, "-%c, ", o->letter);
	crf_buf_printf(out, "--%s%s%s", o->name, o->argument != NULL ? " " : "", o->argument != NULL ? o->argument : "");
}

bool
crf_command_takes(const struct crf_command *c, size_t option)
{
	return (c->options & (UINT64_C(1) << option)) != 0;
}

static void
list_commands(unsigned where, struct crf_buf *out)
{
	for (size_t i = 0; i < crf_command_count; i++)
		if ((crf_commands[i].where & where) != 0)
			entry(out, crf_commands[i].name, crf_commands[i].summary, COMMAND_COLUMN);
}

/* As the settings will have it; nothing else is known of them yet. */
static bool
in_development(void)
{
	const char *env = getenv("CARAFE_ENV");

	return env == NULL || strcmp(env, "development") == 0;
}

void
crf_help_short(const struct crf_call *call, struct crf_buf *out)
{
	crf_buf_printf(out, "Usage: %s COMMAND [options]\n\n", call->program);
	list_commands(call->where, out);
	if (call->where == CRF_IN_APP && in_development())
		crf_buf_printf(out, "\n%s server consumes from Kafka; without a Kafka at hand, try %s dev.\n", call->program,
		    call->program);
	else
		crf_buf_printf(out, "\n%s help tells more.\n", call->program);
}

void
crf_help_all(const struct crf_call *call, struct crf_buf *out)
{
	const char *what = call->where == CRF_IN_APP ? "a Kafka consumer built with carafe" : "the tool of carafe";

	crf_buf_printf(out, "%s: %s %s\n\nUsage: %s COMMAND [options]\n\n", call->program, what, carafe_version(), call->program);
	list_commands(call->where, out);
	crf_buf_printf(out, "\n%s COMMAND --help explains a command, %s help settings|events the\nsettings and events.\n\nExit status:\n",
	    call->program, call->program);
	for (size_t i = 0; i < crf_exit_doc_count; i++)
		crf_buf_printf(out, "  %2d  %s\n", (int)crf_exit_docs[i].status, crf_exit_docs[i].doc);
}

static void
also_called(const struct crf_command *c, struct crf_buf *out)
{
	if (c->aliases[0] != '\0')
		crf_buf_printf(out, "Also called: %s\n", c->aliases);
}

void
crf_help_command(const struct crf_call *call, const struct crf_command *c, struct crf_buf *out)
{
	crf_buf_printf(out, "%s %s: %s\n\nUsage: %s %s%s%s [options]\n", call->program, c->name, c->summary, call->program,
	    c->name, c->arguments[0] != '\0' ? " " : "", c->arguments);
	also_called(c, out);
	crf_buf_putc(out, '\n');
	crf_help_wrap(out, c->doc, 0, CRF_HELP_WIDTH);
	crf_buf_puts(out, "\nOptions:\n");
	for (size_t i = 0; i < CRF_OPTION_COUNT; i++) {
		CRF_AUTO(crf_buf) name = { 0 };

		if (!crf_command_takes(c, i))
			continue;
		crf_buf_puts(&name, crf_options[i].letter == 0 ? "    " : "");
		crf_help_option(&name, &crf_options[i]);
		entry(out, crf_buf_str(&name), crf_options[i].doc, OPTION_COLUMN);
	}
}

int
crf_help_print(const struct crf_call *call, const struct crf_command *c)
{
	CRF_AUTO(crf_buf) text = { 0 };

	crf_help_command(call, c, &text);
	return crf_print(call, &text);
}

/* ------------------------------------------------------------------------------------------------ settings */

void
crf_help_variable(struct crf_buf *out, const char *path)
{
	crf_buf_puts(out, "CARAFE_");
	for (const char *c = path; *c != '\0'; c++)
		crf_buf_putc(out, *c == '.' || *c == '-' ? '_' : (char)toupper((unsigned char)*c));
}

static const struct crf_setting *
setting(const char *path)
{
	const struct crf_setting *s;

	for (size_t i = 0; (s = crf_setting_at(i)) != NULL; i++)
		if (strcmp(s->path, path) == 0)
			return s;
	return NULL;
}

void
crf_help_bounds(struct crf_buf *out, const char *path)
{
	const struct crf_setting *s = setting(path);

	if (s == NULL)
		return;
	if (strcmp(s->type, "number") == 0)
		crf_buf_printf(out, "%ld to %ld", s->low, s->high);
	else if (strcmp(s->type, "boolean") == 0)
		crf_buf_puts(out, "true, false");
	else if (s->pattern != NULL)
		crf_buf_puts(out, s->pattern);
}

void
crf_help_settings(struct crf_buf *out)
{
	const struct crf_setting *s;

	crf_buf_puts(out, "Settings, by -X KEY=VALUE, -F FILE, CARAFE_KEY in the environment, or in code; the first of these wins.\n"
			  "librdkafka's settings go under their own names, as KEY or CARAFE_KAFKA_KEY.\n\n");
	for (size_t i = 0; (s = crf_setting_at(i)) != NULL; i++) {
		crf_buf_printf(out, "  %s", s->path);
		if (s->fallback[0] != '\0')
			crf_buf_printf(out, " = %s", s->fallback);
		crf_buf_puts(out, "  (");
		crf_help_bounds(out, s->path);
		crf_buf_puts(out, ")\n      ");
		crf_help_wrap(out, s->doc, 6, CRF_HELP_WIDTH);
	}
}

/* ------------------------------------------------------------------------------------------------ the command */

/* What help knows beside commands. */
static const struct page {
	const char *name;
	void (*text)(struct crf_buf *out);
	void (*markdown)(struct crf_buf *out);
} pages[] = {
	{ "settings", crf_help_settings, crf_markdown_settings },
	{ "events", crf_help_events, crf_markdown_events },
};

static const struct page *
find_page(const char *name)
{
	for (size_t i = 0; name != NULL && i < crf_array_len(pages); i++)
		if (strcmp(name, pages[i].name) == 0)
			return &pages[i];
	return NULL;
}

static int
unknown_topic(const struct crf_call *call, const char *name)
{
	const char *nearest = crf_command_nearest(call->where, name);

	return nearest == NULL ? crf_misused(call, "unknown command %s", name)
			       : crf_misused(call, "unknown command %s; did you mean %s?", name, nearest);
}

int
crf_command_help(struct crf_call *call)
{
	const char *topic = call->args.count > 0 ? call->args.items[0] : NULL;
	const struct page *page = find_page(topic);
	bool markdown = crf_call_has(call, CRF_OPT_MARKDOWN);
	const struct crf_command *c = topic != NULL ? crf_command_find(call->where, topic) : NULL;
	CRF_AUTO(crf_buf) text = { 0 };

	if (topic != NULL && page == NULL && c == NULL)
		return unknown_topic(call, topic);
	if (crf_call_has(call, CRF_OPT_MAN))
		crf_man(call->program, call->where, &text);
	else if (page != NULL)
		(markdown ? page->markdown : page->text)(&text);
	else if (markdown)
		crf_markdown_commands(&text);
	else if (c != NULL)
		crf_help_command(call, c, &text);
	else
		crf_help_all(call, &text);
	return crf_print(call, &text);
}
