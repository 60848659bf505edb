/* The life of a producer: one thread alone calls rd_kafka_poll, so that delivery reports, errors and log lines all come on
 * it. */
#include "producer/producer.h"

#include <stdlib.h>
#include <string.h>

#include "core/mem.h"
#include "kafka/tokens.h"
#include "producer/producer_priv.h"

#define POLL_MS 1000 /* longest sleep of the thread; a stop wakes it */
#define REPEAT (5 * CRF_SECOND) /* librdkafka says the same many times a second while brokers are away */
#define PURGE_MS 100 /* between two attempts at making what is left fail */
#define RENEWAL (10 * CRF_SECOND) /* a client whose rights are missing would fail at once, again and again */

/* ------------------------------------------------------------------------------------------------ callbacks */

static void
on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
	struct crf_producer *p = opaque;
	struct crf_flight *f = m->_private;
	char text[CRF_NATIVE_TEXT];
	struct crf_delivery d = { .error = m->err, .partition = m->partition, .offset = m->offset };

	(void)rk;
	if (m->err != 0) {
		snprintf(text, sizeof(text), "%s: %s", rd_kafka_topic_name(m->rkt), rd_kafka_err2str(m->err));
		d.text = text;
	}
	if (f->done != NULL)
		f->done(&d, f->arg);
	crf_flight_land(p, f);
}

static void
on_error(rd_kafka_t *rk, int code, const char *text, void *opaque)
{
	struct crf_producer *p = opaque;
	char fatal[CRF_NATIVE_TEXT];

	if (code == RD_KAFKA_RESP_ERR__FATAL) {
		code = rd_kafka_fatal_error(rk, fatal, sizeof(fatal));
		text = fatal;
		p->failed = true;
	}
	if (crf_kafka_rc(code) == CARAFE_UNAVAILABLE && !crf_thin_pass(&p->errors, code, crf_now(), REPEAT))
		return;
	CRF_EMIT(p->bus, CARAFE_EV_PRODUCER_ERROR, CRF_STR(KAFKA, crf_kafka_error_name(code)), CRF_INT(KAFKA_CODE, code),
	    CRF_STR(TEXT, text), CRF_STR(HINT, crf_kafka_error_hint(code)));
}

static void
on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
	const struct crf_producer *p = rd_kafka_opaque(rk);

	(void)level;
	(void)facility;
	CRF_EMIT(p->bus, CARAFE_EV_CONNECTION_LOG, CRF_STR(CONNECTION, "producer"), CRF_STR(TEXT, text));
}

static crf_partitioner_fn
configured_partitioner(const struct crf_kvs *kafka)
{
	static const struct {
		const char *name;
		crf_partitioner_fn fn;
	} known[] = {
		{ "consistent_random", rd_kafka_msg_partitioner_consistent_random },
		{ "consistent", rd_kafka_msg_partitioner_consistent },
		{ "random", rd_kafka_msg_partitioner_random },
		{ "murmur2", rd_kafka_msg_partitioner_murmur2 },
		{ "murmur2_random", rd_kafka_msg_partitioner_murmur2_random },
		{ "fnv1a", rd_kafka_msg_partitioner_fnv1a },
		{ "fnv1a_random", rd_kafka_msg_partitioner_fnv1a_random },
	};
	const char *name = crf_kvs_get(kafka, "partitioner");

	for (size_t i = 0; name != NULL && i < crf_array_len(known); i++)
		if (strcmp(name, known[i].name) == 0)
			return known[i].fn;
	return known[0].fn;
}

/* ------------------------------------------------------------------------------------------------ making one */

static bool
has(const struct crf_kvs *kafka, const char *key, const char *alias)
{
	return crf_kvs_find(kafka, key) != NULL || (alias != NULL && crf_kvs_find(kafka, alias) != NULL);
}

/* What a producer of carafe's is unless the list says otherwise. Nothing is waited for longer than half of what a
 * consumer may take between polls, topics are never made by a slip of the pen (librdkafka's producers ask for it). */
static void
add_defaults(struct crf_kvs *kafka)
{
	static const struct {
		const char *key, *alias, *value;
	} defaults[] = {
		{ "message.timeout.ms", "delivery.timeout.ms", "150000" },
		{ "socket.nagle.disable", NULL, "true" },
		{ "statistics.interval.ms", NULL, "0" },
		{ "allow.auto.create.topics", NULL, "false" },
	};

	for (size_t i = 0; i < crf_array_len(defaults); i++)
		if (!has(kafka, defaults[i].key, defaults[i].alias))
			crf_kvs_set(kafka, defaults[i].key, defaults[i].value, "default");
}

static rd_kafka_conf_t *
make_conf(struct crf_producer *p, const struct crf_kvs *kafka, carafe_error *err)
{
	struct crf_kvs all = { 0 };
	rd_kafka_conf_t *conf;

	crf_kvs_copy(&all, kafka);
	add_defaults(&all);
	crf_kvs_remove(&all, "transactional.id"); /* crf_conf_check has complained: it would make every send fail */
	crf_kvs_set(&all, "delivery.report.only.error", "false", "carafe");
	crf_kvs_set(&all, "log.queue", "true", "carafe");
	crf_kvs_set(&all, "sticky.partitioning.linger.ms", "0", "carafe"); /* sticky: no partitioner is asked without a key */
	conf = crf_native_conf(&all, CRF_PRODUCER, err);
	crf_kvs_fini(&all);
	if (conf == NULL)
		return NULL;
	rd_kafka_conf_set_opaque(conf, p);
	rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
	rd_kafka_conf_set_error_cb(conf, on_error);
	rd_kafka_conf_set_log_cb(conf, on_log);
	return conf;
}

