/*
 * HASH (draft-bryan-ftpext-hash-02) and its kin: MD5 (draft-twine-ftpmd5-00), XCRC, XMD5, XSHA, XSHA1,
 * XSHA256, XSHA512, which no standard has. What they say:
 *
 *   HASH path      213 SHA-256 0-99 <hex> path   both ends inclusive, as the draft's ABNF and its
 *                                                example have it; of no bytes at all "0-0"
 *   MD5 path       251 path <HEX>                the hash is the last word: clients take that
 *   XCRC path      250 <HEX>                     in upper case, as GlobalSCAPE and Serv-U say it
 *
 * The hash is of the bytes in the file, which are those of TYPE I and MODE S, whatever TYPE is set:
 * WinSCP asks in TYPE A, and the draft's 551 is for files that cannot be sent so. A RANG before HASH
 * selects a part (and is 551 but in TYPE I); the others say it in their argument, both ends inclusive
 * and an end beyond the file's allowed, so that "0 <size>" and "0 <size - 1>" are the whole file.
 *
 *   open -> known? -> 213
 *                 \-> look -> turn, read, turn, ... -> end -> 213      fs/hash_file.h has the steps
 *
 * While it lasts a line of the reply is said every few seconds, so that no client gives up. A reply that
 * has begun can only end with its own code: if it fails then, its last line says so instead of a hash.
 * As during a transfer, ABOR ends it and STAT is answered at once (not any more once a line is said), and
 * other commands wait.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/hash_argument.h"
#include "session/session_priv.h"

enum hash_form { FORM_HASH, FORM_MD5, FORM_X };

static const int form_codes[] = {
	[FORM_HASH] = REPLY_213_FILE_STATUS,
	[FORM_MD5] = REPLY_251_HASH,
	[FORM_X] = REPLY_250_FILE_ACTION_OKAY,
};

static void hash_turn(struct action *action);

static struct action *action_of_op(struct op *op)
{
	return (struct action *)(void *)((char *)op - offsetof(struct action, op));
}

static int hash_argument(const struct action *action, char *buffer, struct hash_argument *ret)
{
	return hash_argument_parse((struct view){ action->other, action->other_length },
				   action->hash_reading, action->hash_form == FORM_X, buffer, ret);
}

static void hash_over(struct session *session)
{
	struct action *action = session->action;

	hash_file_fini(&action->hash);
	if (action->hash.buffer)
		dtp_give_buffer(&session->context->dtp, action->hash.buffer);
	if (action->file >= 0)
		file_close(&action->request.disk, session->context->ring, action->file);
	action->transfers = false;
	session_command_end(session);
}

/* The codes of the draft's section 3.5 for what is 550 elsewhere; the others keep their 550. */
static void hash_choose_refusal(struct session *session, int error)
{
	if (error == -EBUSY)
		session->name_refusal = REPLY_450_FILE_BUSY;
	else if (session->action->hash_form == FORM_HASH && error == -EISDIR)
		session->name_refusal = REPLY_553_NAME_NOT_ALLOWED;
	else if (session->action->hash_form == FORM_HASH && (error == -EACCES || error == -EPERM))
		session->name_refusal = REPLY_552_ALLOCATION_EXCEEDED;
}

static void hash_fail(struct session *session, int error)
{
	struct action *action = session->action;
	bool aborted = session->aborts > 0;

	if (action->hash_lines) {
		session_reply(session, form_codes[action->hash_form], "No hash: %s",
			      aborted ? session_text(session, "aborted")
				      : session_error_text(session, error));
	} else if (aborted) {
		session_reply(session, REPLY_426_TRANSFER_ABORTED, "Hashing aborted");
	} else {
		hash_choose_refusal(session, error);
		session_reply_error(session, error, action->path);
	}
	hash_over(session);
}

static void hash_reply(struct session *session)
{
	const struct action *action = session->action;
	const struct hash_file *hash = &action->hash;
	char buffer[PATH_BYTES_MAX];
	char before[DIGEST_HEX_MAX + 64];
	char hex[DIGEST_HEX_MAX];
	struct hash_argument argument;
	off_t last = hash->end > action->hash_first ? hash->end - 1 : action->hash_first;

	if (session->closing || hash_argument(action, buffer, &argument) < 0)
		return;
	digest_format(hash->bytes, digest_bytes(hash->kind), action->hash_form != FORM_HASH, hex);
	if (action->hash_form == FORM_HASH) {
		snprintf(before, sizeof(before), "%s %lld-%lld %s ", digest_name(hash->kind),
			 (long long)action->hash_first, (long long)last, hex);
		reply_text_name(session_reply_text(session), REPLY_213_FILE_STATUS, before,
				argument.path, "");
	} else if (action->hash_form == FORM_MD5) {
		snprintf(before, sizeof(before), " %s", hex);
		reply_text_name(session_reply_text(session), REPLY_251_HASH, "", argument.path,
				before);
	} else {
		session_reply(session, REPLY_250_FILE_ACTION_OKAY, "%s", hex);
	}
}

