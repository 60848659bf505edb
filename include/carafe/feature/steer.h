/* Pausing a partition, and going on elsewhere in it. SPDX-License-Identifier: BSD-2-Clause */
#ifndef CARAFE_FEATURE_STEER_H
#define CARAFE_FEATURE_STEER_H

#include <carafe/carafe.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A place in a partition. */
typedef enum carafe_at {
	CARAFE_AT_NEXT,    /* where it is: what the handler was not given yet */
	CARAFE_AT_OFFSET,
	CARAFE_AT_TIME,    /* the first message that is not older; the end when there is none */
	CARAFE_AT_EARLIEST,/* the first message there is */
	CARAFE_AT_LATEST   /* the end */
} carafe_at;

typedef struct carafe_position {
	carafe_at at;
	int32_t reserved_;
	int64_t value; /* CARAFE_AT_OFFSET: the offset; CARAFE_AT_TIME: ms since 1970 */
} carafe_position;

static inline carafe_position
carafe_position_of(carafe_at at, int64_t value)
{
	carafe_position p = { at, 0, value };

	return p;
}

#define carafe_next() carafe_position_of(CARAFE_AT_NEXT, 0)
#define carafe_offset(offset) carafe_position_of(CARAFE_AT_OFFSET, (offset))
#define carafe_time(ms) carafe_position_of(CARAFE_AT_TIME, (ms))
#define carafe_earliest() carafe_position_of(CARAFE_AT_EARLIEST, 0)
#define carafe_latest() carafe_position_of(CARAFE_AT_LATEST, 0)

/* Hands out nothing more of this partition for timeout_ms, and then goes on from there:
 *
 *     return carafe_pause(c, carafe_offset(m->offset), 5000);       this message again, in five seconds
 *     carafe_pause(c, carafe_next(), CARAFE_NONE);                  nothing more until carafe_resume_partition()
 *
 * timeout_ms 0 is pause.timeout (1000), CARAFE_NONE until it is resumed. The handler is not stopped: the pause begins when it
 * returns, and counts from this call. The last call counts, be it the shorter one. A message handler is given no further
 * message of its batch. Success marks what is before the position, and only that, so whoever is assigned the partition next
 * goes on there, too, when it is next or an offset of the batch; for others see carafe_seek(). When the handler fails, its retry takes the place of the pause. Messages that are in hand are kept, not
 * fetched again, and others go on being fetched ahead meanwhile; ticks go on. A pause ends with the assignment.
 *
 * CARAFE_OK, CARAFE_INVALID for a negative offset, time or timeout, CARAFE_LOST when the partition is no longer owned. Worker. */
CARAFE_API carafe_rc carafe_pause(carafe_consumer *c, carafe_position at, int timeout_ms);

/* Ends a pause, also one that was asked for in the same run. Worker. */
CARAFE_API carafe_rc carafe_resume(carafe_consumer *c);

/* Goes on from there when the handler has returned. A place that is in hand costs nothing, another is fetched anew. What is
 * committed never moves back: after a crash the group goes on from there. Success marks what is before the position, as with
 * carafe_pause(); with a time or the earliest message it marks nothing, with the latest all that it was given. Until something is
 * marked there, whoever is assigned the partition next knows nothing of the seek. An offset that the log does not have is what
 * auto.offset.reset makes of it. When the handler fails, its retry goes on from the position. It waits for deferred messages
 * before this one, until they are done. A pause stays.
 *
 * reset_offset: a retry begins at the position, or behind it. Without, what was marked before the seek is left out when
 * something is retried.
 *
 * Returns as carafe_pause(). Whether the brokers could be asked shows later, in a consumer.sought or consumer.error event; in
 * that case the partition goes on where it was. Worker. */
CARAFE_API carafe_rc carafe_seek(carafe_consumer *c, carafe_position to, bool reset_offset);

/* The same from outside, for what this process is assigned of the topic in the group: one partition or, with
 * CARAFE_ALL_PARTITIONS, every one; between two pieces of work, without a word to the handler. group NULL is the unnamed one, as
 * for carafe_group(). Returns how many partitions it is for: 0 when none of them is assigned here now, and when the app does not
 * run. They know nothing of partitions that are assigned later.
 * A pause begins at what is next; to begin elsewhere, pause, then seek: nothing is handed out from there before it is resumed. A
 * seek is one with reset_offset. Any thread, handlers too. */
#define CARAFE_ALL_PARTITIONS (-1)
CARAFE_API int carafe_pause_partition(carafe *app, const char *group, const char *topic, int32_t partition, int timeout_ms);
CARAFE_API int carafe_resume_partition(carafe *app, const char *group, const char *topic, int32_t partition);
CARAFE_API int carafe_seek_partition(carafe *app, const char *group, const char *topic, int32_t partition, carafe_position to);

#ifdef __cplusplus
}
#endif
#endif
