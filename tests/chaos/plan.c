/* What a seed decides before anything runs: the group, and what happens to it when. */
#include "chaos/chaos.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/test.h"

static const char *const kinds[KINDS] = { "kill", "kill-all", "stop", "pause", "hang", "join", "leave", "cut", "cut-in",
	"cut-out", "loss", "slow", "reset", "kill-node", "pause-node", "roll-nodes" };

const char *
plan_kind(int kind)
{
	return kinds[kind];
}

static int
chance(int n)
{
	return (int)((unsigned)rand_r(&chaos.random) % (unsigned)n);
}

static int
between(int low, int high)
{
	return low + chance(high - low + 1);
}

/* How long: troubles are noticed by nobody, past the session, or past max.poll.interval.ms. */
static int
duration(enum kind kind)
{
	switch (kind) {
	case PAUSE:
		return chaos.brief ? between(50, 500) : chance(2) ? between(50, 1500) : between(3500, 8000);
	case CUT:
	case CUT_IN:
	case CUT_OUT:
		return chaos.brief ? between(50, 800) : chance(2) ? between(50, 1500) : between(4000, 9000);
	case LOSS:
	case SLOW:
		return chaos.brief ? between(200, 1500) : between(500, 6000);
	case RESET:
		return between(10, 400);
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
	unsigned members = (unsigned)between(1, (1 << CUT) - 1);
	unsigned network = (unsigned)between(1, (1 << (NODE_KILL - CUT)) - 1) << CUT;
	unsigned nodes = (unsigned)between(1, (1 << (KINDS - NODE_KILL)) - 1) << NODE_KILL;
	int which = chance(4);

	if (which > 1 || !networks_are_there())
		network = 0;
	else if (which == 0)
		members = 0;
	if (chance(2) || !nodes_are_ours())
		nodes = 0;
	if (options.quick)
		members = (members & ~(1U << HANG)) | 1U << TERM;
	return members | network | nodes;
}

static enum weather
weather_of(unsigned used)
{
	if (used & (KINDS_OF_NODES | KINDS_OF_NETWORK))
		return ROUGH;
	return (used & (1U << PAUSE | 1U << HANG)) != 0 ? FAIR : CALM;
}

static void
draw_faults(void)
{
	double end = options.seconds * 1000.0, at = between(200, 1200);

	chaos.brief = chance(3) == 0 || options.quick;
	chaos.used = choose_kinds();
	if (options.kinds != 0)
		chaos.used = options.kinds & ~(networks_are_there() ? 0 : KINDS_OF_NETWORK);
	chaos.weather = weather_of(chaos.used);
	while (chaos.used != 0 && at < end && chaos.fault_count < FAULTS) {
		enum kind kind = (enum kind)chance(KINDS);

		if ((chaos.used & 1U << kind) == 0)
			continue;
		chaos.faults[chaos.fault_count++] =
		    (struct fault){ at, kind, kind >= NODE_KILL ? between(1, NODES) : chance(SLOTS), duration(kind) };
		at += chance(4) > 0 ? between(50, 900) : between(0, 50);
	}
}

static void
add_manner(const char *name)
{
	size_t n = strlen(chaos.manners);

	snprintf(chaos.manners + n, sizeof(chaos.manners) - n, "%s%s", n > 0 ? "," : "", name);
}

static bool
has_manner(const char *name)
{
	return strstr(chaos.manners, name) != NULL;
}

/* Some, so that each is also met without the others. Handlers mark by hand where that says what success would; metadata of a mark
 * is judged where each mark is that of one handler. */
static void
choose_manners(void)
{
	static const char *const keys[] = { "", "", "keys", "keys-stay" };
	const char *shared = keys[chance(4)];

	if (shared[0] != '\0')
		add_manner(shared);
	if (chance(2))
		add_manner("defer");
	if (chance(3) == 0)
		add_manner("seek");
	if (chance(3) == 0)
		add_manner("pause");
	if (chance(3) == 0)
		add_manner("letters");
	if (!has_manner("defer") && !has_manner("seek") && !has_manner("letters") && chance(2))
		add_manner("marks");
	if (!has_manner("keys") && !has_manner("defer") && !has_manner("seek"))
		add_manner("annotate");
}

/* Deferred batches come one after the other, and so do a key's messages. */
static void
draw_manners(void)
{
	choose_manners();
	if (options.manners != NULL)
		snprintf(chaos.manners, sizeof(chaos.manners), "%s", options.manners);
	chaos.rules = has_manner("keys") ? KEYED : has_manner("defer") && strcmp(chaos.handler, "messages") == 0 ? SIDE_BY_SIDE : 0;
	chaos.rules |= (has_manner("seek") ? SEEKING : 0) | (has_manner("annotate") ? ANNOTATED : 0) | (has_manner("letters") ? LETTERS : 0);
}

void
plan_draw(void)
{
	static const char *const protocols[] = { "range", "cooperative", "kip-848" };

	chaos.random = chaos.seed * 2654435761U + 1;
	chance(2);
	chaos.protocol = protocols[chance(3)];
	chaos.handler = chance(2) ? "batches" : "messages";
	chaos.is_static = chance(4) == 0;
	chaos.members = between(1, 4);
	snprintf(chaos.commit, sizeof(chaos.commit), "%d", between(20, 400));
	snprintf(chaos.drain, sizeof(chaos.drain), "%d", chance(2) ? 1500 : 20000);
	snprintf(chaos.sleep_us, sizeof(chaos.sleep_us), "%d", chance(3) == 0 ? 0 : between(100, 3000));
	draw_faults();
	draw_manners();
}

void
plan_describe(void)
{
	char text[256] = "";
	size_t n = 0;

	for (int k = 0; k < KINDS; k++)
		if (chaos.used & 1U << k)
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s", n > 0 ? ", " : "", kinds[k]);
	print_message("# seed %u: %s, %d%s members, %s of %s us each, commits every %s ms, drains %s ms; %s; %zu faults%s: %s\n", chaos.seed,
	    chaos.protocol, chaos.members, chaos.is_static ? " static" : "", chaos.handler, chaos.sleep_us, chaos.commit, chaos.drain,
	    chaos.manners[0] != '\0' ? chaos.manners : "nothing else", chaos.fault_count, chaos.brief ? ", brief" : "", text);
}

/* Lost packets are sent again at intervals that grow: with bad luck for longer than a session. A coordinator of the newer protocol
 * that changes, as it does when its node is busy, may know nothing of its members. */
bool
plan_keeps_everybody(void)
{
	unsigned others = 1U << HANG | 1U << LOSS | 1U << SLOW | KINDS_OF_NODES;

	return chaos.brief && !chaos.starved && strcmp(chaos.protocol, "kip-848") != 0 && (chaos.used & others) == 0;
}
