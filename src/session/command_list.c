/*
 * Listings (RFC 959 section 4.1.3, RFC 3659 section 7): LIST, NLST, MLSD, and STAT of a path, which
 * is a LIST over the control connection.
 *
 * What an argument means is found in steps: a file or folder of just that name; else, without
 * the dash options that many clients put before a path; else a pattern in its last component. The
 * options are those of some ls and change nothing: names with a leading dot are listed in any case.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "fs/glob.h"
#include "fs/listing_cache.h"
#include "fs/listing_draft.h"
#include "fs/path.h"
#include "session/session_priv.h"

#define STAT_BYTES (2 * ENTRY_LINE_MAX) /* lines of STAT at a time */

enum listing_stage { STAGE_LITERAL, STAGE_OPTIONS, STAGE_PATTERN, STAGE_FOLDER };

static void list_done(struct tree_request *request, int result);
static void list_open(struct session *session, struct view argument);

static struct action *action_of_request(struct tree_request *request)
{
	return (struct action *)(void *)((char *)request - offsetof(struct action, request));
}

static struct view list_argument(const struct action *action)
{
	return (struct view){ action->other, action->other_length };
}

/* Takes "-la " off the argument's front. Returns false if there is no such thing. */
static bool list_strip_options(struct action *action)
{
	struct view argument = list_argument(action);
	size_t at = 0;

	if (argument.length == 0 || argument.at[0] != '-')
		return false;
	while (at < argument.length && argument.at[at] == '-') {
		while (at < argument.length && argument.at[at] != ' ')
			at++;
		while (at < argument.length && argument.at[at] == ' ')
			at++;
	}
	memmove(action->other, action->other + at, argument.length - at);
	action->other_length = argument.length - at;
	return true;
}

/* Up to the last slash with something behind it. */
static struct view folder_of_pattern(struct view path)
{
	const char *at = path.at;

	while (path.length > 0 &&
	       (at[path.length - 1] == '/' ||
		(path.length > 1 && at[path.length - 1] == '.' && at[path.length - 2] == '/')))
		path.length--;
	while (path.length > 0 && at[path.length - 1] != '/')
		path.length--;
	return path;
}

/* What NLST puts before each name, so that RETR takes the line as it stands: the argument up to
 * its last slash (a pattern), or all of it (a folder). */
static struct view list_prefix(struct action *action)
{
	struct view prefix = list_argument(action);

	if (action->listing_stage == STAGE_PATTERN)
		return folder_of_pattern(prefix);
	if (prefix.length == 0 || prefix.at[prefix.length - 1] == '/' ||
	    prefix.length + 1 >= sizeof(action->other))
		return prefix;
	action->other[prefix.length] = '/';
	prefix.length++;
	return prefix;
}

/* Whether names in the folder can be made, as far as perm has to know. */
static int list_may_write(const struct action *action, int folder)
{
	const struct session *session = action->session;

	if (!session->may_write || !(session->facts & FACT_PERM) ||
	    action->listing_format != LISTING_MLSD)
		return -EACCES;
	return action->request.disk.kind == DISK_REMOTE ? 0 : calls->may_write(folder);
}

/* What is kept is sent as the part of a file that it is. */
static int list_use_cached(struct session *session)
{
	struct action *action = session->action;
	struct transfer *transfer = &action->transfer;
	int r;

	transfer->kind = TRANSFER_SEND_FILE;
	transfer->lines = true;
	transfer->disk = (struct disk){ .kind = DISK_MEMORY };
	action->file = listing_cache_file(action->cached, &transfer->offset, &transfer->end);
	r = session_take_memory(session, 0);
	if (r < 0)
		listing_cache_give(action->cached);
	return r;
}

/* The folder and the draft are the listing's, or closed and abandoned. */
static int list_begin_new(struct session *session, const struct listing_request *request)
{
	struct action *action = session->action;
	int r;

	action->transfer.kind = TRANSFER_SEND_LISTING;
	action->transfer.disk = action->request.disk;
	r = session_take_memory(session, listing_bytes_max());
	if (r == 0)
		return listing_new(request, &action->listing);
	file_close(&action->request.disk, session->context->ring, request->folder);
	listing_draft_abandon(request->draft);
	return r;
}

/* Finds the listing of an open folder among those that are kept, or begins a new one. */
static int list_make(struct session *session, int folder)
{
	struct action *action = session->action;
	struct listing_cache *cache = action->listing_stat ? NULL : session->context->listings;
	struct listing_request request = {
		.folder = folder,
		.root = session->tree.root,
		.folder_path = view_of(action->path),
		.format = action->listing_format,
		.facts = session->facts,
		.pattern = view_of(action->listing_stage == STAGE_PATTERN ? action->pattern : ""),
		.prefix = action->listing_format == LISTING_NLST ? list_prefix(action)
								 : view_of(""),
		.rights = session_rights(session, list_may_write(action, folder),
					 &action->request.stat),
		.own_rights = session_rights_to_itself(session),
		.now_s = ring_wall_s(session->context->ring),
	};

	action->cached = listing_cache_take(cache, &request, &action->request.stat,
					    &action->request.disk, &request.draft);
	if (!action->cached)
		return list_begin_new(session, &request);
	file_close(&action->request.disk, session->context->ring, folder);
	return list_use_cached(session);
}

