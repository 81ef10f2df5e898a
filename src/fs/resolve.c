#include "fs/resolve.h"

#include <errno.h>
#include <fcntl.h>

#include "sys/calls.h"

int resolve_open(int root, const char *path, int flags, mode_t mode)
{
	struct open_how how = {
		.flags = (unsigned)flags | O_CLOEXEC,
		.mode = mode,
		.resolve = RESOLVE_FLAGS,
	};
	int fd = -EAGAIN;

	for (int i = 0; i < RESOLVE_TRIES_MAX && fd == -EAGAIN; i++)
		fd = calls->openat2(root, path, &how);
	return fd;
}
