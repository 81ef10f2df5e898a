/*
 * File -> data connection within the kernel. A turn moves up to SEND_TURN_BYTES, less where many send,
 * window by window.
 * A window that is in the page cache goes out here and now: by splice through the worker's pipe
 * where the reader keeps up, by sendfile otherwise. One that is not is first brought in by the ring,
 * which waits for the disk in the kernel's own threads: into a pipe, or, where none is free, a buffer.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>

#include "base/limits.h"
#include "sys/calls.h"
#include "transfer/pipe_pool.h"
#include "transfer/transfer_priv.h"

#define PAGE_BYTES 4096
#define WINDOW_MIN (64 * 1024)
#define SPLICE_MIN (512 * 1024) /* smaller windows cost less by sendfile */

/* A reader that takes so much of a window keeps up: what splice drops for others costs more than
 * it saves. */
#define TAKE_ALL (SEND_WINDOW_BYTES / 16 * 15)

#define SLOW_MS 100 /* between two turns: its pace is its own, and it takes what it took before */

/* Moves what is in pipe on to the socket. Returns the bytes, or a negative errno if none went. */
static ssize_t send_pipe(struct transfer *transfer, struct kernel_pipe *pipe)
{
	bool last = transfer->offset + (off_t)pipe->filled_bytes == transfer->end;
	unsigned flags = SPLICE_F_NONBLOCK | (last ? 0 : SPLICE_F_MORE);
	ssize_t sent = 0;
	ssize_t part = 0;

	while (pipe->filled_bytes > 0) {
		part = calls->splice(pipe->read_end, NULL, transfer->socket, NULL,
				     pipe->filled_bytes, flags);
		if (part <= 0)
			break;
		pipe->filled_bytes -= (size_t)part;
		sent += part;
	}
	return sent > 0 ? sent : part;
}

/* One window by splice: what the socket leaves is dropped, so the pipe is empty again. */
static ssize_t send_window_by_splice(struct transfer *transfer, struct kernel_pipe *pipe,
				     size_t window)
{
	off_t offset = transfer->offset;
	ssize_t filled = calls->splice(transfer->file, &offset, pipe->write_end, NULL, window,
				       SPLICE_F_NONBLOCK);
	ssize_t sent;

	if (filled <= 0)
		return filled;
	pipe->filled_bytes = (size_t)filled;
	sent = send_pipe(transfer, pipe);
	pipe_pool_empty(transfer->dtp->pipes, pipe);
	return sent;
}

/* Whether the reader will take (nearly) all of a window, in a turn that has moved turn_bytes. */
static bool send_will_take(const struct transfer *transfer, size_t turn_bytes, size_t window)
{
	if (ring_now_ms(transfer->dtp->ring) - transfer->turn_ms >= SLOW_MS)
		return turn_bytes + window <= transfer->turn_bytes + transfer->turn_bytes / 16;
	return transfer->take_bytes >= TAKE_ALL;
}

static ssize_t send_window(struct transfer *transfer, size_t turn_bytes, size_t window)
{
	struct kernel_pipe *pipe = pipe_pool_turn_pipe(transfer->dtp->pipes);
	off_t offset = transfer->offset;

	if (pipe && window >= SPLICE_MIN && send_will_take(transfer, turn_bytes, window))
		return send_window_by_splice(transfer, pipe,
					     window < pipe->size_bytes ? window : pipe->size_bytes);
	return calls->sendfile(transfer->socket, transfer->file, &offset, window);
}

/* What a reader takes in a turn, on average over the last few, is what the next window asks of
 * the disk: twice that, so that one who has become faster is noticed. A single full socket does
 * not make a fast reader slow. */
static void send_adapt(struct transfer *transfer, size_t turn_bytes)
{
	size_t window;

	if (turn_bytes == 0)
		return;
	transfer->turn_bytes = (3 * transfer->turn_bytes + turn_bytes) / 4;
	transfer->turn_ms = ring_now_ms(transfer->dtp->ring);
	if (turn_bytes > SEND_WINDOW_BYTES)
		turn_bytes = SEND_WINDOW_BYTES;
	transfer->take_bytes = (3 * transfer->take_bytes + turn_bytes) / 4;
	window = 2 * transfer->take_bytes;
	if (window < WINDOW_MIN)
		window = WINDOW_MIN;
	if (window > SEND_WINDOW_BYTES)
		window = SEND_WINDOW_BYTES;
	transfer->window_bytes = window;
}

/* What a turn may move: long ones cost less for each byte, short ones let nobody wait for long. */
static size_t send_turn_bytes(const struct transfer *transfer)
{
	size_t share = SEND_ROUND_BYTES / (transfer->dtp->sending + 1) / WINDOW_MIN * WINDOW_MIN;

	if (share > SEND_TURN_BYTES)
		return SEND_TURN_BYTES;
	return share < SEND_TURN_BYTES_MIN ? SEND_TURN_BYTES_MIN : share;
}

/* The next window, of a turn that may still move left_bytes. */
static size_t send_next_window(const struct transfer *transfer, size_t left_bytes)
{
	off_t left = transfer->end - transfer->offset;
	size_t window = transfer->window_bytes;

	if (window > left_bytes)
		window = left_bytes;
	if (left < (off_t)window)
		return (size_t)left;
	/* A pipe takes pages: of whole ones as much as it says. */
	return window - (size_t)(transfer->offset % PAGE_BYTES);
}

