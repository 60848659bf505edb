/* The server in the foreground: signals become calls, the run's outcome an exit status. Signals are blocked in every
 * thread and taken here one by one, so no code of carafe's ever runs in a signal handler (but for the dump's). */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/app.h"
#include "app/engine.h"
#include "core/error.h"

#define LOOK_MS 100

static void
block_signals(sigset_t *set, sigset_t *before)
{
	sigemptyset(set);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGQUIT);
	sigaddset(set, SIGTSTP);
	sigaddset(set, SIGTTIN);
	pthread_sigmask(SIG_BLOCK, set, before);
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

static bool
is_over(carafe *app)
{
	return carafe_status_of(app) == CARAFE_TERMINATED || crf_engine_stuck(app->engine);
}

static void
watch_signals(carafe *app, const sigset_t *set)
{
	const struct timespec look = { .tv_nsec = LOOK_MS * CRF_MS };
	int stops = 0;

	while (!is_over(app)) {
		int signal = sigtimedwait(set, NULL, &look);

		if (signal > 0)
			act(app, signal, &stops);
	}
}

int
crf_app_serve(carafe *app, bool exit_eof)
{
	carafe_error err = { 0 };
	sigset_t set, before;
	carafe_rc rc;

	block_signals(&set, &before);
	rc = crf_app_start(app, exit_eof, &err);
	if (rc == CARAFE_OK) {
		watch_signals(app, &set);
		rc = carafe_wait(app, 0, &err);
	}
	if (rc != CARAFE_OK)
		fprintf(stderr, "carafe: %s\n", err.text);
	if (app->engine != NULL && crf_engine_stuck(app->engine)) {
		fflush(NULL);
		_exit(crf_exit_status(rc));
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return crf_exit_status(rc);
}
