/* Static membership. A member that comes back under its group.instance.id gets its partitions back without a rebalance,
 * so the identity must be the same after every restart, and another one for each connection of a group.
 *
 * The user gives a prefix that tells processes apart; a connection's identity is
 *
 *     <prefix>_<group>                   with nothing of its own
 *     <prefix>_<group>_<connection>      with a name
 *     <prefix>_<group>_<8 hex digits>    with kafka settings of its own: a digest of what they add to the app's
 *
 * None of this depends on the order of routes, on their topics, or on other connections, so drawing a route, moving one, or
 * running a part of the routing leaves all identities alone. Changing a connection's own settings changes its identity, once;
 * naming it avoids even that. Secrets are no part of the digest, which brokers show to everybody. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/mem.h"
#include "kafka/conf.h"
#include "route/name.h"
#include "route/resolve.h"
#include "settings/kafka_list.h"

#define KEY "group.instance.id"

static uint32_t
fnv1a(const char *s)
{
	uint32_t hash = 2166136261U;

	for (; *s != '\0'; s++)
		hash = (hash ^ (unsigned char)*s) * 16777619U;
	return hash;
}

static int
by_key(const void *a, const void *b)
{
	return strcmp(crf_conf_canonical(((const struct crf_kv *)a)->key), crf_conf_canonical(((const struct crf_kv *)b)->key));
}

/* The app's list as a connection has it that adds nothing. */
static void
plain_list(const struct crf_compile *c, struct crf_kvs *plain)
{
	crf_kafka_list_merge(plain, &c->settings->kafka);
	crf_kafka_list_default(plain, "auto.offset.reset", c->settings->v.initial_offset, "");
}

static bool
counts(const struct crf_kv *kv, const struct crf_kvs *plain)
{
	const struct crf_kv *there = crf_kafka_list_find(plain, kv->key);

	if (strcmp(kv->key, KEY) == 0 || crf_conf_secret(kv->key))
		return false;
	return there == NULL || strcmp(there->value, kv->value) != 0;
}

/* What kafka says beyond the app's list, "key=value" line by line in the order of keys; all of it when there is nothing of
 * the app's in it. */
static void
describe_own(const struct crf_compile *c, const struct crf_kvs *kafka, bool inherits, struct crf_buf *own)
{
	CRF_AUTO(crf_kvs) plain = { 0 }, sorted = { 0 };

	if (inherits)
		plain_list(c, &plain);
	else
		crf_buf_puts(own, "replace\n");
	crf_kvs_copy(&sorted, kafka);
	qsort(sorted.items, sorted.count, sizeof(*sorted.items), by_key);
	for (size_t i = 0; i < sorted.count; i++)
		if (counts(&sorted.items[i], &plain))
			crf_buf_printf(own, "%s=%s\n", crf_conf_canonical(sorted.items[i].key), sorted.items[i].value);
}

/* Lists that are the same may have come about in different ways. */
static bool
any_inherits(const struct crf_compile *c, size_t index)
{
	for (size_t i = 0; i < c->count; i++)
		if (c->routes[i].connection_index == index && c->routes[i].inherits)
			return true;
	return false;
}

static char *
identity(const struct crf_compile *c, size_t index, const char *prefix)
{
	const struct crf_resolved *r = crf_connection_first(c, index);
	CRF_AUTO(crf_buf) own = { 0 };

	if (r->connection != NULL)
		return crf_format("%s_%s_%s", prefix, r->group, r->connection);
	describe_own(c, &r->kafka, any_inherits(c, index), &own);
	if (own.len == 0)
		return crf_format("%s_%s", prefix, r->group);
	return crf_format("%s_%s_%08" PRIx32, prefix, r->group, fnv1a(crf_buf_str(&own)));
}

static void
check_identity(const struct crf_compile *c, size_t index, const char *id)
{
	const struct crf_connection_spec *spec = &c->routing->connections[index];
	const struct crf_resolved *r = crf_connection_first(c, index);
	CRF_AUTO_FREE char *path = crf_kafka_path(c, r, KEY);
	const char *wrong = crf_kafka_name_problem(id);

	if (wrong != NULL)
		crf_problem(c->out, path, "makes \"%s\" for connection %s, which %s", id, spec->name, wrong);
	for (size_t i = 0; i < index; i++) {
		const struct crf_connection_spec *other = &c->routing->connections[i];
		const char *taken = crf_kvs_get(&other->kafka, KEY);

		if (strcmp(other->group, spec->group) == 0 && taken != NULL && strcmp(taken, id) == 0)
			crf_problem(c->out, path, "makes \"%s\" for connections %s and %s; tell them apart with .connection", id,
			    other->name, spec->name);
	}
}

void
crf_identify_connections(struct crf_compile *c)
{
	for (size_t i = 0; i < c->routing->count; i++) {
		struct crf_kvs *kafka = &c->routing->connections[i].kafka;
		const struct crf_kv *prefix = crf_kvs_find(kafka, KEY);
		CRF_AUTO_FREE char *id = NULL;

		if (prefix == NULL || prefix->value[0] == '\0')
			continue;
		id = identity(c, i, prefix->value);
		check_identity(c, i, id);
		crf_kvs_set(kafka, KEY, id, prefix->origin);
	}
}
