#include "fs/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "sys/calls.h"

/* The tests share the one table of the process and follow each other, a second apart. */
static struct calls spoilt;
static int file = -1; /* what stands for /proc/self/mountinfo */
static unsigned openat2_calls;
static unsigned pread_calls;
static int pread_error;

static int spoilt_openat2(int folder, const char *path, const struct open_how *how)
{
	(void)folder;
	(void)how;
	assert_string_equal(path, "/proc/self/mountinfo");
	openat2_calls++;
	return file < 0 ? -EACCES : dup(file);
}

static ssize_t spoilt_pread(int fd, void *buffer, size_t size_bytes, off_t offset)
{
	pread_calls++;
	if (pread_error)
		return pread_error;
	/* Short, as a sequence file of the kernel may be. */
	return calls_real.pread(fd, buffer, size_bytes < 1000 ? size_bytes : 1000, offset);
}

static void *spoilt_allocate(size_t size_bytes)
{
	(void)size_bytes;
	return NULL;
}

static void wait_until_old(void)
{
	nanosleep(&(struct timespec){ 1, 20000000 }, NULL);
}

static void write_file(const char *content)
{
	assert_int_equal(ftruncate(file, 0), 0);
	assert_int_equal(pwrite(file, content, strlen(content), 0), strlen(content));
}

static void assert_disk(uint64_t mount_id, enum disk_kind kind, uint64_t id)
{
	struct disk disk = mounts_find(mount_id);

	assert_int_equal(disk.kind, kind);
	assert_int_equal(disk.id, id);
}

static void assert_watchable(uint64_t mount_id, const char *type)
{
	struct disk disk = mounts_find(mount_id);
	bool local = disk.kind == DISK_MEMORY || disk.kind == DISK_LOCAL;

	assert_int_equal(disk.watchable, local && strcmp(type, "overlay") != 0);
}

static void without_a_table_every_disk_is_remote(void **state)
{
	(void)state;
	spoilt = calls_real;
	spoilt.openat2 = spoilt_openat2;
	spoilt.pread = spoilt_pread;
	calls = &spoilt;
	assert_disk(25, DISK_REMOTE, 25);
	assert_disk(26, DISK_REMOTE, 26);
	assert_int_equal(openat2_calls, 1); /* once a second */
}

static const struct {
	const char *type;
	enum disk_kind kind;
} types[] = {
	{ "tmpfs", DISK_MEMORY },
	{ "ramfs", DISK_MEMORY },
	{ "hugetlbfs", DISK_MEMORY },
	{ "overlay", DISK_LOCAL },
	{ "ext2", DISK_LOCAL },
	{ "ext3", DISK_LOCAL },
	{ "ext4", DISK_LOCAL },
	{ "xfs", DISK_LOCAL },
	{ "btrfs", DISK_LOCAL },
	{ "f2fs", DISK_LOCAL },
	{ "squashfs", DISK_LOCAL },
	{ "iso9660", DISK_LOCAL },
	{ "erofs", DISK_LOCAL },
	{ "vfat", DISK_LOCAL },
	{ "exfat", DISK_LOCAL },
	{ "ntfs3", DISK_LOCAL },
	{ "zfs", DISK_LOCAL },
	{ "bcachefs", DISK_LOCAL },
	{ "jfs", DISK_LOCAL },
	{ "reiserfs", DISK_LOCAL },
	{ "udf", DISK_LOCAL },
	{ "proc", DISK_FORBIDDEN },
	{ "sysfs", DISK_FORBIDDEN },
	{ "cgroup", DISK_FORBIDDEN },
	{ "cgroup2", DISK_FORBIDDEN },
	{ "debugfs", DISK_FORBIDDEN },
	{ "tracefs", DISK_FORBIDDEN },
	{ "securityfs", DISK_FORBIDDEN },
	{ "devpts", DISK_FORBIDDEN },
	{ "configfs", DISK_FORBIDDEN },
	{ "bpf", DISK_FORBIDDEN },
	{ "pstore", DISK_FORBIDDEN },
	{ "efivarfs", DISK_FORBIDDEN },
	{ "mqueue", DISK_FORBIDDEN },
	{ "binfmt_misc", DISK_FORBIDDEN },
	{ "selinuxfs", DISK_FORBIDDEN },
	{ "rpc_pipefs", DISK_FORBIDDEN },
	{ "devtmpfs", DISK_FORBIDDEN },
	{ "nfs4", DISK_REMOTE },
	{ "nfs", DISK_REMOTE },
	{ "cifs", DISK_REMOTE },
	{ "9p", DISK_REMOTE },
	{ "ceph", DISK_REMOTE },
	{ "fuse.sshfs", DISK_REMOTE },
	{ "fuseblk", DISK_REMOTE },
	{ "autofs", DISK_REMOTE },
	{ "afs", DISK_REMOTE },
	{ "ext", DISK_REMOTE },
	{ "tmpfsx", DISK_REMOTE },
};
#define TYPES_COUNT (sizeof(types) / sizeof(types[0]))

