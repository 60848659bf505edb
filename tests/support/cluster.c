#include "support/cluster.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/rdkafka.h"
#include "support/test.h"

#define CALL_MS 20000
#define BIGGEST "8000000" /* larger than what brokers take, so that they decide */

/* One for each cluster that was used: a producer is good for administration too, but for groups' offsets: librdkafka
 * crashes when their coordinator has moved and the client is no consumer. */
struct cluster {
	char bootstrap[256];
	rd_kafka_t *rk;
	rd_kafka_t *consumer;
	struct topic {
		struct topic *next;
		char name[96];
	} *topics;
};

static struct cluster clusters[4], *in_use;

/* ------------------------------------------------------------------------------------------------ clusters and names */

static void
set(rd_kafka_conf_t *conf, const char *key, const char *value)
{
	char text[512];

	if (rd_kafka_conf_set(conf, key, value, text, sizeof(text)) != RD_KAFKA_CONF_OK)
		fail_msg("%s=%s: %s", key, value, text);
}

static void
say_nothing(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
	(void)rk;
	if (level <= 3 && getenv("IT_VERBOSE") != NULL)
		fprintf(stderr, "# %s %s\n", facility, text);
}

static rd_kafka_conf_t *
client_conf(const char *bootstrap)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();

	set(conf, "bootstrap.servers", bootstrap);
	set(conf, "client.id", "it-verifier");
	set(conf, "reconnect.backoff.ms", "20");
	set(conf, "reconnect.backoff.max.ms", "200");
	set(conf, "topic.metadata.refresh.fast.interval.ms", "50");
	rd_kafka_conf_set_log_cb(conf, say_nothing);
	return conf;
}

static rd_kafka_t *
client_new(rd_kafka_type_t type, rd_kafka_conf_t *conf)
{
	char text[512];
	rd_kafka_t *rk = rd_kafka_new(type, conf, text, sizeof(text));

	if (rk == NULL)
		fail_msg("no client: %s", text);
	return rk;
}

rd_kafka_t *
it_producer(const carafe_kv *settings, void (*delivered)(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque))
{
	rd_kafka_conf_t *conf = client_conf(it_kafka());

	for (; settings->key != NULL; settings++)
		set(conf, settings->key, settings->value);
	rd_kafka_conf_set_dr_msg_cb(conf, delivered);
	return client_new(RD_KAFKA_PRODUCER, conf);
}

rd_kafka_t *
it_consumer(const carafe_kv *settings)
{
	rd_kafka_conf_t *conf = client_conf(it_kafka());

	set(conf, "enable.auto.commit", "false");
	for (; settings->key != NULL; settings++)
		set(conf, settings->key, settings->value);
	return client_new(RD_KAFKA_CONSUMER, conf);
}

/* A delivery's outcome goes to whoever waits for it. */
struct delivery {
	int64_t timestamp; /* ms since 1970; 0: now */
	atomic_int left;
	atomic_int error;
	_Atomic int64_t offset;
};

static void
on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
	struct delivery *d = m->_private;

	(void)rk;
	(void)opaque;
	if (m->err != 0)
		atomic_store(&d->error, m->err);
	atomic_store(&d->offset, m->offset);
	atomic_fetch_sub(&d->left, 1);
}

/* One request at a time keeps the order of what is retried. Idempotence would as well, but for a topic that was made just
 * now: its leader may refuse the first batch, as not knowing it yet, take the second and call the first a duplicate when
 * it comes again, which librdkafka reports as written. */
static rd_kafka_t *
producer_new(const char *bootstrap)
{
	rd_kafka_conf_t *conf = client_conf(bootstrap);

	set(conf, "linger.ms", "0");
	set(conf, "message.max.bytes", BIGGEST);
	set(conf, "max.in.flight.requests.per.connection", "1");
	rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
	return client_new(RD_KAFKA_PRODUCER, conf);
}

static rd_kafka_t *
consumer_new(const char *bootstrap)
{
	rd_kafka_conf_t *conf = client_conf(bootstrap);

	set(conf, "group.id", "it-verifier");
	return client_new(RD_KAFKA_CONSUMER, conf);
}

