/* The two sides of start: each consumes until it is sent SIGTERM, as a program that its users run would. */
#ifndef CRF_BENCH_START_H
#define CRF_BENCH_START_H

#include <carafe/carafe.h>

#include "bench.h"

struct start {
	const char *brokers;
	const char *topic;
	const char *protocol; /* group.protocol */
	int job_ms;           /* that a handler takes for each message */
};

/* A message has arrived: does its job; of the first one, tells the parent. Any thread. */
void start_arrived(void);

/* Both return the exit status. */
int start_peer(const struct start *s);
int start_carafe(const struct start *s);

#endif
