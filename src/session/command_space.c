/*
 * Room on the disk and room that a folder takes: AVBL and DSIZ of
 * draft-peterson-streamlined-ftp-command-extensions. Both ask a disk, so job threads do; a large tree
 * takes many jobs, and the session may end between any two.
 */
#include <errno.h>

#include "fs/space.h"
#include "session/session_priv.h"

static struct action *action_of_op(struct op *op)
{
	return (struct action *)(void *)((char *)op - offsetof(struct action, op));
}

static void space_reply(struct session *session, int result, uint64_t bytes)
{
	if (result == -EOVERFLOW)
		session_reply(session, REPLY_550_FILE_UNAVAILABLE,
			      "The folder holds more than %d names, or is deeper than %d folders",
			      FOLDER_SIZE_NAMES_MAX, FOLDER_SIZE_DEPTH_MAX);
	else if (result < 0)
		session_reply_error(session, result, session->action->path);
	else
		session_reply(session, REPLY_213_FILE_STATUS, "%llu", (unsigned long long)bytes);
}

static int avbl_work(struct op *op)
{
	struct action *action = action_of_op(op);

	return space_available(action->session->tree.root, action->path, &action->space_bytes);
}

static void avbl_done(struct op *op, int result)
{
	struct action *action = action_of_op(op);

	space_reply(action->session, result, action->space_bytes);
	session_command_end(action->session);
}

void command_avbl(struct session *session, struct view argument)
{
	struct action *action = session_command_begin_on(session, argument);
	struct disk disk;

	if (!action)
		return;
	disk = tree_locate(&session->tree, action->path);
	session_disk_job(action, &disk, avbl_work, avbl_done);
}

static int dsiz_work(struct op *op)
{
	return folder_size_more(action_of_op(op)->folder_size);
}

static void dsiz_done(struct op *op, int result);

static void dsiz_continue(struct action *action)
{
	session_disk_job(action, &action->request.disk, dsiz_work, dsiz_done);
}

static void dsiz_done(struct op *op, int result)
{
	struct action *action = action_of_op(op);
	struct session *session = action->session;

	if (result == 1 && !session->closing) {
		dsiz_continue(action);
		return;
	}
	space_reply(session, result, folder_size_bytes(action->folder_size));
	folder_size_free(action->folder_size);
	session_command_end(session);
}

void command_dsiz(struct session *session, struct view argument)
{
	struct action *action = session_command_begin_on(session, argument);
	int r;

	if (!action)
		return;
	r = seats_take(&session->context->folder_sizes, &session->peer, &action->party, 1);
	if (r == 0)
		r = folder_size_new(session->tree.root, action->path, &action->folder_size);
	if (r < 0) {
		session_refuse_command(session, r);
		return;
	}
	action->request.disk = tree_locate(&session->tree, action->path);
	dsiz_continue(action);
}
