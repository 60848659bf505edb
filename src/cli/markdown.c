/* docs/commands.md and docs/configuration.md. */
#include <string.h>

#include "cli/help.h"
#include "core/kv.h"
#include "core/mem.h"
#include "settings/settings.h"


/* A table's cell: | would end it. */
static void
cell(struct crf_buf *out, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '|')
			crf_buf_putc(out, '\\');
		crf_buf_putc(out, *text);
	}
}

static void
code_cell(struct crf_buf *out, const char *text)
{
	if (*text == '\0')
		return;
	crf_buf_putc(out, '`');
	cell(out, text);
	crf_buf_putc(out, '`');
}

/* ------------------------------------------------------------------------------------------------ commands */

static void
options_table(struct crf_buf *out, const struct crf_command *c)
{
	crf_buf_puts(out, "| option | |\n|---|---|\n");
	for (size_t i = 0; i < CRF_OPTION_COUNT; i++) {
		CRF_AUTO(crf_buf) name = { 0 };

		if (!crf_command_takes(c, i))
			continue;
		crf_help_option(&name, &crf_options[i]);
		crf_buf_puts(out, "| ");
		code_cell(out, crf_buf_str(&name));
		crf_buf_puts(out, " | ");
		cell(out, crf_options[i].doc);
		crf_buf_puts(out, " |\n");
	}
}

static void
command(struct crf_buf *out, const struct crf_command *c)
{
	crf_buf_printf(out, "## %s\n\n    %s %s%s%s [options]\n\n", c->name, (c->where & CRF_IN_APP) != 0 ? "APP" : "carafe", c->name,
	    c->arguments[0] != '\0' ? " " : "", c->arguments);
	crf_help_wrap(out, c->doc, 0, 120);
	if (c->aliases[0] != '\0')
		crf_buf_printf(out, "Also called: %s.\n", c->aliases);
	crf_buf_putc(out, '\n');
	options_table(out, c);
	crf_buf_putc(out, '\n');
}

void
crf_markdown_commands(struct crf_buf *out)
{
	crf_buf_puts(out, "# Commands\n\n");
	crf_buf_printf(out, CRF_GENERATED, "", "src/cli/commands.def");
	crf_buf_puts(out, "APP is any program whose `main` ends in `carafe_main`; `carafe` is the tool that comes with the library. "
			  "Options may stand\nbefore the command or after it; in long ones `_` is taken for `-`.\n\n");
	for (size_t i = 0; i < crf_command_count; i++)
		command(out, &crf_commands[i]);
	crf_buf_puts(out, "## Exit status\n\n| status | |\n|---|---|\n");
	for (size_t i = 0; i < crf_exit_doc_count; i++)
		crf_buf_printf(out, "| %d | %s |\n", (int)crf_exit_docs[i].status, crf_exit_docs[i].doc);
}

/* ------------------------------------------------------------------------------------------------ settings */

static void
setting_row(struct crf_buf *out, const struct crf_setting *s)
{
	CRF_AUTO(crf_buf) bounds = { 0 };
	CRF_AUTO(crf_buf) variable = { 0 };

	crf_help_bounds(&bounds, s->path);
	crf_help_variable(&variable, s->path);
	crf_buf_puts(out, "| ");
	code_cell(out, s->path);
	crf_buf_puts(out, " | ");
	code_cell(out, s->fallback);
	crf_buf_puts(out, " | ");
	if (s->pattern != NULL)
		code_cell(out, crf_buf_str(&bounds));
	else
		cell(out, crf_buf_str(&bounds));
	crf_buf_printf(out, " | `%s` | ", crf_buf_str(&variable));
	cell(out, s->doc);
	crf_buf_puts(out, " |\n");
}

typedef void (*inject_fn)(const struct crf_settings *s, struct crf_kvs *kafka);

static const enum crf_env columns[] = { CRF_DEVELOPMENT, CRF_TEST, CRF_PRODUCTION };

/* What is injected in one environment, from the function that does it; in all, every key of any. */
static void
collect(inject_fn inject, enum crf_env env, struct crf_kvs *kafka, struct crf_kvs *all)
{
	struct crf_settings s = { .env = env, .v = { .client_id = "client_id" } };

	crf_kvs_set(&s.root, "client_id", s.v.client_id, "");
	inject(&s, kafka);
	for (size_t i = 0; i < kafka->count; i++)
		crf_kvs_default(all, kafka->items[i].key, "", "");
	crf_settings_fini(&s);
}

static void
injected(struct crf_buf *out, const char *who, inject_fn inject)
{
	struct crf_kvs by_env[crf_array_len(columns)] = { 0 }, all = { 0 };

	for (size_t i = 0; i < crf_array_len(columns); i++)
		collect(inject, columns[i], &by_env[i], &all);
	for (size_t k = 0; k < all.count; k++) {
		crf_buf_printf(out, "| %s | `%s` |", who, all.items[k].key);
		for (size_t i = 0; i < crf_array_len(columns); i++) {
			const char *value = crf_kvs_get(&by_env[i], all.items[k].key);

			crf_buf_putc(out, ' ');
			code_cell(out, value != NULL ? value : "");
			crf_buf_puts(out, " |");
		}
		crf_buf_putc(out, '\n');
	}
	for (size_t i = 0; i < crf_array_len(columns); i++)
		crf_kvs_fini(&by_env[i]);
	crf_kvs_fini(&all);
}

static const char intro[] =
    "Settings come in four layers; a higher one wins:\n\n"
    "1. the command line: `-X KEY=VALUE`, then files of `-F FILE`, the last one first\n"
    "2. the environment: `CARAFE_KEY`, `CARAFE_KAFKA_KEY`, the key in capitals with `_` for `.`\n"
    "3. the file that `CARAFE_CONFIG=FILE` names: lines of `KEY=VALUE` as in those of `-F`, `#` starts a comment\n"
    "4. code: `carafe_new(.concurrency = 8, .kafka = CARAFE_KV(...), .settings = CARAFE_KV(...))`\n\n"
    "A key is one of the table below, or a setting of librdkafka under its own name (`fetch.min.bytes`). `APP info` shows every "
    "value and\nwhere it came from. All mistakes are reported together; nothing starts with a mistake in it. A value that is left "
    "empty, as by a\nvariable that is, does not mean the default: where there is one it is a mistake.\n\n"
    "`CARAFE_ENV` names the environment: `development` (if unset), `test`, `staging` or `production`. Staging counts as "
    "production, and so\ndoes, with a warning, any other name: who sets it at all is deploying.\n\n";

void
crf_markdown_settings(struct crf_buf *out)
{
	const struct crf_setting *s;

	crf_buf_puts(out, "# Configuration\n\n");
	crf_buf_printf(out, CRF_GENERATED, "settings ", "src/settings/settings.def");
	crf_buf_puts(out, intro);
	crf_buf_puts(out, "## Settings of carafe\n\nTimes are milliseconds.\n\n"
			  "| setting | default | allowed | environment | what it is for |\n|---|---|---|---|---|\n");
	for (size_t i = 0; (s = crf_setting_at(i)) != NULL; i++)
		setting_row(out, s);
	crf_buf_puts(out, "\n## Settings of librdkafka that carafe fills in\n\n"
			  "Only where nobody says otherwise. Empty: left to librdkafka.\n\n"
			  "| client | setting | development | test | staging, production |\n|---|---|---|---|---|\n");
	injected(out, "consumer", crf_settings_inject_consumer);
	injected(out, "producer", crf_settings_inject_producer);
}
