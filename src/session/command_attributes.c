/*
 * Facts of a file that a client sets: MFMT, MFF and MFCT (draft-somers-ftp-mfxx). The change is made
 * in a job thread, beneath the session's root (fs/attributes.h).
 */
#include <errno.h>
#include <string.h>

#include "fs/attributes.h"
#include "session/session_priv.h"

static struct action *action_of_op(struct op *op)
{
	return (struct action *)(void *)((char *)op - offsetof(struct action, op));
}

static int attributes_work(struct op *op)
{
	struct action *action = action_of_op(op);

	return attributes_apply(action->session->tree.root, action->path, &action->attributes);
}

/* The path stands in the reply as the client has written it. */
static void attributes_reply(struct session *session)
{
	const struct action *action = session->action;
	char text[ATTRIBUTES_TEXT_MAX + 1];

	attributes_format(&action->attributes, text);
	if (action->attributes_of_mfmt)
		text[0] = 'M'; /* "Modify=", as the draft has it of MFMT alone */
	strcat(text, " ");
	reply_text_name(session_reply_text(session), REPLY_213_FILE_STATUS, text,
			(struct view){ action->other, action->other_length }, "");
}

static void attributes_done(struct op *op, int result)
{
	struct action *action = action_of_op(op);
	struct session *session = action->session;

	if (result < 0)
		session_reply_error(session, result, action->path);
	else if (!session->closing)
		attributes_reply(session);
	session_command_end(session);
}

static void attributes_change(struct session *session, struct view path,
			      const struct attributes *attributes, bool of_mfmt)
{
	struct action *action = session_command_begin_on(session, path);
	struct disk disk;

	if (!action)
		return;
	/* No longer than the path that it became a part of, but for "." and "/" over and over. */
	action->other_length = path.length < sizeof(action->other) ? path.length
								   : sizeof(action->other);
	memcpy(action->other, path.at, action->other_length);
	action->attributes = *attributes;
	action->attributes_of_mfmt = of_mfmt;
	disk = tree_locate(&session->tree, action->path);
	session_disk_job(action, &disk, attributes_work, attributes_done);
}

/* Cuts "what path" at the first space. False without one, or with nothing on a side of it. */
static bool argument_cut(struct view argument, struct view *ret_what, struct view *ret_path)
{
	const char *space = memchr(argument.at, ' ', argument.length);
	size_t length = space ? (size_t)(space - argument.at) : 0;

	if (length == 0 || length + 1 == argument.length)
		return false;
	*ret_what = (struct view){ argument.at, length };
	*ret_path = view_skip(argument, length + 1);
	return true;
}

void command_mfmt(struct session *session, struct view argument)
{
	struct attributes attributes = { 0 };
	struct view time;
	struct view path;

	if (!argument_cut(argument, &time, &path))
		session_reply(session, REPLY_501_SYNTAX_ARGUMENT,
			      "MFMT takes a time and a path, as in MFMT 20260102030405 a");
	else if (attributes_parse_time(time, &attributes) < 0)
		session_reply(session, REPLY_501_SYNTAX_ARGUMENT,
			      "No calendar has this time; it is written YYYYMMDDHHMMSS, in UTC");
	else
		attributes_change(session, path, &attributes, true);
}

void command_mff(struct session *session, struct view argument)
{
	struct attributes attributes;
	struct view facts;
	struct view path;
	int r = argument_cut(argument, &facts, &path) ? attributes_parse(facts, &attributes)
						      : -EINVAL;

	if (r == -EOPNOTSUPP)
		session_reply(session, REPLY_504_PARAMETER_NOT_IMPLEMENTED,
			      "Of the facts only modify, UNIX.mode and UNIX.group can be set");
	else if (r == -ERANGE)
		session_reply(session, REPLY_504_PARAMETER_NOT_IMPLEMENTED,
			      "Set-user-ID, set-group-ID and sticky bits are not set by FTP; a "
			      "mode is at most 777");
	else if (r == -EDOM)
		session_reply(session, REPLY_501_SYNTAX_ARGUMENT,
			      "UNIX.group takes the number of a group, as MLST tells it");
	else if (r < 0)
		session_reply(session, REPLY_501_SYNTAX_ARGUMENT,
			      "MFF takes facts and a path, as in MFF "
			      "modify=20260102030405;UNIX.mode=0644; a");
	else
		attributes_change(session, path, &attributes, false);
}

void command_mfct(struct session *session, struct view argument)
{
	(void)argument;
	session_reply(session, REPLY_504_PARAMETER_NOT_IMPLEMENTED,
		      "Linux does not let anybody set the time a file was made; MFMT sets the "
		      "time of its last change");
}
