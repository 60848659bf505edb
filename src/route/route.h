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
	struct carafe_group *group; /* NULL: the defaults */
	int order;              /* of drawing, over all groups */
	char *topic;
	bool pattern; /* topic is a regular expression */
	carafe_route_opts opts; /* strings inside are copies; kafka is NULL, handler is NULL or &handler */
	bool has_handler;       /* one that could be copied */
	carafe_handler handler;
	bool has_kafka;
	struct crf_kvs kafka;
	struct crf_list options;     /* crf_route_option */
	struct crf_problems problems; /* of drawing; paths start at the route: "", "kafka.x" */
};

struct carafe_group {
	uint32_t magic;
	struct crf_list link;
	struct crf_tree *tree;
	char *name; /* NULL: the root setting group_id */
	struct crf_list routes;
	struct crf_list multiplexes; /* multiplex.c */
};

struct crf_tree {
	struct crf_list groups;
	struct crf_problems problems; /* of drawing, but for what routes hold */
	carafe_route *defaults;       /* a route without topic or group; NULL until drawn */
	int drawn;                    /* routes */
	bool closed;                  /* it is compiled: what would be drawn now would be ignored */
};

#define CRF_GROUP_MAGIC CRF_MAGIC('G', 'R', 'P', 'C')
#define crf_check_group(g) crf_check_handle((g), CRF_GROUP_MAGIC, "group", "what carafe_group() has returned, until its app is freed")
#define CRF_ROUTE_MAGIC CRF_MAGIC('R', 'T', 'E', 'C')
#define CRF_ROUTE_SOURCE "what carafe_route() or carafe_pattern() has returned, until its app is freed"

void crf_tree_init(struct crf_tree *t);
void crf_tree_fini(struct crf_tree *t);
/* Aborts, in the name of call, when the tree is closed. */
void crf_tree_check_open(const struct crf_tree *t, const char *call);
/* The group of that name, made when it is new. NULL is the group that the root setting group_id names, whether or not it
 * is drawn by that name elsewhere. */
carafe_group *crf_tree_group(struct crf_tree *t, const char *name);
/* Once. A route's own option wins over them, except that kafka lists add up: INHERIT means on top of the app's and the
 * defaults'. */
void crf_tree_defaults(struct crf_tree *t, const carafe_route_opts *opts);

/* What is wrong with a name for a topic, to be put behind it ("is longer than 249 bytes"); NULL when nothing is. */
const char *crf_topic_name_problem(const char *name);

/* For features' drawing calls (any version of the struct; size bytes of this library's are kept). feature is the
 * descriptor's address. */
void crf_route_set_option(carafe_route *r, const void *feature, const char *name, const void *opts, size_t size);
/* The route's own, else the defaults' (carafe_defaults has none yet), else NULL. */
const void *crf_route_option(const carafe_route *r, const void *feature);

/* ---- compiled */

/* Which part of the routing runs: include and exclude flags of the server command. Lists are NULL-terminated, or NULL.
 * A name that is included runs even when it is excluded too; with nothing included, all runs that is not excluded; group,
 * connection and topic must all agree. A connection goes by its whole name or the one it was drawn with. */
struct crf_scope {
	const char *const *groups, *const *exclude_groups;
	const char *const *connections, *const *exclude_connections;
	const char *const *topics, *const *exclude_topics;
};

/* Partitions that the user names; not on: the group hands them out. */
struct crf_direct {
	bool on;
	bool all;
	int32_t *partitions; /* not all */
	size_t count;
};

/* A topic as a connection consumes it: everything resolved. */
struct crf_topic {
	const carafe_route *route;
	const char *name;
	bool pattern; /* name is one: what is consumed are copies of this under the names that match */
	const struct crf_connection_spec *connection;
	carafe_handler handler;
	void *arg;
	int max_messages;
	int max_wait_time; /* ms */
	bool manual_marking;
	bool persistent;
	bool long_running; /* turns may take longer than max.poll.interval.ms */
	bool eof; /* enable.partition.eof of the connection */
	struct crf_direct direct;
	void *plan; /* the flow's, set by it */
};

/* How many copies of a connection there are; max 0: it is one, without a number. */
struct crf_multiplex {
	int min, max, boot;
	int scale_delay; /* ms */
};

/* One librdkafka consumer, with its topics. Routes of a group share one when their effective kafka lists, initial_offset
 * included, are the same, or when they name the same connection. max_messages, max_wait_time and features do not keep
 * routes apart: they belong to lanes, which are a partition's, not a connection's.
 *
 * Names and identities are those of the whole routing, whatever part of it runs. The name is for people and logs; that of
 * an unnamed connection counts the unnamed ones of its group as they are drawn. A static identity must not move when
 * routes do, so it has no numbers in it: see identity.c. */
struct crf_connection_spec {
	const struct crf_routing *routing;
	char *group;
	char *name;       /* "<group>_<connection name>", "<group>_<n>" */
	int position;     /* process-wide, in order of drawing */
	struct crf_kvs kafka; /* complete: app, route, injected, group.id, client.id, auto.offset.reset, static identity */
	struct crf_multiplex multiplex;
	struct crf_topic *topics; /* those that are consumed first */
	size_t topic_count; /* consumed: active and in scope */
	size_t drawn_count; /* all, with those that are inactive or out of scope */
	bool active; /* topic_count > 0 */
	bool has_patterns; /* among those consumed */
	bool direct;       /* all of them are assigned by hand */
};

struct crf_matcher;
struct crf_routing {
	struct crf_connection_spec *connections;
	size_t count;
	struct crf_matcher *matchers; /* of all routes, in the order of drawing */
	size_t matcher_count;
};

/* The route of the group that a topic belongs to: the one that names it, else the first whose pattern matches, else NULL. A
 * pattern does not match what Kafka keeps for itself ("__...") unless it says so. Any thread. */
const carafe_route *crf_routing_owner(const struct crf_routing *r, const char *group, const char *topic);
/* No pattern of the group shall match this one. Before anything runs; group must live as long as the routing. */
void crf_routing_exclude(struct crf_routing *r, const char *group, const char *topic);

/* Adds a problem for everything that is wrong (paths "groups.<group>.<topic>.<option>", "defaults.<option>", "kafka.<key>"
 * for what comes from the app's list); routing is filled as far as it goes. scope NULL: everything, for those who only
 * look; whoever is about to consume gives one, empty or not, since then nothing left to consume is a problem too. The tree
 * must outlive the routing. */
void crf_route_compile(const struct crf_tree *t, const struct crf_settings *s, const struct crf_scope *scope, struct crf_routing *routing, struct crf_problems *out);
void crf_routing_fini(struct crf_routing *routing);

#endif
