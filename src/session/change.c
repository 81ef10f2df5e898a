#include "session/change.h"

#include <errno.h>
#include <stdlib.h>

#include "session/session_priv.h"

static void change_begin_piece(struct action *action);

static struct action *action_of_op(struct op *op)
{
	return (struct action *)(void *)((char *)op - offsetof(struct action, op));
}

static void change_end(struct action *action)
{
	struct session *session = action->session;
	struct change *change = &action->change;
	int result = change->result;

	free(change->state);
	change->state = NULL;
	action->transfers = false;
	if (result < 0 && session->aborts > 0) {
		session_refuse_command(session, result);
		return;
	}
	if (change->answer)
		change->answer(action, result);
	else if (result < 0)
		session_reply_error(session, result, action->path);
	else
		session_reply(session, change->code, "%s", session_text(session, change->text));
	session_command_end(session);
}

static void change_finish(struct action *action)
{
	struct change *change = &action->change;

	if (change->finish && !change->finished)
		change->result = change->finish(action, change->result);
	change->finished = true;
}

static int finish_work(struct op *op)
{
	change_finish(action_of_op(op));
	return 0;
}

static void finish_done(struct op *op, int result)
{
	(void)result;
	change_finish(action_of_op(op)); /* unless it is: no job thread took it */
	change_end(action_of_op(op));
}

static int piece_work(struct op *op)
{
	struct action *action = action_of_op(op);
	int r = action->change.work(action);

	if (r != -EINPROGRESS) {
		action->change.result = r;
		change_finish(action);
	}
	return r;
}

static void piece_done(struct op *op, int result)
{
	struct action *action = action_of_op(op);
	struct change *change = &action->change;

	if (change->finished) {
		change_end(action);
		return;
	}
	if (result == -EINPROGRESS && !session_has_given_up(action->session)) {
		change_begin_piece(action);
		return;
	}
	change->result = result == -EINPROGRESS ? -ECANCELED : result;
	if (change->finish)
		session_disk_job_surely(action, &action->request.disk, finish_work, finish_done);
	else
		change_end(action);
}

static void change_begin_piece(struct action *action)
{
	session_disk_job(action, &action->request.disk, piece_work, piece_done);
}

void session_change_touches(struct action *action, const char *path)
{
	struct disk disk = tree_locate(&action->session->tree, path);

	if (!action->change.placed || disk.kind == DISK_REMOTE)
		action->request.disk = disk;
	action->change.placed = true;
}

void session_change_begin(struct action *action)
{
	session_change_touches(action, action->path);
	change_begin_piece(action);
}

void session_change_begin_long(struct action *action)
{
	action->transfers = true;
	session_change_begin(action);
}
