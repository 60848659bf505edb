/* Direct assignment: partitions that the user names, instead of a group that hands them out. */
#include <carafe/feature/assign.h>

#include <stdlib.h>
#include <string.h>

#include "core/mem.h"
#include "core/opts.h"
#include "route/resolve.h"

#define MOST 100000 /* partitions of a topic; more than Kafka can have */

static const char key; /* its address is the option's */

struct drawn {
	bool known;
	char partitions[];
};

void
carafe_assign_(carafe_route *route, const carafe_assign_opts *opts)
{
	carafe_assign_opts o;
	bool known = crf_opts_copy(&o, sizeof(o), opts);
	const char *text = known && o.partitions != NULL ? o.partitions : "";
	size_t size = sizeof(struct drawn) + strlen(text) + 1;
	struct drawn *d = crf_alloc(1, size);

	d->known = known;
	memcpy(d->partitions, text, strlen(text) + 1);
	crf_route_set_option(route, &key, "assign", d, size);
	free(d);
}

/* ------------------------------------------------------------------------------------------------ reading */

static bool
read_number(const char **s, int32_t *n)
{
	const char *digits = *s;
	long value = 0;

	for (; **s >= '0' && **s <= '9' && value < MOST; (*s)++)
		value = value * 10 + (**s - '0');
	*n = (int32_t)value;
	return *s > digits && value < MOST;
}

static void
add_number(struct crf_direct *d, int32_t n)
{
	for (size_t i = 0; i < d->count; i++)
		if (d->partitions[i] == n)
			return;
	d->partitions = crf_realloc(d->partitions, d->count + 1, sizeof(*d->partitions));
	d->partitions[d->count++] = n;
}

/* "3" or "3-5" */
static bool
read_range(const char **s, struct crf_direct *d)
{
	int32_t from, to;

	if (!read_number(s, &from))
		return false;
	to = from;
	if (**s == '-' && (++*s, !read_number(s, &to)))
		return false;
	for (int32_t n = from; n <= to; n++)
		add_number(d, n);
	return from <= to;
}

static bool
read_list(const char *s, struct crf_direct *d)
{
	for (;;) {
		if (!read_range(&s, d))
			return false;
		if (*s == '\0')
			return true;
		if (*s++ != ',')
			return false;
	}
}

/* ------------------------------------------------------------------------------------------------ compiling */

bool
crf_assign_is_drawn(const carafe_route *r)
{
	return crf_route_option(r, &key) != NULL;
}

bool
crf_assign_read(const carafe_route *r, struct crf_direct *d)
{
	const struct drawn *drawn = crf_route_option(r, &key);

	*d = (struct crf_direct){ .on = drawn != NULL };
	if (drawn == NULL)
		return true;
	d->all = strcmp(drawn->partitions, "all") == 0;
	return d->all || read_list(drawn->partitions, d);
}

static bool
group_is_direct(const struct crf_compile *c, const char *group)
{
	for (size_t i = 0; i < c->count; i++)
		if (strcmp(c->routes[i].group, group) == 0 && crf_assign_is_drawn(c->routes[i].route))
			return true;
	return false;
}

/* The others without it would say the same. */
static bool
is_first_without(const struct crf_compile *c, const struct crf_resolved *r)
{
	for (size_t i = 0; &c->routes[i] != r; i++)
		if (strcmp(c->routes[i].group, r->group) == 0 && !crf_assign_is_drawn(c->routes[i].route))
			return false;
	return true;
}

void
crf_assign_check(const struct crf_compile *c, const struct crf_resolved *r)
{
	const struct drawn *drawn = crf_route_option(r->route, &key);
	CRF_AUTO_FREE char *path = crf_format("%s.assign", r->path);
	struct crf_direct d = { 0 };

	if (drawn == NULL) {
		if (group_is_direct(c, r->group) && is_first_without(c, r))
			crf_problem(c->out, path, "other routes of group %s have it; this one, perhaps among others, has not: a group is assigned by "
						  "hand as a whole, or not at all",
			    r->group);
		return;
	}
	if (r->route->pattern)
		crf_problem(c->out, path, "does not go with a pattern; name the topic");
	if (!drawn->known)
		crf_problem(c->out, path, "an option is set that only a newer carafe knows; update it, or leave the option out");
	else if (!crf_assign_read(r->route, &d))
		crf_problem(c->out, path, "partitions \"%s\" is no list of partitions; \"all\" and such as \"0,3-5\" are",
		    drawn->partitions);
	crf_direct_fini(&d);
}

void
crf_direct_fini(struct crf_direct *d)
{
	free(d->partitions);
	*d = (struct crf_direct){ 0 };
}
