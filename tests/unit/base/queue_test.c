#include "base/queue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define WAITERS 100000

struct visitor {
	struct queue_waiter waiter;
	bool leaves_at_once;
	unsigned order; /* 0: not admitted */
};

static unsigned admitted_count;
static unsigned depth;
static unsigned deepest;
static struct queue queue;

static void on_admitted(struct queue_waiter *waiter)
{
	struct visitor *visitor = (struct visitor *)(void *)waiter;

	if (++depth > deepest)
		deepest = depth;
	visitor->order = ++admitted_count;
	if (visitor->leaves_at_once)
		queue_leave(&queue);
	depth--;
}

static bool enter(struct visitor *visitor)
{
	visitor->waiter.admitted = on_admitted;
	return queue_enter(&queue, &visitor->waiter);
}

static int setup(void **state)
{
	(void)state;
	admitted_count = depth = deepest = 0;
	queue_init(&queue, 2);
	return 0;
}

static void no_more_than_the_bound_are_in(void **state)
{
	struct visitor all[3] = { 0 };

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_int_equal(enter(&all[i]), i < 2);
	assert_int_equal(admitted_count, 0); /* what is in at once is not called */
	assert_true(queue_waits(&all[2].waiter));
	assert_false(queue_waits(&all[0].waiter));
}

static void places_are_given_in_order(void **state)
{
	struct visitor all[6] = { 0 };

	(void)state;
	for (int i = 0; i < 6; i++)
		enter(&all[i]);
	for (unsigned i = 1; i <= 4; i++) {
		queue_leave(&queue);
		assert_int_equal(all[i + 1].order, i);
		assert_int_equal(admitted_count, i);
	}
	queue_leave(&queue);
	queue_leave(&queue);
	assert_int_equal(admitted_count, 4);
	assert_true(enter(&all[0]));
}

static void a_withdrawn_waiter_is_not_admitted(void **state)
{
	struct visitor all[5] = { 0 };

	(void)state;
	queue_withdraw(&all[0].waiter); /* never queued */
	for (int i = 0; i < 5; i++)
		enter(&all[i]);
	queue_withdraw(&all[2].waiter);
	assert_false(queue_waits(&all[2].waiter));
	queue_leave(&queue);
	assert_int_equal(all[2].order, 0);
	assert_int_equal(all[3].order, 1);
}

static void a_long_line_that_leaves_at_once_does_not_recurse(void **state)
{
	static struct visitor all[WAITERS];

	(void)state;
	for (int i = 0; i < WAITERS; i++) {
		all[i].leaves_at_once = true;
		enter(&all[i]);
	}
	queue_leave(&queue);
	assert_int_equal(admitted_count, WAITERS - 2);
	assert_int_equal(deepest, 1);
	queue_leave(&queue);
	assert_true(enter(&all[0]));
	assert_true(enter(&all[1]));
	assert_false(enter(&all[2]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(no_more_than_the_bound_are_in, setup),
		cmocka_unit_test_setup(places_are_given_in_order, setup),
		cmocka_unit_test_setup(a_withdrawn_waiter_is_not_admitted, setup),
		cmocka_unit_test_setup(a_long_line_that_leaves_at_once_does_not_recurse, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
