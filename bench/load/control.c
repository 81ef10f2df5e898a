/*
 * A control connection: command lines out, and replies in by the client library's reader. Each
 * reply is held against the state diagram of the command that waits for it (RFC 959 section 6).
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "load.h"

#define IAC '\377'

void control_send(struct session *session, const char *text, size_t length)
{
	ssize_t n = send(session->control.fd, text, length, MSG_NOSIGNAL);

	if (n == (ssize_t)length)
		return;
	watch_close(&session->control);
	session_error(session, "control connection: send: %s", n < 0 ? strerror(errno) : "short");
}

void control_command(struct session *session, enum ftp_diagram diagram, const char *format, ...)
{
	char text[256];
	va_list arguments;
	int length;

	/* Within a diagram its next box; another one begins at its B. */
	if (diagram_is_over(session->waits))
		session->waits = DIAGRAM_B;
	session->diagram = diagram;
	session->waits = diagram_send(session->waits);
	va_start(arguments, format);
	length = vsnprintf(text, sizeof(text) - 2, format, arguments);
	va_end(arguments);
	memcpy(text + length, "\r\n", 2);
	control_send(session, text, (size_t)length + 2);
}

/* A reader is large, and only an unfinished reply needs one: what is read in one piece shares the
 * spare one, which stays in the CPU's cache. Returns NULL without memory. */
static struct reply_reader *reader_take(struct session *session)
{
	struct reply_reader *reader = session->reader;

	if (!reader) {
		reader = session->load->spare_reader;
		session->load->spare_reader = NULL;
		if (!reader)
			reader = malloc(sizeof(*reader));
		if (reader)
			reply_reader_init(reader);
	}
	session->reader = NULL;
	return reader;
}

static void reader_give(struct load *load, struct reply_reader *reader)
{
	if (!reader)
		return;
	if (load->spare_reader)
		free(reader);
	else
		load->spare_reader = reader;
}

/* Takes the replies in bytes; one without its end is kept with the session. */
static void control_take(struct session *session, struct view bytes)
{
	struct reply_reader *reader = reader_take(session);
	bool ready = false;

	while (reader && bytes.length > 0 && session->control.fd >= 0) {
		ssize_t used = reply_reader_take(reader, bytes, &ready);

		if (used < 0) {
			session_error(session, "no reply: %.*s", (int)bytes.length, bytes.at);
			break;
		}
		bytes = view_skip(bytes, (size_t)used);
		if (ready)
			session_reply(session, reader->code, reader->text);
	}
	if (ready || session->control.fd < 0)
		reader_give(session->load, reader);
	else
		session->reader = reader;
}

/* Takes Telnet's commands out, of which most packets have none. */
static struct view control_filter(struct session *session, char *text, size_t length)
{
	char answers[TELNET_ANSWERS_MAX];
	size_t answers_length = 0;

	if (session->telnet.state != 0 || memchr(text, IAC, length))
		length = telnet_filter(&session->telnet, text, length, answers, &answers_length);
	if (answers_length > 0)
		control_send(session, answers, answers_length);
	return (struct view){ text, length };
}

static void control_on_ready(struct watch *watch, uint32_t events)
{
	static char text[CONTROL_BYTES];
	struct session *session =
		(struct session *)((char *)watch - offsetof(struct session, control));
	ssize_t n;

	(void)events;
	if (watch->fd < 0)
		return;
	n = recv(watch->fd, text, sizeof(text), 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		watch_close(&session->control);
		session_ended(session, n < 0 ? errno : 0);
		return;
	}
	control_take(session, control_filter(session, text, (size_t)n));
	session_replied(session);
}

void control_open(struct session *session)
{
	struct load *load = session->load;
	int fd = load_connect(load, session, 0);

	reader_give(load, session->reader);
	session->reader = NULL;
	session->telnet = (struct telnet){ 0 };
	/* What a server says when connected to is the reply to that (section 5.4). */
	session->diagram = DIAGRAM_GROUP_2;
	session->waits = DIAGRAM_W1;
	if (fd < 0) {
		session_error(session, "control connection: connect: %s", strerror(-fd));
		return;
	}
	session->control.fd = fd;
	session->control.on_ready = control_on_ready;
	watch_set(load, &session->control, EPOLL_CTL_ADD, EPOLLIN);
}
