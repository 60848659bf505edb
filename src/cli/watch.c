#include "cli/watch.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/term.h"
#include "core/mem.h"
#include "core/text.h"

#define REDRAW (200 * CRF_MS)
#define SAMPLES 5 /* the rate shown is that of the last second */

static void
number(struct crf_buf *out, int64_t n)
{
	char digits[32];

	crf_buf_puts(out, crf_group_digits(n, digits, sizeof(digits)));
}

/* ------------------------------------------------------------------------------------------------ the live line */

static void
live_line(struct crf_buf *out, const struct crf_totals *t, int64_t rate)
{
	crf_buf_puts(out, "  ");
	number(out, t->consumed);
	crf_buf_puts(out, " consumed  ");
	number(out, rate);
	crf_buf_puts(out, "/s  ");
	number(out, t->retried);
	crf_buf_puts(out, " retried  ");
	number(out, t->dead);
	crf_buf_puts(out, " dead-lettered");
}

/* samples: the last counts, of which there are at, the oldest about to be replaced. */
static void
show(struct crf_watch *w, int64_t *samples, unsigned *at)
{
	CRF_AUTO(crf_buf) line = { 0 };
	unsigned spans = *at < SAMPLES ? *at : SAMPLES;
	struct crf_totals t;
	int64_t before;

	crf_app_totals(w->app, &t);
	before = *at < SAMPLES ? samples[0] : samples[*at % SAMPLES];
	samples[(*at)++ % SAMPLES] = t.consumed;
	live_line(&line, &t, spans > 0 ? (t.consumed - before) * CRF_SECOND / (spans * REDRAW) : 0);
	crf_term_status(crf_buf_str(&line));
}

static void *
redraw(void *arg)
{
	struct crf_watch *w = arg;
	int64_t samples[SAMPLES] = { 0 };
	unsigned at = 0;

	crf_lock(&w->mu);
	while (!w->over) {
		crf_unlock(&w->mu);
		show(w, samples, &at);
		crf_lock(&w->mu);
		if (!w->over)
			crf_cond_wait_until(&w->changed, &w->mu, crf_now() + REDRAW);
	}
	crf_unlock(&w->mu);
	crf_term_clear();
	return NULL;
}

/* ------------------------------------------------------------------------------------------------ events */

static const char *
text_of(const carafe_event *e, carafe_field field)
{
	const char *text = "";

	carafe_event_str(e, field, &text);
	return text;
}

static int64_t
number_of(const carafe_event *e, carafe_field field)
{
	int64_t n = -1;

	carafe_event_int(e, field, &n);
	return n;
}

static void
on_running(const carafe_event *e, void *arg)
{
	struct crf_watch *w = arg;

	(void)e;
	if (w->live)
		crf_thread_start(&w->thread, "crf-progress", redraw, w);
}

/* From here on nothing new is consumed, so the rate is that of the time up to now. */
static void
on_stopping(const carafe_event *e, void *arg)
{
	struct crf_watch *w = arg;
	struct crf_totals t;

	(void)e;
	crf_app_totals(w->app, &t);
	crf_lock(&w->mu);
	w->over = true;
	w->running = t.running;
	crf_cond_broadcast(&w->changed);
	crf_unlock(&w->mu);
	crf_term_clear();
}

static char *
place(const carafe_event *e)
{
	return crf_format("%s[%" PRId64 "]", text_of(e, CARAFE_F_TOPIC), number_of(e, CARAFE_F_PARTITION));
}

static void
on_error(const carafe_event *e, void *arg)
{
	struct crf_watch *w = arg;
	CRF_AUTO_FREE char *at = place(e);

	if (strcmp(text_of(e, CARAFE_F_TYPE), "consume") != 0)
		return;
	crf_lock(&w->mu);
	free(crf_map_put(&w->errors, at, crf_strdup(text_of(e, CARAFE_F_TEXT))));
	crf_unlock(&w->mu);
}

