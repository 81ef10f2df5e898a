#include "fs/upload_priv.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "base/hash.h"
#include "fs/place.h"
#include "fs/resolve.h"
#include "fs/upload.h"
#include "sys/calls.h"

#define PARTIAL_SUFFIX ".part"
#define PARTIAL_AGE_S (24 * 3600)
#define SWEEP_INTERVAL_S 3600
#define SWEPT_FOLDERS 64

uint64_t upload_owner(const void *bytes, size_t length)
{
	return hash_octets(0, bytes, length); /* not a secret, only a name */
}

void upload_hidden_name(const char *name, uint64_t owner, char *ret_hidden)
{
	uint64_t tag = owner ^ upload_owner(name, strlen(name));

	snprintf(ret_hidden, 256, ".%.200s.%016llx" PARTIAL_SUFFIX, name, (unsigned long long)tag);
}

bool upload_is_hidden_name(const char *name)
{
	size_t length = strlen(name);

	return name[0] == '.' && length > 23 && strcmp(name + length - 5, PARTIAL_SUFFIX) == 0 &&
	       name[length - 22] == '.' && strspn(name + length - 21, "0123456789abcdef") == 16;
}

int upload_lock(int fd)
{
	int r = calls->flock(fd, LOCK_EX | LOCK_NB);

	return r == -EWOULDBLOCK ? -EALREADY : 0; /* 0: or a file system without locks */
}

int upload_lock_partial(int fd, int folder, const char *hidden, struct statx *ret_stat)
{
	struct statx named;
	int r = upload_lock(fd);

	if (r < 0)
		return r;
	/* The other one may have finished between our open and our lock. */
	r = calls->statx(folder, hidden, AT_SYMLINK_NOFOLLOW, STATX_INO, &named);
	if (r == 0)
		r = upload_stat(fd, ret_stat);
	if (r == 0 && named.stx_ino != ret_stat->stx_ino)
		r = -EALREADY;
	return r == -ENOENT ? -EALREADY : r;
}

static bool upload_is_forgotten(const struct statx *stat)
{
	return stat->stx_mtime.tv_sec + PARTIAL_AGE_S < time(NULL);
}

/* Opens a partial file under its lock, so that nobody goes on with it meanwhile. */
static int upload_take_partial(int folder, const char *hidden, struct statx *ret_stat)
{
	int fd = resolve_open_file(folder, hidden, O_WRONLY | O_NONBLOCK | O_NOFOLLOW, ret_stat);
	int r;

	if (fd < 0)
		return fd;
	r = upload_lock_partial(fd, folder, hidden, ret_stat);
	if (r < 0)
		calls->close(fd);
	return r < 0 ? r : fd;
}

static void upload_remove_forgotten(int folder, const char *hidden)
{
	struct statx stat;
	int fd = upload_take_partial(folder, hidden, &stat);

	if (fd < 0)
		return;
	if (upload_is_forgotten(&stat))
		calls->unlinkat(folder, hidden, 0);
	calls->close(fd);
}

static int upload_remove_partial(int folder, const char *hidden)
{
	struct statx stat;
	int fd = upload_take_partial(folder, hidden, &stat);
	int r;

	if (fd < 0)
		return fd;
	r = calls->unlinkat(folder, hidden, 0);
	calls->close(fd);
	return r;
}

static void upload_sweep_entries(int folder, const char *buffer, ssize_t length)
{
	for (ssize_t at = 0; at < length;) {
		const struct dirent64 *entry = (const void *)(buffer + at);
		struct statx stat;

		at += entry->d_reclen;
		if (upload_is_hidden_name(entry->d_name) &&
		    calls->statx(folder, entry->d_name, AT_SYMLINK_NOFOLLOW, STATX_MTIME, &stat) ==
			    0 &&
		    upload_is_forgotten(&stat))
			upload_remove_forgotten(folder, entry->d_name);
	}
}

