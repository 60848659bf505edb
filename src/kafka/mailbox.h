/* The queue of one assigned partition, kept apart from all others: what fills a lane. */
#ifndef CRF_KAFKA_MAILBOX_H
#define CRF_KAFKA_MAILBOX_H

#include <carafe/carafe.h>

#include "kafka/client.h"

struct crf_mailbox;

/* Connection's thread, before the partition is assigned. wake(arg) is called on librdkafka's thread with the queue's
 * lock held whenever the mailbox goes from empty to not empty, and only then: take until nothing is left before
 * waiting for it. It may only mark and signal. */
struct crf_mailbox *crf_mailbox_open(struct crf_client *c, const char *topic, int32_t partition, void (*wake)(void *arg), void *arg);
/* Up to max native messages, without waiting. Some may be no message but news: see crf_native_error. One thread at a
 * time. Must not be called after crf_mailbox_close. */
size_t crf_mailbox_take(struct crf_mailbox *m, void **natives, size_t max);
/* After it returned wake is not called any more. One thread, nobody taking. */
void crf_mailbox_close(struct crf_mailbox *m);

/* The error code of a native that is not a message, 0 for a message. */
int crf_native_error(const void *native);
bool crf_native_is_eof(const void *native);
/* Words of a native that is an error. */
const char *crf_native_text(const void *native);
int64_t crf_native_offset(const void *native);
void crf_native_free(void *native);
/* What a message is to a handler; topic must outlive it. False when it is none but news. */
bool crf_native_message(void *native, const char *topic, carafe_message *m);

#endif
