#include "fs/tree_listing.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/limits.h"
#include "fs/removal.h"
#include "support/test_folder.h"

#define TEXT_MAX (1 << 20)

static struct tree_listing *listing;
static char text[TEXT_MAX];

static void begin(unsigned facts)
{
	struct tree_listing_request request = { .facts = facts };
	struct statx stat;

	request.folder = openat(test_root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(statx(request.folder, "", AT_EMPTY_PATH, STATX_MNT_ID, &stat), 0);
	request.disk = mounts_find(stat.stx_mnt_id);
	assert_int_equal(tree_listing_new(&request, &listing), 0);
}

/* All lines, by fills of so many bytes. Returns what the last fill did. */
static ssize_t read_all(size_t size_bytes)
{
	size_t length = 0;
	ssize_t r;

	while ((r = tree_listing_fill(listing, text + length, size_bytes)) > 0)
		length += (size_t)r;
	text[length] = '\0';
	return r;
}

static ssize_t list(unsigned facts)
{
	ssize_t r;

	begin(facts);
	r = read_all(ENTRY_LINE_MAX);
	assert_int_equal(tree_listing_fill(listing, text + TEXT_MAX / 2, ENTRY_LINE_MAX), r);
	tree_listing_free(listing);
	return r;
}

static bool has_line(const char *line)
{
	size_t length = strlen(line);

	for (const char *at = text; (at = strstr(at, line)); at++)
		if ((at == text || at[-1] == '\n') && memcmp(at + length, "\r\n", 2) == 0)
			return true;
	return false;
}

static int lines(void)
{
	int count = 0;

	for (const char *at = text; (at = strchr(at, '\n')); at++)
		count++;
	return count;
}

static void make_folder(const char *name)
{
	assert_int_equal(mkdirat(test_root, name, 0755), 0);
}

static void make_tree(void)
{
	make_folder("a");
	make_folder("a/b");
	put_text("a/b/file", "12345");
	put_text("a/.hidden", "x");
	put_text("a/.up.0123456789abcdef.part", "x");
	put_text("z", "x");
	assert_int_equal(symlinkat("a", test_root, "link"), 0);
}

static void paths_are_from_the_folder_on_and_links_are_links(void **state)
{
	int before = descriptors();

	(void)state;
	make_tree();
	assert_int_equal(list(FACT_TYPE | FACT_SIZE), 0);
	assert_memory_equal(text, "type=cdir; .\r\n", 14);
	assert_true(has_line("type=dir; a"));
	assert_true(has_line("type=dir; a/b"));
	assert_true(has_line("type=file;size=5; a/b/file"));
	assert_true(has_line("type=file;size=1; a/.hidden"));
	assert_true(has_line("type=OS.unix=slink; link"));
	assert_true(has_line("type=file;size=1; z"));
	assert_int_equal(lines(), 7);
	assert_true(strstr(text, " a/b\r\n") > strstr(text, " a\r\n"));
	assert_true(strstr(text, " a/b/file\r\n") > strstr(text, " a/b\r\n"));
	assert_int_equal(descriptors(), before);
}

static void many_entries_come_by_many_fills(void **state)
{
	char name[300];
	size_t once;

	(void)state;
	for (int i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "folder%d", i);
		make_folder(name);
		for (int j = 0; j < 50; j++) {
			snprintf(name, sizeof(name), "folder%d/%0100d", i, j);
			put_text(name, "");
		}
	}
	begin(FACT_TYPE);
	assert_int_equal(read_all(TEXT_MAX / 2), 0);
	tree_listing_free(listing);
	assert_int_equal(lines(), 1 + 20 + 20 * 50);
	once = strlen(text);
	begin(FACT_TYPE);
	assert_int_equal(read_all(ENTRY_LINE_MAX), 0);
	tree_listing_free(listing);
	assert_int_equal(lines(), 1 + 20 + 20 * 50);
	assert_int_equal(strlen(text), once);
}

static void a_tree_that_is_too_deep_is_told_at_the_end(void **state)
{
	char path[4 * TREE_DEPTH_MAX];
	size_t length = 0;
	int before = descriptors();

	(void)state;
	for (int i = 0; i < TREE_DEPTH_MAX - 1; i++) { /* the root is one more */
		length += (size_t)sprintf(path + length, "%sd", i ? "/" : "");
		make_folder(path);
	}
	put_text("z", "x");
	assert_int_equal(list(FACT_TYPE), 0);
	assert_int_equal(lines(), 1 + TREE_DEPTH_MAX);
	sprintf(path + length, "/d");
	make_folder(path);
	assert_int_equal(list(FACT_TYPE), -EOVERFLOW);
	assert_int_equal(lines(), 2 + TREE_DEPTH_MAX);
	assert_true(has_line("type=file; z"));
	assert_int_equal(descriptors(), before);
}

