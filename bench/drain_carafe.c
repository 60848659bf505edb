/* carafe with handlers that do nothing but count. */
#include "app.h"
#include "core/clock.h"
#include "drain.h"

/* Of the whole drain. The counts of partitions are the lanes' own, so that counting costs next to nothing. */
static struct {
	int64_t per_partition;
	_Atomic int64_t start;
	_Atomic int64_t cpu;
	struct bench_latch ends; /* of partitions */
} drained;

static void
note_start(void)
{
	int64_t zero = 0;

	if (atomic_compare_exchange_strong(&drained.start, &zero, crf_now()))
		atomic_store(&drained.cpu, bench_cpu_ns());
}

static inline void
count(carafe_consumer *c, size_t n)
{
	int64_t *total = carafe_state(c);

	if (*total == 0)
		note_start();
	*total += (int64_t)n;
	if (*total == drained.per_partition)
		bench_latch_count(&drained.ends);
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

	drained.per_partition = d->per_partition;
	bench_latch_init(&drained.ends, d->partitions);
	bench_app_start(app);
	bench_latch_wait(&drained.ends);
	result->messages = d->per_partition * d->partitions;
	result->seconds = (double)(crf_now() - drained.start) / 1e9;
	result->cpu = (double)(bench_cpu_ns() - drained.cpu) / 1e9;
	bench_app_end(app);
}
