/* Programs of tests/apps, each run as a process of its own. What one writes goes to a file rather than a pipe: it never
 * waits for its reader, and nothing is lost when it is killed. */
#ifndef IT_CHILD_H
#define IT_CHILD_H

#include <signal.h>
#include <stdbool.h>

#include <carafe/carafe.h>

struct it_child;

/* The path of one; the caller frees. */
char *it_program(const char *name);
/* For plugin.library.paths: the path of what taking.h tells of. Lives as long as the program. */
const char *it_plugin(void);
/* Starts one, or any program by its whole path; env is added to the environment, args is what follows the program's name (NULL-terminated). */
struct it_child *it_spawn(const char *program, const carafe_kv *env, const char *const *args);
#define IT_ARGS(...) ((const char *const[]){ __VA_ARGS__, NULL })
void it_child_signal(struct it_child *c, int signal);
/* Has ended; nothing waits. */
bool it_child_ended(struct it_child *c);
/* Its exit status, 128 and the signal when one killed it; waits for the end. */
int it_child_wait(struct it_child *c);
/* How much memory it has resident, MiB; 0 once it has ended. */
long it_child_rss(struct it_child *c);
/* How often it has written this. */
int it_child_said(struct it_child *c, const char *text);
/* Everything it has written so far; the caller frees. */
char *it_child_output(struct it_child *c);
/* Shows what it has written, for a test that fails. */
void it_child_show(struct it_child *c);
void it_children_show(void);

/* Kills and forgets them all. */
void it_children_end(void);

#endif
