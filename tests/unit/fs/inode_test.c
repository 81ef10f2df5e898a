#include "fs/inode.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "fs/creation_mode.h"
#include "support/test_folder.h"

static void a_mode_is_set_and_a_folder_keeps_its_special_bits(void **state)
{
	(void)state;
	put_text("file", "x");
	assert_int_equal(fchmodat(test_root, "file", 06755, 0), 0);
	assert_int_equal(mkdirat(test_root, "folder", 0755), 0);
	assert_int_equal(fchmodat(test_root, "folder", 03755, 0), 0);
	assert_int_equal(inode_set_mode(test_root, "/file", 0640), 0);
	assert_int_equal(stat_of("file").st_mode, S_IFREG | 0640);
	assert_int_equal(inode_set_mode(test_root, "/folder", 0700), 0);
	assert_int_equal(stat_of("folder").st_mode, S_IFDIR | 03700);
}

static void links_lead_inside_and_never_outside(void **state)
{
	int fd = openat(test_outer, "secret", O_WRONLY | O_CREAT, 0644);
	struct stat secret;

	(void)state;
	close(fd);
	put_text("file", "x");
	assert_int_equal(symlinkat("/file", test_root, "in"), 0);
	assert_int_equal(symlinkat("../secret", test_root, "out"), 0);
	assert_int_equal(inode_set_mode(test_root, "/in", 0600), 0);
	assert_int_equal(stat_of("file").st_mode, S_IFREG | 0600);
	assert_int_equal(inode_set_mode(test_root, "/out", 0600), -ENOENT);
	assert_int_equal(inode_set_times(test_root, "/out", 1, 1), -ENOENT);
	assert_int_equal(inode_set_group(test_root, "/out", getegid()), -ENOENT);
	assert_int_equal(fstatat(test_outer, "secret", &secret, 0), 0);
	assert_int_equal(secret.st_mode, S_IFREG | 0644);
	assert_int_not_equal(secret.st_mtime, 1);
}

static void times_are_set_each(void **state)
{
	(void)state;
	put_text("file", "x");
	assert_int_equal(inode_set_times(test_root, "/file", 1000, -2000), 0);
	assert_int_equal(stat_of("file").st_atime, 1000);
	assert_int_equal(stat_of("file").st_mtime, -2000);
}

static void what_is_neither_file_nor_folder_is_refused(void **state)
{
	(void)state;
	assert_int_equal(mkfifoat(test_root, "pipe", 0644), 0);
	assert_int_equal(inode_set_mode(test_root, "/pipe", 0600), -ENXIO);
	assert_int_equal(inode_set_times(test_root, "/pipe", 1, 1), -ENXIO);
	assert_int_equal(inode_set_group(test_root, "/pipe", getegid()), -ENXIO);
	assert_int_equal(stat_of("pipe").st_mode, S_IFIFO | 0644);
}

static void a_group_is_found_by_name_and_number(void **state)
{
	struct group *mine = getgrgid(getegid());
	char digits[16];
	gid_t group = 77;

	(void)state;
	put_text("file", "x");
	snprintf(digits, sizeof(digits), "%u", getegid());
	assert_int_equal(inode_find_group(digits, &group), 0);
	assert_int_equal(group, getegid());
	assert_int_equal(inode_find_group("no such group", &group), -EPERM);
	assert_int_equal(inode_find_group("9999999999", &group), -EPERM);
	assert_int_equal(inode_find_group("", &group), -EPERM);
	if (mine) {
		group = 77;
		assert_int_equal(inode_find_group(mine->gr_name, &group), 0);
		assert_int_equal(group, getegid());
	}
	assert_int_equal(inode_set_group(test_root, "/file", getegid()), 0);
	assert_int_equal(stat_of("file").st_gid, getegid());
}

static int failing_statx(int folder, const char *path, int flags, unsigned mask,
			 struct statx *ret_stat)
{
	(void)folder;
	(void)path;
	(void)flags;
	(void)mask;
	(void)ret_stat;
	return -EIO;
}

static int failing_chmod(int folder, const char *path, mode_t mode)
{
	(void)folder;
	(void)path;
	(void)mode;
	return -EROFS;
}

static void failures_are_told_and_leave_nothing_open(void **state)
{
	int before = descriptors();

	(void)state;
	put_text("file", "x");
	test_calls.fchmodat = failing_chmod;
	assert_int_equal(inode_set_mode(test_root, "/file", 0600), -EROFS);
	test_calls.statx = failing_statx;
	assert_int_equal(inode_set_mode(test_root, "/file", 0600), -EIO);
	assert_int_equal(inode_set_times(test_root, "/nothing", 1, 1), -ENOENT);
	assert_int_equal(descriptors(), before);
}

static void a_mask_of_the_session_takes_and_gives(void **state)
{
	int fd;

	(void)state;
	assert_int_equal(creation_mode(0666, 0), 0666);
	assert_int_equal(creation_mode(0666, CREATION_MASK_SET | 027), 0640);
	put_text("file", "x");
	fd = openat(test_root, "file", O_PATH);
	creation_settle(fd, 0666, 0); /* no mask: what the kernel made stays */
	assert_int_equal(stat_of("file").st_mode, S_IFREG | 0644);
	creation_settle(fd, 0666, CREATION_MASK_SET | 002);
	assert_int_equal(stat_of("file").st_mode, S_IFREG | 0664);
	creation_settle(fd, 0666, CREATION_MASK_SET | 0777);
	assert_int_equal(stat_of("file").st_mode, S_IFREG);
	close(fd);
}

static void the_bits_that_a_folder_inherits_stay(void **state)
{
	int fd;

	(void)state;
	assert_int_equal(mkdirat(test_root, "folder", 0755), 0);
	assert_int_equal(fchmodat(test_root, "folder", 02755, 0), 0);
	fd = openat(test_root, "folder", O_PATH);
	creation_settle(fd, 0777, CREATION_MASK_SET | 007);
	assert_int_equal(stat_of("folder").st_mode, S_IFDIR | 02770);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FOLDER_TEST(failures_are_told_and_leave_nothing_open),
		FOLDER_TEST(a_mode_is_set_and_a_folder_keeps_its_special_bits),
		FOLDER_TEST(links_lead_inside_and_never_outside),
		FOLDER_TEST(times_are_set_each),
		FOLDER_TEST(what_is_neither_file_nor_folder_is_refused),
		FOLDER_TEST(a_group_is_found_by_name_and_number),
		FOLDER_TEST(a_mask_of_the_session_takes_and_gives),
		FOLDER_TEST(the_bits_that_a_folder_inherits_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
