#include "work/spare.h"

#define ROOM 2048 /* for messages, in those of about one size; one of them may be larger */

static size_t
size_of(size_t cap)
{
	size_t size = 63 - (size_t)__builtin_clzll((unsigned long long)cap | 1);

	return size < CRF_SPARE_SIZES ? size : CRF_SPARE_SIZES - 1;
}

void
crf_spare_init(struct crf_spare *s)
{
	for (size_t i = 0; i < CRF_SPARE_SIZES; i++) {
		crf_list_init(&s->of[i].batches);
		s->of[i].room = 0;
	}
}

void
crf_spare_fini(struct crf_spare *s)
{
	for (size_t i = 0; i < CRF_SPARE_SIZES; i++)
		crf_list_each (b, &s->of[i].batches, struct carafe_batch, link)
			crf_batch_free(b);
}

struct carafe_batch *
crf_spare_take(struct crf_spare *s, size_t cap)
{
	size_t size = size_of(cap);
	struct crf_list *l;

	while ((l = crf_list_pop(&s->of[size].batches)) != NULL) {
		struct carafe_batch *b = crf_container_of(l, struct carafe_batch, link);

		s->of[size].room -= b->cap;
		if (b->cap >= cap) {
			b->count = b->head = b->limit = b->fresh = 0;
			return b;
		}
		crf_batch_free(b);
	}
	return crf_batch_new(cap);
}

void
crf_spare_keep(struct crf_spare *s, struct carafe_batch *b)
{
	size_t size = size_of(b->cap);

	if (s->of[size].room > 0 && s->of[size].room + b->cap > ROOM) {
		crf_batch_free(b);
		return;
	}
	crf_list_append(s->of[size].batches.next, &b->link); /* before the others: the warmest is used next */
	s->of[size].room += b->cap;
}
