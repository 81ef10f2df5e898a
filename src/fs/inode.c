#include "fs/inode.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fs/place.h"
#include "fs/resolve.h"
#include "sys/calls.h"

#define GROUP_BYTES 16384 /* of an entry with its members; more: as if it were not there */
#define GROUP_DIGITS_MAX 9

static int inode_open(int root, const char *path, struct statx *ret_stat)
{
	int fd = resolve_open(root, path, O_PATH, 0);
	int r = fd < 0 ? fd : place_check(fd, ret_stat);

	if (r < 0 && fd >= 0)
		calls->close(fd);
	return r < 0 ? r : fd;
}

/* fchmod(2) refuses O_PATH, and fchmodat2(2) is of Linux 6.6: by the link of /proc/self/fd. */
int inode_change_mode(int fd, unsigned mode)
{
	char number[RESOLVE_NUMBER_BYTES];

	if (resolve_own_files() < 0)
		return -EOPNOTSUPP;
	resolve_number(fd, number);
	return calls->fchmodat(resolve_own_files(), number, mode);
}

int inode_set_mode(int root, const char *path, unsigned mode)
{
	struct statx stat;
	int fd = inode_open(root, path, &stat);
	int r;

	if (fd < 0)
		return fd;
	if (S_ISDIR(stat.stx_mode))
		mode |= stat.stx_mode & (S_ISGID | S_ISVTX);
	r = inode_change_mode(fd, mode);
	calls->close(fd);
	return r;
}

int inode_set_times(int root, const char *path, int64_t accessed_s, int64_t modified_s)
{
	const struct timespec times[2] = { { .tv_sec = accessed_s }, { .tv_sec = modified_s } };
	struct statx stat;
	int fd = inode_open(root, path, &stat);
	int r;

	if (fd < 0)
		return fd;
	r = calls->utimensat(fd, "", times, AT_EMPTY_PATH);
	calls->close(fd);
	return r;
}

int inode_set_group(int root, const char *path, gid_t group)
{
	struct statx stat;
	int fd = inode_open(root, path, &stat);
	int r;

	if (fd < 0)
		return fd;
	r = calls->fchownat(fd, "", (uid_t)-1, group, AT_EMPTY_PATH);
	calls->close(fd);
	return r;
}

int inode_find_group(const char *name, gid_t *ret_group)
{
	size_t digits = strspn(name, "0123456789");
	struct group *found = NULL;
	struct group group;
	char *buffer;

	if (digits > 0 && digits <= GROUP_DIGITS_MAX && name[digits] == '\0') {
		*ret_group = (gid_t)strtoul(name, NULL, 10);
		return 0;
	}
	buffer = calls->allocate(GROUP_BYTES);
	if (!buffer)
		return -ENOMEM;
	if (getgrnam_r(name, &group, buffer, GROUP_BYTES, &found) != 0 || !found) {
		free(buffer);
		return -EPERM;
	}
	*ret_group = group.gr_gid;
	free(buffer);
	return 0;
}
