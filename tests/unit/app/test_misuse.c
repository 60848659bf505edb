/* Calls that are wrong: each says which, what is wrong with it and what to do, and aborts. */
#include <carafe/carafe.h>

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* Handles that are none. */
static carafe *app;
static carafe_group *group;
static carafe_route *route;
static carafe_consumer *consumer;
static carafe_deferred *deferred;
static const carafe_batch *batch;
static const carafe_message *message;
static const carafe_event *event;
static const carafe_failures *failures;

static carafe_error err;
static const char *text;
static carafe_bytes bytes;
static int64_t number;
static int32_t partition;
static int at;

/* What has a magic number, which is looked at. */
#define OBJECTS(CALL)                                                                                                  \
	CALL(carafe_group, carafe_group(app, "g"))                                                                     \
	CALL(carafe_defaults, carafe_defaults(app, .max_messages = 1))                                                 \
	CALL(carafe_main, carafe_main(app, 0, NULL))                                                                   \
	CALL(carafe_status_of, carafe_status_of(app))                                                                  \
	CALL(carafe_start, err.rc = carafe_start(app, &err))                                                           \
	CALL(carafe_quiet, carafe_quiet(app))                                                                          \
	CALL(carafe_stop, carafe_stop(app))                                                                            \
	CALL(carafe_force_stop, carafe_force_stop(app))                                                                \
	CALL(carafe_wait, carafe_wait(app, 0, &err))                                                                   \
	CALL(carafe_scale, carafe_scale(app, 1))                                                                       \
	CALL(carafe_check, carafe_check(app, NULL, NULL))                                                              \
	CALL(carafe_dump, carafe_dump(app))                                                                            \
	CALL(carafe_log, carafe_log(app, NULL, NULL))                                                                  \
	CALL(carafe_subscribe, carafe_subscribe(app, CARAFE_EV_ANY, NULL, NULL))                                       \
	CALL(carafe_token_provider, carafe_token_provider(app, NULL, NULL))                                            \
	CALL(carafe_pause_partition, carafe_pause_partition(app, NULL, "t", 0, 0))                                     \
	CALL(carafe_resume_partition, carafe_resume_partition(app, NULL, "t", 0))                                      \
	CALL(carafe_seek_partition, carafe_seek_partition(app, NULL, "t", 0, carafe_latest()))                         \
	CALL(carafe_route, carafe_route(group, "t", .arg = NULL))                                                      \
	CALL(carafe_pattern, carafe_pattern(group, "^t", .arg = NULL))                                                 \
	CALL(carafe_multiplex, carafe_multiplex(group, .max = 2))                                                      \
	CALL(carafe_assign, carafe_assign(route, .partitions = "0"))                                                   \
	CALL(carafe_dlq, carafe_dlq(route, .topic = "dead"))                                                           \
	CALL(carafe_keys, carafe_keys(route, .max = 2))                                                                \
	CALL(carafe_retry, carafe_retry(route, .timeout = 1))                                                          \
	CALL(carafe_throttle, carafe_throttle(route, .limit = 1))                                                      \
	CALL(carafe_proceed, carafe_proceed(consumer))                                                                 \
	CALL(carafe_fail, carafe_fail(consumer, "why"))                                                                \
	CALL(carafe_mark, carafe_mark(consumer, NULL))                                                                 \
	CALL(carafe_commit, carafe_commit(consumer, &err))                                                             \
	CALL(carafe_state, carafe_state(consumer))                                                                     \
	CALL(carafe_arg, carafe_arg(consumer))                                                                         \
	CALL(carafe_app, carafe_app(consumer))                                                                         \
	CALL(carafe_topic, carafe_topic(consumer))                                                                     \
	CALL(carafe_partition, carafe_partition(consumer))                                                             \
	CALL(carafe_group_id, carafe_group_id(consumer))                                                               \
	CALL(carafe_attempt, carafe_attempt(consumer))                                                                 \
	CALL(carafe_should_stop, carafe_should_stop(consumer))                                                         \
	CALL(carafe_revoked, carafe_revoked(consumer))                                                                 \
	CALL(carafe_eofed, carafe_eofed(consumer))                                                                     \
	CALL(carafe_defer, carafe_defer(consumer))                                                                     \
	CALL(carafe_dead_letter, carafe_dead_letter(consumer, NULL, NULL, &err))                                       \
	CALL(carafe_strand, carafe_strand(consumer))                                                                   \
	CALL(carafe_mark_with, carafe_mark_with(consumer, NULL, .commit = 1))                                          \
	CALL(carafe_store_offset_metadata, carafe_store_offset_metadata(consumer, "m"))                                \
	CALL(carafe_offset_metadata, carafe_offset_metadata(consumer, true, &text, &err))                              \
	CALL(carafe_pause, carafe_pause(consumer, carafe_next(), 1))                                                   \
	CALL(carafe_resume, carafe_resume(consumer))                                                                   \
	CALL(carafe_seek, carafe_seek(consumer, carafe_earliest(), true))                                              \
	CALL(carafe_deferred_message, carafe_deferred_message(deferred))                                               \
	CALL(carafe_deferred_should_stop, carafe_deferred_should_stop(deferred))                                       \
	CALL(carafe_complete, carafe_complete(deferred, CARAFE_OK, NULL))

