/*
 * Commands that move a file (RFC 959 section 4.1.3): RETR, STOR, APPE, STOU, and ABOR. A transfer
 * goes through these steps, each of which may take time:
 *
 *   RETR:             open -> 150 -> data connection -> transfer -> 226
 *   STOR, APPE, STOU: check -> 150 -> data connection -> open -> transfer -> finish -> 226
 *
 * What can be refused is refused before the 150; a file is cut or made only after the data
 * connection has come about.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "auth/users.h"
#include "log/log.h"
#include "session/session_priv.h"

static struct action *action_of_op(struct op *op)
{
	return (struct action *)(void *)((char *)op - offsetof(struct action, op));
}

static struct action *action_of_request(struct tree_request *request)
{
	return (struct action *)(void *)((char *)request - offsetof(struct action, request));
}

static struct action *action_of_transfer(struct transfer *transfer)
{
	return (struct action *)(void *)((char *)transfer - offsetof(struct action, transfer));
}

uint64_t session_owner(const struct session *session)
{
	char host[ADDRESS_TEXT_MAX];

	if (session->user)
		return upload_owner(session->user->name, strlen(session->user->name));
	address_format_host(&session->peer, host);
	return upload_owner(host, strlen(host));
}

/* The last step: what is left is closed, and what waited behind the transfer has its turn. */
static void session_transfer_over(struct session *session)
{
	struct action *action = session->action;

	if (action->listing)
		listing_free(action->listing);
	if (action->transfer.buffer) /* never begun */
		dtp_give_buffer(&session->context->dtp, action->transfer.buffer);
	if (action->file >= 0)
		tree_close(&action->transfer.disk, session->context->ring, action->file);
	action->transfers = false;
	session_command_end(session);
}

static void session_reply_end(struct session *session)
{
	const struct action *action = session->action;

	switch (action->end_kind) {
	case TRANSFER_COMPLETE:
		session_reply(session, REPLY_226_CLOSING_DATA, "Transfer complete");
		break;
	case TRANSFER_ABORTED:
		session_reply(session, REPLY_426_TRANSFER_ABORTED, "Transfer aborted");
		break;
	case TRANSFER_TIMED_OUT:
		session_reply(session, REPLY_426_TRANSFER_ABORTED,
			      "Nothing moved for %u seconds; transfer ended",
			      session->context->config->data_timeout_s);
		break;
	case TRANSFER_DATA_FAILED:
		session_reply(session, REPLY_426_TRANSFER_ABORTED, "The data connection failed: %s",
			      strerror(-action->end_error));
		break;
	case TRANSFER_TRUNCATED:
		session_reply(session, REPLY_451_LOCAL_ERROR,
			      "The file became shorter while it was sent");
		break;
	default:
		session_reply_transfer_error(session, action->end_error);
	}
}

static int upload_finish_work(struct op *op)
{
	struct action *action = action_of_op(op);

	return upload_finish(&action->upload, action->end_kind == TRANSFER_COMPLETE);
}

static void upload_finished(struct op *op, int result)
{
	struct action *action = action_of_op(op);

	if (result == -EAGAIN) /* no job thread took it: it must not be left open */
		result = upload_finish_work(op);
	if (result < 0 && action->end_kind == TRANSFER_COMPLETE) {
		action->end_kind = TRANSFER_FILE_FAILED;
		action->end_error = result;
	}
	session_reply_end(action->session);
	session_transfer_over(action->session);
}

static void session_finish_upload(struct action *action)
{
	session_disk_job_surely(action, &action->upload.disk, upload_finish_work, upload_finished);
}

/* A failure before any byte, which has its reply already. */
static void upload_given_up(struct op *op, int result)
{
	struct action *action = action_of_op(op);

	if (result == -EAGAIN)
		upload_finish_work(op);
	session_transfer_over(action->session);
}

static void session_give_up(struct session *session)
{
	struct action *action = session->action;

	if (!action->uploads) {
		session_transfer_over(session);
		return;
	}
	action->end_kind = TRANSFER_ABORTED;
	session_disk_job_surely(action, &action->upload.disk, upload_finish_work, upload_given_up);
}

static void transfer_done(struct transfer *transfer, enum transfer_end end, int error)
{
	struct action *action = action_of_transfer(transfer);
	struct session *session = action->session;

	action->moving = false;
	action->end_kind = (uint8_t)end;
	action->end_error = error;
	session->context->transfers++;
	if (log_verbose())
		log_debug("transfer of %s: end %d, error %d, %llu bytes", action->path, (int)end,
			  error, (unsigned long long)transfer->bytes);
	if (action->uploads) {
		action->upload.end = transfer->offset;
		session_finish_upload(action);
		return;
	}
	session_reply_end(session);
	session_transfer_over(session);
}

