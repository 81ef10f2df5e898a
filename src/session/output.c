/*
 * Replies on their way out. Those of one turn are gathered in the worker's buffer and leave in
 * one packet, when the turn ends or another session has something to say: then, where the ring can,
 * together with those of the other sessions. What the socket does not take is kept for the session
 * until it does; while something is kept or under way, no command is executed.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "log/log.h"
#include "session/session_priv.h"

#define REPLY_BUFFER_BYTES (2 * REPLY_MAX)

static void session_send_held(struct session *session, bool gathered);

static struct session *session_of_send(struct op *op)
{
	return (struct session *)(void *)((char *)op - offsetof(struct session, send_op));
}

uint32_t session_unsent(const struct session *session)
{
	return session->sending_bytes + session->out_bytes;
}

bool session_awaits_output(const struct session *session)
{
	bool awaits = session_unsent(session) > 0;

	if (awaits)
		ring_hurry(session->context->ring);
	return awaits;
}

static void session_drop_output(struct session *session)
{
	free(session->out);
	session->out = NULL;
	session->out_bytes = 0;
	session->out_size_bytes = 0;
}

static void session_end_sending(struct session *session)
{
	free(session->sending);
	session->sending = NULL;
	session->sending_bytes = 0;
}

static void session_on_sent(struct op *op, int result);

/* Nothing is executed any more until session_on_sent, when others have had their turn. */
static void session_yield(struct session *session)
{
	session->sending_bytes = 1;
	session->send_op.done = session_on_sent;
	ring_yield(session->context->ring, &session->send_op);
}

/* Nothing more can be said. The session ends when whoever said it is through: a transfer or a listing in the
 * middle of a step would lose what it stands on. */
static void session_send_failed(struct session *session)
{
	session_drop_output(session);
	session->shut = true;
	if (op_pending(&session->send_op))
		ring_cancel(session->context->ring, &session->send_op);
	else
		session_yield(session);
}

static void session_on_sent(struct op *op, int result)
{
	struct session *session = session_of_send(op);

	session_end_sending(session);
	if (session->shut || result < 0) {
		session_drop_output(session);
		session->shut = true;
		session_end(session, NULL);
		return;
	}
	session_is_active(session);
	if (session->out_bytes)
		session_send_held(session, false);
	if (session_unsent(session) || session->shut)
		return;
	if (session->closing) {
		session_shut_output(session);
		session_end_if_quiet(session);
	} else {
		if (session_is_telling(session))
			session_stat_continue(session);
		session_run(session);
	}
	if (session->input_over && session->id)
		session_end_of_input(session);
}

/* Whether something goes on when what is being sent has gone. */
static bool session_is_held_up(const struct session *session)
{
	return session->held_bytes > 0 || session->closing || session_is_telling(session);
}

/* Hands what is held to the ring, which has it for itself until session_on_sent. */
static void session_send_held(struct session *session, bool gathered)
{
	struct ring *ring = session->context->ring;
	int r;

	session->sending = session->out;
	session->sending_bytes = session->out_bytes;
	session->out = NULL;
	session_drop_output(session);
	session->send_op.done = session_on_sent;
	if (session_is_held_up(session))
		ring_hurry(ring);
	r = (gathered ? ring_send_gathered : ring_send)(ring, &session->send_op, session->fd,
							session->sending, session->sending_bytes);
	if (r == -EINPROGRESS)
		return;
	session_end_sending(session);
	if (r < 0)
		session_send_failed(session);
}

static bool session_hold_output(struct session *session, const char *bytes, size_t length)
{
	size_t needed = session->out_bytes + length;

	if (session->sending_bytes + needed > 2 * REPLY_HELD_MAX)
		return false;
	if (needed > session->out_size_bytes) {
		/* The first is sent as it is; what is said meanwhile may be more than one. */
		size_t size_bytes = session_unsent(session) ? needed * 2 : needed;
		char *out = calls->allocate(size_bytes);

		if (!out)
			return false;
		if (session->out_bytes)
			memcpy(out, session->out, session->out_bytes);
		free(session->out);
		session->out = out;
		session->out_size_bytes = (uint32_t)size_bytes;
	}
	memcpy(session->out + session->out_bytes, bytes, length);
	session->out_bytes = (uint32_t)needed;
	return true;
}

void log_session_warning(const struct session *session, struct log_limit *limit, const char *event,
			 const char *why)
{
	unsigned times = log_limit_pass(limit);
	char address[ADDRESS_TEXT_MAX];

	if (times == 0)
		return;
	address_format_host(&session->peer, address);
	log_warning("%s: %u; %s; the last one was for %s", event, times, why, address);
}

static void session_log_unread(const struct session *session)
{
	static struct log_limit limit = { .burst = 1 };

	log_session_warning(session, &limit, "sessions closed",
			    "their clients do not read the replies");
}

