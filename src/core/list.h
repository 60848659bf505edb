/* Doubly linked list, intrusive: struct crf_list is both the head and the link inside an element. */
#ifndef CRF_CORE_LIST_H
#define CRF_CORE_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "core/mem.h"

struct crf_list {
	struct crf_list *prev;
	struct crf_list *next;
};

static inline void
crf_list_init(struct crf_list *l)
{
	l->prev = l->next = l;
}

static inline bool
crf_list_empty(const struct crf_list *l)
{
	return l->next == l;
}

static inline void
crf_list_append(struct crf_list *head, struct crf_list *item)
{
	item->prev = head->prev;
	item->next = head;
	head->prev->next = item;
	head->prev = item;
}

/* Safe on an item that is on no list, once it was initialised. */
static inline void
crf_list_remove(struct crf_list *item)
{
	item->prev->next = item->next;
	item->next->prev = item->prev;
	crf_list_init(item);
}

/* The first item taken off the list, NULL when empty. */
static inline struct crf_list *
crf_list_pop(struct crf_list *head)
{
	struct crf_list *item = head->next;

	if (item == head)
		return NULL;
	crf_list_remove(item);
	return item;
}

/* Moves all of from to the end of to. */
static inline void
crf_list_move(struct crf_list *to, struct crf_list *from)
{
	if (crf_list_empty(from))
		return;
	from->next->prev = to->prev;
	to->prev->next = from->next;
	from->prev->next = to;
	to->prev = from->prev;
	crf_list_init(from);
}

/* The item may be removed or freed inside the loop. */
#define crf_list_each(it, head, type, member)                                                                          \
	for (type *it = crf_container_of((head)->next, type, member),                                                  \
		  *it##_next = crf_container_of(it->member.next, type, member);                                        \
	     &it->member != (head); it = it##_next, it##_next = crf_container_of(it->member.next, type, member))

#endif