static void session_move(struct session *session)
{
	struct action *action = session->action;
	struct transfer *transfer = &action->transfer;

	transfer->dtp = &session->context->dtp;
	transfer->socket = session_data_take(session);
	transfer->file = action->uploads ? action->upload.fd : action->file;
	transfer->listing = action->listing;
	transfer->timeout_ms = 1000ULL * session->context->config->data_timeout_s;
	transfer->done = transfer_done;
	action->moving = true;
	transfer_start(transfer);
}

static int upload_open_work(struct op *op)
{
	return upload_open(&action_of_op(op)->upload);
}

static void upload_opened(struct op *op, int result);

static void session_open_upload(struct action *action)
{
	session_disk_job(action, &action->upload.disk, upload_open_work, upload_opened);
}

static void upload_opened(struct op *op, int result)
{
	struct action *action = action_of_op(op);
	struct session *session = action->session;

	/* An old file is copied by slices: between them others have their turn, and ABOR is seen. */
	if (result == -EINPROGRESS && !session_has_given_up(session)) {
		session_open_upload(action);
		return;
	}
	if (result < 0 || session_has_given_up(session)) {
		if (session->aborts > 0)
			session_reply(session, REPLY_426_TRANSFER_ABORTED, "Transfer aborted");
		else
			session_reply_transfer_error(session, result);
		session_data_reset(session);
		session_give_up(session);
		return;
	}
	action->transfer.offset = action->upload.start;
	action->transfer.end = action->upload.range_end;
	action->transfer.disk = action->upload.disk;
	session_move(session);
}

void session_transfer_opened(struct session *session)
{
	struct action *action = session->action;

	if (!action->uploads) {
		session_move(session);
		return;
	}
	session_open_upload(action);
}

void session_transfer_not_opened(struct session *session, const char *why)
{
	if (session->aborts > 0)
		session_reply(session, REPLY_426_TRANSFER_ABORTED, "Transfer aborted");
	else
		session_reply(session, REPLY_425_CANNOT_OPEN_DATA, "No data connection: %s", why);
	session_give_up(session);
}

/* The 150, and the wait for the data connection. */
void session_transfer_begin(struct session *session, const char *what)
{
	session_reply(session, REPLY_150_ABOUT_TO_OPEN_DATA, "%s", what);
	session_data_open(session);
	session_run(session); /* ABOR and STAT may have come already */
}

/* A refusal before the 150. */
static void session_refuse_transfer(struct session *session, int error)
{
	struct action *action = session->action;

	if (action->file >= 0)
		tree_close(&action->request.disk, session->context->ring, action->file);
	action->file = -1;
	session_refuse_command(session, error);
}

/* How many bytes a transfer of size may have at the most. */
static off_t retr_size_max(const struct session *session, off_t size)
{
	return session->type == TYPE_ASCII && size <= INT64_MAX / 2 ? 2 * size : size;
}

/* Where it begins is said: a client whose REST is no longer in force can see that. */
static void retr_begin(struct session *session, off_t offset)
{
	const char *what = session->type == TYPE_ASCII ? "Sending the file as text"
						       : "Sending the file";
	char text[64];

	if (offset > 0) {
		snprintf(text, sizeof(text), "%s from byte %lld", what, (long long)offset);
		what = text;
	}
	session_transfer_begin(session, what);
}

/* What RANG leaves of the file: nothing if it lies beyond its end (draft-bryan-ftp-range-08 4.3). */
static void retr_limit(struct action *action)
{
	struct transfer *transfer = &action->transfer;

	if (transfer->offset > transfer->end)
		transfer->offset = transfer->end;
	if (transfer->end > (off_t)action->range_end)
		transfer->end = (off_t)action->range_end;
}

static void retr_done(struct tree_request *request, int result)
{
	struct action *action = action_of_request(request);
	struct session *session = action->session;
	off_t offset = (off_t)action->restart;
	const struct statx *stat = &request->stat;

	action->file = result;
	if (result >= 0 && action->range_end == 0 &&
	    offset > retr_size_max(session, (off_t)stat->stx_size))
		result = -ERANGE;
	if (result < 0 || session_has_given_up(session)) {
		session_refuse_transfer(session, result < 0 ? result : -ECANCELED);
		return;
	}
	action->transfer.kind = TRANSFER_SEND_FILE;
	action->transfer.text = session->type == TYPE_ASCII;
	if (action->transfer.text) /* the marker counts what is sent (RFC 3659 section 5.2) */
		action->transfer.skip = offset;
	else
		action->transfer.offset = offset;
	action->transfer.end = (off_t)stat->stx_size;
	if (action->range_end > 0)
		retr_limit(action);
	action->transfer.disk = request->disk;
	retr_begin(session, offset);
}

void command_retr(struct session *session, struct view argument)
{
	struct action *action;

	if (!session_range_fits(session))
		return;
	action = session_command_begin_on(session, argument);
	if (!action)
		return;
	action->transfers = true;
	/* O_NONBLOCK: no open waits for a lease, nor, without a /proc, for a FIFO's other end. */
	session_look(action, O_RDONLY | O_NONBLOCK, retr_done);
}

