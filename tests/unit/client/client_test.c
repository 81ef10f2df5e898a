#include "sluice/client.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/fake_server.h"
#include "sys/calls.h"

#define PATIENCE_S 20

static struct sluice_client *client;
static struct sluice_session *session;
static struct fake_server server;

/* The last outcome. */
static unsigned ends;
static int error;
static int code;
static char text[20000];
static uint64_t bytes;
static uint64_t names_left_out;
static bool connected;

static char names[4096]; /* of a listing, a space behind each */
static char taken[4096];
static char dialogue[8192];

static void on_done(struct sluice_session *done, const struct sluice_outcome *outcome,
		    void *context)
{
	(void)done;
	(void)context;
	ends++;
	error = outcome->error;
	code = outcome->code;
	bytes = outcome->bytes;
	names_left_out = outcome->unsafe;
	connected = outcome->connected;
	snprintf(text, sizeof(text), "%s", outcome->text);
}

static void on_trace(void *context, struct sluice_session *of, int reply, const char *line,
		     size_t length)
{
	size_t end = strlen(dialogue);

	(void)context;
	(void)of;
	snprintf(dialogue + end, sizeof(dialogue) - end, "%d %.*s\n", reply, (int)length, line);
}

static int setup_with(void **state, unsigned timeout_s)
{
	const char *engine = *state;
	const struct sluice_options options = {
		.ring = strcmp(engine, "epoll") == 0 ? SLUICE_RING_EPOLL : SLUICE_RING_URING,
		.ring_mask = strcmp(engine, "uring515") == 0 ? "5.15" : NULL,
		.timeout_s = timeout_s,
		.trace = on_trace,
	};

	session = NULL;
	ends = 0;
	names[0] = taken[0] = dialogue[0] = '\0';
	return sluice_client_new(&options, &client);
}

static int setup(void **state)
{
	return setup_with(state, 0);
}

static int setup_impatient(void **state)
{
	return setup_with(state, 1);
}

static int teardown(void **state)
{
	(void)state;
	sluice_client_free(client);
	return 0;
}

#define TEST_ON(test, engine)                                                            \
	{                                                                                \
#test " on " #engine, test, setup, teardown, (void *)(uintptr_t) #engine \
	}
#define TEST_ON_ENGINES(test) TEST_ON(test, uring), TEST_ON(test, uring515), TEST_ON(test, epoll)

/* Runs the errand that begun has begun. Returns its error. */
static int run(int begun)
{
	unsigned before = ends;

	assert_int_equal(begun, 0);
	alarm(PATIENCE_S);
	assert_int_equal(sluice_client_run(client), 0);
	alarm(0);
	assert_int_equal(ends, before + 1);
	return error;
}

static struct sluice_target target_of(const struct fake_server *fake)
{
	return (struct sluice_target){ .host = "127.0.0.1", .port = fake->port };
}

static int open_session(const struct sluice_target *target)
{
	return run(sluice_session_open(client, target, on_done, NULL, &session));
}

/* A session that is logged in at a server that plays script from there on. */
static void begin(const char *const *script)
{
	struct sluice_target target;

	fake_server_start(&server, script);
	target = target_of(&server);
	assert_int_equal(open_session(&target), 0);
	assert_true(connected);
}

/* Cuts the session: what it has said went as written. */
static void finish(void)
{
	const char *wrong;

	sluice_session_cut(session);
	wrong = fake_server_join(&server);
	if (wrong)
		fail_msg("%s", wrong);
}

static int file_with(const char *content)
{
	char path[] = "/tmp/sluice-client-XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	unlink(path);
	assert_int_equal(write(fd, content, strlen(content)), strlen(content));
	return fd;
}

static const char *content_of(int fd)
{
	static char content[4096];
	ssize_t length = pread(fd, content, sizeof(content) - 1, 0);

	assert_true(length >= 0);
	content[length] = '\0';
	close(fd);
	return content;
}

static int command(const char *verb, const char *argument)
{
	return run(sluice_command(session, verb, argument, on_done, NULL));
}

static int get(int fd, int64_t offset, char type)
{
	const struct sluice_transfer transfer = { .fd = fd, .offset = offset, .type = type };

	return run(sluice_get(session, "a", &transfer, on_done, NULL));
}

