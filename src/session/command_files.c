/*
 * Commands about files and folders that move no data (RFC 959 section 4.1.3, RFC 3659): CWD, CDUP,
 * MKD, RMD, DELE, RNFR, RNTO, SIZE, MDTM, MLST. Each is a start and an end; the end is called at
 * once where the kernel has cached what is asked for.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "fs/folders.h"
#include "fs/path.h"
#include "protocol/time_value.h"
#include "represent/count.h"
#include "session/session_priv.h"
#include "sys/identity.h"

static struct session *session_of_request(struct tree_request *request)
{
	struct action *action =
		(struct action *)(void *)((char *)request - offsetof(struct action, request));

	return action->session;
}

/* The common end: an error is answered here, and the command is over. */
static void session_looked_at(struct session *session, int result)
{
	struct action *action = session->action;

	if (result < 0) {
		session_refuse_command(session, result);
		return;
	}
	file_close(&action->request.disk, session->context->ring, result);
	session_command_end(session);
}

static void session_set_folder(struct session *session, const char *path)
{
	bool is_root = strcmp(path, "/") == 0;
	char *folder = is_root ? NULL : calls->allocate(strlen(path) + 1);

	if (!is_root && !folder) {
		session_reply_error(session, -ENOMEM, path);
		return;
	}
	if (folder)
		strcpy(folder, path);
	free(session->folder);
	session->folder = folder;
	reply_text_path(session_reply_text(session), REPLY_250_FILE_ACTION_OKAY,
			session_folder(session), session_text(session, "is the working folder"));
}

/* folder: open, or a negative errno. */
static void cwd_end(struct session *session, int folder, int may_enter)
{
	if (folder >= 0 && may_enter < 0) {
		file_close(&session->action->request.disk, session->context->ring, folder);
		folder = may_enter;
	}
	if (folder >= 0 && !session->closing)
		session_set_folder(session, session->action->path);
	session_looked_at(session, folder);
}

static void cwd_tried_to_enter(struct op *op, int result)
{
	struct action *action = (struct action *)(void *)((char *)op - offsetof(struct action, op));

	if (result >= 0)
		file_close(&action->request.disk, action->session->context->ring, result);
	cwd_end(action->session, action->file, result < 0 ? result : 0);
}

static void cwd_done(struct tree_request *request, int result);

/* There is nothing of that name here: perhaps the operator has given it to a folder elsewhere (--alias). */
static void cwd_try_alias(struct session *session)
{
	struct action *action = session->action;
	const char *path = action->alias;

	action->alias = NULL;
	if (session_path(session, view_of(path), action->path))
		session_look(action, O_PATH | O_DIRECTORY, cwd_done);
	else
		session_command_end(session);
}

static void cwd_done(struct tree_request *request, int result)
{
	static const struct open_how how = { .flags = O_PATH | O_CLOEXEC };
	struct session *session = session_of_request(request);
	struct action *action = session->action;
	int may_enter = result < 0 ? 0 : tree_may_enter(&request->disk, result);

	if (result == -ENOENT && action->alias) {
		cwd_try_alias(session);
		return;
	}
	if (may_enter != -EAGAIN) {
		cwd_end(session, result, may_enter);
		return;
	}
	action->file = result;
	action->op.done = cwd_tried_to_enter;
	ring_open(session->context->ring, &action->op, result, ".", &how);
}

void command_cwd(struct session *session, struct view argument)
{
	struct action *action;

	if (argument.length == 0)
		argument = view_of("/");
	action = session_command_begin_on(session, argument);
	if (!action)
		return;
	action->alias = config_alias_find(session->context->config, argument);
	session_look(action, O_PATH | O_DIRECTORY, cwd_done);
}

void command_cdup(struct session *session, struct view argument)
{
	(void)argument;
	command_cwd(session, view_of(".."));
}

