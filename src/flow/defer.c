/* Deferral: a handler's work goes on when the handler has returned, and ends on any thread.
 *
 * A consumer that defers has a window: a slot for each message of the batch in hand. The turn hands out messages and moves the
 * head over slots that are finished, so marks keep the order of offsets; completions fill slots in from outside. While
 * something is in progress the strand awaits, and its lane stays: so who completes may wake it, as long as the window is
 * locked. Failures are not looked at before everything else has come back, so what follows from them (retry, dead letter)
 * never runs beside anything. */
#include "flow/defer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <carafe/feature/deferral.h>

#define DEFERRED_MAGIC CRF_MAGIC('D', 'E', 'F', 'R')
#define check_deferred(d)                                                                                              \
	crf_check_handle((d), DEFERRED_MAGIC, "deferred work", "what carafe_defer() has returned, until carafe_complete()")

enum state { NEW, IN_PROGRESS, DONE, FAILED };

struct slot {
	enum state state;
	carafe_rc rc;              /* FAILED */
	char *why;                 /* FAILED; may be NULL */
	const carafe_deferred *by; /* IN_PROGRESS: who will say; gone in other states */
};

struct crf_window {
	struct crf_mutex mu; /* everything below */
	int refs;            /* the consumer's and one for each deferred */
	struct carafe_consumer *consumer; /* there while something is in progress, and in its turns */
	uint64_t base;       /* number of slot 0 */
	uint64_t front;      /* number of the slot at the head, while suspended */
	size_t in_progress, failed;
	carafe_deferred *spare; /* completed ones */
	bool suspended;      /* the strand awaits: completions wake it */
	size_t cap;
	struct slot slots[];
};

struct carafe_deferred {
	uint32_t magic;
	struct crf_window *window;
	carafe_deferred *next; /* spare */
	uint64_t number;
	int64_t offset; /* of the message, or the batch's first */
	crf_ns since;
	carafe_message message; /* no topic: a batch */
};

static bool
takes_batches(const struct carafe_consumer *c)
{
	return c->topic->handler.consume != NULL;
}

/* ------------------------------------------------------------------------------------------------ the window */

static struct crf_window *
window_of(struct carafe_consumer *c)
{
	size_t cap = c->lane.strand.batch->cap;
	struct crf_window *w = c->window;

	if (w != NULL)
		return w;
	w = crf_alloc(1, sizeof(*w) + cap * sizeof(w->slots[0]));
	crf_mutex_init(&w->mu);
	w->refs = 1;
	w->consumer = c;
	w->cap = cap;
	c->window = w; /* from here on others look */
	return w;
}

/* mu held, unless nobody else knows the window any more. */
static carafe_deferred *
take_spare(struct crf_window *w)
{
	carafe_deferred *d = w->spare;

	if (d != NULL)
		w->spare = d->next;
	return d;
}

/* mu held, and given back. */
static void
unref(struct crf_window *w)
{
	bool last = --w->refs == 0;

	crf_unlock(&w->mu);
	if (!last)
		return;
	for (size_t i = 0; i < w->cap; i++)
		free(w->slots[i].why);
	while (w->spare != NULL)
		free(take_spare(w));
	crf_mutex_fini(&w->mu);
	free(w);
}

void
crf_window_free(struct carafe_consumer *c)
{
	if (c->window == NULL)
		return;
	crf_lock(&c->window->mu);
	c->window->consumer = NULL;
	unref(c->window);
}

/* mu held. */
static void
fill(struct crf_window *w, struct slot *s, enum state state, carafe_rc rc, const char *why)
{
	w->in_progress += (state == IN_PROGRESS) - (s->state == IN_PROGRESS);
	w->failed += (state == FAILED) - (s->state == FAILED);
	free(s->why);
	*s = (struct slot){ .state = state, .rc = rc, .why = why != NULL && why[0] != '\0' ? crf_strdup(why) : NULL };
}

static void
finish(struct crf_window *w, struct slot *s, carafe_rc rc, const char *why)
{
	fill(w, s, rc == CARAFE_OK ? DONE : FAILED, rc, why);
}

/* For those who look whether it is ever completed. */
static void
wait_since(struct carafe_consumer *c, crf_ns when)
{
	atomic_store_explicit(&c->deferred_since, when, memory_order_relaxed);
}

