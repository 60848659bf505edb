/* The table of events, for people. */
#include "cli/help.h"

#include <string.h>

#include "core/mem.h"

struct row {
	const char *name, *fields, *doc;
	carafe_level level;
};

static const struct row events[] = {
#define CARAFE_EVENT(id, name, level, fields, doc) { name, fields, doc, CARAFE_##level },
#include <carafe/events.def>
#undef CARAFE_EVENT
};

static const struct {
	const char *id, *name, *type, *doc;
} fields[] = {
#define CARAFE_FIELD(id, name, type, doc) { #id, name, #type, doc },
#include <carafe/fields.def>
#undef CARAFE_FIELD
};

static const char *
level_name(carafe_level level)
{
	static const char *const names[] = { "debug", "info", "warn", "error", "fatal" };

	return names[level];
}

static const char *
type_name(const char *type)
{
	return strcmp(type, "STR") == 0 ? "text" : strcmp(type, "INT") == 0 ? "number" : "list";
}

void
crf_help_events(struct crf_buf *out)
{
	crf_buf_puts(out, "Events, as the log shows them and as carafe_subscribe() hands them over, with their level and fields.\n\n");
	for (size_t i = 0; i < crf_array_len(events); i++) {
		crf_buf_printf(out, "  %s  (%s%s%s)\n      ", events[i].name, level_name(events[i].level),
		    events[i].fields[0] != '\0' ? ": " : "", events[i].fields);
		crf_help_wrap(out, events[i].doc, 6, CRF_HELP_WIDTH);
	}
}

void
crf_markdown_events(struct crf_buf *out)
{
	crf_buf_puts(out, "# Events\n\n");
	crf_buf_printf(out, CRF_GENERATED, "events ", "include/carafe/events.def");
	crf_buf_puts(out, "Everything worth knowing is an event: the log prints them, `carafe_subscribe()` hands them to your code. "
			  "In code an event is\n`CARAFE_EV_` and its name in capitals, a field `CARAFE_F_` and its name.\n\n"
			  "| event | level | fields | when |\n|---|---|---|---|\n");
	for (size_t i = 0; i < crf_array_len(events); i++)
		crf_buf_printf(out, "| `%s` | %s | %s | %s |\n", events[i].name, level_name(events[i].level), events[i].fields,
		    events[i].doc);
	crf_buf_puts(out, "\n## Fields\n\n| field | in code | type | what it is |\n|---|---|---|---|\n");
	for (size_t i = 0; i < crf_array_len(fields); i++)
		crf_buf_printf(out, "| `%s` | `CARAFE_F_%s` | %s | %s |\n", fields[i].name, fields[i].id,
		    type_name(fields[i].type), fields[i].doc);
}
