/* An app's life where no broker is needed. */
#include <carafe/carafe.h>

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static carafe_rc
handle(carafe_consumer *c, const carafe_message *m)
{
	(void)c, (void)m;
	return CARAFE_OK;
}

static const carafe_handler handler = { .message = handle };

static carafe_rc
provide(const char *config, carafe_token *token, carafe_error *err, void *arg)
{
	(void)config, (void)token, (void)err, (void)arg;
	return CARAFE_FAILED;
}

struct seen {
	_Atomic int64_t from, to; /* of the last workers.scaled */
	atomic_int scaled;
	char reason[256]; /* why there are less than was asked for */
	atomic_int started; /* clients of librdkafka's, which has the threads that it needs */
	atomic_int quieting;
};

static void
see(const carafe_event *e, void *arg)
{
	struct seen *s = arg;
	const char *text;
	int64_t n;

	atomic_fetch_add(&s->quieting, carafe_event_kind(e) == CARAFE_EV_APP_QUIETING);
	atomic_fetch_add(&s->started, carafe_event_kind(e) == CARAFE_EV_CONNECTION_STARTED);
	if (carafe_event_kind(e) != CARAFE_EV_WORKERS_SCALED)
		return;
	if (carafe_event_int(e, CARAFE_F_FROM, &n))
		atomic_store(&s->from, n);
	if (carafe_event_int(e, CARAFE_F_TO, &n))
		atomic_store(&s->to, n);
	snprintf(s->reason, sizeof(s->reason), "%s", carafe_event_str(e, CARAFE_F_TEXT, &text) ? text : "");
	atomic_fetch_add(&s->scaled, 1);
}

static carafe *
new_app(struct seen *s)
{
	carafe *app = carafe_new(.concurrency = 2, .kafka = CARAFE_KV({ "bootstrap.servers", "127.0.0.1:1" }));

	carafe_route(carafe_group(app, "life"), "orders", .handler = &handler);
	carafe_subscribe(app, CARAFE_EV_ANY, see, s);
	return app;
}

static void
must_start(carafe *app)
{
	carafe_error err = { 0 };

	if (carafe_start(app, &err) != CARAFE_OK)
		fail_msg("%s", err.text);
}

static void
await(const atomic_int *event)
{
	while (atomic_load(event) == 0)
		sched_yield();
}

static void
must_end(carafe *app)
{
	carafe_error err = { 0 };

	if (carafe_wait(app, 30000, &err) != CARAFE_OK)
		fail_msg("%s", err.text);
	assert_int_equal(carafe_status_of(app), CARAFE_TERMINATED);
	carafe_free(app);
}

static void
a_stop_before_the_start_counts(void **unused)
{
	struct seen s = { 0 };
	carafe *app = new_app(&s);

	(void)unused;
	carafe_stop(app);
	assert_int_equal(carafe_status_of(app), CARAFE_INITIALIZING);
	must_start(app);
	must_end(app);
}

static void
so_does_falling_quiet(void **unused)
{
	struct seen s = { 0 };
	carafe *app = new_app(&s);

	(void)unused;
	carafe_quiet(app);
	must_start(app);
	await(&s.quieting);
	carafe_stop(app);
	must_end(app);
}

/* Of threads that are made from now on: none is, when that is more than there can be. */
static void
set_stacks(size_t size)
{
	pthread_attr_t attr;

	assert_int_equal(pthread_attr_init(&attr), 0);
	assert_int_equal(pthread_attr_setstacksize(&attr, size), 0);
	assert_int_equal(pthread_setattr_default_np(&attr), 0);
	pthread_attr_destroy(&attr);
}