/* SIZE, MDTM and MLST: only regular files have the first two. */
static int file_result(const struct tree_request *request)
{
	return S_ISREG(request->stat.stx_mode)	 ? 0
	       : S_ISDIR(request->stat.stx_mode) ? -EISDIR
						 : -ENXIO;
}

static void size_done(struct tree_request *request, int result)
{
	struct session *session = session_of_request(request);
	int r = result < 0 ? result : file_result(request);

	if (r == 0)
		session_reply(session, REPLY_213_FILE_STATUS, "%llu",
			      (unsigned long long)request->stat.stx_size);
	else if (result >= 0)
		session_reply_error(session, r, session->action->path);
	session_looked_at(session, result);
}

static void size_of_part(struct session *session, int result)
{
	if (result == 0)
		session_reply(session, REPLY_213_FILE_STATUS, "%llu",
			      (unsigned long long)session->action->request.stat.stx_size);
	else
		session_reply_error(session, -ENOENT, session->action->path);
	session_command_end(session);
}

/* An upload of this client that was cut is what SIZE is about, as long as there is no file. */
static void size_or_part_done(struct tree_request *request, int result)
{
	struct session *session = session_of_request(request);

	if (result == -ENOENT && session_keeps_parts(session))
		session_look_for_part(session, size_of_part);
	else
		size_done(request, result);
}

static void size_counted(struct session *session, int64_t octets)
{
	struct action *action = session->action;

	file_close(&action->request.disk, session->context->ring, action->count_file);
	if (octets >= 0)
		session_reply(session, REPLY_213_FILE_STATUS, "%lld", (long long)octets);
	else if (octets == -EFBIG)
		session_reply(session, REPLY_550_FILE_UNAVAILABLE,
			      "The file is too large to count what would be sent; in TYPE I, "
			      "STRU F and MODE S nothing is counted");
	else
		session_reply_error(session, (int)octets, action->path);
	session_command_end(session);
}

/* The file is open, to be counted. */
static void size_opened(struct tree_request *request, int result)
{
	struct session *session = session_of_request(request);
	const char *refusal = representation_size_refusal(&session->representation,
							  (int64_t)request->stat.stx_size);

	if (result >= 0 && !session->closing && !refusal) {
		session_count(session, result, size_counted);
		return;
	}
	if (result >= 0 && refusal)
		session_reply(session, REPLY_504_PARAMETER_NOT_IMPLEMENTED, "%s",
			      session_text(session, refusal));
	session_looked_at(session, result);
}

void command_size(struct session *session, struct view argument)
{
	struct action *action;

	if (!session_can_do(session, representation_refusal(&session->representation)))
		return;
	if (!count_is_size(&session->representation)) {
		action = session_command_begin_on(session, argument);
		if (action)
			session_look(action, O_RDONLY | O_NONBLOCK, size_opened);
		return;
	}
	session_look_at(session, argument, O_PATH, size_or_part_done);
}

/* "20260102030405 path", or with a fraction: some clients set times so. */
static bool mdtm_is_setting(struct view argument)
{
	const char *space = memchr(argument.at, ' ', argument.length);
	int64_t seconds;

	return space && space + 1 < argument.at + argument.length &&
	       time_value_parse((struct view){ argument.at, (size_t)(space - argument.at) },
				&seconds) == 0;
}

static void mdtm_reply(struct session *session)
{
	char text[TIME_VALUE_LENGTH + 1] = "";

	time_value_format(session->action->request.stat.stx_mtime.tv_sec, text);
	session_reply(session, REPLY_213_FILE_STATUS, "%s", text);
}

/* There is nothing of that name, or only the part of an upload, which result says. */
static void mdtm_of_part(struct session *session, int result)
{
	if (result == 0)
		mdtm_reply(session);
	else if (session->mdtm_sets)
		session_reply(session, REPLY_501_SYNTAX_ARGUMENT,
			      "MDTM only tells a time; the command that sets one is MFMT");
	else
		session_reply_error(session, result, session->action->path);
	session_command_end(session);
}

