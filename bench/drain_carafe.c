/* carafe with handlers that do nothing but count. */
#include <stdatomic.h>
#include <stdio.h>

#include "core/clock.h"
#include "core/thread.h"
#include "drain.h"

/* Of the whole drain. The counts of partitions are the lanes' own, so that counting costs next to nothing. */
static struct {
	int64_t per_partition;
	atomic_int left; /* partitions not at their end */
	_Atomic int64_t start;
	_Atomic int64_t cpu;
	struct crf_mutex mu;
	struct crf_cond done;
} drained;

static void
note_start(void)
{
	int64_t zero = 0;

	if (atomic_compare_exchange_strong(&drained.start, &zero, crf_now()))
		atomic_store(&drained.cpu, bench_cpu_ns());
}

static void
note_end(void)
{
	if (atomic_fetch_sub(&drained.left, 1) > 1)
		return;
	crf_lock(&drained.mu);
	crf_cond_signal(&drained.done);
	crf_unlock(&drained.mu);
}

static inline void
count(carafe_consumer *c, size_t n)
{
	int64_t *total = carafe_state(c);

	if (*total == 0)
		note_start();
	*total += (int64_t)n;
	if (*total == drained.per_partition)
		note_end();
}

static carafe_rc
on_batch(carafe_consumer *c, const carafe_batch *batch)
{
	count(c, carafe_batch_count(batch));
	return CARAFE_OK;
}

static carafe_rc
on_message(carafe_consumer *c, const carafe_message *m)
{
	(void)m;
	count(c, 1);
	return CARAFE_OK;
}

static const carafe_handler batches = { .consume = on_batch, .state_size = sizeof(int64_t) };
static const carafe_handler messages = { .message = on_message, .state_size = sizeof(int64_t) };

static carafe *
draw(const struct drain *d)
{
	carafe *app = carafe_new(.client_id = "bench", .concurrency = d->workers, .max_messages = d->batch,
	    .kafka = CARAFE_KV({ "bootstrap.servers", d->brokers }));

	carafe_route(carafe_group(app, bench_fresh_name("carafe-bench")), d->topic,
	    .handler = d->one_by_one ? &messages : &batches, .kafka = d->kafka, .kafka_mode = CARAFE_KAFKA_INHERIT);
	return app;
}

void
drain_carafe(const struct drain *d, struct bench_result *result)
{
	carafe *app = draw(d);
	carafe_error err = { 0 };

	drained.per_partition = d->per_partition;
	drained.left = d->partitions;
	crf_mutex_init(&drained.mu);
	crf_cond_init(&drained.done);
	if (carafe_start(app, &err) != CARAFE_OK)
		bench_die("drain: %s", err.text);
	crf_lock(&drained.mu);
	while (drained.left > 0)
		crf_cond_wait(&drained.done, &drained.mu);
	crf_unlock(&drained.mu);
	result->messages = d->per_partition * d->partitions;
	result->seconds = (double)(crf_now() - drained.start) / 1e9;
	result->cpu = (double)(bench_cpu_ns() - drained.cpu) / 1e9;
	carafe_stop(app);
	if (carafe_wait(app, -1, &err) != CARAFE_OK)
		bench_die("drain: %s", err.text);
	carafe_free(app);
}
