/* What the benchmarks share: a topic on a real Kafka, child processes that each measure one thing so that nothing is
 * shared between two measurements, and the figures as a table or as lines of JSON. */
#ifndef CRF_BENCH_H
#define CRF_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

struct bench {
	const char *name;
	const char *self;    /* the program, for its children */
	const char *brokers; /* from KAFKA */
	bool json;
};

/* --name=VALUE; a number, or a text. The list ends without a name. */
struct bench_option {
	const char *name;
	const char *value; /* what usage calls it; NULL: a child's own */
	int *number;
	int low, high;
	const char **text;
};

/* Those, and --json. Ends the program on any other, and without KAFKA. */
void bench_read_options(struct bench *b, const char *name, const struct bench_option *options, int argc, char **argv);

/* What a child found. */
struct bench_result {
	int64_t messages;
	double seconds;
	double cpu; /* seconds of all threads */
	double value[8]; /* the benchmark's own */
};

/* Says why on stderr and ends the program. */
_Noreturn void bench_die(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Makes a topic with a name of its own and waits until it can be used. Owned. */
char *bench_topic_new(const struct bench *b, int partitions);
/* Writes so many messages of size bytes to each partition. */
void bench_topic_fill(const struct bench *b, const char *topic, int partitions, int64_t per_partition, size_t size);
/* Writes so many messages to partition 0, their keys in turn: an int32_t each; a value begins with an int64_t, the how manieth
 * of its key it is. */
void bench_topic_fill_keys(const struct bench *b, const char *topic, int64_t messages, int32_t keys, size_t size);
/* Frees topic too. */
void bench_topic_free(const struct bench *b, char *topic);

/* The words of a command, added one by one. */
struct bench_command {
	char *argv[64];
	int count;
};

void bench_word(struct bench_command *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Runs the command, reads the result it printed, and frees the words; ends the program when it fails. */
void bench_child(struct bench_command *c, struct bench_result *result);

/* The same in steps, for a child that is told to stop, or heard more than once. */
struct bench_process {
	pid_t pid;
	FILE *out;
	char what[128];
};

/* Frees the words. */
void bench_start(struct bench_command *c, struct bench_process *p);
/* Waits for the next result that it prints. */
void bench_hear(struct bench_process *p, struct bench_result *result);
/* Waits until it has ended. */
void bench_end(struct bench_process *p);

/* In a child: prints the result for its parent. */
void bench_report(const struct bench_result *result);

/* A number that somebody typed; ends the program when it is none, or not from low to high. */
int bench_number(const struct bench *b, const char *text, int low, int high);

#define BENCH_ROUNDS_MAX 50

/* Sorts them, too. */
double bench_median(double *values, size_t count);

/* The table's head; nothing with --json. */
void bench_begin(const struct bench *b, const char *what);
/* One figure of carafe beside its peer's. */
void bench_figure(const struct bench *b, const char *metric, const char *unit, double carafe, double peer);
/* The same of rounds, in each of which both were measured: medians, and between which ratios of the rounds their median is with a
 * probability of 95 % (with fewer than six: the lowest and the highest). Leaves the values in their order. */
void bench_rounds(const struct bench *b, const char *metric, const char *unit, const double *carafe, const double *peer, int rounds);

/* Nanoseconds of CPU that this process has used, all threads. */
int64_t bench_cpu_ns(void);
/* A group name that was never used before. Static buffer. */
const char *bench_fresh_name(const char *prefix);

#endif
