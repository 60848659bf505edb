/* One librdkafka consumer. Its consumer queue, its main queue (poll_set_consumer) and its log queue are all forwarded to
 * one queue of ours, which crf_client_poll serves: that queue rather than the consumer's own, so that leaving the group
 * can go on being served by the same calls (librdkafka before 2.15 must not be told to forward a queue to itself). */
#include "kafka/client.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/error.h"
#include "core/mem.h"
#include "core/text.h"
#include "kafka/client_priv.h"
#include "kafka/tokens.h"

#define EVENTS                                                                                                         \
	(RD_KAFKA_EVENT_REBALANCE | RD_KAFKA_EVENT_ERROR | RD_KAFKA_EVENT_STATS | RD_KAFKA_EVENT_LOG |                 \
	    RD_KAFKA_EVENT_OFFSET_COMMIT)

#define ABANDON_MS 1000 /* how long a client that is left behind may take to leave its group */

static carafe_rc
force(rd_kafka_conf_t *conf, carafe_error *err)
{
	static const char *const forced[][2] = {
		{ "enable.auto.commit", "false" },
		{ "enable.auto.offset.store", "false" },
		{ "log.queue", "true" },
	};
	char text[CRF_NATIVE_TEXT];

	for (size_t i = 0; i < crf_array_len(forced); i++)
		if (rd_kafka_conf_set(conf, forced[i][0], forced[i][1], text, sizeof(text)) != RD_KAFKA_CONF_OK)
			return crf_error(err, CARAFE_CONFIG, "%s: %s", forced[i][0], text);
	rd_kafka_conf_set_events(conf, EVENTS);
	return CARAFE_OK;
}

static int
conf_int(const rd_kafka_conf_t *conf, const char *key)
{
	char text[32];
	size_t len = sizeof(text);
	int64_t value = 0;

	if (rd_kafka_conf_get(conf, key, text, &len) == RD_KAFKA_CONF_OK)
		crf_parse_int(text, &value);
	return (int)value;
}

static void
join_queues(struct crf_client *c)
{
	rd_kafka_queue_t *consumer;

	c->queue = rd_kafka_queue_new(c->rk);
	rd_kafka_poll_set_consumer(c->rk);
	consumer = rd_kafka_queue_get_consumer(c->rk);
	rd_kafka_queue_forward(consumer, c->queue);
	rd_kafka_queue_destroy(consumer);
	rd_kafka_set_log_queue(c->rk, c->queue);
}

static void
discard(struct crf_client *c)
{
	crf_tokens_unref(c->opaque.tokens);
	free(c);
}

carafe_rc
crf_client_new(struct crf_client **client, const struct crf_kvs *kafka, carafe_error *err)
{
	const char *id = crf_kvs_get(kafka, "group.instance.id");
	struct crf_client *c;
	rd_kafka_conf_t *conf;
	carafe_rc rc;

	if (crf_kvs_get(kafka, "group.id") == NULL)
		return crf_error(err, CARAFE_CONFIG, "group.id: a consumer needs one");
	if ((conf = crf_native_conf(kafka, CRF_CONSUMER, err)) == NULL)
		return CARAFE_CONFIG;
	if ((rc = force(conf, err)) != CARAFE_OK) {
		rd_kafka_conf_destroy(conf);
		return rc;
	}
	c = crf_new(struct crf_client);
	c->max_poll = conf_int(conf, "max.poll.interval.ms");
	c->is_static = id != NULL && *id != '\0';
	c->is_kip848 = crf_native_conf_is(conf, "group.protocol", "consumer");
	c->opaque.tokens = crf_tokens_ref(kafka->tokens);
	rd_kafka_conf_set_opaque(conf, &c->opaque);
	if ((rc = crf_native_new(&c->rk, CRF_CONSUMER, conf, err)) != CARAFE_OK) {
		discard(c);
		return rc;
	}
	join_queues(c);
	*client = c;
	return CARAFE_OK;
}

carafe_rc
crf_client_subscribe(struct crf_client *c, const char *const *topics, size_t count, carafe_error *err)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)count);
	rd_kafka_resp_err_t code;

	for (size_t i = 0; i < count; i++)
		rd_kafka_topic_partition_list_add(list, topics[i], RD_KAFKA_PARTITION_UA);
	code = rd_kafka_subscribe(c->rk, list);
	rd_kafka_topic_partition_list_destroy(list);
	return code == 0 ? CARAFE_OK : crf_native_fail(c->rk, err, code, "cannot subscribe");
}

