#include "support/test_session.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "jobs/disk_queue.h"
#include "sys/identity.h"
#include "transfer/passive_pool.h"

#define TEXT_MAX (1 << 20)

struct session test_session;
struct session_context test_context;
struct config test_config;
bool test_session_ended;
bool test_session_no_room;
int test_session_wants;

static struct disk_queues *disks;
static struct passive_pool *passive;
static char folder[] = "/tmp/sluice-session-XXXXXX";
static int client = -1;
static char text[TEXT_MAX];
static int granted = -1;

/* The pool's lock is held: the message comes with the next turn. */
static bool on_grant(void *context, uint64_t id, unsigned port)
{
	(void)context;
	assert_int_equal(id, TEST_SESSION_ID);
	granted = (int)port;
	return true;
}

static int no_active_socket(void *server, uint64_t id, const struct address *local)
{
	(void)server;
	(void)id;
	(void)local;
	return -EPERM;
}

static int begin_reservation(void *server, const struct address *peer, uint64_t session,
			     unsigned port, uint32_t *ret_number)
{
	(void)server;
	if (test_session_no_room)
		return -EMFILE;
	*ret_number = passive_pool_begin(passive, peer, port, session);
	return 0;
}

static void want_data(void *server, uint64_t session, unsigned port)
{
	(void)server;
	(void)port;
	assert_int_equal(session, TEST_SESSION_ID);
	test_session_wants++;
}

static void unwant_data(void *server, unsigned port)
{
	(void)server;
	(void)port;
	test_session_wants--;
}

static void on_ended(void *server, struct session *session)
{
	(void)server;
	(void)session;
	test_session_ended = true;
}

int test_session_setup(void **state)
{
	assert_int_equal(test_ring_setup(state), 0);
	strcpy(folder + strlen(folder) - 6, "XXXXXX");
	assert_non_null(mkdtemp(folder));
	test_config = (struct config){ .anonymous = true,
				       .anonymous_write = true,
				       .idle_timeout_s = 60,
				       .login_timeout_s = 60,
				       .data_timeout_s = 60 };
	return 0;
}

void test_session_begin(unsigned passive_ports)
{
	uint16_t ports[16];
	int ends[2];

	for (unsigned i = 0; i < passive_ports; i++)
		ports[i] = (uint16_t)(50000 + i);
	assert_int_equal(passive_pool_new(ports, passive_ports, 1, on_grant, NULL, &passive), 0);
	assert_int_equal(disk_queues_new(8, 4, &disks), 0);
	memset(&test_context, 0, sizeof(test_context));
	session_context_init(&test_context, dtp_memory_bytes(test_config.transfer_memory_bytes, 1));
	assert_int_equal(dtp_init(&test_context.dtp, test_ring, disks, 1), 0);
	test_context.ring = test_ring;
	test_context.config = &test_config;
	test_context.passive = passive;
	test_context.workers = 1;
	test_context.identity = identity_of_process();
	test_context.active_socket = no_active_socket;
	test_context.begin_reservation = begin_reservation;
	test_context.want_data = want_data;
	test_context.unwant_data = unwant_data;
	test_context.ended = on_ended;
	test_context.reply.size_bytes = 2 * REPLY_MAX;
	test_context.reply.at = malloc(test_context.reply.size_bytes);
	assert_int_equal(tree_init(&test_context.tree, open(folder, O_PATH | O_DIRECTORY)), 0);

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	client = ends[0];
	assert_int_equal(fcntl(client, F_SETFL, O_NONBLOCK), 0);
	memset(&test_session, 0, sizeof(test_session));
	test_session_ended = test_session_no_room = false;
	test_session_wants = 0;
	test_session.context = &test_context;
	test_session.id = TEST_SESSION_ID;
	test_session.fd = ends[1];
	test_session.peer.v4 = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = 0xffff };
	session_start(&test_session);
	session_flush_gathered(&test_context);
}

/* One turn of the worker. */
static void turn(void)
{
	int port = granted;

	granted = -1;
	if (port >= 0)
		session_on_grant(&test_session, (unsigned)port);
	run_for_ms(5);
	session_flush_gathered(&test_context);
}

void client_sends(const char *bytes)
{
	size_t length = strlen(bytes);

	while (length > 0) {
		ssize_t sent = send(client, bytes, length, MSG_NOSIGNAL);

		if (sent < 0) {
			assert_int_equal(errno, EAGAIN);
			turn();
			continue;
		}
		bytes += sent;
		length -= (size_t)sent;
	}
}

const char *client_reads(const char *end)
{
	size_t length = 0;

	for (int tries = 0; tries < 2000; tries++) {
		ssize_t got = recv(client, text + length, sizeof(text) - length - 1, 0);

		if (got < 0) {
			turn();
			continue;
		}
		length += (size_t)got;
		text[length] = '\0';
		if (got == 0 ||
		    (length >= strlen(end) && strcmp(text + length - strlen(end), end) == 0))
			return text;
	}
	fail_msg("no \"%s\" at the end of \"%s\"", end, text);
	return NULL;
}

void client_asks(const char *line, const char *code)
{
	client_sends(line);
	client_sends("\r\n");
	assert_memory_equal(client_reads("\r\n"), code, strlen(code));
}

void client_leaves(void)
{
	close(client);
	client = -1;
	for (int tries = 0; tries < 2000 && !test_session_ended; tries++)
		turn();
	assert_true(test_session_ended);
}

int test_session_teardown(void **state)
{
	if (client >= 0)
		client_leaves();
	session_context_fini(&test_context);
	dtp_fini(&test_context.dtp);
	disk_queues_free(disks);
	passive_pool_free(passive);
	close(test_context.tree.root);
	assert_int_equal(rmdir(folder), 0);
	return test_ring_teardown(state);
}
