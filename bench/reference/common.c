#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "reference.h"

void die(const char *what)
{
	fprintf(stderr, "reference: ");
	perror(what);
	exit(1);
}

int listener_open(unsigned port, int flags)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
	int one = 1;

	address.sin_addr.s_addr = htonl(INADDR_ANY);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(fd, 4096) < 0)
		die("listener");
	return fd;
}

void data_socket_prepare(const struct settings *settings, int fd)
{
	int bytes = settings->notsent_lowat_bytes;

	if (bytes > 0)
		setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &bytes, sizeof(bytes));
}

int received_file_open(const struct settings *settings, int connection)
{
	struct sockaddr_in peer;
	socklen_t length = sizeof(peer);
	char name[16];

	if (getpeername(connection, (struct sockaddr *)&peer, &length) < 0)
		return -1;
	snprintf(name, sizeof(name), "p%u", (unsigned)ntohs(peer.sin_port));
	return openat(settings->folder_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
}

void window_pipe_open(int ret_pipe[2])
{
	if (pipe2(ret_pipe, O_CLOEXEC) < 0 || fcntl(ret_pipe[1], F_SETPIPE_SZ, WINDOW_BYTES) < 0)
		die("pipe");
}
