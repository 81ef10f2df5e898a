/*
 * A ring with job threads behind it, run by the test's own thread until something has come
 * about. TEST_ON_ENGINES puts one test thrice into a cmocka table: on io_uring, on io_uring with
 * the features of Linux 5.15, and on epoll.
 *
 * Ownership: one ring at a time, made and freed by test_ring_setup and test_ring_teardown.
 */
#ifndef SUPPORT_TEST_RING_H
#define SUPPORT_TEST_RING_H

#include "ring/ring.h"

/* An operation whose end is remembered. */
struct waited {
	struct op op;
	unsigned calls; /* of done */
	int result;	/* of the last one */
};

extern struct ring *test_ring;
extern unsigned test_ring_woken; /* calls of woken */
extern bool test_ring_jobs_full; /* offload answers -EAGAIN */

/* cmocka's setup and teardown; *state is the engine's name. */
int test_ring_setup(void **state);
int test_ring_teardown(void **state);

#define TEST_ON(test, engine)                                                    \
	{                                                                        \
#test " on " #engine, test, test_ring_setup, test_ring_teardown, \
			(void *)(uintptr_t) #engine                              \
	}
#define TEST_ON_ENGINES(test) TEST_ON(test, uring), TEST_ON(test, uring515), TEST_ON(test, epoll)

/* Sets done of a zeroed operation. Returns it for convenience. */
struct op *waited(struct waited *waited);

/* Runs the ring until done was called for the number-th time; fails the test after 10 s. Returns
 * the last result. */
int wait_for_call(struct waited *waited, unsigned number);

/* Runs the ring until *flag; whoever sets it calls ring_stop. */
void run_until(const bool *flag);

/* Runs the ring for about so long. */
void run_for_ms(uint64_t ms);

#endif
