/* The ways in which others learn of an app's health: over HTTP, in a file, through systemd's socket. What they learn:
 * test_alarms.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "support/health.h"
#include "support/test.h"

static void
a_port_that_is_taken_is_told_at_the_start(void **state)
{
	const char *port = it_free_port();
	struct sockaddr_in a = it_loopback(atoi(port));
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

/* Whatever followed the head would be taken for the beginning of the next answer. */
static void
a_head_comes_without_a_body(void **state)
{
	static const char requests[] = "HEAD / HTTP/1.1\r\nHost: here\r\n\r\nGET / HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n";
	const char *port = it_free_port(), *head_end;
	carafe *app = it_app(.settings = CARAFE_KV({ "liveness.port", port }, { "liveness.host", "127.0.0.1" }));
	char text[2048];
	size_t len = 0;
	ssize_t n;
	int fd;

	(void)state;
	it_route(app, it_name("group"), it_topic("head", 1, NULL), it_message_handler, it_sink_new());
	it_start(app);
	fd = it_health_connect(port);
	assert_int_equal(send(fd, requests, sizeof(requests) - 1, MSG_NOSIGNAL), sizeof(requests) - 1);
	while (len < sizeof(text) - 1 && (n = recv(fd, text + len, sizeof(text) - 1 - len, 0)) > 0)
		len += (size_t)n;
	text[len] = '\0';
	close(fd);
	assert_int_equal(strncmp(text, "HTTP/1.1 200", 12), 0);
	assert_non_null(head_end = strstr(text, "\r\n\r\n"));
	assert_int_equal(strncmp(head_end + 4, "HTTP/1.1 200", 12), 0);
	it_stop(app);
}

/* How much has been written to a file that stands in for stderr; stderr comes back. */
static off_t
end_stderr(int file, int before)
{
	off_t size = lseek(file, 0, SEEK_CUR);

	assert_int_equal(dup2(before, STDERR_FILENO), STDERR_FILENO);
	close(before);
	close(file);
	return size;
}

/* Nobody in this process can open anything more until it is given back what this returns. */
static rlim_t
take_descriptors(void)
{
	int free_now = dup(STDERR_FILENO);
	struct rlimit limit;
	rlim_t before;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	before = limit.rlim_cur;
	limit.rlim_cur = (rlim_t)free_now;
	close(free_now);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	return before;
}

static void
give_descriptors(rlim_t count)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = count;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* A question for which there is no descriptor waits until there is one; nobody turns round and round meanwhile. */
static void
without_descriptors_the_endpoint_waits(void **state)
{
	static const char request[] = "GET / HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n";
	const char *port = it_free_port();
	struct sockaddr_in a = it_loopback(atoi(port));
	carafe *app = it_app(.settings = CARAFE_KV({ "liveness.port", port }, { "liveness.host", "127.0.0.1" }));
	char text[16] = "";
	int fd, before, file;
	rlim_t count;

	(void)state;
	it_route(app, it_name("group"), it_topic("descriptors", 1, NULL), it_message_handler, it_sink_new());
	it_start(app);
	before = dup(STDERR_FILENO);
	file = memfd_create("stderr", MFD_CLOEXEC);
	assert_int_equal(dup2(file, STDERR_FILENO), STDERR_FILENO);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	count = take_descriptors();
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL), sizeof(request) - 1);
	it_nap(2500); /* two ticks */
	give_descriptors(count);
	assert_int_equal(recv(fd, text, 12, MSG_WAITALL), 12);
	assert_int_equal(strncmp(text, "HTTP/1.1 200", 12), 0);
	close(fd);
	assert_true(end_stderr(file, before) < 65536); /* where libevent complains, each time round; IT_VERBOSE says less */
	it_stop(app);
}

#define FLOOD 400

/* Somebody who connects and says nothing. Nobody waits for those who are not let in. */
static int
say_nothing(const char *port)
{
	struct sockaddr_in a = it_loopback(atoi(port));
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	(void)!connect(fd, (struct sockaddr *)&a, sizeof(a));
	return fd;
}

/* For it_until: the first has been sent away. Meanwhile it is looked how many are there. */
static bool
first_is_over(int first, int before, int *most)
{
	int now = it_descriptors() - before;
	char c;

	*most = now > *most ? now : *most;
	return recv(first, &c, 1, 0) == 0;
}

/* What the endpoint holds is not there for brokers. */
static void
those_who_say_nothing_do_not_take_the_descriptors(void **state)
{
	const char *port = it_free_port();
	carafe *app = it_app(.settings = CARAFE_KV({ "liveness.port", port }, { "liveness.host", "127.0.0.1" }));
	int fds[FLOOD], before, most = 0;

	(void)state;
	it_route(app, it_name("group"), it_topic("flood", 1, NULL), it_message_handler, it_sink_new());
	it_start(app);
	before = it_descriptors() + FLOOD;
	for (int i = 0; i < FLOOD; i++)
		fds[i] = say_nothing(port);
	it_until(first_is_over(fds[0], before, &most));
	assert_true(most < FLOOD * 3 / 4);
	for (int i = 0; i < FLOOD; i++)
		close(fds[i]);
	assert_int_equal(it_health_code(port), 200);
	it_stop(app);
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
	const char *port = it_free_port(), *path = file_path();
	int fd = begin_systemd();
	carafe *app = it_app(.settings = CARAFE_KV({ "liveness.port", port }, { "liveness.file", path }, { "liveness.polling_ttl", "5000" }));
	struct it_gate *gate = it_gate_new();
	struct stat last;

	(void)state;
	it_route(app, it_name("group"), it_topic("held", 1, NULL), it_message_handler, it_sink_new());
	carafe_subscribe(app, CARAFE_EV_REBALANCE_ASSIGNED, hold_the_connection, gate);
	it_start(app);
	it_until(it_gate_waiting(gate) == 1);
	it_await_red(port, it_now(), 5000, "polling_ttl_exceeded");
	told_meanwhile(fd);
	assert_int_equal(stat(path, &last), 0);
	it_nap(2500); /* two touches, ten signs of life */
	assert_int_equal(told_meanwhile(fd), 0);
	assert_false(touched_since(path, &last));
	it_gate_open(gate);
	it_until(it_health_code(port) == 200 && touched_since(path, &last) && told_meanwhile(fd) > 0);
	it_stop(app);
	end_systemd(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IT(a_port_that_is_taken_is_told_at_the_start),
		IT(a_head_comes_without_a_body),
		IT(without_descriptors_the_endpoint_waits),
		IT(those_who_say_nothing_do_not_take_the_descriptors),
		IT(the_file_is_there_while_the_app_is),
		IT(systemd_is_told),
		IT(a_connection_that_is_held_up_is_told_by_the_endpoint_the_file_and_systemd),
	};

	return it_run(tests);
}
