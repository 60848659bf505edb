/* Since when a connection has been on its way to having its partitions, for those who ask whether starting anew would help. It has
 * them once an assignment is answered, an empty one too; until then it gives some up, waits in a join, or makes clients anew that
 * fail one after another.
 *
 * librdkafka does not say that it waits in a join. With the classic protocol every join ends with an assignment, so the coordinator
 * is asked: only a member of a group that rebalances waits. Topics that are not there, brokers that are away, or that do not let
 * this one in, are different matters, which others report and nobody mends by starting anew. With KIP-848 there is no join to wait
 * in: the first answer of the coordinator makes a member, and nobody tells one that has nothing. */
#include "connection/priv.h"

#define ASK_MS 1000
#define ASK_EVERY (5 * CRF_SECOND) /* most joins are over before the first time */
#define MENDED (60 * CRF_SECOND)   /* a client that lives for so long without failing */

static void
begin(struct crf_connection *c, crf_ns now)
{
	if (atomic_load(&c->underway) == 0)
		atomic_store(&c->underway, now);
}

void
crf_underway_begin(struct crf_connection *c)
{
	crf_ns now = crf_now();

	c->answered = false;
	c->ask_at = now + ASK_EVERY;
	begin(c, now);
}

void
crf_underway_failed(struct crf_connection *c)
{
	c->failed_at = crf_now();
	crf_underway_begin(c);
}

void
crf_underway_end(struct crf_connection *c)
{
	c->answered = true;
	atomic_store(&c->underway, 0);
}

void
crf_underway_serve(struct crf_connection *c, crf_ns now)
{
	bool asks = crf_connection_is_classic(c) && c->subscribed && c->reached;

	if (c->answered || c->revoke.step != CRF_REVOKE_NONE || c->phase != CRF_CONNECTION_RUNNING || (asks && now < c->ask_at))
		return;
	c->ask_at = now + ASK_EVERY;
	if (asks && crf_client_is_joining(c->client, c->spec->group, ASK_MS))
		begin(c, now);
	else if (c->failed_at == 0 || now > c->failed_at + MENDED)
		atomic_store(&c->underway, 0);
}
