/*
 * Commands on their way in. A packet's lines are executed right out of the ring's buffer; only
 * what cannot be executed yet (half a line, commands behind one that is under way) is copied and
 * held. During a transfer ABOR and STAT are taken out of the line and answered at once; the
 * others wait for its reply, sixteen of them, and what comes beyond is answered 503 in its turn.
 * ABOR alone is taken out during STAT of a path, and while a passive port is waited for.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/command_line.h"
#include "session/session_priv.h"

#define HELD_BYTES_MIN 512

bool session_is_transferring(const struct session *session)
{
	return session->action && session->action->transfers;
}

bool session_is_telling(const struct session *session)
{
	return session->action && session->action->listing_stat;
}

bool session_is_busy(const struct session *session)
{
	return session->action || session->data_state == DATA_WAITING;
}

/* Whether what waits may be answered before its turn. */
static bool session_looks_ahead(const struct session *session)
{
	return session_is_transferring(session) || session_is_telling(session) ||
	       session->data_state == DATA_WAITING;
}

/* During a transfer ABOR may come behind any number of commands. */
static bool session_must_read_on(const struct session *session)
{
	return session_is_transferring(session) && !session_has_given_way(session);
}

/* Holds bytes behind those that are held already. False: too much; the session has ended. */
static bool session_hold(struct session *session, struct view bytes)
{
	size_t needed = session->held_bytes + bytes.length;

	if (needed > session->held_size_bytes) {
		size_t size_bytes = needed < HELD_BYTES_MIN ? HELD_BYTES_MIN : needed * 2;
		char *held = needed <= INPUT_HELD_LIMIT ? calls->allocate(size_bytes) : NULL;

		if (!held) {
			session_end(session, "Too much input while a command is being executed");
			return false;
		}
		if (session->held_bytes)
			memcpy(held, session->held, session->held_bytes);
		free(session->held);
		session->held = held;
		session->held_size_bytes = (uint32_t)size_bytes;
	}
	memcpy(session->held + session->held_bytes, bytes.at, bytes.length);
	session->held_bytes = (uint32_t)needed;
	return true;
}

/* Takes count bytes out of what is held, beginning at offset. */
static void session_drop_held(struct session *session, size_t offset, size_t count)
{
	assert(session->held);
	session->held_bytes -= (uint32_t)count;
	memmove(session->held + offset, session->held + offset + count,
		session->held_bytes - offset);
}

/* Gives the buffer back when nothing is held. */
static void session_return_held(struct session *session)
{
	if (session->held_bytes == 0 && session->held) {
		free(session->held);
		session->held = NULL;
		session->held_size_bytes = 0;
		session->held_looked_at = 0;
	}
}

/* A line came while another is executed: executes it at once, lets it wait, or drops it. Returns
 * whether it stays among what is held. */
static bool session_take_waiting(struct session *session, struct view line)
{
	if (session_is_urgent(session, line)) {
		session_execute(session, line);
		session_give_way(session);
		return false;
	}
	if (!session_is_transferring(session))
		return true;
	if (session->commands_dropped == 0 && session->commands_waiting < COMMANDS_WAITING_MAX) {
		session->commands_waiting++;
		return true;
	}
	if (++session->commands_dropped > COMMANDS_DROPPED_MAX)
		session_end(session, "Too many commands during a transfer");
	return false;
}

/* Of a line longer than any command no more is held than shows that it is. */
static void session_cut_over_long(struct session *session, struct view line)
{
	if (line.length > COMMAND_LINE_MAX + 2)
		session_drop_held(session, session->held_looked_at + COMMAND_LINE_MAX + 2,
				  line.length - COMMAND_LINE_MAX - 2);
}

static void session_look_at_waiting(struct session *session)
{
	while (session_looks_ahead(session) && !session->closing &&
	       !session_has_given_way(session) && session->held_looked_at < session->held_bytes) {
		struct view rest = { session->held + session->held_looked_at,
				     session->held_bytes - session->held_looked_at };
		struct view line;
		size_t used = command_line_find(rest, &line);

		if (used == 0) {
			session_cut_over_long(session, rest);
			break;
		}
		if (session_take_waiting(session, line))
			session->held_looked_at += (uint32_t)used;
		else if (session->held)
			session_drop_held(session, session->held_looked_at, used);
	}
}

/* What had no place behind a transfer is answered once the sixteen that had are done. */
static void session_answer_dropped(struct session *session)
{
	while (session->commands_dropped > 0 && session->commands_waiting == 0 &&
	       !session_is_busy(session)) {
		session->commands_dropped--;
		session_doubt_data(session);
		session_reply(session, REPLY_503_BAD_SEQUENCE,
			      "Not executed: more than %d commands waited for the transfer",
			      COMMANDS_WAITING_MAX);
	}
}

