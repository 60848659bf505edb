/* Chaos: members of a group are killed, stopped, made to hang, join and leave, and nodes of Kafka with them, at moments that a
 * seed decides, while a verifier watches (verifier.c has the rules). Then all is well again, and everything must be handled and
 * committed in time.
 *
 *     chaos [--seed N] [--seeds 1] [--seconds 10] [--quick] [--faults kill,hang,...] [--verbose]
 *
 * Each seed chooses the protocol, the members, their handlers and settings, and which of the faults there are. A test's name has
 * the seed in it: --seed N does the same again, as far as timing allows. Nodes are left alone unless KAFKA_SCRIPT and
 * KAFKA3_PORT name some that may be killed. --quick: none of the faults that take a group seconds to notice. --faults: these and
 * no others, --verbose: what members logged when a seed failed; for looking closely. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "chaos/verifier.h"
#include "support/rdkafka.h"
#include "support/test.h"

#define SLOTS 6      /* places for members */
#define NODES 3
#define FAULTS 96
#define RATE 1200    /* messages a second */
#define HEAL_MS 60000
#define LOOK_MS 400
#define RSS_MIB 256

enum kind { KILL, KILL_ALL, TERM, PAUSE, HANG, JOIN, LEAVE, NODE_KILL, NODE_PAUSE, NODE_ROLL, KINDS };

static const char *const kinds[KINDS] = { "kill", "kill-all", "stop", "pause", "hang", "join", "leave", "kill-node", "pause-node",
	"roll-nodes" };

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
	double paused_until, down_until; /* 0: not */
};

static struct options {
	unsigned seed;
	int seeds, seconds;
	bool quick;
	bool verbose;
	unsigned kinds; /* 0: the seed chooses */
} options = { .seeds = 1, .seconds = 10 };

static struct {
	unsigned seed, random;
	const char *protocol, *handler, *group, *topic;
	char commit[12], drain[12], sleep_us[12], log[96];
	bool is_static;
	enum weather weather;
	int members, run;
	struct fault faults[FAULTS];
	size_t fault_count, fault_next;
	unsigned used; /* kinds */
	struct slot slots[SLOTS];
	struct verifier *verifier;
	rd_kafka_t *producer, *asker;
	double began, next_look;
	long sent;
	int numbers[CHAOS_PARTITIONS];
	bool mute; /* produces no more */
	struct it_child *node_work; /* scripts/kafka at it */
	int node_down, node_paused, rolling; /* 0: none */
	double node_until;
	long rss;
} t;

/* ------------------------------------------------------------------------------------------------ chance */

static int
chance(int n)
{
	return (int)((unsigned)rand_r(&t.random) % (unsigned)n);
}

static int
between(int low, int high)
{
	return low + chance(high - low + 1);
}

static bool
may_touch_nodes(void)
{
	return !options.quick && getenv("KAFKA_SCRIPT") != NULL && getenv("KAFKA3_PORT") != NULL;
}

/* How long: stops are noticed by nobody, past the session, or past max.poll.interval.ms; nodes likewise. */
static int
duration(enum kind kind)
{
	switch (kind) {
	case PAUSE:
		return options.quick ? between(50, 500) : chance(2) ? between(50, 1500) : between(3500, 8000);
	case NODE_KILL:
	case NODE_PAUSE:
		return between(500, 6000);
	default:
		return chance(3) > 0 ? 0 : between(0, 3000);
	}
}

/* Which faults this seed has: some of them, so that each is also met without the others. */
static unsigned
choose_kinds(void)
{
	unsigned members = (unsigned)between(1, (1 << NODE_KILL) - 1);
	unsigned nodes = may_touch_nodes() && chance(2) ? (unsigned)between(1, 7) << NODE_KILL : 0;

	if (options.quick)
		members = (members & ~(1U << HANG)) | 1U << TERM;
	return members | nodes;
}

static void
draw_faults(void)
{
	double end = options.seconds * 1000.0, at = between(200, 1200);

	t.used = choose_kinds();
	if (options.kinds != 0)
		t.used = options.kinds;
	t.weather = t.used >= 1U << NODE_KILL ? ROUGH : (t.used & (1U << PAUSE | 1U << HANG)) != 0 ? FAIR : CALM;
	while (at < end && t.fault_count < FAULTS) {
		enum kind kind = (enum kind)chance(KINDS);

		if ((t.used & 1U << kind) == 0)
			continue;
		t.faults[t.fault_count++] = (struct fault){ at, kind, kind >= NODE_KILL ? between(1, NODES) : chance(SLOTS), duration(kind) };
		at += chance(4) > 0 ? between(50, 900) : between(0, 50);
	}
}

