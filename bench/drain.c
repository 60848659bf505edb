/* How fast a full topic is emptied by handlers that do nothing, beside a bare librdkafka loop in the same run.
 *
 * Every measurement is a process of its own with a group of its own, and the sides take turns, so that whatever else the
 * machine does hits all of them. A rate is from the first message to the last. Instructions are those of the whole
 * process, librdkafka's threads and all, as callgrind counts them: the slope between a small and a large topic, which
 * leaves out what happens once. Statistics are off there: at valgrind's pace, what happens every 5 s happens a hundred times as
 * often for a message. */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "callgrind.h"
#include "core/mem.h"
#include "drain.h"

#define SETTINGS_MAX 16
#define SMALL 100000 /* messages of the topics that callgrind looks at */
#define LARGE 300000
#define COUNTS 3 /* how often: threads that meet differently make a difference of up to 1 % */

struct side {
	const char *child; /* "peer" or "carafe" */
	const char *workers;
	const char *batch;      /* max_messages */
	const char *one_by_one; /* "1": a message handler, or consumer_poll */
	const char *backoff;    /* fetch.queue.backoff.ms; NULL: as it comes */
	const char *thread;     /* the function that all of the application's side runs in */
};

enum { RAW, RAW_DEFAULTS, RAW_POLL, BATCH, BATCH_1, BATCH_2, BATCH_100, MESSAGE, SIDES };

/* carafe brings its own defaults; the raw loop is given the one that matters, without which it is 4 times slower. */
static const struct side sides[SIDES] = {
	[RAW] = { "peer", "1", "1000", "0", "fetch.queue.backoff.ms=10", "next_batch" },
	[RAW_DEFAULTS] = { "peer", "1", "1000", "0", NULL, "next_batch" },
	[RAW_POLL] = { "peer", "1", "1", "1", "fetch.queue.backoff.ms=10", "next_message" },
	[BATCH] = { "carafe", "5", "1000", "0", NULL, "work" },
	[BATCH_1] = { "carafe", "1", "1000", "0", NULL, "work" },
	[BATCH_2] = { "carafe", "2", "1000", "0", NULL, "work" },
	[BATCH_100] = { "carafe", "5", "100", "0", NULL, "work" },
	[MESSAGE] = { "carafe", "5", "1000", "1", NULL, "work" },
};

static const struct {
	const char *metric;
	int carafe, peer;
} rates[] = {
	{ "rate", BATCH, RAW },
	{ "rate_1_worker", BATCH_1, RAW },
	{ "rate_2_workers", BATCH_2, RAW },
	{ "rate_batch_100", BATCH_100, RAW },
	{ "rate_message_handler", MESSAGE, RAW },
	{ "rate_to_poll", MESSAGE, RAW_POLL },
	{ "rate_to_defaults", BATCH, RAW_DEFAULTS },
};

struct options {
	struct bench bench;
	int64_t messages;
	int rounds;
	int partitions;
	int size;
	bool no_rates;
	bool no_instructions;
	const char *settings[SETTINGS_MAX];
	int setting_count;
	/* of a child */
	const char *child;
	struct drain drain;
};

/* ------------------------------------------------------------------------------------------------ a child */

static _Noreturn void
be_child(struct options *o)
{
	carafe_kv kafka[SETTINGS_MAX + 1] = { { NULL, NULL } };
	struct bench_result result = { 0 };

	for (int i = 0; i < o->setting_count; i++) {
		char *key = crf_strdup(o->settings[i]), *equals = strchr(key, '=');

		if (equals == NULL)
			bench_die("drain: -X %s: no '='", key);
		*equals = '\0';
		kafka[i] = (carafe_kv){ key, equals + 1 };
	}
	o->drain.brokers = o->bench.brokers;
	o->drain.partitions = o->partitions;
	o->drain.kafka = kafka;
	if (strcmp(o->child, "peer") == 0)
		drain_peer(&o->drain, &result);
	else
		drain_carafe(&o->drain, &result);
	bench_report(&result);
	exit(0);
}

/* What runs a side as a child; what is there already (valgrind) comes before. */
static void
add_child(struct bench_command *c, const struct options *o, const struct side *s, const char *topic, int64_t messages)
{
	bench_word(c, "%s", o->bench.self);
	bench_word(c, "--child=%s", s->child);
	bench_word(c, "--topic=%s", topic);
	bench_word(c, "--per-partition=%" PRId64, messages / o->partitions);
	bench_word(c, "--partitions=%d", o->partitions);
	bench_word(c, "--workers=%s", s->workers);
	bench_word(c, "--batch=%s", s->batch);
	bench_word(c, "--one-by-one=%s", s->one_by_one);
	if (s->backoff != NULL)
		bench_word(c, "-X%s", s->backoff);
	for (int i = 0; i < o->setting_count; i++)
		bench_word(c, "-X%s", o->settings[i]);
}