static void list_begin(struct session *session)
{
	struct action *action = session->action;

	if (action->listing_stat) {
		reply_text_begin(session_reply_text(session), REPLY_212_DIRECTORY_STATUS, "%s",
				 session_text(session, "Status:"));
		session_stat_continue(session);
		return;
	}
	session_transfer_begin(session, "Here comes the listing");
}

/* A folder is open for reading. */
static void folder_done(struct tree_request *request, int result)
{
	struct action *action = action_of_request(request);
	struct session *session = action->session;

	if (result >= 0 && session_has_given_up(session)) {
		file_close(&request->disk, session->context->ring, result);
		result = -ECANCELED;
	}
	if (result >= 0)
		result = list_make(session, result);
	if (result < 0)
		session_refuse_command(session, result);
	else
		list_begin(session);
}

static void list_open_folder(struct session *session)
{
	struct action *action = session->action;
	int r;

	action->request.done = folder_done;
	r = tree_open(&action->request, action->path, O_RDONLY | O_DIRECTORY);
	if (r != -EINPROGRESS)
		folder_done(&action->request, r);
}

/* STAT of a file. line ends with CR LF, which the reply has of its own. */
static void stat_file(struct session *session, struct view line)
{
	struct reply_text *reply = session_reply_text(session);

	reply_text_begin(reply, REPLY_213_FILE_STATUS, "%s", session_text(session, "Status:"));
	reply_text_inner(reply, "%.*s", (int)line.length - 2, line.at);
	reply_text_line(reply, REPLY_213_FILE_STATUS, "End");
	session_command_end(session);
}

/* A file: its line is the whole listing, made here and sent like one. */
static void list_file(struct session *session)
{
	struct action *action = session->action;
	struct tree_request *request = &action->request;
	struct view name = list_argument(action);
	char line[ENTRY_LINE_MAX];
	size_t length;
	int r;

	if (action->listing_format == LISTING_MLSD) {
		session_reply(session, REPLY_501_SYNTAX_ARGUMENT,
			      "MLSD is for folders; MLST tells about a file");
		session_command_end(session);
		return;
	}
	if (action->listing_format == LISTING_NLST)
		length =
			(size_t)snprintf(line, sizeof(line), "%.*s\r\n", (int)name.length, name.at);
	else
		length = entry_line_list(&request->stat, name, view_of(""),
					 ring_wall_s(session->context->ring), line);
	if (action->listing_stat) {
		stat_file(session, (struct view){ line, length });
		return;
	}
	action->transfer.kind = TRANSFER_SEND_LISTING;
	r = session_take_memory(session, 0);
	if (r == 0)
		action->transfer.buffer = dtp_take_buffer(&session->context->dtp);
	if (!action->transfer.buffer) {
		session_refuse_command(session, r < 0 ? r : -ENOMEM);
		return;
	}
	memcpy(action->transfer.buffer, line, length);
	action->transfer.chunk = action->transfer.buffer;
	action->transfer.chunk_bytes = length;
	action->transfer.source_ended = true;
	session_transfer_begin(session, "Here comes the line");
}

/* Nothing has that name: what else may be meant? Returns false if nothing. */
static bool list_try_otherwise(struct session *session)
{
	struct action *action = session->action;
	struct view argument;
	struct view pattern;
	int r;

	if (action->listing_stage == STAGE_LITERAL && action->listing_format != LISTING_MLSD &&
	    list_strip_options(action)) {
		action->listing_stage = STAGE_OPTIONS;
		list_open(session, list_argument(action));
		return true;
	}
	argument = view_of(action->path);
	pattern = path_name(argument);
	if (action->listing_stage == STAGE_PATTERN || action->listing_format == LISTING_MLSD ||
	    !glob_is_pattern(pattern) || pattern.length >= sizeof(action->pattern))
		return false;
	memcpy(action->pattern, pattern.at, pattern.length);
	action->pattern[pattern.length] = '\0';
	action->listing_stage = STAGE_PATTERN;
	action->path[path_folder(argument).length] = '\0';
	r = seats_take(&session->context->patterns, &session->peer, &action->party, 1);
	if (r < 0)
		session_refuse_command(session, r);
	else
		list_open_folder(session);
	return true;
}

/* Whether an error says that there is no such name: what seems to be a long one, or to lead
 * through a file, may be a path behind options. */
static bool error_is_of_name(int error)
{
	return error == -ENOENT || error == -ENAMETOOLONG || error == -ENOTDIR;
}

