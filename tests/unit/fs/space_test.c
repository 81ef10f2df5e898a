#include "fs/space.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/limits.h"
#include "sys/calls.h"

static char base[] = "/tmp/space_test.XXXXXX";
static int root = -1;
static struct calls spoilt;
static int getdents_left;

static int remove_one(const char *path, const struct stat *stat, int type, struct FTW *at)
{
	(void)stat;
	(void)type;
	(void)at;
	return remove(path);
}

static void make_file(const char *name, off_t size_bytes)
{
	int fd = openat(root, name, O_WRONLY | O_CREAT, 0644);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, size_bytes), 0);
	close(fd);
}

static int setup(void **state)
{
	(void)state;
	strcpy(base + strlen(base) - 6, "XXXXXX");
	assert_non_null(mkdtemp(base));
	root = open(base, O_RDONLY | O_DIRECTORY);
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

/* The lowest free descriptor: the same before and after what leaves none open. */
static int free_descriptor(void)
{
	int fd = dup(root);

	close(fd);
	return fd;
}

/* Adds a folder up. Returns what the last call returned; *ret_calls counts them. */
static int added(const char *path, uint64_t *ret_bytes, unsigned *ret_calls)
{
	int before = free_descriptor();
	struct folder_size *size;
	int r;

	*ret_calls = 0;
	assert_int_equal(folder_size_new(root, path, &size), 0);
	do {
		r = folder_size_more(size);
		++*ret_calls;
	} while (r == 1);
	assert_int_equal(free_descriptor(), before);
	*ret_bytes = folder_size_bytes(size);
	folder_size_free(size);
	return r;
}

static void assert_size(const char *path, uint64_t wanted)
{
	unsigned count;
	uint64_t bytes;

	assert_int_equal(added(path, &bytes, &count), 0);
	assert_true(bytes == wanted);
}

static void assert_refused(const char *path, int error)
{
	unsigned count;
	uint64_t bytes;

	assert_int_equal(added(path, &bytes, &count), error);
}

static void files_of_all_folders_are_added(void **state)
{
	(void)state;
	make_file("a", 1000);
	mkdirat(root, "d", 0755);
	make_file("d/b", 200);
	mkdirat(root, "d/e", 0755);
	make_file("d/e/c", 30);
	make_file("d/e/.hidden", 4);
	make_file("z", 50000);
	assert_size("/", 51234);
	assert_size("/d", 234);
	assert_size("/d/e", 34);
}

static void an_empty_folder_has_no_bytes(void **state)
{
	(void)state;
	mkdirat(root, "empty", 0755);
	assert_size("/empty", 0);
}

static void links_are_not_followed_and_pipes_have_no_size(void **state)
{
	(void)state;
	make_file("a", 7);
	assert_int_equal(symlinkat("/usr", root, "out"), 0);
	assert_int_equal(symlinkat(".", root, "loop"), 0);
	assert_int_equal(symlinkat("a", root, "link"), 0);
	mkfifoat(root, "fifo", 0644);
	assert_size("/", 7);
	assert_size("/loop", 7); /* the one that was asked for is, as CWD would */
	assert_refused("/out", -ENOENT);
}

static void a_name_more_is_a_file_more(void **state)
{
	(void)state;
	make_file("a", 7);
	assert_int_equal(linkat(root, "a", root, "b", 0), 0);
	assert_size("/", 14);
}

static void what_is_no_folder_is_refused(void **state)
{
	(void)state;
	make_file("a", 7);
	assert_refused("/a", -ENOTDIR);
	assert_refused("/nothing", -ENOENT);
}

static void a_large_folder_comes_in_slices(void **state)
{
	unsigned count;
	uint64_t bytes;

	(void)state;
	mkdirat(root, "d", 0755);
	for (int i = 0; i < FOLDER_SIZE_SLICE; i++) {
		char name[32];

		snprintf(name, sizeof(name), "d/%d", i);
		make_file(name, 3);
	}
	make_file("z", 1);
	assert_int_equal(added("/", &bytes, &count), 0);
	assert_true(bytes == 3 * FOLDER_SIZE_SLICE + 1);
	assert_int_equal(count, 2);
}

/* Every file is as large as one can be. */
static int vast_statx(int folder, const char *path, int flags, unsigned mask,
		      struct statx *ret_stat)
{
	int r = calls_real.statx(folder, path, flags, mask, ret_stat);

	ret_stat->stx_size = INT64_MAX;
	return r;
}

static void sizes_do_not_run_over(void **state)
{
	(void)state;
	make_file("a", 1);
	make_file("b", 1);
	spoilt.statx = vast_statx;
	assert_size("/", UINT64_MAX - 1);
	make_file("c", 1);
	assert_size("/", UINT64_MAX);
}

static void too_deep_is_an_overflow(void **state)
{
	char path[3 * FOLDER_SIZE_DEPTH_MAX] = "";

	(void)state;
	for (int i = 0; i < FOLDER_SIZE_DEPTH_MAX - 1; i++) {
		strcat(path, i ? "/d" : "d");
		assert_int_equal(mkdirat(root, path, 0755), 0);
	}
	assert_size("/", 0);
	strcat(path, "/d");
	assert_int_equal(mkdirat(root, path, 0755), 0);
	assert_refused("/", -EOVERFLOW);
}

/* A folder that never ends. */
static ssize_t endless_getdents(int folder, void *buffer, size_t size_bytes)
{
	static const struct {
		uint64_t inode;
		int64_t next;
		uint16_t length;
		uint8_t type;
		char name[13];
	} record = { 1, 1, sizeof(record), 1 /* DT_FIFO */, "pipe" };
	size_t length = 0;

	(void)folder;
	for (; length + sizeof(record) <= size_bytes; length += sizeof(record))
		memcpy((char *)buffer + length, &record, sizeof(record));
	return (ssize_t)length;
}

static void too_many_names_are_an_overflow(void **state)
{
	unsigned count;
	uint64_t bytes;

	(void)state;
	spoilt.getdents = endless_getdents;
	assert_int_equal(added("/", &bytes, &count), -EOVERFLOW);
	assert_true(count >= FOLDER_SIZE_NAMES_MAX / FOLDER_SIZE_SLICE);
}

static ssize_t failing_getdents(int folder, void *buffer, size_t size_bytes)
{
	return getdents_left-- > 0 ? calls_real.getdents(folder, buffer, size_bytes) : -EIO;
}

static void a_disk_that_fails_is_an_error(void **state)
{
	(void)state;
	mkdirat(root, "d", 0755);
	spoilt.getdents = failing_getdents;
	for (int i = 0; i < 4; i++) {
		getdents_left = i;
		assert_refused("/", -EIO);
	}
	getdents_left = 4;
	assert_size("/", 0);
}

static int denying_openat2(int folder, const char *path, const struct open_how *how)
{
	return strcmp(path, "closed") == 0 ? -EACCES : calls_real.openat2(folder, path, how);
}

static void what_nobody_may_read_is_left_out(void **state)
{
	(void)state;
	make_file("a", 7);
	mkdirat(root, "closed", 0755);
	make_file("closed/b", 100);
	spoilt.openat2 = denying_openat2;
	assert_size("/", 7);
}

static void a_tree_can_be_given_up_in_the_middle(void **state)
{
	int before = free_descriptor();
	struct folder_size *size;

	(void)state;
	spoilt.getdents = endless_getdents;
	assert_int_equal(folder_size_new(root, "/", &size), 0);
	assert_int_equal(folder_size_more(size), 1);
	folder_size_free(size);
	assert_int_equal(free_descriptor(), before);
}

static int read_only_fstatvfs(int fd, struct statvfs *ret_disk)
{
	int r = calls_real.fstatvfs(fd, ret_disk);

	ret_disk->f_flag |= ST_RDONLY;
	return r;
}

static int known_fstatvfs(int fd, struct statvfs *ret_disk)
{
	(void)fd;
	*ret_disk = (struct statvfs){
		.f_bsize = 1, .f_frsize = 4096, .f_bfree = 9, .f_bavail = 1ULL << 40
	};
	return 0;
}

static void room_is_what_is_left_for_the_user(void **state)
{
	uint64_t bytes = 0;

	(void)state;
	spoilt.fstatvfs = known_fstatvfs;
	assert_int_equal(space_available(root, "/", &bytes), 0);
	assert_true(bytes == 1ULL << 52);
	spoilt.fstatvfs = read_only_fstatvfs;
	assert_int_equal(space_available(root, "/", &bytes), 0);
	assert_true(bytes == 0);
}

static void room_of_nothing_is_an_error(void **state)
{
	uint64_t bytes = 5;
	int before = free_descriptor();

	(void)state;
	assert_int_equal(space_available(root, "/nothing", &bytes), -ENOENT);
	assert_true(bytes == 5);
	assert_int_equal(free_descriptor(), before);
}

#define TREE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TREE_TEST(files_of_all_folders_are_added),
		TREE_TEST(an_empty_folder_has_no_bytes),
		TREE_TEST(links_are_not_followed_and_pipes_have_no_size),
		TREE_TEST(a_name_more_is_a_file_more),
		TREE_TEST(what_is_no_folder_is_refused),
		TREE_TEST(a_large_folder_comes_in_slices),
		TREE_TEST(sizes_do_not_run_over),
		TREE_TEST(too_deep_is_an_overflow),
		TREE_TEST(too_many_names_are_an_overflow),
		TREE_TEST(a_disk_that_fails_is_an_error),
		TREE_TEST(what_nobody_may_read_is_left_out),
		TREE_TEST(a_tree_can_be_given_up_in_the_middle),
		TREE_TEST(room_is_what_is_left_for_the_user),
		TREE_TEST(room_of_nothing_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
