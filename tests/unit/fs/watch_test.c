#include "fs/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "sys/calls.h"

#define VIEW_PATH_MAX 4200

/* A folder with a file "file" and a folder "sub" in it, a folder beside it, both in tree. */
static char tree[64];
static char folder[VIEW_PATH_MAX];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct watches *watches;
static struct calls spoilt;

struct told {
	struct watcher watcher;
	unsigned times;
};

static struct told first;
static struct told second;

static void told_changed(struct watcher *watcher)
{
	list_entry(watcher, struct told, watcher)->times++;
}

static const char *path(const char *name)
{
	static char paths[4][VIEW_PATH_MAX];
	static unsigned turn;
	char *result = paths[turn++ % 4];

	snprintf(result, VIEW_PATH_MAX, "%s/%s", tree, name);
	return result;
}

static void write_to(const char *name, const char *text)
{
	int fd = open(path(name), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static int tree_make(const char *parent)
{
	snprintf(tree, sizeof(tree), "%s/watch_test.XXXXXX", parent);
	if (!mkdtemp(tree))
		return -1;
	snprintf(folder, sizeof(folder), "%s/folder", tree);
	if (mkdir(folder, 0755) < 0 || mkdir(path("folder/sub"), 0755) < 0 ||
	    mkdir(path("beside"), 0755) < 0)
		return -1;
	write_to("folder/file", "one");
	write_to("beside/other", "two");
	first.times = 0;
	second.times = 0;
	watcher_init(&first.watcher);
	watcher_init(&second.watcher);
	spoilt = calls_real;
	calls = &spoilt;
	return watches_new(&lock, 4, told_changed, &watches);
}

static int on_disk(void **state)
{
	(void)state;
	return tree_make("/tmp");
}

static int in_memory(void **state)
{
	(void)state;
	return tree_make("/dev/shm");
}

static int entry_remove(const char *name, const struct stat *stat, int flag, struct FTW *ftw)
{
	(void)stat;
	(void)flag;
	(void)ftw;
	return remove(name);
}

static int tree_remove(void **state)
{
	(void)state;
	calls = &calls_real;
	watches_free(watches);
	return nftw(tree, entry_remove, 16, FTW_DEPTH | FTW_PHYS);
}

static int add(struct told *told, const char *name)
{
	int r;

	pthread_mutex_lock(&lock);
	r = watches_add(watches, &told->watcher, name);
	pthread_mutex_unlock(&lock);
	return r;
}

static int drain(void)
{
	int r;

	pthread_mutex_lock(&lock);
	r = watches_drain(watches);
	pthread_mutex_unlock(&lock);
	return r;
}

static void forget(struct told *told)
{
	pthread_mutex_lock(&lock);
	watches_forget(watches, &told->watcher);
	pthread_mutex_unlock(&lock);
}

/*
 * What is a change.
 */

static void make_file(void)
{
	write_to("folder/new", "");
}

static void make_folder(void)
{
	assert_int_equal(mkdir(path("folder/new"), 0755), 0);
}

static void make_link(void)
{
	assert_int_equal(symlink("nowhere", path("folder/new")), 0);
}

static void make_name(void)
{
	assert_int_equal(link(path("beside/other"), path("folder/new")), 0);
}

static void remove_file(void)
{
	assert_int_equal(unlink(path("folder/file")), 0);
}

static void remove_folder(void)
{
	assert_int_equal(rmdir(path("folder/sub")), 0);
}

static void rename_within(void)
{
	assert_int_equal(rename(path("folder/file"), path("folder/new")), 0);
}

static void rename_out(void)
{
	assert_int_equal(rename(path("folder/file"), path("beside/new")), 0);
}

static void rename_in(void)
{
	assert_int_equal(rename(path("beside/other"), path("folder/file")), 0);
}

static void append(void)
{
	write_to("folder/file", "more");
}

static void cut(void)
{
	assert_int_equal(truncate(path("folder/file"), 1), 0);
}

static void touch(void)
{
	assert_int_equal(utimensat(AT_FDCWD, path("folder/file"), NULL, 0), 0);
}

static void change_mode(void)
{
	assert_int_equal(chmod(path("folder/file"), 0600), 0);
}

static void change_mode_of_folder(void)
{
	assert_int_equal(chmod(folder, 0700), 0);
}

static void change_mode_of_sub(void)
{
	assert_int_equal(chmod(path("folder/sub"), 0700), 0);
}

static void reserve(void)
{
	int fd = open(path("folder/file"), O_WRONLY | O_CLOEXEC);

	assert_int_equal(fallocate(fd, 0, 0, 10000), 0);
	close(fd);
}

static void splice_into(void)
{
	int fd = open(path("folder/file"), O_WRONLY | O_CLOEXEC);
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], "abc", 3), 3);
	assert_int_equal(splice(ends[0], NULL, fd, NULL, 3, 0), 3);
	close(ends[0]);
	close(ends[1]);
	close(fd);
}