static void a_path_that_no_command_could_name_is_told_at_the_end(void **state)
{
	static struct removal removal;
	char name[256];
	char path[260];
	int folder = dup(test_root);

	(void)state;
	memset(name, 'n', 200);
	name[200] = '\0';
	for (int i = 0; i < 30; i++) {
		int next;

		assert_int_equal(mkdirat(folder, name, 0755), 0);
		next = openat(folder, name, O_PATH | O_DIRECTORY);
		close(folder);
		folder = next;
	}
	close(folder);
	assert_int_equal(list(FACT_TYPE), -EOVERFLOW);
	assert_int_equal(lines(), 1 + 20); /* 20 * 201 - 1 = 4019 bytes, 21 would be 4220 */

	snprintf(path, sizeof(path), "/%s", name); /* too long for nftw(3) too */
	removal_init(&removal, test_root, path);
	assert_int_equal(removal_step(&removal), 0);
	removal_finish(&removal);
}

static int spoilt_error;

static int spoilt_openat2(int folder, const char *path, const struct open_how *how)
{
	return strcmp(path, "b") == 0 ? spoilt_error : calls_real.openat2(folder, path, how);
}

static void a_folder_that_cannot_be_read_is_listed_and_not_entered(void **state)
{
	(void)state;
	make_tree();
	test_calls.openat2 = spoilt_openat2;
	spoilt_error = -EACCES;
	assert_int_equal(list(FACT_TYPE), 0);
	assert_true(has_line("type=dir; a/b"));
	assert_int_equal(lines(), 6);
	spoilt_error = -ENOENT; /* it went meanwhile */
	assert_int_equal(list(FACT_TYPE), 0);
}

static int failing_statx(int folder, const char *path, int flags, unsigned mask,
			 struct statx *ret_stat)
{
	return strcmp(path, "b") == 0 ? spoilt_error
				      : calls_real.statx(folder, path, flags, mask, ret_stat);
}

static ssize_t failing_getdents(int folder, void *buffer, size_t size_bytes)
{
	(void)folder;
	(void)buffer;
	(void)size_bytes;
	return -EIO;
}

static void errors_are_told_and_stay(void **state)
{
	int before = descriptors();

	(void)state;
	make_tree();
	test_calls.openat2 = spoilt_openat2;
	spoilt_error = -EMFILE;
	assert_int_equal(list(FACT_TYPE), -EMFILE);
	test_calls.openat2 = calls_real.openat2;
	test_calls.statx = failing_statx;
	spoilt_error = -EIO; /* nobody knows what lies below */
	assert_int_equal(list(FACT_TYPE), -EIO);
	spoilt_error = -EACCES;
	assert_int_equal(list(FACT_TYPE), 0);
	assert_true(has_line("type=dir; a/b"));
	test_calls.getdents = failing_getdents;
	assert_int_equal(list(FACT_TYPE), -EIO);
	assert_int_equal(descriptors(), before);
}

static void a_listing_may_be_left_at_any_place(void **state)
{
	int before = descriptors();

	(void)state;
	make_tree();
	for (int fills = 0; fills < 5; fills++) {
		begin(FACT_TYPE);
		for (int i = 0; i < fills; i++)
			tree_listing_fill(listing, text, ENTRY_LINE_MAX);
		tree_listing_free(listing);
		assert_int_equal(descriptors(), before);
	}
}

#define OTHER_MOUNT 999999999 /* of no mount: a disk of its own */

static int mounted_fd = -1;

static int mounted_openat2(int folder, const char *path, const struct open_how *how)
{
	int fd = calls_real.openat2(folder, path, how);

	if (strcmp(path, "b") == 0)
		mounted_fd = fd;
	return fd;
}

static int mounted_statx(int folder, const char *path, int flags, unsigned mask,
			 struct statx *ret_stat)
{
	int r = calls_real.statx(folder, path, flags, mask, ret_stat);

	if (strcmp(path, "b") == 0 || (path[0] == '\0' && folder == mounted_fd))
		ret_stat->stx_mnt_id = OTHER_MOUNT;
	return r;
}

