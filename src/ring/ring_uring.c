/*
 * The engine on io_uring. An operation's address is its user_data; zero stands for what nobody
 * waits for (a cancellation, a buffer given back on an old kernel).
 */
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "ring/ring_priv.h"
#include "sys/calls.h"

#define BUFFER_GROUP 1
#define COMPLETIONS_BATCH 64
#define KERNEL_WORKERS_MAX 64 /* of each class: disks alone wait there, a few for each disk */

struct uring {
	struct io_uring uring;
	struct io_uring_buf_ring *buffer_ring; /* NULL: buffers are provided by operations */
	char *buffers;
	bool has_flag;	       /* the kernel shows when it has task work for us */
	struct list gathered;  /* sends of this turn */
	struct list submitted; /* and those that have ended, unless a completion says otherwise */
};

static struct io_uring_sqe *uring_sqe(struct uring *state)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&state->uring);

	/* A full submission queue is emptied by submitting; the kernel consumes it whole. */
	while (!sqe) {
		io_uring_submit(&state->uring);
		sqe = io_uring_get_sqe(&state->uring);
	}
	return sqe;
}

static char *uring_buffer(const struct uring *state, unsigned index)
{
	return state->buffers + (size_t)index * RING_RECEIVE_BYTES;
}

static void uring_give_buffer(struct uring *state, unsigned index)
{
	struct io_uring_sqe *sqe;

	if (state->buffer_ring) {
		io_uring_buf_ring_add(state->buffer_ring, uring_buffer(state, index),
				      RING_RECEIVE_BYTES, (unsigned short)index,
				      io_uring_buf_ring_mask(RING_RECEIVE_BUFFERS), 0);
		io_uring_buf_ring_advance(state->buffer_ring, 1);
		return;
	}
	sqe = uring_sqe(state);
	io_uring_prep_provide_buffers(sqe, uring_buffer(state, index), RING_RECEIVE_BYTES, 1,
				      BUFFER_GROUP, (int)index);
	io_uring_sqe_set_data(sqe, NULL);
}

static void uring_prepare_receive(struct ring *ring, struct io_uring_sqe *sqe, struct op *op)
{
	if (ring->config.features.multishot_receive) {
		io_uring_prep_recv_multishot(sqe, op->fd, NULL, 0, 0);
	} else {
		io_uring_prep_recv(sqe, op->fd, NULL, RING_RECEIVE_BYTES, 0);
	}
	sqe->flags |= IOSQE_BUFFER_SELECT;
	sqe->buf_group = BUFFER_GROUP;
}

static void uring_prepare_accept(struct ring *ring, struct io_uring_sqe *sqe, struct op *op)
{
	int flags = op->accept.flags | SOCK_CLOEXEC;

	if (ring->config.features.multishot_accept)
		io_uring_prep_multishot_accept(sqe, op->fd, NULL, NULL, flags);
	else
		io_uring_prep_accept(sqe, op->fd, NULL, NULL, flags);
}

/* A gathered send ends while it is submitted, and only a failure, or a part, has a completion. */
static void uring_prepare_send(struct ring *ring, struct io_uring_sqe *sqe, struct op *op)
{
	struct uring *state = ring->state;
	int flags = op->send.gathered ? MSG_DONTWAIT | MSG_WAITALL : 0;

	io_uring_prep_send(sqe, op->fd, op->send.at + op->send.sent,
			   op->send.length - op->send.sent, MSG_NOSIGNAL | flags);
	if (op->send.gathered) {
		sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
		list_append(&state->gathered, &op->send.link);
	}
}