static int put(int fd, int64_t offset, char type, bool append)
{
	const struct sluice_transfer transfer = {
		.fd = fd, .offset = offset, .type = type, .append = append
	};

	return run(sluice_put(session, "a", &transfer, on_done, NULL));
}

static void on_entry(void *context, const struct sluice_entry *entry)
{
	size_t end = strlen(names);

	(void)context;
	snprintf(names + end, sizeof(names) - end, "%s%c ", entry->name, "fdlo"[entry->kind]);
}

static int list(const char *path)
{
	return run(sluice_list(session, path, on_entry, on_done, NULL));
}

static int on_take(void *context, const char *at, size_t length)
{
	size_t end = strlen(taken);

	(void)context;
	if (length > sizeof(taken) - 1 - end)
		return -ENOSPC;
	memcpy(taken + end, at, length);
	taken[end + length] = '\0';
	return 0;
}

/* --- Opening */

static void a_session_logs_in_and_learns_what_the_server_can(void **state)
{
	static const char *const script[] = { "LOGIN", "QUIT", NULL };

	(void)state;
	begin(script);
	assert_true(sluice_session_has(session, SLUICE_FEATURE_MLST));
	assert_true(sluice_session_has(session, SLUICE_FEATURE_REST));
	assert_false(sluice_session_has(session, SLUICE_FEATURE_HASH));
	assert_int_equal(run(sluice_session_close(session, on_done, NULL)), 0);
	assert_int_equal(code, 221);
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
	assert_int_equal(code, 332);
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
	assert_int_equal(code, 530);
	assert_string_equal(text, "not you");
	assert_false(connected);
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
	assert_non_null(strstr(text, "SSH-2.0"));
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
		error = errand();
		if (error != errors[digit - 1])
			fail_msg("a reply %d00: %s, not %s", digit, strerror(-error),
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
	try_digits(second, second_errors, errand_rename);
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
		if (error != errors[digit - 1])
			fail_msg("a reply %d00: %s, not %s", digit, strerror(-error),
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
	assert_string_equal(text, "sent: DELE a\nreceived: 350 and then?");
	assert_false(connected);
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
	assert_int_equal(error == 0 ? sluice_command(session, "NOOP", NULL, on_done, NULL) : error,
			 error == 0 ? -ENOTCONN : -EPROTO);
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

/* --- Moving */

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
	assert_int_equal(bytes, 5);
	assert_int_equal(code, 226);
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
	assert_false(connected);
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
	assert_int_equal(code, 425);
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
	assert_int_equal(code, 451);
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
	const struct sluice_transfer transfer = { .fd = -1, .type = 'A', .take = on_take };

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
	ends = 0;
	assert_int_equal(sluice_get(session, "a", &transfer, on_done, NULL), 0);
	assert_int_equal(sluice_client_run(client), 0);
	assert_int_equal(ends, 0);
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
					      "X:",	   "T: ",	 NULL };
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

/* --- Listings */

static void a_listing_leaves_out_names_that_lead_elsewhere(void **state)
{
	static const char *const script[] = {
		"LOGIN",
		"EPSV",
		"C: MLSD pub",
		"S: 150 now",
		"D: type=cdir; .\r\ntype=pdir; ..\r\ntype=file;size=3; a\r\ntype=dir; b\r\n"
		"type=file; ../../etc/passwd\r\ntype=file; ..\r\n",
		"S: 226 ok",
		NULL
	};

	(void)state;
	begin(script);
	assert_int_equal(list("pub"), 0);
	assert_string_equal(names, "af bd ");
	assert_int_equal(names_left_out, 1);
	finish();
}

static void an_unknown_mlsd_is_list_from_then_on(void **state)
{
	static const char *const script[] = {
		"LOGIN",
		"EPSV",
		"C: MLSD",
		"S: 500 what?",
		"EPSV",
		"C: LIST",
		"S: 150 now",
		"D: total 4\r\ndrwxr-xr-x 2 o g 4096 Jan  1 12:00 sub dir\r\n"
		"-rw-r--r-- 1 o g 12 Jan  1 2020 file\r\nlrwxrwxrwx 1 o g 4 Jan  1 2020 l -> file\r\n",
		"S: 226 ok",
		"EPSV",
		"C: LIST ./-x",
		"S: 550 no",
		NULL
	};

	(void)state;
	begin(script);
	assert_int_equal(list(NULL), 0);
	assert_string_equal(names, "sub dird filef ll ");
	assert_int_equal(list("-x"), -EREMOTEIO);
	finish();
}

/* --- Copying */

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
	assert_int_equal(run(sluice_copy(session, "a", to, "b", 0, NULL, on_done, NULL)), 0);
	assert_string_equal(text, "stored");
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
	assert_int_equal(run(sluice_copy(session, "a", to, "b", 0, &at, on_done, NULL)),
			 -EREMOTEIO);
	assert_int_equal(code, 550);
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
	assert_int_equal(run(sluice_copy(session, "a", to, "b", 0, NULL, on_done, NULL)),
			 -ECONNRESET);
	assert_true(sluice_session_is_free(to));
	sluice_session_cut(to);
	finish();
	assert_null(fake_server_join(&other));
}

/* --- Servers that go away */

static int socket_to(const struct fake_server *fake)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				       .sin_port = htons(fake->port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)!connect(fd, (struct sockaddr *)&address, sizeof(address));
	return fd;
}

