/* What taking.c tells: for a program that sets plugin.library.paths to it_taking.so in $IT_APPS, exports its symbols, and has those
 * of these functions that it wants to be called. */
#ifndef IT_TAKING_H
#define IT_TAKING_H

#include "support/rdkafka.h"

/* Called on whatever thread takes a message from its partition's queue, when that has it in hand. */
void it_taking(rd_kafka_queue_t *queue, int32_t partition, int64_t offset);

/* Likewise, on the broker's thread, which goes on with the answer afterwards; api: the protocol's number of the request. */
void it_answered(rd_kafka_t *rk, int api);

/* A client has been made: on its main thread, before that does anything. One has gone. */
void it_made(rd_kafka_t *rk);
void it_gone(rd_kafka_t *rk);

#endif
