#include "fs/watched_folders.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/test_folder.h"
#include "support/test_ring.h"
#include "sys/calls.h"

/* The root: outer/inner/file, outer/inner/other, outer/beside/file, elsewhere/, link -> outer. */
static struct tree tree;
static struct watched_folders *watched;
static bool own_mounts;

static const char *at(const char *name)
{
	static char paths[4][4096];
	static unsigned turn;
	char *result = paths[turn++ % 4];

	snprintf(result, sizeof(paths[0]), "/proc/self/fd/%d/%s", test_root, name);
	return result;
}

static void write_file(const char *name)
{
	put_text(name, "text");
}

static void tree_make(void)
{
	test_folder_setup(NULL);
	assert_int_equal(mkdir(at("outer"), 0755), 0);
	assert_int_equal(mkdir(at("outer/inner"), 0755), 0);
	assert_int_equal(mkdir(at("outer/beside"), 0755), 0);
	assert_int_equal(mkdir(at("elsewhere"), 0755), 0);
	assert_int_equal(symlink("outer", at("link")), 0);
	write_file("outer/inner/file");
	write_file("outer/inner/other");
	write_file("outer/beside/file");
	tree = (struct tree){ .root = test_root, .disk.watchable = true };
}

static void tree_remove_it(void)
{
	assert_int_equal(test_folder_teardown(NULL), 0);
}

static int setup(void **state)
{
	test_ring_setup(state);
	tree_make();
	watched = calloc(1, sizeof(*watched));
	watched_folders_init(watched, test_ring);
	return 0;
}

static int teardown(void **state)
{
	watched_folders_fini(watched);
	free(watched);
	tree_remove_it();
	return test_ring_teardown(state);
}

/* One file more is asked for, at another moment. */
static uint32_t visit(const char *folder)
{
	ring_next_moment(test_ring);
	return watched_folders_visit(watched, &tree, view_of(folder));
}

/* As after a long while. */
static void forget_pauses(void)
{
	for (int i = 0; i < WATCHED_FOLDERS_PLACES; i++) {
		watched->folders[i].again_ms = 0;
		watched->folders[i].pause_ms = 0;
	}
}

static uint32_t visit_often(const char *folder)
{
	uint32_t number = 0;

	forget_pauses();
	for (int i = 0; i < WATCHED_FROM; i++)
		number = visit(folder);
	return number;
}

/* Watches that the kernel holds for us. */
static unsigned watches_held(void)
{
	char path[64];
	char line[256];
	unsigned count = 0;
	FILE *info;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", watched->inotify);
	info = fopen(path, "r");
	assert_non_null(info);
	while (fgets(line, sizeof(line), info))
		count += strncmp(line, "inotify ", 8) == 0;
	fclose(info);
	return count;
}

static void many_visits_bring_a_watch(void **state)
{
	uint32_t number;

	(void)state;
	for (int i = 1; i < WATCHED_FROM; i++)
		assert_int_equal(visit("/outer/inner"), 0);
	number = visit("/outer/inner");
	assert_int_not_equal(number, 0);
	assert_int_equal(watches_held(), 3);
	for (int i = 0; i < 100; i++)
		assert_int_equal(visit("/outer/inner"), number);
	watched_folders_end_all(watched);
	assert_int_equal(watches_held(), 0);
	forget_pauses();
	for (int i = 1; i < WATCHED_FROM; i++)
		assert_int_equal(visit("/outer/inner"), 0);
	assert_true(visit("/outer/inner") > number);
}

static void the_root_itself_is_watched(void **state)
{
	uint32_t number = visit_often("/");

	(void)state;
	assert_int_not_equal(number, 0);
	assert_int_equal(watches_held(), 1);
	write_file("new");
	assert_int_equal(visit("/"), 0);
	assert_int_equal(watches_held(), 0);
}

static void a_name_comes(void)
{
	write_file("outer/inner/new");
}

static void a_name_goes(void)
{
	assert_int_equal(unlink(at("outer/inner/file")), 0);
}

