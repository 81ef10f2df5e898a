#include "fs/resolve.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "sys/calls.h"

static char base[] = "/tmp/resolve_test.XXXXXX";
static int root = -1;
static struct calls spoilt;

static int remove_one(const char *path, const struct stat *stat, int type, struct FTW *at)
{
	(void)stat;
	(void)type;
	(void)at;
	return remove(path);
}

static int setup(void **state)
{
	(void)state;
	strcpy(base + strlen(base) - 6, "XXXXXX");
	assert_non_null(mkdtemp(base));
	root = open(base, O_RDONLY | O_DIRECTORY);
	close(openat(root, "file", O_WRONLY | O_CREAT, 0644));
	assert_int_equal(symlinkat("file", root, "link"), 0);
	assert_int_equal(symlinkat("/nothing", root, "loose"), 0);
	mkdirat(root, "folder", 0755);
	mkfifoat(root, "fifo", 0644);
	spoilt = calls_real;
	calls = &spoilt;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	calls = &calls_real;
	close(root);
	nftw(base, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	return 0;
}

static void opens(const char *path, int flags, ino_t inode)
{
	struct statx stat;
	struct stat now;
	int fd = resolve_open_file(root, path, flags, &stat);

	assert_true(fd >= 0);
	fstat(fd, &now);
	assert_int_equal(now.st_ino, inode);
	assert_int_equal(stat.stx_ino, inode);
	assert_int_equal(fcntl(fd, F_GETFL) & (O_ACCMODE | O_PATH), flags & O_ACCMODE);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
}

static void only_files_are_opened(void)
{
	int lowest = dup(0);
	struct statx stat;
	struct stat file;

	close(lowest);
	fstatat(root, "file", &file, 0);
	opens("/file", O_RDONLY, file.st_ino);
	opens("/link", O_WRONLY, file.st_ino);
	assert_int_equal(resolve_open_file(root, "/folder", O_RDONLY, &stat), -EISDIR);
	assert_int_equal(resolve_open_file(root, "/fifo", O_RDONLY | O_NONBLOCK, &stat), -ENXIO);
	assert_int_equal(resolve_open_file(root, "/loose", O_RDONLY, &stat), -ENOENT);
	assert_true(resolve_open_file(root, "/link", O_RDONLY | O_NOFOLLOW, &stat) < 0);
	assert_int_equal(dup(0), lowest);
	close(lowest);
}

static int without_proc_openat2(int folder, const char *path, const struct open_how *how)
{
	return strcmp(path, "/proc/self/fd") == 0 ? -ENOENT : calls_real.openat2(folder, path, how);
}

static void without_proc_only_files_are_opened(void **state)
{
	(void)state;
	spoilt.openat2 = without_proc_openat2;
	only_files_are_opened();
	assert_int_equal(resolve_own_files(), -ENOENT);
}

static void with_proc_only_files_are_opened(void **state)
{
	(void)state;
	assert_true(resolve_own_files() >= 0);
	assert_int_equal(resolve_own_files(), resolve_own_files());
	only_files_are_opened();
}

static int looking_openat2(int folder, const char *path, const struct open_how *how)
{
	assert_true(how->flags & O_PATH || strcmp(path, "/fifo") != 0);
	return calls_real.openat2(folder, path, how);
}

static void what_is_no_file_stays_closed(void **state)
{
	(void)state;
	spoilt.openat2 = looking_openat2;
	only_files_are_opened();
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		/* First: afterwards /proc/self/fd is open and stays so. */
		TEST(without_proc_only_files_are_opened),
		TEST(with_proc_only_files_are_opened),
		TEST(what_is_no_file_stays_closed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
