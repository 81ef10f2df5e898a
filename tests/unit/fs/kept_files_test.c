#include "fs/kept_files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/test_ring.h"
#include "sys/calls.h"

#define MASK (STATX_BASIC_STATS | STATX_MNT_ID)
#define HASH 0x1234567

static char base[] = "/tmp/kept_files_test.XXXXXX";
static int root = -1;
static struct kept_files *kept;
static struct calls spoilt;
static struct statx stat_of_kept;
static struct kept_note note;
static struct tree tree;
static bool own_mounts;

static void write_file(const char *name, const char *text)
{
	int fd = openat(root, name, O_WRONLY | O_CREAT, 0644);

	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

/* Long enough for the file system's clock to go on. */
static void clock_ticks(void)
{
	usleep(20000);
}

static int setup(void **state)
{
	test_ring_setup(state);
	spoilt = calls_real;
	calls = &spoilt;
	strcpy(base + strlen(base) - 6, "XXXXXX");
	assert_non_null(mkdtemp(base));
	root = open(base, O_RDONLY | O_DIRECTORY);
	tree = (struct tree){ .root = root }; /* not watched */
	note = (struct kept_note){ .watch = 0 };
	write_file("file", "file");
	write_file("other", "else");
	clock_ticks();
	kept = calloc(1, sizeof(*kept));
	kept_files_init(kept, test_ring, 1);
	return 0;
}

static int teardown(void **state)
{
	kept_files_fini(kept);
	free(kept);
	calls = &calls_real;
	unlinkat(root, "file", 0);
	unlinkat(root, "other", 0);
	unlinkat(root, "new", 0);
	close(root);
	rmdir(base);
	return test_ring_teardown(state);
}

static int keep_as(uint64_t hash)
{
	int fd = openat(root, "file", O_RDONLY);

	assert_true(fd >= 0);
	assert_int_equal(statx(fd, "", AT_EMPTY_PATH, MASK, &stat_of_kept), 0);
	assert_true(kept_files_keep(kept, hash, &stat_of_kept, &note, fd));
	return fd;
}

static int lend_path(const char *path)
{
	return kept_files_lend(kept, HASH, &tree, path, MASK, &stat_of_kept, &note);
}

static int lend(void)
{
	return kept_files_lend(kept, HASH, &tree, "/file", MASK, &stat_of_kept, &note);
}

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

/* Fails the test after 10 s. */
static void run_until_closed(int fd)
{
	for (int i = 0; i < 1000 && is_open(fd); i++)
		run_for_ms(10);
	assert_false(is_open(fd));
}

static void lent_is_what_was_kept_and_to_one_alone(void **state)
{
	int fd = keep_as(HASH);

	(void)state;
	assert_int_equal(kept_files_lend(kept, HASH + 2, &tree, "/file", MASK, &stat_of_kept,
					 &note),
			 -ENOENT);
	assert_int_equal(lend(), fd);
	assert_int_equal(stat_of_kept.stx_size, 4);
	assert_int_equal(lend(), -ENOENT);
	assert_true(kept_files_keep(kept, HASH, &stat_of_kept, &note, fd));
	assert_int_equal(lend(), fd);
	close(fd);
}

static void replace(void)
{
	write_file("new", "new!");
	assert_int_equal(renameat(root, "new", root, "file"), 0);
}

static void remove_it(void)
{
	assert_int_equal(unlinkat(root, "file", 0), 0);
}

static void write_in_place(void)
{
	write_file("file", "FILE");
}

static void lead_elsewhere(void)
{
	remove_it();
	assert_int_equal(symlinkat("other", root, "file"), 0);
}

static void take_the_rights(void)
{
	assert_int_equal(fchmodat(root, "file", 0, 0), 0);
}

static void what_was_touched_is_closed(void **state)
{
	static void (*const touches[])(void) = { replace, write_in_place, take_the_rights,
						 remove_it, lead_elsewhere };

	(void)state;
	for (size_t i = 0; i < sizeof(touches) / sizeof(touches[0]); i++) {
		int fd;

		unlinkat(root, "file", 0);
		write_file("file", "file");
		clock_ticks();
		fd = keep_as(HASH);
		touches[i]();
		assert_int_equal(lend(), -ENOENT);
		run_until_closed(fd); /* a removed one is closed by a job thread */
	}
	run_for_ms(30); /* in which that is told */
}

/* It is the same file, and the kernel alone would find it: outside of the tree, or by a link that may
 * lead to a disk that does not answer. */
static void no_link_is_followed_and_none_out_of_the_tree(void **state)
{
	char elsewhere[PATH_MAX];
	int fd;

	(void)state;
	snprintf(elsewhere, sizeof(elsewhere), "%s/elsewhere", base);
	assert_int_equal(mkdirat(root, "elsewhere", 0755), 0);
	assert_int_equal(linkat(root, "file", root, "elsewhere/file", 0), 0);
	assert_int_equal(mkdirat(root, "folder", 0755), 0);
	assert_int_equal(linkat(root, "file", root, "folder/file", 0), 0);

	fd = keep_as(HASH);
	assert_int_equal(lend_path("/folder/file"), fd);
	assert_true(kept_files_keep(kept, HASH, &stat_of_kept, &note, fd));
	assert_int_equal(renameat(root, "folder", root, "new"), 0);
	ring_next_moment(test_ring);
	assert_int_equal(symlinkat(elsewhere, root, "folder"), 0);
	assert_int_equal(lend_path("/folder/file"), -ENOENT);
	run_until_closed(fd);

	fd = keep_as(HASH);
	assert_int_equal(unlinkat(root, "other", 0), 0);
	assert_int_equal(symlinkat("file", root, "other"), 0);
	assert_int_equal(lend_path("/other"), -ENOENT);
	run_until_closed(fd);
	unlinkat(root, "folder", 0);
	unlinkat(root, "new/file", 0);
	unlinkat(root, "new", AT_REMOVEDIR);
	unlinkat(root, "elsewhere/file", 0);
	unlinkat(root, "elsewhere", AT_REMOVEDIR);
	run_for_ms(30); /* in which those closes are told */
}

static int statx_without_rights(int folder, const char *path, int flags, unsigned mask,
				struct statx *ret)
{
	int r = calls_real.statx(folder, path, flags, mask, ret);

	ret->stx_mode &= S_IFMT;
	return r;
}

/* As they do within one tick of a file system's clock, when the change time stays the same. */
static void rights_that_go_at_once_are_seen(void **state)
{
	(void)state;
	keep_as(HASH);
	spoilt.statx = statx_without_rights;
	assert_int_equal(lend(), -ENOENT);
}

static unsigned asked;

static int counting_statx(int folder, const char *path, int flags, unsigned mask, struct statx *ret)
{
	if (*path) /* not of an open file, which is about to be closed */
		asked++;
	return calls_real.statx(folder, path, flags, mask, ret);
}

/* Has the folder watched. Returns the file's descriptor, which is kept. */
static int keep_watched(const char *path)
{
	int fd;

	tree.disk.watchable = true;
	keep_as(HASH);
	for (int i = 0; i < WATCHED_FOLDERS_PLACES; i++)
		kept->watched.folders[i].again_ms = 0;
	for (int i = 0; i < WATCHED_FROM + 1; i++) {
		ring_next_moment(test_ring);
		fd = lend_path(path);
		assert_true(fd >= 0);
		assert_true(kept_files_keep(kept, HASH, &stat_of_kept, &note, fd));
	}
	spoilt.statx = counting_statx;
	asked = 0;
	return fd;
}

static void in_a_watched_folder_nothing_is_asked(void **state)
{
	int fd = keep_watched("/file");

	(void)state;
	assert_int_not_equal(note.watch, 0);
	for (int i = 0; i < 100; i++) {
		ring_next_moment(test_ring);
		memset(&stat_of_kept, 0, sizeof(stat_of_kept));
		assert_int_equal(lend(), fd);
		assert_int_equal(stat_of_kept.stx_size, 4);
		assert_true(kept_files_keep(kept, HASH, &stat_of_kept, &note, fd));
	}
	assert_int_equal(asked, 0);
}

static void truncate_it(void)
{
	int fd = openat(root, "file", O_WRONLY);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, 1), 0);
	close(fd);
}

