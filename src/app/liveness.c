#include "app/liveness.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/notify.h"
#include "core/awake.h"
#include "core/error.h"

#define TICK (1 * CRF_SECOND)
/* A health check is a line and a few headers, and whoever asks is near. */
#define REQUEST_BOUND 8192
#define REQUEST_TIMEOUT 5 /* s */
/* Connections that are let in from one tick to the next: those who say nothing do not get all of the process's descriptors. */
#define LET_IN 32

struct crf_liveness {
	struct crf_engine *engine;
	struct crf_thread thread;
	struct event_base *base;
	struct evhttp *http;
	struct evconnlistener *listener; /* http's; NULL: nobody asks over HTTP */
	int let_in; /* since the last tick */
	struct event *ticker;
	struct event *closer;
	struct crf_awake awake;
	int close_fd; /* an eventfd: written to, it ends the thread */
	bool said_stopping;
	atomic_bool given_up; /* nothing is touched any more */
};

/* What is wrong, all looked at together. */
struct state {
	const struct crf_awake *awake;
	const struct crf_values *v;
	bool polling;
	bool consuming;
	bool stability;
	bool unrecoverable;
};

static bool
is_over(const struct state *s, crf_ns since, crf_ns ttl_ms)
{
	return since != 0 && crf_awake_age(s->awake, since) > ttl_ms * CRF_MS;
}

static void
check_turn(struct crf_task *t, crf_ns since, const char *worker, void *arg)
{
	struct carafe_consumer *c = crf_consumer_of_task(t);
	struct state *s = arg;

	(void)worker;
	if (!crf_consumer_topic(c)->long_running)
		s->consuming |= is_over(s, crf_consumer_progress(c, since, s->awake->looked), s->v->liveness_consuming_ttl);
}

static void
check_connection(struct state *s, const struct crf_connection *c)
{
	crf_ns ttl = s->v->liveness_stability_ttl > 0 ? s->v->liveness_stability_ttl : 2 * (crf_ns)crf_connection_max_poll(c);

	s->polling |= is_over(s, crf_connection_polled(c), s->v->liveness_polling_ttl);
	s->stability |= ttl > 0 && is_over(s, crf_connection_underway(c), ttl);
}

static struct state
look(struct crf_liveness *l)
{
	struct crf_engine *e = l->engine;
	struct state s = { .awake = &l->awake, .v = &e->app->settings.v };

	crf_awake_look(&l->awake, crf_now(), TICK);
	crf_lock(&e->app->mu);
	for (size_t i = 0; i < e->connection_count; i++)
		check_connection(&s, e->connections[i]);
	s.unrecoverable = e->rc != CARAFE_OK;
	crf_unlock(&e->app->mu);
	crf_pool_running(e->pool, check_turn, &s);
	s.consuming |= is_over(&s, crf_flow_deferred_since(&e->flow), s.v->liveness_consuming_ttl);
	return s;
}

static bool
is_healthy(const struct state *s)
{
	return !s->polling && !s->consuming && !s->stability && !s->unrecoverable;
}

/* ------------------------------------------------------------------------------------------------ HTTP */

static const char *
truth(bool b)
{
	return b ? "true" : "false";
}

static void
answer(struct evhttp_request *request, void *arg)
{
	struct crf_liveness *l = arg;
	struct state s = look(l);
	struct evbuffer *body = evbuffer_new();

	if (body == NULL) {
		evhttp_send_error(request, 500, NULL);
		return;
	}
	evbuffer_add_printf(body,
	    "{\"status\":\"%s\",\"timestamp\":%" PRId64 ",\"port\":%d,\"process_id\":%ld,\"errors\":{"
	    "\"polling_ttl_exceeded\":%s,\"consumption_ttl_exceeded\":%s,\"stability_ttl_exceeded\":%s,\"unrecoverable\":%s}}\n",
	    is_healthy(&s) ? "healthy" : "unhealthy", crf_wall_ms(), s.v->liveness_port, (long)getpid(), truth(s.polling),
	    truth(s.consuming), truth(s.stability), truth(s.unrecoverable));
	evhttp_add_header(evhttp_request_get_output_headers(request), "Content-Type", "application/json");
	if (evhttp_request_get_command(request) == EVHTTP_REQ_HEAD) /* libevent would send it all the same */
		evbuffer_drain(body, evbuffer_get_length(body));
	evhttp_send_reply(request, is_healthy(&s) ? 200 : 500, NULL, body);
	evbuffer_free(body);
}

/* For each connection; NULL: evhttp makes what it needs. */
static struct bufferevent *
let_in(struct event_base *base, void *arg)
{
	struct crf_liveness *l = arg;

	(void)base;
	if (++l->let_in >= LET_IN)
		evconnlistener_disable(l->listener);
	return NULL;
}

/* There are no descriptors: libevent would try again at once, and complain on stderr each time. */
static void
wait_for_tick(struct evconnlistener *listener, void *arg)
{
	(void)arg;
	evconnlistener_disable(listener);
}

