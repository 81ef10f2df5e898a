#include "server/listeners.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* Stderr goes here, so that the one line of an error can be read. */
static int log_file;
static int saved_stderr;

static int log_catch(void **state)
{
	char path[] = "/tmp/sluice-log-XXXXXX";

	(void)state;
	log_file = mkstemp(path);
	unlink(path);
	saved_stderr = dup(STDERR_FILENO);
	return dup2(log_file, STDERR_FILENO) < 0 ? -1 : 0;
}

static int log_release(void **state)
{
	(void)state;
	dup2(saved_stderr, STDERR_FILENO);
	close(saved_stderr);
	return close(log_file);
}

static bool logged(const char *text)
{
	static char lines[20000];
	ssize_t length = pread(log_file, lines, sizeof(lines) - 1, 0);

	lines[length > 0 ? length : 0] = '\0';
	return strstr(lines, text) != NULL;
}

static struct address address(const char *host, uint16_t port)
{
	char text[ADDRESS_TEXT_MAX] = "";
	struct address address;

	strcat(strcpy(text, host), ":1");
	assert_int_equal(address_parse(text, &address), 0);
	address_set_port(&address, port); /* 0 as well: any free one */
	return address;
}

/* A port that was free a moment ago, and count - 1 more behind it. */
static uint16_t ports_free(unsigned count)
{
	for (int attempt = 0; attempt < 100; attempt++) {
		uint16_t low = (uint16_t)(20000 + (getpid() * 131 + attempt * 37) % 10000);
		unsigned bound = 0;

		for (; bound < count; bound++) {
			struct address wanted = address("*", (uint16_t)(low + bound));
			int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
			int r = bind(fd, &wanted.any, address_length(&wanted));

			close(fd);
			if (r < 0)
				break;
		}
		if (bound == count)
			return low;
	}
	fail_msg("no free ports");
	return 0;
}

static int option(int fd, int level, int name)
{
	int value = -1;
	socklen_t length = sizeof(value);

	assert_int_equal(getsockopt(fd, level, name, &value, &length), 0);
	return value;
}

static void bind_control(struct listeners *listeners, const char *host, uint16_t port)
{
	struct address wanted = address(host, port);

	assert_int_equal(listeners_bind_control(listeners, &wanted), 0);
}

static void a_control_listener_is_what_the_workers_need(void **state)
{
	struct listeners listeners = { .control_count = 0 };
	int fd;

	(void)state;
	bind_control(&listeners, "127.0.0.1", 0);
	fd = listeners.control[0];
	assert_int_equal(listeners.control_count, 1);
	assert_int_not_equal(address_port(&listeners.addresses[0]), 0);
	assert_int_equal(option(fd, SOL_SOCKET, SO_ACCEPTCONN), 1);
	assert_int_equal(option(fd, IPPROTO_TCP, TCP_NODELAY), 1);
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	listeners_close(&listeners);
}

static void the_wildcard_takes_ipv4_and_others_do_not(void **state)
{
	struct listeners listeners = { .control_count = 0 };

	(void)state;
	bind_control(&listeners, "*", 0);
	bind_control(&listeners, "[::1]", 0);
	assert_int_equal(option(listeners.control[0], IPPROTO_IPV6, IPV6_V6ONLY), 0);
	assert_int_equal(option(listeners.control[1], IPPROTO_IPV6, IPV6_V6ONLY), 1);
	listeners_close(&listeners);
}

static void a_port_in_use_is_named_with_what_to_do(void **state)
{
	struct listeners one = { .control_count = 0 };
	struct listeners other = { .control_count = 0 };
	char text[ADDRESS_TEXT_MAX];

	(void)state;
	bind_control(&one, "127.0.0.1", 0);
	assert_int_equal(listeners_bind_control(&other, &one.addresses[0]), -EADDRINUSE);
	assert_int_equal(other.control_count, 0);
	address_format(&one.addresses[0], text);
	assert_true(logged(text));
	assert_true(logged("in use"));
	assert_true(logged("--listen"));
	listeners_close(&one);
	listeners_close(&other);
}

static void a_foreign_address_is_named(void **state)
{
	struct listeners listeners = { .control_count = 0 };
	struct address foreign = address("192.0.2.1", 2121);

	(void)state;
	assert_int_equal(listeners_bind_control(&listeners, &foreign), -EADDRNOTAVAIL);
	assert_true(logged("192.0.2.1:2121 is no address of this machine"));
	listeners_close(&listeners);
}

