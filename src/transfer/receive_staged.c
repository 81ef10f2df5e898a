/*
 * Data connection -> stages -> file, through buffers of the worker. What has come out of the stages is
 * written behind: while the ring writes it, and perhaps waits for a disk, more is received and
 * converted into another area, and the two change places. A file system in memory waits for nothing,
 * so there all is done in the turn, as it is with what a function takes.
 *
 * Without stages this is the way of what a function takes.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/limits.h"
#include "sys/calls.h"
#include "transfer/transfer_priv.h"

#define RECEIVE_BYTES (TRANSFER_BUFFER_BYTES / 2 - 64)

/* The buffer's other half is an area for what comes out. */
#define SPARE_AT (TRANSFER_BUFFER_BYTES / 2 + STAGES_OUT_AT)

/* So much is written as soon as nothing else is. */
#define WRITE_BYTES (TRANSFER_BUFFER_BYTES / 4)

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
	size_t inside = transfer->chunk_bytes - transfer->chunk_done + transfer->input_bytes;
	off_t left;

	if (transfer->stages)
		inside += stages_out(transfer->stages).length;
	left = transfer->end - transfer->offset - (off_t)inside;
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

/* Receives what comes next. True: it is there, or the end of it; false: the turn is over. */
static bool receive_bytes(struct transfer *transfer, ssize_t *ret_got)
{
	ssize_t got;

	*ret_got = 1;
	if (receive_early(transfer))
		return true;
	got = calls->recv(transfer->socket, transfer->buffer, receive_room(transfer, RECEIVE_BYTES),
			  MSG_DONTWAIT);
	*ret_got = got;
	if (got == -EAGAIN || got == -EINTR) {
		transfer_wait_readable(transfer);
		return false;
	}
	if (got < 0)
		return true;
	if (got == 0)
		transfer->keep = false;
	transfer_progress(transfer, (size_t)got);
	receive_take_bytes(transfer, (size_t)got);
	return true;
}

/* --- The chunk: what is being written ---------------------------------------------------------- */

static bool receive_is_writing(const struct transfer *transfer)
{
	return transfer->chunk_done < transfer->chunk_bytes;
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
	if (transfer->file_end < transfer->offset)
		transfer->file_end = transfer->offset;
	return true;
}

static void receive_written(struct transfer *transfer);

static void receive_on_written(struct op *op, int result)
{
	struct transfer *transfer = transfer_of_file_op(op);

	transfer_leave_disk(transfer);
	if (transfer->ending) {
		transfer->offset += result > 0 ? result : 0; /* it is in the file all the same */
		transfer_end_pending(transfer);
	} else if (receive_take_written(transfer, result)) {
		receive_written(transfer);
	}
}

static void receive_write_admitted(struct queue_waiter *waiter)
{
	struct transfer *transfer = transfer_of_waiter(waiter);

	transfer_let_file_block(transfer);
	transfer->file_op.done = receive_on_written;
	ring_write(transfer->dtp->ring, &transfer->file_op, transfer->file,
		   transfer->chunk + transfer->chunk_done,
		   transfer->chunk_bytes - transfer->chunk_done, transfer->offset);
}

/* Whether the chunk goes without waiting: to a function, or into memory. */
static bool receive_is_direct(const struct transfer *transfer)
{
	return transfer->take || transfer->disk.kind == DISK_MEMORY;
}

/* All of the chunk goes, directly. False: it did not, and the transfer has ended. */
static bool receive_write_directly(struct transfer *transfer)
{
	while (receive_is_writing(transfer)) {
		const char *octets = transfer->chunk + transfer->chunk_done;
		size_t length = transfer->chunk_bytes - transfer->chunk_done;
		ssize_t put = transfer->take ? transfer->take(transfer, octets, length)
					     : calls->pwrite(transfer->file, octets, length,
							     transfer->offset);

		if (transfer->take && put >= 0)
			put = (ssize_t)length;
		if (!receive_take_written(transfer, put))
			return false;
	}
	return true;
}

/* --- Events ------------------------------------------------------------------------------------ */

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
		transfer_go_on(transfer);
	}
}

static void receive_sync_admitted(struct queue_waiter *waiter)
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

/* --- The end ----------------------------------------------------------------------------------- */

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

/* --- Without stages: a chunk is what has been received ----------------------------------------- */

static void receive_chunk_turn(struct transfer *transfer)
{
	size_t turn = 0;
	ssize_t got;

	for (;;) {
		if (!receive_write_directly(transfer) || receive_is_over(transfer))
			return;
		if (turn >= TRANSFER_TURN_BYTES) {
			transfer_yield(transfer);
			return;
		}
		if (receive_room(transfer, 1) == 0) {
			receive_await_end(transfer);
			return;
		}
		if (!receive_bytes(transfer, &got))
			return;
		if (got < 0) {
			transfer_fail_data(transfer, (int)got);
			return;
		}
		turn += transfer->chunk_bytes + 1;
	}
}

/* --- With stages: a chunk is what has come out of them ----------------------------------------- */