/* ------------------------------------------------------------------------------------------------ rates */

struct measured {
	double rate[SIDES][BENCH_ROUNDS_MAX];
	double cpu[SIDES][BENCH_ROUNDS_MAX];
};

static void
measure(const struct options *o, const char *topic, int side, int round, struct measured *m)
{
	struct bench_result result;
	struct bench_command c = { .count = 0 };

	add_child(&c, o, &sides[side], topic, o->messages);
	bench_child(&c, &result);
	m->rate[side][round] = (double)result.messages / result.seconds;
	m->cpu[side][round] = result.cpu * 1e6 / (double)result.messages;
}

static void
show_rates(const struct options *o, const struct measured *m)
{
	for (size_t i = 0; i < crf_array_len(rates); i++)
		bench_rounds(&o->bench, rates[i].metric, "msg/s", m->rate[rates[i].carafe], m->rate[rates[i].peer], o->rounds);
	bench_rounds(&o->bench, "cpu", "us/msg", m->cpu[BATCH], m->cpu[RAW], o->rounds);
}

static void
measure_rates(const struct options *o)
{
	char *topic = bench_topic_new(&o->bench, o->partitions);
	struct measured m;

	bench_topic_fill(&o->bench, topic, o->partitions, o->messages / o->partitions, (size_t)o->size);
	for (int round = 0; round < o->rounds; round++)
		for (int i = 0; i < SIDES; i++)
			measure(o, topic, (i + round) % SIDES, round, &m);
	show_rates(o, &m);
	bench_topic_free(&o->bench, topic);
}

/* ------------------------------------------------------------------------------------------------ instructions */

static struct callgrind
count(const struct options *o, const struct side *s, const char *topic, int64_t messages)
{
	struct bench_result result;
	struct bench_command c = { .count = 0 };
	struct callgrind found;
	char file[64];

	snprintf(file, sizeof(file), "/tmp/carafe-bench-%d.callgrind", (int)getpid());
	bench_word(&c, "valgrind");
	bench_word(&c, "--quiet");
	bench_word(&c, "--tool=callgrind");
	bench_word(&c, "--fair-sched=yes");
	bench_word(&c, "--callgrind-out-file=%s", file);
	add_child(&c, o, s, topic, messages);
	bench_word(&c, "-Xstatistics.interval.ms=0");
	bench_child(&c, &result);
	found = callgrind_read(file, s->thread);
	unlink(file);
	return found;
}

static struct callgrind
slope(const struct options *o, const struct side *s, char *const topics[2])
{
	double total[COUNTS], inside[COUNTS];

	for (int i = 0; i < COUNTS; i++) {
		struct callgrind small = count(o, s, topics[0], SMALL);
		struct callgrind large = count(o, s, topics[1], LARGE);

		total[i] = (large.total - small.total) / (LARGE - SMALL);
		inside[i] = (large.inside - small.inside) / (LARGE - SMALL);
	}
	return (struct callgrind){ bench_median(total, COUNTS), bench_median(inside, COUNTS) };
}

static void
measure_instructions(const struct options *o)
{
	static const int64_t sizes[] = { SMALL, LARGE };
	struct callgrind raw, batch, message;
	char *topics[2];

	for (size_t i = 0; i < crf_array_len(sizes); i++) {
		topics[i] = bench_topic_new(&o->bench, o->partitions);
		bench_topic_fill(&o->bench, topics[i], o->partitions, sizes[i] / o->partitions, (size_t)o->size);
	}
	raw = slope(o, &sides[RAW], topics);
	batch = slope(o, &sides[BATCH], topics);
	message = slope(o, &sides[MESSAGE], topics);
	bench_figure(&o->bench, "instructions", "instr/msg", batch.total, raw.total);
	bench_figure(&o->bench, "instructions_message_handler", "instr/msg", message.total, raw.total);
	bench_figure(&o->bench, "instructions_app_threads", "instr/msg", batch.inside, raw.inside);
	for (size_t i = 0; i < crf_array_len(sizes); i++)
		bench_topic_free(&o->bench, topics[i]);
}

