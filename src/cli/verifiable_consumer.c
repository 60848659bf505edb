/* The consumer of Apache Kafka's system tests, made of carafe: an app with one route whose events and batches become lines.
 * Workers and the connection write lines; each is whole, and a batch is told before it is marked, so that no commit and no
 * revocation is told before what it is about. */
#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "app/app.h"
#include "cli/verifiable.h"
#include "core/mem.h"

#define BATCH 500 /* what Java's consumer is given at once */

struct consumer {
	struct crf_mutex mu;
	int64_t left; /* mu: messages until it is to stop; negative: no limit */
	bool verbose, commits;
};

/* ------------------------------------------------------------------------------------------------ records */

static void
bytes(struct crf_buf *line, const char *name, carafe_bytes b)
{
	crf_buf_printf(line, ",\"%s\":", name);
	if (b.data == NULL)
		crf_buf_puts(line, "null");
	else
		crf_buf_json_len(line, b.data, b.len);
}

static void
tell_record(const carafe_message *m)
{
	CRF_AUTO(crf_buf) line = { 0 };

	crf_line_begin(&line, "record_data");
	bytes(&line, "key", m->key);
	bytes(&line, "value", m->value);
	crf_buf_puts(&line, ",\"topic\":");
	crf_buf_json(&line, m->topic);
	crf_buf_printf(&line, ",\"partition\":%" PRId32 ",\"offset\":%" PRId64, m->partition, m->offset);
	crf_line_end(&line);
}

static void
tell_batch(const carafe_message *first, const carafe_message *last, size_t count)
{
	CRF_AUTO(crf_buf) line = { 0 };

	crf_line_begin(&line, "records_consumed");
	crf_buf_printf(&line, ",\"count\":%zu,\"partitions\":[{\"topic\":", count);
	crf_buf_json(&line, first->topic);
	crf_buf_printf(&line, ",\"partition\":%" PRId32 ",\"count\":%zu,\"minOffset\":%" PRId64 ",\"maxOffset\":%" PRId64 "}]",
	    first->partition, count, first->offset, last->offset);
	crf_line_end(&line);
}

/* How many of the batch are within the limit. */
static size_t
take(struct consumer *v, size_t count, bool *finished)
{
	crf_lock(&v->mu);
	if (v->left >= 0) {
		count = (int64_t)count < v->left ? count : (size_t)v->left;
		v->left -= (int64_t)count;
	}
	*finished = v->left == 0;
	crf_unlock(&v->mu);
	return count;
}

/* What is beyond the limit is not marked, so that it is there for whoever comes next. How a commit went is told by its
 * event. */
static carafe_rc
consume(carafe_consumer *c, const carafe_batch *batch)
{
	struct consumer *v = carafe_arg(c);
	bool finished;
	size_t count = take(v, carafe_batch_count(batch), &finished);
	const carafe_message *last = count > 0 ? carafe_batch_at(batch, count - 1) : NULL;
	carafe_error err;
	carafe_rc rc = CARAFE_OK;

	for (size_t i = 0; v->verbose && i < count; i++)
		tell_record(carafe_batch_at(batch, i));
	if (count > 0) {
		tell_batch(carafe_batch_at(batch, 0), last, count);
		rc = carafe_mark(c, last);
	}
	if (rc == CARAFE_OK && count > 0 && v->commits)
		carafe_commit(c, &err);
	if (finished)
		carafe_stop(carafe_app(c));
	return CARAFE_OK;
}

static const carafe_handler handler = { .consume = consume };

/* ------------------------------------------------------------------------------------------------ events */

/* [{"topic":...,"partition":...,"offset":...},...]; the offset where there is one. */
static void
partitions(struct crf_buf *line, const char *name, const carafe_event *event)
{
	const char *topic;
	int32_t partition;
	int64_t offset;

	crf_buf_printf(line, ",\"%s\":[", name);
	for (size_t i = 0; carafe_event_partition(event, i, &topic, &partition, &offset); i++) {
		crf_buf_printf(line, "%s{\"topic\":", i > 0 ? "," : "");
		crf_buf_json(line, topic);
		crf_buf_printf(line, ",\"partition\":%" PRId32, partition);
		if (offset >= 0)
			crf_buf_printf(line, ",\"offset\":%" PRId64, offset);
		crf_buf_putc(line, '}');
	}
	crf_buf_putc(line, ']');
}