static void
on_dead(const carafe_event *e, void *arg)
{
	struct crf_watch *w = arg;
	CRF_AUTO_FREE char *at = place(e);
	const char *target = text_of(e, CARAFE_F_TARGET), *why;
	int64_t *count;

	crf_lock(&w->mu);
	if ((count = crf_map_get(&w->targets, target)) == NULL)
		crf_map_put(&w->targets, target, count = crf_new(int64_t));
	++*count;
	why = crf_map_get(&w->errors, at);
	if (w->shown_count < CRF_WATCH_SHOWN)
		w->shown[w->shown_count++] = crf_format("  %s offset %" PRId64 ": %s", at, number_of(e, CARAFE_F_OFFSET),
		    why != NULL ? why : "(no reason given)");
	crf_unlock(&w->mu);
}

/* ------------------------------------------------------------------------------------------------ life */

void
crf_watch_start(struct crf_watch *w, carafe *app, bool live)
{
	*w = (struct crf_watch){ .app = app, .live = live };
	crf_mutex_init(&w->mu);
	crf_cond_init(&w->changed);
	carafe_subscribe(app, CARAFE_EV_APP_RUNNING, on_running, w);
	carafe_subscribe(app, CARAFE_EV_APP_STOPPING, on_stopping, w);
	carafe_subscribe(app, CARAFE_EV_CONSUMER_ERROR, on_error, w);
	carafe_subscribe(app, CARAFE_EV_DLQ_DISPATCHED, on_dead, w);
}

void
crf_watch_stop(struct crf_watch *w)
{
	crf_lock(&w->mu);
	w->over = true;
	crf_cond_broadcast(&w->changed);
	crf_unlock(&w->mu);
	crf_thread_join(&w->thread);
}

void
crf_watch_counts(const struct crf_totals *t, struct crf_buf *out)
{
	double seconds = (double)t->running / (double)CRF_SECOND;

	crf_buf_puts(out, "consumed ");
	number(out, t->consumed);
	crf_buf_printf(out, " message%s", t->consumed == 1 ? "" : "s");
	if (seconds > 0) {
		crf_buf_printf(out, " in %.1f s (", seconds);
		number(out, (int64_t)((double)t->consumed / seconds));
		crf_buf_puts(out, "/s)");
	}
	crf_buf_puts(out, ", retried ");
	number(out, t->retried);
	crf_buf_puts(out, ", dead-lettered ");
	number(out, t->dead);
}

void
crf_watch_summary(struct crf_watch *w, struct crf_buf *out)
{
	struct crf_totals t;

	crf_app_totals(w->app, &t);
	if (w->running > 0)
		t.running = w->running;
	crf_watch_counts(&t, out);
	crf_buf_putc(out, '\n');
}

void
crf_watch_dead(struct crf_watch *w, struct crf_buf *out)
{
	const char *target;
	void *count;
	size_t at = 0;
	int64_t all = 0;

	while ((target = crf_map_next(&w->targets, &at, &count)) != NULL) {
		crf_buf_puts(out, "dead letters: ");
		number(out, *(int64_t *)count);
		crf_buf_printf(out, " in %s\n", target);
		all += *(int64_t *)count;
	}
	for (size_t i = 0; i < w->shown_count; i++)
		crf_buf_printf(out, "%s\n", w->shown[i]);
	if (all > (int64_t)w->shown_count)
		crf_buf_printf(out, "  ... and %" PRId64 " more\n", all - (int64_t)w->shown_count);
}

static void
free_values(struct crf_map *m)
{
	void *value;
	size_t at = 0;

	while (crf_map_next(m, &at, &value) != NULL)
		free(value);
	crf_map_fini(m);
}

void
crf_watch_fini(struct crf_watch *w)
{
	free_values(&w->errors);
	free_values(&w->targets);
	for (size_t i = 0; i < w->shown_count; i++)
		free(w->shown[i]);
	crf_cond_fini(&w->changed);
	crf_mutex_fini(&w->mu);
}
