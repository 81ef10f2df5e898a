/*
 * STOR, APPE and STOU (RFC 959 section 4.1.3) up to the 150; the rest of a transfer's steps is in
 * command_transfer.c.
 */
#include <errno.h>
#include <string.h>

#include "session/session_priv.h"

static struct action *action_of_op(struct op *op)
{
	return (struct action *)(void *)((char *)op - offsetof(struct action, op));
}

static int upload_check_work(struct op *op)
{
	return upload_check(&action_of_op(op)->upload);
}

/* 0, or a negative errno for the 554 or 555. */
static int upload_check_marker(const struct action *action)
{
	const struct upload *upload = &action->upload;
	const struct marker_file file = { .device = upload->device,
					  .inode = upload->inode,
					  .origin = upload->origin.number,
					  .written = true };
	int r;

	if (!action->restart_marked)
		return 0;
	r = upload->origin.number ? restart_check_marker(action, &file) : -EKEYREJECTED;
	return r == 0 && (off_t)action->marker.offset > upload->origin.limit ? -EKEYREJECTED : r;
}

/* The upload is there, and will not be. */
static void upload_refuse(struct session *session, int error)
{
	if (session->aborts > 0)
		session_reply(session, REPLY_426_TRANSFER_ABORTED, "Transfer aborted");
	else
		session_reply_error(session, error, session->action->path);
	session_doubt_data(session);
	session_give_up(session);
}

static void upload_checked(struct op *op, int result)
{
	struct action *action = action_of_op(op);
	struct session *session = action->session;

	if (result < 0) {
		action->uploads = false;
		session_doubt_data(session);
		session_refuse_transfer(session, result);
		return;
	}
	action->transfer.kind = TRANSFER_RECEIVE_FILE;
	result = upload_check_marker(action);
	if (result == 0)
		result = session_take_memory(session, 0);
	if (result < 0 || session_has_given_up(session)) {
		upload_refuse(session, result);
		return;
	}
	/* The name as RETR takes it from where the client is: its own folder part, our last name. */
	memcpy(action->other + action->other_length, action->upload.name,
	       strlen(action->upload.name) + 1);
	if (action->upload.unique) /* RFC 1123 section 4.1.2.9: exactly this form */
		reply_text_name(session_reply_text(session), session_preliminary(session),
				"FILE: ", view_of(action->other), "");
	else
		session_reply(session, session_preliminary(session), "Ready to receive the file");
	session_data_open(session);
	session_run(session); /* ABOR and STAT may have come already */
}

static void session_store(struct session *session, struct view argument, bool append, bool unique)
{
	struct action *action;
	struct upload *upload;
	struct disk disk;

	if (!session_can_do(session, representation_refusal(&session->representation)) ||
	    !session_range_fits(session))
		return;
	if (session->restart > 0 && !representation_keeps_length(&session->representation)) {
		session_reply(session, REPLY_554_BAD_RESTART,
			      "Where an upload goes on cannot be found from a number of bytes in "
			      "this TYPE and STRU; use TYPE I and STRU F");
		return;
	}
	if ((session->restart > 0 || session->range_end > 0 || session->restart_mark) && unique) {
		session_reply(session, REPLY_554_BAD_RESTART,
			      "A file that is made anew cannot be restarted; use STOR");
		return;
	}
	action = session_command_begin(session);
	if (!action || !session_take_marker(session))
		return;
	upload = &action->upload;
	if (action->restart_marked)
		action->restart = (int64_t)action->marker.offset;
	*upload = (struct upload){ .root = session->tree.root,
				   .append = append && action->restart == 0 &&
					     !action->restart_marked && action->range_end == 0,
				   .unique = unique,
				   .offset = (off_t)action->restart,
				   .from_marker = action->restart_marked,
				   .scattered = action->representation.structure == STRUCTURE_PAGE,
				   .range_end = (off_t)action->range_end,
				   .reserve_bytes = (off_t)session->allocate_bytes,
				   .atomic = session->context->config->uploads_atomic && !unique,
				   .owner = session_owner(session),
				   .mask = session->creation_mask,
				   .folder = -1,
				   .fd = -1,
				   .source = -1,
				   .copied_from = -1 };
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

/* Whether a path is a folder's by its form alone: "", "a/", "a/.", "..". */
static bool path_is_of_folder(struct view path)
{
	size_t start = path.length;
	struct view name;

	while (start > 0 && path.at[start - 1] != '/')
		start--;
	name = view_skip(path, start);
	return name.length == 0 || view_is(name, ".") || view_is(name, "..");
}

/* A folder gets a file of our name, and the reply names it by that (RFC 1123 section 4.1.2.9). */
void command_stou(struct session *session, struct view argument)
{
	char path[PATH_BYTES_MAX];
	size_t length = argument.length;

	if (!path_is_of_folder(argument)) {
		session_store(session, argument, false, true);
		return;
	}
	if (length + 1 + sizeof("stou") > sizeof(path)) {
		session_reply(session, REPLY_553_NAME_NOT_ALLOWED,
			      "The path is longer than %d bytes", PATH_BYTES_MAX - 1);
		return;
	}
	memcpy(path, argument.at, length);
	if (length > 0 && path[length - 1] != '/')
		path[length++] = '/';
	strcpy(path + length, "stou");
	session_store(session, (struct view){ path, length + 4 }, false, true);
}
