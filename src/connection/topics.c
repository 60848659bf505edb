/* What a connection consumes: topics by name, and those that match its patterns now. With patterns it looks at what topics
 * there are as often as librdkafka refreshes its metadata, and subscribes anew when others match. */
#include <stdlib.h>
#include <string.h>

#include "connection/priv.h"
#include "core/text.h"

#define LOOK_MS 1000                  /* how long brokers may take to answer */
#define AGAIN (1 * CRF_SECOND)        /* after they did not */
#define TEXT_MAX 1000
#define REFRESH (300 * CRF_SECOND)    /* librdkafka's own default */

/* A topic that matched a pattern. It stays when it does not any more, since lanes and events may know it; should it come
 * back, it is the same. */
struct crf_found {
	struct crf_list link;
	struct crf_topic topic;
	char *name;
	bool matches; /* now */
	bool seen;    /* in the look that is going on */
};

static crf_ns
interval_of(const struct crf_connection_spec *spec)
{
	const char *text = crf_kvs_get(&spec->kafka, "topic.metadata.refresh.interval.ms");
	int64_t ms = 0;

	return text != NULL && crf_parse_int(text, &ms) && ms > 0 ? ms * CRF_MS : REFRESH;
}

void
crf_topics_init(struct crf_connection *c)
{
	crf_list_init(&c->found);
	c->look_interval = interval_of(c->spec);
}

void
crf_topics_fini(struct crf_connection *c)
{
	crf_list_each (f, &c->found, struct crf_found, link) {
		free(f->name);
		free(f);
	}
}

/* ------------------------------------------------------------------------------------------------ by name */

static struct crf_found *
find_found(const struct crf_connection *c, const char *name)
{
	crf_list_each (f, &c->found, struct crf_found, link)
		if (strcmp(f->name, name) == 0)
			return f;
	return NULL;
}

const struct crf_topic *
crf_topics_find(const struct crf_connection *c, const char *name)
{
	const struct crf_found *f;

	for (size_t i = 0; i < c->spec->topic_count; i++)
		if (!c->spec->topics[i].pattern && strcmp(c->spec->topics[i].name, name) == 0)
			return &c->spec->topics[i];
	f = find_found(c, name);
	return f != NULL ? &f->topic : NULL;
}

const char **
crf_topics_names(const struct crf_connection *c, size_t *count)
{
	const char **names = crf_new_array(const char *, c->spec->topic_count + c->found_count);

	*count = 0;
	for (size_t i = 0; i < c->spec->topic_count; i++)
		if (!c->spec->topics[i].pattern)
			names[(*count)++] = c->spec->topics[i].name;
	crf_list_each (f, &c->found, struct crf_found, link)
		if (f->matches)
			names[(*count)++] = f->name;
	return names;
}

/* ------------------------------------------------------------------------------------------------ looking */

struct look {
	struct crf_connection *c;
	int gained, lost;
};

static const struct crf_topic *
pattern_for(const struct crf_connection *c, const char *name)
{
	const carafe_route *owner = crf_routing_owner(c->spec->routing, c->spec->group, name);

	for (size_t i = 0; owner != NULL && i < c->spec->topic_count; i++)
		if (c->spec->topics[i].pattern && c->spec->topics[i].route == owner)
			return &c->spec->topics[i];
	return NULL;
}

static struct crf_found *
add_found(struct crf_connection *c, const struct crf_topic *pattern, const char *name)
{
	struct crf_found *f = crf_new(struct crf_found);

	f->name = crf_strdup(name);
	f->topic = *pattern;
	f->topic.name = f->name;
	f->topic.pattern = false;
	crf_list_append(&c->found, &f->link);
	c->found_count++;
	return f;
}