static carafe_rc
listen_http(struct crf_liveness *l, const struct crf_values *v, carafe_error *err)
{
	struct evhttp_bound_socket *bound;

	if ((l->http = evhttp_new(l->base)) == NULL)
		return crf_error(err, CARAFE_SYSTEM, "liveness: no HTTP server could be made");
	evhttp_set_max_headers_size(l->http, REQUEST_BOUND);
	evhttp_set_max_body_size(l->http, REQUEST_BOUND);
	evhttp_set_timeout(l->http, REQUEST_TIMEOUT);
	evhttp_set_allowed_methods(l->http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD);
	evhttp_set_gencb(l->http, answer, l);
	evhttp_set_bevcb(l->http, let_in, l);
	bound = evhttp_bind_socket_with_handle(l->http, v->liveness_host, (ev_uint16_t)v->liveness_port);
	if (bound == NULL)
		return crf_error_errno(err, errno, "liveness: cannot listen on %s port %d", v->liveness_host, v->liveness_port);
	l->listener = evhttp_bound_socket_get_listener(bound);
	evconnlistener_set_error_cb(l->listener, wait_for_tick);
	return CARAFE_OK;
}

/* ------------------------------------------------------------------------------------------------ file and systemd */

static bool
touch(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0644);

	if (fd < 0)
		return false;
	futimens(fd, NULL);
	close(fd);
	return true;
}

static void
say_stopping(struct crf_liveness *l)
{
	if (!l->said_stopping)
		crf_notify("STOPPING=1");
	l->said_stopping = true;
}

static void
remove_file(const struct crf_liveness *l)
{
	const char *file = l->engine->app->settings.v.liveness_file;

	if (file[0] != '\0')
		unlink(file);
}

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct crf_liveness *l = arg;
	const struct crf_values *v = &l->engine->app->settings.v;
	struct state s = look(l);

	(void)fd, (void)what;
	if (atomic_load(&l->engine->app->stop))
		say_stopping(l);
	l->let_in = 0;
	if (l->listener != NULL)
		evconnlistener_enable(l->listener);
	if (!is_healthy(&s) || atomic_load(&l->given_up))
		return;
	if (v->liveness_file[0] != '\0')
		touch(v->liveness_file);
	if (atomic_load(&l->given_up)) /* meanwhile: it was removed */
		remove_file(l);
	else if (crf_notify_watchdog() > 0)
		crf_notify("WATCHDOG=1");
}

/* ------------------------------------------------------------------------------------------------ the thread */

static void
on_close(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	event_base_loopbreak(arg);
}

static void *
live(void *arg)
{
	struct crf_liveness *l = arg;

	crf_notify("READY=1");
	on_tick(-1, 0, l);
	event_base_dispatch(l->base);
	say_stopping(l);
	return NULL;
}

static carafe_rc
make_events(struct crf_liveness *l, carafe_error *err)
{
	crf_ns watchdog = crf_notify_watchdog(), every = watchdog > 0 && watchdog < TICK ? watchdog : TICK;
	struct timeval tick = { .tv_sec = every / CRF_SECOND, .tv_usec = every % CRF_SECOND / 1000 };

	if ((l->close_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) < 0)
		return crf_error_errno(err, errno, "liveness: no eventfd");
	if ((l->base = event_base_new()) == NULL)
		return crf_error(err, CARAFE_SYSTEM, "liveness: no event loop could be made");
	l->ticker = event_new(l->base, -1, EV_PERSIST, on_tick, l);
	l->closer = event_new(l->base, l->close_fd, EV_READ, on_close, l->base);
	if (l->ticker == NULL || l->closer == NULL || event_add(l->ticker, &tick) != 0 || event_add(l->closer, NULL) != 0)
		return crf_error(err, CARAFE_SYSTEM, "liveness: no timer could be made");
	return CARAFE_OK;
}

carafe_rc
crf_liveness_open(struct crf_liveness **out, struct crf_engine *e, carafe_error *err)
{
	const struct crf_values *v = &e->app->settings.v;
	struct crf_liveness *l;
	carafe_rc rc;

	*out = NULL;
	if (v->liveness_port == 0 && v->liveness_file[0] == '\0' && !crf_notify_wanted())
		return CARAFE_OK;
	l = crf_new(struct crf_liveness);
	l->engine = e;
	rc = make_events(l, err);
	if (rc == CARAFE_OK && v->liveness_port != 0)
		rc = listen_http(l, v, err);
	if (rc == CARAFE_OK && v->liveness_file[0] != '\0' && !touch(v->liveness_file))
		rc = crf_error_errno(err, errno, "liveness.file: cannot touch %s", v->liveness_file);
	if (rc != CARAFE_OK) {
		crf_liveness_close(l);
		return rc;
	}
	*out = l;
	return CARAFE_OK;
}

void
crf_liveness_start(struct crf_liveness *l)
{
	if (l != NULL)
		crf_thread_start(&l->thread, "crf-liveness", live, l);
}

void
crf_liveness_give_up(struct crf_liveness *l)
{
	if (l == NULL || !l->thread.started)
		return;
	atomic_store(&l->given_up, true);
	remove_file(l);
}

static void
end_thread(struct crf_liveness *l)
{
	if (!l->thread.started)
		return;
	eventfd_write(l->close_fd, 1);
	crf_thread_join(&l->thread);
	remove_file(l);
}

void
crf_liveness_close(struct crf_liveness *l)
{
	if (l == NULL)
		return;
	end_thread(l);
	if (l->http != NULL)
		evhttp_free(l->http);
	if (l->ticker != NULL)
		event_free(l->ticker);
	if (l->closer != NULL)
		event_free(l->closer);
	if (l->base != NULL)
		event_base_free(l->base);
	if (l->close_fd >= 0)
		close(l->close_fd);
	free(l);
}
