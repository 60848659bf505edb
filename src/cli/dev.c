/* The server on a stand-in: librdkafka's mock cluster, in this process. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "app/app.h"
#include "cli/lines.h"
#include "cli/server.h"
#include "core/map.h"
#include "core/mem.h"
#include "flow/plan.h"
#include "kafka/mock.h"

#define BROKERS 1
#define PARTITIONS 4
#define ORIGIN "dev (mock cluster)"

struct dev {
	struct crf_call *call;
	struct crf_mock *mock;
	struct crf_map made; /* topics that are there */
	bool failed;
};

/* ------------------------------------------------------------------------------------------------ the cluster */

/* Whatever the settings say, nothing but the mock is connected to. */
static void
redirect(struct dev *d)
{
	struct crf_settings *s = &d->call->app->settings;

	crf_settings_set(s, CRF_LAYER_COMMAND_LINE, "bootstrap.servers", crf_mock_bootstrap(d->mock), ORIGIN);
	crf_settings_set(s, CRF_LAYER_COMMAND_LINE, "security.protocol", "plaintext", ORIGIN);
}

/* The same for routes with settings of their own. */
static void
redirect_routes(struct dev *d)
{
	struct crf_routing *r = &d->call->app->routing;

	for (size_t i = 0; i < r->count; i++) {
		struct crf_kvs *kafka = &r->connections[i].kafka;

		crf_kvs_remove(kafka, "metadata.broker.list");
		crf_kvs_set(kafka, "bootstrap.servers", crf_mock_bootstrap(d->mock), ORIGIN);
		crf_kvs_set(kafka, "security.protocol", "plaintext", ORIGIN);
	}
}

static void
make_topic(const char *topic, void *arg)
{
	struct dev *d = arg;
	carafe_error err = { 0 };

	if (topic == NULL || crf_map_put(&d->made, topic, d) != NULL)
		return;
	if (crf_mock_topic(d->mock, topic, PARTITIONS, &err) == CARAFE_OK)
		return;
	crf_say(d->call, "%s", err.text);
	d->failed = true;
}

static void
make_topics(struct dev *d)
{
	const struct crf_routing *r = &d->call->app->routing;

	for (size_t i = 0; i < r->count; i++) {
		for (size_t j = 0; j < r->connections[i].topic_count; j++) {
			if (!r->connections[i].topics[j].pattern)
				make_topic(r->connections[i].topics[j].name, d);
			crf_plan_targets(&r->connections[i].topics[j], make_topic, d);
		}
	}
}

/* ------------------------------------------------------------------------------------------------ seeds */

/* "topic=file" */
static int
sow(struct dev *d, const char *seed)
{
	const char *equals = strchr(seed, '=');
	CRF_AUTO_FREE char *topic = crf_strndup(seed, (size_t)(equals - seed));
	FILE *in = crf_lines_open(d->call, equals + 1);
	carafe_rc rc;

	if (in == NULL)
		return CRF_EXIT_USAGE;
	make_topic(topic, d);
	rc = crf_produce_lines(d->call, topic, in, CRF_ANY_PARTITION, false);
	crf_lines_close(in);
	return crf_exit_status(rc);
}

static int
sow_all(struct dev *d)
{
	const struct crf_words *seeds = &d->call->given[CRF_OPT_SEED];
	int status = CRF_EXIT_OK;

	for (size_t i = 0; i < seeds->count && status == CRF_EXIT_OK; i++)
		status = sow(d, seeds->items[i]);
	return status;
}

static int
check_seeds(const struct crf_call *call)
{
	const struct crf_words *seeds = &call->given[CRF_OPT_SEED];

	for (size_t i = 0; i < seeds->count; i++)
		if (strchr(seeds->items[i], '=') == NULL || seeds->items[i][0] == '=')
			return crf_misused(call, "--seed %s: must be TOPIC=FILE", seeds->items[i]);
	return CRF_EXIT_OK;
}

/* ------------------------------------------------------------------------------------------------ running */

static void
introduce(const struct dev *d)
{
	if (strcmp(d->call->app->settings.v.log_format, "text") != 0)
		return;
	crf_server_banner(d->call, true);
	fputs("A mock: nothing survives its end, 5 MiB a partition, no admin calls, no real transactions.\n", stderr);
}

static int
serve(struct dev *d, const struct crf_scope *scope)
{
	int status;

	redirect(d);
	if ((status = crf_call_prepare(d->call, scope)) != CRF_EXIT_OK)
		return status;
	redirect_routes(d);
	make_topics(d);
	if (d->failed)
		return CRF_EXIT_FAILED;
	introduce(d);
	if ((status = sow_all(d)) != CRF_EXIT_OK)
		return status;
	return crf_server_run(d->call, true);
}

int
crf_command_dev(struct crf_call *call)
{
	struct dev d = { .call = call };
	struct crf_scope_lists lists;
	carafe_error err = { 0 };
	int status;

	if ((status = check_seeds(call)) != CRF_EXIT_OK)
		return status;
	if (crf_mock_new(&d.mock, BROKERS, &err) != CARAFE_OK) {
		crf_say(call, "%s", err.text);
		return CRF_EXIT_FAILED;
	}
	status = crf_scope_lists_init(&lists, call) ? serve(&d, &lists.scope) : CRF_EXIT_USAGE;
	crf_scope_lists_fini(&lists);
	crf_mock_free(d.mock);
	crf_map_fini(&d.made);
	return status;
}