/* What is only there or not. */
#define OTHERS(CALL)                                                                                                   \
	CALL(carafe_batch_count, carafe_batch_count(batch))                                                            \
	CALL(carafe_batch_at, carafe_batch_at(batch, 0))                                                               \
	CALL(carafe_batch_next, carafe_batch_next(batch, message))                                                     \
	CALL(carafe_message_timestamp, carafe_message_timestamp(message))                                              \
	CALL(carafe_message_leader_epoch, carafe_message_leader_epoch(message))                                        \
	CALL(carafe_message_header, carafe_message_header(message, "h", &bytes))                                       \
	CALL(carafe_message_header_at, carafe_message_header_at(message, 0, &text, &bytes))                            \
	CALL(carafe_message_native, carafe_message_native(message))                                                    \
	CALL(carafe_event_kind, carafe_event_kind(event))                                                              \
	CALL(carafe_event_name, carafe_event_name(event))                                                              \
	CALL(carafe_event_level, carafe_event_level(event))                                                            \
	CALL(carafe_event_int, carafe_event_int(event, CARAFE_F_COUNT, &number))                                       \
	CALL(carafe_event_str, carafe_event_str(event, CARAFE_F_TEXT, &text))                                          \
	CALL(carafe_event_next, carafe_event_next(event, &at, &text, &text, &number))                                  \
	CALL(carafe_event_partition, carafe_event_partition(event, 0, &text, &partition, &number))                     \
	CALL(carafe_failures_count, carafe_failures_count(failures))                                                   \
	CALL(carafe_failures_with, carafe_failures_with(failures, CARAFE_FAILED))                                      \
	CALL(carafe_failures_rc, carafe_failures_rc(failures, 0))                                                      \
	CALL(carafe_failures_text, carafe_failures_text(failures, 0))

struct call {
	const char *name;
	void (*fn)(void);
};

#define FUNCTION(name, expression)                                                                                     \
	static void call_##name(void)                                                                                  \
	{                                                                                                              \
		(void)(expression);                                                                                    \
	}
#define ROW(name, expression) { #name, call_##name },

OBJECTS(FUNCTION)
OTHERS(FUNCTION)
static const struct call objects[] = { OBJECTS(ROW) };
static const struct call others[] = { OTHERS(ROW) };

