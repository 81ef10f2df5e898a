#include "server/data_acceptor.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/limits.h"
#include "server/acceptor.h"
#include "server/passive_listeners.h"

#define ARRIVALS_MAX 64			 /* of one listener in one turn */
#define SHARE_EVENTS DATA_ACCEPTOR_READY /* listeners looked at in one turn */
#define SHARE_PAUSE_MS 100		 /* between two looks at the worker's share of ports */
#define PAUSE_MS 100			 /* after an error */

struct port_watch {
	struct op op; /* a poll of the listener */
	struct data_acceptor *acceptor;
	unsigned index;
};

/* Takes what has come to a listener. Returns 0 if more may be there, -EAGAIN if not, or another negative
 * errno. */
static int listener_take(struct data_acceptor *acceptor, unsigned index)
{
	struct arrival arrival;
	int r = 0;

	for (int i = 0; i < ARRIVALS_MAX && r == 0; i++) {
		r = passive_listeners_accept(acceptor->listeners, index, &arrival);
		if (r == 0)
			acceptor->arrived(acceptor->context, &arrival, true);
	}
	return r;
}

static void watch_on_poll(struct op *op, int result);

/* An error (too many open files) is a pause and not the end: what waits is served later. */
static void acceptor_pause(struct data_acceptor *acceptor, int error)
{
	if (acceptor->pausing)
		return;
	acceptor->pausing = true;
	ring_timer_set(acceptor->ring, &acceptor->pause_timer, PAUSE_MS);
	acceptor_tell_of_pause(-error);
}

static void acceptor_watch(struct data_acceptor *acceptor, unsigned index)
{
	struct port_watch *watch = &acceptor->watches[index];

	if (op_pending(&watch->op))
		return;
	watch->acceptor = acceptor;
	watch->index = index;
	watch->op.done = watch_on_poll;
	ring_poll(acceptor->ring, &watch->op, acceptor->listeners->all[index].fd, POLLIN);
}

/* A listener's port may still be wanted, after r. */
static void acceptor_go_on(struct data_acceptor *acceptor, unsigned index, int r)
{
	if (acceptor->wanted[acceptor->listeners->all[index].port] == 0)
		return;
	if (r < 0 && r != -EAGAIN)
		acceptor_pause(acceptor, r);
	else
		acceptor_watch(acceptor, index);
}

static void watch_on_poll(struct op *op, int result)
{
	struct port_watch *watch = (struct port_watch *)(void *)op;
	int r = listener_take(watch->acceptor, watch->index);

	acceptor_go_on(watch->acceptor, watch->index, result < 0 ? result : r);
}

static void acceptor_on_pause_timer(struct wheel_timer *timer)
{
	struct data_acceptor *acceptor =
		(struct data_acceptor *)(void *)((char *)timer -
						 offsetof(struct data_acceptor, pause_timer));
	const struct passive_listeners *listeners = acceptor->listeners;

	acceptor->pausing = false;
	for (unsigned i = 0; i < listeners->count; i++)
		if (acceptor->wanted[listeners->all[i].port] > 0)
			acceptor_go_on(acceptor, i, listener_take(acceptor, i));
}

/* Which listeners of the share something waited at in this moment: all that is told in it had come
 * before. */
static void share_look(struct data_acceptor *acceptor)
{
	struct epoll_event events[SHARE_EVENTS];
	int count;

	if (acceptor->looked == ring_moment(acceptor->ring))
		return;
	acceptor->looked = ring_moment(acceptor->ring);
	count = epoll_wait(acceptor->share, events, SHARE_EVENTS, 0);
	acceptor->ready_count = count < 0 ? SHARE_EVENTS : (unsigned)count;
	for (int i = 0; i < count; i++)
		acceptor->ready[i] = events[i].data.u32;
}

/* Whether something may wait at port: one look serves all ports of the share. */
static bool port_may_wait(struct data_acceptor *acceptor, unsigned port)
{
	const struct passive_listeners *listeners = acceptor->listeners;

	if (port % acceptor->workers != acceptor->worker)
		return true;
	share_look(acceptor);
	for (unsigned i = 0; i < acceptor->ready_count; i++)
		if (acceptor->ready[i] >= listeners->first[port] &&
		    acceptor->ready[i] < listeners->first[port + 1])
			return true;
	return acceptor->ready_count == SHARE_EVENTS;
}

/* At most a full backlog of each listener had come before. */
int data_acceptor_clear(struct data_acceptor *acceptor, unsigned port)
{
	struct arrival arrival;
	int index;
	int r = 0;

	if (!port_may_wait(acceptor, port)) {
		passive_listeners_pass(acceptor->listeners, port);
		return 0;
	}
	for (unsigned i = 0; i <= LISTENERS_MAX * (PASSIVE_BACKLOG + 1) && r == 0; i++) {
		index = passive_listeners_waits(acceptor->listeners, port);
		if (index < 0)
			return 0;
		r = passive_listeners_accept(acceptor->listeners, (unsigned)index, &arrival);
		if (r == 0)
			acceptor->arrived(acceptor->context, &arrival, false);
		else if (r == -EAGAIN) /* another worker was faster */
			r = 0;
	}
	return r;
}

