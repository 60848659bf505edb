#include "cli/server.h"

#include <string.h>

#include "app/app.h"
#include "cli/term.h"
#include "cli/watch.h"
#include "core/mem.h"
#include "kafka/kafka.h"

/* ------------------------------------------------------------------------------------------------ scope */

static const char *const *
list(struct crf_words *words, const struct crf_call *call, enum crf_option_id id)
{
	*words = (struct crf_words){ 0 };
	crf_words_split(words, &call->given[id]);
	return words->items;
}

/* For the routes an empty list is all there is, which a variable that is empty by mistake must not mean. */
static bool
names_any(const struct crf_call *call, enum crf_option_id id, const struct crf_words *words)
{
	if (!crf_call_has(call, id) || words->count > 0)
		return true;
	crf_misused(call, "--%s names nothing; leave it out to have all", crf_options[id].name);
	return false;
}

bool
crf_scope_lists_init(struct crf_scope_lists *l, const struct crf_call *call)
{
	l->scope = (struct crf_scope){
		.groups = list(&l->groups, call, CRF_OPT_GROUPS),
		.exclude_groups = list(&l->exclude_groups, call, CRF_OPT_EXCLUDE_GROUPS),
		.connections = list(&l->connections, call, CRF_OPT_CONNECTIONS),
		.exclude_connections = list(&l->exclude_connections, call, CRF_OPT_EXCLUDE_CONNECTIONS),
		.topics = list(&l->topics, call, CRF_OPT_TOPICS),
		.exclude_topics = list(&l->exclude_topics, call, CRF_OPT_EXCLUDE_TOPICS),
	};
	return names_any(call, CRF_OPT_GROUPS, &l->groups) && names_any(call, CRF_OPT_CONNECTIONS, &l->connections) &&
	    names_any(call, CRF_OPT_TOPICS, &l->topics);
}

void
crf_scope_lists_fini(struct crf_scope_lists *l)
{
	struct crf_words *all[] = { &l->groups, &l->exclude_groups, &l->connections, &l->exclude_connections, &l->topics,
		&l->exclude_topics };

	for (size_t i = 0; i < crf_array_len(all); i++)
		crf_words_fini(all[i]);
}

/* ------------------------------------------------------------------------------------------------ banner */

static void
describe_topics(const struct crf_routing *r, struct crf_buf *out)
{
	const char *group = "";

	for (size_t i = 0; i < r->count; i++) {
		const struct crf_connection_spec *c = &r->connections[i];

		for (size_t j = 0; c->active && j < c->topic_count; j++) {
			if (strcmp(group, c->group) != 0)
				crf_buf_printf(out, "%s%s: ", group[0] != '\0' ? "; " : "", c->group);
			else
				crf_buf_puts(out, ", ");
			group = c->group;
			crf_buf_puts(out, c->topics[j].name);
		}
	}
}

static const char *
brokers(const struct crf_routing *r)
{
	for (size_t i = 0; i < r->count; i++)
		if (r->connections[i].active)
			return crf_kvs_get(&r->connections[i].kafka, "bootstrap.servers");
	return NULL;
}

void
crf_server_banner(const struct crf_call *call, bool mock)
{
	const carafe *app = call->app;
	CRF_AUTO(crf_buf) topics = { 0 };
	const char *servers = brokers(&app->routing);
	int workers = app->settings.v.concurrency;

	describe_topics(&app->routing, &topics);
	fprintf(stderr, "carafe %s, librdkafka %s, %s, %s %s, %d worker%s\n%.*s (Ctrl-C stops)\n", carafe_version(),
	    crf_kafka_version(), app->settings.env_name, mock ? "mock cluster at" : "brokers", servers != NULL ? servers : "none",
	    workers, workers == 1 ? "" : "s", crf_term_width(stderr) - 20, crf_buf_str(&topics));
}

/* ------------------------------------------------------------------------------------------------ running */

/* Counts, unless it never came to that. */
static void
report(struct crf_watch *w, int status)
{
	CRF_AUTO(crf_buf) text = { 0 };
	struct crf_totals t;

	crf_app_totals(w->app, &t);
	if (status != CRF_EXIT_OK && t.consumed + t.failed == 0)
		return;
	crf_watch_summary(w, &text);
	crf_watch_dead(w, &text);
	fputs(crf_buf_str(&text), stderr);
}

int
crf_server_run(struct crf_call *call, bool mock)
{
	const struct crf_settings *s = &call->app->settings;
	bool person = strcmp(s->v.log_format, "text") == 0; /* rather than a program that reads JSON */
	bool development = person && (mock || s->env == CRF_DEVELOPMENT), terminal = person && crf_term_is(stderr);
	bool exit_eof = crf_call_has(call, CRF_OPT_EXIT_EOF);
	struct crf_watch watch;
	int status;

	if (development && terminal && !mock)
		crf_server_banner(call, false);
	crf_watch_start(&watch, call->app, terminal && (development || crf_call_has(call, CRF_OPT_PROGRESS)));
	status = crf_app_serve(call->app, exit_eof);
	crf_watch_stop(&watch);
	if (development || (person && exit_eof) || crf_call_has(call, CRF_OPT_SUMMARY))
		report(&watch, status);
	crf_watch_fini(&watch);
	return status;
}

int
crf_command_server(struct crf_call *call)
{
	struct crf_scope_lists lists;
	int status = CRF_EXIT_USAGE;

	if (crf_scope_lists_init(&lists, call) && (status = crf_call_prepare(call, &lists.scope)) == CRF_EXIT_OK)
		status = crf_server_run(call, false);
	crf_scope_lists_fini(&lists);
	return status;
}
