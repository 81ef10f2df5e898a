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

static void a_session_logs_in_and_learns_what_the_server_can(void **state)
{
	static const char *const script[] = { "LOGIN", "QUIT", NULL };

	(void)state;
	begin(script);
	assert_true(sluice_session_has(session, SLUICE_FEATURE_MLST));
	assert_true(sluice_session_has(session, SLUICE_FEATURE_REST));
	assert_false(sluice_session_has(session, SLUICE_FEATURE_HASH));
	assert_int_equal(run(sluice_session_close(session, on_done, NULL)), 0);
	assert_int_equal(last.code, 221);
	assert_null(fake_server_join(&server));
}

static void a_login_that_needs_an_account_gives_it(void **state)
{
	static const char *const script[] = {
		"S: 120 in a minute",
		"S: 220 now",
		"C: USER joe",
		"S: 331 password",
		"C: PASS secret",
		"S: 332 account",
		"C: ACCT rich",
		"S: 230 in",
		"C: FEAT",
		"S: 500 what?",
		NULL,
	};
	struct sluice_target target;

	(void)state;
	fake_server_start(&server, script);
	target = target_of(&server);
	target.user = "joe";
	target.password = "secret";
	target.account = "rich";
	assert_int_equal(open_session(&target), 0);
	assert_non_null(strstr(dialogue, "PASS ****"));
	assert_non_null(strstr(dialogue, "ACCT ****"));
	assert_null(strstr(dialogue, "secret"));
	assert_null(strstr(dialogue, "rich"));
	finish();
}

static void an_account_that_is_not_there_is_no_login(void **state)
{
	static const char *const script[] = { "S: 220 now", "C: USER anonymous", "S: 332 account",
					      NULL };
	struct sluice_target target;

	(void)state;
	fake_server_start(&server, script);
	target = target_of(&server);
	assert_int_equal(open_session(&target), -EACCES);
	assert_int_equal(last.code, 332);
	finish();
}

static void a_refused_password_is_an_error_with_its_words(void **state)
{
	static const char *const script[] = { "S: 220 now",	 "C: USER anonymous",
					      "S: 331 password", "C: PASS anonymous@",
					      "S: 530 not you",	 NULL };
	struct sluice_target target;

	(void)state;
	fake_server_start(&server, script);
	target = target_of(&server);
	assert_int_equal(open_session(&target), -EACCES);
	assert_int_equal(last.code, 530);
	assert_string_equal(last.text, "not you");
	assert_false(last.connected);
	finish();
}

static void a_host_that_is_no_server_is_refused(void **state)
{
	static const char *const script[] = { "S: SSH-2.0-OpenSSH_9.2", NULL };
	struct sluice_target target;

	(void)state;
	fake_server_start(&server, script);
	target = target_of(&server);
	assert_int_equal(open_session(&target), -EPROTO);
	assert_non_null(strstr(last.text, "SSH-2.0"));
	finish();
}

static void a_port_where_nobody_listens_is_an_error(void **state)
{
	static const char *const script[] = { "X:", NULL };
	struct sluice_target target;

	(void)state;
	fake_server_start(&server, script);
	target = target_of(&server);
	assert_int_equal(open_session(&target), -ECONNRESET);
	sluice_session_cut(session);
	fake_server_join(&server);
	assert_int_equal(open_session(&target), -ECONNREFUSED);
	sluice_session_cut(session);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_ON_ENGINES(a_session_logs_in_and_learns_what_the_server_can),
		TEST_ON_ENGINES(a_login_that_needs_an_account_gives_it),
		TEST_ON_ENGINES(an_account_that_is_not_there_is_no_login),
		TEST_ON_ENGINES(a_refused_password_is_an_error_with_its_words),
		TEST_ON_ENGINES(a_host_that_is_no_server_is_refused),
		TEST_ON_ENGINES(a_port_where_nobody_listens_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
