/*
 * RMDA (draft-peterson-streamlined-ftp-command-extensions): a folder goes with all in it.
 */
#include <errno.h>

#include "fs/removal.h"
#include "session/session_priv.h"

static int rmda_work(struct action *action)
{
	return removal_step(action->change.state);
}

static int rmda_finish(struct action *action, int result)
{
	struct removal *removal = action->change.state;

	removal_finish(removal);
	strcpy(action->path, removal->path);
	return result;
}

static void rmda_answer(struct action *action, int result)
{
	struct session *session = action->session;

	if (result == -EXDEV)
		session_reply_about(session, REPLY_550_FILE_UNAVAILABLE,
				    "Another file system is mounted there, and left alone",
				    action->path);
	else if (result == -EOVERFLOW)
		session_reply(session, REPLY_550_FILE_UNAVAILABLE,
			      "The tree is deeper than %d folders: remove it from below",
			      TREE_DEPTH_MAX);
	else if (result < 0)
		session_reply_error(session, result, action->path);
	else
		session_reply(session, REPLY_250_FILE_ACTION_OKAY,
			      "Folder removed, with all in it");
}

void command_rmda(struct session *session, struct view argument)
{
	struct action *action = session_command_begin_on(session, argument);
	struct removal *removal;

	if (!action)
		return;
	removal = calls->allocate(sizeof(*removal));
	if (!removal) {
		session_refuse_command(session, -ENOMEM);
		return;
	}
	removal_init(removal, session->tree.root, action->path);
	action->change = (struct change){
		.work = rmda_work, .finish = rmda_finish, .answer = rmda_answer, .state = removal
	};
	session_change_begin_long(action);
}