/* mu held. What the slot says is the handler's verdict now. */
static carafe_rc
take_verdict(struct carafe_consumer *c, struct slot *s)
{
	carafe_rc rc = s->state == DONE ? CARAFE_OK : s->rc;

	snprintf(c->why, sizeof(c->why), "%s", s->why != NULL ? s->why : "");
	c->attempt = c->lane.strand.attempt;
	fill(c->window, s, NEW, CARAFE_OK, NULL);
	wait_since(c, 0);
	return rc;
}

/* mu held. The strand awaits the next completion that matters. */
static void
await(struct carafe_consumer *c)
{
	struct crf_window *w = c->window;
	struct crf_strand *s = &c->lane.strand;

	w->front = w->base + (takes_batches(c) ? 0 : s->batch->head);
	w->suspended = true;
	s->lent = true;
	s->awaiting = true;
	if (atomic_load_explicit(&c->deferred_since, memory_order_relaxed) == 0)
		wait_since(c, crf_worker_began(c->lane.worker));
}

/* mu held. This run of the head ends only when it is completed: the run after that is the same one. */
static carafe_rc
suspend(struct carafe_consumer *c)
{
	await(c);
	c->resumes = true;
	c->lane.strand.attempt--;
	return CARAFE_PENDING;
}

/* mu held. The head moves over what is done; how far. */
static size_t
pass_finished(struct carafe_consumer *c)
{
	struct carafe_batch *b = c->lane.strand.batch;
	struct crf_window *w = c->window;
	size_t first = b->head;

	while (b->head < b->limit && w->slots[b->head].state == DONE)
		fill(w, &w->slots[b->head++], NEW, CARAFE_OK, NULL);
	if (b->head == first)
		return 0;
	wait_since(c, 0); /* the next one is waited for anew */
	if (!c->topic->manual_marking)
		crf_steer_mark(c, first, b->head);
	crf_failures_clear(&c->failures);
	return b->head - first;
}

/* ------------------------------------------------------------------------------------------------ handing out */

/* mu held. What is in the slot after the handler has returned. */
static void
settle(struct carafe_consumer *c, size_t i, carafe_rc rc)
{
	struct crf_window *w = c->window;
	struct slot *s = &w->slots[i];
	char why[CARAFE_ERROR_TEXT];

	if (c->deferred != NULL && rc != CARAFE_PENDING) {
		snprintf(why, sizeof(why), "the handler returned %s after carafe_defer(): it must return CARAFE_PENDING",
		    carafe_rc_name(rc));
		finish(w, s, CARAFE_INVALID, why);
	} else if (c->deferred == NULL && rc == CARAFE_PENDING) {
		finish(w, s, CARAFE_INVALID, "the handler returned CARAFE_PENDING without carafe_defer()");
	} else if (c->deferred == NULL) {
		finish(w, s, rc, c->why);
	}
	c->deferred = NULL;
}

/* mu held, but not while the handler runs. */
static void
hand_out(struct carafe_consumer *c, size_t i)
{
	const struct crf_strand *s = &c->lane.strand;
	const carafe_message *m = &s->batch->messages[i];
	carafe_rc rc;

	crf_unlock(&c->window->mu);
	c->handed = i;
	c->why[0] = '\0';
	c->attempt = i == s->batch->head ? s->attempt : 1;
	atomic_store_explicit(&c->lane.at, m->offset, memory_order_relaxed);
	rc = c->topic->handler.message(c, m);
	crf_lock(&c->window->mu);
	settle(c, i, rc);
}

/* mu held. The next message for the handler: one that is retried, which is at the head, or the first that it never had. */
static bool
next_to_hand_out(const struct carafe_consumer *c, size_t *i)
{
	const struct carafe_batch *b = c->lane.strand.batch;
	const struct crf_window *w = c->window;

	*i = b->head;
	if (b->head < b->limit && w->slots[b->head].state == NEW)
		return true;
	*i = crf_batch_fresh(b);
	return *i < b->limit && w->failed == 0 && !(c->in_order && w->in_progress > 0);
}

/* mu held. What the run came to, once nothing more can be handed out. */
static carafe_rc
conclude(struct carafe_consumer *c)
{
	struct crf_strand *s = &c->lane.strand;
	struct crf_window *w = c->window;

	if (pass_finished(c) > 0)
		s->attempt = 1;
	if (w->in_progress > 0)
		return suspend(c);
	if (s->batch->head < s->batch->limit && w->slots[s->batch->head].state == FAILED)
		return take_verdict(c, &w->slots[s->batch->head]);
	return CARAFE_OK;
}

