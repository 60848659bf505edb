/* A connection's client: made with limits that fit what there is to consume, subscribed, and let go with its lanes. */
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "connection/priv.h"
#include "core/error.h"

#define PARTITIONS_GUESS 16
#define LAST_TURN (100 * CRF_MS) /* what lanes that do not hang need to let go when a stop is forced */
#define PREFETCH_ROOM 512 /* what a small message costs in a queue, payload and bookkeeping: measured 420 bytes */

/* What each partition's queue may hold, so that all together stay within this connection's share of prefetch_budget. The
 * user's own queued.* settings win. */
static void
set_prefetch(const struct crf_connection *c, int partitions, struct crf_kvs *kafka)
{
	int64_t kib = c->prefetch_kib / partitions;
	char text[32];

	kib = kib < 64 ? 64 : kib > 65536 ? 65536 : kib;
	snprintf(text, sizeof(text), "%lld", (long long)kib);
	crf_kvs_default(kafka, "queued.max.messages.kbytes", text, "carafe (prefetch_budget)");
	kib = kib * 1024 / PREFETCH_ROOM;
	snprintf(text, sizeof(text), "%lld", (long long)(kib > 100000 ? 100000 : kib));
	crf_kvs_default(kafka, "queued.min.messages", text, "carafe (prefetch_budget)");
}

/* Copies are told apart, and called the same after every start. */
static void
number(const struct crf_connection *c, const char *key, struct crf_kvs *kafka)
{
	const char *value = crf_kvs_get(kafka, key);
	CRF_AUTO_FREE char *numbered = NULL;

	if (c->copy < 0 || value == NULL || *value == '\0')
		return;
	numbered = crf_format("%s-%d", value, c->copy);
	crf_kvs_set(kafka, key, numbered, "carafe (multiplexing)");
}

static carafe_rc
make_client(struct crf_connection *c, int partitions, struct crf_client **client, carafe_error *err)
{
	struct crf_kvs kafka = { 0 };
	carafe_rc rc;

	crf_kvs_copy(&kafka, &c->spec->kafka);
	set_prefetch(c, partitions, &kafka);
	number(c, "client.id", &kafka);
	number(c, "group.instance.id", &kafka);
	rc = crf_client_new(client, &kafka, err);
	crf_kvs_fini(&kafka);
	return rc;
}

void
crf_connection_report_topic(struct crf_connection *c, const char *topic, int code)
{
	CRF_AUTO(crf_buf) text = { 0 };

	crf_buf_printf(&text, "topic %s: %s", topic, crf_kafka_error_text(code));
	CRF_EMIT(c->bus, CARAFE_EV_CONNECTION_ERROR, CRF_STR(GROUP, c->spec->group), CRF_STR(CONNECTION, c->name),
	    CRF_STR(TOPIC, topic), CRF_STR(KAFKA, crf_kafka_error_name(code)), CRF_INT(KAFKA_CODE, code),
	    CRF_STR(TEXT, crf_buf_str(&text)), CRF_STR(HINT, crf_kafka_error_hint(code)));
}

static bool
is_classic(const struct crf_connection *c)
{
	const char *protocol = crf_kvs_get(&c->spec->kafka, "group.protocol");

	return protocol == NULL || strcasecmp(protocol, "consumer") != 0;
}

/* With the classic protocol librdkafka looks at the topics and tells; with the new one the coordinator does, and neither
 * says a word about those that are not there. Topics of partitions by hand are looked at all the time (topics.c). */
static void
look_for_topics(struct crf_connection *c, struct crf_client *client)
{
	int code, partitions;

	if (c->spec->direct || is_classic(c) || !crf_client_reached(client))
		return;
	for (size_t i = 0; i < c->spec->topic_count; i++) {
		const struct crf_topic *t = &c->spec->topics[i];

		if (!t->pattern && (code = crf_client_topic_error(client, t->name, CRF_METADATA_MS, &partitions)) != 0)
			crf_connection_report_topic(c, t->name, code);
	}
}

