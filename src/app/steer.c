/* Pausing and seeking from outside. */
#include "app/app.h"
#include "app/engine.h"
#include "flow/steer.h"

static int
wish(carafe *app, const char *group, const char *topic, int32_t partition, const struct crf_wish *w)
{
	if (topic == NULL)
		return 0;
	return crf_flow_wish(&app->engine->flow, group != NULL ? group : app->settings.v.group_id, topic, partition, w);
}

static bool
runs_here(const carafe *app)
{
	return app->engine != NULL && !crf_engine_elsewhere(app);
}

int
carafe_pause_partition(carafe *app, const char *group, const char *topic, int32_t partition, int timeout_ms)
{
	struct crf_wish w = { 0 };

	crf_check_app(app);
	if (!runs_here(app) || crf_wish_pause(&app->engine->flow, &w, timeout_ms) != CARAFE_OK)
		return 0;
	return wish(app, group, topic, partition, &w);
}

int
carafe_resume_partition(carafe *app, const char *group, const char *topic, int32_t partition)
{
	crf_check_app(app);
	return runs_here(app) ? wish(app, group, topic, partition, &(struct crf_wish){ .pauses = true }) : 0;
}

int
carafe_seek_partition(carafe *app, const char *group, const char *topic, int32_t partition, carafe_position to)
{
	struct crf_wish w = { .outside = true };

	crf_check_app(app);
	if (!runs_here(app) || crf_wish_seek(&w, to) != CARAFE_OK || !w.seeks)
		return 0;
	return wish(app, group, topic, partition, &w);
}