static void mdtm_done(struct tree_request *request, int result)
{
	struct session *session = session_of_request(request);
	int r = result < 0 ? result : file_result(request);

	if (result == -ENOENT && session_keeps_parts(session)) {
		session_look_for_part(session, mdtm_of_part);
		return;
	}
	if (result < 0) {
		mdtm_of_part(session, result);
		return;
	}
	if (r == 0)
		mdtm_reply(session);
	else
		session_reply_error(session, r, session->action->path);
	session_looked_at(session, result);
}

void command_mdtm(struct session *session, struct view argument)
{
	session->mdtm_sets = mdtm_is_setting(argument);
	session_look_at(session, argument, O_PATH, mdtm_done);
}

struct entry_rights session_rights(const struct session *session, int may_write,
				   const struct statx *stat)
{
	const struct identity *identity = session->context->identity;
	struct entry_rights rights = { .uid = identity->uid,
				       .gid = identity->gid,
				       .may_write = session->may_write,
				       .identity = identity };

	entry_rights_of_folder(&rights, may_write, stat);
	return rights;
}

struct entry_rights session_rights_to_itself(const struct session *session)
{
	struct statx folder = { 0 };
	int may_write = -EACCES;

	if (session->may_write && session->facts & FACT_PERM)
		may_write = tree_look_at_folder(&session->tree, session->action->path, &folder);
	return session_rights(session, may_write, &folder);
}

static void mlst_done(struct tree_request *request, int result)
{
	struct session *session = session_of_request(request);
	char line[ENTRY_LINE_MAX + 2];

	if (result >= 0 && !session->closing) {
		struct reply_text *reply = session_reply_text(session);
		struct entry_rights rights = session_rights_to_itself(session);
		size_t length = entry_line_facts(&request->stat, view_of(session->action->path),
						 NULL, session->facts, &rights, line);

		reply_text_begin(reply, REPLY_250_FILE_ACTION_OKAY, "%s",
				 session_text(session, "Facts:"));
		reply_text_inner(reply, "%.*s", (int)length - 2, line);
		reply_text_line(reply, REPLY_250_FILE_ACTION_OKAY, "End");
	}
	session_looked_at(session, result);
}

void command_mlst(struct session *session, struct view argument)
{
	session_look_at(session, argument, O_PATH, mlst_done);
}

/* What changes names: the reply depends on the command alone. */
static void session_changed(struct tree_request *request, int result, const char *text)
{
	struct session *session = session_of_request(request);

	if (result < 0)
		session_reply_error(session, result, session->action->path);
	else
		session_reply(session, REPLY_250_FILE_ACTION_OKAY, "%s",
			      session_text(session, text));
	session_command_end(session);
}

/* What an upload left goes with the file of its name, or in its place. */
static int dele_part_work(struct action *action)
{
	return upload_partial_remove(action->session->tree.root, action->path,
				     session_owner(action->session));
}

static void dele_part_too(struct action *action, int result)
{
	(void)result; /* that of an upload under way stays */
	session_reply(action->session, REPLY_250_FILE_ACTION_OKAY, "File removed");
}

static void dele_part_alone(struct action *action, int result)
{
	if (result < 0)
		session_reply_error(action->session, result, action->path);
	else
		session_reply(action->session, REPLY_250_FILE_ACTION_OKAY,
			      "What came of the file is removed");
}

static void dele_done(struct tree_request *request, int result)
{
	struct session *session = session_of_request(request);

	if ((result != 0 && result != -ENOENT) || !session_keeps_parts(session)) {
		session_changed(request, result, "File removed");
		return;
	}
	session->action->change =
		(struct change){ .work = dele_part_work,
				 .answer = result == 0 ? dele_part_too : dele_part_alone };
	session_change_begin(session->action);
}

/* What listings do not show does not keep a folder. */
static int rmd_parts_work(struct action *action)
{
	return upload_remove_folder(action->session->tree.root, action->path);
}