const char *
it_kafka(void)
{
	return in_use->bootstrap;
}

void
it_use_cluster(const char *bootstrap)
{
	struct cluster *c = clusters;

	while (c->rk != NULL && strcmp(c->bootstrap, bootstrap) != 0)
		c++;
	if (c->rk == NULL) {
		snprintf(c->bootstrap, sizeof(c->bootstrap), "%s", bootstrap);
		c->rk = producer_new(bootstrap);
		c->consumer = consumer_new(bootstrap);
	}
	in_use = c;
}

const char *
it_name(const char *what)
{
	static int number;
	struct topic *t = calloc(1, sizeof(*t));

	snprintf(t->name, sizeof(t->name), "it-%s-%ld-%d", what, (long)getpid(), ++number);
	t->next = in_use->topics;
	in_use->topics = t;
	return t->name;
}

/* ------------------------------------------------------------------------------------------------ administration */

static void
check(rd_kafka_resp_err_t code, const char *what)
{
	if (code != 0)
		fail_msg("%s: %s", what, rd_kafka_err2str(code));
}

/* The event that answers an administrative call; the caller destroys it. */
static rd_kafka_event_t *
answer(rd_kafka_queue_t *queue, const char *what)
{
	rd_kafka_event_t *event = rd_kafka_queue_poll(queue, CALL_MS);

	rd_kafka_queue_destroy(queue);
	if (event == NULL)
		fail_msg("%s: no answer", what);
	check(rd_kafka_event_error(event), what);
	return event;
}

static void
check_topics(const rd_kafka_topic_result_t **results, size_t count, const char *what)
{
	for (size_t i = 0; i < count; i++)
		check(rd_kafka_topic_result_error(results[i]), what);
}

/* The leader of each partition is known, and it knows as well. */
static bool
is_there(const char *name, int partitions)
{
	int64_t low, high;
	const struct rd_kafka_metadata *metadata;
	rd_kafka_topic_t *topic = rd_kafka_topic_new(in_use->rk, name, NULL);
	int led = 0;

	if (rd_kafka_metadata(in_use->rk, 0, topic, &metadata, CALL_MS) == 0) {
		for (int i = 0; i < metadata->topics[0].partition_cnt; i++)
			led += metadata->topics[0].partitions[i].leader >= 0 &&
			    rd_kafka_query_watermark_offsets(in_use->rk, name, i, &low, &high, CALL_MS) == 0;
		rd_kafka_metadata_destroy(metadata);
	}
	rd_kafka_topic_destroy(topic);
	return led == partitions;
}

void
it_topic_make(const char *name, int partitions, const carafe_kv *config)
{
	char text[512];
	rd_kafka_NewTopic_t *topic = rd_kafka_NewTopic_new(name, partitions, -1, text, sizeof(text));
	rd_kafka_queue_t *queue = rd_kafka_queue_new(in_use->rk);
	rd_kafka_event_t *event;
	size_t count;

	for (; config != NULL && config->key != NULL; config++)
		check(rd_kafka_NewTopic_set_config(topic, config->key, config->value), config->key);
	rd_kafka_CreateTopics(in_use->rk, &topic, 1, NULL, queue);
	event = answer(queue, "CreateTopics");
	check_topics(rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count), 1, name);
	rd_kafka_event_destroy(event);
	rd_kafka_NewTopic_destroy(topic);
	it_until(is_there(name, partitions));
}

const char *
it_topic(const char *what, int partitions, const carafe_kv *config)
{
	const char *name = it_name(what);

	it_topic_make(name, partitions, config);
	return name;
}

/* No broker knows it, or all the one that is asked knows is that it is gone. */
static bool
is_gone(const char *name)
{
	const struct rd_kafka_metadata *metadata;
	rd_kafka_topic_t *topic = rd_kafka_topic_new(in_use->rk, name, NULL);
	bool gone = false;

	if (rd_kafka_metadata(in_use->rk, 0, topic, &metadata, CALL_MS) == 0) {
		gone = metadata->topics[0].err != 0;
		rd_kafka_metadata_destroy(metadata);
	}
	rd_kafka_topic_destroy(topic);
	return gone;
}

