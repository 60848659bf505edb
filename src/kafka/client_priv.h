/* The inside of a client, for this room only. */
#ifndef CRF_KAFKA_CLIENT_PRIV_H
#define CRF_KAFKA_CLIENT_PRIV_H

#include "kafka/client.h"
#include "kafka/native.h"

struct crf_client {
	struct crf_native_opaque opaque; /* first; const after new */
	rd_kafka_t *rk;          /* const after new */
	rd_kafka_queue_t *queue; /* const after new: everything but messages */
	int max_poll;            /* const after new */
	bool is_static;          /* const after new: has a group.instance.id */
	bool is_kip848;          /* const after new */
	bool reached;            /* connection */
	bool closing;            /* connection */
	bool unanswered;         /* connection: a rebalance waits for an answer */
	bool given_up;           /* connection: everything, closing: no more answers */
	struct crf_client *next; /* once abandoned */
};

#endif
