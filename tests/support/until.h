/* Waiting for what must come to pass. */
#ifndef IT_UNTIL_H
#define IT_UNTIL_H

#include <stdbool.h>
#include <stdint.h>

/* How long anything may take: a slow machine under a sanitizer. All is well long before. */
#define IT_PATIENCE_MS 120000

/* Monotonic milliseconds, as a fraction. */
double it_now(void);
void it_nap(int ms);
/* Naps; fails the test when it has been waiting since `since` for too long. */
void it_wait_more(double since, const char *condition, const char *file, int line);

/* Waits until the condition holds; the test fails when it does not within IT_PATIENCE_MS. */
#define it_until(condition)                                                                                            \
	for (double it_since = it_now(); !(condition);)                                                                \
	it_wait_more(it_since, #condition, __FILE__, __LINE__)

/* IT_SEED, or a new one; printed, so that a failure can be tried again. */
unsigned it_seed(void);

/* A door that handlers wait at and a test opens. */
struct it_gate;

struct it_gate *it_gate_new(void); /* closed; lives as long as the program */
void it_gate_wait(struct it_gate *g);
void it_gate_open(struct it_gate *g);
/* How many are waiting there now. */
int it_gate_waiting(struct it_gate *g);
/* Opens every gate there is, for the end of a test that failed. */
void it_gates_open_all(void);
void it_gates_free(void);

#endif
