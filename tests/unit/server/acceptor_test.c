#include "server/acceptor.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/test_ring.h"
#include "sys/calls.h"

static unsigned accepted_count;
static bool closed;
static bool refused; /* the ring takes no accept */

static void on_accepted(struct acceptor *acceptor, int fd)
{
	(void)acceptor;
	accepted_count++;
	close(fd);
	ring_stop(test_ring);
}

static void on_closed(struct acceptor *acceptor)
{
	assert_int_equal(acceptor->fd, -1);
	assert_false(closed);
	closed = true;
	ring_stop(test_ring);
}

static int operation(const char *name)
{
	return refused && strcmp(name, "accept") == 0 ? -EMFILE : 0;
}

static struct sockaddr_in listener_address;

static struct acceptor acceptor_on_loopback(void)
{
	static struct calls faulty;
	socklen_t length = sizeof(listener_address);
	struct acceptor acceptor = { .accepted = on_accepted, .closed = on_closed };

	faulty = calls_real;
	faulty.operation = operation;
	calls = &faulty;
	accepted_count = 0;
	closed = refused = false;
	listener_address = (struct sockaddr_in){ .sin_family = AF_INET,
						 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	acceptor.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(acceptor.fd, (struct sockaddr *)&listener_address, length), 0);
	assert_int_equal(listen(acceptor.fd, 8), 0);
	getsockname(acceptor.fd, (struct sockaddr *)&listener_address, &length);
	return acceptor;
}

static void client_connect(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(
		connect(fd, (struct sockaddr *)&listener_address, sizeof(listener_address)), 0);
	close(fd);
}

static void an_acceptor_that_waits_is_closed(void **state)
{
	struct acceptor acceptor = acceptor_on_loopback();
	int fd = acceptor.fd;

	(void)state;
	acceptor_start(&acceptor, test_ring);
	client_connect();
	while (accepted_count == 0)
		run_for_ms(20);
	acceptor_close(&acceptor);
	acceptor_close(&acceptor);
	run_until(&closed);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
}

static void an_error_is_a_pause(void **state)
{
	struct acceptor acceptor = acceptor_on_loopback();

	(void)state;
	refused = true;
	acceptor_start(&acceptor, test_ring);
	client_connect();
	run_for_ms(50);
	assert_false(closed);
	refused = false;
	while (accepted_count == 0)
		run_for_ms(50);
	acceptor_close(&acceptor);
	run_until(&closed);
}

static void an_acceptor_in_its_pause_is_closed(void **state)
{
	struct acceptor acceptor = acceptor_on_loopback();

	(void)state;
	refused = true;
	acceptor_start(&acceptor, test_ring);
	run_for_ms(20);
	acceptor_close(&acceptor);
	assert_true(closed);
	run_for_ms(200); /* its timer does not fire any more */
}

/* The error is on its way already when the acceptor is closed, and takes the place of ECANCELED. */
static void an_error_that_meets_the_closing_ends_it(void **state)
{
	struct acceptor acceptor = acceptor_on_loopback();

	(void)state;
	refused = true;
	acceptor_start(&acceptor, test_ring);
	acceptor_close(&acceptor);
	run_for_ms(200);
	assert_true(closed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_ON_ENGINES(an_acceptor_that_waits_is_closed),
		TEST_ON_ENGINES(an_error_is_a_pause),
		TEST_ON_ENGINES(an_acceptor_in_its_pause_is_closed),
		TEST_ON_ENGINES(an_error_that_meets_the_closing_ends_it),
	};

	return cmocka_run_group_tests_name("acceptor", tests, NULL, NULL);
}
