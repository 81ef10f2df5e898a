#include "load.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

enum { HEADER_BYTES = 2048 };

static bool paced(const struct session *session)
{
	return session->load->options.pace_bytes_per_s > 0;
}

static int request_send(struct session *session)
{
	char text[160];
	int length = snprintf(text, sizeof(text), "GET /%.64s HTTP/1.1\r\nHost: bench\r\n\r\n",
			      session->argument);

	if (send(session->data.fd, text, (size_t)length, MSG_NOSIGNAL) != length)
		return -EPIPE;
	session->http = HTTP_HEADER;
	return 0;
}

int http_get(struct session *session)
{
	if (session->data.fd < 0) {
		session->http = HTTP_CONNECT;
		return transfer_open(session, 0);
	}
	/* A paced reader left the set when its last header had been read. */
	if (paced(session))
		watch_set(session->load, &session->data, EPOLL_CTL_ADD, EPOLLIN);
	return request_send(session);
}

/* Returns the length of the header in text, or 0 while it is not whole. */
static size_t header_length(const char *text)
{
	const char *end = strstr(text, "\r\n\r\n");

	return end ? (size_t)(end + 4 - text) : 0;
}

static void header_take(struct session *session)
{
	char text[HEADER_BYTES];
	const char *field;
	ssize_t n = recv(session->data.fd, text, sizeof(text) - 1, MSG_PEEK);
	size_t length;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	text[n > 0 ? n : 0] = '\0';
	length = header_length(text);
	if (length == 0 && n > 0 && n < HEADER_BYTES - 1)
		return;
	field = strcasestr(text, "\r\nContent-Length:");
	if (length == 0 || strncmp(text, "HTTP/1.1 200", 12) != 0 || !field ||
	    recv(session->data.fd, text, length, 0) != (ssize_t)length) {
		session_error(session, "GET %s: %.30s", session->argument,
			      n > 0 ? text : "no answer");
		return;
	}
	session->http_length = strtoull(field + 17, NULL, 10);
	session->http = HTTP_BODY;
	if (paced(session))
		watch_set(session->load, &session->data, EPOLL_CTL_DEL, 0);
}

void http_on_ready(struct session *session)
{
	if (session->http == HTTP_HEADER) {
		header_take(session);
		return;
	}
	if (request_send(session) < 0) {
		session_error(session, "GET %s: the connection is lost", session->argument);
		return;
	}
	watch_set(session->load, &session->data, EPOLL_CTL_MOD, EPOLLIN);
}
