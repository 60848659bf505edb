/* Jobs that keep a thread. */
#include <stdlib.h>
#include <unistd.h>

#include "app.h"
#include "core/mem.h"
#include "core/thread.h"
#include "keyed_raw.h"

#define IN_HAND 1000

/* ------------------------------------------------------------------------------------------------ librdkafka alone */

static struct {
	struct crf_mutex mu; /* everything below */
	struct crf_cond work;
	struct raw_jobs jobs;
	struct wheel_job *ready, **ready_end;
	bool over;
	useconds_t us;
} pool;

/* mu held. */
static void
make_ready(struct raw_job *job, void *arg)
{
	(void)arg;
	job->timer.next = NULL;
	*pool.ready_end = &job->timer;
	pool.ready_end = &job->timer.next;
	crf_cond_signal(&pool.work);
}

/* mu held, and given back meanwhile. */
static void
do_job(struct raw_job *job)
{
	struct raw_job *behind;

	crf_unlock(&pool.mu);
	job->is = keyed_started(job->message->key, job->message->payload);
	usleep(pool.us);
	crf_lock(&pool.mu);
	pool.over = keyed_ended(job->is) || pool.over;
	if ((behind = raw_job_done(&pool.jobs, job)) != NULL)
		make_ready(behind, NULL);
}

static void *
work(void *arg)
{
	(void)arg;
	crf_lock(&pool.mu);
	while (!pool.over) {
		struct wheel_job *job = pool.ready;

		if (job == NULL) {
			crf_cond_wait(&pool.work, &pool.mu);
			continue;
		}
		if ((pool.ready = job->next) == NULL)
			pool.ready_end = &pool.ready;
		do_job((struct raw_job *)job);
	}
	crf_cond_broadcast(&pool.work);
	crf_unlock(&pool.mu);
	return NULL;
}

static void
feed(void)
{
	rd_kafka_message_t *messages[RAW_JOBS_TAKE];
	int n = raw_jobs_poll(&pool.jobs, 1, messages);

	crf_lock(&pool.mu);
	raw_jobs_add(&pool.jobs, messages, n, make_ready, NULL);
	raw_jobs_pass(&pool.jobs);
	crf_unlock(&pool.mu);
	if (n == 0)
		usleep(100); /* full, perhaps */
}

static bool
is_over(void)
{
	bool over;

	crf_lock(&pool.mu);
	over = pool.over;
	crf_unlock(&pool.mu);
	return over;
}

void
keyed_threads_peer(const struct keyed *k)
{
	struct crf_thread *threads = crf_new_array(struct crf_thread, (size_t)k->in_flight);

	crf_mutex_init(&pool.mu);
	crf_cond_init(&pool.work);
	pool.ready_end = &pool.ready;
	pool.us = (useconds_t)k->job_us;
	raw_jobs_init(&pool.jobs, k, IN_HAND);
	for (int i = 0; i < k->in_flight; i++)
		crf_thread_start(&threads[i], "job", work, NULL);
	while (!is_over())
		feed();
	for (int i = 0; i < k->in_flight; i++)
		crf_thread_join(&threads[i]);
	raw_jobs_fini(&pool.jobs);
	free(threads);
}

/* ------------------------------------------------------------------------------------------------ carafe */

static struct bench_latch all;

static carafe_rc
on_message(carafe_consumer *c, const carafe_message *m)
{
	struct keyed_job job = keyed_started(m->key.data, m->value.data);

	(void)c;
	usleep(pool.us);
	if (keyed_ended(job))
		bench_latch_count(&all);
	return CARAFE_OK;
}

static const carafe_handler handler = { .message = on_message };

void
keyed_threads_carafe(const struct keyed *k)
{
	carafe *app = carafe_new(.client_id = "bench", .concurrency = k->in_flight,
	    .kafka = CARAFE_KV({ "bootstrap.servers", k->brokers }));

	pool.us = (useconds_t)k->job_us;
	bench_latch_init(&all, 1);
	carafe_keys(carafe_route(carafe_group(app, bench_fresh_name("carafe-bench")), k->topic, .handler = &handler,
			.max_messages = IN_HAND),
	    .max = k->in_flight);
	bench_app_start(app);
	bench_latch_wait(&all);
	bench_app_end(app);
}
