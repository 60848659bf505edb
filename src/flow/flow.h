/* The flow: what every consumer of an app shares. */
#ifndef CRF_FLOW_FLOW_H
#define CRF_FLOW_FLOW_H

#include "bus/bus.h"
#include "producer/producer.h"
#include "route/route.h"
#include "work/lane.h"

struct crf_flow {
	carafe *app;
	struct crf_bus *bus;
	struct crf_pool *pool;
	struct crf_producer *producer; /* NULL when no feature writes */
	crf_ns tick_interval;
	crf_ns pause_timeout; /* of a pause that says none */
	/* Something changed that the app may be waiting for: a consumer fell quiet, reached the end, is gone. Any worker. */
	void (*changed)(carafe *app);
	/* A handler said that nothing can go on. Any worker. */
	void (*critical)(carafe *app, const char *why);

	struct crf_mutex mu;
	struct crf_list consumers; /* mu */

	_Atomic int64_t first; /* crf_ns of the first run */
	_Atomic int64_t consumed;
	_Atomic int64_t failed;
	_Atomic int64_t retried;
	_Atomic int64_t dead;
};

void crf_flow_init(struct crf_flow *f, carafe *app, struct crf_bus *bus, struct crf_pool *pool);
void crf_flow_fini(struct crf_flow *f);

/* A consumer of a partition, with its lane, that lives on source. Whoever opens sources. */
struct carafe_consumer *crf_consumer_new(struct crf_flow *f, const struct crf_topic *t, int32_t partition,
    const struct crf_source_ops *from, void *source);
/* For a source that is a struct crf_epoch. */
extern const struct crf_source_ops crf_epoch_source;
/* Its lane; and what belongs to a lane. */
struct crf_lane *crf_consumer_lane(struct carafe_consumer *c);

/* Raises the signals with every consumer. Any thread. */
void crf_flow_raise(struct crf_flow *f, unsigned signals);
/* Consumers that are to come to an end do not wait for ever for what is on its way elsewhere: it counts as failed, and is
 * handed out again. To be called now and then. */
void crf_flow_give_up_dispatches(struct crf_flow *f, crf_ns now);
/* Every consumer has done what it must when asked to fall quiet. */
bool crf_flow_is_quiet(struct crf_flow *f);
/* Every consumer has reached the end of its partition; false when there is none. */
bool crf_flow_at_end(struct crf_flow *f);
/* Since when a consumer has waited for work that it has deferred, the one that waits longest; 0: none does. Those of long-running
 * topics may take as long as they like. Any thread. */
crf_ns crf_flow_deferred_since(struct crf_flow *f);
/* Adds a line on each consumer; on those alone that wait for what their handlers have deferred. */
void crf_flow_describe(struct crf_flow *f, struct crf_buf *out);
void crf_flow_describe_deferred(struct crf_flow *f, struct crf_buf *out);
/* The consumer whose lane's task this is, for those who look at running turns. */
struct carafe_consumer *crf_consumer_of_task(struct crf_task *t);
const struct crf_topic *crf_consumer_topic(const struct carafe_consumer *c);
/* Since when a turn of it that began then has marked nothing, as far as it was seen to: its beginning, or when that was last called
 * and found a new mark. In crf_pool_running. */
crf_ns crf_consumer_progress(struct carafe_consumer *c, crf_ns turn, crf_ns now);
/* A turn of it that runs since then: true, once for the turn, when that is longer than its group allows and
 * nothing was marked for so long. Not for a topic
 * that is long-running, nor for who is coming to an end, which has limits of its own. In crf_pool_running. */
bool crf_consumer_overdue(struct carafe_consumer *c, crf_ns since, crf_ns now);
/* Its partition's group must do without it meanwhile. */
void crf_consumer_give_up(struct carafe_consumer *c);

#endif
