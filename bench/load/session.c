#include "load.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

/* The mix of ctrl; an argument is the file of the options. */
static const struct {
	const char *verb;
	bool argument;
	int code;
} mix[] = {
	{ "NOOP", false, 200 },
	{ "PWD", false, 257 },
	{ "SIZE", true, 213 },
	{ "MDTM", true, 213 },
};

enum { MIX_COMMANDS = sizeof(mix) / sizeof(mix[0]) };

static void session_give_up(struct session *session)
{
	if (session->state == SESSION_DEAD)
		return;
	session->state = SESSION_DEAD;
	watch_close(&session->control);
	load_session_dead(session->load);
}

static void login_over(struct session *session)
{
	if (!session->logging_in)
		return;
	session->logging_in = false;
	session->load->logins_under_way--;
	load_session_ready(session->load);
}

void session_error(struct session *session, const char *format, ...)
{
	char text[REPORT_TEXT_BYTES];
	bool control_lost = session->control.fd < 0 && !session->load->options.plain;
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	report_error(&session->load->report, text);
	watch_close(&session->data);
	/* A failed login, a lost or a muddled control connection are not mended. */
	if (control_lost || session->state < SESSION_READY || session->state == SESSION_PIPELINED ||
	    session->state == SESSION_QUIT ||
	    (session->state == SESSION_MOVING && session->begun && !session->replied) ||
	    ++session->errors_in_a_row >= ERRORS_IN_A_ROW_MAX) {
		session_give_up(session);
		login_over(session);
		return;
	}
	session_next(session);
}

static void session_send(struct session *session, const char *text, size_t length)
{
	ssize_t n = send(session->control.fd, text, length, MSG_NOSIGNAL);

	if (n == (ssize_t)length)
		return;
	watch_close(&session->control);
	session_error(session, "control connection: send: %s", n < 0 ? strerror(errno) : "short");
}

void session_command(struct session *session, const char *format, ...)
{
	char text[256];
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(text, sizeof(text) - 2, format, arguments);
	va_end(arguments);
	memcpy(text + length, "\r\n", 2);
	session_send(session, text, (size_t)length + 2);
}

/* Sends as many commands as the depth allows, in one packet. */
static void pipeline_fill(struct session *session)
{
	const struct options *options = &session->load->options;
	char text[DEPTH_MAX * 128];
	size_t length = 0;
	uint64_t now = report_now_ns();

	while (session->in_flight < options->depth && load_claim(session->load)) {
		unsigned i = session->next_command++ % MIX_COMMANDS;
		const char *argument = mix[i].argument ? options->file : "";

		length += (size_t)snprintf(text + length, sizeof(text) - length, "%s%s%.100s\r\n",
					   mix[i].verb, mix[i].argument ? " " : "", argument);
		session->sent_ns[(session->tail + session->in_flight++) % DEPTH_MAX] = now;
	}
	if (length > 0)
		session_send(session, text, length);
}

static void pipeline_reply(struct session *session, int code, const char *line)
{
	unsigned i = (session->next_command - session->in_flight) % MIX_COMMANDS;

	if (session->in_flight == 0 || code != mix[i].code) {
		session_error(session, "%s: %s", mix[i].verb, line);
		return;
	}
	report_operation(&session->load->report, session->sent_ns[session->tail]);
	session->tail = (session->tail + 1) % DEPTH_MAX;
	session->in_flight--;
}

void session_next(struct session *session)
{
	struct load *load = session->load;

	if (session->state == SESSION_DEAD || load->over)
		return;
	session->state = SESSION_READY;
	if (load->options.work == WORK_CTRL) {
		session->state = SESSION_PIPELINED;
		pipeline_fill(session);
		return;
	}
	if (load->options.work == WORK_IDLE || !load_claim(load))
		return;
	session->began_ns = report_now_ns();
	if (load->options.work == WORK_LOGIN) {
		session_open(session);
		return;
	}
	transfer_choose(session);
	if (load->options.plain) {
		int r = load->options.http ? http_get(session) : transfer_open(session, 0);

		session->state = SESSION_MOVING;
		if (r < 0)
			session_error(session, "connect: %s", strerror(-r));
		return;
	}
	session->state = SESSION_EPSV;
	session_command(session, "EPSV");
}

/* The port of "229 text (|||port|)". Returns 0 when there is none. */
static unsigned epsv_port(const char *line)
{
	const char *at = strstr(line, "(|||");

	return at ? (unsigned)strtoul(at + 4, NULL, 10) : 0;
}

static void epsv_reply(struct session *session, int code, const char *line)
{
	int r;

	if (code != 229) {
		session->load->report.replies_425 += code == 425;
		session_error(session, "EPSV: %s", line);
		return;
	}
	r = transfer_open(session, epsv_port(line));
	if (r < 0) {
		session_error(session, "data connection: connect: %s", strerror(-r));
		return;
	}
	session->state = SESSION_MOVING;
	session_command(session, "%s %s", session->verb, session->argument);
}

