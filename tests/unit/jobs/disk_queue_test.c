#include "jobs/disk_queue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/limits.h"

#define WAITERS 100000

struct visitor {
	struct disk_waiter waiter;
	struct disk_queue *queue;
	bool leaves_at_once;
	unsigned order; /* 0: not admitted */
};

static unsigned admitted_count;
static unsigned depth;
static unsigned deepest;
static struct disk_queues *queues;

static void on_admitted(struct disk_waiter *waiter)
{
	struct visitor *visitor = (struct visitor *)(void *)waiter;

	if (++depth > deepest)
		deepest = depth;
	visitor->order = ++admitted_count;
	if (visitor->leaves_at_once)
		disk_queue_leave(visitor->queue);
	depth--;
}

static bool enter(struct visitor *visitor, struct disk_queue *queue)
{
	visitor->waiter.admitted = on_admitted;
	visitor->queue = queue;
	return disk_queue_enter(queue, &visitor->waiter);
}

static int setup(void **state)
{
	(void)state;
	admitted_count = depth = deepest = 0;
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
	struct visitor names[4] = { 0 }, reads[3] = { 0 };

	(void)state;
	for (int i = 0; i < 4; i++)
		assert_int_equal(enter(&names[i], disk_queues_find(queues, 1, DISK_NAMES)), i < 3);
	for (int i = 0; i < 3; i++)
		assert_int_equal(enter(&reads[i], disk_queues_find(queues, 1, DISK_READ)), i < 2);
	assert_int_equal(admitted_count, 0); /* what is in at once is not called */
	assert_true(disk_waiter_queued(&names[3].waiter));
	assert_false(disk_waiter_queued(&names[0].waiter));
}

static void directions_and_disks_have_places_of_their_own(void **state)
{
	struct visitor all[12] = { 0 };
	int at = 0;

	(void)state;
	for (uint64_t disk = 1; disk <= 2; disk++)
		for (int direction = 0; direction < DISK_DIRECTIONS; direction++)
			for (int i = 0; i < 2; i++)
				assert_true(
					enter(&all[at++],
					      disk_queues_find(queues, disk,
							       (enum disk_direction)direction)));
}

static void places_are_given_in_order(void **state)
{
	struct disk_queue *queue = disk_queues_find(queues, 1, DISK_READ);
	struct visitor all[6] = { 0 };

	(void)state;
	for (int i = 0; i < 6; i++)
		enter(&all[i], queue);
	for (unsigned i = 1; i <= 4; i++) {
		disk_queue_leave(queue);
		assert_int_equal(all[i + 1].order, i);
		assert_int_equal(admitted_count, i);
	}
	disk_queue_leave(queue);
	disk_queue_leave(queue);
	assert_int_equal(admitted_count, 4);
	assert_true(enter(&all[0], queue));
}

static void a_withdrawn_waiter_is_not_admitted(void **state)
{
	struct disk_queue *queue = disk_queues_find(queues, 1, DISK_READ);
	struct visitor all[5] = { 0 };

	(void)state;
	disk_queue_withdraw(&all[0].waiter); /* never queued */
	for (int i = 0; i < 5; i++)
		enter(&all[i], queue);
	disk_queue_withdraw(&all[2].waiter);
	assert_false(disk_waiter_queued(&all[2].waiter));
	disk_queue_leave(queue);
	assert_int_equal(all[2].order, 0);
	assert_int_equal(all[3].order, 1);
}

static void a_long_line_that_leaves_at_once_does_not_recurse(void **state)
{
	static struct visitor all[WAITERS];
	struct disk_queue *queue = disk_queues_find(queues, 1, DISK_READ);

	(void)state;
	for (int i = 0; i < WAITERS; i++) {
		all[i].leaves_at_once = true;
		enter(&all[i], queue);
	}
	disk_queue_leave(queue);
	assert_int_equal(admitted_count, WAITERS - 2);
	assert_int_equal(deepest, 1);
	disk_queue_leave(queue);
	assert_true(enter(&all[0], queue));
	assert_true(enter(&all[1], queue));
	assert_false(enter(&all[2], queue));
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
		cmocka_unit_test_setup_teardown(places_are_given_in_order, setup, teardown),
		cmocka_unit_test_setup_teardown(a_withdrawn_waiter_is_not_admitted, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_long_line_that_leaves_at_once_does_not_recurse,
						setup, teardown),
		cmocka_unit_test_setup_teardown(three_hundred_disks_still_find_a_queue, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