static void store_in_mapping_and_close(void)
{
	int fd = open(path("folder/file"), O_RDWR | O_CLOEXEC);
	char *memory = mmap(NULL, 1, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	assert_ptr_not_equal(memory, MAP_FAILED);
	memory[0] = 'x';
	munmap(memory, 1);
	close(fd);
}

static void remove_all(void)
{
	remove_file();
	remove_folder();
	assert_int_equal(rmdir(folder), 0);
}

static void (*const changes[])(void) = {
	make_file,
	make_folder,
	make_link,
	make_name,
	remove_file,
	remove_folder,
	rename_within,
	rename_out,
	rename_in,
	append,
	cut,
	touch,
	change_mode,
	change_mode_of_folder,
	change_mode_of_sub,
	reserve,
	splice_into,
	store_in_mapping_and_close,
	remove_all,
};

static void each_change_is_told_once(void **state)
{
	const char *parent = strncmp(tree, "/tmp", 4) == 0 ? "/tmp" : "/dev/shm";

	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		assert_int_equal(add(&first, folder), 0);
		assert_int_equal(drain(), 0);
		assert_int_equal(first.times, 0);
		changes[i]();
		assert_int_equal(drain(), 0);
		assert_int_equal(first.times, 1);
		if (i + 1 < sizeof(changes) / sizeof(changes[0]))
			write_to("folder/again", "x");
		assert_int_equal(drain(), 0);
		assert_int_equal(first.times, 1);
		assert_int_equal(watches_count(watches), 0);
		assert_int_equal(tree_remove(state), 0);
		assert_int_equal(tree_make(parent), 0);
	}
}

static void looking_is_no_change(void **state)
{
	struct stat stat_buffer;
	char byte;
	int fd;

	(void)state;
	assert_int_equal(add(&first, folder), 0);
	fd = open(path("folder/file"), O_RDONLY | O_CLOEXEC);
	assert_int_equal(read(fd, &byte, 1), 1);
	close(fd);
	assert_int_equal(stat(path("folder/file"), &stat_buffer), 0);
	write_to("beside/other", "more");
	write_to("folder/sub/deep", "deeper");
	assert_int_equal(drain(), 0);
	assert_int_equal(first.times, 0);
	forget(&first);
}

static void what_happens_in_a_folder_within_is_told_to_who_watches_that(void **state)
{
	(void)state;
	assert_int_equal(add(&first, folder), 0);
	assert_int_equal(add(&first, path("folder/sub")), 0);
	assert_int_equal(watches_count(watches), 2);
	write_to("folder/sub/new", "");
	assert_int_equal(drain(), 0);
	assert_int_equal(first.times, 1);
	assert_int_equal(watches_count(watches), 0);
}