void session_send(struct session *session, const char *bytes, size_t length)
{
	bool was_sending = session_unsent(session) > 0;
	ssize_t sent = 0;

	if (session->shut)
		return;
	if (!was_sending)
		sent = calls->send(session->fd, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (sent == (ssize_t)length)
		return;
	if (sent < 0 && sent != -EAGAIN && sent != -EINTR) {
		session_send_failed(session);
		return;
	}
	if (sent < 0)
		sent = 0;
	if (!session_hold_output(session, bytes + sent, length - (size_t)sent)) {
		session_log_unread(session);
		session_send_failed(session);
	} else if (!was_sending) {
		session_send_held(session, false);
	} else {
		ring_hurry(session->context->ring);
	}
}

void session_flush(struct session_context *context)
{
	struct session *session = context->replying;
	size_t length = context->reply.length;

	context->replying = NULL;
	context->reply.length = 0;
	if (session && length)
		session_send(session, context->reply.at, length);
}

void session_flush_gathered(struct session_context *context)
{
	struct session *session = context->replying;

	if (!session || context->reply.length == 0 || !ring_gathers(context->ring) ||
	    session_unsent(session) ||
	    !session_hold_output(session, context->reply.at, context->reply.length)) {
		session_flush(context);
		return;
	}
	context->replying = NULL;
	context->reply.length = 0;
	session_send_held(session, true);
}

void session_give_way(struct session *session)
{
	bool said_enough = session->said_enough;

	session->said_enough = false;
	if (said_enough && !session->closing && session_unsent(session) == 0)
		session_yield(session);
}

bool session_has_given_way(const struct session *session)
{
	return session->sending_bytes > 0 && !session->sending;
}

struct reply_text *session_reply_text(struct session *session)
{
	struct session_context *context = session->context;

	if (context->replying != session) {
		session_flush_gathered(context);
	} else if (context->reply.size_bytes - context->reply.length < REPLY_MAX) {
		session_flush(context);
		session->said_enough = true;
	}
	context->replying = session;
	return &context->reply;
}

void session_reply(struct session *session, int code, const char *format, ...)
{
	va_list arguments;

	if (session->closing)
		return;
	va_start(arguments, format);
	reply_text_line_v(session_reply_text(session), code, session_text(session, format),
			  arguments);
	va_end(arguments);
}

/* Which code and words an error of the file system has (RFC 959 sections 4.2 and 5.4). */
static const struct {
	int error;
	int code;
	const char *text;
} errors[] = {
	{ ENOENT, 550, "No such file or folder" },
	{ ENOTDIR, 550, "Not a folder" },
	{ EISDIR, 550, "It is a folder" },
	{ EACCES, 550, "Permission denied" },
	{ EPERM, 550, "Operation not permitted" },
	{ EROFS, 550, "The file system is read-only" },
	{ EEXIST, 550, "It exists already" },
	{ ENOTEMPTY, 550, "The folder is not empty" },
	{ ELOOP, 550, "Too many symbolic links" },
	{ EXDEV, 550, "It would have to move to another file system; copy and delete it instead" },
	{ ENAMETOOLONG, 550, "The name is too long" },
	{ EINVAL, 550, "The file system does not allow this" },
	{ ENXIO, 550, "Not a regular file" },
	{ ENODEV, 550, "Not a regular file" },
	{ EBUSY, 550, "It is in use" },
	{ EALREADY, 450, "Another upload of it is under way; try again later" },
	{ ETXTBSY, 450, "It is a program that runs" },
	{ EAGAIN, 450, "Too much is waiting for this disk; try again later" },
	{ ENOSPC, 452, "No space left on the disk" },
	{ EDQUOT, 552, "The quota is used up" },
	{ EFBIG, 552, "The file would be larger than the file system allows" },
	{ ENOBUFS, 450,
	  "Other transfers hold the memory for this; try again later, or move files by TYPE I and "
	  "MODE S" },
	{ ENOSR, 450,
	  "Transfers of your address hold its part of the memory; try again when one ends, or move "
	  "files by TYPE I and MODE S" },
	{ EUSERS, 450, "Too many commands like this one are at work now; try again later" },
	{ ETOOMANYREFS, 450,
	  "Too many commands like this one are at work for your address; try again when one ends" },
	{ EMSGSIZE, 552, "More came than the range of RANG holds" },
	{ EDOM, 554, "The range begins past the end of the file" },
	{ ERANGE, 554, "The restart point lies past the end of the file" },
	{ EKEYREJECTED, 554, "The restart marker is not of this file as it is now; begin anew" },
	{ EPROTOTYPE, 555,
	  "The restart marker is of another TYPE or STRU; set these as they were" },
	{ EIO, 451, "The disk failed" },
	{ ESTALE, 451, "The file system has lost the file" },
	{ EOVERFLOW, 451, "The tree is too deep to list it all" },
	{ E2BIG, 451, "The pattern takes too long to compare; use a simpler one" },
	{ ENOMEM, 451, "No memory for this now; try again later" },
	{ EMFILE, 451, "Too many files are open; try again later" },
	{ ENFILE, 451, "Too many files are open; try again later" },
};

static void session_find_error(int error, int *ret_code, const char **ret_text)
{
	*ret_code = REPLY_451_LOCAL_ERROR;
	*ret_text = strerror(-error);
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		if (errors[i].error == -error) {
			*ret_code = errors[i].code;
			*ret_text = errors[i].text;
		}
	}
}

const char *session_error_text(const struct session *session, int error)
{
	const char *text;
	int code;

	session_find_error(error, &code, &text);
	return session_text(session, text);
}

void session_reply_about(struct session *session, int code, const char *text, const char *path)
{
	char before[160];

	if (session->closing)
		return;
	snprintf(before, sizeof(before), "%s: ", session_text(session, text));
	reply_text_name(session_reply_text(session), code, before, view_of(path), "");
}

void session_reply_error(struct session *session, int error, const char *path)
{
	const char *text;
	int code;

	session_find_error(error, &code, &text);
	if (code == REPLY_550_FILE_UNAVAILABLE)
		code = session->name_refusal;
	session_reply_about(session, code, text, path);
}

void session_reply_transfer_error(struct session *session, int error)
{
	const char *text;
	int code;

	session_find_error(error, &code, &text);
	if (code == REPLY_550_FILE_UNAVAILABLE || code == REPLY_450_FILE_BUSY ||
	    code == REPLY_554_BAD_RESTART)
		code = REPLY_451_LOCAL_ERROR;
	session_reply(session, code, "Transfer failed: %s", session_text(session, text));
}
