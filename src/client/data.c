/*
 * The user-DTP: what moves over a data connection, through transfer/ as on the server's side. What
 * comes for a function, a pipe or a listing is taken here in its order, instead of being written.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/client_priv.h"
#include "sys/calls.h"

bool data_is_quiet(const struct sluice_session *session)
{
	return !op_pending(&session->data.op) && !session->data.transfer_started;
}

uint64_t data_bytes(const struct sluice_session *session)
{
	return session->data.transfer.bytes;
}

void data_close(struct sluice_session *session)
{
	struct data *data = &session->data;

	if (data->fd >= 0)
		ring_close_socket(session->client->ring, data->fd);
	data->fd = -1;
	ring_timer_clear(session->client->ring, &data->progress_timer);
}

void data_over(struct sluice_session *session, int error)
{
	bool established = session->data.state >= DATA_CONNECTED;

	data_close(session);
	session->data.state = DATA_OVER;
	if (session->errand.under_way && !session->errand.ending) {
		session_touch(session);
		move_on_data_over(session, error, established);
	}
}

void data_drop(struct sluice_session *session)
{
	struct data *data = &session->data;

	if (data->state == DATA_NONE || data->state == DATA_OVER)
		return;
	if (data->handing_on)
		data->dropped = true;
	else if (data->transfer_started)
		transfer_abort(&data->transfer);
	else if (op_pending(&data->op))
		ring_cancel(session->client->ring, &data->op);
	else
		data_over(session, -ECANCELED);
}

/* --- Moving ------------------------------------------------------------------------------------ */

static void data_on_progress(struct wheel_timer *timer)
{
	struct sluice_session *session =
		list_entry(timer, struct sluice_session, data.progress_timer);
	const struct sluice_transfer *transfer = &session->errand.transfer;

	ring_timer_set(session->client->ring, timer, SLUICE_PROGRESS_MS);
	transfer->progress(transfer->context, data_bytes(session));
}

/* --- What comes for a callback ------------------------------------------------------------------- */

static struct sluice_session *session_of_transfer(struct transfer *transfer)
{
	return list_entry(transfer, struct sluice_session, data.transfer);
}

/* Around a callback, which may cut the session or abort what is under way: neither can be done from
 * within. */
static void data_hold(struct sluice_session *session)
{
	session->data.handing_on = true;
	session->held++;
}

static void data_release(struct sluice_session *session)
{
	session->held--;
	session->data.handing_on = false;
}

/* What is no file takes bytes one after the other, at its own speed: a pipe, a terminal. */
static int data_write(int fd, const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t put = write(fd, bytes, length);

		if (put < 0 && errno != EINTR)
			return -errno;
		if (put > 0) {
			bytes += put;
			length -= (size_t)put;
		}
	}
	return 0;
}

static int data_on_take(struct transfer *transfer, const char *bytes, size_t length)
{
	struct sluice_session *session = session_of_transfer(transfer);
	const struct sluice_transfer *wish = &session->errand.transfer;
	int r;

	data_hold(session);
	if (session->errand.lines)
		r = list_take(session, bytes, length, false);
	else if (wish->fd >= 0)
		r = data_write(wish->fd, bytes, length);
	else
		r = wish->take(wish->context, bytes, length);
	data_release(session);
	return session->data.dropped ? -ECANCELED : r;
}

static void data_on_dropped(struct op *op, int result)
{
	struct sluice_session *session = list_entry(op, struct sluice_session, data.op);

	(void)result;
	if (session->data.transfer_started)
		transfer_abort(&session->data.transfer);
	session_settle(session);
}

static void data_on_mark(struct transfer *transfer, const char *theirs, const char *ours)
{
	struct sluice_session *session = session_of_transfer(transfer);
	const struct sluice_transfer *wish = &session->errand.transfer;
	struct data *data = &session->data;

	data_hold(session);
	wish->marked(wish->context, theirs, ours, transfer->offset);
	data_release(session);
	if (!data->dropped || op_pending(&data->op))
		return;
	data->op.done = data_on_dropped;
	ring_yield(session->client->ring, &data->op);
}

/* The last line of a listing may have no end. */
static int data_take_last_line(struct sluice_session *session)
{
	int r;

	data_hold(session);
	r = list_take(session, "", 0, true);
	data_release(session);
	return session->data.dropped ? -ECANCELED : r;
}

/* --- Files --------------------------------------------------------------------------------------- */

/* A file that came by pages is as long as its sender has said. */
static int data_set_size(const struct transfer *transfer)
{
	struct stat stat;

	if (transfer->kind != TRANSFER_RECEIVE_FILE || !transfer->described || transfer->take ||
	    fstat(transfer->file, &stat) < 0 || !S_ISREG(stat.st_mode))
		return 0;
	return calls->ftruncate(transfer->file, transfer->file_end);
}

