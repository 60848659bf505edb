/* Every setting, its value, and where it came from; what is routed. Gathered once, written as text or as JSON. */
#include <stdlib.h>
#include <string.h>

#include "app/app.h"
#include "cli/cli.h"
#include "cli/info.h"
#include "core/mem.h"
#include "flow/plan.h"
#include "kafka/conf.h"
#include "kafka/kafka.h"

#define MASK "********"
#define KEY_WIDTH 34
#define VALUE_WIDTH 30

const char *
crf_info_shown(const char *key, const char *value)
{
	return *value != '\0' && crf_conf_secret(key) ? MASK : value;
}

static const char *
handler_kind(const struct crf_topic *t)
{
	return t->handler.consume != NULL ? "batch" : "message";
}

/* What a connection has that the app has not, or has otherwise. */
static bool
is_own(const struct crf_kvs *shared, const struct crf_kv *kv)
{
	const char *value = crf_kvs_get(shared, kv->key);

	return value == NULL || strcmp(value, kv->value) != 0;
}

static void
add_target(const char *topic, void *arg)
{
	crf_words_add(arg, topic);
}

/* Settings of librdkafka that connections start from: the app's, and what carafe fills in. */
static void
shared_kafka(const struct crf_settings *s, struct crf_kvs *out)
{
	crf_kvs_copy(out, &s->kafka);
	crf_settings_inject_consumer(s, out);
}

/* ------------------------------------------------------------------------------------------------ text */

static void
text_kv(struct crf_buf *out, const struct crf_kv *kv, int indent)
{
	const char *value = crf_info_shown(kv->key, kv->value);

	crf_buf_printf(out, "%*s%-*s %-*s %s\n", indent, "", KEY_WIDTH - indent, kv->key, VALUE_WIDTH, *value != '\0' ? value : "-",
	    kv->origin);
}

static void
text_head(struct crf_buf *out, const struct crf_settings *s)
{
	crf_buf_printf(out, "carafe %s, librdkafka %s (built for %s)\n", carafe_version(), crf_kafka_version(),
	    crf_kafka_version_built());
	crf_buf_printf(out, "features     %s\n", crf_conf_features());
	crf_buf_printf(out, "environment  %s%s\n", s->env_name != NULL ? s->env_name : crf_env_name(s->env),
	    getenv("CARAFE_ENV") == NULL ? " (CARAFE_ENV is not set)" : "");
	for (size_t i = 0; i < s->warning_count; i++)
		crf_buf_printf(out, "warning: %s\n", s->warnings[i]);
}

static void
text_settings(struct crf_buf *out, const struct crf_settings *s, const struct crf_kvs *shared)
{
	crf_buf_puts(out, "\nSettings of carafe\n");
	for (size_t i = 0; i < s->root.count; i++)
		text_kv(out, &s->root.items[i], 2);
	crf_buf_puts(out, "\nSettings of librdkafka (what is not here has its own default)\n");
	for (size_t i = 0; i < shared->count; i++)
		text_kv(out, &shared->items[i], 2);
}

static void
text_topic(struct crf_buf *out, const struct crf_topic *t)
{
	struct crf_words targets = { 0 };

	crf_buf_printf(out, "    %s %s: %s handler; ", t->pattern ? "pattern" : "topic", t->name, handler_kind(t));
	crf_plan_describe(t, out);
	crf_plan_targets(t, add_target, &targets);
	for (size_t i = 0; i < targets.count; i++)
		crf_buf_printf(out, "%s%s", i == 0 ? "; writes to " : ", ", targets.items[i]);
	crf_buf_putc(out, '\n');
	crf_words_fini(&targets);
}

/* What a route that replaces the app's settings goes without. */
static void
text_missing(struct crf_buf *out, const struct crf_connection_spec *c, const struct crf_kvs *shared)
{
	const char *gap = "      without the app's ";

	for (size_t i = 0; i < shared->count; i++) {
		if (crf_kvs_find(&c->kafka, shared->items[i].key) != NULL)
			continue;
		crf_buf_printf(out, "%s%s", gap, shared->items[i].key);
		gap = ", ";
	}
	if (*gap == ',')
		crf_buf_putc(out, '\n');
}

static void
text_connection(struct crf_buf *out, const struct crf_connection_spec *c, const struct crf_kvs *shared)
{
	crf_buf_printf(out, "  connection %s%s\n", c->name, c->active ? "" : " (not active)");
	if (c->multiplex.max > 0)
		crf_buf_printf(out, "    %d to %d copies, %d at first\n", c->multiplex.min, c->multiplex.max, c->multiplex.boot);
	for (size_t i = 0; i < c->topic_count; i++)
		text_topic(out, &c->topics[i]);
	for (size_t i = 0; i < c->kafka.count; i++)
		if (is_own(shared, &c->kafka.items[i]))
			text_kv(out, &c->kafka.items[i], 6);
	text_missing(out, c, shared);
}

static void
text_routing(struct crf_buf *out, const struct crf_routing *r, const struct crf_kvs *shared)
{
	const char *group = "";

	for (size_t i = 0; i < r->count; i++) {
		if (strcmp(group, r->connections[i].group) != 0)
			crf_buf_printf(out, "\nGroup %s\n", r->connections[i].group);
		group = r->connections[i].group;
		text_connection(out, &r->connections[i], shared);
	}
}

static void
as_text(struct crf_buf *out, const carafe *app, const struct crf_kvs *shared)
{
	text_head(out, &app->settings);
	text_settings(out, &app->settings, shared);
	text_routing(out, &app->routing, shared);
}

