/* Multiplexing: how many copies of a connection there are. */
#include <carafe/feature/multiplex.h>

#include <stdlib.h>
#include <string.h>

#include "core/mem.h"
#include "core/opts.h"
#include "route/resolve.h"

#define MOST 1000
#define SCALE_DELAY 60000
#define SCALE_DELAY_MIN 1000

struct drawn {
	struct crf_list link; /* group.multiplexes */
	bool known;
	carafe_multiplex_opts opts; /* connection is a copy */
};

void
carafe_multiplex_(carafe_group *group, const carafe_multiplex_opts *opts)
{
	struct drawn *d;

	crf_check_group(group);
	crf_tree_check_open(group->tree, __func__);
	d = crf_new(struct drawn);
	d->known = crf_opts_copy(&d->opts, sizeof(d->opts), opts);
	d->opts.connection = crf_strdup(d->opts.connection);
	crf_list_append(&group->multiplexes, &d->link);
}

void
crf_multiplexes_free(carafe_group *group)
{
	crf_list_each (d, &group->multiplexes, struct drawn, link) {
		free((char *)d->opts.connection);
		free(d);
	}
}

/* ------------------------------------------------------------------------------------------------ compiling */

static struct crf_multiplex
resolve(const carafe_multiplex_opts *o)
{
	int min = o->min != 0 ? o->min : o->max;
	int half = o->max / 2 > min ? o->max / 2 : min;

	return (struct crf_multiplex){
		.max = o->max,
		.min = min,
		.boot = o->boot != 0 ? o->boot : half,
		.scale_delay = o->scale_delay != 0 ? o->scale_delay : SCALE_DELAY,
	};
}

/* What is wrong with the numbers, NULL when nothing is. */
static const char *
problem_of(const struct crf_multiplex *m)
{
	if (m->max < 2 || m->max > MOST)
		return "max must be from 2 to 1000";
	if (m->min < 1 || m->min > m->max)
		return "min must be from 1 to max";
	if (m->boot < m->min || m->boot > m->max)
		return "boot must be from min to max";
	if (m->scale_delay < SCALE_DELAY_MIN)
		return "scale_delay must be at least 1000 ms";
	return NULL;
}

static bool
same_connection(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static void
apply_to(const struct crf_compile *c, struct crf_connection_spec *spec, const struct crf_multiplex *m, const char *path)
{
	const char *id = crf_kvs_get(&spec->kafka, "group.instance.id");

	if (spec->multiplex.max > 0)
		crf_problem(c->out, path, "is drawn twice for connection %s; keep one", spec->name);
	else if (m->min < m->max && id != NULL && *id != '\0')
		crf_problem(c->out, path,
		    "a number that changes does not go with group.instance.id, whose members must not come and go; set min to max");
	else
		spec->multiplex = *m;
}

static bool
is_direct(const struct crf_compile *c, size_t index)
{
	for (size_t i = 0; i < c->count; i++)
		if (c->routes[i].connection_index == index && crf_assign_is_drawn(c->routes[i].route))
			return true;
	return false;
}

static void
apply(const struct crf_compile *c, const char *group, const struct drawn *d, const char *path)
{
	struct crf_multiplex m = resolve(&d->opts);
	const char *wrong = problem_of(&m);
	bool found = false;

	if (!d->known)
		wrong = "an option is set that only a newer carafe knows; update it, or leave the option out";
	if (wrong != NULL)
		crf_problem(c->out, path, "%s", wrong);
	for (size_t i = 0; i < c->routing->count; i++) {
		struct crf_connection_spec *spec = &c->routing->connections[i];

		if (strcmp(spec->group, group) != 0 || !same_connection(crf_connection_first(c, i)->connection, d->opts.connection))
			continue;
		found = true;
		if (is_direct(c, i))
			crf_problem(c->out, path, "does not go with carafe_assign: every copy would consume the same partitions");
		else if (wrong == NULL)
			apply_to(c, spec, &m, path);
	}
	if (!found && d->opts.connection != NULL)
		crf_problem(c->out, path, "no route of group %s has .connection = \"%s\"", group, d->opts.connection);
	else if (!found)
		crf_problem(c->out, path, "every route of group %s names its connection; name the one to multiplex", group);
}

void
crf_multiplex_connections(struct crf_compile *c)
{
	crf_list_each (g, &c->tree->groups, carafe_group, link) {
		const char *group = g->name != NULL ? g->name : c->settings->v.group_id;

		crf_list_each (d, &g->multiplexes, struct drawn, link) {
			CRF_AUTO_FREE char *path = crf_format("groups.%s.multiplex%s%s", group, d->opts.connection != NULL ? "." : "",
			    d->opts.connection != NULL ? d->opts.connection : "");

			apply(c, group, d, path);
		}
	}
}
