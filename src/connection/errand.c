/* Errands: what must be asked of brokers while neither a worker nor the connection waits for it. A lane that seeks, or wants to
 * know what is committed, takes no turns until its errand is done; a thread, made when there is a first one, runs them one after
 * another, and asks what is committed for all that want to know at once. One that cannot be done yet (the partition is not
 * fetched from, its leader or the coordinator is away) goes to the end of the line until it can. */
#include <stdlib.h>

#include "connection/priv.h"
#include "core/error.h"

#define TRY_MS 1000                /* for one answer */
#define AGAIN (50 * CRF_MS)
#define PATIENCE (30 * CRF_SECOND) /* then the lane goes on where it was, knowing nothing */

struct crf_errand {
	struct crf_list link;
	struct crf_epoch *epoch;
	struct crf_position to;
	crf_seek_fn *sought;
	crf_committed_fn *told; /* NULL: a seek */
	void *arg;
	crf_ns until;
};

/* metadata is given away. */
static void
finish(struct crf_errand *x, int64_t offset, char *metadata, const carafe_error *err)
{
	if (x->told != NULL)
		x->told(x->arg, offset, metadata, err);
	else
		x->sought(x->arg, offset, err);
	free(x);
}

static carafe_rc
lost(carafe_error *err)
{
	return crf_error(err, CARAFE_LOST, "the partition is no longer owned");
}

static void
refuse(struct crf_errand *x)
{
	carafe_error err = { 0 };

	lost(&err);
	finish(x, -1, NULL, &err);
}

static bool
is_passing(const carafe_error *err)
{
	return err->rc == CARAFE_STATE || err->rc == CARAFE_TIMEOUT || crf_kafka_error_retriable(err->kafka);
}

/* It is to be tried again. */
static bool
may_pass(const struct crf_errand *x, const carafe_error *err)
{
	return is_passing(err) && crf_now() < x->until;
}

/* librdkafka seeks for whoever has the partition by then, so the epoch's end waits: what comes first is done first. */
static carafe_rc
seek_if_owned(struct crf_client *c, struct crf_epoch *e, int64_t offset, carafe_error *err)
{
	carafe_rc rc;

	crf_lock(&e->mu);
	if (crf_epoch_owned(e))
		rc = crf_client_seek(c, e->topic->name, e->partition, offset, TRY_MS, err);
	else
		rc = lost(err);
	crf_unlock(&e->mu);
	return rc;
}

/* Who may not ask what is committed cannot commit either. */
static carafe_rc
find_and_seek(struct crf_client *c, const struct crf_errand *x, int64_t *offset, carafe_error *err)
{
	carafe_rc rc = crf_epoch_learn_floor(x->epoch, TRY_MS, err);

	if (rc != CARAFE_OK && is_passing(err))
		return rc;
	*err = (carafe_error){ 0 };
	rc = crf_client_find_offset(c, x->epoch->topic->name, x->epoch->partition, x->to, TRY_MS, offset, err);
	return rc == CARAFE_OK ? seek_if_owned(c, x->epoch, *offset, err) : rc;
}

static void
seek(struct crf_connection *c, struct crf_errand *x)
{
	carafe_error err = { 0 };
	int64_t offset = -1;

	if (find_and_seek(c->client, x, &offset, &err) != CARAFE_OK && may_pass(x, &err))
		return;
	crf_list_remove(&x->link);
	finish(x, offset, NULL, &err);
}

static void
tell(struct crf_errand *x, struct crf_partition *p, carafe_error err)
{
	char *metadata = p->metadata;

	if (crf_committed_said(p, &err) != CARAFE_OK && may_pass(x, &err))
		return;
	crf_list_remove(&x->link);
	p->metadata = NULL;
	finish(x, p->offset, metadata, &err);
}

static void
ask_committed(struct crf_connection *c, const struct crf_list *questions)
{
	struct crf_partitions l = { 0 };
	struct crf_partition *p;
	carafe_error err = { 0 };

	crf_list_each (x, questions, struct crf_errand, link)
		crf_partitions_add(&l, x->epoch->topic->name, x->epoch->partition);
	crf_client_committed(c->client, &l, TRY_MS, &err);
	p = l.items;
	crf_list_each (x, questions, struct crf_errand, link)
		tell(x, p++, err);
	crf_partitions_fini(&l);
}

/* A seek, or questions. What must be tried again stays in the list. */
static void
run_errands(struct crf_connection *c, struct crf_list *l)
{
	crf_list_each (x, l, struct crf_errand, link)
		if (!crf_epoch_owned(x->epoch) || atomic_load(&c->errands_over)) {
			crf_list_remove(&x->link);
			refuse(x);
		}
	if (crf_list_empty(l))
		return;
	struct crf_errand *first = crf_container_of(l->next, struct crf_errand, link);
	if (first->told != NULL)
		ask_committed(c, l);
	else
		seek(c, first);
}

/* mu held. The next one; if it is a question, all others with it. */
static void
take(struct crf_connection *c, struct crf_list *out)
{
	bool asks = crf_container_of(c->errands.next, struct crf_errand, link)->told != NULL;

	crf_list_init(out);
	crf_list_each (x, &c->errands, struct crf_errand, link)
		if (asks ? x->told != NULL : crf_list_empty(out)) {
			crf_list_remove(&x->link);
			crf_list_append(out, &x->link);
		}
}

/* The client stays as long as this thread. */
static void *
run(void *arg)
{
	struct crf_connection *c = arg;
	struct crf_list now;

	crf_lock(&c->mu);
	while (!crf_list_empty(&c->errands) || !atomic_load(&c->errands_over)) {
		if (crf_list_empty(&c->errands)) {
			crf_cond_wait(&c->errand, &c->mu);
			continue;
		}
		take(c, &now);
		crf_unlock(&c->mu);
		run_errands(c, &now);
		crf_lock(&c->mu);
		if (crf_list_empty(&now))
			continue;
		crf_list_move(&c->errands, &now);
		crf_cond_wait_until(&c->errand, &c->mu, crf_now() + AGAIN);
	}
	crf_unlock(&c->mu);
	return NULL;
}

static void
add(struct crf_epoch *e, struct crf_errand errand)
{
	struct crf_connection *c = e->connection;
	struct crf_errand *x = crf_memdup(&errand, sizeof(errand));
	bool over;

	x->epoch = e;
	x->until = crf_now() + PATIENCE;
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
crf_epoch_seek(struct crf_epoch *e, struct crf_position to, crf_seek_fn *done, void *arg)
{
	add(e, (struct crf_errand){ .to = to, .sought = done, .arg = arg });
}

void
crf_epoch_ask_committed(struct crf_epoch *e, crf_committed_fn *done, void *arg)
{
	add(e, (struct crf_errand){ .told = done, .arg = arg });
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
