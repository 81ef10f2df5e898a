#include "jobs/disk_queue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/limits.h"

static struct disk_queues *queues;

static int setup(void **state)
{
	(void)state;
	return disk_queues_new(3, 2, &queues);
}

static int teardown(void **state)
{
	(void)state;
	disk_queues_free(queues);
	return 0;
}

static void no_more_than_the_bound_are_in(void **state)
{
	struct queue_waiter names[4] = { 0 }, reads[3] = { 0 };

	(void)state;
	for (int i = 0; i < 4; i++)
		assert_int_equal(queue_enter(disk_queues_find(queues, 1, DISK_NAMES), &names[i]),
				 i < 3);
	for (int i = 0; i < 3; i++)
		assert_int_equal(queue_enter(disk_queues_find(queues, 1, DISK_READ), &reads[i]),
				 i < 2);
	assert_true(queue_waits(&names[3]));
	assert_false(queue_waits(&names[0]));
}

static void directions_and_disks_have_places_of_their_own(void **state)
{
	struct queue_waiter all[12] = { 0 };
	int at = 0;

	(void)state;
	for (uint64_t disk = 1; disk <= 2; disk++)
		for (int direction = 0; direction < DISK_DIRECTIONS; direction++)
			for (int i = 0; i < 2; i++)
				assert_true(queue_enter(
					disk_queues_find(queues, disk,
							 (enum disk_direction)direction),
					&all[at++]));
}

static void three_hundred_disks_still_find_a_queue(void **state)
{
	(void)state;
	for (uint64_t disk = 0; disk < 300; disk++)
		assert_non_null(disk_queues_find(queues, disk * 77 + 5, DISK_WRITE));
	assert_ptr_equal(disk_queues_find(queues, 5, DISK_WRITE),
			 disk_queues_find(queues, 5, DISK_WRITE));
}

/* The rows are calculated by hand: 576 threads for 3 disks, 3 directions and so many workers. */
static void operations_shrink_as_workers_multiply(void **state)
{
	static const struct {
		unsigned workers, operations, threads;
	} rows[] = { { 1, 8, 72 },   { 2, 8, 144 },  { 4, 8, 288 },  { 8, 8, 576 }, { 9, 7, 567 },
		     { 16, 4, 576 }, { 21, 3, 567 }, { 33, 1, 297 }, { 64, 1, 576 } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(disk_operations_max(rows[i].workers), rows[i].operations);
		assert_int_equal(disk_job_threads_max(rows[i].workers), rows[i].threads);
	}
}

static void one_disk_holds_a_third_of_the_job_threads_at_most(void **state)
{
	(void)state;
	for (unsigned workers = 1; workers <= WORKERS_LIMIT; workers++) {
		unsigned held = workers * DISK_DIRECTIONS * disk_operations_max(workers);

		assert_true(disk_operations_max(workers) >= 1);
		assert_true(3 * held <= disk_job_threads_max(workers));
		assert_true(disk_job_threads_max(workers) <= JOB_THREADS_MAX);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(operations_shrink_as_workers_multiply),
		cmocka_unit_test(one_disk_holds_a_third_of_the_job_threads_at_most),
		cmocka_unit_test_setup_teardown(no_more_than_the_bound_are_in, setup, teardown),
		cmocka_unit_test_setup_teardown(directions_and_disks_have_places_of_their_own,
						setup, teardown),
		cmocka_unit_test_setup_teardown(three_hundred_disks_still_find_a_queue, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
