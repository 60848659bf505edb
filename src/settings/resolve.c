/* From what was set to what holds. */
#include <arpa/inet.h>
#include <regex.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"
#include "core/text.h"
#include "kafka/conf.h"
#include "settings/env.h"
#include "settings/kafka_list.h"
#include "settings/table.h"

static CARAFE_PRINTF(2, 3) void
warn(struct crf_settings *s, const char *format, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	s->warnings = crf_realloc(s->warnings, s->warning_count + 1, sizeof(char *));
	s->warnings[s->warning_count++] = crf_strdup(text);
}

/* ------------------------------------------------------------------------------------------------ environment */

void
crf_settings_name_env(struct crf_settings *s, const char *name)
{
	free(s->env_name);
	s->env_name = crf_strdup(name);
}

static void
resolve_env(struct crf_settings *s)
{
	const char *meant;

	if (s->env_name == NULL)
		crf_settings_name_env(s, crf_env_name(CRF_DEVELOPMENT));
	if (crf_env_parse(s->env_name, &s->env))
		return;
	s->env = CRF_PRODUCTION;
	if ((meant = crf_env_meant(s->env_name)) != NULL)
		warn(s, "CARAFE_ENV=%s is not a known environment; did you mean %s? It counts as production until it is", s->env_name,
		    meant);
	else
		warn(s,
		    "CARAFE_ENV=%s is not a known environment (development, test, staging, production are); it counts as production",
		    s->env_name);
}

/* ------------------------------------------------------------------------------------------------ defaults */

/* Where the environment has a default of its own. */
static const struct {
	const char *path;
	enum crf_env env;
	const char *value;
} special[] = {
	{ "log.level", CRF_TEST, "warn" },
};

static void
put_default(struct crf_settings *s, const struct crf_setting *setting)
{
	char origin[64];

	crf_kvs_set(&s->root, setting->path, setting->fallback, "default");
	for (size_t i = 0; i < crf_array_len(special); i++) {
		if (special[i].env != s->env || strcmp(special[i].path, setting->path) != 0)
			continue;
		snprintf(origin, sizeof(origin), "default (%s)", crf_env_name(s->env));
		crf_kvs_set(&s->root, setting->path, special[i].value, origin);
	}
}

static void
merge(struct crf_settings *s)
{
	for (size_t i = 0; i < crf_row_count; i++)
		put_default(s, &crf_rows[i].setting);
	for (int i = 0; i < CRF_LAYER_COUNT; i++) {
		crf_kvs_copy(&s->root, &s->layers[i]);
		crf_kafka_list_merge(&s->kafka, &s->kafka_layers[i]);
	}
}

/* ------------------------------------------------------------------------------------------------ values */

static bool
matches(const char *pattern, const char *value)
{
	regex_t regex;
	bool match;

	if (regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB) != 0)
		crf_panic("settings.def: %s is no regular expression", pattern);
	match = regexec(&regex, value, 0, NULL, 0) == 0;
	regfree(&regex);
	return match;
}

static bool
is_one_of(const char *alternatives, const char *value)
{
	for (const char *at = alternatives; at != NULL; at = strchr(at, '|')) {
		size_t len;

		at += *at == '|';
		len = strcspn(at, "|");
		if (strlen(value) == len && strncmp(at, value, len) == 0)
			return true;
	}
	return false;
}

static bool
read_int(const struct crf_row *row, const struct crf_kv *kv, void *member, struct crf_problems *out)
{
	const struct crf_setting *t = &row->setting;
	int64_t n;

	if (!crf_parse_int(kv->value, &n)) {
		crf_problem(out, t->path, "\"%s\" is not a whole number (%s); %ld to %ld is allowed", kv->value, kv->origin, t->low,
		    t->high);
		return false;
	}
	if (n < t->low || n > t->high) {
		crf_problem(out, t->path, "%s is out of bounds (%s); %ld to %ld is allowed", kv->value, kv->origin, t->low, t->high);
		return false;
	}
	*(int *)member = (int)n;
	return true;
}

static bool
read_bool(const struct crf_row *row, const struct crf_kv *kv, void *member, struct crf_problems *out)
{
	if (crf_parse_bool(kv->value, member))
		return true;
	crf_problem(out, row->setting.path, "\"%s\" is neither true nor false (%s)", kv->value, kv->origin);
	return false;
}

static bool
read_text(const struct crf_row *row, const struct crf_kv *kv, void *member, struct crf_problems *out)
{
	const struct crf_setting *t = &row->setting;
	bool regex = t->pattern != NULL && t->pattern[0] == '^';

	if (t->pattern != NULL && !(regex ? matches : is_one_of)(t->pattern, kv->value)) {
		crf_problem(out, t->path, "\"%s\" is not allowed (%s); it must %s %s", kv->value, kv->origin, regex ? "match" : "be one of",
		    t->pattern);
		return false;
	}
	*(const char **)member = kv->value;
	return true;
}

