#include "support/peer.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/rdkafka.h"
#include "support/test.h"

#define CLOSE_MS 15000
#define PARTITIONS_MAX 64

struct got {
	int32_t partition;
	int64_t offset;
};

struct it_peer {
	struct it_peer *next;
	rd_kafka_t *rk;
	pthread_t thread;
	atomic_bool stop, hangs;
	bool gone;
	pthread_mutex_t mu;
	bool has[PARTITIONS_MAX]; /* mu */
	int rebalances;           /* mu */
	struct got *got;          /* mu */
	size_t count, cap;        /* mu */
	char error[64];           /* mu */
};

static struct it_peer *peers;

/* ------------------------------------------------------------------------------------------------ what it is told */

static void
note_assignment(struct it_peer *p, const rd_kafka_topic_partition_list_t *list, bool has)
{
	pthread_mutex_lock(&p->mu);
	p->rebalances++;
	for (int i = 0; i < list->cnt; i++)
		if (list->elems[i].partition < PARTITIONS_MAX)
			p->has[list->elems[i].partition] = has;
	pthread_mutex_unlock(&p->mu);
}

/* What it is before the group has settled is of no consequence: then there is nothing assigned either. */
static bool
is_cooperative(rd_kafka_t *rk)
{
	const char *protocol = rd_kafka_rebalance_protocol(rk);

	return protocol != NULL && strcmp(protocol, "COOPERATIVE") == 0;
}

static void
on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t code, rd_kafka_topic_partition_list_t *list, void *opaque)
{
	bool assigned = code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;

	if (is_cooperative(rk))
		rd_kafka_error_destroy(assigned ? rd_kafka_incremental_assign(rk, list) : rd_kafka_incremental_unassign(rk, list));
	else
		rd_kafka_assign(rk, assigned ? list : NULL);
	note_assignment(opaque, list, assigned);
}

static void
on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque)
{
	struct it_peer *p = opaque;
	char text[256];

	(void)reason;
	if (code == RD_KAFKA_RESP_ERR__FATAL)
		code = rd_kafka_fatal_error(rk, text, sizeof(text));
	pthread_mutex_lock(&p->mu);
	snprintf(p->error, sizeof(p->error), "%s", rd_kafka_err2name(code));
	pthread_mutex_unlock(&p->mu);
}

static void
on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
	(void)rk;
	if (getenv("IT_VERBOSE") != NULL && (level <= 4 || getenv("IT_DEBUG") != NULL))
		fprintf(stderr, "# peer: %s %s\n", facility, text);
}

static void
note_message(struct it_peer *p, const rd_kafka_message_t *m)
{
	pthread_mutex_lock(&p->mu);
	if (p->count == p->cap) {
		p->cap = p->cap > 0 ? 2 * p->cap : 256;
		p->got = realloc(p->got, p->cap * sizeof(*p->got));
	}
	p->got[p->count++] = (struct got){ m->partition, m->offset };
	pthread_mutex_unlock(&p->mu);
}

static void
poll_once(struct it_peer *p)
{
	rd_kafka_message_t *m = rd_kafka_consumer_poll(p->rk, 20);

	if (m == NULL)
		return;
	if (m->err == 0)
		note_message(p, m);
	else
		on_error(p->rk, m->err, "", p);
	rd_kafka_message_destroy(m);
}

static void *
run(void *arg)
{
	struct it_peer *p = arg;

	while (!atomic_load(&p->stop))
		if (atomic_load(&p->hangs))
			it_nap(5);
		else
			poll_once(p);
	return NULL;
}

/* ------------------------------------------------------------------------------------------------ its life */

static void
set(rd_kafka_conf_t *conf, const char *key, const char *value)
{
	char text[512];

	if (rd_kafka_conf_set(conf, key, value, text, sizeof(text)) != RD_KAFKA_CONF_OK)
		fail_msg("%s=%s: %s", key, value, text);
}

static rd_kafka_conf_t *
conf_of(const struct it_peer_opts *o)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();

	set(conf, "bootstrap.servers", it_kafka());
	set(conf, "client.id", "it-peer");
	set(conf, "group.id", o->group);
	set(conf, "auto.offset.reset", "earliest");
	set(conf, "auto.commit.interval.ms", "100");
	set(conf, "topic.metadata.refresh.fast.interval.ms", "50");
	if (o->protocol == IT_KIP848) {
		set(conf, "group.protocol", "consumer");
	} else {
		set(conf, "session.timeout.ms", "6000");
		set(conf, "heartbeat.interval.ms", "100");
		set(conf, "partition.assignment.strategy", o->protocol == IT_RANGE ? "range" : "cooperative-sticky");
	}
	if (o->instance != NULL)
		set(conf, "group.instance.id", o->instance);
	for (const carafe_kv *kv = o->kafka; kv != NULL && kv->key != NULL; kv++)
		set(conf, kv->key, kv->value);
	if (getenv("IT_DEBUG") != NULL)
		set(conf, "debug", getenv("IT_DEBUG"));
	rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
	rd_kafka_conf_set_error_cb(conf, on_error);
	rd_kafka_conf_set_log_cb(conf, on_log);
	return conf;
}