carafe_rc
crf_connection_subscribe(struct crf_connection *c, struct crf_client *client, carafe_error *err)
{
	size_t count;
	const char **topics = crf_topics_names(c, &count);
	carafe_rc rc = CARAFE_OK;

	if (c->spec->direct)
		c->next_look = 0;
	else if (count > 0)
		rc = crf_client_subscribe(client, topics, count, err);
	else if (c->subscribed)
		crf_client_unsubscribe(client);
	c->subscribed = count > 0;
	free(topics);
	return rc;
}

void
crf_connection_resubscribe(struct crf_connection *c)
{
	carafe_error err = { 0 };

	if (crf_connection_subscribe(c, c->client, &err) == CARAFE_OK)
		return;
	c->last_error = err;
	c->fatal = true;
}

/* How many partitions there are to consume, for all that can be known now. */
static int
count_partitions(struct crf_connection *c, struct crf_client *client)
{
	size_t count;
	const char **topics;
	int partitions;

	crf_topics_look(c, client);
	topics = crf_topics_names(c, &count);
	partitions = crf_client_partition_count(client, topics, count, CRF_METADATA_MS);
	free(topics);
	return partitions;
}

carafe_rc
crf_connection_open(struct crf_connection *c, carafe_error *err)
{
	struct crf_client *client = NULL;
	carafe_rc rc = make_client(c, PARTITIONS_GUESS, &client, err);

	if (rc == CARAFE_OK) {
		int partitions = count_partitions(c, client);

		if (partitions > 2 * PARTITIONS_GUESS) { /* limits can only be set when a client is made */
			crf_client_free(client, false);
			client = NULL;
			rc = make_client(c, partitions, &client, err);
		}
	}
	if (rc == CARAFE_OK)
		look_for_topics(c, client); /* a member of the new protocol should not ask: its timers are used without a lock */
	if (rc == CARAFE_OK && (rc = crf_connection_subscribe(c, client, err)) != CARAFE_OK) {
		crf_client_free(client, false);
		client = NULL;
	}
	if (rc == CARAFE_OK)
		atomic_store(&c->max_poll, crf_client_max_poll_interval(client));
	crf_lock(&c->mu);
	c->client = client;
	crf_unlock(&c->mu);
	return rc;
}

/* After every epoch has ended: waits for lanes to release what they hold, at most until then, and no longer than they need
 * once the stop is forced. */
static bool
wait_for_lanes(struct crf_connection *c, crf_ns until)
{
	bool forced = false, idle;

	crf_lock(&c->mu);
	do {
		if (!forced && crf_connection_forced(c)) {
			forced = true;
			until = crf_now() + LAST_TURN;
		}
	} while (c->open_lanes > 0 && crf_cond_wait_until(&c->idle, &c->mu, until));
	idle = c->open_lanes == 0;
	crf_unlock(&c->mu);
	return idle;
}

void
crf_connection_close(struct crf_connection *c)
{
	struct crf_client *client;
	bool idle;

	crf_rebalance_lose_all(c);
	crf_commit_fail_all(c, CARAFE_LOST, "the client is gone; the partition is no longer owned");
	crf_errands_end(c);
	/* When it stops, a handler that hangs is the whole app's matter (shutdown_timeout); when it is made anew, the
	 * other partitions must not wait for it. */
	idle = wait_for_lanes(c, c->fatal ? crf_now() + c->settings->v.drain_timeout * CRF_MS : CRF_NEVER);
	crf_lock(&c->mu);
	client = c->client;
	c->client = NULL;
	c->generation++;
	c->orphans += c->open_lanes;
	c->open_lanes = 0;
	crf_unlock(&c->mu);
	crf_partitions_fini(&c->strays);
	c->committing = false;
	crf_client_free(client, !idle);
}
