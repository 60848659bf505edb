#include "work/batch.h"

#include <stdlib.h>

#include "core/mem.h"

struct carafe_batch *
crf_batch_new(size_t cap)
{
	struct carafe_batch *b = crf_realloc(NULL, 1, sizeof(*b) + cap * sizeof(b->messages[0]));

	*b = (struct carafe_batch){ 0 }; /* messages are filled in as they come */
	crf_list_init(&b->link);
	b->cap = cap;
	return b;
}

void
crf_batch_free(struct carafe_batch *b)
{
	free(b);
}

#define check_batch(b) crf_check_given((b), "batch", "the one that the handler is given, while it runs")

size_t
carafe_batch_count(const carafe_batch *b)
{
	check_batch(b);
	return b->limit - b->head;
}

const carafe_message *
carafe_batch_at(const carafe_batch *b, size_t i)
{
	check_batch(b);
	return i < b->limit - b->head ? &b->messages[b->head + i] : NULL;
}

const carafe_message *
carafe_batch_next(const carafe_batch *b, const carafe_message *m)
{
	check_batch(b);
	return m + 1 < &b->messages[b->limit] ? m + 1 : NULL;
}
