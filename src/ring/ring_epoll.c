/*
 * The engine on epoll, where io_uring is forbidden or too old. Each descriptor has room for one
 * operation that waits to read and one that waits to write. What a descriptor is registered for
 * is changed as late as possible: an event that nobody waits for any more ends its registration.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "ring/ring_priv.h"
#include "sys/calls.h"

#define EVENTS_BATCH 64
#define ACCEPTS_BATCH 64 /* of one listener a turn: the others wait too */

struct epoll_slot {
	struct op *in;
	struct op *out;
	uint32_t registered;
};

struct epoll_state {
	int epoll;
	int slots_count;
	struct epoll_slot *slots; /* by descriptor */
	char buffer[16 * RING_RECEIVE_BYTES];
};

static bool epoll_reserve(struct epoll_state *state, int fd)
{
	int count = state->slots_count;
	struct epoll_slot *slots;

	if (fd < count)
		return true;
	while (count <= fd)
		count = count ? count * 2 : 256;
	slots = realloc(state->slots, (size_t)count * sizeof(*slots));
	if (!slots)
		return false;
	memset(slots + state->slots_count, 0,
	       (size_t)(count - state->slots_count) * sizeof(*slots));
	state->slots = slots;
	state->slots_count = count;
	return true;
}

static int epoll_register(struct epoll_state *state, int fd, uint32_t events)
{
	struct epoll_slot *slot = &state->slots[fd];
	struct epoll_event event = { .events = events, .data.fd = fd };
	int action = slot->registered ? (events ? EPOLL_CTL_MOD : EPOLL_CTL_DEL) : EPOLL_CTL_ADD;

	if (slot->registered == events)
		return 0;
	if (epoll_ctl(state->epoll, action, fd, &event) < 0)
		return -errno;
	slot->registered = events;
	return 0;
}

/* Of a file that can always be read. */
static bool op_waits_for_change(const struct op *op)
{
	return op->kind == OP_POLL && op->poll.events == POLLPRI;
}

static uint32_t epoll_wanted(const struct epoll_slot *slot)
{
	uint32_t events = 0;

	if (slot->in)
		events |= op_waits_for_change(slot->in) ? EPOLLPRI : EPOLLIN;
	if (slot->out)
		events |= EPOLLOUT;
	return events;
}

static bool op_waits_to_write(const struct op *op)
{
	return op->kind == OP_SEND || (op->kind == OP_POLL && (op->poll.events & POLLOUT));
}

static void epoll_submit(struct ring *ring, struct op *op)
{
	struct epoll_state *state = ring->state;
	struct epoll_slot *slot;
	int r;

	if (op->kind > OP_POLL) {
		ring_offload(ring, op);
		return;
	}
	if (!epoll_reserve(state, op->fd)) {
		ring_finish(ring, op, -ENOMEM);
		return;
	}
	if (op->kind == OP_ACCEPT)
		fcntl(op->fd, F_SETFL, fcntl(op->fd, F_GETFL) | O_NONBLOCK);
	slot = &state->slots[op->fd];
	if (op_waits_to_write(op))
		slot->out = op;
	else
		slot->in = op;
	r = epoll_register(state, op->fd, slot->registered | epoll_wanted(slot));
	if (r < 0) {
		if (slot->in == op)
			slot->in = NULL;
		if (slot->out == op)
			slot->out = NULL;
		ring_finish(ring, op, r);
	}
}

/* Takes op out of its descriptor's slot; whether it was there. */
static bool epoll_take(struct epoll_state *state, struct op *op)
{
	struct epoll_slot *slot;

	if (op->fd < 0 || op->fd >= state->slots_count)
		return false;
	slot = &state->slots[op->fd];
	if (slot->in == op)
		slot->in = NULL;
	else if (slot->out == op)
		slot->out = NULL;
	else
		return false;
	return true;
}

static void epoll_cancel(struct ring *ring, struct op *op)
{
	if (epoll_take(ring->state, op))
		ring_finish(ring, op, -ECANCELED);
}

static void epoll_forget(struct ring *ring, int fd)
{
	struct epoll_state *state = ring->state;

	if (fd < state->slots_count) {
		epoll_register(state, fd, 0);
		state->slots[fd] = (struct epoll_slot){ NULL, NULL, 0 };
	}
}

