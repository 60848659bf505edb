/* How long a message takes from its turn to be sent until a handler has it, through a real Kafka, beside a bare
 * rd_kafka_consumer_poll loop in the same run. Every measurement is a process and a topic of its own; the sides take
 * turns. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "latency.h"

#define ROUNDS_MAX 50
#define PARTITIONS 8

static const struct {
	const char *p50, *p99;
	int rate, linger_ms;
} loads[] = {
	{ "p50_1k", "p99_1k", 1000, 0 },
	{ "p50_20k", "p99_20k", 20000, 1 }, /* without linger the broker and two clients fill two processors */
};

struct options {
	struct bench bench;
	int rounds;
	int seconds;
	const char *child;
	struct latency latency;
};

static _Noreturn void
be_child(struct options *o)
{
	struct bench_result result = { 0 };

	o->latency.brokers = o->bench.brokers;
	o->latency.partitions = PARTITIONS;
	if (strcmp(o->child, "peer") == 0)
		latency_peer(&o->latency);
	else
		latency_carafe(&o->latency);
	latency_end(&result);
	bench_report(&result);
	exit(0);
}

static void
measure(const struct options *o, const char *child, int rate, int linger_ms, double *p50, double *p99)
{
	char *topic = bench_topic_new(&o->bench, PARTITIONS);
	struct bench_command c = { .count = 0 };
	struct bench_result result;

	bench_word(&c, "%s", o->bench.self);
	bench_word(&c, "--child=%s", child);
	bench_word(&c, "--topic=%s", topic);
	bench_word(&c, "--rate=%d", rate);
	bench_word(&c, "--linger=%d", linger_ms);
	bench_word(&c, "--messages=%d", rate * o->seconds);
	bench_child(&c, &result);
	*p50 = result.value[0];
	*p99 = result.value[1];
	bench_topic_free(&o->bench, topic);
}

static void
measure_load(const struct options *o, size_t load)
{
	double p50[2][ROUNDS_MAX], p99[2][ROUNDS_MAX];
	size_t rounds = (size_t)o->rounds;

	for (size_t i = 0; i < rounds; i++) {
		measure(o, "carafe", loads[load].rate, loads[load].linger_ms, &p50[0][i], &p99[0][i]);
		measure(o, "peer", loads[load].rate, loads[load].linger_ms, &p50[1][i], &p99[1][i]);
	}
	bench_figure(&o->bench, loads[load].p50, "us", bench_median(p50[0], rounds), bench_median(p50[1], rounds));
	bench_figure(&o->bench, loads[load].p99, "us", bench_median(p99[0], rounds), bench_median(p99[1], rounds));
}

int
main(int argc, char **argv)
{
	struct options o = { .rounds = 5, .seconds = 3 };
	const struct bench_option options[] = {
		{ "rounds", "N", &o.rounds, 1, ROUNDS_MAX, NULL },
		{ "seconds", "N", &o.seconds, 1, 600, NULL },
		{ "child", NULL, NULL, 0, 0, &o.child },
		{ "topic", NULL, NULL, 0, 0, &o.latency.topic },
		{ "rate", NULL, &o.latency.rate, 1000, 1000000, NULL },
		{ "linger", NULL, &o.latency.linger_ms, 0, 10000, NULL },
		{ "messages", NULL, &o.latency.messages, 1, 1000000000, NULL },
		{ NULL, NULL, NULL, 0, 0, NULL },
	};
	char what[128];

	bench_read_options(&o.bench, "latency", options, argc, argv);
	if (o.child != NULL)
		be_child(&o);
	snprintf(what, sizeof(what), "from a message's turn to be sent to its handler, %d s, median of %d rounds", o.seconds, o.rounds);
	bench_begin(&o.bench, what);
	for (size_t i = 0; i < sizeof(loads) / sizeof(loads[0]); i++)
		measure_load(&o, i);
	return 0;
}
