/* Since when a connection has been on its way to having its partitions, for those who ask whether starting anew would help. It has
 * them once an assignment is answered, an empty one too; until then it gives some up, waits in a join, or makes clients anew that
 * fail one after another.
 *
 * That it waits in a join only librdkafka's statistics tell. Topics that are not there, brokers that are away, or that do not let
 * this one in, are different matters, which others report and nobody mends by starting anew. With KIP-848 there is no join to wait
 * in, and nobody tells a member that it has nothing.
 *
 * The coordinator could be asked what it makes of this member; but librdkafka aborts the process when that takes too long (its issue
 * 4605, seen with 2.15). */
#include "connection/priv.h"

#define MENDED (60 * CRF_SECOND) /* a client that lives for so long without failing */

static void
begin(struct crf_connection *c)
{
	if (atomic_load(&c->underway) == 0)
		atomic_store(&c->underway, crf_now());
}

void
crf_underway_begin(struct crf_connection *c)
{
	c->answered = c->joining = false;
	begin(c);
}

void
crf_underway_failed(struct crf_connection *c)
{
	c->failed_at = crf_now();
	crf_underway_begin(c);
}

void
crf_underway_let_go(struct crf_connection *c)
{
	c->answered = c->joining = false;
	atomic_store(&c->underway, 0);
}

void
crf_underway_end(struct crf_connection *c)
{
	c->answered = true;
	atomic_store(&c->underway, 0);
}

void
crf_underway_learn(struct crf_connection *c, const char *statistics)
{
	if (c->answered)
		return;
	c->joining = crf_client_joins(statistics);
	if (c->joining)
		begin(c);
}

void
crf_underway_serve(struct crf_connection *c, crf_ns now)
{
	bool waits = c->revoke.step != CRF_REVOKE_NONE || c->joining || c->phase != CRF_CONNECTION_RUNNING;

	if (!waits && (c->failed_at == 0 || now > c->failed_at + MENDED))
		atomic_store(&c->underway, 0);
}
