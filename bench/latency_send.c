#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"
#include "core/thread.h"
#include "latency.h"

#define SIZE 100 /* bytes of a message */
#define WARM_UP 1000 /* ticks before the ones that are measured */

struct stamp {
	int64_t number; /* -1: says that the way is open, or warms it up */
	crf_ns when;
};

static struct {
	const struct latency *conf;
	struct crf_thread thread;
	crf_ns start;
	struct {
		atomic_bool open; /* a message has come through */
		atomic_int arrived;
		double *us;
	} sides[LATENCY_SIDES];
} run;

static rd_kafka_t *
make_producer(const struct latency *l)
{
	char linger[16];

	snprintf(linger, sizeof(linger), "%d", l->linger_ms);
	return raw_producer(l->brokers, CARAFE_KV({ "linger.ms", linger }));
}

static void
send_one(rd_kafka_t *rk, rd_kafka_topic_t *topic, int partition, int64_t number, crf_ns when)
{
	char bytes[SIZE] = { 0 };
	struct stamp s = { number, when };

	memcpy(bytes, &s, sizeof(s));
	if (rd_kafka_produce(topic, partition, RD_KAFKA_MSG_F_COPY, bytes, sizeof(bytes), NULL, 0, NULL) != 0)
		bench_die("latency: %s", rd_kafka_err2str(rd_kafka_last_error()));
	rd_kafka_poll(rk, 0);
}

static void
sleep_until(crf_ns when)
{
	struct timespec ts = { .tv_sec = when / CRF_SECOND, .tv_nsec = when % CRF_SECOND };

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
}

static bool
all_open(void)
{
	bool open = true;

	for (int i = 0; i < LATENCY_SIDES; i++)
		open = open && atomic_load(&run.sides[i].open);
	return open;
}

static void *
send_all(void *arg)
{
	const struct latency *l = arg;
	rd_kafka_t *rk = make_producer(l);
	rd_kafka_topic_t *topic = rd_kafka_topic_new(rk, l->topic, NULL);
	int burst = l->rate / 1000;
	crf_ns when;

	while (!all_open()) {
		send_one(rk, topic, 0, -1, 0);
		sleep_until(crf_now() + 20 * CRF_MS);
	}
	when = run.start = crf_now();
	for (int i = -WARM_UP * burst; i < l->messages; i++) {
		if (i % burst == 0)
			sleep_until(when += CRF_MS);
		send_one(rk, topic, (i + WARM_UP * burst) % l->partitions, i < 0 ? -1 : i, when);
	}
	rd_kafka_flush(rk, 10000);
	rd_kafka_topic_destroy(topic);
	rd_kafka_destroy(rk);
	return NULL;
}

void
latency_begin(const struct latency *l)
{
	run.conf = l;
	for (int i = 0; i < LATENCY_SIDES; i++)
		run.sides[i].us = crf_new_array(double, (size_t)l->messages);
	crf_thread_start(&run.thread, "sender", send_all, (void *)l);
}

bool
latency_arrived(enum latency_side side, const void *value, size_t len)
{
	crf_ns now = crf_now();
	struct stamp s;

	if (len != SIZE)
		bench_die("latency: a message of %zu bytes", len);
	memcpy(&s, value, sizeof(s));
	if (s.number < 0) {
		atomic_store(&run.sides[side].open, true);
		return true;
	}
	run.sides[side].us[s.number] = (double)(now - s.when) / 1e3;
	return atomic_fetch_add(&run.sides[side].arrived, 1) + 1 < run.conf->messages;
}

void
latency_end(struct bench_result *result)
{
	size_t n = (size_t)run.conf->messages;

	crf_thread_join(&run.thread);
	result->messages = run.conf->messages;
	result->seconds = (double)(crf_now() - run.start) / 1e9;
	result->cpu = (double)bench_cpu_ns() / 1e9;
	for (int i = 0; i < LATENCY_SIDES; i++) {
		double *us = run.sides[i].us;

		result->value[2 * i] = bench_median(us, n);
		result->value[2 * i + 1] = us[n * 99 / 100];
		free(us);
	}
}