static void the_whole_passive_range_listens_on_every_host(void **state)
{
	struct listeners listeners = { .control_count = 0 };
	uint16_t low = ports_free(4);

	(void)state;
	bind_control(&listeners, "127.0.0.1", 0);
	bind_control(&listeners, "127.0.0.1", 0); /* the same host once more: no more ports */
	bind_control(&listeners, "[::1]", 0);
	assert_int_equal(listeners_bind_passive(&listeners, low, (uint16_t)(low + 3)), 0);
	assert_int_equal(listeners.passive_count, 8);
	for (size_t i = 0; i < 8; i++) {
		struct address own;

		assert_int_equal(address_of_socket(listeners.passive[i], &own), 0);
		assert_int_equal(address_port(&own), low + i % 4);
		assert_true(address_same_host(&own, &listeners.addresses[i < 4 ? 0 : 2]));
		assert_int_equal(option(listeners.passive[i], SOL_SOCKET, SO_ACCEPTCONN), 1);
	}
	listeners_close(&listeners);
}

static void a_wildcard_covers_the_hosts_of_its_kind(void **state)
{
	struct listeners listeners = { .control_count = 0 };
	uint16_t low = ports_free(2);

	(void)state;
	bind_control(&listeners, "127.0.0.1", 0);
	bind_control(&listeners, "[::1]", 0);
	bind_control(&listeners, "*", 0);
	assert_int_equal(listeners_bind_passive(&listeners, low, (uint16_t)(low + 1)), 0);
	assert_int_equal(listeners.passive_count, 2);
	assert_int_equal(option(listeners.passive[0], IPPROTO_IPV6, IPV6_V6ONLY), 0);
	listeners_close(&listeners);

	bind_control(&listeners, "0.0.0.0", 0);
	bind_control(&listeners, "127.0.0.1", 0);
	bind_control(&listeners, "[::1]", 0);
	assert_int_equal(listeners_bind_passive(&listeners, low, (uint16_t)(low + 1)), 0);
	assert_int_equal(listeners.passive_count, 4);
	listeners_close(&listeners);
}

static void a_taken_passive_port_is_named(void **state)
{
	struct listeners holder = { .control_count = 0 };
	struct listeners listeners = { .control_count = 0 };
	uint16_t low = ports_free(3);

	(void)state;
	bind_control(&holder, "127.0.0.1", (uint16_t)(low + 1));
	bind_control(&listeners, "127.0.0.1", 0);
	assert_int_equal(listeners_bind_passive(&listeners, low, (uint16_t)(low + 2)), -EADDRINUSE);
	assert_true(logged("--passive-ports"));
	listeners_close(&listeners);
	listeners_close(&holder);
}

static void inherited_sockets_must_be_listening_tcp_sockets(void **state)
{
	struct listeners listeners = { .control_count = 0 };
	int udp = socket(AF_INET, SOCK_DGRAM, 0);
	int local = socket(AF_UNIX, SOCK_STREAM, 0);
	int idle = socket(AF_INET, SOCK_STREAM, 0);

	(void)state;
	assert_int_equal(listeners_adopt(&listeners, udp, "control"), -EINVAL);
	assert_true(logged(", control: not a TCP socket"));
	assert_int_equal(listeners_adopt(&listeners, local, NULL), -EINVAL);
	assert_int_equal(listeners_adopt(&listeners, idle, NULL), -EINVAL);
	assert_true(logged("not listening"));
	assert_int_equal(listeners_adopt(&listeners, -1, NULL), -EINVAL);
	assert_int_equal(listeners.control_count, 0);
	close(udp);
	close(local);
	close(idle);
}

static void an_inherited_socket_is_for_control_connections_or_refused(void **state)
{
	static const char *const right[] = { NULL, "", "control", "unknown", "ftp.socket" };
	static const char *const wrong[] = { "http", "controls", "data", "socket", "connection" };

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		struct listeners listeners = { .control_count = 0 };
		int fd = socket(AF_INET, SOCK_STREAM, 0);

		assert_int_equal(listen(fd, 5), 0);
		assert_int_equal(listeners_adopt(&listeners, fd, wrong[i]), -EINVAL);
		assert_true(logged("FileDescriptorName=control"));
		assert_int_equal(listeners.control_count, 0);
		assert_int_equal(listeners_adopt(&listeners, fd, right[i]), 0);
		listeners_close(&listeners);
	}
}

static void an_inherited_listener_is_fit_for_use(void **state)
{
	struct listeners listeners = { .control_count = 0 };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	(void)state;
	assert_int_equal(listen(fd, 5), 0);
	assert_int_equal(listeners_adopt(&listeners, fd, NULL), 0);
	assert_int_equal(listeners.control[0], fd);
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	listeners_close(&listeners);
}

