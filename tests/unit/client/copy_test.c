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

static void copy_is_pasv_here_and_port_there(void **state)
{
	static const char *const from_script[] = {
		"LOGIN",     "C: TYPE I",  "S: 200 ok",	  "C: PASV", "S: 227 ok (192,0,2,1,1,2)",
		"C: RETR a", "S: 150 now", "S: 226 sent", NULL
	};
	static const char *const to_script[] = { "LOGIN",      "C: TYPE I",
						 "S: 200 ok",  "C: PORT 127,0,0,1,1,2",
						 "S: 200 ok",  "C: STOR b",
						 "S: 150 now", "S: 226 stored",
						 NULL };
	struct sluice_session *to;
	struct fake_server other;
	struct sluice_target target;

	(void)state;
	fake_server_start(&other, to_script);
	target = target_of(&other);
	assert_int_equal(open_session(&target), 0);
	to = session;
	begin(from_script);
	assert_int_equal(run(sluice_copy(session, "a", to, "b", NULL, 0, NULL, on_done, NULL)), 0);
	assert_string_equal(last.text, "stored");
	sluice_session_cut(to);
	finish();
	assert_null(fake_server_join(&other));
}

static void a_copy_is_turned_round_and_its_failure_aborts_the_other_half(void **state)
{
	static const char *const from_script[] = { "LOGIN",	  "C: TYPE I",
						   "S: 200 ok",	  "C: PASV",
						   "S: 502 no",	  "C: PORT 127,0,0,1,3,4",
						   "S: 200 ok",	  "C: RETR a",
						   "S: 550 none", NULL };
	static const char *const to_script[] = {
		"LOGIN",     "C: TYPE I", "S: 200 ok",	"C: PASV",   "S: 227 ok (127,0,0,1,3,4)",
		"C: STOR b", "C: ABOR",	  "S: 426 cut", "S: 226 ok", NULL
	};
	struct sluice_session *at = NULL;
	struct sluice_session *to;
	struct fake_server other;
	struct sluice_target target;

	(void)state;
	fake_server_start(&other, to_script);
	target = target_of(&other);
	assert_int_equal(open_session(&target), 0);
	to = session;
	begin(from_script);
	assert_int_equal(run(sluice_copy(session, "a", to, "b", NULL, 0, &at, on_done, NULL)),
			 -EREMOTEIO);
	assert_int_equal(last.code, 550);
	assert_ptr_equal(at, session);
	assert_true(sluice_session_is_free(to));
	sluice_session_cut(to);
	finish();
	assert_null(fake_server_join(&other));
}

static void a_copy_whose_one_server_goes_away_ends(void **state)
{
	static const char *const from_script[] = {
		"LOGIN",     "C: TYPE I", "S: 200 ok", "C: PASV", "S: 227 ok (127,0,0,1,1,2)",
		"C: RETR a", "X:",	  NULL
	};
	static const char *const to_script[] = { "LOGIN",      "C: TYPE I", "S: 200 ok",
						 "C: PORT *",  "S: 200 ok", "C: STOR b",
						 "S: 150 now", "C: ABOR",   "S: 426 cut",
						 "S: 226 ok",  NULL };
	struct sluice_session *to;
	struct fake_server other;
	struct sluice_target target;

	(void)state;
	fake_server_start(&other, to_script);
	target = target_of(&other);
	assert_int_equal(open_session(&target), 0);
	to = session;
	begin(from_script);
	assert_int_equal(run(sluice_copy(session, "a", to, "b", NULL, 0, NULL, on_done, NULL)),
			 -ECONNRESET);
	assert_true(sluice_session_is_free(to));
	sluice_session_cut(to);
	finish();
	assert_null(fake_server_join(&other));
}