static unsigned descriptors(void)
{
	DIR *folder = opendir("/proc/self/fd");
	unsigned count = 0;

	while (readdir(folder))
		count++;
	closedir(folder);
	return count;
}

/* One whole visit: opening, a file, a listing, the end. */
static void visit(const struct sluice_target *target, int fd)
{
	const struct sluice_transfer transfer = { .fd = fd };

	alarm(PATIENCE_S);
	assert_int_equal(sluice_session_open(client, target, on_done, NULL, &session), 0);
	assert_int_equal(sluice_client_run(client), 0);
	if (sluice_get(session, "a", &transfer, on_done, NULL) == 0)
		assert_int_equal(sluice_client_run(client), 0);
	if (sluice_list(session, NULL, on_entry, on_done, NULL) == 0)
		assert_int_equal(sluice_client_run(client), 0);
	sluice_session_cut(session);
	alarm(0);
}

static void a_server_may_go_away_at_any_byte(void **state)
{
	static const char *const script[] = { "LOGIN",	   "C: TYPE I",	 "S: 200 ok",
					      "EPSV",	   "C: RETR a",	 "S: 150 now",
					      "D: hello",  "S: 226 ok",	 "EPSV",
					      "C: MLSD",   "S: 150 now", "D: type=file; a\r\n",
					      "S: 226 ok", NULL };
	int fd = file_with("");
	unsigned before = 0;

	(void)state;
	for (ssize_t limit = 0; limit < 300; limit++) {
		struct sluice_target target;

		fake_server_start_limited(&server, script, limit);
		target = target_of(&server);
		visit(&target, fd);
		fake_server_join(&server);
		assert_int_equal(sluice_client_run(client), 0);
		if (limit == 20)
			before = descriptors();
	}
	assert_true(descriptors() <=
		    before + 2); /* a session that was cut last may linger a turn */
	close(fd);
}

static struct calls spoilt;
static atomic_int calls_left; /* job threads make calls too */
static int spoilt_error;

static bool is_spoilt(void)
{
	return calls_left-- == 0;
}

static int spoilt_operation(const char *name)
{
	(void)name;
	return is_spoilt() ? spoilt_error : 0;
}

static int spoilt_socket(int family, int type, int protocol)
{
	return is_spoilt() ? spoilt_error : calls_real.socket(family, type, protocol);
}

static int spoilt_connect(int fd, const struct sockaddr *address, socklen_t length)
{
	return is_spoilt() ? spoilt_error : calls_real.connect(fd, address, length);
}

static ssize_t spoilt_send(int fd, const void *buffer, size_t size_bytes, int flags)
{
	return is_spoilt() ? spoilt_error : calls_real.send(fd, buffer, size_bytes, flags);
}

static ssize_t spoilt_recv(int fd, void *buffer, size_t size_bytes, int flags)
{
	return is_spoilt() ? spoilt_error : calls_real.recv(fd, buffer, size_bytes, flags);
}

static ssize_t spoilt_splice(int in, off_t *in_offset, int out, off_t *out_offset,
			     size_t size_bytes, unsigned flags)
{
	return is_spoilt() ? spoilt_error
			   : calls_real.splice(in, in_offset, out, out_offset, size_bytes, flags);
}