static void
draw(void)
{
	static const char *const protocols[] = { "range", "cooperative", "kip-848" };

	t.random = t.seed * 2654435761U + 1;
	chance(2);
	t.protocol = protocols[chance(3)];
	t.handler = chance(2) ? "batches" : "messages";
	t.is_static = chance(4) == 0;
	t.members = between(1, 4);
	snprintf(t.commit, sizeof(t.commit), "%d", between(20, 400));
	snprintf(t.drain, sizeof(t.drain), "%d", chance(2) ? 1500 : 20000);
	snprintf(t.sleep_us, sizeof(t.sleep_us), "%d", chance(3) == 0 ? 0 : between(100, 3000));
	draw_faults();
}

static void
describe(void)
{
	char text[256] = "";
	size_t n = 0;

	for (int k = 0; k < KINDS; k++)
		if (t.used & 1U << k)
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s", n > 0 ? ", " : "", kinds[k]);
	print_message("# seed %u: %s, %d%s members, %s of %s us each, commits every %s ms, drains %s ms; %zu faults: %s\n", t.seed, t.protocol,
	    t.members, t.is_static ? " static" : "", t.handler, t.sleep_us, t.commit, t.drain, t.fault_count, text);
}

/* ------------------------------------------------------------------------------------------------ producing */

static void
on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
	(void)rk, (void)opaque;
	if (m->err != 0)
		fail_msg("seed %u: not produced: %s", t.seed, rd_kafka_err2str(m->err));
	verifier_produced(t.verifier, m->partition, m->offset, (int)(intptr_t)m->_private);
}

static void
produce_one(int partition)
{
	int number = ++t.numbers[partition];
	char value[32];
	size_t len = (size_t)snprintf(value, sizeof(value), "%d", number);
	rd_kafka_vu_t vus[] = {
		{ .vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = t.topic },
		{ .vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = partition },
		{ .vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY },
		{ .vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = { value, len } },
		{ .vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = (void *)(intptr_t)number },
	};

	assert_null(rd_kafka_produceva(t.producer, vus, 5));
	t.sent++;
}

static void
pump(void)
{
	long due = (long)((it_now() - t.began) * RATE / 1000);

	for (int burst = 0; !t.mute && t.sent < due && burst < 1000; burst++)
		produce_one((int)(t.sent % CHAOS_PARTITIONS));
	rd_kafka_poll(t.producer, 0);
}

/* What the group has committed, when Kafka is in a state to say so. */
static void
look_at_commits(void)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(CHAOS_PARTITIONS);

	for (int p = 0; p < CHAOS_PARTITIONS; p++)
		rd_kafka_topic_partition_list_add(list, t.topic, p);
	if (rd_kafka_committed(t.asker, list, 500) == 0)
		for (int i = 0; i < list->cnt; i++)
			if (list->elems[i].err == 0 && list->elems[i].offset >= 0)
				verifier_committed(t.verifier, list->elems[i].partition, list->elems[i].offset);
	rd_kafka_topic_partition_list_destroy(list);
}

static rd_kafka_t *
client(rd_kafka_type_t type, const carafe_kv *settings)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char text[512];
	rd_kafka_t *rk;

	rd_kafka_conf_set(conf, "bootstrap.servers", it_kafka(), text, sizeof(text));
	rd_kafka_conf_set(conf, "reconnect.backoff.max.ms", "500", text, sizeof(text));
	rd_kafka_conf_set(conf, "log_level", "0", text, sizeof(text));
	for (; settings->key != NULL; settings++)
		assert_int_equal(rd_kafka_conf_set(conf, settings->key, settings->value, text, sizeof(text)), RD_KAFKA_CONF_OK);
	if (type == RD_KAFKA_PRODUCER)
		rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
	rk = rd_kafka_new(type, conf, text, sizeof(text));
	assert_non_null(rk);
	return rk;
}

/* ------------------------------------------------------------------------------------------------ members */

