#include "tool/arrival.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sys/calls.h"

#define FILE_MODE 0666

static int open_in(int folder, const char *name, int flags)
{
	struct open_how how = { .flags = (unsigned)flags | O_CLOEXEC,
				.mode = flags & O_CREAT ? FILE_MODE : 0 };

	return calls->openat2(folder, name, &how);
}

int arrival_look(struct arrival *arrival, const char *path)
{
	char *real = realpath(path, NULL);
	size_t length = strlen(real ? real : path);

	*arrival = (struct arrival){ .folder = -1, .fd = -1 };
	if (length < sizeof(arrival->path))
		memcpy(arrival->path, real ? real : path, length + 1);
	free(real);
	if (length >= sizeof(arrival->path))
		return -ENAMETOOLONG;
	arrival->name = strrchr(arrival->path, '/');
	arrival->name = arrival->name ? arrival->name + 1 : arrival->path;
	if (lstat(arrival->path, &arrival->old) < 0)
		return errno == ENOENT ? 0 : -errno;
	arrival->existed = true;
	return S_ISDIR(arrival->old.st_mode) ? -EISDIR : 0;
}

/* Whether another file can take the name without that anybody misses the old one. */
static bool may_be_replaced(const struct arrival *arrival)
{
	return !arrival->existed || (S_ISREG(arrival->old.st_mode) && arrival->old.st_nlink == 1 &&
				     arrival->old.st_uid == geteuid());
}

static int open_folder(const struct arrival *arrival)
{
	size_t length = (size_t)(arrival->name - arrival->path);
	char folder[PATH_MAX] = ".";

	if (length > 0) {
		memcpy(folder, arrival->path, length);
		folder[length] = '\0';
	}
	return open_in(AT_FDCWD, folder, O_PATH | O_DIRECTORY);
}

static int open_part_once(struct arrival *arrival, int64_t *ret_size_bytes)
{
	struct stat stat;
	int fd = open_in(arrival->folder, arrival->part, O_WRONLY | O_NOFOLLOW | O_NONBLOCK);
	int r;

	if (fd == -ENOENT) {
		part_remove_others(arrival->folder, arrival->name, arrival->part);
		fd = open_in(arrival->folder, arrival->part,
			     O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW);
		arrival->made = fd >= 0;
	}
	if (fd < 0)
		return fd;
	r = part_lock(arrival->folder, arrival->part, fd);
	if (r == 0 && (fstat(fd, &stat) < 0 || !S_ISREG(stat.st_mode)))
		r = -EINVAL;
	if (r != 0) {
		calls->close(fd);
		return r;
	}
	/* What replaces a file is no more readable than that, from the first byte on. */
	if (arrival->existed && fchmod(fd, arrival->old.st_mode & 07777) == 0 &&
	    arrival->old.st_gid != stat.st_gid && fchown(fd, (uid_t)-1, arrival->old.st_gid) < 0)
		(void)fchmod(fd, arrival->old.st_mode & 0707);
	*ret_size_bytes = stat.st_size;
	return fd;
}

static int open_part(struct arrival *arrival, int64_t *ret_size_bytes)
{
	int fd = -ESTALE;

	for (int i = 0; i < PART_OPENS_MAX && fd == -ESTALE; i++)
		fd = open_part_once(arrival, ret_size_bytes);
	return fd == -ESTALE ? -EBUSY : fd;
}

static int open_in_place(struct arrival *arrival)
{
	int fd = open_in(AT_FDCWD, arrival->path, O_WRONLY | O_CREAT | O_EXCL);

	arrival->made = fd >= 0;
	return fd == -EEXIST ? open_in(AT_FDCWD, arrival->path, O_WRONLY | O_CREAT) : fd;
}

int arrival_begin(struct arrival *arrival, uint32_t tag, bool in_place, int64_t *ret_size_bytes)
{
	*ret_size_bytes = 0;
	arrival->made = false;
	if (!in_place && may_be_replaced(arrival)) {
		part_name(arrival->name, tag, arrival->part);
		arrival->folder = open_folder(arrival);
		arrival->fd = arrival->folder < 0 ? arrival->folder
						  : open_part(arrival, ret_size_bytes);
		if (arrival->fd >= 0 || arrival->fd == -EBUSY)
			return arrival->fd < 0 ? arrival->fd : 0;
		if (arrival->folder >= 0)
			calls->close(arrival->folder);
		arrival->folder = -1;
	}
	arrival->fd = open_in_place(arrival);
	return arrival->fd < 0 ? arrival->fd : 0;
}

int arrival_cut(struct arrival *arrival)
{
	int r = calls->ftruncate(arrival->fd, 0);

	return r == -EINVAL ? 0 : r; /* a pipe, a terminal */
}

static int take_name(struct arrival *arrival, int64_t modified_s)
{
	const struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_sec = modified_s } };
	struct stat stat;
	bool is_file = fstat(arrival->fd, &stat) == 0 && S_ISREG(stat.st_mode);

	if (modified_s != INT64_MIN && is_file)
		(void)futimens(arrival->fd, times); /* a file of another owner's keeps its own */
	return arrival->folder < 0 ? 0
				   : calls->renameat2(arrival->folder, arrival->part,
						      arrival->folder, arrival->name, 0);
}

static void remove_rest(const struct arrival *arrival)
{
	if (arrival->folder >= 0)
		calls->unlinkat(arrival->folder, arrival->part, 0);
	else if (arrival->made)
		calls->unlinkat(AT_FDCWD, arrival->path, 0);
}

int arrival_end(struct arrival *arrival, bool complete, bool keep, int64_t modified_s)
{
	struct stat stat;
	int r = 0;

	if (arrival->fd >= 0) {
		if (complete)
			r = take_name(arrival, modified_s);
		else if (!keep || (fstat(arrival->fd, &stat) == 0 && stat.st_size == 0))
			remove_rest(arrival);
		calls->close(arrival->fd);
	}
	if (arrival->folder >= 0)
		calls->close(arrival->folder);
	arrival->fd = arrival->folder = -1;
	return r;
}