void
it_topic_delete(const char *name)
{
	rd_kafka_DeleteTopic_t *topic = rd_kafka_DeleteTopic_new(name);
	rd_kafka_queue_t *queue = rd_kafka_queue_new(in_use->rk);
	rd_kafka_event_t *event;
	size_t count;

	rd_kafka_DeleteTopics(in_use->rk, &topic, 1, NULL, queue);
	event = answer(queue, "DeleteTopics");
	check_topics(rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(event), &count), 1, name);
	rd_kafka_event_destroy(event);
	rd_kafka_DeleteTopic_destroy(topic);
	it_until(is_gone(name));
}

void
it_topic_grow(const char *name, int partitions)
{
	char text[512];
	rd_kafka_NewPartitions_t *grown = rd_kafka_NewPartitions_new(name, (size_t)partitions, text, sizeof(text));
	rd_kafka_queue_t *queue = rd_kafka_queue_new(in_use->rk);
	rd_kafka_event_t *event;
	size_t count;

	rd_kafka_CreatePartitions(in_use->rk, &grown, 1, NULL, queue);
	event = answer(queue, "CreatePartitions");
	check_topics(rd_kafka_CreatePartitions_result_topics(rd_kafka_event_CreatePartitions_result(event), &count), 1, name);
	rd_kafka_event_destroy(event);
	rd_kafka_NewPartitions_destroy(grown);
	it_until(is_there(name, partitions));
}

void
it_topic_trim(const char *name, int32_t partition, int64_t offset)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
	rd_kafka_queue_t *queue = rd_kafka_queue_new(in_use->rk);
	rd_kafka_DeleteRecords_t *trim;
	rd_kafka_event_t *event;

	rd_kafka_topic_partition_list_add(list, name, partition)->offset = offset;
	trim = rd_kafka_DeleteRecords_new(list);
	rd_kafka_DeleteRecords(in_use->rk, &trim, 1, NULL, queue);
	event = answer(queue, "DeleteRecords");
	assert_int_equal(rd_kafka_DeleteRecords_result_offsets(rd_kafka_event_DeleteRecords_result(event))->elems[0].err, 0);
	rd_kafka_event_destroy(event);
	rd_kafka_DeleteRecords_destroy(trim);
	rd_kafka_topic_partition_list_destroy(list);
}

void
it_topic_config(const char *name, const char *key, const char *value)
{
	rd_kafka_ConfigResource_t *resource = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, name);
	rd_kafka_queue_t *queue = rd_kafka_queue_new(in_use->rk);
	const rd_kafka_ConfigResource_t **results;
	rd_kafka_event_t *event;
	size_t count;

	rd_kafka_error_destroy(rd_kafka_ConfigResource_add_incremental_config(resource, key,
	    RD_KAFKA_ALTER_CONFIG_OP_TYPE_SET, value));
	rd_kafka_IncrementalAlterConfigs(in_use->rk, &resource, 1, NULL, queue);
	event = answer(queue, "IncrementalAlterConfigs");
	results = rd_kafka_IncrementalAlterConfigs_result_resources(rd_kafka_event_IncrementalAlterConfigs_result(event), &count);
	check(rd_kafka_ConfigResource_error(results[0]), key);
	rd_kafka_event_destroy(event);
	rd_kafka_ConfigResource_destroy(resource);
}

bool
it_whole(int brokers)
{
	const struct rd_kafka_metadata *metadata;
	int lagging = 0;

	if (rd_kafka_metadata(in_use->rk, 1, NULL, &metadata, CALL_MS) != 0)
		return false;
	for (int t = 0; t < metadata->topic_cnt; t++)
		for (int i = 0; i < metadata->topics[t].partition_cnt; i++)
			lagging += metadata->topics[t].partitions[i].isr_cnt < metadata->topics[t].partitions[i].replica_cnt;
	lagging += metadata->broker_cnt < brokers;
	rd_kafka_metadata_destroy(metadata);
	return lagging == 0;
}

