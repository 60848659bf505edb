/* A topic's plan: its features, compiled, stage by stage in the order of features.def. */
#ifndef CRF_FLOW_PLAN_H
#define CRF_FLOW_PLAN_H

#include "core/buf.h"
#include "flow/feature.h"

struct crf_planned {
	const struct crf_feature *feature;
	void *conf;
	size_t state_at; /* in the partition's feature state */
};

struct crf_plan {
	struct crf_planned *features;
	size_t count;
	size_t state_size;
	/* the steps of a stage: indices into features */
	unsigned char *steps[CRF_STAGE_COUNT];
	size_t step_count[CRF_STAGE_COUNT];
};

/* Compiles the plans of every topic; mistakes go to out. */
void crf_plan_compile(struct crf_routing *r, const struct crf_settings *s, struct crf_problems *out);
void crf_plan_fini(struct crf_routing *r);

/* Runs the steps of a stage. */
void crf_plan_run(const struct crf_plan *p, enum crf_stage stage, struct crf_step *step, void *state);

/* A partition's consumer has been made: the features that want to know. */
void crf_plan_opened(const struct crf_plan *p, struct carafe_consumer *c);

/* Calls fn with each topic that t's features write to. */
void crf_plan_targets(const struct crf_topic *t, void (*fn)(const char *topic, void *arg), void *arg);
/* "throttle auto_mark dlq retry" */
void crf_plan_describe(const struct crf_topic *t, struct crf_buf *out);

#endif
