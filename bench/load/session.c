#include "load.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "protocol/passive_reply.h"

/* The mix of ctrl; an argument is the file of the options. */
static const struct {
	const char *verb;
	bool argument;
	int code;
} mix[] = {
	{ "NOOP", false, 200 }, { "PWD", false, 257 }, { "SIZE", true, 213 },
	{ "MDTM", true, 213 },	{ "HASH", true, 213 }, /* only where asked for */
};

enum { MIX_COMMANDS = 4, ALL_COMMANDS = sizeof(mix) / sizeof(mix[0]) };

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
	    (session->state == SESSION_MOVING && !diagram_is_over(session->waits)) ||
	    ++session->errors_in_a_row >= ERRORS_IN_A_ROW_MAX) {
		session_give_up(session);
		login_over(session);
		return;
	}
	session_next(session);
}

/* The number-th command of a session: of the mix, or the one that is asked for. */
static unsigned pipeline_choose(const struct session *session, unsigned number)
{
	const char *verb = session->load->options.verb;

	for (unsigned i = 0; verb && i < ALL_COMMANDS; i++)
		if (strcmp(mix[i].verb, verb) == 0)
			return i;
	return number % MIX_COMMANDS;
}

/* Sends as many commands as the depth allows, in one packet. */
static void pipeline_fill(struct session *session)
{
	const struct options *options = &session->load->options;
	char text[DEPTH_MAX * 128];
	size_t length = 0;
	uint64_t now = report_now_ns();

	while (session->in_flight < options->depth && load_claim(session->load)) {
		unsigned i = pipeline_choose(session, session->next_command++);
		const char *argument = mix[i].argument ? options->file : "";

		length += (size_t)snprintf(text + length, sizeof(text) - length, "%s%s%.100s\r\n",
					   mix[i].verb, mix[i].argument ? " " : "", argument);
		session->sent_ns[(session->tail + session->in_flight++) % DEPTH_MAX] = now;
	}
	if (length > 0)
		control_send(session, text, length);
}

static void pipeline_reply(struct session *session, int code, struct view text)
{
	unsigned i = pipeline_choose(session, session->next_command - session->in_flight);

	if (session->in_flight == 0 || code != mix[i].code) {
		session_error(session, "%s: %d %.*s", mix[i].verb, code, (int)text.length, text.at);
		return;
	}
	report_operation(&session->load->report, session->sent_ns[session->tail]);
	session->tail = (session->tail + 1) % DEPTH_MAX;
	session->in_flight--;
}

static void transfer_ask(struct session *session)
{
	session->state = SESSION_MOVING;
	control_command(session, DIAGRAM_GROUP_2, "%s %s", session->verb, session->argument);
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
	if (session->data.fd >= 0) {
		transfer_ask(session);
		return;
	}
	session->state = SESSION_EPSV;
	control_command(session, DIAGRAM_GROUP_1, "EPSV");
}

/* Every server is asked for the extended passive mode, so that all have the same to do. */
static void epsv_answered(struct session *session, struct view text)
{
	uint16_t port;
	int r = passive_reply_parse_extended(text, &port);

	if (r < 0) {
		session_error(session, "EPSV: no port in %.*s", (int)text.length, text.at);
		return;
	}
	r = transfer_open(session, port);
	if (r < 0)
		session_error(session, "data connection: connect: %s", strerror(-r));
	else
		transfer_ask(session);
}

/* The login's next command: what a 3yz asks for, or what the mode of the transfers needs. */
static void login_go_on(struct session *session)
{
	const struct options *options = &session->load->options;
	enum session_state done = session->state;

	if (session->waits == DIAGRAM_NEXT_2) {
		control_command(session, DIAGRAM_LOGIN, "PASS %s", options->password);
	} else if (done == SESSION_GREETING) {
		session->state = SESSION_LOGIN;
		control_command(session, DIAGRAM_LOGIN, "USER %s", options->user);
	} else if (done == SESSION_LOGIN && options->work == WORK_LOGIN) {
		session->state = SESSION_QUIT;
		control_command(session, DIAGRAM_GROUP_1, "QUIT");
	} else if (done == SESSION_LOGIN) {
		session->state = SESSION_TYPE;
		control_command(session, DIAGRAM_GROUP_1, "TYPE %c", options->type);
	} else if (done == SESSION_TYPE && options->mode != 'S') {
		session->state = SESSION_MODE;
		control_command(session, DIAGRAM_GROUP_1, "MODE %c", options->mode);
	} else {
		session->state = SESSION_READY;
		login_over(session);
	}
}

/* A command has succeeded, or its sequence goes on. */
static void session_answered(struct session *session, int code, struct view text)
{
	switch (session->state) {
	case SESSION_GREETING:
	case SESSION_LOGIN:
	case SESSION_TYPE:
	case SESSION_MODE:
		login_go_on(session);
		break;
	case SESSION_EPSV:
		epsv_answered(session, text);
		break;
	case SESSION_MOVING:
		transfer_replied(session, code);
		break;
	case SESSION_QUIT: /* the end of the connection follows */
	case SESSION_READY:
	case SESSION_PIPELINED:
	case SESSION_DEAD:
		break;
	}
}

/* What was asked of the server, for the text of an error. */
static const char *session_subject(const struct session *session)
{
	static const char *const subjects[] = {
		[SESSION_GREETING] = "login", [SESSION_LOGIN] = "login", [SESSION_TYPE] = "TYPE",
		[SESSION_MODE] = "MODE",      [SESSION_READY] = "",	 [SESSION_EPSV] = "EPSV",
		[SESSION_QUIT] = "QUIT",
	};

	return session->state == SESSION_MOVING ? session->verb : subjects[session->state];
}

static void session_refused(struct session *session, int code, struct view text)
{
	session->load->report.replies_425 += code == 425;
	session_error(session, "%s%s%s: %d %.*s", session_subject(session),
		      session->state == SESSION_MOVING ? " " : "",
		      session->state == SESSION_MOVING ? session->argument : "", code,
		      (int)text.length, text.at);
}

void session_reply(struct session *session, int code, struct view text)
{
	enum diagram_state next;

	if (session->state == SESSION_DEAD)
		return;
	if (session->state == SESSION_PIPELINED) {
		pipeline_reply(session, code, text);
		return;
	}
	next = diagram_next(session->diagram, session->waits, code / 100);
	if (next == session->waits && !diagram_is_over(next))
		return; /* 1yz */
	session->waits = next;
	/* Nobody has an account to name. */
	if (next == DIAGRAM_F || next == DIAGRAM_E || next == DIAGRAM_NEXT_3)
		session_refused(session, code, text);
	else
		session_answered(session, code, text);
}

void session_replied(struct session *session)
{
	if (session->state == SESSION_PIPELINED && !session->load->over)
		pipeline_fill(session);
}

/* What QUIT waits for, an error otherwise. */
void session_ended(struct session *session, int error)
{
	if (session->state != SESSION_QUIT || error != 0 || session->waits != DIAGRAM_S) {
		session_error(session, "control connection: %s",
			      error ? strerror(error) : "closed by the server");
		return;
	}
	report_operation(&session->load->report, session->began_ns);
	session_next(session);
}

void session_open(struct session *session)
{
	session->state = SESSION_GREETING;
	control_open(session);
}