static void
an_app_goes_on_with_the_workers_there_are_when_the_system_has_no_more(void **unused)
{
	struct seen s = { 0 };
	carafe *app = new_app(&s);
	pthread_attr_t before;
	size_t size;

	(void)unused;
	assert_int_equal(pthread_getattr_default_np(&before), 0);
	assert_int_equal(pthread_attr_getstacksize(&before, &size), 0);
	pthread_attr_destroy(&before);
	must_start(app);
	await(&s.started);
	set_stacks((size_t)1 << 46);
	carafe_scale(app, 100000);
	set_stacks(size);
	assert_int_equal(atomic_load(&s.from), 2);
	assert_int_equal(atomic_load(&s.to), 2);
	assert_non_null(strstr(s.reason, "4096 workers are wanted")); /* what concurrency may be */
	carafe_scale(app, 5);
	assert_int_equal(atomic_load(&s.from), 2);
	assert_int_equal(atomic_load(&s.to), 5);
	assert_string_equal(s.reason, "");
	assert_int_equal(atomic_load(&s.scaled), 2);
	carafe_stop(app);
	must_end(app);
}

static carafe *
idle_app(void)
{
	carafe *app = carafe_new(.kafka = CARAFE_KV({ "bootstrap.servers", "127.0.0.1:1" }));

	carafe_route(carafe_group(app, "life"), "orders", .inactive = 1);
	return app;
}

static void
a_check_finds_what_a_start_would(void **unused)
{
	carafe *app = idle_app();
	carafe_error err = { 0 };

	(void)unused;
	assert_int_equal(carafe_check(app, NULL, NULL), 1);
	assert_int_equal(carafe_start(app, &err), CARAFE_CONFIG);
	assert_non_null(strstr(err.text, "every route is inactive"));
	carafe_free(app);
}

/* What it prints is not for here. */
static int
main_quietly(carafe *app, char *command)
{
	static char program[] = "life";
	char *argv[] = { program, command, NULL };
	pid_t child;
	int status;

	fflush(NULL);
	if ((child = fork()) == 0) {
		if (freopen("/dev/null", "w", stdout) == NULL || freopen("/dev/null", "w", stderr) == NULL)
			_exit(1);
		_exit(carafe_main(app, 2, argv));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WEXITSTATUS(status);
}

static void
so_does_info(void **unused)
{
	static char info[] = "info", server[] = "server";
	carafe *app = idle_app();

	(void)unused;
	assert_int_equal(main_quietly(app, server), 78);
	assert_int_equal(main_quietly(app, info), 78);
	carafe_free(app);
}

static void
a_token_provider_can_be_taken_back(void **unused)
{
	carafe *app = carafe_new(.kafka = CARAFE_KV({ "bootstrap.servers", "127.0.0.1:1" }, { "security.protocol", "sasl_plaintext" },
	    { "sasl.mechanisms", "OAUTHBEARER" }));
	carafe_error err = { 0 };

	(void)unused;
	carafe_route(carafe_group(app, "life"), "orders", .handler = &handler);
	carafe_token_provider(app, provide, NULL);
	carafe_token_provider(app, NULL, NULL);
	assert_int_equal(carafe_start(app, &err), CARAFE_CONFIG);
	assert_non_null(strstr(err.text, "carafe_token_provider()"));
	carafe_free(app);
}

/* Else nobody would know why whoever looks at it takes the app for dead. */
static void
a_file_of_health_that_cannot_be_touched_is_told_at_the_start(void **unused)
{
	static const char *const paths[] = { "/no/such/folder/alive", "/" };

	(void)unused;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		carafe *app = carafe_new(.kafka = CARAFE_KV({ "bootstrap.servers", "127.0.0.1:1" }),
		    .settings = CARAFE_KV({ "liveness.file", paths[i] }));
		carafe_error err = { 0 };

		carafe_route(carafe_group(app, "life"), "orders", .handler = &handler);
		assert_int_equal(carafe_start(app, &err), CARAFE_SYSTEM);
		assert_non_null(strstr(err.text, paths[i]));
		carafe_free(app);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_stop_before_the_start_counts),
		cmocka_unit_test(so_does_falling_quiet),
		cmocka_unit_test(an_app_goes_on_with_the_workers_there_are_when_the_system_has_no_more),
		cmocka_unit_test(a_check_finds_what_a_start_would),
		cmocka_unit_test(so_does_info),
		cmocka_unit_test(a_token_provider_can_be_taken_back),
		cmocka_unit_test(a_file_of_health_that_cannot_be_touched_is_told_at_the_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
