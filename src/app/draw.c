/* The app's public calls: drawing it, asking it. */
#include <stdlib.h>
#include <unistd.h>

#include "app/app.h"
#include "app/engine.h"
#include "core/error.h"
#include "flow/plan.h"
#include "kafka/tokens.h"

#define TEXT(x) #x
#define VERSION(major, minor, patch) TEXT(major) "." TEXT(minor) "." TEXT(patch)

const char *
carafe_version(void)
{
	return VERSION(CARAFE_VERSION_MAJOR, CARAFE_VERSION_MINOR, CARAFE_VERSION_PATCH);
}

carafe *
carafe_new_(const carafe_opts *opts)
{
	carafe *app = crf_new(carafe);

	app->magic = CRF_APP_MAGIC;
	app->bus = crf_bus_new();
	crf_settings_init(&app->settings);
	crf_settings_from_code(&app->settings, opts);
	crf_tree_init(&app->tree);
	crf_mutex_init(&app->mu);
	crf_cond_init(&app->changed);
	return app;
}

void
carafe_free(carafe *app)
{
	if (app == NULL)
		return;
	crf_check_app(app);
	if (crf_engine_elsewhere(app))
		return;
	if (app->engine != NULL) {
		if (crf_engine_stuck(app->engine)) /* threads that hang still use it */
			return;
		if (carafe_status_of(app) != CARAFE_TERMINATED)
			crf_panic("carafe_free: the app is %s; stop it and wait first",
			    carafe_status_name(carafe_status_of(app)));
		crf_engine_free(app->engine);
	}
	crf_plan_fini(&app->routing);
	crf_routing_fini(&app->routing);
	crf_problems_fini(&app->problems);
	crf_tree_fini(&app->tree);
	crf_settings_fini(&app->settings);
	crf_tokens_retire(app->tokens);
	crf_bus_free(app->bus);
	crf_log_free(app->log.log);
	crf_cond_fini(&app->changed);
	crf_mutex_fini(&app->mu);
	app->magic = 0;
	free(app);
}

carafe_group *
carafe_group_(carafe *app, const char *name)
{
	crf_check_app(app);
	crf_tree_check_open(&app->tree, __func__);
	return crf_tree_group(&app->tree, name);
}

void
carafe_defaults_(carafe *app, const carafe_route_opts *opts)
{
	crf_check_app(app);
	crf_tree_check_open(&app->tree, __func__);
	crf_tree_defaults(&app->tree, opts);
}

void
carafe_subscribe(carafe *app, carafe_event_id id, carafe_event_fn fn, void *arg)
{
	crf_check_app(app);
	crf_bus_subscribe(app->bus, id, fn, arg);
}

void
carafe_token_provider(carafe *app, carafe_token_fn fn, void *arg)
{
	crf_check_app(app);
	crf_tree_check_open(&app->tree, __func__);
	crf_tokens_retire(app->tokens);
	app->tokens = fn != NULL ? crf_tokens_new(fn, arg) : NULL;
	app->settings.kafka.tokens = app->tokens;
}

struct target {
	struct crf_routing *routing;
	const char *group;
};

static void
exclude_target(const char *topic, void *arg)
{
	const struct target *t = arg;

	if (topic != NULL)
		crf_routing_exclude(t->routing, t->group, topic);
}

/* A pattern must not match what its own group writes: dead letters would come back for ever. */
static void
exclude_targets(struct crf_routing *r)
{
	for (size_t i = 0; i < r->count; i++) {
		struct target t = { r, r->connections[i].group };

		for (size_t j = 0; j < r->connections[i].drawn_count; j++)
			crf_plan_targets(&r->connections[i].topics[j], exclude_target, &t);
	}
}

carafe_rc
crf_app_prepare(carafe *app, const struct crf_scope *scope, carafe_error *err)
{
	const struct crf_problem *first;

	if (!app->tree.closed) {
		app->tree.closed = true;
		crf_settings_from_environment(&app->settings, environ);
		crf_settings_resolve(&app->settings, &app->problems);
		crf_problems_add_all(&app->problems, &app->tree.problems);
		crf_route_compile(&app->tree, &app->settings, scope, &app->routing, &app->problems);
		crf_plan_compile(&app->routing, &app->settings, &app->problems);
		exclude_targets(&app->routing);
	}
	if (app->problems.count == 0)
		return CARAFE_OK;
	first = &app->problems.items[0];
	return crf_error(err, CARAFE_CONFIG, "%zu mistake%s in the configuration; %s: %s", app->problems.count,
	    app->problems.count > 1 ? "s" : "", first->path, first->text);
}

int
carafe_check(carafe *app, void (*fn)(const char *path, const char *problem, void *arg), void *arg)
{
	crf_check_app(app);
	if (crf_app_prepare(app, &(struct crf_scope){ 0 }, NULL) == CARAFE_OK)
		return 0;
	for (size_t i = 0; fn != NULL && i < app->problems.count; i++)
		fn(app->problems.items[i].path, app->problems.items[i].text, arg);
	return (int)app->problems.count;
}

const char *
carafe_status_name(carafe_status status)
{
	static const char *const names[] = { "initializing", "initialized", "running", "quieting", "quiet", "stopping",
		"stopped", "terminated" };

	return (size_t)status < crf_array_len(names) ? names[status] : "unknown";
}

carafe_status
carafe_status_of(const carafe *app)
{
	struct crf_mutex *mu;
	carafe_status status;

	crf_check_app(app);
	if (crf_engine_elsewhere(app))
		return app->status;
	mu = (struct crf_mutex *)&app->mu;
	crf_lock(mu);
	status = app->status;
	crf_unlock(mu);
	return status;
}
