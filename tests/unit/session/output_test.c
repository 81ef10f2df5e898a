#include "session/session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "session/session_priv.h"
#include "support/test_session.h"
#include "sys/calls.h"

/* Says numbered lines until the socket takes no more and so many bytes are held. Returns how many
 * lines. */
static unsigned say_until_held(uint32_t bytes)
{
	unsigned lines = 0;
	char line[64];

	do {
		while (session_unsent(&test_session) < bytes) {
			int length = snprintf(line, sizeof(line), "200 line %u\r\n", lines++);

			session_send(&test_session, line, (size_t)length);
			assert_false(test_session.closing);
		}
		run_for_ms(1); /* gathered sends go out in the ring's turn */
	} while (session_unsent(&test_session) < bytes);
	return lines;
}

static void what_is_held_leaves_whole_and_in_order(void **state)
{
	const char *at;
	unsigned lines;
	char last[64];

	(void)state;
	test_session_begin(1);
	client_reads("220 sluice ready\r\n");
	lines = say_until_held(1000);
	run_for_ms(5);			      /* the ring has a part of it now */
	for (unsigned i = 0; i < 2000; i++) { /* and more comes than the first buffer holds */
		char line[64];
		int length = snprintf(line, sizeof(line), "200 line %u\r\n", lines++);

		session_send(&test_session, line, (size_t)length);
	}
	snprintf(last, sizeof(last), "line %u\r\n", lines - 1);
	at = client_reads(last);
	for (unsigned i = 0; i < lines; i++) {
		char line[64];
		size_t length = (size_t)snprintf(line, sizeof(line), "200 line %u\r\n", i);

		assert_memory_equal(at, line, length);
		at += length;
	}
	assert_int_equal(session_unsent(&test_session), 0);
	assert_null(test_session.sending);
	assert_null(test_session.out);
}

static void a_client_that_reads_nothing_is_given_up(void **state)
{
	char bytes[1000];

	(void)state;
	test_session_begin(1);
	memset(bytes, 'x', sizeof(bytes));
	for (int i = 0; i < 10000 && !test_session.shut; i++)
		session_send(&test_session, bytes, sizeof(bytes));
	assert_true(test_session.shut);
	session_send(&test_session, bytes, sizeof(bytes)); /* whoever replies hears nothing of it */
	assert_int_equal(test_session.out_bytes, 0);
	assert_false(test_session.closing);
	for (int i = 0; i < 1000 && !test_session_ended; i++)
		run_for_ms(1);
	assert_true(test_session_ended);
	assert_null(test_session.sending);
	assert_null(test_session.out);
	client_leaves();
}

static void nothing_is_executed_while_replies_are_held(void **state)
{
	(void)state;
	test_session_begin(1);
	client_reads("220 sluice ready\r\n");
	say_until_held(1000);
	client_sends("USER anonymous\r\n");
	run_for_ms(10);
	assert_int_equal(test_session.state, SESSION_GREETED);
	client_reads("as password\r\n");
	assert_int_equal(test_session.state, SESSION_NAMED);
}

static void a_client_that_leaves_behind_held_replies_leaves_nothing(void **state)
{
	(void)state;
	test_session_begin(1);
	say_until_held(50000);
	run_for_ms(5);
	say_until_held(100000);
	client_leaves();
	assert_null(test_session.sending);
	assert_null(test_session.out);
}

static struct calls counting;
static size_t sent_in_turn, sent_in_turn_most;

static ssize_t counted_send(int fd, const void *bytes, size_t length, int flags)
{
	ssize_t sent = calls_real.send(fd, bytes, length, flags);

	sent_in_turn += sent > 0 ? (size_t)sent : 0;
	if (sent_in_turn > sent_in_turn_most)
		sent_in_turn_most = sent_in_turn;
	return sent;
}

static void on_nobodys_turn(struct op *op, int result)
{
	(void)op;
	(void)result;
}

static void on_others_turn(struct op *op, int result)
{
	(void)result;
	sent_in_turn = 0;
	ring_yield(test_ring, op);
}

/* Sends word 600 times, then last, whose reply ends with end: how many bytes of replies were sent
 * in one turn, at the most, beside somebody who has each turn? */
static size_t most_said_in_turn(const char word[5], const char *last, const char *end)
{
	struct op others = { .done = on_others_turn };
	char commands[600 * 6 + 1] = "";
	size_t most;

	for (size_t i = 0; i < sizeof(commands) - 1; i += 6)
		snprintf(commands + i, 7, "%s\r\n", word);
	counting = calls_real;
	counting.send = counted_send;
	calls = &counting;
	sent_in_turn = sent_in_turn_most = 0;
	ring_yield(test_ring, &others);
	client_sends(commands);
	client_sends(last);
	client_reads(end);
	calls = &calls_real;
	most = sent_in_turn_most;
	ring_cancel(test_ring, &others);
	others.done = on_nobodys_turn;
	run_for_ms(5);
	assert_false(op_pending(&others));
	assert_int_equal(session_unsent(&test_session), 0);
	return most;
}

static void log_in(void)
{
	test_session_begin(1);
	client_reads("220 sluice ready\r\n");
	client_asks("USER anonymous", "331 ");
	client_asks("PASS x", "230 ");
}

static void commands_without_end_leave_others_their_turns(void **state)
{
	(void)state;
	log_in();
	assert_in_range(most_said_in_turn("HELP", "NOOP\r\n", "200 Nothing done\r\n"), 1,
			4 * REPLY_MAX);
}

static void so_do_those_that_are_answered_during_a_transfer(void **state)
{
	(void)state;
	log_in();
	client_asks("EPSV", "229 ");
	client_asks("LIST", "150 "); /* and waits for its data connection */
	assert_in_range(most_said_in_turn("STAT", "ABOR\r\n", "226 Aborted\r\n"), 1, 4 * REPLY_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SESSION_TEST(what_is_held_leaves_whole_and_in_order),
		SESSION_TEST(a_client_that_reads_nothing_is_given_up),
		SESSION_TEST(nothing_is_executed_while_replies_are_held),
		SESSION_TEST(a_client_that_leaves_behind_held_replies_leaves_nothing),
		SESSION_TEST(commands_without_end_leave_others_their_turns),
		SESSION_TEST(so_do_those_that_are_answered_during_a_transfer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
