#include "support/test_ring.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "jobs/jobs.h"
#include "ring/ring_priv.h"

#define PATIENCE_S 10

struct ring *test_ring;
unsigned test_ring_woken;
bool test_ring_jobs_full;
static struct jobs *jobs;

static int test_offload(void *context, struct ring *ring, struct op *op)
{
	(void)context;
	return test_ring_jobs_full ? -11 : jobs_post(jobs, ring, op);
}

static void test_woken(void *context)
{
	(void)context;
	test_ring_woken++;
	ring_stop(test_ring);
}

int test_ring_setup(void **state)
{
	const char *engine = *state;
	struct ring_config config = { .engine = strcmp(engine, "epoll") == 0 ? RING_ENGINE_EPOLL
									     : RING_ENGINE_URING,
				      .offload = test_offload,
				      .woken = test_woken };

	assert_int_equal(
		ring_probe(strcmp(engine, "uring515") == 0 ? "5.15" : NULL, &config.features), 0);
	test_ring_woken = 0;
	test_ring_jobs_full = false;
	assert_int_equal(jobs_new("job", 8, 0, &jobs), 0);
	assert_int_equal(ring_new(&config, &test_ring), 0);
	return 0;
}

int test_ring_teardown(void **state)
{
	(void)state;
	jobs_free(jobs); /* first: a thread may still be waking the ring */
	ring_free(test_ring);
	return 0;
}

/* One ring_run; what a stop has let slip is armed again. */
static void run_once(void)
{
	alarm(PATIENCE_S); /* its signal ends the program: the test is the last one named */
	test_ring->stopping = false;
	if (!op_pending(&test_ring->wake_op))
		ring_poll(test_ring, &test_ring->wake_op, test_ring->wake_fd, POLLIN);
	assert_int_equal(ring_run(test_ring), 0);
	alarm(0);
}

static void waited_done(struct op *op, int result)
{
	struct waited *all = (struct waited *)(void *)op;

	all->calls++;
	all->result = result;
	ring_stop(test_ring);
}

struct op *waited(struct waited *waited)
{
	waited->op.done = waited_done;
	return &waited->op;
}

int wait_for_call(struct waited *waited, unsigned number)
{
	while (waited->calls < number)
		run_once();
	return waited->result;
}

void run_until(const bool *flag)
{
	while (!*flag)
		run_once();
}

static bool time_is_up;

static void on_time_up(struct wheel_timer *timer)
{
	(void)timer;
	time_is_up = true;
	ring_stop(test_ring);
}

void run_for_ms(uint64_t ms)
{
	struct wheel_timer timer = { .fire = on_time_up };

	time_is_up = false;
	ring_timer_set(test_ring, &timer, ms);
	run_until(&time_is_up);
}