/* Takes what has come to a listener, until it is the session's. Returns 1 then, or 0 if it has not
 * come, or a negative errno; and goes on looking unless it is 1. */
static int acceptor_find(struct data_acceptor *acceptor, uint64_t session, unsigned index)
{
	struct arrival arrival;
	int r = 0;

	for (int i = 0; i < ARRIVALS_MAX && r == 0; i++) {
		r = passive_listeners_accept(acceptor->listeners, index, &arrival);
		if (r < 0)
			break;
		acceptor->arrived(acceptor->context, &arrival, arrival.session == session);
		if (arrival.session == session)
			return 1;
	}
	acceptor_go_on(acceptor, index, r);
	return r == -EAGAIN ? 0 : r;
}

void data_acceptor_want(struct data_acceptor *acceptor, uint64_t session, unsigned port)
{
	struct passive_listeners *listeners = acceptor->listeners;
	unsigned first = listeners->first[port];
	unsigned last = listeners->first[port + 1];
	int ready = last - first > 1 ? passive_listeners_waits(listeners, port) : -EAGAIN;
	int r = 0;

	acceptor->wanted[port]++;
	if (ready >= 0)
		r = acceptor_find(acceptor, session, (unsigned)ready);
	for (unsigned i = first; i < last && r == 0; i++)
		if ((int)i != ready)
			r = acceptor_find(acceptor, session, i);
}

void data_acceptor_unwant(struct data_acceptor *acceptor, unsigned port)
{
	acceptor->wanted[port]--;
}

static void share_on_timer(struct wheel_timer *timer);

static void share_on_poll(struct op *op, int result)
{
	struct data_acceptor *acceptor =
		(struct data_acceptor *)(void *)((char *)op -
						 offsetof(struct data_acceptor, share_op));
	struct epoll_event events[SHARE_EVENTS];
	int count = epoll_wait(acceptor->share, events, SHARE_EVENTS, 0);
	bool more = count == SHARE_EVENTS;

	for (int i = 0; i < count; i++) {
		int r = listener_take(acceptor, events[i].data.u32);

		more |= r == 0;
		if (r < 0 && r != -EAGAIN)
			acceptor_pause(acceptor, r); /* nobody waits for it, but it is said */
	}
	ring_timer_set(acceptor->ring, &acceptor->share_timer,
		       more && result >= 0 ? 0 : SHARE_PAUSE_MS);
}

static void share_on_timer(struct wheel_timer *timer)
{
	struct data_acceptor *acceptor =
		(struct data_acceptor *)(void *)((char *)timer -
						 offsetof(struct data_acceptor, share_timer));

	acceptor->share_op.done = share_on_poll;
	ring_poll(acceptor->ring, &acceptor->share_op, acceptor->share, POLLIN);
}

/* Each port is in one worker's share, so that none is woken for what another takes. */
static int share_open(struct data_acceptor *acceptor)
{
	const struct passive_listeners *listeners = acceptor->listeners;

	acceptor->share = epoll_create1(EPOLL_CLOEXEC);
	if (acceptor->share < 0)
		return -errno;
	for (unsigned i = 0; i < listeners->count; i++) {
		const struct passive_listener *listener = &listeners->all[i];
		struct epoll_event event = { .events = EPOLLIN, .data.u32 = i };

		if (listener->port % acceptor->workers == acceptor->worker &&
		    epoll_ctl(acceptor->share, EPOLL_CTL_ADD, listener->fd, &event) < 0)
			return -errno;
	}
	return 0;
}

int data_acceptor_open(struct data_acceptor *acceptor)
{
	const struct passive_listeners *listeners = acceptor->listeners;
	int r;

	acceptor->share = -1;
	acceptor->looked = UINT64_MAX; /* never yet */
	acceptor->watches = calloc(listeners->count + 1, sizeof(*acceptor->watches));
	acceptor->wanted = calloc(listeners->ports + 1, sizeof(*acceptor->wanted));
	if (!acceptor->watches || !acceptor->wanted)
		return -ENOMEM;
	r = share_open(acceptor);
	if (r < 0)
		return r;
	acceptor->pause_timer.fire = acceptor_on_pause_timer;
	acceptor->share_timer.fire = share_on_timer;
	share_on_timer(&acceptor->share_timer);
	return 0;
}

void data_acceptor_close(struct data_acceptor *acceptor)
{
	if (acceptor->share >= 0)
		close(acceptor->share);
	free(acceptor->watches);
	free(acceptor->wanted);
}
