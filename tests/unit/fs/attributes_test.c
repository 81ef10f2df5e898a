#include "fs/attributes.h"

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

#include "fs/entry_line.h"
#include "sys/calls.h"

#define VIEW(text) ((struct view){ (text), sizeof(text) - 1 })
#define TIME_S 1767323045 /* 2026-01-02 03:04:05 */
#define OTHER_GROUP 4711

static char base[] = "/tmp/attributes_test.XXXXXX";
static int root = -1;
static struct calls spoilt;
static int spoilt_error;

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
	mkdir(base, 0755);
	root = open(base, O_PATH | O_DIRECTORY);
	close(openat(root, "file", O_WRONLY | O_CREAT, 0600));
	assert_int_equal(fchmodat(root, "file", 0600, 0), 0);
	mkdirat(root, "folder", 0755);
	assert_int_equal(fchmodat(root, "folder", 01755, 0), 0);
	mkfifoat(root, "fifo", 0600);
	assert_int_equal(symlinkat("file", root, "link"), 0);
	assert_int_equal(symlinkat("/etc/passwd", root, "out"), 0);
	assert_int_equal(symlinkat("../../../../../../tmp", root, "up"), 0);
	spoilt = calls_real;
	spoilt_error = 0;
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

static struct attributes parsed(const char *text)
{
	struct attributes attributes;

	assert_int_equal(attributes_parse(view_of(text), &attributes), 0);
	return attributes;
}

static struct stat stat_of(const char *name)
{
	struct stat stat;

	assert_int_equal(fstatat(root, name, &stat, AT_SYMLINK_NOFOLLOW), 0);
	return stat;
}

static void facts_are_read_in_any_case_and_order(void **state)
{
	struct attributes attributes = parsed("unix.MODE=644;Modify=20260102030405.25;");

	(void)state;
	assert_int_equal(attributes.facts, FACT_MODIFY | FACT_UNIX_MODE);
	assert_int_equal(attributes.modified_s, TIME_S);
	assert_int_equal(attributes.modified_ns, 250000000);
	assert_int_equal(attributes.mode, 0644);
	attributes = parsed("UNIX.group=4294967294;");
	assert_int_equal(attributes.facts, FACT_UNIX_GROUP);
	assert_int_equal(attributes.group, 4294967294U);
}

static void fractions_beyond_a_nanosecond_are_dropped(void **state)
{
	(void)state;
	assert_int_equal(parsed("modify=20260102030405.1234567899;").modified_ns, 123456789);
	assert_int_equal(parsed("modify=20260102030405.000000001;").modified_ns, 1);
	assert_int_equal(parsed("modify=20260102030405;").modified_ns, 0);
	assert_int_equal(parsed("modify=20260102030405").modified_s, TIME_S); /* of ncftp */
	assert_int_equal(parsed("modify=20260102030405;UNIX.mode=0640").mode, 0640);
}

static void what_cannot_be_is_refused(void **state)
{
	static const char *const wrong[] = {
		"",
		";",
		"=;",
		"modify",
		"modify;",
		"=20260102030405;",
		"modify=2026010203040", /* without a digit */
		"modify=;",
		"modify=20260230000000;",
		"modify=20260102030405.;",
		"modify=20260102030405;;",
		"modify=20260102030405;modify=20260102030405;",
		"UNIX.mode=;",
		"UNIX.mode=0888;",
		"UNIX.mode=1777;", /* set-ID and sticky bits are nobody's to give */
		"UNIX.mode=-1;",
		"UNIX.mode=00000000000000000000001000;",
		"UNIX.group=4294967295;",
		"UNIX.group=18446744073709551617;",
		"UNIX.group=staff;",
	};
	struct attributes attributes = { .group = 7 };

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(attributes_parse(view_of(wrong[i]), &attributes), -EINVAL);
	assert_int_equal(attributes.group, 7);
}

static void facts_that_cannot_be_set_are_told_apart(void **state)
{
	struct attributes attributes;

	(void)state;
	assert_int_equal(attributes_parse(VIEW("size=1;"), &attributes), -EOPNOTSUPP);
	assert_int_equal(attributes_parse(VIEW("xyzzy=1;"), &attributes), -EOPNOTSUPP);
	assert_int_equal(attributes_parse(VIEW("UNIX.mode=0644;create=20260102030405;"),
					  &attributes),
			 -EOPNOTSUPP);
	assert_int_equal(attributes_parse(VIEW("UNIX.owner=0;"), &attributes), -EOPNOTSUPP);
}

static void the_text_is_what_was_read(void **state)
{
	static const char *const texts[] = {
		"modify=20260102030405;",
		"modify=20260102030405.5;UNIX.mode=0644;",
		"modify=20260102030405.000000001;UNIX.mode=0777;UNIX.group=4294967294;",
		"UNIX.group=0;",
	};
	char text[ATTRIBUTES_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct attributes attributes = parsed(texts[i]);

		attributes_format(&attributes, text);
		assert_string_equal(text, texts[i]);
	}
}

static void all_is_set(void **state)
{
	struct attributes attributes = parsed("UNIX.mode=0640;modify=20260102030405.5;");
	struct timespec accessed = stat_of("file").st_atim;
	struct stat stat;

	(void)state;
	assert_int_equal(attributes_apply(root, "/file", &attributes), 0);
	stat = stat_of("file");
	assert_int_equal(stat.st_mode, S_IFREG | 0640);
	assert_int_equal(stat.st_mtim.tv_sec, TIME_S);
	assert_int_equal(stat.st_mtim.tv_nsec, attributes.modified_ns);
	assert_int_equal(stat.st_atim.tv_sec, accessed.tv_sec);
	assert_int_equal(stat.st_atim.tv_nsec, accessed.tv_nsec);
}

