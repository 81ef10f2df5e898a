#include "fs/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "fs/closing.h"
#include "support/test_ring.h"
#include "sys/calls.h"

static char base[] = "/tmp/tree_test.XXXXXX";
static int outer = -1; /* the folder that holds the root and a secret beside it */
static int root = -1;
static struct tree tree;
static struct disk_queues *disks;
static struct tree_request request;
static struct calls spoilt;
static bool done;
static int result;

static void on_done(struct tree_request *ended, int ended_result)
{
	assert_ptr_equal(ended, &request);
	done = true;
	result = ended_result;
	ring_stop(test_ring);
}

static void write_file(int folder, const char *name, const char *text)
{
	int fd = openat(folder, name, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static int start(void **state)
{
	test_ring_setup(state);
	strcpy(base + strlen(base) - 6, "XXXXXX");
	assert_non_null(mkdtemp(base));
	outer = open(base, O_RDONLY | O_DIRECTORY);
	write_file(outer, "secret", "secret");
	mkdirat(outer, "root", 0755);
	root = openat(outer, "root", O_PATH | O_DIRECTORY);
	write_file(root, "file", "file");
	mkdirat(root, "sub", 0755);
	write_file(root, "sub/deep", "deep");
	assert_int_equal(symlinkat("../file", root, "sub/up"), 0);
	assert_int_equal(symlinkat("/sub/deep", root, "absolute"), 0);
	assert_int_equal(symlinkat("../../secret", root, "outside"), 0);
	assert_int_equal(symlinkat("/etc/passwd", root, "passwd"), 0);
	assert_int_equal(symlinkat("loop", root, "loop"), 0);
	assert_int_equal(symlinkat("/proc/self/root/etc/passwd", root, "magic"), 0);
	mkfifoat(root, "fifo", 0644);
	assert_int_equal(tree_init(&tree, root), 0);
	assert_int_equal(disk_queues_new(2, 2, &disks), 0);
	memset(&request, 0, sizeof(request));
	request.done = on_done;
	request.ring = test_ring;
	request.disks = disks;
	request.tree = &tree;
	return 0;
}

static int setup(void **state)
{
	spoilt = calls_real;
	calls = &spoilt;
	return start(state);
}

static int without_proc_openat2(int folder, const char *path, const struct open_how *how)
{
	return strcmp(path, "/proc/self/fd") == 0 ? -ENOENT : calls_real.openat2(folder, path, how);
}

static int setup_without_proc(void **state)
{
	spoilt = calls_real;
	spoilt.openat2 = without_proc_openat2;
	calls = &spoilt;
	return start(state);
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
	calls = &calls_real;
	close(root);
	close(outer);
	nftw(base, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	disk_queues_free(disks);
	return test_ring_teardown(state);
}

/* The end of a call that may have it later. */
static int end_of(int r)
{
	if (r != -EINPROGRESS)
		return r;
	run_until(&done);
	return result;
}

static int open_path(const char *path, int flags)
{
	done = false;
	return end_of(tree_open(&request, path, flags));
}

static void opens(const char *path, const char *text)
{
	char got[16] = "";
	int fd = open_path(path, O_RDONLY);

	assert_true(fd >= 0);
	assert_true(S_ISREG(request.stat.stx_mode));
	assert_int_equal(request.stat.stx_size, strlen(text));
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(read(fd, got, sizeof(got)), strlen(text));
	assert_string_equal(got, text);
	close(fd);
}

static void open_stays_beneath_the_root(void)
{
	int fd;

	opens("/file", "file");
	opens("/sub/deep", "deep");
	opens("/sub/up", "file");
	opens("/absolute", "deep");
	assert_int_equal(open_path("/outside", O_RDONLY), -ENOENT);
	assert_int_equal(open_path("/passwd", O_RDONLY), -ENOENT);
	assert_int_equal(open_path("/../secret", O_RDONLY), -ENOENT);
	assert_int_equal(open_path("/magic", O_RDONLY), -ENOENT);
	assert_int_equal(open_path("/loop", O_RDONLY), -ELOOP);
	assert_int_equal(open_path("/nothing", O_RDONLY), -ENOENT);
	assert_int_equal(open_path("/file/below", O_RDONLY), -ENOTDIR);
	assert_int_equal(open_path("/file", O_RDONLY | O_DIRECTORY), -ENOTDIR);
	fd = open_path("/", O_RDONLY | O_DIRECTORY);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(open_path("/fifo", O_RDONLY | O_NONBLOCK), -ENXIO);
	assert_int_equal(open_path("/sub", O_RDONLY), -EISDIR);
	fd = open_path("/fifo", O_PATH);
	assert_true(fd >= 0);
	assert_true(S_ISFIFO(request.stat.stx_mode));
	close(fd);
	fd = open_path("/sub", O_PATH | O_DIRECTORY | O_NONBLOCK); /* flags that mean nothing go */
	assert_true(fd >= 0);
	close(fd);
}

static void what_is_cached_stays_beneath_the_root(void **state)
{
	(void)state;
	open_stays_beneath_the_root();
}

static int uncached_openat2(int folder, const char *path, const struct open_how *how)
{
	return how->resolve & RESOLVE_CACHED ? -EAGAIN : calls_real.openat2(folder, path, how);
}

static void what_is_not_cached_stays_beneath_the_root(void **state)
{
	(void)state;
	spoilt.openat2 = uncached_openat2;
	open_stays_beneath_the_root();
}

/* A process that waits at the FIFO for a reader: its open ends when there is one. */
static pid_t writer_start(void)
{
	char state = 0;
	char path[64];
	pid_t writer = fork();

	assert_true(writer >= 0);
	if (writer == 0) {
		openat(root, "fifo", O_WRONLY);
		_exit(0);
	}
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)writer);
	for (int i = 0; i < 20 || state != 'S'; i++) { /* it sleeps: where else */
		FILE *file = fopen(path, "r");

		assert_int_equal(fscanf(file, "%*d (%*[^)]) %c", &state), 1);
		fclose(file);
		usleep(1000);
	}
	return writer;
}

static void a_refused_fifo_lets_nobody_go(void)
{
	pid_t writer = writer_start();

	assert_int_equal(open_path("/fifo", O_RDONLY | O_NONBLOCK), -ENXIO);
	usleep(50000);
	assert_int_equal(waitpid(writer, NULL, WNOHANG), 0);
	kill(writer, SIGKILL);
	waitpid(writer, NULL, 0);
}

static void a_cached_fifo_is_refused_unopened(void **state)
{
	(void)state;
	a_refused_fifo_lets_nobody_go();
}

static void a_fifo_on_the_long_way_is_refused_unopened(void **state)
{
	(void)state;
	spoilt.openat2 = uncached_openat2;
	a_refused_fifo_lets_nobody_go();
	tree.disk.kind = DISK_REMOTE;
	a_refused_fifo_lets_nobody_go();
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
	assert_int_equal(open_path("/null", O_RDONLY), -ENXIO);
	assert_int_equal(device_opens, 0);
}

static int without_proc_and_cache_openat2(int folder, const char *path, const struct open_how *how)
{
	return how->resolve & RESOLVE_CACHED ? -EAGAIN : without_proc_openat2(folder, path, how);
}

static void without_proc_files_are_opened_all_the_same(void **state)
{
	(void)state;
	open_stays_beneath_the_root();
	spoilt.openat2 = without_proc_and_cache_openat2;
	open_stays_beneath_the_root();
	assert_true(resolve_own_files() < 0);
}

static unsigned walks_given_up; /* that the kernel will give up yet */

static int restless_openat2(int folder, const char *path, const struct open_how *how)
{
	if (how->resolve & RESOLVE_CACHED)
		return -EAGAIN;
	if (walks_given_up == 0)
		return calls_real.openat2(folder, path, how);
	walks_given_up--;
	return -EAGAIN;
}

/* The ring of the kernel has no table of calls: there the operation is met before. */
static int restless_operation(const char *name)
{
	if (strcmp(name, "openat2") != 0 || walks_given_up == 0)
		return 0;
	walks_given_up--;
	return -EAGAIN;
}

static void a_walk_that_the_kernel_gives_up_is_begun_again(void **state)
{
	(void)state;
	spoilt.openat2 = restless_openat2;
	spoilt.operation = restless_operation;
	walks_given_up = 3;
	opens("/sub/up", "file");
	walks_given_up = 1000; /* but not for ever */
	assert_int_equal(open_path("/sub/up", O_RDONLY), -EAGAIN);
	assert_true(walks_given_up > 900);
}

static void a_remote_root_is_never_opened_inline(void **state)
{
	(void)state;
	tree.disk.kind = DISK_REMOTE;
	done = false;
	assert_int_equal(tree_open(&request, "/file", O_RDONLY), -EINPROGRESS);
	run_until(&done);
	assert_true(result >= 0);
	file_close(&tree.disk, test_ring, result);
	run_for_ms(30);
	assert_int_equal(fcntl(result, F_GETFD), -1);
}

static int full_jobs(const char *name)
{
	return strcmp(name, "close") == 0 ? -EAGAIN : 0;
}

static void a_close_that_finds_no_place_still_closes(void **state)
{
	const struct disk remote = { .kind = DISK_REMOTE };
	int fd = openat(outer, "secret", O_RDONLY);

	(void)state;
	spoilt.operation = full_jobs;
	file_close(&remote, test_ring, fd);
	run_for_ms(30);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
}

static int closes_by_ring;

static int count_closes(const char *name)
{
	closes_by_ring += strcmp(name, "close") == 0;
	return 0;
}

/* With its last descriptor go its blocks, which takes the disk a while. */
static void a_file_that_has_lost_its_name_is_not_closed_inline(void **state)
{
	const struct disk local = { .kind = DISK_LOCAL };
	int named = openat(outer, "secret", O_RDONLY);
	int nameless = openat(root, "file", O_RDONLY);

	(void)state;
	spoilt.operation = count_closes;
	closes_by_ring = 0;
	assert_int_equal(unlinkat(root, "file", 0), 0);
	file_close(&local, test_ring, named);
	assert_int_equal(closes_by_ring, 0);
	file_close(&local, test_ring, nameless);
	assert_int_equal(closes_by_ring, 1);
	run_for_ms(30);
	assert_int_equal(fcntl(named, F_GETFD), -1);
	assert_int_equal(fcntl(nameless, F_GETFD), -1);
}

static void names_are_changed_beneath_the_root(void)
{
	struct stat stat;

	done = false;
	assert_int_equal(end_of(tree_make_folder(&request, "/sub/new")), 0);
	assert_int_equal(fstatat(root, "sub/new", &stat, 0), 0);
	done = false;
	assert_int_equal(end_of(tree_make_folder(&request, "/sub/new")), -EEXIST);
	done = false;
	assert_int_equal(end_of(tree_make_folder(&request, "/no/new")), -ENOENT);
	assert_int_equal(tree_make_folder(&request, "/"), -EEXIST);
	done = false;
	assert_int_equal(end_of(tree_rename(&request, "/sub/deep", "/sub/new/deeper")), 0);
	assert_int_equal(fstatat(root, "sub/new/deeper", &stat, 0), 0);
	done = false;
	assert_int_equal(end_of(tree_rename(&request, "/sub/deep", "/x")), -ENOENT);
	done = false;
	assert_int_equal(end_of(tree_rename(&request, "/file", "/no/x")), -ENOENT);
	done = false;
	assert_int_equal(end_of(tree_rename(&request, "/file", "/")), -EBUSY);
	done = false;
	assert_int_equal(end_of(tree_remove(&request, "/sub/new", AT_REMOVEDIR)), -ENOTEMPTY);
	done = false;
	assert_int_equal(end_of(tree_remove(&request, "/sub/new/deeper", 0)), 0);
	done = false;
	assert_int_equal(end_of(tree_remove(&request, "/sub/new", AT_REMOVEDIR)), 0);
	assert_int_equal(tree_remove(&request, "/", AT_REMOVEDIR), -EBUSY);
	done = false;
	assert_int_equal(end_of(tree_remove(&request, "/outside", 0)), 0); /* the link alone */
	assert_int_equal(fstatat(outer, "secret", &stat, 0), 0);
}

static void changes_stay_beneath_the_root(void **state)
{
	(void)state;
	names_are_changed_beneath_the_root();
}

static void changes_of_what_is_not_cached_stay_beneath_the_root(void **state)
{
	(void)state;
	spoilt.openat2 = uncached_openat2;
	names_are_changed_beneath_the_root();
}

static void a_name_longer_than_255_bytes_is_refused(void **state)
{
	char path[300] = "/";

	(void)state;
	memset(path + 1, 'x', 256);
	assert_int_equal(tree_make_folder(&request, path), -ENAMETOOLONG);
}

static unsigned opens_counted;

static int counted_openat2(int folder, const char *path, const struct open_how *how)
{
	opens_counted++;
	return calls_real.openat2(folder, path, how);
}

/* A file that is given back is opened no more, by whoever reads it; and what has another one in its
 * place is. */
static void a_file_that_was_read_stays_open_for_readers(void **state)
{
	static struct known_files known;
	static struct kept_files kept;
	int fd;

	(void)state;
	memset(&known, 0, sizeof(known));
	memset(&kept, 0, sizeof(kept));
	kept_files_init(&kept, test_ring, 1);
	request.known = &known;
	request.kept = &kept;
	fd = open_path("/file", TREE_READ);
	assert_true(fd >= 0);
	tree_give(&request, fd);
	spoilt.openat2 = counted_openat2;
	opens_counted = 0;
	assert_int_equal(open_path("/file", TREE_READ), fd);
	assert_int_equal(opens_counted, 0);
	assert_int_equal(request.stat.stx_size, 4);
	assert_int_equal(request.disk.id, tree.disk.id);
	assert_false(request.recent);
	tree_note_read(&request); /* whole, this time */
	tree_give(&request, fd);
	assert_int_equal(open_path("/file", TREE_READ), fd);
	assert_true(request.recent);
	for (int i = 0; i < 2; i++) { /* it is opened all the time, and not read */
		tree_give(&request, fd);
		run_for_ms(KNOWN_FILE_MS / 2 + 20);
		assert_int_equal(open_path("/file", TREE_READ), fd);
	}
	assert_false(request.recent);
	tree_give(&request, fd);
	opens("/file", "file"); /* for reading, with other flags */
	assert_true(opens_counted > 0);
	write_file(root, "new", "another");
	assert_int_equal(renameat(root, "new", root, "file"), 0);
	opens_counted = 0;
	fd = open_path("/file", TREE_READ);
	assert_true(opens_counted > 0);
	assert_int_equal(request.stat.stx_size, 7);
	file_close(&request.disk, test_ring, fd);
	run_for_ms(30); /* in which what was not lent any more is closed */
	kept_files_fini(&kept);
}

static int no_operation(const char *name)
{
	return strcmp(name, "poll") == 0 ? 0 : -EIO;
}

/* Nothing stays open and no place stays taken, whichever step fails. */
static void failed_operations_leave_nothing_behind(void **state)
{
	int lowest = dup(0);

	(void)state;
	close(lowest);
	spoilt.openat2 = uncached_openat2;
	spoilt.operation = no_operation;
	for (int i = 0; i < 5; i++) {
		assert_int_equal(open_path("/file", O_RDONLY), -EIO);
		done = false;
		assert_int_equal(end_of(tree_rename(&request, "/file", "/other")), -EIO);
	}
	spoilt.openat2 = calls_real.openat2;
	done = false;
	assert_int_equal(end_of(tree_rename(&request, "/file", "/other")), -EIO);
	spoilt.operation = calls_real.operation;
	spoilt.openat2 = uncached_openat2;
	opens("/file", "file");
	assert_int_equal(dup(0), lowest);
	close(lowest);
}

#define TEST_FROM(setup, test)                                                        \
	{ #test " on uring", test, setup, teardown, (void *)(uintptr_t) "uring" },    \
	{                                                                             \
#test " on epoll", test, setup, teardown, (void *)(uintptr_t) "epoll" \
	}
#define TEST(test) TEST_FROM(setup, test)

int main(void)
{
	const struct CMUnitTest tests[] = {
		/* First: afterwards /proc/self/fd is open and stays so. */
		TEST_FROM(setup_without_proc, without_proc_files_are_opened_all_the_same),
		TEST(what_is_cached_stays_beneath_the_root),
		TEST(what_is_not_cached_stays_beneath_the_root),
		TEST(a_file_that_was_read_stays_open_for_readers),
		TEST(a_cached_fifo_is_refused_unopened),
		TEST(a_fifo_on_the_long_way_is_refused_unopened),
		TEST(a_device_is_refused_unopened),
		TEST(a_walk_that_the_kernel_gives_up_is_begun_again),
		TEST(a_remote_root_is_never_opened_inline),
		TEST(a_close_that_finds_no_place_still_closes),
		TEST(a_file_that_has_lost_its_name_is_not_closed_inline),
		TEST(changes_stay_beneath_the_root),
		TEST(changes_of_what_is_not_cached_stay_beneath_the_root),
		TEST(a_name_longer_than_255_bytes_is_refused),
		TEST(failed_operations_leave_nothing_behind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
