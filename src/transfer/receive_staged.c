/*
 * Data connection -> stages -> file, through buffers of the worker. Without stages this is the way
 * of a chunk for which no kernel pipe was free, and of what a function takes.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/limits.h"
#include "sys/calls.h"
#include "transfer/transfer_priv.h"

#define RECEIVE_BYTES (TRANSFER_BUFFER_BYTES / 2 - 64)

/* bytes have come in the buffer's front; 0: no more will. */
static void receive_take_bytes(struct transfer *transfer, size_t bytes)
{
	transfer->source_ended = bytes == 0;
	if (transfer->stages) {
		transfer->input = transfer->buffer;
		transfer->input_bytes = bytes;
		return;
	}
	transfer->chunk_done = 0;
	transfer->chunk = transfer->buffer;
	transfer->chunk_bytes = bytes;
}

size_t receive_room(const struct transfer *transfer, size_t size_bytes)
{
	off_t left = transfer->end - transfer->offset;

	return transfer->end > 0 && left < (off_t)size_bytes ? (size_t)left : size_bytes;
}

void receive_await_end(struct transfer *transfer)
{
	char byte;
	ssize_t got = calls->recv(transfer->socket, &byte, 1, MSG_DONTWAIT);

	if (got == -EAGAIN || got == -EINTR)
		transfer_wait_readable(transfer);
	else if (got < 0)
		transfer_fail_data(transfer, (int)got);
	else if (got > 0)
		transfer_fail_file(transfer, -EMSGSIZE);
	else
		transfer_finish(transfer, TRANSFER_COMPLETE, 0);
}

/* What came with the transfer before this one is the beginning of this one. */
static bool receive_early(struct transfer *transfer)
{
	size_t bytes = transfer->early_bytes;

	if (!transfer->early)
		return false;
	memcpy(transfer->buffer, transfer->early, bytes);
	free(transfer->early);
	transfer->early = NULL;
	transfer->early_bytes = 0;
	receive_take_bytes(transfer, bytes);
	return true;
}

/* Receives what comes next. True: it is there; false: the turn is over. */
static bool receive_bytes(struct transfer *transfer)
{
	ssize_t got;

	if (receive_early(transfer))
		return true;
	got = calls->recv(transfer->socket, transfer->buffer, receive_room(transfer, RECEIVE_BYTES),
			  MSG_DONTWAIT);
	if (got == -EAGAIN || got == -EINTR) {
		transfer_wait_readable(transfer);
		return false;
	}
	if (got < 0) {
		transfer_fail_data(transfer, (int)got);
		return false;
	}
	if (got == 0)
		transfer->keep = false;
	transfer_progress(transfer, (size_t)got);
	receive_take_bytes(transfer, (size_t)got);
	return true;
}

/* Judges what was written of the chunk. False: the transfer has ended. */
static bool receive_take_written(struct transfer *transfer, ssize_t put)
{
	if (put <= 0) {
		transfer_fail_file(transfer, put == 0 ? -EIO : (int)put);
		return false;
	}
	transfer->offset += put;
	transfer->chunk_done += (size_t)put;
	return true;
}

static void receive_on_written(struct op *op, int result)
{
	struct transfer *transfer = transfer_of_file_op(op);

	transfer_leave_disk(transfer);
	if (transfer->ending) {
		transfer->offset += result > 0 ? result : 0; /* it is in the file all the same */
		transfer_end_pending(transfer);
	} else if (receive_take_written(transfer, result)) {
		receive_staged_turn(transfer);
	}
}

static void receive_write_admitted(struct disk_waiter *waiter)
{
	struct transfer *transfer = transfer_of_waiter(waiter);

	transfer_let_file_block(transfer);
	transfer->file_op.done = receive_on_written;
	ring_write(transfer->dtp->ring, &transfer->file_op, transfer->file,
		   transfer->chunk + transfer->chunk_done,
		   transfer->chunk_bytes - transfer->chunk_done, transfer->offset);
}

/* The chunk goes to a function. False: it did not want it, and the transfer has ended. */
static bool receive_hand_on(struct transfer *transfer)
{
	size_t length = transfer->chunk_bytes - transfer->chunk_done;
	int r = length > 0
			? transfer->take(transfer, transfer->chunk + transfer->chunk_done, length)
			: 0;

	if (r < 0) {
		transfer_fail_file(transfer, r);
		return false;
	}
	transfer->chunk_done += length;
	transfer->offset += (off_t)length;
	return true;
}

/* Writes what is left of the chunk. True: all is written; false: the turn is over. */
static bool receive_write_chunk(struct transfer *transfer)
{
	if (transfer->take)
		return receive_hand_on(transfer);
	while (transfer->chunk_done < transfer->chunk_bytes) {
		ssize_t put;

		if (transfer->disk.kind != DISK_MEMORY) {
			transfer_enter_disk(transfer, DISK_WRITE, receive_write_admitted);
			return false;
		}
		put = calls->pwrite(transfer->file, transfer->chunk + transfer->chunk_done,
				    transfer->chunk_bytes - transfer->chunk_done, transfer->offset);
		if (!receive_take_written(transfer, put))
			return false;
	}
	if (transfer->file_end < transfer->offset)
		transfer->file_end = transfer->offset;
	return true;
}

/* The data before the sender's marker is safe: it hears of ours (RFC 1123 section 4.1.3.4). */
static void receive_answer_mark(struct transfer *transfer)
{
	uint8_t state[STAGES_STATE_BYTES];
	char text[RESTART_MARK_MAX];

	transfer->marked_at = transfer->offset;
	if (stages_settle(transfer->stages)) {
		stages_save(transfer->stages, state);
		marker_format(transfer->representation, &transfer->marker_file,
			      (uint64_t)transfer->offset, state, text);
		transfer->marked(transfer, stages_mark_text(transfer->stages), text);
	}
	stages_go_on(transfer->stages);
}

