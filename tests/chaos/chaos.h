/* A seed's run: what was decided beforehand (plan.c), and how things stand with it. One thread, one run at a time. */
#ifndef CHAOS_CHAOS_H
#define CHAOS_CHAOS_H

#include <stdbool.h>
#include <stddef.h>

#include "chaos/verifier.h"
#include "support/child.h"
#include "support/rdkafka.h"

#define SLOTS 6 /* places for members */
#define NODES 3
#define FAULTS 96
#define HEALED 1 /* until when trouble lasts that is to end at once */

enum kind { KILL, KILL_ALL, TERM, PAUSE, HANG, JOIN, LEAVE, CUT, CUT_IN, CUT_OUT, LOSS, SLOW, RESET, NODE_KILL, NODE_PAUSE, NODE_ROLL,
	KINDS };
#define KINDS_OF_NETWORK ((1U << NODE_KILL) - (1U << CUT))
#define KINDS_OF_NODES ((1U << KINDS) - (1U << NODE_KILL))

/* What happens when; drawn before anything runs. */
struct fault {
	double at; /* ms since the beginning */
	enum kind kind;
	int which; /* slot or node */
	int ms;    /* for how long */
};

/* A place for a member. */
struct slot {
	struct it_child *child; /* NULL: nobody */
	bool wanted, leaving;
	int run;
	double paused_until, down_until, disturbed_until; /* 0: not */
	int disturbed_run; /* whoever was there, when it is to know that its session is over; 0 */
	double rest_until; /* no more of the network's troubles before */
};

struct options {
	unsigned seed;
	int seeds, seconds;
	bool quick;
	bool verbose;
	unsigned kinds; /* 0: the seed chooses */
	const char *manners; /* NULL: the seed chooses */
};
extern struct options options;

struct chaos {
	unsigned seed, random;
	const char *protocol, *handler, *group, *topic, *dead;
	char manners[64]; /* of members, as they are told */
	unsigned rules;   /* which the verifier knows of (enum manner) */
	char commit[12], drain[12], sleep_us[12], log[96];
	bool is_static;
	bool brief;   /* nothing takes so long that a member's session ends ... */
	bool starved; /* ... unless the machine had no time for us: trouble was longer than it was to be */
	enum weather weather;
	int members, run;
	struct fault faults[FAULTS];
	size_t fault_count, fault_next;
	unsigned used; /* kinds */
	struct slot slots[SLOTS];
	struct verifier *verifier;
	rd_kafka_t *producer, *asker;
	struct it_letters *letters; /* NULL: there are none */
	double began, next_look, last_turn;
	long sent;
	int numbers[CHAOS_PARTITIONS];
	bool mute;                  /* produces no more */
	struct it_child *node_work; /* scripts/kafka at it */
	int node_down, node_paused, rolling; /* 0: none */
	double node_until;
	long rss;
};
extern struct chaos chaos;

/* plan.c */
void plan_draw(void);
void plan_describe(void);
/* Nothing happens for which a member may lose a partition that it is not asked for. */
bool plan_keeps_everybody(void);
/* What it is called. */
const char *plan_kind(int kind);

/* traffic.c */
void traffic_begin(void);
/* Produces what is due by now. */
void traffic_pump(void);
bool traffic_is_delivered(void);
/* What the group has committed, when Kafka is in a state to say so. */
void traffic_look_at_commits(void);
void traffic_end(void);

/* members.c */
/* Runs, and was not told to do anything else. */
bool member_is_up(const struct slot *s);
/* Fails when it ended by itself. */
void member_signal(struct slot *s, int signal);
void member_kill(struct slot *s, int ms);
void member_stop(struct slot *s);
/* Does what is due: goes on, ends, starts. */
void member_tend(struct slot *s, double now);
void member_check_size(const struct slot *s);

/* nodes.c */
/* Of this run, free to be killed. */
bool nodes_are_ours(void);
void node_disturb(const struct fault *f);
void nodes_tend(double now);
bool nodes_are_well(void);

/* network.c */
/* Makes them, or says why not. */
bool networks_are_there(void);
void networks_end(void);
/* For nsenter, to be in that slot's; valid until the next call. */
const char *network_option(const struct slot *s);
void network_disturb(struct slot *s, const struct fault *f);
/* At once. */
void network_heal(struct slot *s);
void network_tend(struct slot *s, double now);

/* faults.c */
void fault_do(const struct fault *f);

#endif
