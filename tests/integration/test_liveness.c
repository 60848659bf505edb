/* Health as others see it: over HTTP, in a file, through systemd's socket. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "support/test.h"

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
	it_until(code_of(port) == 500);
	assert_int_equal(ask(port, text, sizeof(text)), 500);
	assert_non_null(strstr(text, "\"status\":\"unhealthy\""));
	assert_non_null(strstr(text, "\"consumption_ttl_exceeded\":true"));
	assert_non_null(strstr(text, "\"polling_ttl_exceeded\":false"));
	assert_non_null(strstr(text, "\"unrecoverable\":false"));
	it_gate_open(s->gate);
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

static void
the_file_is_there_while_the_app_is(void **state)
{
	char path[64];
	carafe *app;
	struct stat before, now;

	(void)state;
	snprintf(path, sizeof(path), "/tmp/carafe-alive-%ld", (long)getpid());
	app = it_app(.settings = CARAFE_KV({ "liveness.file", path }));
	it_route(app, it_name("group"), it_topic("file", 1, NULL), it_message_handler, it_sink_new());
	it_start(app);
	it_until(stat(path, &before) == 0);
	it_until(stat(path, &now) == 0 &&
	    (now.st_mtim.tv_sec != before.st_mtim.tv_sec || now.st_mtim.tv_nsec != before.st_mtim.tv_nsec));
	it_stop(app);
	assert_int_not_equal(access(path, F_OK), 0);
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
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	struct timeval patience = { .tv_sec = IT_PATIENCE_MS / 1000 };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), n;
	const char *last;
	char name[64];
	carafe *app;

	(void)state;
	n = snprintf(name, sizeof(name), "@carafe-notify-%ld", (long)getpid());
	memcpy(a.sun_path + 1, name + 1, (size_t)n - 1);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)n)), 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setenv("NOTIFY_SOCKET", name, 1);
	setenv("WATCHDOG_USEC", "400000", 1);
	app = it_app(.concurrency = 1);
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
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IT(a_handler_that_hangs_makes_the_endpoint_say_so_until_it_returns),
		IT(a_long_running_handler_is_healthy_and_silent_clients_keep_nobody_waiting),
		IT(a_port_that_is_taken_is_told_at_the_start),
		IT(the_file_is_there_while_the_app_is),
		IT(systemd_is_told),
	};

	return it_run(tests);
}