static void list_done(struct tree_request *request, int result)
{
	struct action *action = action_of_request(request);
	struct session *session = action->session;

	if (result < 0) {
		if (session_has_given_up(session) || !error_is_of_name(result) ||
		    !list_try_otherwise(session))
			session_refuse_command(session, result);
		return;
	}
	file_close(&request->disk, session->context->ring, result);
	if (session_has_given_up(session))
		session_refuse_command(session, -ECANCELED);
	else if (S_ISDIR(request->stat.stx_mode))
		list_open_folder(session);
	else
		list_file(session);
}

/* Looks at what the argument names. */
static void list_open(struct session *session, struct view argument)
{
	struct action *action = session->action;
	int r;

	if (!session_path(session, argument, action->path)) {
		session_command_end(session);
		return;
	}
	action->request.done = list_done;
	r = tree_open(&action->request, action->path, O_PATH);
	if (r != -EINPROGRESS)
		list_done(&action->request, r);
}

static void session_list(struct session *session, struct view argument, enum listing_format format,
			 bool stat)
{
	struct representation representation =
		representation_of_listing(&session->representation, format == LISTING_MLSD);
	struct action *action;

	if (!stat && !session_can_do(session, representation_listing_refusal(&representation)))
		return;
	action = session_command_begin(session);
	if (!action)
		return;
	action->representation = representation;
	if (argument.length >= sizeof(action->other) - 1) {
		strcpy(action->path, "…");
		session_refuse_command(session, -ENAMETOOLONG);
		return;
	}
	memcpy(action->other, argument.at, argument.length);
	action->other_length = argument.length;
	action->listing_format = (uint8_t)format;
	action->listing_stat = stat;
	action->transfers = !stat;
	action->listing_stage = STAGE_LITERAL;
	list_open(session, list_argument(action));
}

void command_list(struct session *session, struct view argument)
{
	session_list(session, argument, LISTING_LIST, false);
}

void command_nlst(struct session *session, struct view argument)
{
	session_list(session, argument, LISTING_NLST, false);
}

void command_mlsd(struct session *session, struct view argument)
{
	session_list(session, argument, LISTING_MLSD, false);
}

/* STAT of a path: chunk by chunk, each made when the client has taken the one before. */
void session_stat_path(struct session *session, struct view argument)
{
	session_list(session, argument, LISTING_LIST, true);
}

static void stat_lines(struct session *session, struct view lines)
{
	while (lines.length > 0 && !session->closing) {
		const char *end = memchr(lines.at, '\r', lines.length);
		size_t length = end ? (size_t)(end - lines.at) : lines.length;

		reply_text_inner(session_reply_text(session), "%.*s", (int)length, lines.at);
		lines = view_skip(lines, end ? length + 2 : length);
	}
}

static int stat_work(struct op *op)
{
	struct action *action = (struct action *)(void *)((char *)op - offsetof(struct action, op));

	return (int)listing_fill(action->listing, action->transfer.buffer, STAT_BYTES);
}

static void stat_end(struct session *session, int result)
{
	struct action *action = session->action;

	if (result < 0 && !session->closing)
		reply_text_inner(session_reply_text(session),
				 session_text(session, "Not complete: %s"),
				 session->aborts > 0 ? session_text(session, "aborted")
						     : session_error_text(session, result));
	session_reply(session, REPLY_212_DIRECTORY_STATUS, "%s",
		      result < 0 ? session_text(session, "End, with an error") : "End");
	listing_free(action->listing);
	if (action->transfer.buffer)
		dtp_give_buffer(&session->context->dtp, action->transfer.buffer);
	action->listing = NULL;
	action->transfer.buffer = NULL;
	session_command_end(session);
}

static void stat_filled(struct op *op, int result)
{
	struct action *action = (struct action *)(void *)((char *)op - offsetof(struct action, op));
	struct session *session = action->session;

	if (result == 0 || (result < 0 && result != -EINPROGRESS)) {
		stat_end(session, result);
		return;
	}
	if (result > 0 && !session_has_given_up(session)) {
		stat_lines(session, (struct view){ action->transfer.buffer, (size_t)result });
		session_flush(session->context);
	}
	session_stat_continue(session);
}

void session_stat_continue(struct session *session)
{
	struct action *action = session->action;

	if (!action->listing || op_pending(&action->op) || queue_waits(&action->waiter))
		return;
	if (session_has_given_up(session)) {
		stat_end(session, -ECANCELED);
		return;
	}
	if (session_awaits_output(session))
		return;
	if (!action->transfer.buffer)
		action->transfer.buffer = dtp_take_buffer(&session->context->dtp);
	if (!action->transfer.buffer) {
		listing_free(action->listing);
		action->listing = NULL;
		session_reply(session, REPLY_212_DIRECTORY_STATUS, "End; no memory for this now");
		session_command_end(session);
		return;
	}
	session_disk_job(action, &action->request.disk, stat_work, stat_filled);
}
