/* The server in the foreground: signals become calls, the run's outcome an exit status. Signals are blocked in every
 * thread and one takes them, so no code of carafe's ever runs in a signal handler (but for the dump's). */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/app.h"
#include "app/engine.h"
#include "core/error.h"

struct signals {
	carafe *app;
	struct crf_thread thread;
	sigset_t set, before;
	atomic_bool over;
};

static void
block_signals(struct signals *s)
{
	sigemptyset(&s->set);
	sigaddset(&s->set, SIGINT);
	sigaddset(&s->set, SIGTERM);
	sigaddset(&s->set, SIGQUIT);
	sigaddset(&s->set, SIGTSTP);
	sigaddset(&s->set, SIGTTIN);
	pthread_sigmask(SIG_BLOCK, &s->set, &s->before);
	signal(SIGPIPE, SIG_IGN); /* a log that nobody reads is no reason to drop messages */
}

static void
end_at_once(carafe *app)
{
	CRF_EMIT(app->bus, CARAFE_EV_APP_STUCK, CRF_STR(TEXT, "a third signal ends the process"),
	    CRF_STR(HINT, "what was not committed will be handed out again"));
	fflush(NULL);
	_exit(crf_exit_status(CARAFE_TIMEOUT));
}

static void
stop(carafe *app, int times)
{
	if (times == 1)
		carafe_stop(app);
	else if (times == 2)
		carafe_force_stop(app);
	else
		end_at_once(app);
}

static void
act(carafe *app, int signal, int *stops)
{
	CRF_EMIT(app->bus, CARAFE_EV_PROCESS_SIGNAL, CRF_STR(SIGNAL, sigabbrev_np(signal)));
	switch (signal) {
	case SIGTSTP:
		carafe_quiet(app);
		break;
	case SIGTTIN:
		carafe_dump(app);
		break;
	default:
		stop(app, ++*stops);
	}
}

static void *
take_signals(void *arg)
{
	struct signals *s = arg;
	int stops = 0;

	while (!atomic_load(&s->over)) {
		int signal = sigwaitinfo(&s->set, NULL);

		if (signal > 0 && !atomic_load(&s->over))
			act(s->app, signal, &stops);
	}
	return NULL;
}

static carafe_rc
wait_for_end(struct signals *s, carafe_error *err)
{
	carafe_rc rc;

	crf_thread_start(&s->thread, "crf-signals", take_signals, s);
	rc = carafe_wait(s->app, -1, err);
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

	block_signals(&signals);
	rc = crf_app_start(app, exit_eof, &err);
	if (rc == CARAFE_OK)
		rc = wait_for_end(&signals, &err);
	if (rc != CARAFE_OK)
		fprintf(stderr, "carafe: %s\n", err.text);
	if (app->engine != NULL && crf_engine_stuck(app->engine)) {
		fflush(NULL);
		_exit(crf_exit_status(rc));
	}
	pthread_sigmask(SIG_SETMASK, &signals.before, NULL);
	return crf_exit_status(rc);
}
