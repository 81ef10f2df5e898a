#include "session/change.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/test_session.h"
#include "sys/calls.h"

static struct calls spoilt;
static atomic_int slices;
static atomic_bool is_slow;

static int no_clone(int to, int from)
{
	(void)to;
	(void)from;
	return -EOPNOTSUPP;
}

/* A disk that copies a byte in a millisecond. */
static ssize_t slow_copy_file_range(int from, off_t from_offset, int to, off_t to_offset,
				    size_t size_bytes)
{
	if (!is_slow)
		return calls_real.copy_file_range(from, from_offset, to, to_offset, size_bytes);
	slices++;
	usleep(1000);
	return calls_real.copy_file_range(from, from_offset, to, to_offset, 1);
}

static int root(void)
{
	return test_context.tree.root;
}

static bool is_there(const char *name)
{
	return faccessat(root(), name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static int setup(void **state)
{
	spoilt = calls_real;
	spoilt.clone = no_clone;
	spoilt.copy_file_range = slow_copy_file_range;
	slices = 0;
	is_slow = true;
	return test_session_setup(state);
}

static int teardown(void **state)
{
	calls = &calls_real;
	return test_session_teardown(state);
}

#define CHANGE_TEST_ON(test, engine)                                                     \
	{                                                                                \
#test " on " #engine, test, setup, teardown, (void *)(uintptr_t) #engine \
	}
#define CHANGE_TEST(test) CHANGE_TEST_ON(test, uring), CHANGE_TEST_ON(test, epoll)

/* Logs in and has a file of 2,000 bytes copied, as far as three slices. */
static void copy_begins(void)
{
	static const char bytes[2000] = "long";
	int fd;

	test_session_begin(0);
	client_reads("220 sluice ready\r\n");
	client_asks("USER anonymous", "331 ");
	client_asks("PASS x", "230 ");
	fd = openat(root(), "file", O_WRONLY | O_CREAT, 0644);
	assert_int_equal(write(fd, bytes, sizeof(bytes)), sizeof(bytes));
	close(fd);
	calls = &spoilt;
	client_asks("SITE CPFR file", "350 ");
	client_sends("SITE CPTO copy\r\n");
	while (slices < 3)
		run_for_ms(1);
}

static void copy_is_gone(void)
{
	assert_false(is_there("copy"));
	assert_int_equal(unlinkat(root(), "file", 0), 0);
	/* Teardown removes the folder, which must be empty. */
}

static void abor_stops_a_change(void **state)
{
	const char *replies;

	(void)state;
	copy_begins();
	client_sends("ABOR\r\n");
	replies = client_reads("226 Aborted\r\n");
	assert_string_equal(replies, "426 Transfer aborted\r\n226 Aborted\r\n");
	assert_true(slices < 1000);
	client_asks("NOOP", "200 ");
	copy_is_gone();
}

static void stat_is_answered_during_a_change(void **state)
{
	(void)state;
	copy_begins();
	client_sends("NOOP\r\nSTAT\r\n");
	assert_non_null(strstr(client_reads("211 End\r\n"), "The disk is being changed"));
	client_sends("ABOR\r\n");
	assert_string_equal(client_reads("200 Nothing done\r\n"),
			    "426 Transfer aborted\r\n226 Aborted\r\n200 Nothing done\r\n");
	copy_is_gone();
}

static void a_client_that_leaves_stops_a_change(void **state)
{
	(void)state;
	copy_begins();
	client_leaves();
	assert_true(slices < 1000);
	copy_is_gone();
}

static int jobs_refused_after;

static int refusing_operation(const char *name)
{
	return strcmp(name, "job") == 0 && jobs_refused_after-- <= 0 ? -EAGAIN : 0;
}

/* No job thread takes the next piece, nor what would undo the first ones. */
static void a_change_is_undone_where_no_job_thread_takes_it(void **state)
{
	(void)state;
	copy_begins();
	jobs_refused_after = 0;
	spoilt.operation = refusing_operation;
	assert_memory_equal(client_reads("\r\n"), "450 ", 4);
	copy_is_gone();
}

static void a_change_that_is_left_alone_comes_to_its_end(void **state)
{
	struct stat stat;

	(void)state;
	copy_begins();
	is_slow = false;
	client_sends("PWD\r\n");
	assert_memory_equal(client_reads("folder\r\n"), "250 Copied\r\n257 ", 16);
	assert_int_equal(fstatat(root(), "copy", &stat, 0), 0);
	assert_int_equal(stat.st_size, 2000);
	assert_int_equal(unlinkat(root(), "copy", 0), 0);
	copy_is_gone();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CHANGE_TEST(abor_stops_a_change),
		CHANGE_TEST(stat_is_answered_during_a_change),
		CHANGE_TEST(a_client_that_leaves_stops_a_change),
		CHANGE_TEST(a_change_is_undone_where_no_job_thread_takes_it),
		CHANGE_TEST(a_change_that_is_left_alone_comes_to_its_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
