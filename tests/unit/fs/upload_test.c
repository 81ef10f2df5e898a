#include "fs/upload.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cmocka.h>

#include "sys/calls.h"

static char base[] = "/tmp/upload_test.XXXXXX";
static int root = -1;
static struct upload upload;
static struct calls spoilt;
static int spoilt_error;

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

static int remove_one(const char *path, const struct stat *stat, int type, struct FTW *at)
{
	(void)stat;
	(void)type;
	(void)at;
	return remove(path);
}

static int teardown(void **state)
{
	(void)state;
	calls = &calls_real;
	close(root);
	nftw(base, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	return 0;
}

static void wish(const char *path)
{
	memset(&upload, 0, sizeof(upload));
	upload.root = root;
	upload.folder = -1;
	upload.fd = -1;
	upload.owner = 7;
	snprintf(upload.path, sizeof(upload.path), "%s", path);
}

static void put_file(const char *name, const char *text)
{
	int fd = openat(root, name, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void file_is(const char *name, const char *text)
{
	char got[256] = "";
	int fd = openat(root, name, O_RDONLY);

	assert_true(fd >= 0);
	assert_int_equal(read(fd, got, sizeof(got) - 1), strlen(text));
	assert_string_equal(got, text);
	close(fd);
}

static bool exists(const char *name)
{
	return faccessat(root, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static int open_all(void)
{
	int r;

	do
		r = upload_open(&upload);
	while (r == -EINPROGRESS);
	return r;
}

/* The whole course; complete: as after the end of the stream. */
static int store(const char *text, bool complete)
{
	size_t length = strlen(text);
	int r = upload_check(&upload);

	if (r == 0)
		r = open_all();
	if (r == 0)
		assert_int_equal(pwrite(upload.fd, text, length, upload.start), length);
	upload.end = upload.start + (off_t)length;
	if (r < 0) {
		upload_finish(&upload, false);
		return r;
	}
	r = upload_finish(&upload, complete);
	assert_int_equal(upload.fd, -1);
	assert_int_equal(upload.folder, -1);
	return r;
}

static void in_place_replaces_what_was_there(void **state)
{
	(void)state;
	put_file("a", "something longer");
	wish("/a");
	assert_int_equal(store("new", true), 0);
	file_is("a", "new");
	wish("/b");
	assert_int_equal(store("made", true), 0);
	file_is("b", "made");
}

static void check_alone_changes_nothing(void **state)
{
	(void)state;
	put_file("a", "old");
	wish("/a");
	assert_int_equal(upload_check(&upload), 0);
	upload_finish(&upload, false);
	file_is("a", "old");
	wish("/b");
	assert_int_equal(upload_check(&upload), 0);
	upload_finish(&upload, false);
	assert_false(exists("b"));
}

static void in_place_keeps_what_arrived(void **state)
{
	(void)state;
	put_file("a", "something longer");
	wish("/a");
	assert_int_equal(store("half", false), 0);
	file_is("a", "half");
}

static void append_and_restart_go_on(void **state)
{
	(void)state;
	put_file("a", "12345");
	wish("/a");
	upload.append = true;
	assert_int_equal(store("678", true), 0);
	file_is("a", "12345678");
	wish("/a");
	upload.offset = 2;
	assert_int_equal(store("xyz", true), 0);
	file_is("a", "12xyz"); /* as if it had never been cut */
	wish("/a");
	upload.offset = 9;
	assert_int_equal(store("", true), -ERANGE);
	file_is("a", "12xyz");
}

static void what_comes_in_any_order_ends_nowhere(void **state)
{
	(void)state;
	for (int atomic = 0; atomic < 2; atomic++) {
		put_file("a", "12345678");
		wish("/a");
		upload.atomic = atomic;
		upload.scattered = true;
		upload.offset = 2;
		assert_int_equal(store("xyz", true), 0);
		file_is("a", "12xyz678");
		wish("/a");
		upload.atomic = atomic;
		upload.scattered = true;
		assert_int_equal(store("xyz", true), 0);
		file_is("a", "xyz");
	}
}

static void wish_range(off_t first, off_t end, bool atomic)
{
	wish("/a");
	upload.offset = first;
	upload.range_end = end;
	upload.atomic = atomic;
}

static void a_range_leaves_what_is_around_it(void **state)
{
	(void)state;
	for (int atomic = 0; atomic < 2; atomic++) {
		put_file("a", "0123456789");
		wish_range(0, 3, atomic);
		assert_int_equal(store("abc", true), 0);
		file_is("a", "abc3456789");
		wish_range(5, 7, atomic);
		assert_int_equal(store("xy", true), 0);
		file_is("a", "abc34xy789");
		wish_range(10, 12, atomic);
		assert_int_equal(store("AB", true), 0);
		file_is("a", "abc34xy789AB");
		wish_range(13, 14, atomic);
		assert_int_equal(store("", true), -ERANGE);
		file_is("a", "abc34xy789AB");
	}
}

static void a_range_that_is_cut_leaves_an_atomic_file(void **state)
{
	(void)state;
	put_file("a", "0123456789");
	wish_range(0, 3, true);
	assert_int_equal(store("ab", false), 0);
	file_is("a", "0123456789");
	assert_false(exists(upload.hidden));
}

static void atomic_shows_nothing_before_the_end(void **state)
{
	(void)state;
	put_file("a", "old");
	wish("/a");
	upload.atomic = true;
	assert_int_equal(upload_check(&upload), 0);
	assert_int_equal(upload_open(&upload), 0);
	assert_int_equal(write(upload.fd, "new one", 7), 7);
	file_is("a", "old");
	upload.end = 7;
	assert_int_equal(upload_finish(&upload, true), 0);
	file_is("a", "new one");
	assert_false(exists(upload.hidden));
}

static void atomic_resumes_its_partial_after_a_cut(void **state)
{
	struct statx stat;
	char hidden[256];

	(void)state;
	wish("/a");
	upload.atomic = true;
	assert_int_equal(store("12345", false), 0);
	strcpy(hidden, upload.hidden);
	assert_false(exists("a"));
	file_is(hidden, "12345");
	assert_int_equal(upload_partial_stat(root, "/a", 7, &stat), 0);
	assert_int_equal(stat.stx_size, 5);
	assert_int_equal(upload_partial_stat(root, "/a", 8, &stat), -ENOENT);
	wish("/a");
	upload.atomic = true;
	upload.append = true;
	assert_int_equal(store("678", true), 0);
	file_is("a", "12345678");
	assert_false(exists(hidden));
}

static void atomic_append_begins_with_what_is_there(void **state)
{
	(void)state;
	put_file("a", "old");
	wish("/a");
	upload.atomic = true;
	upload.append = true;
	assert_int_equal(store(" and new", true), 0);
	file_is("a", "old and new");
}

static int failing_fallocate(int fd, int mode, off_t offset, off_t size_bytes)
{
	(void)fd;
	(void)mode;
	(void)offset;
	(void)size_bytes;
	return spoilt_error;
}

static ssize_t short_copy_file_range(int from, off_t from_offset, int to, off_t to_offset,
				     size_t size_bytes)
{
	return calls_real.copy_file_range(from, from_offset, to, to_offset,
					  size_bytes < 2 ? size_bytes : 2);
}

static ssize_t no_copy_file_range(int from, off_t from_offset, int to, off_t to_offset,
				  size_t size_bytes)
{
	(void)from;
	(void)from_offset;
	(void)to;
	(void)to_offset;
	(void)size_bytes;
	return -EXDEV;
}

static ssize_t no_pwrite(int fd, const void *buffer, size_t size_bytes, off_t offset)
{
	(void)fd;
	(void)buffer;
	(void)size_bytes;
	(void)offset;
	return -ENOSPC;
}

static void atomic_copies_by_slices(void **state)
{
	int slices = 0;

	(void)state;
	spoilt.copy_file_range = short_copy_file_range;
	spoilt.pwrite = no_pwrite; /* none is needed */
	put_file("a", "12345");
	wish("/a");
	upload.atomic = true;
	upload.append = true;
	assert_int_equal(upload_check(&upload), 0);
	while (upload_open(&upload) == -EINPROGRESS)
		slices++;
	assert_int_equal(slices, 3);
	assert_int_equal(upload.start, 5);
	assert_int_equal(pwrite(upload.fd, "6", 1, 5), 1);
	upload.end = 6;
	assert_int_equal(upload_finish(&upload, true), 0);
	file_is("a", "123456");
	wish("/a");
	upload.atomic = true;
	upload.offset = 3; /* no more is copied than is kept */
	assert_int_equal(store("xyz", true), 0);
	file_is("a", "123xyz");
}

static void atomic_copies_by_hand_what_the_kernel_does_not(void **state)
{
	(void)state;
	spoilt.copy_file_range = no_copy_file_range;
	put_file("a", "12345");
	wish("/a");
	upload.atomic = true;
	upload.append = true;
	assert_int_equal(store("6", true), 0);
	file_is("a", "123456");
	wish("/a");
	upload.atomic = true;
	upload.offset = 3;
	assert_int_equal(store("xyz", true), 0);
	file_is("a", "123xyz");
	spoilt.pwrite = no_pwrite;
	wish("/a");
	upload.atomic = true;
	upload.append = true;
	assert_int_equal(store("7", true), -ENOSPC);
	file_is("a", "123xyz");
	assert_false(exists(upload.hidden));
}

static void a_copy_that_nothing_came_to_goes(void **state)
{
	int lowest = dup(0);

	(void)state;
	close(lowest);
	spoilt.copy_file_range = short_copy_file_range;
	put_file("a", "12345");
	wish("/a");
	upload.atomic = true;
	upload.append = true;
	assert_int_equal(store("", false), 0);
	assert_false(exists(upload.hidden));

	wish("/a");
	upload.atomic = true;
	upload.append = true;
	assert_int_equal(upload_check(&upload), 0);
	assert_int_equal(upload_open(&upload), -EINPROGRESS); /* aborted amid the copy */
	assert_int_equal(upload_finish(&upload, false), 0);
	assert_false(exists(upload.hidden));
	file_is("a", "12345");
	assert_int_equal(dup(0), lowest);
	close(lowest);
}

static void what_came_before_a_cut_stays_after_the_next(void **state)
{
	(void)state;
	wish("/a");
	upload.atomic = true;
	assert_int_equal(store("12345", false), 0);
	wish("/a");
	upload.atomic = true;
	upload.append = true;
	assert_int_equal(store("", false), 0);
	file_is(upload.hidden, "12345");
	spoilt.fallocate = failing_fallocate;
	spoilt_error = -ENOSPC;
	wish("/a");
	upload.atomic = true;
	upload.reserve_bytes = 10;
	assert_int_equal(store("", false), -ENOSPC); /* before it is cut */
	file_is(upload.hidden, "12345");
	wish("/a");
	upload.atomic = true;
	assert_int_equal(store("", false), 0);
	assert_false(exists(upload.hidden));
}

static void atomic_leaves_nothing_of_an_upload_that_never_began(void **state)
{
	(void)state;
	wish("/a");
	upload.atomic = true;
	assert_int_equal(upload_check(&upload), 0);
	assert_int_equal(upload_open(&upload), 0);
	assert_true(exists(upload.hidden));
	upload_finish(&upload, false);
	assert_false(exists(upload.hidden));
	assert_false(exists("a"));
}

static const struct timespec long_ago[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };

static void forgotten_partials_are_swept_and_others_stay(void **state)
{
	(void)state;
	put_file(".old.0123456789abcdef.part", "x");
	put_file(".young.0123456789abcdef.part", "x");
	put_file(".old.part", "x");
	put_file("old.0123456789abcdef.part", "x");
	utimensat(root, ".old.0123456789abcdef.part", long_ago, 0);
	utimensat(root, ".old.part", long_ago, 0);
	utimensat(root, "old.0123456789abcdef.part", long_ago, 0);
	wish("/a");
	upload.atomic = true;
	assert_int_equal(store("x", true), 0);
	assert_false(exists(".old.0123456789abcdef.part"));
	assert_true(exists(".young.0123456789abcdef.part"));
	assert_true(exists(".old.part"));
	assert_true(exists("old.0123456789abcdef.part"));
}

/* In a folder of its own, since one is swept once an hour. */
static void a_partial_older_than_a_day_is_continued(void **state)
{
	char hidden[300];

	(void)state;
	wish("/a");
	upload.atomic = true;
	assert_int_equal(store("", false), 0);
	mkdirat(root, "folder", 0755);
	snprintf(hidden, sizeof(hidden), "folder/%s", upload.hidden);
	put_file(hidden, "12345");
	utimensat(root, hidden, long_ago, 0);
	wish("/folder/a");
	upload.atomic = true;
	upload.append = true;
	assert_int_equal(store("678", true), 0);
	file_is("folder/a", "12345678");
}

static int spoilt_flock(int fd, int operation)
{
	(void)fd;
	(void)operation;
	return spoilt_error;
}

static void a_file_system_without_locks_takes_appends(void **state)
{
	(void)state;
	spoilt.flock = spoilt_flock;
	put_file("a", "1");
	for (int atomic = 0; atomic <= 1; atomic++) {
		wish("/a");
		upload.atomic = atomic;
		upload.append = true;
		spoilt_error = -ENOLCK;
		assert_int_equal(store("2", true), 0);
		wish("/a");
		upload.atomic = atomic;
		upload.append = true;
		spoilt_error = -EWOULDBLOCK;
		assert_int_equal(store("3", true), -EALREADY);
	}
	file_is("a", "122");
}

static void a_partial_that_somebody_goes_on_with_is_not_swept(void **state)
{
	int held;

	(void)state;
	mkdirat(root, "one", 0755);
	mkdirat(root, "two", 0755);
	put_file("two/.held.0123456789abcdef.part", "x");
	utimensat(root, "two/.held.0123456789abcdef.part", long_ago, 0);
	held = openat(root, "two/.held.0123456789abcdef.part", O_RDWR);
	assert_int_equal(flock(held, LOCK_EX), 0);
	wish("/two/a");
	upload.atomic = true;
	assert_int_equal(store("x", true), 0);
	assert_true(exists("two/.held.0123456789abcdef.part"));
	close(held);
}

static void an_append_to_what_has_become_shorter_is_refused(void **state)
{
	char hidden[256];

	(void)state;
	for (int atomic = 0; atomic <= 1; atomic++) {
		wish("/a");
		upload.atomic = atomic;
		assert_int_equal(store("12345", false), 0);
		strcpy(hidden, upload.hidden[0] ? upload.hidden : "a");
		wish("/a");
		upload.atomic = atomic;
		upload.append = true;
		assert_int_equal(upload_check(&upload), 0);
		put_file(hidden, "1234");
		assert_int_equal(upload_open(&upload), -ERANGE);
		assert_int_equal(upload_finish(&upload, false), 0);
		file_is(hidden, "1234");
		unlinkat(root, hidden, 0);

		wish("/a");
		upload.atomic = atomic;
		upload.append = true;
		put_file(hidden, "12345");
		assert_int_equal(upload_check(&upload), 0);
		unlinkat(root, hidden, 0);
		assert_int_equal(upload_open(&upload), -ERANGE);
		assert_int_equal(upload_finish(&upload, false), 0);
		assert_false(exists(hidden));
	}
}

static void a_second_upload_of_the_same_name_is_busy(void **state)
{
	struct upload first;

	(void)state;
	wish("/a");
	upload.atomic = true;
	first = upload;
	assert_int_equal(upload_check(&first), 0);
	assert_int_equal(upload_open(&first), 0);
	wish("/a");
	upload.atomic = true;
	assert_int_equal(store("second", true), -EALREADY);
	assert_int_equal(write(first.fd, "first", 5), 5);
	first.end = 5;
	assert_int_equal(upload_finish(&first, true), 0);
	file_is("a", "first");
}

static void a_second_append_to_the_same_file_is_busy(void **state)
{
	struct upload first;

	(void)state;
	put_file("a", "123");
	wish("/a");
	upload.append = true;
	first = upload;
	assert_int_equal(upload_check(&first), 0);
	assert_int_equal(upload_open(&first), 0);
	wish("/a");
	upload.append = true;
	assert_int_equal(store("second", true), -EALREADY);
	assert_int_equal(pwrite(first.fd, "first", 5, first.start), 5);
	first.end = first.start + 5;
	assert_int_equal(upload_finish(&first, true), 0);
	file_is("a", "123first");
	wish("/a");
	upload.append = true;
	assert_int_equal(store("second", true), 0);
	file_is("a", "123firstsecond");
}

static void a_partial_beside_a_whole_file_counts_for_nothing(void **state)
{
	struct statx stat;

	(void)state;
	put_file("a", "whole");
	wish("/a");
	upload.atomic = true;
	assert_int_equal(store("par", false), 0);
	assert_int_equal(upload_partial_stat(upload.root, "/a", upload.owner, &stat), -EEXIST);
	wish("/a");
	upload.atomic = true;
	upload.append = true;
	assert_int_equal(store("+", true), 0);
	file_is("a", "whole+");
}

static void a_partial_file_is_removed_by_its_name(void **state)
{
	(void)state;
	assert_int_equal(upload_partial_remove(root, "/a", 7), -ENOENT);
	assert_int_equal(upload_partial_remove(root, "/", 7), -EBUSY);
	wish("/a");
	upload.atomic = true;
	assert_int_equal(store("part", false), 0);
	assert_true(exists(upload.hidden));
	assert_int_equal(upload_partial_remove(root, "/a", 8), -ENOENT);
	assert_int_equal(upload_partial_remove(root, "/a", 7), 0);
	assert_false(exists(upload.hidden));
	wish("/a");
	upload.atomic = true;
	assert_int_equal(upload_check(&upload), 0);
	assert_int_equal(upload_open(&upload), 0);
	assert_int_equal(upload_partial_remove(root, "/a", 7), -EALREADY);
	assert_int_equal(upload_finish(&upload, true), 0);
	file_is("a", "");
}

static void a_folder_goes_with_partial_files_alone(void **state)
{
	static const char *const parts[] = { "folder/.a.0123456789abcdef.part",
					     "folder/.b.0123456789abcdef.part" };

	(void)state;
	mkdirat(root, "folder", 0755);
	put_file(parts[0], "a");
	put_file(parts[1], "b");
	put_file("folder/file", "c");
	assert_int_equal(upload_remove_folder(root, "/folder"), -ENOTEMPTY);
	file_is(parts[0], "a");
	file_is(parts[1], "b");
	unlinkat(root, "folder/file", 0);
	wish("/folder/c");
	upload.atomic = true;
	assert_int_equal(upload_check(&upload), 0);
	assert_int_equal(upload_open(&upload), 0);
	assert_int_equal(upload_remove_folder(root, "/folder"), -EALREADY);
	file_is(parts[0], "a");
	assert_int_equal(upload_finish(&upload, false), 0);
	assert_int_equal(upload_remove_folder(root, "/folder"), 0);
	assert_false(exists("folder"));
	assert_int_equal(upload_remove_folder(root, "/folder"), -ENOENT);
	put_file("file", "");
	assert_int_equal(upload_remove_folder(root, "/file"), -ENOTDIR);
}

static void unique_never_takes_a_name_twice(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		wish("/stou");
		upload.unique = true;
		assert_int_equal(store("x", true), 0);
	}
	assert_true(exists("stou"));
	assert_true(exists("stou.1"));
	assert_true(exists("stou.2"));
	wish("/stou");
	upload.unique = true;
	assert_int_equal(upload_check(&upload), 0);
	assert_true(exists("stou.3")); /* taken before the 150 */
	upload_finish(&upload, false);
	assert_false(exists("stou.3"));
}

static void allo_reserves_blocks_and_gives_the_rest_back(void **state)
{
	struct stat stat;

	(void)state;
	wish("/a");
	upload.reserve_bytes = 1000000;
	assert_int_equal(upload_check(&upload), 0);
	assert_int_equal(upload_open(&upload), 0);
	fstat(upload.fd, &stat);
	assert_int_equal(stat.st_size, 0);
	assert_true(stat.st_blocks * 512 >= 1000000);
	assert_int_equal(write(upload.fd, "abc", 3), 3);
	upload.end = 3;
	assert_int_equal(upload_finish(&upload, true), 0);
	file_is("a", "abc");
	fstatat(root, "a", &stat, 0);
	assert_true(stat.st_blocks * 512 < 100000);
}

/* What a file occupies, in bytes. */
static uint64_t occupied(int fd)
{
	struct stat stat;

	assert_int_equal(fstat(fd, &stat), 0);
	return (uint64_t)stat.st_blocks * 512;
}

static void allo_reserves_blocks_where_an_old_file_was_too(void **state)
{
	struct stat stat;

	(void)state;
	put_file("a", "something");
	wish("/a");
	upload.reserve_bytes = 1000000;
	assert_int_equal(upload_check(&upload), 0);
	assert_int_equal(upload_open(&upload), 0);
	assert_int_equal(fstat(upload.fd, &stat), 0);
	assert_int_equal(stat.st_size, 0);
	assert_true(occupied(upload.fd) >= 1000000);
	assert_int_equal(upload_finish(&upload, false), 0);
	fstatat(root, "a", &stat, 0);
	assert_true(stat.st_blocks * 512 < 100000);
}

static struct upload other;
static int more_at; /* the look at a size after which the other upload writes more */

static int statx_then_more(int folder, const char *path, int flags, unsigned mask,
			   struct statx *ret_stat)
{
	int r = calls_real.statx(folder, path, flags, mask, ret_stat);

	if (--more_at == 0)
		assert_int_equal(pwrite(other.fd, "more", 4, 3), 4);
	return r;
}

/* Opens an upload of "/a" with ALLO and writes "abc", and another of it beside. */
static void two_writers(void)
{
	wish("/a");
	other = upload;
	assert_int_equal(upload_check(&other), 0);
	assert_int_equal(upload_open(&other), 0);
	upload.reserve_bytes = 1000000;
	assert_int_equal(upload_check(&upload), 0);
	assert_int_equal(upload_open(&upload), 0);
	assert_int_equal(pwrite(upload.fd, "abc", 3, 0), 3);
	upload.end = 3;
}

static void what_allo_did_not_need_is_not_cut_off_another_upload(void **state)
{
	struct stat stat;

	(void)state;
	two_writers();
	spoilt.statx = statx_then_more;
	more_at = 1;
	assert_int_equal(upload_finish(&upload, true), 0);
	if (more_at > 0) /* it did not even look */
		assert_int_equal(pwrite(other.fd, "more", 4, 3), 4);
	spoilt.statx = calls_real.statx;
	file_is("a", "abcmore");
	other.end = 7;
	assert_int_equal(upload_finish(&other, true), 0);
	file_is("a", "abcmore");
	fstatat(root, "a", &stat, 0);
	assert_true(stat.st_blocks * 512 < 100000); /* the last one has given it back */
}

static void allo_on_a_full_disk_leaves_all_as_it_was(void **state)
{
	(void)state;
	spoilt.fallocate = failing_fallocate;
	spoilt_error = -ENOSPC;
	put_file("a", "old");
	for (int atomic = 0; atomic <= 1; atomic++) {
		wish("/a");
		upload.atomic = atomic;
		upload.reserve_bytes = 10;
		assert_int_equal(store("", true), -ENOSPC);
		file_is("a", "old");
		wish("/new");
		upload.atomic = atomic;
		upload.reserve_bytes = 10;
		assert_int_equal(store("", true), -ENOSPC);
		assert_false(exists("new"));
		assert_false(exists(upload.hidden));
	}
}

static void a_refused_upload_leaves_the_blocks_of_the_first_one(void **state)
{
	struct upload first;

	(void)state;
	wish("/a");
	upload.atomic = true;
	upload.reserve_bytes = 1000000;
	first = upload;
	assert_int_equal(upload_check(&first), 0);
	assert_int_equal(upload_open(&first), 0);
	wish("/a");
	upload.atomic = true;
	upload.reserve_bytes = 1000;
	assert_int_equal(store("", true), -EALREADY);
	assert_true(occupied(first.fd) >= 1000000);
	assert_int_equal(upload_finish(&first, false), 0);
}

static void what_is_no_file_is_refused(void **state)
{
	(void)state;
	mkdirat(root, "folder", 0755);
	mkfifoat(root, "fifo", 0644);
	assert_int_equal(symlinkat("/../../etc/new", root, "outside"), 0);
	wish("/folder");
	assert_int_equal(store("", true), -EISDIR);
	wish("/");
	assert_int_equal(store("", true), -EISDIR);
	wish("/fifo");
	assert_int_equal(store("", true), -ENXIO);
	wish("/no/a");
	assert_int_equal(store("", true), -ENOENT);
	wish("/folder/no/a");
	assert_int_equal(store("", true), -ENOENT);
	wish("/outside");
	assert_true(store("", true) < 0);
	assert_int_not_equal(access("/etc/new", F_OK), 0);
}

/* A reader of a FIFO sees its end when there was a writer and is none any more. */
static void a_refused_fifo_does_not_end_for_its_reader(void **state)
{
	struct pollfd reader = { .events = POLLIN };

	(void)state;
	mkfifoat(root, "fifo", 0644);
	reader.fd = openat(root, "fifo", O_RDONLY | O_NONBLOCK);
	wish("/fifo");
	assert_int_equal(store("", true), -ENXIO);
	assert_int_equal(poll(&reader, 1, 0), 0);
	close(reader.fd);
}

static unsigned device_opens;

static int watching_openat2(int folder, const char *path, const struct open_how *how)
{
	struct stat stat;
	int fd = calls_real.openat2(folder, path, how);

	if (fd >= 0 && !(how->flags & O_PATH) && fstat(fd, &stat) == 0 && S_ISCHR(stat.st_mode))
		device_opens++;
	return fd;
}

static void a_device_is_refused_unopened(void **state)
{
	(void)state;
	if (mknodat(root, "null", S_IFCHR | 0666, makedev(1, 3)) < 0)
		skip(); /* only root can make one */
	device_opens = 0;
	spoilt.openat2 = watching_openat2;
	wish("/null");
	assert_int_equal(store("", true), -ENXIO);
	assert_int_equal(device_opens, 0);
}

static void a_link_to_nothing_is_where_the_file_is_made(void **state)
{
	(void)state;
	assert_int_equal(symlinkat("target", root, "link"), 0);
	wish("/link");
	assert_int_equal(store("x", true), 0);
	file_is("target", "x");
}

/* A link of the folder, seen from the machine's root, and the path of the link there. */
static void wish_link(int machine, const char *target)
{
	char path[PATH_BYTES_MAX];

	assert_int_equal(symlinkat(target, root, "link"), 0);
	snprintf(path, sizeof(path), "%s/link", base);
	wish(path);
	upload.root = machine;
}

static void the_disk_is_that_of_the_file(void **state)
{
	char target[] = "/dev/shm/upload_test.XXXXXX";
	int machine = open("/", O_PATH | O_DIRECTORY);
	int file = mkstemp(target);
	struct statx stat;
	struct disk disk;

	(void)state;
	assert_true(file >= 0);
	assert_int_equal(statx(file, "", AT_EMPTY_PATH, STATX_MNT_ID, &stat), 0);
	disk = mounts_find(stat.stx_mnt_id);
	wish_link(machine, target);
	assert_int_equal(upload_check(&upload), 0);
	assert_int_equal(upload.disk.id, disk.id);
	upload.disk.id++;
	assert_int_equal(upload_open(&upload), 0);
	assert_int_equal(upload.disk.id, disk.id);
	assert_int_equal(upload.disk.kind, DISK_MEMORY);
	assert_int_equal(upload_finish(&upload, true), 0);
	unlink(target);
	close(file);
	close(machine);
}

static void what_lies_on_procfs_is_not_written(void **state)
{
	int machine = open("/", O_PATH | O_DIRECTORY);

	(void)state;
	wish_link(machine, "/proc/self/comm");
	assert_int_equal(store("x", true), -EACCES);
	unlinkat(root, "link", 0);
	wish_link(machine, "/proc/self/comm");
	upload.atomic = true;
	upload.append = true;
	assert_int_equal(store("x", true), -EACCES);
	close(machine);
}

static int failing_renameat2(int from, const char *old, int to, const char *new, unsigned flags)
{
	(void)from;
	(void)old;
	(void)to;
	(void)new;
	(void)flags;
	return spoilt_error;
}

static int failing_may_write(int folder)
{
	(void)folder;
	return -EACCES;
}

static int failing_ftruncate(int fd, off_t size_bytes)
{
	(void)fd;
	(void)size_bytes;
	return -EIO;
}

static void the_errors_of_the_disk_are_told(void **state)
{
	(void)state;
	spoilt.fallocate = failing_fallocate;
	spoilt_error = -ENOSPC;
	wish("/a");
	upload.reserve_bytes = 10;
	assert_int_equal(store("", true), -ENOSPC);
	spoilt_error = -EOPNOTSUPP; /* no reason to refuse */
	wish("/a");
	upload.reserve_bytes = 10;
	assert_int_equal(store("x", true), 0);
	spoilt = calls_real;

	spoilt.renameat2 = failing_renameat2;
	spoilt_error = -EDQUOT;
	wish("/b");
	upload.atomic = true;
	assert_int_equal(store("x", true), -EDQUOT);
	assert_false(exists("b"));
	spoilt = calls_real;

	spoilt.may_write = failing_may_write;
	wish("/new");
	assert_int_equal(store("x", true), -EACCES);
	spoilt = calls_real;

	spoilt.ftruncate = failing_ftruncate;
	put_file("c", "old");
	wish("/c");
	assert_int_equal(store("x", true), -EIO);
}

static unsigned walks_given_up; /* that the kernel will give up yet */

static int restless_openat2(int folder, const char *path, const struct open_how *how)
{
	if (walks_given_up == 0)
		return calls_real.openat2(folder, path, how);
	walks_given_up--;
	return -EAGAIN;
}

static void a_walk_that_the_kernel_gives_up_is_begun_again(void **state)
{
	(void)state;
	spoilt.openat2 = restless_openat2;
	walks_given_up = 3;
	wish("/a");
	assert_int_equal(store("x", true), 0);
	walks_given_up = 1000; /* but not for ever */
	wish("/a");
	assert_int_equal(store("x", true), -EAGAIN);
	assert_true(walks_given_up > 900);
}

static void no_upload_leaves_a_descriptor_open(void **state)
{
	int lowest = dup(0);

	close(lowest);
	the_errors_of_the_disk_are_told(state);
	spoilt = calls_real;
	what_is_no_file_is_refused(state);
	unique_never_takes_a_name_twice(state);
	assert_int_equal(dup(0), lowest);
	close(lowest);
}

static void owners_differ(void **state)
{
	(void)state;
	assert_int_equal(upload_owner("alice", 5), upload_owner("alice", 5));
	assert_int_not_equal(upload_owner("alice", 5), upload_owner("alicf", 5));
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

static int statx_calls;

static int failing_nth_statx(int folder, const char *path, int flags, unsigned mask,
			     struct statx *ret_stat)
{
	return --statx_calls == 0 ? -EIO : calls_real.statx(folder, path, flags, mask, ret_stat);
}

static void a_hidden_file_that_cannot_be_looked_at_is_not_left(void **state)
{
	(void)state;
	for (int n = 1; n <= 3; n++) {
		wish("/a");
		upload.atomic = true;
		assert_int_equal(upload_check(&upload), 0);
		statx_calls = n;
		spoilt.statx = failing_nth_statx;
		assert_int_equal(upload_open(&upload), -EIO);
		spoilt.statx = calls_real.statx;
		assert_int_equal(upload_finish(&upload, false), 0);
		assert_true(upload.hidden[0] != '\0');
		assert_false(exists(upload.hidden));
	}
}

/* An upload that is cut behind a marker. Returns its origin's number. */
static uint64_t cut_behind_a_marker(const char *path, bool atomic)
{
	uint64_t number;

	wish(path);
	upload.atomic = atomic;
	assert_int_equal(upload_check(&upload), 0);
	assert_int_equal(open_all(), 0);
	assert_int_equal(upload_note_origin(&upload), 0);
	assert_int_equal(pwrite(upload.fd, "content", 7, 0), 7);
	upload.end = 7;
	upload.origin.limit = 5;
	number = upload.origin.number;
	assert_int_equal(upload_finish(&upload, false), 0);
	return number;
}

/* What a marker has to be of for the file as it is now. */
static struct upload_origin origin_of(const char *path, bool atomic)
{
	wish(path);
	upload.atomic = atomic;
	upload.from_marker = true;
	upload.offset = 2;
	assert_int_equal(upload_check(&upload), 0);
	upload_finish(&upload, false);
	return upload.origin;
}

static void the_origin_is_known_until_the_file_changes(const char *name)
{
	char path[16];
	uint64_t number;

	snprintf(path, sizeof(path), "/%s", name);
	number = cut_behind_a_marker(path, false);
	assert_true(number != 0);
	assert_true(origin_of(path, false).number == number);
	assert_int_equal(origin_of(path, false).limit, 5);
	/* It goes on from there, without a marker of its own: later ones are not good any more. */
	wish(path);
	upload.from_marker = true;
	upload.offset = 3;
	assert_int_equal(upload_check(&upload), 0);
	assert_int_equal(open_all(), 0);
	assert_true(upload.origin.number == number);
	upload.origin.limit = 3;
	upload.end = 3;
	assert_int_equal(upload_finish(&upload, false), 0);
	assert_true(origin_of(path, false).number == number);
	assert_int_equal(origin_of(path, false).limit, 3);
	/* Between check and open somebody stores it anew. */
	wish(path);
	upload.from_marker = true;
	upload.offset = 3;
	assert_int_equal(upload_check(&upload), 0);
	put_file(name, "CONTENT");
	assert_int_equal(upload_open(&upload), -EKEYREJECTED);
	upload_finish(&upload, false);
	file_is(name, "CONTENT");
	wish(path);
	assert_int_equal(store("content", false), 0);
	assert_true(origin_of(path, false).number == 0);
}

static int no_attribute(int fd, const char *name, const void *value, size_t size_bytes)
{
	(void)fd;
	(void)name;
	(void)value;
	(void)size_bytes;
	return -EOPNOTSUPP;
}

static void an_origin_is_known_with_attributes_and_without(void **state)
{
	(void)state;
	the_origin_is_known_until_the_file_changes("a");
	spoilt.setxattr = no_attribute;
	the_origin_is_known_until_the_file_changes("b");
}

static void an_origin_without_attributes_is_forgotten_by_many(void **state)
{
	uint64_t number;

	(void)state;
	spoilt.setxattr = no_attribute;
	number = cut_behind_a_marker("/first", false);
	for (int i = 0; i < 512; i++) {
		char path[16];

		if (i == 200)
			assert_true(origin_of("/first", false).number == number);
		snprintf(path, sizeof(path), "/%d", i);
		cut_behind_a_marker(path, false);
	}
	assert_true(origin_of("/first", false).number == 0);
}

static void a_partial_has_its_origin(void **state)
{
	uint64_t number;

	(void)state;
	number = cut_behind_a_marker("/a", true);
	assert_true(origin_of("/a", true).number == number);
	wish("/a");
	upload.atomic = true;
	assert_int_equal(store("CONTENT", false), 0);
	assert_true(origin_of("/a", true).number == 0);
	number = cut_behind_a_marker("/a", true);
	wish("/a");
	upload.atomic = true;
	upload.from_marker = true;
	upload.offset = 7;
	assert_int_equal(store("!", true), 0);
	file_is("a", "content!");
}

/* The server was killed: nobody has noted how the file was left. */
static void an_upload_without_an_end_is_of_its_origin_until_it_is_stored_anew(void **state)
{
	uint64_t number;

	(void)state;
	wish("/a");
	assert_int_equal(upload_check(&upload), 0);
	assert_int_equal(open_all(), 0);
	assert_int_equal(upload_note_origin(&upload), 0);
	assert_int_equal(write(upload.fd, "content", 7), 7);
	number = upload.origin.number;
	writer_leave(&upload.writer);
	close(upload.fd);
	close(upload.folder);
	assert_true(origin_of("/a", false).number == number);
	assert_true(origin_of("/a", false).limit > 7);
	wish("/a");
	assert_int_equal(store("content", true), 0);
	assert_true(origin_of("/a", false).number == 0);
}

static void of_two_uploads_at_once_the_later_one_has_the_file(void **state)
{
	struct upload first;

	(void)state;
	wish("/a");
	assert_int_equal(upload_check(&upload), 0);
	assert_int_equal(open_all(), 0);
	writer_leave(&upload.writer); /* it is embedded in what has another place from here on */
	first = upload;
	writer_enter(&first.writer, first.device, first.inode);
	cut_behind_a_marker("/a", false);
	assert_int_equal(upload_note_origin(&first), -EBUSY);
	upload_finish(&first, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		/* First: a folder is swept once an hour, and its number is used again by the next. */
		TEST(forgotten_partials_are_swept_and_others_stay),
		TEST(a_partial_older_than_a_day_is_continued),
		TEST(a_file_system_without_locks_takes_appends),
		TEST(a_partial_that_somebody_goes_on_with_is_not_swept),
		TEST(in_place_replaces_what_was_there),
		TEST(check_alone_changes_nothing),
		TEST(in_place_keeps_what_arrived),
		TEST(append_and_restart_go_on),
		TEST(an_origin_is_known_with_attributes_and_without),
		TEST(an_origin_without_attributes_is_forgotten_by_many),
		TEST(a_partial_has_its_origin),
		TEST(an_upload_without_an_end_is_of_its_origin_until_it_is_stored_anew),
		TEST(of_two_uploads_at_once_the_later_one_has_the_file),
		TEST(what_comes_in_any_order_ends_nowhere),
		TEST(a_range_leaves_what_is_around_it),
		TEST(a_range_that_is_cut_leaves_an_atomic_file),
		TEST(atomic_shows_nothing_before_the_end),
		TEST(atomic_resumes_its_partial_after_a_cut),
		TEST(atomic_append_begins_with_what_is_there),
		TEST(atomic_copies_by_slices),
		TEST(atomic_copies_by_hand_what_the_kernel_does_not),
		TEST(a_copy_that_nothing_came_to_goes),
		TEST(what_came_before_a_cut_stays_after_the_next),
		TEST(atomic_leaves_nothing_of_an_upload_that_never_began),
		TEST(a_second_upload_of_the_same_name_is_busy),
		TEST(an_append_to_what_has_become_shorter_is_refused),
		TEST(a_second_append_to_the_same_file_is_busy),
		TEST(a_partial_beside_a_whole_file_counts_for_nothing),
		TEST(a_partial_file_is_removed_by_its_name),
		TEST(a_folder_goes_with_partial_files_alone),
		TEST(unique_never_takes_a_name_twice),
		TEST(allo_reserves_blocks_and_gives_the_rest_back),
		TEST(what_allo_did_not_need_is_not_cut_off_another_upload),
		TEST(allo_reserves_blocks_where_an_old_file_was_too),
		TEST(allo_on_a_full_disk_leaves_all_as_it_was),
		TEST(a_refused_upload_leaves_the_blocks_of_the_first_one),
		TEST(what_is_no_file_is_refused),
		TEST(a_refused_fifo_does_not_end_for_its_reader),
		TEST(a_device_is_refused_unopened),
		TEST(a_link_to_nothing_is_where_the_file_is_made),
		TEST(the_disk_is_that_of_the_file),
		TEST(what_lies_on_procfs_is_not_written),
		TEST(the_errors_of_the_disk_are_told),
		TEST(a_walk_that_the_kernel_gives_up_is_begun_again),
		TEST(no_upload_leaves_a_descriptor_open),
		cmocka_unit_test_setup_teardown(a_hidden_file_that_cannot_be_looked_at_is_not_left,
						setup, teardown),
		cmocka_unit_test(owners_differ),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
