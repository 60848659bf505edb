#include "cli/verifiable.h"

#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#include "app/app.h"
#include "core/clock.h"
#include "core/mem.h"
#include "core/text.h"

/* ------------------------------------------------------------------------------------------------ arguments */

void
crf_verifiable_settings(const struct crf_call *call, const struct crf_verifiable_setting *list, size_t count)
{
	struct crf_settings *s = &call->app->settings;

	for (size_t i = 0; i < count; i++) {
		bool given = list[i].option != CRF_OPTION_COUNT && crf_call_has(call, list[i].option);
		CRF_AUTO_FREE char *origin =
		    given ? crf_format("command line --%s", crf_options[list[i].option].name) : crf_strdup(call->command->name);

		if (given)
			crf_settings_set(s, CRF_LAYER_COMMAND_LINE, list[i].key, crf_call_value(call, list[i].option), origin);
		else if (list[i].fallback != NULL)
			crf_settings_set(s, CRF_LAYER_CODE, list[i].key, list[i].fallback, origin);
	}
}

bool
crf_verifiable_number(const struct crf_call *call, enum crf_option_id id, int64_t lowest, int64_t *value)
{
	const char *text = crf_call_value(call, id);

	if (text == NULL || (crf_parse_int(text, value) && *value >= lowest))
		return true;
	crf_misused(call, "--%s %s: must be a number from %" PRId64 " on", crf_options[id].name, text, lowest);
	return false;
}

bool
crf_verifiable_required(const struct crf_call *call, const enum crf_option_id *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (crf_call_has(call, list[i]))
			continue;
		crf_misused(call, "%s needs --%s %s", call->command->name, crf_options[list[i]].name, crf_options[list[i]].argument);
		return false;
	}
	return true;
}

void
crf_verifiable_stop(void)
{
	static atomic_bool asked;

	if (!atomic_exchange(&asked, true))
		kill(getpid(), SIGTERM);
}

/* ------------------------------------------------------------------------------------------------ lines */

void
crf_line_begin(struct crf_buf *line, const char *name)
{
	crf_buf_printf(line, "{\"timestamp\":%" PRId64 ",\"name\":\"%s\"", crf_wall_ms(), name);
}

void
crf_line_end(struct crf_buf *line)
{
	crf_buf_puts(line, "}\n");
	if (fwrite(line->data, 1, line->len, stdout) != line->len || fflush(stdout) != 0)
		crf_verifiable_stop();
}

void
crf_line(const char *name)
{
	CRF_AUTO(crf_buf) line = { 0 };

	crf_line_begin(&line, name);
	crf_line_end(&line);
}
