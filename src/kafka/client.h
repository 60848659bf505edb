/* One librdkafka consumer. All calls on the connection's thread, but where "any thread" is said.
 *
 * Everything librdkafka wants to tell arrives through crf_client_poll, one event at a time: rebalances are events, not
 * callbacks, so that a revocation can be answered when its partitions are drained. Messages do not come this way: each
 * partition has its mailbox. */
#ifndef CRF_KAFKA_CLIENT_H
#define CRF_KAFKA_CLIENT_H

#include "core/kv.h"
#include "kafka/kafka.h"

struct crf_client;

enum crf_client_event_kind {
	CRF_CLIENT_NOTHING,
	CRF_CLIENT_ASSIGN,    /* partitions gained: answer with crf_client_assign */
	CRF_CLIENT_REVOKE,    /* partitions to let go: answer with crf_client_unassign once they are drained */
	CRF_CLIENT_COMMITTED, /* a commit came to its end: tag, code, partitions with an error each */
	CRF_CLIENT_ERROR,     /* code, text, perhaps a partition; fatal: the client must be made anew */
	CRF_CLIENT_STATISTICS,/* text: JSON */
	CRF_CLIENT_LOG        /* text; level: syslog's 0-7 */
};

struct crf_client_event {
	enum crf_client_event_kind kind;
	struct crf_partitions partitions;
	bool lost;   /* REVOKE: already taken away, nothing can be committed */
	bool fatal;  /* ERROR */
	int code;
	int level;
	void *tag;
	const char *text; /* valid until crf_client_event_fini */
	void *native_;
};

/* Makes the client. kafka is complete and checked; what only producers know is left out; carafe's own are forced here
 * and nowhere else: enable.auto.commit=false (carafe commits by itself), enable.auto.offset.store=false. */
carafe_rc crf_client_new(struct crf_client **client, const struct crf_kvs *kafka, carafe_error *err);

carafe_rc crf_client_subscribe(struct crf_client *c, const char *const *topics, size_t count, carafe_error *err);

/* Waits up to timeout_ms for one event; CRF_CLIENT_NOTHING when there was none or crf_client_wake was called. */
void crf_client_poll(struct crf_client *c, int timeout_ms, struct crf_client_event *ev);
void crf_client_event_fini(struct crf_client_event *ev);
/* Makes crf_client_poll return now, or the next time it is called. Any thread. */
void crf_client_wake(struct crf_client *c);

/* Answers to rebalances, incremental or whole as the group's protocol wants. offset NONE: where the group left off. */
carafe_rc crf_client_assign(struct crf_client *c, const struct crf_partitions *l, carafe_error *err);
/* Takes more partitions by hand, without any group. */
carafe_rc crf_client_assign_directly(struct crf_client *c, const struct crf_partitions *l, carafe_error *err);
carafe_rc crf_client_unassign(struct crf_client *c, const struct crf_partitions *l, carafe_error *err);
/* Partitions that stay assigned are fetched on from right behind what was taken of them, once the rebalance that waits for its
 * answer is answered. librdkafka's own idea of that dates from when it announced the rebalance: a take that was in the middle
 * of it then would be repeated. Nobody may be taking. Waits, but for no broker. */
void crf_client_keep_place(struct crf_client *c, const struct crf_partitions *staying);
/* The assignment was lost (session or max.poll.interval expired): committing is pointless. */
bool crf_client_lost(struct crf_client *c);

/* The group has not dropped this member, for all that librdkafka knows. In the middle of a rebalance it does not call the
 * assignment lost when it learns that (its issue 5604), and goes on committing as nobody in particular, which a group without
 * members accepts. */
bool crf_client_member(struct crf_client *c);

/* Starts a commit of exactly these; its end arrives as CRF_CLIENT_COMMITTED with the same tag. Also tells librdkafka
 * what is stored, so that its statistics show a true lag. */
carafe_rc crf_client_commit(struct crf_client *c, const struct crf_partitions *l, void *tag, carafe_error *err);

/* How many partitions these topics have together, asking the brokers for at most timeout_ms; 0 when they did not answer
 * or the topics are not there. Patterns ("^...") do not count. Blocks. */
int crf_client_partition_count(struct crf_client *c, const char *const *topics, size_t count, int timeout_ms);

/* Calls fn with every topic that the brokers tell of and how many partitions it has. Blocks, for at most timeout_ms. */
carafe_rc crf_client_topics(struct crf_client *c, int timeout_ms, void (*fn)(const char *topic, int partitions, void *arg), void *arg, carafe_error *err);

/* Why the topic cannot be consumed: 0 when it can, for all that the brokers say; and how many partitions it has. Blocks. */
int crf_client_topic_error(struct crf_client *c, const char *topic, int timeout_ms, int *partitions);

/* What the group has committed for each of the partitions: fills in offset (CRF_OFFSET_NONE: nothing), metadata and error. Asks
 * the coordinator for at most timeout_ms. Blocks. Any thread, while the client is there. */
carafe_rc crf_client_committed(struct crf_client *c, struct crf_partitions *l, int timeout_ms, carafe_error *err);
/* The offset of that place now: of the first message that is as late as a time, or the end. Blocks. Any thread. */
carafe_rc crf_client_find_offset(struct crf_client *c, const char *topic, int32_t partition, struct crf_position at,
    int timeout_ms, int64_t *offset, carafe_error *err);
/* Goes on from offset; what was fetched and not taken is forgotten. Refused with librdkafka's _STATE until the partition is
 * being fetched. Blocks, but for no broker. Any thread. */
carafe_rc crf_client_seek(struct crf_client *c, const char *topic, int32_t partition, int64_t offset, int timeout_ms,
    carafe_error *err);

/* The strategy that the group shares out partitions by, as its coordinator says; NULL when it says none within the time. The
 * caller frees it. Blocks. */
char *crf_client_group_strategy(struct crf_client *c, const char *group, int timeout_ms);

/* What CRF_CLIENT_STATISTICS says: the client waits for the group's coordinator, which is there, or for itself, to end a join. */
bool crf_client_joins(const char *statistics);

/* True once a broker has ever answered. */
bool crf_client_reached(struct crf_client *c);
/* How often max.poll.interval.ms allows between polls, ms, as librdkafka has it. */
int crf_client_max_poll_interval(const struct crf_client *c);
/* The group's rebalance protocol: "NONE", "EAGER", "COOPERATIVE". */
const char *crf_client_protocol(struct crf_client *c);

/* Leaves the group until it subscribes again; what it has is revoked first. */
void crf_client_unsubscribe(struct crf_client *c);

/* Asks to leave the group, for a member that has nothing assigned: closing alone would not (see there). Events may still
 * arrive and must be answered; poll until it has left, or as long as that is worth waiting for. */
void crf_client_leave(struct crf_client *c);
bool crf_client_left(struct crf_client *c);

/* Leaves the group: REVOKE may still arrive and must be answered, poll until closed. */
carafe_rc crf_client_close(struct crf_client *c, carafe_error *err);
bool crf_client_closed(struct crf_client *c);
/* Frees it, in whatever state it is; closed is best. Every mailbox closed and every message released before, or this
 * never returns: with abandon, when messages are still held by a handler that hangs, the client leaves its group (for at
 * most a second) and is left behind instead. While a commit is on its way and nobody answers this takes as long as
 * leaving would: session.timeout.ms since the commit was started. */
void crf_client_free(struct crf_client *c, bool abandon);

#endif