/* A line longer than any command is forgotten up to its end, which is answered. */
static size_t session_skip_over_long(struct session *session, struct view bytes)
{
	const char *end;

	assert(bytes.at); /* there is a line, or the beginning of one */
	end = memchr(bytes.at, '\n', bytes.length);
	session->discarding = end == NULL;
	if (!end)
		return bytes.length;
	if (session->commands_waiting > 0)
		session->commands_waiting--;
	session_doubt_data(session);
	session_reply(session, REPLY_500_SYNTAX, "The line is longer than %d bytes",
		      COMMAND_LINE_MAX);
	return (size_t)(end - bytes.at) + 1;
}

/* Executes the first line of bytes. Returns how many bytes it took, 0: there is no whole line. */
static size_t session_execute_first(struct session *session, struct view bytes)
{
	struct view line;
	size_t used;

	if (session->discarding)
		return session_skip_over_long(session, bytes);
	used = command_line_find(bytes, &line);
	if (used ? line.length > COMMAND_LINE_MAX : bytes.length > COMMAND_LINE_MAX + 1)
		return session_skip_over_long(session, bytes);
	if (used == 0)
		return 0;
	session_is_active(session);
	if (session->commands_waiting > 0)
		session->commands_waiting--;
	session_execute(session, line);
	session_give_way(session);
	return used;
}

static bool session_may_execute(const struct session *session)
{
	return !session->closing && !session->context->draining && !session_is_busy(session) &&
	       session_unsent(session) == 0;
}

/* Executes lines of what is held, which handlers do not touch. */
static void session_run_held(struct session *session)
{
	size_t done = 0;

	session_answer_dropped(session);
	while (session_may_execute(session) && done < session->held_bytes) {
		struct view rest = { session->held + done, session->held_bytes - done };
		size_t used = session_execute_first(session, rest);

		if (used == 0)
			break;
		done += used;
		session_answer_dropped(session);
	}
	if (session->held)
		session_drop_held(session, 0, done);
	session->held_looked_at = 0;
	for (unsigned i = 0; i < session->commands_waiting && !session->closing; i++) {
		struct view rest = { session->held + session->held_looked_at,
				     session->held_bytes - session->held_looked_at };
		struct view line;

		session->held_looked_at += (uint32_t)command_line_find(rest, &line);
	}
}

void session_run(struct session *session)
{
	if (session->running || session->id == 0)
		return;
	session->running = true;
	/* A command that ends within its handler lets the loop go on; one that goes on later calls
	 * session_run again at its end. */
	for (;;) {
		uint32_t before = session->held_bytes;

		if (before && session_may_execute(session))
			session_run_held(session);
		if (session_looks_ahead(session))
			session_look_at_waiting(session);
		if (session->held_bytes == before || !session_may_execute(session))
			break;
	}
	if (session_may_execute(session))
		session_answer_dropped(session);
	session_return_held(session);
	session->running = false;
	if (session->closing) {
		session_end_if_quiet(session);
		return;
	}
	if (session->held_bytes)
		session_awaits_output(session);
	if (session->context->draining && !session_is_busy(session))
		session_drain(session);
	else if (session->paused &&
		 (session->held_bytes < INPUT_HELD_MAX / 2 || session_must_read_on(session)))
		session_receive(session);
}

/* Executes lines right out of the packet, and holds what is left of it. */
static void session_run_packet(struct session *session, struct view bytes)
{
	session->running = true;
	while (session_may_execute(session) && bytes.length > 0) {
		size_t used = session_execute_first(session, bytes);

		if (used == 0)
			break;
		bytes = view_skip(bytes, used);
	}
	if (!session->closing && bytes.length > 0)
		session_hold(session, bytes);
	session->running = false;
}

/* A line that the client has begun and then interrupted. */
static void session_take_back_line(struct session *session)
{
	session->telnet.interrupt = false;
	session->discarding = false;
	while (session->held_bytes > 0 && session->held[session->held_bytes - 1] != '\n')
		session->held_bytes--;
	session_return_held(session);
}

void session_input(struct session *session, struct view bytes)
{
	char answers[TELNET_ANSWERS_MAX];
	size_t answers_length;

	bytes.length = telnet_filter(&session->telnet, (char *)(uintptr_t)bytes.at, bytes.length,
				     answers, &answers_length);
	if (session->telnet.interrupt)
		session_take_back_line(session);
	if (answers_length) {
		session_flush(session->context);
		session_send(session, answers, answers_length);
	}
	if (session->closing)
		return;
	if (session->held_bytes == 0)
		session_run_packet(session, bytes);
	else if (!session_hold(session, bytes))
		return;
	session_run(session);
	if (!session->closing && !session_must_read_on(session) &&
	    session->held_bytes > INPUT_HELD_MAX)
		session_pause(session);
}