static int upload_check_work(struct op *op)
{
	return upload_check(&action_of_op(op)->upload);
}

static void upload_checked(struct op *op, int result)
{
	struct action *action = action_of_op(op);
	struct session *session = action->session;

	if (result < 0) {
		action->uploads = false;
		session_refuse_transfer(session, result);
		return;
	}
	action->transfer.kind = TRANSFER_RECEIVE_FILE;
	action->transfer.text = session->type == TYPE_ASCII;
	if (session_has_given_up(session)) {
		session_reply(session, REPLY_426_TRANSFER_ABORTED, "Transfer aborted");
		session_give_up(session);
		return;
	}
	/* The name as RETR takes it from where the client is: its own folder part, our last name. */
	memcpy(action->other + action->other_length, action->upload.name,
	       strlen(action->upload.name) + 1);
	if (action->upload.unique) /* RFC 1123 section 4.1.2.9: exactly this form */
		reply_text_name(session_reply_text(session), REPLY_150_ABOUT_TO_OPEN_DATA,
				"FILE: ", view_of(action->other), "");
	else
		session_reply(session, REPLY_150_ABOUT_TO_OPEN_DATA, "Ready to receive the file");
	session_data_open(session);
	session_run(session); /* ABOR and STAT may have come already */
}

static void session_store(struct session *session, struct view argument, bool append, bool unique)
{
	struct action *action;
	struct upload *upload;
	struct disk disk;

	if (!session_range_fits(session))
		return;
	if (session->restart > 0 && session->type == TYPE_ASCII) {
		session_reply(session, REPLY_554_BAD_RESTART,
			      "An upload cannot be restarted in TYPE A; use TYPE I");
		return;
	}
	if ((session->restart > 0 || session->range_end > 0) && unique) {
		session_reply(session, REPLY_554_BAD_RESTART,
			      "A file that is made anew cannot be restarted; use STOR");
		return;
	}
	action = session_command_begin(session);
	if (!action)
		return;
	upload = &action->upload;
	*upload =
		(struct upload){ .root = session->tree.root,
				 .append = append && action->restart == 0 && action->range_end == 0,
				 .unique = unique,
				 .offset = (off_t)action->restart,
				 .range_end = (off_t)action->range_end,
				 .reserve_bytes = (off_t)session->allocate_bytes,
				 .atomic = session->context->config->uploads_atomic && !unique,
				 .owner = session_owner(session),
				 .folder = -1,
				 .fd = -1 };
	session->allocate_bytes = 0;
	if (!session_path(session, argument, upload->path)) {
		session_command_end(session);
		return;
	}
	strcpy(action->path, upload->path);
	while (argument.length > 0 && argument.at[argument.length - 1] != '/')
		argument.length--;
	if (argument.length > PATH_BYTES_MAX - sizeof(upload->name))
		argument.length = 0;
	memcpy(action->other, argument.at, argument.length);
	action->other_length = argument.length;
	action->uploads = true;
	action->transfers = true;
	disk = tree_locate(&session->tree, upload->path);
	session_disk_job(action, &disk, upload_check_work, upload_checked);
}

void command_stor(struct session *session, struct view argument)
{
	session_store(session, argument, false, false);
}

void command_appe(struct session *session, struct view argument)
{
	session_store(session, argument, true, false);
}

void command_stou(struct session *session, struct view argument)
{
	session_store(session, argument.length ? argument : view_of("stou"), false, true);
}

/* RFC 959 section 4.1.3: 426 for the transfer, if there is one, then 226 for the ABOR. */
void command_abor(struct session *session, struct view argument)
{
	struct action *action = session->action;

	(void)argument;
	if (!session_is_transferring(session)) {
		session_data_reset(session);
		session_reply(session, REPLY_226_CLOSING_DATA, "There was no transfer");
		return;
	}
	if (session->aborts == ABORTS_MAX) {
		session_end(session, "Too many ABORs for one transfer");
		return;
	}
	session->aborts++;
	if (session->opening)
		session_data_cancel(session);
	else if (action->moving)
		transfer_abort(&action->transfer);
	else
		session_cancel_waiting(session);
	/* Else it is between two steps, the next of which looks at aborts. */
}

void session_transfer_status(struct session *session, struct reply_text *reply)
{
	const struct action *action = session->action;

	if (!session_is_transferring(session))
		reply_text_inner(reply, "No transfer");
	else if (session->opening)
		reply_text_inner(reply, "A transfer waits for its data connection");
	else if (session_hash_status(session, reply))
		return;
	else if (!action->transfer.dtp)
		reply_text_inner(reply, "A transfer is being prepared");
	else
		reply_text_inner(reply, "Transfer: %llu bytes so far",
				 (unsigned long long)action->transfer.bytes);
}