static void a_name_goes_elsewhere(void)
{
	assert_int_equal(rename(at("outer/inner/file"), at("elsewhere/file")), 0);
}

static void a_name_comes_from_elsewhere(void)
{
	assert_int_equal(rename(at("outer/beside/file"), at("outer/inner/file")), 0);
}

static void names_are_exchanged(void)
{
	assert_int_equal(calls->renameat2(tree.root, "outer/inner/file", tree.root,
					  "outer/beside/file", RENAME_EXCHANGE),
			 0);
}

static void a_second_name_is_made(void)
{
	assert_int_equal(link(at("elsewhere/../outer/beside/file"), at("outer/inner/second")), 0);
}

static void a_file_is_written(void)
{
	write_file("outer/inner/file");
}

static void a_file_is_truncated(void)
{
	assert_int_equal(truncate(at("outer/inner/file"), 1), 0);
}

static void a_file_gets_other_rights(void)
{
	assert_int_equal(chmod(at("outer/inner/file"), 0600), 0);
}

static void a_file_gets_another_time(void)
{
	assert_int_equal(utimensat(tree.root, "outer/inner/file", NULL, 0), 0);
}

static void the_folder_gets_other_rights(void)
{
	assert_int_equal(chmod(at("outer/inner"), 0700), 0);
}

static void the_folder_moves(void)
{
	assert_int_equal(rename(at("outer/inner"), at("elsewhere/inner")), 0);
}

static void the_folder_gives_way_to_another(void)
{
	assert_int_equal(calls->renameat2(tree.root, "outer/inner", tree.root, "outer/beside",
					  RENAME_EXCHANGE),
			 0);
}

static void a_folder_on_the_way_moves(void)
{
	assert_int_equal(rename(at("outer"), at("away")), 0);
}

static void a_folder_on_the_way_becomes_a_link(void)
{
	assert_int_equal(rename(at("outer"), at("away")), 0);
	assert_int_equal(symlink("away", at("outer")), 0);
}

static void a_folder_on_the_way_gets_other_rights(void)
{
	assert_int_equal(chmod(at("outer"), 0700), 0);
}

static void the_root_gets_other_rights(void)
{
	assert_int_equal(chmod(at("."), 0750), 0);
}

static void the_folder_is_removed(void)
{
	assert_int_equal(unlink(at("outer/inner/file")), 0);
	assert_int_equal(unlink(at("outer/inner/other")), 0);
	assert_int_equal(rmdir(at("outer/inner")), 0);
}

static void each_change_ends_a_watch(void **state)
{
	static void (*const changes[])(void) = {
		a_name_comes,
		a_name_goes,
		a_name_goes_elsewhere,
		a_name_comes_from_elsewhere,
		names_are_exchanged,
		a_second_name_is_made,
		a_file_is_written,
		a_file_is_truncated,
		a_file_gets_other_rights,
		a_file_gets_another_time,
		the_folder_gets_other_rights,
		the_folder_moves,
		the_folder_gives_way_to_another,
		a_folder_on_the_way_moves,
		a_folder_on_the_way_becomes_a_link,
		a_folder_on_the_way_gets_other_rights,
		the_root_gets_other_rights,
		the_folder_is_removed,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		tree_remove_it();
		tree_make();
		if (visit_often("/outer/inner") == 0)
			fail_msg("no watch before change %zu", i);
		changes[i]();
		if (visit("/outer/inner") != 0)
			fail_msg("change %zu is not told", i);
		assert_int_equal(watched->count, 0);
		assert_int_equal(watches_held(), 0);
	}
}

static void an_empty_folder_that_is_removed_ends_a_watch(void **state)
{
	(void)state;
	assert_int_not_equal(visit_often("/elsewhere"), 0);
	assert_int_equal(rmdir(at("elsewhere")), 0);
	assert_int_equal(visit("/elsewhere"), 0);
	assert_int_equal(mkdir(at("elsewhere"), 0755), 0);
	assert_int_not_equal(visit_often("/elsewhere"), 0);
}

