#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int
it_begin(void **state)
{
	(void)state;
	setenv("CARAFE_ENV", "test", 1);
	it_use_cluster(getenv("KAFKA"));
	return 0;
}

int
it_end_test(void **state)
{
	(void)state;
	it_gates_open_all();
	it_apps_end();
	it_children_end();
	it_peers_end();
	return 0;
}

int
it_end_all(void **state)
{
	(void)state;
	it_cluster_end();
	it_events_free();
	it_sinks_free();
	it_gates_free();
	return 0;
}

enum it_protocol
it_protocol(void **state)
{
	const char *name = *state;

	return strcmp(name, "range") == 0 ? IT_RANGE : strcmp(name, "kip-848") == 0 ? IT_KIP848 : IT_COOPERATIVE;
}

void
it_skip_without(const char *variable)
{
	cmocka_set_test_filter(getenv("IT_ONLY"));
	if (getenv(variable) != NULL)
		return;
	printf("1..0 # SKIP %s is not set: it says where Kafka is; scripts/test starts one\n", variable);
	exit(77);
}