static void uring_prepare(struct ring *ring, struct io_uring_sqe *sqe, struct op *op)
{
	switch (op->kind) {
	case OP_ACCEPT:
		uring_prepare_accept(ring, sqe, op);
		break;
	case OP_RECEIVE:
		uring_prepare_receive(ring, sqe, op);
		break;
	case OP_SEND:
		uring_prepare_send(ring, sqe, op);
		break;
	case OP_POLL:
		io_uring_prep_poll_add(sqe, op->fd, op->poll.events);
		break;
	case OP_OPEN:
		io_uring_prep_openat2(sqe, op->fd, op->open.path,
				      (struct open_how *)(uintptr_t)op->open.how);
		/* The kernel tries an open in our turn first, and takes a path that it has cached for
		 * one that cannot block; but a file system such as FUSE is then asked, and waited for. */
		sqe->flags |= IOSQE_ASYNC;
		break;
	case OP_STAT:
		io_uring_prep_statx(sqe, op->fd, op->stat.path, op->stat.flags, op->stat.mask,
				    op->stat.ret_stat);
		break;
	case OP_CLOSE:
		io_uring_prep_close(sqe, op->fd);
		/* What a last close sets off, the kernel does in the thread that closed, as a rule. */
		sqe->flags |= IOSQE_ASYNC;
		break;
	case OP_UNLINK:
		io_uring_prep_unlinkat(sqe, op->fd, op->name.name, op->name.flags);
		break;
	case OP_RENAME:
		io_uring_prep_renameat(sqe, op->fd, op->rename.name, op->rename.new_folder,
				       op->rename.new_name, op->rename.flags);
		break;
	case OP_MKDIR:
		io_uring_prep_mkdirat(sqe, op->fd, op->name.name, (mode_t)op->name.flags);
		break;
	case OP_READ:
		io_uring_prep_read(sqe, op->fd, op->data.buffer, (unsigned)op->data.size_bytes,
				   (__u64)op->data.offset);
		break;
	case OP_WRITE:
		io_uring_prep_write(sqe, op->fd, op->data.buffer, (unsigned)op->data.size_bytes,
				    (__u64)op->data.offset);
		break;
	case OP_SPLICE:
		io_uring_prep_splice(sqe, op->fd, op->splice.in_offset, op->splice.out,
				     op->splice.out_offset, (unsigned)op->splice.size_bytes,
				     op->splice.flags);
		break;
	default:
		break;
	}
}

static void uring_submit(struct ring *ring, struct op *op)
{
	struct io_uring_sqe *sqe = uring_sqe(ring->state);

	/* A nonblocking listener would end accept with EAGAIN instead of waiting. */
	if (op->kind == OP_ACCEPT && !op->cancelled)
		fcntl(op->fd, F_SETFL, fcntl(op->fd, F_GETFL) & ~O_NONBLOCK);
	uring_prepare(ring, sqe, op);
	io_uring_sqe_set_data(sqe, op);
}

static void uring_cancel(struct ring *ring, struct op *op)
{
	struct io_uring_sqe *sqe = uring_sqe(ring->state);

	io_uring_prep_cancel(sqe, op, 0);
	io_uring_sqe_set_data(sqe, NULL);
	if (op->kind == OP_SEND)
		ring_hurry(ring);
}

static void uring_forget(struct ring *ring, int fd)
{
	(void)ring;
	(void)fd;
}

static void send_leave_list(struct op *op)
{
	op->send.gathered = false;
	list_remove(&op->send.link);
}

/* The rest of a message that the socket did not take whole waits till it does. */
static void uring_complete_send(struct ring *ring, struct op *op, int result)
{
	/* It may be in a list still, where the queue of submissions was full within a turn or that of
	 * completions ran over. */
	if (op->send.gathered)
		send_leave_list(op);
	if (result > 0 || result == -EAGAIN) {
		op->send.sent += result > 0 ? (size_t)result : 0;
		if (op->send.sent < op->send.length && !op->cancelled) {
			uring_submit(ring, op);
			return;
		}
		result = op->send.sent < op->send.length ? -ECANCELED : 0;
	}
	op_end(op, result);
}

static void uring_complete_receive(struct ring *ring, struct op *op, int result, unsigned flags)
{
	struct uring *state = ring->state;
	bool more = flags & IORING_CQE_F_MORE;

	if (result == -ENOBUFS && !op->cancelled) {
		uring_submit(ring, op); /* every buffer is given back before this is submitted */
		return;
	}
	if (result == -ENOBUFS)
		result = -ECANCELED;
	op->pending = more || result > 0;
	if (result > 0)
		op->receive.bytes =
			(struct view){ uring_buffer(state, flags >> IORING_CQE_BUFFER_SHIFT),
				       (size_t)result };
	op->done(op, result);
	if (flags & IORING_CQE_F_BUFFER)
		uring_give_buffer(state, flags >> IORING_CQE_BUFFER_SHIFT);
	if (more || result <= 0)
		return;
	if (op->cancelled)
		ring_finish(ring, op, -ECANCELED);
	else
		uring_submit(ring, op);
}