/* Deletes what was made; names that were never topics are refused, which is fine. */
static void
delete_topics(struct cluster *c)
{
	size_t n = 0, i = 0;
	rd_kafka_DeleteTopic_t **topics;
	rd_kafka_queue_t *queue;
	rd_kafka_event_t *event;

	for (struct topic *t = c->topics; t != NULL; t = t->next)
		n++;
	if (n == 0)
		return;
	topics = calloc(n, sizeof(rd_kafka_DeleteTopic_t *));
	for (struct topic *t = c->topics; t != NULL; t = t->next)
		topics[i++] = rd_kafka_DeleteTopic_new(t->name);
	queue = rd_kafka_queue_new(c->rk);
	rd_kafka_DeleteTopics(c->rk, topics, n, NULL, queue);
	if ((event = rd_kafka_queue_poll(queue, CALL_MS)) != NULL)
		rd_kafka_event_destroy(event);
	rd_kafka_queue_destroy(queue);
	rd_kafka_DeleteTopic_destroy_array(topics, n);
	free(topics);
}

static void
delete_groups(struct cluster *c)
{
	for (struct topic *t = c->topics; t != NULL; t = t->next) {
		rd_kafka_DeleteGroup_t *group = rd_kafka_DeleteGroup_new(t->name);
		rd_kafka_queue_t *queue;
		rd_kafka_event_t *event;

		if (strncmp(t->name, "it-group", 8) == 0) {
			queue = rd_kafka_queue_new(c->consumer);
			rd_kafka_DeleteGroups(c->consumer, &group, 1, NULL, queue);
			if ((event = rd_kafka_queue_poll(queue, CALL_MS)) != NULL)
				rd_kafka_event_destroy(event);
			rd_kafka_queue_destroy(queue);
		}
		rd_kafka_DeleteGroup_destroy(group);
	}
}

void
it_cluster_end(void)
{
	bool thrown_away = getenv("KAFKA3_PORT") != NULL; /* nodes that were killed, for these tests alone */

	for (struct cluster *c = clusters; c->rk != NULL; c++) {
		if (!thrown_away) {
			delete_groups(c);
			delete_topics(c);
		}
		rd_kafka_destroy(c->consumer);
		rd_kafka_destroy(c->rk);
		c->rk = NULL;
		while (c->topics != NULL) {
			struct topic *t = c->topics;

			c->topics = t->next;
			free(t);
		}
	}
}

/* ------------------------------------------------------------------------------------------------ producing */

static rd_kafka_headers_t *
headers_of(const carafe_kv *list)
{
	rd_kafka_headers_t *headers = NULL;

	for (; list != NULL && list->key != NULL; list++) {
		if (headers == NULL)
			headers = rd_kafka_headers_new(4);
		rd_kafka_header_add(headers, list->key, -1, list->value, list->value != NULL ? (ssize_t)strlen(list->value) : 0);
	}
	return headers;
}

static void
send_record(rd_kafka_t *rk, const char *topic, int32_t partition, carafe_bytes key, carafe_bytes value, const carafe_kv *headers, struct delivery *d)
{
	rd_kafka_headers_t *h = headers_of(headers);
	rd_kafka_vu_t vus[] = {
		{ .vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = topic },
		{ .vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = partition },
		{ .vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY },
		{ .vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = d },
		{ .vtype = RD_KAFKA_VTYPE_KEY, .u.mem = { (void *)(uintptr_t)key.data, key.len } },
		{ .vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = { (void *)(uintptr_t)value.data, value.len } },
		{ .vtype = RD_KAFKA_VTYPE_TIMESTAMP, .u.i64 = d != NULL ? d->timestamp : 0 },
		{ .vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = h },
	};
	rd_kafka_error_t *error = rd_kafka_produceva(rk, vus, h != NULL ? 8 : 7);

	if (error != NULL)
		fail_msg("cannot produce to %s: %s", topic, rd_kafka_error_string(error));
}

static void
await_deliveries(struct delivery *d, const char *topic)
{
	while (atomic_load(&d->left) > 0)
		rd_kafka_poll(in_use->rk, 10);
	check(atomic_load(&d->error), topic);
}

