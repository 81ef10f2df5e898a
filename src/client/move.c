/*
 * Errands that move data: TYPE, STRU and MODE, the data connection, REST, and the command itself. Its final reply
 * and the end of the data connection may come in either order; the errand ends when both are there.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "client/client_priv.h"
#include "sluice/ftp.h"
#include "sys/calls.h"

static void move_on_ready(struct sluice_session *session);

/* With a new data connection, so that this is done once. */
static void move_anew(struct sluice_session *session)
{
	kept_forget(session);
	data_prepare(session, move_on_ready);
}

/* Whether the connection that was kept was lost before it could serve this errand. */
static bool move_has_lost_kept(const struct sluice_session *session)
{
	const struct errand *errand = &session->errand;
	bool untouched = data_bytes(session) == 0;

	if (!session->data.was_kept || errand->failure || errand->cancelled || session->lost ||
	    session->gone)
		return false;
	if (errand->refused)
		return errand->code == REPLY_425_CANNOT_OPEN_DATA ||
		       (errand->code == REPLY_426_TRANSFER_ABORTED &&
			(untouched || (errand->sends && !errand->transfer.append)));
	return errand->data_error < 0 && untouched && !errand->sends;
}

/* Whether the server keeps the connection on which this errand's data has ended. */
static bool move_is_kept(const struct sluice_session *session)
{
	const struct errand *errand = &session->errand;

	return errand->code == REPLY_250_FILE_ACTION_OKAY && !errand->refused && !errand->failure &&
	       !errand->cancelled && !errand->data_error && !session->lost;
}

void move_settle(struct sluice_session *session)
{
	struct errand *errand = &session->errand;

	if (!errand->final || errand->abort_waits || session->data.state != DATA_OVER)
		return;
	if (!errand->again && move_has_lost_kept(session))
		errand->again = move_anew;
	if (session->data.transfer.kept && !move_is_kept(session))
		kept_forget(session);
	if (errand->again) {
		void (*again)(struct sluice_session * session) = errand->again;

		errand->again = NULL;
		errand->moving = errand->preliminary = errand->final = errand->refused = false;
		errand->data_error = 0;
		again(session);
		return;
	}
	errand_end(session, 0);
}

/* The next word of *text, which it skips. False: it is no marker. */
static bool mark_take_word(struct view *text, char ret_word[static RESTART_MARK_MAX])
{
	size_t length = 0;

	while (length < text->length && text->at[length] > ' ' && text->at[length] <= '~')
		length++;
	if (length == 0 || length >= RESTART_MARK_MAX)
		return false;
	memcpy(ret_word, text->at, length);
	ret_word[length] = '\0';
	*text = view_skip(*text, length);
	return true;
}

static bool mark_skip(struct view *text, const char *words)
{
	size_t length = strlen(words);

	if (text->length < length || strncasecmp(text->at, words, length) != 0)
		return false;
	*text = view_skip(*text, length);
	return true;
}

/* "110 MARK ours = theirs": what we have sent up to a marker of ours is safe there (RFC 1123 section
 * 4.1.3.4). Of others nothing can be made. */
static void move_on_mark(struct sluice_session *session, struct view text)
{
	const struct errand *errand = &session->errand;
	const struct sluice_transfer *wish = &errand->transfer;
	char theirs[RESTART_MARK_MAX];
	char ours[RESTART_MARK_MAX];
	struct marker marker;

	if (!errand->sends || !wish->marked || errand->cancelled || errand->ending ||
	    !mark_skip(&text, "MARK ") || !mark_take_word(&text, ours) ||
	    !mark_skip(&text, " = ") || !mark_take_word(&text, theirs))
		return;
	if (marker_parse(view_of(ours), &marker) < 0 ||
	    marker_check(&marker, &session->parameters.at_server, &errand->file) < 0)
		return;
	wish->marked(wish->context, theirs, ours, (int64_t)marker.offset);
}