static void uring_complete_accept(struct ring *ring, struct op *op, int result, unsigned flags)
{
	bool more = flags & IORING_CQE_F_MORE;
	bool passing = result == -ECONNABORTED || result == -EINTR || result == -EAGAIN;
	bool goes_on = more || result >= 0 || (passing && !op->cancelled);

	op->pending = goes_on;
	if (!passing || op->cancelled)
		op->done(op, result);
	/* Of the last call nothing is left to be done: op may be another operation by now, or gone. */
	if (more || !goes_on)
		return;
	if (op->cancelled)
		ring_finish(ring, op, -ECANCELED);
	else
		uring_submit(ring, op);
}

static void uring_complete(struct ring *ring, struct op *op, int result, unsigned flags)
{
	switch (op->kind) {
	case OP_ACCEPT:
		uring_complete_accept(ring, op, result, flags);
		break;
	case OP_RECEIVE:
		uring_complete_receive(ring, op, result, flags);
		break;
	case OP_SEND:
		uring_complete_send(ring, op, result);
		break;
	default:
		op_end(op, result);
	}
}

/* Takes a batch of completions out of the queue first, for each call may make new ones. */
static unsigned uring_complete_batch(struct ring *ring, struct uring *state)
{
	struct io_uring_cqe *cqes[COMPLETIONS_BATCH];
	struct io_uring_cqe copies[COMPLETIONS_BATCH];
	unsigned count = io_uring_peek_batch_cqe(&state->uring, cqes, COMPLETIONS_BATCH);

	ring_next_moment(ring);
	for (unsigned i = 0; i < count; i++)
		copies[i] = *cqes[i];
	io_uring_cq_advance(&state->uring, count);
	for (unsigned i = 0; i < count; i++) {
		struct op *op = io_uring_cqe_get_data(&copies[i]);

		if (op)
			uring_complete(ring, op, copies[i].res, copies[i].flags);
	}
	return count;
}

/* Task work of ours waits, or what it does has been done in some other system call. */
static bool uring_has_completed(const struct ring *ring)
{
	const struct uring *state = ring->state;

	return io_uring_cq_ready(&state->uring) > 0 ||
	       (state->has_flag &&
		__atomic_load_n(state->uring.sq.kflags, __ATOMIC_RELAXED) & IORING_SQ_TASKRUN);
}

/* Whether the kernel must be entered for what waits there to be seen: something to submit, or
 * task work of ours (IORING_SETUP_TASKRUN_FLAG), or completions that did not fit. */
static bool uring_has_news(const struct uring *state)
{
	const unsigned *flags = state->uring.sq.kflags;

	return !state->has_flag || io_uring_sq_ready(&state->uring) > 0 ||
	       (__atomic_load_n(flags, __ATOMIC_RELAXED) &
		(IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW));
}

/* How long to wait: those who have sent are told soon. */
static int64_t uring_patience_ms(const struct ring *ring, int64_t timeout_ms)
{
	const struct uring *state = ring->state;

	if (list_empty(&state->gathered) && list_empty(&state->submitted))
		return timeout_ms;
	if (ring->hurried)
		return 0;
	return timeout_ms < 0 || timeout_ms > RING_TOLD_MS ? RING_TOLD_MS : timeout_ms;
}

static void uring_take_failed(struct uring *state)
{
	struct io_uring_cqe *cqe;
	unsigned head;

	io_uring_for_each_cqe(&state->uring, head, cqe)
	{
		struct op *op = io_uring_cqe_get_data(cqe);

		if (op && op->kind == OP_SEND && op->send.gathered)
			send_leave_list(op);
	}
}

/* Ends the gathered sends that the kernel has seen and says nothing of. */
static void uring_end_gathered(struct ring *ring)
{
	struct uring *state = ring->state;
	struct list *link;

	if (io_uring_sq_ready(&state->uring) == 0)
		list_move_all(&state->submitted, &state->gathered);
	if (io_uring_cq_has_overflow(&state->uring))
		return;
	ring->hurried = ring->hurried && !list_empty(&state->gathered);
	if (list_empty(&state->submitted))
		return;
	uring_take_failed(state);
	while ((link = list_shift(&state->submitted)) != NULL)
		op_end(list_entry(link, struct op, send.link), 0);
}

