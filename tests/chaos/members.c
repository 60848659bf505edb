/* Members of the group, each a process in a slot. */
#include "chaos/chaos.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "support/test.h"

#define RSS_MIB 256

static void
start(struct slot *s)
{
	const char *log = options.verbose ? "-v" : "-q";
	char run[12], instance[16] = "", *program = it_program("chaos_member");
	const carafe_kv *env;

	snprintf(run, sizeof(run), "%d", ++chaos.run);
	if (chaos.is_static)
		snprintf(instance, sizeof(instance), "slot%d", (int)(s - chaos.slots));
	env = CARAFE_KV({ "KAFKA", it_kafka() }, { "CHAOS_RUN", run }, { "CHAOS_LOG", chaos.log }, { "CHAOS_GROUP", chaos.group },
	    { "CHAOS_TOPIC", chaos.topic }, { "CHAOS_PROTOCOL", chaos.protocol }, { "CHAOS_HANDLER", chaos.handler },
	    { "CHAOS_SLEEP_US", chaos.sleep_us }, { "CHAOS_COMMIT", chaos.commit }, { "CHAOS_DRAIN", chaos.drain },
	    { "CHAOS_SESSION", "3000" }, { "CHAOS_MAX_POLL", "4000" }, { "CHAOS_HANG", "7000" }, { "CHAOS_INSTANCE", instance },
	    { "CHAOS_MANNERS", chaos.manners }, { "CHAOS_DEAD", chaos.dead != NULL ? chaos.dead : "" });
	if (chaos.used & KINDS_OF_NETWORK)
		s->child = it_spawn("/usr/bin/env", env, IT_ARGS("nsenter", network_option(s), program, "server", log));
	else
		s->child = it_spawn(program, env, IT_ARGS("server", log));
	free(program);
	s->leaving = false;
	s->run = chaos.run;
	s->paused_until = s->down_until = 0;
}

bool
member_is_up(const struct slot *s)
{
	return s->child != NULL && !s->leaving && s->paused_until == 0;
}

void
member_signal(struct slot *s, int signal)
{
	if (it_child_ended(s->child)) {
		it_child_show(s->child);
		fail_msg("VIOLATION: a member ended by itself, with %d", it_child_wait(s->child));
	}
	it_child_signal(s->child, signal);
}

void
member_kill(struct slot *s, int ms)
{
	member_signal(s, SIGKILL);
	it_child_wait(s->child);
	s->child = NULL;
	s->down_until = it_now() + ms;
}

void
member_stop(struct slot *s)
{
	member_signal(s, SIGTERM);
	s->leaving = true;
}

/* A clean stop commits all it did. Where members or nodes stand still, the group may have gone on without it, or nobody have
 * been there to commit to. */
static void
expect_status(struct slot *s)
{
	int status = it_child_wait(s->child);

	if (status == 128 + SIGTERM && !verifier_knows(chaos.verifier, s->run)) /* it was not yet up to signals */
		return;
	if (status != 0 && (chaos.weather == CALM || (status != 70 && status != 75))) {
		it_child_show(s->child);
		fail_msg("VIOLATION: a member that was asked to stop ended with %d", status);
	}
}

void
member_check_size(const struct slot *s)
{
	long rss = it_child_rss(s->child);

	if (rss > chaos.rss)
		chaos.rss = rss;
	if (rss > RSS_MIB)
		fail_msg("VIOLATION: a member has %ld MiB resident", rss);
}

void
member_tend(struct slot *s, double now)
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
		member_signal(s, 0);
	if (s->child == NULL && s->wanted && now >= s->down_until)
		start(s);
}