static void rmd_parts_answer(struct action *action, int result)
{
	struct session *session = action->session;

	if (result == -EALREADY)
		session_reply(session, REPLY_550_FILE_UNAVAILABLE,
			      "A file is being uploaded to this folder");
	else if (result < 0)
		session_reply_error(session, result, action->path);
	else
		session_reply(session, REPLY_250_FILE_ACTION_OKAY, "Folder removed");
}

static void rmd_done(struct tree_request *request, int result)
{
	struct action *action = session_of_request(request)->action;

	if (result != -ENOTEMPTY && result != -EEXIST) {
		session_changed(request, result, "Folder removed");
		return;
	}
	action->change = (struct change){ .work = rmd_parts_work, .answer = rmd_parts_answer };
	session_change_begin(action);
}

static void mkd_answer(struct action *action, int result)
{
	struct session *session = action->session;

	if (result < 0)
		session_reply_error(session, result, action->path);
	else if (!session->closing)
		reply_text_path(session_reply_text(session), REPLY_257_PATHNAME,
				view_of(action->path), session_text(session, "made"));
}

static void mkd_done(struct tree_request *request, int result)
{
	struct session *session = session_of_request(request);

	mkd_answer(session->action, result);
	session_command_end(session);
}

static void rnto_done(struct tree_request *request, int result)
{
	session_changed(request, result, "Renamed");
}

/* Begins a change of names. NULL if that was answered. */
static struct action *session_change(struct session *session, struct view argument,
				     void (*done)(struct tree_request *request, int result))
{
	struct action *action = session_command_begin_on(session, argument);

	if (action)
		action->request.done = done;
	return action;
}

static void session_change_started(struct action *action, int r)
{
	if (r != -EINPROGRESS)
		action->request.done(&action->request, r);
}

void command_dele(struct session *session, struct view argument)
{
	struct action *action = session_change(session, argument, dele_done);

	if (action)
		session_change_started(action, tree_remove(&action->request, action->path, 0));
}

void command_rmd(struct session *session, struct view argument)
{
	struct action *action = session_change(session, argument, rmd_done);

	if (action)
		session_change_started(action,
				       tree_remove(&action->request, action->path, AT_REMOVEDIR));
}

static int mkd_work(struct action *action)
{
	return folders_make(action->session->tree.root, action->path, action->change.mode);
}

void command_mkd(struct session *session, struct view argument)
{
	struct action *action = session_change(session, argument, mkd_done);

	if (!action)
		return;
	if (session->creation_mask) { /* the ring knows no mode but the process's */
		action->change = (struct change){ .work = mkd_work,
						  .answer = mkd_answer,
						  .mode = session->creation_mask };
		session_change_begin(action);
		return;
	}
	session_change_started(action, tree_make_folder(&action->request, action->path));
}

/* The name itself is looked at, not what a symbolic link points to. */
static void rnfr_done(struct tree_request *request, int result)
{
	struct session *session = session_of_request(request);

	if (result >= 0) {
		session->rename_from = calls->allocate(strlen(session->action->path) + 1);
		if (session->rename_from) {
			strcpy(session->rename_from, session->action->path);
			session_reply(session, REPLY_350_PENDING, "Send RNTO with the new name");
		} else {
			session_reply_error(session, -ENOMEM, session->action->path);
		}
	}
	session_looked_at(session, result);
}

void command_rnfr(struct session *session, struct view argument)
{
	session_look_at(session, argument, O_PATH | O_NOFOLLOW, rnfr_done);
}

void command_rnto(struct session *session, struct view argument)
{
	struct action *action = session_change(session, argument, rnto_done);

	if (!action)
		return;
	strcpy(action->other, session->rename_from);
	free(session->rename_from);
	session->rename_from = NULL;
	session_change_started(action, tree_rename(&action->request, action->other, action->path));
}