static void hash_succeed(struct session *session)
{
	hash_reply(session);
	hash_over(session);
}

/* The next step; false: nobody wants it any more, or the last one failed. */
static bool hash_goes_on(struct session *session, int result)
{
	struct action *action = session->action;
	uint64_t now_ms = ring_now_ms(session->context->ring);

	action->hash_at = action->hash.offset;
	if (result < 0 || session_has_given_up(session)) {
		hash_fail(session, result < 0 ? result : -ECANCELED);
		return false;
	}
	if (now_ms - action->hash_said_ms >= action->hash_progress_ms) {
		action->hash_said_ms = now_ms;
		action->hash_lines = true;
		reply_text_begin(session_reply_text(session), form_codes[action->hash_form],
				 session_text(session, "Hashing: %lld of %lld bytes"),
				 (long long)(action->hash_at - action->hash_first),
				 (long long)(action->hash.end - action->hash_first));
	}
	return true;
}

static int end_work(struct op *op)
{
	return hash_file_end(&action_of_op(op)->hash);
}

static void hash_ended(struct op *op, int result)
{
	struct session *session = action_of_op(op)->session;

	if (hash_goes_on(session, result))
		hash_succeed(session);
}

static int read_work(struct op *op)
{
	return hash_file_read(&action_of_op(op)->hash);
}

static void hash_was_read(struct op *op, int result)
{
	struct action *action = action_of_op(op);

	if (hash_goes_on(action->session, result))
		hash_turn(action);
}

static int turn_work(struct op *op)
{
	return hash_file_turn(&action_of_op(op)->hash);
}

static void hash_turned(struct op *op, int result)
{
	struct action *action = action_of_op(op);

	if (!hash_goes_on(action->session, result))
		return;
	if (result != HASH_STEP_END && hash_file_is_known(&action->hash))
		hash_succeed(action->session); /* another session was here before */
	else if (result == HASH_STEP_TURN)
		hash_turn(action);
	else if (result == HASH_STEP_READ)
		session_disk_read(action, &action->hash.disk, read_work, hash_was_read);
	else
		session_disk_job(action, &action->hash.disk, end_work, hash_ended);
}

static void hash_turn(struct action *action)
{
	action->op.done = hash_turned;
	ring_job_of(action->session->context->ring, &action->op, OP_THREADS_HASHES, turn_work);
}

static void hash_begin(struct session *session)
{
	struct session_context *context = session->context;
	struct action *action = session->action;
	int r = seats_take(&context->hashes, &session->peer, &action->party, 1);

	if (r < 0) {
		hash_fail(session, r);
		return;
	}
	action->hash.buffer = dtp_take_buffer(&context->dtp);
	if (!action->hash.buffer) {
		hash_fail(session, -ENOMEM);
		return;
	}
	action->hashing = true;
	hash_turn(action);
}

static int look_work(struct op *op)
{
	return hash_file_look(&action_of_op(op)->hash);
}

static void hash_looked(struct op *op, int result)
{
	struct session *session = action_of_op(op)->session;

	if (!hash_goes_on(session, result))
		return;
	if (result > 0)
		hash_succeed(session);
	else
		hash_begin(session);
}

/* SLUICE_HASH_PROGRESS_MS is for tests. */
static uint64_t hash_progress_ms(void)
{
	const char *text = getenv("SLUICE_HASH_PROGRESS_MS");

	return text ? strtoul(text, NULL, 10) : HASH_PROGRESS_MS;
}

/* Which bytes of a file of that size. Returns 0, or -EDOM if it has none of them. */
static int hash_choose_bytes(struct action *action, off_t size)
{
	struct hash_file *hash = &action->hash;
	char buffer[PATH_BYTES_MAX];
	struct hash_argument argument;
	off_t end = (off_t)action->range_end;

	action->hash_first = end > 0 ? (off_t)action->restart : 0;
	if (action->hash_form == FORM_X && hash_argument(action, buffer, &argument) == 0) {
		action->hash_first = (off_t)argument.first;
		end = (off_t)argument.last + 1;
	}
	if (action->hash_first > 0 && action->hash_first >= size)
		return -EDOM;
	hash->offset = action->hash_first;
	hash->end = end > 0 && end < size ? end : size;
	hash->whole = action->hash_first == 0 && hash->end == size;
	return 0;
}

static void hash_opened_file(struct session *session)
{
	struct action *action = session->action;
	struct hash_file *hash = &action->hash;
	int r = hash_choose_bytes(action, (off_t)action->request.stat.stx_size);

	if (r < 0) {
		hash_fail(session, r);
		return;
	}
	hash->fd = action->file;
	hash->disk = action->request.disk;
	hash->cache = session->context->hash_cache;
	hash->xattr = session->context->config->hash_xattr;
	hash_file_init(hash, &action->request.stat);
	action->hash_at = hash->offset;
	action->hash_progress_ms = hash_progress_ms();
	action->hash_said_ms = ring_now_ms(session->context->ring);
	if (hash_file_is_known(hash))
		hash_succeed(session);
	else if (hash_file_needs_look(hash))
		session_disk_job(action, &hash->disk, look_work, hash_looked);
	else
		hash_begin(session);
}

