/*
 * File -> stages -> data connection, through a buffer of the worker. The one stage so far is the
 * translation of TYPE A; without it this is the way of a chunk for which no kernel pipe was free.
 * Half of the buffer is never enough for twice the bytes, so a quarter is read and half is sent.
 */
#include <errno.h>

#include "base/limits.h"
#include "sys/calls.h"
#include "transfer/transfer_priv.h"
#include "translate/ascii.h"

#define READ_BYTES (TRANSFER_BUFFER_BYTES / 4)

/* bytes of the file stand at the buffer's front: makes the chunk to send of them. */
static void send_make_chunk(struct transfer *transfer, size_t bytes)
{
	transfer->offset += (off_t)bytes;
	transfer->chunk_done = 0;
	transfer->chunk = transfer->buffer;
	transfer->chunk_bytes = bytes;
	if (transfer->text) {
		transfer->chunk = transfer->buffer + READ_BYTES;
		transfer->chunk_bytes = ascii_to_network(transfer->buffer, bytes, transfer->chunk);
	}
	if (transfer->skip > 0) {
		size_t skip = transfer->skip < (off_t)transfer->chunk_bytes ? (size_t)transfer->skip
									    : transfer->chunk_bytes;

		transfer->skip -= (off_t)skip;
		transfer->chunk_done = skip;
	}
}

static size_t send_read_bytes(const struct transfer *transfer)
{
	off_t left = transfer->end - transfer->offset;

	return left < READ_BYTES ? (size_t)left : READ_BYTES;
}

/* Judges what was read. False: the transfer has ended. */
static bool send_take_read(struct transfer *transfer, ssize_t got)
{
	if (got > 0) {
		send_make_chunk(transfer, (size_t)got);
		return true;
	}
	if (got == 0)
		transfer_finish(transfer, TRANSFER_TRUNCATED, 0);
	else
		transfer_fail_file(transfer, (int)got);
	return false;
}

static void send_on_read(struct op *op, int result)
{
	struct transfer *transfer = transfer_of_file_op(op);

	transfer_leave_disk(transfer);
	if (transfer->ending)
		transfer_end_pending(transfer);
	else if (send_take_read(transfer, result))
		transfer_turn(transfer);
}

static void send_read_admitted(struct disk_waiter *waiter)
{
	struct transfer *transfer = transfer_of_waiter(waiter);

	transfer_let_file_block(transfer);
	transfer->file_op.done = send_on_read;
	ring_read(transfer->dtp->ring, &transfer->file_op, transfer->file, transfer->buffer,
		  send_read_bytes(transfer), transfer->offset);
}

/* Reads the next chunk. True: it is there; false: the turn is over. */
static bool send_read(struct transfer *transfer)
{
	ssize_t got = -EAGAIN;

	if (transfer->disk.kind == DISK_MEMORY)
		got = calls->pread(transfer->file, transfer->buffer, send_read_bytes(transfer),
				   transfer->offset);
	else if (transfer->disk.kind == DISK_LOCAL)
		got = calls->pread_resident(transfer->file, transfer->buffer,
					    send_read_bytes(transfer), transfer->offset);
	if (got == -EAGAIN || got == -EOPNOTSUPP) {
		transfer_enter_disk(transfer, DISK_READ, send_read_admitted);
		return false;
	}
	return send_take_read(transfer, got);
}

void send_staged_turn(struct transfer *transfer)
{
	size_t turn = 0;

	if (!transfer_take_buffer(transfer))
		return;
	while (transfer_send_chunk(transfer)) {
		if (transfer->offset == transfer->end) {
			if (transfer->skip > 0) /* the restart point lies past the end */
				transfer_fail_file(transfer, -ERANGE);
			else
				transfer_finish(transfer, TRANSFER_COMPLETE, 0);
			return;
		}
		if (turn >= TRANSFER_TURN_BYTES || (turn > 0 && !transfer->text)) {
			transfer_yield(transfer);
			return;
		}
		if (!send_read(transfer))
			return;
		turn += transfer->chunk_bytes;
	}
}
