/* What a person sees of a running server: a live line, dead letters, counts at the end. It listens to events like anyone. */
#ifndef CRF_CLI_WATCH_H
#define CRF_CLI_WATCH_H

#include "app/app.h"
#include "core/buf.h"
#include "core/map.h"

#define CRF_WATCH_SHOWN 5

struct crf_watch {
	carafe *app;
	bool live;
	struct crf_mutex mu;
	struct crf_cond changed;
	struct crf_thread thread;      /* the live line's */
	bool over;                     /* mu: stopping, or gone */
	crf_ns running;                /* mu: how long it consumed, once over */
	struct crf_map errors;         /* mu: "topic/partition" -> what its handler said last */
	struct crf_map targets;        /* mu: dead letter topic -> int64_t, how many */
	char *shown[CRF_WATCH_SHOWN];  /* mu: the first dead letters */
	size_t shown_count;            /* mu */
};

/* Before the app starts. live: show the line. */
void crf_watch_start(struct crf_watch *w, carafe *app, bool live);
/* Ends the line; after the app's end. */
void crf_watch_stop(struct crf_watch *w);
/* After crf_watch_stop. */
void crf_watch_summary(struct crf_watch *w, struct crf_buf *out);
void crf_watch_dead(struct crf_watch *w, struct crf_buf *out);
void crf_watch_fini(struct crf_watch *w);

/* "consumed 1,234 messages in 2.5 s (493/s), retried 2, dead-lettered 1" */
void crf_watch_counts(const struct crf_totals *t, struct crf_buf *out);

#endif
