#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/test_client.h"

/* --- Diagrams: every first digit of a reply, where each of them may be waited for */

/* script with the reply "N00" in the place of "?"; what follows "1?" is there after a 1yz alone. */
static void fill_in(const char *const *script, int digit, char *reply, const char **ret_lines)
{
	sprintf(reply, "S: %d00 x", digit); /* NOLINT: a digit */
	for (; *script; script++) {
		if (strcmp(*script, "?") == 0)
			*ret_lines++ = reply;
		else if (strncmp(*script, "1?", 2) != 0)
			*ret_lines++ = *script;
		else if (digit == 1)
			*ret_lines++ = *script + 2;
	}
	*ret_lines = NULL;
}

/* Plays script for each digit from 1 to 5. */
static void try_digits(const char *const *script, const int *errors, int (*errand)(void))
{
	for (int digit = 1; digit <= 5; digit++) {
		const char *lines[20];
		char reply[32];

		fill_in(script, digit, reply, lines);
		begin(lines);
		last.error = errand();
		if (last.error != errors[digit - 1])
			fail_msg("a reply %d00: %s, not %s", digit, strerror(-last.error),
				 strerror(-errors[digit - 1]));
		sluice_session_cut(session);
		fake_server_join(&server);
	}
}

static int errand_noop(void)
{
	return command("NOOP", NULL);
}

static int errand_rename(void)
{
	return run(sluice_rename(session, "a", "b", on_done, NULL));
}

static int errand_get(void)
{
	int fd = file_with("");
	int r = get(fd, 0, 'I');

	close(fd);
	return r;
}

static int errand_get_rest(void)
{
	int fd = file_with("0123456789");
	int r = get(fd, 10, 'I');

	close(fd);
	return r;
}

static void group_1_takes_2_and_fails_on_4_and_5(void **state)
{
	static const char *const script[] = { "LOGIN", "C: NOOP", "?", NULL };
	static const int errors[] = { -EPROTO, 0, -EPROTO, -EREMOTEIO, -EREMOTEIO };

	(void)state;
	try_digits(script, errors, errand_noop);
}

static void rename_takes_3_then_2(void **state)
{
	static const char *const first[] = { "LOGIN",	  "C: RNFR a", "?",
					     "C: RNTO b", "S: 250 ok", NULL };
	static const int first_errors[] = { -EPROTO, -EPROTO, 0, -EREMOTEIO, -EREMOTEIO };
	static const char *const second[] = { "LOGIN",	   "C: RNFR a", "S: 350 to?",
					      "C: RNTO b", "?",		NULL };
	static const int second_errors[] = { -EPROTO, 0, -EPROTO, -EREMOTEIO, -EREMOTEIO };

	(void)state;
	try_digits(first, first_errors, errand_rename);
	assert_false(last.renaming);
	try_digits(second, second_errors, errand_rename);
	assert_true(last.renaming);
}

static void a_transfer_takes_1_or_2_and_fails_on_4_and_5(void **state)
{
	static const char *const first[] = { "LOGIN", "C: TYPE I",   "S: 200 ok",
					     "EPSV",  "C: RETR a",   "?",
					     "D: x",  "1?S: 226 ok", NULL };
	static const int first_errors[] = { 0, 0, -EPROTO, -EREMOTEIO, -EREMOTEIO };
	static const char *const second[] = { "LOGIN",	       "C: TYPE I", "S: 200 ok",
					      "EPSV",	       "C: RETR a", "S: 150 now",
					      "S: 110 marker", "D: x",	    "?",
					      "1?S: 226 ok",   NULL };
	static const int second_errors[] = { 0, 0, -EPROTO, -EREMOTEIO, -EREMOTEIO };

	(void)state;
	try_digits(first, first_errors, errand_get);
	try_digits(second, second_errors, errand_get);
}

static void restart_takes_3_and_nothing_else(void **state)
{
	static const char *const script[] = { "LOGIN",	    "C: TYPE I", "S: 200 ok", "EPSV",
					      "C: REST 10", "?",	 "C: RETR a", "S: 150 now",
					      "D: x",	    "S: 226 ok", NULL };
	static const int errors[] = { -EPROTO, -EPROTO, 0, -EREMOTEIO, -EREMOTEIO };

	(void)state;
	try_digits(script, errors, errand_get_rest);
}

/* Each command of a login, with each digit. 2: errors. */
static void try_login(const char *const *script, const int *errors)
{
	for (int digit = 1; digit <= 5; digit++) {
		struct sluice_target target;
		const char *lines[20];
		char reply[32];

		fill_in(script, digit, reply, lines);
		fake_server_start(&server, lines);
		target = target_of(&server);
		target.account = "rich";
		open_session(&target);
		if (last.error != errors[digit - 1])
			fail_msg("a reply %d00: %s, not %s", digit, strerror(-last.error),
				 strerror(-errors[digit - 1]));
		sluice_session_cut(session);
		fake_server_join(&server);
	}
}