/* All has come, or has been sent. Returns 0 or what went wrong after all. */
static int data_complete(struct sluice_session *session)
{
	struct transfer *transfer = &session->data.transfer;

	if (transfer->kept)
		kept_store(session, transfer->socket, transfer->early, transfer->early_bytes);
	if (session->errand.lines)
		return data_take_last_line(session);
	return data_set_size(transfer);
}

static void data_on_transfer(struct transfer *transfer, enum transfer_end end, int error)
{
	struct sluice_session *session = session_of_transfer(transfer);
	struct errand *errand = &session->errand;
	bool was_dropped = session->data.dropped;
	int failure = 0;

	session->data.transfer_started = false;
	session->data.fd = -1;
	if (end == TRANSFER_COMPLETE)
		failure = data_complete(session);
	else if (end == TRANSFER_ABORTED || was_dropped)
		error = -ECANCELED;
	else if (end == TRANSFER_FILE_FAILED || end == TRANSFER_MALFORMED)
		failure = error;
	else if (end == TRANSFER_TRUNCATED)
		failure = -EIO;
	else if (error == -ENODATA) /* it ended before the end of the file was marked */
		error = -ECONNRESET;
	if (session->data.dropped && !was_dropped)
		error = -ECANCELED;
	else if (errand->under_way && failure < 0 && errand->failure == 0) {
		if (end == TRANSFER_MALFORMED)
			errand_set_text(session, view_of(transfer->complaint));
		errand->failure = failure;
	}
	data_over(session, failure < 0 ? failure : error);
	session_settle(session);
}

static struct disk disk_of(int fd)
{
	struct statx stat;

	if (calls->statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_MNT_ID, &stat) < 0)
		return (struct disk){ .kind = DISK_REMOTE };
	return mounts_find(stat.stx_mnt_id);
}

/* What moves, and where from or to. */
static void data_describe(struct sluice_session *session, struct transfer *transfer)
{
	const struct errand *errand = &session->errand;
	const struct sluice_transfer *wish = &errand->transfer;
	struct stat stat;

	transfer->kind = errand->sends ? TRANSFER_SEND_FILE : TRANSFER_RECEIVE_FILE;
	transfer->file = wish->fd;
	transfer->offset = wish->offset;
	if (errand->lines || errand->takes) {
		transfer->take = data_on_take;
		transfer->disk = (struct disk){ .kind = DISK_MEMORY };
		return;
	}
	transfer->disk = disk_of(wish->fd);
	transfer->marker = errand->has_marker ? &errand->marker : NULL;
	transfer->marker_file = errand->file;
	transfer->marked = wish->marked ? data_on_mark : NULL;
	if (errand->sends && fstat(wish->fd, &stat) == 0)
		transfer->end = stat.st_size > wish->offset ? stat.st_size : wish->offset;
}

static void data_move(struct sluice_session *session)
{
	struct data *data = &session->data;
	struct transfer *transfer = &data->transfer;

	data->state = DATA_MOVING;
	data->dropped = false;
	data->representation = session->errand.lines ? list_representation(session)
						     : session->parameters.at_server;
	*transfer =
		(struct transfer){ .dtp = &session->client->dtp,
				   .representation = &data->representation,
				   .socket = data->fd,
				   .keep = representation_keeps_connection(&data->representation),
				   .early = session->kept.early,
				   .early_bytes = session->kept.early_bytes,
				   .timeout_ms = session->client->timeout_ms,
				   .done = data_on_transfer };
	session->kept.early = NULL;
	session->kept.early_bytes = 0;
	data_describe(session, transfer);
	if (session->errand.transfer.progress) {
		data->progress_timer.fire = data_on_progress;
		ring_timer_set(session->client->ring, &data->progress_timer, SLUICE_PROGRESS_MS);
	}
	data->transfer_started = true;
	transfer_start(transfer);
}

void data_start_if_ready(struct sluice_session *session)
{
	const struct errand *errand = &session->errand;
	const struct sluice_transfer *wish = &errand->transfer;
	const struct data *data = &session->data;

	if (data->state != DATA_CONNECTED || errand->ending)
		return;
	/* Before the server has agreed nothing is sent: it would be lost. What comes is for us; but a
	 * connection that was kept has to outlive a refusal, and so has a file that somebody keeps. */
	if ((errand->sends || data->was_kept || wish->accepted) && !errand->preliminary &&
	    (errand->sends || !errand->final))
		return;
	if (wish->accepted && !errand->sends) {
		int r = wish->accepted(wish->context);

		if (r < 0) {
			session->errand.failure = r;
			data_drop(session);
			return;
		}
	}
	data_move(session);
}

bool data_put_back(struct sluice_session *session)
{
	struct data *data = &session->data;

	if (data->state != DATA_CONNECTED || !data->was_kept || session->errand.cancelled)
		return false;
	session->kept.fd = data->fd;
	data->fd = -1;
	data_over(session, -ECANCELED);
	return true;
}
