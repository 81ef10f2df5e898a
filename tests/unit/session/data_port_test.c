#include "session/session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/test_session.h"
#include "transfer/passive_pool.h"

static void log_in(unsigned passive_ports)
{
	test_session_begin(passive_ports);
	client_reads("220 sluice ready\r\n");
	client_asks("USER anonymous", "331 ");
	client_asks("PASS x", "230 ");
}

/* What the server does when a connection comes to the reserved port. Returns its other end. */
static int connection_comes(void)
{
	unsigned port = test_session.data_port;
	int ends[2];

	assert_int_equal(passive_pool_claim(test_context.passive, &test_session.peer, port),
			 TEST_SESSION_ID);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
	session_on_data_connection(&test_session, port, ends[1]);
	return ends[0];
}

static void the_states_follow_the_drawing(void **state)
{
	char byte;
	int end;

	(void)state;
	log_in(1);
	assert_int_equal(test_session.data_state, DATA_NONE);
	client_asks("EPSV", "229 ");
	assert_int_equal(test_session.data_state, DATA_PASSIVE);
	end = connection_comes();
	assert_int_equal(test_session.data_state, DATA_CONNECTED);
	client_asks("EPRT |1|0.0.0.0|2000|", "200 ");
	assert_int_equal(test_session.data_state, DATA_ACTIVE);
	assert_int_equal(recv(end, &byte, 1, 0), 0); /* the connection of the EPSV is closed */
	close(end);
	client_asks("ABOR", "226 ");
	assert_int_equal(test_session.data_state, DATA_NONE);
}

static void a_port_is_waited_for_and_given_back(void **state)
{
	const struct address *client = &test_session.peer;
	int port;

	(void)state;
	log_in(1);
	port = passive_pool_reserve(test_context.passive, 0, client, TEST_SESSION_ID + 1);
	assert_true(port >= 0);
	client_sends("EPSV\r\nNOOP\r\n");
	run_for_ms(20);
	assert_int_equal(test_session.data_state, DATA_WAITING);
	passive_pool_release(test_context.passive, client, (unsigned)port, TEST_SESSION_ID + 1);
	assert_memory_equal(client_reads("200 Nothing done\r\n"), "229 ", 4);
	client_leaves();
	assert_int_equal(passive_pool_reserve(test_context.passive, 0, client, 1), port);
}

static void a_connection_that_comes_late_is_closed(void **state)
{
	char byte;
	int ends[2];

	(void)state;
	log_in(2);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
	session_on_data_connection(&test_session, 0, ends[1]);
	assert_int_equal(recv(ends[0], &byte, 1, 0), 0);
	close(ends[0]);
}

/* RFC 2577 section 3: also where the client's own end is the default data port. */
static void the_default_data_port_is_not_privileged(void **state)
{
	(void)state;
	log_in(1);
	address_set_port(&test_session.peer, 1023);
	client_sends("LIST\r\n");
	client_reads("send PORT\r\n");
	assert_int_equal(test_session.data_state, DATA_NONE);
	address_set_port(&test_session.peer, 1024);
	client_sends("LIST\r\n"); /* it goes on, as far as a socket pair goes */
	client_reads("other IP version\r\n");
}

static void a_session_that_ends_gives_all_back(void **state)
{
	char byte;
	int end;

	(void)state;
	log_in(1);
	client_asks("EPSV", "229 ");
	end = connection_comes();
	client_leaves();
	assert_int_equal(recv(end, &byte, 1, 0), 0);
	close(end);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SESSION_TEST(the_states_follow_the_drawing),
		SESSION_TEST(a_port_is_waited_for_and_given_back),
		SESSION_TEST(a_connection_that_comes_late_is_closed),
		SESSION_TEST(the_default_data_port_is_not_privileged),
		SESSION_TEST(a_session_that_ends_gives_all_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