static void
on_rebalance(const carafe_event *event, void *arg)
{
	CRF_AUTO(crf_buf) line = { 0 };

	(void)arg;
	crf_line_begin(&line,
	    carafe_event_kind(event) == CARAFE_EV_REBALANCE_ASSIGNED ? "partitions_assigned" : "partitions_revoked");
	partitions(&line, "partitions", event);
	crf_line_end(&line);
}

static void
on_commit(const carafe_event *event, void *arg)
{
	bool success = carafe_event_kind(event) == CARAFE_EV_OFFSETS_COMMITTED;
	CRF_AUTO(crf_buf) line = { 0 };
	const char *reason = NULL;

	(void)arg;
	crf_line_begin(&line, "offsets_committed");
	partitions(&line, "offsets", event);
	if (!success) {
		carafe_event_str(event, CARAFE_F_REASON, &reason);
		crf_buf_puts(&line, ",\"error\":");
		crf_buf_json(&line, reason);
	}
	crf_buf_printf(&line, ",\"success\":%s", success ? "true" : "false");
	crf_line_end(&line);
}

static void
on_stopping(const carafe_event *event, void *arg)
{
	(void)event;
	(void)arg;
	crf_line("shutdown_requested");
}

/* Nowhere to begin and --reset-policy none, or another member with the same instance id: Java's consumer ends there. A
 * callback may not stop the app, the process may. */
static void
on_error(const carafe_event *event, void *arg)
{
	const char *name;

	(void)arg;
	if (!carafe_event_str(event, CARAFE_F_KAFKA, &name) ||
	    (strcmp(name, "_AUTO_OFFSET_RESET") != 0 && strcmp(name, "FENCED_INSTANCE_ID") != 0))
		return;
	crf_verifiable_stop();
}

static void
subscribe(carafe *app, const struct consumer *v)
{
	carafe_subscribe(app, CARAFE_EV_REBALANCE_ASSIGNED, on_rebalance, NULL);
	carafe_subscribe(app, CARAFE_EV_REBALANCE_REVOKED, on_rebalance, NULL);
	carafe_subscribe(app, CARAFE_EV_APP_STOPPING, on_stopping, NULL);
	carafe_subscribe(app, CARAFE_EV_CONNECTION_ERROR, on_error, NULL);
	carafe_subscribe(app, CARAFE_EV_CONNECTION_FATAL, on_error, NULL);
	if (!v->commits)
		return;
	carafe_subscribe(app, CARAFE_EV_OFFSETS_COMMITTED, on_commit, NULL);
	carafe_subscribe(app, CARAFE_EV_OFFSETS_COMMIT_FAILED, on_commit, NULL);
}

/* ------------------------------------------------------------------------------------------------ arguments */

static const enum crf_option_id required[] = { CRF_OPT_BOOTSTRAP_SERVER, CRF_OPT_TOPIC, CRF_OPT_GROUP_ID };

/* The instance id is set last, see prepare(). */
static const struct crf_verifiable_setting settings[] = {
	{ CRF_OPT_BOOTSTRAP_SERVER, "bootstrap.servers", NULL },
	{ CRF_OPT_GROUP_PROTOCOL, "group.protocol", NULL },
	{ CRF_OPT_GROUP_REMOTE_ASSIGNOR, "group.remote.assignor", NULL },
	{ CRF_OPT_SESSION_TIMEOUT, "session.timeout.ms", NULL },
	{ CRF_OPTION_COUNT, "allow.auto.create.topics", "true" },
	{ CRF_OPTION_COUNT, "boot_timeout", "0" },
};

/* "org.apache.kafka.clients.consumer.RangeAssignor" is librdkafka's "range"; what is not Java's is left to librdkafka. */
static const char *
strategy_of(const char *name)
{
	static const struct {
		const char *java, *name;
	} known[] = {
		{ "RangeAssignor", "range" },
		{ "RoundRobinAssignor", "roundrobin" },
		{ "CooperativeStickyAssignor", "cooperative-sticky" },
	};
	const char *dot = strrchr(name, '.');

	for (size_t i = 0; i < crf_array_len(known); i++)
		if (strcmp(dot != NULL ? dot + 1 : name, known[i].java) == 0)
			return known[i].name;
	return name;
}

