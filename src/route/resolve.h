/* Routes with everything resolved, on the way from the tree to the routing. For this room only. */
#ifndef CRF_ROUTE_RESOLVE_H
#define CRF_ROUTE_RESOLVE_H

#include "route/route.h"

/* A route after defaults and root settings. */
struct crf_resolved {
	const carafe_route *route;
	const char *group;   /* never NULL */
	char *path;          /* "groups.billing.orders" */
	const carafe_handler *handler; /* NULL none */
	void *arg;
	const char *connection; /* NULL unnamed */
	int max_messages;
	int max_wait_time;
	bool manual_marking;
	bool long_running;
	bool active;
	bool in_scope;
	bool left_out;       /* nothing that could be consumed: no topic, or one that is there already */
	bool inherits;       /* the app's kafka list is under its own */
	struct crf_kvs kafka; /* the app's, the defaults', its own; auto.offset.reset */
	size_t connection_index;
};

struct crf_compile {
	const struct crf_tree *tree;
	const struct crf_settings *settings;
	struct crf_problems *out;
	struct crf_resolved *routes; /* in the order of drawing */
	size_t count;
	struct crf_routing *routing;
	size_t *firsts; /* of each connection, the first of its routes */
};

/* Fills in routes; what contradicts itself in doing so is a problem. */
void crf_resolve_routes(struct crf_compile *c);
/* What is wrong with routes and groups, each alone and side by side. */
void crf_validate_routes(struct crf_compile *c);
/* Which routes are in the scope, by the connections they have; unknown names are problems. */
void crf_scope_apply(struct crf_compile *c, const struct crf_scope *scope);
/* Puts routes together into connections. */
void crf_connect_routes(struct crf_compile *c);
/* Completes the kafka lists of the connections, and checks them. */
void crf_complete_connections(struct crf_compile *c);
/* What is wrong with a pattern, to be put behind it; NULL when nothing is. The caller frees it. */
char *crf_pattern_problem(const char *pattern);
/* Direct assignment: whether it is drawn; what it says, false when that cannot be read; what is wrong with it. */
bool crf_assign_is_drawn(const carafe_route *r);
bool crf_assign_read(const carafe_route *r, struct crf_direct *d);
void crf_assign_check(const struct crf_compile *c, const struct crf_resolved *r);
void crf_direct_fini(struct crf_direct *d);
/* How many copies of each connection there are. */
void crf_multiplex_connections(struct crf_compile *c);
void crf_multiplexes_free(carafe_group *group);
/* Compiles the routing's matchers. */
void crf_match_routes(struct crf_compile *c);
void crf_matchers_fini(struct crf_routing *r);
/* Makes the prefixes in group.instance.id into identities. */
void crf_identify_connections(struct crf_compile *c);

/* The first route of a connection. */
static inline const struct crf_resolved *
crf_connection_first(const struct crf_compile *c, size_t index)
{
	return &c->routes[c->firsts[index]];
}
/* Where a problem with a key of that route's connection belongs: the route's list, the defaults', the app's. The caller
 * frees it. */
char *crf_kafka_path(const struct crf_compile *c, const struct crf_resolved *r, const char *key);

#endif
