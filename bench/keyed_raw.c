#include "keyed_raw.h"

#include <stdlib.h>
#include <string.h>

#include "core/mem.h"

void
raw_jobs_init(struct raw_jobs *j, const struct keyed *k, int most)
{
	*j = (struct raw_jobs){ .most = most };
	j->rk = raw_consumer(k->brokers, k->topic,
	    CARAFE_KV({ "enable.auto.offset.store", "false" }, { "fetch.queue.backoff.ms", "10" }));
	j->queue = rd_kafka_queue_get_consumer(j->rk);
	j->ring = crf_new_array(struct raw_job, (size_t)most);
	j->last = crf_new_array(struct raw_job *, (size_t)k->keys);
}

void
raw_jobs_fini(struct raw_jobs *j)
{
	raw_jobs_pass(j);
	for (; j->head < j->tail; j->head++)
		rd_kafka_message_destroy(j->ring[j->head % j->most].message);
	rd_kafka_queue_destroy(j->queue);
	raw_consumer_free(j->rk);
	free(j->last);
	free(j->ring);
}

static struct raw_job *
add(struct raw_jobs *j, rd_kafka_message_t *m)
{
	struct raw_job *job = &j->ring[j->tail++ % j->most];

	*job = (struct raw_job){ .message = m };
	memcpy(&job->is.key, m->key, sizeof(job->is.key));
	return job;
}

int
raw_jobs_poll(struct raw_jobs *j, int timeout_ms, rd_kafka_message_t *messages[RAW_JOBS_TAKE])
{
	int64_t room = j->most - (j->tail - j->head);
	ssize_t n = 0;

	if (room > 0)
		n = rd_kafka_consume_batch_queue(j->queue, timeout_ms, messages, (size_t)(room < RAW_JOBS_TAKE ? room : RAW_JOBS_TAKE));
	return n > 0 ? (int)n : 0;
}

void
raw_jobs_add(struct raw_jobs *j, rd_kafka_message_t **messages, int count, void (*ready)(struct raw_job *job, void *arg), void *arg)
{
	for (int i = 0; i < count; i++) {
		struct raw_job *job, **last;

		if (messages[i]->err != 0) {
			rd_kafka_message_destroy(messages[i]);
			continue;
		}
		job = add(j, messages[i]);
		last = &j->last[job->is.key];
		if (*last != NULL)
			(*last)->behind = job;
		else
			ready(job, arg);
		*last = job;
	}
}

struct raw_job *
raw_job_done(struct raw_jobs *j, struct raw_job *job)
{
	job->done = true;
	if (job->behind == NULL)
		j->last[job->is.key] = NULL;
	return job->behind;
}

void
raw_jobs_pass(struct raw_jobs *j)
{
	for (; j->head < j->tail && j->ring[j->head % j->most].done; j->head++) {
		struct raw_job *job = &j->ring[j->head % j->most];
		bool is_last = j->head + 1 == j->tail || !j->ring[(j->head + 1) % j->most].done;

		if (is_last)
			rd_kafka_offset_store_message(job->message);
		rd_kafka_message_destroy(job->message);
	}
}