static void moving_reply(struct session *session, int code, const char *line)
{
	if (code / 100 == 1) {
		session->begun = true;
		return;
	}
	session->replied = true;
	if (code / 100 == 2) {
		transfer_finish(session);
		return;
	}
	session->load->report.replies_425 += code == 425;
	session_error(session, "%s %s: %s", session->verb, session->argument, line);
}

/* The replies up to READY. */
static void login_reply(struct session *session, int code, const char *line)
{
	const struct options *options = &session->load->options;

	if (session->state == SESSION_GREETING && code == 220) {
		session->state = SESSION_USER;
		session_command(session, "USER %s", options->user);
	} else if (session->state == SESSION_USER && code == 331) {
		session->state = SESSION_PASS;
		session_command(session, "PASS %s", options->password);
	} else if (session->state < SESSION_TYPE && code == 230) {
		session->state = options->work == WORK_LOGIN ? SESSION_QUIT : SESSION_TYPE;
		session_command(session, options->work == WORK_LOGIN ? "QUIT"
					 : options->ascii	     ? "TYPE A"
								     : "TYPE I");
	} else if (session->state == SESSION_TYPE && code == 200) {
		session->state = SESSION_READY;
		login_over(session);
	} else {
		session_error(session, "login: %s", line);
	}
}

static void session_reply(struct session *session, int code, const char *line)
{
	switch (session->state) {
	case SESSION_GREETING:
	case SESSION_USER:
	case SESSION_PASS:
	case SESSION_TYPE:
		login_reply(session, code, line);
		break;
	case SESSION_EPSV:
		epsv_reply(session, code, line);
		break;
	case SESSION_MOVING:
		moving_reply(session, code, line);
		break;
	case SESSION_PIPELINED:
		pipeline_reply(session, code, line);
		break;
	case SESSION_QUIT:
		if (code != 221)
			session_error(session, "QUIT: %s", line);
		break;
	case SESSION_CLOSED:
	case SESSION_READY:
		session_error(session, "unasked reply: %s", line);
		break;
	case SESSION_DEAD:
		break;
	}
}

/* Takes one line without its end, and acts when it ends a reply (RFC 959 §4.2). */
static void session_line(struct session *session, const char *line, size_t length)
{
	bool coded = length >= 3 && line[0] >= '1' && line[0] <= '5';
	int code = coded ? atoi(line) : 0;
	bool more = length > 3 && line[3] == '-';

	if (session->multiline_code == 0 && coded && more)
		session->multiline_code = code;
	if (session->multiline_code != 0 && (code != session->multiline_code || more))
		return;
	session->multiline_code = 0;
	session_reply(session, code, line);
}

/* Splits text into lines; text[length] is writable. What is unfinished is kept. */
static void session_text(struct session *session, char *text, size_t length)
{
	char *at = text;
	char *end;

	while (session->control.fd >= 0 && (end = memchr(at, '\n', length - (size_t)(at - text)))) {
		size_t line_length = (size_t)(end - at);

		if (line_length > 0 && at[line_length - 1] == '\r')
			line_length--;
		at[line_length] = '\0';
		session_line(session, at, line_length);
		at = end + 1;
	}
	session->line_length = length - (size_t)(at - text);
	if (session->line_length >= LINE_BYTES) {
		session_error(session, "a reply line is longer than %d bytes", LINE_BYTES);
		session->line_length = 0;
	}
	memcpy(session->line, at, session->line_length);
}

/* The control connection has ended: what QUIT waits for, an error otherwise. */
static void control_ended(struct session *session, int error)
{
	bool expected = session->state == SESSION_QUIT && error == 0;

	watch_close(&session->control);
	if (!expected) {
		session_error(session, "control connection: %s",
			      error ? strerror(error) : "closed by the server");
		return;
	}
	report_operation(&session->load->report, session->began_ns);
	session_next(session);
}

static void control_on_ready(struct watch *watch, uint32_t events)
{
	static char text[LINE_BYTES + 65536 + 1];
	struct session *session =
		(struct session *)((char *)watch - offsetof(struct session, control));
	size_t kept = session->line_length;
	ssize_t n;

	(void)events;
	if (watch->fd < 0)
		return;
	memcpy(text, session->line, kept);
	n = recv(watch->fd, text + kept, sizeof(text) - kept - 1, 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		control_ended(session, n < 0 ? errno : 0);
		return;
	}
	session->line_length = 0;
	session_text(session, text, kept + (size_t)n);
	if (session->state == SESSION_PIPELINED && !session->load->over)
		pipeline_fill(session);
}

void session_open(struct session *session)
{
	struct load *load = session->load;
	int fd = load_connect(load, session, 0);

	session->state = SESSION_GREETING;
	session->line_length = 0;
	session->multiline_code = 0;
	if (fd < 0) {
		session_error(session, "control connection: connect: %s", strerror(-fd));
		return;
	}
	session->control.fd = fd;
	session->control.on_ready = control_on_ready;
	watch_set(load, &session->control, EPOLL_CTL_ADD, EPOLLIN);
}
