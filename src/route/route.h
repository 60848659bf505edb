/* The routing tree: drawn by the user, validated and compiled once into connections with their topics. */
#ifndef CRF_ROUTE_ROUTE_H
#define CRF_ROUTE_ROUTE_H

#include <stdint.h>

#include <carafe/carafe.h>

#include "core/kv.h"
#include "core/list.h"
#include "core/problems.h"
#include "settings/settings.h"

/* What a feature left on a route while it was drawn: its options, by the address of its descriptor. The first call
 * wins; a second one for the same feature is a problem. */
struct crf_route_option {
	struct crf_list link;
	const void *feature;
	const char *feature_name;
	void *opts;
	size_t size;
};

struct carafe_route {
	uint32_t magic;
	struct crf_list link; /* in group->routes */
	struct carafe_group *group;
	char *topic;
	carafe_route_opts opts; /* strings inside are copies */
	bool has_handler;
	carafe_handler handler;
	struct crf_kvs kafka;
	struct crf_list options; /* crf_route_option */
};

struct carafe_group {
	uint32_t magic;
	struct crf_list link;
	struct crf_tree *tree;
	char *name; /* NULL: the root setting group_id */
	struct crf_list routes;
};

struct crf_tree {
	struct crf_list groups;
	struct crf_problems problems; /* of drawing */
	carafe_route *defaults;       /* a route without topic or group; NULL until drawn */
};

void crf_tree_init(struct crf_tree *t);
void crf_tree_fini(struct crf_tree *t);
/* The group of that name, made when it is new. */
carafe_group *crf_tree_group(struct crf_tree *t, const char *name);
void crf_tree_defaults(struct crf_tree *t, const carafe_route_opts *opts);

/* For features' drawing calls (any version of the struct; size bytes of this library's are kept). feature is the
 * descriptor's address. */
void crf_route_set_option(carafe_route *r, const void *feature, const char *name, const void *opts, size_t size);
/* The route's own, else the defaults' (carafe_defaults has none yet), else NULL. */
const void *crf_route_option(const carafe_route *r, const void *feature);

/* ---- compiled */

/* Which part of the routing runs: include and exclude flags of the server command. Lists are NULL-terminated. */
struct crf_scope {
	const char *const *groups, *const *exclude_groups;
	const char *const *connections, *const *exclude_connections;
	const char *const *topics, *const *exclude_topics;
};

/* A topic as a connection consumes it: everything resolved. */
struct crf_topic {
	const carafe_route *route;
	const char *name;
	const struct crf_connection_spec *connection;
	carafe_handler handler;
	void *arg;
	int max_messages;
	int max_wait_time; /* ms */
	bool manual_marking;
	bool persistent;
	bool eof; /* enable.partition.eof of the connection */
	void *plan; /* the flow's, set by it */
};

struct crf_connection_spec {
	char *group;
	char *name;       /* stable: "<group>_<connection name or a number within the group>" */
	int position;     /* process-wide, in order of drawing; independent of the scope */
	struct crf_kvs kafka; /* complete: app, route, injected, group.id, client.id, auto.offset.reset, static identity */
	struct crf_topic *topics;
	size_t topic_count;
	bool active; /* in scope, with at least one active topic */
};

struct crf_routing {
	struct crf_connection_spec *connections;
	size_t count;
};

/* Adds a problem for everything that is wrong (paths "groups.<group>.<topic>.<option>"); routing is filled as far as it
 * goes. The tree must outlive it. */
void crf_route_compile(const struct crf_tree *t, const struct crf_settings *s, const struct crf_scope *scope, struct crf_routing *routing, struct crf_problems *out);
void crf_routing_fini(struct crf_routing *routing);

#endif