static void
start_member(struct slot *s)
{
	char run[12], instance[16] = "";

	snprintf(run, sizeof(run), "%d", ++t.run);
	if (t.is_static)
		snprintf(instance, sizeof(instance), "slot%d", (int)(s - t.slots));
	s->child = it_spawn("chaos_member",
	    CARAFE_KV({ "KAFKA", it_kafka() }, { "CHAOS_RUN", run }, { "CHAOS_LOG", t.log }, { "CHAOS_GROUP", t.group },
		{ "CHAOS_TOPIC", t.topic }, { "CHAOS_PROTOCOL", t.protocol }, { "CHAOS_HANDLER", t.handler },
		{ "CHAOS_SLEEP_US", t.sleep_us }, { "CHAOS_COMMIT", t.commit }, { "CHAOS_DRAIN", t.drain }, { "CHAOS_SESSION", "3000" },
		{ "CHAOS_MAX_POLL", "4000" }, { "CHAOS_HANG", "7000" }, { "CHAOS_INSTANCE", instance }),
	    IT_ARGS("server", options.verbose ? "-v" : "-q"));
	s->leaving = false;
	s->run = t.run;
	s->paused_until = s->down_until = 0;
}

static bool
is_up(const struct slot *s)
{
	return s->child != NULL && !s->leaving && s->paused_until == 0;
}

static void
signal_member(struct slot *s, int signal)
{
	if (it_child_ended(s->child)) {
		it_child_show(s->child);
		fail_msg("VIOLATION: a member ended by itself, with %d", it_child_wait(s->child));
	}
	it_child_signal(s->child, signal);
}

static void
kill_member(struct slot *s, int ms)
{
	signal_member(s, SIGKILL);
	it_child_wait(s->child);
	s->child = NULL;
	s->down_until = it_now() + ms;
}

static void
stop_member(struct slot *s)
{
	signal_member(s, SIGTERM);
	s->leaving = true;
}

/* A clean stop commits all it did. Where members or nodes stand still, the group may have gone on without it, or nobody have
 * been there to commit to. */
static void
expect_status(struct slot *s)
{
	int status = it_child_wait(s->child);

	if (status == 128 + SIGTERM && !verifier_knows(t.verifier, s->run)) /* it was not yet up to signals */
		return;
	if (status != 0 && (t.weather == CALM || (status != 70 && status != 75))) {
		it_child_show(s->child);
		fail_msg("VIOLATION: a member that was asked to stop ended with %d", status);
	}
}

static void
check_size(const struct slot *s)
{
	long rss = it_child_rss(s->child);

	if (rss > t.rss)
		t.rss = rss;
	if (rss > RSS_MIB)
		fail_msg("VIOLATION: a member has %ld MiB resident", rss);
}

static void
tend_slot(struct slot *s, double now)
{
	if (s->paused_until != 0 && now >= s->paused_until) {
		it_child_signal(s->child, SIGCONT);
		s->paused_until = 0;
	}
	if (s->child != NULL && s->leaving && it_child_ended(s->child)) {
		expect_status(s);
		s->child = NULL;
	}
	if (s->child != NULL && !s->leaving && it_child_ended(s->child))
		signal_member(s, 0);
	if (s->child == NULL && s->wanted && now >= s->down_until)
		start_member(s);
}

/* ------------------------------------------------------------------------------------------------ nodes */

static void
node_does(const char *what, int node)
{
	char id[12];

	snprintf(id, sizeof(id), "%d", node);
	t.node_work = it_spawn(getenv("KAFKA_SCRIPT"), NULL, IT_ARGS(what, id, "--port", getenv("KAFKA3_PORT")));
}

/* One node at a time is in trouble: two of three are needed. */
static void
disturb_node(const struct fault *f)
{
	if (t.node_work != NULL || t.node_down != 0 || t.node_paused != 0 || t.rolling != 0)
		return;
	t.node_until = it_now() + f->ms;
	if (f->kind == NODE_ROLL) {
		t.rolling = 1;
		node_does("restart", 1);
	} else if (f->kind == NODE_KILL) {
		t.node_down = f->which;
		node_does("kill", f->which);
	} else {
		t.node_paused = f->which;
		node_does("pause", f->which);
	}
}

