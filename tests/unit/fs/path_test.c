#include "fs/path.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#define VIEW(text) ((struct view){ (text), sizeof(text) - 1 })

static void assert_join(const char *folder, const char *argument, const char *wanted)
{
	char path[PATH_BYTES_MAX];

	assert_int_equal(path_join(view_of(folder), view_of(argument), path), strlen(wanted));
	assert_string_equal(path, wanted);
}

static void join_adds_names_to_the_folder(void **state)
{
	(void)state;
	assert_join("/", "a", "/a");
	assert_join("/a", "b", "/a/b");
	assert_join("/a", "b/c d", "/a/b/c d");
	assert_join("/a", " ", "/a/ ");
	assert_join("/a", "\xff\xfe", "/a/\xff\xfe");
	assert_join("/a", "-la", "/a/-la");
	assert_join("/a", "~", "/a/~");
	assert_join("/a", "...", "/a/...");
	assert_join("/a", ".b", "/a/.b");
	assert_join("/a", "..b", "/a/..b");
	assert_join("/a", "b\\..\\c", "/a/b\\..\\c");
}

static void an_absolute_argument_leaves_the_folder(void **state)
{
	(void)state;
	assert_join("/a/b", "/c", "/c");
	assert_join("/a/b", "/", "/");
	assert_join("/a/b", "///", "/");
}

static void an_empty_argument_is_the_folder(void **state)
{
	(void)state;
	assert_join("/", "", "/");
	assert_join("/a/b", "", "/a/b");
	assert_join("/a/b", ".", "/a/b");
	assert_join("/a/b", "./", "/a/b");
}

static void empty_names_and_dots_go_away(void **state)
{
	(void)state;
	assert_join("/a", "b//c/", "/a/b/c");
	assert_join("/a", "./b/./c/.", "/a/b/c");
	assert_join("/", "//x", "/x");
}

static void dot_dot_takes_the_name_before_it_away_and_stops_at_the_root(void **state)
{
	(void)state;
	assert_join("/a/b", "..", "/a");
	assert_join("/a", "..", "/");
	assert_join("/", "..", "/");
	assert_join("/a/b", "../../../../c", "/c");
	assert_join("/a", "b/../../d", "/d");
	assert_join("/a", "/..", "/");
	assert_join("/a", "/../etc/passwd", "/etc/passwd");
	assert_join("/a/bc", "x/..", "/a/bc");
}

static void join_refuses_nul_cr_and_lf_and_leaves_the_path(void **state)
{
	char path[PATH_BYTES_MAX] = "/kept";

	(void)state;
	assert_int_equal(path_join(VIEW("/"), VIEW("a\0b"), path), -EINVAL);
	assert_int_equal(path_join(VIEW("/"), VIEW("a\r"), path), -EINVAL);
	assert_int_equal(path_join(VIEW("/"), VIEW("\na"), path), -EINVAL);
	assert_string_equal(path, "/kept");
}

static void join_takes_what_fits_and_not_one_byte_more(void **state)
{
	char name[PATH_BYTES_MAX];
	char path[PATH_BYTES_MAX] = "/kept";

	(void)state;
	memset(name, 'x', sizeof(name));
	/* "/", 4094 bytes and the NUL are 4096. */
	assert_int_equal(path_join(VIEW("/"), (struct view){ name, 4095 }, path), -ENAMETOOLONG);
	assert_string_equal(path, "/kept");
	assert_int_equal(path_join(VIEW("/"), (struct view){ name, 4094 }, path), 4095);
	assert_int_equal(strlen(path), 4095);
	assert_int_equal(path_join(VIEW("/abc"), (struct view){ name, 4091 }, path), -ENAMETOOLONG);
	assert_int_equal(path_join(VIEW("/abc"), (struct view){ name, 4090 }, path), 4095);
}

static void folder_may_lie_in_the_buffer_of_the_result(void **state)
{
	char path[PATH_BYTES_MAX] = "/a/b";

	(void)state;
	assert_int_equal(path_join(view_of(path), VIEW("../c/d"), path), 6);
	assert_string_equal(path, "/a/c/d");
}

static void name_and_folder_take_a_path_apart(void **state)
{
	(void)state;
	assert_true(view_is(path_name(VIEW("/a/bc")), "bc"));
	assert_true(view_is(path_folder(VIEW("/a/bc")), "/a"));
	assert_true(view_is(path_name(VIEW("/a")), "a"));
	assert_true(view_is(path_folder(VIEW("/a")), "/"));
	assert_true(view_is(path_name(VIEW("/")), ""));
	assert_true(view_is(path_folder(VIEW("/")), "/"));
	assert_true(view_is(path_folder(VIEW("/a/b/c")), "/a/b"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(join_adds_names_to_the_folder),
		cmocka_unit_test(an_absolute_argument_leaves_the_folder),
		cmocka_unit_test(an_empty_argument_is_the_folder),
		cmocka_unit_test(empty_names_and_dots_go_away),
		cmocka_unit_test(dot_dot_takes_the_name_before_it_away_and_stops_at_the_root),
		cmocka_unit_test(join_refuses_nul_cr_and_lf_and_leaves_the_path),
		cmocka_unit_test(join_takes_what_fits_and_not_one_byte_more),
		cmocka_unit_test(folder_may_lie_in_the_buffer_of_the_result),
		cmocka_unit_test(name_and_folder_take_a_path_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
