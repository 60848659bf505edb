/* How long a message takes from its turn to be sent until a handler has it, through a real Kafka, beside a bare
 * rd_kafka_consumer_poll loop that gets the same messages at the same time: from one second to the next the cluster's own latency
 * differs by more than what is to be seen. Every round is a process and a topic of its own. */
#include <stdio.h>
#include <stdlib.h>

#include "latency.h"

#define PARTITIONS 8

static const struct {
	const char *p50, *p99;
	int rate, linger_ms;
} loads[] = {
	{ "p50_1k", "p99_1k", 1000, 0 },
	{ "p50_20k", "p99_20k", 20000, 3 }, /* with less the broker and three clients fill two processors */
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
	struct latency *l = &o->latency;
	struct bench_result result = { 0 };
	rd_kafka_t *peer;
	carafe *app;

	l->brokers = o->bench.brokers;
	l->partitions = PARTITIONS;
	app = latency_carafe_new(l);
	peer = latency_peer_new(l);
	latency_begin(l);
	latency_peer_run(peer);
	latency_carafe_run(app);
	latency_end(&result);
	bench_report(&result);
	exit(0);
}

static void
measure(const struct options *o, int rate, int linger_ms, struct bench_result *result)
{
	char *topic = bench_topic_new(&o->bench, PARTITIONS);
	struct bench_command c = { .count = 0 };

	bench_word(&c, "%s", o->bench.self);
	bench_word(&c, "--child=both");
	bench_word(&c, "--topic=%s", topic);
	bench_word(&c, "--rate=%d", rate);
	bench_word(&c, "--linger=%d", linger_ms);
	bench_word(&c, "--messages=%d", rate * o->seconds);
	bench_child(&c, result);
	bench_topic_free(&o->bench, topic);
}

static void
measure_load(const struct options *o, size_t load)
{
	double p50[LATENCY_SIDES][BENCH_ROUNDS_MAX], p99[LATENCY_SIDES][BENCH_ROUNDS_MAX];
	struct bench_result result;

	for (int round = 0; round < o->rounds; round++) {
		measure(o, loads[load].rate, loads[load].linger_ms, &result);
		for (int side = 0; side < LATENCY_SIDES; side++) {
			p50[side][round] = result.value[2 * side];
			p99[side][round] = result.value[2 * side + 1];
		}
	}
	bench_rounds(&o->bench, loads[load].p50, "us", p50[LATENCY_CARAFE], p50[LATENCY_PEER], o->rounds);
	bench_rounds(&o->bench, loads[load].p99, "us", p99[LATENCY_CARAFE], p99[LATENCY_PEER], o->rounds);
}

int
main(int argc, char **argv)
{
	struct options o = { .rounds = 9, .seconds = 5 };
	const struct bench_option options[] = {
		{ "rounds", "N", &o.rounds, 1, BENCH_ROUNDS_MAX, NULL },
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