/* ------------------------------------------------------------------------------------------------ JSON */

/* "name": with a comma before it, but for the first of its object. */
static void
json_name(struct crf_buf *out, const char *name)
{
	if (out->len > 0 && strchr("{[", out->data[out->len - 1]) == NULL)
		crf_buf_putc(out, ',');
	if (name == NULL)
		return;
	crf_buf_json(out, name);
	crf_buf_putc(out, ':');
}

static void
json_text(struct crf_buf *out, const char *name, const char *value)
{
	json_name(out, name);
	crf_buf_json(out, value);
}

static void
json_kvs(struct crf_buf *out, const char *name, const struct crf_kvs *l)
{
	json_name(out, name);
	crf_buf_putc(out, '{');
	for (size_t i = 0; i < l->count; i++) {
		json_name(out, l->items[i].key);
		crf_buf_putc(out, '{');
		json_text(out, "value", crf_info_shown(l->items[i].key, l->items[i].value));
		json_text(out, "origin", l->items[i].origin);
		crf_buf_putc(out, '}');
	}
	crf_buf_putc(out, '}');
}

static void
json_words(struct crf_buf *out, const char *name, const struct crf_words *words)
{
	json_name(out, name);
	crf_buf_putc(out, '[');
	for (size_t i = 0; i < words->count; i++)
		json_text(out, NULL, words->items[i]);
	crf_buf_putc(out, ']');
}

static void
json_topic(struct crf_buf *out, const struct crf_topic *t)
{
	CRF_AUTO(crf_buf) plan = { 0 };
	struct crf_words targets = { 0 }, steps = { 0 };
	char *rest = NULL;

	crf_plan_describe(t, &plan);
	crf_plan_targets(t, add_target, &targets);
	if (plan.len > 0)
		for (char *s = strtok_r(plan.data, " ", &rest); s != NULL; s = strtok_r(NULL, " ", &rest))
			crf_words_add(&steps, s);
	json_name(out, NULL);
	crf_buf_putc(out, '{');
	json_text(out, "topic", t->name);
	json_text(out, "handler", handler_kind(t));
	json_words(out, "features", &steps);
	json_words(out, "writes_to", &targets);
	crf_buf_putc(out, '}');
	crf_words_fini(&steps);
	crf_words_fini(&targets);
}

static void
json_connection(struct crf_buf *out, const struct crf_connection_spec *c)
{
	json_name(out, NULL);
	crf_buf_putc(out, '{');
	json_text(out, "group", c->group);
	json_text(out, "connection", c->name);
	json_name(out, "active");
	crf_buf_puts(out, c->active ? "true" : "false");
	json_name(out, "topics");
	crf_buf_putc(out, '[');
	for (size_t i = 0; i < c->topic_count; i++)
		json_topic(out, &c->topics[i]);
	crf_buf_putc(out, ']');
	json_kvs(out, "kafka", &c->kafka);
	crf_buf_putc(out, '}');
}

static void
json_problems(struct crf_buf *out, const struct crf_problems *p)
{
	json_name(out, "problems");
	crf_buf_putc(out, '[');
	for (size_t i = 0; i < p->count; i++) {
		json_name(out, NULL);
		crf_buf_putc(out, '{');
		json_text(out, "path", p->items[i].path);
		json_text(out, "problem", p->items[i].text);
		crf_buf_putc(out, '}');
	}
	crf_buf_putc(out, ']');
}

static void
as_json(struct crf_buf *out, const carafe *app, const struct crf_kvs *shared)
{
	crf_buf_putc(out, '{');
	json_text(out, "carafe", carafe_version());
	json_text(out, "librdkafka", crf_kafka_version());
	json_text(out, "librdkafka_built", crf_kafka_version_built());
	json_text(out, "features", crf_conf_features());
	json_text(out, "environment", crf_env_name(app->settings.env));
	json_kvs(out, "settings", &app->settings.root);
	json_kvs(out, "kafka", shared);
	json_name(out, "connections");
	crf_buf_putc(out, '[');
	for (size_t i = 0; i < app->routing.count; i++)
		json_connection(out, &app->routing.connections[i]);
	crf_buf_putc(out, ']');
	json_problems(out, &app->problems);
	crf_buf_puts(out, "}\n");
}

/* ------------------------------------------------------------------------------------------------ the command */

void
crf_info(const carafe *app, bool json, struct crf_buf *out)
{
	struct crf_kvs shared = { 0 };

	shared_kafka(&app->settings, &shared);
	if (json)
		as_json(out, app, &shared);
	else
		as_text(out, app, &shared);
	crf_kvs_fini(&shared);
}

int
crf_command_info(struct crf_call *call)
{
	CRF_AUTO(crf_buf) text = { 0 };
	bool json = crf_call_has(call, CRF_OPT_JSON);
	bool right = crf_app_prepare(call->app, &(struct crf_scope){ 0 }, NULL) == CARAFE_OK || call->where == CRF_IN_TOOL;
	int status;

	crf_info(call->app, json, &text);
	if ((status = crf_print(call, &text)) != CRF_EXIT_OK || right)
		return status;
	return json ? CRF_EXIT_CONFIG : crf_call_problems(call);
}

int
crf_command_version(struct crf_call *call)
{
	CRF_AUTO(crf_buf) text = { 0 };

	crf_buf_printf(&text, "carafe %s, librdkafka %s\n", carafe_version(), crf_kafka_version());
	return crf_print(call, &text);
}
