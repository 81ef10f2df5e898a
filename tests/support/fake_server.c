#include "support/fake_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define PATIENCE_S 2
#define DESCRIPTOR_EOF 64
#define DESCRIPTOR_MARK 16

static const char *const login[] = { "S: 220 hello",
				     "C: USER anonymous",
				     "S: 331 and?",
				     "C: PASS anonymous@",
				     "S: 230 welcome",
				     "C: FEAT",
				     "B: 211-Features\r\n MLST type*;size*;\r\n SIZE\r\n"
				     " REST STREAM\r\n211 End\r\n",
				     NULL };

static bool play(struct fake_server *server, const char *const *script);

static bool fail(struct fake_server *server, const char *step, const char *got)
{
	if (!server->error[0])
		snprintf(server->error, sizeof(server->error), "at \"%.100s\": %.200s", step, got);
	return false;
}

static int listen_somewhere(uint16_t *ret_port)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (bind(fd, (struct sockaddr *)&address, length) < 0 || listen(fd, 8) < 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &length) < 0)
		abort();
	*ret_port = ntohs(address.sin_port);
	return fd;
}

static void be_patient(int fd)
{
	const struct timeval patience = { .tv_sec = PATIENCE_S };

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
}

static bool say(struct fake_server *server, const char *bytes, size_t length)
{
	size_t allowed = length;

	if (server->bytes_left >= 0 && (size_t)server->bytes_left < length)
		allowed = (size_t)server->bytes_left;
	if (allowed > 0 && send(server->control, bytes, allowed, MSG_NOSIGNAL) < 0)
		return false;
	if (server->bytes_left >= 0)
		server->bytes_left -= (ssize_t)allowed;
	return allowed == length;
}

static bool say_line(struct fake_server *server, const char *line)
{
	char bytes[1024];
	int length = snprintf(bytes, sizeof(bytes), "%s\r\n", line);

	return say(server, bytes, (size_t)length);
}

static bool hear_line(struct fake_server *server, char *ret_line, size_t size_bytes)
{
	size_t length = 0;

	while (length + 1 < size_bytes) {
		ssize_t got = recv(server->control, ret_line + length, 1, 0);

		if (got <= 0)
			return false;
		if ((unsigned char)ret_line[length] >= 0xf0 && length == 0)
			continue;
		if (ret_line[length] == '\n')
			break;
		length++;
	}
	while (length > 0 && ret_line[length - 1] == '\r')
		length--;
	ret_line[length] = '\0';
	return true;
}

static bool expect_line(struct fake_server *server, const char *wanted)
{
	size_t length = strlen(wanted);
	char line[8192];
	bool same;

	if (!hear_line(server, line, sizeof(line)))
		return fail(server, wanted, "the connection ended");
	if (length > 0 && wanted[length - 1] == '*')
		same = strncmp(line, wanted, length - 1) == 0;
	else
		same = strcmp(line, wanted) == 0;
	return same || fail(server, wanted, line);
}

static bool be_passive(struct fake_server *server, bool extended)
{
	char reply[80];
	uint16_t port;

	if (!expect_line(server, extended ? "EPSV" : "PASV"))
		return false;
	if (server->data_listener >= 0)
		close(server->data_listener);
	server->data_listener = listen_somewhere(&port);
	if (extended)
		snprintf(reply, sizeof(reply), "229 ok (|||%u|)", port);
	else
		snprintf(reply, sizeof(reply), "227 ok (192,0,2,1,%u,%u)", port >> 8, port & 255);
	return say_line(server, reply);
}

static bool be_active(struct fake_server *server)
{
	unsigned high = 0;
	unsigned low = 0;
	char line[200];

	if (!hear_line(server, line, sizeof(line)) ||
	    sscanf(line, "PORT 127,0,0,1,%u,%u", &high, &low) != 2)
		return fail(server, "PORT", line);
	server->has_peer = true;
	server->peer_port = (uint16_t)(high << 8 | low);
	return say_line(server, "200 ok");
}

static bool open_data(struct fake_server *server)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				  .sin_port = htons(server->peer_port) };
	struct pollfd ends[2] = { { .fd = server->data_listener, .events = POLLIN },
				  { .fd = server->control, .events = POLLRDHUP } };

	if (server->data >= 0)
		return true;
	if (server->has_peer) {
		server->data = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (connect(server->data, (struct sockaddr *)&to, sizeof(to)) < 0)
			return fail(server, "connect", strerror(errno));
	} else {
		/* A client that is gone will not connect either. */
		if (poll(ends, 2, 1000 * PATIENCE_S) <= 0 || !(ends[0].revents & POLLIN))
			return fail(server, "accept", "nobody came");
		server->data = accept(server->data_listener, NULL, NULL);
		if (server->data < 0)
			return fail(server, "accept", strerror(errno));
	}
	be_patient(server->data);
	return true;
}

