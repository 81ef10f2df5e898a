/* A thread for each connection, which blocks wherever it has to. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include "reference.h"

struct connection {
	const struct settings *settings;
	int fd;
};

static void send_by_sendfile(const struct connection *connection)
{
	off_t at = 0;

	while (at < connection->settings->file_bytes)
		if (sendfile(connection->fd, connection->settings->file_fd, &at, WINDOW_BYTES) <= 0)
			break;
}

/* Moves n bytes from the pipe to fd. Returns 0, or -1. */
static int pipe_empty(int pipe_fd, int fd, size_t n)
{
	while (n > 0) {
		ssize_t moved = splice(pipe_fd, NULL, fd, NULL, n, SPLICE_F_MOVE);

		if (moved <= 0)
			return -1;
		n -= (size_t)moved;
	}
	return 0;
}

static void send_by_splice(const struct connection *connection)
{
	const struct settings *settings = connection->settings;
	loff_t at = 0;
	int pipes[2];

	window_pipe_open(pipes);
	while (at < settings->file_bytes) {
		ssize_t n = splice(settings->file_fd, &at, pipes[1], NULL, WINDOW_BYTES, 0);

		if (n <= 0 || pipe_empty(pipes[0], connection->fd, (size_t)n) < 0)
			break;
	}
	close(pipes[0]);
	close(pipes[1]);
}

static void receive_by_write(const struct connection *connection, int file)
{
	char *buffer = malloc(WINDOW_BYTES);
	ssize_t n;

	while (buffer && (n = recv(connection->fd, buffer, WINDOW_BYTES, 0)) > 0)
		if (write(file, buffer, (size_t)n) != n)
			break;
	free(buffer);
}

static void receive_by_splice(const struct connection *connection, int file)
{
	int pipes[2];
	ssize_t n;

	window_pipe_open(pipes);
	while ((n = splice(connection->fd, NULL, pipes[1], NULL, WINDOW_BYTES, 0)) > 0)
		if (pipe_empty(pipes[0], file, (size_t)n) < 0)
			break;
	close(pipes[0]);
	close(pipes[1]);
}

static void receive(const struct connection *connection)
{
	int file = received_file_open(connection->settings, connection->fd);

	if (file < 0)
		return;
	if (connection->settings->splices)
		receive_by_splice(connection, file);
	else
		receive_by_write(connection, file);
	close(file);
}

static void *connection_main(void *argument)
{
	struct connection *connection = argument;

	data_socket_prepare(connection->settings, connection->fd);
	if (connection->settings->send)
		connection->settings->send(connection->settings, connection->fd);
	else if (!connection->settings->sends)
		receive(connection);
	else if (connection->settings->splices)
		send_by_splice(connection);
	else
		send_by_sendfile(connection);
	close(connection->fd);
	free(connection);
	return NULL;
}

void blocking_serve(const struct settings *settings)
{
	int listener = listener_open(settings->port, 0);
	pthread_attr_t attributes;

	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attributes, 128 * 1024);
	for (;;) {
		struct connection *connection = malloc(sizeof(*connection));
		pthread_t thread;

		if (!connection)
			die("malloc");
		connection->settings = settings;
		connection->fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		if (connection->fd < 0)
			die("accept");
		errno = pthread_create(&thread, &attributes, connection_main, connection);
		if (errno)
			die("pthread_create");
	}
}
