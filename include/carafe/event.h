/* Events: everything worth knowing, as it happens. SPDX-License-Identifier: BSD-2-Clause
 *
 * Each event is declared once, in carafe/events.def: its name, level, the fields it carries and what it means. The
 * console logger is only a subscriber; so is whatever you write. */
#ifndef CARAFE_EVENT_H
#define CARAFE_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <carafe/error.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct carafe carafe;

typedef enum carafe_level { CARAFE_DEBUG, CARAFE_INFO, CARAFE_WARN, CARAFE_ERROR, CARAFE_FATAL_LEVEL } carafe_level;

typedef enum carafe_event_id {
	CARAFE_EV_ANY = 0, /* to subscribe to all of them */
#define CARAFE_EVENT(id, name, level, fields, doc) CARAFE_EV_##id,
#include <carafe/events.def>
#undef CARAFE_EVENT
	CARAFE_EV_COUNT_ /* not an event; grows */
} carafe_event_id;

typedef enum carafe_field {
#define CARAFE_FIELD(id, name, type, doc) CARAFE_F_##id,
#include <carafe/fields.def>
#undef CARAFE_FIELD
	CARAFE_F_COUNT_ /* not a field; grows */
} carafe_field;

/* One event. It and everything read from it is valid only inside the callback. */
typedef struct carafe_event carafe_event;

/* Called for each event on the thread where it happens (a worker, a connection, the caller's). It must be short, must
 * not block and must not call carafe_stop(), carafe_wait() or carafe_subscribe(). */
typedef void (*carafe_event_fn)(const carafe_event *event, void *arg);

/* Subscribes to one kind of event, or to all with CARAFE_EV_ANY. Subscriptions last as long as the app. Any thread,
 * not from inside a callback. */
CARAFE_API void carafe_subscribe(carafe *app, carafe_event_id id, carafe_event_fn fn, void *arg);

/* One line of the log, without the newline; valid only inside the callback, for which the same holds as for the others. */
typedef void (*carafe_log_fn)(carafe_level level, const char *line, void *arg);

/* For a program that calls carafe_start() and would have carafe_main()'s log: events of log.level and above, each a line as
 * log.format says, go to fn, or to stderr when fn is NULL. Once, before carafe_start(). carafe_main() logs by itself and does not
 * look at this. Drawing. */
CARAFE_API void carafe_log(carafe *app, carafe_log_fn fn, void *arg);

CARAFE_API carafe_event_id carafe_event_kind(const carafe_event *event);
CARAFE_API const char *carafe_event_name(const carafe_event *event);
CARAFE_API carafe_level carafe_event_level(const carafe_event *event);

/* A field of the event: false, and *value untouched, when the event has no such field or it is of the other type. */
CARAFE_API bool carafe_event_int(const carafe_event *event, carafe_field field, int64_t *value);
CARAFE_API bool carafe_event_str(const carafe_event *event, carafe_field field, const char **value);

/* The fields an event carries, one after the other: *at starts at 0; false at the end. Exactly one of *text (a string)
 * and *number is meant: *text is NULL for a number. */
CARAFE_API bool carafe_event_next(const carafe_event *event, int *at, const char **name, const char **text, int64_t *number);

/* Partition i of those that an event is about (the field partitions): false past the end. offset is the one committed or
 * to be committed, -1 in an event that is not about offsets. */
CARAFE_API bool carafe_event_partition(
    const carafe_event *event, size_t i, const char **topic, int32_t *partition, int64_t *offset);

#ifdef __cplusplus
}
#endif
#endif
