/* Drawing: everything is copied, nothing is judged that can be judged later. */
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"
#include "core/opts.h"
#include "route/resolve.h"
#include "settings/given.h"

/* What a handler struct of any version has between: the two functions it began with, and more than it will ever grow to. */
#define HANDLER_MIN (2 * sizeof(void (*)(void)))
#define HANDLER_MAX 4096

/* ------------------------------------------------------------------------------------------------ routes */

static void
add_kafka(const carafe_kv *kv, void *arg)
{
	carafe_route *r = arg;
	CRF_AUTO_FREE char *origin = r->group == NULL ? crf_strdup("code (defaults)") : crf_format("code (route %s)", r->topic ? r->topic : "?");

	crf_kvs_set(&r->kafka, kv->key, kv->value, origin);
}

static void
copy_handler(carafe_route *r)
{
	const carafe_handler *from = r->opts.handler;
	size_t size = r->opts.handler_size;

	if (from == NULL)
		return;
	r->opts.handler = &r->handler;
	if (size < HANDLER_MIN || size > HANDLER_MAX || size % sizeof(void *) != 0)
		crf_problem(&r->problems, "handler_size", "is %zu, which cannot be: set it to sizeof(carafe_handler), as the macro does",
		    size);
	else if (!crf_opts_copy_sized(&r->handler, sizeof(r->handler), from, size))
		crf_problem(&r->problems, "handler",
		    "has a hook that only a newer carafe knows; " CRF_VERSION " is linked: update it, or leave the hook out");
	else
		r->has_handler = true;
}

static carafe_route *
new_route(carafe_group *group, const char *topic, const carafe_route_opts *opts)
{
	carafe_route *r = crf_new(carafe_route);

	r->magic = CRF_ROUTE_MAGIC;
	r->group = group;
	r->topic = crf_strdup(topic);
	crf_list_init(&r->link);
	crf_list_init(&r->options);
	crf_given_opts(&r->opts, sizeof(r->opts), opts, "", &r->problems);
	r->has_kafka = r->opts.kafka != NULL;
	crf_given_list(r->opts.kafka, "kafka", &r->problems, add_kafka, r);
	r->opts.kafka = NULL;
	r->opts.connection = crf_strdup(r->opts.connection);
	r->opts.initial_offset = crf_strdup(r->opts.initial_offset);
	copy_handler(r);
	return r;
}

static void
free_route(carafe_route *r)
{
	crf_list_each (o, &r->options, struct crf_route_option, link) {
		free(o->opts);
		free(o);
	}
	crf_problems_fini(&r->problems);
	crf_kvs_fini(&r->kafka);
	free((char *)r->opts.connection);
	free((char *)r->opts.initial_offset);
	free(r->topic);
	r->magic = 0;
	free(r);
}

static carafe_route *
add_route(carafe_group *group, const char *topic, const carafe_route_opts *opts, bool pattern, const char *call)
{
	carafe_route *r;

	crf_tree_check_open(group->tree, call);
	r = new_route(group, topic, opts);
	r->pattern = pattern;
	r->order = group->tree->drawn++;
	crf_list_append(&group->routes, &r->link);
	return r;
}

carafe_route *
carafe_route_(carafe_group *group, const char *topic, const carafe_route_opts *opts)
{
	crf_check_group(group);
	return add_route(group, topic, opts, false, __func__);
}

carafe_route *
carafe_pattern_(carafe_group *group, const char *pattern, const carafe_route_opts *opts)
{
	crf_check_group(group);
	return add_route(group, pattern, opts, true, __func__);
}

static const struct crf_route_option *
find_option(const carafe_route *r, const void *feature)
{
	crf_list_each (o, &r->options, struct crf_route_option, link)
		if (o->feature == feature)
			return o;
	return NULL;
}

void
crf_route_set_option(carafe_route *r, const void *feature, const char *name, const void *opts, size_t size)
{
	CRF_AUTO_FREE char *call = crf_format("carafe_%s", name);
	struct crf_route_option *o;

	if (r == NULL || r->magic != CRF_ROUTE_MAGIC)
		crf_bad_handle(call, r == NULL, "route", CRF_ROUTE_SOURCE);
	crf_tree_check_open(r->group->tree, call);
	if (find_option(r, feature) != NULL) {
		crf_problem(&r->problems, name, "is drawn twice on this route; put its options into one call");
		return;
	}
	o = crf_new(struct crf_route_option);
	o->feature = feature;
	o->feature_name = name;
	o->opts = crf_memdup(opts, size);
	o->size = size;
	crf_list_append(&r->options, &o->link);
}

const void *
crf_route_option(const carafe_route *r, const void *feature)
{
	const struct crf_route_option *o = find_option(r, feature);

	return o != NULL ? o->opts : NULL;
}

/* ------------------------------------------------------------------------------------------------ the tree */

void
crf_tree_init(struct crf_tree *t)
{
	*t = (struct crf_tree){ 0 };
	crf_list_init(&t->groups);
}

void
crf_tree_fini(struct crf_tree *t)
{
	crf_list_each (g, &t->groups, carafe_group, link) {
		crf_list_each (r, &g->routes, carafe_route, link)
			free_route(r);
		crf_multiplexes_free(g);
		free(g->name);
		g->magic = 0;
		free(g);
	}
	if (t->defaults != NULL)
		free_route(t->defaults);
	crf_problems_fini(&t->problems);
	crf_tree_init(t);
}

void
crf_tree_check_open(const struct crf_tree *t, const char *call)
{
	if (t->closed)
		crf_misuse(call, "the app was started or checked, and nothing can be drawn any more; draw everything before "
				 "carafe_start(), carafe_check() and carafe_main()");
}

static bool
same_name(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

carafe_group *
crf_tree_group(struct crf_tree *t, const char *name)
{
	carafe_group *group;

	crf_list_each (g, &t->groups, carafe_group, link)
		if (same_name(g->name, name))
			return g;
	group = crf_new(carafe_group);
	group->magic = CRF_GROUP_MAGIC;
	group->tree = t;
	group->name = crf_strdup(name);
	crf_list_init(&group->routes);
	crf_list_init(&group->multiplexes);
	crf_list_append(&t->groups, &group->link);
	return group;
}

void
crf_tree_defaults(struct crf_tree *t, const carafe_route_opts *opts)
{
	if (t->defaults != NULL)
		crf_problem(&t->problems, "defaults", "are drawn twice; put them into one call of carafe_defaults");
	else
		t->defaults = new_route(NULL, NULL, opts);
}
