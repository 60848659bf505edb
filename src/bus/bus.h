/* The one stream of events. Emitting costs a branch when nobody listens, and never allocates.
 *
 *   CRF_EMIT(bus, CARAFE_EV_CONSUMER_RETRY, CRF_STR(TOPIC, topic), CRF_INT(PARTITION, p), CRF_INT(TIMEOUT_MS, ms));
 *
 * Subscribers run on the emitting thread, which holds no lock of carafe's. */
#ifndef CRF_BUS_BUS_H
#define CRF_BUS_BUS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <carafe/event.h>

#include "core/thread.h"

struct crf_field {
	carafe_field id;
	const char *text; /* NULL for a number, or for a string that is absent (see is_text) */
	int64_t number;
	bool is_text;
};

struct crf_bus;

struct crf_bus *crf_bus_new(void);
void crf_bus_free(struct crf_bus *bus);
/* Any thread. Subscribers are added, never removed: the array is replaced, the old ones kept until the bus is freed. */
void crf_bus_subscribe(struct crf_bus *bus, carafe_event_id id, carafe_event_fn fn, void *arg);
/* Any thread. */
bool crf_bus_wanted(const struct crf_bus *bus, carafe_event_id id);
void crf_bus_emit(struct crf_bus *bus, carafe_event_id id, const struct crf_field *fields, int count);

/* Properties of a declared event or field, for tables and docs. */
const char *crf_event_id_name(carafe_event_id id);
carafe_level crf_event_id_level(carafe_event_id id);
const char *crf_field_name(carafe_field id);

/* Fields that are absent (text NULL) are left out. */
#define CRF_STR(field, value) { CARAFE_F_##field, (value), 0, true }
#define CRF_INT(field, value) { CARAFE_F_##field, NULL, (value), false }
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
