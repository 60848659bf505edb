#include "flow/plan.h"

#include <stdlib.h>
#include <string.h>

static const struct crf_feature *const features[] = {
#define CRF_FEATURE(name) &crf_##name,
#include "flow/features.def"
#undef CRF_FEATURE
};

static size_t
aligned(size_t size)
{
	const size_t to = _Alignof(max_align_t);

	return (size + to - 1) / to * to;
}

static void
add_feature(struct crf_plan *p, const struct crf_feature *f, void *conf)
{
	unsigned char index = (unsigned char)p->count;

	p->features[p->count++] = (struct crf_planned){ f, conf, p->state_size };
	p->state_size += aligned(f->state_size);
	for (int stage = 0; stage < CRF_STAGE_COUNT; stage++)
		if (f->on[stage] != NULL)
			p->steps[stage][p->step_count[stage]++] = index;
}

static struct crf_plan *
compile(const struct crf_topic *t, const struct crf_settings *s, struct crf_problems *out)
{
	struct crf_plan *p = crf_new(struct crf_plan);
	CRF_AUTO(crf_buf) path = { 0 };

	p->features = crf_new_array(struct crf_planned, crf_array_len(features));
	for (int stage = 0; stage < CRF_STAGE_COUNT; stage++)
		p->steps[stage] = crf_alloc(crf_array_len(features), 1);
	for (size_t i = 0; i < crf_array_len(features); i++) {
		const struct crf_feature *f = features[i];
		void *conf = crf_alloc(1, f->conf_size);

		crf_buf_reset(&path);
		crf_buf_printf(&path, "groups.%s.%s.%s", t->connection->group, t->name, f->name);
		if (f->compile(t, crf_route_option(t->route, f), s, conf, crf_buf_str(&path), out))
			add_feature(p, f, conf);
		else
			free(conf);
	}
	return p;
}

static void
free_plan(struct crf_plan *p)
{
	for (size_t i = 0; i < p->count; i++)
		free(p->features[i].conf);
	for (int stage = 0; stage < CRF_STAGE_COUNT; stage++)
		free(p->steps[stage]);
	free(p->features);
	free(p);
}

void
crf_check_known(size_t size, const char *path, struct crf_problems *out)
{
	if (size == CRF_OPTS_UNKNOWN)
		crf_problem(out, path, "an option is set that only a newer carafe knows; %s is linked: update it, or leave the "
				       "option out", carafe_version());
}

void
crf_plan_compile(struct crf_routing *r, const struct crf_settings *s, struct crf_problems *out)
{
	for (size_t i = 0; i < r->count; i++)
		for (size_t j = 0; j < r->connections[i].drawn_count; j++)
			r->connections[i].topics[j].plan = compile(&r->connections[i].topics[j], s, out);
}

void
crf_plan_fini(struct crf_routing *r)
{
	for (size_t i = 0; i < r->count; i++)
		for (size_t j = 0; j < r->connections[i].drawn_count; j++)
			if (r->connections[i].topics[j].plan != NULL)
				free_plan(r->connections[i].topics[j].plan);
}

void
crf_plan_run(const struct crf_plan *p, enum crf_stage stage, struct crf_step *step, void *state)
{
	for (size_t i = 0; i < p->step_count[stage]; i++) {
		const struct crf_planned *f = &p->features[p->steps[stage][i]];

		step->conf = f->conf;
		step->state = (char *)state + f->state_at;
		f->feature->on[stage](step);
	}
}

void
crf_plan_opened(const struct crf_plan *p, struct carafe_consumer *c)
{
	for (size_t i = 0; i < p->count; i++)
		if (p->features[i].feature->opened != NULL)
			p->features[i].feature->opened(c, p->features[i].conf);
}

void
crf_plan_targets(const struct crf_topic *t, void (*fn)(const char *topic, void *arg), void *arg)
{
	const struct crf_plan *p = t->plan;

	for (size_t i = 0; i < p->count; i++)
		if (p->features[i].feature->target != NULL &&
		    p->features[i].feature->target(p->features[i].conf) != NULL)
			fn(p->features[i].feature->target(p->features[i].conf), arg);
}

void
crf_plan_describe(const struct crf_topic *t, struct crf_buf *out)
{
	const struct crf_plan *p = t->plan;

	for (size_t i = 0; i < p->count; i++)
		crf_buf_printf(out, "%s%s", i ? " " : "", p->features[i].feature->name);
}