static void watchers_of_one_folder_share_a_watch(void **state)
{
	(void)state;
	assert_int_equal(add(&first, folder), 0);
	assert_int_equal(add(&second, folder), 0);
	assert_int_equal(watches_count(watches), 1);
	append();
	assert_int_equal(drain(), 0);
	assert_int_equal(first.times, 1);
	assert_int_equal(second.times, 1);

	assert_int_equal(add(&first, folder), 0);
	assert_int_equal(add(&second, folder), 0);
	forget(&first);
	assert_int_equal(watches_count(watches), 1);
	append();
	assert_int_equal(drain(), 0);
	assert_int_equal(first.times, 1);
	assert_int_equal(second.times, 2);
}

static void a_watcher_that_joins_after_a_change_that_nobody_drained_is_told_of_the_next(
	void **state)
{
	(void)state;
	assert_int_equal(add(&first, folder), 0);
	append(); /* ends the kernel's watch */
	assert_int_equal(add(&second, folder), 0);
	append();
	assert_int_equal(drain(), 0);
	assert_int_equal(first.times, 1);
	assert_int_equal(second.times, 1);
}

static void the_last_to_forget_ends_the_watch(void **state)
{
	(void)state;
	assert_int_equal(add(&first, folder), 0);
	forget(&first);
	assert_int_equal(watches_count(watches), 0);
	append();
	assert_int_equal(drain(), 0);
	assert_int_equal(first.times, 0);
	assert_int_equal(add(&first, folder), 0);
	append();
	assert_int_equal(drain(), 0);
	assert_int_equal(first.times, 1);
}

static void there_are_no_more_watches_than_the_limit(void **state)
{
	static const char *const names[] = { "folder", "folder/sub", "beside", "." };

	(void)state;
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(add(&first, path(names[i])), 0);
	assert_int_equal(mkdir(path("one more"), 0755), 0);
	assert_int_equal(add(&second, path("one more")), -ENOSPC);
	forget(&first);
	assert_int_equal(add(&second, path("one more")), 0);
	forget(&second);
}

static void what_is_no_folder_is_an_error(void **state)
{
	(void)state;
	assert_int_equal(symlink("folder", path("link")), 0);
	assert_int_equal(add(&first, path("nothing")), -ENOENT);
	assert_int_equal(add(&first, path("folder/file")), -ENOTDIR);
	assert_int_equal(add(&first, path("link")), -ENOTDIR);
	assert_int_equal(watches_count(watches), 0);
}

/*
 * While a watch is added, the lock is free.
 */

static void (*meanwhile)(void); /* once, between the kernel's answer and its use */

static int slow_add_watch(int fd, const char *name, uint32_t mask)
{
	int r = calls_real.inotify_add_watch(fd, name, mask);
	void (*act)(void) = meanwhile;

	meanwhile = NULL;
	if (act)
		act();
	return r;
}

static void change_and_drain(void)
{
	append();
	assert_int_equal(drain(), 0);
}

static void a_change_that_is_drained_while_the_watch_is_added_is_not_lost(void **state)
{
	(void)state;
	spoilt.inotify_add_watch = slow_add_watch;
	meanwhile = change_and_drain;
	assert_int_equal(add(&first, folder), 0);
	assert_int_equal(drain(), 0);
	append();
	assert_int_equal(drain(), 0);
	assert_int_equal(first.times, 1);
}

static void nor_is_one_that_ends_the_watch_of_another(void **state)
{
	(void)state;
	assert_int_equal(add(&second, folder), 0);
	spoilt.inotify_add_watch = slow_add_watch;
	meanwhile = change_and_drain;
	assert_int_equal(add(&first, folder), 0);
	assert_int_equal(second.times, 1);
	append();
	assert_int_equal(drain(), 0);
	assert_int_equal(first.times, 1);
}

static void forget_second(void)
{
	forget(&second);
}