void
crf_client_unsubscribe(struct crf_client *c)
{
	rd_kafka_unsubscribe(c->rk);
}

void
crf_client_wake(struct crf_client *c)
{
	rd_kafka_queue_yield(c->queue);
}

/* ------------------------------------------------------------------------------------------------ assignments */

static bool
is_cooperative(struct crf_client *c)
{
	return strcmp(crf_client_protocol(c), "COOPERATIVE") == 0;
}

static char *
conf_text(const rd_kafka_conf_t *conf, const char *key)
{
	size_t len = 0;
	char *text;

	if (rd_kafka_conf_get(conf, key, NULL, &len) != RD_KAFKA_CONF_OK)
		return crf_strdup("");
	text = crf_alloc(1, len);
	rd_kafka_conf_get(conf, key, text, &len);
	return text;
}

/* librdkafka pauses all that is assigned until a rebalance is answered. It then resumes that without a word to the threads that
 * fetch, and one which has found nothing to fetch meanwhile looks again within a second (2.15.1, rd_kafka_broker_consumer_serve).
 * The only call that wakes them and does nothing else is the one that sets credentials: to what they are. The question before it
 * is answered by the thread that resumes, when it has. */
static void
wake_fetchers(struct crf_client *c)
{
	CRF_AUTO_FREE char *username = NULL, *password = NULL;
	rd_kafka_error_t *failed;

	(void)crf_client_protocol(c);
	username = conf_text(rd_kafka_conf(c->rk), "sasl.username");
	password = conf_text(rd_kafka_conf(c->rk), "sasl.password");
	if ((failed = rd_kafka_sasl_set_credentials(c->rk, username, password)) != NULL)
		rd_kafka_error_destroy(failed);
}

carafe_rc
crf_client_assign_directly(struct crf_client *c, const struct crf_partitions *l, carafe_error *err)
{
	rd_kafka_topic_partition_list_t *list = crf_native_list(l);
	carafe_rc rc = crf_native_fail_error(c->rk, err, rd_kafka_incremental_assign(c->rk, list), "cannot assign");

	rd_kafka_topic_partition_list_destroy(list);
	return rc;
}

static carafe_rc
assign_eagerly(struct crf_client *c, const struct crf_partitions *l, carafe_error *err)
{
	rd_kafka_topic_partition_list_t *list = crf_native_list(l);
	rd_kafka_resp_err_t code = rd_kafka_assign(c->rk, list);

	rd_kafka_topic_partition_list_destroy(list);
	return code == 0 ? CARAFE_OK : crf_native_fail(c->rk, err, code, "cannot assign");
}

static carafe_rc
assign_nothing(struct crf_client *c, carafe_error *err)
{
	rd_kafka_resp_err_t code = rd_kafka_assign(c->rk, NULL);

	return code == 0 ? CARAFE_OK : crf_native_fail(c->rk, err, code, "cannot unassign");
}

/* librdkafka takes any answer in a close for one that gives everything up, and needs no other: it may be closed at any moment from
 * then on, and answer nothing that it is asked. But a close revokes what is assigned even if a rebalance waits for its answer already
 * (2.15.1, rd_kafka_cgrp_unsubscribe), and so asks twice. */
static carafe_rc
give_everything_up(struct crf_client *c, carafe_error *err)
{
	if (c->given_up)
		return CARAFE_OK;
	c->given_up = true;
	return assign_nothing(c, err);
}

carafe_rc
crf_client_assign(struct crf_client *c, const struct crf_partitions *l, carafe_error *err)
{
	carafe_rc rc;

	c->unanswered = false;
	if (c->closing)
		return give_everything_up(c, err);
	rc = is_cooperative(c) ? crf_client_assign_directly(c, l, err) : assign_eagerly(c, l, err);
	wake_fetchers(c);
	return rc;
}