/* ------------------------------------------------------------------------------------------------ options */

enum { JSON, MESSAGES, ROUNDS, PARTITIONS, SIZE, NO_RATES, NO_INSTRUCTIONS, CHILD, TOPIC, PER_PARTITION, WORKERS, BATCH_SIZE, ONE_BY_ONE };

static const struct option options[] = {
	{ "json", no_argument, NULL, JSON },
	{ "messages", required_argument, NULL, MESSAGES },
	{ "rounds", required_argument, NULL, ROUNDS },
	{ "partitions", required_argument, NULL, PARTITIONS },
	{ "size", required_argument, NULL, SIZE },
	{ "no-rates", no_argument, NULL, NO_RATES },
	{ "no-instructions", no_argument, NULL, NO_INSTRUCTIONS },
	/* a child's */
	{ "child", required_argument, NULL, CHILD },
	{ "topic", required_argument, NULL, TOPIC },
	{ "per-partition", required_argument, NULL, PER_PARTITION },
	{ "workers", required_argument, NULL, WORKERS },
	{ "batch", required_argument, NULL, BATCH_SIZE },
	{ "one-by-one", required_argument, NULL, ONE_BY_ONE },
	{ NULL, 0, NULL, 0 },
};

static _Noreturn void
usage(void)
{
	bench_die("usage: KAFKA=host:port drain [--json] [--messages N] [--rounds N] [--partitions N] [--size BYTES]\n"
		  "             [--no-rates] [--no-instructions] [-X setting=value ...]");
}

static void
add_setting(struct options *o, const char *setting)
{
	if (o->setting_count == SETTINGS_MAX - 1) /* one more is a side's own */
		bench_die("drain: too many -X");
	o->settings[o->setting_count++] = setting;
}

static void
take_option(struct options *o, int option)
{
	switch (option) {
	case 'X':
		add_setting(o, optarg);
		break;
	case JSON:
		o->bench.json = true;
		break;
	case MESSAGES:
		o->messages = bench_number(&o->bench, optarg, 1000, 1000000000);
		break;
	case ROUNDS:
		o->rounds = bench_number(&o->bench, optarg, 1, BENCH_ROUNDS_MAX);
		break;
	case PARTITIONS:
		o->partitions = bench_number(&o->bench, optarg, 1, 1000);
		break;
	case SIZE:
		o->size = bench_number(&o->bench, optarg, 1, 900000);
		break;
	case NO_RATES:
		o->no_rates = true;
		break;
	case NO_INSTRUCTIONS:
		o->no_instructions = true;
		break;
	case CHILD:
		o->child = optarg;
		break;
	case TOPIC:
		o->drain.topic = optarg;
		break;
	case PER_PARTITION:
		o->drain.per_partition = bench_number(&o->bench, optarg, 1, 1000000000);
		break;
	case WORKERS:
		o->drain.workers = bench_number(&o->bench, optarg, 1, 1000);
		break;
	case BATCH_SIZE:
		o->drain.batch = bench_number(&o->bench, optarg, 1, DRAIN_BATCH_MAX);
		break;
	case ONE_BY_ONE:
		o->drain.one_by_one = bench_number(&o->bench, optarg, 0, 1);
		break;
	default:
		usage();
	}
}

static void
read_options(struct options *o, int argc, char **argv)
{
	int option;

	while ((option = getopt_long(argc, argv, "X:", options, NULL)) >= 0)
		take_option(o, option);
	if (optind < argc || o->bench.brokers == NULL)
		usage();
}

int
main(int argc, char **argv)
{
	struct options o = { .messages = 2000000, .rounds = 5, .partitions = 8, .size = 100, .drain = { .batch = DRAIN_BATCH_MAX } };
	char what[128];

	o.bench = (struct bench){ .name = "drain", .self = realpath("/proc/self/exe", NULL), .brokers = getenv("KAFKA") };
	read_options(&o, argc, argv);
	if (o.child != NULL)
		be_child(&o);
	snprintf(what, sizeof(what), "%" PRId64 " messages of %d bytes, %d partitions, median of %d rounds", o.messages, o.size,
	    o.partitions, o.rounds);
	bench_begin(&o.bench, what);
	if (!o.no_rates)
		measure_rates(&o);
	if (!o.no_instructions && callgrind_is_there())
		measure_instructions(&o);
	else if (!o.no_instructions)
		fprintf(stderr, "drain: no valgrind here, so no instructions are counted\n");
	return 0;
}