static void exchange_it(void)
{
	assert_int_equal(calls->renameat2(root, "file", root, "other", RENAME_EXCHANGE), 0);
}

static void what_is_touched_in_a_watched_folder_is_closed(void **state)
{
	static void (*const touches[])(void) = { replace,    write_in_place, take_the_rights,
						 remove_it,  lead_elsewhere, truncate_it,
						 exchange_it };

	(void)state;
	for (size_t i = 0; i < sizeof(touches) / sizeof(touches[0]); i++) {
		int fd;

		unlinkat(root, "file", 0);
		unlinkat(root, "other", 0);
		write_file("file", "file");
		write_file("other", "else");
		clock_ticks();
		fd = keep_watched("/file");
		assert_int_not_equal(note.watch, 0);
		touches[i]();
		ring_next_moment(test_ring);
		assert_int_equal(lend(), -ENOENT);
		run_until_closed(fd);
	}
	run_for_ms(30);
}

/* While a descriptor is lent, too: what was said of it holds no longer. */
static void a_touch_while_it_is_lent_is_seen(void **state)
{
	int fd = keep_watched("/file");

	(void)state;
	ring_next_moment(test_ring);
	assert_int_equal(lend(), fd);
	write_in_place();
	ring_next_moment(test_ring);
	assert_true(kept_files_keep(kept, HASH, &stat_of_kept, &note, fd));
	assert_int_equal(lend(), -ENOENT);
	assert_int_equal(asked, 1);
}

