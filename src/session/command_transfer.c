/*
 * Commands that move a file (RFC 959 section 4.1.3): RETR and ABOR here; STOR, APPE and STOU are in
 * command_store.c up to their 150. A transfer goes through these steps, each of which may take time:
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
#include "base/limits.h"
#include "fs/listing_cache.h"
#include "fs/tree_listing.h"
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
	if (action->tree_listing)
		tree_listing_free(action->tree_listing);
	if (action->transfer.buffer) /* never begun */
		dtp_give_buffer(&session->context->dtp, action->transfer.buffer);
	if (action->cached) /* whose file it is */
		listing_cache_give(action->cached);
	else if (action->file >= 0 && action->transfer.kind == TRANSFER_SEND_FILE)
		tree_give(&action->request, action->file);
	else if (action->file >= 0)
		file_close(&action->transfer.disk, session->context->ring, action->file);
	action->transfers = false;
	session_command_end(session);
}

static void session_reply_end(struct session *session)
{
	const struct action *action = session->action;

	switch (action->end_kind) {
	case TRANSFER_COMPLETE:
		if (session->data_kept)
			session_reply(session, REPLY_250_FILE_ACTION_OKAY,
				      "Transfer complete; the data connection stays open");
		else
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
			      action->end_error == -ENODATA
				      ? session_text(session, "it ended before the end of the file "
							      "was marked")
				      : session_text(session,
						     session_data_error(-action->end_error)));
		break;
	case TRANSFER_MALFORMED:
		session_reply(session,
			      action->end_error == -EPROTONOSUPPORT ? REPLY_551_PAGE_TYPE_UNKNOWN
								    : REPLY_451_LOCAL_ERROR,
			      "What came cannot be stored: %s",
			      session_text(session, action->transfer.complaint));
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

/* No job thread took it: it must not be left open. What comes next sees what this has done. */
static int upload_finish_here(struct action *action)
{
	int r = upload_finish_work(&action->op);

	ring_next_moment(action->session->context->ring);
	return r;
}

static void upload_finished(struct op *op, int result)
{
	struct action *action = action_of_op(op);

	if (result == -EAGAIN)
		result = upload_finish_here(action);
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
		upload_finish_here(action);
	session_transfer_over(action->session);
}

void session_give_up(struct session *session)
{
	struct action *action = session->action;

	if (!action->uploads) {
		session_transfer_over(session);
		return;
	}
	action->end_kind = TRANSFER_ABORTED;
	session_disk_job_surely(action, &action->upload.disk, upload_finish_work, upload_given_up);
}

/* Whether REST or RANG left anything of the file out. */
static bool transfer_is_of_a_part(const struct action *action)
{
	return action->restart > 0 || action->restart_marked || action->range_end > 0;
}

/* Up to where markers of an upload are good when it has ended: pages come in any order. */
static off_t transfer_marked_limit(const struct action *action)
{
	return action->representation.structure == STRUCTURE_PAGE ? INT64_MAX
								  : action->transfer.marked_at;
}

static void transfer_done(struct transfer *transfer, enum transfer_end end, int error)
{
	struct action *action = action_of_transfer(transfer);
	struct session *session = action->session;

	action->moving = false;
	action->end_kind = (uint8_t)end;
	action->end_error = error;
	session->context->transfers++;
	if (transfer->kept) {
		seats_move(&action->memory, &session->early_memory, transfer->early_bytes);
		session_data_keep(session, transfer->socket, transfer->early,
				  transfer->early_bytes);
	}
	if (log_verbose())
		log_debug("transfer of %s: end %d, error %d, %llu bytes", action->path, (int)end,
			  error, (unsigned long long)transfer->bytes);
	if (action->uploads) {
		action->upload.exact = transfer->described;
		action->upload.origin.limit = transfer_marked_limit(action);
		action->upload.end = transfer->described || (transfer->representation &&
							     transfer->file_end > transfer->offset)
					     ? transfer->file_end
					     : transfer->offset;
		session_finish_upload(action);
		return;
	}
	if (end == TRANSFER_COMPLETE && transfer->kind == TRANSFER_SEND_FILE &&
	    transfer->end <= RECENT_BYTES_MAX && !transfer_is_of_a_part(action))
		tree_note_read(&action->request);
	session_reply_end(session);
	session_transfer_over(session);
}

/* A marker of the client's has been reached, and ours of the same place is what REST takes. A
 * client that reads no replies gets none of these either: it can go on from an earlier one. */
static void transfer_marked(struct transfer *transfer, const char *theirs, const char *ours)
{
	struct session *session = action_of_transfer(transfer)->session;

	if (session_unsent(session) < MARK_REPLIES_MAX)
		session_reply(session, REPLY_110_RESTART_MARKER, "MARK %s = %s", theirs, ours);
}

/* A job, before the first of them is told. */
static int transfer_before_marks(struct transfer *transfer)
{
	return upload_note_origin(&action_of_transfer(transfer)->upload);
}

static void session_move(struct session *session)
{
	struct action *action = session->action;
	struct transfer *transfer = &action->transfer;

	transfer->dtp = &session->context->dtp;
	transfer->early = session->early;
	transfer->early_bytes = session->early_bytes;
	seats_move(&session->early_memory, &action->memory, session->early_bytes);
	session->early = NULL;
	session->early_bytes = 0;
	transfer->socket = session_data_take(session);
	transfer->keep = representation_keeps_connection(&action->representation);
	transfer->marked = transfer_marked;
	transfer->before_marks = transfer_before_marks;
	transfer->file = action->uploads ? action->upload.fd : action->file;
	transfer->listing = action->listing;
	transfer->tree_listing = action->tree_listing;
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
	action->transfer.marker_file = (struct marker_file){ .device = action->upload.device,
							     .inode = action->upload.inode,
							     .origin = action->upload.origin.number,
							     .written = true };
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
		session_reply(session, REPLY_425_CANNOT_OPEN_DATA, "No data connection: %s",
			      session_text(session, why));
	session_give_up(session);
}

static void session_log_memory(const struct session *session)
{
	static struct log_limit limit = { .burst = 1 };

	log_session_warning(session, &limit, "transfers refused (450)",
			    "the memory of their worker, or their address's part of it, is taken "
			    "(--transfer-memory)");
}

int session_take_memory(struct session *session, size_t besides_bytes)
{
	struct action *action = session->action;
	struct transfer *transfer = &action->transfer;
	size_t bytes;
	int r;

	/* STAT of a path is no transfer: its lines are sent as they are. */
	transfer->representation = action->transfers ? &action->representation : NULL;
	transfer->marker = action->restart_marked ? &action->marker : NULL;
	bytes = transfer_memory_bytes(transfer) + besides_bytes;
	r = seats_take(&session->context->memory, &session->peer, &action->memory, bytes);
	if (r < 0)
		session_log_memory(session);
	return r == -EUSERS ? -ENOBUFS : r == -ETOOMANYREFS ? -ENOSR : r;
}

int session_preliminary(struct session *session)
{
	return session_data_is_kept(session) ? REPLY_125_DATA_ALREADY_OPEN
					     : REPLY_150_ABOUT_TO_OPEN_DATA;
}

bool session_can_do(struct session *session, const char *refusal)
{
	if (refusal)
		session_reply(session, REPLY_504_PARAMETER_NOT_IMPLEMENTED, "%s",
			      session_text(session, refusal));
	return !refusal;
}

/* The 150, and the wait for the data connection. */
void session_transfer_begin(struct session *session, const char *what)
{
	session_reply(session, session_preliminary(session), "%s", session_text(session, what));
	session_data_open(session);
	session_run(session); /* ABOR and STAT may have come already */
}

/* Why REST's argument can be no restart point here, or NULL. */
static const char *restart_refusal(const struct session *session, bool is_marker)
{
	const struct representation *representation = &session->action->representation;
	bool marks = representation_has_markers(representation);

	if (is_marker || (!session->restart_mark && session->restart == 0))
		return NULL;
	if (marks)
		return "This is no restart marker of this server; send one that it gave";
	if (session->restart_mark)
		return "Markers are of MODE B and C; in MODE S and Z REST takes a number of bytes";
	return representation->structure == STRUCTURE_PAGE
		       ? "Pages are not restarted at a number of bytes; use a marker of MODE B or C"
		       : NULL;
}

bool session_take_marker(struct session *session)
{
	struct action *action = session->action;
	const char *refusal;

	action->restart_marked = session->restart_mark &&
				 representation_has_markers(&action->representation) &&
				 marker_parse(view_of(session->restart_mark), &action->marker) == 0;
	refusal = restart_refusal(session, action->restart_marked);
	if (!refusal)
		return true;
	session_reply(session, REPLY_554_BAD_RESTART, "%s", session_text(session, refusal));
	session_command_end(session);
	return false;
}

void session_refuse_transfer(struct session *session, int error)
{
	struct action *action = session->action;

	if (action->file >= 0)
		file_close(&action->request.disk, session->context->ring, action->file);
	action->file = -1;
	session_refuse_command(session, error);
}

/* Where it begins is said: a client whose REST is no longer in force can see that. */
static void retr_begin(struct session *session)
{
	const struct action *action = session->action;
	const struct representation *representation = &action->representation;
	const char *what = representation->type == TYPE_ASCII || representation->type == TYPE_EBCDIC
				   ? "Sending the file as text"
				   : "Sending the file";
	char text[128];

	if (action->restart_marked || action->restart > 0) {
		snprintf(text, sizeof(text), session_text(session, "%s from byte %lld"),
			 session_text(session, what),
			 action->restart_marked ? (long long)action->marker.offset
						: (long long)action->restart);
		what = text;
	}
	session_transfer_begin(session, what);
}

int restart_check_marker(const struct action *action, const struct marker_file *file)
{
	int r = marker_check(&action->marker, &action->representation, file);

	return r == -ESTALE ? -EKEYREJECTED : r;
}

/* 0, or a negative errno for the 554 or 555. */
static int retr_restart(struct action *action, const struct statx *stat)
{
	const struct representation *representation = &action->representation;
	struct transfer *transfer = &action->transfer;
	struct marker_file file = marker_file_of(stat, false);

	transfer->marker_file = file;
	if (action->restart_marked) {
		transfer->offset = (off_t)action->marker.offset;
		return restart_check_marker(action, &file);
	}
	if (representation_keeps_length(representation))
		transfer->offset = action->restart;
	else
		transfer->skip = action->restart;
	return transfer->offset > (off_t)stat->stx_size && action->range_end == 0 ? -ERANGE : 0;
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

static void retr_open_data(struct session *session)
{
	struct action *action = session->action;
	int r;

	action->transfer.kind = TRANSFER_SEND_FILE;
	action->transfer.end = (off_t)action->request.stat.stx_size;
	if (action->range_end > 0)
		retr_limit(action);
	action->transfer.disk = action->request.disk;
	action->transfer.recent = action->request.recent;
	r = session_take_memory(session, 0);
	if (r < 0)
		session_refuse_transfer(session, r);
	else
		retr_begin(session);
}

/* What is sent has been counted, and the number of REST is known to lie within it or not. */
static void retr_counted(struct session *session, int64_t octets)
{
	struct action *action = session->action;

	/* Not even if each octet of the file became four. */
	if (octets == -EFBIG && action->restart / 4 > (int64_t)action->request.stat.stx_size)
		octets = -ERANGE;
	if (octets >= 0 && octets < action->restart)
		octets = -ERANGE;
	if (session_has_given_up(session))
		octets = -ECANCELED;
	if (octets < 0 && octets != -EFBIG) /* too much to be counted first: it will show */
		session_refuse_transfer(session, (int)octets);
	else
		retr_open_data(session);
}

static void retr_done(struct tree_request *request, int result)
{
	struct action *action = action_of_request(request);
	struct session *session = action->session;
	const char *refusal;

	action->file = result;
	if (result >= 0)
		result = retr_restart(action, &request->stat);
	if (result < 0 || session_has_given_up(session)) {
		session_refuse_transfer(session, result < 0 ? result : -ECANCELED);
		return;
	}
	refusal = representation_size_refusal(&action->representation,
					      (int64_t)request->stat.stx_size);
	if (refusal) {
		file_close(&request->disk, session->context->ring, action->file);
		session_reply(session, REPLY_504_PARAMETER_NOT_IMPLEMENTED, "%s",
			      session_text(session, refusal));
		session_command_end(session);
		return;
	}
	if (action->transfer.skip > 0)
		session_count(session, action->file, retr_counted);
	else
		retr_open_data(session);
}

void command_retr(struct session *session, struct view argument)
{
	struct action *action;

	if (!session_can_do(session, representation_refusal(&session->representation)) ||
	    !session_range_fits(session))
		return;
	action = session_command_begin_on(session, argument);
	if (!action || !session_take_marker(session))
		return;
	action->transfers = true;
	session_look(action, TREE_READ, retr_done);
}

/* RFC 959 section 4.1.3: 426 for the transfer, if there is one, then 226 for the ABOR. */
void command_abor(struct session *session, struct view argument)
{
	struct action *action = session->action;

	(void)argument;
	if (!session_is_transferring(session) && !session_is_telling(session)) {
		session_data_give_up(session);
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
		reply_text_inner(reply, "%s", session_text(session, "No transfer"));
	else if (session->opening)
		reply_text_inner(reply, "%s",
				 session_text(session, "A transfer waits for its data connection"));
	else if (action->change.work)
		reply_text_inner(reply, "%s", session_text(session, "The disk is being changed"));
	else if (session_hash_status(session, reply))
		return;
	else if (!action->transfer.dtp)
		reply_text_inner(reply, "%s",
				 session_text(session, "A transfer is being prepared"));
	else
		reply_text_inner(reply, session_text(session, "Transfer: %llu bytes so far"),
				 (unsigned long long)action->transfer.bytes);
}