carafe_rc
crf_client_unassign(struct crf_client *c, const struct crf_partitions *l, carafe_error *err)
{
	rd_kafka_topic_partition_list_t *list;
	carafe_rc rc;

	c->unanswered = false;
	if (c->closing)
		return give_everything_up(c, err);
	if (!is_cooperative(c)) /* eager: all of them, always */
		return assign_nothing(c, err);
	list = crf_native_list(l);
	rc = crf_native_fail_error(c->rk, err, rd_kafka_incremental_unassign(c->rk, list), "cannot unassign");
	rd_kafka_topic_partition_list_destroy(list);
	wake_fetchers(c);
	return rc;
}

void
crf_client_keep_place(struct crf_client *c, const struct crf_partitions *staying)
{
	rd_kafka_topic_partition_list_t *list = crf_native_list(staying);

	rd_kafka_pause_partitions(c->rk, list); /* takes down where the application is */
	rd_kafka_resume_partitions(c->rk, list);
	rd_kafka_topic_partition_list_destroy(list);
}

bool
crf_client_lost(struct crf_client *c)
{
	return rd_kafka_assignment_lost(c->rk) != 0;
}

bool
crf_client_member(struct crf_client *c)
{
	char *id = rd_kafka_memberid(c->rk);
	bool member = id != NULL && *id != '\0';

	if (id != NULL)
		rd_kafka_mem_free(c->rk, id);
	return member;
}

const char *
crf_client_protocol(struct crf_client *c)
{
	const char *protocol = rd_kafka_rebalance_protocol(c->rk);

	return protocol != NULL ? protocol : "NONE";
}

carafe_rc
crf_client_commit(struct crf_client *c, const struct crf_partitions *l, void *tag, carafe_error *err)
{
	rd_kafka_topic_partition_list_t *list = crf_native_list(l);
	rd_kafka_resp_err_t code = rd_kafka_commit_queue(c->rk, list, c->queue, NULL, tag);

	if (code == 0)
		rd_kafka_offsets_store(c->rk, list); /* writes an error into each element: after the commit has copied them */
	rd_kafka_topic_partition_list_destroy(list);
	return code == 0 ? CARAFE_OK : crf_native_fail(c->rk, err, code, "cannot commit");
}

/* ------------------------------------------------------------------------------------------------ questions */

int
crf_native_ask_for_topic(rd_kafka_t *rk, rd_kafka_topic_t *topic, int timeout_ms, int *partitions)
{
	const struct rd_kafka_metadata *metadata;
	int code = rd_kafka_metadata(rk, 0, topic, &metadata, timeout_ms);

	*partitions = 0;
	if (code != 0)
		return code;
	code = metadata->topic_cnt == 1 ? metadata->topics[0].err : RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC;
	if (code == 0)
		*partitions = metadata->topics[0].partition_cnt;
	rd_kafka_metadata_destroy(metadata);
	return code;
}

static int
ask_for_topic(rd_kafka_t *rk, const char *name, int timeout_ms, int *partitions)
{
	rd_kafka_topic_t *topic = rd_kafka_topic_new(rk, name, NULL);
	int code;

	if (topic == NULL)
		return rd_kafka_last_error();
	code = crf_native_ask_for_topic(rk, topic, timeout_ms, partitions);
	rd_kafka_topic_destroy(topic);
	return code;
}

static int
count_partitions(rd_kafka_t *rk, const char *name, int timeout_ms)
{
	int count = 0;

	return ask_for_topic(rk, name, timeout_ms, &count) == 0 ? count : 0;
}

