/* Administrators may take members out of a group of the classic protocol; librdkafka has no call for it, so this is the request. */
#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/test.h"

#define LEAVE_GROUP 13
#define VERSION 1

struct packet {
	char data[512];
	size_t len;
};

static void
put(struct packet *p, const void *data, size_t len)
{
	assert_true(p->len + len <= sizeof(p->data));
	memcpy(p->data + p->len, data, len);
	p->len += len;
}

static void
put_short(struct packet *p, int value)
{
	put(p, &(uint16_t){ htons((uint16_t)value) }, 2);
}

static void
put_long(struct packet *p, uint32_t value)
{
	put(p, &(uint32_t){ htonl(value) }, 4);
}

static void
put_text(struct packet *p, const char *text)
{
	put_short(p, (int)strlen(text));
	put(p, text, strlen(text));
}

static int
connect_to(const char *address)
{
	char host[128];
	const char *colon = strchr(address, ':');
	struct addrinfo hints = { .ai_family = AF_INET, .ai_socktype = SOCK_STREAM }, *found;
	int fd;

	snprintf(host, sizeof(host), "%.*s", (int)(colon - address), address);
	assert_int_equal(getaddrinfo(host, colon + 1, &hints, &found), 0);
	fd = socket(found->ai_family, found->ai_socktype | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fd, found->ai_addr, found->ai_addrlen), 0);
	freeaddrinfo(found);
	return fd;
}

void
it_expel(const char *group, const char *client_id)
{
	struct packet p = { .len = 4 }; /* of which the first bytes say how many follow */
	char answer[14];
	int fd = connect_to(it_kafka());

	put_short(&p, LEAVE_GROUP);
	put_short(&p, VERSION);
	put_long(&p, 1);
	put_text(&p, "it-expel");
	put_text(&p, group);
	put_text(&p, it_member_id(group, client_id));
	memcpy(p.data, &(uint32_t){ htonl((uint32_t)p.len - 4) }, 4);
	assert_int_equal(send(fd, p.data, p.len, 0), p.len);
	assert_int_equal(recv(fd, answer, sizeof(answer), MSG_WAITALL), sizeof(answer));
	assert_int_equal(answer[12] | answer[13], 0); /* the error, behind length, number and throttling */
	close(fd);
}