static void
tend_nodes(double now)
{
	if (t.node_work != NULL) {
		if (!it_child_ended(t.node_work))
			return;
		if (it_child_wait(t.node_work) != 0) {
			it_child_show(t.node_work);
			fail_msg("seed %u: a node of Kafka is not what it should be", t.seed);
		}
		t.node_work = NULL;
	}
	if (t.rolling > 0) {
		t.rolling = t.rolling == NODES ? 0 : t.rolling + 1;
		if (t.rolling > 0)
			node_does("restart", t.rolling);
	} else if (t.node_down > 0 && now >= t.node_until) {
		node_does("restart", t.node_down);
		t.node_down = 0;
	} else if (t.node_paused > 0 && now >= t.node_until) {
		node_does("resume", t.node_paused);
		t.node_paused = 0;
	}
}

static bool
nodes_are_well(void)
{
	return t.node_work == NULL && t.node_down == 0 && t.node_paused == 0 && t.rolling == 0;
}

/* ------------------------------------------------------------------------------------------------ faults */

static void
do_fault(const struct fault *f)
{
	struct slot *s = &t.slots[f->which % SLOTS];

	if (f->kind >= NODE_KILL) {
		disturb_node(f);
		return;
	}
	if (f->kind == JOIN) {
		s->wanted = true;
		return;
	}
	if (f->kind == KILL_ALL) {
		for (int i = 0; i < SLOTS; i++)
			if (is_up(&t.slots[i]))
				kill_member(&t.slots[i], f->ms);
		return;
	}
	if (!is_up(s))
		return;
	switch (f->kind) {
	case KILL:
		kill_member(s, f->ms);
		break;
	case TERM:
		stop_member(s);
		s->down_until = it_now() + f->ms;
		break;
	case LEAVE:
		stop_member(s);
		s->wanted = false;
		break;
	case PAUSE:
		signal_member(s, SIGSTOP);
		s->paused_until = it_now() + f->ms;
		break;
	default:
		if (verifier_knows(t.verifier, s->run))
			signal_member(s, SIGUSR1);
	}
}

static void
expect_no_violation(void)
{
	if (verifier_violation(t.verifier) != NULL)
		fail_msg("VIOLATION, %s", verifier_violation(t.verifier));
}

/* A turn of the whole. */
static void
turn(void)
{
	double now = it_now();

	pump();
	verifier_read(t.verifier);
	expect_no_violation();
	for (int i = 0; i < SLOTS; i++)
		tend_slot(&t.slots[i], now);
	tend_nodes(now);
	if (now >= t.next_look) {
		look_at_commits();
		for (int i = 0; i < SLOTS; i++)
			if (t.slots[i].child != NULL)
				check_size(&t.slots[i]);
		t.next_look = it_now() + LOOK_MS;
	}
	it_nap(2);
}

static void
misbehave(void)
{
	while (t.fault_next < t.fault_count) {
		const struct fault *f = &t.faults[t.fault_next];

		if (it_now() - t.began >= f->at) {
			do_fault(f);
			t.fault_next++;
		}
		turn();
	}
}

/* Everybody is woken and everything is there again. */
static void
heal(void)
{
	bool anyone = false;

	t.mute = true;
	t.node_until = 0;
	for (int i = 0; i < SLOTS; i++) {
		struct slot *s = &t.slots[i];

		if (s->paused_until != 0)
			s->paused_until = 1;
		s->down_until = 0;
		anyone = anyone || s->wanted;
	}
	t.slots[0].wanted = t.slots[0].wanted || !anyone;
}

static double
recover(void)
{
	double since = it_now();

	heal();
	for (; !nodes_are_well(); since = it_now())
		turn();
	while (rd_kafka_outq_len(t.producer) > 0 || !verifier_done(t.verifier)) {
		if (it_now() - since > HEAL_MS) {
			verifier_explain(t.verifier);
			fail_msg("VIOLATION: all has been well for %d s, and not everything is handled and committed", HEAL_MS / 1000);
		}
		turn();
	}
	return it_now() - since;
}

static void
part(void)
{
	for (int i = 0; i < SLOTS; i++) {
		t.slots[i].wanted = false;
		if (is_up(&t.slots[i]))
			stop_member(&t.slots[i]);
	}
	for (int i = 0; i < SLOTS; i++)
		while (t.slots[i].child != NULL)
			turn();
	look_at_commits();
	verifier_finish(t.verifier);
	expect_no_violation();
}

/* ------------------------------------------------------------------------------------------------ a seed */

