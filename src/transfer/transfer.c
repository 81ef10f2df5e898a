#include "transfer/transfer.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/limits.h"
#include "sys/calls.h"
#include "sys/kernel_value.h"
#include "sys/memory_limit.h"
#include "transfer/pipe_pool.h"
#include "transfer/transfer_priv.h"

#define BUFFERS_KEPT_MAX 16 /* free ones of a worker; further ones go back to the system */
#define PROBE_STEP_MIN (128 * 1024)
#define RESIDENT_MS 1000 /* for which an answer is relied on */

/* A fraction of the memory up to which the kernel's TCP feels no pressure: 3/64 of it all, unless
 * tcp_mem says otherwise (which a network namespace of a container does not show). */
static size_t dtp_unsent_bytes_max(unsigned workers)
{
	unsigned long pages = kernel_value_read("/proc/sys/net/ipv4/tcp_mem",
						(unsigned long)sysconf(_SC_PHYS_PAGES) / 64 * 3);

	return pages * 4096 / 8 / workers;
}

size_t dtp_memory_bytes(size_t server_bytes, unsigned workers)
{
	size_t bytes;

	if (server_bytes == 0)
		server_bytes = memory_limit_bytes() / TRANSFER_MEMORY_PART;
	bytes = server_bytes / workers;
	return bytes < TRANSFER_MEMORY_WORKER_MIN ? TRANSFER_MEMORY_WORKER_MIN : bytes;
}

int dtp_init(struct dtp *dtp, struct ring *ring, struct disk_queues *disks, unsigned workers)
{
	*dtp = (struct dtp){ .ring = ring,
			     .disks = disks,
			     .unsent_bytes_max = dtp_unsent_bytes_max(workers) };
	return pipe_pool_new(workers, &dtp->pipes);
}

void dtp_fini(struct dtp *dtp)
{
	while (dtp->buffers) {
		void *next = *(void **)dtp->buffers;

		free(dtp->buffers);
		dtp->buffers = next;
	}
	pipe_pool_free(dtp->pipes);
}

char *dtp_take_buffer(struct dtp *dtp)
{
	void *buffer = dtp->buffers;

	if (!buffer)
		return calls->allocate(TRANSFER_BUFFER_BYTES);
	dtp->buffers = *(void **)buffer;
	dtp->buffers_free--;
	return buffer;
}

void dtp_give_buffer(struct dtp *dtp, char *buffer)
{
	if (dtp->buffers_free >= BUFFERS_KEPT_MAX) {
		free(buffer);
		return;
	}
	*(void **)(void *)buffer = dtp->buffers;
	dtp->buffers = buffer;
	dtp->buffers_free++;
}

struct transfer *transfer_of_waiter(struct queue_waiter *waiter)
{
	return (struct transfer *)(void *)((char *)waiter - offsetof(struct transfer, waiter));
}

struct transfer *transfer_of_file_op(struct op *op)
{
	return (struct transfer *)(void *)((char *)op - offsetof(struct transfer, file_op));
}

static struct transfer *transfer_of_socket_op(struct op *op)
{
	return (struct transfer *)(void *)((char *)op - offsetof(struct transfer, socket_op));
}

static struct transfer *transfer_of_timer(struct wheel_timer *timer)
{
	return (struct transfer *)(void *)((char *)timer - offsetof(struct transfer, timer));
}

void transfer_turn(struct transfer *transfer)
{
	if (transfer->kind == TRANSFER_SEND_LISTING)
		send_listing_turn(transfer);
	else if (transfer->kind == TRANSFER_RECEIVE_FILE)
		transfer->stages || transfer->take ? receive_staged_turn(transfer)
						   : receive_file_turn(transfer);
	else
		transfer->stages ? send_staged_turn(transfer) : send_file_turn(transfer);
}

static void transfer_return_loans(struct transfer *transfer)
{
	struct dtp *dtp = transfer->dtp;

	transfer_leave_disk(transfer);
	if (transfer->pipe)
		pipe_pool_give(dtp->pipes, transfer->pipe);
	transfer_give_buffer(transfer);
	if (transfer->stages) {
		stages_fini(transfer->stages);
		dtp_give_buffer(dtp, (char *)transfer->stages);
	}
	transfer->pipe = NULL;
	transfer->stages = NULL;
}

/* Only a complete transfer ends with the end of the stream; all else with a reset, or the client
 * could take what it has for the whole. */