/* For a hash may be another's, too. */
static void only_the_name_that_was_asked_about_is_known(void **state)
{
	int fd = keep_watched("/file");

	(void)state;
	assert_int_equal(lend_path("/other"), -ENOENT);
	assert_int_equal(asked, 1);
	assert_false(is_open(fd));
}

static void another_root_is_asked(void **state)
{
	int fd = keep_watched("/file");

	(void)state;
	tree.root = dup(root);
	assert_int_equal(lend(), fd);
	assert_int_equal(asked, 1);
	close(fd);
	close(tree.root);
}

static void what_has_several_names_is_asked_each_time(void **state)
{
	int fd;

	(void)state;
	assert_int_equal(linkat(root, "file", root, "new", 0), 0);
	clock_ticks();
	fd = keep_watched("/file");
	for (int i = 0; i < 3; i++) {
		assert_int_equal(lend(), fd);
		assert_true(kept_files_keep(kept, HASH, &stat_of_kept, &note, fd));
	}
	assert_int_equal(asked, 3);
}

static void what_has_a_long_name_is_asked_each_time(void **state)
{
	static const char path[] = "/the name of a file that is a little bit too long";
	int fd;

	(void)state;
	assert_int_equal(strlen(path + 1), KEPT_NAME_BYTES);
	assert_int_equal(renameat(root, "file", root, path + 1), 0);
	write_file("file", "");
	unlinkat(root, "file", 0);
	assert_int_equal(symlinkat(path + 1, root, "file"), 0); /* what keep_as opens */
	fd = keep_watched(path);
	assert_int_equal(lend_path(path), fd);
	assert_int_equal(asked, 1);
	close(fd);
	unlinkat(root, path + 1, 0);
}

/* What no watch tells is seen at last. */
static void after_a_while_it_is_asked_again(void **state)
{
	int fd = keep_watched("/file");

	(void)state;
	run_for_ms(KEPT_ASKED_MS + 20);
	assert_int_equal(lend(), fd);
	assert_int_equal(asked, 1);
	assert_true(kept_files_keep(kept, HASH, &stat_of_kept, &note, fd));
	assert_int_equal(lend(), fd);
	assert_int_equal(asked, 1);
	close(fd);
}

