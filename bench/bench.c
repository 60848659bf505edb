#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/mem.h"
#include "raw.h"

#define PATIENCE_MS 120000 /* thousands of partitions take a broker a while */

void
bench_die(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

int
bench_number(const struct bench *b, const char *text, int low, int high)
{
	char *end;
	long value = strtol(text, &end, 10);

	if (*text == '\0' || *end != '\0' || value < low || value > high)
		bench_die("%s: %s is not a number from %d to %d", b->name, text, low, high);
	return (int)value;
}

int64_t
bench_cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

const char *
bench_fresh_name(const char *prefix)
{
	static char name[128];
	static int count;
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	snprintf(name, sizeof(name), "%s-%lld-%d-%d", prefix, (long long)ts.tv_sec, (int)getpid(), count++);
	return name;
}

/* ------------------------------------------------------------------------------------------------ the topic */

static rd_kafka_t *
make_producer(const struct bench *b)
{
	return raw_producer(b->brokers, CARAFE_KV({ "linger.ms", "50" }, { "queue.buffering.max.messages", "500000" },
	    { "log_level", "3" })); /* at 4 it warns of each partition of a topic that is new */
}

/* The one topic of an admin call's answer. */
static void
check_answer(const struct bench *b, rd_kafka_event_t *event, const rd_kafka_topic_result_t **topics)
{
	if (event == NULL)
		bench_die("%s: no answer from %s", b->name, b->brokers);
	if (rd_kafka_event_error(event) != 0)
		bench_die("%s: %s", b->name, rd_kafka_event_error_string(event));
	if (rd_kafka_topic_result_error(topics[0]) != 0)
		bench_die("%s: topic %s: %s", b->name, rd_kafka_topic_result_name(topics[0]),
		    rd_kafka_err2str(rd_kafka_topic_result_error(topics[0])));
}

static void
create_topic(const struct bench *b, rd_kafka_t *rk, const char *name, int partitions)
{
	rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
	rd_kafka_NewTopic_t *topic = rd_kafka_NewTopic_new(name, partitions, 1, NULL, 0);
	rd_kafka_event_t *event;
	size_t count;

	rd_kafka_CreateTopics(rk, &topic, 1, NULL, queue);
	event = rd_kafka_queue_poll(queue, PATIENCE_MS);
	check_answer(b, event,
	    event == NULL ? NULL : rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count));
	rd_kafka_event_destroy(event);
	rd_kafka_NewTopic_destroy(topic);
	rd_kafka_queue_destroy(queue);
}

static bool
is_there(rd_kafka_t *rk, const char *name, int partitions)
{
	rd_kafka_topic_t *topic = rd_kafka_topic_new(rk, name, NULL);
	const struct rd_kafka_metadata *metadata;
	bool there = false;

	if (rd_kafka_metadata(rk, 0, topic, &metadata, 1000) == 0) {
		there = metadata->topic_cnt == 1 && metadata->topics[0].err == 0 &&
		    metadata->topics[0].partition_cnt == partitions;
		for (int i = 0; there && i < partitions; i++)
			there = metadata->topics[0].partitions[i].leader >= 0;
		rd_kafka_metadata_destroy(metadata);
	}
	rd_kafka_topic_destroy(topic);
	return there;
}

char *
bench_topic_new(const struct bench *b, int partitions)
{
	rd_kafka_t *rk = make_producer(b);
	char *name = crf_strdup(bench_fresh_name("carafe-bench"));

	create_topic(b, rk, name, partitions);
	while (!is_there(rk, name, partitions))
		usleep(50000);
	rd_kafka_destroy(rk);
	return name;
}

/* Bytes that a compressor or a branch predictor cannot make light work of. */
static void
scramble(unsigned char *bytes, size_t size, uint64_t *seed)
{
	for (size_t i = 0; i < size; i++) {
		*seed = *seed * 6364136223846793005u + 1442695040888963407u;
		bytes[i] = (unsigned char)(*seed >> 56);
	}
}

struct fill {
	const struct bench *b;
	rd_kafka_t *rk;
	rd_kafka_topic_t *topic;
	unsigned char *bytes;
	size_t size;
};

static void
fill_begin(struct fill *f, const struct bench *b, const char *name, size_t size)
{
	uint64_t seed = 1;

	*f = (struct fill){ .b = b, .rk = make_producer(b), .bytes = crf_alloc(1, size), .size = size };
	f->topic = rd_kafka_topic_new(f->rk, name, NULL);
	scramble(f->bytes, size, &seed);
}

