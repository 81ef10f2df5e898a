#include "fs/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cmocka.h>

#include "fs/creation_mode.h"
#include "fs/slice.h"
#include "support/test_folder.h"

#define SIZE 300000

static struct copy copy;
static int steps;

/* A copy as the session makes it; stops after steps_max. */
static int copy_it(const char *from, const char *to, int steps_max)
{
	int r = -EINPROGRESS;
	int finished;

	copy_init(&copy, test_root, from, to, 7, 0);
	for (steps = 0; r == -EINPROGRESS && steps < steps_max; steps++)
		r = copy_step(&copy);
	finished = copy_finish(&copy, r == 0);
	return r < 0 ? r : finished;
}

static int no_clone(int to, int from)
{
	(void)to;
	(void)from;
	return -EOPNOTSUPP;
}

static ssize_t little_copy_file_range(int from, off_t from_offset, int to, off_t to_offset,
				      size_t size_bytes)
{
	return calls_real.copy_file_range(from, from_offset, to, to_offset,
					  size_bytes < 100000 ? size_bytes : 100000);
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

static void a_copy_goes_by_slices(void **state)
{
	(void)state;
	put_pattern("file", SIZE);
	test_calls.clone = no_clone;
	test_calls.copy_file_range = little_copy_file_range;
	assert_int_equal(copy_it("/file", "/copy", 100), 0);
	assert_int_equal(steps, 5); /* opened, three slices, the end */
	pattern_is("copy", SIZE);
	pattern_is("file", SIZE);
	assert_int_equal(names_in("."), 2);
}

static void what_the_kernel_cannot_copy_goes_by_hand(void **state)
{
	(void)state;
	put_pattern("file", SIZE);
	put_text("copy", "old");
	test_calls.clone = no_clone;
	test_calls.copy_file_range = no_copy_file_range;
	assert_int_equal(copy_it("/file", "/copy", 100), 0);
	pattern_is("copy", SIZE);
	assert_int_equal(names_in("."), 2);
}

/* A file of a few blocks and of a terabyte is copied as that, and soon. */
static void holes_stay_holes(void **state)
{
	const off_t middle = (off_t)1 << 39;
	const off_t size = (off_t)1 << 40;
	char text[8] = "";
	int fd;

	(void)state;
	test_calls.clone = no_clone;
	put_text("file", "front");
	fd = openat(test_root, "file", O_WRONLY);
	assert_int_equal(pwrite(fd, "middle", 7, middle), 7);
	assert_int_equal(ftruncate(fd, size), 0);
	close(fd);
	for (int by_hand = 0; by_hand < 2; by_hand++) {
		if (by_hand)
			test_calls.copy_file_range = no_copy_file_range;
		assert_int_equal(copy_it("/file", "/copy", 10), 0);
		assert_int_equal(stat_of("copy").st_size, size);
		assert_true(stat_of("copy").st_blocks < 10000);
		fd = openat(test_root, "copy", O_RDONLY);
		assert_int_equal(pread(fd, text, 5, 0), 5);
		assert_memory_equal(text, "front", 5);
		assert_int_equal(pread(fd, text, 7, middle), 7);
		assert_string_equal(text, "middle");
		close(fd);
	}
}

static int cloned;

static int noted_clone(int to, int from)
{
	char buffer[16];
	ssize_t got = pread(from, buffer, sizeof(buffer), 0);

	cloned++;
	return write(to, buffer, (size_t)got) == got ? 0 : -EIO;
}

static void blocks_are_shared_where_they_can_be(void **state)
{
	(void)state;
	put_text("file", "shared");
	test_calls.clone = noted_clone;
	test_calls.copy_file_range = NULL;
	test_calls.pread = NULL;
	assert_int_equal(copy_it("/file", "/copy", 1), 0);
	assert_int_equal(cloned, 1);
	text_is("copy", "shared");
}

static void a_copy_that_is_given_up_leaves_what_was_there(void **state)
{
	int before = descriptors();

	(void)state;
	put_pattern("file", SIZE);
	put_text("old", "old");
	test_calls.clone = no_clone;
	test_calls.copy_file_range = little_copy_file_range;
	for (int steps_max = 1; steps_max < 5; steps_max++) {
		assert_int_equal(copy_it("/file", "/copy", steps_max), -EINPROGRESS);
		assert_false(is_there("copy"));
		assert_int_equal(copy_it("/file", "/old", steps_max), -EINPROGRESS);
		text_is("old", "old");
		assert_int_equal(names_in("."), 2);
		assert_int_equal(descriptors(), before);
	}
}

static void a_copy_has_the_rights_of_the_source_less_the_umask(void **state)
{
	mode_t mask = umask(0);

	(void)state;
	umask(mask);
	put_text("file", "x");
	assert_int_equal(fchmodat(test_root, "file", 04757, 0), 0);
	assert_int_equal(copy_it("/file", "/copy", 100), 0);
	assert_int_equal(stat_of("copy").st_mode, S_IFREG | (0757 & ~mask));
	copy_init(&copy, test_root, "/file", "/other", 7, CREATION_MASK_SET | 077);
	while (copy_step(&copy) == -EINPROGRESS)
		;
	assert_int_equal(copy_finish(&copy, true), 0);
	assert_int_equal(stat_of("other").st_mode, S_IFREG | 0700);
}

static void what_cannot_be_copied_is_refused(void **state)
{
	int before = descriptors();

	(void)state;
	put_text("file", "x");
	assert_int_equal(mkdirat(test_root, "folder", 0755), 0);
	assert_int_equal(mkfifoat(test_root, "pipe", 0644), 0);
	assert_int_equal(copy_it("/nothing", "/copy", 9), -ENOENT);
	assert_int_equal(copy_it("/folder", "/copy", 9), -EISDIR);
	assert_int_equal(copy_it("/pipe", "/copy", 9), -ENXIO);
	assert_int_equal(copy_it("/file", "/folder", 9), -EISDIR);
	assert_int_equal(copy_it("/file", "/pipe", 9), -ENXIO);
	assert_int_equal(copy_it("/file", "/nothing/copy", 9), -ENOENT);
	assert_int_equal(copy_it("/file", "/", 9), -EISDIR);
	assert_int_equal(names_in("."), 3);
	assert_int_equal(descriptors(), before);
}

static void two_copies_to_one_name_do_not_mix(void **state)
{
	struct copy other;

	(void)state;
	put_pattern("file", SIZE);
	test_calls.clone = no_clone;
	copy_init(&copy, test_root, "/file", "/copy", 7, 0);
	copy_init(&other, test_root, "/file", "/copy", 7, 0);
	assert_int_equal(copy_step(&copy), -EINPROGRESS);
	assert_int_equal(copy_step(&other), -EALREADY);
	assert_int_equal(copy_finish(&other, false), 0);
	while (copy_step(&copy) == -EINPROGRESS)
		;
	assert_int_equal(copy_finish(&copy, true), 0);
	pattern_is("copy", SIZE);
	assert_int_equal(names_in("."), 2);
}

static ssize_t full_pwrite(int fd, const void *buffer, size_t size_bytes, off_t offset)
{
	return offset >= 100000 ? -ENOSPC : calls_real.pwrite(fd, buffer, size_bytes, offset);
}

static int no_renameat2(int from, const char *old, int to, const char *new, unsigned flags)
{
	(void)from;
	(void)old;
	(void)to;
	(void)new;
	(void)flags;
	return -EIO;
}

static void a_full_disk_and_a_name_that_is_refused_leave_nothing(void **state)
{
	int before = descriptors();

	(void)state;
	put_pattern("file", SIZE);
	test_calls.clone = no_clone;
	test_calls.copy_file_range = no_copy_file_range;
	test_calls.pwrite = full_pwrite;
	assert_int_equal(copy_it("/file", "/copy", 9), -ENOSPC);
	assert_int_equal(names_in("."), 1);
	test_calls.pwrite = calls_real.pwrite;
	test_calls.renameat2 = no_renameat2;
	assert_int_equal(copy_it("/file", "/copy", 9), -EIO);
	assert_int_equal(names_in("."), 1);
	assert_int_equal(descriptors(), before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FOLDER_TEST(a_copy_goes_by_slices),
		FOLDER_TEST(what_the_kernel_cannot_copy_goes_by_hand),
		FOLDER_TEST(holes_stay_holes),
		FOLDER_TEST(blocks_are_shared_where_they_can_be),
		FOLDER_TEST(a_copy_that_is_given_up_leaves_what_was_there),
		FOLDER_TEST(a_copy_has_the_rights_of_the_source_less_the_umask),
		FOLDER_TEST(what_cannot_be_copied_is_refused),
		FOLDER_TEST(two_copies_to_one_name_do_not_mix),
		FOLDER_TEST(a_full_disk_and_a_name_that_is_refused_leave_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
