#include "server/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "config/config.h"
#include "log/log.h"
#include "server/channel.h"

/*
 * The supervisor starts "the same program with the same arguments", which here is this test with
 * the name of a scenario: main() then plays the server process. What the supervisor and the
 * played server process write to stderr is read through a pipe.
 */

#define LOG_BYTES_MAX 20000
#define WAIT_MS 10000

static char log_text[LOG_BYTES_MAX];
static size_t log_used;
static int log_pipe;
static pid_t supervisor;

/* --- The server process, played --------------------------------------------------------------- */

static struct channel_message received;
static int received_fds[CHANNEL_DESCRIPTORS_MAX];
static size_t received_count;

static bool receive(int channel)
{
	return channel_receive(channel, 0, &received, received_fds, &received_count) == 1;
}

static void say(int channel, enum channel_kind kind, const char *text)
{
	struct channel_message message = { .kind = kind };

	snprintf(message.text, sizeof(message.text), "%s", text);
	channel_send(channel, &message, NULL, 0);
}

/* Takes what a start brings, and writes how much of each came. */
static void equipment_take(int channel)
{
	size_t counts[CHANNEL_START + 1] = { 0 };

	do {
		if (!receive(channel))
			exit(9);
		counts[received.kind] += received_count;
	} while (received.kind != CHANNEL_START);
	log_info("equipped: %zu %zu %zu", counts[CHANNEL_CONTROL_LISTENERS],
		 counts[CHANNEL_PASSIVE_LISTENERS], counts[CHANNEL_START]);
}

static int orders_follow(int channel, bool drains)
{
	while (receive(channel)) {
		if (received.kind == CHANNEL_DRAIN)
			log_info("told to drain");
		if (received.kind == CHANNEL_STOP)
			log_info("told to stop");
		if (received.kind == CHANNEL_STOP || (received.kind == CHANNEL_DRAIN && drains))
			return 0;
	}
	log_info("the supervisor is gone");
	return 0;
}

static int orders_ignore(int channel)
{
	while (receive(channel))
		if (received.kind == CHANNEL_DRAIN)
			log_info("told to drain");
	pause();
	return 0;
}

static void active_ask(int channel, const char *text)
{
	struct channel_message message = { .kind = CHANNEL_ACTIVE_SOCKET, .tag = 77 };

	address_parse(text, &message.address);
	channel_send(channel, &message, NULL, 0);
	receive(channel);
	log_info("asked for %s: kind %u tag %d result %d with %zu", text, (unsigned)received.kind,
		 (int)received.tag, received.result, received_count);
}

static int server_process_play(const char *scenario, int channel)
{
	equipment_take(channel);
	if (strcmp(scenario, "dies_early") == 0)
		return 3;
	say(channel, CHANNEL_READY, "");
	log_info("ready %d", (int)getpid());
	if (strcmp(scenario, "status") == 0)
		say(channel, CHANNEL_STATUS, "12 sessions\nMAINPID=1");
	if (strcmp(scenario, "ready_twice") == 0)
		say(channel, CHANNEL_READY, "");
	if (strcmp(scenario, "gives_orders") == 0)
		say(channel, CHANNEL_DRAIN, "");
	if (strcmp(scenario, "active") == 0) {
		active_ask(channel, "127.0.0.1:22121");
		active_ask(channel, "127.0.0.1:22120");
	}
	if (strcmp(scenario, "never_ends") == 0)
		return orders_ignore(channel);
	return orders_follow(channel, strcmp(scenario, "drains_slowly") != 0);
}

/* --- Starting and watching --------------------------------------------------------------------- */

static struct config standard_config(void)
{
	struct config config = { .root = "/tmp",
				 .listeners_count = 1,
				 .passive_low = 22200,
				 .passive_high = 22202,
				 .workers = 1,
				 .anonymous = true };

	address_parse("127.0.0.1:22122", &config.listeners[0]);
	return config;
}

static void supervisor_start(const struct config *config, const char *scenario)
{
	char *argv[] = { (char *)"sluiced", (char *)(uintptr_t)scenario, NULL };
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	supervisor = fork();
	if (supervisor == 0) {
		dup2(ends[1], STDERR_FILENO);
		log_start(false);
		_exit(supervisor_run(config, argv));
	}
	close(ends[1]);
	log_pipe = ends[0];
	log_used = 0;
	log_text[0] = '\0';
}

