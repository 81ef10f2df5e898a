#include "sys/service_manager.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define LISTEN_FIRST 3	  /* the first descriptor passed; 0, 1 and 2 are the usual three */
#define LISTEN_MAX 100000 /* more than any limit on descriptors lets through */

/* A number of 1 to max that is all of text, or -EINVAL. */
static long number_parse(const char *text, long max)
{
	char *end;
	long number;

	errno = 0;
	number = strtol(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || number < 1 || number > max)
		return -EINVAL;
	return number;
}

static int listeners_count(void)
{
	const char *pid = getenv("LISTEN_PID");
	const char *count = getenv("LISTEN_FDS");
	long number;

	if (!pid || !count)
		return 0;
	number = number_parse(pid, INT32_MAX);
	if (number < 0)
		return -EINVAL;
	if (number != getpid())
		return 0; /* meant for an ancestor that did not clear them */
	return (int)number_parse(count, LISTEN_MAX);
}

static int listeners_close_on_exec(int count)
{
	for (int fd = LISTEN_FIRST; fd < LISTEN_FIRST + count; fd++) {
		if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
			return -EINVAL;
	}
	return 0;
}

int service_manager_listeners(char **ret_names)
{
	const char *names = getenv("LISTEN_FDNAMES");
	int count = listeners_count();

	if (count > 0 && listeners_close_on_exec(count) < 0)
		count = -EINVAL;
	if (ret_names)
		*ret_names = count > 0 && names ? strdup(names) : NULL;
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	return count;
}

/* NOTIFY_SOCKET is a path, or "@name" in the abstract namespace. Returns its length as an
 * address, or -EINVAL for what is neither. */
static int notify_address(const char *path, struct sockaddr_un *ret_address)
{
	size_t length = strlen(path);

	if ((path[0] != '/' && path[0] != '@') || length >= sizeof(ret_address->sun_path))
		return -EINVAL;
	ret_address->sun_family = AF_UNIX;
	memcpy(ret_address->sun_path, path, length + 1);
	if (path[0] == '@')
		ret_address->sun_path[0] = '\0';
	return (int)(offsetof(struct sockaddr_un, sun_path) + length);
}

void service_manager_notify(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address;
	int length;
	int fd;

	if (!path)
		return;
	length = notify_address(path, &address);
	if (length < 0)
		return;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	sendto(fd, state, strlen(state), MSG_NOSIGNAL | MSG_DONTWAIT,
	       (const struct sockaddr *)&address, (socklen_t)length);
	close(fd);
}
