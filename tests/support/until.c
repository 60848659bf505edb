#include "support/until.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "support/test.h"

double
it_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

void
it_nap(int ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000L };

	nanosleep(&ts, NULL);
}

void
it_wait_more(double since, const char *condition, const char *file, int line)
{
	if (it_now() - since > IT_PATIENCE_MS) {
		print_error("%s:%d: waited in vain until %s\n", file, line, condition);
		it_children_show();
		_fail(file, line);
	}
	it_nap(5);
}

unsigned
it_seed(void)
{
	const char *given = getenv("IT_SEED");
	unsigned seed = given != NULL ? (unsigned)strtoul(given, NULL, 10) : (unsigned)it_now();

	print_message("# IT_SEED=%u\n", seed);
	return seed;
}

/* ------------------------------------------------------------------------------------------------ gates */

struct it_gate {
	struct it_gate *next;
	pthread_mutex_t mu;
	pthread_cond_t opened;
	bool open;   /* mu */
	int waiting; /* mu */
};

static struct it_gate *gates;

struct it_gate *
it_gate_new(void)
{
	struct it_gate *g = calloc(1, sizeof(*g));

	pthread_mutex_init(&g->mu, NULL);
	pthread_cond_init(&g->opened, NULL);
	g->next = gates;
	gates = g;
	return g;
}

void
it_gate_wait(struct it_gate *g)
{
	pthread_mutex_lock(&g->mu);
	g->waiting++;
	while (!g->open)
		pthread_cond_wait(&g->opened, &g->mu);
	g->waiting--;
	pthread_mutex_unlock(&g->mu);
}

void
it_gate_open(struct it_gate *g)
{
	pthread_mutex_lock(&g->mu);
	g->open = true;
	pthread_cond_broadcast(&g->opened);
	pthread_mutex_unlock(&g->mu);
}

int
it_gate_waiting(struct it_gate *g)
{
	int waiting;

	pthread_mutex_lock(&g->mu);
	waiting = g->waiting;
	pthread_mutex_unlock(&g->mu);
	return waiting;
}

void
it_gates_open_all(void)
{
	for (struct it_gate *g = gates; g != NULL; g = g->next)
		it_gate_open(g);
}

void
it_gates_free(void)
{
	while (gates != NULL) {
		struct it_gate *g = gates;

		gates = g->next;
		pthread_cond_destroy(&g->opened);
		pthread_mutex_destroy(&g->mu);
		free(g);
	}
}