static void reading_ends_none(void **state)
{
	uint32_t number = visit_often("/outer/inner");
	char text[8];
	int fd = open(at("outer/inner/file"), O_RDONLY);

	(void)state;
	assert_int_equal(read(fd, text, sizeof(text)), 4);
	close(fd);
	assert_int_equal(visit("/outer/inner"), number);
}

static void within_a_moment_it_is_not_looked_again(void **state)
{
	uint32_t number = visit_often("/outer/inner");

	(void)state;
	assert_int_equal(visit("/outer/inner"), number);
	a_file_is_written();
	assert_int_equal(watched_folders_visit(watched, &tree, view_of("/outer/inner")), number);
	ring_next_moment(test_ring);
	assert_int_equal(watched_folders_visit(watched, &tree, view_of("/outer/inner")), 0);
}

static void one_watch_serves_several_folders(void **state)
{
	uint32_t inner = visit_often("/outer/inner");
	uint32_t beside = visit_often("/outer/beside");
	uint32_t outer = visit_often("/outer");

	(void)state;
	assert_true(inner && beside && outer);
	assert_int_equal(watches_held(), 4);
	write_file("outer/inner/file");
	assert_int_equal(visit("/outer/inner"), 0);
	assert_int_equal(visit("/outer/beside"), beside);
	assert_int_equal(visit("/outer"), outer);
	assert_int_equal(watches_held(), 3);
	a_folder_on_the_way_moves();
	assert_int_equal(visit("/outer/beside"), 0);
	assert_int_equal(visit("/outer"), 0);
	assert_int_equal(watches_held(), 0);
}

static void of_another_root_is_another_folder(void **state)
{
	uint32_t number = visit_often("/outer/inner");
	int root = tree.root;

	(void)state;
	tree.root = dup(root);
	assert_int_equal(visit("/outer/inner"), 0);
	assert_int_equal(watched_folders_visit(watched, &tree, view_of("/outer/inner")), 0);
	close(tree.root);
	tree.root = root;
	assert_int_equal(visit("/outer/inner"), number);
}

static void some_are_not_watched(void **state)
{
	static const char deep[] = "/d/d/d/d/d/d/d/d";
	char long_path[WATCHED_PATH_BYTES_MAX + 1];
	char path[64] = "";

	(void)state;
	assert_int_equal(visit_often("/link/inner"), 0);
	assert_int_equal(visit_often("/nothing"), 0);
	for (size_t i = 0; i < strlen(deep); i += 2) {
		snprintf(path, sizeof(path), "%.*s", (int)(i + 2), deep);
		assert_int_equal(mkdir(at(path), 0755), 0);
	}
	assert_int_equal(visit_often(deep), 0);
	assert_int_equal(watches_held(), 0);
	memset(watched->folders, 0, sizeof(watched->folders)); /* it may want that very place */
	assert_int_not_equal(visit_often("/d/d/d/d/d/d/d"), 0);
	memset(long_path, 'x', sizeof(long_path) - 1);
	long_path[0] = '/';
	long_path[sizeof(long_path) - 1] = '\0';
	assert_int_equal(visit_often(long_path), 0);
	tree.disk.watchable = false;
	assert_int_equal(visit_often("/outer/inner"), 0);
}

/* So that one that changes all the time costs little. */
static void a_folder_that_changes_is_left_alone_longer_and_longer(void **state)
{
	struct watched_folder *place = NULL;
	uint64_t pause_ms = WATCHED_PAUSE_MS;

	(void)state;
	assert_int_not_equal(visit_often("/outer/inner"), 0);
	for (int i = 0; i < WATCHED_FOLDERS_PLACES; i++)
		if (watched->folders[i].number)
			place = &watched->folders[i];
	for (int i = 0; i < 20; i++) {
		a_file_is_written();
		assert_int_equal(visit("/outer/inner"), 0);
		assert_int_equal(place->pause_ms, pause_ms);
		assert_int_equal(place->again_ms, ring_now_ms(test_ring) + pause_ms);
		for (int j = 0; j < WATCHED_FROM; j++)
			assert_int_equal(visit("/outer/inner"), 0);
		place->again_ms = 0;
		assert_int_not_equal(visit("/outer/inner"), 0);
		pause_ms = 2 * pause_ms < WATCHED_PAUSE_MS_MAX ? 2 * pause_ms
							       : WATCHED_PAUSE_MS_MAX;
	}
	place->since_ms -= WATCHED_LASTS_MS; /* it lasts */
	a_file_is_written();
	assert_int_equal(visit("/outer/inner"), 0);
	assert_int_equal(place->pause_ms, WATCHED_PAUSE_MS);
}

