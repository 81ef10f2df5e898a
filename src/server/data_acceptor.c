#include "server/data_acceptor.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "log/log.h"
#include "server/passive_listeners.h"

#define ARRIVALS_MAX 64	   /* of one port in one turn */
#define SHARE_EVENTS 64	   /* ports looked at in one turn */
#define WATCH_PAUSE_MS 100 /* between two looks at the worker's share of ports */
#define PAUSE_MS 100	   /* after an error */

struct port_watch {
	struct op op; /* a poll of the listener */
	struct data_acceptor *acceptor;
	unsigned port;
};

/* Takes what has come to port, or, where a session wants it, until its own has. Returns 0, -EAGAIN if
 * nothing is left, or another negative errno. */
static int acceptor_take(struct data_acceptor *acceptor, unsigned port, uint64_t wanting)
{
	for (int i = 0; i < ARRIVALS_MAX; i++) {
		uint64_t session;
		int fd = passive_listeners_accept(acceptor->listeners, port, &session);

		if (fd < 0)
			return fd;
		acceptor->arrived(acceptor->context, session, wanting, port, fd);
		if (wanting && session == wanting)
			return 0;
	}
	return 0;
}

static void watch_on_poll(struct op *op, int result);

/* An error (too many open files) is a pause and not the end: what waits is served later. */
static void acceptor_pause(struct data_acceptor *acceptor, int error)
{
	if (acceptor->pausing)
		return;
	acceptor->pausing = true;
	log_warning("accept: %s; a pause", strerror(-error));
	ring_timer_set(acceptor->ring, &acceptor->pause_timer, PAUSE_MS);
}

static void acceptor_watch(struct data_acceptor *acceptor, unsigned port)
{
	const struct passive_listeners *listeners = acceptor->listeners;

	for (unsigned i = listeners->first[port]; i < listeners->first[port + 1]; i++) {
		struct port_watch *watch = &acceptor->watches[i];

		if (op_pending(&watch->op))
			continue;
		watch->acceptor = acceptor;
		watch->port = port;
		watch->op.done = watch_on_poll;
		ring_poll(acceptor->ring, &watch->op, listeners->all[i].fd, POLLIN);
	}
}

/* Somebody may still want port, after r. */
static void acceptor_go_on(struct data_acceptor *acceptor, unsigned port, int r)
{
	if (acceptor->wanted[port] == 0)
		return;
	if (r < 0 && r != -EAGAIN)
		acceptor_pause(acceptor, r);
	else
		acceptor_watch(acceptor, port);
}

static void watch_on_poll(struct op *op, int result)
{
	struct port_watch *watch = (struct port_watch *)(void *)op;
	int r = acceptor_take(watch->acceptor, watch->port, 0);

	acceptor_go_on(watch->acceptor, watch->port, result < 0 ? result : r);
}

static void acceptor_on_pause_timer(struct wheel_timer *timer)
{
	struct data_acceptor *acceptor =
		(struct data_acceptor *)(void *)((char *)timer -
						 offsetof(struct data_acceptor, pause_timer));

	acceptor->pausing = false;
	for (unsigned port = 0; port < acceptor->listeners->ports; port++)
		if (acceptor->wanted[port] > 0)
			acceptor_go_on(acceptor, port, acceptor_take(acceptor, port, 0));
}

void data_acceptor_want(struct data_acceptor *acceptor, uint64_t session, unsigned port)
{
	acceptor->wanted[port]++;
	acceptor_go_on(acceptor, port, acceptor_take(acceptor, port, session));
}

void data_acceptor_unwant(struct data_acceptor *acceptor, unsigned port)
{
	acceptor->wanted[port]--;
}

bool data_acceptor_take(struct data_acceptor *acceptor, unsigned port)
{
	return acceptor_take(acceptor, port, 0) == -EAGAIN;
}

static void share_on_poll(struct op *op, int result)
{
	struct data_acceptor *acceptor =
		(struct data_acceptor *)(void *)((char *)op -
						 offsetof(struct data_acceptor, share_op));
	struct epoll_event events[SHARE_EVENTS];
	int count = epoll_wait(acceptor->share, events, SHARE_EVENTS, 0);

	(void)result;
	for (int i = 0; i < count; i++) {
		int r = acceptor_take(acceptor, events[i].data.u32, 0);

		if (r < 0 && r != -EAGAIN)
			acceptor_pause(acceptor, r); /* nobody waits for it, but it is said */
	}
	ring_timer_set(acceptor->ring, &acceptor->share_timer, WATCH_PAUSE_MS);
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
		struct epoll_event event = { .events = EPOLLIN, .data.u32 = listener->port };

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
	acceptor->watches = calloc(listeners->count + 1, sizeof(*acceptor->watches));
	acceptor->wanted = calloc(listeners->ports, sizeof(*acceptor->wanted));
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
