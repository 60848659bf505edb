/* The health endpoint of an app, as whoever looks after it asks. On the test's thread; fails the test when nobody answers. */
#ifndef IT_HEALTH_H
#define IT_HEALTH_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

struct sockaddr_in it_loopback(int port);
/* One that nobody has now; the text is kept while no more than three others are asked for. */
const char *it_free_port(void);
/* A connection; the caller closes it. */
int it_health_connect(const char *port);
/* Asks once: the status code, the whole answer in text; the status code alone. */
int it_health(const char *port, char *text, size_t size);
int it_health_code(const char *port);
/* For it_until: true, or the test fails. */
bool it_stays_healthy(const char *port);
/* Waits until it says no, before the ttl and ten seconds are over since then, because of this error and nothing else. */
void it_await_red(const char *port, double since, int ttl_ms, const char *error);

#endif
