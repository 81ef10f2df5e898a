#include "tool/mirror_local.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sys/calls.h"
#include "tool/part.h"

#define RESOLVE (RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS)
#define FILE_MODE 0666
#define FOLDER_MODE 0777

static int open_beneath(int folder, const char *path, int flags, mode_t mode)
{
	struct open_how how = { .flags = (unsigned)flags | O_CLOEXEC,
				.mode = flags & O_CREAT ? mode : 0,
				.resolve = RESOLVE };
	int fd;

	do { /* EAGAIN: something on this system was renamed while ".." was walked; never for long */
		fd = calls->openat2(folder, *path ? path : ".", &how);
	} while (fd == -EINTR);
	return fd;
}

int mirror_local_open(struct mirror_local *local, const char *dir, bool make)
{
	if (make && mkdir(dir, FOLDER_MODE) < 0 && errno != EEXIST)
		return -errno;
	local->folder = -1;
	local->root = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return local->root < 0 ? -errno : 0;
}

void mirror_local_close(struct mirror_local *local)
{
	if (local->folder >= 0)
		close(local->folder);
	if (local->root >= 0)
		close(local->root);
	local->folder = -1;
	local->root = -1;
}

/* The folder that path lies in, as a descriptor that stays the local's, and its last name. */
static int parent_of(struct mirror_local *local, const char *path, const char **ret_name)
{
	const char *slash = strrchr(path, '/');
	size_t length = slash ? (size_t)(slash - path) : 0;
	char folder_path[MIRROR_PATH_MAX];
	int fd;

	*ret_name = slash ? slash + 1 : path;
	if (length >= sizeof(folder_path))
		return -ENAMETOOLONG;
	memcpy(folder_path, path, length);
	folder_path[length] = '\0';
	if (local->folder >= 0 && strcmp(folder_path, local->folder_path) == 0)
		return local->folder;
	fd = open_beneath(local->root, folder_path, O_PATH | O_DIRECTORY, 0);
	if (fd < 0)
		return fd;
	if (local->folder >= 0)
		close(local->folder);
	local->folder = fd;
	memcpy(local->folder_path, folder_path, length + 1);
	return fd;
}

/* The folder used last may be another one by now. */
static void forget_folder(struct mirror_local *local)
{
	if (local->folder >= 0)
		close(local->folder);
	local->folder = -1;
}

