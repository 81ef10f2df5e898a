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
	uint32_t number;
	int ends[2];

	assert_int_equal(passive_pool_claim(test_context.passive, &test_session.peer, port,
					    &number),
			 TEST_SESSION_ID);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
	assert_true(session_on_data_connection(&test_session, number, ends[1]));
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

static void a_port_is_not_waited_for_for_ever(void **state)
{
	const struct address *client = &test_session.peer;
	int port;

	(void)state;
	log_in(1);
	port = passive_pool_reserve(test_context.passive, 0, client, TEST_SESSION_ID + 1);
	client_sends("EPSV\r\nNOOP\r\n");
	run_for_ms(20);
	assert_int_equal(test_session.data_state, DATA_WAITING);
	ring_timer_clear(test_ring, &test_session.data_timer);
	test_session.data_timer.fire(&test_session.data_timer);
	assert_memory_equal(client_reads("200 Nothing done\r\n"), "425 All passive ports", 21);
	assert_int_equal(test_session.data_state, DATA_NONE);
	passive_pool_release(test_context.passive, client, (unsigned)port, TEST_SESSION_ID + 1);
	client_asks("EPSV", "229 "); /* it has left the line */
}

static void abor_ends_the_wait_for_a_port(void **state)
{
	const struct address *client = &test_session.peer;
	int port;

	(void)state;
	log_in(1);
	port = passive_pool_reserve(test_context.passive, 0, client, TEST_SESSION_ID + 1);
	client_sends("EPSV\r\nSTAT\r\nNOOP\r\n");
	run_for_ms(20);
	assert_int_equal(test_session.data_state, DATA_WAITING);
	client_sends("ABOR\r\nPWD\r\n");
	assert_memory_equal(client_reads("working folder\r\n"),
			    "425 No data connection: Given up\r\n"
			    "226 There was no transfer\r\n"
			    "211-",
			    64);
	assert_int_equal(test_session.data_state, DATA_NONE);
	passive_pool_release(test_context.passive, client, (unsigned)port, TEST_SESSION_ID + 1);
	client_asks("EPSV", "229 "); /* it has left the line */
}

static void more_may_wait_for_a_port_than_for_a_transfer(void **state)
{
	const struct address *client = &test_session.peer;
	const char *replies;
	int port;

	(void)state;
	log_in(1);
	port = passive_pool_reserve(test_context.passive, 0, client, TEST_SESSION_ID + 1);
	client_sends("EPSV\r\n");
	for (int i = 0; i < 2 * COMMANDS_WAITING_MAX; i++)
		client_sends("NOOP\r\n");
	client_sends("PWD\r\n");
	run_for_ms(20);
	passive_pool_release(test_context.passive, client, (unsigned)port, TEST_SESSION_ID + 1);
	replies = client_reads("working folder\r\n");
	assert_memory_equal(replies, "229 ", 4);
	assert_null(strstr(replies, "503"));
}

static void a_port_is_not_waited_for_while_the_server_ends(void **state)
{
	const struct address *client = &test_session.peer;

	(void)state;
	log_in(1);
	assert_true(passive_pool_reserve(test_context.passive, 0, client, TEST_SESSION_ID + 1) >=
		    0);
	client_sends("EPSV\r\n");
	run_for_ms(20);
	assert_int_equal(test_session.data_state, DATA_WAITING);
	session_drain(&test_session);
	client_reads("421 The server is being stopped; come back in a moment\r\n");
}

/* What was claimed for a reservation is not taken for a later one of the same port. */
static void a_connection_that_comes_late_is_not_taken(void **state)
{
	uint32_t first;
	uint32_t second;

	(void)state;
	log_in(1);
	assert_false(session_on_data_connection(&test_session, 0, -1));
	client_asks("EPSV", "229 ");
	assert_int_equal(passive_pool_claim(test_context.passive, &test_session.peer, 0, &first),
			 TEST_SESSION_ID); /* its message is under way */
	client_asks("EPSV", "229 ");
	assert_false(session_on_data_connection(&test_session, first, -1));
	assert_int_equal(test_session.data_state, DATA_PASSIVE);
	assert_int_equal(passive_pool_claim(test_context.passive, &test_session.peer, 0, &second),
			 TEST_SESSION_ID);
	assert_int_not_equal(first, second);
}

static void a_connection_is_wanted_until_it_comes_or_the_wait_ends(void **state)
{
	(void)state;
	log_in(1);
	client_asks("EPSV", "229 ");
	assert_int_equal(test_session_wants, 0);
	client_asks("LIST", "150 ");
	assert_int_equal(test_session_wants, 1);
	client_sends("ABOR\r\n");
	client_reads("226 Aborted\r\n");
	assert_int_equal(test_session_wants, 0);
	client_asks("EPSV", "229 ");
	client_asks("LIST", "150 ");
	assert_int_equal(test_session_wants, 1);
	close(connection_comes());
	assert_int_equal(test_session_wants, 0);
}

/* A command that takes its time keeps no port from others. */
static void a_connection_is_wanted_while_a_command_waits(void **state)
{
	(void)state;
	log_in(1);
	client_asks("EPSV", "229 ");
	client_asks("NOOP", "200 ");
	assert_int_equal(test_session_wants, 0);
	client_asks("RMDA none", "550 "); /* by a job */
	assert_int_equal(test_session_wants, 1);
	client_asks("EPSV", "229 ");
	assert_int_equal(test_session_wants, 0);
}

static void without_room_a_port_is_given_back(void **state)
{
	(void)state;
	log_in(1);
	test_session_no_room = true;
	client_asks("EPSV", "425 No data connection: the server has no room");
	assert_int_equal(test_session.data_state, DATA_NONE);
	test_session_no_room = false;
	client_asks("EPSV", "229 ");
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
		SESSION_TEST(a_port_is_not_waited_for_for_ever),
		SESSION_TEST(abor_ends_the_wait_for_a_port),
		SESSION_TEST(more_may_wait_for_a_port_than_for_a_transfer),
		SESSION_TEST(a_port_is_not_waited_for_while_the_server_ends),
		SESSION_TEST(a_connection_that_comes_late_is_not_taken),
		SESSION_TEST(a_connection_is_wanted_until_it_comes_or_the_wait_ends),
		SESSION_TEST(a_connection_is_wanted_while_a_command_waits),
		SESSION_TEST(without_room_a_port_is_given_back),
		SESSION_TEST(the_default_data_port_is_not_privileged),
		SESSION_TEST(a_session_that_ends_gives_all_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
