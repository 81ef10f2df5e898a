#include "fs/resolve.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>

#include "fs/mounts.h"
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

int resolve_check_file(const struct statx *stat)
{
	return S_ISREG(stat->stx_mode) ? 0 : S_ISDIR(stat->stx_mode) ? -EISDIR : -ENXIO;
}

int resolve_own_files(void)
{
	static const struct open_how how = { .flags = O_PATH | O_DIRECTORY | O_CLOEXEC };
	/* Written once; atomic, because every thread may be the first to need it. */
	static atomic_int own_files = -1;
	int known = atomic_load(&own_files);
	int fd;

	if (known >= 0)
		return known;
	fd = calls->openat2(AT_FDCWD, "/proc/self/fd", &how);
	if (fd < 0 || atomic_compare_exchange_strong(&own_files, &known, fd))
		return fd;
	calls->close(fd);
	return known;
}

void resolve_number(int fd, char *ret_number)
{
	snprintf(ret_number, RESOLVE_NUMBER_BYTES, "%d", fd);
}

/* Opens what look leads to, and closes look. */
static int resolve_again(int own_files, int look, int flags)
{
	struct open_how how = { .flags = (unsigned)flags | O_CLOEXEC };
	char number[RESOLVE_NUMBER_BYTES];
	int fd;

	resolve_number(look, number);
	fd = calls->openat2(own_files, number, &how);
	calls->close(look);
	return fd;
}

int resolve_stat_file(int fd, struct statx *ret_stat)
{
	int r = calls->statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_MNT_ID, ret_stat);

	if (r == 0 && mounts_find(ret_stat->stx_mnt_id).kind == DISK_FORBIDDEN)
		r = -EACCES;
	return r < 0 ? r : resolve_check_file(ret_stat);
}

int resolve_open_file(int root, const char *path, int flags, struct statx *ret_stat)
{
	int own_files = resolve_own_files();
	int look_flags = O_PATH | (flags & O_NOFOLLOW);
	int fd = resolve_open(root, path, own_files < 0 ? flags : look_flags, 0);
	int r = fd < 0 ? fd : resolve_stat_file(fd, ret_stat);

	if (r == 0 && own_files >= 0) {
		fd = resolve_again(own_files, fd, flags & ~O_NOFOLLOW);
		/* Once more: what a network file system says of a size is sure only after the open. */
		r = fd < 0 ? fd : resolve_stat_file(fd, ret_stat);
	}
	if (r < 0 && fd >= 0)
		calls->close(fd);
	return r < 0 ? r : fd;
}
