/* What handlers, and others, want of a lane besides its work: to rest, to go on elsewhere. */
#ifndef CRF_FLOW_STEER_H
#define CRF_FLOW_STEER_H

#include <carafe/feature/steer.h>

#include "core/clock.h"
#include "kafka/kafka.h"

struct carafe_consumer;
struct crf_flow;
struct crf_lane;

/* Carried out between two pieces of work. */
struct crf_wish {
	bool pauses;
	crf_ns until; /* pauses: 0 ends a pause */
	bool seeks;
	bool keeps_marks;
	bool outside; /* it is no handler's */
	struct crf_position to;
	bool spares;    /* success has left messages unmarked, since they are not before the position: */
	int64_t spared; /* from this one on */
};

/* A seek on its way; its answer is there when the lane has been told that it arrived. */
struct crf_seek {
	bool going;
	struct crf_wish wish;
	int64_t offset;
	carafe_error err;
};

bool crf_steer(struct crf_lane *l, crf_ns now);
/* The seek has come to its end. */
void crf_steer_arrived(struct carafe_consumer *c);
/* A run has failed: its retry takes the place of a pause. */
void crf_steer_failed(struct carafe_consumer *c);
/* A message at the head is done with that has failed: marks it, but not together with what success has left unmarked before it. */
void crf_steer_mark_failed(struct carafe_consumer *c, int64_t offset, int32_t leader_epoch);
/* Success of messages first to end of the batch marks those that are before where the handler wants to go on. */
void crf_steer_mark(struct carafe_consumer *c, size_t first, size_t end);

/* Makes the wish to every consumer that matches; how many. Any thread. */
int crf_flow_wish(struct crf_flow *f, const char *group, const char *topic, int32_t partition, const struct crf_wish *w);
/* In w, from what the public call was given; CARAFE_INVALID. */
carafe_rc crf_wish_pause(const struct crf_flow *f, struct crf_wish *w, int timeout_ms);
carafe_rc crf_wish_seek(struct crf_wish *w, carafe_position to);

#endif
