#include "support/child.h"

#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/test.h"

extern char **environ;

struct it_child {
	struct it_child *next;
	pid_t pid;
	FILE *out;
	bool ended;
	int status;
};

static struct it_child *children;

static size_t
length_of(char *const *list)
{
	size_t n = 0;

	while (list[n] != NULL)
		n++;
	return n;
}

static char **
merged_environment(const carafe_kv *env)
{
	size_t n = length_of(environ), more = 0;
	char **all;

	while (env != NULL && env[more].key != NULL)
		more++;
	all = calloc(n + more + 1, sizeof(*all));
	for (size_t i = 0; i < more; i++)
		if (asprintf(&all[i], "%s=%s", env[i].key, env[i].value) < 0)
			abort();
	memcpy(all + more, environ, n * sizeof(*all));
	return all;
}

static void
free_environment(char **all, const carafe_kv *env)
{
	for (size_t i = 0; env != NULL && env[i].key != NULL; i++)
		free(all[i]);
	free(all);
}

static char **
arguments(char *path, const char *const *args)
{
	size_t n = args == NULL ? 0 : length_of((char *const *)(uintptr_t)args);
	char **argv = calloc(n + 2, sizeof(*argv));

	argv[0] = path;
	for (size_t i = 0; i < n; i++)
		argv[i + 1] = (char *)(uintptr_t)args[i];
	return argv;
}

/* No signal blocked or ignored, output appended to the file. */
static int
launch(pid_t *pid, const char *path, FILE *out, char **argv, char **envp)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none, all;
	int rc;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &all);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, fileno(out), 1);
	posix_spawn_file_actions_adddup2(&actions, fileno(out), 2);
	rc = posix_spawn(pid, path, &actions, &attributes, argv, envp);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	return rc;
}

static FILE *
append_file(void)
{
	FILE *out = tmpfile();

	assert_non_null(out);
	fcntl(fileno(out), F_SETFL, O_APPEND);
	fcntl(fileno(out), F_SETFD, FD_CLOEXEC);
	return out;
}

char *
it_program(const char *name)
{
	bool whole = name[0] == '/';
	char *path;

	if (asprintf(&path, "%s%s%s", whole ? "" : getenv("IT_APPS"), whole ? "" : "/", name) < 0)
		abort();
	return path;
}

const char *
it_plugin(void)
{
	static char path[512];

	snprintf(path, sizeof(path), "%s/it_taking.so", getenv("IT_APPS"));
	return path;
}

struct it_child *
it_spawn(const char *program, const carafe_kv *env, const char *const *args)
{
	struct it_child *c = calloc(1, sizeof(*c));
	char **envp = merged_environment(env), **argv;
	char *path = it_program(program);
	int rc;

	argv = arguments(path, args);
	c->out = append_file();
	rc = launch(&c->pid, path, c->out, argv, envp);
	free(argv);
	free_environment(envp, env);
	if (rc != 0)
		fail_msg("cannot run %s: %s", path, strerror(rc));
	free(path);
	c->next = children;
	children = c;
	return c;
}

void
it_child_signal(struct it_child *c, int signal)
{
	assert_false(it_child_ended(c));
	assert_int_equal(kill(c->pid, signal), 0);
}

bool
it_child_ended(struct it_child *c)
{
	if (!c->ended)
		c->ended = waitpid(c->pid, &c->status, WNOHANG) == c->pid;
	return c->ended;
}

int
it_child_wait(struct it_child *c)
{
	double since = it_now();

	while (!it_child_ended(c)) {
		if (it_now() - since > IT_PATIENCE_MS) {
			it_child_show(c);
			fail_msg("the child does not end");
		}
		it_nap(5);
	}
	return WIFEXITED(c->status) ? WEXITSTATUS(c->status) : 128 + WTERMSIG(c->status);
}

long
it_child_rss(struct it_child *c)
{
	long pages = 0, all;
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%ld/statm", (long)c->pid);
	if (it_child_ended(c) || (f = fopen(path, "re")) == NULL)
		return 0;
	if (fscanf(f, "%ld %ld", &all, &pages) != 2)
		pages = 0;
	fclose(f);
	return pages * (sysconf(_SC_PAGESIZE) / 1024) / 1024;
}

char *
it_child_output(struct it_child *c)
{
	struct stat st;
	ssize_t got;
	char *text;

	fstat(fileno(c->out), &st);
	text = calloc(1, (size_t)st.st_size + 1);
	got = pread(fileno(c->out), text, (size_t)st.st_size, 0);
	text[got > 0 ? got : 0] = '\0';
	return text;
}

int
it_child_said(struct it_child *c, const char *text)
{
	char *output = it_child_output(c);
	int n = 0;

	for (const char *at = output; (at = strstr(at, text)) != NULL; at++)
		n++;
	free(output);
	return n;
}

void
it_child_show(struct it_child *c)
{
	char *output = it_child_output(c);

	fprintf(stderr, "the child wrote:\n%s\n", output); /* cmocka would cut it off */
	free(output);
}

void
it_children_show(void)
{
	for (struct it_child *c = children; c != NULL; c = c->next)
		it_child_show(c);
}

void
it_children_end(void)
{
	while (children != NULL) {
		struct it_child *c = children;

		children = c->next;
		if (!it_child_ended(c)) {
			kill(c->pid, SIGKILL);
			waitpid(c->pid, &c->status, 0);
		}
		fclose(c->out);
		free(c);
	}
}