/* So that a mount that hangs holds none of the places of another disk. */
static void another_disk_begins_another_fill(void **state)
{
	uint64_t first;

	(void)state;
	make_folder("b");
	put_text("b/file", "");
	mounted_fd = -1;
	test_calls.openat2 = mounted_openat2;
	test_calls.statx = mounted_statx;
	begin(FACT_TYPE);
	first = tree_listing_disk(listing).id;
	assert_int_not_equal(first, OTHER_MOUNT);
	assert_int_equal(tree_listing_fill(listing, text, 4 * ENTRY_LINE_MAX),
			 strlen("type=cdir; .\r\ntype=dir; b\r\n"));
	assert_int_equal(mounted_fd, -1); /* not opened yet */
	assert_int_equal(tree_listing_disk(listing).id, OTHER_MOUNT);
	assert_int_equal(tree_listing_fill(listing, text, 4 * ENTRY_LINE_MAX),
			 strlen("type=file; b/file\r\n"));
	assert_int_not_equal(mounted_fd, -1);
	assert_int_equal(tree_listing_disk(listing).id, first);
	assert_int_equal(tree_listing_fill(listing, text, 4 * ENTRY_LINE_MAX), 0);
	tree_listing_free(listing);
}

static uint64_t proc_mount;

static int proc_statx(int folder, const char *path, int flags, unsigned mask,
		      struct statx *ret_stat)
{
	int r = calls_real.statx(folder, path, flags, mask, ret_stat);

	if (strcmp(path, "b") == 0 || (path[0] == '\0' && folder == mounted_fd))
		ret_stat->stx_mnt_id = proc_mount;
	return r;
}

static void what_is_not_served_is_not_entered(void **state)
{
	struct statx stat;

	(void)state;
	assert_int_equal(statx(AT_FDCWD, "/proc", 0, STATX_MNT_ID, &stat), 0);
	proc_mount = stat.stx_mnt_id;
	assert_int_equal(mounts_find(proc_mount).kind, DISK_FORBIDDEN);
	make_tree();
	mounted_fd = -1;
	test_calls.openat2 = mounted_openat2;
	test_calls.statx = proc_statx;
	assert_int_equal(list(FACT_TYPE), 0);
	assert_true(has_line("type=dir; a/b"));
	assert_int_equal(lines(), 6);
}

static int looked_at;

static int counted_statx(int folder, const char *path, int flags, unsigned mask,
			 struct statx *ret_stat)
{
	looked_at += path[0] != '\0';
	return calls_real.statx(folder, path, flags, mask, ret_stat);
}

static void types_alone_need_no_look_at_files(void **state)
{
	(void)state;
	make_tree();
	test_calls.statx = counted_statx;
	looked_at = 0;
	assert_int_equal(list(FACT_TYPE), 0);
	assert_int_equal(looked_at, 2); /* the folders */
}

static int no_write(int folder)
{
	struct stat stat;

	assert_int_equal(fstat(folder, &stat), 0);
	return stat.st_nlink > 2 ? 0 : -EACCES; /* not where no folder is within */
}

static void perm_is_of_the_folder_that_holds_an_entry(void **state)
{
	struct statx stat;
	struct tree_listing_request request = { .facts = FACT_PERM };

	(void)state;
	make_tree();
	assert_int_equal(fchmodat(test_root, "z", 0, 0), 0);
	assert_int_equal(fchmodat(test_root, "a/b/file", 0, 0), 0);
	test_calls.may_write = no_write;
	request.folder = openat(test_root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(statx(request.folder, "", AT_EMPTY_PATH, STATX_MNT_ID, &stat), 0);
	request.disk = mounts_find(stat.stx_mnt_id);
	request.rights.may_write = true;
	assert_int_equal(tree_listing_new(&request, &listing), 0);
	assert_int_equal(read_all(ENTRY_LINE_MAX), 0);
	tree_listing_free(listing);
	assert_true(has_line("perm=df; z"));
	assert_true(has_line("perm=; a/b/file"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FOLDER_TEST(paths_are_from_the_folder_on_and_links_are_links),
		FOLDER_TEST(many_entries_come_by_many_fills),
		FOLDER_TEST(a_tree_that_is_too_deep_is_told_at_the_end),
		FOLDER_TEST(a_path_that_no_command_could_name_is_told_at_the_end),
		FOLDER_TEST(a_folder_that_cannot_be_read_is_listed_and_not_entered),
		FOLDER_TEST(errors_are_told_and_stay),
		FOLDER_TEST(a_listing_may_be_left_at_any_place),
		FOLDER_TEST(another_disk_begins_another_fill),
		FOLDER_TEST(what_is_not_served_is_not_entered),
		FOLDER_TEST(types_alone_need_no_look_at_files),
		FOLDER_TEST(perm_is_of_the_folder_that_holds_an_entry),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