/* It says "carafe: <name>: ... <what> ..." on its way down. */
static void
expect_abort(const struct call *call, const char *what)
{
	char said[4096], begins[128];
	int ends[2], status;
	ssize_t n, len = 0;
	pid_t child;

	assert_int_equal(pipe(ends), 0);
	if ((child = fork()) == 0) {
		signal(SIGABRT, SIG_DFL);
		signal(SIGSEGV, SIG_DFL);
		dup2(ends[1], STDERR_FILENO);
		call->fn();
		_exit(0);
	}
	close(ends[1]);
	while ((n = read(ends[0], said + len, sizeof(said) - 1 - (size_t)len)) > 0)
		len += n;
	said[len] = '\0';
	close(ends[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	snprintf(begins, sizeof(begins), "carafe: %s: ", call->name);
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGABRT || strncmp(said, begins, strlen(begins)) != 0 ||
	    strstr(said, what) == NULL)
		fail_msg("%s: status %x, said \"%s\"", call->name, (unsigned)status, said);
}

#define each(call, calls) for (const struct call *call = calls; call < calls + sizeof(calls) / sizeof(calls[0]); call++)

static void
a_handle_that_is_null_says_so(void **unused)
{
	(void)unused;
	each (call, objects)
		expect_abort(call, " is NULL; give it ");
	each (call, others)
		expect_abort(call, " is NULL; give it ");
}

static void
a_handle_that_is_none_says_so(void **unused)
{
	static _Alignas(max_align_t) char nothing[4096];

	(void)unused;
	app = (carafe *)nothing;
	group = (carafe_group *)nothing;
	route = (carafe_route *)nothing;
	consumer = (carafe_consumer *)nothing;
	deferred = (carafe_deferred *)nothing;
	each (call, objects)
		expect_abort(call, "it was freed, or overwritten, or never was one; give it ");
}

static void
there_may_be_no_app_to_free(void **unused)
{
	(void)unused;
	carafe_free(NULL);
}

/* ------------------------------------------------------------------------------------------------ drawing too late */

#define DRAWING(CALL)                                                                                                  \
	CALL(carafe_group, carafe_group(app, "other"))                                                                 \
	CALL(carafe_defaults, carafe_defaults(app, .max_messages = 1))                                                 \
	CALL(carafe_token_provider, carafe_token_provider(app, NULL, NULL))                                            \
	CALL(carafe_route, carafe_route(group, "other", .inactive = 1))                                                \
	CALL(carafe_pattern, carafe_pattern(group, "^other", .inactive = 1))                                           \
	CALL(carafe_multiplex, carafe_multiplex(group, .max = 2))                                                      \
	CALL(carafe_assign, carafe_assign(route, .partitions = "0"))                                                   \
	CALL(carafe_dlq, carafe_dlq(route, .topic = "dead"))                                                           \
	CALL(carafe_keys, carafe_keys(route, .max = 2))                                                                \
	CALL(carafe_retry, carafe_retry(route, .timeout = 1))                                                          \
	CALL(carafe_throttle, carafe_throttle(route, .limit = 1))

static const struct call drawing[] = { DRAWING(ROW) };

static carafe_rc
handle(carafe_consumer *c, const carafe_message *m)
{
	(void)c, (void)m;
	return CARAFE_OK;
}

static const carafe_handler handler = { .message = handle };

static void
nothing_can_be_drawn_any_more_once_it_was_checked(void **unused)
{
	(void)unused;
	app = carafe_new(.kafka = CARAFE_KV({ "bootstrap.servers", "127.0.0.1:1" }));
	group = carafe_group(app, "misuse");
	route = carafe_route(group, "orders", .handler = &handler);
	assert_int_equal(carafe_check(app, NULL, NULL), 0);
	each (call, drawing)
		expect_abort(call, "the app was started or checked, and nothing can be drawn any more");
	carafe_free(app);
}

static void
call_main(void)
{
	static char program[] = "program", command[] = "info", *argv[] = { program, command, NULL };

	(void)carafe_main(app, 2, argv);
}

/* It would take no heed of what the command line sets. */
static void
there_is_no_command_line_once_it_was_checked(void **unused)
{
	(void)unused;
	app = carafe_new(.kafka = CARAFE_KV({ "bootstrap.servers", "127.0.0.1:1" }));
	carafe_route(carafe_group(app, "misuse"), "orders", .handler = &handler);
	assert_int_equal(carafe_check(app, NULL, NULL), 0);
	expect_abort(&(struct call){ "carafe_main", call_main }, "leave out carafe_check()");
	carafe_free(app);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_handle_that_is_null_says_so),
		cmocka_unit_test(a_handle_that_is_none_says_so),
		cmocka_unit_test(there_may_be_no_app_to_free),
		cmocka_unit_test(nothing_can_be_drawn_any_more_once_it_was_checked),
		cmocka_unit_test(there_is_no_command_line_once_it_was_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
