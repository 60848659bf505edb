/* What the verifier remembers. */
#ifndef CHAOS_VERIFIER_PRIV_H
#define CHAOS_VERIFIER_PRIV_H

#include <sys/types.h>

#include "chaos/message.h"
#include "chaos/verifier.h"

#define MOST (1 << 17) /* messages a partition */
#define RUNS 512       /* processes */
#define WISHES 8
#define ANYWHERE (-1)  /* a seek whose offset only Kafka knows */

enum stage { FRESH, BEGUN, FAILED, DONE };

struct record {
	int produced, handled; /* its number, from 1; 0: not yet */
	int number;            /* the same, as it was handed out */
	int times;
	int run, epoch;   /* the assignment it was last handed out in, and what became of it there */
	enum stage stage;
	bool again;       /* ... and its handler wants it once more */
	bool skipped;     /* somebody sought to a place behind it: nobody need handle it */
	bool settled;     /* it is done, and whoever is given the partition knows it */
	bool told;        /* a commit's metadata said so; for counting */
	bool in_queue;    /* it is in the dead letter topic */
};

struct partition {
	struct record *records;
	int64_t end;       /* behind the last that was acknowledged */
	int64_t handled;   /* everything before was handled */
	int64_t top;       /* behind the last that was handed out */
	int64_t floor;     /* everything before is known to be committed: nothing begins before it */
	int64_t committed; /* as last asked, -1 */
	int64_t letters;   /* poison before is in the dead letter topic */
	int owner;         /* the run that was last given it */
	bool sought;       /* by its owner */
	int64_t doubt;     /* rough weather: a commit of this, or of more, may still be carried out */
	double doubt_until;
};

/* A process and a partition. */
struct tenure {
	bool owned, in_peace, refused;
	bool paused;
	bool sought;    /* base is where it was sought to */
	bool astray;    /* a seek failed: what was not marked for its sake comes again */
	int late;       /* handlers that began after it was lost */
	int epoch;      /* the assignment, as its lines say */
	int64_t base;   /* where it began, or was sought to */
	int64_t next;   /* expected */
	int64_t marked; /* everything before it is */
	int64_t must;   /* its handler wants to go on there, -1: nowhere else than it is */
	int busy;       /* messages in the hands of handlers */
	int64_t last[CHAOS_KEYS]; /* what was handed out of each key, -1 */
	int64_t wishes[WISHES];   /* for seeks, that nothing came of yet */
	int wish_count;
};

struct verifier {
	int fd;
	off_t at;
	long line;
	enum weather weather;
	unsigned manners;
	struct partition partitions[CHAOS_PARTITIONS];
	struct tenure tenures[RUNS][CHAOS_PARTITIONS];
	bool known[RUNS]; /* processes that have been in the group */
	struct verifier_counts n;
	char violation[256]; /* the first */
};

/* Messages that a handler was given together. */
struct work {
	int run, id, epoch, count;
	int64_t offsets[CHAOS_IN_HAND];
	int numbers[CHAOS_IN_HAND];
};

void violate(struct verifier *v, const char *format, ...) __attribute__((format(printf, 2, 3)));

static inline struct partition *
partition_of(struct verifier *v, const struct work *w)
{
	return &v->partitions[w->id];
}

static inline struct tenure *
tenure_of(struct verifier *v, const struct work *w)
{
	return &v->tenures[w->run][w->id];
}

/* Whether a commit that was refused, and would explain it, may have been carried out late. */
bool in_doubt(const struct partition *p, int64_t offset);

/* verifier_work.c: what handlers are given and do. */
void work_begins(struct verifier *v, const struct work *w);
void work_is_done(struct verifier *v, const struct work *w);
void work_failed(struct verifier *v, const struct work *w);
void work_is_wanted_again(struct verifier *v, const struct work *w);
void letter_is_written(struct verifier *v, int run, int id, int64_t offset);
/* Everything that is done is committed: what follows from that. */
void work_is_settled(struct verifier *v, int run, int id);

/* verifier_steer.c: pauses, seeks, and what a commit's metadata says. */
void wish(struct verifier *v, int run, int id, int epoch, int64_t offset);
void wish_is_void(struct verifier *v, int run, int id, int64_t offset);
/* The lane goes on there, so that every wish up to that one is done with. */
bool wish_is_met(struct tenure *t, int64_t offset);
/* What was handled from there on need not be marked. */
int64_t wished_bound(const struct tenure *t);
void sought(struct verifier *v, int run, int id, int64_t offset);
void not_sought(struct verifier *v, int run, int id, int64_t offset);
void paused(struct verifier *v, int run, int id, int64_t offset);
void resumed(struct verifier *v, int run, int id, int64_t offset);
void judge_metadata(struct verifier *v, int id, int64_t offset, const char *metadata);

#endif
