/*
 * Data connection -> file within the kernel: what the socket has goes into a pipe of the pool, in
 * the worker's turn, and from there into the file by the ring, which waits for the disk in the
 * kernel's own threads. The two are never linked: a short first one would cancel the second and
 * strand its bytes. A file system in memory waits for nothing, so both are done in the turn.
 */
#include <errno.h>
#include <fcntl.h>

#include "base/limits.h"
#include "sys/calls.h"
#include "transfer/pipe_pool.h"
#include "transfer/transfer_priv.h"

static void receive_give_pipe(struct transfer *transfer)
{
	if (transfer->pipe)
		pipe_pool_give(transfer->dtp->pipes, transfer->pipe);
	transfer->pipe = NULL;
}

/* socket -> pipe. True if there are bytes to write; false: the turn is over. */
static bool receive_into_pipe(struct transfer *transfer)
{
	ssize_t got = calls->splice(transfer->socket, NULL, transfer->pipe->write_end, NULL,
				    receive_room(transfer, transfer->pipe->size_bytes),
				    SPLICE_F_NONBLOCK | SPLICE_F_MOVE);

	if (got > 0) {
		transfer->pipe->filled_bytes = (size_t)got;
		transfer_progress(transfer, (size_t)got);
		return true;
	}
	receive_give_pipe(transfer);
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

	if (result > 0) { /* also of a transfer that is ending: it is in the file */
		transfer->pipe->filled_bytes -= (size_t)result;
		transfer->offset += result;
	}
	if (transfer->ending) {
		transfer_end_pending(transfer);
		return;
	}
	if (result <= 0) {
		transfer_fail_file(transfer, result == 0 ? -EIO : result);
		return;
	}
	if (transfer->pipe->filled_bytes > 0) {
		receive_write(transfer);
		return;
	}
	/* Others want the disk as well: a place in its queue is for one pipe. */
	receive_give_pipe(transfer);
	transfer_leave_disk(transfer);
	transfer_go_on(transfer);
}

static void receive_write(struct transfer *transfer)
{
	transfer->file_op.done = receive_on_written;
	ring_splice(transfer->dtp->ring, &transfer->file_op, transfer->pipe->read_end, -1,
		    transfer->file, transfer->offset, transfer->pipe->filled_bytes);
}

static void receive_admitted(struct queue_waiter *waiter)
{
	struct transfer *transfer = transfer_of_waiter(waiter);

	transfer->pipe = pipe_pool_take(transfer->dtp->pipes);
	if (!transfer->pipe) {
		transfer_leave_disk(transfer);
		receive_staged_turn(transfer); /* no stage: through a buffer, one chunk */
		return;
	}
	transfer_let_file_block(transfer);
	if (receive_into_pipe(transfer))
		receive_write(transfer);
}

/* pipe -> file in memory. False: failed, and the transfer has ended. */
static bool receive_write_memory(struct transfer *transfer)
{
	while (transfer->pipe->filled_bytes > 0) {
		ssize_t put = calls->splice(transfer->pipe->read_end, NULL, transfer->file,
					    &transfer->offset, transfer->pipe->filled_bytes, 0);

		if (put <= 0) {
			transfer_fail_file(transfer, put == 0 ? -EIO : (int)put);
			return false;
		}
		transfer->pipe->filled_bytes -= (size_t)put;
	}
	return true;
}

static void receive_memory_turn(struct transfer *transfer)
{
	size_t turn = 0;

	transfer->pipe = pipe_pool_take(transfer->dtp->pipes);
	if (!transfer->pipe) {
		receive_staged_turn(transfer);
		return;
	}
	while (turn < TRANSFER_TURN_BYTES && receive_room(transfer, 1) > 0) {
		if (!receive_into_pipe(transfer))
			return;
		turn += transfer->pipe->filled_bytes;
		if (!receive_write_memory(transfer))
			return;
	}
	receive_give_pipe(transfer);
	transfer_yield(transfer);
}

void receive_file_turn(struct transfer *transfer)
{
	if (transfer->chunk_done < transfer->chunk_bytes) /* begun without a pipe */
		receive_staged_turn(transfer);
	else if (receive_room(transfer, 1) == 0)
		receive_await_end(transfer);
	else if (transfer->disk.kind == DISK_MEMORY)
		receive_memory_turn(transfer);
	else
		transfer_enter_disk(transfer, DISK_WRITE, receive_admitted);
}
