/* Multiplexed connections whose number follows the group: one more while a copy has more than one partition, one less while
 * a copy has none. At most one change in a group at a time, and only when it has been at rest for scale_delay. All of it on the
 * keeper. */
#include <stdlib.h>
#include <string.h>

#include "app/engine.h"

/* The copies of one connection now. */
struct family {
	int count;     /* none of which is on its way out */
	bool settled;
	int most;      /* partitions of the copy that has the most */
	struct crf_connection *idle; /* the last that has none */
	crf_ns changed;
};

static bool
in_group(const struct crf_connection *c, const struct crf_connection_spec *spec)
{
	return strcmp(crf_connection_spec(c)->group, spec->group) == 0;
}

static void
count_copy(struct family *f, struct crf_connection *c)
{
	int partitions = crf_connection_assigned(c);

	f->count++;
	f->settled = f->settled && (partitions == 0 || crf_connection_steady(c)); /* with KIP-848 nobody tells who has none */
	if (partitions > f->most)
		f->most = partitions;
	if (partitions == 0 && (f->idle == NULL || crf_connection_copy(c) > crf_connection_copy(f->idle)))
		f->idle = c;
}

static struct family
look_at(const struct crf_engine *e, const struct crf_connection_spec *spec)
{
	struct family f = { .settled = true };

	for (size_t i = 0; i < e->connection_count; i++) {
		struct crf_connection *c = e->connections[i];

		if (!in_group(c, spec))
			continue;
		if (crf_connection_rebalanced(c) > f.changed)
			f.changed = crf_connection_rebalanced(c);
		if (crf_connection_stopping(c))
			f.settled = false;
		else if (crf_connection_spec(c) == spec)
			count_copy(&f, c);
	}
	return f;
}

/* The lowest number that no copy has. */
static int
free_number(const struct crf_engine *e, const struct crf_connection_spec *spec)
{
	bool taken;
	int n = -1;

	do {
		taken = false;
		n++;
		for (size_t i = 0; i < e->connection_count; i++)
			taken = taken || (crf_connection_spec(e->connections[i]) == spec && crf_connection_copy(e->connections[i]) == n);
	} while (taken);
	return n;
}

static void
report(struct crf_engine *e, const struct crf_connection_spec *spec, int from, int to)
{
	CRF_EMIT(e->app->bus, CARAFE_EV_CONNECTION_SCALED, CRF_STR(GROUP, spec->group), CRF_STR(CONNECTION, spec->name),
	    CRF_INT(FROM, from), CRF_INT(TO, to));
}

static void
add_copy(struct crf_engine *e, const struct crf_connection_spec *spec)
{
	struct crf_connection *c = crf_engine_connect(e, spec, free_number(e, spec));

	crf_connection_be_patient(c);
	crf_connection_start(c);
}

static void
scale_family(struct crf_engine *e, const struct crf_connection_spec *spec, crf_ns now)
{
	const struct crf_multiplex *m = &spec->multiplex;
	struct family f = look_at(e, spec);

	if (!f.settled || now - f.changed < m->scale_delay * CRF_MS)
		return;
	if (f.idle != NULL && f.count > m->min) {
		crf_connection_stop(f.idle);
		report(e, spec, f.count, f.count - 1);
	} else if (f.idle == NULL && f.most > 1 && f.count < m->max) {
		add_copy(e, spec);
		report(e, spec, f.count, f.count + 1);
	}
}

/* Those that were told to go and have gone. */
static void
reap(struct crf_engine *e)
{
	for (size_t i = e->connection_count; i-- > 0;) {
		struct crf_connection *c = e->connections[i];

		if (!crf_connection_stopping(c) || !crf_connection_over(c) || !crf_connection_released(c))
			continue;
		crf_lock(&e->app->mu);
		memmove(&e->connections[i], &e->connections[i + 1], (--e->connection_count - i) * sizeof(struct crf_connection *));
		e->stopped--;
		crf_unlock(&e->app->mu);
		crf_connection_free(c);
	}
}

void
crf_engine_scale(struct crf_engine *e, crf_ns now)
{
	const struct crf_routing *r = &e->app->routing;

	if (atomic_load(&e->app->stop) || atomic_load(&e->app->quiet) || carafe_status_of(e->app) != CARAFE_RUNNING)
		return;
	reap(e);
	for (size_t i = 0; i < r->count; i++)
		if (r->connections[i].active && r->connections[i].multiplex.min < r->connections[i].multiplex.max)
			scale_family(e, &r->connections[i], now);
}
