/* Errands: what must be asked of brokers while neither a worker nor the connection waits for it. A lane that seeks takes no
 * turns until its errand is done; a thread, made when there is a first one, runs them one after another. One that cannot be
 * done yet (the partition is not fetched from, its leader is away) goes to the end of the line until it can. */
#include <stdlib.h>

#include "connection/priv.h"
#include "core/error.h"

#define TRY_MS 1000                /* for one answer */
#define AGAIN (50 * CRF_MS)
#define PATIENCE (30 * CRF_SECOND) /* then the lane goes on where it was */

struct crf_errand {
	struct crf_list link;
	struct crf_epoch *epoch;
	struct crf_position to;
	crf_seek_fn *done;
	void *arg;
	crf_ns until;
};

static void
finish(struct crf_errand *x, int64_t offset, const carafe_error *err)
{
	x->done(x->arg, offset, err);
	free(x);
}

static void
refuse(struct crf_errand *x)
{
	carafe_error err = { 0 };

	crf_error(&err, CARAFE_LOST, "the partition is no longer owned");
	finish(x, -1, &err);
}

static bool
may_pass(const carafe_error *err)
{
	return err->rc == CARAFE_STATE || err->rc == CARAFE_TIMEOUT || crf_kafka_error_retriable(err->kafka);
}

/* Who may not ask what is committed cannot commit either. */
static carafe_rc
seek(struct crf_client *c, const struct crf_errand *x, int64_t *offset, carafe_error *err)
{
	const char *topic = x->epoch->topic->name;
	carafe_rc rc = crf_epoch_learn_floor(x->epoch, TRY_MS, err);

	if (rc != CARAFE_OK && may_pass(err))
		return rc;
	*err = (carafe_error){ 0 };
	rc = crf_client_find_offset(c, topic, x->epoch->partition, x->to, TRY_MS, offset, err);
	if (rc != CARAFE_OK || !crf_epoch_owned(x->epoch))
		return rc;
	return crf_client_seek(c, topic, x->epoch->partition, *offset, TRY_MS, err);
}

/* True when it is done with, one way or the other. */
static bool
run_errand(struct crf_connection *c, struct crf_errand *x)
{
	carafe_error err = { 0 };
	int64_t offset = -1;

	if (!crf_epoch_owned(x->epoch) || atomic_load(&c->errands_over)) {
		refuse(x);
		return true;
	}
	if (seek(c->client, x, &offset, &err) != CARAFE_OK && may_pass(&err) && crf_now() < x->until)
		return false;
	finish(x, offset, &err);
	return true;
}

/* The client stays as long as this thread. */
static void *
run(void *arg)
{
	struct crf_connection *c = arg;

	crf_lock(&c->mu);
	while (!crf_list_empty(&c->errands) || !atomic_load(&c->errands_over)) {
		struct crf_errand *x;
		bool done;

		if (crf_list_empty(&c->errands)) {
			crf_cond_wait(&c->errand, &c->mu);
			continue;
		}
		x = crf_container_of(crf_list_pop(&c->errands), struct crf_errand, link);
		crf_unlock(&c->mu);
		done = run_errand(c, x);
		crf_lock(&c->mu);
		if (done)
			continue;
		crf_list_append(&c->errands, &x->link);
		crf_cond_wait_until(&c->errand, &c->mu, crf_now() + AGAIN);
	}
	crf_unlock(&c->mu);
	return NULL;
}

void
crf_epoch_seek(struct crf_epoch *e, struct crf_position to, crf_seek_fn *done, void *arg)
{
	struct crf_connection *c = e->connection;
	struct crf_errand *x = crf_new(struct crf_errand);
	bool over;

	*x = (struct crf_errand){ .epoch = e, .to = to, .done = done, .arg = arg, .until = crf_now() + PATIENCE };
	crf_lock(&c->mu);
	over = e->generation != c->generation || atomic_load(&c->errands_over);
	if (!over) {
		crf_list_append(&c->errands, &x->link);
		crf_cond_signal(&c->errand);
		if (!c->errand_thread.started)
			crf_thread_start(&c->errand_thread, "crf-errands", run, c);
	}
	crf_unlock(&c->mu);
	if (over)
		refuse(x);
}

void
crf_errands_begin(struct crf_connection *c)
{
	atomic_store(&c->errands_over, false);
}

void
crf_errands_end(struct crf_connection *c)
{
	crf_lock(&c->mu);
	atomic_store(&c->errands_over, true);
	crf_cond_signal(&c->errand);
	crf_unlock(&c->mu);
	crf_thread_join(&c->errand_thread);
}
