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

static void get_writes_the_file_and_sets_the_type_once(void **state)
{
	static const char *const script[] = { "LOGIN",	   "C: TYPE I",	 "S: 200 ok",
					      "EPSV",	   "C: RETR a",	 "S: 150 now",
					      "D: hello",  "S: 226 ok",	 "EPSV",
					      "C: RETR a", "S: 150 now", "S: 226 early",
					      "D: again",  NULL };
	int fd = file_with("");

	(void)state;
	begin(script);
	assert_int_equal(get(fd, 0, 'I'), 0);
	assert_int_equal(last.bytes, 5);
	assert_int_equal(last.code, 226);
	assert_string_equal(content_of(fd), "hello");
	fd = file_with("");
	assert_int_equal(get(fd, 0, 'I'), 0);
	assert_string_equal(content_of(fd), "again");
	finish();
}

static void a_server_that_leaves_after_its_226_has_done_its_work(void **state)
{
	static const char *const script[] = { "LOGIN",	   "C: TYPE I",	 "S: 200 ok", "EPSV",
					      "C: RETR a", "S: 150 now", "P: hel",    "S: 226 ok",
					      "X:",	   "D: lo",	 NULL };
	int fd = file_with("");

	(void)state;
	begin(script);
	assert_int_equal(get(fd, 0, 'I'), 0);
	assert_false(last.connected);
	assert_string_equal(content_of(fd), "hello");
	finish();
}

static void get_goes_on_where_rest_says(void **state)
{
	static const char *const script[] = { "LOGIN",	   "C: TYPE I", "S: 200 ok", "EPSV",
					      "C: REST 5", "S: 350 ok", "C: RETR a", "S: 150 now",
					      "D: world",  "S: 226 ok", NULL };
	int fd = file_with("hello");

	(void)state;
	begin(script);
	assert_int_equal(get(fd, 5, 'I'), 0);
	assert_string_equal(content_of(fd), "helloworld");
	finish();
}

static void text_is_translated_both_ways(void **state)
{
	static const char *const script[] = { "LOGIN",	       "C: TYPE A",  "S: 200 ok",
					      "EPSV",	       "C: RETR a",  "S: 150 now",
					      "D: a\r\nb\r\n", "S: 226 ok",  "EPSV",
					      "C: STOR a",     "S: 150 now", "T: c\r\nd\r\n",
					      "S: 226 ok",     NULL };
	int fd = file_with("");

	(void)state;
	begin(script);
	assert_int_equal(get(fd, 0, 'A'), 0);
	assert_string_equal(content_of(fd), "a\nb\n");
	fd = file_with("c\nd\n");
	assert_int_equal(put(fd, 0, 'A', false), 0);
	close(fd);
	finish();
}

static void put_sends_from_the_offset_and_append_sends_all(void **state)
{
	static const char *const script[] = { "LOGIN",	    "C: TYPE I", "S: 200 ok", "EPSV",
					      "C: REST 2",  "S: 350 ok", "C: STOR a", "S: 150 now",
					      "T: llo",	    "S: 226 ok", "EPSV",      "C: APPE a",
					      "S: 150 now", "T: hello",	 "S: 226 ok", NULL };
	int fd = file_with("hello");

	(void)state;
	begin(script);
	assert_int_equal(put(fd, 2, 'I', false), 0);
	assert_int_equal(put(fd, 0, 'I', true), 0);
	close(fd);
	finish();
}

static void an_unknown_epsv_is_pasv_from_then_on_and_its_address_not_believed(void **state)
{
	static const char *const script[] = {
		"LOGIN",      "C: TYPE I",  "S: 200 ok", "C: EPSV",   "S: 500 what?", "PASV",
		"C: RETR a",  "S: 150 now", "D: one",	 "S: 226 ok", "PASV",	      "C: RETR a",
		"S: 150 now", "D: two",	    "S: 226 ok", NULL
	};
	int fd = file_with("");

	(void)state;
	begin(script);
	assert_int_equal(get(fd, 0, 'I'), 0);
	assert_int_equal(get(fd, 0, 'I'), 0);
	assert_string_equal(content_of(fd), "two");
	finish();
}