static void hash_open(struct session *session, int error);

static void hash_opened(struct tree_request *request, int result)
{
	struct action *action =
		(struct action *)(void *)((char *)request - offsetof(struct action, request));
	struct session *session = action->session;
	bool is_missing = result == -ENOENT || result == -ENOTDIR || result == -ENAMETOOLONG;

	action->file = result;
	if (result >= 0 && !session_has_given_up(session)) {
		hash_opened_file(session);
	} else if (is_missing && !session_has_given_up(session)) {
		action->hash_reading++;
		hash_open(session, result);
	} else {
		hash_fail(session, result < 0 ? result : -ECANCELED);
	}
}

/* Opens what the argument names, read in the way whose turn it is or the next that is possible. error:
 * of the way before. */
static void hash_open(struct session *session, int error)
{
	struct action *action = session->action;
	char buffer[PATH_BYTES_MAX];
	struct hash_argument argument;
	int r = -ENOENT;

	for (; action->hash_reading < HASH_READINGS; action->hash_reading++) {
		r = hash_argument(action, buffer, &argument);
		if (r != -ENOENT)
			break;
	}
	if (r == -EINVAL) {
		session_reply(session, REPLY_501_SYNTAX_ARGUMENT,
			      "The first byte comes before the last, as in XCRC \"name\" 0 99");
		hash_over(session);
	} else if (r < 0) {
		hash_fail(session, error);
	} else if (!session_path(session, argument.path, action->path)) {
		hash_over(session);
	} else {
		session_look(action, O_RDONLY | O_NONBLOCK, hash_opened);
	}
}

static void session_hash(struct session *session, struct view argument, enum digest_kind kind,
			 enum hash_form form)
{
	struct action *action = session_command_begin(session);

	if (!action)
		return;
	action->transfers = true;
	action->hash_form = (uint8_t)form;
	action->hash.kind = kind;
	if (argument.length >= sizeof(action->other)) {
		strcpy(action->path, "…");
		hash_fail(session, -ENAMETOOLONG);
		return;
	}
	memcpy(action->other, argument.at, argument.length);
	action->other_length = argument.length;
	hash_open(session, -ENOENT);
}

void command_hash(struct session *session, struct view argument)
{
	if (session_range_fits(session))
		session_hash(session, argument, (enum digest_kind)session->hash_kind, FORM_HASH);
}

void command_md5(struct session *session, struct view argument)
{
	session_hash(session, argument, DIGEST_MD5, FORM_MD5);
}

void command_xcrc(struct session *session, struct view argument)
{
	session_hash(session, argument, DIGEST_CRC32, FORM_X);
}

void command_xmd5(struct session *session, struct view argument)
{
	session_hash(session, argument, DIGEST_MD5, FORM_X);
}

void command_xsha1(struct session *session, struct view argument)
{
	session_hash(session, argument, DIGEST_SHA1, FORM_X);
}

void command_xsha256(struct session *session, struct view argument)
{
	session_hash(session, argument, DIGEST_SHA256, FORM_X);
}

void command_xsha512(struct session *session, struct view argument)
{
	session_hash(session, argument, DIGEST_SHA512, FORM_X);
}

void session_opts_hash(struct session *session, struct view name)
{
	int kind = name.length > 0 ? digest_of_name(name) : session->hash_kind;

	if (kind < 0) {
		session_reply(session, REPLY_501_SYNTAX_ARGUMENT,
			      "Unknown algorithm, current selection not changed; FEAT lists those "
			      "there are");
		return;
	}
	session->hash_kind = (uint8_t)kind;
	session_reply(session, REPLY_200_OKAY, "%s", digest_name((enum digest_kind)kind));
}

void session_hash_names(const struct session *session, char *ret_names)
{
	size_t length = 0;

	for (int kind = 0; kind < DIGEST_KINDS; kind++)
		length += (size_t)snprintf(ret_names + length, HASH_NAMES_MAX - length, "%s%s%s",
					   kind == 0 ? " " : ";",
					   digest_name((enum digest_kind)kind),
					   session->hash_kind == kind ? "*" : "");
}

bool session_hash_status(const struct session *session, struct reply_text *reply)
{
	const struct action *action = session->action;

	if (!action->hashing)
		return false;
	reply_text_inner(reply, session_text(session, "Hashing: %lld of %lld bytes so far"),
			 (long long)(action->hash_at - action->hash_first),
			 (long long)(action->hash.end - action->hash_first));
	return true;
}