int mirror_local_stat(struct mirror_local *local, const char *path, struct stat *ret_stat)
{
	const char *name;
	int folder = parent_of(local, path, &name);

	if (folder < 0)
		return folder;
	if (fstatat(folder, *name ? name : ".", ret_stat, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return 0;
}

int mirror_local_make_folder(struct mirror_local *local, const char *path)
{
	struct stat stat;
	const char *name;
	int folder = parent_of(local, path, &name);
	int r;

	if (folder < 0)
		return folder;
	r = calls->mkdirat(folder, name, FOLDER_MODE);
	if (r != -EEXIST)
		return r;
	if (fstatat(folder, name, &stat, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (S_ISDIR(stat.st_mode))
		return 0;
	/* Something else has taken the name, as a link that has become a folder. */
	r = calls->unlinkat(folder, name, 0);
	return r < 0 ? r : calls->mkdirat(folder, name, FOLDER_MODE);
}

int mirror_local_make_link(struct mirror_local *local, const char *target, const char *path)
{
	char part[256];
	const char *name;
	int folder = parent_of(local, path, &name);
	int r;

	if (folder < 0)
		return folder;
	part_name(path, 0, part);
	calls->unlinkat(folder, part, 0);
	if (symlinkat(target, folder, part) < 0)
		return -errno;
	r = calls->renameat2(folder, part, folder, name, 0);
	if (r < 0)
		calls->unlinkat(folder, part, 0);
	return r;
}

int mirror_local_read_link(struct mirror_local *local, const char *path, char *ret_target)
{
	const char *name;
	int folder = parent_of(local, path, &name);
	ssize_t length;

	if (folder < 0)
		return folder;
	length = calls->readlinkat(folder, name, ret_target, MIRROR_PATH_MAX - 1);
	if (length < 0)
		return (int)length;
	ret_target[length] = '\0';
	return 0;
}

int mirror_local_open_file(struct mirror_local *local, const char *path)
{
	struct stat stat;
	const char *name;
	int folder = parent_of(local, path, &name);
	int fd;

	if (folder < 0)
		return folder;
	fd = open_beneath(folder, name, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	if (fd >= 0 && (fstat(fd, &stat) < 0 || !S_ISREG(stat.st_mode))) {
		close(fd);
		return -EINVAL;
	}
	return fd;
}

static int open_part(struct mirror_local *local, const char *path, uint32_t tag,
		     int64_t *ret_size_bytes)
{
	struct stat stat;
	char part[256];
	const char *name;
	int folder = parent_of(local, path, &name);
	int fd;
	int r;

	if (folder < 0)
		return folder;
	part_name(path, tag, part);
	fd = open_beneath(folder, part, O_WRONLY, 0);
	if (fd == -ENOENT) {
		if (fstatat(folder, name, &stat, AT_SYMLINK_NOFOLLOW) == 0)
			part_remove_others(folder, name, part);
		fd = open_beneath(folder, part, O_WRONLY | O_CREAT | O_EXCL, FILE_MODE);
	}
	if (fd < 0)
		return fd;
	r = part_lock(folder, part, fd);
	if (r == 0 && (fstat(fd, &stat) < 0 || !S_ISREG(stat.st_mode)))
		r = -EINVAL;
	if (r != 0) {
		close(fd);
		return r;
	}
	*ret_size_bytes = stat.st_size;
	return fd;
}

int mirror_local_open_part(struct mirror_local *local, const char *path, uint32_t tag,
			   int64_t *ret_size_bytes)
{
	int fd = -ESTALE;

	for (int i = 0; i < PART_OPENS_MAX && fd == -ESTALE; i++)
		fd = open_part(local, path, tag, ret_size_bytes);
	return fd == -ESTALE ? -EBUSY : fd;
}

int mirror_local_settle_part(struct mirror_local *local, const char *path, uint32_t tag, int fd,
			     int64_t modified_s, int mode)
{
	const struct timespec times[2] = { { .tv_nsec = UTIME_NOW }, { .tv_sec = modified_s } };
	char part[256];
	const char *name;
	int folder = parent_of(local, path, &name);
	int r;

	if (folder < 0)
		return folder;
	if (mode >= 0) {
		mode_t mask = umask(0);

		umask(mask);
		if (fchmod(fd, (mode_t)mode & 0777 & ~mask) < 0)
			return -errno;
	}
	if (modified_s != INT64_MIN && futimens(fd, times) < 0)
		return -errno;
	part_name(path, tag, part);
	r = calls->renameat2(folder, part, folder, name, 0);
	return r;
}

int mirror_local_remove_part(struct mirror_local *local, const char *path, uint32_t tag)
{
	char part[256];
	const char *name;
	int folder = parent_of(local, path, &name);

	if (folder < 0)
		return folder;
	part_name(path, tag, part);
	return calls->unlinkat(folder, part, 0);
}

int mirror_local_set_time(struct mirror_local *local, const char *path, int64_t modified_s)
{
	const struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_sec = modified_s } };
	const char *name;
	int folder = parent_of(local, path, &name);

	if (folder < 0)
		return folder;
	return utimensat(folder, name, times, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

/* The next name but "." and "..", or NULL with *ret_error: 0 at the end. */
static const char *next_name(DIR *dir, int *ret_error)
{
	const struct dirent *entry;

	do {
		errno = 0;
		entry = readdir(dir);
	} while (entry && (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0));
	if (!entry)
		*ret_error = -errno;
	return entry ? entry->d_name : NULL;
}

static int remove_at(int folder, const char *name, int depth);

static int remove_all_in(int folder, const char *name, int depth)
{
	int fd = open_beneath(folder, name, O_RDONLY | O_DIRECTORY, 0);
	const char *inner;
	DIR *dir;
	int r = 0;

	if (fd < 0)
		return fd;
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return -ENOMEM;
	}
	while ((inner = next_name(dir, &r)) && (r = remove_at(fd, inner, depth + 1)) == 0)
		;
	closedir(dir);
	return r;
}

static int remove_at(int folder, const char *name, int depth)
{
	int r = calls->unlinkat(folder, name, 0);

	if (r != -EISDIR && r != -EPERM)
		return r;
	if (depth > MIRROR_DEPTH_MAX)
		return -ELOOP;
	r = remove_all_in(folder, name, depth);
	return r < 0 ? r : calls->unlinkat(folder, name, AT_REMOVEDIR);
}

int mirror_local_remove(struct mirror_local *local, const char *path)
{
	const char *name;
	int folder = parent_of(local, path, &name);
	int r;

	if (folder < 0)
		return folder;
	r = remove_at(folder, name, 0);
	forget_folder(local);
	return r;
}

int mirror_local_each(struct mirror_local *local, const char *path,
		      int (*visit)(void *context, const char *name), void *context)
{
	int fd = open_beneath(local->root, path, O_RDONLY | O_DIRECTORY, 0);
	const char *name;
	DIR *dir;
	int r = 0;

	if (fd < 0)
		return fd;
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return -ENOMEM;
	}
	while ((name = next_name(dir, &r)) && (r = visit(context, name)) == 0)
		;
	closedir(dir);
	return r;
}
