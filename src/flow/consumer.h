/* A consumer: the flow's half of a lane, and what handlers are given. Everything is the turn's unless said. */
#ifndef CRF_FLOW_CONSUMER_H
#define CRF_FLOW_CONSUMER_H

#include <carafe/feature/deferral.h>

#include "flow/claims.h"
#include "flow/failures.h"
#include "flow/flow.h"
#include "flow/plan.h"
#include "flow/steer.h"
#include "work/lane.h"

#define CRF_TOPIC_SIZE 250 /* Kafka's longest name, and its end */

/* What the producer is given to remember a consumer by: it may outlast the consumer's patience, and the consumer. */
struct crf_ticket {
	struct crf_flow *flow;
	struct carafe_consumer *consumer; /* flow.mu; NULL: nobody waits for it any more */
};

/* A message on its way to another topic. Who says how it ended fills in the outcome before it wakes the lane. */
struct crf_dispatch {
	struct crf_ticket *ticket; /* flow.mu; NULL: nothing is on its way */
	crf_ns started;            /* flow.mu */
	char to[CRF_TOPIC_SIZE];
	int64_t offset;
	int32_t leader_epoch;
	int attempt;
	bool marks;
	struct crf_delivery outcome;
	char text[CARAFE_ERROR_TEXT];
};

struct crf_window;
struct crf_keys;

struct carafe_consumer {
	uint32_t magic;
	struct crf_lane lane;
	struct crf_list link; /* flow.mu */
	struct crf_flow *flow;
	const struct crf_topic *topic;
	const struct crf_plan *plan;
	void *state;      /* the user's */
	void *step_state; /* the features' */
	bool initialized;
	atomic_bool quiet;
	atomic_bool at_end;
	struct {
		crf_ns turn;     /* when it began */
		int64_t marked;
		crf_ns progress; /* when it began, or was seen to have marked something since */
		bool reported;
	} watch; /* of the turn that was seen last; pool.mu */

	/* of the run */
	carafe_hook hook;
	bool proceeded;
	carafe_rc rc;
	char why[CARAFE_ERROR_TEXT];
	int attempt;    /* of the message or batch the handler has now */
	struct crf_dispatch dispatch;
	struct crf_failures failures; /* of the work at hand */

	struct {
		bool known;
		char *metadata;
	} committed; /* what carafe_offset_metadata() found */
	/* steering */
	struct crf_wish wish; /* the handler's, and what has been taken of sent */
	struct crf_wish sent; /* flow.mu; from outside */
	struct crf_seek seek; /* awaited, while it is going */

	/* deferral */
	struct crf_window *_Atomic window; /* NULL: nothing was ever deferred. Others look at it, too */
	size_t handed;             /* the handler has this message of the batch, when there is a window */
	carafe_deferred *deferred; /* the handler has deferred it */
	bool resumes;              /* this run is the last one's continuation */
	bool in_order;             /* what is in progress is not overtaken */
	_Atomic crf_ns deferred_since; /* it has waited for the work at the head, or what must come back before it; 0: it does not */

	struct crf_keys *keys; /* strands do its work; NULL: it does */
};

#define CRF_CONSUMER_MAGIC CRF_MAGIC('C', 'O', 'N', 'S')
#define crf_check_consumer(c) crf_check_handle((c), CRF_CONSUMER_MAGIC, "consumer", "the one that the handler is given, while it runs")

extern const struct crf_lane_ops crf_flow_ops;

/* A strand of the partition that whole has, to be listed once it is as it should be. */
struct carafe_consumer *crf_consumer_new_strand(const struct carafe_consumer *whole, const struct crf_source_ops *from,
    void *source);
/* From here on others know it, and may wake it. flow.mu held. */
void crf_consumer_list(struct carafe_consumer *c);

/* Whether m may be a message that it was given; NULL is none. */
bool crf_consumer_had(const struct carafe_consumer *c, const carafe_message *m);

/* Calls a hook inside wrap, reports what it returns. */
void crf_consumer_call(struct carafe_consumer *c, carafe_hook hook);

/* Carries out what the steps of a run have claimed. */
void crf_settle(struct carafe_consumer *c, const struct crf_claims *claims);

/* Sends the message at the head of the batch; its end wakes the lane. False when it could not even be accepted, which
 * has been reported. */
bool crf_dispatch_start(struct carafe_consumer *c, const char *to, bool marks);
/* The outcome has come: true when it was acknowledged. Reports either. */
bool crf_dispatch_finish(struct carafe_consumer *c);

/* The common fields of a consumer's events. */
#define CRF_WHERE(c)                                                                                                   \
	CRF_STR(GROUP, (c)->topic->connection->group), CRF_STR(TOPIC, (c)->topic->name),                               \
	    CRF_INT(PARTITION, (c)->lane.partition)

#endif
