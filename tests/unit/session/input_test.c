#include "session/session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "support/test_session.h"

static void log_in(void)
{
	client_reads("220 sluice ready\r\n");
	client_asks("USER anonymous", "331 ");
	client_asks("PASS x", "230 ");
}

static void a_line_may_come_byte_by_byte(void **state)
{
	(void)state;
	test_session_begin(1);
	client_reads("220 sluice ready\r\n");
	for (const char *at = "NOOP\r\n"; *at; at++) {
		const char one[2] = { *at, '\0' };

		client_sends(one);
		run_for_ms(2);
	}
	assert_memory_equal(client_reads("\r\n"), "200 ", 4);
	assert_null(test_session.held); /* the buffer was only lent */
}

static void lines_of_one_packet_are_answered_in_order(void **state)
{
	(void)state;
	test_session_begin(1);
	client_reads("220 sluice ready\r\n");
	client_sends("NOOP\r\nUSER ftp\r\nPASS\r\nPWD\r\nQUIT\r\n");
	assert_string_equal(
		client_reads("221 Goodbye\r\n"),
		"200 Nothing done\r\n"
		"331 Anonymous access: send your e-mail address, or anything, as password\r\n"
		"230 Logged in\r\n"
		"257 \"/\" is the working folder\r\n"
		"221 Goodbye\r\n");
}

/* RFC 959 section 5.4: 500 for a line too long; what follows it is another command. */
static void a_line_has_at_most_so_many_bytes(void **state)
{
	char line[COMMAND_LINE_MAX + 8];

	(void)state;
	test_session_begin(1);
	client_reads("220 sluice ready\r\n");
	memset(line, 'x', sizeof(line));
	memcpy(line, "NOOP ", 5);
	strcpy(line + COMMAND_LINE_MAX, "\r\n");
	client_sends(line);
	assert_memory_equal(client_reads("\r\n"), "200 ", 4);
	memset(line + COMMAND_LINE_MAX, 'x', 1);
	strcpy(line + COMMAND_LINE_MAX + 1, "\r\n");
	client_sends(line);
	assert_memory_equal(client_reads("\r\n"), "500 ", 4);
	client_asks("NOOP", "200 ");
}

static void a_line_without_end_is_not_kept(void **state)
{
	char piece[4097];

	(void)state;
	test_session_begin(1);
	client_reads("220 sluice ready\r\n");
	memset(piece, 'x', sizeof(piece) - 1);
	piece[sizeof(piece) - 1] = '\0';
	for (int i = 0; i < 100; i++) {
		client_sends(piece);
		run_for_ms(1);
		assert_true(test_session.held_size_bytes <= 4 * COMMAND_LINE_MAX);
	}
	client_asks("", "500 ");
	client_asks("NOOP", "200 ");
}

static void an_interrupted_line_is_taken_back(void **state)
{
	(void)state;
	test_session_begin(1);
	log_in();
	client_sends("DELE something");
	run_for_ms(5);
	client_sends("\xff\xf4\xff\xf2"
		     "ABOR\r\n");
	assert_memory_equal(client_reads("\r\n"), "226 ", 4);
}

static void what_the_client_left_is_freed(void **state)
{
	(void)state;
	test_session_begin(1);
	log_in();
	client_sends("CWD half a comm");
	run_for_ms(5);
	client_leaves();
	assert_null(test_session.held);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SESSION_TEST(a_line_may_come_byte_by_byte),
		SESSION_TEST(lines_of_one_packet_are_answered_in_order),
		SESSION_TEST(a_line_has_at_most_so_many_bytes),
		SESSION_TEST(a_line_without_end_is_not_kept),
		SESSION_TEST(an_interrupted_line_is_taken_back),
		SESSION_TEST(what_the_client_left_is_freed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
