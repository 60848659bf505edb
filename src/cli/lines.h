/* Lines of a file as messages of a topic. */
#ifndef CRF_CLI_LINES_H
#define CRF_CLI_LINES_H

#include <stdio.h>

#include "cli/cli.h"
#include "core/thread.h"
#include "producer/producer.h"

struct crf_lines {
	const struct crf_call *call; /* who complains */
	struct crf_producer *producer;
	const char *topic;
	int32_t partition; /* CRF_ANY_PARTITION */
	char *delimiter;   /* between key and value; NULL: no keys */
	int boot_timeout;  /* ms without any answer: unreachable; 0: never */

	struct crf_mutex mu;
	int64_t sent;         /* mu: accepted by the producer or refused at once */
	int64_t acknowledged; /* mu */
	int64_t failed;       /* mu */
	bool given_up;        /* mu: what fails from here on is no news */
	crf_ns started;
	crf_ns waiting;      /* since the first line was read */
};

/* delimiter as it was typed: \t, \n and \\ are understood. NULL: none. */
void crf_lines_init(struct crf_lines *l, const struct crf_call *call, struct crf_producer *p, const char *topic,
    const char *delimiter);
/* After the producer's end. */
void crf_lines_fini(struct crf_lines *l);

/* Writes every line and waits until each was acknowledged or failed; the first failures are said on stderr. CARAFE_FAILED
 * when any did, CARAFE_UNAVAILABLE when no broker answered. */
carafe_rc crf_lines_send(struct crf_lines *l, FILE *in);

/* A producer made of the app's settings, which must be prepared; says what is wrong with them. */
carafe_rc crf_call_producer(const struct crf_call *call, struct crf_producer **p);

/* All of that with a producer of its own, made of the app's settings and the call's key delimiter; says how it went, unless
 * quiet. The app must be prepared. */
carafe_rc crf_produce_lines(const struct crf_call *call, const char *topic, FILE *in, int32_t partition, bool quiet);

/* The file of that name, standard input for "-" and NULL; NULL when it cannot be opened, having said so. */
FILE *crf_lines_open(const struct crf_call *call, const char *name);
void crf_lines_close(FILE *in);

/* The key and the value of a line; the key is NULL without a delimiter in it. */
void crf_lines_split(const char *line, size_t len, const char *delimiter, carafe_bytes *key, carafe_bytes *value);

#endif