static struct watched_folder *place_of(const char *folder)
{
	for (int i = 0; i < WATCHED_FOLDERS_PLACES; i++)
		if (strcmp(watched->folders[i].path, folder) == 0)
			return &watched->folders[i];
	fail_msg("%s has no place", folder);
	return NULL;
}

static void an_end_without_a_change_brings_no_pause(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		for (int j = 0; j < WATCHED_FROM; j++)
			visit("/outer/inner");
		assert_int_not_equal(place_of("/outer/inner")->number, 0);
		watched_folders_end_all(watched);
		assert_int_equal(place_of("/outer/inner")->again_ms, 0);
	}
}

/* Of one client in the root all others would know otherwise. */
static void a_change_on_the_way_brings_no_longer_pause(void **state)
{
	struct watched_folder *place;

	(void)state;
	assert_int_not_equal(visit_often("/outer/inner"), 0);
	place = place_of("/outer/inner");
	for (int i = 0; i < 3; i++) {
		the_root_gets_other_rights();
		assert_int_equal(visit("/outer/inner"), 0);
		assert_int_equal(place->pause_ms, WATCHED_PAUSE_MS);
		place->again_ms = 0;
		for (int j = 0; j < WATCHED_FROM; j++)
			visit("/outer/inner");
		assert_int_not_equal(place->number, 0);
	}
}

static void a_place_in_its_pause_is_not_given_away(void **state)
{
	struct watched_folder *place;

	(void)state;
	assert_int_not_equal(visit_often("/outer/inner"), 0);
	a_file_is_written();
	assert_int_equal(visit("/outer/inner"), 0);
	place = place_of("/outer/inner");
	place->visits = 0;
	place->again_ms += 1000000;
	for (int i = 0; i < 20 * WATCHED_FOLDERS_PLACES; i++) { /* some are for that place */
		char other[64];

		snprintf(other, sizeof(other), "/elsewhere/%d", i);
		visit(other);
	}
	assert_string_equal(place->path, "/outer/inner");
	place->again_ms = 0;
	for (int i = 0; i < 20 * WATCHED_FOLDERS_PLACES; i++) {
		char other[64];

		snprintf(other, sizeof(other), "/elsewhere/%d", i);
		visit(other);
	}
	assert_string_not_equal(place->path, "/outer/inner");
}

/* Nobody reads that while nothing is watched. */
static void what_cannot_be_watched_leaves_no_events(void **state)
{
	int unread = 0;

	(void)state;
	for (int i = 0; i < 10; i++)
		assert_int_equal(visit_often("/outer/nothing"), 0);
	assert_true(watched->inotify >= 0);
	assert_int_equal(ioctl(watched->inotify, FIONREAD, &unread), 0);
	assert_int_equal(unread, 0);
}

static unsigned left; /* calls until one fails */

static int failing_inotify_init(int flags)
{
	return left-- == 0 ? -EMFILE : calls_real.inotify_init(flags);
}

static int failing_openat2(int folder, const char *path, const struct open_how *how)
{
	return left-- == 0 ? -EMFILE : calls_real.openat2(folder, path, how);
}

static int failing_add_watch(int fd, const char *path, uint32_t mask)
{
	return left-- == 0 ? -ENOSPC : calls_real.inotify_add_watch(fd, path, mask);
}

