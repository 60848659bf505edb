/* The app's life as a host program sees it: start, quiet, stop, wait. */
#include <string.h>

#include "app/app.h"
#include "app/engine.h"
#include "core/error.h"

static carafe_rc
refuse_child(const carafe *app, carafe_error *err)
{
	return crf_error(err, CARAFE_STATE,
	    "the app runs in process %ld, and this is its child: nothing of it works here; make a new app after the fork",
	    (long)app->engine->process);
}

/* Whoever waits for the end of partitions must be told of it. */
static void
ask_for_eof(struct crf_routing *r)
{
	for (size_t i = 0; i < r->count; i++)
		crf_kvs_set(&r->connections[i].kafka, "enable.partition.eof", "true", "--exit-eof");
}

carafe_rc
crf_app_start(carafe *app, bool exit_eof, carafe_error *err)
{
	bool first;

	crf_lock(&app->mu);
	first = app->status == CARAFE_INITIALIZING;
	if (first)
		app->status = CARAFE_INITIALIZED;
	crf_unlock(&app->mu);
	if (!first)
		return crf_error(err, CARAFE_STATE, "the app was started before; an app runs once, make a new one");
	if (exit_eof)
		ask_for_eof(&app->routing);
	for (size_t i = 0; i < app->settings.warning_count; i++)
		CRF_EMIT(app->bus, CARAFE_EV_CONFIG_WARNING, CRF_STR(TEXT, app->settings.warnings[i]));
	CRF_EMIT0(app->bus, CARAFE_EV_APP_INITIALIZED);
	return crf_engine_start(app, exit_eof, err);
}

carafe_rc
carafe_start(carafe *app, carafe_error *err)
{
	carafe_rc rc;

	crf_check_app(app);
	if (crf_engine_elsewhere(app))
		return refuse_child(app, err);
	if ((rc = crf_app_prepare(app, &(struct crf_scope){ 0 }, err)) != CARAFE_OK)
		return rc;
	crf_app_open_log(app);
	return crf_app_start(app, false, err);
}

void
carafe_quiet(carafe *app)
{
	crf_check_app(app);
	if (crf_engine_elsewhere(app))
		return;
	atomic_store(&app->quiet, true);
	crf_engine_poke(app);
}

void
carafe_stop(carafe *app)
{
	crf_check_app(app);
	if (crf_engine_elsewhere(app))
		return;
	atomic_store(&app->stop, true);
	crf_engine_poke(app);
}

void
carafe_force_stop(carafe *app)
{
	crf_check_app(app);
	if (crf_engine_elsewhere(app))
		return;
	atomic_store(&app->force, true);
	carafe_stop(app);
}

carafe_rc
carafe_wait(carafe *app, int timeout_ms, carafe_error *err)
{
	crf_ns until = timeout_ms < 0 ? CRF_NEVER : crf_now() + timeout_ms * CRF_MS;
	struct crf_engine *e;
	bool in_time = true;
	carafe_rc rc;

	crf_check_app(app);
	if ((e = app->engine) == NULL)
		return crf_error(err, CARAFE_STATE, "the app was not started");
	if (crf_engine_elsewhere(app))
		return refuse_child(app, err);
	crf_lock(&app->mu);
	while (app->status != CARAFE_TERMINATED && !e->stuck && in_time)
		in_time = crf_cond_wait_until(&app->changed, &app->mu, until);
	rc = e->rc;
	if (app->status != CARAFE_TERMINATED && !e->stuck)
		rc = crf_error(err, CARAFE_TIMEOUT, "the app is %s after %d ms", carafe_status_name(app->status), timeout_ms);
	else if (rc != CARAFE_OK && err != NULL)
		*err = e->err;
	crf_unlock(&app->mu);
	return rc;
}

static void
say_too_few(carafe *app, const struct crf_scaled *scaled, int wanted)
{
	CRF_AUTO_FREE char *text =
	    crf_format("%d workers are wanted; the system has no thread for one more: %s", wanted, strerror(scaled->problem));

	CRF_EMIT(app->bus, CARAFE_EV_WORKERS_SCALED, CRF_INT(FROM, scaled->from), CRF_INT(TO, scaled->to), CRF_STR(TEXT, text),
	    CRF_STR(HINT, "allow more threads (ulimit -u, the container's limit of pids) or memory, and scale again"));
}

void
carafe_scale(carafe *app, int concurrency)
{
	int most = (int)crf_setting_named("concurrency")->high;
	int wanted = concurrency < most ? concurrency : most;
	struct crf_scaled scaled;

	crf_check_app(app);
	if (app->engine == NULL || crf_engine_elsewhere(app))
		return;
	scaled = crf_pool_scale(app->engine->pool, wanted);
	if (scaled.problem != 0)
		say_too_few(app, &scaled, wanted);
	else
		CRF_EMIT(app->bus, CARAFE_EV_WORKERS_SCALED, CRF_INT(FROM, scaled.from), CRF_INT(TO, scaled.to));
}

void
crf_app_totals(const carafe *app, struct crf_totals *t)
{
	const struct crf_engine *e = app->engine;

	*t = (struct crf_totals){ 0 };
	if (e == NULL)
		return;
	t->consumed = atomic_load(&e->flow.consumed);
	t->failed = atomic_load(&e->flow.failed);
	t->retried = atomic_load(&e->flow.retried);
	t->dead = atomic_load(&e->flow.dead);
	t->running = atomic_load(&e->flow.first) ? crf_now() - atomic_load(&e->flow.first) : 0;
}

int
crf_exit_status(carafe_rc rc)
{
	switch (rc) {
	case CARAFE_OK:
		return 0;
	case CARAFE_INVALID:
		return 64;
	case CARAFE_UNAVAILABLE:
	case CARAFE_DENIED:
		return 69;
	case CARAFE_TIMEOUT:
		return 75;
	case CARAFE_CONFIG:
	case CARAFE_UNSUPPORTED:
		return 78;
	default:
		return 70;
	}
}
