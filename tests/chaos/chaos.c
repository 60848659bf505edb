/* Chaos: members of a group are killed, stopped, made to hang, join and leave, their networks are cut, and nodes of Kafka are
 * killed and stopped, at moments that a seed decides, while a verifier watches (verifier.c has the rules). Then all is well
 * again, and everything must be handled and committed in time.
 *
 *     chaos [--seed N] [--seeds 1] [--seconds 10] [--quick] [--faults kill,hang,...] [--manners keys,...] [--verbose]
 *
 * Each seed chooses the protocol, the members, their handlers and settings, and which of the faults there are. A test's name has
 * the seed in it: --seed N does the same again, as far as timing allows. Nodes are left alone unless KAFKA_SCRIPT and
 * KAFKA3_PORT name some that may be killed, networks unless NETWORKS_SCRIPT is scripts/networks and it works here. --quick: none
 * of the faults that take a group seconds to notice. --faults: these and no others, --manners: members do this, and nothing else
 * beside handling, --verbose: what they logged when a seed failed; for looking closely. */
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "chaos/chaos.h"
#include "support/test.h"

#define HEAL_MS 60000
#define LOOK_MS 400
#define STARVED_MS 1000

struct options options = { .seeds = 1, .seconds = 10 };
struct chaos chaos;

/* ------------------------------------------------------------------------------------------------ the run */

static void
expect_no_violation(void)
{
	if (verifier_violation(chaos.verifier) != NULL)
		fail_msg("VIOLATION, %s", verifier_violation(chaos.verifier));
}

static void
tend(struct slot *s, double now)
{
	network_tend(s, now);
	member_tend(s, now);
}

/* A turn of the whole. */
static void
turn(void)
{
	double now = it_now();

	chaos.starved = chaos.starved || (chaos.last_turn > 0 && now - chaos.last_turn > STARVED_MS);
	chaos.last_turn = now;
	traffic_pump();
	verifier_read(chaos.verifier);
	expect_no_violation();
	for (int i = 0; i < SLOTS; i++)
		tend(&chaos.slots[i], now);
	nodes_tend(now);
	if (now >= chaos.next_look) {
		traffic_look_at_commits();
		for (int i = 0; i < SLOTS; i++)
			if (chaos.slots[i].child != NULL)
				member_check_size(&chaos.slots[i]);
		chaos.next_look = it_now() + LOOK_MS;
	}
	it_nap(2);
}

static void
misbehave(void)
{
	while (it_now() - chaos.began < options.seconds * 1000.0) {
		const struct fault *f = &chaos.faults[chaos.fault_next];

		if (chaos.fault_next < chaos.fault_count && it_now() - chaos.began >= f->at) {
			fault_do(f);
			chaos.fault_next++;
		}
		turn();
	}
}

/* Static members that come back are given what they had, without a rebalance. With the cooperative protocol, what was on its way
 * from one that was killed to another one has nobody until there is one: that is Kafka's way, and whatever the client. */
static void
let_one_more_join(void)
{
	for (int i = 0; i < SLOTS; i++)
		if (chaos.slots[i].run == 0) {
			chaos.slots[i].wanted = true;
			return;
		}
}

/* Everybody is woken and everything is there again. */
static void
heal(void)
{
	bool anyone = false;

	chaos.mute = true;
	chaos.node_until = 0;
	for (int i = 0; i < SLOTS; i++) {
		struct slot *s = &chaos.slots[i];

		if (s->paused_until != 0)
			s->paused_until = HEALED;
		if (s->disturbed_until != 0)
			s->disturbed_until = HEALED;
		s->down_until = 0;
		anyone = anyone || s->wanted;
	}
	chaos.slots[0].wanted = chaos.slots[0].wanted || !anyone;
	if (chaos.is_static && strcmp(chaos.protocol, "cooperative") == 0)
		let_one_more_join();
}