static void a_watch_that_is_ended_while_it_is_joined_is_set_again(void **state)
{
	(void)state;
	assert_int_equal(add(&second, folder), 0);
	spoilt.inotify_add_watch = slow_add_watch;
	meanwhile = forget_second;
	assert_int_equal(add(&first, folder), 0);
	assert_int_equal(drain(), 0);
	assert_int_equal(first.times, 0);
	append();
	assert_int_equal(drain(), 0);
	assert_int_equal(first.times, 1);
}

static int restless_add_watch(int fd, const char *name, uint32_t mask)
{
	int r = calls_real.inotify_add_watch(fd, name, mask);

	change_and_drain();
	return r;
}

static void an_addition_that_never_has_rest_is_given_up_and_leaves_no_watch(void **state)
{
	(void)state;
	spoilt.inotify_add_watch = restless_add_watch;
	assert_int_equal(add(&first, folder), -EAGAIN);
	assert_int_equal(watches_count(watches), 0);
}

/*
 * What the kernel refuses or loses.
 */

static void *no_memory(size_t size_bytes)
{
	(void)size_bytes;
	return NULL;
}

static unsigned allocations_left;

static void *little_memory(size_t size_bytes)
{
	return allocations_left-- > 0 ? calls_real.allocate(size_bytes) : NULL;
}

static void without_memory_there_is_no_watch(void **state)
{
	(void)state;
	for (unsigned left = 0; left < 2; left++) {
		allocations_left = left;
		spoilt.allocate = little_memory;
		assert_int_equal(add(&first, folder), -ENOMEM);
		assert_int_equal(watches_count(watches), 0);
		spoilt.allocate = calls_real.allocate;
		append();
		assert_int_equal(drain(), 0);
		assert_int_equal(first.times, 0);
	}
}

static int refused_end(int fd, int number)
{
	(void)fd;
	(void)number;
	return -EINVAL;
}

static void a_watch_that_cannot_be_ended_is_forgotten_all_the_same(void **state)
{
	(void)state;
	spoilt.inotify_rm_watch = refused_end;
	assert_int_equal(add(&first, folder), 0);
	forget(&first);
	assert_int_equal(watches_count(watches), 0);
	append(); /* the kernel tells of a watch that is in no table */
	assert_int_equal(drain(), 0);
	assert_int_equal(first.times, 0);
	assert_int_equal(add(&first, folder), 0);
	append();
	drain();
	assert_int_equal(first.times, 1);
}

static int refused_inotify(int flags)
{
	(void)flags;
	return -EMFILE;
}

static int refused_openat2(int parent, const char *name, const struct open_how *how)
{
	(void)parent;
	(void)name;
	(void)how;
	return -ENOENT;
}

static void what_the_kernel_refuses_is_said(void **state)
{
	struct watches *none = NULL;

	(void)state;
	spoilt.inotify_init = refused_inotify;
	assert_int_equal(watches_new(&lock, 1, told_changed, &none), -EMFILE);
	spoilt.inotify_init = calls_real.inotify_init;
	spoilt.openat2 = refused_openat2;
	assert_int_equal(watches_new(&lock, 1, told_changed, &none), -ENOENT);
	spoilt.allocate = no_memory;
	assert_int_equal(watches_new(&lock, 1, told_changed, &none), -ENOMEM);
	assert_null(none);
}

static ssize_t overflowing_read(int fd, void *buffer, size_t size_bytes)
{
	struct inotify_event *event = buffer;

	(void)fd;
	assert_true(size_bytes >= sizeof(*event));
	*event = (struct inotify_event){ .wd = -1, .mask = IN_Q_OVERFLOW };
	spoilt.read = calls_real.read;
	return sizeof(*event);
}

static ssize_t refused_read(int fd, void *buffer, size_t size_bytes)
{
	(void)fd;
	(void)buffer;
	(void)size_bytes;
	return -EIO;
}