int64_t
it_produce_record(const char *topic, int32_t partition, carafe_bytes key, carafe_bytes value, const carafe_kv *headers)
{
	struct delivery d = { .left = 1 };

	send_record(in_use->rk, topic, partition, key, value, headers, &d);
	await_deliveries(&d, topic);
	return d.offset;
}

int64_t
it_produce(const char *topic, int32_t partition, const char *value)
{
	return it_produce_record(topic, partition, (carafe_bytes){ NULL, 0 }, (carafe_bytes){ value, strlen(value) }, NULL);
}

int64_t
it_produce_at(const char *topic, int32_t partition, const char *value, int64_t timestamp)
{
	struct delivery d = { .left = 1, .timestamp = timestamp };

	send_record(in_use->rk, topic, partition, (carafe_bytes){ NULL, 0 }, (carafe_bytes){ value, strlen(value) }, NULL, &d);
	await_deliveries(&d, topic);
	return d.offset;
}

void
it_produce_many(const char *topic, int32_t partition, int from, int count)
{
	struct delivery d = { .left = count };
	char value[32];

	for (int i = from; i < from + count; i++) {
		snprintf(value, sizeof(value), "%d:%d", partition, i);
		send_record(in_use->rk, topic, partition, (carafe_bytes){ NULL, 0 }, (carafe_bytes){ value, strlen(value) }, NULL, &d);
		if (i % 1000 == 999)
			rd_kafka_poll(in_use->rk, 0);
	}
	await_deliveries(&d, topic);
}

static void
check_error(rd_kafka_error_t *error, const char *what)
{
	if (error != NULL)
		fail_msg("%s: %s", what, rd_kafka_error_string(error));
}

void
it_produce_aborted(const char *topic, int32_t partition, int count)
{
	rd_kafka_conf_t *conf = client_conf(in_use->bootstrap);
	rd_kafka_t *rk;

	set(conf, "transactional.id", it_name("transactions"));
	rk = client_new(RD_KAFKA_PRODUCER, conf);
	check_error(rd_kafka_init_transactions(rk, IT_PATIENCE_MS), "init_transactions");
	check_error(rd_kafka_begin_transaction(rk), "begin_transaction");
	for (int i = 0; i < count; i++)
		send_record(rk, topic, partition, (carafe_bytes){ 0 }, (carafe_bytes){ "aborted", 7 }, NULL, NULL);
	check(rd_kafka_flush(rk, IT_PATIENCE_MS), "flush");
	check_error(rd_kafka_abort_transaction(rk, IT_PATIENCE_MS), "abort_transaction");
	rd_kafka_destroy(rk);
}

/* ------------------------------------------------------------------------------------------------ reading */

static carafe_bytes
copy_bytes(const void *data, size_t len)
{
	char *copy;

	if (data == NULL)
		return (carafe_bytes){ NULL, 0 };
	copy = calloc(1, len + 1);
	memcpy(copy, data, len);
	return (carafe_bytes){ copy, len };
}

static void
copy_headers(struct it_message *to, const rd_kafka_message_t *m)
{
	rd_kafka_headers_t *headers;
	const char *name;
	const void *value;
	size_t len;

	if (rd_kafka_message_headers(m, &headers) != 0)
		return;
	for (size_t i = 0; i < 16 && rd_kafka_header_get_all(headers, i, &name, &value, &len) == 0; i++) {
		snprintf(to->headers[i].name, sizeof(to->headers[i].name), "%s", name);
		snprintf(to->headers[i].value, sizeof(to->headers[i].value), "%.*s", (int)len,
		    value != NULL ? (const char *)value : "");
		to->headers[i].null = value == NULL;
		to->header_count = i + 1;
	}
}

static void
add_message(struct it_messages *out, const rd_kafka_message_t *m)
{
	struct it_message *to;

	out->items = realloc(out->items, (out->count + 1) * sizeof(*out->items));
	to = &out->items[out->count++];
	memset(to, 0, sizeof(*to));
	to->partition = m->partition;
	to->offset = m->offset;
	to->key = copy_bytes(m->key, m->key_len);
	to->value = copy_bytes(m->payload, m->len);
	copy_headers(to, m);
}