static void with_the_last_file_the_watches_end(void **state)
{
	(void)state;
	keep_watched("/file");
	assert_int_equal(kept->watched.count, 1);
	kept_files_close_all(kept);
	assert_int_equal(kept->watched.count, 0);
	keep_watched("/file");
	run_for_ms(KEPT_FILE_MS + 100);
	assert_int_equal(kept->count, 0);
	assert_int_equal(kept->watched.count, 0);
}

static int failing_statx(int folder, const char *path, int flags, unsigned mask, struct statx *ret)
{
	return strcmp(path, "file") == 0 ? -EIO : calls_real.statx(folder, path, flags, mask, ret);
}

static void a_question_that_fails_closes(void **state)
{
	int fd = keep_as(HASH);

	(void)state;
	spoilt.statx = failing_statx;
	assert_int_equal(lend(), -ENOENT);
	assert_false(is_open(fd));
}

static void after_a_moment_all_are_closed(void **state)
{
	int fds[200];

	(void)state;
	for (int i = 0; i < 200; i++)
		fds[i] = keep_as(HASH + 2 * (uint64_t)i);
	run_for_ms(KEPT_FILE_MS / 2);
	for (int i = 0; i < 200; i++)
		assert_true(is_open(fds[i]));
	run_for_ms(KEPT_FILE_MS);
	for (int i = 0; i < 200; i++)
		assert_false(is_open(fds[i]));
	assert_int_equal(kept->count, 0);
}

static int lend_as(uint64_t hash)
{
	return kept_files_lend(kept, hash, &tree, "/file", MASK, &stat_of_kept, &note);
}

static void as_many_as_may_be_are_kept(void **state)
{
	(void)state;
	kept->max = KEPT_FILES_MAX;
	for (int round = 0; round < 2; round++) {
		for (uint64_t i = 0; i < KEPT_FILES_MAX; i++)
			keep_as(HASH + i * 2);
		assert_false(kept_files_keep(kept, 1, &stat_of_kept, &note, -1));
		for (uint64_t i = 0; i < KEPT_FILES_MAX; i++)
			close(lend_as(HASH + i * 2));
		assert_int_equal(kept->count, 0);
	}
}

static void in_a_full_row_the_oldest_makes_room(void **state)
{
	const uint64_t step = (uint64_t)2 * KEPT_FILES_ROWS; /* to the next hash of the same row */
	int fds[KEPT_FILES_IN_ROW + 1];

	(void)state;
	for (unsigned i = 0; i < KEPT_FILES_IN_ROW; i++) {
		fds[i] = keep_as(HASH + i * step);
		run_for_ms(10);
	}
	assert_int_equal(lend_as(HASH), fds[0]); /* it is the youngest then */
	assert_true(kept_files_keep(kept, HASH, &stat_of_kept, &note, fds[0]));
	run_for_ms(10);
	fds[KEPT_FILES_IN_ROW] = keep_as(HASH + KEPT_FILES_IN_ROW * step);
	assert_int_equal(kept->count, KEPT_FILES_IN_ROW);
	assert_int_equal(lend_as(HASH + step), -ENOENT);
	for (unsigned i = 0; i <= KEPT_FILES_IN_ROW; i++)
		if (i != 1)
			assert_int_equal(lend_as(HASH + i * step), fds[i]);
	for (unsigned i = 0; i <= KEPT_FILES_IN_ROW; i++)
		if (i != 1)
			close(fds[i]);
}

/* What was kept later is not closed with what was kept before it. */
static void each_has_its_own_time(void **state)
{
	int first = keep_as(HASH);
	int second;

	(void)state;
	run_for_ms(KEPT_FILE_MS / 2);
	second = keep_as(HASH + 2);
	run_for_ms(KEPT_FILE_MS / 2 + 100);
	assert_false(is_open(first));
	assert_true(is_open(second));
	run_until_closed(second);
}

/* What it was read by is told with the file. */
static void what_was_read_stays_read(void **state)
{
	int fd;

	(void)state;
	note.read_ms = 7;
	fd = keep_as(HASH);
	note.read_ms = 0;
	assert_int_equal(lend(), fd);
	assert_int_equal(note.read_ms, 7);
	note.read_ms = 0;
	close(fd);
}

