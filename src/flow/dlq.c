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
	const char *topic; /* the route's; NULL: skip */
	int max_retries;
	bool independent;
	bool marks;
	const struct crf_topic *own; /* what is consumed; may be a pattern */
	carafe_dlq_strategy strategy;
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
	if (d->opts.skip && d->topic[0] != '\0')
		crf_problem(out, path, "topic and skip exclude each other: is it written to \"%s\", or left out?", d->topic);
	if (!d->opts.skip && (wrong = crf_topic_name_problem(d->topic)) != NULL)
		crf_problem(out, path, "topic \"%s\" %s", d->topic, wrong);
	if (strcmp(d->topic, t->name) == 0)
		crf_problem(out, path, "topic is the one that is consumed: dead letters would come back for ever");
	if (d->opts.max_retries < CARAFE_NONE)
		crf_problem(out, path, "max_retries must be 0 or more (CARAFE_NONE for 0), it is %d", d->opts.max_retries);
	c->topic = d->opts.skip ? NULL : d->topic;
	c->own = t;
	c->strategy = d->opts.strategy;
	c->max_retries = d->opts.max_retries == 0         ? DEFAULT_RETRIES :
			 d->opts.max_retries == CARAFE_NONE ? 0 :
							      d->opts.max_retries;
	c->independent = d->opts.independent != 0;
	c->marks = !t->manual_marking && !d->opts.leave_unmarked;
	return true;
}

static void
let_go(struct crf_step *s, const char *topic)
{
	const struct conf *c = s->conf;

	if (topic == NULL)
		crf_claim_skip(s->claims, CRF_RANK_RETRY, c->marks);
	else
		crf_claim_dispatch(s->claims, CRF_RANK_RETRY, topic, c->marks);
}

/* Its route consumes that topic, or would. */
static bool
is_own(const struct crf_topic *t, const char *topic)
{
	return crf_routing_owner(t->connection->routing, t->connection->group, topic) == t->route;
}

const char *
crf_dead_letter_problem(const struct crf_topic *t, const char *topic)
{
	if (topic == NULL || crf_topic_name_problem(topic) != NULL)
		return "the dead letter's topic is no name of a topic";
	if (is_own(t, topic))
		return "the dead letter's topic is one that its route consumes: dead letters would come back for ever";
	return NULL;
}

/* A topic that the strategy has chosen: NULL when it will do, else why not. */
static const char *
topic_problem(const struct conf *c, const char *topic)
{
	if (c->topic == NULL)
		return "the strategy asks for a dead letter on a route that has .skip and so no dead letter queue";
	return crf_dead_letter_problem(c->own, topic);
}

static void
dispatch(struct crf_step *s, const char *topic)
{
	const char *wrong = topic_problem(s->conf, topic);

	if (wrong != NULL)
		crf_complain(s, "strategy", wrong);
	else
		let_go(s, topic);
}

static void
by_count(struct crf_step *s)
{
	const struct conf *c = s->conf;

	if (s->attempt > c->max_retries)
		let_go(s, c->topic);
}

static void
by_strategy(struct crf_step *s)
{
	const struct conf *c = s->conf;
	const char *topic = c->topic;
	carafe_dlq_verdict verdict = c->strategy(s->consumer, crf_failed_message(s), crf_failures_of(s), &topic);

	switch (verdict) {
	case CARAFE_DLQ_BY_COUNT:
		by_count(s);
		return;
	case CARAFE_DLQ_RETRY:
		return;
	case CARAFE_DLQ_DISPATCH:
		dispatch(s, topic);
		return;
	case CARAFE_DLQ_SKIP:
		let_go(s, NULL);
		return;
	}
	crf_complain(s, "strategy", "the strategy returned what is no carafe_dlq_verdict");
}

static void
after(struct crf_step *s)
{
	const struct conf *c = s->conf;

	if (s->rc == CARAFE_OK || s->exhausted || s->undelivered)
		return;
	if (c->independent && s->advanced)
		crf_count_anew(s);
	if (c->strategy != NULL)
		by_strategy(s);
	else
		by_count(s);
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
