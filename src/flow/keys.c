/* Key-level concurrency: the consumer of a partition takes messages in, lets the filters see them and gives them away to
 * strands, which are consumers of their own (work/spread.h). They do the rest: handlers, and what follows from their verdict. */
#include <carafe/feature/keys.h>

#include <stdlib.h>

#include "core/hash.h"
#include "core/opts.h"
#include "flow/consumer.h"
#include "work/spread.h"

#define STRANDS_MOST 10000
#define HAND 16 /* what a strand with a message handler takes at a time; others wait for a lock meanwhile */
#define TAKE 128 /* messages at a time from librdkafka, unless many are waited for: strands have nothing to do meanwhile */
#define GIVE 32 /* what they are given at a time */

struct conf {
	int max;
	bool stay;
	carafe_keys_partitioner partitioner;
};

/* Of a partition. */
struct crf_keys {
	const struct conf *conf;
	struct crf_spread *spread;
	struct crf_lane_ops whole, strand; /* the flow's, with what is different for either */
	bool asked, recalled; /* the turn's: for what was done by others before; that is known, or never will be */
	struct {
		int64_t offset;
		char *metadata;
		char *problem; /* NULL: none */
	} committed; /* the answer, when the lane has been told that it arrived */
};

void
carafe_keys_(carafe_route *route, const carafe_keys_opts *opts)
{
	carafe_keys_opts o;

	if (!crf_opts_copy(&o, sizeof(o), opts))
		o.size = CRF_OPTS_UNKNOWN;
	crf_route_set_option(route, &crf_keys, crf_keys.name, &o, sizeof(o));
}

static bool
compile(const struct crf_topic *t, const void *drawn, const struct crf_settings *s, void *conf, const char *path,
    struct crf_problems *out)
{
	const carafe_keys_opts *o = drawn;
	struct conf *c = conf;
	int most = t->max_messages < STRANDS_MOST ? t->max_messages : STRANDS_MOST;

	if (o == NULL)
		return false;
	crf_check_known(o->size, path, out);
	if (o->max < 0 || o->max > STRANDS_MOST)
		crf_problem(out, path, "max must be 1 to %d strands, it is %d", STRANDS_MOST, o->max);
	else if (o->max > most)
		crf_problem(out, path, "max (%d strands) is more than max_messages (%d): so many never have work; raise max_messages",
		    o->max, t->max_messages);
	if (o->distribution != CARAFE_KEYS_BALANCED && o->distribution != CARAFE_KEYS_CONSISTENT)
		crf_problem(out, path, "distribution is %d; CARAFE_KEYS_BALANCED and CARAFE_KEYS_CONSISTENT are allowed",
		    (int)o->distribution);
	c->max = o->max != 0 ? o->max : s->v.concurrency < most ? s->v.concurrency : most;
	c->stay = o->distribution == CARAFE_KEYS_CONSISTENT;
	c->partitioner = o->partitioner;
	return true;
}

/* ------------------------------------------------------------------------------------------------ strands */

static void
let_through(struct crf_lane *l, crf_ns now)
{
	(void)now;
	l->strand.batch->limit = l->strand.batch->count;
}

/* A hook of an idle strand may take long, or pause it, and what comes meanwhile must not wait for that. What has come already is first:
 * it is not idle. Afterwards it looks again. */
static void
strand_hook(struct crf_lane *l, carafe_hook which)
{
	bool is_for_idle = which == CARAFE_HOOK_TICK || which == CARAFE_HOOK_EOFED;

	if (is_for_idle && !crf_spread_step_aside(l->source) && l->pause_until == 0)
		return;
	crf_flow_ops.hook(l, which);
	if (is_for_idle)
		crf_lane_wake(l);
}

static void
strand_quieted(struct crf_lane *l)
{
	crf_flow_ops.quieted(l);
	crf_spread_quieted(l->source);
}

static void
strand_gone(struct crf_lane *l)
{
	crf_spread_close(l->source);
	crf_flow_ops.gone(l);
}

/* Each batch is filled by itself, if that is waited for at all; single messages are waited for before they are given away. */
static void
open_strand(struct carafe_consumer *whole, int number, crf_ns first_tick)
{
	struct crf_keys *k = whole->keys;
	struct carafe_consumer *c = crf_consumer_new_strand(whole, &crf_spread_source, crf_spread_share(k->spread, number));
	bool batches = c->topic->handler.consume != NULL;

	c->in_order = true;
	c->lane.ops = &k->strand;
	c->lane.number = number;
	if (!batches) {
		c->lane.max_wait = 0;
		c->lane.max_messages = c->lane.max_messages < HAND ? c->lane.max_messages : HAND;
	}
	if (first_tick > 0)
		c->lane.next_tick = first_tick;
	crf_lock(&c->flow->mu); /* who knows it may wake it, which must be open then; and once it is open, it may go */
	crf_consumer_list(c);
	crf_spread_open(k->spread, number, &c->lane);
	crf_unlock(&whole->flow->mu);
}

