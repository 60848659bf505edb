#include "settings/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"
#include "core/text.h"
#include "kafka/conf.h"
#include "settings/given.h"
#include "settings/kafka_list.h"
#include "settings/table.h"

#define KAFKA_PREFIX "kafka."

void
crf_settings_init(struct crf_settings *s)
{
	*s = (struct crf_settings){ 0 };
}

void
crf_settings_fini(struct crf_settings *s)
{
	for (int i = 0; i < CRF_LAYER_COUNT; i++) {
		crf_kvs_fini(&s->layers[i]);
		crf_kvs_fini(&s->kafka_layers[i]);
	}
	for (size_t i = 0; i < s->warning_count; i++)
		free(s->warnings[i]);
	free(s->warnings);
	crf_problems_fini(&s->problems);
	crf_kvs_fini(&s->root);
	crf_kvs_fini(&s->kafka);
	free(s->env_name);
	*s = (struct crf_settings){ 0 };
}

static const char *
candidate(const void *arg, size_t i)
{
	return ((const char *const *)arg)[i];
}

/* The nearer of what is near among carafe's settings and among librdkafka's. */
static const char *
nearest(const char *key)
{
	const char *both[2];
	size_t n = 0;

	if ((both[n] = crf_row_nearest(key)) != NULL)
		n++;
	if ((both[n] = crf_conf_nearest(key)) != NULL)
		n++;
	return crf_nearest(key, n, candidate, both);
}

static void
report_unknown(struct crf_settings *s, const char *key, const char *of, const char *near, const char *origin)
{
	if (near != NULL)
		crf_problem(&s->problems, key, "is not a setting of %s; did you mean %s? (%s)", of, near, origin);
	else
		crf_problem(&s->problems, key, "is not a setting of %s (%s)", of, origin);
}

static void
set_kafka(struct crf_settings *s, enum crf_layer layer, const char *key, const char *value, const char *origin)
{
	CRF_AUTO_FREE char *path = crf_format(KAFKA_PREFIX "%s", key);

	if (crf_conf_known(key))
		crf_kafka_list_set(&s->kafka_layers[layer], key, value, origin);
	else if (crf_row_find(key) != NULL)
		crf_problem(&s->problems, path, "is a setting of carafe, not of librdkafka: set %s (%s)", key, origin);
	else
		report_unknown(s, path, "librdkafka", crf_conf_nearest(key), origin);
}

void
crf_settings_set(struct crf_settings *s, enum crf_layer layer, const char *key, const char *value, const char *origin)
{
	if (strncmp(key, KAFKA_PREFIX, strlen(KAFKA_PREFIX)) == 0)
		set_kafka(s, layer, key + strlen(KAFKA_PREFIX), value, origin);
	else if (crf_row_find(key) != NULL)
		crf_kvs_set(&s->layers[layer], key, value, origin);
	else if (crf_conf_known(key))
		set_kafka(s, layer, key, value, origin);
	else
		report_unknown(s, key, "carafe or librdkafka", nearest(key), origin);
}

/* ------------------------------------------------------------------------------------------------ code */

static void
set_text(struct crf_settings *s, const char *key, const char *value)
{
	if (value != NULL)
		crf_settings_set(s, CRF_LAYER_CODE, key, value, "code");
}

static void
set_number(struct crf_settings *s, const char *key, int value)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", value);
	if (value != 0)
		set_text(s, key, text);
}

static void
set_listed(const carafe_kv *kv, void *arg)
{
	struct crf_settings *s = arg;
	const char *option = crf_kvs_get(&s->layers[CRF_LAYER_CODE], kv->key);

	if (option != NULL && strcmp(option, kv->value) != 0)
		crf_problem(&s->problems, kv->key, "is %s as an option of carafe_new and %s in .settings; keep one", option, kv->value);
	else
		set_text(s, kv->key, kv->value);
}

static void
set_kafka_listed(const carafe_kv *kv, void *arg)
{
	const char *key = kv->key;

	if (strncmp(key, KAFKA_PREFIX, strlen(KAFKA_PREFIX)) == 0)
		key += strlen(KAFKA_PREFIX);
	set_kafka(arg, CRF_LAYER_CODE, key, kv->value, "code");
}

void
crf_settings_from_code(struct crf_settings *s, const carafe_opts *opts)
{
	carafe_opts o;

	crf_given_opts(&o, sizeof(o), opts, "carafe_new", &s->problems);
	set_text(s, "client_id", o.client_id);
	set_text(s, "initial_offset", o.initial_offset);
	set_number(s, "concurrency", o.concurrency);
	set_number(s, "max_messages", o.max_messages);
	set_number(s, "max_wait_time", o.max_wait_time);
	set_number(s, "shutdown_timeout", o.shutdown_timeout);
	crf_given_list(o.settings, "", &s->problems, set_listed, s);
	crf_given_list(o.kafka, "kafka", &s->problems, set_kafka_listed, s);
}

/* ------------------------------------------------------------------------------------------------ command line */

bool
crf_settings_from_option(struct crf_settings *s, const char *option)
{
	const char *equals = strchr(option, '=');
	CRF_AUTO_FREE char *key = NULL;

	if (equals == NULL)
		return false;
	key = crf_strndup(option, (size_t)(equals - option));
	crf_settings_set(s, CRF_LAYER_COMMAND_LINE, key, equals + 1, "command line -X");
	return true;
}
