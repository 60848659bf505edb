/* Dead letter queue: what failed too often goes to another topic, and the partition goes on. */
#include <carafe/feature/dlq.h>

#include <string.h>

#include "core/opts.h"
#include "flow/feature.h"

#define DEFAULT_RETRIES 3

struct drawn {
	carafe_dlq_opts opts;
	char topic[256]; /* cut when it is longer, which is too long for Kafka anyway */
};

struct conf {
	const char *topic; /* the route's */
	int max_retries;
	bool independent;
	bool marks;
};

void
carafe_dlq_(carafe_route *route, const carafe_dlq_opts *opts)
{
	struct drawn d = { 0 };

	if (!crf_opts_copy(&d.opts, sizeof(d.opts), opts))
		d.opts.size = CRF_OPTS_UNKNOWN;
	if (d.opts.topic != NULL)
		strncpy(d.topic, d.opts.topic, sizeof(d.topic) - 1);
	crf_route_set_option(route, &crf_dlq, crf_dlq.name, &d, sizeof(d));
}

static bool
compile(const struct crf_topic *t, const void *drawn, const struct crf_settings *s, void *conf, const char *path,
    struct crf_problems *out)
{
	const struct drawn *d = drawn;
	struct conf *c = conf;
	const char *wrong;

	(void)s;
	if (d == NULL)
		return false;
	crf_check_known(d->opts.size, path, out);
	if ((wrong = crf_topic_name_problem(d->topic)) != NULL)
		crf_problem(out, path, "topic \"%s\" %s", d->topic, wrong);
	if (strcmp(d->topic, t->name) == 0)
		crf_problem(out, path, "topic is the one that is consumed: dead letters would come back for ever");
	if (d->opts.max_retries < CARAFE_NONE)
		crf_problem(out, path, "max_retries must be 0 or more (CARAFE_NONE for 0), it is %d", d->opts.max_retries);
	c->topic = d->topic;
	c->max_retries = d->opts.max_retries == 0         ? DEFAULT_RETRIES :
			 d->opts.max_retries == CARAFE_NONE ? 0 :
							      d->opts.max_retries;
	c->independent = d->opts.independent != 0;
	c->marks = !t->manual_marking && !d->opts.leave_unmarked;
	return true;
}

static void
after(struct crf_step *s)
{
	const struct conf *c = s->conf;

	if (s->rc == CARAFE_OK || s->exhausted)
		return;
	if (c->independent && s->advanced)
		crf_count_anew(s);
	if (s->attempt > c->max_retries)
		crf_claim_dispatch(s->claims, CRF_RANK_RETRY, c->topic, c->marks);
}

static const char *
target(const void *conf)
{
	return ((const struct conf *)conf)->topic;
}

const struct crf_feature crf_dlq = {
	.name = "dlq",
	.conf_size = sizeof(struct conf),
	.compile = compile,
	.on = { [CRF_AFTER] = after },
	.target = target,
};
