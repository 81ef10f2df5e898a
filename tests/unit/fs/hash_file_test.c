#include "fs/hash_file.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/limits.h"
#include "fs/hash_xattr.h"
#include "fs/written_back.h"
#include "sys/calls.h"

#define SIZE 700000 /* several buffers */

static struct hash_cache *cache;
static struct hash_file file;
static struct calls spoilt;
static char *content;
static char path[64];
static int preads;
static int turns;
static int reads;

static ssize_t counted_pread(int fd, void *buffer, size_t size_bytes, off_t offset)
{
	preads++;
	return calls_real.pread(fd, buffer, size_bytes, offset);
}

static ssize_t counted_resident(int fd, void *buffer, size_t size_bytes, off_t offset)
{
	preads++;
	return calls_real.pread(fd, buffer, size_bytes, offset);
}

static int setup(void **state)
{
	(void)state;
	assert_int_equal(hash_cache_new(64, &cache), 0);
	content = malloc(SIZE);
	for (size_t i = 0; i < SIZE; i++)
		content[i] = (char)(i * 7 % 251);
	strcpy(path, "/tmp/hash_file_test.XXXXXX");
	memset(&file, 0, sizeof(file));
	file.fd = mkstemp(path);
	assert_true(file.fd >= 0);
	assert_int_equal(write(file.fd, content, SIZE), SIZE);
	file.buffer = malloc(TRANSFER_BUFFER_BYTES);
	file.cache = cache;
	spoilt = calls_real;
	spoilt.pread = counted_pread;
	spoilt.pread_resident = counted_resident;
	calls = &spoilt;
	preads = 0;
	usleep(50000); /* the file's times are old then */
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	calls = &calls_real;
	hash_file_fini(&file);
	close(file.fd);
	unlink(path);
	free(file.buffer);
	free(content);
	hash_cache_free(cache);
	return 0;
}

static void wish(enum digest_kind kind, off_t offset, off_t end, enum disk_kind disk)
{
	struct statx stat;

	assert_int_equal(statx(file.fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &stat), 0);
	file.kind = kind;
	file.offset = offset;
	file.end = end;
	file.whole = offset == 0 && end == (off_t)stat.stx_size;
	file.disk.kind = disk;
	memset(file.bytes, 0, sizeof(file.bytes));
	hash_file_init(&file, &stat);
}

/* All steps. Returns what the last one did. */
static int run(void)
{
	int r;

	turns = 0;
	reads = 0;
	if (file.disk.kind == DISK_LOCAL && hash_file_needs_look(&file)) {
		r = hash_file_look(&file);
		assert_int_equal(r, 0);
	}
	do {
		turns++;
		r = hash_file_turn(&file);
		if (r == HASH_STEP_READ) {
			reads++;
			r = hash_file_read(&file);
			if (r == 0)
				r = HASH_STEP_TURN;
		}
	} while (r == HASH_STEP_TURN);
	if (r == HASH_STEP_END)
		r = hash_file_end(&file);
	hash_file_fini(&file);
	return r;
}

static void is_hash_of(const char *bytes, size_t length)
{
	unsigned char wanted[DIGEST_BYTES_MAX];
	struct digest *digest;

	assert_int_equal(digest_new(file.kind, &digest), 0);
	digest_add(digest, bytes, length);
	digest_end(digest, wanted);
	digest_free(digest);
	assert_memory_equal(file.bytes, wanted, digest_bytes(file.kind));
}

static void the_hash_is_of_all_or_of_the_part(void **state)
{
	static const enum disk_kind disks[] = { DISK_MEMORY, DISK_LOCAL, DISK_REMOTE };
	static const off_t parts[][2] = { { 0, SIZE },	 { 0, 1 },	     { 1, SIZE },
					  { 5, 262149 }, { 262144, 524288 }, { 699999, SIZE },
					  { 3, 3 } };

	(void)state;
	for (int kind = 0; kind < DIGEST_KINDS; kind++) {
		for (int disk = 0; disk < 3; disk++) {
			for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
				wish((enum digest_kind)kind, parts[i][0], parts[i][1], disks[disk]);
				assert_int_equal(run(), 0);
				is_hash_of(content + parts[i][0],
					   (size_t)(parts[i][1] - parts[i][0]));
			}
		}
	}
}

static ssize_t cold(int fd, void *buffer, size_t size_bytes, off_t offset)
{
	(void)fd;
	(void)buffer;
	(void)size_bytes;
	(void)offset;
	return -EAGAIN;
}

