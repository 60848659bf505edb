/* The server's signals, where no broker is needed. */
#include "app/app.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static carafe_rc
handle(carafe_consumer *c, const carafe_message *m)
{
	(void)c, (void)m;
	return CARAFE_OK;
}

static const carafe_handler handler = { .message = handle };

/* A thread of the program's own, which blocks nothing, is given two signals before there is anybody to pass them on to. */
struct stranger {
	struct crf_bell told, raised, all_seen;
	pthread_t thread;
	bool stop_seen; /* of the thread that takes signals, until all_seen is rung */
	bool lost;
};

static void *
raise_both(void *arg)
{
	struct stranger *s = arg;

	crf_bell_wait(&s->told);
	raise(SIGTERM);
	raise(SIGTTIN);
	crf_bell_ring(&s->raised);
	crf_bell_wait(&s->all_seen);
	s->lost = !s->stop_seen;
	if (s->lost)
		raise(SIGTERM); /* or the app would never end */
	return NULL;
}

static void
on_initialized(const carafe_event *e, void *arg)
{
	struct stranger *s = arg;

	(void)e;
	crf_bell_ring(&s->told);
	crf_bell_wait(&s->raised);
}

static void
on_taken(const carafe_event *e, void *arg)
{
	struct stranger *s = arg;
	const char *name = "";

	carafe_event_str(e, CARAFE_F_SIGNAL, &name);
	if (strcmp(name, "TERM") == 0)
		s->stop_seen = true;
	else
		crf_bell_ring(&s->all_seen);
}

static void
signals_that_come_before_anybody_takes_them_all_count(void **unused)
{
	carafe *app = carafe_new(.kafka = CARAFE_KV({ "bootstrap.servers", "127.0.0.1:1" }));
	struct stranger s = { .stop_seen = false };

	(void)unused;
	crf_bell_init(&s.told);
	crf_bell_init(&s.raised);
	crf_bell_init(&s.all_seen);
	carafe_route(carafe_group(app, "serve"), "orders", .handler = &handler);
	carafe_subscribe(app, CARAFE_EV_APP_INITIALIZED, on_initialized, &s);
	carafe_subscribe(app, CARAFE_EV_PROCESS_SIGNAL, on_taken, &s);
	assert_int_equal(crf_app_prepare(app, NULL, NULL), CARAFE_OK);
	assert_int_equal(pthread_create(&s.thread, NULL, raise_both, &s), 0);
	assert_int_equal(crf_app_serve(app, false), 0);
	pthread_join(s.thread, NULL);
	assert_false(s.lost);
	carafe_free(app);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(signals_that_come_before_anybody_takes_them_all_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
