#include "fs/space.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "base/limits.h"
#include "fs/mounts.h"
#include "fs/resolve.h"
#include "fs/upload.h"
#include "sys/calls.h"

#define LEVEL_BYTES 8192

static int check_disk(int fd)
{
	struct statx stat;
	int r = calls->statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &stat);

	return r < 0 ? r : mounts_find(stat.stx_mnt_id).kind == DISK_FORBIDDEN ? -EACCES : 0;
}

int space_available(int root, const char *path, uint64_t *ret_bytes)
{
	int fd = resolve_open(root, path, O_PATH, 0);
	struct statvfs disk;
	int r;

	if (fd < 0)
		return fd;
	r = check_disk(fd);
	if (r == 0)
		r = calls->fstatvfs(fd, &disk);
	calls->close(fd);
	if (r < 0)
		return r;
	*ret_bytes = disk.f_flag & ST_RDONLY ? 0 : disk.f_bavail * disk.f_frsize;
	return 0;
}

/* What getdents64 writes (getdents64(2)). */
struct record {
	uint64_t inode;
	int64_t next;
	uint16_t length;
	uint8_t type;
	char name[];
};

/* A folder on the way from the first one to where the adding is. */
struct level {
	int fd;
	size_t at; /* of the next record */
	size_t length;
	_Alignas(8) char records[LEVEL_BYTES];
};

struct folder_size {
	int root;
	const char *path;
	uint64_t bytes;
	uint64_t names;
	bool begun;
	size_t depth; /* levels in use */
	struct level *levels[FOLDER_SIZE_DEPTH_MAX];
};

int folder_size_new(int root, const char *path, struct folder_size **ret_size)
{
	struct folder_size *size = calls->allocate(sizeof(*size));

	if (!size)
		return -ENOMEM;
	memset(size, 0, sizeof(*size));
	size->root = root;
	size->path = path;
	*ret_size = size;
	return 0;
}

uint64_t folder_size_bytes(const struct folder_size *size)
{
	return size->bytes;
}

/* The deepest level is done with. */
static void level_leave(struct folder_size *size)
{
	struct level *level = size->levels[--size->depth];

	calls->close(level->fd);
	free(level);
}

void folder_size_free(struct folder_size *size)
{
	if (!size)
		return;
	while (size->depth > 0)
		level_leave(size);
	free(size);
}

/* Goes into a folder that is open; fd is the level's from here on, or closed. */
static int level_enter(struct folder_size *size, int fd)
{
	struct level *level = NULL;
	int r = fd;

	if (fd >= 0 && size->depth == FOLDER_SIZE_DEPTH_MAX) {
		r = -EOVERFLOW;
	} else if (fd >= 0) {
		level = calls->allocate(sizeof(*level));
		r = level ? 0 : -ENOMEM;
	}
	if (r < 0) {
		if (fd >= 0)
			calls->close(fd);
		return r;
	}
	level->fd = fd;
	level->at = 0;
	level->length = 0;
	size->levels[size->depth++] = level;
	return 0;
}

static int folder_size_begin(struct folder_size *size)
{
	int fd = resolve_open(size->root, size->path, O_RDONLY | O_DIRECTORY, 0);
	int r = fd < 0 ? fd : check_disk(fd);

	if (r < 0 && fd >= 0)
		calls->close(fd);
	size->begun = true;
	return r < 0 ? r : level_enter(size, fd);
}

/* A folder within. What cannot be entered has nothing for anybody. */
static int folder_add(struct folder_size *size, const struct level *level, const char *name)
{
	static const struct open_how how = {
		.flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV,
	};
	int fd = calls->openat2(level->fd, name, &how);

	switch (fd) {
	case -ENOENT:
	case -ENOTDIR:
	case -ELOOP:
	case -EACCES:
	case -EXDEV:
		return 0;
	default:
		return level_enter(size, fd);
	}
}

static bool is_skipped(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || upload_is_hidden_name(name);
}

static int record_add(struct folder_size *size, const struct level *level,
		      const struct record *record)
{
	bool looks = record->type == DT_REG || record->type == DT_UNKNOWN;
	struct statx stat;
	int r;

	if (is_skipped(record->name))
		return 0;
	if (++size->names > FOLDER_SIZE_NAMES_MAX)
		return -EOVERFLOW;
	if (record->type == DT_DIR)
		return folder_add(size, level, record->name);
	r = !looks ? -ENOENT
		   : calls->statx(level->fd, record->name,
				  AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC,
				  STATX_TYPE | STATX_SIZE, &stat);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	if (S_ISDIR(stat.stx_mode))
		return folder_add(size, level, record->name);
	if (S_ISREG(stat.stx_mode) &&
	    __builtin_add_overflow(size->bytes, stat.stx_size, &size->bytes))
		size->bytes = UINT64_MAX;
	return 0;
}

/* One record of the deepest folder, or the end of that folder. */
static int folder_size_step(struct folder_size *size)
{
	struct level *level = size->levels[size->depth - 1];
	const struct record *record;

	if (level->at == level->length) {
		ssize_t got = calls->getdents(level->fd, level->records, sizeof(level->records));

		if (got < 0)
			return (int)got;
		if (got == 0) {
			level_leave(size);
			return 0;
		}
		level->at = 0;
		level->length = (size_t)got;
	}
	record = (const struct record *)(const void *)(level->records + level->at);
	level->at += record->length;
	return record_add(size, level, record);
}

int folder_size_more(struct folder_size *size)
{
	int r = size->begun ? 0 : folder_size_begin(size);

	for (int i = 0; i < FOLDER_SIZE_SLICE && r == 0 && size->depth > 0; i++)
		r = folder_size_step(size);
	if (r < 0)
		while (size->depth > 0)
			level_leave(size);
	return r < 0 ? r : size->depth > 0;
}