/* A failure leaves nothing behind, and is not met again at once. */
static void what_fails_is_left_for_a_while(unsigned calls_made)
{
	for (unsigned i = 0; i < calls_made; i++) {
		int before;

		watched_folders_fini(watched);
		memset(watched, 0, sizeof(*watched));
		watched_folders_init(watched, test_ring);
		before = descriptors();
		left = i;
		assert_int_equal(visit_often("/outer/inner"), 0);
		assert_int_equal(watched->count, 0);
		if (watched->inotify >= 0)
			assert_int_equal(watches_held(), 0);
		else
			assert_int_equal(descriptors(), before);
		left = UINT32_MAX;
		assert_int_equal(visit("/outer/inner"), 0);
		forget_pauses();
		assert_int_not_equal(visit("/outer/inner"), 0);
	}
	left = calls_made; /* and there is no further call */
	watched_folders_fini(watched);
	memset(watched, 0, sizeof(*watched));
	watched_folders_init(watched, test_ring);
	assert_int_not_equal(visit_often("/outer/inner"), 0);
}

static void each_call_may_fail(void **state)
{
	(void)state;
	test_calls.inotify_init = failing_inotify_init;
	what_fails_is_left_for_a_while(1);
	test_calls = calls_real;
	test_calls.openat2 = failing_openat2;
	what_fails_is_left_for_a_while(7); /* mountinfo, and three folders twice */
	test_calls = calls_real;
	test_calls.inotify_add_watch = failing_add_watch;
	what_fails_is_left_for_a_while(6);
}

/* Also those that no call of the table opens. What was opened for a watch that fails is closed, or kept
 * whole. */
static void each_descriptor_may_be_one_too_many(void **state)
{
	struct rlimit limit;
	uint32_t number = 0;
	int before = descriptors();
	int failures = 0;

	(void)state;
	getrlimit(RLIMIT_NOFILE, &limit);
	for (rlim_t most = 0; number == 0 && most < 64; most++) {
		const struct rlimit lower = { most, limit.rlim_max };
		int held;

		setrlimit(RLIMIT_NOFILE, &lower);
		number = visit_often("/outer/inner");
		setrlimit(RLIMIT_NOFILE, &limit);
		held = descriptors();
		assert_true(held == before || held == before + 3);
		failures += number == 0;
	}
	assert_int_not_equal(number, 0);
	assert_true(failures >= 4); /* inotify, mountinfo, epoll, a folder */
}

/* After some look, and before that is a watch, the outer folder is another one. */
static int add_watch_and_move(int fd, const char *path, uint32_t mask)
{
	if (left-- == 1) {
		assert_int_equal(rename(at("outer"), at("away")), 0);
		assert_int_equal(mkdir(at("outer"), 0755), 0);
		assert_int_equal(mkdir(at("outer/inner"), 0755), 0);
	}
	return calls_real.inotify_add_watch(fd, path, mask);
}

static void a_move_between_the_two_walks_is_seen(void **state)
{
	(void)state;
	for (unsigned i = 2; i <= 6; i++) {
		tree_remove_it();
		tree_make();
		left = i;
		test_calls.inotify_add_watch = add_watch_and_move;
		visit_often("/outer/inner");
		test_calls.inotify_add_watch = calls_real.inotify_add_watch;
		assert_int_equal(visit("/outer/inner"), 0);
		assert_int_equal(watches_held(), 0);
		assert_int_not_equal(visit_often("/outer/inner"), 0);
		watched_folders_end_all(watched);
	}
}

static ssize_t overflown_read(int fd, void *buffer, size_t size_bytes)
{
	const struct inotify_event event = { .wd = -1, .mask = IN_Q_OVERFLOW };

	(void)size_bytes;
	test_calls.read = calls_real.read;
	calls_real.read(fd, buffer, size_bytes);
	memcpy(buffer, &event, sizeof(event));
	return sizeof(event);
}

static ssize_t failing_read(int fd, void *buffer, size_t size_bytes)
{
	(void)fd;
	(void)buffer;
	(void)size_bytes;
	return -EIO;
}