static bool receive_marks_are_due(const struct transfer *transfer)
{
	return transfer->before_marks && !transfer->marks_begun;
}

static int receive_sync_work(struct op *op)
{
	struct transfer *transfer = transfer_of_file_op(op);

	if (receive_marks_are_due(transfer)) {
		transfer->marks_begun = true;
		if (transfer->before_marks(transfer) < 0)
			transfer->marked = NULL;
	}
	return transfer->marked && transfer->disk.kind != DISK_MEMORY ? calls->fsync(transfer->file)
								      : 0;
}

static void receive_on_synced(struct op *op, int result)
{
	struct transfer *transfer = transfer_of_file_op(op);

	transfer_leave_disk(transfer);
	if (transfer->ending) {
		transfer_end_pending(transfer);
	} else if (result < 0) {
		transfer_fail_file(transfer, result);
	} else {
		if (transfer->marked)
			receive_answer_mark(transfer);
		receive_staged_turn(transfer);
	}
}

static void receive_sync_admitted(struct disk_waiter *waiter)
{
	struct transfer *transfer = transfer_of_waiter(waiter);

	transfer->file_op.done = receive_on_synced;
	ring_job(transfer->dtp->ring, &transfer->file_op, receive_sync_work);
}

/* Sees to what stands before the next bytes. True: it is done; false: the turn is over. */
static bool receive_see_to(struct transfer *transfer, enum stages_event event)
{
	if (event == STAGES_SEEK) {
		transfer->offset = stages_position(transfer->stages);
		stages_go_on(transfer->stages);
		return true;
	}
	if (!transfer->marked) {
		stages_go_on(transfer->stages);
		return true;
	}
	if (!receive_marks_are_due(transfer) &&
	    (transfer->marked_at == transfer->offset || transfer->disk.kind == DISK_MEMORY)) {
		receive_answer_mark(transfer);
		return true;
	}
	transfer_enter_disk(transfer, DISK_WRITE, receive_sync_admitted);
	return false;
}

/* What has come beyond the end is of the transfer that comes next. */
static void receive_keep_early(struct transfer *transfer)
{
	if (transfer->input_bytes == 0)
		return;
	transfer->early = transfer->keep ? calls->allocate(transfer->input_bytes) : NULL;
	if (!transfer->early) {
		transfer->keep = false;
		return;
	}
	memcpy(transfer->early, transfer->input, transfer->input_bytes);
	transfer->early_bytes = transfer->input_bytes;
}

/* What follows the end of the file, where no other file can follow: it would be lost in silence. */
static bool receive_has_excess(const struct transfer *transfer)
{
	return transfer->stages && transfer->input_bytes > 0 &&
	       !representation_keeps_connection(transfer->representation);
}

/* Whether all has come, and the transfer has ended therefore. */
static bool receive_is_over(struct transfer *transfer)
{
	off_t described;

	if (transfer->stages ? !stages_ended(transfer->stages) : !transfer->source_ended)
		return false;
	if (receive_has_excess(transfer)) {
		transfer->complaint = "bytes follow the end of the file";
		transfer_finish(transfer, TRANSFER_MALFORMED, -EBADMSG);
		return true;
	}
	if (transfer->stages) {
		described = stages_described_size(transfer->stages);
		transfer->described = described >= 0;
		if (transfer->described)
			transfer->file_end = described;
		receive_keep_early(transfer);
	}
	transfer_finish(transfer, TRANSFER_COMPLETE, 0);
	return true;
}

static bool receive_has_come_to_something(const struct transfer *transfer)
{
	return transfer->chunk_bytes > 0 || stages_event(transfer->stages) != STAGES_NO_EVENT ||
	       stages_ended(transfer->stages);
}

/* Makes the next chunk. True: it is there, if perhaps empty; false: the turn is over. */
static bool receive_next(struct transfer *transfer)
{
	if (transfer->stages && transfer->input_bytes == 0 && !transfer->source_ended) {
		/* Stages hold what had no room, or stood behind an event: on a connection that is
		 * kept nothing need follow that. */
		transfer->input = transfer->buffer;
		if (!transfer_convert(transfer, false))
			return false;
		if (receive_has_come_to_something(transfer))
			return true;
	}
	if (transfer->input_bytes == 0 && !transfer->source_ended && !receive_bytes(transfer))
		return false;
	return !transfer->stages || transfer_convert(transfer, transfer->source_ended);
}

void receive_staged_turn(struct transfer *transfer)
{
	size_t turn = 0;

	if (!transfer_take_buffer(transfer))
		return;
	while (receive_write_chunk(transfer)) {
		uint64_t bytes = transfer->bytes;
		enum stages_event event = STAGES_NO_EVENT;

		if (transfer->stages) {
			transfer_out_taken(transfer);
			event = stages_event(transfer->stages);
		}
		if (event != STAGES_NO_EVENT) {
			if (!receive_see_to(transfer, event))
				return;
			turn += TRANSFER_EVENT_BYTES;
			continue;
		}
		if (receive_is_over(transfer))
			return;
		if (turn >= TRANSFER_TURN_BYTES ||
		    (turn > 0 && !transfer->stages && !transfer->take)) {
			transfer_yield(transfer);
			return;
		}
		if (receive_room(transfer, 1) == 0) {
			receive_await_end(transfer);
			return;
		}
		if (!receive_next(transfer))
			return;
		turn += transfer->chunk_bytes + (size_t)(transfer->bytes - bytes) + 1;
	}
}