/* Whether it is time again; the table is shared by the job threads, hence the lock. */
static bool upload_sweep_is_due(const struct statx *stat)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static struct {
		uint64_t folder;
		time_t when;
	} swept[SWEPT_FOLDERS];
	uint64_t folder = stat->stx_ino ^ (uint64_t)stat->stx_dev_major << 52 ^
			  (uint64_t)stat->stx_dev_minor << 40;
	uint64_t slot = folder % SWEPT_FOLDERS;
	time_t now = time(NULL);
	bool due;

	pthread_mutex_lock(&lock);
	due = swept[slot].folder != folder || swept[slot].when + SWEEP_INTERVAL_S < now;
	if (due) {
		swept[slot].folder = folder;
		swept[slot].when = now;
	}
	pthread_mutex_unlock(&lock);
	return due;
}

void upload_sweep(int folder)
{
	char buffer[8192] __attribute__((aligned(8)));
	struct statx stat;
	ssize_t length;
	int fd;

	if (upload_stat(folder, &stat) < 0 || !upload_sweep_is_due(&stat))
		return;
	fd = resolve_open(folder, ".", O_RDONLY | O_DIRECTORY, 0);
	if (fd < 0)
		return;
	while ((length = calls->getdents(fd, buffer, sizeof(buffer))) > 0)
		upload_sweep_entries(fd, buffer, length);
	calls->close(fd);
}

int upload_partial_stat(int root, const char *path, uint64_t owner, struct statx *ret_stat)
{
	struct place place;
	struct statx stat;
	char hidden[256];
	int r = resolve_open(root, path, O_PATH, 0);

	if (r >= 0) { /* what RETR would send is what SIZE is about */
		calls->close(r);
		return -EEXIST;
	}
	r = place_open(root, path, &place);
	if (r < 0)
		return r;
	upload_hidden_name(place.name, owner, hidden);
	r = calls->statx(place.folder, hidden, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &stat);
	place_close(&place);
	if (r < 0 || !S_ISREG(stat.stx_mode))
		return r < 0 ? r : -ENOENT;
	*ret_stat = stat;
	return 0;
}

int upload_partial_remove(int root, const char *path, uint64_t owner)
{
	struct place place;
	char hidden[256];
	int r = place_open(root, path, &place);

	if (r < 0)
		return r;
	upload_hidden_name(place.name, owner, hidden);
	r = upload_remove_partial(place.folder, hidden);
	place_close(&place);
	return r;
}

/* Whether a partial file could be removed now. */
static int upload_may_go(int folder, const char *hidden)
{
	struct statx stat;
	int fd = upload_take_partial(folder, hidden, &stat);

	if (fd >= 0)
		calls->close(fd);
	return fd < 0 ? fd : 0;
}

/* Does something to each partial file of a folder that holds nothing else. Returns 0, -ENOTEMPTY, or the
 * first error. */
static int upload_each_partial(const struct place *place,
			       int (*each)(int folder, const char *hidden))
{
	char buffer[8192] __attribute__((aligned(8)));
	int folder =
		resolve_open(place->folder, place->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	int left = UPLOAD_PARTS_REMOVED_MAX;
	ssize_t length = 0;
	int r = folder < 0 ? folder : 0;

	while (r == 0 && (length = calls->getdents(folder, buffer, sizeof(buffer))) > 0)
		for (ssize_t at = 0; at < length && r == 0;) {
			const struct dirent64 *entry = (const void *)(buffer + at);
			const char *name = entry->d_name;

			at += entry->d_reclen;
			if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
				continue;
			r = !upload_is_hidden_name(name) || left-- == 0 ? -ENOTEMPTY
									: each(folder, name);
			if (r == -ENOENT) /* gone by itself */
				r = 0;
		}
	if (folder >= 0)
		calls->close(folder);
	return r < 0 ? r : (int)length;
}

int upload_remove_folder(int root, const char *path)
{
	struct place place;
	int r = place_open(root, path, &place);

	if (r < 0)
		return r;
	r = upload_each_partial(&place, upload_may_go);
	if (r == 0)
		r = upload_each_partial(&place, upload_remove_partial);
	if (r == 0)
		r = calls->unlinkat(place.folder, place.name, AT_REMOVEDIR);
	place_close(&place);
	return r;
}
