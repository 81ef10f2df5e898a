#include "fs/removal.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/test_folder.h"

static struct removal removal;
static int steps;

static int remove_it(const char *path)
{
	int r = -EINPROGRESS;

	removal_init(&removal, test_root, path);
	for (steps = 0; r == -EINPROGRESS; steps++) {
		assert_true(steps < 1000);
		r = removal_step(&removal);
	}
	removal_finish(&removal);
	return r;
}

static void make_files(const char *folder, int count)
{
	char name[300];

	for (int i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "%s/file%d", folder, i);
		put_text(name, "");
	}
}

static void make_folder(const char *name)
{
	assert_int_equal(mkdirat(test_root, name, 0755), 0);
}

static void all_of_a_tree_goes_in_bounded_steps(void **state)
{
	char name[64];
	int before = descriptors();

	(void)state;
	make_folder("tree");
	for (int i = 0; i < 300; i++) { /* more folders than one read tells of */
		snprintf(name, sizeof(name), "tree/folder-with-a-long-name-%d", i);
		make_folder(name);
		make_files(name, i % 3);
	}
	make_files("tree", 2500);
	assert_int_equal(remove_it("/tree"), 0);
	assert_in_range(steps, 3, 20);
	assert_int_equal(names_in("."), 0);
	assert_int_equal(descriptors(), before);
}

static void what_links_lead_to_stays(void **state)
{
	(void)state;
	make_folder("tree");
	make_folder("other");
	make_files("other", 3);
	assert_int_equal(symlinkat("../other", test_root, "tree/link"), 0);
	assert_int_equal(symlinkat("/", test_root, "tree/root"), 0);
	assert_int_equal(symlinkat("other", test_root, "link"), 0);
	assert_int_equal(remove_it("/link"), -ENOTDIR);
	assert_int_equal(remove_it("/tree"), 0);
	assert_int_equal(names_in("other"), 3);
	assert_int_equal(names_in("."), 2);
}

static void what_is_no_folder_is_refused(void **state)
{
	int before = descriptors();

	(void)state;
	put_text("file", "x");
	assert_int_equal(remove_it("/file"), -ENOTDIR);
	assert_int_equal(remove_it("/nothing"), -ENOENT);
	assert_int_equal(remove_it("/"), -EBUSY);
	assert_int_equal(remove_it("/file/x"), -ENOTDIR);
	assert_true(is_there("file"));
	assert_int_equal(descriptors(), before);
}

/* A path of folders "d/d/d…"; returns its length. */
static size_t make_deep(int depth, char *ret_path)
{
	size_t length = 0;

	for (int i = 0; i < depth; i++) {
		length += (size_t)sprintf(ret_path + length, "%sd", i ? "/" : "");
		make_folder(ret_path);
	}
	return length;
}

static void a_tree_has_a_greatest_depth(void **state)
{
	char path[4 * TREE_DEPTH_MAX];
	int before = descriptors();

	(void)state;
	make_deep(TREE_DEPTH_MAX + 1, path); /* the last one, empty, need not be entered */
	assert_int_equal(remove_it("/d"), 0);
	make_deep(TREE_DEPTH_MAX + 1, path);
	strcat(path, "/file");
	put_text(path, "x");
	assert_int_equal(remove_it("/d"), -EOVERFLOW);
	assert_true(is_there(path));
	assert_int_equal(descriptors(), before);
	assert_int_equal(remove_it("/d/d"), 0);
	assert_int_equal(remove_it("/d"), 0);
}

/* As if it were another file system. */
static int other_disk_openat2(int folder, const char *path, const struct open_how *how)
{
	if (strcmp(path, "mounted") == 0 && how->resolve & RESOLVE_NO_XDEV)
		return -EXDEV;
	return calls_real.openat2(folder, path, how);
}

static int other_disk_unlinkat(int folder, const char *name, int flags)
{
	return strcmp(name, "mounted") == 0 ? -EBUSY : calls_real.unlinkat(folder, name, flags);
}

static void what_is_mounted_within_is_left_alone(void **state)
{
	(void)state;
	make_folder("tree");
	make_folder("tree/sub");
	make_folder("tree/sub/mounted");
	make_files("tree/sub/mounted", 3);
	test_calls.openat2 = other_disk_openat2;
	test_calls.unlinkat = other_disk_unlinkat;
	assert_int_equal(remove_it("/tree"), -EXDEV);
	assert_string_equal(removal.path, "/tree/sub/mounted");
	assert_int_equal(names_in("tree/sub/mounted"), 3);
}

static int failing_unlinkat(int folder, const char *name, int flags)
{
	return strcmp(name, "file1") == 0 ? -EPERM : calls_real.unlinkat(folder, name, flags);
}

static void the_first_that_cannot_be_removed_is_named(void **state)
{
	int before = descriptors();

	(void)state;
	make_folder("tree");
	make_folder("tree/sub");
	make_files("tree/sub", 2);
	test_calls.unlinkat = failing_unlinkat;
	assert_int_equal(remove_it("/tree"), -EPERM);
	assert_string_equal(removal.path, "/tree/sub/file1");
	assert_true(is_there("tree/sub/file1"));
	assert_int_equal(descriptors(), before);
}

static int crowd; /* how often a file comes in between */

static int crowded_unlinkat(int folder, const char *name, int flags)
{
	if (flags == AT_REMOVEDIR && strcmp(name, "tree") == 0 && crowd > 0) {
		crowd--;
		close(openat(folder, "tree/late", O_WRONLY | O_CREAT, 0644));
	}
	return calls_real.unlinkat(folder, name, flags);
}

static void what_comes_meanwhile_goes_too_but_not_for_ever(void **state)
{
	(void)state;
	test_calls.unlinkat = crowded_unlinkat;
	make_folder("tree");
	crowd = 1;
	assert_int_equal(remove_it("/tree"), 0);
	assert_false(is_there("tree"));
	make_folder("tree");
	crowd = 1000;
	assert_int_equal(remove_it("/tree"), -ENOTEMPTY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FOLDER_TEST(all_of_a_tree_goes_in_bounded_steps),
		FOLDER_TEST(what_links_lead_to_stays),
		FOLDER_TEST(what_is_no_folder_is_refused),
		FOLDER_TEST(a_tree_has_a_greatest_depth),
		FOLDER_TEST(what_is_mounted_within_is_left_alone),
		FOLDER_TEST(the_first_that_cannot_be_removed_is_named),
		FOLDER_TEST(what_comes_meanwhile_goes_too_but_not_for_ever),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
