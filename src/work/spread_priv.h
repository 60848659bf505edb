/* What spread.c and share.c share. */
#ifndef CRF_WORK_SPREAD_PRIV_H
#define CRF_WORK_SPREAD_PRIV_H

#include "work/spread.h"

struct line;

/* A message that was given away. */
struct slot {
	struct crf_list link;     /* in its line, or in the hands of a strand, or free */
	struct crf_list unmarked; /* all that are not marked, in their order */
	int64_t offset;
	void *native;
	int64_t before;           /* what may be committed when it is the first that is not marked */
	int32_t before_epoch;
	bool counts;              /* in hand: neither marked nor let go */
	struct line *line;
};

/* Messages of one key, or of those that share one. */
struct line {
	struct crf_list link;  /* free, or waiting for a strand */
	struct line *next;     /* with the same hash's end */
	uint64_t key;
	struct crf_list queue; /* slots */
	size_t count;          /* in the queue and in the strand's hands */
	struct share *share;   /* who takes them; NULL */
};

/* A strand's source. */
struct share {
	struct crf_spread *of;
	struct crf_lane *lane;  /* NULL: not open, or gone */
	struct line *line;      /* NULL: none */
	struct line own;        /* lines stay */
	struct crf_list idle;   /* has nothing, and no turn to come */
	struct crf_list hands;  /* slots it has taken, in that order */
	struct slot *to_mark;   /* the first of them that is not marked */
	struct slot *owed;      /* was finished without being marked, the earliest; the next mark covers it; NULL */
	int64_t owes_from;      /* ... and others, the earliest of which is this; INT64_MAX */
	struct crf_list undone; /* slots it let go when it had to come to an end */
	bool resting;           /* it has come to an end */
	bool at_end;            /* it is to be told that the partition ends at end */
	_Atomic int64_t end;
	_Atomic int64_t marked;
};

struct crf_spread {
	struct crf_lane *whole;
	size_t cap;
	int max;
	bool stay;
	struct crf_mutex mu; /* all below, and what it leads to */
	struct crf_list free_slots;
	struct line *lines;  /* they do not stay; NULL: nothing was ever given away */
	struct crf_list free_lines;
	struct line **table; /* by the end of the key's hash */
	size_t mask;
	struct share *shares;
	struct crf_list waiting;  /* lines that nobody takes */
	struct crf_list idle;     /* shares; the one that is so for longest is first, so that each has its turn to mark */
	struct crf_list unmarked; /* slots */
	int64_t given;       /* one behind the last message; -1 */
	int32_t given_epoch; /* that one's; -1 */
	int64_t told;        /* what the source was told is marked */
	struct crf_done before; /* what others did of what is to come */
	size_t in_hand;
	int opened, open, resting; /* ever; there now; of those, that have come to an end */
	bool suspended;      /* the partition's lane awaits what happens here */
	bool full;           /* ... and has more to give */
	size_t freed;        /* slots, since then */
	unsigned signals;
	struct crf_called called; /* who is woken when mu is given back */
};

/* All of it with mu held. */

/* Gives mu back; only this does. The partition's lane may go then, and the spread with it. */
void crf_spread_unlock(struct crf_spread *sp);

/* The next line that nobody takes is this strand's now. */
void crf_spread_take_line(struct share *s);
/* What the strand has finished without marking it holds back nothing any more. */
void crf_spread_forgive(struct share *s);
/* Nothing of its key is in hand any more. */
void crf_spread_end_line(struct crf_spread *sp, struct line *l);
/* The partition's lane gets to know that there is room, or that nothing is in hand. Room for a few is not worth a turn, unless
 * somebody is hungry: has nothing to do. */
void crf_spread_tell_whole(struct crf_spread *sp, bool hungry);
/* Marks up to the first that is not marked; metadata goes with it when that is further than before. What is done behind it is
 * for the note. */
void crf_spread_advance(struct crf_spread *sp, const char *metadata);

#endif
