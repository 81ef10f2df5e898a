#include "fs/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/sysmacros.h>
#include <time.h>

#include "base/view.h"
#include "sys/calls.h"

#define MOUNTINFO_PATH "/proc/self/mountinfo"
#define MOUNTINFO_BYTES_FIRST 65536
#define MOUNTINFO_BYTES_MAX 16777216 /* a longer one counts as unreadable */
#define AGE_MIN_MS 1000		     /* of a table before it is looked at again */

struct mount {
	uint64_t mount_id;
	struct disk disk;
};

struct mount_table {
	size_t count;
	struct mount mounts[]; /* in the order of mount_id */
};

/* Protects table. Every thread searches it, and the one that made a new one exchanges the
 * pointer; nothing is read or made under it. A message and its answer would cost a hundred times
 * the search. */
static pthread_rwlock_t table_lock = PTHREAD_RWLOCK_INITIALIZER;
static struct mount_table *table;

/* Protects mountinfo, and lets one thread at a time make a table. */
static pthread_mutex_t refresh_lock = PTHREAD_MUTEX_INITIALIZER;
static int mountinfo = -1; /* stays open: poll(2) on it tells that mounts changed */

/* When table was last made or found unchanged. Written under refresh_lock; atomic, because every
 * thread reads it to know whether that lock is worth taking. */
static _Atomic int64_t checked_ms = INT64_MIN / 2;

static const char *const kinds_memory[] = { "tmpfs", "ramfs", "rootfs", "hugetlbfs", NULL };

static const char *const kinds_local[] = {
	"overlay",  "ext2",	"ext3",	 "ext4",     "xfs",   "btrfs",	"f2fs",
	"squashfs", "iso9660",	"erofs", "vfat",     "msdos", "exfat",	"ntfs3",
	"zfs",	    "bcachefs", "jfs",	 "reiserfs", "udf",   "nilfs2", NULL,
};

static const char *const kinds_forbidden[] = {
	"proc",	      "sysfs",	     "cgroup",	  "cgroup2", "debugfs",	   "tracefs",
	"securityfs", "devpts",	     "configfs",  "bpf",     "pstore",	   "efivarfs",
	"mqueue",     "binfmt_misc", "selinuxfs", "smackfs", "rpc_pipefs", "nfsd",
	"devtmpfs",   "fusectl",     "nsfs",	  "resctrl", NULL,
};

static bool is_one_of(struct view type, const char *const *names)
{
	for (; *names; names++)
		if (view_is(type, *names))
			return true;
	return false;
}

static enum disk_kind kind_of_type(struct view type)
{
	if (is_one_of(type, kinds_memory))
		return DISK_MEMORY;
	if (is_one_of(type, kinds_local))
		return DISK_LOCAL;
	return is_one_of(type, kinds_forbidden) ? DISK_FORBIDDEN : DISK_REMOTE;
}

/* The layers of an overlay may be changed beneath it, which nobody tells. */
static bool type_is_watchable(struct view type)
{
	enum disk_kind kind = kind_of_type(type);

	return kind == DISK_MEMORY || (kind == DISK_LOCAL && !view_is(type, "overlay"));
}

/* Cuts what stands before the next separator off *rest, or all of it. */
static struct view word_cut(struct view *rest, char separator)
{
	const char *end = rest->length > 0 ? memchr(rest->at, separator, rest->length) : NULL;
	struct view word = *rest;

	if (end)
		word.length = (size_t)(end - rest->at);
	*rest = view_skip(*rest, word.length + (end ? 1 : 0));
	return word;
}

static bool number_read(struct view word, uint64_t *ret_number)
{
	uint64_t number = 0;

	if (word.length == 0 || word.length > 19)
		return false;
	for (size_t i = 0; i < word.length; i++) {
		if (word.at[i] < '0' || word.at[i] > '9')
			return false;
		number = 10 * number + (uint64_t)(word.at[i] - '0');
	}
	*ret_number = number;
	return true;
}

/* Reads "id parent major:minor root point options [tags] - type source options" (proc(5)). */
static bool mount_parse(struct view line, struct mount *ret_mount)
{
	struct view device;
	struct view word;
	uint64_t major_number;
	uint64_t minor_number;
	uint64_t mount_id;

	if (!number_read(word_cut(&line, ' '), &mount_id))
		return false;
	word_cut(&line, ' ');
	device = word_cut(&line, ' ');
	if (!number_read(word_cut(&device, ':'), &major_number) ||
	    !number_read(device, &minor_number))
		return false;
	do { /* no other word can be "-": the paths begin with a slash, spaces in them are escaped */
		if (line.length == 0)
			return false;
		word = word_cut(&line, ' ');
	} while (!view_is(word, "-"));

	word = word_cut(&line, ' ');
	*ret_mount = (struct mount){
		.mount_id = mount_id,
		.disk = { makedev((unsigned)major_number, (unsigned)minor_number),
			  kind_of_type(word), type_is_watchable(word) },
	};
	return true;
}

