/* Health as others see it: over HTTP, in a file, through systemd's socket. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <carafe/feature/deferral.h>

#include "support/test.h"

#define BOUND_MS 10000 /* within which it must be red once the ttl is over */

static struct sockaddr_in
address_of(int port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

/* One that nobody has now. */
static const char *
free_port(void)
{
	static char text[16];
	struct sockaddr_in a = address_of(0);
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&a, len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	close(fd);
	snprintf(text, sizeof(text), "%d", ntohs(a.sin_port));
	return text;
}

static int
connect_to(const char *port)
{
	struct sockaddr_in a = address_of(atoi(port));
	struct timeval patience = { .tv_sec = IT_PATIENCE_MS / 1000 };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

/* Asks once: the status code, the whole answer in text. */
static int
ask(const char *port, char *text, size_t size)
{
	static const char request[] = "GET / HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n";
	int fd = connect_to(port), code = 0;
	size_t len = 0;
	ssize_t n;

	assert_int_equal(send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL), sizeof(request) - 1);
	while (len < size - 1 && (n = recv(fd, text + len, size - 1 - len, 0)) > 0)
		len += (size_t)n;
	text[len] = '\0';
	close(fd);
	assert_int_equal(sscanf(text, "HTTP/1.1 %d", &code), 1);
	return code;
}

static int
code_of(const char *port)
{
	char text[2048];

	return ask(port, text, sizeof(text));
}

/* It says no before the ttl and ten seconds are over since then, and that this is why, and nothing else. */
static void
await_red(const char *port, double since, int ttl_ms, const char *why)
{
	static const char *const errors[] = { "polling_ttl_exceeded", "consumption_ttl_exceeded", "stability_ttl_exceeded", "unrecoverable" };
	char text[2048], expected[64];

	it_until(code_of(port) == 500);
	assert_true(it_now() - since < ttl_ms + BOUND_MS);
	assert_int_equal(ask(port, text, sizeof(text)), 500);
	assert_non_null(strstr(text, "\"status\":\"unhealthy\""));
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		snprintf(expected, sizeof(expected), "\"%s\":%s", errors[i], strcmp(errors[i], why) == 0 ? "true" : "false");
		assert_non_null(strstr(text, expected));
	}
}

static carafe_rc
wait_at_gate(struct it_sink *s, carafe_consumer *c, const carafe_message *m)
{
	(void)c, (void)m;
	it_gate_wait(s->gate);
	return CARAFE_OK;
}

static void
a_handler_that_hangs_makes_the_endpoint_say_so_until_it_returns(void **state)
{
	const char *topic = it_topic("hung", 1, NULL), *port = free_port();
	struct it_sink *s = it_sink_new();
	carafe *app = it_app(.settings = CARAFE_KV({ "liveness.port", port }, { "liveness.host", "127.0.0.1" },
	    { "liveness.consuming_ttl", "1000" }));
	char text[2048], pid[64];

	(void)state;
	s->on_message = wait_at_gate;
	s->gate = it_gate_new();
	it_route(app, it_name("group"), topic, it_message_handler, s);
	it_start(app);
	assert_int_equal(ask(port, text, sizeof(text)), 200);
	snprintf(pid, sizeof(pid), "\"process_id\":%ld", (long)getpid());
	assert_non_null(strstr(text, "\"status\":\"healthy\""));
	assert_non_null(strstr(text, pid));
	it_produce(topic, 0, "hang");
	it_until(it_gate_waiting(s->gate) == 1);
	await_red(port, it_now(), 1000, "consumption_ttl_exceeded");
	it_gate_open(s->gate);
	it_until(code_of(port) == 200);
	it_stop(app);
}

static carafe_rc
defer_and_forget(struct it_sink *s, carafe_consumer *c, const carafe_message *m)
{
	(void)m;
	s->arg = carafe_defer(c);
	atomic_store(&s->flag, 1);
	return CARAFE_PENDING;
}

static void
work_that_is_deferred_and_never_completed_is_told(void **state)
{
	const char *topic = it_topic("forgotten", 1, NULL), *port = free_port();
	struct it_sink *s = it_sink_new();
	carafe *app = it_app(.settings = CARAFE_KV({ "liveness.port", port }, { "liveness.consuming_ttl", "1000" }));

	(void)state;
	s->on_message = defer_and_forget;
	it_route(app, it_name("group"), topic, it_message_handler, s);
	it_start(app);
	it_produce(topic, 0, "forgotten");
	it_until(atomic_load(&s->flag) == 1);
	await_red(port, it_now(), 1000, "consumption_ttl_exceeded");
	assert_int_equal(carafe_complete(s->arg, CARAFE_OK, NULL), CARAFE_OK);
	it_until(code_of(port) == 200);
	it_stop(app);
}