static void
fill_with(struct fill *f, int partition, const void *key, size_t key_size)
{
	while (rd_kafka_produce(f->topic, partition, RD_KAFKA_MSG_F_COPY, f->bytes, f->size, key, key_size, NULL) != 0) {
		if (rd_kafka_last_error() != RD_KAFKA_RESP_ERR__QUEUE_FULL)
			bench_die("%s: %s", f->b->name, rd_kafka_err2str(rd_kafka_last_error()));
		rd_kafka_poll(f->rk, 10);
	}
}

static void
fill_end(struct fill *f)
{
	if (rd_kafka_flush(f->rk, PATIENCE_MS) != 0)
		bench_die("%s: %d messages could not be written", f->b->name, rd_kafka_outq_len(f->rk));
	rd_kafka_topic_destroy(f->topic);
	rd_kafka_destroy(f->rk);
	free(f->bytes);
}

void
bench_topic_fill(const struct bench *b, const char *name, int partitions, int64_t per_partition, size_t size)
{
	struct fill f;

	fill_begin(&f, b, name, size);
	for (int64_t i = 0; i < per_partition; i++)
		for (int p = 0; p < partitions; p++)
			fill_with(&f, p, NULL, 0);
	fill_end(&f);
}

void
bench_topic_fill_keys(const struct bench *b, const char *name, int64_t messages, int32_t keys, size_t size)
{
	struct fill f;

	fill_begin(&f, b, name, size);
	for (int64_t i = 0; i < messages; i++) {
		int32_t key = (int32_t)(i % keys);
		int64_t number = i / keys;

		memcpy(f.bytes, &number, sizeof(number));
		fill_with(&f, 0, &key, sizeof(key));
	}
	fill_end(&f);
}

void
bench_topic_free(const struct bench *b, char *name)
{
	rd_kafka_t *rk = make_producer(b);
	rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
	rd_kafka_DeleteTopic_t *topic = rd_kafka_DeleteTopic_new(name);
	rd_kafka_event_t *event;
	size_t count;

	rd_kafka_DeleteTopics(rk, &topic, 1, NULL, queue);
	event = rd_kafka_queue_poll(queue, PATIENCE_MS);
	check_answer(b, event,
	    event == NULL ? NULL : rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(event), &count));
	rd_kafka_event_destroy(event);
	rd_kafka_DeleteTopic_destroy(topic);
	rd_kafka_queue_destroy(queue);
	rd_kafka_destroy(rk);
	free(name);
}

/* ------------------------------------------------------------------------------------------------ children */