static void
set_strategies(const struct crf_call *call)
{
	static const char *const range[] = { "range" };
	struct crf_words given = call->given[CRF_OPT_ASSIGNMENT_STRATEGY], names = { 0 };
	CRF_AUTO(crf_buf) list = { 0 };

	if (given.count == 0)
		given = (struct crf_words){ .items = (const char **)(uintptr_t)range, .count = 1 };
	crf_words_split(&names, &given);
	for (size_t i = 0; i < names.count; i++)
		crf_buf_printf(&list, "%s%s", i > 0 ? "," : "", strategy_of(names.items[i]));
	crf_settings_set(&call->app->settings, crf_call_has(call, CRF_OPT_ASSIGNMENT_STRATEGY) ? CRF_LAYER_COMMAND_LINE : CRF_LAYER_CODE,
	    "partition.assignment.strategy", crf_buf_str(&list), "command line --assignment-strategy");
	crf_words_fini(&names);
}

static void
apply(const struct crf_call *call)
{
	const char *protocol = crf_call_value(call, CRF_OPT_GROUP_PROTOCOL), *reset = crf_call_value(call, CRF_OPT_RESET_POLICY);
	struct crf_settings *s = &call->app->settings;

	for (size_t i = 0; i < call->given[CRF_OPT_COMMAND_CONFIG].count; i++)
		crf_settings_from_file(s, call->given[CRF_OPT_COMMAND_CONFIG].items[i]);
	for (size_t i = 0; i < call->given[CRF_OPT_CONSUMER_CONFIG].count; i++)
		crf_settings_from_file(s, call->given[CRF_OPT_CONSUMER_CONFIG].items[i]);
	crf_verifiable_settings(call, settings, crf_array_len(settings));
	if (protocol == NULL || strcasecmp(protocol, "consumer") != 0)
		set_strategies(call);
	crf_settings_set(s, CRF_LAYER_COMMAND_LINE, "enable.auto.commit",
	    crf_call_has(call, CRF_OPT_ENABLE_AUTOCOMMIT) ? "true" : "false", "command line --enable-autocommit");
	if (reset != NULL)
		crf_settings_set(s, CRF_LAYER_COMMAND_LINE, "auto.offset.reset", strcmp(reset, "none") == 0 ? "error" : reset,
		    "command line --reset-policy");
	if (crf_call_has(call, CRF_OPT_VERBOSE) && !crf_call_has(call, CRF_OPT_LOG_LEVEL)) /* it is about records here */
		crf_settings_set(s, CRF_LAYER_COMMAND_LINE, "log.level", "info", call->command->name);
}

/* The group knows the member by the very name that was given, not by one that carafe makes of it. */
static int
prepare(struct crf_call *call, struct consumer *v)
{
	carafe_route *route = carafe_route(carafe_group(call->app, crf_call_value(call, CRF_OPT_GROUP_ID)),
	    crf_call_value(call, CRF_OPT_TOPIC), .handler = &handler, .arg = v, .max_messages = BATCH, .marking = CARAFE_MARK_MANUAL);
	const char *instance = crf_call_value(call, CRF_OPT_GROUP_INSTANCE_ID);
	int status;

	(void)route;
	apply(call);
	subscribe(call->app, v);
	status = crf_call_prepare(call, NULL);
	if (status == CRF_EXIT_OK && instance != NULL)
		crf_kvs_set(&call->app->routing.connections[0].kafka, "group.instance.id", instance, "command line --group-instance-id");
	return status;
}

int
crf_command_verifiable_consumer(struct crf_call *call)
{
	struct consumer v = { .left = -1, .verbose = crf_call_has(call, CRF_OPT_VERBOSE),
		.commits = !crf_call_has(call, CRF_OPT_ENABLE_AUTOCOMMIT) };
	int status;

	if (!crf_verifiable_required(call, required, crf_array_len(required)) ||
	    !crf_verifiable_number(call, CRF_OPT_MAX_MESSAGES, -1, &v.left))
		return CRF_EXIT_USAGE;
	crf_mutex_init(&v.mu);
	if (v.left == 0)
		carafe_stop(call->app);
	if ((status = prepare(call, &v)) == CRF_EXIT_OK) {
		crf_line("startup_complete");
		status = crf_app_serve(call->app, false);
		crf_line("shutdown_complete");
	}
	crf_mutex_fini(&v.mu);
	return status;
}
