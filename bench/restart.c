/* A rolling restart: the members of a group are told to end, one after the other, and a new one takes each one's place, beside
 * members that are bare rd_kafka_consumer_poll loops in the same run.
 *
 * Each partition is sent a message every 10 ms. A partition's gap is the longest time in which none of it was handled, from
 * SIGTERM until the group is steady again with the new member. A partition that the same member consumed all that time is
 * untouched. Messages that were handled twice are duplicates; none may be missing. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/mem.h"
#include "core/thread.h"
#include "raw.h"
#include "restart.h"

#define EVERY (10 * CRF_MS)
#define STEADY (2 * CRF_SECOND) /* so long nothing has moved */
#define PATIENCE (90 * CRF_SECOND)
#define MEMBERS_MAX 8
#define ROUNDS_MAX 20
#define GAPS_MAX (MEMBERS_MAX * ROUNDS_MAX * RESTART_PARTITIONS)

static const char *const protocols[] = { "range", "cooperative-sticky", "kip848" };

struct options {
	struct bench bench;
	int members;
	int rounds;
	const char *only; /* one protocol */
	const char *child;
	struct restart restart;
};

/* ------------------------------------------------------------------------------------------------ messages */

struct sender {
	const struct bench *bench;
	const char *topic;
	struct crf_thread thread;
	atomic_bool over;
};

static void *
send_all(void *arg)
{
	struct sender *s = arg;
	rd_kafka_t *rk = raw_producer(s->bench->brokers, CARAFE_KV({ "linger.ms", "0" }));
	rd_kafka_topic_t *topic = rd_kafka_topic_new(rk, s->topic, NULL);
	crf_ns when = crf_now();
	char bytes[100] = { 0 };

	while (!atomic_load(&s->over)) {
		struct timespec ts = { .tv_sec = when / CRF_SECOND, .tv_nsec = when % CRF_SECOND };

		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
		for (int p = 0; p < RESTART_PARTITIONS; p++)
			rd_kafka_produce(topic, p, RD_KAFKA_MSG_F_COPY, bytes, sizeof(bytes), NULL, 0, NULL);
		rd_kafka_poll(rk, 0);
		when += EVERY;
	}
	rd_kafka_flush(rk, 10000);
	rd_kafka_topic_destroy(topic);
	rd_kafka_destroy(rk);
	return NULL;
}

/* ------------------------------------------------------------------------------------------------ what the members did */

struct partition {
	int member; /* -1: nobody yet */
	int64_t next; /* offset */
	crf_ns last;
	crf_ns since; /* the member has it */
	crf_ns gap;   /* the longest of this restart */
	bool moved;   /* in this restart */
};

/* Of all restarts of one side. */
struct found {
	double steady[GAPS_MAX], untouched[GAPS_MAX], moved[GAPS_MAX]; /* ms */
	size_t steady_count, untouched_count, moved_count;
	int64_t duplicates;
};

struct group {
	const struct options *o;
	struct restart restart;
	struct restart_log *log;
	int64_t seen; /* records */
	struct partition partitions[RESTART_PARTITIONS];
	struct bench_process processes[MEMBERS_MAX];
	int numbers[MEMBERS_MAX]; /* of the members */
	struct found *found;
};

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
	if (when - p->last > p->gap)
		p->gap = when - p->last;
	p->last = when;
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

/* For as long as a restart takes at least, nothing happens: what gaps there are then are the machine's. */
static void
look_at_rest(struct group *g)
{
	struct found *f = g->found;

	begin_window(g);
	usleep(STEADY / 1000);
	look(g);
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
	struct sender sender = { .bench = &o->bench, .topic = topic };
	struct group *g = crf_new(struct group);
	char *group = crf_strdup(bench_fresh_name("carafe-bench"));

	g->o = o;
	g->restart = (struct restart){ .topic = topic, .group = group, .protocol = protocol, .log = restart_log_new() };
	g->log = restart_log_open(g->restart.log);
	g->found = found;
	for (int i = 0; i < RESTART_PARTITIONS; i++)
		g->partitions[i].member = -1;
	crf_thread_start(&sender.thread, "sender", send_all, &sender);
	restart_all(g, child);
	atomic_store(&sender.over, true);
	crf_thread_join(&sender.thread);
	restart_log_close(g->log, g->restart.log);
	free(group);
	free(g);
	bench_topic_free(&o->bench, topic);
}

static void
show_gaps(const struct options *o, const char *which, const char *protocol, double *app, size_t app_count, double *peer,
    size_t peer_count)
{
	char name[64];

	if (app_count == 0 || peer_count == 0)
		return;
	snprintf(name, sizeof(name), "%s_%s_median", protocol, which);
	bench_figure(&o->bench, name, "ms", bench_median(app, app_count), bench_median(peer, peer_count));
	snprintf(name, sizeof(name), "%s_%s_max", protocol, which);
	bench_figure(&o->bench, name, "ms", app[app_count - 1], peer[peer_count - 1]);
}

static void
show(const struct options *o, const char *protocol, struct found *app, struct found *peer)
{
	char name[64];

	show_gaps(o, "at_rest", protocol, app->steady, app->steady_count, peer->steady, peer->steady_count);
	show_gaps(o, "untouched", protocol, app->untouched, app->untouched_count, peer->untouched, peer->untouched_count);
	show_gaps(o, "moved", protocol, app->moved, app->moved_count, peer->moved, peer->moved_count);
	snprintf(name, sizeof(name), "%s_untouched", protocol);
	bench_figure(&o->bench, name, "partitions", (double)app->untouched_count, (double)peer->untouched_count);
	snprintf(name, sizeof(name), "%s_duplicates", protocol);
	bench_figure(&o->bench, name, "messages", (double)app->duplicates, (double)peer->duplicates);
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

int
main(int argc, char **argv)
{
	struct options o = { .members = 4, .rounds = 1 };
	const struct bench_option options[] = {
		{ "members", "N", &o.members, 2, MEMBERS_MAX, NULL },
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
	char what[128];

	bench_read_options(&o.bench, "restart", options, argc, argv);
	o.restart.brokers = o.bench.brokers;
	if (o.child != NULL)
		return strcmp(o.child, "peer") == 0 ? restart_peer(&o.restart) : restart_carafe(&o.restart);
	snprintf(what, sizeof(what), "%d members, %d partitions with a message every %d ms, %d rounds", o.members,
	    RESTART_PARTITIONS, (int)(EVERY / CRF_MS), o.rounds);
	bench_begin(&o.bench, what);
	for (size_t i = 0; i < crf_array_len(protocols); i++)
		if (o.only == NULL || strcmp(o.only, protocols[i]) == 0)
			measure_protocol(&o, protocols[i]);
	return 0;
}