static int
partition_count(const char *topic)
{
	const struct rd_kafka_metadata *metadata;
	rd_kafka_topic_t *t = rd_kafka_topic_new(in_use->rk, topic, NULL);
	int count;

	check(rd_kafka_metadata(in_use->rk, 0, t, &metadata, CALL_MS), topic);
	count = metadata->topics[0].partition_cnt;
	rd_kafka_metadata_destroy(metadata);
	rd_kafka_topic_destroy(t);
	return count;
}

static void
read_partition(rd_kafka_t *rk, const char *topic, int32_t partition, struct it_messages *out)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
	bool more = true;

	rd_kafka_topic_partition_list_add(list, topic, partition)->offset = RD_KAFKA_OFFSET_BEGINNING;
	check(rd_kafka_assign(rk, list), topic);
	rd_kafka_topic_partition_list_destroy(list);
	while (more) {
		rd_kafka_message_t *m = rd_kafka_consumer_poll(rk, CALL_MS);

		if (m == NULL)
			fail_msg("%s[%d] cannot be read", topic, partition);
		more = m->err != RD_KAFKA_RESP_ERR__PARTITION_EOF;
		if (m->err == 0)
			add_message(out, m);
		rd_kafka_message_destroy(m);
	}
}

void
it_read(const char *topic, struct it_messages *out)
{
	rd_kafka_conf_t *conf = client_conf(it_kafka());
	rd_kafka_t *rk;

	*out = (struct it_messages){ 0 };
	set(conf, "group.id", "it-reader");
	set(conf, "enable.auto.commit", "false");
	set(conf, "enable.partition.eof", "true");
	set(conf, "fetch.wait.max.ms", "10");
	rk = client_new(RD_KAFKA_CONSUMER, conf);
	rd_kafka_poll_set_consumer(rk);
	for (int p = 0; p < partition_count(topic); p++)
		read_partition(rk, topic, p, out);
	rd_kafka_consumer_close(rk);
	rd_kafka_destroy(rk);
}

void
it_messages_free(struct it_messages *m)
{
	for (size_t i = 0; i < m->count; i++) {
		free((void *)(uintptr_t)m->items[i].key.data);
		free((void *)(uintptr_t)m->items[i].value.data);
	}
	free(m->items);
	*m = (struct it_messages){ 0 };
}

const char *
it_header(const struct it_message *m, const char *name)
{
	for (size_t i = m->header_count; i-- > 0;)
		if (strcmp(m->headers[i].name, name) == 0)
			return m->headers[i].value;
	return NULL;
}

/* ------------------------------------------------------------------------------------------------ groups */

/* The one partition that was asked for; NULL when nothing is committed. */
static const rd_kafka_topic_partition_t *
committed_in(const rd_kafka_group_result_t *group)
{
	const rd_kafka_topic_partition_list_t *list = rd_kafka_group_result_partitions(group);
	const rd_kafka_error_t *error = rd_kafka_group_result_error(group);

	if (error != NULL && rd_kafka_error_code(error) != RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND)
		fail_msg("ListConsumerGroupOffsets: %s", rd_kafka_error_string(error));
	return list != NULL && list->cnt == 1 && list->elems[0].offset >= 0 ? &list->elems[0] : NULL;
}

static int64_t
ask_committed(const char *group, const char *topic, int32_t partition, char *metadata, size_t size)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
	rd_kafka_queue_t *queue = rd_kafka_queue_new(in_use->consumer);
	const rd_kafka_topic_partition_t *committed;
	rd_kafka_ListConsumerGroupOffsets_t *request;
	const rd_kafka_group_result_t **groups;
	rd_kafka_event_t *event;
	int64_t offset = -1;
	size_t count;

	rd_kafka_topic_partition_list_add(list, topic, partition);
	request = rd_kafka_ListConsumerGroupOffsets_new(group, list);
	rd_kafka_ListConsumerGroupOffsets(in_use->consumer, &request, 1, NULL, queue);
	event = answer(queue, "ListConsumerGroupOffsets");
	groups = rd_kafka_ListConsumerGroupOffsets_result_groups(
	    rd_kafka_event_ListConsumerGroupOffsets_result(event), &count);
	*metadata = '\0';
	if ((committed = committed_in(groups[0])) != NULL) {
		offset = committed->offset;
		snprintf(metadata, size, "%.*s", (int)committed->metadata_size, (const char *)committed->metadata);
	}
	rd_kafka_event_destroy(event);
	rd_kafka_ListConsumerGroupOffsets_destroy(request);
	rd_kafka_topic_partition_list_destroy(list);
	return offset;
}

