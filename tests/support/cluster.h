/* The Kafka that a test runs against, spoken to with bare librdkafka: whoever checks carafe is not carafe. All of it on
 * the test's thread, but for what says otherwise; all of it fails the test when Kafka refuses. */
#ifndef IT_CLUSTER_H
#define IT_CLUSTER_H

#include <carafe/carafe.h>

struct rd_kafka_s;
struct rd_kafka_message_s;

/* bootstrap.servers of the cluster in use: KAFKA, until another was chosen. */
const char *it_kafka(void);
void it_use_cluster(const char *bootstrap);

/* A client of its own, for whoever needs more than what follows; the caller destroys it. A consumer commits only what it is told to
 * commit. */
struct rd_kafka_s *it_producer(const carafe_kv *settings,
    void (*delivered)(struct rd_kafka_s *rk, const struct rd_kafka_message_s *m, void *opaque));
struct rd_kafka_s *it_consumer(const carafe_kv *settings);

/* A name nobody else has: "<what>-<process>-<number>". Lives as long as the program. */
const char *it_name(const char *what);

/* A new topic with a name of its own. config is a list as CARAFE_KV writes it, NULL none. Gone at the end. */
const char *it_topic(const char *what, int partitions, const carafe_kv *config);
/* The same under a name that is known already. */
void it_topic_make(const char *name, int partitions, const carafe_kv *config);
/* Until it is gone; until it has so many partitions. */
void it_topic_delete(const char *name);
void it_topic_grow(const char *name, int partitions);
/* Takes away what is before the offset. */
void it_topic_trim(const char *name, int32_t partition, int64_t offset);
void it_topic_config(const char *name, const char *key, const char *value);

/* Produces and waits for the acknowledgement. partition -1: any. headers: name and value pairs, NULL none. Returns the
 * offset. Any thread. */
int64_t it_produce(const char *topic, int32_t partition, const char *value);
int64_t it_produce_record(const char *topic, int32_t partition, carafe_bytes key, carafe_bytes value, const carafe_kv *headers);
/* With that timestamp, ms since 1970. */
int64_t it_produce_at(const char *topic, int32_t partition, const char *value, int64_t timestamp);
/* count values "<partition>:<from>", "<partition>:<from + 1>", ... Any thread. */
void it_produce_many(const char *topic, int32_t partition, int from, int count);

/* Writes so many in one transaction that is then aborted. */
void it_produce_aborted(const char *topic, int32_t partition, int count);

/* What a topic holds. */
struct it_message {
	int32_t partition;
	int64_t offset;
	carafe_bytes key, value; /* data NULL for null; NUL-terminated beyond len otherwise */
	size_t header_count;
	struct {
		char name[32];
		char value[224];
		bool null;
	} headers[16];
};
struct it_messages {
	struct it_message *items;
	size_t count;
};
/* Everything in the topic now, partition by partition in order of offsets. */
void it_read(const char *topic, struct it_messages *out);
void it_messages_free(struct it_messages *m);
/* The value of the message's last header of that name, NULL when it has none. */
const char *it_header(const struct it_message *m, const char *name);

/* What the group has committed, -1 nothing. */
int64_t it_committed(const char *group, const char *topic, int32_t partition);
/* The metadata beside it, "" none; valid until the next call. */
const char *it_committed_metadata(const char *group, const char *topic, int32_t partition);
/* The offset that will be written next. */
int64_t it_end(const char *topic, int32_t partition);
/* How many members the group has. */
int it_members(const char *group);
/* What the group knows a member with that client.id by, valid until the next call; "" none. */
const char *it_member_id(const char *group, const char *client_id);
/* Takes that member out of its group, of the classic protocol, on a cluster of one node. */
void it_expel(const char *group, const char *client_id);
/* No rebalance is under way. */
bool it_stable(const char *group);
/* The broker that leads the partition, -1 none; the coordinator of the group. */
int it_leader(const char *topic, int32_t partition);
int it_coordinator(const char *group);
/* So many brokers are there and every replica is in sync. */
bool it_whole(int brokers);

/* Deletes what was made, forgets names. */
void it_cluster_end(void);

#endif
