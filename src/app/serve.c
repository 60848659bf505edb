/* The server in the foreground: signals become calls, the run's outcome an exit status. Signals are blocked in every thread of
 * carafe's and one takes them, so that no call is ever interrupted. A thread that was there before may be given one all the same: it
 * passes it on. */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/app.h"
#include "app/engine.h"
#include "app/liveness.h"
#include "core/error.h"

#define TOGETHER (100 * CRF_MS) /* somebody told the process and its group */

static const int taken[] = { SIGINT, SIGTERM, SIGQUIT, SIGTSTP, SIGTTIN };

struct signals {
	carafe *app;
	struct crf_thread thread;
	sigset_t set, before;
	struct sigaction actions[crf_array_len(taken)]; /* before */
	crf_ns stopped_at;
	int stops;
	atomic_bool over;
};

/* What the signal handler knows. */
static struct {
	pid_t process;
	pthread_t taker;
	atomic_bool taking;
	atomic_uint early; /* signals that came before anybody took them, a bit for each */
} passing;

static unsigned
bit(int signal)
{
	return 1U << signal;
}

/* A child that was forked and is another program not yet dies as it would have. */
static void
pass_on(int signal)
{
	int before = errno;

	if (getpid() != passing.process) {
		sigaction(signal, &(struct sigaction){ .sa_handler = SIG_DFL }, NULL);
		raise(signal);
	} else {
		atomic_fetch_or(&passing.early, bit(signal));
		if (atomic_load(&passing.taking) && (atomic_fetch_and(&passing.early, ~bit(signal)) & bit(signal)) != 0)
			pthread_kill(passing.taker, signal);
	}
	errno = before;
}

static void
catch_signals(struct signals *s)
{
	passing.process = getpid();
	sigemptyset(&s->set);
	for (size_t i = 0; i < crf_array_len(taken); i++)
		sigaddset(&s->set, taken[i]);
	pthread_sigmask(SIG_BLOCK, &s->set, &s->before);
	for (size_t i = 0; i < crf_array_len(taken); i++)
		sigaction(taken[i], &(struct sigaction){ .sa_handler = pass_on, .sa_flags = SA_RESTART }, &s->actions[i]);
	signal(SIGPIPE, SIG_IGN); /* a log that nobody reads is no reason to drop messages */
}

static void
catch_no_more(const struct signals *s)
{
	for (size_t i = 0; i < crf_array_len(taken); i++)
		sigaction(taken[i], &s->actions[i], NULL);
}

static void
end_at_once(carafe *app)
{
	CRF_EMIT(app->bus, CARAFE_EV_APP_STUCK, CRF_STR(TEXT, "a third signal ends the process"),
	    CRF_STR(HINT, "what was not committed will be handed out again"));
	crf_liveness_give_up(app->engine->liveness);
	fflush(NULL);
	_exit(crf_exit_status(CARAFE_TIMEOUT));
}

static void
stop(struct signals *s)
{
	crf_ns before = s->stopped_at;

	s->stopped_at = crf_now();
	if (s->stops > 0 && s->stopped_at - before < TOGETHER)
		return;
	if (++s->stops == 1)
		carafe_stop(s->app);
	else if (s->stops == 2)
		carafe_force_stop(s->app);
	else
		end_at_once(s->app);
}

static void
act(struct signals *s, int signal)
{
	CRF_EMIT(s->app->bus, CARAFE_EV_PROCESS_SIGNAL, CRF_STR(SIGNAL, sigabbrev_np(signal)));
	switch (signal) {
	case SIGTSTP:
		carafe_quiet(s->app);
		break;
	case SIGTTIN:
		carafe_dump(s->app);
		break;
	default:
		stop(s);
	}
}

static void *
take_signals(void *arg)
{
	struct signals *s = arg;
	unsigned early;

	passing.taker = pthread_self();
	atomic_store(&passing.taking, true);
	early = atomic_exchange(&passing.early, 0);
	for (size_t i = 0; i < crf_array_len(taken); i++)
		if ((early & bit(taken[i])) != 0)
			act(s, taken[i]);
	while (!atomic_load(&s->over)) {
		int signal = sigwaitinfo(&s->set, NULL);

		if (signal > 0 && !atomic_load(&s->over))
			act(s, signal);
	}
	atomic_store(&passing.taking, false);
	return NULL;
}

static carafe_rc
wait_for_end(struct signals *s, carafe_error *err)
{
	carafe_rc rc;

	crf_thread_start(&s->thread, "crf-signals", take_signals, s);
	rc = carafe_wait(s->app, -1, err);
	catch_no_more(s); /* what they are passed on to goes */
	atomic_store(&s->over, true);
	pthread_kill(s->thread.t, SIGTERM); /* it waits for one */
	crf_thread_join(&s->thread);
	return rc;
}

int
crf_app_serve(carafe *app, bool exit_eof)
{
	struct signals signals = { .app = app };
	carafe_error err = { 0 };
	carafe_rc rc;

	catch_signals(&signals);
	rc = crf_app_start(app, exit_eof, &err);
	if (rc == CARAFE_OK)
		rc = wait_for_end(&signals, &err);
	if (rc != CARAFE_OK)
		fprintf(stderr, "carafe: %s\n", err.text);
	if (app->engine != NULL && crf_engine_stuck(app->engine)) {
		fflush(NULL);
		_exit(crf_exit_status(rc));
	}
	catch_no_more(&signals);
	pthread_sigmask(SIG_SETMASK, &signals.before, NULL);
	return crf_exit_status(rc);
}
