#include "bus/event.h"

#include <stddef.h>

#include "core/mem.h"

static const struct {
	const char *name;
	carafe_level level;
} events[] = {
	{ "any", CARAFE_DEBUG },
#define CARAFE_EVENT(id, name, level, fields, doc) { name, CARAFE_##level },
#include <carafe/events.def>
#undef CARAFE_EVENT
};

static const char *const field_names[] = {
#define CARAFE_FIELD(id, name, type, doc) name,
#include <carafe/fields.def>
#undef CARAFE_FIELD
};

const char *
crf_event_id_name(carafe_event_id id)
{
	return (size_t)id < crf_array_len(events) ? events[id].name : "unknown";
}

carafe_level
crf_event_id_level(carafe_event_id id)
{
	return (size_t)id < crf_array_len(events) ? events[id].level : CARAFE_DEBUG;
}

const char *
crf_field_name(carafe_field id)
{
	return (size_t)id < crf_array_len(field_names) ? field_names[id] : "unknown";
}

#define check_event(event) crf_check_given((event), "event", "the one that the callback is given, while it runs")

carafe_event_id
carafe_event_kind(const carafe_event *event)
{
	check_event(event);
	return event->id;
}

const char *
carafe_event_name(const carafe_event *event)
{
	check_event(event);
	return crf_event_id_name(event->id);
}

carafe_level
carafe_event_level(const carafe_event *event)
{
	check_event(event);
	return crf_event_id_level(event->id);
}

const struct crf_field *
crf_event_next(const carafe_event *event, int *at)
{
	while (*at < event->count) {
		const struct crf_field *field = &event->fields[(*at)++];

		if (!field->is_text || field->text != NULL)
			return field;
	}
	return NULL;
}

static const struct crf_field *
find(const carafe_event *event, carafe_field id, bool is_text)
{
	const struct crf_field *field;
	int at = 0;

	while ((field = crf_event_next(event, &at)) != NULL)
		if (field->id == id && field->is_text == is_text)
			return field;
	return NULL;
}

bool
carafe_event_int(const carafe_event *event, carafe_field id, int64_t *value)
{
	const struct crf_field *field;

	check_event(event);
	field = find(event, id, false);
	if (field == NULL)
		return false;
	*value = field->number;
	return true;
}

bool
carafe_event_str(const carafe_event *event, carafe_field id, const char **value)
{
	const struct crf_field *field;

	check_event(event);
	field = find(event, id, true);
	if (field == NULL)
		return false;
	*value = field->text;
	return true;
}

static const struct crf_partitions *
list_of(const carafe_event *event)
{
	for (int i = 0; i < event->count; i++)
		if (event->fields[i].list != NULL)
			return event->fields[i].list;
	return NULL;
}

bool
carafe_event_partition(const carafe_event *event, size_t i, const char **topic, int32_t *partition, int64_t *offset)
{
	const struct crf_partitions *list;

	check_event(event);
	list = list_of(event);
	if (list == NULL || i >= list->count)
		return false;
	*topic = list->items[i].topic;
	*partition = list->items[i].partition;
	*offset = list->items[i].offset >= 0 ? list->items[i].offset : -1;
	return true;
}

bool
carafe_event_next(const carafe_event *event, int *at, const char **name, const char **text, int64_t *number)
{
	const struct crf_field *field;

	check_event(event);
	field = crf_event_next(event, at);
	if (field == NULL)
		return false;
	*name = crf_field_name(field->id);
	*text = field->text;
	*number = field->number;
	return true;
}