static void what_is_not_in_the_cache_is_read_elsewhere(void **state)
{
	(void)state;
	wish(DIGEST_SHA256, 0, SIZE, DISK_LOCAL);
	assert_int_equal(run(), 0);
	assert_int_equal(reads, 0);
	spoilt.pread_resident = cold;
	wish(DIGEST_SHA1, 0, SIZE, DISK_LOCAL);
	assert_int_equal(run(), 0);
	assert_int_equal(reads, 3);
	is_hash_of(content, SIZE);
}

static ssize_t short_pread(int fd, void *buffer, size_t size_bytes, off_t offset)
{
	return calls_real.pread(fd, buffer, size_bytes > 999 ? 999 : size_bytes, offset);
}

static void short_reads_lose_nothing(void **state)
{
	(void)state;
	spoilt.pread = short_pread;
	wish(DIGEST_SHA256, 0, SIZE, DISK_REMOTE);
	assert_int_equal(run(), 0);
	is_hash_of(content, SIZE);
	spoilt.pread_resident = short_pread;
	wish(DIGEST_SHA512, 0, SIZE, DISK_LOCAL);
	assert_int_equal(run(), 0);
	is_hash_of(content, SIZE);
}

static ssize_t failing_pread(int fd, void *buffer, size_t size_bytes, off_t offset)
{
	return offset > 300000 ? -EIO : calls_real.pread(fd, buffer, size_bytes, offset);
}

static void an_error_in_the_middle_is_told_and_nothing_kept(void **state)
{
	(void)state;
	spoilt.pread = failing_pread;
	spoilt.pread_resident = failing_pread;
	for (int disk = DISK_MEMORY; disk <= DISK_REMOTE; disk++) {
		wish(DIGEST_SHA256, 0, SIZE, (enum disk_kind)disk);
		assert_int_equal(run(), -EIO);
		assert_false(hash_file_is_known(&file));
	}
}

static void a_hash_is_made_once(void **state)
{
	(void)state;
	wish(DIGEST_SHA256, 0, SIZE, DISK_LOCAL);
	assert_false(hash_file_is_known(&file));
	assert_int_equal(run(), 0);
	wish(DIGEST_SHA256, 0, SIZE, DISK_LOCAL);
	assert_true(hash_file_is_known(&file));
	is_hash_of(content, SIZE);
	wish(DIGEST_SHA1, 0, SIZE, DISK_LOCAL);
	assert_false(hash_file_is_known(&file));
	wish(DIGEST_SHA256, 1, SIZE, DISK_LOCAL);
	assert_false(hash_file_is_known(&file));
}

static void a_part_is_not_kept(void **state)
{
	(void)state;
	wish(DIGEST_SHA256, 0, SIZE - 1, DISK_LOCAL);
	assert_int_equal(run(), 0);
	file.whole = true;
	assert_false(hash_file_is_known(&file));
}

static void what_changed_a_moment_ago_is_not_kept(void **state)
{
	(void)state;
	assert_int_equal(pwrite(file.fd, content, 1, 0), 1);
	wish(DIGEST_SHA256, 0, SIZE, DISK_LOCAL);
	assert_int_equal(run(), 0);
	assert_false(hash_file_is_known(&file));
	is_hash_of(content, SIZE);
}

static int wrote_back;

static int counted_write_back(int fd)
{
	wrote_back++;
	return calls_real.write_back(fd);
}

static int failing_write_back(int fd)
{
	(void)fd;
	return -EIO;
}

static void what_cannot_be_written_back_is_not_kept(void **state)
{
	(void)state;
	file.disk.watchable = true;
	wish(DIGEST_SHA256, 0, SIZE, DISK_LOCAL);
	spoilt.write_back = failing_write_back;
	assert_int_equal(run(), 0);
	is_hash_of(content, SIZE);
	assert_false(hash_file_is_known(&file));
	spoilt.write_back = counted_write_back;
	wrote_back = 0;
	wish(DIGEST_SHA256, 0, SIZE, DISK_LOCAL);
	assert_int_equal(run(), 0);
	assert_int_equal(wrote_back, 1);
	assert_true(hash_file_is_known(&file));
}

static void a_large_young_file_is_not_waited_for(void **state)
{
	(void)state;
	spoilt.write_back = counted_write_back;
	wrote_back = 0;
	assert_int_equal(ftruncate(file.fd, WRITE_BACK_BYTES_MAX + 1), 0);
	usleep(50000);
	file.disk.watchable = true;
	wish(DIGEST_CRC32, 0, WRITE_BACK_BYTES_MAX + 1, DISK_LOCAL);
	assert_int_equal(run(), 0);
	assert_int_equal(wrote_back, 0);
	assert_false(hash_file_is_known(&file));
}

