/*
 * COMB, as Globalscape's servers have it: the parts of a file, which a client has sent by several
 * connections, become one, and go.
 */
#include <errno.h>
#include <stdlib.h>

#include "fs/joining.h"
#include "protocol/words.h"
#include "session/session_priv.h"

static int comb_work(struct action *action)
{
	return joining_step(action->change.state);
}

static int comb_finish(struct action *action, int result)
{
	struct joining *joining = action->change.state;

	joining_finish(joining, result);
	if (joining->blamed)
		strcpy(action->path, joining->blamed);
	action->change.parts_stay = result < 0 && joining->complete;
	return result;
}

static void comb_answer(struct action *action, int result)
{
	struct session *session = action->session;

	if (action->change.parts_stay)
		session_reply_about(session, REPLY_550_FILE_UNAVAILABLE,
				    "Joined, but not all parts could be removed", action->path);
	else if (result == -ENOTUNIQ)
		session_reply(session, REPLY_550_FILE_UNAVAILABLE,
			      "A file cannot be joined to itself, nor twice; name each once");
	else if (result < 0)
		session_reply_error(session, result, action->path);
	else
		session_reply(session, REPLY_250_FILE_ACTION_OKAY, "Joined; the parts are removed");
}

/* The paths of all names, the first of which is the target. False after a reply. */
static bool comb_paths(struct session *session, const struct view *names, struct joining *joining)
{
	if (!session_path(session, names[0], joining->target))
		return false;
	for (unsigned i = 0; i < joining->count; i++)
		if (!session_path(session, names[1 + i], joining->parts[i].path))
			return false;
	return true;
}

void command_comb(struct session *session, struct view argument)
{
	char bytes[COMMAND_LINE_MAX];
	struct view names[1 + COMB_PARTS_MAX];
	struct joining *joining;
	struct action *action;
	int count = words_parse(argument, bytes, names, 1 + COMB_PARTS_MAX);

	if (count < 2) {
		session_reply(
			session, REPLY_501_SYNTAX_ARGUMENT,
			"COMB takes a target and 1 to %d parts, as in COMB \"a\" \"a 1\" \"a 2\"",
			COMB_PARTS_MAX);
		return;
	}
	action = session_command_begin(session);
	if (!action)
		return;
	joining = joining_new((unsigned)count - 1);
	if (!joining) {
		session_refuse_command(session, -ENOMEM);
		return;
	}
	if (!comb_paths(session, names, joining)) {
		free(joining);
		session_command_end(session);
		return;
	}
	joining->root = session->tree.root;
	joining->mask = session->creation_mask;
	strcpy(action->path, joining->target);
	action->change = (struct change){
		.work = comb_work, .finish = comb_finish, .answer = comb_answer, .state = joining
	};
	for (unsigned i = 0; i < joining->count; i++)
		session_change_touches(action, joining->parts[i].path);
	session_change_begin_long(action);
}