static void epoll_receive(struct ring *ring, struct op *op)
{
	struct epoll_state *state = ring->state;
	ssize_t got = calls->recv(op->fd, state->buffer, sizeof(state->buffer), MSG_DONTWAIT);

	if (got == -EAGAIN || got == -EINTR)
		return;
	if (got <= 0) {
		epoll_take(state, op);
		op_end(op, (int)got);
		return;
	}
	op->receive.bytes = (struct view){ state->buffer, (size_t)got };
	op->done(op, (int)got);
}

static void epoll_accept(struct ring *ring, struct op *op)
{
	for (int i = 0; i < ACCEPTS_BATCH && !op->cancelled; i++) {
		int fd = calls->accept(op->fd, NULL, NULL, op->accept.flags | SOCK_CLOEXEC);

		if (fd == -EAGAIN || fd == -EINTR || fd == -ECONNABORTED)
			return;
		if (fd < 0) {
			epoll_take(ring->state, op);
			op_end(op, fd);
			return;
		}
		op->done(op, fd);
	}
}

static void epoll_send(struct ring *ring, struct op *op)
{
	ssize_t sent = calls->send(op->fd, op->send.at + op->send.sent,
				   op->send.length - op->send.sent, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (sent == -EAGAIN || sent == -EINTR)
		return;
	if (sent > 0)
		op->send.sent += (size_t)sent;
	if (sent > 0 && op->send.sent < op->send.length)
		return;
	epoll_take(ring->state, op);
	op_end(op, sent < 0 ? (int)sent : 0);
}

static void epoll_dispatch(struct ring *ring, struct op *op, uint32_t events)
{
	switch (op->kind) {
	case OP_RECEIVE:
		epoll_receive(ring, op);
		break;
	case OP_ACCEPT:
		epoll_accept(ring, op);
		break;
	case OP_SEND:
		epoll_send(ring, op);
		break;
	default:
		epoll_take(ring->state, op);
		op_end(op, (int)events);
	}
}

static void epoll_on_event(struct ring *ring, const struct epoll_event *event)
{
	struct epoll_state *state = ring->state;
	int fd = event->data.fd;
	struct op *in = state->slots[fd].in;
	struct op *out = state->slots[fd].out;
	const uint32_t over = EPOLLERR | EPOLLHUP;

	if ((event->events & (EPOLLIN | EPOLLPRI) && !in) || (event->events & EPOLLOUT && !out) ||
	    (event->events & over && !in && !out))
		epoll_register(state, fd, epoll_wanted(&state->slots[fd]));
	if (out && event->events & (EPOLLOUT | over))
		epoll_dispatch(ring, out, event->events);
	/* The first call may have ended what the second operation belongs to. */
	if (in && state->slots[fd].in == in && event->events & (EPOLLIN | EPOLLPRI | over))
		epoll_dispatch(ring, in, event->events);
}

static int epoll_wait_ring(struct ring *ring, int64_t timeout_ms)
{
	struct epoll_state *state = ring->state;
	struct epoll_event events[EVENTS_BATCH];
	int count = epoll_wait(state->epoll, events, EVENTS_BATCH, (int)timeout_ms);
	int r = count < 0 && errno != EINTR ? -errno : 0;

	ring_read_clocks(ring);
	ring_next_moment(ring);
	if (count < 0)
		return r;
	for (int i = 0; i < count; i++) {
		ring_next_moment(ring); /* what is received is received now */
		epoll_on_event(ring, &events[i]);
	}
	return 0;
}

static void epoll_close(struct ring *ring)
{
	struct epoll_state *state = ring->state;

	close(state->epoll);
	free(state->slots);
	free(state);
}

static const struct ring_engine epoll_engine = {
	.submit = epoll_submit,
	.cancel = epoll_cancel,
	.forget = epoll_forget,
	.wait = epoll_wait_ring,
	.close = epoll_close,
};

int ring_epoll_open(struct ring *ring)
{
	struct epoll_state *state = calloc(1, sizeof(*state));

	if (!state)
		return -ENOMEM;
	state->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (state->epoll < 0) {
		int r = -errno;

		free(state);
		return r;
	}
	ring->state = state;
	ring->engine = &epoll_engine;
	return 0;
}
