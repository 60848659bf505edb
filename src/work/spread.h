/* A partition's messages in the hands of several lanes at once, sorted by key.
 *
 * The partition's own lane takes messages in and gives them away here; each waits in the line of its key. A strand is a lane
 * whose source is its share of this: it takes what stands in a line, and while it has anything of that line nobody else has. So
 * the messages of a key keep their order, and what holds up one key holds up no other. A strand that has finished a line takes
 * the next one that has nobody; or, with lines that stay, each strand has one for good.
 *
 * What may be committed is what lies before the first message that is not marked. Only those in hand are remembered, at most
 * `cap` of them, however far the others are ahead. */
#ifndef CRF_WORK_SPREAD_H
#define CRF_WORK_SPREAD_H

#include "work/done.h"
#include "work/lane.h"

struct crf_spread;

/* For the partition's lane, which must outlive it. At most cap messages in the hands of at most max strands; stay: a key always
 * goes to the same one. */
struct crf_spread *crf_spread_new(struct crf_lane *whole, size_t cap, int max, bool stay);
/* Every strand is gone. */
void crf_spread_free(struct crf_spread *sp);

#define CRF_SPREAD_NONE (-1)

/* In a turn of the partition's lane. For how many more there is room. */
size_t crf_spread_room(struct crf_spread *sp);
/* In a turn of the partition's lane, when there is room for all: gives messages away, each with its key, and their natives with
 * them, up to one for which a strand must be opened now (open; CRF_SPREAD_NONE: none). How many; less without such a strand: they
 * are of no use any more, since all come to an end. */
size_t crf_spread_put(struct crf_spread *sp, carafe_message *messages, const uint64_t *keys, size_t count, int *open);
/* In a turn of the partition's lane. A strand that is to be opened: its source, of crf_spread_source; then its lane, which
 * is woken. */
void *crf_spread_share(struct crf_spread *sp, int number);
void crf_spread_open(struct crf_spread *sp, int number, struct crf_lane *strand);
extern const struct crf_source_ops crf_spread_source;
/* How many strands are open. */
int crf_spread_opened(struct crf_spread *sp);
/* All of them are told that the partition ends there. */
void crf_spread_tell_end(struct crf_spread *sp, int64_t offset);

/* In a turn of the partition's lane, in the place of giving it away: what whoever had the partition before has done of it need
 * not be done again; forget when it goes elsewhere. */
void crf_spread_recall(struct crf_spread *sp, int64_t committed, const char *note);
void crf_spread_forget(struct crf_spread *sp);
/* In a turn of the partition's lane, with nothing in hand: what comes next is of another log. */
void crf_spread_begin_anew(struct crf_spread *sp);
bool crf_spread_is_done(const struct crf_spread *sp, const carafe_message *m);
/* Then it counts as marked, once all before it are given away. */
void crf_spread_skip(struct crf_spread *sp, const carafe_message *m);
/* For whoever has the partition next; NULL: nothing, else the caller frees it. Any thread. */
char *crf_spread_note(struct crf_spread *sp);

/* In a turn of the partition's lane: as long as something is in hand its strand awaits, lent, that nothing is, or that there is
 * room again when there was none. */
void crf_spread_await(struct crf_spread *sp);

/* In a strand's turn that has taken nothing in, or may not: what comes is for others, until it takes again. False: it has been given
 * something already. */
bool crf_spread_step_aside(void *share);
/* A strand is done with CRF_LANE_QUIET. Its turn. */
void crf_spread_quieted(void *share);
/* A strand's lane is about to be freed. Its turn. */
void crf_spread_close(void *share);

/* What crf_lane_ops asks of a lane that gives messages away. */
void crf_spread_raise(struct crf_spread *sp, unsigned signals);
bool crf_spread_at_rest(struct crf_spread *sp);
bool crf_spread_finished(struct crf_spread *sp, unsigned signals);

#endif
