/* What a connection consumes: topics by name, and those that match its patterns now. With patterns it looks at what topics
 * there are as often as librdkafka refreshes its metadata, and subscribes anew when others match. */
#include <stdlib.h>
#include <string.h>

#include "connection/priv.h"
#include "core/text.h"

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

/* What a topic whose partitions are assigned by hand had when that was last told of. */
struct crf_told {
	int partitions, error;
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
	if (c->spec->direct)
		c->told = crf_new_array(struct crf_told, c->spec->topic_count);
	c->look_interval = interval_of(c->spec);
}

void
crf_topics_fini(struct crf_connection *c)
{
	free(c->told);
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
	rc = crf_client_topics(client, CRF_METADATA_MS, see, &l, NULL);
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

static void
report_absent(struct crf_connection *c, const struct crf_partitions *absent, int count)
{
	CRF_AUTO_FREE char *names = crf_partitions_text(absent, TEXT_MAX), *text = NULL;
	const char *topic = absent->items[0].topic;

	text = crf_format("there is no %s: topic %s has %d partition%s", names, topic, count, count == 1 ? "" : "s");
	CRF_EMIT(c->bus, CARAFE_EV_CONNECTION_ERROR, CRF_STR(GROUP, c->spec->group), CRF_STR(CONNECTION, c->name),
	    CRF_STR(TOPIC, topic), CRF_INT(PARTITION, absent->items[0].partition), CRF_INT(COUNT, count),
	    CRF_LIST(PARTITIONS, absent), CRF_STR(TEXT, text),
	    CRF_STR(HINT, "check carafe_assign(), or add partitions to the topic: they are consumed when they are there"));
}

/* Once, until it is another matter. */
static void
tell(struct crf_connection *c, struct crf_told *told, const struct crf_topic *t, struct crf_told now)
{
	struct crf_partitions absent = { 0 };

	if (now.error == told->error && now.partitions == told->partitions)
		return;
	*told = now;
	for (size_t i = 0; now.error == 0 && i < t->direct.count; i++)
		if (t->direct.partitions[i] >= now.partitions)
			crf_partitions_add(&absent, t->name, t->direct.partitions[i]);
	if (now.error != 0)
		crf_connection_report_topic(c, t->name, now.error);
	else if (absent.count > 0)
		report_absent(c, &absent, now.partitions);
	crf_partitions_fini(&absent);
}

/* Asks until then at most. False when it has to be asked again soon. */
static bool
add_direct(struct crf_connection *c, struct crf_partitions *l, size_t index, crf_ns until)
{
	const struct crf_topic *t = &c->spec->topics[index];
	struct crf_told now;

	now.error = crf_client_topic_error(c->client, t->name, crf_ms_until(until, crf_now(), CRF_METADATA_MS), &now.partitions);
	for (size_t i = 0; i < t->direct.count; i++)
		if (t->direct.partitions[i] < now.partitions)
			add_missing(c, l, t->name, t->direct.partitions[i]);
	for (int32_t p = 0; t->direct.all && p < now.partitions; p++)
		add_missing(c, l, t->name, p);
	if (!crf_kafka_error_retriable(now.error)) /* else brokers are away, which others say */
		tell(c, &c->told[index], t, now);
	return now.error == 0;
}

static void
assign_directly(struct crf_connection *c)
{
	crf_ns until = crf_now() + CRF_METADATA_MS * CRF_MS; /* of all together: nothing else is looked after meanwhile */
	struct crf_partitions l = { 0 };
	bool complete = true;

	for (size_t i = 0; i < c->spec->topic_count; i++)
		complete = add_direct(c, &l, i, until) && complete;
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
