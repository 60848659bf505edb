/* What the app is doing, in words: for the dump, and for whoever wants to know what keeps it from stopping. */
#include <string.h>

#include "app/engine.h"

void
crf_engine_describe_turn(struct crf_task *t, crf_ns since, const char *worker, struct crf_buf *out)
{
	crf_buf_printf(out, "%s, for %.1f s: ", worker, (double)(crf_now() - since) / (double)CRF_SECOND);
	crf_lane_describe(crf_consumer_lane(crf_consumer_of_task(t)), out);
}

static void
turn_line(struct crf_task *t, crf_ns since, const char *worker, void *arg)
{
	crf_engine_describe_turn(t, since, worker, arg);
	crf_buf_putc(arg, '\n');
}

static void
connection_lines(struct crf_engine *e, struct crf_buf *out)
{
	crf_lock(&e->app->mu);
	for (size_t i = 0; i < e->connection_count; i++) {
		crf_connection_describe(e->connections[i], out);
		crf_buf_putc(out, '\n');
	}
	crf_unlock(&e->app->mu);
}

void
crf_engine_describe(struct crf_engine *e, struct crf_buf *out)
{
	connection_lines(e, out);
	crf_flow_describe(&e->flow, out);
	crf_pool_running(e->pool, turn_line, out);
}

void
crf_engine_describe_hung(struct crf_engine *e, struct crf_buf *out)
{
	CRF_AUTO(crf_buf) lines = { 0 };
	char *rest = NULL;

	crf_pool_running(e->pool, turn_line, &lines);
	crf_flow_describe_deferred(&e->flow, &lines);
	connection_lines(e, &lines);
	if (lines.len == 0)
		return;
	for (char *line = strtok_r(lines.data, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest))
		crf_buf_printf(out, "%s%s", out->len > 0 ? "; " : "", line);
}
