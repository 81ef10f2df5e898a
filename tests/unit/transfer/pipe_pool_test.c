#include "transfer/pipe_pool.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cmocka.h>

#include "sys/calls.h"

static void pipes_are_lent_once_each(void **state)
{
	struct kernel_pipe *lent[64] = { NULL };
	struct pipe_pool *pool;
	unsigned count;

	(void)state;
	assert_int_equal(pipe_pool_new(1, &pool), 0);
	count = pipe_pool_count(pool);
	assert_in_range(count, 4, 15);
	for (unsigned i = 0; i < count; i++) {
		lent[i] = pipe_pool_take(pool);
		assert_non_null(lent[i]);
		for (unsigned j = 0; j < i; j++)
			assert_ptr_not_equal(lent[i], lent[j]);
	}
	assert_null(pipe_pool_take(pool));
	pipe_pool_give(pool, lent[0]);
	assert_ptr_equal(pipe_pool_take(pool), lent[0]);
	for (unsigned i = 0; i < count; i++)
		pipe_pool_give(pool, lent[i]);
	pipe_pool_free(pool);
}

static void pipe_with_residue_comes_back_empty(void **state)
{
	struct kernel_pipe *pipe;
	struct pipe_pool *pool;
	int waiting = -1;
	char byte;

	(void)state;
	assert_int_equal(pipe_pool_new(1, &pool), 0);
	pipe = pipe_pool_take(pool);
	assert_int_equal(write(pipe->write_end, "secret", 6), 6);
	pipe->filled_bytes = 6;
	pipe_pool_give(pool, pipe);
	pipe = pipe_pool_take(pool);
	assert_int_equal(pipe->filled_bytes, 0);
	assert_int_equal(ioctl(pipe->read_end, FIONREAD, &waiting), 0);
	assert_int_equal(waiting, 0);
	assert_int_equal(read(pipe->read_end, &byte, 1), -1);
	assert_int_equal(errno, EAGAIN);
	pipe_pool_give(pool, pipe);
	pipe_pool_free(pool);
}

static ssize_t failing_splice(int in, off_t *in_offset, int out, off_t *out_offset,
			      size_t size_bytes, unsigned flags)
{
	(void)in;
	(void)in_offset;
	(void)out;
	(void)out_offset;
	(void)size_bytes;
	(void)flags;
	return -EIO;
}

static void a_pipe_that_cannot_be_emptied_is_replaced(void **state)
{
	struct calls spoilt = calls_real;
	struct kernel_pipe *pipe;
	struct pipe_pool *pool;
	int waiting = -1;

	(void)state;
	spoilt.splice = failing_splice;
	assert_int_equal(pipe_pool_new(1, &pool), 0);
	pipe = pipe_pool_take(pool);
	assert_int_equal(write(pipe->write_end, "secret", 6), 6);
	pipe->filled_bytes = 6;
	calls = &spoilt;
	pipe_pool_give(pool, pipe);
	calls = &calls_real;
	pipe = pipe_pool_take(pool);
	assert_int_equal(pipe->filled_bytes, 0);
	assert_int_equal(ioctl(pipe->read_end, FIONREAD, &waiting), 0);
	assert_int_equal(waiting, 0);
	pipe_pool_give(pool, pipe);
	pipe_pool_free(pool);
}

static void many_workers_share_a_small_budget(void **state)
{
	struct pipe_pool *pool;
	struct kernel_pipe *pipe;

	(void)state;
	assert_int_equal(pipe_pool_new(64, &pool), 0);
	pipe = pipe_pool_take(pool);
	/* 64 MiB for one user by default; half of it, two generations, 64 workers: 256 KiB. */
	assert_int_equal(pipe->size_bytes, 65536);
	assert_null(pipe_pool_turn_pipe(pool));
	pipe_pool_give(pool, pipe);
	pipe_pool_free(pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pipes_are_lent_once_each),
		cmocka_unit_test(pipe_with_residue_comes_back_empty),
		cmocka_unit_test(a_pipe_that_cannot_be_emptied_is_replaced),
		cmocka_unit_test(many_workers_share_a_small_budget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
