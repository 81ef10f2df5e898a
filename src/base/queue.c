#include "base/queue.h"

#include <stddef.h>

void queue_init(struct queue *queue, unsigned inflight_max)
{
	*queue = (struct queue){ .inflight_max = inflight_max };
	list_init(&queue->waiting);
}

bool queue_enter(struct queue *queue, struct queue_waiter *waiter)
{
	list_init(&waiter->link);
	if (queue->inflight < queue->inflight_max && list_empty(&queue->waiting)) {
		queue->inflight++;
		return true;
	}
	list_append(&queue->waiting, &waiter->link);
	return false;
}

void queue_leave(struct queue *queue)
{
	struct list *next;

	queue->inflight--;
	/* A waiter that is admitted may leave at once: the loop that admits it goes on, instead of
	 * one within the other for each in a long line. */
	if (queue->admitting)
		return;
	queue->admitting = true;
	while (queue->inflight < queue->inflight_max &&
	       (next = list_shift(&queue->waiting)) != NULL) {
		struct queue_waiter *waiter = list_entry(next, struct queue_waiter, link);

		queue->inflight++;
		waiter->admitted(waiter);
	}
	queue->admitting = false;
}

bool queue_waits(const struct queue_waiter *waiter)
{
	return waiter->link.next && !list_empty(&waiter->link);
}

void queue_withdraw(struct queue_waiter *waiter)
{
	if (waiter->link.next)
		list_remove(&waiter->link);
}