/* ------------------------------------------------------------------------------------------------ the partition's consumer */

static uint64_t
key_of(struct carafe_consumer *c, const carafe_message *m)
{
	const struct conf *conf = c->keys->conf;
	uint64_t key = 0;

	if (conf->partitioner == NULL)
		return m->key.data != NULL ? carafe_hash(m->key) : crf_hash(&m->offset, sizeof(m->offset));
	if (conf->partitioner(m, c->topic->arg, &key))
		return key;
	CRF_EMIT(c->flow->bus, CARAFE_EV_CONSUMER_ERROR, CRF_STR(TYPE, "partitioner"), CRF_WHERE(c), CRF_INT(OFFSET, m->offset),
	    CRF_STR(TEXT, "the partitioner cannot tell the message's key: it is handed out in order with others like it"));
	return 0;
}

/* On any thread. */
static void
told(void *arg, int64_t offset, char *metadata, const carafe_error *err)
{
	struct carafe_consumer *c = arg;

	c->keys->committed.offset = offset;
	c->keys->committed.metadata = metadata;
	c->keys->committed.problem = err->rc != CARAFE_OK ? crf_strdup(err->text) : NULL;
	crf_lane_arrived(&c->lane);
}

/* What whoever had the partition before has done is in the commit's metadata. */
static void
ask(struct carafe_consumer *c)
{
	struct crf_strand *s = &c->lane.strand;

	c->keys->asked = s->asks = true;
	s->awaiting = true;
	c->lane.from->ask_committed(c->lane.source, told, c);
}

static void
recall(struct carafe_consumer *c)
{
	struct crf_keys *k = c->keys;

	k->asked = c->lane.strand.asks = false;
	k->recalled = true;
	if (k->committed.problem == NULL)
		crf_spread_recall(k->spread, k->committed.offset, k->committed.metadata);
	else if (crf_lane_owned(&c->lane))
		CRF_EMIT(c->flow->bus, CARAFE_EV_CONSUMER_ERROR, CRF_STR(TYPE, "keys"), CRF_WHERE(c),
		    CRF_STR(TEXT, k->committed.problem),
		    CRF_STR(HINT, "what was done before behind the committed offset is handed out again"));
	free(k->committed.metadata);
	free(k->committed.problem);
}

/* How many: fewer when all come to an end. */
static size_t
put_all(struct carafe_consumer *c, carafe_message *messages, const uint64_t *keys, size_t count)
{
	int open = 0;
	size_t n = 0;

	while (n < count && open != CRF_SPREAD_NONE) {
		n += crf_spread_put(c->keys->spread, messages + n, keys + n, count - n, &open);
		if (open != CRF_SPREAD_NONE)
			open_strand(c, open, 0);
	}
	return n;
}

/* Some of them; how many: 0 when all come to an end. */
static size_t
give_away(struct carafe_consumer *c, carafe_message *messages, size_t most)
{
	struct crf_spread *sp = c->keys->spread;
	uint64_t keys[GIVE];
	size_t n = 0;

	if (crf_spread_is_done(sp, messages)) {
		crf_spread_skip(sp, messages);
		c->lane.from->free_native(c->lane.source, messages->native_);
		messages->native_ = NULL;
		return 1;
	}
	for (; n < most && n < GIVE && !crf_spread_is_done(sp, &messages[n]); n++)
		keys[n] = key_of(c, &messages[n]);
	return put_all(c, messages, keys, n);
}

static void
give_all_away(struct carafe_consumer *c, struct carafe_batch *b)
{
	size_t room = crf_spread_room(c->keys->spread), most = b->limit - b->head, given;

	for (size_t left = most < room ? most : room; left > 0; left -= given, b->head += given)
		if ((given = give_away(c, &b->messages[b->head], left)) == 0)
			return;
}

static void
run(struct crf_lane *l, crf_ns now)
{
	struct carafe_consumer *c = l->flow;

	(void)now;
	atomic_store(&c->at_end, false);
	if (!c->keys->recalled) {
		ask(c);
		return;
	}
	give_all_away(c, l->strand.batch);
	if (!l->strand.awaiting)
		crf_spread_await(c->keys->spread);
}

