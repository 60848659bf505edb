/* Nodes of Kafka that are killed, stopped and restarted. */
#include "chaos/chaos.h"

#include <stdio.h>
#include <stdlib.h>

#include "support/test.h"

bool
nodes_are_ours(void)
{
	return !options.quick && getenv("KAFKA_SCRIPT") != NULL && getenv("KAFKA3_PORT") != NULL;
}

static void
node_does(const char *what, int node)
{
	char id[12];

	snprintf(id, sizeof(id), "%d", node);
	chaos.node_work = it_spawn(getenv("KAFKA_SCRIPT"), NULL, IT_ARGS(what, id, "--port", getenv("KAFKA3_PORT")));
}

/* One node at a time is in trouble: two of three are needed. */
void
node_disturb(const struct fault *f)
{
	if (chaos.node_work != NULL || chaos.node_down != 0 || chaos.node_paused != 0 || chaos.rolling != 0)
		return;
	chaos.node_until = it_now() + f->ms;
	if (f->kind == NODE_ROLL) {
		chaos.rolling = 1;
		node_does("restart", 1);
	} else if (f->kind == NODE_KILL) {
		chaos.node_down = f->which;
		node_does("kill", f->which);
	} else {
		chaos.node_paused = f->which;
		node_does("pause", f->which);
	}
}

void
nodes_tend(double now)
{
	if (chaos.node_work != NULL) {
		if (!it_child_ended(chaos.node_work))
			return;
		if (it_child_wait(chaos.node_work) != 0) {
			it_child_show(chaos.node_work);
			fail_msg("seed %u: a node of Kafka is not what it should be", chaos.seed);
		}
		chaos.node_work = NULL;
	}
	if (chaos.rolling > 0) {
		chaos.rolling = chaos.rolling == NODES ? 0 : chaos.rolling + 1;
		if (chaos.rolling > 0)
			node_does("restart", chaos.rolling);
	} else if (chaos.node_down > 0 && now >= chaos.node_until) {
		node_does("restart", chaos.node_down);
		chaos.node_down = 0;
	} else if (chaos.node_paused > 0 && now >= chaos.node_until) {
		node_does("resume", chaos.node_paused);
		chaos.node_paused = 0;
	}
}

bool
nodes_are_well(void)
{
	return chaos.node_work == NULL && chaos.node_down == 0 && chaos.node_paused == 0 && chaos.rolling == 0;
}