void move_on_reply(struct sluice_session *session, const struct reply *reply)
{
	struct errand *errand = &session->errand;

	if (reply->state == DIAGRAM_F) {
		errand->final = true;
		if (!list_on_refusal(session, reply->code))
			errand_take_reply(session, reply);
		if (!data_put_back(session))
			data_drop(session);
	} else if (reply->state == DIAGRAM_S) {
		errand->final = true;
		errand_take_reply(session, reply);
		if (errand->sends && session->data.state < DATA_MOVING)
			data_drop(session); /* it says that it has what was never sent */
		else
			data_start_if_ready(session);
	} else if (reply->code == REPLY_110_RESTART_MARKER) {
		move_on_mark(session, reply->text);
		return;
	} else {
		errand->preliminary = true;
		data_start_if_ready(session);
	}
	move_settle(session);
}

void move_on_data_over(struct sluice_session *session, int error, bool established)
{
	struct errand *errand = &session->errand;

	if (error < 0 && errand->data_error == 0)
		errand->data_error = error;
	/* The server waits for a connection that will never be, or we cannot go on: not every server
	 * notices at once that nobody reads. */
	if (error < 0 && (!established || errand->failure) && errand->moving && !errand->final)
		move_abort(session);
	move_settle(session);
}

static void move_on_abort_reply(struct sluice_session *session, const struct reply *reply)
{
	(void)reply;
	session->errand.abort_waits = false;
	move_settle(session);
}

void move_abort(struct sluice_session *session)
{
	struct errand *errand = &session->errand;

	if (errand->moving && !errand->final && !errand->abort_waits) {
		errand->abort_waits = true;
		control_abort(session, move_on_abort_reply);
	}
	data_drop(session);
}

static void move_send(struct sluice_session *session, enum ftp_diagram diagram,
		      enum diagram_state state)
{
	struct errand *errand = &session->errand;

	if (errand->cancelled || session->data.state == DATA_OVER) {
		errand_end(session, 0);
		return;
	}
	errand->moving = true;
	control_send(session, diagram, state, session->verb,
		     session->path[0] ? session->path : NULL, move_on_reply);
}

static void move_on_rest(struct sluice_session *session, const struct reply *reply)
{
	if (reply->state == DIAGRAM_NEXT_2) {
		move_send(session, DIAGRAM_RESTART, reply->state);
		return;
	}
	errand_take_reply(session, reply);
	errand_end(session, 0);
}

static void move_on_ready(struct sluice_session *session)
{
	const struct sluice_transfer *transfer = &session->errand.transfer;
	char offset[24];

	if (session->errand.has_marker) {
		control_send(session, DIAGRAM_RESTART, DIAGRAM_B, "REST", session->new_path,
			     move_on_rest);
		return;
	}
	if (transfer->offset == 0 || transfer->append) {
		move_send(session, DIAGRAM_GROUP_2, DIAGRAM_B);
		return;
	}
	snprintf(offset, sizeof(offset), "%" PRId64, transfer->offset);
	control_send(session, DIAGRAM_RESTART, DIAGRAM_B, "REST", offset, move_on_rest);
}

static void move_on_set(struct sluice_session *session, const struct reply *refusal)
{
	if (!refusal) {
		data_prepare(session, move_on_ready);
		return;
	}
	errand_take_reply(session, refusal);
	errand_end(session, 0);
}

void move_begin(struct sluice_session *session, const char *verb,
		const struct representation *wanted)
{
	snprintf(session->verb, sizeof(session->verb), "%s", verb);
	session->errand.moves = true;
	if (wanted)
		parameters_set(session, wanted, move_on_set);
	else
		data_prepare(session, move_on_ready);
	session_settle(session);
}

/* Whether the kernel alone can move what comes into the file. */
static bool is_spliceable(int fd)
{
	struct stat stat;

	if (fd < 0 || fstat(fd, &stat) < 0)
		return false;
	return S_ISREG(stat.st_mode) ||
	       (S_ISCHR(stat.st_mode) && stat.st_rdev == makedev(1, 3)); /* /dev/null */
}

/* What begin holds: of an errand that can still be refused. */
struct beginning {
	struct representation representation;
	struct marker_file file;
	struct marker marker;
	bool takes;
};

