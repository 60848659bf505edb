/* What a member of tests/chaos has deferred, and completes after a while, on a thread of its own. */
#ifndef CHAOS_LATER_H
#define CHAOS_LATER_H

#include <carafe/carafe.h>

#define LATER_LINE 512

/* Appends a line to the log, in one write. Any thread. */
void later_append(const char *line);

/* A thread that takes no signals and is not waited for. */
void later_thread(void *(*fn)(void *arg), void *arg);

void later_start(void);
/* After so many ms: the line, which says what came of it, then the completion. Any thread. */
void later(carafe_deferred *d, carafe_rc rc, const char *line, int ms);

#endif