static void active_sockets_leave_from_the_port_before_the_control_port(void **state)
{
	struct listeners listeners = { .control_count = 0 };
	uint16_t low = ports_free(2);
	struct address wanted = address("127.0.0.1", low);
	struct address own;
	int fds[2];

	(void)state;
	bind_control(&listeners, "127.0.0.1", (uint16_t)(low + 1));
	/* Two at once, as two sessions have one each. */
	for (int i = 0; i < 2; i++) {
		fds[i] = listeners_active_socket(&listeners, &wanted);
		assert_true(fds[i] >= 0);
		assert_int_equal(address_of_socket(fds[i], &own), 0);
		assert_int_equal(address_port(&own), low);
		assert_true(address_same_host(&own, &wanted));
		assert_true(fcntl(fds[i], F_GETFL) & O_NONBLOCK);
	}
	close(fds[0]);
	close(fds[1]);
	listeners_close(&listeners);
}

static void no_other_address_or_port_is_bound_for_the_server_process(void **state)
{
	struct listeners listeners = { .control_count = 0 };
	uint16_t low = ports_free(2);
	struct address wrong[] = {
		address("127.0.0.1", (uint16_t)(low + 1)), /* the control port itself */
		address("127.0.0.1", (uint16_t)(low - 1)), /* some other */
		address("127.0.0.1", 0),
		address("127.0.0.2", low), /* another host */
		address("0.0.0.0", low),
		address("*", low),
		address("[::1]", low),
		{ .any = { .sa_family = AF_UNIX } },
	};

	(void)state;
	bind_control(&listeners, "127.0.0.1", (uint16_t)(low + 1));
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(listeners_active_socket(&listeners, &wrong[i]), -EPERM);
	listeners_close(&listeners);
}

static void a_wildcard_listener_allows_every_own_address(void **state)
{
	struct listeners listeners = { .control_count = 0 };
	uint16_t low = ports_free(2);
	struct address four = address("127.0.0.2", low);
	struct address six = address("[::1]", low);
	struct address foreign = address("192.0.2.1", low);
	int fd;

	(void)state;
	bind_control(&listeners, "*", (uint16_t)(low + 1));
	fd = listeners_active_socket(&listeners, &four);
	assert_true(fd >= 0);
	close(fd);
	fd = listeners_active_socket(&listeners, &six);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(listeners_active_socket(&listeners, &foreign), -EADDRNOTAVAIL);
	listeners_close(&listeners);
}

static void closed_control_listeners_refuse_clients_but_allow_active_sockets(void **state)
{
	struct listeners listeners = { .control_count = 0 };
	uint16_t low = ports_free(2);
	struct address control = address("127.0.0.1", (uint16_t)(low + 1));
	struct address active = address("127.0.0.1", low);
	int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int fd;

	(void)state;
	bind_control(&listeners, "127.0.0.1", (uint16_t)(low + 1));
	listeners_close_control(&listeners);
	assert_int_equal(connect(client, &control.any, address_length(&control)), -1);
	assert_int_equal(errno, ECONNREFUSED);
	fd = listeners_active_socket(&listeners, &active);
	assert_true(fd >= 0);
	close(fd);
	close(client);
	listeners_close(&listeners);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_control_listener_is_what_the_workers_need),
		cmocka_unit_test(the_wildcard_takes_ipv4_and_others_do_not),
		cmocka_unit_test(a_port_in_use_is_named_with_what_to_do),
		cmocka_unit_test(a_foreign_address_is_named),
		cmocka_unit_test(the_whole_passive_range_listens_on_every_host),
		cmocka_unit_test(a_wildcard_covers_the_hosts_of_its_kind),
		cmocka_unit_test(a_taken_passive_port_is_named),
		cmocka_unit_test(inherited_sockets_must_be_listening_tcp_sockets),
		cmocka_unit_test(an_inherited_socket_is_for_control_connections_or_refused),
		cmocka_unit_test(an_inherited_listener_is_fit_for_use),
		cmocka_unit_test(active_sockets_leave_from_the_port_before_the_control_port),
		cmocka_unit_test(no_other_address_or_port_is_bound_for_the_server_process),
		cmocka_unit_test(a_wildcard_listener_allows_every_own_address),
		cmocka_unit_test(closed_control_listeners_refuse_clients_but_allow_active_sockets),
	};

	return cmocka_run_group_tests_name("listeners", tests, log_catch, log_release);
}
