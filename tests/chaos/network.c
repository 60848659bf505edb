/* Members' networks, one a slot (scripts/networks): cut for a while, cut one way, lossy, slow, broken. */
#include "chaos/chaos.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/test.h"

/* Between a slot's troubles, when no member may lose anything: TCP sends again at longer and longer intervals. */
#define REST_MS 2500
/* A member that has heard nothing for so long knows that its session is over. */
#define PAST_SESSION_MS 6000

static enum { UNTRIED, NONE, UP } networks;

/* Runs scripts/networks; false when it failed. */
static bool
script(const char *what, const char *a, const char *b, bool explain)
{
	char owner[12];
	struct it_child *c;

	snprintf(owner, sizeof(owner), "%ld", (long)getpid());
	c = it_spawn(getenv("NETWORKS_SCRIPT"), NULL, IT_ARGS(what, owner, a, b));
	if (it_child_wait(c) == 0)
		return true;
	if (explain) {
		char *output = it_child_output(c);

		print_message("# the network is left alone: %s", output);
		free(output);
	}
	return false;
}

bool
networks_are_there(void)
{
	char count[12];

	snprintf(count, sizeof(count), "%d", SLOTS);
	if (networks == UNTRIED && getenv("NETWORKS_SCRIPT") == NULL)
		networks = NONE;
	if (networks == UNTRIED && strncmp(it_kafka(), "127.0.0.1:", 10) != 0) {
		print_message("# the network is left alone: Kafka is not at 127.0.0.1\n");
		networks = NONE;
	}
	if (networks == UNTRIED)
		networks = script("up", count, NULL, true) ? UP : NONE;
	return networks == UP;
}

void
networks_end(void)
{
	if (networks == UP)
		script("down", NULL, NULL, false);
	networks = UNTRIED;
}

const char *
network_option(const struct slot *s)
{
	static char option[64];

	snprintf(option, sizeof(option), "--net=/run/netns/carafe-%ld-%d", (long)getpid(), (int)(s - chaos.slots));
	return option;
}

static void
let_through(const struct slot *s, const char *what)
{
	char n[12];

	if (options.verbose)
		print_message("# %.0f ms: slot %d, run %d: the network lets through: %s\n", it_now() - chaos.began, (int)(s - chaos.slots),
		    s->run, what);
	snprintf(n, sizeof(n), "%d", (int)(s - chaos.slots));
	if (!script("disturb", n, what, true))
		fail_msg("seed %u: a network is not what it should be", chaos.seed);
}

void
network_disturb(struct slot *s, const struct fault *f)
{
	if (s->disturbed_until != 0 || (chaos.brief && it_now() < s->rest_until))
		return;
	let_through(s, plan_kind((int)f->kind));
	s->disturbed_until = it_now() + f->ms;
	s->disturbed_run = f->kind <= CUT_OUT && f->ms >= PAST_SESSION_MS ? s->run : 0;
}

/* A member counts its session's time itself, but not with the newer protocol, nor while it waits for the answer to a JoinGroup:
 * as cooperative ones do with their partitions. */
static void
expect_nothing_owned(const struct slot *s)
{
	bool aware = strcmp(chaos.protocol, "range") == 0 && (chaos.used & (1U << PAUSE | 1U << HANG)) == 0;

	verifier_read(chaos.verifier);
	if (aware && s->child != NULL && !s->leaving && s->run == s->disturbed_run && verifier_owns(chaos.verifier, s->run))
		fail_msg("VIOLATION: run %d was cut off past its session and keeps its partitions", s->run);
}

void
network_heal(struct slot *s)
{
	if (s->disturbed_until != 0)
		let_through(s, "all");
	s->disturbed_until = 0;
}

void
network_tend(struct slot *s, double now)
{
	if (s->disturbed_until == 0 || now < s->disturbed_until)
		return;
	if (s->disturbed_until > HEALED)
		expect_nothing_owned(s);
	network_heal(s);
	s->rest_until = it_now() + REST_MS;
}
