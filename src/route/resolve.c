#include "route/resolve.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/mem.h"
#include "settings/kafka_list.h"

#define RESET "auto.offset.reset"

static const carafe_route none; /* defaults where none are drawn */

static const carafe_route *
defaults_of(const struct crf_compile *c)
{
	return c->tree->defaults != NULL ? c->tree->defaults : &none;
}

static int
pick(int own, int fallback, int root)
{
	return own != 0 ? own : fallback != 0 ? fallback : root;
}

/* ------------------------------------------------------------------------------------------------ kafka */

/* How near to the route something was said. */
enum level { APP, DEFAULTS, ROUTE };

static void
resolve_kafka(const struct crf_compile *c, struct crf_resolved *r)
{
	const carafe_route *d = defaults_of(c);
	bool on_defaults = r->route->opts.kafka_mode != CARAFE_KAFKA_REPLACE;

	r->inherits = on_defaults && d->opts.kafka_mode != CARAFE_KAFKA_REPLACE;
	if (r->inherits)
		crf_kafka_list_merge(&r->kafka, &c->settings->kafka);
	if (on_defaults)
		crf_kafka_list_merge(&r->kafka, &d->kafka);
	crf_kafka_list_merge(&r->kafka, &r->route->kafka);
	r->kafka.tokens = c->settings->kafka.tokens;
}

/* librdkafka has three words for each. */
static const char *
meaning(const char *reset)
{
	static const char *const words[][2] = {
		{ "smallest", "earliest" }, { "beginning", "earliest" }, { "largest", "latest" }, { "end", "latest" },
	};

	for (size_t i = 0; i < crf_array_len(words); i++)
		if (strcasecmp(words[i][0], reset) == 0)
			return words[i][1];
	return reset;
}

static enum level
level_of_reset(const struct crf_compile *c, const struct crf_resolved *r)
{
	if (crf_kafka_list_find(&r->route->kafka, RESET) != NULL)
		return ROUTE;
	return crf_kafka_list_find(&defaults_of(c)->kafka, RESET) != NULL ? DEFAULTS : APP;
}

/* librdkafka's own setting wins, but not in silence over an initial_offset that is said as near to the route or nearer. */
static void
check_reset(const struct crf_compile *c, const struct crf_resolved *r, const char *initial, enum level level)
{
	const struct crf_kv *reset = crf_kafka_list_find(&r->kafka, RESET);
	CRF_AUTO_FREE char *path = level == APP ? crf_strdup("initial_offset") :
				   level == DEFAULTS ? crf_strdup("defaults.initial_offset") :
						       crf_format("%s.initial_offset", r->path);

	if (level >= level_of_reset(c, r) && strcasecmp(meaning(reset->value), initial) != 0)
		crf_problem(c->out, path, "is %s, but %s is %s (%s); keep one", initial, RESET, reset->value, reset->origin);
}

/* Anything else was reported, and is left aside. */
static const char *
valid_offset(const carafe_route *r)
{
	const char *initial = r->opts.initial_offset;

	return initial != NULL && (strcmp(initial, "earliest") == 0 || strcmp(initial, "latest") == 0) ? initial : NULL;
}

static void
resolve_initial_offset(const struct crf_compile *c, struct crf_resolved *r)
{
	const struct crf_kv *root = crf_kvs_find(&c->settings->root, "initial_offset");
	const char *own = valid_offset(r->route), *fallback = valid_offset(defaults_of(c));
	const char *initial = own != NULL ? own : fallback != NULL ? fallback : root->value;
	enum level level = own != NULL ? ROUTE : fallback != NULL ? DEFAULTS : APP;
	CRF_AUTO_FREE char *origin = crf_format("initial_offset: %s",
	    level == ROUTE ? "code (route)" : level == DEFAULTS ? "code (defaults)" : root->origin);

	if (crf_kafka_list_find(&r->kafka, RESET) == NULL)
		crf_kafka_list_set(&r->kafka, RESET, initial, origin);
	else if (level != APP || strcmp(root->origin, "default") != 0)
		check_reset(c, r, initial, level);
}

char *
crf_kafka_path(const struct crf_compile *c, const struct crf_resolved *r, const char *key)
{
	bool has_own = r->route->has_kafka || r->route->opts.kafka_mode == CARAFE_KAFKA_REPLACE;
	bool own = crf_kafka_list_find(&r->route->kafka, key) != NULL;
	bool of_defaults = crf_kafka_list_find(&defaults_of(c)->kafka, key) != NULL;
	bool of_app = r->inherits && crf_kafka_list_find(&c->settings->kafka, key) != NULL;

	if (own || (!of_defaults && !of_app && has_own))
		return crf_format("%s.kafka.%s", r->path, key);
	if (of_defaults || (!of_app && defaults_of(c)->has_kafka))
		return crf_format("defaults.kafka.%s", key);
	return crf_format("kafka.%s", key);
}

/* ------------------------------------------------------------------------------------------------ options */

static void
resolve_handler(const struct crf_compile *c, struct crf_resolved *r)
{
	const carafe_route *d = defaults_of(c), *from = r->route->opts.handler != NULL ? r->route : d;

	r->handler = from->opts.handler;
	r->arg = r->route->opts.arg != NULL ? r->route->opts.arg : d->opts.arg;
}

static void
resolve(const struct crf_compile *c, const carafe_route *route, struct crf_resolved *r)
{
	const carafe_route_opts *own = &route->opts, *fallback = &defaults_of(c)->opts;
	const struct crf_values *v = &c->settings->v;

	r->route = route;
	r->group = route->group->name != NULL ? route->group->name : v->group_id;
	r->path = crf_format("groups.%s.%s", r->group, route->topic != NULL ? route->topic : "?");
	r->connection = own->connection != NULL ? own->connection : fallback->connection;
	r->max_messages = pick(own->max_messages, fallback->max_messages, v->max_messages);
	r->max_wait_time = pick(own->max_wait_time, fallback->max_wait_time, v->max_wait_time);
	if (r->max_wait_time == CARAFE_NONE)
		r->max_wait_time = 0;
	r->manual_marking = pick((int)own->marking, (int)fallback->marking, CARAFE_MARK_AUTO) == CARAFE_MARK_MANUAL;
	r->long_running = pick(own->long_running, fallback->long_running, CARAFE_NONE) != CARAFE_NONE;
	r->active = pick(own->inactive, fallback->inactive, CARAFE_NONE) == CARAFE_NONE;
	resolve_handler(c, r);
	resolve_kafka(c, r);
	resolve_initial_offset(c, r);
}

void
crf_resolve_routes(struct crf_compile *c)
{
	c->count = (size_t)c->tree->drawn;
	c->routes = crf_new_array(struct crf_resolved, c->count);
	crf_list_each (g, &c->tree->groups, carafe_group, link)
		crf_list_each (r, &g->routes, carafe_route, link)
			resolve(c, r, &c->routes[r->order]);
}