int64_t
it_committed(const char *group, const char *topic, int32_t partition)
{
	char metadata[8];

	return ask_committed(group, topic, partition, metadata, sizeof(metadata));
}

const char *
it_committed_metadata(const char *group, const char *topic, int32_t partition)
{
	static char metadata[256];

	ask_committed(group, topic, partition, metadata, sizeof(metadata));
	return metadata;
}

int64_t
it_end(const char *topic, int32_t partition)
{
	int64_t low, high;

	check(rd_kafka_query_watermark_offsets(in_use->rk, topic, partition, &low, &high, CALL_MS), topic);
	return high;
}

struct description {
	int members, coordinator;
	bool stable;
	char member[128]; /* the one that was asked for, "" when it is not there */
};

/* client_id: of the member to find; NULL none. */
static struct description
describe(const char *group, const char *client_id)
{
	struct description d = { .coordinator = -1 };
	rd_kafka_queue_t *queue = rd_kafka_queue_new(in_use->rk);
	const rd_kafka_ConsumerGroupDescription_t **groups;
	const rd_kafka_Node_t *node;
	rd_kafka_event_t *event;
	size_t count;

	rd_kafka_DescribeConsumerGroups(in_use->rk, &group, 1, NULL, queue);
	event = answer(queue, "DescribeConsumerGroups");
	groups = rd_kafka_DescribeConsumerGroups_result_groups(rd_kafka_event_DescribeConsumerGroups_result(event), &count);
	node = rd_kafka_ConsumerGroupDescription_coordinator(groups[0]);
	d.members = (int)rd_kafka_ConsumerGroupDescription_member_count(groups[0]);
	d.stable = rd_kafka_ConsumerGroupDescription_state(groups[0]) == RD_KAFKA_CONSUMER_GROUP_STATE_STABLE;
	if (node != NULL)
		d.coordinator = rd_kafka_Node_id(node);
	for (int i = 0; client_id != NULL && i < d.members; i++) {
		const rd_kafka_MemberDescription_t *m = rd_kafka_ConsumerGroupDescription_member(groups[0], (size_t)i);

		if (strcmp(rd_kafka_MemberDescription_client_id(m), client_id) == 0)
			snprintf(d.member, sizeof(d.member), "%s", rd_kafka_MemberDescription_consumer_id(m));
	}
	rd_kafka_event_destroy(event);
	return d;
}

const char *
it_member_id(const char *group, const char *client_id)
{
	static struct description d;

	d = describe(group, client_id);
	return d.member;
}

int
it_members(const char *group)
{
	return describe(group, NULL).members;
}

int
it_coordinator(const char *group)
{
	return describe(group, NULL).coordinator;
}

bool
it_stable(const char *group)
{
	return describe(group, NULL).stable;
}

int
it_leader(const char *topic, int32_t partition)
{
	const struct rd_kafka_metadata *metadata;
	rd_kafka_topic_t *t = rd_kafka_topic_new(in_use->rk, topic, NULL);
	int leader = -1;

	check(rd_kafka_metadata(in_use->rk, 0, t, &metadata, CALL_MS), topic);
	for (int i = 0; i < metadata->topics[0].partition_cnt; i++)
		if (metadata->topics[0].partitions[i].id == partition)
			leader = metadata->topics[0].partitions[i].leader;
	rd_kafka_metadata_destroy(metadata);
	rd_kafka_topic_destroy(t);
	return leader;
}