static void
subscribe(struct it_peer *p, const char *topic)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
	rd_kafka_resp_err_t code;

	rd_kafka_topic_partition_list_add(list, topic, RD_KAFKA_PARTITION_UA);
	code = rd_kafka_subscribe(p->rk, list);
	rd_kafka_topic_partition_list_destroy(list);
	if (code != 0)
		fail_msg("a peer cannot subscribe: %s", rd_kafka_err2str(code));
}

struct it_peer *
it_peer_(const struct it_peer_opts *o)
{
	struct it_peer *p = calloc(1, sizeof(*p));
	rd_kafka_conf_t *conf = conf_of(o);
	char text[512];

	pthread_mutex_init(&p->mu, NULL);
	rd_kafka_conf_set_opaque(conf, p);
	p->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof(text));
	if (p->rk == NULL)
		fail_msg("no peer: %s", text);
	rd_kafka_poll_set_consumer(p->rk);
	subscribe(p, o->topic);
	pthread_create(&p->thread, NULL, run, p);
	p->next = peers;
	peers = p;
	return p;
}

void
it_peer_hang(struct it_peer *p, bool hangs)
{
	atomic_store(&p->hangs, hangs);
}

/* Closing by the blocking call could wait for ever. */
static bool
close_in_time(struct it_peer *p)
{
	rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(p->rk);
	double until = it_now() + CLOSE_MS;
	rd_kafka_error_t *error = rd_kafka_consumer_close_queue(p->rk, queue);
	bool refused = error != NULL; /* after a fatal error */

	if (error != NULL)
		rd_kafka_error_destroy(error);
	while (!refused && !rd_kafka_consumer_closed(p->rk) && it_now() < until)
		poll_once(p);
	rd_kafka_queue_destroy(queue);
	return refused || rd_kafka_consumer_closed(p->rk);
}

void
it_peer_leave(struct it_peer *p)
{
	if (p->gone)
		return;
	p->gone = true;
	atomic_store(&p->stop, true);
	pthread_join(p->thread, NULL);
	if (close_in_time(p))
		rd_kafka_destroy_flags(p->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
	else
		print_message("# a peer is left behind: it did not close within %d ms\n", CLOSE_MS);
}

void
it_peers_end(void)
{
	for (struct it_peer *p = peers, *next; p != NULL; p = next) {
		next = p->next;
		it_peer_leave(p);
		pthread_mutex_destroy(&p->mu);
		free(p->got);
		free(p);
	}
	peers = NULL;
}

/* ------------------------------------------------------------------------------------------------ questions */

int
it_peer_assigned(struct it_peer *p)
{
	int count = 0;

	pthread_mutex_lock(&p->mu);
	for (int i = 0; i < PARTITIONS_MAX; i++)
		count += p->has[i];
	pthread_mutex_unlock(&p->mu);
	return count;
}

bool
it_peer_has(struct it_peer *p, int32_t partition)
{
	bool has;

	pthread_mutex_lock(&p->mu);
	has = p->has[partition];
	pthread_mutex_unlock(&p->mu);
	return has;
}

int
it_peer_rebalances(struct it_peer *p)
{
	int rebalances;

	pthread_mutex_lock(&p->mu);
	rebalances = p->rebalances;
	pthread_mutex_unlock(&p->mu);
	return rebalances;
}

size_t
it_peer_got(struct it_peer *p)
{
	size_t count;

	pthread_mutex_lock(&p->mu);
	count = p->count;
	pthread_mutex_unlock(&p->mu);
	return count;
}

size_t
it_peer_times(struct it_peer *p, int32_t partition, int64_t offset)
{
	size_t times = 0;

	pthread_mutex_lock(&p->mu);
	for (size_t i = 0; i < p->count; i++)
		times += p->got[i].partition == partition && p->got[i].offset == offset;
	pthread_mutex_unlock(&p->mu);
	return times;
}

int64_t
it_peer_first(struct it_peer *p, int32_t partition)
{
	int64_t first = -1;

	pthread_mutex_lock(&p->mu);
	for (size_t i = 0; first < 0 && i < p->count; i++)
		first = p->got[i].partition == partition ? p->got[i].offset : -1;
	pthread_mutex_unlock(&p->mu);
	return first;
}

const char *
it_peer_error(struct it_peer *p)
{
	static char error[64];

	pthread_mutex_lock(&p->mu);
	memcpy(error, p->error, sizeof(error));
	pthread_mutex_unlock(&p->mu);
	return error;
}
