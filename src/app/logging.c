/* The log, as the settings have it: the command line's, and a host program's. */
#include <string.h>

#include "app/app.h"
#include "core/mem.h"

static carafe_level
level_of(const char *name)
{
	static const char *const names[] = { "debug", "info", "warn", "error" };

	for (size_t i = 0; i < crf_array_len(names); i++)
		if (strcmp(name, names[i]) == 0)
			return (carafe_level)i;
	return CARAFE_INFO;
}

struct crf_log *
crf_app_log(carafe *app, carafe_log_fn fn, void *arg)
{
	const struct crf_values *v = &app->settings.v;
	enum crf_log_format format = strcmp(v->log_format, "json") == 0 ? CRF_LOG_JSON : CRF_LOG_TEXT;
	carafe_level level = level_of(v->log_level);

	return fn != NULL ? crf_log_new_fn(app->bus, fn, arg, format, level) : crf_log_new(app->bus, stderr, format, level);
}

void
carafe_log(carafe *app, carafe_log_fn fn, void *arg)
{
	crf_check_app(app);
	app->log.wanted = true;
	app->log.fn = fn;
	app->log.arg = arg;
}

void
crf_app_open_log(carafe *app)
{
	if (app->log.wanted && app->log.log == NULL)
		app->log.log = crf_app_log(app, app->log.fn, app->log.arg);
}
