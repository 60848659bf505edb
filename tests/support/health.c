#include "support/health.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/test.h"

#define BOUND_MS 10000 /* within which it must be red once the ttl is over */

struct sockaddr_in
it_loopback(int port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

const char *
it_free_port(void)
{
	static char texts[4][16];
	static unsigned next;
	char *text = texts[next++ % 4];
	struct sockaddr_in a = it_loopback(0);
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&a, len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	close(fd);
	snprintf(text, sizeof(texts[0]), "%d", ntohs(a.sin_port));
	return text;
}

int
it_health_connect(const char *port)
{
	struct sockaddr_in a = it_loopback(atoi(port));
	struct timeval patience = { .tv_sec = IT_PATIENCE_MS / 1000 };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

int
it_health(const char *port, char *text, size_t size)
{
	static const char request[] = "GET / HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n";
	int fd = it_health_connect(port), code = 0;
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

int
it_health_code(const char *port)
{
	char text[2048];

	return it_health(port, text, sizeof(text));
}

bool
it_stays_healthy(const char *port)
{
	char text[2048];

	if (it_health(port, text, sizeof(text)) != 200)
		fail_msg("it is not healthy: %s", strchr(text, '{'));
	return true;
}

void
it_await_red(const char *port, double since, int ttl_ms, const char *why)
{
	static const char *const errors[] = { "polling_ttl_exceeded", "consumption_ttl_exceeded", "stability_ttl_exceeded", "unrecoverable" };
	char text[2048], expected[64];

	it_until(it_health_code(port) == 500);
	assert_true(it_now() - since < ttl_ms + BOUND_MS);
	assert_int_equal(it_health(port, text, sizeof(text)), 500);
	assert_non_null(strstr(text, "\"status\":\"unhealthy\""));
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		snprintf(expected, sizeof(expected), "\"%s\":%s", errors[i], strcmp(errors[i], why) == 0 ? "true" : "false");
		assert_non_null(strstr(text, expected));
	}
}