/* Reads the log until text has come in it, or its end. Returns whether it came. */
static bool log_awaits(const char *text)
{
	struct pollfd watched = { .fd = log_pipe, .events = POLLIN };

	while (!strstr(log_text, text)) {
		ssize_t got;

		if (poll(&watched, 1, WAIT_MS) <= 0)
			return false;
		got = read(log_pipe, log_text + log_used, LOG_BYTES_MAX - 1 - log_used);
		if (got <= 0)
			return false;
		log_used += (size_t)got;
		log_text[log_used] = '\0';
	}
	return true;
}

/* The pid in the last "ready PID" line. */
static pid_t server_process_pid(void)
{
	const char *last = NULL;

	for (const char *at = log_text; (at = strstr(at, "ready ")); at++)
		last = at;
	assert_non_null(last);
	return atoi(last + strlen("ready "));
}

static int supervisor_status(void)
{
	int status;

	log_awaits("its end: this is never written");
	assert_int_equal(waitpid(supervisor, &status, 0), supervisor);
	close(log_pipe);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* --- Tests ------------------------------------------------------------------------------------- */

static void sigterm_drains_and_ends_with_0(void **state)
{
	struct config config = standard_config();

	(void)state;
	supervisor_start(&config, "serves");
	assert_true(log_awaits("ready "));
	assert_non_null(strstr(log_text, "serving /tmp on 127.0.0.1:22122, read-only"));
	assert_non_null(strstr(log_text, "equipped: 1 3 1"));
	kill(supervisor, SIGTERM);
	assert_int_equal(supervisor_status(), 0);
	assert_non_null(strstr(log_text, "told to drain"));
}

static void more_ports_than_one_message_takes_are_handed_over(void **state)
{
	struct config config = standard_config();

	(void)state;
	config.passive_high = (uint16_t)(config.passive_low + 2 * CHANNEL_DESCRIPTORS_MAX);
	supervisor_start(&config, "serves");
	assert_true(log_awaits("equipped: 1 501 1"));
	kill(supervisor, SIGINT);
	assert_int_equal(supervisor_status(), 0);
}

static void a_second_signal_stops_at_once(void **state)
{
	struct config config = standard_config();

	(void)state;
	supervisor_start(&config, "drains_slowly");
	assert_true(log_awaits("ready "));
	kill(supervisor, SIGINT);
	assert_true(log_awaits("told to drain"));
	kill(supervisor, SIGTERM);
	assert_int_equal(supervisor_status(), 0);
	assert_non_null(strstr(log_text, "told to stop"));
}

/* It is the operator's second signal that is answered: the exit status is 0 all the same. */
static void who_does_not_stop_is_killed_after_a_while(void **state)
{
	struct config config = standard_config();
	time_t start;

	(void)state;
	supervisor_start(&config, "never_ends");
	assert_true(log_awaits("ready "));
	kill(supervisor, SIGTERM);
	assert_true(log_awaits("told to drain"));
	start = time(NULL);
	kill(supervisor, SIGTERM);
	assert_int_equal(supervisor_status(), 0);
	assert_in_range(time(NULL) - start, 4, 8);
	assert_non_null(strstr(log_text, "did not end in 5 s and is killed"));
	assert_int_equal(kill(server_process_pid(), 0), -1);
}

static void signals_of_a_terminal_do_not_reach_the_server_process(void **state)
{
	struct config config = standard_config();

	(void)state;
	supervisor_start(&config, "drains_slowly");
	assert_true(log_awaits("ready "));
	kill(server_process_pid(), SIGINT);
	kill(server_process_pid(), SIGTERM);
	kill(supervisor, SIGINT);
	assert_true(log_awaits("told to drain"));
	kill(supervisor, SIGINT);
	assert_int_equal(supervisor_status(), 0);
	assert_null(strstr(log_text, "killed by signal"));
}

static void a_server_process_that_dies_is_started_again(void **state)
{
	struct config config = standard_config();
	pid_t first;

	(void)state;
	supervisor_start(&config, "serves");
	assert_true(log_awaits("ready "));
	first = server_process_pid();
	kill(first, SIGKILL);
	assert_true(log_awaits("killed by signal 9"));
	assert_true(log_awaits("in 1 s"));
	*strstr(log_text, "ready ") = 'R'; /* the first one; the next must come */
	assert_true(log_awaits("ready "));
	assert_int_not_equal(server_process_pid(), first);
	kill(supervisor, SIGTERM);
	assert_int_equal(supervisor_status(), 0);
}

static void a_signal_while_waiting_to_start_again_ends_with_0(void **state)
{
	struct config config = standard_config();

	(void)state;
	supervisor_start(&config, "serves");
	assert_true(log_awaits("ready "));
	kill(server_process_pid(), SIGKILL);
	assert_true(log_awaits("in 1 s"));
	kill(supervisor, SIGTERM);
	assert_int_equal(supervisor_status(), 0);
}

static void a_server_process_that_never_gets_ready_ends_with_1(void **state)
{
	struct config config = standard_config();

	(void)state;
	supervisor_start(&config, "dies_early");
	assert_int_equal(supervisor_status(), 1);
	assert_non_null(strstr(log_text, "the server process ended with status 3"));
}

static void who_asks_for_what_is_not_allowed_is_ended(void **state)
{
	static const char *const scenarios[] = { "ready_twice", "gives_orders" };
	struct config config = standard_config();

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		supervisor_start(&config, scenarios[i]);
		assert_true(log_awaits("asked for what it may not"));
		assert_true(log_awaits("killed by signal 9"));
		assert_true(log_awaits("in 1 s"));
		kill(supervisor, SIGTERM);
		assert_int_equal(supervisor_status(), 0);
	}
}