carafe_rc
crf_client_topics(struct crf_client *c, int timeout_ms, void (*fn)(const char *topic, int partitions, void *arg), void *arg,
    carafe_error *err)
{
	const struct rd_kafka_metadata *metadata;
	rd_kafka_resp_err_t code = rd_kafka_metadata(c->rk, 1, NULL, &metadata, timeout_ms);

	if (code != 0)
		return crf_native_fail(c->rk, err, code, "cannot list topics");
	for (int i = 0; i < metadata->topic_cnt; i++)
		if (metadata->topics[i].err != RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
			fn(metadata->topics[i].topic, metadata->topics[i].partition_cnt, arg);
	rd_kafka_metadata_destroy(metadata);
	return CARAFE_OK;
}

int
crf_client_topic_error(struct crf_client *c, const char *topic, int timeout_ms, int *partitions)
{
	*partitions = 0;
	return ask_for_topic(c->rk, topic, timeout_ms, partitions);
}

int
crf_client_partition_count(struct crf_client *c, const char *const *topics, size_t count, int timeout_ms)
{
	crf_ns until = crf_now() + timeout_ms * CRF_MS;
	int partitions = 0, left;

	for (size_t i = 0; i < count; i++)
		if (topics[i][0] != '^' && (left = crf_ms_until(until, crf_now(), timeout_ms)) > 0)
			partitions += count_partitions(c->rk, topics[i], left);
	return partitions;
}

bool
crf_client_reached(struct crf_client *c)
{
	char *id;

	if (c->reached)
		return true;
	id = rd_kafka_clusterid(c->rk, 0);
	c->reached = id != NULL;
	if (id != NULL)
		rd_kafka_mem_free(c->rk, id);
	return c->reached;
}

int
crf_client_max_poll_interval(const struct crf_client *c)
{
	return c->max_poll;
}

/* ------------------------------------------------------------------------------------------------ the end */

/* A close leaves the group once a revocation was answered. A member of a cooperative group that has nothing assigned is
 * revoked nothing, and librdkafka (2.15.1) closes it without a word to the group, which waits for it in every rebalance
 * until its session ends. Without a subscription it leaves; a static member is to stay. While the group rebalances
 * librdkafka puts this off until that is settled. */
void
crf_client_leave(struct crf_client *c)
{
	if (!c->is_static)
		rd_kafka_unsubscribe(c->rk);
}

/* The coordinator's name for a classic member goes when it leaves; a member of the new protocol names itself, and leaves
 * at once. */
bool
crf_client_left(struct crf_client *c)
{
	return c->is_static || c->is_kip848 || !crf_client_member(c);
}

carafe_rc
crf_client_close(struct crf_client *c, carafe_error *err)
{
	c->closing = true;
	return crf_native_fail_error(c->rk, err, rd_kafka_consumer_close_queue(c->rk, c->queue), "cannot leave the group");
}

bool
crf_client_closed(struct crf_client *c)
{
	return rd_kafka_consumer_closed(c->rk) != 0;
}

static bool
is_fatal(rd_kafka_t *rk)
{
	char text[CRF_NATIVE_TEXT];

	return rd_kafka_fatal_error(rk, text, sizeof(text)) != 0;
}

/* Sees a close to its end, without asking anybody, for a client that nobody serves any more. */
static void
end_close(struct crf_client *c)
{
	crf_ns until = crf_now() + ABANDON_MS * CRF_MS;
	struct crf_client_event ev;

	while (!crf_client_closed(c) && crf_now() < until) {
		crf_client_poll(c, 50, &ev);
		if (ev.kind == CRF_CLIENT_ASSIGN || ev.kind == CRF_CLIENT_REVOKE)
			crf_client_unassign(c, &ev.partitions, NULL);
		crf_client_event_fini(&ev);
	}
}

static void
leave(struct crf_client *c)
{
	if (crf_client_closed(c) || crf_client_close(c, NULL) != CARAFE_STATE)
		end_close(c);
}

/* rd_kafka_destroy, whatever its flags, waits until every message is released: the client is kept instead, out of its
 * group and idle, with its threads and what it has fetched. */
static void
abandon_client(struct crf_client *c)
{
	static _Atomic(struct crf_client *) abandoned;

	leave(c);
	c->next = atomic_exchange(&abandoned, c);
}

void
crf_client_free(struct crf_client *c, bool abandon)
{
	if (c == NULL)
		return;
	if (abandon) {
		abandon_client(c);
		return;
	}
	if (c->closing && !crf_client_closed(c)) { /* in the middle of it librdkafka may wait for ever */
		if (c->unanswered) /* else the close may end just now, and this call with it never */
			give_everything_up(c, NULL);
		end_close(c);
	}
	rd_kafka_queue_destroy(c->queue);
	/* By itself it would close once more, and wait: for ever when that is refused, as it is after a fatal error, or when
	 * a close has been asked for already, whose end is told to our queue. */
	rd_kafka_destroy_flags(c->rk, c->closing || is_fatal(c->rk) ? RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE : 0);
	discard(c);
}