static int move_check_file(const struct sluice_transfer *transfer, bool sends,
			   struct beginning *beginning)
{
	bool pages = beginning->representation.structure == STRUCTURE_PAGE;
	struct statx stat;
	int r;

	beginning->takes = !sends && !is_spliceable(transfer->fd);
	if (transfer->fd < 0)
		return !transfer->take || sends ? -EBADF : pages ? -ESPIPE : 0;
	r = calls->statx(transfer->fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &stat);
	if (r < 0)
		return r;
	if ((sends && !S_ISREG(stat.stx_mode)) || (pages && beginning->takes))
		return -ESPIPE;
	beginning->file = marker_file_of(&stat, !sends);
	if (transfer->local_marker && beginning->marker.offset > stat.stx_size)
		return -ESTALE; /* it has been cut since then */
	return sends && representation_size_refusal(&beginning->representation,
						    (int64_t)stat.stx_size)
		       ? -EOVERFLOW
		       : 0;
}

static int move_check_offset(const struct sluice_transfer *transfer,
			     const struct representation *representation)
{
	if (!transfer->local_marker)
		return transfer->offset < 0 || (transfer->offset > 0 &&
						!parameters_count_octets(representation))
			       ? -EINVAL
			       : 0;
	return representation_has_markers(representation) && !transfer->append
		       ? control_check_argument(transfer->remote_marker)
		       : -EINVAL;
}

static int move_check(const struct sluice_session *session, const struct sluice_transfer *transfer,
		      bool sends, struct beginning *ret_beginning)
{
	int r = parameters_take(session->client, &transfer->representation,
				&ret_beginning->representation);

	if (r == 0 && !transfer->local_marker != !transfer->remote_marker)
		r = -EINVAL;
	if (r == 0)
		r = move_check_offset(transfer, &ret_beginning->representation);
	if (r == 0 && transfer->local_marker)
		r = marker_parse(view_of(transfer->local_marker), &ret_beginning->marker);
	if (r == 0)
		r = move_check_file(transfer, sends, ret_beginning);
	if (r == 0 && transfer->local_marker)
		r = ret_beginning->takes
			    ? -ESPIPE
			    : marker_check(&ret_beginning->marker, &ret_beginning->representation,
					   &ret_beginning->file);
	return r;
}

static int move_file(struct sluice_session *session, const char *verb, bool sends, const char *path,
		     const struct sluice_transfer *transfer, sluice_done_fn *done, void *context)
{
	struct beginning beginning = { .takes = false };
	struct errand *errand = &session->errand;
	int r = errand_check(session);

	if (r == 0)
		r = control_check_argument(path);
	if (r == 0)
		r = move_check(session, transfer, sends, &beginning);
	if (r < 0)
		return r;
	errand_begin(session, done, context);
	errand->sends = sends;
	errand->transfer = *transfer;
	errand->takes = beginning.takes;
	errand->file = beginning.file;
	errand->has_marker = transfer->local_marker != NULL;
	errand->marker = beginning.marker;
	strcpy(session->path, path); /* NOLINT: checked above */
	if (errand->has_marker) {
		errand->transfer.offset = (int64_t)beginning.marker.offset;
		strcpy(session->new_path, transfer->remote_marker); /* NOLINT: the same */
	}
	move_begin(session, verb, &beginning.representation);
	return 0;
}

int sluice_get(struct sluice_session *session, const char *path,
	       const struct sluice_transfer *transfer, sluice_done_fn *done, void *context)
{
	return move_file(session, "RETR", false, path, transfer, done, context);
}

int sluice_put(struct sluice_session *session, const char *path,
	       const struct sluice_transfer *transfer, sluice_done_fn *done, void *context)
{
	return move_file(session, transfer->append ? "APPE" : "STOR", true, path, transfer, done,
			 context);
}

int sluice_abort(struct sluice_session *session)
{
	struct errand *errand = &session->errand;

	if (!errand->under_way || errand->ending || (!errand->moves && !errand->copy))
		return -EINVAL;
	errand->cancelled = true;
	if (errand->copy)
		copy_on_abort(session);
	else
		move_abort(session);
	session_settle(session);
	return 0;
}
