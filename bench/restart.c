/* A rolling restart: the members of a group are told to end, one after the other, and a new one takes each one's place, beside
 * members that are bare rd_kafka_consumer_poll loops in the same run.
 *
 * Each partition is sent a message now and then. It stands still while one of its messages could be fetched and none of them is
 * handled; its gap is the longest time of that, from SIGTERM until the group is steady again with the new member. A partition
 * that the same member consumed all that time is untouched. Messages that were handled twice are duplicates; none may be
 * missing. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/mem.h"
#include "restart.h"

#define STEADY (2 * CRF_SECOND) /* so long nothing has moved */
#define PATIENCE (90 * CRF_SECOND)
#define MEMBERS_MAX 8
#define ROUNDS_MAX 20
#define GAPS_MAX (MEMBERS_MAX * ROUNDS_MAX * RESTART_PARTITIONS)

static const char *const protocols[] = { "range", "cooperative-sticky", "kip848" };

struct options {
	struct bench bench;
	const char *sizes; /* of the group, "2,4,8" */
	int members;       /* one of them */
	int every;         /* ms */
	int rounds;
	const char *only; /* one protocol */
	const char *child;
	struct restart restart;
};

/* ------------------------------------------------------------------------------------------------ what the members did */

struct partition {
	int member; /* -1: nobody yet */
	int64_t next; /* offset */
	crf_ns last;
	crf_ns since; /* the member has it */
	crf_ns gap;   /* the longest of this window */
	bool moved;   /* in this restart */
};

/* How busy the machine was while nothing happened, in ticks of its processors. */
struct load {
	double all, busy;
};

/* Of all restarts of one side. */
struct found {
	double steady[GAPS_MAX], untouched[GAPS_MAX], moved[GAPS_MAX]; /* ms */
	size_t steady_count, untouched_count, moved_count;
	int64_t duplicates;
	crf_ns written; /* the worst that the sender had to wait */
	struct load load;
};

struct group {
	const struct options *o;
	struct restart restart;
	struct restart_log *log;
	struct restart_sender *sender;
	int64_t seen; /* records */
	struct partition partitions[RESTART_PARTITIONS];
	struct bench_process processes[MEMBERS_MAX];
	int numbers[MEMBERS_MAX]; /* of the members */
	struct found *found;
};

/* A message that could be fetched since then was handled now. */
static void
see_gap(struct partition *p, crf_ns since, crf_ns now)
{
	crf_ns gap = now - (since > p->last ? since : p->last);

	if (since > 0 && gap > p->gap)
		p->gap = gap;
	p->last = now;
}

static void
see_record(struct group *g, const struct restart_record *r)
{
	struct partition *p = &g->partitions[r->partition];
	crf_ns when = atomic_load_explicit(&r->when, memory_order_acquire);

	if (r->offset < p->next)
		g->found->duplicates++;
	else if (r->offset > p->next)
		bench_die("restart: %s [%d]: offset %lld came where %lld was next: messages are missing", g->restart.topic,
		    (int)r->partition, (long long)r->offset, (long long)p->next);
	else
		p->next++;
	see_gap(p, restart_sent(g->sender, r->partition, r->offset), when);
	if (r->member == p->member)
		return;
	p->moved = true;
	p->member = r->member;
	p->since = when;
}

static void
look(struct group *g)
{
	int64_t count = atomic_load(&g->log->count);

	for (; g->seen < count; g->seen++) {
		const struct restart_record *r = &g->log->records[g->seen];

		while (atomic_load_explicit(&r->when, memory_order_acquire) == 0)
			usleep(10);
		see_record(g, r);
	}
}

/* Every partition is consumed, every member has some, and nothing has moved for a while. */
static bool
is_steady(struct group *g)
{
	bool has_some[MEMBERS_MAX] = { false }, steady = true;
	crf_ns now = crf_now();

	look(g);
	for (int i = 0; i < RESTART_PARTITIONS; i++) {
		const struct partition *p = &g->partitions[i];

		steady = steady && p->member >= 0 && now - p->last < STEADY / 2 && now - p->since > STEADY;
		for (int m = 0; m < g->o->members; m++)
			has_some[m] = has_some[m] || g->numbers[m] == p->member;
	}
	for (int m = 0; m < g->o->members; m++)
		steady = steady && has_some[m];
	return steady;
}

