/* A lane: an assigned partition as an actor.
 *
 * It has a mailbox (its source), what is marked of it, a gate (nothing is taken in until), and a strand that works on what
 * it has in hand, one turn at a time. Nothing waits for anything else: a strand that backs off or waits for a dead
 * letter's acknowledgement takes no turns, and no other lane notices.
 *
 * Everything in a lane belongs to whoever takes its turn, but for the signals, which any thread may raise. What the
 * messages go through (filters, handlers, settlement) is behind crf_lane_ops; where they come from, and who owns the
 * partition, behind crf_source_ops: so a lane can be driven without a broker. */
#ifndef CRF_WORK_LANE_H
#define CRF_WORK_LANE_H

#include <limits.h>

#include <carafe/carafe.h>

#include "core/buf.h"
#include "kafka/kafka.h"
#include "work/batch.h"
#include "work/pool.h"

struct crf_lane;

/* Where messages come from. */
struct crf_source_ops {
	size_t (*take)(void *source, void **natives, size_t max);
	bool (*message)(void *source, void *native, const char *topic, carafe_message *m); /* false: it is none but news */
	int64_t (*stamp)(const carafe_message *m); /* tells messages at one offset apart; -1: unknown. NULL: none comes twice */
	bool (*doubtful)(const void *source); /* messages from before the first may come by mistake. NULL: never */
	int (*news)(const void *native, int64_t *offset, const char **text); /* CRF_NEWS_EOF; an error code */
	void (*free_native)(void *source, void *native); /* in the order they were taken */
	/* metadata: NULL, or what is to be committed with it; copied. CARAFE_LOST: no longer owned */
	carafe_rc (*mark)(void *source, int64_t next, int32_t leader_epoch, const char *metadata);
	carafe_rc (*commit)(void *source, carafe_error *err);
	carafe_rc (*committed)(void *source, int64_t *offset, char **metadata, carafe_error *err); /* what is; waits */
	void (*ask_committed)(void *source, crf_committed_fn *done, void *arg); /* the same; done: perhaps at once; any thread */
	/* done: perhaps at once; any thread. NULL: one can go back to what is in hand, and nowhere else */
	void (*seek)(void *source, struct crf_position to, crf_seek_fn *done, void *arg);
	void (*restated)(void *source); /* ops->note has something else to say of the last mark */
	bool (*owned)(const void *source);
	void (*forget)(void *source); /* what is marked: the log is another one. NULL: it never is */
	void (*drained)(void *source);
	void (*release)(void *source);
	int (*max_poll)(const void *source); /* ms that a turn may take before others think this member dead; 0: for ever */
	int64_t (*marked)(const void *source); /* the last mark, whatever it is; any thread */
	void (*overdue)(void *source); /* a turn takes longer than that; any thread, takes no lock */
};

#define CRF_NEWS_EOF INT_MAX /* no error code of Kafka or librdkafka */

/* What is done with them. All on the worker that takes the turn. */
struct crf_lane_ops {
	void (*filter)(struct crf_lane *l, crf_ns now); /* sets batch->limit, may gate */
	void (*run)(struct crf_lane *l, crf_ns now);    /* the handler, and what follows from it */
	void (*resume)(struct crf_lane *l, crf_ns now); /* what the strand awaited has come */
	bool (*steer)(struct crf_lane *l, crf_ns now); /* somebody wants it elsewhere, or not to go on; may it work now? */
	bool (*slide)(struct crf_lane *l); /* the strand is lent out: forgets what is finished; may more be taken in? */
	void (*hook)(struct crf_lane *l, carafe_hook hook);
	bool (*wants)(const struct crf_lane *l, carafe_hook hook);
	void (*error)(struct crf_lane *l, int code, const char *text); /* librdkafka said this of the partition */
	void (*quieted)(struct crf_lane *l); /* done with quiet: nothing in hand, shutdown hook run */
	void (*at_end)(struct crf_lane *l);  /* end of partition, nothing in hand */
	void (*gone)(struct crf_lane *l);    /* last call; frees */
	/* For a lane that gives messages away to other lanes (flow/keys.c); else NULL. */
	void (*raised)(struct crf_lane *l, unsigned signals); /* before the lane learns of them itself; any thread */
	bool (*at_rest)(const struct crf_lane *l); /* in the place of what the strand awaits; any thread */
	char *(*note)(const struct crf_lane *l); /* for the metadata of a commit, NULL nothing; the caller frees it; any thread */
	void (*sought)(struct crf_lane *l); /* it goes on elsewhere: what others did is wanted again, too */
	void (*back)(struct crf_lane *l, bool anew); /* the log steps back, with nothing in hand; anew: it is another one */
	bool (*finished)(struct crf_lane *l, unsigned signals); /* they have done what these signals ask of them; wakes when so */
};

/* A serial stream of work. */
struct crf_strand {
	struct carafe_batch *batch;
	int attempt;         /* runs so far of the work at the head */
	crf_ns hold_until;   /* no turn before; 0 */
	atomic_bool awaiting; /* something is on its way whose end wakes the lane */
	atomic_uint arrived; /* ... and has ended; set by another thread */
	bool lent;           /* what is awaited is the user's, who has messages of the batch meanwhile */
	bool asks;           /* what is awaited is an answer: of no use to a lane that comes to an end, nothing was begun */
};

enum { /* signals: raised by any thread, never taken back */
	CRF_LANE_QUIET = 1,  /* finish what is in hand, take nothing new */
	CRF_LANE_STOP = 2,   /* the same, then say drained */
	CRF_LANE_REVOKED = 4,/* the same, without the shutdown hook */
	CRF_LANE_LOST = 8,   /* let go of everything */
	CRF_LANE_ENDED = 16  /* the epoch has ended: end */
};

