/* Throttle: at most so many messages of a partition in so much time. */
#include <carafe/feature/throttle.h>

#include "core/opts.h"
#include "flow/feature.h"

struct conf {
	size_t limit;
	crf_ns interval;
};

struct window {
	crf_ns opened;
	size_t used;
};

void
carafe_throttle_(carafe_route *route, const carafe_throttle_opts *opts)
{
	carafe_throttle_opts o;

	if (!crf_opts_copy(&o, sizeof(o), opts))
		o.size = CRF_OPTS_UNKNOWN;
	crf_route_set_option(route, &crf_throttle, crf_throttle.name, &o, sizeof(o));
}

static bool
compile(const struct crf_topic *t, const void *drawn, const struct crf_settings *s, void *conf, const char *path,
    struct crf_problems *out)
{
	const carafe_throttle_opts *o = drawn;
	struct conf *c = conf;

	(void)t, (void)s;
	if (o == NULL)
		return false;
	crf_check_known(o->size, path, out);
	if (o->limit < 1)
		crf_problem(out, path, "limit must be at least 1 message, it is %d", o->limit);
	if (o->interval < 0)
		crf_problem(out, path, "interval must be at least 1 ms, it is %d", o->interval);
	c->limit = (size_t)o->limit;
	c->interval = (o->interval == 0 ? 60000 : o->interval) * CRF_MS;
	return true;
}

static void
filter(struct crf_step *s)
{
	const struct conf *c = s->conf;
	struct window *w = s->state;

	if (w->opened == 0 || s->now - w->opened >= c->interval)
		*w = (struct window){ .opened = s->now };
	if (crf_count(s) > c->limit - w->used) {
		crf_keep(s, c->limit - w->used);
		crf_claim_gate(s->claims, CRF_RANK_FILTER, w->opened + c->interval);
	}
	w->used += crf_count(s);
}

const struct crf_feature crf_throttle = {
	.name = "throttle",
	.conf_size = sizeof(struct conf),
	.state_size = sizeof(struct window),
	.compile = compile,
	.on = { [CRF_FILTER] = filter },
};
