/* What a group has committed for a partition. A handler that asks waits for the answer, on its worker: the client is there
 * meanwhile, since it goes only when the lane has released the epoch, or is kept for ever, when a handler hangs. Lanes ask by an
 * errand. */
#include <stdlib.h>

#include "connection/priv.h"
#include "core/error.h"

#define PATIENCE_MS 5000

static struct crf_client *
client_of(struct crf_epoch *e)
{
	struct crf_connection *c = e->connection;
	struct crf_client *client;

	crf_lock(&c->mu);
	client = crf_epoch_owned(e) && e->generation == c->generation ? c->client : NULL;
	crf_unlock(&c->mu);
	return client;
}

carafe_rc
crf_committed_said(const struct crf_partition *p, carafe_error *err)
{
	if (err->rc == CARAFE_OK && p->error != 0)
		crf_error_kafka(err, crf_kafka_rc(p->error), p->error, "%s", crf_kafka_error_text(p->error));
	return err->rc == CARAFE_OK ? CARAFE_OK : crf_error_prefix(err, err->rc, "%s[%d]", p->topic, p->partition);
}

static carafe_rc
find_committed(struct crf_epoch *e, int timeout_ms, int64_t *offset, char **metadata, carafe_error *err)
{
	struct crf_client *client = client_of(e);
	struct crf_partitions l = { 0 };
	carafe_error why = { 0 };

	if (client == NULL)
		return crf_error(err, CARAFE_LOST, "%s[%d] is no longer owned", e->topic->name, e->partition);
	crf_partitions_add(&l, e->topic->name, e->partition);
	crf_client_committed(client, &l, timeout_ms, &why);
	if (crf_committed_said(&l.items[0], &why) == CARAFE_OK) {
		*offset = l.items[0].offset;
		*metadata = l.items[0].metadata;
		l.items[0].metadata = NULL;
	} else if (err != NULL) {
		*err = why;
	}
	crf_partitions_fini(&l);
	return why.rc;
}

carafe_rc
crf_epoch_committed(struct crf_epoch *e, int64_t *offset, char **metadata, carafe_error *err)
{
	return find_committed(e, PATIENCE_MS, offset, metadata, err);
}

carafe_rc
crf_epoch_learn_floor(struct crf_epoch *e, int timeout_ms, carafe_error *err)
{
	char *metadata = NULL;
	int64_t floor;
	carafe_rc rc;

	if (crf_epoch_marked(e) != CRF_OFFSET_NONE)
		return CARAFE_OK;
	if ((rc = find_committed(e, timeout_ms, &floor, &metadata, err)) == CARAFE_OK && floor != CRF_OFFSET_NONE) {
		atomic_store_explicit(&e->floor, floor, memory_order_relaxed);
		atomic_store_explicit(&e->marked, floor, memory_order_release);
	}
	free(metadata);
	return rc;
}
