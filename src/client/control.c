/*
 * The user-PI's side of the control connection: commands out, replies in. Each reply belongs to
 * the oldest command that waits and is held against its diagram (RFC 959 section 6); one that the
 * diagram does not allow ends the session as a protocol error.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "client/client_priv.h"
#include "sys/calls.h"

#define IAC '\377'

int control_check_argument(const char *argument)
{
	size_t length = strlen(argument);

	if (length == 0 || length >= SLUICE_ARGUMENT_MAX)
		return -EINVAL;
	return strpbrk(argument, "\r\n") ? -EINVAL : 0;
}

static void control_trace(struct sluice_session *session, int code, const char *text, size_t length)
{
	const struct sluice_options *options = &session->client->options;

	if (options->trace)
		options->trace(options->trace_context, session, code, text, length);
}

static void control_flush(struct sluice_session *session);

static void control_on_sent(struct op *op, int result)
{
	struct sluice_session *session = list_entry(op, struct sluice_session, send_op);

	if (result < 0) {
		session_lose(session, result == -ECANCELED ? -ECONNRESET : result);
	} else {
		session->output_bytes -= session->sending_bytes;
		memmove(session->output, session->output + session->sending_bytes,
			session->output_bytes);
		session->sending_bytes = 0;
		if (session->output_bytes > 0 && !session->lost)
			control_flush(session);
	}
	session_settle(session);
}

static void control_flush(struct sluice_session *session)
{
	int r;

	if (op_pending(&session->send_op) || session->lost)
		return;
	session->send_op.done = control_on_sent;
	session->sending_bytes = session->output_bytes;
	r = ring_send(session->client->ring, &session->send_op, session->fd, session->output,
		      session->output_bytes);
	if (r == -EINPROGRESS)
		return;
	session->output_bytes = 0;
	session->sending_bytes = 0;
	if (r < 0)
		session_lose(session, r);
}

static bool control_put(struct sluice_session *session, const char *bytes, size_t length)
{
	if (length > OUTPUT_MAX - session->output_bytes)
		return false;
	memcpy(session->output + session->output_bytes, bytes, length);
	session->output_bytes += length;
	return true;
}

/* The argument as it goes over the wire: 255 is doubled, since it is IAC there (RFC 854). */
static bool control_put_argument(struct sluice_session *session, const char *argument)
{
	static const char doubled[2] = { IAC, IAC };
	bool fits = true;

	while (*argument && fits) {
		const char *end = strchrnul(argument, IAC);

		fits = control_put(session, argument, (size_t)(end - argument));
		if (*end == IAC && fits)
			fits = control_put(session, doubled, sizeof(doubled));
		argument = *end ? end + 1 : end;
	}
	return fits;
}

/* Remembers the command for messages and tells the trace; what is secret stays out of both. */
static void control_note(struct sluice_session *session, const char *verb, const char *argument)
{
	bool secret = strcmp(verb, "PASS") == 0 || strcmp(verb, "ACCT") == 0;
	char line[SLUICE_ARGUMENT_MAX + 16];
	int length;

	length = snprintf(line, sizeof(line), "%s%s%s", verb, argument ? " " : "",
			  !argument ? ""
			  : secret  ? "****"
				    : argument);
	snprintf(session->last_command, sizeof(session->last_command), "%.*s",
		 (int)sizeof(session->last_command) - 1, line);
	control_trace(session, 0, line, (size_t)length);
}

/* Puts one more command among those that wait for their replies. */
static bool control_expect(struct sluice_session *session, enum ftp_diagram diagram,
			   enum diagram_state state, replied_fn *replied)
{
	if (session->lost || session->commands_count == COMMANDS_MAX)
		return false;
	session->commands[session->commands_count++] =
		(struct command){ .diagram = diagram, .state = state, .replied = replied };
	session_touch(session);
	return true;
}

void control_send(struct sluice_session *session, enum ftp_diagram diagram,
		  enum diagram_state state, const char *verb, const char *argument,
		  replied_fn *replied)
{
	if (!control_expect(session, diagram, diagram_send(state), replied)) {
		session_lose(session, -ECONNRESET);
		return;
	}
	control_note(session, verb, argument);
	if (!control_put(session, verb, strlen(verb)) ||
	    (argument &&
	     (!control_put(session, " ", 1) || !control_put_argument(session, argument))) ||
	    !control_put(session, "\r\n", 2)) {
		session_lose(session, -ENOBUFS); /* a server that reads nothing */
		return;
	}
	control_flush(session);
}