static void both_servers_are_told_the_same_parameters(void **state)
{
	static const char *const from_script[] = {
		"LOGIN",     "C: TYPE L 36", "S: 200 ok",
		"C: STRU P", "S: 200 ok",    "C: MODE C",
		"S: 200 ok", "C: PASV",	     "S: 227 ok (192,0,2,1,1,2)",
		"C: RETR a", "S: 150 now",   "S: 250 ok",
		NULL
	};
	static const char *const to_script[] = { "LOGIN",     "C: TYPE L 36",
						 "S: 200 ok", "C: STRU P",
						 "S: 200 ok", "C: MODE C",
						 "S: 200 ok", "C: PORT 127,0,0,1,1,2",
						 "S: 200 ok", "C: STOR b",
						 "S: 150 ok", "S: 110 MARK x = y",
						 "S: 250 ok", NULL };
	static const struct sluice_representation pages = {
		.type = 'L', .byte_bits = 36, .structure = 'P', .mode = 'C'
	};
	struct sluice_session *to;
	struct fake_server other;
	struct sluice_target target;

	(void)state;
	fake_server_start(&other, to_script);
	target = target_of(&other);
	assert_int_equal(open_session(&target), 0);
	to = session;
	begin(from_script);
	assert_int_equal(run(sluice_copy(session, "a", to, "b", &pages, 0, NULL, on_done, NULL)),
			 0);
	/* No number tells where to go on there. */
	assert_int_equal(sluice_copy(session, "a", to, "b", &pages, 1, NULL, on_done, NULL),
			 -EINVAL);
	sluice_session_cut(to);
	finish();
	assert_null(fake_server_join(&other));
}

static void what_one_server_refuses_of_them_ends_the_copy(void **state)
{
	static const char *const from_script[] = { "LOGIN",	"C: TYPE I", "S: 200 ok",
						   "C: MODE B", "S: 200 ok", "C: NOOP",
						   "S: 200 ok", NULL };
	static const char *const to_script[] = { "LOGIN",     "C: TYPE I", "S: 200 ok",
						 "C: MODE B", "S: 504 no", NULL };
	static const struct sluice_representation block = { .mode = 'B' };
	struct sluice_session *at = NULL;
	struct sluice_session *to;
	struct fake_server other;
	struct sluice_target target;

	(void)state;
	fake_server_start(&other, to_script);
	target = target_of(&other);
	assert_int_equal(open_session(&target), 0);
	to = session;
	begin(from_script);
	assert_int_equal(run(sluice_copy(session, "a", to, "b", &block, 0, &at, on_done, NULL)),
			 -EREMOTEIO);
	assert_int_equal(last.code, 504);
	assert_ptr_equal(at, to);
	assert_int_equal(command("NOOP", NULL), 0);
	sluice_session_cut(to);
	finish();
	assert_null(fake_server_join(&other));
}

/* The server keeps its connection to the other one, and would send there. */
static void after_a_copy_the_default_port_is_told(void **state)
{
	static const char *const from_script[] = { "LOGIN",
						   "C: TYPE I",
						   "S: 200 ok",
						   "C: MODE B",
						   "S: 200 ok",
						   "C: PASV",
						   "S: 227 ok (192,0,2,1,1,2)",
						   "C: RETR a",
						   "S: 150 now",
						   "S: 250 ok",
						   "PORT",
						   "C: RETR a",
						   "S: 150 now",
						   "K: mine",
						   "S: 226 ok",
						   NULL };
	static const char *const to_script[] = { "LOGIN",     "C: TYPE I", "S: 200 ok", "C: MODE B",
						 "S: 200 ok", "C: PORT *", "S: 200 ok", "C: STOR b",
						 "S: 150 ok", "S: 250 ok", NULL };
	static const struct sluice_representation block = { .mode = 'B' };
	const struct sluice_transfer transfer = { .fd = -1,
						  .take = on_take,
						  .representation = block };
	struct sluice_session *to;
	struct fake_server other;
	struct sluice_target target;

	(void)state;
	fake_server_start(&other, to_script);
	target = target_of(&other);
	assert_int_equal(open_session(&target), 0);
	to = session;
	fake_server_start(&server, from_script);
	target = target_of(&server);
	target.data = SLUICE_DATA_DEFAULT_PORT;
	assert_int_equal(open_session(&target), 0);
	assert_int_equal(run(sluice_copy(session, "a", to, "b", &block, 0, NULL, on_done, NULL)),
			 0);
	assert_int_equal(run(sluice_get(session, "a", &transfer, on_done, NULL)), 0);
	assert_string_equal(taken, "mine");
	sluice_session_cut(to);
	finish();
	assert_null(fake_server_join(&other));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_ON_ENGINES(copy_is_pasv_here_and_port_there),
		TEST_ON_ENGINES(a_copy_is_turned_round_and_its_failure_aborts_the_other_half),
		TEST_ON_ENGINES(a_copy_whose_one_server_goes_away_ends),
		TEST_ON_ENGINES(both_servers_are_told_the_same_parameters),
		TEST_ON_ENGINES(what_one_server_refuses_of_them_ends_the_copy),
		TEST_ON_ENGINES(after_a_copy_the_default_port_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
