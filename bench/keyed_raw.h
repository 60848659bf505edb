/* What is written by hand around a bare consumer: which jobs are in hand, whose turn it is key by key, what may be stored as
 * consumed. Not for several threads at once. */
#ifndef CRF_BENCH_KEYED_RAW_H
#define CRF_BENCH_KEYED_RAW_H

#include "keyed.h"
#include "raw.h"
#include "wheel.h"

#define RAW_JOBS_TAKE 1000 /* at once */

struct raw_job {
	struct wheel_job timer; /* or the place among those that are ready */
	struct raw_job *behind; /* the next of its key */
	rd_kafka_message_t *message;
	struct keyed_job is;
	bool done;
};

struct raw_jobs {
	rd_kafka_t *rk;
	rd_kafka_queue_t *queue;
	int most;             /* in hand */
	struct raw_job *ring; /* in hand: from head to tail */
	int64_t head, tail;
	struct raw_job **last; /* of each key; NULL: idle */
};

void raw_jobs_init(struct raw_jobs *j, const struct keyed *k, int most);
void raw_jobs_fini(struct raw_jobs *j);
/* Polls for as many messages as there is room for, waiting so long at most. The thread that passes; needs no lock. */
int raw_jobs_poll(struct raw_jobs *j, int timeout_ms, rd_kafka_message_t *messages[RAW_JOBS_TAKE]);
/* Calls ready with each job whose turn it is. */
void raw_jobs_add(struct raw_jobs *j, rd_kafka_message_t **messages, int count, void (*ready)(struct raw_job *job, void *arg), void *arg);
/* It has ended: the next of its key, whose turn it is now; NULL: none. */
struct raw_job *raw_job_done(struct raw_jobs *j, struct raw_job *job);
/* Forgets what was done in order, and stores the offset. */
void raw_jobs_pass(struct raw_jobs *j);

#endif