static void
wait_until_steady(struct group *g)
{
	crf_ns until = crf_now() + PATIENCE;

	while (!is_steady(g)) {
		usleep(20000);
		if (crf_now() > until)
			bench_die("restart: %s: the group is not steady after %d s", g->restart.protocol, (int)(PATIENCE / CRF_SECOND));
	}
}

static void
begin_window(struct group *g)
{
	look(g);
	for (int i = 0; i < RESTART_PARTITIONS; i++) {
		g->partitions[i].gap = 0;
		g->partitions[i].moved = false;
	}
}

static struct load
load_now(void)
{
	double user, nice, system, idle, wait;
	FILE *stat = fopen("/proc/stat", "r");

	if (stat == NULL || fscanf(stat, "cpu %lf %lf %lf %lf %lf", &user, &nice, &system, &idle, &wait) != 5)
		bench_die("restart: /proc/stat does not say how busy the machine is");
	fclose(stat);
	return (struct load){ .all = user + nice + system + idle + wait, .busy = user + nice + system };
}

/* For as long as a restart takes at least, nothing happens: what gaps there are then are the machine's. */
static void
look_at_rest(struct group *g)
{
	struct found *f = g->found;
	struct load before = load_now(), after;

	begin_window(g);
	usleep(STEADY / 1000);
	look(g);
	after = load_now();
	f->load.all += after.all - before.all;
	f->load.busy += after.busy - before.busy;
	for (int i = 0; i < RESTART_PARTITIONS; i++)
		f->steady[f->steady_count++] = (double)g->partitions[i].gap / 1e6;
}

static void
end_window(struct group *g)
{
	struct found *f = g->found;

	for (int i = 0; i < RESTART_PARTITIONS; i++) {
		const struct partition *p = &g->partitions[i];
		double ms = (double)p->gap / 1e6;

		if (p->moved)
			f->moved[f->moved_count++] = ms;
		else
			f->untouched[f->untouched_count++] = ms;
	}
}

/* ------------------------------------------------------------------------------------------------ members */

static void
start_member(struct group *g, const char *child, int place)
{
	struct bench_command c = { .count = 0 };

	g->numbers[place] = g->restart.member++;
	bench_word(&c, "%s", g->o->bench.self);
	bench_word(&c, "--child=%s", child);
	bench_word(&c, "--topic=%s", g->restart.topic);
	bench_word(&c, "--group=%s", g->restart.group);
	bench_word(&c, "--protocol=%s", g->restart.protocol);
	bench_word(&c, "--member=%d", g->numbers[place]);
	bench_word(&c, "--log=%d", g->restart.log);
	bench_start(&c, &g->processes[place]);
}

static void
end_member(struct group *g, int place)
{
	kill(g->processes[place].pid, SIGTERM);
	bench_end(&g->processes[place]);
}

static void
restart_all(struct group *g, const char *child)
{
	for (int i = 0; i < g->o->members; i++)
		start_member(g, child, i);
	wait_until_steady(g);
	for (int i = 0; i < g->o->members; i++) {
		look_at_rest(g);
		usleep((useconds_t)(i * 370 % 1000) * 1000); /* at any time between heartbeats, which began when nothing moved any more */
		begin_window(g);
		end_member(g, i);
		start_member(g, child, i);
		wait_until_steady(g);
		end_window(g);
	}
	for (int i = 0; i < g->o->members; i++)
		end_member(g, i);
}

static void
measure(const struct options *o, const char *child, const char *protocol, struct found *found)
{
	char *topic = bench_topic_new(&o->bench, RESTART_PARTITIONS);
	struct group *g = crf_new(struct group);
	char *group = crf_strdup(bench_fresh_name("carafe-bench"));
	crf_ns written;

	g->o = o;
	g->restart = (struct restart){ .brokers = o->bench.brokers, .topic = topic, .group = group, .protocol = protocol,
		.log = restart_log_new() };
	g->log = restart_log_open(g->restart.log);
	g->found = found;
	for (int i = 0; i < RESTART_PARTITIONS; i++)
		g->partitions[i].member = -1;
	g->sender = restart_sender_new(&g->restart, o->every * CRF_MS);
	restart_all(g, child);
	written = restart_sender_free(g->sender);
	found->written = written > found->written ? written : found->written;
	restart_log_close(g->log, g->restart.log);
	free(group);
	free(g);
	bench_topic_free(&o->bench, topic);
}

