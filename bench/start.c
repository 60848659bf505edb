/* How long a program takes from its start to its first message, and from SIGTERM until it is gone, beside a bare
 * rd_kafka_consumer_poll loop in the same run.
 *
 * Each measurement is a process and a group of its own. It is told to end while it has nothing to do, while messages stream
 * through it, and while its handlers are at jobs that take some time. */
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/mem.h"
#include "start.h"

#define PARTITIONS 8
#define STREAM 250000 /* messages of a partition */
#define BUSY_MS 100   /* at least, before it is told to end */
#define JOB_MS 20

enum { IDLE, KIP_848, STREAMING, WORKING, CASES };
enum { FEW, MANY };

static const struct {
	const char *first; /* the figures' names; NULL: none */
	const char *end;
	const char *protocol;
	int topic;
	int job_ms;
} cases[CASES] = {
	[IDLE] = { "first_message", "exit_idle", "classic", FEW, 0 },
	[KIP_848] = { "first_message_848", "exit_idle_848", "consumer", FEW, 0 },
	[STREAMING] = { NULL, "exit_streaming", "classic", MANY, 0 },
	[WORKING] = { NULL, "exit_in_jobs", "classic", MANY, JOB_MS },
};

struct options {
	struct bench bench;
	int rounds;
	const char *child;
	const char *since;
	struct start start;
};

struct measured {
	double first[BENCH_ROUNDS_MAX], end[BENCH_ROUNDS_MAX]; /* ms */
};

/* ------------------------------------------------------------------------------------------------ a child */

static crf_ns since;
static int job_ms;

void
start_arrived(void)
{
	static atomic_flag first = ATOMIC_FLAG_INIT;
	struct bench_result result = { .messages = 1 };

	if (!atomic_flag_test_and_set(&first)) {
		result.seconds = (double)(crf_now() - since) / 1e9;
		bench_report(&result);
	}
	if (job_ms > 0)
		usleep((useconds_t)job_ms * 1000);
}

static _Noreturn void
be_child(struct options *o)
{
	since = strtoll(o->since, NULL, 10);
	job_ms = o->start.job_ms;
	o->start.brokers = o->bench.brokers;
	exit(strcmp(o->child, "peer") == 0 ? start_peer(&o->start) : start_carafe(&o->start));
}

/* ------------------------------------------------------------------------------------------------ the parent */

static void
measure(const struct options *o, const char *child, int which, char *const topics[2], int round, struct measured *m)
{
	struct bench_command c = { .count = 0 };
	struct bench_process process;
	struct bench_result result;
	crf_ns asked;

	bench_word(&c, "%s", o->bench.self);
	bench_word(&c, "--child=%s", child);
	bench_word(&c, "--topic=%s", topics[cases[which].topic]);
	bench_word(&c, "--protocol=%s", cases[which].protocol);
	bench_word(&c, "--job=%d", cases[which].job_ms);
	bench_word(&c, "--since=%lld", (long long)crf_now());
	bench_start(&c, &process);
	bench_hear(&process, &result);
	usleep((BUSY_MS + (useconds_t)round * 37 % 100) * 1000); /* a loop that looks now and then is met anywhere */
	asked = crf_now();
	kill(process.pid, SIGTERM);
	bench_end(&process);
	m->first[round] = result.seconds * 1e3;
	m->end[round] = (double)(crf_now() - asked) / 1e6;
}

static void
measure_case(const struct options *o, int which, char *const topics[2])
{
	struct measured app, peer;

	for (int i = 0; i < o->rounds; i++) {
		measure(o, "carafe", which, topics, i, &app);
		measure(o, "peer", which, topics, i, &peer);
	}
	if (cases[which].first != NULL)
		bench_rounds(&o->bench, cases[which].first, "ms", app.first, peer.first, o->rounds);
	bench_rounds(&o->bench, cases[which].end, "ms", app.end, peer.end, o->rounds);
}

int
main(int argc, char **argv)
{
	struct options o = { .rounds = 9 };
	const struct bench_option options[] = {
		{ "rounds", "N", &o.rounds, 1, BENCH_ROUNDS_MAX, NULL },
		{ "child", NULL, NULL, 0, 0, &o.child },
		{ "topic", NULL, NULL, 0, 0, &o.start.topic },
		{ "protocol", NULL, NULL, 0, 0, &o.start.protocol },
		{ "since", NULL, NULL, 0, 0, &o.since },
		{ "job", NULL, &o.start.job_ms, 0, 60000, NULL },
		{ NULL, NULL, NULL, 0, 0, NULL },
	};
	char *topics[2], what[128];

	bench_read_options(&o.bench, "start", options, argc, argv);
	if (o.child != NULL)
		be_child(&o);
	snprintf(what, sizeof(what), "%d partitions, jobs of %d ms, median of %d rounds", PARTITIONS, JOB_MS, o.rounds);
	for (int i = 0; i < 2; i++) {
		topics[i] = bench_topic_new(&o.bench, PARTITIONS);
		bench_topic_fill(&o.bench, topics[i], PARTITIONS, i == FEW ? 1 : STREAM, 100);
	}
	bench_begin(&o.bench, what);
	for (int i = 0; i < CASES; i++)
		measure_case(&o, i, topics);
	for (int i = 0; i < 2; i++)
		bench_topic_free(&o.bench, topics[i]);
	return 0;
}
