#include "support/test_folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "fs/mounts.h"
#include "fs/resolve.h"

int test_root = -1;
int test_outer = -1;
struct calls test_calls;

static char base[] = "/tmp/sluice-folder-XXXXXX";

int test_folder_setup(void **state)
{
	(void)state;
	strcpy(base + strlen(base) - 6, "XXXXXX");
	assert_non_null(mkdtemp(base));
	test_outer = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(mkdirat(test_outer, "root", 0755), 0);
	test_root = openat(test_outer, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	resolve_own_files(); /* what stays open is open from the start */
	mounts_find(0);
	test_calls = calls_real;
	calls = &test_calls;
	return 0;
}

static int remove_one(const char *path, const struct stat *stat, int type, struct FTW *at)
{
	(void)stat;
	(void)type;
	(void)at;
	return remove(path);
}

int test_folder_teardown(void **state)
{
	(void)state;
	calls = &calls_real;
	close(test_root);
	close(test_outer);
	return nftw(base, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void put_bytes(const char *name, const char *bytes, size_t length)
{
	int fd = openat(test_root, name, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, length), length);
	close(fd);
}

static void bytes_are(const char *name, const char *bytes, size_t length)
{
	char *got = malloc(length + 1);
	int fd = openat(test_root, name, O_RDONLY);

	assert_true(fd >= 0);
	assert_int_equal(read(fd, got, length + 1), length);
	assert_memory_equal(got, bytes, length);
	close(fd);
	free(got);
}

void put_text(const char *name, const char *text)
{
	put_bytes(name, text, strlen(text));
}

void text_is(const char *name, const char *text)
{
	bytes_are(name, text, strlen(text));
}

/* No period that a block size would hide. */
static char *pattern(size_t size_bytes)
{
	char *bytes = malloc(size_bytes + 1);

	for (size_t i = 0; i < size_bytes; i++)
		bytes[i] = (char)(i * 7 + i / 251);
	return bytes;
}

void put_pattern(const char *name, size_t size_bytes)
{
	char *bytes = pattern(size_bytes);

	put_bytes(name, bytes, size_bytes);
	free(bytes);
}

void pattern_is(const char *name, size_t size_bytes)
{
	char *bytes = pattern(size_bytes);

	bytes_are(name, bytes, size_bytes);
	free(bytes);
}

bool is_there(const char *name)
{
	struct stat stat;

	return fstatat(test_root, name, &stat, AT_SYMLINK_NOFOLLOW) == 0;
}

struct stat stat_of(const char *name)
{
	struct stat stat = { 0 };

	assert_int_equal(fstatat(test_root, name, &stat, AT_SYMLINK_NOFOLLOW), 0);
	return stat;
}

static int names_of(DIR *folder)
{
	int count = 0;

	assert_non_null(folder);
	while (readdir(folder))
		count++;
	closedir(folder);
	return count - 2;
}

int names_in(const char *name)
{
	return names_of(fdopendir(openat(test_root, name, O_RDONLY | O_DIRECTORY)));
}

int descriptors(void)
{
	return names_of(opendir("/proc/self/fd"));
}