/* ------------------------------------------------------------------------------------------------ figures */

static void
show_one(const struct options *o, const char *protocol, const char *what, const char *unit, double app, double peer)
{
	char name[128];

	snprintf(name, sizeof(name), "%s_%d_%s", protocol, o->members, what);
	bench_figure(&o->bench, name, unit, app, peer);
}

static void
show_gaps(const struct options *o, const char *protocol, const char *which, double *app, size_t app_count, double *peer,
    size_t peer_count)
{
	char name[32];

	if (app_count == 0 || peer_count == 0)
		return;
	snprintf(name, sizeof(name), "%s_median", which);
	show_one(o, protocol, name, "ms", bench_median(app, app_count), bench_median(peer, peer_count));
	snprintf(name, sizeof(name), "%s_max", which);
	show_one(o, protocol, name, "ms", app[app_count - 1], peer[peer_count - 1]);
}

static void
show(const struct options *o, const char *protocol, struct found *app, struct found *peer)
{
	show_one(o, protocol, "busy_at_rest", "%", 100 * app->load.busy / app->load.all, 100 * peer->load.busy / peer->load.all);
	show_one(o, protocol, "written_max", "ms", (double)app->written / 1e6, (double)peer->written / 1e6);
	show_gaps(o, protocol, "at_rest", app->steady, app->steady_count, peer->steady, peer->steady_count);
	show_gaps(o, protocol, "untouched", app->untouched, app->untouched_count, peer->untouched, peer->untouched_count);
	show_gaps(o, protocol, "moved", app->moved, app->moved_count, peer->moved, peer->moved_count);
	show_one(o, protocol, "untouched", "partitions", (double)app->untouched_count, (double)peer->untouched_count);
	show_one(o, protocol, "duplicates", "messages", (double)app->duplicates, (double)peer->duplicates);
}

static void
measure_protocol(const struct options *o, const char *protocol)
{
	struct found *app = crf_new(struct found), *peer = crf_new(struct found);

	for (int round = 0; round < o->rounds; round++) {
		measure(o, "carafe", protocol, app);
		measure(o, "peer", protocol, peer);
	}
	show(o, protocol, app, peer);
	free(app);
	free(peer);
}

static void
measure_size(const struct options *o)
{
	char what[128];

	snprintf(what, sizeof(what), "%d members, %d partitions with a message every %d ms, %d rounds", o->members,
	    RESTART_PARTITIONS, o->every, o->rounds);
	bench_begin(&o->bench, what);
	for (size_t i = 0; i < crf_array_len(protocols); i++)
		if (o->only == NULL || strcmp(o->only, protocols[i]) == 0)
			measure_protocol(o, protocols[i]);
}

/* "2,4,8" */
static void
measure_sizes(struct options *o)
{
	char *rest = crf_strdup(o->sizes), *all = rest;

	for (char *size; (size = strsep(&rest, ",")) != NULL;) {
		o->members = bench_number(&o->bench, size, 2, MEMBERS_MAX);
		measure_size(o);
	}
	free(all);
}

int
main(int argc, char **argv)
{
	struct options o = { .sizes = "2,4,8", .every = 25, .rounds = 1 };
	const struct bench_option options[] = {
		{ "members", "N,...", NULL, 0, 0, &o.sizes },
		{ "every", "MS", &o.every, 1, 1000, NULL },
		{ "rounds", "N", &o.rounds, 1, ROUNDS_MAX, NULL },
		{ "only", "PROTOCOL", NULL, 0, 0, &o.only },
		{ "child", NULL, NULL, 0, 0, &o.child },
		{ "topic", NULL, NULL, 0, 0, &o.restart.topic },
		{ "group", NULL, NULL, 0, 0, &o.restart.group },
		{ "protocol", NULL, NULL, 0, 0, &o.restart.protocol },
		{ "member", NULL, &o.restart.member, 0, 1000000, NULL },
		{ "log", NULL, &o.restart.log, 0, 1000000, NULL },
		{ NULL, NULL, NULL, 0, 0, NULL },
	};

	bench_read_options(&o.bench, "restart", options, argc, argv);
	o.restart.brokers = o.bench.brokers;
	if (o.child != NULL)
		return strcmp(o.child, "peer") == 0 ? restart_peer(&o.restart) : restart_carafe(&o.restart);
	measure_sizes(&o);
	return 0;
}
