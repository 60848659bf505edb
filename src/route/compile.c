/* From the tree to the routing. */
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"
#include "core/text.h"
#include "route/resolve.h"

static bool
is_true(const struct crf_kvs *kafka, const char *key)
{
	const char *value = crf_kvs_get(kafka, key);
	bool yes = false;

	return value != NULL && crf_parse_bool(value, &yes) && yes;
}

static void
add_topic(const struct crf_compile *c, struct crf_connection_spec *spec, const struct crf_resolved *r)
{
	struct crf_topic *t = &spec->topics[spec->drawn_count++];

	*t = (struct crf_topic){
		.route = r->route,
		.name = r->route->topic,
		.pattern = r->route->pattern,
		.connection = spec,
		.handler = r->handler != NULL ? *r->handler : (carafe_handler){ 0 },
		.arg = r->arg,
		.max_messages = r->max_messages,
		.max_wait_time = r->max_wait_time,
		.manual_marking = r->manual_marking,
		.long_running = r->long_running || crf_assign_is_drawn(r->route), /* nobody waits for it */
		.persistent = c->settings->v.consumer_persistence,
		.eof = is_true(&spec->kafka, "enable.partition.eof"),
	};
	crf_assign_read(r->route, &t->direct);
	spec->direct = t->direct.on;
}

static void
add_topics(const struct crf_compile *c, size_t index, bool consumed)
{
	struct crf_connection_spec *spec = &c->routing->connections[index];

	for (size_t i = 0; i < c->count; i++) {
		const struct crf_resolved *r = &c->routes[i];

		if (r->connection_index == index && (r->active && r->in_scope) == consumed)
			add_topic(c, spec, r);
	}
}

/* Last, when connections have their places in memory. */
static void
fill(const struct crf_compile *c)
{
	for (size_t i = 0; i < c->routing->count; i++) {
		struct crf_connection_spec *spec = &c->routing->connections[i];

		spec->routing = c->routing;
		spec->topics = crf_new_array(struct crf_topic, c->count);
		add_topics(c, i, true);
		spec->topic_count = spec->drawn_count;
		for (size_t j = 0; j < spec->topic_count; j++)
			spec->has_patterns = spec->has_patterns || spec->topics[j].pattern;
		spec->active = spec->topic_count > 0;
		add_topics(c, i, false);
	}
}

static void
compile_fini(struct crf_compile *c)
{
	for (size_t i = 0; i < c->count; i++) {
		free(c->routes[i].path);
		crf_kvs_fini(&c->routes[i].kafka);
	}
	free(c->routes);
	free(c->firsts);
}

void
crf_route_compile(const struct crf_tree *t, const struct crf_settings *s, const struct crf_scope *scope,
    struct crf_routing *routing, struct crf_problems *out)
{
	struct crf_compile c = { .tree = t, .settings = s, .out = out, .routing = routing };

	*routing = (struct crf_routing){ 0 };
	crf_resolve_routes(&c);
	crf_validate_routes(&c);
	crf_match_routes(&c);
	crf_connect_routes(&c);
	crf_complete_connections(&c);
	crf_identify_connections(&c);
	crf_multiplex_connections(&c);
	crf_scope_apply(&c, scope);
	fill(&c);
	compile_fini(&c);
}

void
crf_routing_fini(struct crf_routing *routing)
{
	for (size_t i = 0; i < routing->count; i++) {
		struct crf_connection_spec *spec = &routing->connections[i];

		free(spec->group);
		free(spec->name);
		for (size_t j = 0; j < spec->drawn_count; j++)
			crf_direct_fini(&spec->topics[j].direct);
		free(spec->topics);
		crf_kvs_fini(&spec->kafka);
	}
	crf_matchers_fini(routing);
	free(routing->connections);
	*routing = (struct crf_routing){ 0 };
}
