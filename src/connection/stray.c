/* Stray fetchers. While librdkafka asks where a partition begins, since nothing is committed, the partition may be given up: the
 * answer is outdated then and sets the fetcher going all the same (seen with 2.15). When the partition comes back, librdkafka
 * asks the group where to go on, and hands out meanwhile what the stray fetches, from somewhere in the middle. So a partition
 * that was given up before anything had come of it is assigned with the offset to begin at, which ends the stray there and then,
 * and nothing is taken before. When nobody says what that offset is, the client goes, and the stray with it. */
#include <string.h>

#include "connection/priv.h"

#define ASK_MS 5000 /* liveness.polling_ttl is longer */

bool
crf_stray_suspected(const struct crf_connection *c, const char *topic, int32_t partition)
{
	return crf_partitions_find(&c->strays, topic, partition) != NULL;
}

void
crf_stray_suspect(struct crf_connection *c, const char *topic, int32_t partition)
{
	if (!crf_stray_suspected(c, topic, partition))
		crf_partitions_add(&c->strays, topic, partition);
}

/* Where a partition begins that nothing is committed for; with "error" it does not. */
static int64_t
reset_offset(const struct crf_connection *c)
{
	static const char *const beginning[] = { "smallest", "earliest", "beginning" }, *const end[] = { "largest", "latest", "end" };
	const char *reset = crf_kvs_get(&c->spec->kafka, "auto.offset.reset");

	for (size_t i = 0; reset != NULL && i < crf_array_len(beginning); i++)
		if (strcmp(reset, beginning[i]) == 0)
			return CRF_OFFSET_BEGINNING;
		else if (strcmp(reset, end[i]) == 0)
			return CRF_OFFSET_END;
	return CRF_OFFSET_NONE;
}

static void
begin_at(const struct crf_connection *c, struct crf_partition *to, const struct crf_partition *committed)
{
	to->offset = committed->offset >= 0 ? committed->offset : reset_offset(c);
	to->leader_epoch = committed->leader_epoch;
}

/* No longer than a member may be away from its client. */
static int
patience_ms(const struct crf_connection *c)
{
	int most = crf_connection_max_poll(c) / 2;

	return most < ASK_MS ? most : ASK_MS;
}

carafe_rc
crf_stray_end(struct crf_connection *c, struct crf_partitions *assigned, carafe_error *err)
{
	struct crf_partitions mine = { 0 }, others = { 0 };
	carafe_rc rc = CARAFE_OK;

	for (size_t i = 0; i < c->strays.count; i++) {
		const struct crf_partition *p = &c->strays.items[i];
		bool comes_back = crf_partitions_find(assigned, p->topic, p->partition) != NULL;

		crf_partitions_add(comes_back ? &mine : &others, p->topic, p->partition);
	}
	crf_client_committed(c->client, &mine, patience_ms(c), err);
	for (size_t i = 0; i < mine.count && rc == CARAFE_OK; i++)
		if ((rc = crf_committed_said(&mine.items[i], err)) == CARAFE_OK)
			begin_at(c, crf_partitions_find(assigned, mine.items[i].topic, mine.items[i].partition), &mine.items[i]);
	crf_partitions_fini(&mine);
	crf_partitions_fini(&c->strays);
	c->strays = others;
	return rc;
}
