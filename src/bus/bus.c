#include "bus/bus.h"

#include <string.h>

#include "bus/event.h"
#include "core/mem.h"

struct crf_subscribers {
	struct crf_subscribers *older; /* in crf_bus.all */
	size_t count;
	struct {
		carafe_event_fn fn;
		void *arg;
	} items[];
};

struct crf_bus *
crf_bus_new(void)
{
	struct crf_bus *bus = crf_new(struct crf_bus);

	crf_mutex_init(&bus->mu);
	return bus;
}

void
crf_bus_free(struct crf_bus *bus)
{
	struct crf_subscribers *subs, *older;

	if (bus == NULL)
		return;
	for (subs = bus->all; subs != NULL; subs = older) {
		older = subs->older;
		free(subs);
	}
	crf_mutex_fini(&bus->mu);
	free(bus);
}

/* Under mu. */
static void
add(struct crf_bus *bus, size_t id, carafe_event_fn fn, void *arg)
{
	struct crf_subscribers *old = atomic_load_explicit(&bus->by_event[id], memory_order_relaxed);
	size_t count = old != NULL ? old->count : 0;
	struct crf_subscribers *subs = crf_alloc(1, sizeof(*subs) + (count + 1) * sizeof(subs->items[0]));

	if (count > 0)
		memcpy(subs->items, old->items, count * sizeof(subs->items[0]));
	subs->items[count].fn = fn;
	subs->items[count].arg = arg;
	subs->count = count + 1;
	subs->older = bus->all;
	bus->all = subs;
	atomic_store_explicit(&bus->by_event[id], subs, memory_order_release);
}

void
crf_bus_subscribe(struct crf_bus *bus, carafe_event_id id, carafe_event_fn fn, void *arg)
{
	if ((size_t)id >= CARAFE_EV_COUNT_)
		return;
	crf_lock(&bus->mu);
	if (id != CARAFE_EV_ANY)
		add(bus, id, fn, arg);
	else
		for (size_t each = 1; each < CARAFE_EV_COUNT_; each++)
			add(bus, each, fn, arg);
	crf_unlock(&bus->mu);
}

void
crf_bus_emit(struct crf_bus *bus, carafe_event_id id, const struct crf_field *fields, int count)
{
	const struct crf_subscribers *subs = atomic_load_explicit(&bus->by_event[id], memory_order_acquire);
	const carafe_event event = { .id = id, .count = count, .fields = fields };

	for (size_t i = 0; subs != NULL && i < subs->count; i++)
		subs->items[i].fn(&event, subs->items[i].arg);
}