static struct crf_spread *
spread_of(const struct crf_lane *l)
{
	return ((const struct carafe_consumer *)l->flow)->keys->spread;
}

static bool
slide(struct crf_lane *l)
{
	return crf_spread_room(spread_of(l)) > 0;
}

static void
back(struct crf_lane *l, bool anew)
{
	if (anew)
		crf_spread_begin_anew(spread_of(l));
	else
		crf_spread_forget(spread_of(l));
}

/* What was given away cannot be gone back to, and what a seek has left out is not. */
static void
forget_given(struct crf_lane *l)
{
	const struct carafe_batch *b = l->strand.batch;

	if (b == NULL)
		return;
	crf_lane_drop_done(l);
	if (b->count == 0)
		crf_lane_drop_batch(l);
}

static bool
steer(struct crf_lane *l, crf_ns now)
{
	forget_given(l);
	return crf_flow_ops.steer(l, now);
}

static void
resume(struct crf_lane *l, crf_ns now)
{
	struct carafe_consumer *c = l->flow;

	if (c->keys->asked)
		recall(c);
	else if (!c->seek.going)
		crf_spread_await(spread_of(l));
	else
		crf_flow_ops.resume(l, now);
}

static void
sought(struct crf_lane *l)
{
	struct carafe_consumer *c = l->flow;

	crf_spread_forget(spread_of(l));
	c->keys->recalled = true; /* nobody wants to know any more */
}

/* Hooks are the strands'. There must be one for them. */
static bool
wants(const struct crf_lane *l, carafe_hook which)
{
	return crf_flow_ops.wants(l, which) && (which == CARAFE_HOOK_EOFED || crf_spread_opened(spread_of(l)) == 0);
}

static void
hook(struct crf_lane *l, carafe_hook which)
{
	if (crf_spread_opened(spread_of(l)) == 0)
		open_strand(l->flow, 0, crf_now());
	if (which == CARAFE_HOOK_EOFED)
		crf_spread_tell_end(spread_of(l), l->eof_offset);
}

static void
raised(struct crf_lane *l, unsigned signals)
{
	crf_spread_raise(spread_of(l), signals);
}

static bool
at_rest(const struct crf_lane *l)
{
	return crf_spread_at_rest(spread_of(l));
}

static char *
note(const struct crf_lane *l)
{
	return crf_spread_note(spread_of(l));
}

static bool
finished(struct crf_lane *l, unsigned signals)
{
	return crf_spread_finished(spread_of(l), signals);
}

static void
gone(struct crf_lane *l)
{
	struct crf_keys *k = ((struct carafe_consumer *)l->flow)->keys;

	crf_flow_ops.gone(l);
	crf_spread_free(k->spread);
	free(k);
}

static void
opened(struct carafe_consumer *c, const void *conf)
{
	struct crf_keys *k = c->keys = crf_new(struct crf_keys);

	k->conf = conf;
	k->spread = crf_spread_new(&c->lane, c->lane.max_messages, k->conf->max, k->conf->stay);
	k->whole = k->strand = crf_flow_ops;
	k->whole.run = run;
	k->whole.resume = resume;
	k->whole.steer = steer;
	k->whole.slide = slide;
	k->whole.wants = wants;
	k->whole.hook = hook;
	k->whole.raised = raised;
	k->whole.at_rest = at_rest;
	k->whole.note = note;
	k->whole.sought = sought;
	k->whole.back = back;
	k->whole.finished = finished;
	k->whole.gone = gone;
	k->strand.filter = let_through;
	k->strand.hook = strand_hook;
	k->strand.quieted = strand_quieted;
	k->strand.gone = strand_gone;
	c->lane.ops = &k->whole;
	if (c->topic->handler.consume != NULL)
		c->lane.max_wait = 0;
	if (c->lane.max_wait == 0 && c->lane.max_messages > TAKE)
		c->lane.max_messages = TAKE;
}

/* ------------------------------------------------------------------------------------------------ what users call */

int
carafe_strand(const carafe_consumer *c)
{
	crf_check_consumer(c);
	return c->lane.number;
}

uint64_t
carafe_hash(carafe_bytes bytes)
{
	return crf_hash(bytes.data, bytes.len);
}

const struct crf_feature crf_keys = { .name = "keys", .conf_size = sizeof(struct conf), .compile = compile, .opened = opened };
