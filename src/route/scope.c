#include <string.h>

#include "core/mem.h"
#include "core/text.h"
#include "route/resolve.h"

typedef const char *const *names;

static bool
is_in(names list, const char *name)
{
	for (; list != NULL && name != NULL && *list != NULL; list++)
		if (strcmp(*list, name) == 0)
			return true;
	return false;
}

/* name or, where there is one, alias. */
static bool
runs(names include, names exclude, const char *name, const char *alias)
{
	if (is_in(include, name) || is_in(include, alias))
		return true;
	if (include != NULL && *include != NULL)
		return false;
	return !is_in(exclude, name) && !is_in(exclude, alias);
}

static void
apply(const struct crf_compile *c, const struct crf_scope *s, struct crf_resolved *r)
{
	const char *connection = c->routing->connections[r->connection_index].name;

	r->in_scope = runs(s->groups, s->exclude_groups, r->group, NULL) &&
	    runs(s->connections, s->exclude_connections, connection, r->connection) &&
	    runs(s->topics, s->exclude_topics, r->route->topic, NULL);
}

/* ------------------------------------------------------------------------------------------------ unknown names */

enum what { GROUP, CONNECTION, TOPIC };

static const char *const singular[] = { [GROUP] = "group", [CONNECTION] = "connection", [TOPIC] = "topic" };

struct known {
	const struct crf_compile *c;
	enum what what;
};

/* Two for each route: connections have two names. */
static const char *
known(const void *arg, size_t i)
{
	const struct known *k = arg;
	const struct crf_resolved *r = &k->c->routes[i / 2];
	const char *name = NULL;

	if (r->left_out)
		return "";
	if (k->what == GROUP)
		name = r->group;
	else if (k->what == TOPIC)
		name = r->route->topic;
	else
		name = i % 2 == 0 ? k->c->routing->connections[r->connection_index].name : r->connection;
	return name != NULL ? name : "";
}

static void
check_name(const struct known *k, const char *name, const char *path)
{
	size_t count = 2 * k->c->count;
	const char *near;

	for (size_t i = 0; i < count; i++)
		if (*name != '\0' && strcmp(known(k, i), name) == 0)
			return;
	if ((near = crf_nearest(name, count, known, k)) != NULL)
		crf_problem(k->c->out, path, "there is no %s \"%s\"; did you mean %s?", singular[k->what], name, near);
	else
		crf_problem(k->c->out, path, "there is no %s \"%s\" in the routing", singular[k->what], name);
}

static bool
check_names(const struct crf_compile *c, enum what what, names list, const char *path)
{
	const struct known k = { c, what };
	size_t before = c->out->count;

	for (; list != NULL && *list != NULL; list++)
		check_name(&k, *list, path);
	return c->out->count == before;
}

static bool
check_scope(const struct crf_compile *c, const struct crf_scope *s)
{
	bool right = check_names(c, GROUP, s->groups, "scope.groups");

	right &= check_names(c, GROUP, s->exclude_groups, "scope.exclude_groups");
	right &= check_names(c, CONNECTION, s->connections, "scope.connections");
	right &= check_names(c, CONNECTION, s->exclude_connections, "scope.exclude_connections");
	right &= check_names(c, TOPIC, s->topics, "scope.topics");
	right &= check_names(c, TOPIC, s->exclude_topics, "scope.exclude_topics");
	return right;
}

static void
check_rest(const struct crf_compile *c)
{
	bool active = false;

	for (size_t i = 0; i < c->count; i++) {
		if (c->routes[i].active && c->routes[i].in_scope)
			return;
		active |= c->routes[i].active;
	}
	if (c->count > 0)
		crf_problem(c->out, "scope",
		    active ? "nothing is left to consume: what is included and what is excluded rule out every route" :
			     "nothing is left to consume: every route is inactive");
}

void
crf_scope_apply(struct crf_compile *c, const struct crf_scope *scope)
{
	const struct crf_scope everything = { 0 };

	for (size_t i = 0; i < c->count; i++)
		if (!c->routes[i].left_out)
			apply(c, scope != NULL ? scope : &everything, &c->routes[i]);
	if (scope != NULL && check_scope(c, scope))
		check_rest(c);
}