static int mount_compare(const void *left, const void *right)
{
	const struct mount *first = left;
	const struct mount *second = right;

	return (first->mount_id > second->mount_id) - (first->mount_id < second->mount_id);
}

/* Returns 0, or -ENOMEM. */
static int table_new(struct view text, struct mount_table **ret_table)
{
	struct mount_table *new;
	size_t lines = 1;

	for (size_t i = 0; i < text.length; i++)
		lines += text.at[i] == '\n';
	new = calls->allocate(sizeof(*new) + lines * sizeof(new->mounts[0]));
	if (!new)
		return -ENOMEM;
	new->count = 0;
	while (text.length > 0)
		if (mount_parse(word_cut(&text, '\n'), &new->mounts[new->count]))
			new->count++;
	qsort(new->mounts, new->count, sizeof(new->mounts[0]), mount_compare);
	*ret_table = new;
	return 0;
}

/* Reads the file from its start into buffer. Returns its length, -E2BIG if size_bytes are not
 * more than that, or another error. */
static ssize_t mountinfo_read(char *buffer, size_t size_bytes)
{
	size_t length = 0;
	ssize_t r;

	do {
		r = calls->pread(mountinfo, buffer + length, size_bytes - length, (off_t)length);
		if (r < 0)
			return r;
		length += (size_t)r;
		if (length == size_bytes)
			return -E2BIG;
	} while (r > 0);
	return (ssize_t)length;
}

/* Makes a table of what the file says now. Returns 0 or an error. */
static int table_read(struct mount_table **ret_table)
{
	char *buffer;
	ssize_t r = -E2BIG;

	for (size_t size = MOUNTINFO_BYTES_FIRST; r == -E2BIG && size <= MOUNTINFO_BYTES_MAX;
	     size *= 4) {
		buffer = calls->allocate(size);
		if (!buffer)
			return -ENOMEM;
		r = mountinfo_read(buffer, size);
		if (r >= 0)
			r = table_new((struct view){ buffer, (size_t)r }, ret_table);
		free(buffer);
	}
	return (int)r;
}

static void table_replace(struct mount_table *new)
{
	struct mount_table *old;

	pthread_rwlock_wrlock(&table_lock);
	old = table;
	table = new;
	pthread_rwlock_unlock(&table_lock);
	free(old);
}

static bool table_search(uint64_t mount_id, struct disk *ret_disk)
{
	const struct mount wanted = { .mount_id = mount_id };
	const struct mount *found = NULL;

	pthread_rwlock_rdlock(&table_lock);
	if (table)
		found = bsearch(&wanted, table->mounts, table->count, sizeof(wanted),
				mount_compare);
	if (found)
		*ret_disk = found->disk;
	pthread_rwlock_unlock(&table_lock);
	return found != NULL;
}

int mounts_open(void)
{
	static const struct open_how how = { .flags = O_RDONLY | O_CLOEXEC };

	return calls->openat2(AT_FDCWD, MOUNTINFO_PATH, &how);
}

/* Whether mounts came or went since this was last asked, or since the file was opened. */
static bool mountinfo_changed(void)
{
	struct pollfd question = { .fd = mountinfo, .events = POLLPRI };

	return poll(&question, 1, 0) > 0 && question.revents & (POLLPRI | POLLERR);
}

/* Makes a table if there is none of the mounts as they are. One that cannot be made leaves the
 * last one, and closes the file: the next attempt then reads whatever poll says. */
static void table_refresh(bool always)
{
	struct mount_table *new = NULL;

	if (mountinfo < 0) {
		mountinfo = mounts_open();
		if (mountinfo < 0)
			return;
		always = true;
	}
	if (!mountinfo_changed() && !always)
		return;
	if (table_read(&new) < 0) {
		calls->close(mountinfo);
		mountinfo = -1;
		return;
	}
	table_replace(new);
}

static int64_t clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool is_old(int64_t now_ms)
{
	return now_ms - atomic_load_explicit(&checked_ms, memory_order_relaxed) >= AGE_MIN_MS;
}

struct disk mounts_find(uint64_t mount_id)
{
	struct disk disk = { .id = mount_id, .kind = DISK_REMOTE };
	int64_t now_ms = clock_ms();
	bool found;

	if (!is_old(now_ms)) {
		table_search(mount_id, &disk);
		return disk;
	}
	/* Ids are used again, so that a known one is looked at again too. */
	pthread_mutex_lock(&refresh_lock);
	if (is_old(now_ms)) {
		found = table_search(mount_id, &disk);
		table_refresh(!found);
		atomic_store_explicit(&checked_ms, now_ms, memory_order_relaxed);
	}
	pthread_mutex_unlock(&refresh_lock);
	disk = (struct disk){ .id = mount_id, .kind = DISK_REMOTE };
	table_search(mount_id, &disk);
	return disk;
}
