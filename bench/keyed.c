/* How many jobs that wait for something else are done in a second when they come from one partition and those of one key must be
 * done one after the other, beside a loop written by hand around a bare consumer in the same run.
 *
 * A job is 5 ms of waiting: on a thread of its own, or, asynchronously, on a timer wheel. At 5 ms, 100 jobs in flight are
 * 20,000 a second at most, 1000 are 200,000. Every measurement is a process and a group of its own, and the sides take turns. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keyed.h"

#define KEYS 1000
#define JOB_US 5000

/* The jobs of Confluent's Parallel Consumer keep a thread, whatever their number: it has nothing else in its core. */
enum { ASYNC, ASYNC_KEYS, ASYNC_PEER, THREADS, THREADS_PEER, JAVA_100, JAVA_1000, SIDES };

static const struct side {
	const char *name;
	int in_flight;
	int share; /* of the jobs, in percent */
	void (*run)(const struct keyed *k); /* NULL: Confluent's Parallel Consumer */
} sides[SIDES] = {
	[ASYNC] = { "async", 1000, 100, keyed_async_carafe },
	[ASYNC_KEYS] = { "async-keys", 1000, 100, keyed_async_keys },
	[ASYNC_PEER] = { "async-peer", 1000, 100, keyed_async_peer },
	[THREADS] = { "threads", 100, 20, keyed_threads_carafe },
	[THREADS_PEER] = { "threads-peer", 100, 20, keyed_threads_peer },
	[JAVA_100] = { "java-100", 100, 20, NULL },
	[JAVA_1000] = { "java-1000", 1000, 20, NULL },
};

struct options {
	struct bench bench;
	int jobs;
	int rounds;
	const char *parallel_consumer; /* a program; NULL: without */
	const char *child;
	struct keyed keyed;
};

struct measured {
	double rate[SIDES][BENCH_ROUNDS_MAX];
	double cpu[SIDES][BENCH_ROUNDS_MAX]; /* us for each job */
};

static _Noreturn void
be_child(struct options *o)
{
	struct bench_result result = { 0 };

	o->keyed.brokers = o->bench.brokers;
	o->keyed.keys = KEYS;
	o->keyed.job_us = JOB_US;
	keyed_begin(&o->keyed);
	for (size_t i = 0; i < SIDES; i++)
		if (strcmp(o->child, sides[i].name) == 0 && sides[i].run != NULL)
			sides[i].run(&o->keyed);
	keyed_end(&result);
	bench_report(&result);
	exit(0);
}

static void
add_carafe(struct bench_command *c, const struct options *o, const struct side *s, const char *topic, int jobs)
{
	bench_word(c, "%s", o->bench.self);
	bench_word(c, "--child=%s", s->name);
	bench_word(c, "--topic=%s", topic);
	bench_word(c, "--jobs=%d", jobs);
	bench_word(c, "--in-flight=%d", s->in_flight);
}

static void
add_java(struct bench_command *c, const struct options *o, const struct side *s, const char *topic, int jobs)
{
	bench_word(c, "%s", o->parallel_consumer);
	bench_word(c, "%s", o->bench.brokers);
	bench_word(c, "%s", topic);
	bench_word(c, "%d", jobs);
	bench_word(c, "%d", KEYS);
	bench_word(c, "%d", s->in_flight);
	bench_word(c, "%d", JOB_US);
}

static void
measure(const struct options *o, int side, const char *topic, int round, struct measured *m)
{
	const struct side *s = &sides[side];
	struct bench_command c = { .count = 0 };
	struct bench_result result;

	if (s->run == NULL && o->parallel_consumer == NULL)
		return;
	(s->run != NULL ? add_carafe : add_java)(&c, o, s, topic, o->jobs / 100 * s->share);
	bench_child(&c, &result);
	m->rate[side][round] = (double)result.messages / result.seconds;
	m->cpu[side][round] = result.cpu * 1e6 / (double)result.messages;
}

static void
show(const struct options *o, const char *rate, const char *cpu, int carafe, int peer, const struct measured *m)
{
	bench_rounds(&o->bench, rate, "jobs/s", m->rate[carafe], m->rate[peer], o->rounds);
	bench_rounds(&o->bench, cpu, "us/job", m->cpu[carafe], m->cpu[peer], o->rounds);
}

static void
measure_all(const struct options *o)
{
	char *topic = bench_topic_new(&o->bench, 1);
	struct measured m;

	bench_topic_fill_keys(&o->bench, topic, o->jobs, KEYS, 100);
	for (int round = 0; round < o->rounds; round++)
		for (int i = 0; i < SIDES; i++)
			measure(o, (i + round) % SIDES, topic, round, &m);
	show(o, "async_rate", "async_cpu", ASYNC, ASYNC_PEER, &m);
	show(o, "async_keys_rate", "async_keys_cpu", ASYNC_KEYS, ASYNC_PEER, &m);
	show(o, "threads_rate", "threads_cpu", THREADS, THREADS_PEER, &m);
	if (o->parallel_consumer != NULL) {
		show(o, "async_keys_rate_to_java", "async_keys_cpu_to_java", ASYNC_KEYS, JAVA_1000, &m);
		show(o, "threads_rate_to_java", "threads_cpu_to_java", THREADS, JAVA_100, &m);
	}
	bench_topic_free(&o->bench, topic);
}

int
main(int argc, char **argv)
{
	struct options o = { .jobs = 500000, .rounds = 5 };
	const struct bench_option options[] = {
		{ "jobs", "N", &o.jobs, 1000, 1000000000, NULL },
		{ "rounds", "N", &o.rounds, 1, BENCH_ROUNDS_MAX, NULL },
		{ "parallel-consumer", "scripts/parallel-consumer", NULL, 0, 0, &o.parallel_consumer },
		{ "child", NULL, NULL, 0, 0, &o.child },
		{ "topic", NULL, NULL, 0, 0, &o.keyed.topic },
		{ "in-flight", NULL, &o.keyed.in_flight, 1, 100000, NULL },
		{ NULL, NULL, NULL, 0, 0, NULL },
	};
	char what[128];

	bench_read_options(&o.bench, "keyed", options, argc, argv);
	o.keyed.jobs = o.jobs;
	if (o.child != NULL)
		be_child(&o);
	snprintf(what, sizeof(what), "%d jobs of %d ms, %d keys in one partition, median of %d rounds", o.jobs, JOB_US / 1000, KEYS,
	    o.rounds);
	bench_begin(&o.bench, what);
	measure_all(&o);
	return 0;
}
