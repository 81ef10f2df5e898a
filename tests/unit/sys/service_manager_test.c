#include "sys/service_manager.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* Runs check in a child of its own, whose descriptors and environment it may bend. A check
 * returns the line that failed, or 0. */
static int in_child(int (*check)(void))
{
	pid_t child = fork();
	int status;

	if (child == 0)
		_exit(check());
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

#define CHECK(condition)                 \
	do {                             \
		if (!(condition))        \
			return __LINE__; \
	} while (0)

static void pass(const char *count, const char *names)
{
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", count, 1);
	if (names)
		setenv("LISTEN_FDNAMES", names, 1);
}

static int two_sockets(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	char *names = NULL;

	dup2(fd, 3);
	dup2(fd, 4);
	pass("2", "control:control6");
	CHECK(service_manager_listeners(&names) == 2);
	CHECK(strcmp(names, "control:control6") == 0);
	CHECK(fcntl(3, F_GETFD) == FD_CLOEXEC && fcntl(4, F_GETFD) == FD_CLOEXEC);
	CHECK(!getenv("LISTEN_PID") && !getenv("LISTEN_FDS") && !getenv("LISTEN_FDNAMES"));
	free(names);
	return 0;
}

static int for_another_process(void)
{
	char *names = (char *)"untouched";

	pass("1", "control");
	setenv("LISTEN_PID", "1", 1);
	CHECK(service_manager_listeners(&names) == 0);
	CHECK(names == NULL);
	CHECK(!getenv("LISTEN_FDS"));
	return 0;
}

static int nothing_passed(void)
{
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	CHECK(service_manager_listeners(NULL) == 0);
	return 0;
}

static int nonsense(void)
{
	static const char *const counts[] = { "", "x", "0", "-1", "1x", "99999999999", "100001" };

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		pass(counts[i], NULL);
		CHECK(service_manager_listeners(NULL) == -EINVAL);
	}
	pass("1", NULL);
	setenv("LISTEN_PID", "me", 1);
	CHECK(service_manager_listeners(NULL) == -EINVAL);
	return 0;
}

static int a_descriptor_that_is_not_there(void)
{
	close(3);
	pass("1", NULL);
	CHECK(service_manager_listeners(NULL) == -EINVAL);
	return 0;
}

static void passed_sockets_are_counted_named_and_closed_on_exec(void **state)
{
	(void)state;
	assert_int_equal(in_child(two_sockets), 0);
}

static void sockets_for_another_process_are_not_taken(void **state)
{
	(void)state;
	assert_int_equal(in_child(for_another_process), 0);
}

static void without_a_service_manager_there_are_none(void **state)
{
	(void)state;
	assert_int_equal(in_child(nothing_passed), 0);
}

static void variables_that_make_no_sense_are_einval(void **state)
{
	(void)state;
	assert_int_equal(in_child(nonsense), 0);
}

static void a_count_beyond_what_is_open_is_einval(void **state)
{
	(void)state;
	assert_int_equal(in_child(a_descriptor_that_is_not_there), 0);
}

/* --- Notifications --------------------------------------------------------------------------- */

/* A socket that takes news at path, "@name" being abstract. */
static int notify_listen(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	strcpy(address.sun_path, path);
	if (path[0] == '@')
		address.sun_path[0] = '\0';
	assert_int_equal(bind(fd, (struct sockaddr *)&address, length), 0);
	setenv("NOTIFY_SOCKET", path, 1);
	return fd;
}

static void news_arrives(const char *path)
{
	char got[100] = { 0 };
	int fd = notify_listen(path);

	service_manager_notify("READY=1\nSTATUS=serving");
	assert_true(recv(fd, got, sizeof(got) - 1, MSG_DONTWAIT) > 0);
	assert_string_equal(got, "READY=1\nSTATUS=serving");
	close(fd);
	unsetenv("NOTIFY_SOCKET");
}

static void news_goes_to_a_socket_of_the_file_system(void **state)
{
	char path[100];

	(void)state;
	snprintf(path, sizeof(path), "/tmp/sluice-notify-%d", (int)getpid());
	news_arrives(path);
	unlink(path);
}

static void news_goes_to_an_abstract_socket(void **state)
{
	char path[100];

	(void)state;
	snprintf(path, sizeof(path), "@sluice-notify-%d", (int)getpid());
	news_arrives(path);
}

static void news_that_nobody_takes_is_ignored(void **state)
{
	static const char *const paths[] = { "", "relative", "/no/such/place/socket", "@nobody" };
	char long_path[300];

	(void)state;
	unsetenv("NOTIFY_SOCKET");
	service_manager_notify("READY=1");
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		setenv("NOTIFY_SOCKET", paths[i], 1);
		service_manager_notify("READY=1");
	}
	memset(long_path, '/', sizeof(long_path) - 1);
	long_path[sizeof(long_path) - 1] = '\0';
	setenv("NOTIFY_SOCKET", long_path, 1);
	service_manager_notify("READY=1");
	unsetenv("NOTIFY_SOCKET");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(passed_sockets_are_counted_named_and_closed_on_exec),
		cmocka_unit_test(sockets_for_another_process_are_not_taken),
		cmocka_unit_test(without_a_service_manager_there_are_none),
		cmocka_unit_test(variables_that_make_no_sense_are_einval),
		cmocka_unit_test(a_count_beyond_what_is_open_is_einval),
		cmocka_unit_test(news_goes_to_a_socket_of_the_file_system),
		cmocka_unit_test(news_goes_to_an_abstract_socket),
		cmocka_unit_test(news_that_nobody_takes_is_ignored),
	};

	return cmocka_run_group_tests_name("service_manager", tests, NULL, NULL);
}