/* mu held, but not while the handler runs. */
static void
hand_out_all(struct carafe_consumer *c)
{
	struct carafe_batch *b = c->lane.strand.batch;

	for (size_t i; next_to_hand_out(c, &i);) {
		hand_out(c, i);
		if (i >= b->fresh)
			b->fresh = i + 1;
		if (crf_lane_should_yield(&c->lane))
			return;
	}
}

carafe_rc
crf_window_run(struct carafe_consumer *c)
{
	struct crf_strand *s = &c->lane.strand;
	carafe_rc rc;

	s->awaiting = s->lent = false;
	crf_lock(&c->window->mu);
	c->window->suspended = false;
	atomic_store(&s->arrived, 0); /* what came back since the turn began is seen here; what is awaited next has not arrived */
	if (pass_finished(c) > 0)
		s->attempt = 1;
	hand_out_all(c);
	rc = conclude(c);
	crf_unlock(&c->window->mu);
	return rc;
}

carafe_rc
crf_window_take_over(struct carafe_consumer *c, carafe_rc rc)
{
	struct carafe_batch *b = c->lane.strand.batch;
	struct crf_window *w = window_of(c);

	crf_lock(&w->mu);
	settle(c, b->head, rc);
	b->fresh = b->head + 1;
	if (!crf_lane_should_yield(&c->lane))
		hand_out_all(c);
	rc = conclude(c);
	crf_unlock(&w->mu);
	return rc;
}

carafe_rc
crf_window_run_batch(struct carafe_consumer *c)
{
	struct crf_window *w = c->window;
	carafe_rc rc;

	c->lane.strand.lent = false;
	if (w != NULL && w->slots[0].state != NEW) { /* else nobody else looks at it */
		crf_lock(&w->mu);
	} else {
		rc = c->topic->handler.consume(c, c->lane.strand.batch);
		if (rc != CARAFE_PENDING && c->deferred == NULL)
			return rc;
		w = window_of(c);
		crf_lock(&w->mu);
		settle(c, 0, rc);
	}
	rc = w->in_progress > 0 ? suspend(c) : take_verdict(c, &w->slots[0]);
	crf_unlock(&w->mu);
	return rc;
}

/* ------------------------------------------------------------------------------------------------ the lane's side */

size_t
crf_window_resume(struct carafe_consumer *c)
{
	struct crf_strand *s = &c->lane.strand;
	size_t passed = 0;

	crf_lock(&c->window->mu);
	c->window->suspended = false;
	passed = pass_finished(c);
	if (passed > 0)
		s->attempt = 0;
	s->lent = false;
	if (c->window->in_progress > 0)
		await(c);
	else
		wait_since(c, 0);
	crf_unlock(&c->window->mu);
	return passed;
}

size_t
crf_window_pass(struct carafe_consumer *c)
{
	size_t passed;

	if (c->window == NULL || takes_batches(c))
		return 0;
	crf_lock(&c->window->mu);
	passed = pass_finished(c);
	crf_unlock(&c->window->mu);
	return passed;
}

/* mu held. */
static void
forget_finished(struct crf_lane *l, struct crf_window *w)
{
	const struct carafe_batch *b = l->strand.batch;
	size_t by = b->head, left = b->count - by;

	crf_lane_drop_done(l);
	memmove(w->slots, w->slots + by, left * sizeof(w->slots[0]));
	memset(w->slots + left, 0, by * sizeof(w->slots[0]));
	w->base += by;
}

/* Not for each message anew, nor what must be there if the seek that is wished for fails. */
static bool
may_forget(const struct carafe_consumer *c)
{
	const struct crf_lane *l = &c->lane;

	return !c->wish.spares && l->strand.batch->head * 8 >= l->max_messages;
}

bool
crf_window_slide(struct crf_lane *l)
{
	struct carafe_consumer *c = l->flow;
	struct crf_window *w = c->window;
	bool more;

	if (takes_batches(c) || c->in_order)
		return false;
	crf_lock(&w->mu);
	more = w->failed == 0;
	if (more && may_forget(c))
		forget_finished(l, w);
	crf_unlock(&w->mu);
	return more;
}

bool
crf_window_settled(struct carafe_consumer *c)
{
	struct crf_window *w = c->window;
	bool settled;

	if (w == NULL)
		return true;
	crf_lock(&w->mu);
	settled = w->in_progress == 0 && w->failed == 0;
	crf_unlock(&w->mu);
	return settled;
}

