#include <string.h>

#include "core/mem.h"
#include "core/text.h"
#include "route/name.h"
#include "route/resolve.h"
#include "settings/kafka_list.h"

/* One problem at "<path>.<option>". */
#define PROBLEM(path, option, ...)                                                                                     \
	do {                                                                                                           \
		CRF_AUTO_FREE char *at_ = crf_format("%s.%s", (path), (option));                                       \
		crf_problem(c->out, at_, __VA_ARGS__);                                                                 \
	} while (0)

/* ------------------------------------------------------------------------------------------------ options */

static void
check_number(const struct crf_compile *c, const char *path, const char *option, int value, bool none_allowed)
{
	const struct crf_setting *t = crf_setting_named(option);

	if (value == 0 || (none_allowed && value == CARAFE_NONE))
		return;
	if (value < t->low || value > t->high)
		PROBLEM(path, option, "%d is out of bounds; %ld to %ld is allowed%s", value, t->low, t->high,
		    none_allowed ? ", CARAFE_NONE for 0" : "");
}

static void
check_handler(const struct crf_compile *c, const carafe_route *r, const char *path)
{
	if (!r->has_handler)
		return;
	if (r->handler.consume == NULL && r->handler.message == NULL)
		PROBLEM(path, "handler", "has neither consume nor message; give one of them");
	if (r->handler.consume != NULL && r->handler.message != NULL)
		PROBLEM(path, "handler", "has both consume and message; keep the one that is meant");
}

static void
check_kafka_mode(const struct crf_compile *c, const carafe_route *r, const char *path)
{
	switch (r->opts.kafka_mode) {
	case CARAFE_KAFKA_UNSAID:
		if (r->has_kafka)
			PROBLEM(path, "kafka_mode",
			    "must be said when .kafka is given: CARAFE_KAFKA_INHERIT puts it on top of the app's settings, "
			    "CARAFE_KAFKA_REPLACE instead of them");
		break;
	case CARAFE_KAFKA_INHERIT:
		break;
	case CARAFE_KAFKA_REPLACE:
		if (!r->has_kafka)
			PROBLEM(path, "kafka_mode", "is CARAFE_KAFKA_REPLACE, but there is no .kafka to replace the app's settings with");
		break;
	default:
		PROBLEM(path, "kafka_mode", "is %d; CARAFE_KAFKA_INHERIT and CARAFE_KAFKA_REPLACE are allowed", (int)r->opts.kafka_mode);
	}
}

static void
check_enums(const struct crf_compile *c, const carafe_route_opts *o, const char *path)
{
	if (o->marking != CARAFE_MARK_DEFAULT && o->marking != CARAFE_MARK_AUTO && o->marking != CARAFE_MARK_MANUAL)
		PROBLEM(path, "marking", "is %d; CARAFE_MARK_AUTO and CARAFE_MARK_MANUAL are allowed", (int)o->marking);
	if (o->inactive < CARAFE_NONE || o->inactive > 1)
		PROBLEM(path, "inactive", "is %d; 1 is allowed, and CARAFE_NONE to be active against the defaults", o->inactive);
	if (o->long_running < CARAFE_NONE || o->long_running > 1)
		PROBLEM(path, "long_running", "is %d; 1 is allowed, and CARAFE_NONE for what is not, against the defaults", o->long_running);
	if (o->initial_offset != NULL && strcmp(o->initial_offset, "earliest") != 0 && strcmp(o->initial_offset, "latest") != 0)
		PROBLEM(path, "initial_offset", "\"%s\" is not allowed; earliest or latest is", o->initial_offset);
}

/* A number alone is how unnamed connections are called. */
static void
check_connection(const struct crf_compile *c, const char *name, const char *path)
{
	if (name == NULL)
		return;
	if (!crf_name_is_plain(name))
		PROBLEM(path, "connection", "\"%s\" is no name; letters, digits, '.', '_' and '-' are allowed", name);
	else if (strspn(name, "0123456789") == strlen(name))
		PROBLEM(path, "connection", "\"%s\" is only a number, as carafe's own names are; add a letter", name);
}

/* What a route, or the defaults, say themselves. */
static void
check_opts(const struct crf_compile *c, const carafe_route *r, const char *path)
{
	for (size_t i = 0; i < r->problems.count; i++) {
		const struct crf_problem *p = &r->problems.items[i];

		if (*p->path != '\0')
			PROBLEM(path, p->path, "%s", p->text);
		else
			crf_problem(c->out, path, "%s", p->text);
	}
	check_number(c, path, "max_messages", r->opts.max_messages, false);
	check_number(c, path, "max_wait_time", r->opts.max_wait_time, true);
	check_handler(c, r, path);
	check_kafka_mode(c, r, path);
	check_enums(c, &r->opts, path);
	check_connection(c, r->opts.connection, path);
}

/* ------------------------------------------------------------------------------------------------ a route */

static void
check_pattern(const struct crf_compile *c, const struct crf_resolved *r)
{
	CRF_AUTO_FREE char *wrong = crf_pattern_problem(r->route->topic);

	if (wrong != NULL)
		crf_problem(c->out, r->path, "pattern %s", wrong);
}

