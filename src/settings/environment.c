/* CARAFE_ variables. The name is that of the setting in capitals, with '_' for every '.': no two settings differ only in
 * that, so there is one meaning to each name. */
#include <string.h>

#include "core/mem.h"
#include "core/text.h"
#include "kafka/conf.h"
#include "settings/kafka_list.h"
#include "settings/table.h"

#define PREFIX "CARAFE_"
#define KAFKA PREFIX "KAFKA_"
#define NAME_MAX_LEN 64

static bool
starts(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

/* librdkafka's key as the name of a variable. */
static char *
kafka_name(const char *key)
{
	char *name = crf_format(KAFKA "%s", key);

	for (char *c = name; *c != '\0'; c++)
		*c = *c == '.' || *c == '-' ? '_' : *c >= 'a' && *c <= 'z' ? (char)(*c - 'a' + 'A') : *c;
	return name;
}

static void
report_unknown(struct crf_settings *s, const char *name, const char *near)
{
	if (near != NULL)
		crf_problem(&s->problems, name, "in the environment is not a setting; did you mean %s?", near);
	else
		crf_problem(&s->problems, name, "in the environment is not a setting; names that start with " PREFIX " are carafe's");
}

static void
set_kafka(struct crf_settings *s, const char *name, const char *value)
{
	const char *key = crf_conf_from_env(name + strlen(KAFKA)), *near = NULL;
	CRF_AUTO_FREE char *origin = crf_format("environment %s", name), *meant = NULL;
	const struct crf_kv *other;

	if (key == NULL) {
		if ((near = crf_conf_nearest(name + strlen(KAFKA))) != NULL)
			meant = kafka_name(near);
		report_unknown(s, name, meant);
		return;
	}
	/* The order of variables means nothing, so neither can win. */
	other = crf_kafka_list_find(&s->kafka_layers[CRF_LAYER_ENVIRONMENT], key);
	if (other != NULL && strcmp(other->value, value) != 0)
		crf_problem(&s->problems, name, "contradicts %s: both are %s; keep one", other->origin, key);
	else
		crf_settings_set(s, CRF_LAYER_ENVIRONMENT, key, value, origin);
}

/* Paths and names compare alike: neither case nor the kind of separator counts. */
static const char *
candidate(const void *arg, size_t i)
{
	(void)arg;
	if (i == crf_row_count)
		return "env";
	if (i == crf_row_count + 1)
		return "config";
	return crf_rows[i].setting.path;
}

static void
report_unknown_root(struct crf_settings *s, const char *name)
{
	const char *bare = name + strlen(PREFIX), *key = crf_conf_from_env(bare);
	const char *near = crf_nearest(bare, crf_row_count + 2, candidate, NULL);
	CRF_AUTO_FREE char *meant = NULL;
	char env[NAME_MAX_LEN];

	if (key != NULL)
		meant = kafka_name(key);
	else if (near != NULL)
		meant = crf_strdup(crf_setting_env(&(struct crf_setting){ .path = near }, env, sizeof(env)));
	report_unknown(s, name, meant);
}

static void
set_root(struct crf_settings *s, const char *name, const char *value)
{
	const struct crf_row *row = crf_row_from_env(name);
	CRF_AUTO_FREE char *origin = crf_format("environment %s", name);

	if (row != NULL)
		crf_settings_set(s, CRF_LAYER_ENVIRONMENT, row->setting.path, value, origin);
	else
		report_unknown_root(s, name);
}

static void
read_config(struct crf_settings *s, const char *name, const char *path)
{
	if (*path == '\0')
		crf_problem(&s->problems, name, "in the environment is empty; let it name a file of settings, or unset it");
	else
		crf_settings_from_file_as(s, CRF_LAYER_CONFIG, path);
}

static void
set(struct crf_settings *s, const char *name, const char *value)
{
	if (strcmp(name, PREFIX "ENV") == 0)
		crf_settings_name_env(s, value);
	else if (strcmp(name, PREFIX "CONFIG") == 0)
		read_config(s, name, value);
	else if (starts(name, KAFKA))
		set_kafka(s, name, value);
	else
		set_root(s, name, value);
}

void
crf_settings_from_environment(struct crf_settings *s, char *const *environ)
{
	for (char *const *entry = environ; entry != NULL && *entry != NULL; entry++) {
		const char *equals = strchr(*entry, '=');
		CRF_AUTO_FREE char *name = NULL;

		if (!starts(*entry, PREFIX) || equals == NULL)
			continue;
		name = crf_strndup(*entry, (size_t)(equals - *entry));
		set(s, name, equals + 1);
	}
}