static void a_port_that_cannot_be_read_is_a_protocol_error(void **state)
{
	static const char *const script[] = { "LOGIN",	 "C: TYPE I",	 "S: 200 ok",
					      "C: EPSV", "S: 229 guess", NULL };
	int fd = file_with("");

	(void)state;
	begin(script);
	assert_int_equal(get(fd, 0, 'I'), -EPROTO);
	close(fd);
	finish();
}

static void an_active_transfer_comes_to_our_port(void **state)
{
	static const char *const script[] = { "LOGIN",	   "C: TYPE I",	 "S: 200 ok",
					      "PORT",	   "C: RETR a",	 "S: 150 now",
					      "D: active", "S: 226 ok",	 "PORT",
					      "C: MLSD",   "S: 150 now", "D: type=file; a\r\n",
					      "S: 226 ok", NULL };
	struct sluice_target target;
	int fd = file_with("");

	(void)state;
	fake_server_start(&server, script);
	target = target_of(&server);
	target.data = SLUICE_DATA_ACTIVE;
	assert_int_equal(open_session(&target), 0);
	assert_int_equal(get(fd, 0, 'I'), 0);
	assert_string_equal(content_of(fd), "active");
	assert_int_equal(list(NULL), 0);
	assert_string_equal(names, "af ");
	finish();
}

static void a_port_that_is_closed_is_given_up_by_abor(void **state)
{
	static const char *const script[] = { "LOGIN",
					      "C: TYPE I",
					      "S: 200 ok",
					      "C: EPSV",
					      "S: 229 ok (|||1|)",
					      "C: RETR a",
					      "C: ABOR",
					      "S: 425 no connection",
					      "S: 226 aborted",
					      "C: NOOP",
					      "S: 200 ok",
					      NULL };
	int fd = file_with("");

	(void)state;
	begin(script);
	assert_int_equal(get(fd, 0, 'I'), -EREMOTEIO);
	assert_int_equal(last.code, 425);
	assert_int_equal(command("NOOP", NULL), 0);
	close(fd);
	finish();
}

static void a_reset_that_a_226_follows_is_an_error(void **state)
{
	static const char *const script[] = { "LOGIN",	   "C: TYPE I",	 "S: 200 ok", "EPSV",
					      "C: RETR a", "S: 150 now", "R:",	      "S: 226 ok",
					      "C: NOOP",   "S: 200 ok",	 NULL };
	int fd = file_with("");

	(void)state;
	begin(script);
	assert_int_equal(get(fd, 0, 'I'), -ECONNRESET);
	assert_int_equal(command("NOOP", NULL), 0);
	close(fd);
	finish();
}

static void what_the_server_refuses_says_more_than_the_reset(void **state)
{
	static const char *const script[] = { "LOGIN", "C: TYPE I",   "S: 200 ok",
					      "EPSV",  "C: RETR a",   "S: 150 now",
					      "R:",    "S: 451 disk", NULL };
	int fd = file_with("");

	(void)state;
	begin(script);
	assert_int_equal(get(fd, 0, 'I'), -EREMOTEIO);
	assert_int_equal(last.code, 451);
	close(fd);
	finish();
}

static void a_full_disk_here_is_what_is_told(void **state)
{
	static const char *const script[] = {
		"LOGIN",      "C: TYPE I", "S: 200 ok", "EPSV",	      "C: RETR a",
		"S: 150 now", "D: hello",  "C: ABOR",	"S: 426 cut", "S: 226 aborted",
		"C: NOOP",    "S: 200 ok", NULL
	};
	int fd = open("/dev/full", O_WRONLY);

	(void)state;
	begin(script);
	assert_int_equal(get(fd, 0, 'I'), -ENOSPC);
	assert_int_equal(command("NOOP", NULL), 0);
	close(fd);
	finish();
}

static void what_a_function_takes_comes_whole(void **state)
{
	static const char *const script[] = { "LOGIN",	       "C: TYPE A", "S: 200 ok",
					      "EPSV",	       "C: RETR a", "S: 150 now",
					      "D: a\r\nb\r\n", "S: 226 ok", NULL };
	const struct sluice_transfer transfer = { .fd = -1,
						  .representation.type = 'A',
						  .take = on_take };

	(void)state;
	begin(script);
	assert_int_equal(run(sluice_get(session, "a", &transfer, on_done, NULL)), 0);
	assert_string_equal(taken, "a\nb\n");
	finish();
}

