/* The inside of an event, for this room only. */
#ifndef CRF_BUS_EVENT_H
#define CRF_BUS_EVENT_H

#include "bus/bus.h"

struct carafe_event {
	carafe_event_id id;
	int count;
	const struct crf_field *fields;
};

/* The next field that is present, NULL at the end; *at starts at 0. */
const struct crf_field *crf_event_next(const carafe_event *event, int *at);

#endif
