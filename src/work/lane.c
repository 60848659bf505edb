#include "work/lane.h"

#include <stdlib.h>

#include "core/mem.h"

void
crf_lane_wake(struct crf_lane *l)
{
	crf_task_wake(l->pool, &l->task);
}

void
crf_lane_raise(struct crf_lane *l, unsigned signals)
{
	if (l->ops->raised != NULL)
		l->ops->raised(l, signals);
	crf_task_signal(l->pool, &l->task, &l->signals, signals);
}

void
crf_lane_arrived(struct crf_lane *l)
{
	crf_task_signal(l->pool, &l->task, &l->strand.arrived, 1);
}

void
crf_lane_call(struct crf_lane *l, struct crf_called *called)
{
	crf_task_call(l->pool, &l->task, called);
}

void
crf_lane_arrived_kept(struct crf_lane *l, struct crf_called *called)
{
	atomic_store(&l->strand.arrived, 1);
	crf_lane_call(l, called);
}

carafe_rc
crf_lane_mark(struct crf_lane *l, int64_t offset, int32_t leader_epoch)
{
	carafe_rc rc = l->from->mark(l->source, offset + 1, leader_epoch, l->metadata);

	if (rc == CARAFE_OK)
		l->unmarked = offset + 1;
	if (l->metadata != NULL)
		crf_lane_annotate(l, NULL);
	return rc;
}

void
crf_lane_annotate(struct crf_lane *l, const char *metadata)
{
	free(l->metadata);
	l->metadata = crf_strdup(metadata);
}

void
crf_lane_skip_marked(struct crf_lane *l)
{
	struct carafe_batch *b = l->strand.batch;

	while (b->head < b->limit && b->messages[b->head].offset < l->unmarked)
		b->head++;
}

bool
crf_lane_should_stop(const struct crf_lane *l)
{
	return atomic_load_explicit(&l->signals, memory_order_relaxed) != 0;
}

bool
crf_lane_owned(const struct crf_lane *l)
{
	return l->from->owned(l->source);
}

/* A turn begins with its state and then reads the signals; here they were raised and then the state is read. Either this sees
 * the turn, or the turn sees the signals. */
bool
crf_lane_at_rest(const struct crf_lane *l)
{
	if (crf_task_is_running(&l->task))
		return false;
	return l->ops->at_rest != NULL ? l->ops->at_rest(l) : !atomic_load(&l->strand.awaiting);
}

char *
crf_lane_note(const struct crf_lane *l)
{
	return l->ops->note != NULL ? l->ops->note(l) : NULL;
}

void
crf_lane_describe(const struct crf_lane *l, struct crf_buf *out)
{
	static const char *const states[] = { "idle", "ready", "running", "running" };

	crf_buf_printf(out, "%s[%d] ", l->topic, l->partition);
	if (l->number >= 0)
		crf_buf_printf(out, "strand %d ", l->number);
	crf_buf_printf(out, "%s at offset %lld%s", states[atomic_load(&l->task.state) & 3], (long long)atomic_load(&l->at),
	    crf_lane_should_stop(l) ? ", coming to an end" : "");
}