static int uring_wait(struct ring *ring, int64_t timeout_ms)
{
	struct uring *state = ring->state;
	struct __kernel_timespec timeout;
	struct io_uring_cqe *cqe;
	int r;

	timeout_ms = uring_patience_ms(ring, timeout_ms);
	timeout.tv_sec = timeout_ms / 1000;
	timeout.tv_nsec = timeout_ms % 1000 * 1000000;
	if (timeout_ms == 0)
		r = uring_has_news(state) ? io_uring_submit_and_get_events(&state->uring) : 0;
	else
		r = io_uring_submit_and_wait_timeout(&state->uring, &cqe, 1,
						     timeout_ms < 0 ? NULL : &timeout, NULL);
	if (r < 0 && r != -ETIME && r != -EINTR && r != -EAGAIN && r != -EBUSY)
		return r;
	ring_read_clocks(ring);
	ring_next_moment(ring);
	uring_end_gathered(ring);
	/* One batch after the other, but not for ever: timers have their turn as well. */
	for (int batches = 0; batches < 16; batches++)
		if (uring_complete_batch(ring, state) < COMPLETIONS_BATCH)
			break;
	return 0;
}

/* An error is the next wait's, which submits what is left. */
static void uring_flush(struct ring *ring)
{
	struct uring *state = ring->state;

	if (!list_empty(&state->gathered))
		io_uring_submit(&state->uring);
}

static void uring_close(struct ring *ring)
{
	struct uring *state = ring->state;

	io_uring_queue_exit(&state->uring);
	if (state->buffer_ring)
		munmap(state->buffer_ring, RING_RECEIVE_BUFFERS * sizeof(struct io_uring_buf));
	free(state->buffers);
	free(state);
}

static int uring_make_buffer_ring(struct uring *state)
{
	size_t size_bytes = RING_RECEIVE_BUFFERS * sizeof(struct io_uring_buf);
	void *memory =
		mmap(NULL, size_bytes, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | MAP_PRIVATE, -1, 0);
	struct io_uring_buf_reg reg = { .ring_addr = (uintptr_t)memory,
					.ring_entries = RING_RECEIVE_BUFFERS,
					.bgid = BUFFER_GROUP };
	int r;

	if (memory == MAP_FAILED)
		return -errno;
	r = io_uring_register_buf_ring(&state->uring, &reg, 0);
	if (r < 0) {
		munmap(memory, size_bytes);
		return r;
	}
	state->buffer_ring = memory;
	io_uring_buf_ring_init(state->buffer_ring);
	return 0;
}

static int uring_make_buffers(struct ring *ring, struct uring *state)
{
	int r = 0;

	state->buffers = malloc((size_t)RING_RECEIVE_BUFFERS * RING_RECEIVE_BYTES);
	if (!state->buffers)
		return -ENOMEM;
	if (ring->config.features.buffer_ring)
		r = uring_make_buffer_ring(state);
	for (unsigned i = 0; r == 0 && i < RING_RECEIVE_BUFFERS; i++)
		uring_give_buffer(state, i);
	return r;
}

static const struct ring_engine uring_engine = {
	.submit = uring_submit,
	.cancel = uring_cancel,
	.forget = uring_forget,
	.flush = uring_flush,
	.has_news = uring_has_completed,
	.wait = uring_wait,
	.close = uring_close,
};

int ring_uring_open(struct ring *ring)
{
	unsigned workers[2] = { KERNEL_WORKERS_MAX, KERNEL_WORKERS_MAX };
	struct io_uring_params params = { .flags = IORING_SETUP_CLAMP };
	struct uring *state = calloc(1, sizeof(*state));
	int r;

	if (!state)
		return -ENOMEM;
	if (ring->config.features.defer_taskrun)
		params.flags |= IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
				IORING_SETUP_TASKRUN_FLAG;
	r = io_uring_queue_init_params(RING_ENTRIES, &state->uring, &params);
	if (r < 0)
		goto fail_state;
	state->has_flag = ring->config.features.defer_taskrun;
	/* Kernels before that of deferred task work may not tell how much of a message went. */
	ring->gathers = ring->config.features.defer_taskrun;
	list_init(&state->gathered);
	list_init(&state->submitted);
	ring->state = state;
	if (ring->config.features.registered_ring)
		io_uring_register_ring_fd(&state->uring);
	io_uring_register_iowq_max_workers(&state->uring, workers);
	r = uring_make_buffers(ring, state);
	if (r < 0)
		goto fail_uring;
	ring->engine = &uring_engine;
	return 0;

fail_uring:
	io_uring_queue_exit(&state->uring);
	free(state->buffers);
fail_state:
	free(state);
	return r;
}
