/* What the members of restart are sent. When the cluster had a message is written down, so that nobody is blamed for what had
 * not come yet. */
#include <stdlib.h>
#include <time.h>

#include "core/mem.h"
#include "core/thread.h"
#include "raw.h"
#include "restart.h"

#define OFFSETS_MAX (1 << 17) /* of a partition */

struct restart_sender {
	const struct restart *restart;
	crf_ns every;
	struct crf_thread thread;
	atomic_bool over;
	_Atomic crf_ns worst;
	_Atomic crf_ns there[RESTART_PARTITIONS][OFFSETS_MAX]; /* 0: not yet */
};

static void
delivered(rd_kafka_t *rk, const rd_kafka_message_t *m, void *arg)
{
	struct restart_sender *s = arg;
	crf_ns now = crf_now(), took = now - (crf_ns)(intptr_t)m->_private;

	(void)rk;
	if (m->err != 0 || m->offset >= OFFSETS_MAX)
		bench_die("restart: %s [%d]: offset %lld: %s", s->restart->topic, (int)m->partition, (long long)m->offset,
		    m->err != 0 ? rd_kafka_err2str(m->err) : "too many messages");
	atomic_store(&s->there[m->partition][m->offset], now);
	if (took > atomic_load(&s->worst))
		atomic_store(&s->worst, took);
}

static void
send_to_all(rd_kafka_topic_t *topic, crf_ns due)
{
	char bytes[100] = { 0 };

	for (int p = 0; p < RESTART_PARTITIONS; p++)
		rd_kafka_produce(topic, p, RD_KAFKA_MSG_F_COPY, bytes, sizeof(bytes), NULL, 0, (void *)(intptr_t)due);
}

static void *
send_all(void *arg)
{
	struct restart_sender *s = arg;
	rd_kafka_t *rk = raw_producer_told(s->restart->brokers, CARAFE_KV({ "linger.ms", "0" }), delivered, s);
	rd_kafka_topic_t *topic = rd_kafka_topic_new(rk, s->restart->topic, NULL);
	crf_ns due = crf_now();

	while (!atomic_load(&s->over)) {
		send_to_all(topic, due);
		due += s->every;
		for (crf_ns now; (now = crf_now()) < due;)
			rd_kafka_poll(rk, crf_ms_until(due, now, 1000));
	}
	rd_kafka_flush(rk, 10000);
	rd_kafka_topic_destroy(topic);
	rd_kafka_destroy(rk);
	return NULL;
}

struct restart_sender *
restart_sender_new(const struct restart *r, crf_ns every)
{
	struct restart_sender *s = crf_new(struct restart_sender);

	s->restart = r;
	s->every = every;
	crf_thread_start(&s->thread, "sender", send_all, s);
	return s;
}

crf_ns
restart_sent(const struct restart_sender *s, int32_t partition, int64_t offset)
{
	return atomic_load(&s->there[partition][offset]);
}

crf_ns
restart_sender_free(struct restart_sender *s)
{
	crf_ns worst;

	atomic_store(&s->over, true);
	crf_thread_join(&s->thread);
	worst = atomic_load(&s->worst);
	free(s);
	return worst;
}
