/* A fault that is due, done. */
#include "chaos/chaos.h"

#include <signal.h>

#include "support/test.h"

void
fault_do(const struct fault *f)
{
	struct slot *s = &chaos.slots[f->which % SLOTS];

	if (f->kind >= NODE_KILL) {
		node_disturb(f);
		return;
	}
	if (f->kind == JOIN) {
		s->wanted = true;
		return;
	}
	if (f->kind == KILL_ALL) {
		for (int i = 0; i < SLOTS; i++)
			if (member_is_up(&chaos.slots[i]))
				member_kill(&chaos.slots[i], f->ms);
		return;
	}
	if (1U << f->kind & KINDS_OF_NETWORK) {
		network_disturb(s, f);
		return;
	}
	if (!member_is_up(s))
		return;
	switch (f->kind) {
	case KILL:
		member_kill(s, f->ms);
		break;
	case TERM:
		member_stop(s);
		s->down_until = it_now() + f->ms;
		break;
	case LEAVE:
		member_stop(s);
		s->wanted = false;
		break;
	case PAUSE:
		member_signal(s, SIGSTOP);
		s->paused_until = it_now() + f->ms;
		break;
	default:
		if (verifier_knows(chaos.verifier, s->run))
			member_signal(s, SIGUSR1);
	}
}
