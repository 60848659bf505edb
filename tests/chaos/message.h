/* What the number of a message says about it: it is the message's value, counted from 1 in each partition. */
#ifndef CHAOS_MESSAGE_H
#define CHAOS_MESSAGE_H

#include <stdbool.h>

#define CHAOS_PARTITIONS 6
#define CHAOS_KEYS 12
#define CHAOS_IN_HAND 20 /* max_messages of members */

static inline int
chaos_key(int number)
{
	return (int)((unsigned)number * 2654435761U >> 8) % CHAOS_KEYS;
}

/* No handler can do it: it belongs into the dead letter queue, where there is one. */
static inline bool
chaos_is_poison(int number)
{
	return number % 41 == 7;
}

#endif
