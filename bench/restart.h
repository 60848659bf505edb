/* The members of restart, and what they all write down: who was given which message when, in memory that the processes
 * share. */
#ifndef CRF_BENCH_RESTART_H
#define CRF_BENCH_RESTART_H

#include <stdatomic.h>
#include <stdbool.h>

#include "bench.h"
#include "core/clock.h"

#define RESTART_PARTITIONS 64
#define RESTART_RECORDS (1 << 23)

struct restart_record {
	_Atomic int64_t when; /* crf_ns; 0: not written yet */
	int64_t offset;
	int32_t partition;
	int32_t member;
};

struct restart_log {
	_Atomic int64_t count;
	struct restart_record records[RESTART_RECORDS];
};

struct restart {
	const char *brokers;
	const char *topic;
	const char *group;
	const char *protocol; /* "range", "cooperative-sticky" or "kip848" */
	int member;           /* a number for each process */
	int log;              /* a file */
};

/* The file is inherited by children. */
int restart_log_new(void);
struct restart_log *restart_log_open(int log);
void restart_log_close(struct restart_log *at, int log);
void restart_note(struct restart_log *log, int member, int32_t partition, int64_t offset);

/* Writes a message to each partition, again and again, for as long as it is there. */
struct restart_sender;
struct restart_sender *restart_sender_new(const struct restart *r, crf_ns every);
/* Since when it could be fetched, 0: that is not known yet. */
crf_ns restart_sent(const struct restart_sender *s, int32_t partition, int64_t offset);
/* Returns the longest that a message took from when it was due until it was acknowledged. */
crf_ns restart_sender_free(struct restart_sender *s);

/* Both consume until SIGTERM and return the exit status. */
int restart_peer(const struct restart *r);
int restart_carafe(const struct restart *r);

#endif
