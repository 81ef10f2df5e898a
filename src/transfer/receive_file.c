/*
 * Data connection -> file within the kernel: what the socket has goes into a pipe of the pool, in
 * the worker's turn, and from there into the file by the ring, which waits for the disk in the
 * kernel's own threads. The two are never linked: a short first one would cancel the second and
 * strand its bytes. A file system in memory waits for nothing, so both are done in the turn. Where no
 * pipe is free a buffer takes its place; either is lent for the time that its bytes wait for the disk,
 * and never while a client is waited for.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>

#include "base/limits.h"
#include "sys/calls.h"
#include "transfer/pipe_pool.h"
#include "transfer/transfer_priv.h"

/* Lends a pipe, or a buffer. False: no memory, and the transfer has ended. */
static bool receive_take_loan(struct transfer *transfer)
{
	transfer->pipe = pipe_pool_take(transfer->dtp->pipes);
	return transfer->pipe || transfer_take_buffer(transfer);
}

static void receive_give_loan(struct transfer *transfer)
{
	if (transfer->pipe)
		pipe_pool_give(transfer->dtp->pipes, transfer->pipe);
	transfer->pipe = NULL;
	transfer_give_buffer(transfer);
}

/* What is in it, and not written. */
static size_t receive_held_bytes(const struct transfer *transfer)
{
	return transfer->pipe ? transfer->pipe->filled_bytes : transfer->chunk_bytes;
}

static void receive_note_written(struct transfer *transfer, size_t bytes)
{
	transfer->offset += (off_t)bytes;
	if (transfer->pipe) {
		transfer->pipe->filled_bytes -= bytes;
	} else {
		transfer->chunk += bytes;
		transfer->chunk_bytes -= bytes;
	}
}

static ssize_t receive_into_pipe(struct transfer *transfer)
{
	ssize_t got = calls->splice(transfer->socket, NULL, transfer->pipe->write_end, NULL,
				    receive_room(transfer, transfer->pipe->size_bytes),
				    SPLICE_F_NONBLOCK | SPLICE_F_MOVE);

	if (got > 0)
		transfer->pipe->filled_bytes = (size_t)got;
	return got;
}

static ssize_t receive_into_buffer(struct transfer *transfer)
{
	ssize_t got = calls->recv(transfer->socket, transfer->buffer,
				  receive_room(transfer, TRANSFER_BUFFER_BYTES), MSG_DONTWAIT);

	transfer->chunk = transfer->buffer;
	if (got > 0)
		transfer->chunk_bytes = (size_t)got;
	return got;
}

/* Takes what the socket has. True if there are bytes to write; false: the turn is over. */
static bool receive_some(struct transfer *transfer)
{
	ssize_t got = transfer->pipe ? receive_into_pipe(transfer) : receive_into_buffer(transfer);

	if (got > 0) {
		transfer_progress(transfer, (size_t)got);
		return true;
	}
	receive_give_loan(transfer);
	transfer_leave_disk(transfer);
	if (got == -EAGAIN || got == -EINTR)
		transfer_wait_readable(transfer);
	else if (got == 0)
		transfer_finish(transfer, TRANSFER_COMPLETE, 0);
	else
		transfer_fail_data(transfer, (int)got);
	return false;
}

static void receive_write(struct transfer *transfer);

static void receive_on_written(struct op *op, int result)
{
	struct transfer *transfer = transfer_of_file_op(op);

	if (result > 0) /* also of a transfer that is ending: it is in the file */
		receive_note_written(transfer, (size_t)result);
	if (transfer->ending) {
		transfer_end_pending(transfer);
		return;
	}
	if (result <= 0) {
		transfer_fail_file(transfer, result == 0 ? -EIO : result);
		return;
	}
	if (receive_held_bytes(transfer) > 0) {
		receive_write(transfer);
		return;
	}
	/* Others want the disk as well: a place in its queue is for one pipe. */
	receive_give_loan(transfer);
	transfer_leave_disk(transfer);
	transfer_go_on(transfer);
}

static void receive_write(struct transfer *transfer)
{
	struct ring *ring = transfer->dtp->ring;

	transfer->file_op.done = receive_on_written;
	if (transfer->pipe)
		ring_splice(ring, &transfer->file_op, transfer->pipe->read_end, -1, transfer->file,
			    transfer->offset, transfer->pipe->filled_bytes);
	else
		ring_write(ring, &transfer->file_op, transfer->file, transfer->chunk,
			   transfer->chunk_bytes, transfer->offset);
}

static void receive_admitted(struct queue_waiter *waiter)
{
	struct transfer *transfer = transfer_of_waiter(waiter);

	if (!receive_take_loan(transfer))
		return;
	transfer_let_file_block(transfer);
	if (receive_some(transfer))
		receive_write(transfer);
}

/* What is held -> file in memory. False: failed, and the transfer has ended. */
static bool receive_write_memory(struct transfer *transfer)
{
	while (receive_held_bytes(transfer) > 0) {
		off_t offset = transfer->offset;
		ssize_t put = transfer->pipe ? calls->splice(transfer->pipe->read_end, NULL,
							     transfer->file, &offset,
							     transfer->pipe->filled_bytes, 0)
					     : calls->pwrite(transfer->file, transfer->chunk,
							     transfer->chunk_bytes, offset);

		if (put <= 0) {
			transfer_fail_file(transfer, put == 0 ? -EIO : (int)put);
			return false;
		}
		receive_note_written(transfer, (size_t)put);
	}
	return true;
}

static void receive_memory_turn(struct transfer *transfer)
{
	size_t turn = 0;

	if (!receive_take_loan(transfer))
		return;
	while (turn < TRANSFER_TURN_BYTES && receive_room(transfer, 1) > 0) {
		if (!receive_some(transfer))
			return;
		turn += receive_held_bytes(transfer);
		if (!receive_write_memory(transfer))
			return;
	}
	receive_give_loan(transfer);
	transfer_yield(transfer);
}

void receive_file_turn(struct transfer *transfer)
{
	if (receive_room(transfer, 1) == 0)
		receive_await_end(transfer);
	else if (transfer->disk.kind == DISK_MEMORY)
		receive_memory_turn(transfer);
	else
		transfer_enter_disk(transfer, DISK_WRITE, receive_admitted);
}