static void transfer_close(struct transfer *transfer)
{
	const struct linger reset = { .l_onoff = 1, .l_linger = 0 };

	if (transfer->end_kind != TRANSFER_COMPLETE)
		setsockopt(transfer->socket, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	ring_close_socket(transfer->dtp->ring, transfer->socket);
	transfer->socket = -1;
	free(transfer->early);
	transfer->early = NULL;
}

/* Calls done once no operation is under way. */
static void transfer_end_if_quiet(struct transfer *transfer)
{
	if (op_pending(&transfer->socket_op) || op_pending(&transfer->file_op) ||
	    op_pending(&transfer->help[0].op) || op_pending(&transfer->help[1].op))
		return;
	transfer_return_loans(transfer);
	ring_timer_clear(transfer->dtp->ring, &transfer->timer);
	if (transfer->kind != TRANSFER_RECEIVE_FILE)
		transfer->dtp->sending--;
	transfer->kept = transfer->keep && transfer->end_kind == TRANSFER_COMPLETE;
	if (!transfer->kept)
		transfer_close(transfer);
	transfer->done(transfer, transfer->end_kind, transfer->end_error);
}
void transfer_finish(struct transfer *transfer, enum transfer_end end, int error)
{
	if (transfer->ending)
		return;
	transfer->ending = true;
	transfer->end_kind = (uint8_t)end;
	transfer->end_error = error;
	if (queue_waits(&transfer->waiter)) /* it would begin something else */
		transfer_leave_disk(transfer);
	ring_cancel(transfer->dtp->ring, &transfer->socket_op);
	transfer_end_if_quiet(transfer);
}

void transfer_end_pending(struct transfer *transfer)
{
	transfer_end_if_quiet(transfer);
}

void transfer_fail_data(struct transfer *transfer, int error)
{
	transfer_finish(transfer, TRANSFER_DATA_FAILED, error);
}

void transfer_fail_file(struct transfer *transfer, int error)
{
	transfer_finish(transfer, TRANSFER_FILE_FAILED, error);
}

void transfer_abort(struct transfer *transfer)
{
	transfer_finish(transfer, TRANSFER_ABORTED, 0);
}

void transfer_progress(struct transfer *transfer, size_t bytes)
{
	transfer->bytes += bytes;
	transfer->progress_ms = ring_now_ms(transfer->dtp->ring);
}

static void transfer_on_turn(struct op *op, int result)
{
	struct transfer *transfer = transfer_of_socket_op(op);

	(void)result;
	if (transfer->ending)
		transfer_end_if_quiet(transfer);
	else
		transfer_turn(transfer);
}

static void transfer_on_socket(struct op *op, int result)
{
	struct transfer *transfer = transfer_of_socket_op(op);

	if (transfer->ending)
		transfer_end_if_quiet(transfer);
	else if (result < 0)
		transfer_fail_data(transfer, result);
	else
		transfer_yield(transfer);
}

/* While few are sent to, the kernel sizes each send buffer as it sees fit: a small limit of unsent
 * bytes (TCP_NOTSENT_LOWAT) would cost a slow reader many more wake-ups. With many, each gets its
 * share of what all together may leave unsent: thousands of stalled clients would otherwise fill
 * the kernel's TCP memory and starve the others. */
static void transfer_share_unsent(struct transfer *transfer)
{
	size_t share = transfer->dtp->unsent_bytes_max / (transfer->dtp->sending + 1);
	int lowat;

	if (share > NOTSENT_LOWAT_BYTES_MAX)
		share = UINT32_MAX; /* the kernel's own limit of a send buffer is enough */
	if (share < NOTSENT_LOWAT_BYTES)
		share = NOTSENT_LOWAT_BYTES;
	if (share < 2 * transfer->lowat_bytes && share > transfer->lowat_bytes / 2)
		return;
	lowat = (int)(uint32_t)share;
	setsockopt(transfer->socket, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &lowat, sizeof(lowat));
	transfer->lowat_bytes = share;
}

static void transfer_poll(struct transfer *transfer)
{
	transfer->socket_op.done = transfer_on_socket;
	ring_poll(transfer->dtp->ring, &transfer->socket_op, transfer->socket,
		  transfer->kind == TRANSFER_RECEIVE_FILE ? POLLIN : POLLOUT);
}

void transfer_wait_writable(struct transfer *transfer)
{
	transfer_share_unsent(transfer);
	transfer_poll(transfer);
}

void transfer_yield(struct transfer *transfer)
{
	transfer->socket_op.done = transfer_on_turn;
	ring_yield(transfer->dtp->ring, &transfer->socket_op);
}

/* Whether all that is left is done at once, in less time than others notice. */
static bool transfer_is_short(const struct transfer *transfer)
{
	return transfer->kind == TRANSFER_SEND_LISTING ||
	       (transfer->kind == TRANSFER_SEND_FILE &&
		transfer->end - transfer->offset <= SHORT_TURN_BYTES &&
		!(transfer->stages && transfer->representation->mode == MODE_DEFLATE));
}

void transfer_go_on(struct transfer *transfer)
{
	if (transfer_is_short(transfer))
		transfer_turn(transfer);
	else
		transfer_yield(transfer);
}

void transfer_wait_readable(struct transfer *transfer)
{
	transfer_poll(transfer);
}

/* A slow reader empties a send buffer of megabytes long before the socket asks for more: what it
 * has acknowledged is progress, too. */
static void transfer_look_at_peer(struct transfer *transfer)
{
	int unacknowledged = 0;
	uint64_t taken;

	if (transfer->kind == TRANSFER_RECEIVE_FILE ||
	    ioctl(transfer->socket, SIOCOUTQ, &unacknowledged) < 0)
		return;
	taken = transfer->bytes - (uint64_t)unacknowledged;
	if (taken != transfer->taken_bytes)
		transfer->progress_ms = ring_now_ms(transfer->dtp->ring);
	transfer->taken_bytes = taken;
}

/* Not while it waits for a disk, or has yielded: then the client is not to blame. */
static bool transfer_waits_for_peer(const struct transfer *transfer)
{
	return op_pending(&transfer->socket_op) && transfer->socket_op.kind != OP_YIELD;
}

/* When to look again: a sender's peer is looked at four times within the time limit. */
static uint64_t transfer_look_ms(const struct transfer *transfer, uint64_t quiet_ms)
{
	uint64_t left_ms = transfer->timeout_ms - quiet_ms;
	uint64_t quarter_ms = transfer->timeout_ms / 4 + 1;

	return transfer->kind == TRANSFER_RECEIVE_FILE || left_ms < quarter_ms ? left_ms
									       : quarter_ms;
}

/* The timer is set once a period, not once a byte: it looks when the last byte moved. */
static void transfer_on_timer(struct wheel_timer *timer)
{
	struct transfer *transfer = transfer_of_timer(timer);
	struct ring *ring = transfer->dtp->ring;
	uint64_t quiet_ms;

	transfer_look_at_peer(transfer);
	quiet_ms = ring_now_ms(ring) - transfer->progress_ms;
	if (!transfer_waits_for_peer(transfer))
		quiet_ms = 0;
	if (quiet_ms >= transfer->timeout_ms)
		transfer_finish(transfer, TRANSFER_TIMED_OUT, -ETIMEDOUT);
	else
		ring_timer_set(ring, timer, transfer_look_ms(transfer, quiet_ms));
}

void transfer_enter_disk(struct transfer *transfer, enum disk_direction direction,
			 void (*admitted)(struct queue_waiter *waiter))
{
	transfer->queue = disk_queues_find(transfer->dtp->disks, transfer->disk.id, direction);
	transfer->waiter.admitted = admitted;
	if (queue_enter(transfer->queue, &transfer->waiter))
		admitted(&transfer->waiter);
}

void transfer_leave_disk(struct transfer *transfer)
{
	struct queue *queue = transfer->queue;

	transfer->queue = NULL;
	if (queue && !queue_waits(&transfer->waiter))
		queue_leave(queue);
	else if (queue)
		queue_withdraw(&transfer->waiter);
}

void transfer_let_file_block(struct transfer *transfer)
{
	if (transfer->file_blocking)
		return;
	transfer->file_blocking = true;
	fcntl(transfer->file, F_SETFL, fcntl(transfer->file, F_GETFL) & ~O_NONBLOCK);
}

static bool transfer_probe(const struct transfer *transfer, off_t offset, size_t length)
{
	off_t last = offset + (off_t)length - 1;
	char byte;

	for (off_t at = offset + transfer->probe_step - 1; at < last; at += transfer->probe_step)
		if (calls->pread_resident(transfer->file, &byte, 1, at) < 0)
			return false;
	/* Zero bytes: the end of a file that was cut meanwhile, where nothing waits. */
	return calls->pread_resident(transfer->file, &byte, 1, last) >= 0;
}

/* How far a probe asks: a slow reader takes less than a window, and need not be asked for twice. */
static size_t transfer_probe_bytes(const struct transfer *transfer, off_t offset, size_t length)
{
	size_t left = (size_t)(transfer->end - offset);
	size_t bytes = (size_t)transfer->probe_step;

	if (bytes < length)
		bytes = length;
	return bytes < left ? bytes : left;
}

bool transfer_is_resident(struct transfer *transfer, off_t offset, size_t length)
{
	uint64_t now_ms = ring_now_ms(transfer->dtp->ring);
	size_t asked;
	bool resident;

	if (transfer->disk.kind == DISK_MEMORY)
		return true;
	if (transfer->disk.kind == DISK_REMOTE)
		return false;
	if (transfer->recent && transfer->end <= RECENT_BYTES_MAX)
		return true;
	/* A probe costs a microsecond and more. A file that has been in the cache so far is asked
	 * about less and less; one that has not is looked at closely again. */
	if (offset + (off_t)length <= transfer->resident_end &&
	    now_ms - transfer->resident_ms < RESIDENT_MS)
		return true;
	asked = transfer_probe_bytes(transfer, offset, length);
	resident = transfer_probe(transfer, offset, asked);
	transfer->resident_end = resident ? offset + (off_t)asked : 0;
	transfer->resident_ms = now_ms;
	if (!resident)
		transfer->probe_step = PROBE_STEP_MIN;
	else if (transfer->probe_step < SEND_WINDOW_BYTES)
		transfer->probe_step *= 2;
	return resident;
}

bool transfer_take_buffer(struct transfer *transfer)
{
	if (!transfer->buffer)
		transfer->buffer = dtp_take_buffer(transfer->dtp);
	if (transfer->buffer)
		return true;
	transfer_fail_file(transfer, -ENOMEM); /* may be the last that is seen of it */
	return false;
}

void transfer_give_buffer(struct transfer *transfer)
{
	if (transfer->buffer)
		dtp_give_buffer(transfer->dtp, transfer->buffer);
	transfer->buffer = NULL;
}

void transfer_show_out(struct transfer *transfer)
{
	struct view out = stages_out(transfer->stages);

	transfer->chunk = (char *)(uintptr_t)out.at;
	transfer->chunk_bytes = out.length;
	transfer->chunk_done = 0;
}

void transfer_out_taken(struct transfer *transfer)
{
	stages_take(transfer->stages, transfer->chunk_bytes);
	transfer->chunk_bytes = 0;
	transfer->chunk_done = 0;
}

void transfer_fail_stages(struct transfer *transfer, int error)
{
	if (error == -ENODATA) {
		transfer_fail_data(transfer, error);
	} else if (error == -EBADMSG || error == -EILSEQ || error == -EPROTONOSUPPORT) {
		transfer->complaint = stages_complaint(transfer->stages);
		transfer_finish(transfer, TRANSFER_MALFORMED, error);
	} else {
		transfer_fail_file(transfer, error);
	}
}

int transfer_pour(struct transfer *transfer, bool last)
{
	struct view input = { transfer->input, transfer->input_bytes };
	size_t taken;
	int r = stages_run(transfer->stages, input, last, &taken);

	transfer->input += taken;
	transfer->input_bytes -= taken;
	return r;
}

bool transfer_convert(struct transfer *transfer, bool last)
{
	int r = transfer_pour(transfer, last);

	transfer_show_out(transfer);
	if (r < 0)
		transfer_fail_stages(transfer, r);
	return r >= 0;
}

bool transfer_send(struct transfer *transfer, const void *octets, size_t length, size_t *done,
		   int flags)
{
	while (*done < length) {
		ssize_t sent = calls->send(transfer->socket, (const char *)octets + *done,
					   length - *done, MSG_DONTWAIT | MSG_NOSIGNAL | flags);

		if (sent == -EAGAIN || sent == -EINTR) {
			transfer_wait_writable(transfer);
			return false;
		}
		if (sent < 0) {
			transfer_fail_data(transfer, (int)sent);
			return false;
		}
		*done += (size_t)sent;
		transfer_progress(transfer, (size_t)sent);
	}
	return true;
}

bool transfer_send_chunk(struct transfer *transfer)
{
	if (!transfer_send(transfer, transfer->chunk, transfer->chunk_bytes, &transfer->chunk_done,
			   0))
		return false;
	if (transfer->stages)
		transfer_out_taken(transfer);
	return true;
}

static struct stages *stages_of_kind(const struct transfer *transfer, void *memory)
{
	return transfer->kind == TRANSFER_SEND_FILE && !transfer->lines
		       ? stages_new_sending(memory, TRANSFER_BUFFER_BYTES, transfer->representation)
	       : transfer->kind == TRANSFER_RECEIVE_FILE
		       ? stages_new_receiving(memory, TRANSFER_BUFFER_BYTES,
					      transfer->representation)
		       : stages_new_listing(memory, TRANSFER_BUFFER_BYTES,
					    transfer->representation);
}

static bool transfer_is_plain(const struct transfer *transfer)
{
	const struct representation *representation = transfer->representation;

	return !representation || (transfer->kind == TRANSFER_SEND_LISTING || transfer->lines
					   ? representation_listing_is_plain(representation)
					   : representation_is_plain(representation));
}

/* A small file in MODE B, whole: a header, and then the file as it is. */
static bool transfer_is_one_block(const struct transfer *transfer)
{
	return transfer->kind == TRANSFER_SEND_FILE && !transfer->lines && !transfer->marker &&
	       transfer->offset == 0 && transfer->skip == 0 && transfer->end > 0 &&
	       transfer->end <= BLOCK_BYTES_MAX &&
	       representation_is_plain_blocks(transfer->representation);
}

size_t transfer_memory_bytes(const struct transfer *transfer)
{
	bool staged = !transfer_is_plain(transfer) && !transfer_is_one_block(transfer);
	size_t bytes = 0;

	if (staged || transfer->kind == TRANSFER_SEND_LISTING)
		bytes += TRANSFER_BUFFER_BYTES;
	if (staged)
		bytes += TRANSFER_BUFFER_BYTES;
	if (staged && transfer->representation->mode == MODE_DEFLATE)
		bytes += DEFLATE_BYTES;
	return bytes;
}

/* False: no memory. */
static bool transfer_make_stages(struct transfer *transfer)
{
	char *memory;

	if (transfer_is_plain(transfer))
		return true;
	if (transfer_is_one_block(transfer)) {
		block_header(transfer->header, DESCRIPTOR_EOF, (size_t)transfer->end);
		transfer->header_bytes = BLOCK_HEADER_BYTES;
		return true;
	}
	memory = dtp_take_buffer(transfer->dtp);
	if (!memory)
		return false;
	transfer->stages = stages_of_kind(transfer, memory);
	if (!transfer->stages) {
		dtp_give_buffer(transfer->dtp, memory);
		return false;
	}
	stages_set_skip(transfer->stages, (uint64_t)transfer->skip);
	stages_set_position(transfer->stages, transfer->offset);
	if (transfer->marker) /* where page 0 belongs, too: an APPE's is not the file's front */
		stages_restore(transfer->stages, transfer->marker->state);
	transfer->file_end = transfer->marked_at = transfer->offset;
	transfer->next_mark = transfer->offset + MARK_EVERY_BYTES;
	return true;
}

void transfer_start(struct transfer *transfer)
{
	struct ring *ring = transfer->dtp->ring;

	transfer->progress_ms = ring_now_ms(ring);
	transfer->window_bytes = SEND_WINDOW_BYTES;
	transfer->lowat_bytes = UINT32_MAX;
	if (transfer->kind != TRANSFER_RECEIVE_FILE)
		transfer->dtp->sending++;
	transfer->take_bytes = SEND_WINDOW_BYTES;
	transfer->turn_bytes = SEND_WINDOW_BYTES;
	transfer->turn_ms = ring_now_ms(ring);
	transfer->probe_step = PROBE_STEP_MIN;
	transfer->timer.fire = transfer_on_timer;
	ring_timer_set(ring, &transfer->timer, transfer_look_ms(transfer, 0));
	if (transfer->kind == TRANSFER_SEND_FILE &&
	    transfer->end - transfer->offset > NOTSENT_LOWAT_BYTES)
		transfer_share_unsent(transfer);
	if (transfer_make_stages(transfer))
		transfer_go_on(transfer); /* may be the last that is seen of it */
	else
		transfer_fail_file(transfer, -ENOMEM);
}
