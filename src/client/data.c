/*
 * The user-DTP: what moves over a data connection. Files go through transfer/, as on the server's
 * side; what a function takes is received here, through a buffer.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "client/client_priv.h"
#include "sys/calls.h"
#include <sluice/translate.h>

#define TAKE_BYTES (TRANSFER_BUFFER_BYTES / 2 - 64)

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
	if (data->buffer)
		dtp_give_buffer(&session->client->dtp, data->buffer);
	data->buffer = NULL;
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
	if (data->transfer_started)
		transfer_abort(&data->transfer);
	else if (op_pending(&data->op))
		ring_cancel(session->client->ring, &data->op);
	else if (data->handing_on)
		data->dropped = true;
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

static void data_on_transfer(struct transfer *transfer, enum transfer_end end, int error)
{
	struct sluice_session *session = list_entry(transfer, struct sluice_session, data.transfer);

	session->data.transfer_started = false;
	session->data.fd = -1;
	if (session->errand.under_way) {
		if (end == TRANSFER_FILE_FAILED && session->errand.failure == 0)
			session->errand.failure = error;
		else if (end == TRANSFER_TRUNCATED)
			session->errand.failure = -EIO;
		else if (end == TRANSFER_ABORTED)
			error = -ECANCELED;
	}
	data_over(session, error);
	session_settle(session);
}

static struct disk disk_of(int fd)
{
	struct statx stat;

	if (calls->statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_MNT_ID, &stat) < 0)
		return (struct disk){ .kind = DISK_REMOTE };
	return mounts_find(stat.stx_mnt_id);
}

static void data_move_file(struct sluice_session *session)
{
	const struct sluice_transfer *wish = &session->errand.transfer;
	struct data *data = &session->data;
	struct transfer *transfer = &data->transfer;
	struct stat stat;

	representation_init(&data->representation);
	data->representation.type = session->type == 'A' ? TYPE_ASCII : TYPE_IMAGE;
	*transfer = (struct transfer){ .dtp = &session->client->dtp,
				       .kind = session->errand.sends ? TRANSFER_SEND_FILE
								     : TRANSFER_RECEIVE_FILE,
				       .representation = &data->representation,
				       .socket = data->fd,
				       .file = wish->fd,
				       .offset = wish->offset,
				       .disk = disk_of(wish->fd),
				       .timeout_ms = session->client->timeout_ms,
				       .done = data_on_transfer };
	if (session->errand.sends && fstat(wish->fd, &stat) == 0)
		transfer->end = stat.st_size > wish->offset ? stat.st_size : wish->offset;
	data->transfer_started = true;
	transfer_start(transfer);
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

/* Hands on what has been received. False: the data connection is over. */
static bool data_hand_on(struct sluice_session *session, size_t bytes)
{
	struct errand *errand = &session->errand;
	char *at = session->data.buffer;
	size_t length = bytes;
	int r = 0;

	session->data.handing_on = true;
	session->held++;
	if (errand->lines) {
		r = list_take(session, at, length, bytes == 0);
	} else {
		if (session->type == 'A') {
			at = session->data.buffer + TRANSFER_BUFFER_BYTES / 2;
			length = ascii_from_network(session->data.buffer, bytes, bytes == 0,
						    &session->data.carriage, at);
		}
		if (length > 0 && errand->transfer.fd >= 0)
			r = data_write(errand->transfer.fd, at, length);
		else if (length > 0)
			r = errand->transfer.take(errand->transfer.context, at, length);
	}
	session->held--;
	session->data.handing_on = false;
	if (session->data.dropped) {
		data_over(session, -ECANCELED);
		return false;
	}
	if (r < 0 && errand->failure == 0)
		errand->failure = r;
	if (r < 0 || bytes == 0)
		data_over(session, r);
	return r == 0 && bytes > 0;
}

static void data_take(struct sluice_session *session);

static void data_on_readable(struct op *op, int result)
{
	struct sluice_session *session = list_entry(op, struct sluice_session, data.op);

	if (session->errand.ending || op->cancelled)
		data_over(session, -ECANCELED);
	else if (result < 0)
		data_over(session, result);
	else
		data_take(session);
	session_settle(session);
}

/* One turn of receiving what a function takes. */
static void data_take(struct sluice_session *session)
{
	struct data *data = &session->data;
	size_t turn = 0;

	data->op.done = data_on_readable;
	while (turn < TRANSFER_TURN_BYTES) {
		ssize_t got = calls->recv(data->fd, data->buffer, TAKE_BYTES, MSG_DONTWAIT);

		if (got == -EAGAIN || got == -EINTR) {
			ring_poll(session->client->ring, &data->op, data->fd, POLLIN);
			return;
		}
		if (got < 0) {
			data_over(session, (int)got);
			return;
		}
		session_touch(session);
		data->transfer.bytes += (uint64_t)got;
		turn += (size_t)got;
		if (!data_hand_on(session, (size_t)got))
			return;
	}
	ring_yield(session->client->ring, &data->op);
}

static void data_move(struct sluice_session *session)
{
	struct data *data = &session->data;

	data->state = DATA_MOVING;
	data->transfer.bytes = 0;
	if (session->errand.transfer.progress) {
		data->progress_timer.fire = data_on_progress;
		ring_timer_set(session->client->ring, &data->progress_timer, SLUICE_PROGRESS_MS);
	}
	if (session->errand.lines || session->errand.takes) {
		data->state = DATA_CONNECTED; /* for the session's own time-out */
		data->taking = true;
		data->dropped = false;
		data->carriage = false;
		data->buffer = dtp_take_buffer(&session->client->dtp);
		if (data->buffer)
			data_take(session);
		else
			data_over(session, -ENOMEM);
		return;
	}
	data_move_file(session);
}

void data_start_if_ready(struct sluice_session *session)
{
	struct data *data = &session->data;

	if (data->state != DATA_CONNECTED || data->taking || session->errand.ending)
		return;
	/* Before the server has agreed nothing is sent: it would be lost. What comes is for us. */
	if (session->errand.sends && !session->errand.preliminary)
		return;
	data_move(session);
}
