#include "tool/part.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "sys/calls.h"

#define NAME_BYTES_MAX 200 /* of the name in a part's; a longer one is cut before its hash */
#define CUT_BYTES 190
#define FNV_1A 0x811c9dc5
#define TAG_DIGITS 8

/* What io_uring had under way for a run that was killed holds the lock a moment longer than the run. */
#define LOCK_AGAIN_NS 10000000L
#define LOCK_AGAIN_MAX 10

static uint32_t hash_add(uint32_t hash, const char *text)
{
	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * 0x01000193;
	return hash;
}

static const char *last_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* ".NAME." */
static size_t put_prefix(const char *name, char *ret_prefix)
{
	size_t length = strlen(name);

	if (length <= NAME_BYTES_MAX)
		return (size_t)snprintf(ret_prefix, PART_NAME_MAX, ".%s.", name);
	/* Not within a character of UTF-8: some servers take no such name. */
	for (length = CUT_BYTES; length > CUT_BYTES - 4 && (name[length] & 0xc0) == 0x80;)
		length--;
	return (size_t)snprintf(ret_prefix, PART_NAME_MAX, ".%.*s~%08x.", (int)length, name,
				hash_add(FNV_1A, name));
}

void part_name(const char *path, uint32_t tag, char *ret_name)
{
	size_t length = put_prefix(last_name(path), ret_name);

	snprintf(ret_name + length, PART_NAME_MAX - length, "%08x" PART_SUFFIX, tag);
}

uint32_t part_tag_of(const char *text, int64_t size_bytes, int64_t modified_s)
{
	char version[64];

	snprintf(version, sizeof(version), "/%lld/%lld", (long long)size_bytes,
		 (long long)modified_s);
	return hash_add(hash_add(FNV_1A, text), version);
}

uint32_t part_tag(const char *path, int64_t size_bytes, int64_t modified_s)
{
	return part_tag_of(last_name(path), size_bytes, modified_s);
}

bool part_is(const char *name)
{
	size_t length = strlen(name);
	size_t suffix = strlen(PART_SUFFIX);

	return name[0] == '.' && length > suffix + TAG_DIGITS + 2 &&
	       strcmp(name + length - suffix, PART_SUFFIX) == 0 &&
	       name[length - suffix - TAG_DIGITS - 1] == '.' &&
	       strspn(name + length - suffix - TAG_DIGITS, "0123456789abcdef") == TAG_DIGITS;
}

bool part_is_of(const char *name, const char *file_name)
{
	char prefix[PART_NAME_MAX];
	size_t length = put_prefix(file_name, prefix);

	return part_is(name) && strncmp(name, prefix, length) == 0 &&
	       strlen(name) == length + TAG_DIGITS + strlen(PART_SUFFIX);
}

static bool is_still(int folder, const char *name, int fd)
{
	struct stat opened;
	struct stat named;

	return fstat(fd, &opened) == 0 && fstatat(folder, name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
	       opened.st_dev == named.st_dev && opened.st_ino == named.st_ino;
}

int part_lock(int folder, const char *name, int fd)
{
	const struct timespec moment = { .tv_nsec = LOCK_AGAIN_NS };
	int r = calls->flock(fd, LOCK_EX | LOCK_NB);

	for (int i = 0; r == -EWOULDBLOCK && i < LOCK_AGAIN_MAX; i++) {
		nanosleep(&moment, NULL);
		r = calls->flock(fd, LOCK_EX | LOCK_NB);
	}
	if (r == -EWOULDBLOCK)
		return -EBUSY;
	return is_still(folder, name, fd) ? 0 : -ESTALE; /* 0: or a file system without locks */
}

static void remove_forgotten(int folder, const char *name)
{
	struct open_how how = { .flags = O_WRONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC };
	int fd = calls->openat2(folder, name, &how);

	if (fd < 0)
		return;
	if (part_lock(folder, name, fd) == 0)
		calls->unlinkat(folder, name, 0);
	calls->close(fd);
}

void part_remove_others(int folder, const char *name, const char *keep)
{
	struct open_how how = { .flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC };
	int fd = calls->openat2(folder, ".", &how);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (part_is_of(entry->d_name, name) && strcmp(entry->d_name, keep) != 0)
			remove_forgotten(folder, entry->d_name);
	if (dir)
		closedir(dir);
	else if (fd >= 0)
		calls->close(fd);
}