static void what_is_lost_ends_all(void **state)
{
	(void)state;
	visit_often("/outer/beside");
	visit_often("/outer/inner");
	test_calls.read = overflown_read;
	a_file_is_written();
	assert_int_equal(visit("/outer/beside"), 0);
	assert_int_equal(watched->count, 0);

	visit_often("/outer/beside");
	visit_often("/outer/inner");
	test_calls.read = failing_read;
	a_file_is_written();
	assert_int_equal(visit("/outer/beside"), 0);
	assert_int_equal(watched->count, 0);
}

static void a_mount_ends_all(void **state)
{
	(void)state;
	if (!own_mounts) {
		print_message("SKIPPED a_mount_ends_all: no mounts of its own\n");
		return;
	}
	for (int i = 0; i < 2; i++) {
		assert_int_not_equal(visit_often("/outer/inner"), 0);
		assert_int_equal(mount("none", at("outer/beside"), "tmpfs", 0, NULL), 0);
		assert_int_equal(visit("/outer/inner"), 0);
		assert_int_not_equal(visit_often("/outer/inner"), 0);
		assert_int_equal(umount(at("outer/beside")), 0);
		assert_int_equal(visit("/outer/inner"), 0);
	}
}

/* Two folders of one place; the hash decides which. */
static void a_place_goes_to_whom_it_serves_more(void **state)
{
	char other[64];
	uint32_t number = 0;

	(void)state;
	for (int i = 0;; i++) {
		unsigned before = 0;
		unsigned after = 0;

		visit_often("/outer/inner");
		for (int j = 0; j < WATCHED_FOLDERS_PLACES; j++)
			before += watched->folders[j].path[0] != '\0';
		snprintf(other, sizeof(other), "/elsewhere/%d", i);
		visit(other);
		for (int j = 0; j < WATCHED_FOLDERS_PLACES; j++)
			after += watched->folders[j].path[0] != '\0';
		if (before == after && before == 1)
			break;
		watched_folders_fini(watched);
		memset(watched, 0, sizeof(*watched));
		watched_folders_init(watched, test_ring);
	}
	assert_int_equal(mkdir(at(other), 0755), 0);
	for (int i = 0; i < WATCHED_VISITS_MAX; i++)
		number = visit("/outer/inner");
	assert_int_not_equal(number, 0);
	for (int i = 0; i < 1000; i++) { /* both are wanted as often: the first one stays */
		assert_int_equal(visit(other), 0);
		assert_int_equal(visit("/outer/inner"), number);
	}
	for (int i = 0; i < WATCHED_VISITS_MAX; i++)
		assert_int_equal(visit(other), 0);
	assert_int_not_equal(visit_often(other), 0);
	assert_int_equal(visit("/outer/inner"), 0);
	assert_int_equal(watched->count, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(test)                                         \
	{ #test, test, setup, teardown, (void *)"uring" }, \
		{ #test " on epoll", test, setup, teardown, (void *)"epoll" }
		TEST(many_visits_bring_a_watch),
		TEST(the_root_itself_is_watched),
		TEST(each_change_ends_a_watch),
		TEST(an_empty_folder_that_is_removed_ends_a_watch),
		TEST(reading_ends_none),
		TEST(within_a_moment_it_is_not_looked_again),
		TEST(one_watch_serves_several_folders),
		TEST(of_another_root_is_another_folder),
		TEST(some_are_not_watched),
		TEST(a_folder_that_changes_is_left_alone_longer_and_longer),
		TEST(an_end_without_a_change_brings_no_pause),
		TEST(a_change_on_the_way_brings_no_longer_pause),
		TEST(a_place_in_its_pause_is_not_given_away),
		TEST(what_cannot_be_watched_leaves_no_events),
		TEST(each_call_may_fail),
		TEST(each_descriptor_may_be_one_too_many),
		TEST(a_move_between_the_two_walks_is_seen),
		TEST(what_is_lost_ends_all),
		TEST(a_mount_ends_all),
		TEST(a_place_goes_to_whom_it_serves_more),
	};

	/* What others mount is not to be seen here. */
	own_mounts = unshare(CLONE_NEWNS) == 0 &&
		     mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