static void a_second_of_a_path_and_a_big_file_are_refused(void **state)
{
	int fd = keep_as(HASH);
	struct statx big = stat_of_kept;

	(void)state;
	assert_false(kept_files_keep(kept, HASH, &stat_of_kept, &note, fd));
	big.stx_size = KEPT_FILE_BYTES_MAX + 1;
	assert_false(kept_files_keep(kept, HASH + 2, &big, &note, fd));
}

static void there_is_a_most(void **state)
{
	struct rlimit limit;
	struct rlimit lower;

	(void)state;
	getrlimit(RLIMIT_NOFILE, &limit);
	lower = (struct rlimit){ .rlim_cur = 160, .rlim_max = limit.rlim_max };
	setrlimit(RLIMIT_NOFILE, &lower);
	kept_files_fini(kept);
	memset(kept, 0, sizeof(*kept));
	kept_files_init(kept, test_ring, 4);
	setrlimit(RLIMIT_NOFILE, &limit);
	for (int i = 0; i < 5; i++)
		keep_as(HASH + 2 * (uint64_t)i);
	assert_false(kept_files_keep(kept, HASH + 10, &stat_of_kept, &note, -1));
}

static int no_mountinfo(int folder, const char *path, const struct open_how *how)
{
	return strcmp(path, "/proc/self/mountinfo") == 0 ? -ENOENT
							 : calls_real.openat2(folder, path, how);
}

static void where_mounts_cannot_be_seen_none_is_kept(void **state)
{
	(void)state;
	kept_files_fini(kept);
	memset(kept, 0, sizeof(*kept));
	spoilt.openat2 = no_mountinfo;
	kept_files_init(kept, test_ring, 1);
	assert_false(kept_files_keep(kept, HASH, &stat_of_kept, &note, -1));
	assert_int_equal(lend(), -ENOENT);
}

static void a_mount_closes_all(void **state)
{
	(void)state;
	if (!own_mounts) {
		print_message("SKIPPED a_mount_closes_all: no mounts of its own\n");
		return;
	}
	for (int i = 0; i < 3; i++) { /* it is asked for again each time */
		int fd = keep_as(HASH);

		run_for_ms(20);
		assert_true(is_open(fd));
		assert_int_equal(mount("none", base, "tmpfs", 0, NULL), 0);
		run_until_closed(fd);
		assert_int_equal(umount(base), 0);
		fd = keep_as(HASH);
		run_until_closed(fd);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(test)                                         \
	{ #test, test, setup, teardown, (void *)"uring" }, \
		{ #test " on epoll", test, setup, teardown, (void *)"epoll" }
		TEST(lent_is_what_was_kept_and_to_one_alone),
		TEST(what_was_touched_is_closed),
		TEST(no_link_is_followed_and_none_out_of_the_tree),
		TEST(rights_that_go_at_once_are_seen),
		TEST(a_question_that_fails_closes),
		TEST(after_a_moment_all_are_closed),
		TEST(as_many_as_may_be_are_kept),
		TEST(in_a_full_row_the_oldest_makes_room),
		TEST(each_has_its_own_time),
		TEST(what_was_read_stays_read),
		TEST(a_second_of_a_path_and_a_big_file_are_refused),
		TEST(there_is_a_most),
		TEST(where_mounts_cannot_be_seen_none_is_kept),
		TEST(a_mount_closes_all),
		TEST(in_a_watched_folder_nothing_is_asked),
		TEST(what_is_touched_in_a_watched_folder_is_closed),
		TEST(a_touch_while_it_is_lent_is_seen),
		TEST(only_the_name_that_was_asked_about_is_known),
		TEST(another_root_is_asked),
		TEST(what_has_several_names_is_asked_each_time),
		TEST(what_has_a_long_name_is_asked_each_time),
		TEST(after_a_while_it_is_asked_again),
		TEST(with_the_last_file_the_watches_end),
	};

	/* What others mount is not to be seen here. */
	own_mounts = unshare(CLONE_NEWNS) == 0 &&
		     mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