static void the_type_of_the_file_system_decides(void **state)
{
	char content[16384];
	int length = 0;

	(void)state;
	/* From the last to the first: ids come in any order. */
	for (unsigned i = TYPES_COUNT; i-- > 0;)
		length += snprintf(content + length, sizeof(content) - (size_t)length,
				   "%u 1 %u:%u / /mnt\\040x rw,noatime %s- %s dev rw,size=1\n",
				   100 + i, i, 1000 + i, i % 2 ? "master:1 shared:2 " : "",
				   types[i].type);
	file = memfd_create("mountinfo", MFD_CLOEXEC);
	write_file(content);
	wait_until_old();
	for (unsigned i = 0; i < TYPES_COUNT; i++)
		assert_disk(100 + i, types[i].kind, makedev(i, 1000 + i));
	for (unsigned i = 0; i < TYPES_COUNT; i++)
		assert_watchable(100 + i, types[i].type);
	assert_disk(99, DISK_REMOTE, 99);
	assert_disk(100 + TYPES_COUNT, DISK_REMOTE, 100 + TYPES_COUNT);
}

static void an_unknown_id_is_looked_for_once_a_second(void **state)
{
	unsigned preads = pread_calls;

	(void)state;
	write_file("7 1 8:1 / / rw - ext4 - rw\n8 7 0:30 /- /- rw - proc - rw\n");
	assert_disk(7, DISK_REMOTE, 7);
	assert_int_equal(pread_calls, preads);
	wait_until_old();
	/* poll tells nothing about this file: a known id alone is no reason to read it. */
	assert_disk(100, DISK_MEMORY, makedev(0, 1000));
	assert_int_equal(pread_calls, preads);
	wait_until_old();
	assert_disk(7, DISK_LOCAL, makedev(8, 1));
	assert_disk(8, DISK_FORBIDDEN, makedev(0, 30));
	assert_disk(100, DISK_REMOTE, 100);
	assert_true(pread_calls > preads);
}

static void a_table_that_cannot_be_made_leaves_the_last_one(void **state)
{
	unsigned opens = openat2_calls;

	(void)state;
	pread_error = -EIO;
	wait_until_old();
	assert_disk(9, DISK_REMOTE, 9);
	assert_disk(7, DISK_LOCAL, makedev(8, 1));
	pread_error = 0;
	spoilt.allocate = spoilt_allocate;
	wait_until_old();
	assert_disk(9, DISK_REMOTE, 9);
	assert_disk(7, DISK_LOCAL, makedev(8, 1));
	spoilt.allocate = calls_real.allocate;
	assert_int_equal(openat2_calls, opens + 1);
	/* Now even a known id is a reason to read. */
	write_file("7 1 8:1 / / rw - tmpfs - rw\n");
	wait_until_old();
	assert_disk(7, DISK_MEMORY, makedev(8, 1));
	assert_int_equal(openat2_calls, opens + 2);
}

