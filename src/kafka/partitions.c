/* Lists of partitions, carafe's and librdkafka's. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/mem.h"
#include "kafka/native.h"

struct crf_partition *
crf_partitions_add(struct crf_partitions *l, const char *topic, int32_t partition)
{
	if (l->count == l->cap) {
		l->cap = l->cap > 0 ? 2 * l->cap : 8;
		l->items = crf_realloc(l->items, l->cap, sizeof(*l->items));
	}
	l->items[l->count] = (struct crf_partition){
		.topic = crf_strdup(topic),
		.partition = partition,
		.leader_epoch = -1,
		.offset = CRF_OFFSET_NONE,
	};
	return &l->items[l->count++];
}

struct crf_partition *
crf_partitions_find(const struct crf_partitions *l, const char *topic, int32_t partition)
{
	for (size_t i = 0; i < l->count; i++)
		if (l->items[i].partition == partition && strcmp(l->items[i].topic, topic) == 0)
			return &l->items[i];
	return NULL;
}

void
crf_partitions_fini(struct crf_partitions *l)
{
	for (size_t i = 0; i < l->count; i++) {
		free(l->items[i].topic);
		free(l->items[i].metadata);
	}
	free(l->items);
	*l = (struct crf_partitions){ 0 };
}

/* ------------------------------------------------------------------------------------------------ as text */

static int
by_topic_and_number(const void *a, const void *b)
{
	const struct crf_partition *p = *(const struct crf_partition *const *)a;
	const struct crf_partition *q = *(const struct crf_partition *const *)b;
	int order = strcmp(p->topic, q->topic);

	return order != 0 ? order : (p->partition > q->partition) - (p->partition < q->partition);
}

static const struct crf_partition **
sorted(const struct crf_partitions *l)
{
	const struct crf_partition **all = crf_new_array(const struct crf_partition *, l->count);

	for (size_t i = 0; i < l->count; i++)
		all[i] = &l->items[i];
	qsort(all, l->count, sizeof(*all), by_topic_and_number);
	return all;
}

/* The first after i that does not continue the run of consecutive numbers that starts at i. */
static size_t
run_end(const struct crf_partition *const *all, size_t count, size_t i)
{
	size_t end = i + 1;

	while (end < count && strcmp(all[end]->topic, all[i]->topic) == 0 &&
	    all[end]->partition == all[end - 1]->partition + 1)
		end++;
	return end;
}

static void
add_run(struct crf_buf *b, const struct crf_partition *first, const struct crf_partition *last)
{
	crf_buf_printf(b, "%d", first->partition);
	if (last->partition > first->partition)
		crf_buf_printf(b, "-%d", last->partition);
}

char *
crf_partitions_text(const struct crf_partitions *l, size_t max)
{
	const struct crf_partition **all = sorted(l);
	const char *topic = NULL;
	struct crf_buf b = { 0 };
	size_t i = 0;

	crf_buf_add(&b, "", 0);
	while (i < l->count && (i == 0 || b.len < max)) {
		size_t end = run_end(all, l->count, i);

		if (topic != NULL && strcmp(topic, all[i]->topic) == 0)
			crf_buf_putc(&b, ',');
		else
			crf_buf_printf(&b, "%s%s[", topic == NULL ? "" : "] ", all[i]->topic);
		add_run(&b, all[i], all[end - 1]);
		topic = all[i]->topic;
		i = end;
	}
	if (topic != NULL)
		crf_buf_putc(&b, ']');
	if (i < l->count)
		crf_buf_printf(&b, " ... and %zu more", l->count - i);
	free(all);
	return crf_buf_take(&b);
}

char *
crf_positions_text(const struct crf_partitions *l, size_t max)
{
	const struct crf_partition **all = sorted(l);
	struct crf_buf b = { 0 };
	size_t i;

	crf_buf_add(&b, "", 0);
	for (i = 0; i < l->count && (i == 0 || b.len < max); i++)
		crf_buf_printf(&b, "%s%s[%d]@%" PRId64, i > 0 ? " " : "", all[i]->topic, all[i]->partition, all[i]->offset);
	if (i < l->count)
		crf_buf_printf(&b, " ... and %zu more", l->count - i);
	free(all);
	return crf_buf_take(&b);
}

/* ------------------------------------------------------------------------------------------------ librdkafka's */

static void
fill_native(rd_kafka_topic_partition_t *to, const struct crf_partition *p)
{
	to->offset = p->offset;
	rd_kafka_topic_partition_set_leader_epoch(to, p->leader_epoch);
	if (p->metadata != NULL) { /* librdkafka frees it, hence its allocator */
		to->metadata_size = strlen(p->metadata);
		to->metadata = rd_kafka_mem_malloc(NULL, to->metadata_size + 1);
		memcpy(to->metadata, p->metadata, to->metadata_size + 1);
	}
}

rd_kafka_topic_partition_list_t *
crf_native_list(const struct crf_partitions *l)
{
	rd_kafka_topic_partition_list_t *native = rd_kafka_topic_partition_list_new((int)l->count);

	for (size_t i = 0; i < l->count; i++)
		fill_native(rd_kafka_topic_partition_list_add(native, l->items[i].topic, l->items[i].partition),
		    &l->items[i]);
	return native;
}

void
crf_native_list_read(struct crf_partitions *l, const rd_kafka_topic_partition_list_t *native)
{
	for (int i = 0; native != NULL && i < native->cnt; i++) {
		const rd_kafka_topic_partition_t *from = &native->elems[i];
		struct crf_partition *p = crf_partitions_add(l, from->topic, from->partition);

		p->offset = from->offset;
		p->leader_epoch = rd_kafka_topic_partition_get_leader_epoch(from);
		p->error = from->err;
		if (from->metadata != NULL)
			p->metadata = crf_strndup(from->metadata, from->metadata_size);
	}
}
