/* The console logger: a subscriber like any other. */
#ifndef CRF_BUS_LOG_H
#define CRF_BUS_LOG_H

#include <stdio.h>

#include "bus/bus.h"

enum crf_log_format { CRF_LOG_TEXT, CRF_LOG_JSON };

struct crf_log;

/* Writes events of at least that level to out (usually stderr), one whole line per event: for a terminal, readable,
 * coloured where out is one and NO_COLOR is unset; or one JSON object. Any thread may emit. */
struct crf_log *crf_log_new(struct crf_bus *bus, FILE *out, enum crf_log_format format, carafe_level level);
/* The same, given to fn line by line. */
struct crf_log *crf_log_new_fn(struct crf_bus *bus, carafe_log_fn fn, void *arg, enum crf_log_format format, carafe_level level);
/* Has around called before and after each line, the stream locked: for who keeps something at the screen's bottom. Before
 * the first event. */
void crf_log_around(struct crf_log *log, void (*around)(bool after, void *arg), void *arg);
/* After the bus is no longer used. */
void crf_log_free(struct crf_log *log);

#endif