static void a_login_is_the_last_diagram(void **state)
{
	static const char *const greeting[] = { "?",	     "S: 220 now", "C: USER anonymous",
						"S: 230 in", "C: FEAT",	   "S: 500 what?",
						NULL };
	/* After a 2yz the next reply is USER's. */
	static const int greeting_errors[] = { 0, 0, -EPROTO, -EREMOTEIO, -EREMOTEIO };
	static const char *const user[] = { "S: 220 x",	 "C: USER *", "?",	  "C: *",
					    "S: 230 in", "C: FEAT",   "S: 500 x", NULL };
	static const int user_errors[] = { -EPROTO, 0, 0, -EACCES, -EACCES };
	static const char *const pass[] = {
		"S: 220 x", "C: USER *", "S: 331 x", "C: PASS *", "?",
		"C: *",	    "S: 230 in", "C: FEAT",  "S: 500 x",  NULL
	};
	static const int pass_errors[] = { -EPROTO, 0, 0, -EACCES, -EACCES };
	static const char *const acct[] = { "S: 220 x", "C: USER *", "S: 331 x", "C: PASS *",
					    "S: 332 x", "C: ACCT *", "?",	 "C: FEAT",
					    "S: 500 x", NULL };
	static const int acct_errors[] = { -EPROTO, 0, -EPROTO, -EACCES, -EACCES };

	(void)state;
	try_login(greeting, greeting_errors);
	try_login(user, user_errors);
	try_login(pass, pass_errors);
	try_login(acct, acct_errors);
}

static void a_protocol_error_shows_both_sides_last_lines(void **state)
{
	static const char *const script[] = { "LOGIN", "C: DELE a", "S: 350 and then?", NULL };

	(void)state;
	begin(script);
	assert_int_equal(command("DELE", "a"), -EPROTO);
	assert_string_equal(last.text, "sent: DELE a\nreceived: 350 and then?");
	assert_false(last.connected);
	assert_int_equal(sluice_command(session, "NOOP", NULL, on_done, NULL), -ENOTCONN);
	finish();
}

static void a_reply_that_nobody_waits_for_ends_the_session(void **state)
{
	static const char *const script[] = { "LOGIN", "C: NOOP", "B: 200 one\r\n200 two\r\n",
					      NULL };

	(void)state;
	begin(script);
	command("NOOP", NULL);
	assert_int_equal(last.error == 0 ? sluice_command(session, "NOOP", NULL, on_done, NULL)
					 : last.error,
			 last.error == 0 ? -ENOTCONN : -EPROTO);
	finish();
}

static void an_argument_that_could_be_a_second_command_is_refused(void **state)
{
	static const char *const script[] = { "LOGIN", NULL };
	const struct sluice_transfer transfer = { .fd = 0 };

	(void)state;
	begin(script);
	assert_int_equal(sluice_command(session, "DELE", "a\r\nDELE b", on_done, NULL), -EINVAL);
	assert_int_equal(sluice_command(session, "DELE", "a\nb", on_done, NULL), -EINVAL);
	assert_int_equal(sluice_command(session, "DE LE", "a", on_done, NULL), -EINVAL);
	assert_int_equal(sluice_command(session, "PORT", "1,2,3,4,5,6", on_done, NULL), -EINVAL);
	assert_int_equal(sluice_get(session, "a\rb", &transfer, on_done, NULL), -EINVAL);
	assert_int_equal(sluice_rename(session, "a", "", on_done, NULL), -EINVAL);
	finish();
}

static void an_iac_in_a_name_is_doubled(void **state)
{
	static const char *const script[] = { "LOGIN", "C: DELE a\377\377b", "S: 250 ok", NULL };

	(void)state;
	begin(script);
	assert_int_equal(command("DELE", "a\377b"), 0);
	finish();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_ON_ENGINES(group_1_takes_2_and_fails_on_4_and_5),
		TEST_ON_ENGINES(rename_takes_3_then_2),
		TEST_ON_ENGINES(a_transfer_takes_1_or_2_and_fails_on_4_and_5),
		TEST_ON_ENGINES(restart_takes_3_and_nothing_else),
		TEST_ON_ENGINES(a_login_is_the_last_diagram),
		TEST_ON_ENGINES(a_protocol_error_shows_both_sides_last_lines),
		TEST_ON_ENGINES(a_reply_that_nobody_waits_for_ends_the_session),
		TEST_ON_ENGINES(an_argument_that_could_be_a_second_command_is_refused),
		TEST_ON_ENGINES(an_iac_in_a_name_is_doubled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
