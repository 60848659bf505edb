/* Jobs that need no thread: whoever waits for them is a timer wheel. */
#include <stdatomic.h>
#include <stdlib.h>

#include "app.h"
#include "core/mem.h"
#include "keyed_raw.h"

/* ------------------------------------------------------------------------------------------------ librdkafka alone */

static crf_ns job_time;

static void
start_job(struct raw_job *job, void *wheel)
{
	job->is = keyed_started(job->message->key, job->message->payload);
	wheel_add(wheel, &job->timer, crf_now() + job_time);
}

static bool
finish_jobs(struct raw_jobs *j, struct wheel *wheel, struct wheel_job *ended)
{
	bool over = false;

	for (struct wheel_job *next; ended != NULL; ended = next) {
		struct raw_job *job = (struct raw_job *)ended, *behind;

		next = ended->next;
		over = keyed_ended(job->is) || over;
		if ((behind = raw_job_done(j, job)) != NULL)
			start_job(behind, wheel);
	}
	raw_jobs_pass(j);
	return over;
}

/* One thread does everything. */
void
keyed_async_peer(const struct keyed *k)
{
	struct wheel *wheel = crf_new(struct wheel);
	rd_kafka_message_t *messages[RAW_JOBS_TAKE];
	bool over = false;
	struct raw_jobs j;

	job_time = k->job_us * (CRF_MS / 1000);
	raw_jobs_init(&j, k, k->in_flight);
	wheel_init(wheel, crf_now());
	while (!over) {
		struct wheel_job *ended = wheel_ended(wheel, crf_now());
		int n;

		over = finish_jobs(&j, wheel, ended);
		n = raw_jobs_poll(&j, 0, messages);
		raw_jobs_add(&j, messages, n, start_job, wheel);
		if (n == 0 && ended == NULL)
			wheel_sleep();
	}
	raw_jobs_fini(&j);
	free(wheel);
}

/* ------------------------------------------------------------------------------------------------ carafe */

struct job {
	struct wheel_job timer;
	carafe_deferred *deferred;
	struct keyed_job is;
};

static struct {
	struct crf_mutex mu; /* the wheel */
	struct wheel wheel;
	struct crf_thread thread;
	atomic_bool over;
	struct bench_latch all;
} async;

static carafe_rc
on_message(carafe_consumer *c, const carafe_message *m)
{
	struct job *job = crf_new(struct job);

	job->is = keyed_started(m->key.data, m->value.data);
	job->deferred = carafe_defer(c);
	crf_lock(&async.mu);
	wheel_add(&async.wheel, &job->timer, crf_now() + job_time);
	crf_unlock(&async.mu);
	return CARAFE_PENDING;
}

static void
end_job(struct job *job)
{
	bool last = keyed_ended(job->is);

	if (carafe_complete(job->deferred, CARAFE_OK, NULL) != CARAFE_OK)
		bench_die("keyed: a job cannot be completed");
	free(job);
	if (last)
		bench_latch_count(&async.all);
}

static void *
end_jobs(void *arg)
{
	(void)arg;
	while (!atomic_load(&async.over)) {
		struct wheel_job *ended, *next;

		wheel_sleep();
		crf_lock(&async.mu);
		ended = wheel_ended(&async.wheel, crf_now());
		crf_unlock(&async.mu);
		for (; ended != NULL; ended = next) {
			next = ended->next;
			end_job((struct job *)ended);
		}
	}
	return NULL;
}

static const carafe_handler handler = { .message = on_message };

static carafe *
draw(const struct keyed *k, carafe_route **route)
{
	carafe *app = carafe_new(.client_id = "bench", .kafka = CARAFE_KV({ "bootstrap.servers", k->brokers }));

	*route = carafe_route(carafe_group(app, bench_fresh_name("carafe-bench")), k->topic, .handler = &handler,
	    .max_messages = k->in_flight);
	return app;
}

static void
run(const struct keyed *k, carafe *app)
{
	job_time = k->job_us * (CRF_MS / 1000);
	crf_mutex_init(&async.mu);
	wheel_init(&async.wheel, crf_now());
	bench_latch_init(&async.all, 1);
	crf_thread_start(&async.thread, "wheel", end_jobs, NULL);
	bench_app_start(app);
	bench_latch_wait(&async.all);
	bench_app_end(app);
	atomic_store(&async.over, true);
	crf_thread_join(&async.thread);
}

/* Keys come in turn, so with as many messages in hand as there are keys no two of one key are in flight. */
void
keyed_async_carafe(const struct keyed *k)
{
	carafe_route *route;

	run(k, draw(k, &route));
}

/* Whatever the order of keys. */
void
keyed_async_keys(const struct keyed *k)
{
	carafe_route *route;
	carafe *app = draw(k, &route);

	carafe_keys(route, .max = k->in_flight);
	run(k, app);
}
