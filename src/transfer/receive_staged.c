/*
 * Data connection -> stages -> file, through a buffer of the worker: the translation of TYPE A,
 * and, without it, the way of a chunk for which no kernel pipe was free.
 */
#include <errno.h>
#include <sys/socket.h>

#include "base/limits.h"
#include "sys/calls.h"
#include "transfer/transfer_priv.h"
#include "translate/ascii.h"

#define RECEIVE_BYTES (TRANSFER_BUFFER_BYTES / 2 - 64)

/* bytes have come in the buffer's front (0: no more will): makes the chunk to write of them. */
static void receive_make_chunk(struct transfer *transfer, size_t bytes)
{
	transfer->source_ended = bytes == 0;
	transfer->chunk_done = 0;
	transfer->chunk = transfer->buffer;
	transfer->chunk_bytes = bytes;
	if (transfer->text) {
		transfer->chunk = transfer->buffer + TRANSFER_BUFFER_BYTES / 2;
		transfer->chunk_bytes = ascii_from_network(transfer->buffer, bytes, bytes == 0,
							   &transfer->carriage, transfer->chunk);
	}
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
		transfer_fail_file(transfer, -EOVERFLOW);
	else
		transfer_finish(transfer, TRANSFER_COMPLETE, 0);
}

/* Receives the next chunk. True: it is there; false: the turn is over. */
static bool receive_chunk(struct transfer *transfer)
{
	ssize_t got = calls->recv(transfer->socket, transfer->buffer,
				  receive_room(transfer, RECEIVE_BYTES), MSG_DONTWAIT);

	if (got == -EAGAIN || got == -EINTR) {
		transfer_wait_readable(transfer);
		return false;
	}
	if (got < 0) {
		transfer_fail_data(transfer, (int)got);
		return false;
	}
	transfer_progress(transfer, (size_t)got);
	receive_make_chunk(transfer, (size_t)got);
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

/* Writes what is left of the chunk. True: all is written; false: the turn is over. */
static bool receive_write_chunk(struct transfer *transfer)
{
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
	return true;
}

void receive_staged_turn(struct transfer *transfer)
{
	size_t turn = 0;

	if (!transfer_take_buffer(transfer))
		return;
	while (receive_write_chunk(transfer)) {
		if (transfer->source_ended) {
			transfer_finish(transfer, TRANSFER_COMPLETE, 0);
			return;
		}
		if (turn >= TRANSFER_TURN_BYTES || (turn > 0 && !transfer->text)) {
			transfer_yield(transfer);
			return;
		}
		if (receive_room(transfer, 1) == 0) {
			receive_await_end(transfer);
			return;
		}
		if (!receive_chunk(transfer))
			return;
		turn += transfer->chunk_bytes + 1;
	}
}
