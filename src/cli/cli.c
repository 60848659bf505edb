/* What every command goes through: parse, settings, log, run, free. */
#include "cli/cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "app/app.h"
#include "bus/log.h"
#include "cli/help.h"
#include "cli/term.h"
#include "core/mem.h"

void
crf_say(const struct crf_call *call, const char *format, ...)
{
	va_list args;

	flockfile(stderr);
	fprintf(stderr, "%s: ", call->program);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	funlockfile(stderr);
}

int
crf_misused(const struct crf_call *call, const char *format, ...)
{
	const char *name = call->command != NULL ? call->command->name : NULL;
	va_list args;

	fprintf(stderr, "%s: ", call->program);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\nSee %s %s%s.\n", call->program, name != NULL ? name : "help", name != NULL ? " --help" : "");
	return CRF_EXIT_USAGE;
}

int
crf_print(const struct crf_call *call, struct crf_buf *text)
{
	bool written = fwrite(crf_buf_str(text), 1, text->len, stdout) == text->len;

	if (fflush(stdout) == 0 && written)
		return CRF_EXIT_OK;
	crf_say(call, "cannot write to standard output: %s", strerror(errno));
	return CRF_EXIT_FAILED;
}

/* ------------------------------------------------------------------------------------------------ settings */

static void
set_log(const struct crf_call *call, enum crf_option_id option, const char *key, const char *value)
{
	CRF_AUTO_FREE char *origin = crf_format("command line --%s", crf_options[option].name);

	if (crf_call_has(call, option))
		crf_settings_set(&call->app->settings, CRF_LAYER_COMMAND_LINE, key, value, origin);
}

/* False, having said so, when one is no setting at all. */
static bool
apply_settings(const struct crf_call *call)
{
	struct crf_settings *s = &call->app->settings;
	const struct crf_words *files = &call->given[CRF_OPT_CONFIG], *set = &call->given[CRF_OPT_SET];

	for (size_t i = 0; i < files->count; i++)
		crf_settings_from_file(s, files->items[i]);
	for (size_t i = 0; i < set->count; i++) {
		if (!crf_settings_from_option(s, set->items[i])) {
			crf_misused(call, "-X %s: must be KEY=VALUE", set->items[i]);
			return false;
		}
	}
	set_log(call, CRF_OPT_QUIET, "log.level", "error");
	set_log(call, CRF_OPT_VERBOSE, "log.level", "debug");
	set_log(call, CRF_OPT_LOG_LEVEL, "log.level", crf_call_value(call, CRF_OPT_LOG_LEVEL));
	set_log(call, CRF_OPT_LOG_FORMAT, "log.format", crf_call_value(call, CRF_OPT_LOG_FORMAT));
	return true;
}

int
crf_call_problems(const struct crf_call *call)
{
	const struct crf_problems *p = &call->app->problems;

	for (size_t i = 0; i < p->count; i++)
		crf_say(call, "%s: %s", p->items[i].path, p->items[i].text);
	fprintf(stderr, "%zu mistake%s in the configuration: ", p->count, p->count == 1 ? "" : "s");
	if (call->command->run == crf_command_info)
		fputs("a server would not start.\n", stderr);
	else
		fprintf(stderr, "nothing was started. %s info shows every setting and where it came from.\n", call->program);
	return CRF_EXIT_CONFIG;
}

int
crf_call_prepare(struct crf_call *call, const struct crf_scope *scope)
{
	if (crf_app_prepare(call->app, scope, NULL) != CARAFE_OK)
		return crf_call_problems(call);
	call->log = crf_app_log(call->app, NULL, NULL);
	crf_log_around(call->log, crf_term_around, NULL);
	return CRF_EXIT_OK;
}

/* ------------------------------------------------------------------------------------------------ running one */

static int
run(struct crf_call *call, bool parsed, struct crf_buf *problem)
{
	if (!parsed)
		return crf_misused(call, "%s", crf_buf_str(problem));
	if (crf_call_has(call, CRF_OPT_HELP))
		return call->command == NULL ? crf_command_help(call) : crf_help_print(call, call->command);
	if (call->command != NULL && !apply_settings(call))
		return CRF_EXIT_USAGE;
	if (call->command != NULL)
		return call->command->run(call);
	if (crf_call_has(call, CRF_OPT_VERSION))
		return crf_command_version(call);
	crf_help_short(call, problem);
	fputs(crf_buf_str(problem), stderr);
	return CRF_EXIT_USAGE;
}

int
crf_cli(carafe *app, unsigned where, int argc, char **argv)
{
	struct crf_call call = { .app = app };
	CRF_AUTO(crf_buf) problem = { 0 };
	bool parsed = crf_call_parse(&call, where, argc, argv, &problem);
	int status = run(&call, parsed, &problem);

	carafe_free(app);
	crf_log_free(call.log);
	crf_call_fini(&call);
	return status;
}

int
carafe_main(carafe *app, int argc, char **argv)
{
	crf_check_app(app);
	if (app->tree.closed)
		crf_misuse(__func__, "the app was started or checked, and takes no more settings from a command line; leave out carafe_check(), "
				     "whose work it does itself, and carafe_start()");
	return crf_cli(app, CRF_IN_APP, argc, argv);
}