static double
recover(void)
{
	double since = it_now();

	heal();
	for (; !nodes_are_well(); since = it_now())
		turn();
	while (!traffic_is_delivered() || !verifier_done(chaos.verifier)) {
		if (it_now() - since > HEAL_MS) {
			verifier_explain(chaos.verifier);
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
		chaos.slots[i].wanted = false;
		if (member_is_up(&chaos.slots[i]))
			member_stop(&chaos.slots[i]);
	}
	for (int i = 0; i < SLOTS; i++)
		while (chaos.slots[i].child != NULL)
			turn();
	traffic_look_at_commits();
	verifier_finish(chaos.verifier);
	expect_no_violation();
}

/* ------------------------------------------------------------------------------------------------ a seed */

static int
set_up(void **state)
{
	int fd;

	it_begin(state);
	memset(&chaos, 0, sizeof(chaos));
	chaos.seed = (unsigned)(uintptr_t)*state;
	plan_draw();
	plan_describe();
	if (nodes_are_ours())
		it_until(it_whole(NODES));
	chaos.group = it_name("group");
	chaos.topic = it_topic("chaos", CHAOS_PARTITIONS, NULL);
	if (chaos.rules & LETTERS)
		chaos.dead = it_topic("chaos-dead", 1, NULL);
	snprintf(chaos.log, sizeof(chaos.log), "/tmp/carafe-chaos-%u-%ld.log", chaos.seed, (long)getpid());
	fd = open(chaos.log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
	chaos.verifier = verifier_new(chaos.log, chaos.weather, chaos.rules);
	traffic_begin();
	for (int i = 0; i < chaos.members; i++)
		chaos.slots[i].wanted = true;
	chaos.began = it_now();
	return 0;
}

static int
tear_down(void **state)
{
	int rc;

	if (access(chaos.log, F_OK) == 0 && options.verbose)
		it_children_show();
	rc = it_end_test(state);
	if (access(chaos.log, F_OK) == 0) /* it did not come to its end */
		print_message("# again: scripts/chaos --seed %u --seconds %d; its log: %s\n", chaos.seed, options.seconds, chaos.log);
	traffic_end();
	for (int i = 0; i < SLOTS; i++)
		network_heal(&chaos.slots[i]);
	verifier_free(chaos.verifier);
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
	verifier_count(chaos.verifier, &n);
	if (plan_keeps_everybody() && n.losses > 0)
		fail_msg("VIOLATION: %ld times a member lost its partitions, and nothing took as long as a session", n.losses);
	print_message("# seed %u: %d processes, %ld messages, %ld handled again, %ld out of order, %ld dead letters, %ld seeks; "
		      "%ld assignments, %ld losses, %ld cut off, %ld commits "
		      "refused; well after %.1f s, at most %ld MiB\n",
	    chaos.seed, chaos.run, n.produced, n.again, n.out_of_order, n.letters, n.sought, n.assignments, n.losses, n.cut_off, n.refused, took / 1000, chaos.rss);
	unlink(chaos.log);
}

/* ------------------------------------------------------------------------------------------------ the program */

static bool
read_faults(char *list)
{
	for (char *word, *rest = list; (word = strtok_r(NULL, ",", &rest)) != NULL;) {
		int k = 0;

		while (k < KINDS && strcmp(plan_kind(k), word) != 0)
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
		{ "verbose", no_argument, NULL, 'v' }, { "faults", required_argument, NULL, 'f' },
		{ "manners", required_argument, NULL, 'm' }, { 0 } };
	int option;

	options.seed = (unsigned)it_now();
	while ((option = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		switch (option) {
		case 's': options.seed = (unsigned)strtoul(optarg, NULL, 10); break;
		case 'n': options.seeds = atoi(optarg); break;
		case 't': options.seconds = atoi(optarg); break;
		case 'q': options.quick = true; break;
		case 'v': options.verbose = true; break;
		case 'm': options.manners = optarg; break;
		case 'f':
			if (!read_faults(optarg))
				return false;
			break;
		default: return false;
		}
	}
	return options.seeds > 0 && options.seconds > 0;
}

static int
end_all(void **state)
{
	networks_end();
	return it_end_all(state);
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
	failed = _cmocka_run_group_tests("chaos", tests, (size_t)options.seeds, NULL, end_all);
	for (int i = 0; i < options.seeds; i++)
		free((char *)(uintptr_t)tests[i].name);
	free(tests);
	return failed;
}