static void a_folder_keeps_its_sticky_bit_and_a_file_none(void **state)
{
	struct attributes attributes = parsed("UNIX.mode=0700;");

	(void)state;
	assert_int_equal(attributes_apply(root, "/folder", &attributes), 0);
	assert_int_equal(stat_of("folder").st_mode, S_IFDIR | 01700);
	assert_int_equal(fchmodat(root, "file", 04755, 0), 0);
	assert_int_equal(attributes_apply(root, "/file", &attributes), 0);
	assert_int_equal(stat_of("file").st_mode, S_IFREG | 0700);
}

static void links_are_followed_inside_the_root_alone(void **state)
{
	struct attributes attributes = parsed("UNIX.mode=0604;");
	struct stat before;
	struct stat after;

	(void)state;
	assert_int_equal(attributes_apply(root, "/link", &attributes), 0);
	assert_int_equal(stat_of("file").st_mode, S_IFREG | 0604);
	assert_int_equal(stat("/tmp", &before), 0);
	assert_int_equal(attributes_apply(root, "/out", &attributes), -ENOENT);
	assert_int_equal(attributes_apply(root, "/up", &attributes), -ENOENT);
	assert_int_equal(stat("/tmp", &after), 0);
	assert_int_equal(before.st_mode, after.st_mode);
}

static void pipes_and_what_is_not_there_are_refused(void **state)
{
	struct attributes attributes = parsed("UNIX.mode=0604;modify=20260102030405;");

	(void)state;
	assert_int_equal(attributes_apply(root, "/fifo", &attributes), -ENXIO);
	assert_int_equal(stat_of("fifo").st_mode, S_IFIFO | 0600);
	assert_int_equal(attributes_apply(root, "/nothing", &attributes), -ENOENT);
	assert_int_equal(attributes_apply(root, "/file/x", &attributes), -ENOTDIR);
}

static int failing_utimensat(int folder, const char *path, const struct timespec *times, int flags)
{
	(void)folder;
	(void)path;
	(void)times;
	(void)flags;
	return spoilt_error;
}

static int failing_fchmodat(int folder, const char *path, mode_t mode)
{
	int r = spoilt_error;

	spoilt_error = 0; /* setting it back may work */
	return r < 0 ? r : calls_real.fchmodat(folder, path, mode);
}

static int failing_fchownat(int folder, const char *path, uid_t uid, gid_t gid, int flags)
{
	(void)folder;
	(void)path;
	(void)uid;
	(void)gid;
	(void)flags;
	return -EPERM;
}

static void a_time_that_fails_sets_the_mode_back(void **state)
{
	struct attributes attributes = parsed("UNIX.mode=0777;modify=20260102030405;");

	(void)state;
	spoilt.utimensat = failing_utimensat;
	spoilt_error = -EROFS;
	assert_int_equal(attributes_apply(root, "/file", &attributes), -EROFS);
	assert_int_equal(stat_of("file").st_mode, S_IFREG | 0600);
	assert_int_equal(attributes_apply(root, "/folder", &attributes), -EROFS);
	assert_int_equal(stat_of("folder").st_mode, S_IFDIR | 01755);
}

static void a_mode_that_fails_sets_the_group_back(void **state)
{
	struct attributes attributes = parsed("UNIX.mode=0777;UNIX.group=4711;");

	(void)state;
	if (geteuid() != 0)
		skip();
	spoilt.fchmodat = failing_fchmodat;
	spoilt_error = -EPERM;
	assert_int_equal(attributes_apply(root, "/file", &attributes), -EPERM);
	assert_int_equal(stat_of("file").st_gid, getegid());
	assert_int_equal(stat_of("file").st_mode, S_IFREG | 0600);
	assert_int_equal(attributes_apply(root, "/file", &attributes), 0);
	assert_int_equal(stat_of("file").st_gid, OTHER_GROUP);
}

static void a_group_that_is_not_ours_changes_nothing(void **state)
{
	struct attributes attributes =
		parsed("UNIX.group=4711;UNIX.mode=0777;modify=20260102030405;");
	struct stat before = stat_of("file");

	(void)state;
	spoilt.fchownat = failing_fchownat;
	assert_int_equal(attributes_apply(root, "/file", &attributes), -EPERM);
	assert_int_equal(stat_of("file").st_mode, before.st_mode);
	assert_int_equal(stat_of("file").st_mtim.tv_sec, before.st_mtim.tv_sec);
}

static void no_descriptor_is_left(void **state)
{
	struct attributes attributes = parsed("UNIX.mode=0640;");
	int before;
	int after;

	(void)state;
	attributes_apply(root, "/file", &attributes);
	before = dup(root);
	close(before);
	attributes_apply(root, "/file", &attributes);
	attributes_apply(root, "/fifo", &attributes);
	attributes_apply(root, "/nothing", &attributes);
	after = dup(root);
	close(after);
	assert_int_equal(before, after);
}

#define TREE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(facts_are_read_in_any_case_and_order),
		cmocka_unit_test(fractions_beyond_a_nanosecond_are_dropped),
		cmocka_unit_test(what_cannot_be_is_refused),
		cmocka_unit_test(facts_that_cannot_be_set_are_told_apart),
		cmocka_unit_test(the_text_is_what_was_read),
		TREE_TEST(all_is_set),
		TREE_TEST(a_folder_keeps_its_sticky_bit_and_a_file_none),
		TREE_TEST(links_are_followed_inside_the_root_alone),
		TREE_TEST(pipes_and_what_is_not_there_are_refused),
		TREE_TEST(a_time_that_fails_sets_the_mode_back),
		TREE_TEST(a_mode_that_fails_sets_the_group_back),
		TREE_TEST(a_group_that_is_not_ours_changes_nothing),
		TREE_TEST(no_descriptor_is_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
