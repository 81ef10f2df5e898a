#include "fs/joining.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include <cmocka.h>

#include "fs/creation_mode.h"
#include "support/test_folder.h"

static bool complete;
static char blamed[PATH_BYTES_MAX];

/* Joins parts "1", "2", … to a target, in at most steps_max steps. */
static int join(const char *target, unsigned count, int steps_max)
{
	struct joining *joining = joining_new(count);
	int r = -EINPROGRESS;

	assert_non_null(joining);
	joining->root = test_root;
	joining->mask = CREATION_MASK_SET | 027;
	strcpy(joining->target, target);
	for (unsigned i = 0; i < count; i++) {
		strcpy(joining->parts[i].path, "/1");
		joining->parts[i].path[1] = (char)('1' + i);
	}
	for (int i = 0; r == -EINPROGRESS && i < steps_max; i++)
		r = joining_step(joining);
	joining_finish(joining, r);
	complete = joining->complete;
	strcpy(blamed, joining->blamed ? joining->blamed : "");
	free(joining);
	return r;
}

static void put_parts(void)
{
	put_text("1", "one ");
	put_text("2", "two ");
	put_text("3", "three");
}

static void nothing_has_changed(const char *target)
{
	assert_false(complete);
	if (target)
		text_is("target", target);
	else
		assert_false(is_there("target"));
	text_is("1", "one ");
	text_is("2", "two ");
	text_is("3", "three");
}

static void parts_are_joined_in_order_and_go(void **state)
{
	int before = descriptors();

	(void)state;
	put_parts();
	assert_int_equal(join("/target", 3, 99), 0);
	text_is("target", "one two three");
	assert_int_equal(stat_of("target").st_mode, S_IFREG | 0640);
	assert_int_equal(names_in("."), 1);
	put_parts();
	assert_int_equal(join("/target", 2, 99), 0);
	text_is("target", "one two threeone two ");
	text_is("3", "three");
	assert_int_equal(descriptors(), before);
}

static void a_joining_that_is_given_up_leaves_all_as_it_was(void **state)
{
	int before = descriptors();

	(void)state;
	put_parts();
	for (int steps = 1; steps <= 7; steps++) { /* begun; two steps a part */
		assert_int_equal(join("/target", 3, steps), -EINPROGRESS);
		nothing_has_changed(NULL);
	}
	put_text("target", "old");
	for (int steps = 1; steps <= 7; steps++) {
		assert_int_equal(join("/target", 3, steps), -EINPROGRESS);
		nothing_has_changed("old");
	}
	assert_int_equal(descriptors(), before);
}

static ssize_t full_copy_file_range(int from, off_t from_offset, int to, off_t to_offset,
				    size_t size_bytes)
{
	(void)from;
	(void)from_offset;
	(void)to;
	(void)size_bytes;
	(void)to_offset;
	return -ENOSPC;
}

static ssize_t full_pwrite(int fd, const void *buffer, size_t size_bytes, off_t offset)
{
	return offset >= 8 ? -ENOSPC : calls_real.pwrite(fd, buffer, size_bytes, offset);
}

static int failing_fsync(int fd)
{
	(void)fd;
	return -EIO;
}

static int no_first_unlinkat(int folder, const char *name, int flags)
{
	return strcmp(name, "1") == 0 ? -EPERM : calls_real.unlinkat(folder, name, flags);
}

static void a_failure_leaves_all_as_it_was(void **state)
{
	int before = descriptors();

	(void)state;
	put_parts();
	put_text("target", "old");
	test_calls.copy_file_range = full_copy_file_range;
	test_calls.pwrite = full_pwrite;
	assert_int_equal(join("/target", 3, 99), -ENOSPC);
	nothing_has_changed("old");
	test_calls.copy_file_range = calls_real.copy_file_range;
	test_calls.pwrite = calls_real.pwrite;
	test_calls.fsync = failing_fsync;
	assert_int_equal(join("/target", 3, 99), -EIO);
	nothing_has_changed("old");
	test_calls.fsync = calls_real.fsync;
	test_calls.unlinkat = no_first_unlinkat;
	assert_int_equal(join("/target", 3, 99), -EPERM);
	assert_string_equal(blamed, "/1");
	nothing_has_changed("old");
	assert_int_equal(descriptors(), before);
}

static int no_second_unlinkat(int folder, const char *name, int flags)
{
	return strcmp(name, "2") == 0 ? -EPERM : calls_real.unlinkat(folder, name, flags);
}

static void once_a_part_is_gone_there_is_no_way_back(void **state)
{
	(void)state;
	put_parts();
	test_calls.unlinkat = no_second_unlinkat;
	assert_int_equal(join("/target", 3, 99), -EPERM);
	assert_true(complete);
	assert_string_equal(blamed, "/2");
	text_is("target", "one two three");
	text_is("2", "two ");
	assert_int_equal(names_in("."), 2);
}

static void a_file_is_joined_once_and_not_to_itself(void **state)
{
	(void)state;
	put_parts();
	assert_int_equal(join("/2", 3, 99), -ENOTUNIQ);
	assert_int_equal(linkat(test_root, "1", test_root, "target", 0), 0);
	assert_int_equal(join("/target", 3, 99), -ENOTUNIQ);
	assert_int_equal(unlinkat(test_root, "target", 0), 0);
	assert_int_equal(unlinkat(test_root, "3", 0), 0);
	assert_int_equal(linkat(test_root, "1", test_root, "3", 0), 0);
	assert_int_equal(join("/target", 3, 99), -ENOTUNIQ);
	assert_false(is_there("target"));
	text_is("1", "one ");
	text_is("2", "two ");
}

static void a_target_that_is_appended_to_is_busy(void **state)
{
	int fd;

	(void)state;
	put_parts();
	put_text("target", "old");
	fd = openat(test_root, "target", O_WRONLY);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	assert_int_equal(join("/target", 3, 99), -EALREADY);
	close(fd);
	nothing_has_changed("old");
}

static int swaps;

/* Somebody gives the second part another file when the first one has been copied. */
static ssize_t swapping_copy_file_range(int from, off_t from_offset, int to, off_t to_offset,
					size_t size_bytes)
{
	if (swaps++ == 0) {
		put_text("new", "new ");
		assert_int_equal(renameat(test_root, "new", test_root, "2"), 0);
	}
	return calls_real.copy_file_range(from, from_offset, to, to_offset, size_bytes);
}

static void a_part_that_is_replaced_meanwhile_stays(void **state)
{
	(void)state;
	put_parts();
	swaps = 0;
	test_calls.copy_file_range = swapping_copy_file_range;
	assert_int_equal(join("/target", 3, 99), -ESTALE);
	assert_false(is_there("target"));
	text_is("1", "one ");
	text_is("2", "new ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FOLDER_TEST(parts_are_joined_in_order_and_go),
		FOLDER_TEST(a_joining_that_is_given_up_leaves_all_as_it_was),
		FOLDER_TEST(a_failure_leaves_all_as_it_was),
		FOLDER_TEST(once_a_part_is_gone_there_is_no_way_back),
		FOLDER_TEST(a_file_is_joined_once_and_not_to_itself),
		FOLDER_TEST(a_target_that_is_appended_to_is_busy),
		FOLDER_TEST(a_part_that_is_replaced_meanwhile_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