static void a_change_makes_another_hash(void **state)
{
	(void)state;
	wish(DIGEST_SHA256, 0, SIZE, DISK_LOCAL);
	assert_int_equal(run(), 0);
	content[4] = 'X';
	assert_int_equal(pwrite(file.fd, content, SIZE, 0), SIZE);
	wish(DIGEST_SHA256, 0, SIZE, DISK_LOCAL);
	assert_false(hash_file_is_known(&file));
	assert_int_equal(run(), 0);
	is_hash_of(content, SIZE);
}

static int change_at_turn;

static ssize_t changing_pread(int fd, void *buffer, size_t size_bytes, off_t offset)
{
	if (++preads == change_at_turn)
		assert_int_equal(pwrite(fd, "changed", 7, 100), 7);
	return calls_real.pread(fd, buffer, size_bytes, offset);
}

static void a_file_that_changes_meanwhile_is_busy(void **state)
{
	(void)state;
	spoilt.pread = changing_pread;
	change_at_turn = 2;
	wish(DIGEST_SHA256, 0, SIZE, DISK_REMOTE);
	assert_int_equal(run(), -EBUSY);
	/* Of a part only that counts that it is there. */
	preads = 0;
	wish(DIGEST_SHA256, 1000, SIZE, DISK_REMOTE);
	assert_int_equal(run(), 0);
	is_hash_of(content + 1000, SIZE - 1000);
}

static ssize_t cutting_pread(int fd, void *buffer, size_t size_bytes, off_t offset)
{
	if (++preads == 2)
		assert_int_equal(ftruncate(fd, 300000), 0);
	return calls_real.pread(fd, buffer, size_bytes, offset);
}

static void a_file_that_becomes_shorter_is_busy(void **state)
{
	(void)state;
	spoilt.pread = cutting_pread;
	wish(DIGEST_SHA256, 5, SIZE, DISK_REMOTE);
	assert_int_equal(run(), -EBUSY);
	preads = 0;
	assert_int_equal(pwrite(file.fd, content, SIZE, 0), SIZE);
	wish(DIGEST_SHA256, 5, SIZE, DISK_MEMORY);
	assert_int_equal(run(), -EBUSY);
}

static void a_networks_file_is_looked_at_each_time(void **state)
{
	struct statx stat;

	(void)state;
	wish(DIGEST_SHA256, 0, SIZE, DISK_REMOTE);
	assert_true(hash_file_needs_look(&file));
	assert_int_equal(hash_file_look(&file), 0);
	assert_int_equal(run(), 0);
	assert_false(hash_file_is_known(&file)); /* also not at once */
	/* An hour later it has been kept, but is told only after a look. */
	statx(file.fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &stat);
	wish(DIGEST_SHA256, 0, SIZE, DISK_REMOTE);
	file.lasting = true;
	assert_int_equal(run(), 0);
	wish(DIGEST_SHA256, 0, SIZE, DISK_REMOTE);
	assert_false(hash_file_is_known(&file));
	assert_int_equal(hash_file_look(&file), 1);
	is_hash_of(content, SIZE);
}

/* The attribute. Skipped where the file system has none. */

static bool attributes_work(void)
{
	return fsetxattr(file.fd, "user.sluice.test", "x", 1, 0) == 0;
}

static void make_with_attribute(enum digest_kind kind)
{
	usleep(50000);
	wish(kind, 0, SIZE, DISK_LOCAL);
	file.xattr = true;
	assert_int_equal(run(), 0);
}

/* A new server: nothing in memory. */
static int look_again(enum digest_kind kind)
{
	hash_cache_free(cache);
	assert_int_equal(hash_cache_new(64, &cache), 0);
	file.cache = cache;
	wish(kind, 0, SIZE, DISK_LOCAL);
	file.xattr = true;
	assert_true(hash_file_needs_look(&file));
	return hash_file_look(&file);
}

