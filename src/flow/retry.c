/* Retry: failed work runs again after a back-off that doubles. It is kept, not fetched again. */
#include <carafe/feature/retry.h>

#include "core/opts.h"
#include "flow/feature.h"

struct conf {
	crf_ns timeout;
	crf_ns max_timeout;
	bool exponential;
};

void
carafe_retry_(carafe_route *route, const carafe_retry_opts *opts)
{
	carafe_retry_opts o;

	if (!crf_opts_copy(&o, sizeof(o), opts))
		o.size = CRF_OPTS_UNKNOWN;
	crf_route_set_option(route, &crf_retry, crf_retry.name, &o, sizeof(o));
}

static bool
compile(const struct crf_topic *t, const void *drawn, const struct crf_settings *s, void *conf, const char *path,
    struct crf_problems *out)
{
	const carafe_retry_opts none = { .size = sizeof(none) }, *o = drawn != NULL ? drawn : &none;
	struct conf *c = conf;
	int timeout = o->timeout != 0 ? o->timeout : s->v.pause_timeout;
	int max_timeout = o->max_timeout != 0 ? o->max_timeout : s->v.pause_max_timeout;

	(void)t;
	crf_check_known(o->size, path, out);
	if (timeout < 1 || max_timeout < 1)
		crf_problem(out, path, "timeout and max_timeout must be at least 1 ms, they are %d and %d", timeout, max_timeout);
	else if (timeout > max_timeout && (o->timeout != 0 || o->max_timeout != 0)) /* else it is the settings' mistake, not each route's */
		crf_problem(out, path, "timeout (%d ms) is longer than max_timeout (%d ms)", timeout, max_timeout);
	c->timeout = timeout * CRF_MS;
	c->max_timeout = max_timeout * CRF_MS;
	c->exponential = o->constant == 0 ? s->v.pause_with_exponential_backoff : o->constant == CARAFE_NONE;
	return true;
}

static crf_ns
backoff(const struct conf *c, int attempt)
{
	crf_ns wait = c->timeout;

	for (int i = 0; c->exponential && i < attempt && wait < c->max_timeout; i++)
		wait *= 2;
	return wait < c->max_timeout ? wait : c->max_timeout;
}

static void
after(struct crf_step *s)
{
	if (s->rc != CARAFE_OK && !s->exhausted)
		crf_claim_hold(s->claims, CRF_RANK_RETRY, s->now + backoff(s->conf, s->attempt));
}

const struct crf_feature crf_retry = {
	.name = "retry",
	.conf_size = sizeof(struct conf),
	.compile = compile,
	.on = { [CRF_AFTER] = after },
};
