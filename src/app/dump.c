/* The dump: what every thread and every partition is doing, as events.
 *
 * A thread can only walk its own stack, so each of carafe's is sent a signal whose handler does that, and nothing else
 * that is not safe there. librdkafka's threads block every signal; of them and of threads stuck in the kernel only the
 * name is told. */
#include <dirent.h>
#include <execinfo.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "app/app.h"
#include "app/engine.h"

#define FRAMES 48
#define SKIP 2 /* the handler's own and the kernel's trampoline */
#define PATIENCE (200 * CRF_MS)

static void *frames[FRAMES]; /* one dump at a time, one thread at a time */
static atomic_int frame_count;
static atomic_long wanted; /* the thread that is asked, until it answers or is not waited for any more; 0 */
static pthread_mutex_t dumping = PTHREAD_MUTEX_INITIALIZER;

static void
on_signal(int signal)
{
	long tid = syscall(SYS_gettid);
	int count;

	(void)signal;
	if (!atomic_compare_exchange_strong(&wanted, &tid, 0))
		return;
	count = backtrace(frames, FRAMES);
	atomic_store(&frame_count, count > 0 ? count : 1);
}

/* Each line an event. */
static void
emit_lines(carafe *app, struct crf_buf *lines)
{
	char *rest = NULL;

	if (lines->len == 0)
		return;
	for (char *line = strtok_r(lines->data, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest))
		CRF_EMIT(app->bus, CARAFE_EV_PROCESS_DUMP, CRF_STR(TEXT, line));
}

static void
name_of(long tid, char *name, size_t len)
{
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%ld/comm", tid);
	snprintf(name, len, "%ld", tid);
	if ((f = fopen(path, "re")) == NULL)
		return;
	if (fgets(name, (int)len, f) != NULL)
		name[strcspn(name, "\n")] = '\0';
	fclose(f);
}

/* Asks one thread for its stack; 0 frames when it does not answer. */
static int
walk(long tid)
{
	crf_ns until = crf_now() + PATIENCE;
	long asked = tid;

	if (tid == syscall(SYS_gettid))
		return backtrace(frames, FRAMES);
	atomic_store(&frame_count, 0);
	atomic_store(&wanted, tid);
	if (syscall(SYS_tgkill, (long)getpid(), tid, (long)CRF_DUMP_SIGNAL) != 0)
		return 0;
	while (atomic_load(&frame_count) == 0) {
		if (crf_now() >= until && (atomic_compare_exchange_strong(&wanted, &asked, 0) || crf_now() >= until + PATIENCE))
			return 0; /* the second time it is stuck in its answer */
		asked = tid;
		nanosleep(&(struct timespec){ .tv_nsec = CRF_MS }, NULL);
	}
	return atomic_load(&frame_count);
}

static void
dump_thread(carafe *app, long tid)
{
	CRF_AUTO(crf_buf) text = { 0 };
	char name[32];
	char **symbols;
	int count;

	name_of(tid, name, sizeof(name));
	if (strncmp(name, "rdk:", 4) == 0) /* would not answer */
		return;
	count = walk(tid);
	symbols = backtrace_symbols(frames, count);
	for (int i = SKIP; i < count && symbols != NULL; i++)
		crf_buf_printf(&text, "%s%s", i > SKIP ? " < " : "", symbols[i]);
	free(symbols);
	CRF_EMIT(app->bus, CARAFE_EV_PROCESS_DUMP, CRF_STR(THREAD, name),
	    CRF_STR(TEXT, count > SKIP ? crf_buf_str(&text) : "does not answer (in the kernel, or not carafe's)"));
}

static void
dump_threads(carafe *app)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART }, before;
	const struct dirent *entry;
	DIR *tasks = opendir("/proc/self/task");

	if (tasks == NULL)
		return;
	backtrace(frames, 1); /* loads what it needs now, not in a signal handler */
	sigaction(CRF_DUMP_SIGNAL, &action, &before);
	while ((entry = readdir(tasks)) != NULL)
		if (entry->d_name[0] != '.')
			dump_thread(app, strtol(entry->d_name, NULL, 10));
	sigaction(CRF_DUMP_SIGNAL, &before, NULL);
	closedir(tasks);
}

void
carafe_dump(carafe *app)
{
	CRF_AUTO(crf_buf) lines = { 0 };

	crf_check_app(app);
	if (app->engine == NULL || crf_engine_elsewhere(app))
		return;
	pthread_mutex_lock(&dumping);
	crf_engine_describe(app->engine, &lines);
	emit_lines(app, &lines);
	dump_threads(app);
	pthread_mutex_unlock(&dumping);
}