/* Begins to write what has come out; nothing else is being written. False: the transfer has ended. */
static bool receive_write_out(struct transfer *transfer)
{
	struct view out = stages_out(transfer->stages);

	if (out.length == 0)
		return true;
	if (!receive_is_direct(transfer))
		out = stages_swap_out(transfer->stages, &transfer->spare);
	transfer->chunk = (char *)(uintptr_t)out.at;
	transfer->chunk_bytes = out.length;
	transfer->chunk_done = 0;
	if (!receive_is_direct(transfer)) {
		transfer_enter_disk(transfer, DISK_WRITE, receive_write_admitted);
		return true;
	}
	if (!receive_write_directly(transfer))
		return false;
	stages_take(transfer->stages, out.length);
	return true;
}

/* What has been received, or is held within the stages, goes on through them. Returns whether anything
 * came of that. */
static bool receive_convert(struct transfer *transfer)
{
	size_t before = stages_out(transfer->stages).length;
	size_t input_bytes = transfer->input_bytes;
	int r = transfer_pour(transfer, transfer->source_ended);

	if (r < 0)
		transfer->late_error = r;
	return r < 0 || transfer->input_bytes < input_bytes ||
	       stages_out(transfer->stages).length > before ||
	       stages_event(transfer->stages) != STAGES_NO_EVENT || stages_ended(transfer->stages);
}

/* One step of what is received. Returns 1; 0: nothing moves before something is written; or -1: the turn is
 * over. */
static int receive_step(struct transfer *transfer)
{
	ssize_t got;

	if (transfer->input_bytes > 0 || transfer->source_ended)
		return receive_convert(transfer);
	/* Stages hold what had no room, or stood behind an event: on a connection that is kept nothing need
	 * follow that. */
	transfer->input = transfer->buffer;
	if (receive_convert(transfer))
		return 1;
	if (stages_event_stands(transfer->stages) || !stages_has_room(transfer->stages))
		return 0;
	if (!receive_bytes(transfer, &got))
		return -1;
	if (got < 0) {
		transfer->late_error = (int)got;
		transfer->late_is_of_data = true;
	}
	return 1;
}

/* Nothing more will come out: the end, or an error that waits for what came before it. */
static bool receive_is_through(const struct transfer *transfer)
{
	return stages_ended(transfer->stages) || transfer->late_error < 0 ||
	       (transfer->input_bytes == 0 && receive_room(transfer, 1) == 0);
}

/* It is through, and everything is written. */
static void receive_end(struct transfer *transfer)
{
	if (transfer->late_error < 0 && transfer->late_is_of_data)
		transfer_fail_data(transfer, transfer->late_error);
	else if (transfer->late_error < 0)
		transfer_fail_stages(transfer, transfer->late_error);
	else if (!receive_is_over(transfer))
		receive_await_end(transfer);
}

static void receive_stages_turn(struct transfer *transfer)
{
	size_t turn = 0;
	bool stuck = false;

	while (turn < TRANSFER_TURN_BYTES) {
		bool all = stuck || receive_is_through(transfer);
		size_t out_bytes = stages_out(transfer->stages).length;
		uint64_t bytes = transfer->bytes;
		int moved;

		if (!receive_is_writing(transfer) && out_bytes >= (all ? 1 : WRITE_BYTES)) {
			if (!receive_write_out(transfer))
				return;
			turn += out_bytes; /* much may come of few octets */
			stuck = false;
			continue;
		}
		if (receive_is_writing(transfer) &&
		    (all || stages_event(transfer->stages) != STAGES_NO_EVENT))
			return; /* the next turn comes when it is written */
		if (receive_is_through(transfer)) {
			receive_end(transfer);
			return;
		}
		if (stages_event(transfer->stages) != STAGES_NO_EVENT) {
			if (!receive_see_to(transfer, stages_event(transfer->stages)))
				return;
			turn += TRANSFER_EVENT_BYTES;
			continue;
		}
		moved = receive_step(transfer);
		if (moved < 0) {
			if (!receive_is_writing(transfer))
				receive_write_out(transfer);
			return;
		}
		stuck = moved == 0;
		turn += (size_t)(transfer->bytes - bytes) + 1;
	}
	transfer_yield(transfer);
}

/* What was begun last is written, or a part of it. */
static void receive_written(struct transfer *transfer)
{
	if (receive_is_writing(transfer))
		transfer_enter_disk(transfer, DISK_WRITE, receive_write_admitted);
	else if (!op_pending(&transfer->socket_op))
		transfer_go_on(transfer);
	else
		receive_write_out(transfer); /* the next turn is the socket's */
}

void receive_staged_turn(struct transfer *transfer)
{
	if (!transfer_take_buffer(transfer))
		return;
	if (!transfer->spare.at)
		transfer->spare = (struct stages_area){ transfer->buffer + SPARE_AT,
							TRANSFER_BUFFER_BYTES - SPARE_AT };
	if (transfer->stages)
		receive_stages_turn(transfer);
	else
		receive_chunk_turn(transfer);
}