static _Noreturn void
become(char *const argv[], int out)
{
	if (dup2(out, STDOUT_FILENO) >= 0)
		execvp(argv[0], argv);
	fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

static bool
read_result(FILE *in, struct bench_result *r)
{
	double *v = r->value;

	return fscanf(in, " bench %" SCNd64 " %lf %lf %lf %lf %lf %lf %lf %lf %lf %lf", &r->messages, &r->seconds, &r->cpu,
		   &v[0], &v[1], &v[2], &v[3], &v[4], &v[5], &v[6], &v[7]) == 11;
}

void
bench_report(const struct bench_result *r)
{
	printf("bench %" PRId64 " %.9f %.9f", r->messages, r->seconds, r->cpu);
	for (size_t i = 0; i < crf_array_len(r->value); i++)
		printf(" %.9g", r->value[i]);
	putchar('\n');
	fflush(stdout);
}

void
bench_word(struct bench_command *c, const char *format, ...)
{
	va_list ap;

	if (c->count + 1 == (int)crf_array_len(c->argv))
		bench_die("a command of more than %d words", c->count);
	va_start(ap, format);
	if (vasprintf(&c->argv[c->count++], format, ap) < 0)
		bench_die("cannot format %s", format);
	va_end(ap);
	c->argv[c->count] = NULL;
}

void
bench_start(struct bench_command *c, struct bench_process *p)
{
	int fds[2];

	fflush(NULL);
	snprintf(p->what, sizeof(p->what), "%s %s", c->argv[0], c->count > 1 ? c->argv[1] : "");
	if (pipe2(fds, O_CLOEXEC) != 0 || (p->pid = fork()) < 0)
		bench_die("%s: %s", p->what, strerror(errno));
	if (p->pid == 0)
		become(c->argv, fds[1]);
	close(fds[1]);
	p->out = fdopen(fds[0], "r");
	for (int i = 0; i < c->count; i++)
		free(c->argv[i]);
	c->count = 0;
}

void
bench_hear(struct bench_process *p, struct bench_result *result)
{
	if (!read_result(p->out, result))
		bench_die("%s: failed, or said something else than its figures", p->what);
}

void
bench_end(struct bench_process *p)
{
	int status;

	if (waitpid(p->pid, &status, 0) != p->pid || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
		bench_die("%s: failed (wait status %d)", p->what, status);
	fclose(p->out);
}

void
bench_child(struct bench_command *c, struct bench_result *result)
{
	struct bench_process p;

	bench_start(c, &p);
	bench_hear(&p, result);
	bench_end(&p);
}

/* ------------------------------------------------------------------------------------------------ figures */

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double
bench_median(double *values, size_t count)
{
	qsort(values, count, sizeof(*values), compare);
	return (values[(count - 1) / 2] + values[count / 2]) / 2;
}

void
bench_begin(const struct bench *b, const char *what)
{
	if (!b->json)
		printf("%s: %s\n%-28s %-10s %14s %14s %7s\n", b->name, what, "metric", "unit", "carafe", "peer", "ratio");
	fflush(stdout);
}

struct figure {
	double carafe, peer, ratio;
	double low, high; /* of the ratio; 0: it was measured once */
};

static void
show_json(const struct bench *b, const char *metric, const char *unit, const struct figure *f)
{
	printf("{\"bench\":\"%s\",\"metric\":\"%s\",\"unit\":\"%s\",\"carafe\":%.6g,\"peer\":%.6g", b->name, metric, unit, f->carafe,
	    f->peer);
	if (f->peer == 0)
		printf(",\"ratio\":null}\n");
	else if (f->low == 0)
		printf(",\"ratio\":%.4f}\n", f->ratio);
	else
		printf(",\"ratio\":%.4f,\"ratio_low\":%.4f,\"ratio_high\":%.4f}\n", f->ratio, f->low, f->high);
}

static void
show_line(const char *metric, const char *unit, const struct figure *f)
{
	printf("%-28s %-10s %14.6g %14.6g", metric, unit, f->carafe, f->peer);
	if (f->peer == 0)
		printf(" %7s\n", "-");
	else if (f->low == 0)
		printf(" %7.3f\n", f->ratio);
	else
		printf(" %7.3f (%.3f to %.3f)\n", f->ratio, f->low, f->high);
}

static void
show(const struct bench *b, const char *metric, const char *unit, const struct figure *f)
{
	if (b->json)
		show_json(b, metric, unit, f);
	else
		show_line(metric, unit, f);
	fflush(stdout);
}

void
bench_figure(const struct bench *b, const char *metric, const char *unit, double ours, double peer)
{
	struct figure f = { .carafe = ours, .peer = peer, .ratio = ours / peer };

	show(b, metric, unit, &f);
}

/* How many of so many sorted values, at either end, can be left out so that the median of what they are of is within the others with
 * 95 %: it is as often beyond the k lowest as a coin that is thrown so many times shows its head less than k times. */
static int
left_out(int count)
{
	double ways = 1, sum = 1, all = ldexp(1, count);
	int k = 0;

	while (sum / all <= 0.025) {
		k++;
		ways = ways * (count - k + 1) / k;
		sum += ways;
	}
	return k > 0 ? k - 1 : 0;
}

static double
median_of(const double *values, int count)
{
	double sorted[BENCH_ROUNDS_MAX];

	memcpy(sorted, values, (size_t)count * sizeof(*values));
	return bench_median(sorted, (size_t)count);
}

void
bench_rounds(const struct bench *b, const char *metric, const char *unit, const double *ours, const double *peer, int rounds)
{
	struct figure f = { .carafe = median_of(ours, rounds), .peer = median_of(peer, rounds) };
	double ratios[BENCH_ROUNDS_MAX];
	int out = left_out(rounds);

	for (int i = 0; i < rounds; i++)
		ratios[i] = ours[i] / peer[i];
	f.ratio = bench_median(ratios, (size_t)rounds);
	f.low = ratios[out];
	f.high = ratios[rounds - 1 - out];
	show(b, metric, unit, &f);
}
