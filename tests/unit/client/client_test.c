#include "sluice/client.h"

#include <dirent.h>
#include <errno.h>
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
#include <unistd.h>

#include <cmocka.h>

#include "support/test_client.h"
#include "sys/calls.h"

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
	assert_false(last.connected);
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
		TEST_ON_ENGINES(a_server_may_go_away_at_any_byte),
		TEST_ON_ENGINES(each_call_may_fail_once),
		TEST_ON_ENGINES(done_may_begin_the_next_errand_and_cut_the_session),
		{ "a_server_that_says_nothing_is_given_up", a_server_that_says_nothing_is_given_up,
		  setup_impatient, teardown, (void *)(uintptr_t) "uring" },
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