static void each_call_may_fail_once(void **state)
{
	static const char *const script[] = { "LOGIN",	   "C: TYPE I",	 "S: 200 ok",
					      "EPSV",	   "C: RETR a",	 "S: 150 now",
					      "D: hello",  "S: 226 ok",	 "EPSV",
					      "C: MLSD",   "S: 150 now", "D: type=file; a\r\n",
					      "S: 226 ok", NULL };
	int fd = file_with("");
	unsigned before = 0;

	(void)state;
	spoilt = calls_real;
	spoilt.operation = spoilt_operation;
	spoilt.socket = spoilt_socket;
	spoilt.connect = spoilt_connect;
	spoilt.send = spoilt_send;
	spoilt.recv = spoilt_recv;
	spoilt.splice = spoilt_splice;
	spoilt_error = -EMFILE;
	for (int call = 0; call < 50; call++) {
		struct sluice_target target;

		fake_server_start(&server, script);
		target = target_of(&server);
		calls_left = call;
		calls = &spoilt;
		visit(&target, fd);
		calls = &calls_real;
		close(socket_to(&server)); /* where ours never came, the script waits */
		fake_server_join(&server);
		if (call == 10)
			before = descriptors();
	}
	assert_true(descriptors() <= before + 2);
	close(fd);
}

static void a_server_that_says_nothing_is_given_up(void **state)
{
	static const char *const script[] = { "LOGIN", "C: NOOP", "C: never", NULL };

	(void)state;
	begin(script);
	assert_int_equal(command("NOOP", NULL), -ETIMEDOUT);
	assert_false(connected);
	sluice_session_cut(session);
	fake_server_join(&server);
}

static void close_on_trace(struct sluice_session *done, const struct sluice_outcome *outcome,
			   void *context)
{
	on_done(done, outcome, context);
	if (outcome->error == 0 && ++*(unsigned *)context < 3)
		assert_int_equal(sluice_command(done, "NOOP", NULL, close_on_trace, context), 0);
	else
		sluice_session_cut(done);
}

static void done_may_begin_the_next_errand_and_cut_the_session(void **state)
{
	static const char *const script[] = { "LOGIN",	 "C: NOOP",  "S: 200 1",
					      "C: NOOP", "S: 200 2", NULL };
	struct sluice_target target;
	unsigned count = 0;

	(void)state;
	fake_server_start(&server, script);
	target = target_of(&server);
	assert_int_equal(sluice_session_open(client, &target, close_on_trace, &count, &session), 0);
	assert_int_equal(sluice_client_run(client), 0);
	assert_int_equal(count, 3);
	assert_null(fake_server_join(&server));
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
		TEST_ON_ENGINES(group_1_takes_2_and_fails_on_4_and_5),
		TEST_ON_ENGINES(rename_takes_3_then_2),
		TEST_ON_ENGINES(a_transfer_takes_1_or_2_and_fails_on_4_and_5),
		TEST_ON_ENGINES(restart_takes_3_and_nothing_else),
		TEST_ON_ENGINES(a_login_is_the_last_diagram),
		TEST_ON_ENGINES(a_protocol_error_shows_both_sides_last_lines),
		TEST_ON_ENGINES(a_reply_that_nobody_waits_for_ends_the_session),
		TEST_ON_ENGINES(an_argument_that_could_be_a_second_command_is_refused),
		TEST_ON_ENGINES(an_iac_in_a_name_is_doubled),
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
		TEST_ON_ENGINES(a_listing_leaves_out_names_that_lead_elsewhere),
		TEST_ON_ENGINES(an_unknown_mlsd_is_list_from_then_on),
		TEST_ON_ENGINES(copy_is_pasv_here_and_port_there),
		TEST_ON_ENGINES(a_copy_is_turned_round_and_its_failure_aborts_the_other_half),
		TEST_ON_ENGINES(a_copy_whose_one_server_goes_away_ends),
		TEST_ON_ENGINES(a_server_may_go_away_at_any_byte),
		TEST_ON_ENGINES(each_call_may_fail_once),
		TEST_ON_ENGINES(done_may_begin_the_next_errand_and_cut_the_session),
		{ "a_server_that_says_nothing_is_given_up", a_server_that_says_nothing_is_given_up,
		  setup_impatient, teardown, (void *)(uintptr_t) "uring" },
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