#define CRF_FILLED (-1)

struct crf_lane {
	struct crf_task task;
	struct crf_timer timer;
	struct crf_pool *pool;
	const struct crf_source_ops *from;
	void *source;
	const struct crf_lane_ops *ops;
	void *flow; /* the flow's own half */
	const char *topic;
	int32_t partition;
	int number; /* which of the lanes of its partition it is; -1: it has the partition */
	size_t max_messages;
	crf_ns max_wait;
	crf_ns tick_interval;
	atomic_uint signals;
	_Atomic int64_t at; /* offset that was last begun with; -1 */
	atomic_bool steered; /* ops->steer has something to do */

	/* the turn's */
	struct crf_strand strand;
	int64_t unmarked;   /* one behind the last mark, where a retry begins; an earlier message may have been marked again; -1 */
	char *metadata;     /* of the next mark, whoever makes it; NULL */
	int64_t taken;      /* one behind the last message taken in; -1 */
	int64_t furthest;   /* one behind the furthest that ever was; 0 */
	struct {            /* the message that was taken in first since it was assigned, or sought */
		int64_t offset; /* -1 */
		int64_t stamp;
		crf_ns at;      /* when */
		int32_t epoch;  /* the leader's */
		int64_t until;  /* everything from it to before this is known, and comes once more; -1 */
	} first;
	struct {            /* taken, but not taken in before what is in hand is done with: the log steps back there */
		void **natives;
		size_t count, next;
	} later;
	crf_ns pause_until; /* it takes nothing in and works on nothing before; 0 */
	crf_ns gate_until;  /* nothing goes through the filters before; 0 */
	crf_ns fill_until;  /* a batch that is not full waits for more; 0: not yet; CRF_FILLED: no longer */
	crf_ns next_tick;
	int64_t eof_offset; /* the end of the partition was seen there, and nothing after it; -1 */
	bool eof_told;
	bool used;          /* ops: a hook ran, so that the last ones run too */
	bool shut_down;     /* the shutdown hook had its turn */
	bool quiet_told;
	bool drained_told;
	struct crf_worker *worker; /* whose turn it is */
};

/* Starts idle; wake it when its source has something. */
void crf_lane_init(struct crf_lane *l, struct crf_pool *pool);
/* Any thread. */
void crf_lane_wake(struct crf_lane *l);
void crf_lane_call(struct crf_lane *l, struct crf_called *called); /* crf_task_call */
void crf_lane_raise(struct crf_lane *l, unsigned signals);
/* What a strand awaited has ended. Any thread; nothing of the lane may be touched afterwards. */
void crf_lane_arrived(struct crf_lane *l);
/* The same by who keeps the lane from going: with a lock that it takes in its last turn. */
void crf_lane_arrived_kept(struct crf_lane *l, struct crf_called *called);

/* In a turn: marks offset and everything before it, with the metadata that waits for it. */
carafe_rc crf_lane_mark(struct crf_lane *l, int64_t offset, int32_t leader_epoch);
/* In a turn: offset may be that of a message which was taken in. */
static inline bool
crf_lane_had(const struct crf_lane *l, int64_t offset)
{
	return offset >= 0 && offset < l->furthest;
}
/* In a turn: what the next mark is to say beside its offset; copied, NULL: nothing. */
void crf_lane_annotate(struct crf_lane *l, const char *metadata);
/* In a turn: lets go of what is before the batch's head, and moves the rest to its front; of all of it, which is not lent; and of what
 * was to be taken in after it. */
void crf_lane_drop_done(struct crf_lane *l);
void crf_lane_drop_batch(struct crf_lane *l);
void crf_lane_drop(struct crf_lane *l);
/* In a turn: fills the batch as far as the mailbox goes. It stops short of a full batch only when it has seen the mailbox empty, from
 * where the mailbox wakes the lane, or when what comes must wait for what is in hand. */
void crf_lane_take_in(struct crf_lane *l);
/* How many more messages the batch may have. */
size_t crf_lane_room(const struct crf_lane *l);
/* In a turn: the next message to come is this one, or one behind it. */
void crf_lane_expect(struct crf_lane *l, int64_t offset);
/* In a turn: the batch's head moves to the first message that is not marked. */
void crf_lane_skip_marked(struct crf_lane *l);
/* Raised: whoever runs had better come to an end. Any thread. */
bool crf_lane_should_stop(const struct crf_lane *l);
/* ops->steer has something to do: whoever runs comes to an end between two messages. Any thread. */
static inline bool
crf_lane_is_steered(const struct crf_lane *l)
{
	return atomic_load_explicit(&l->steered, memory_order_relaxed);
}
/* Whoever runs comes to an end between two messages: for either reason. Any thread. */
static inline bool
crf_lane_should_yield(const struct crf_lane *l)
{
	return crf_lane_should_stop(l) || crf_lane_is_steered(l);
}
bool crf_lane_owned(const struct crf_lane *l);
/* After a signal was raised: no turn runs, none will work on anything, nothing is on its way. It may wait long for a worker
 * that lets it say drained, and need not. Any thread that knows it to be there. */
bool crf_lane_at_rest(const struct crf_lane *l);
/* What is to be committed beside the offset of the last mark; NULL nothing, else the caller frees it. Any thread that knows it to
 * be there. */
char *crf_lane_note(const struct crf_lane *l);
/* A few words on what it is doing. Any thread that knows it to be there. */
void crf_lane_describe(const struct crf_lane *l, struct crf_buf *out);

#endif
