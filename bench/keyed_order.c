#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"
#include "keyed.h"

static struct {
	const struct keyed *conf;
	_Atomic int64_t *ended; /* of each key */
	_Atomic int64_t start;
	_Atomic int64_t cpu;
	atomic_int left;
	crf_ns end;
	int64_t end_cpu;
} run;

void
keyed_begin(const struct keyed *k)
{
	run.conf = k;
	run.left = k->jobs;
	run.ended = crf_new_array(_Atomic int64_t, (size_t)k->keys);
}

struct keyed_job
keyed_started(const void *key, const void *value)
{
	struct keyed_job job;
	int64_t zero = 0;

	memcpy(&job.key, key, sizeof(job.key));
	memcpy(&job.number, value, sizeof(job.number));
	if (atomic_load_explicit(&run.start, memory_order_relaxed) == 0 &&
	    atomic_compare_exchange_strong(&run.start, &zero, crf_now()))
		atomic_store(&run.cpu, bench_cpu_ns());
	if (atomic_load(&run.ended[job.key]) != job.number)
		bench_die("keyed: job %lld of key %d begins before its turn", (long long)job.number, (int)job.key);
	return job;
}

bool
keyed_ended(struct keyed_job job)
{
	atomic_store(&run.ended[job.key], job.number + 1);
	if (atomic_fetch_sub(&run.left, 1) > 1)
		return false;
	run.end = crf_now();
	run.end_cpu = bench_cpu_ns();
	return true;
}

void
keyed_end(struct bench_result *result)
{
	result->messages = run.conf->jobs;
	result->seconds = (double)(run.end - run.start) / 1e9;
	result->cpu = (double)(run.end_cpu - run.cpu) / 1e9;
	free(run.ended);
}