static void
a_long_running_handler_is_healthy_and_silent_clients_keep_nobody_waiting(void **state)
{
	const char *topic = it_topic("long", 1, NULL), *port = free_port();
	struct it_sink *s = it_sink_new();
	carafe *app = it_app(.settings = CARAFE_KV({ "liveness.port", port }, { "liveness.consuming_ttl", "1000" }));
	int silent;

	(void)state;
	s->on_message = wait_at_gate;
	s->gate = it_gate_new();
	it_route(app, it_name("group"), topic, it_message_handler, s, .long_running = 1);
	it_start(app);
	silent = connect_to(port);
	it_produce(topic, 0, "take your time");
	it_until(it_gate_waiting(s->gate) == 1);
	it_nap(1500); /* longer than consuming_ttl */
	assert_int_equal(code_of(port), 200);
	it_gate_open(s->gate);
	it_stop(app);
	close(silent);
}

/* For it_until: true, or the test fails. */
static bool
stays_healthy(const char *port)
{
	assert_int_equal(code_of(port), 200);
	return true;
}

static carafe_rc
take_some_time(struct it_sink *s, carafe_consumer *c, const carafe_message *m)
{
	(void)s, (void)c;
	it_nap(m->offset % 50 == 49 ? 1000 : 20);
	return CARAFE_OK;
}

static carafe *
busy_app(const char *port, const char *group, const char *topic, struct it_sink *s)
{
	carafe *app = it_app(.concurrency = 2, .settings = CARAFE_KV({ "liveness.port", port }, { "liveness.consuming_ttl", "2000" },
	    { "liveness.polling_ttl", "5000" }));

	s->on_message = take_some_time;
	it_route(app, group, topic, it_message_handler, s);
	it_start(app);
	return app;
}

/* Every worker is busy all the time, with turns that take longer than consuming_ttl, while members come and go. */
static void
an_app_with_more_to_do_than_it_can_is_never_called_ill(void **state)
{
	const char *topic = it_topic("busy", 6, NULL), *group = it_name("group"), *port = free_port();
	struct it_sink *s = it_sink_new(), *others = it_sink_new();
	carafe *app, *other;

	(void)state;
	for (int p = 0; p < 6; p++)
		it_produce_many(topic, p, 0, 200);
	app = busy_app(port, group, topic, s);
	it_until(stays_healthy(port) && it_handled(s) > 0);
	for (size_t i = 0; i < 3; i++) {
		other = busy_app("0", group, topic, others);
		it_until(stays_healthy(port) && it_handled(others) > i * 10);
		carafe_stop(other);
		it_until(stays_healthy(port) && carafe_status_of(other) == CARAFE_TERMINATED);
		it_await_end(other);
	}
	it_until(stays_healthy(port) && it_handled(s) + it_handled(others) >= 1200);
	it_stop(app);
}

static void
a_port_that_is_taken_is_told_at_the_start(void **state)
{
	const char *port = free_port();
	struct sockaddr_in a = address_of(atoi(port));
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	carafe *app = it_app(.settings = CARAFE_KV({ "liveness.port", port }, { "liveness.host", "127.0.0.1" }));
	carafe_error err = { 0 };

	(void)state;
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(fd, 1), 0);
	it_route(app, it_name("group"), it_name("topic"), it_message_handler, it_sink_new());
	assert_int_equal(carafe_start(app, &err), CARAFE_SYSTEM);
	assert_non_null(strstr(err.text, port));
	it_app_forget(app);
	carafe_free(app);
	close(fd);
}

static const char *
file_path(void)
{
	static char path[64];

	snprintf(path, sizeof(path), "/tmp/carafe-alive-%ld", (long)getpid());
	return path;
}

static bool
touched_since(const char *path, const struct stat *before)
{
	struct stat now;

	return stat(path, &now) == 0 &&
	    (now.st_mtim.tv_sec != before->st_mtim.tv_sec || now.st_mtim.tv_nsec != before->st_mtim.tv_nsec);
}

static void
the_file_is_there_while_the_app_is(void **state)
{
	const char *path = file_path();
	carafe *app = it_app(.settings = CARAFE_KV({ "liveness.file", path }));
	struct stat before;

	(void)state;
	it_route(app, it_name("group"), it_topic("file", 1, NULL), it_message_handler, it_sink_new());
	it_start(app);
	it_until(stat(path, &before) == 0);
	it_until(touched_since(path, &before));
	it_stop(app);
	assert_int_not_equal(access(path, F_OK), 0);
}

/* ------------------------------------------------------------------------------------------------ systemd */

/* As systemd it waits for a sign of life in every 400 ms. The socket; to be given to end_systemd. */
static int
begin_systemd(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	struct timeval patience = { .tv_sec = IT_PATIENCE_MS / 1000 };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), n;
	char name[64];

	n = snprintf(name, sizeof(name), "@carafe-notify-%ld", (long)getpid());
	memcpy(a.sun_path + 1, name + 1, (size_t)n - 1);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)n)), 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setenv("NOTIFY_SOCKET", name, 1);
	setenv("WATCHDOG_USEC", "400000", 1);
	return fd;
}

