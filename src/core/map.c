#include "core/map.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/hash.h"
#include "core/mem.h"

/* Open addressing with linear probing, at most 70 % full. Removing shifts the run behind the hole back, so there are no
 * tombstones and a run is never longer than the keys that are in it. Keys are configuration, not input: nobody floods
 * this hash. */
struct crf_map_slot {
	char *key; /* NULL: free */
	void *value;
	uint64_t hash;
};

static uint64_t
hash_of(const char *key)
{
	return crf_hash(key, strlen(key));
}

/* The key's slot, or the free one where it would go. There is always a free one. */
static struct crf_map_slot *
slot_of(const struct crf_map *m, const char *key, uint64_t hash)
{
	size_t i = hash & (m->cap - 1);

	while (m->slots[i].key != NULL && (m->slots[i].hash != hash || strcmp(m->slots[i].key, key) != 0))
		i = (i + 1) & (m->cap - 1);
	return &m->slots[i];
}

static void
grow(struct crf_map *m)
{
	struct crf_map old = *m;

	m->cap = old.cap ? 2 * old.cap : 16;
	m->slots = crf_new_array(struct crf_map_slot, m->cap);
	for (size_t i = 0; i < old.cap; i++)
		if (old.slots[i].key != NULL)
			*slot_of(m, old.slots[i].key, old.slots[i].hash) = old.slots[i];
	free(old.slots);
}

void *
crf_map_get(const struct crf_map *m, const char *key)
{
	return m->count > 0 ? slot_of(m, key, hash_of(key))->value : NULL;
}

void *
crf_map_put(struct crf_map *m, const char *key, void *value)
{
	uint64_t hash = hash_of(key);
	struct crf_map_slot *slot;
	void *before;

	if ((m->count + 1) * 10 > m->cap * 7)
		grow(m);
	slot = slot_of(m, key, hash);
	before = slot->value;
	if (slot->key == NULL) {
		*slot = (struct crf_map_slot){ .key = crf_strdup(key), .hash = hash };
		m->count++;
	}
	slot->value = value;
	return before;
}

/* Whether the key at i may move to the hole: only when its home is not between the two, or it would no longer be found. */
static bool
may_fill(const struct crf_map *m, size_t hole, size_t i)
{
	size_t home = m->slots[i].hash & (m->cap - 1);

	return ((i - home) & (m->cap - 1)) >= ((i - hole) & (m->cap - 1));
}

static void
close_hole(struct crf_map *m, size_t hole)
{
	size_t i = hole;

	while (i = (i + 1) & (m->cap - 1), m->slots[i].key != NULL) {
		if (may_fill(m, hole, i)) {
			m->slots[hole] = m->slots[i];
			hole = i;
		}
	}
	m->slots[hole] = (struct crf_map_slot){ 0 };
}

void *
crf_map_remove(struct crf_map *m, const char *key)
{
	struct crf_map_slot *slot;
	void *value;

	if (m->count == 0)
		return NULL;
	slot = slot_of(m, key, hash_of(key));
	if (slot->key == NULL)
		return NULL;
	value = slot->value;
	free(slot->key);
	m->count--;
	close_hole(m, (size_t)(slot - m->slots));
	return value;
}

const char *
crf_map_next(const struct crf_map *m, size_t *at, void **value)
{
	while (*at < m->cap) {
		const struct crf_map_slot *slot = &m->slots[(*at)++];

		if (slot->key != NULL) {
			*value = slot->value;
			return slot->key;
		}
	}
	return NULL;
}

void
crf_map_fini(struct crf_map *m)
{
	for (size_t i = 0; i < m->cap; i++)
		free(m->slots[i].key);
	free(m->slots);
	*m = (struct crf_map){ 0 };
}
