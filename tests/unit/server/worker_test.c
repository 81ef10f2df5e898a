#include "server/worker.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "config/config.h"
#include "jobs/jobs.h"
#include "server/admission.h"
#include "server/channel.h"
#include "transfer/passive_pool.h"

/*
 * Two workers on epoll, whose wait can be made to fail from outside: its descriptor is replaced.
 */

static struct config config;
static struct server servers[3]; /* one for each test */
static struct server *server;
static int supervisor_end;

static int workers_start(void **state)
{
	static const uint16_t ports[] = { 32000 };
	int ends[2];

	(void)state;
	alarm(10); /* a worker that never ends is a test that fails */
	config = (struct config){ .workers = 2, .sessions_max = 10 };
	server = server ? server + 1 : servers;
	*server = (struct server){ .config = &config,
				   .workers_count = 2,
				   .drain_limit_ms = 1000,
				   .ring = { .engine = RING_ENGINE_EPOLL } };
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	server->channel = ends[0];
	supervisor_end = ends[1];
	server->root = open("/tmp", O_PATH | O_DIRECTORY | O_CLOEXEC);
	atomic_init(&server->control_open, 1); /* somebody may still come in */
	assert_int_equal(admission_new(2, 10, 10, &server->admission), 0);
	assert_int_equal(passive_pool_new(ports, 1, 2, worker_grant, server, &server->passive), 0);
	assert_int_equal(jobs_new("job", 2, 0, &server->jobs), 0);
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(worker_start(server, i), 0);
	return 0;
}

static void workers_release(void)
{
	for (unsigned i = 0; i < 2; i++)
		worker_release(server->workers[i]);
}

static void workers_join(void)
{
	for (unsigned i = 0; i < 2; i++)
		worker_join(server->workers[i]);
	alarm(0);
}

/* The highest two descriptors are of the worker that was started last: its ring, and then its share of
 * the passive ports. */
static int last_ring(void)
{
	int last = -1;
	int ring = -1;

	for (int fd = 0; fd < 1024; fd++) {
		char path[32];
		char target[64] = "";

		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		if (readlink(path, target, sizeof(target) - 1) > 0 &&
		    strcmp(target, "anon_inode:[eventpoll]") == 0) {
			ring = last;
			last = fd;
		}
	}
	assert_true(ring >= 0);
	return ring;
}

static void a_worker_that_cannot_go_on_ends_them_all(void **state)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int epoll = last_ring();

	(void)state;
	assert_int_equal(dup3(null, epoll, O_CLOEXEC), epoll);
	close(null);
	workers_release();
	worker_grant(server, 1ULL << 32, 0); /* wakes the second one; nobody has that number */
	workers_join();
	assert_true(atomic_load(&server->failed));
}

static void the_end_of_the_supervisor_is_no_failure(void **state)
{
	(void)state;
	workers_release();
	close(supervisor_end);
	workers_join();
	assert_false(atomic_load(&server->failed));
}

/* The second worker begins when the order has been given, with as many messages as it takes. */
static void an_order_reaches_a_worker_whose_mailbox_is_full(void **state)
{
	const struct channel_message stop = { .kind = CHANNEL_STOP };

	(void)state;
	while (worker_grant(server, 1ULL << 32, 0))
		;
	worker_release(server->workers[0]);
	assert_int_equal(channel_send(supervisor_end, &stop, NULL, 0), 0);
	worker_join(server->workers[0]);
	worker_release(server->workers[1]);
	worker_join(server->workers[1]);
	alarm(0);
	assert_false(atomic_load(&server->failed));
	close(supervisor_end);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_worker_that_cannot_go_on_ends_them_all, workers_start),
		cmocka_unit_test_setup(an_order_reaches_a_worker_whose_mailbox_is_full,
				       workers_start),
		cmocka_unit_test_setup(the_end_of_the_supervisor_is_no_failure, workers_start),
	};

	return cmocka_run_group_tests_name("worker", tests, NULL, NULL);
}