/* Whether an error of splice or sendfile is the file's. */
static bool error_is_of_file(ssize_t error)
{
	return error == -EIO || error == -ESTALE || error == -EISDIR || error == -EINVAL ||
	       error == -ENOMEM;
}

/* Judges what a window did. Returns false if the transfer has ended. */
static bool send_count(struct transfer *transfer, ssize_t sent)
{
	if (sent == -EAGAIN || sent == -EINTR)
		return true;
	if (sent > 0) {
		transfer->offset += sent;
		transfer_progress(transfer, (size_t)sent);
		return true;
	}
	if (sent == 0)
		transfer_finish(transfer, TRANSFER_TRUNCATED, 0);
	else if (error_is_of_file(sent))
		transfer_fail_file(transfer, (int)sent);
	else
		transfer_fail_data(transfer, (int)sent);
	return false;
}

/* The disk has delivered a window, and the socket got what it took of it: the page cache keeps the rest. */
static void send_go_on(struct transfer *transfer, ssize_t window, ssize_t sent)
{
	if (!send_count(transfer, sent))
		return;
	if (sent == window || transfer->offset == transfer->end) {
		transfer_go_on(transfer);
		return;
	}
	send_adapt(transfer, sent > 0 ? (size_t)sent : 0);
	transfer_wait_writable(transfer);
}

static void send_on_disk(struct op *op, int result)
{
	struct transfer *transfer = transfer_of_file_op(op);
	struct kernel_pipe *pipe = transfer->pipe;
	size_t window = result > 0 ? (size_t)result : 0;
	ssize_t sent;

	transfer_leave_disk(transfer);
	pipe->filled_bytes = window;
	if (transfer->ending) {
		transfer_end_pending(transfer);
		return;
	}
	if (result < 0) {
		transfer_fail_file(transfer, result);
		return;
	}
	sent = send_pipe(transfer, pipe);
	transfer->pipe = NULL;
	pipe_pool_give(transfer->dtp->pipes, pipe);
	send_go_on(transfer, (ssize_t)window, sent);
}

static void send_on_read(struct op *op, int result)
{
	struct transfer *transfer = transfer_of_file_op(op);
	ssize_t sent = 0;

	transfer_leave_disk(transfer);
	if (transfer->ending) {
		transfer_end_pending(transfer);
		return;
	}
	if (result < 0) {
		transfer_fail_file(transfer, result);
		return;
	}
	if (result > 0)
		sent = calls->send(transfer->socket, transfer->buffer, (size_t)result,
				   MSG_DONTWAIT | MSG_NOSIGNAL);
	transfer_give_buffer(transfer);
	if (sent < 0 && sent != -EAGAIN && sent != -EINTR)
		transfer_fail_data(transfer, (int)sent); /* the file has no part in it */
	else
		send_go_on(transfer, result, sent);
}

static void send_read(struct transfer *transfer, size_t window)
{
	if (!transfer_take_buffer(transfer))
		return;
	if (window > TRANSFER_BUFFER_BYTES)
		window = TRANSFER_BUFFER_BYTES;
	transfer_let_file_block(transfer);
	transfer->file_op.done = send_on_read;
	ring_read(transfer->dtp->ring, &transfer->file_op, transfer->file, transfer->buffer, window,
		  transfer->offset);
}

static void send_admitted(struct queue_waiter *waiter)
{
	struct transfer *transfer = transfer_of_waiter(waiter);
	size_t window = send_next_window(transfer, SEND_TURN_BYTES);

	transfer->pipe = pipe_pool_take(transfer->dtp->pipes);
	if (!transfer->pipe) {
		send_read(transfer, window);
		return;
	}
	if (window > transfer->pipe->size_bytes)
		window = transfer->pipe->size_bytes;
	transfer_let_file_block(transfer);
	transfer->file_op.done = send_on_disk;
	ring_splice(transfer->dtp->ring, &transfer->file_op, transfer->file, transfer->offset,
		    transfer->pipe->write_end, -1, window);
}

/* The header of the block that the file is, which the kernel holds back until the file follows. False:
 * the turn is over. */
static bool send_header(struct transfer *transfer)
{
	return transfer_send(transfer, transfer->header, transfer->header_bytes,
			     &transfer->header_done, MSG_MORE);
}

void send_file_turn(struct transfer *transfer)
{
	size_t most = send_turn_bytes(transfer);
	bool full = false;
	size_t turn = 0;

	if (!send_header(transfer))
		return;
	while (transfer->offset < transfer->end && turn + WINDOW_MIN <= most) {
		size_t window = send_next_window(transfer, most - turn);
		ssize_t sent;

		if (!transfer_is_resident(transfer, transfer->offset, window)) {
			transfer_enter_disk(transfer, DISK_READ, send_admitted);
			return;
		}
		sent = send_window(transfer, turn, window);
		if (!send_count(transfer, sent))
			return;
		turn += sent > 0 ? (size_t)sent : 0;
		full = sent < (ssize_t)window;
		if (full)
			break;
	}
	if (transfer->offset == transfer->end) {
		transfer_finish(transfer, TRANSFER_COMPLETE, 0);
		return;
	}
	send_adapt(transfer, turn);
	if (full)
		transfer_wait_writable(transfer);
	else
		transfer_yield(transfer);
}