static void
check_topic_name(const struct crf_compile *c, const struct crf_resolved *r)
{
	const char *name = r->route->topic, *wrong;

	if (name == NULL)
		crf_problem(c->out, r->path, "a route without a topic; name it: carafe_route(group, \"orders\", ...)");
	else if (r->route->pattern)
		check_pattern(c, r);
	else if (name[0] == '^')
		crf_problem(c->out, r->path, "is a pattern; draw it with carafe_pattern");
	else if ((wrong = crf_topic_name_problem(name)) != NULL)
		crf_problem(c->out, r->path, "topic \"%s\" %s", name, wrong);
	else if (c->settings->v.strict_topics_namespacing && crf_name_is_mixed(name))
		crf_problem(c->out, r->path,
		    "has both '.' and '_' in its name, which Kafka's metrics cannot tell apart; use one of them, or set "
		    "strict_topics_namespacing to false");
}

static bool
sees_ends(const struct crf_resolved *r)
{
	const struct crf_kv *kv = crf_kafka_list_find(&r->kafka, "enable.partition.eof");
	bool yes = false;

	return kv != NULL && crf_parse_bool(kv->value, &yes) && yes;
}

/* The root setting's own value is held against shutdown_timeout where it is read. */
static void
check_wait(const struct crf_compile *c, const struct crf_resolved *r)
{
	const struct crf_values *v = &c->settings->v;

	if (r->max_wait_time == v->max_wait_time || r->max_wait_time > crf_setting_named("max_wait_time")->high)
		return;
	if (r->max_wait_time >= v->shutdown_timeout)
		PROBLEM(r->path, "max_wait_time", "%d must be less than shutdown_timeout, which is %d", r->max_wait_time,
		    v->shutdown_timeout);
}

static void
check_route(const struct crf_compile *c, const struct crf_resolved *r)
{
	check_topic_name(c, r);
	check_opts(c, r->route, r->path);
	if (r->active && r->handler == NULL)
		PROBLEM(r->path, "handler", "is missing; give .handler = &..., or .inactive = 1 for a topic that is not consumed");
	if (r->handler != NULL && r->handler->eofed != NULL && !sees_ends(r))
		PROBLEM(r->path, "handler.eofed", "would never run: set enable.partition.eof=true among the kafka settings of this route");
	check_wait(c, r);
	crf_assign_check(c, r);
}

/* ------------------------------------------------------------------------------------------------ side by side */

static void
check_same_topic(const struct crf_compile *c, const struct crf_resolved *r, const struct crf_resolved *before)
{
	bool same_handler = r->handler == before->handler ||
	    (r->handler != NULL && before->handler != NULL && memcmp(r->handler, before->handler, sizeof(*r->handler)) == 0);

	if (same_handler)
		crf_problem(c->out, r->path, "is drawn twice in group %s; a group consumes a topic once", r->group);
	else
		crf_problem(c->out, r->path, "has two handlers in group %s; keep one, or draw the other in a group of its own", r->group);
}

static void
check_pair(const struct crf_compile *c, struct crf_resolved *r, const struct crf_resolved *before)
{
	const char *name = r->route->topic, *other = before->route->topic;

	if (name == NULL || other == NULL || strcmp(r->group, before->group) != 0)
		return;
	if (strcmp(name, other) == 0) {
		if (!r->left_out)
			check_same_topic(c, r, before);
		r->left_out = true;
	} else if (c->settings->v.strict_topics_namespacing && !r->route->pattern && !before->route->pattern &&
	    crf_names_collide(name, other)) {
		crf_problem(c->out, r->path,
		    "and %s differ only in '.' and '_', which Kafka's metrics cannot tell apart; rename one, or set "
		    "strict_topics_namespacing to false",
		    other);
	}
}

static bool
has_routes(const struct crf_compile *c, const char *group)
{
	for (size_t i = 0; i < c->count; i++)
		if (strcmp(c->routes[i].group, group) == 0)
			return true;
	return false;
}

static void
check_groups(const struct crf_compile *c)
{
	if (c->count == 0 && crf_list_empty(&c->tree->groups))
		crf_problem(c->out, "groups",
		    "nothing is routed; draw a route: carafe_route(carafe_group(app, \"billing\"), \"orders\", .handler = &...)");
	crf_list_each (g, &c->tree->groups, carafe_group, link) {
		const char *name = g->name != NULL ? g->name : c->settings->v.group_id;
		CRF_AUTO_FREE char *path = crf_format("groups.%s", name);

		if (!crf_name_is_plain(name))
			crf_problem(c->out, path, "\"%s\" is no name for a group; letters, digits, '.', '_' and '-' are allowed", name);
		if (!has_routes(c, name))
			crf_problem(c->out, path, "has no routes; draw one, or leave the group out");
	}
}

void
crf_validate_routes(struct crf_compile *c)
{
	if (c->tree->defaults != NULL)
		check_opts(c, c->tree->defaults, "defaults");
	check_groups(c);
	for (size_t i = 0; i < c->count; i++) {
		c->routes[i].left_out = c->routes[i].route->topic == NULL;
		check_route(c, &c->routes[i]);
		for (size_t j = 0; j < i; j++)
			check_pair(c, &c->routes[i], &c->routes[j]);
	}
}
