#include "server/acceptor.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "log/log.h"

#define PAUSE_MS 100

void acceptor_tell_of_pause(int error)
{
	static struct log_limit limit = { .burst = 1 };
	unsigned times = log_limit_pass(&limit);

	if (times > 0)
		log_warning("accept: %s; pauses: %u", strerror(error), times);
}

static void acceptor_end(struct acceptor *acceptor)
{
	ring_close_socket(acceptor->ring, acceptor->fd);
	acceptor->fd = -1;
	acceptor->closed(acceptor);
}

static void acceptor_on_accept(struct op *op, int result)
{
	struct acceptor *acceptor = (struct acceptor *)(void *)op;

	if (result >= 0) {
		acceptor->accepted(acceptor, result);
	} else if (acceptor->closing) { /* cancelled, or an error was on its way already */
		acceptor_end(acceptor);
	} else {
		acceptor_tell_of_pause(-result);
		ring_timer_set(acceptor->ring, &acceptor->timer, PAUSE_MS);
	}
}

static void acceptor_arm(struct acceptor *acceptor)
{
	acceptor->op.done = acceptor_on_accept;
	ring_accept(acceptor->ring, &acceptor->op, acceptor->fd, 0);
}

static void acceptor_on_timer(struct wheel_timer *timer)
{
	acceptor_arm((struct acceptor *)(void *)((char *)timer - offsetof(struct acceptor, timer)));
}

void acceptor_start(struct acceptor *acceptor, struct ring *ring)
{
	acceptor->ring = ring;
	acceptor->timer.fire = acceptor_on_timer;
	acceptor_arm(acceptor);
}

void acceptor_close(struct acceptor *acceptor)
{
	if (acceptor->closing)
		return;
	acceptor->closing = true;
	ring_timer_clear(acceptor->ring, &acceptor->timer);
	if (op_pending(&acceptor->op))
		ring_cancel(acceptor->ring, &acceptor->op);
	else
		acceptor_end(acceptor);
}
