/*
 * Copies on the server, which no byte leaves for: SITE CPFR names a file, SITE CPTO the name of the
 * copy, as ProFTPD has them. The two belong together as RNFR and RNTO do.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "fs/copy.h"
#include "session/session_priv.h"

static void cpfr_done(struct tree_request *request, int result)
{
	struct action *action =
		(struct action *)(void *)((char *)request - offsetof(struct action, request));
	struct session *session = action->session;
	int r = result < 0 ? result : resolve_check_file(&request->stat);

	if (result >= 0)
		file_close(&request->disk, session->context->ring, result);
	if (r == 0) {
		session->rename_from = calls->allocate(strlen(action->path) + 1);
		r = session->rename_from ? 0 : -ENOMEM;
	}
	if (r == 0) {
		strcpy(session->rename_from, action->path);
		session->copies = true;
		session_reply(session, REPLY_350_PENDING,
			      "Send SITE CPTO with the name of the copy");
	} else {
		session_reply_error(session, r, action->path);
	}
	session_command_end(session);
}

void site_cpfr(struct session *session, struct view argument)
{
	session_look_at(session, argument, O_PATH, cpfr_done);
}

static int cpto_work(struct action *action)
{
	return copy_step(action->change.state);
}

static int cpto_finish(struct action *action, int result)
{
	int r = copy_finish(action->change.state, result == 0);

	return result < 0 ? result : r;
}

void site_cpto(struct session *session, struct view argument)
{
	struct action *action;
	struct copy *copy;

	if (!session->rename_from || !session->copies) {
		session_reply(session, REPLY_503_BAD_SEQUENCE, "Send SITE CPFR first");
		return;
	}
	action = session_command_begin_on(session, argument);
	if (!action)
		return;
	copy = calls->allocate(sizeof(*copy));
	if (!copy) {
		session_refuse_command(session, -ENOMEM);
		return;
	}
	copy_init(copy, session->tree.root, session->rename_from, action->path,
		  session_owner(session), session->creation_mask);
	session_forget_rename(session);
	action->change = (struct change){ .work = cpto_work,
					  .finish = cpto_finish,
					  .state = copy,
					  .code = REPLY_250_FILE_ACTION_OKAY,
					  .text = "Copied" };
	session_change_touches(action, copy->from);
	session_change_begin_long(action);
}
