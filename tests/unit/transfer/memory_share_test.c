#include "transfer/memory_share.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/limits.h"
#include "sys/memory_limit.h"

static void what_is_left_is_given_out_and_no_more(void **state)
{
	struct memory_share share = { .max_bytes = 1000 };

	(void)state;
	assert_int_equal(memory_share_take(&share, 400), 0);
	assert_int_equal(memory_share_take(&share, 600), 0);
	assert_int_equal(memory_share_take(&share, 1), -ENOBUFS);
	assert_int_equal(memory_share_take(&share, 0), 0); /* who needs none always gets it */
	assert_int_equal(share.taken_bytes, 1000);
}

static void what_was_given_back_is_there_again(void **state)
{
	struct memory_share share = { .max_bytes = 1000 };

	(void)state;
	assert_int_equal(memory_share_take(&share, 700), 0);
	assert_int_equal(memory_share_take(&share, 301), -ENOBUFS);
	memory_share_give(&share, 1); /* in pieces, if need be */
	assert_int_equal(memory_share_take(&share, 301), 0);
	memory_share_give(&share, 699);
	memory_share_give(&share, 301);
	assert_int_equal(share.taken_bytes, 0);
	assert_int_equal(memory_share_take(&share, 1000), 0);
}

static void a_wish_that_no_share_could_hold_is_refused(void **state)
{
	struct memory_share share = { .max_bytes = 1000 };

	(void)state;
	assert_int_equal(memory_share_take(&share, 1001), -ENOBUFS);
	assert_int_equal(memory_share_take(&share, 1000), 0);
	assert_int_equal(memory_share_take(&share, SIZE_MAX), -ENOBUFS);
	assert_int_equal(share.taken_bytes, 1000);
}

static void workers_have_equal_parts_but_not_too_small_ones(void **state)
{
	struct memory_share share;

	(void)state;
	memory_share_init(&share, (size_t)1 << 30, 4);
	assert_int_equal(share.max_bytes, 268435456);
	assert_int_equal(share.taken_bytes, 0);
	memory_share_init(&share, 8 << 20, 64);
	assert_int_equal(share.max_bytes, TRANSFER_MEMORY_WORKER_MIN);
}

static void by_itself_it_is_a_quarter_of_the_machine(void **state)
{
	struct memory_share share;

	(void)state;
	memory_share_init(&share, 0, 1);
	assert_int_equal(share.max_bytes, memory_limit_bytes() / 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_left_is_given_out_and_no_more),
		cmocka_unit_test(what_was_given_back_is_there_again),
		cmocka_unit_test(a_wish_that_no_share_could_hold_is_refused),
		cmocka_unit_test(workers_have_equal_parts_but_not_too_small_ones),
		cmocka_unit_test(by_itself_it_is_a_quarter_of_the_machine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