static void an_attribute_outlives_the_cache(void **state)
{
	(void)state;
	if (!attributes_work())
		skip();
	assert_int_equal(look_again(DIGEST_SHA256), 0);
	make_with_attribute(DIGEST_SHA256);
	assert_int_equal(look_again(DIGEST_SHA256), 1);
	is_hash_of(content, SIZE);
	assert_int_equal(look_again(DIGEST_MD5), 0);
	/* A second one, which changes the ctime, leaves the first one good. */
	make_with_attribute(DIGEST_MD5);
	assert_int_equal(look_again(DIGEST_MD5), 1);
	is_hash_of(content, SIZE);
	assert_int_equal(look_again(DIGEST_SHA256), 1);
	is_hash_of(content, SIZE);
}

static void without_the_option_none_is_written(void **state)
{
	char value[300];

	(void)state;
	wish(DIGEST_SHA256, 0, SIZE, DISK_LOCAL);
	assert_int_equal(run(), 0);
	assert_true(fgetxattr(file.fd, "user.sluice.hash.sha-256", value, sizeof(value)) < 0);
}

static void an_attribute_of_another_state_is_not_believed(void **state)
{
	struct stat stat;

	(void)state;
	if (!attributes_work())
		skip();
	make_with_attribute(DIGEST_SHA256);
	assert_int_equal(look_again(DIGEST_SHA256), 1);
	assert_int_equal(fstat(file.fd, &stat), 0);
	usleep(150000);
	/* Other bytes, and the old time put back. */
	assert_int_equal(pwrite(file.fd, "other", 5, 0), 5);
	assert_int_equal(futimens(file.fd, (struct timespec[]){ stat.st_atim, stat.st_mtim }), 0);
	assert_int_equal(look_again(DIGEST_SHA256), 0);
}

static void an_attribute_ends_with_any_change_of_the_inode(void **state)
{
	(void)state;
	if (!attributes_work())
		skip();
	make_with_attribute(DIGEST_SHA256);
	assert_int_equal(look_again(DIGEST_SHA256), 1);
	usleep(150000);
	assert_int_equal(fchmod(file.fd, 0640), 0);
	assert_int_equal(look_again(DIGEST_SHA256), 0);
}

static void nonsense_in_an_attribute_is_not_believed(void **state)
{
	static const char *const ends[] = { "",
					    " ",
					    "1.1 ab",
					    "1.000000001 ",
					    "x.000000001 ab",
					    "99999999999999999999.000000001 ab" };
	char value[300];

	(void)state;
	if (!attributes_work())
		skip();
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		struct stat stat;
		int length;

		assert_int_equal(fstat(file.fd, &stat), 0);
		length = snprintf(value, sizeof(value), "1 %llu %llu %lld.%09ld %s",
				  (unsigned long long)stat.st_ino, (unsigned long long)stat.st_size,
				  (long long)stat.st_mtim.tv_sec, stat.st_mtim.tv_nsec, ends[i]);
		assert_int_equal(
			fsetxattr(file.fd, "user.sluice.hash.md5", value, (size_t)length, 0), 0);
		assert_int_equal(look_again(DIGEST_MD5), 0);
	}
}

static int no_setxattr(int fd, const char *name, const void *value, size_t size_bytes)
{
	(void)fd;
	(void)name;
	(void)value;
	(void)size_bytes;
	return -EACCES;
}

static void who_may_not_write_an_attribute_has_the_hash_all_the_same(void **state)
{
	(void)state;
	spoilt.setxattr = no_setxattr;
	make_with_attribute(DIGEST_SHA256);
	is_hash_of(content, SIZE);
	wish(DIGEST_SHA256, 0, SIZE, DISK_LOCAL);
	assert_true(hash_file_is_known(&file));
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_hash_is_of_all_or_of_the_part),
		TEST(what_is_not_in_the_cache_is_read_elsewhere),
		TEST(short_reads_lose_nothing),
		TEST(an_error_in_the_middle_is_told_and_nothing_kept),
		TEST(a_hash_is_made_once),
		TEST(a_part_is_not_kept),
		TEST(what_changed_a_moment_ago_is_not_kept),
		TEST(what_cannot_be_written_back_is_not_kept),
		TEST(a_large_young_file_is_not_waited_for),
		TEST(a_change_makes_another_hash),
		TEST(a_file_that_changes_meanwhile_is_busy),
		TEST(a_file_that_becomes_shorter_is_busy),
		TEST(a_networks_file_is_looked_at_each_time),
		TEST(an_attribute_outlives_the_cache),
		TEST(without_the_option_none_is_written),
		TEST(an_attribute_of_another_state_is_not_believed),
		TEST(an_attribute_ends_with_any_change_of_the_inode),
		TEST(nonsense_in_an_attribute_is_not_believed),
		TEST(who_may_not_write_an_attribute_has_the_hash_all_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
