/* What an idle partition costs in memory, beside a bare rd_kafka_consumer_poll loop in the same run.
 *
 * Every measurement is a process of its own that is assigned the partitions of a topic, has consumed the one message that
 * each holds, and has then been idle for a while. What a partition costs is the slope between a topic with few and one with
 * many, which leaves out what a process costs anyway. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"

#define FEW 100

struct options {
	struct bench bench;
	int partitions;
	int rounds;
	const char *child;
	struct memory memory;
};

struct used {
	double resident, allocated;
};

static _Noreturn void
be_child(struct options *o)
{
	struct bench_result result = { 0 };

	o->memory.brokers = o->bench.brokers;
	o->memory.partitions = o->partitions;
	if (strcmp(o->child, "peer") == 0)
		memory_peer(&o->memory, &result);
	else
		memory_carafe(&o->memory, &result);
	bench_report(&result);
	exit(0);
}

static struct used
measure(const struct options *o, const char *child, const char *topic, int partitions)
{
	struct bench_command c = { .count = 0 };
	struct bench_result result;

	bench_word(&c, "%s", o->bench.self);
	bench_word(&c, "--child=%s", child);
	bench_word(&c, "--topic=%s", topic);
	bench_word(&c, "--partitions=%d", partitions);
	bench_word(&c, "--settle=%d", o->memory.settle);
	bench_child(&c, &result);
	return (struct used){ result.value[0], result.value[1] };
}

/* Bytes for each partition. */
static struct used
slope(const struct options *o, const char *child, char *const topics[2])
{
	double resident[BENCH_ROUNDS_MAX], allocated[BENCH_ROUNDS_MAX];
	size_t rounds = (size_t)o->rounds;

	for (size_t i = 0; i < rounds; i++) {
		struct used few = measure(o, child, topics[0], FEW);
		struct used many = measure(o, child, topics[1], o->partitions);

		resident[i] = (many.resident - few.resident) / (o->partitions - FEW);
		allocated[i] = (many.allocated - few.allocated) / (o->partitions - FEW);
	}
	return (struct used){ bench_median(resident, rounds), bench_median(allocated, rounds) };
}

static void
measure_both(const struct options *o)
{
	const int counts[] = { FEW, o->partitions };
	struct used carafe, peer;
	char *topics[2];

	for (int i = 0; i < 2; i++) {
		topics[i] = bench_topic_new(&o->bench, counts[i]);
		bench_topic_fill(&o->bench, topics[i], counts[i], 1, 100);
	}
	carafe = slope(o, "carafe", topics);
	peer = slope(o, "peer", topics);
	bench_figure(&o->bench, "resident", "B/partition", carafe.resident, peer.resident);
	bench_figure(&o->bench, "allocated", "B/partition", carafe.allocated, peer.allocated);
	for (int i = 0; i < 2; i++)
		bench_topic_free(&o->bench, topics[i]);
}

int
main(int argc, char **argv)
{
	struct options o = { .partitions = 5000, .rounds = 3, .memory = { .settle = 6 } };
	const struct bench_option options[] = {
		{ "partitions", "N", &o.partitions, FEW, 100000, NULL },
		{ "rounds", "N", &o.rounds, 1, BENCH_ROUNDS_MAX, NULL },
		{ "settle", "SECONDS", &o.memory.settle, 0, 86400, NULL },
		{ "child", NULL, NULL, 0, 0, &o.child },
		{ "topic", NULL, NULL, 0, 0, &o.memory.topic },
		{ NULL, NULL, NULL, 0, 0, NULL },
	};
	char what[128];

	bench_read_options(&o.bench, "memory", options, argc, argv);
	if (o.child != NULL)
		be_child(&o);
	if (o.partitions == FEW)
		bench_die("memory: --partitions=%d: more than that", FEW);
	snprintf(what, sizeof(what), "%d idle partitions, after %d s, median of %d rounds", o.partitions, o.memory.settle, o.rounds);
	bench_begin(&o.bench, what);
	measure_both(&o);
	return 0;
}
