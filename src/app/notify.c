#include "app/notify.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

bool
crf_notify_wanted(void)
{
	const char *path = getenv("NOTIFY_SOCKET");

	return path != NULL && (path[0] == '/' || path[0] == '@') && strlen(path) < sizeof(((struct sockaddr_un *)NULL)->sun_path);
}

crf_ns
crf_notify_watchdog(void)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	long long n = usec != NULL ? atoll(usec) : 0;

	if (!crf_notify_wanted() || n <= 0 || n > INT64_MAX / 1000 || (pid != NULL && atol(pid) != (long)getpid()))
		return 0;
	return n * 1000 / 2;
}

void
crf_notify(const char *text)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	size_t len;
	int fd;

	if (!crf_notify_wanted() || (fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) < 0)
		return;
	len = strlen(getenv("NOTIFY_SOCKET"));
	memcpy(to.sun_path, getenv("NOTIFY_SOCKET"), len);
	if (to.sun_path[0] == '@') /* an abstract one: its name starts with a NUL and ends with its length */
		to.sun_path[0] = '\0';
	sendto(fd, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr *)&to, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
	close(fd);
}