static void
end_systemd(int fd)
{
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	close(fd);
}

/* What systemd was told next; "" when it was told nothing for too long. */
static const char *
told(int fd)
{
	static char text[64];
	ssize_t n = recv(fd, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

static void
systemd_is_told(void **state)
{
	int fd = begin_systemd();
	const char *last;
	carafe *app = it_app(.concurrency = 1);

	(void)state;
	it_route(app, it_name("group"), it_topic("systemd", 1, NULL), it_message_handler, it_sink_new());
	it_start(app);
	assert_string_equal(told(fd), "READY=1");
	assert_string_equal(told(fd), "WATCHDOG=1");
	assert_string_equal(told(fd), "WATCHDOG=1");
	carafe_stop(app);
	do
		last = told(fd);
	while (strcmp(last, "WATCHDOG=1") == 0);
	assert_string_equal(last, "STOPPING=1");
	it_await_end(app);
	end_systemd(fd);
}

/* How often systemd was told something that has not been read yet. */
static int
told_meanwhile(int fd)
{
	char text[64];
	int times = 0;

	while (recv(fd, text, sizeof(text), MSG_DONTWAIT) > 0)
		times++;
	return times;
}

/* A subscriber runs on the thread that has the news: here a connection's, which looks after nothing meanwhile. */
static void
hold_the_connection(const carafe_event *ev, void *arg)
{
	(void)ev;
	it_gate_wait(arg);
}

static void
a_connection_that_is_held_up_is_told_by_the_endpoint_the_file_and_systemd(void **state)
{
	const char *port = free_port(), *path = file_path();
	int fd = begin_systemd();
	carafe *app = it_app(.settings = CARAFE_KV({ "liveness.port", port }, { "liveness.file", path }, { "liveness.polling_ttl", "5000" }));
	struct it_gate *gate = it_gate_new();
	struct stat last;

	(void)state;
	it_route(app, it_name("group"), it_topic("held", 1, NULL), it_message_handler, it_sink_new());
	carafe_subscribe(app, CARAFE_EV_REBALANCE_ASSIGNED, hold_the_connection, gate);
	it_start(app);
	it_until(it_gate_waiting(gate) == 1);
	await_red(port, it_now(), 5000, "polling_ttl_exceeded");
	told_meanwhile(fd);
	assert_int_equal(stat(path, &last), 0);
	it_nap(2500); /* two touches, ten signs of life */
	assert_int_equal(told_meanwhile(fd), 0);
	assert_false(touched_since(path, &last));
	it_gate_open(gate);
	it_until(code_of(port) == 200 && touched_since(path, &last) && told_meanwhile(fd) > 0);
	it_stop(app);
	end_systemd(fd);
}

static carafe_rc
give_up_in_partition_1(struct it_sink *s, carafe_consumer *c, const carafe_message *m)
{
	(void)c;
	if (m->partition == 1)
		return CARAFE_CRITICAL;
	it_gate_wait(s->gate);
	return CARAFE_OK;
}

static void
an_app_that_has_failed_says_so_until_it_ends(void **state)
{
	const char *topic = it_topic("failed", 2, NULL), *port = free_port();
	carafe *app = it_app(.settings = CARAFE_KV({ "liveness.port", port }));
	struct it_sink *s = it_sink_new();
	carafe_error err = { 0 };

	(void)state;
	s->on_message = give_up_in_partition_1;
	s->gate = it_gate_new();
	it_route(app, it_name("group"), topic, it_message_handler, s);
	it_start(app);
	it_produce(topic, 0, "keeps it from ending");
	it_until(it_gate_waiting(s->gate) == 1);
	assert_int_equal(code_of(port), 200);
	it_produce(topic, 1, "nothing can go on");
	await_red(port, it_now(), 0, "unrecoverable");
	it_gate_open(s->gate);
	assert_int_equal(carafe_wait(app, IT_PATIENCE_MS, &err), CARAFE_CRITICAL);
	it_app_forget(app);
	carafe_free(app);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IT(a_handler_that_hangs_makes_the_endpoint_say_so_until_it_returns),
		IT(work_that_is_deferred_and_never_completed_is_told),
		IT(a_long_running_handler_is_healthy_and_silent_clients_keep_nobody_waiting),
		IT(an_app_with_more_to_do_than_it_can_is_never_called_ill),
		IT(a_port_that_is_taken_is_told_at_the_start),
		IT(the_file_is_there_while_the_app_is),
		IT(systemd_is_told),
		IT(a_connection_that_is_held_up_is_told_by_the_endpoint_the_file_and_systemd),
		IT(an_app_that_has_failed_says_so_until_it_ends),
	};

	return it_run(tests);
}
