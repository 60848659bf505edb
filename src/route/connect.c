/* Which routes share a connection, and what each connection's client is told. */
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/mem.h"
#include "kafka/conf.h"
#include "route/resolve.h"
#include "settings/kafka_list.h"

/* ------------------------------------------------------------------------------------------------ putting together */

static bool
is_unset(const struct crf_kvs *l, const struct crf_kv *kv)
{
	const struct crf_kv *other = crf_kafka_list_find(l, kv->key);

	return other == NULL || strcmp(other->value, kv->value) != 0;
}

static void
list_difference(const struct crf_kvs *a, const struct crf_kvs *b, struct crf_buf *keys)
{
	for (size_t i = 0; i < a->count; i++)
		if (is_unset(b, &a->items[i]))
			crf_buf_printf(keys, "%s%s", keys->len ? ", " : "", a->items[i].key);
	for (size_t i = 0; i < b->count; i++)
		if (crf_kafka_list_find(a, b->items[i].key) == NULL)
			crf_buf_printf(keys, "%s%s", keys->len ? ", " : "", b->items[i].key);
}

static void
check_named(const struct crf_compile *c, const struct crf_resolved *r, const struct crf_resolved *before)
{
	CRF_AUTO_FREE char *path = crf_format("%s.connection", r->path);
	CRF_AUTO(crf_buf) keys = { 0 };

	list_difference(&r->kafka, &before->kafka, &keys);
	if (keys.len > 0)
		crf_problem(c->out, path,
		    "\"%s\" is that of topic %s too, but their kafka settings differ in %s; make them the same, or name two connections",
		    r->connection, before->route->topic ? before->route->topic : "?", crf_buf_str(&keys));
}

static bool
share(const struct crf_resolved *a, const struct crf_resolved *b)
{
	if (strcmp(a->group, b->group) != 0)
		return false;
	if (a->connection != NULL && b->connection != NULL)
		return strcmp(a->connection, b->connection) == 0;
	return a->connection == b->connection && crf_kvs_equal(&a->kafka, &b->kafka);
}

static char *
name_connection(const struct crf_compile *c, const struct crf_resolved *r)
{
	int number = 0;

	if (r->connection != NULL)
		return crf_format("%s_%s", r->group, r->connection);
	for (size_t i = 0; i < c->routing->count; i++) {
		const struct crf_resolved *first = crf_connection_first(c, i);

		number += strcmp(first->group, r->group) == 0 && first->connection == NULL;
	}
	return crf_format("%s_%d", r->group, number);
}

static size_t
add_connection(struct crf_compile *c, const struct crf_resolved *r)
{
	struct crf_connection_spec spec = { .group = crf_strdup(r->group), .name = name_connection(c, r) };

	spec.position = (int)c->routing->count;
	crf_kvs_copy(&spec.kafka, &r->kafka);
	c->routing->connections = crf_realloc(c->routing->connections, c->routing->count + 1, sizeof(spec));
	c->routing->connections[c->routing->count] = spec;
	c->firsts = crf_realloc(c->firsts, c->routing->count + 1, sizeof(*c->firsts));
	c->firsts[c->routing->count] = (size_t)(r - c->routes);
	return c->routing->count++;
}

static size_t
connect_route(struct crf_compile *c, const struct crf_resolved *r)
{
	for (size_t i = 0; i < c->routing->count; i++) {
		const struct crf_resolved *first = crf_connection_first(c, i);

		if (share(r, first)) {
			if (r->connection != NULL)
				check_named(c, r, first);
			return i;
		}
	}
	return add_connection(c, r);
}

static void
check_names(const struct crf_compile *c)
{
	const struct crf_routing *routing = c->routing;

	for (size_t i = 0; i < routing->count; i++)
		for (size_t j = 0; j < i; j++)
			if (strcmp(routing->connections[i].name, routing->connections[j].name) == 0)
				crf_problem(c->out, crf_connection_first(c, i)->path,
				    "would have a connection of the name %s, as has topic %s of group %s; name one of them with .connection",
				    routing->connections[i].name, crf_connection_first(c, j)->route->topic,
				    routing->connections[j].group);
}

void
crf_connect_routes(struct crf_compile *c)
{
	for (size_t i = 0; i < c->count; i++)
		c->routes[i].connection_index = SIZE_MAX;
	for (size_t i = 0; i < c->count; i++)
		if (!c->routes[i].left_out)
			c->routes[i].connection_index = connect_route(c, &c->routes[i]);
	check_names(c);
}

/* ------------------------------------------------------------------------------------------------ completing */

static void
report(const struct crf_compile *c, const struct crf_resolved *r, const char *key, const char *text)
{
	CRF_AUTO_FREE char *path = crf_kafka_path(c, r, key);

	crf_problem(c->out, path, "%s", text);
}

static void
set_group(const struct crf_compile *c, const struct crf_resolved *r, struct crf_kvs *kafka)
{
	const struct crf_kv *given = crf_kafka_list_find(kafka, "group.id");
	const char *origin = r->route->group->name != NULL ? "code (group)" : crf_kvs_find(&c->settings->root, "group_id")->origin;

	if (given != NULL && strcmp(given->value, r->group) != 0)
		report(c, r, "group.id", "is managed by carafe: name the group in carafe_group, or set group_id for the unnamed one");
	crf_kafka_list_set(kafka, "group.id", r->group, origin);
}

/* The paths of what crf_conf_check found start with "<any>." */
static void
check_kafka(const struct crf_compile *c, const struct crf_resolved *r, const struct crf_kvs *kafka)
{
	const struct crf_kv *servers = crf_kafka_list_find(kafka, "bootstrap.servers");
	CRF_AUTO(crf_problems) found = { 0 };

	if (servers == NULL || servers->value[0] == '\0')
		report(c, r, "bootstrap.servers",
		    r->inherits ? "is not set, so there is no Kafka to go to; set it among .kafka, in CARAFE_KAFKA_BOOTSTRAP_SERVERS, or "
				  "with -X bootstrap.servers=host:9092" :
				  "is not set; with CARAFE_KAFKA_REPLACE the list must name it, since the app's is not looked at");
	crf_conf_check(kafka, CRF_CONSUMER, "kafka", &found);
	for (size_t i = 0; i < found.count; i++)
		report(c, r, found.items[i].path + strlen("kafka."), found.items[i].text);
}

static bool
any_pattern(const struct crf_compile *c, size_t index)
{
	for (size_t i = 0; i < c->count; i++)
		if (c->routes[i].connection_index == index && c->routes[i].route->pattern)
			return true;
	return false;
}

void
crf_complete_connections(struct crf_compile *c)
{
	for (size_t i = 0; i < c->routing->count; i++) {
		const struct crf_resolved *r = crf_connection_first(c, i);
		struct crf_kvs *kafka = &c->routing->connections[i].kafka;

		set_group(c, r, kafka);
		if (any_pattern(c, i)) /* or what was deleted would be made anew by whoever has not noticed yet */
			crf_kafka_list_default(kafka, "allow.auto.create.topics", "false", "carafe (patterns)");
		crf_settings_inject_consumer(c->settings, kafka);
		check_kafka(c, r, kafka);
	}
}