/* ------------------------------------------------------------------------------------------------ its client */

static carafe_rc
open_client(struct crf_producer *p, rd_kafka_t **rk, carafe_error *err)
{
	rd_kafka_conf_t *conf = make_conf(p, &p->kafka, err);
	carafe_rc rc;

	if (conf == NULL)
		return CARAFE_CONFIG;
	if ((rc = crf_native_new(rk, CRF_PRODUCER, conf, err)) == CARAFE_OK)
		rd_kafka_set_log_queue(*rk, NULL); /* the queue that rd_kafka_poll serves */
	return rc;
}

static void
close_client(rd_kafka_t *rk, rd_kafka_queue_t *queue, struct crf_map *topics)
{
	size_t at = 0;
	void *topic;

	while (crf_map_next(topics, &at, &topic) != NULL)
		rd_kafka_topic_destroy(topic);
	crf_map_fini(topics);
	rd_kafka_queue_destroy(queue);
	rd_kafka_destroy(rk);
}

/* Nothing takes off from here on; whether anything is flying still. */
static bool
begin_renewing(struct crf_producer *p)
{
	bool flying;

	crf_lock(&p->mu);
	p->renewing = true;
	flying = !crf_list_empty(&p->flying);
	crf_unlock(&p->mu);
	return flying;
}

static void
replace_client(struct crf_producer *p, rd_kafka_t *rk)
{
	rd_kafka_queue_t *old_queue = p->queue, *queue = rd_kafka_queue_get_main(rk);
	struct crf_map topics = p->topics;
	rd_kafka_t *old = p->rk;

	crf_lock(&p->mu);
	p->rk = rk;
	p->queue = queue;
	p->topics = (struct crf_map){ 0 };
	p->renewing = false;
	crf_unlock(&p->mu);
	close_client(old, old_queue, &topics);
}

/* A client that has failed for good accepts nothing any more, and never will: another one takes its place. */
static void
renew(struct crf_producer *p)
{
	crf_ns now = crf_now();
	rd_kafka_t *rk;

	if (p->renewed != 0 && now - p->renewed < RENEWAL)
		return;
	p->renewed = now;
	if (open_client(p, &rk, NULL) != CARAFE_OK)
		return;
	while (begin_renewing(p)) {
		rd_kafka_purge(p->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
		rd_kafka_poll(p->rk, PURGE_MS);
	}
	p->failed = false;
	replace_client(p, rk);
}

static void *
serve(void *arg)
{
	struct crf_producer *p = arg;

	while (!atomic_load(&p->stop)) {
		rd_kafka_poll(p->rk, POLL_MS);
		if (p->failed)
			renew(p);
	}
	return NULL;
}

/* ------------------------------------------------------------------------------------------------ the beginning */

static void
discard(struct crf_producer *p)
{
	crf_kvs_fini(&p->kafka);
	crf_cond_fini(&p->progress);
	crf_mutex_fini(&p->mu);
	crf_tokens_unref(p->opaque.tokens);
	free(p);
}

carafe_rc
crf_producer_new(struct crf_producer **producer, const struct crf_kvs *kafka, struct crf_bus *bus, carafe_error *err)
{
	struct crf_producer *p = crf_new(struct crf_producer);
	carafe_rc rc;

	p->opaque.tokens = crf_tokens_ref(kafka->tokens);
	p->bus = bus;
	crf_mutex_init(&p->mu);
	crf_cond_init(&p->progress);
	crf_list_init(&p->flying);
	crf_kvs_copy(&p->kafka, kafka);
	p->by_key = configured_partitioner(&p->kafka);
	if ((rc = open_client(p, &p->rk, err)) != CARAFE_OK) {
		discard(p);
		return rc;
	}
	p->queue = rd_kafka_queue_get_main(p->rk);
	crf_thread_start(&p->thread, "crf-producer", serve, p);
	*producer = p;
	return CARAFE_OK;
}

/* ------------------------------------------------------------------------------------------------ the end */

static void
purge(struct crf_producer *p)
{
	crf_lock(&p->mu); /* or the client might be replaced meanwhile */
	rd_kafka_purge(p->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT | RD_KAFKA_PURGE_F_NON_BLOCKING);
	crf_unlock(&p->mu);
}

static void
end_thread(struct crf_producer *p)
{
	atomic_store(&p->stop, true);
	crf_lock(&p->mu);
	rd_kafka_queue_yield(p->queue);
	crf_unlock(&p->mu);
	crf_thread_join(&p->thread);
}

void
crf_producer_free(struct crf_producer *p, int timeout_ms)
{
	if (p == NULL)
		return;
	for (int wait = timeout_ms; crf_producer_flush(p, wait, NULL) != CARAFE_OK; wait = PURGE_MS)
		purge(p);
	end_thread(p);
	close_client(p->rk, p->queue, &p->topics);
	discard(p);
}
