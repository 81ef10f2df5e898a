#include "fs/links.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "fs/creation_mode.h"
#include "fs/folders.h"
#include "support/test_folder.h"

static void a_symbolic_link_has_its_target_as_it_came(void **state)
{
	char target[64] = "";

	(void)state;
	assert_int_equal(links_make_symbolic(test_root, "../..//any \xff bytes", "/link"), 0);
	assert_int_equal(readlinkat(test_root, "link", target, sizeof(target) - 1), 18);
	assert_string_equal(target, "../..//any \xff bytes");
	assert_int_equal(links_make_symbolic(test_root, "x", "/link"), -EEXIST);
	assert_int_equal(links_make_symbolic(test_root, "x", "/"), -EEXIST);
	assert_int_equal(links_make_symbolic(test_root, "x", "/nothing/link"), -ENOENT);
}

/* The error's own name must be told: the existing one's (first), or the new one's. */
static int hard_error(const char *existing, const char *path, bool first)
{
	const char *blamed = NULL;
	int r = links_make_hard(test_root, existing, path, &blamed);

	assert_ptr_equal(blamed, r == 0 ? NULL : first ? existing : path);
	return r;
}

static void a_link_is_not_made_outside(void **state)
{
	(void)state;
	put_text("file", "x");
	assert_int_equal(symlinkat("..", test_root, "up"), 0); /* which is the root itself */
	assert_int_equal(links_make_symbolic(test_root, "x", "/up/link"), 0);
	assert_int_equal(hard_error("/file", "/up/second", false), 0);
	assert_true(is_there("link"));
	assert_true(is_there("second"));
	assert_int_equal(faccessat(test_outer, "link", F_OK, AT_SYMLINK_NOFOLLOW), -1);
	assert_int_equal(faccessat(test_outer, "second", F_OK, 0), -1);
}

static void a_hard_link_is_of_a_regular_file(void **state)
{
	int before;

	(void)state;
	put_text("file", "x");
	assert_int_equal(symlinkat("file", test_root, "in"), 0);
	assert_int_equal(symlinkat("../root", test_root, "out"), 0);
	assert_int_equal(mkfifoat(test_root, "pipe", 0600), 0);
	assert_int_equal(mkdirat(test_root, "folder", 0755), 0);
	assert_int_equal(hard_error("/in", "/second", false), 0);
	before = descriptors();
	assert_int_equal(stat_of("second").st_ino, stat_of("file").st_ino);
	assert_int_equal(hard_error("/pipe", "/third", true), -ENXIO);
	assert_int_equal(hard_error("/folder", "/third", true), -EISDIR);
	assert_int_equal(hard_error("/out", "/third", true), -ENOENT);
	assert_int_equal(hard_error("/file", "/second", false), -EEXIST);
	assert_int_equal(hard_error("/file", "/", false), -EEXIST);
	assert_int_equal(hard_error("/file", "/nothing/third", false), -ENOENT);
	assert_false(is_there("third"));
	assert_int_equal(descriptors(), before);
}

static void folders_are_made_with_those_above(void **state)
{
	int before = descriptors();

	(void)state;
	put_text("file", "x");
	assert_int_equal(folders_make_all(test_root, "/a/b/c", CREATION_MASK_SET | 027), 0);
	assert_int_equal(stat_of("a").st_mode, S_IFDIR | 0750);
	assert_int_equal(stat_of("a/b/c").st_mode, S_IFDIR | 0750);
	assert_int_equal(folders_make_all(test_root, "/a/b/c", 0), 0);
	assert_int_equal(folders_make_all(test_root, "/", 0), 0);
	assert_int_equal(folders_make_all(test_root, "/file", 0), -EEXIST);
	assert_int_equal(folders_make_all(test_root, "/file/a", 0), -EEXIST);
	assert_int_equal(folders_make(test_root, "/a", 0), -EEXIST);
	assert_int_equal(folders_make(test_root, "/x/y", 0), -ENOENT);
	assert_false(is_there("x"));
	assert_int_equal(symlinkat("/a", test_root, "link"), 0);
	assert_int_equal(folders_make_all(test_root, "/link/d", 0), 0);
	assert_true(is_there("a/d"));
	assert_int_equal(descriptors(), before);
}

static int full_mkdirat(int folder, const char *name, mode_t mode)
{
	return name[0] == 'b' ? -ENOSPC : calls_real.mkdirat(folder, name, mode);
}

static void a_folder_that_cannot_be_made_is_told(void **state)
{
	(void)state;
	test_calls.mkdirat = full_mkdirat;
	assert_int_equal(folders_make_all(test_root, "/a/b/c", 0), -ENOSPC);
	assert_true(is_there("a"));
	assert_false(is_there("a/b"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FOLDER_TEST(a_symbolic_link_has_its_target_as_it_came),
		FOLDER_TEST(a_link_is_not_made_outside),
		FOLDER_TEST(a_hard_link_is_of_a_regular_file),
		FOLDER_TEST(folders_are_made_with_those_above),
		FOLDER_TEST(a_folder_that_cannot_be_made_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