static bool
read_value(struct crf_settings *s, const struct crf_row *row, struct crf_problems *out)
{
	static bool (*const readers[])(const struct crf_row *, const struct crf_kv *, void *, struct crf_problems *) = {
		[CRF_ROW_INT] = read_int,
		[CRF_ROW_BOOL] = read_bool,
		[CRF_ROW_TEXT] = read_text,
	};

	return readers[row->kind](row, crf_kvs_find(&s->root, row->setting.path), (char *)&s->v + row->at, out);
}

/* Whatever was written, one spelling is shown: 010 as 10, Yes as true. */
static void
show_value(struct crf_settings *s, const struct crf_row *row)
{
	const void *member = (const char *)&s->v + row->at;
	const struct crf_kv *kv = crf_kvs_find(&s->root, row->setting.path);
	char text[16];

	if (row->kind == CRF_ROW_TEXT)
		return;
	if (row->kind == CRF_ROW_INT)
		snprintf(text, sizeof(text), "%d", *(const int *)member);
	else
		snprintf(text, sizeof(text), "%s", *(const bool *)member ? "true" : "false");
	crf_kvs_set(&s->root, kv->key, text, kv->origin);
}

static void
read_values(struct crf_settings *s, struct crf_problems *out)
{
	for (size_t i = 0; i < crf_row_count; i++) {
		if (!read_value(s, &crf_rows[i], out)) {
			put_default(s, &crf_rows[i].setting);
			read_value(s, &crf_rows[i], out);
		}
		show_value(s, &crf_rows[i]);
	}
}

/* ------------------------------------------------------------------------------------------------ rules across */

static bool
is_given(const struct crf_settings *s, const char *path)
{
	return strncmp(crf_kvs_find(&s->root, path)->origin, "default", strlen("default")) != 0;
}

static void
follow_shutdown(struct crf_settings *s)
{
	const char *path = "drain_timeout";

	if (is_given(s, path) || s->v.drain_timeout <= s->v.shutdown_timeout)
		return;
	s->v.drain_timeout = s->v.shutdown_timeout;
	crf_kvs_set(&s->root, path, crf_kvs_get(&s->root, "shutdown_timeout"), "default (shutdown_timeout)");
}

static bool
is_wrong(const struct crf_problems *l, const char *path)
{
	for (size_t i = 0; i < l->count; i++)
		if (strcmp(l->items[i].path, path) == 0)
			return true;
	return false;
}

/* Defaults that stand in for values that are wrong contradict nothing. */
static void
check_order(const struct crf_settings *s, const char *lesser, const char *greater, bool strictly, struct crf_problems *out)
{
	const struct crf_kv *a = crf_kvs_find(&s->root, lesser), *b = crf_kvs_find(&s->root, greater);
	int64_t low = 0, high = 0;

	if (is_wrong(out, lesser) || is_wrong(out, greater))
		return;
	crf_parse_int(a->value, &low);
	crf_parse_int(b->value, &high);
	if (low > high || (strictly && low == high))
		crf_problem(out, lesser, "%s (%s) must be %s %s, which is %s (%s); lower the one or raise the other", a->value, a->origin,
		    strictly ? "less than" : "at most", greater, b->value, b->origin);
}

/* Else it would be looked up as a name, and the port be none. */
static void
check_address(const struct crf_settings *s, const char *path, struct crf_problems *out)
{
	const struct crf_kv *kv = crf_kvs_find(&s->root, path);
	struct in6_addr any;

	if (!is_wrong(out, path) && inet_pton(AF_INET, kv->value, &any) != 1 && inet_pton(AF_INET6, kv->value, &any) != 1)
		crf_problem(out, path, "\"%s\" is no address (%s); such as 127.0.0.1 or ::1 is", kv->value, kv->origin);
}

static void
check_across(const struct crf_settings *s, struct crf_problems *out)
{
	check_address(s, "liveness.host", out);
	check_order(s, "pause.timeout", "pause.max_timeout", false, out);
	check_order(s, "max_wait_time", "shutdown_timeout", true, out);
	check_order(s, "drain_timeout", "shutdown_timeout", false, out);
}

/* ------------------------------------------------------------------------------------------------ librdkafka's */

/* What is wrong with the app's list alone. Routes may complete it, so only what it says itself can be held against it. */
static void
check_kafka(const struct crf_settings *s, enum crf_client_kind kind, struct crf_problems *out)
{
	CRF_AUTO(crf_problems) found = { 0 };

	crf_conf_check(&s->kafka, kind, "kafka", &found);
	for (size_t i = 0; i < found.count; i++)
		if (crf_kvs_find(&s->kafka, found.items[i].path + strlen("kafka.")) != NULL)
			crf_problem(out, found.items[i].path, "%s", found.items[i].text);
}

void
crf_settings_resolve(struct crf_settings *s, struct crf_problems *out)
{
	crf_problems_add_all(out, &s->problems);
	resolve_env(s);
	merge(s);
	read_values(s, out);
	follow_shutdown(s);
	check_across(s, out);
	check_kafka(s, CRF_CONSUMER, out);
	check_kafka(s, CRF_PRODUCER, out);
}