static void lost_events_are_said_and_the_next_ones_told(void **state)
{
	(void)state;
	assert_int_equal(add(&first, folder), 0);
	append();
	spoilt.read = overflowing_read;
	assert_int_equal(drain(), -EOVERFLOW);
	assert_int_equal(first.times, 1);
	assert_int_equal(drain(), 0);
	spoilt.read = refused_read;
	assert_int_equal(drain(), -EOVERFLOW);
	assert_int_equal(drain(), -EOVERFLOW);
}

static unsigned long kernel_limit(const char *name)
{
	char text[32] = "";
	int fd;

	snprintf(folder, sizeof(folder), "/proc/sys/fs/inotify/%s", name);
	fd = open(folder, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0 && read(fd, text, sizeof(text) - 1) > 0);
	close(fd);
	return strtoul(text, NULL, 10);
}

/* Each watch brings two events, of the change and of its own end. */
static void more_events_than_the_kernel_holds_are_lost_and_said(void **state)
{
	unsigned long count = kernel_limit("max_queued_events") / 2 + 100;
	char name[32];

	(void)state;
	if (count > 20000 || count > kernel_limit("max_user_watches") / 2)
		skip();
	watches_free(watches);
	assert_int_equal(watches_new(&lock, (unsigned)count, told_changed, &watches), 0);
	for (unsigned long i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "%lu", i);
		assert_int_equal(mkdir(path(name), 0755), 0);
		assert_int_equal(add(&first, path(name)), 0);
	}
	assert_int_equal(drain(), 0);
	for (unsigned long i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "%lu", i);
		assert_int_equal(chmod(path(name), 0700), 0);
	}
	assert_int_equal(drain(), -EOVERFLOW);
	assert_int_equal(drain(), 0);
}

/* The file of mounts: a pipe without a writer, of which poll has always something to tell. */
static int changing_mounts(int parent, const char *name, const struct open_how *how)
{
	int ends[2];

	(void)parent;
	(void)name;
	(void)how;
	assert_int_equal(pipe(ends), 0);
	close(ends[1]);
	return ends[0];
}

static void mounts_that_come_or_go_change_everything(void **state)
{
	struct watches *others = NULL;

	(void)state;
	spoilt.openat2 = changing_mounts;
	assert_int_equal(watches_new(&lock, 1, told_changed, &others), 0);
	assert_int_equal(watches_drain(others), -EOVERFLOW);
	watches_free(others);
}

#define TREE_TEST(test) cmocka_unit_test_setup_teardown(test, on_disk, tree_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TREE_TEST(each_change_is_told_once),
		cmocka_unit_test_setup_teardown(each_change_is_told_once, in_memory, tree_remove),
		TREE_TEST(looking_is_no_change),
		TREE_TEST(what_happens_in_a_folder_within_is_told_to_who_watches_that),
		TREE_TEST(watchers_of_one_folder_share_a_watch),
		TREE_TEST(
			a_watcher_that_joins_after_a_change_that_nobody_drained_is_told_of_the_next),
		TREE_TEST(the_last_to_forget_ends_the_watch),
		TREE_TEST(there_are_no_more_watches_than_the_limit),
		TREE_TEST(what_is_no_folder_is_an_error),
		TREE_TEST(a_change_that_is_drained_while_the_watch_is_added_is_not_lost),
		TREE_TEST(nor_is_one_that_ends_the_watch_of_another),
		TREE_TEST(a_watch_that_is_ended_while_it_is_joined_is_set_again),
		TREE_TEST(an_addition_that_never_has_rest_is_given_up_and_leaves_no_watch),
		TREE_TEST(without_memory_there_is_no_watch),
		TREE_TEST(a_watch_that_cannot_be_ended_is_forgotten_all_the_same),
		TREE_TEST(what_the_kernel_refuses_is_said),
		TREE_TEST(lost_events_are_said_and_the_next_ones_told),
		cmocka_unit_test_setup_teardown(more_events_than_the_kernel_holds_are_lost_and_said,
						in_memory, tree_remove),
		TREE_TEST(mounts_that_come_or_go_change_everything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
