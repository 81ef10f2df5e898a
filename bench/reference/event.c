/*
 * A fixed number of threads, each with an epoll, a pipe and a buffer that serve all its
 * connections: after every turn the pipe is empty again. Of what the socket did not take,
 * the rest is dropped and read once more from the page cache.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include "reference.h"

struct worker {
	const struct settings *settings;
	int epoll_fd;
	int pipe_fds[2];
	int null_fd;
	char *buffer;
};

struct connection {
	int fd;
	int file; /* of a receiving one */
	off_t at;
};

/* Every turn returns whether the connection goes on. */
static bool again(ssize_t n)
{
	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

static bool turn_sendfile(struct worker *worker, struct connection *connection)
{
	ssize_t n =
		sendfile(connection->fd, worker->settings->file_fd, &connection->at, WINDOW_BYTES);

	return again(n) && connection->at < worker->settings->file_bytes;
}

static bool turn_splice(struct worker *worker, struct connection *connection)
{
	ssize_t filled = splice(worker->settings->file_fd, &connection->at, worker->pipe_fds[1],
				NULL, WINDOW_BYTES, 0);
	ssize_t moved;
	ssize_t rest;
	bool going;

	if (filled <= 0)
		return false;
	moved = splice(worker->pipe_fds[0], NULL, connection->fd, NULL, (size_t)filled,
		       SPLICE_F_NONBLOCK);
	going = again(moved);
	rest = filled - (moved > 0 ? moved : 0);
	connection->at -= rest;
	while (rest > 0) {
		ssize_t n =
			splice(worker->pipe_fds[0], NULL, worker->null_fd, NULL, (size_t)rest, 0);

		if (n <= 0)
			die("dropping the rest");
		rest -= n;
	}
	return going && connection->at < worker->settings->file_bytes;
}

static bool turn_receive(struct worker *worker, struct connection *connection)
{
	ssize_t n = recv(connection->fd, worker->buffer, WINDOW_BYTES, 0);

	if (n > 0 && write(connection->file, worker->buffer, (size_t)n) != n)
		return false;
	return again(n);
}

static bool turn_receive_splice(struct worker *worker, struct connection *connection)
{
	ssize_t n = splice(connection->fd, NULL, worker->pipe_fds[1], NULL, WINDOW_BYTES,
			   SPLICE_F_NONBLOCK);

	for (ssize_t rest = n; rest > 0;) {
		ssize_t moved =
			splice(worker->pipe_fds[0], NULL, connection->file, NULL, (size_t)rest, 0);

		if (moved <= 0)
			die("pipe to file");
		rest -= moved;
	}
	return again(n);
}

static bool turn(struct worker *worker, struct connection *connection)
{
	if (worker->settings->sends)
		return worker->settings->splices ? turn_splice(worker, connection)
						 : turn_sendfile(worker, connection);
	return worker->settings->splices ? turn_receive_splice(worker, connection)
					 : turn_receive(worker, connection);
}

static void connection_close(struct connection *connection)
{
	if (connection->file >= 0)
		close(connection->file);
	close(connection->fd);
	free(connection);
}

static void *worker_main(void *argument)
{
	struct worker *worker = argument;
	struct epoll_event events[64];

	for (;;) {
		int n = epoll_wait(worker->epoll_fd, events, 64, -1);

		for (int i = 0; i < n; i++)
			if (!turn(worker, events[i].data.ptr))
				connection_close(events[i].data.ptr);
	}
	return NULL;
}

static void worker_start(struct worker *worker, const struct settings *settings)
{
	pthread_t thread;

	worker->settings = settings;
	worker->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	worker->null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	worker->buffer = malloc(WINDOW_BYTES);
	if (worker->epoll_fd < 0 || worker->null_fd < 0 || !worker->buffer)
		die("worker");
	window_pipe_open(worker->pipe_fds);
	errno = pthread_create(&thread, NULL, worker_main, worker);
	if (errno)
		die("pthread_create");
}

static void connection_deal(struct worker *worker, int fd)
{
	const struct settings *settings = worker->settings;
	struct connection *connection = calloc(1, sizeof(*connection));
	struct epoll_event event = { .data.ptr = connection };

	if (!connection)
		die("calloc");
	event.events = settings->sends ? EPOLLOUT : EPOLLIN;
	data_socket_prepare(settings, fd);
	connection->fd = fd;
	connection->file = settings->sends ? -1 : received_file_open(settings, fd);
	if (epoll_ctl(worker->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
		die("epoll_ctl");
}

void event_serve(const struct settings *settings)
{
	struct worker *workers = calloc(settings->threads, sizeof(*workers));
	int listener = listener_open(settings->port, 0);

	if (!workers)
		die("calloc");
	for (unsigned i = 0; i < settings->threads; i++)
		worker_start(&workers[i], settings);
	for (unsigned i = 0;; i = (i + 1) % settings->threads) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd < 0)
			die("accept");
		connection_deal(&workers[i], fd);
	}
}