static void active_sockets_are_given_for_port_l_minus_1_alone(void **state)
{
	struct config config = standard_config();

	(void)state;
	supervisor_start(&config, "active");
	assert_true(log_awaits("127.0.0.1:22121: kind 6 tag 77 result 0 with 1"));
	assert_true(log_awaits("127.0.0.1:22120: kind 6 tag 77 result -1 with 0"));
	kill(supervisor, SIGTERM);
	assert_int_equal(supervisor_status(), 0);
}

static void the_server_process_ends_with_its_supervisor(void **state)
{
	struct config config = standard_config();

	(void)state;
	supervisor_start(&config, "serves");
	assert_true(log_awaits("ready "));
	kill(supervisor, SIGKILL);
	assert_true(log_awaits("the supervisor is gone"));
	log_awaits("its end: until then it holds the ports that the next test wants");
	waitpid(supervisor, NULL, 0);
	close(log_pipe);
}

static void refused(const struct config *config, const char *what)
{
	supervisor_start(config, "serves");
	assert_int_equal(supervisor_status(), 1);
	assert_non_null(strstr(log_text, what));
	assert_null(strchr(strchr(log_text, '\n') + 1, '\n')); /* one line */
}

static void a_folder_that_cannot_be_served_is_one_line(void **state)
{
	struct config config = standard_config();

	(void)state;
	config.root = "/no/such/place";
	refused(&config, "/no/such/place: cannot serve this");
	config.root = "/dev/null";
	refused(&config, "/dev/null: cannot serve this");
}

/* Root without its capabilities is like everybody else. */
static void an_unreadable_folder_is_one_line(void **state)
{
	char path[] = "/tmp/sluice-unreadable-XXXXXX";
	struct config config = standard_config();

	(void)state;
	assert_non_null(mkdtemp(path));
	assert_int_equal(chmod(path, 0), 0);
	config.root = path;
	refused(&config, "cannot be read by user");
	rmdir(path);
}

static void a_users_file_with_a_mistake_is_one_line(void **state)
{
	struct config config = standard_config();

	(void)state;
	config.users_path = "/no/such/place/users";
	refused(&config, "users file /no/such/place/users");
}

static int notify_listen(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct timeval limit = { .tv_sec = WAIT_MS / 1000 };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "/tmp/sluice-supervisor-%d",
		 (int)getpid());
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setenv("NOTIFY_SOCKET", address.sun_path, 1);
	return fd;
}