static int
set_up(void **state)
{
	int fd;

	it_begin(state);
	memset(&t, 0, sizeof(t));
	t.seed = (unsigned)(uintptr_t)*state;
	draw();
	describe();
	if (may_touch_nodes())
		it_until(it_whole(NODES));
	t.group = it_name("group");
	t.topic = it_topic("chaos", CHAOS_PARTITIONS, NULL);
	snprintf(t.log, sizeof(t.log), "/tmp/carafe-chaos-%u-%ld.log", t.seed, (long)getpid());
	fd = open(t.log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
	t.verifier = verifier_new(t.log, t.weather);
	t.producer = client(RD_KAFKA_PRODUCER, CARAFE_KV({ "linger.ms", "2" }, { "enable.idempotence", "true" }));
	t.asker = client(RD_KAFKA_CONSUMER, CARAFE_KV({ "group.id", t.group }, { "enable.auto.commit", "false" }));
	for (int i = 0; i < t.members; i++)
		t.slots[i].wanted = true;
	t.began = it_now();
	return 0;
}

static int
tear_down(void **state)
{
	int rc;

	if (access(t.log, F_OK) == 0 && options.verbose)
		it_children_show();
	rc = it_end_test(state);
	if (access(t.log, F_OK) == 0) /* it did not come to its end */
		print_message("# again: scripts/chaos --seed %u --seconds %d; its log: %s\n", t.seed, options.seconds, t.log);
	rd_kafka_purge(t.producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT | RD_KAFKA_PURGE_F_NON_BLOCKING);
	rd_kafka_destroy(t.producer);
	rd_kafka_destroy(t.asker);
	verifier_free(t.verifier);
	return rc;
}

static void
nothing_is_lost_out_of_order_or_done_twice_without_need(void **state)
{
	struct verifier_counts n;
	double took;

	(void)state;
	misbehave();
	took = recover();
	part();
	verifier_count(t.verifier, &n);
	print_message("# seed %u: %d processes, %ld messages, %ld handled again; %ld assignments, %ld losses, %ld cut off, %ld commits "
		      "refused; well after %.1f s, at most %ld MiB\n",
	    t.seed, t.run, n.produced, n.again, n.assignments, n.losses, n.cut_off, n.refused, took / 1000, t.rss);
	unlink(t.log);
}

/* ------------------------------------------------------------------------------------------------ the program */

static bool
read_faults(char *list)
{
	for (char *word, *rest = list; (word = strtok_r(NULL, ",", &rest)) != NULL;) {
		int k = 0;

		while (k < KINDS && strcmp(kinds[k], word) != 0)
			k++;
		if (k == KINDS)
			return false;
		options.kinds |= 1U << k;
	}
	return true;
}

static bool
read_options(int argc, char **argv)
{
	static const struct option longs[] = { { "seed", required_argument, NULL, 's' }, { "seeds", required_argument, NULL, 'n' },
		{ "seconds", required_argument, NULL, 't' }, { "quick", no_argument, NULL, 'q' },
		{ "verbose", no_argument, NULL, 'v' }, { "faults", required_argument, NULL, 'f' }, { 0 } };
	int option;

	options.seed = (unsigned)it_now();
	while ((option = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		switch (option) {
		case 's': options.seed = (unsigned)strtoul(optarg, NULL, 10); break;
		case 'n': options.seeds = atoi(optarg); break;
		case 't': options.seconds = atoi(optarg); break;
		case 'q': options.quick = true; break;
		case 'v': options.verbose = true; break;
		case 'f':
			if (!read_faults(optarg))
				return false;
			break;
		default: return false;
		}
	}
	return options.seeds > 0 && options.seconds > 0;
}

int
main(int argc, char **argv)
{
	struct CMUnitTest *tests;
	int failed;

	if (!read_options(argc, argv))
		return 64;
	it_skip_without("KAFKA");
	tests = calloc((size_t)options.seeds, sizeof(*tests));
	for (int i = 0; i < options.seeds; i++) {
		unsigned seed = options.seed + (unsigned)i;
		char *name;

		if (asprintf(&name, "seed %u", seed) < 0)
			abort();
		tests[i] = (struct CMUnitTest){ name, nothing_is_lost_out_of_order_or_done_twice_without_need, set_up, tear_down,
			(void *)(uintptr_t)seed };
	}
	failed = _cmocka_run_group_tests("chaos", tests, (size_t)options.seeds, NULL, it_end_all);
	for (int i = 0; i < options.seeds; i++)
		free((char *)(uintptr_t)tests[i].name);
	free(tests);
	return failed;
}
