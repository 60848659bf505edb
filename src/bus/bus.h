/* The one stream of events. Emitting costs a branch when nobody listens, and never allocates.
 *
 *   CRF_EMIT(bus, CARAFE_EV_CONSUMER_RETRY, CRF_STR(TOPIC, topic), CRF_INT(PARTITION, p), CRF_INT(TIMEOUT_MS, ms));
 *
 * Subscribers run on the emitting thread, which holds no lock of carafe's. */
#ifndef CRF_BUS_BUS_H
#define CRF_BUS_BUS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <carafe/event.h>

#include "core/partition.h"
#include "core/thread.h"

struct crf_field {
	carafe_field id;
	const char *text; /* NULL for a number, or for a string that is absent (see is_text) */
	int64_t number;
	bool is_text;
	const struct crf_partitions *list; /* NULL but for CRF_LIST, which is text that is absent */
};

/* Open only for the sake of crf_bus_wanted: the fields are the bus's own. Each event has an array of its subscribers
 * (those of CARAFE_EV_ANY among them), which never changes: subscribing puts a longer copy in its place. The old one may
 * still be in use by a thread that is emitting, so it is kept until the bus is freed: subscriptions are few. */
struct crf_subscribers;
struct crf_bus {
	_Atomic(struct crf_subscribers *) by_event[CARAFE_EV_COUNT_]; /* NULL: nobody; written under mu */
	struct crf_mutex mu;
	struct crf_subscribers *all; /* mu: every array there ever was */
};

struct crf_bus *crf_bus_new(void);
void crf_bus_free(struct crf_bus *bus);
/* Any thread. Subscribers are added, never removed, and called in the order in which they were. An event that this
 * library does not know (the program was built with a newer header) never happens. */
void crf_bus_subscribe(struct crf_bus *bus, carafe_event_id id, carafe_event_fn fn, void *arg);

/* Any thread. A hint that may lag behind a subscription being made right now, hence relaxed. */
static inline bool
crf_bus_wanted(const struct crf_bus *bus, carafe_event_id id)
{
	return atomic_load_explicit(&bus->by_event[id], memory_order_relaxed) != NULL;
}

/* Any thread. fields and what they point to are borrowed for the call. */
void crf_bus_emit(struct crf_bus *bus, carafe_event_id id, const struct crf_field *fields, int count);

/* Properties of a declared event or field, for tables and docs. */
const char *crf_event_id_name(carafe_event_id id); /* "any" for CARAFE_EV_ANY, "unknown" for what is none */
carafe_level crf_event_id_level(carafe_event_id id);
const char *crf_field_name(carafe_field id);

/* CRF_FIELD_STR_TOPIC is declared and CRF_FIELD_INT_TOPIC is not: a field of the wrong type does not compile. */
enum {
	CRF_IS_TEXT_INT,
	CRF_IS_TEXT_STR,
	CRF_IS_TEXT_LIST = CRF_IS_TEXT_STR,
#define CARAFE_FIELD(id, name, type, doc) CRF_FIELD_##type##_##id = CRF_IS_TEXT_##type,
#include <carafe/fields.def>
#undef CARAFE_FIELD
};

/* Fields that are absent (text NULL) are left out. */
#define CRF_STR(field, value) { CARAFE_F_##field, (value), 0, CRF_FIELD_STR_##field, NULL }
#define CRF_INT(field, value) { CARAFE_F_##field, NULL, (value), CRF_FIELD_INT_##field, NULL }
#define CRF_LIST(field, value) { CARAFE_F_##field, NULL, 0, CRF_FIELD_LIST_##field, (value) }
#define CRF_EMIT(bus, event, ...)                                                                                      \
	do {                                                                                                           \
		if (crf_bus_wanted((bus), (event))) {                                                                  \
			const struct crf_field crf_fields_[] = { __VA_ARGS__ };                                        \
			crf_bus_emit((bus), (event), crf_fields_,                                                      \
			    (int)(sizeof(crf_fields_) / sizeof(crf_fields_[0])));                                      \
		}                                                                                                      \
	} while (0)
/* An event without fields. */
#define CRF_EMIT0(bus, event) crf_bus_emit((bus), (event), NULL, 0)

#endif
