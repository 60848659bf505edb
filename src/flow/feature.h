/* A feature: one file with a const descriptor, drawn by its own public call, compiled into a topic's plan, taking part in
 * stages by functions that trim the batch or file claims. Steps never touch Kafka: the settlement does what they claim. */
#ifndef CRF_FLOW_FEATURE_H
#define CRF_FLOW_FEATURE_H

#include "flow/claims.h"
#include "route/route.h"

enum crf_stage {
	CRF_FILTER, /* what has come in: how much of it goes on now */
	CRF_AFTER,  /* the handler has run: what follows from its verdict */
	CRF_STAGE_COUNT
};

struct carafe_consumer;

/* What a step sees. */
struct crf_step {
	struct carafe_consumer *consumer;
	struct crf_claims *claims;
	const void *conf; /* compiled */
	void *state;      /* state_size zeroed bytes for each partition */
	crf_ns now;
	carafe_rc rc;   /* AFTER: the handler's verdict */
	int attempt;    /* AFTER: which run of this work it was; a step may count it anew for itself and those after it */
	bool advanced;  /* AFTER: something was finished in this run */
	bool exhausted; /* AFTER: nothing is left unmarked */
	bool undelivered; /* AFTER: no run, but a dead letter that could not be written; the handler has another go */
};

struct crf_feature {
	const char *name;
	size_t conf_size;
	size_t state_size; /* with keys, FILTER has the partition's, and AFTER the strand's */
	/* Checks what was drawn (NULL: nothing was) and fills in conf. False: not part of this topic's plan. Mistakes go to
	 * out at "<path>.<option>". */
	bool (*compile)(const struct crf_topic *t, const void *drawn, const struct crf_settings *s, void *conf, const char *path,
	    struct crf_problems *out);
	void (*on[CRF_STAGE_COUNT])(struct crf_step *s);
	/* The consumer of a partition has been made, and nobody knows it yet: may change how its lane works. NULL: it does not. */
	void (*opened)(struct carafe_consumer *c, const void *conf);
	/* The topic it writes to, NULL none. */
	const char *(*target)(const void *conf);
};

/* How many messages the step looks at, and how many of them go on now. FILTER. */
/* The size of drawn options that say something which only a newer carafe knows; the check makes it a mistake. */
#define CRF_OPTS_UNKNOWN 0
void crf_check_known(size_t size, const char *path, struct crf_problems *out);

/* What is left has had one run, this one. AFTER. */
void crf_count_anew(struct crf_step *s);
/* The message that failed, and what went wrong with it so far. AFTER a failed run. */
const carafe_message *crf_failed_message(const struct crf_step *s);
const struct carafe_failures *crf_failures_of(const struct crf_step *s);
/* Reports that user code a step called did not do as it should. */
void crf_complain(struct crf_step *s, const char *type, const char *text);
/* Why what fails of t cannot be written to that topic, which user code has chosen; NULL when it can. */
const char *crf_dead_letter_problem(const struct crf_topic *t, const char *topic);

size_t crf_count(const struct crf_step *s);
void crf_keep(struct crf_step *s, size_t count);

#define CRF_FEATURE(name) extern const struct crf_feature crf_##name;
#include "flow/features.def"
#undef CRF_FEATURE

#endif