void control_abort(struct sluice_session *session, replied_fn *replied)
{
	static const char interrupt[] = "\377\364\377"; /* IP, and the IAC of DM as urgent data */
	static const char mark[] = "\362";

	if (!control_expect(session, DIAGRAM_GROUP_1, DIAGRAM_W1, replied))
		return;
	control_note(session, "ABOR", NULL);
	/* The Synch of RFC 854, as far as the socket takes it now: without it, a server that looks
	 * at its control connection during a transfer still sees ABOR. */
	if (session->output_bytes == 0 &&
	    calls->send(session->fd, interrupt, sizeof(interrupt) - 1,
			MSG_OOB | MSG_DONTWAIT | MSG_NOSIGNAL) == sizeof(interrupt) - 1)
		control_put(session, mark, sizeof(mark) - 1);
	if (control_put(session, "ABOR\r\n", 6))
		control_flush(session);
	else
		session_lose(session, -ENOBUFS);
}

void control_protocol_error(struct sluice_session *session)
{
	char text[2 * COMMAND_SHOWN_MAX + 64];
	int length;

	length = snprintf(text, sizeof(text), "sent: %s\nreceived: %s",
			  session->last_command[0] ? session->last_command : "(nothing)",
			  session->last_reply);
	if (session->errand.under_way && !session->errand.ending) {
		session->errand.code = 0;
		errand_set_text(session, (struct view){ text, (size_t)length });
	}
	session_lose(session, -EPROTO);
}

static void control_note_reply(struct sluice_session *session, int code, struct view text)
{
	int shown = text.length < COMMAND_SHOWN_MAX ? (int)text.length : COMMAND_SHOWN_MAX;

	snprintf(session->last_reply, sizeof(session->last_reply), "%03d %.*s", code, shown,
		 text.at);
	control_trace(session, code, text.at, text.length);
}

/* A server that sends markers and nothing else is as good as silent. */
static bool control_is_sign_of_life(struct sluice_session *session, int code)
{
	struct errand *errand = &session->errand;
	bool counts = code != 110 || data_bytes(session) > errand->bytes_marked || errand->copy;

	errand->bytes_marked = data_bytes(session);
	return counts;
}

/* One whole reply. */
static void control_on_reply(struct sluice_session *session, int code, struct view text)
{
	struct reply reply = { .code = code, .text = text };
	struct command *command = &session->commands[0];
	replied_fn *replied = command->replied;

	control_note_reply(session, code, text);
	if (control_is_sign_of_life(session, code))
		session_touch(session);
	if (session->commands_count == 0) {
		/* Out of turn only 421 may come (RFC 959 section 5.4). */
		if (code == 421)
			session_lose(session, -ECONNRESET);
		else
			control_protocol_error(session);
		return;
	}
	reply.state = diagram_next(command->diagram, command->state, code / 100);
	if (reply.state == DIAGRAM_E) {
		control_protocol_error(session);
		return;
	}
	if (reply.state == command->state) {
		replied(session, &reply);
		return;
	}
	session->commands_count--;
	memmove(session->commands, session->commands + 1,
		session->commands_count * sizeof(session->commands[0]));
	replied(session, &reply);
	session->dismissed = code == 421;
	if (code == 421)
		session_lose(session, -ECONNRESET);
}

static void control_take(struct sluice_session *session, struct view bytes)
{
	while (bytes.length > 0 && !session->lost) {
		bool ready = false;
		ssize_t used = reply_reader_take(&session->reader, bytes, &ready);

		if (used < 0) {
			int shown = bytes.length < COMMAND_SHOWN_MAX ? (int)bytes.length
								     : COMMAND_SHOWN_MAX;

			snprintf(session->last_reply, sizeof(session->last_reply), "%.*s", shown,
				 bytes.at);
			control_protocol_error(session);
			return;
		}
		bytes = view_skip(bytes, (size_t)used);
		if (ready)
			control_on_reply(session, session->reader.code, session->reader.text);
	}
}

static void control_on_receive(struct op *op, int result)
{
	struct sluice_session *session = list_entry(op, struct sluice_session, receive_op);
	char answers[TELNET_ANSWERS_MAX];
	size_t answers_length = 0;
	struct view bytes;

	session->held++;
	if (result <= 0 && !session->lost) {
		session_lose(session, result == 0 ? -ECONNRESET : result);
	} else if (result > 0 && !session->lost) {
		bytes = op->receive.bytes;
		bytes.length = telnet_filter(&session->telnet, (char *)(uintptr_t)bytes.at,
					     bytes.length, answers, &answers_length);
		if (answers_length > 0 && control_put(session, answers, answers_length))
			control_flush(session);
		control_take(session, bytes);
	}
	session->held--;
	session_settle(session);
}

void control_start(struct sluice_session *session, replied_fn *replied)
{
	session->receive_op.done = control_on_receive;
	ring_receive(session->client->ring, &session->receive_op, session->fd);
	control_expect(session, DIAGRAM_GROUP_2, DIAGRAM_W1, replied);
}