static void close_data(struct fake_server *server, bool resets)
{
	const struct linger linger = { .l_onoff = resets, .l_linger = 0 };

	if (server->data < 0)
		return;
	if (resets)
		setsockopt(server->data, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	close(server->data);
	server->data = -1;
}

static bool send_data(struct fake_server *server, const char *text)
{
	size_t length = strlen(text);

	if (!open_data(server) || send(server->data, text, length, MSG_NOSIGNAL) != (ssize_t)length)
		return fail(server, "D:", "the data connection failed");
	close_data(server, false);
	return true;
}

static bool push_data(struct fake_server *server, const char *text)
{
	size_t length = strlen(text);

	return (open_data(server) &&
		send(server->data, text, length, MSG_NOSIGNAL) == (ssize_t)length) ||
	       fail(server, "P:", "the data connection failed");
}

static bool take_data(struct fake_server *server, const char *wanted)
{
	char text[4096];
	size_t length = 0;
	ssize_t got = 1;

	if (!open_data(server))
		return false;
	while (got > 0 && length + 1 < sizeof(text)) {
		got = recv(server->data, text + length, sizeof(text) - 1 - length, 0);
		length += got > 0 ? (size_t)got : 0;
	}
	text[length] = '\0';
	close_data(server, false);
	return (got == 0 && strcmp(text, wanted) == 0) || fail(server, wanted, text);
}

static bool wait_for_data_end(struct fake_server *server)
{
	char byte;

	if (!open_data(server))
		return false;
	if (recv(server->data, &byte, 1, 0) > 0 || errno == EAGAIN)
		return fail(server, "E:", "it has not ended");
	close_data(server, false);
	return true;
}

/* The header of MODE B (RFC 959 section 3.4.2) before text. Returns the bytes of both. */
static size_t make_block(char descriptor, const char *text, char ret_block[static 256])
{
	size_t length = strlen(text);

	ret_block[0] = descriptor;
	ret_block[1] = 0;
	ret_block[2] = (char)length;
	memcpy(ret_block + 3, text, length);
	return 3 + length;
}

static bool push_block(struct fake_server *server, char descriptor, const char *text)
{
	char block[256];
	size_t length = make_block(descriptor, text, block);

	return (open_data(server) &&
		send(server->data, block, length, MSG_NOSIGNAL) == (ssize_t)length) ||
	       fail(server, text, "the data connection failed");
}

static bool take_block(struct fake_server *server, const char *text)
{
	char wanted[256];
	char block[256];
	size_t length = make_block(DESCRIPTOR_EOF, text, wanted);

	return (open_data(server) &&
		recv(server->data, block, length, MSG_WAITALL) == (ssize_t)length &&
		memcmp(block, wanted, length) == 0) ||
	       fail(server, text, "another block");
}

static bool play_step(struct fake_server *server, const char *step)
{
	if (strcmp(step, "LOGIN") == 0)
		return play(server, login);
	if (strcmp(step, "QUIT") == 0)
		return expect_line(server, "QUIT") && say_line(server, "221 bye");
	if (strcmp(step, "EPSV") == 0 || strcmp(step, "PASV") == 0)
		return be_passive(server, step[0] == 'E');
	if (strcmp(step, "PORT") == 0)
		return be_active(server);
	switch (step[0]) {
	case 'S':
		return say_line(server, step + 3);
	case 'B':
		return say(server, step + 3, strlen(step + 3));
	case 'C':
		return expect_line(server, step + 3);
	case 'D':
		return send_data(server, step + 3);
	case 'T':
		return take_data(server, step + 3);
	case 'P':
		return push_data(server, step + 3);
	case 'E':
		return wait_for_data_end(server);
	case 'K':
		return push_block(server, DESCRIPTOR_EOF, step + 3);
	case 'L':
		return take_block(server, step + 3);
	case 'M':
		return push_block(server, DESCRIPTOR_MARK, step + 3);
	case 'R':
		if (!open_data(server))
			return false;
		close_data(server, true);
		return true;
	default: /* X: */
		shutdown(server->control, SHUT_RDWR);
		return true;
	}
}

static bool play(struct fake_server *server, const char *const *script)
{
	for (; *script; script++)
		if (!play_step(server, *script))
			return false;
	return true;
}

/* What says no more does not go away: the client ends the connection. */
static void wait_for_end(struct fake_server *server)
{
	char byte;

	while (recv(server->control, &byte, 1, 0) > 0)
		;
}

static void *thread(void *argument)
{
	struct fake_server *server = argument;

	be_patient(server->listener);
	server->control = accept(server->listener, NULL, NULL);
	close(server->listener);
	if (server->control < 0) {
		fail(server, "accept", strerror(errno));
		return NULL;
	}
	be_patient(server->control);
	setsockopt(server->control, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
	if (play(server, server->script))
		wait_for_end(server);
	close_data(server, false);
	if (server->data_listener >= 0)
		close(server->data_listener);
	close(server->control);
	return NULL;
}

void fake_server_start_limited(struct fake_server *server, const char *const *script,
			       ssize_t bytes_left)
{
	*server = (struct fake_server){ .script = script,
					.bytes_left = bytes_left,
					.control = -1,
					.data_listener = -1,
					.data = -1 };
	server->listener = listen_somewhere(&server->port);
	if (pthread_create(&server->thread, NULL, thread, server) != 0)
		abort();
}

void fake_server_start(struct fake_server *server, const char *const *script)
{
	fake_server_start_limited(server, script, -1);
}

const char *fake_server_join(struct fake_server *server)
{
	pthread_join(server->thread, NULL);
	return server->error[0] ? server->error : NULL;
}