static int abort_when_taken(void *context, const char *at, size_t length)
{
	(void)context;
	(void)at;
	(void)length;
	assert_int_equal(sluice_abort(session), 0);
	return 0;
}

static void abor_has_two_replies_and_the_session_goes_on(void **state)
{
	static const char *const script[] = {
		"LOGIN",      "C: TYPE I", "S: 200 ok", "EPSV",	      "C: RETR a",
		"S: 150 now", "P: some",   "C: ABOR",	"S: 426 cut", "S: 226 aborted",
		"C: NOOP",    "S: 200 ok", NULL
	};
	const struct sluice_transfer transfer = { .fd = -1, .take = abort_when_taken };

	(void)state;
	begin(script);
	assert_int_equal(run(sluice_get(session, "a", &transfer, on_done, NULL)), -ECANCELED);
	assert_int_equal(command("NOOP", NULL), 0);
	finish();
}

static int cut_when_taken(void *context, const char *at, size_t length)
{
	(void)context;
	(void)at;
	(void)length;
	sluice_session_cut(session);
	return 0;
}

static void a_session_may_be_cut_from_within_a_callback(void **state)
{
	static const char *const script[] = { "LOGIN",	   "C: TYPE I",	 "S: 200 ok", "EPSV",
					      "C: RETR a", "S: 150 now", "P: some",   NULL };
	const struct sluice_transfer transfer = { .fd = -1, .take = cut_when_taken };

	(void)state;
	begin(script);
	last.ends = 0;
	assert_int_equal(sluice_get(session, "a", &transfer, on_done, NULL), 0);
	assert_int_equal(sluice_client_run(client), 0);
	assert_int_equal(last.ends, 0);
	fake_server_join(&server);
}

static void cut_on_progress(void *context, uint64_t so_far)
{
	(void)context;
	assert_int_equal(so_far, 3);
	sluice_session_cut(session);
}

static void a_session_is_cut_whose_data_connection_alone_is_left(void **state)
{
	static const char *const script[] = { "LOGIN",	   "C: TYPE I",	 "S: 200 ok", "EPSV",
					      "C: RETR a", "S: 150 now", "P: hel",    "S: 226 ok",
					      "X:",	   "E:",	 NULL };
	const struct sluice_transfer transfer = { .fd = -1,
						  .take = on_take,
						  .progress = cut_on_progress };

	(void)state;
	begin(script);
	assert_int_equal(sluice_get(session, "a", &transfer, on_done, NULL), 0);
	assert_int_equal(sluice_client_run(client), 0);
	sluice_client_free(client);
	client = NULL;
	assert_null(fake_server_join(&server)); /* its data connection has ended */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_ON_ENGINES(get_writes_the_file_and_sets_the_type_once),
		TEST_ON_ENGINES(a_server_that_leaves_after_its_226_has_done_its_work),
		TEST_ON_ENGINES(get_goes_on_where_rest_says),
		TEST_ON_ENGINES(text_is_translated_both_ways),
		TEST_ON_ENGINES(put_sends_from_the_offset_and_append_sends_all),
		TEST_ON_ENGINES(an_unknown_epsv_is_pasv_from_then_on_and_its_address_not_believed),
		TEST_ON_ENGINES(a_port_that_cannot_be_read_is_a_protocol_error),
		TEST_ON_ENGINES(an_active_transfer_comes_to_our_port),
		TEST_ON_ENGINES(a_port_that_is_closed_is_given_up_by_abor),
		TEST_ON_ENGINES(a_reset_that_a_226_follows_is_an_error),
		TEST_ON_ENGINES(what_the_server_refuses_says_more_than_the_reset),
		TEST_ON_ENGINES(a_full_disk_here_is_what_is_told),
		TEST_ON_ENGINES(what_a_function_takes_comes_whole),
		TEST_ON_ENGINES(abor_has_two_replies_and_the_session_goes_on),
		TEST_ON_ENGINES(a_session_may_be_cut_from_within_a_callback),
		TEST_ON_ENGINES(a_session_is_cut_whose_data_connection_alone_is_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
