/*
 * Names of which there is no file yet, only what an upload has left that was cut, or brings just now
 * (--uploads=atomic, fs/upload.h). To its owner SIZE and MDTM tell of that part, DELE removes it, and
 * what else needs a file is refused with the reason: listings and others know of none.
 */
#include <errno.h>

#include "session/session_priv.h"

bool session_keeps_parts(const struct session *session)
{
	return session->may_write && session->context->config->uploads_atomic;
}

static int part_work(struct op *op)
{
	struct action *action = (struct action *)(void *)((char *)op - offsetof(struct action, op));
	const struct session *session = action->session;

	return upload_partial_stat(session->tree.root, action->path, session_owner(session),
				   &action->request.stat);
}

static void part_looked_for(struct op *op, int result)
{
	struct action *action = (struct action *)(void *)((char *)op - offsetof(struct action, op));

	action->on_part(action->session, result);
}

void session_look_for_part(struct session *session,
			   void (*done)(struct session *session, int result))
{
	struct action *action = session->action;
	struct disk disk = tree_locate(&session->tree, action->path);

	action->on_part = done;
	session_disk_job(action, &disk, part_work, part_looked_for);
}

static void part_explains(struct session *session, int result)
{
	if (session->aborts > 0)
		session_reply(session, REPLY_426_TRANSFER_ABORTED, "Transfer aborted");
	else if (result == 0)
		session_reply(session, session->name_refusal,
			      "An upload of it is not complete; SIZE tells how far it has come");
	else
		session_reply_error(session, -ENOENT, session->action->path);
	session_command_end(session);
}

bool session_explain_part(struct session *session, int error)
{
	if (error != -ENOENT || session_has_given_up(session) || !session_keeps_parts(session))
		return false;
	session_look_for_part(session, part_explains);
	return true;
}
