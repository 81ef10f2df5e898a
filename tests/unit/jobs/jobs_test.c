#include "jobs/jobs.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/limits.h"
#include "support/test_ring.h"

static sem_t gate;
static sem_t at_gate;

static pthread_t runners[8]; /* by job, in the order in which they began */
static unsigned begun;

static int wait_at_gate(struct op *op)
{
	unsigned number = __atomic_fetch_add(&begun, 1, __ATOMIC_RELAXED);

	(void)op;
	if (number < 8)
		runners[number] = pthread_self();
	sem_post(&at_gate);
	sem_wait(&gate);
	return 1;
}

static int tell_niceness(struct op *op)
{
	(void)op;
	return getpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid));
}

static void begin(struct waited *one, int (*work)(struct op *op))
{
	waited(one);
	one->op.kind = OP_JOB;
	one->op.pending = true;
	one->op.job.work = work;
}

/* Three threads at most: the fourth job waits for one of them, and so does a later one. */
static void threads_start_on_demand_and_stay(void **state)
{
	struct waited some[4] = { 0 };
	struct jobs *jobs;

	(void)state;
	sem_init(&gate, 0, 0);
	sem_init(&at_gate, 0, 0);
	__atomic_store_n(&begun, 0, __ATOMIC_RELAXED);
	assert_int_equal(jobs_new("job", 3, 0, &jobs), 0);
	for (unsigned i = 0; i < 4; i++) {
		begin(&some[i], wait_at_gate);
		assert_int_equal(jobs_post(jobs, test_ring, &some[i].op), 0);
		if (i < 3)
			sem_wait(&at_gate);
	}
	usleep(20000);
	assert_int_equal(sem_trywait(&at_gate), -1);
	for (int i = 0; i < 4; i++)
		sem_post(&gate);
	for (int i = 0; i < 4; i++)
		assert_int_equal(wait_for_call(&some[i], 1), 1);
	for (int i = 0; i < 3; i++)
		for (int j = 0; j < i; j++)
			assert_false(pthread_equal(runners[i], runners[j]));
	assert_true(pthread_equal(runners[3], runners[0]) ||
		    pthread_equal(runners[3], runners[1]) || pthread_equal(runners[3], runners[2]));
	jobs_free(jobs);
}

static void a_full_queue_says_try_again(void **state)
{
	struct waited *many = calloc(JOB_QUEUE_MAX + 2, sizeof(*many));
	struct jobs *jobs;
	unsigned posted = 0;

	(void)state;
	sem_init(&gate, 0, 0);
	sem_init(&at_gate, 0, 0);
	assert_int_equal(jobs_new("job", 1, 0, &jobs), 0);
	begin(&many[0], wait_at_gate);
	assert_int_equal(jobs_post(jobs, test_ring, &many[0].op), 0);
	sem_wait(&at_gate);
	for (posted = 1; posted <= JOB_QUEUE_MAX; posted++) {
		begin(&many[posted], wait_at_gate);
		assert_int_equal(jobs_post(jobs, test_ring, &many[posted].op), 0);
	}
	begin(&many[posted], wait_at_gate);
	assert_int_equal(jobs_post(jobs, test_ring, &many[posted].op), -EAGAIN);
	for (unsigned i = 0; i < posted; i++)
		sem_post(&gate);
	for (unsigned i = 0; i < posted; i++)
		wait_for_call(&many[i], 1);
	jobs_free(jobs);
	free(many);
}

static void low_priority_threads_are_nice(void **state)
{
	int expected = getpriority(PRIO_PROCESS, 0) + 10;
	struct waited one = { 0 };
	struct jobs *jobs;

	(void)state;
	expected = expected < 19 ? expected : 19; /* there is no lower priority */
	assert_int_equal(jobs_new("job", 1, 10, &jobs), 0);
	begin(&one, tell_niceness);
	assert_int_equal(jobs_post(jobs, test_ring, &one.op), 0);
	assert_int_equal(wait_for_call(&one, 1), expected);
	jobs_free(jobs);
}

static void free_runs_what_was_posted(void **state)
{
	struct waited some[5] = { 0 };
	struct jobs *jobs;

	(void)state;
	assert_int_equal(jobs_new("job", 1, 0, &jobs), 0);
	for (int i = 0; i < 5; i++) {
		begin(&some[i], tell_niceness);
		assert_int_equal(jobs_post(jobs, test_ring, &some[i].op), 0);
	}
	jobs_free(jobs);
	for (int i = 0; i < 5; i++)
		wait_for_call(&some[i], 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_ON_ENGINES(threads_start_on_demand_and_stay),
		TEST_ON_ENGINES(a_full_queue_says_try_again),
		TEST_ON_ENGINES(low_priority_threads_are_nice),
		TEST_ON_ENGINES(free_runs_what_was_posted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
