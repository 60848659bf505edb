/* Automatic marking: what a handler did with success is consumed. */
#include "flow/feature.h"

static bool
compile(const struct crf_topic *t, const void *drawn, const struct crf_settings *s, void *conf, const char *path,
    struct crf_problems *out)
{
	(void)drawn, (void)s, (void)conf, (void)path, (void)out;
	return !t->manual_marking;
}

static void
after(struct crf_step *s)
{
	if (s->rc == CARAFE_OK)
		crf_claim_mark(s->claims, CRF_RANK_AUTO);
}

const struct crf_feature crf_auto_mark = { .name = "auto_mark", .compile = compile, .on = { [CRF_AFTER] = after } };
