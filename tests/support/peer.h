/* A member of a group that is not carafe: a bare librdkafka consumer with a thread that polls it. It marks and commits
 * what it is given, by librdkafka's own habits. */
#ifndef IT_PEER_H
#define IT_PEER_H

#include <carafe/carafe.h>

#include "support/app.h"

struct it_peer;

struct it_peer_opts {
	const char *group;
	const char *topic;
	enum it_protocol protocol;
	const char *instance;   /* group.instance.id, NULL none */
	const carafe_kv *kafka; /* on top of the tests' own, at most 16 */
};

/* Joins; the peer lives as long as the test. */
#define it_peer(...) it_peer_(&(struct it_peer_opts){ __VA_ARGS__ })
struct it_peer *it_peer_(const struct it_peer_opts *opts);
/* How many partitions it has now; whether that one is among them. */
int it_peer_assigned(struct it_peer *p);
bool it_peer_has(struct it_peer *p, int32_t partition);
/* How often it was given partitions or had to give some up, be it none of them. */
int it_peer_rebalances(struct it_peer *p);
/* How many messages it was given; how often that one. */
size_t it_peer_got(struct it_peer *p);
size_t it_peer_times(struct it_peer *p, int32_t partition, int64_t offset);
/* The first offset it was given of the partition, -1 none. */
int64_t it_peer_first(struct it_peer *p, int32_t partition);
/* The last error it was told, as librdkafka names it; "" none. */
const char *it_peer_error(struct it_peer *p);
/* Stops polling, so that it answers no rebalance while it is alive to the group; polls again. */
void it_peer_hang(struct it_peer *p, bool hangs);
/* Commits, leaves the group and is no more; what it got can still be asked. Bounded. */
void it_peer_leave(struct it_peer *p);

void it_peers_end(void);

#endif