static void notified(int fd, const char *wanted)
{
	char got[500] = { 0 };

	assert_true(recv(fd, got, sizeof(got) - 1, 0) > 0);
	assert_string_equal(got, wanted);
}

static void the_service_manager_hears_of_it_and_no_line_is_forged(void **state)
{
	struct config config = standard_config();
	int fd = notify_listen();

	(void)state;
	supervisor_start(&config, "status");
	notified(fd, "READY=1");
	notified(fd, "STATUS=12 sessions MAINPID=1");
	kill(supervisor, SIGTERM);
	notified(fd, "STOPPING=1\nSTATUS=draining");
	assert_int_equal(supervisor_status(), 0);
	unlink(getenv("NOTIFY_SOCKET"));
	unsetenv("NOTIFY_SOCKET");
	close(fd);
}

/* A child that has a listening socket at descriptor 3, as a socket unit gives it. */
static void supervisor_start_activated(const struct config *config, int type)
{
	int fd = socket(AF_INET, type, 0);

	if (type == SOCK_STREAM)
		listen(fd, 5);
	supervisor = fork();
	if (supervisor == 0) {
		char *argv[] = { (char *)"sluiced", (char *)"serves", NULL };
		char pid[16];

		snprintf(pid, sizeof(pid), "%d", (int)getpid());
		setenv("LISTEN_PID", pid, 1);
		setenv("LISTEN_FDS", "1", 1);
		setenv("LISTEN_FDNAMES", "control", 1);
		dup2(log_pipe, STDERR_FILENO);
		dup2(fd, 3);
		log_start(false);
		_exit(supervisor_run(config, argv));
	}
	close(fd);
	close(log_pipe);
}

static void activation_test(int type, bool works)
{
	struct config config = standard_config();
	int ends[2];

	config.listeners_count = 0;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	log_pipe = ends[1];
	supervisor_start_activated(&config, type);
	log_pipe = ends[0];
	log_used = 0;
	log_text[0] = '\0';
	assert_int_equal(log_awaits("equipped: 1 3 1"), works);
	if (works && log_awaits("ready "))
		kill(supervisor, SIGTERM);
	assert_int_equal(supervisor_status(), !works);
}

static void an_inherited_socket_takes_the_place_of_the_standard_one(void **state)
{
	(void)state;
	activation_test(SOCK_STREAM, true);
	assert_null(strstr(log_text, ":21,"));
	assert_null(strstr(log_text, ":2121,"));
}

static void an_inherited_socket_of_another_kind_is_named(void **state)
{
	(void)state;
	activation_test(SOCK_DGRAM, false);
	assert_non_null(strstr(log_text, "inherited descriptor 3, control: not a TCP socket"));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sigterm_drains_and_ends_with_0),
		cmocka_unit_test(more_ports_than_one_message_takes_are_handed_over),
		cmocka_unit_test(a_second_signal_stops_at_once),
		cmocka_unit_test(who_does_not_stop_is_killed_after_a_while),
		cmocka_unit_test(signals_of_a_terminal_do_not_reach_the_server_process),
		cmocka_unit_test(a_server_process_that_dies_is_started_again),
		cmocka_unit_test(a_signal_while_waiting_to_start_again_ends_with_0),
		cmocka_unit_test(a_server_process_that_never_gets_ready_ends_with_1),
		cmocka_unit_test(who_asks_for_what_is_not_allowed_is_ended),
		cmocka_unit_test(active_sockets_are_given_for_port_l_minus_1_alone),
		cmocka_unit_test(the_server_process_ends_with_its_supervisor),
		cmocka_unit_test(a_folder_that_cannot_be_served_is_one_line),
		cmocka_unit_test(an_unreadable_folder_is_one_line),
		cmocka_unit_test(a_users_file_with_a_mistake_is_one_line),
		cmocka_unit_test(the_service_manager_hears_of_it_and_no_line_is_forged),
		cmocka_unit_test(an_inherited_socket_takes_the_place_of_the_standard_one),
		cmocka_unit_test(an_inherited_socket_of_another_kind_is_named),
	};
	const char *channel = getenv("SLUICE_CHANNEL");

	if (channel && argc > 1)
		return server_process_play(argv[1], atoi(channel));
	return cmocka_run_group_tests_name("supervisor", tests, NULL, NULL);
}