static void
see(const char *name, int partitions, void *arg)
{
	struct look *l = arg;
	struct crf_found *f = find_found(l->c, name);
	const struct crf_topic *pattern;

	(void)partitions;
	if (f == NULL && (pattern = pattern_for(l->c, name)) != NULL)
		f = add_found(l->c, pattern, name);
	if (f == NULL)
		return;
	l->gained += !f->matches;
	f->matches = f->seen = true;
}

/* What was not seen is not there any more. */
static void
sweep(struct look *l)
{
	crf_list_each (f, &l->c->found, struct crf_found, link) {
		l->lost += f->matches && !f->seen;
		f->matches = f->seen;
		f->seen = false;
	}
}

static void
report(struct crf_connection *c)
{
	CRF_AUTO(crf_buf) text = { 0 };
	const char **names;
	size_t count;

	if (!crf_bus_wanted(c->bus, CARAFE_EV_CONNECTION_TOPICS))
		return;
	names = crf_topics_names(c, &count);
	for (size_t i = 0; i < count && text.len < TEXT_MAX; i++)
		crf_buf_printf(&text, "%s%s", i > 0 ? " " : "", names[i]);
	free(names);
	CRF_EMIT(c->bus, CARAFE_EV_CONNECTION_TOPICS, CRF_STR(GROUP, c->spec->group), CRF_STR(CONNECTION, c->name),
	    CRF_INT(COUNT, (int64_t)count), CRF_STR(TEXT, crf_buf_str(&text)));
}

bool
crf_topics_look(struct crf_connection *c, struct crf_client *client)
{
	struct look l = { .c = c };
	carafe_rc rc;

	if (!c->spec->has_patterns)
		return false;
	rc = crf_client_topics(client, LOOK_MS, see, &l, NULL);
	c->next_look = crf_now() + (rc == CARAFE_OK ? c->look_interval : AGAIN);
	if (rc != CARAFE_OK)
		return false;
	sweep(&l);
	if (l.gained == 0 && l.lost == 0)
		return false;
	report(c);
	return true;
}

/* ------------------------------------------------------------------------------------------------ by hand */

/* Those that it has not yet. */
static void
add_missing(struct crf_connection *c, struct crf_partitions *l, const char *topic, int32_t partition)
{
	if (crf_epoch_find(c, topic, partition) == NULL)
		crf_partitions_add(l, topic, partition);
}

/* Asks until then at most. */
static bool
add_direct(struct crf_connection *c, struct crf_partitions *l, const struct crf_topic *t, crf_ns until)
{
	int count = 0;

	for (size_t i = 0; i < t->direct.count; i++)
		add_missing(c, l, t->name, t->direct.partitions[i]);
	if (t->direct.all)
		count = crf_client_partition_count(c->client, &t->name, 1, crf_ms_until(until, crf_now(), LOOK_MS));
	for (int32_t p = 0; p < count; p++)
		add_missing(c, l, t->name, p);
	return !t->direct.all || count > 0;
}

static void
assign_directly(struct crf_connection *c)
{
	crf_ns until = crf_now() + LOOK_MS * CRF_MS; /* of all together: nothing else is looked after meanwhile */
	struct crf_partitions l = { 0 };
	bool complete = true;

	for (size_t i = 0; i < c->spec->topic_count; i++)
		complete = add_direct(c, &l, &c->spec->topics[i], until) && complete;
	c->next_look = crf_now() + (complete ? c->look_interval : AGAIN);
	if (l.count > 0)
		crf_rebalance_assign(c, &l);
	crf_partitions_fini(&l);
}

void
crf_topics_serve(struct crf_connection *c, crf_ns now)
{
	if (c->spec->direct && now >= c->next_look && c->phase == CRF_CONNECTION_RUNNING)
		assign_directly(c);
	if (!c->spec->has_patterns || now < c->next_look || c->phase != CRF_CONNECTION_RUNNING ||
	    c->revoke.step != CRF_REVOKE_NONE)
		return;
	if (crf_topics_look(c, c->client) && !c->absent)
		crf_connection_resubscribe(c);
}