void
crf_window_forget(struct carafe_consumer *c)
{
	struct crf_window *w = c->window;

	if (w == NULL)
		return;
	crf_lock(&w->mu);
	for (size_t i = 0; i < w->cap; i++)
		fill(w, &w->slots[i], NEW, CARAFE_OK, NULL);
	crf_unlock(&w->mu);
}

/* mu held; something is in progress. */
static const carafe_deferred *
first_in_progress(const struct crf_window *w)
{
	const struct slot *s = w->slots;

	while (s->state != IN_PROGRESS)
		s++;
	return s->by;
}

bool
crf_window_describe(struct carafe_consumer *c, struct crf_buf *out)
{
	struct crf_window *w = c->window;
	const carafe_deferred *first;
	size_t count = 0;

	if (w == NULL)
		return false;
	crf_lock(&w->mu);
	if ((count = w->in_progress) > 0) {
		first = first_in_progress(w);
		crf_buf_printf(out, "%zu deferred in progress, the first at offset %lld for %.1f s", count, (long long)first->offset,
		    (double)(crf_now() - first->since) / (double)CRF_SECOND);
	}
	crf_unlock(&w->mu);
	return count > 0;
}

/* ------------------------------------------------------------------------------------------------ what handlers call */

carafe_deferred *
carafe_defer(carafe_consumer *c)
{
	const struct carafe_batch *b;
	struct crf_window *w;
	carafe_deferred *d;
	size_t i;

	crf_check_consumer(c);
	b = c->lane.strand.batch;
	if (c->hook != CARAFE_HOOK_CONSUME || b == NULL || !c->proceeded || c->deferred != NULL)
		return NULL;
	i = takes_batches(c) ? 0 : c->window != NULL ? c->handed : b->head;
	w = window_of(c);
	crf_lock(&w->mu);
	if ((d = take_spare(w)) == NULL)
		d = crf_new(carafe_deferred);
	*d = (carafe_deferred){ .magic = DEFERRED_MAGIC, .window = w, .number = w->base + i,
		.offset = b->messages[takes_batches(c) ? b->head : i].offset, .since = crf_now() };
	if (!takes_batches(c))
		d->message = b->messages[i];
	w->refs++;
	fill(w, &w->slots[i], IN_PROGRESS, CARAFE_OK, NULL);
	w->slots[i].by = c->deferred = d;
	crf_unlock(&w->mu);
	return d;
}

const carafe_message *
carafe_deferred_message(const carafe_deferred *d)
{
	check_deferred(d);
	return d->message.topic != NULL ? &d->message : NULL;
}

/* mu held. Its slot, while the window waits for it; the lane is there as long. */
static struct slot *
slot_of(const carafe_deferred *d)
{
	struct crf_window *w = d->window;
	struct slot *s;

	if (w->consumer == NULL || d->number < w->base || d->number - w->base >= w->cap)
		return NULL;
	s = &w->slots[d->number - w->base];
	return s->state == IN_PROGRESS && s->by == d ? s : NULL;
}

bool
carafe_deferred_should_stop(const carafe_deferred *d)
{
	struct crf_window *w;
	bool stop;

	check_deferred(d);
	w = d->window;
	crf_lock(&w->mu);
	stop = slot_of(d) == NULL || crf_lane_should_stop(&w->consumer->lane);
	crf_unlock(&w->mu);
	return stop;
}

/* mu held. */
static void
wake(struct crf_window *w, uint64_t number, struct crf_called *called)
{
	if (!w->suspended || (w->in_progress > 0 && number != w->front))
		return;
	w->suspended = false;
	crf_lane_arrived_kept(&w->consumer->lane, called);
}

carafe_rc
carafe_complete(carafe_deferred *d, carafe_rc rc, const char *why)
{
	struct crf_window *w;
	struct crf_called called = { 0 };
	carafe_rc is = CARAFE_STATE;
	struct slot *s;

	check_deferred(d);
	w = d->window;
	crf_lock(&w->mu);
	if ((s = slot_of(d)) != NULL) {
		is = crf_lane_owned(&w->consumer->lane) ? CARAFE_OK : CARAFE_LOST;
		finish(w, s, rc == CARAFE_PENDING ? CARAFE_INVALID : rc, why);
		wake(w, d->number, &called);
	}
	d->magic = 0;
	d->next = w->spare;
	w->spare = d;
	unref(w);
	crf_called_wake(&called);
	return is;
}
