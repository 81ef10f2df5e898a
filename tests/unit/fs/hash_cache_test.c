#include "fs/hash_cache.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct hash_cache *cache;

static int setup(void **state)
{
	(void)state;
	return hash_cache_new(64, &cache);
}

static int teardown(void **state)
{
	(void)state;
	hash_cache_free(cache);
	return 0;
}

static struct hash_identity file_number(uint64_t inode)
{
	return (struct hash_identity){ .device = 1,
				       .inode = inode,
				       .size_bytes = 100,
				       .changed_s = 1000,
				       .modified_s = 900,
				       .changed_ns = 5,
				       .modified_ns = 6 };
}

static void put(const struct hash_identity *identity, enum digest_kind kind, int byte)
{
	unsigned char bytes[DIGEST_BYTES_MAX];

	memset(bytes, byte, sizeof(bytes));
	hash_cache_put(cache, identity, kind, bytes);
}

/* The byte that was put, or -1. */
static int find(const struct hash_identity *identity, enum digest_kind kind)
{
	unsigned char bytes[DIGEST_BYTES_MAX];

	if (!hash_cache_find(cache, identity, kind, bytes))
		return -1;
	for (size_t i = 1; i < digest_bytes(kind); i++)
		assert_int_equal(bytes[i], bytes[0]);
	return bytes[0];
}

static void what_was_put_is_found_by_its_kind(void **state)
{
	struct hash_identity one = file_number(1);

	(void)state;
	assert_int_equal(find(&one, DIGEST_SHA256), -1);
	put(&one, DIGEST_SHA256, 1);
	put(&one, DIGEST_SHA512, 2);
	assert_int_equal(find(&one, DIGEST_SHA256), 1);
	assert_int_equal(find(&one, DIGEST_SHA512), 2);
	assert_int_equal(find(&one, DIGEST_MD5), -1);
	put(&one, DIGEST_SHA256, 3);
	assert_int_equal(find(&one, DIGEST_SHA256), 3);
}

static void every_part_of_an_identity_counts(void **state)
{
	struct hash_identity others[7];

	(void)state;
	for (int i = 0; i < 7; i++)
		others[i] = file_number(1);
	put(&others[0], DIGEST_MD5, 1);
	others[0].device++;
	others[1].inode++;
	others[2].size_bytes++;
	others[3].changed_s++;
	others[4].changed_ns++;
	others[5].modified_s++;
	others[6].modified_ns++;
	for (int i = 0; i < 7; i++)
		assert_int_equal(find(&others[i], DIGEST_MD5), -1);
}

static void a_file_that_changed_takes_its_own_old_place(void **state)
{
	struct hash_identity file = file_number(1);
	struct hash_identity old = file;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		old = file;
		put(&file, DIGEST_SHA1, i % 100);
		file.changed_ns++;
	}
	assert_int_equal(find(&old, DIGEST_SHA1), 99);
	/* Were each a new one, this one file would have filled its set. */
	put(&file, DIGEST_MD5, 7);
	old = file;
	for (int i = 0; i < 100; i++) {
		file.changed_ns++;
		put(&file, DIGEST_SHA1, i);
	}
	assert_int_equal(find(&old, DIGEST_MD5), 7);
}

static void it_is_bounded_and_what_is_asked_for_stays(void **state)
{
	struct hash_identity wanted = file_number(0);
	int found = 0;

	(void)state;
	put(&wanted, DIGEST_CRC32, 42);
	for (uint64_t i = 1; i <= 10000; i++) {
		struct hash_identity other = file_number(i);

		put(&other, DIGEST_CRC32, 1);
		assert_int_equal(find(&wanted, DIGEST_CRC32), 42);
	}
	for (uint64_t i = 1; i <= 10000; i++) {
		struct hash_identity other = file_number(i);

		found += find(&other, DIGEST_CRC32) == 1;
	}
	assert_in_range(found, 32, 63); /* 64 places, one of them wanted's */
}

static bool settled(int64_t age_ns, uint32_t changed_ns, bool remote)
{
	struct hash_identity identity = file_number(1);
	int64_t now_ns = 1000 * 1000000000LL + changed_ns + age_ns;
	struct timespec now = { now_ns / 1000000000, now_ns % 1000000000 };

	identity.changed_ns = changed_ns;
	return hash_identity_is_settled(&identity, &now, remote);
}

static void an_identity_settles_when_the_clock_has_ticked(void **state)
{
	(void)state;
	assert_false(settled(0, 500, false));
	assert_false(settled(10000000, 500, false)); /* HZ=100 */
	assert_true(settled(30000000, 500, false));
	assert_true(settled(30000000, 990000000, false)); /* over the second */
	assert_false(settled(5000000, 999000000, false));
	assert_false(settled(-1000000000, 500, false)); /* of the future */
	assert_true(settled(100000000000, 500, false));
}

static void coarse_and_foreign_clocks_take_longer(void **state)
{
	(void)state;
	assert_false(settled(1500000000, 0, false)); /* seconds only, perhaps every other one */
	assert_true(settled(3500000000, 0, false));
	assert_false(settled(30000000000, 500, true));
	assert_true(settled(62000000000, 500, true));
}

static void *put_and_find(void *argument)
{
	uint64_t first = (uint64_t)(uintptr_t)argument;

	for (uint64_t i = 0; i < 20000; i++) {
		struct hash_identity file = file_number((first + i) % 100);
		int byte;

		put(&file, DIGEST_SHA256, (int)(file.inode + 1));
		byte = find(&file, DIGEST_SHA256);
		assert_true(byte == -1 || byte == (int)(file.inode + 1));
	}
	return NULL;
}

static void many_threads_may_use_it(void **state)
{
	pthread_t threads[4];

	(void)state;
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, put_and_find,
						(void *)(uintptr_t)(25 * i)),
				 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_was_put_is_found_by_its_kind),
		TEST(every_part_of_an_identity_counts),
		TEST(a_file_that_changed_takes_its_own_old_place),
		TEST(it_is_bounded_and_what_is_asked_for_stays),
		TEST(an_identity_settles_when_the_clock_has_ticked),
		TEST(coarse_and_foreign_clocks_take_longer),
		TEST(many_threads_may_use_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