static void lines_that_make_no_sense_are_passed_over(void **state)
{
	(void)state;
	write_file("\n"
		   " \n"
		   "x 1 8:1 / / rw - ext4 - rw\n"
		   "-1 1 8:1 / / rw - ext4 - rw\n"
		   "10 1 8 / / rw - ext4 - rw\n"
		   "11 1 8:x / / rw - ext4 - rw\n"
		   "12 1 8:1 / / rw ext4 - rw\n"
		   "13 1 8:1 / / rw\n"
		   "14\n"
		   "99999999999999999999 1 8:1 / / rw - ext4 - rw\n"
		   "15 1 8:5 / / rw - ext4 - rw\n"
		   "16 1 8:6 / / rw - tmpfs");
	wait_until_old();
	assert_disk(10, DISK_REMOTE, 10);
	assert_disk(11, DISK_REMOTE, 11);
	assert_disk(12, DISK_REMOTE, makedev(8, 1)); /* "-" is followed by a type called "rw" */
	assert_disk(13, DISK_REMOTE, 13);
	assert_disk(14, DISK_REMOTE, 14);
	assert_disk(15, DISK_LOCAL, makedev(8, 5));
	assert_disk(16, DISK_MEMORY, makedev(8, 6));
}

static void a_long_table_is_read_whole(void **state)
{
	char line[1024];
	off_t at = 0;

	(void)state;
	assert_int_equal(ftruncate(file, 0), 0);
	for (unsigned i = 1; i <= 1000; i++) {
		int length = snprintf(line, sizeof(line), "%u 1 9:%u / /%0500u rw - xfs - rw\n",
				      1000 + i, i, i);

		assert_int_equal(pwrite(file, line, (size_t)length, at), length);
		at += length;
	}
	assert_true(at > 4 * 65536);
	wait_until_old();
	assert_disk(1001, DISK_LOCAL, makedev(9, 1));
	assert_disk(2000, DISK_LOCAL, makedev(9, 1000));
}

static void *find_often(void *unused)
{
	(void)unused;
	mounts_find(5); /* unknown: one of the threads makes a new table */
	for (unsigned i = 0; i < 20000; i++)
		if (mounts_find(1001 + i % 1000).kind != DISK_LOCAL)
			return (void *)1;
	return NULL;
}

static void many_threads_ask_at_once(void **state)
{
	pthread_t threads[4];

	(void)state;
	wait_until_old();
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, find_often, NULL), 0);
	for (unsigned i = 0; i < 4; i++) {
		void *failed;

		pthread_join(threads[i], &failed);
		assert_null(failed);
	}
}

static void the_kernels_table_is_understood(void **state)
{
	struct statx stat;

	(void)state;
	pread_error = -EIO; /* closes the file */
	wait_until_old();
	mounts_find(1);
	calls = &calls_real;
	assert_int_equal(statx(AT_FDCWD, "/proc/self", 0, STATX_MNT_ID, &stat), 0);
	wait_until_old();
	assert_disk(stat.stx_mnt_id, DISK_FORBIDDEN,
		    makedev(stat.stx_dev_major, stat.stx_dev_minor));
	close(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_table_every_disk_is_remote),
		cmocka_unit_test(the_type_of_the_file_system_decides),
		cmocka_unit_test(an_unknown_id_is_looked_for_once_a_second),
		cmocka_unit_test(a_table_that_cannot_be_made_leaves_the_last_one),
		cmocka_unit_test(lines_that_make_no_sense_are_passed_over),
		cmocka_unit_test(a_long_table_is_read_whole),
		cmocka_unit_test(many_threads_ask_at_once),
		cmocka_unit_test(the_kernels_table_is_understood),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
