/*
 * File -> stages -> data connection, through buffers of the worker.
 */
#include <errno.h>

#include "base/limits.h"
#include "represent/count.h"
#include "represent/page_source.h"
#include "sys/calls.h"
#include "transfer/transfer_priv.h"

static bool send_by_pages(const struct transfer *transfer)
{
	return transfer->representation->structure == STRUCTURE_PAGE;
}

/* Which takes many times as long as what other stages do. */
static bool send_deflates(const struct transfer *transfer)
{
	return transfer->representation->mode == MODE_DEFLATE;
}

static size_t send_most_bytes(const struct transfer *transfer)
{
	return send_deflates(transfer) ? DEFLATE_TURN_BYTES : CONVERT_BYTES;
}

static size_t send_read_bytes(const struct transfer *transfer)
{
	off_t left = transfer->end - transfer->offset;
	size_t most = send_most_bytes(transfer);

	return left < (off_t)most ? (size_t)left : most;
}

/* Judges what was read. False: the transfer has ended. */
static bool send_take_read(struct transfer *transfer, ssize_t got)
{
	if (got <= 0) {
		if (got == 0)
			transfer_finish(transfer, TRANSFER_TRUNCATED, 0);
		else
			transfer_fail_file(transfer, (int)got);
		return false;
	}
	transfer->offset += got;
	transfer->input = transfer->buffer;
	transfer->input_bytes = (size_t)got;
	return true;
}

static void send_on_read(struct op *op, int result)
{
	struct transfer *transfer = transfer_of_file_op(op);

	transfer_leave_disk(transfer);
	if (transfer->ending)
		transfer_end_pending(transfer);
	else if (send_take_read(transfer, result))
		transfer_go_on(transfer);
}

static void send_read_admitted(struct queue_waiter *waiter)
{
	struct transfer *transfer = transfer_of_waiter(waiter);

	transfer_let_file_block(transfer);
	transfer->file_op.done = send_on_read;
	ring_read(transfer->dtp->ring, &transfer->file_op, transfer->file, transfer->buffer,
		  send_read_bytes(transfer), transfer->offset);
}

/* A job: the next pages that hold data. Leaves in read_at where they are: at the end, if the file
 * ends with a hole. */
static int send_read_pages(struct op *op)
{
	struct transfer *transfer = transfer_of_file_op(op);

	return (int)page_source_read(transfer->representation, transfer->file, transfer->offset,
				     transfer->end, transfer->buffer, send_most_bytes(transfer),
				     &transfer->read_at);
}

/* A job, before anything is sent: 1 if the size does not follow from the pages, else 0. */
static int send_look_at_end(struct op *op)
{
	struct transfer *transfer = transfer_of_file_op(op);

	return page_source_describes(transfer->representation, transfer->file, transfer->end);
}

static void send_on_pages(struct op *op, int result)
{
	struct transfer *transfer = transfer_of_file_op(op);
	bool ends_in_hole = transfer->read_at == transfer->end;

	transfer_leave_disk(transfer);
	if (transfer->ending) {
		transfer_end_pending(transfer);
		return;
	}
	if (result >= 0)
		transfer->offset = transfer->read_at;
	if ((result < 0 || !ends_in_hole) && !send_take_read(transfer, result))
		return;
	stages_set_position(transfer->stages, transfer->read_at);
	transfer_go_on(transfer);
}

static void send_on_look(struct op *op, int result)
{
	struct transfer *transfer = transfer_of_file_op(op);

	transfer->looked_at_end = true;
	if (result > 0)
		stages_describe(transfer->stages, transfer->end);
	transfer_leave_disk(transfer);
	if (transfer->ending)
		transfer_end_pending(transfer);
	else if (result < 0)
		transfer_fail_file(transfer, result);
	else
		transfer_go_on(transfer);
}

static void send_pages_admitted(struct queue_waiter *waiter)
{
	struct transfer *transfer = transfer_of_waiter(waiter);

	transfer->file_op.done = transfer->looked_at_end ? send_on_pages : send_on_look;
	ring_job(transfer->dtp->ring, &transfer->file_op,
		 transfer->looked_at_end ? send_read_pages : send_look_at_end);
}

/* Reads what comes next. True: it is there; false: the turn is over. */
static bool send_read(struct transfer *transfer)
{
	ssize_t got = -EAGAIN;

	if (send_by_pages(transfer)) {
		transfer_enter_disk(transfer, DISK_READ, send_pages_admitted);
		return false;
	}
	if (transfer->disk.kind == DISK_MEMORY)
		got = calls->pread(transfer->file, transfer->buffer, send_read_bytes(transfer),
				   transfer->offset);
	else if (transfer->disk.kind == DISK_LOCAL)
		got = calls->pread_resident(transfer->file, transfer->buffer,
					    send_read_bytes(transfer), transfer->offset);
	/* Where blocks end, and so what SIZE says, must not depend on what the page cache holds. */
	if (got > 0 && (size_t)got < send_read_bytes(transfer))
		got = -EAGAIN;
	if (got == -EAGAIN || got == -EOPNOTSUPP) {
		transfer_enter_disk(transfer, DISK_READ, send_read_admitted);
		return false;
	}
	return send_take_read(transfer, got);
}

/* A restart marker, in MODE B and C, once enough of the file has gone since the last one. */
static bool send_mark(struct transfer *transfer)
{
	uint8_t state[STAGES_STATE_BYTES];
	char text[RESTART_MARK_MAX];

	if (!representation_has_markers(transfer->representation) || transfer->lines ||
	    transfer->offset < transfer->next_mark || transfer->offset == transfer->end ||
	    !stages_settle(transfer->stages))
		return false;
	stages_save(transfer->stages, state);
	marker_format(transfer->representation, &transfer->marker_file, (uint64_t)transfer->offset,
		      state, text);
	stages_send_mark(transfer->stages, text);
	transfer->next_mark = transfer->offset + MARK_EVERY_BYTES;
	transfer_show_out(transfer);
	return true;
}

/* Makes the next chunk. True: it is there, if perhaps empty; false: the turn is over. */
static bool send_next(struct transfer *transfer)
{
	if (transfer->input_bytes == 0 && send_mark(transfer))
		return true;
	if (transfer->input_bytes == 0 && transfer->offset < transfer->end && !send_read(transfer))
		return false;
	return transfer_convert(transfer, transfer->offset == transfer->end);
}

/* Whether all has been sent, and the transfer has ended therefore. */
static bool send_is_over(struct transfer *transfer)
{
	if (!stages_ended(transfer->stages))
		return false;
	if (stages_skip(transfer->stages) > 0)
		transfer_fail_file(transfer, -ERANGE); /* the restart point lies past the end */
	else
		transfer_finish(transfer, TRANSFER_COMPLETE, 0);
	return true;
}

static size_t send_turn_bytes(const struct transfer *transfer)
{
	return send_deflates(transfer) ? DEFLATE_TURN_BYTES : TRANSFER_TURN_BYTES;
}

void send_staged_turn(struct transfer *transfer)
{
	size_t turn = 0;

	if (!transfer_take_buffer(transfer))
		return;
	while (transfer_send_chunk(transfer)) {
		off_t offset = transfer->offset;

		if (send_is_over(transfer))
			return;
		if (turn >= send_turn_bytes(transfer)) {
			transfer_yield(transfer);
			return;
		}
		if (!send_next(transfer))
			return;
		turn += transfer->chunk_bytes + (size_t)(transfer->offset - offset);
	}
}
