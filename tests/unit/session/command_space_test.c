#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/limits.h"
#include "support/test_session.h"
#include "sys/calls.h"

static struct calls spoilt;
static atomic_uint reads; /* of slow_getdents, in a job thread */

static void log_in(void)
{
	test_config.anonymous = true;
	test_session_begin(1);
	client_reads("220 sluice ready\r\n");
	client_asks("USER ftp", "331");
	client_asks("PASS x", "230");
}

/* A folder that never ends. */
static ssize_t endless_getdents(int folder, void *buffer, size_t size_bytes)
{
	static const struct {
		uint64_t inode;
		int64_t next;
		uint16_t length;
		uint8_t type;
		char name[13];
	} record = { 1, 1, sizeof(record), 1 /* DT_FIFO */, "pipe" };
	size_t length = 0;

	(void)folder;
	for (; length + sizeof(record) <= size_bytes; length += sizeof(record))
		memcpy((char *)buffer + length, &record, sizeof(record));
	return (ssize_t)length;
}

/* The same, so slow that its limit is seconds away. */
static ssize_t slow_getdents(int folder, void *buffer, size_t size_bytes)
{
	atomic_fetch_add(&reads, 1);
	usleep(2000);
	return endless_getdents(folder, buffer, size_bytes);
}

static void a_folder_without_end_is_550(void **state)
{
	(void)state;
	log_in();
	spoilt = calls_real;
	spoilt.getdents = endless_getdents;
	calls = &spoilt;
	client_asks("DSIZ", "550");
	calls = &calls_real;
	assert_int_equal(test_context.folder_sizes.taken, 0);
	client_asks("DSIZ", "213");
}

static void a_client_that_leaves_ends_the_adding(void **state)
{
	unsigned before;

	(void)state;
	log_in();
	spoilt = calls_real;
	spoilt.getdents = slow_getdents;
	calls = &spoilt;
	client_sends("DSIZ\r\n");
	for (int i = 0; i < 1000 && test_context.folder_sizes.taken == 0; i++)
		run_for_ms(1);
	assert_false(test_context.folder_sizes.taken == 0);
	before = atomic_load(&reads);
	client_leaves();
	calls = &calls_real;
	assert_int_equal(test_context.folder_sizes.taken, 0);
	/* The slice that was under way, and another until the end was heard of; not the limit's. */
	assert_true(atomic_load(&reads) - before < FOLDER_SIZE_NAMES_MAX / 1000);
}

static void more_than_a_few_at_a_time_are_450(void **state)
{
	struct party held[FOLDER_SIZES_MAX] = { 0 };

	(void)state;
	log_in();
	for (unsigned i = 0; i < FOLDER_SIZES_MAX; i++) {
		struct address other = { .v4 = { .sin_family = AF_INET,
						 .sin_addr.s_addr = i + 1 } };

		assert_int_equal(seats_take(&test_context.folder_sizes, &other, &held[i], 1), 0);
	}
	client_asks("DSIZ", "450 Too many commands like this one are at work now;");
	seats_give(&held[0]);
	client_asks("DSIZ", "213");
	client_asks("DSIZ", "213"); /* the first one has given its seat back */
}

static void more_than_its_share_of_one_address_are_450(void **state)
{
	struct party held[FOLDER_SIZES_MAX / SEATS_PARTS] = { 0 };

	(void)state;
	log_in();
	for (unsigned i = 0; i < FOLDER_SIZES_MAX / SEATS_PARTS; i++)
		assert_int_equal(
			seats_take(&test_context.folder_sizes, &test_session.peer, &held[i], 1), 0);
	client_asks("DSIZ", "450 Too many commands like this one are at work for your address;");
	seats_give(&held[0]);
	client_asks("DSIZ", "213");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SESSION_TEST(a_folder_without_end_is_550),
		SESSION_TEST(a_client_that_leaves_ends_the_adding),
		SESSION_TEST(more_than_a_few_at_a_time_are_450),
		SESSION_TEST(more_than_its_share_of_one_address_are_450),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
