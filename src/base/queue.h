/*
 * A place for a few at a time: so many may be in, the others wait in line, in the order in which they
 * came. Waiting needs no memory but the waiter's own, so the line is as long as there are waiters.
 *
 * Thread:    one, as of a list.
 * Ownership: the queue and the waiters are their owners'; a waiter that waits must be withdrawn before
 *            it goes.
 */
#ifndef BASE_QUEUE_H
#define BASE_QUEUE_H

#include <stdbool.h>

#include "base/list.h"

struct queue {
	struct list waiting;
	unsigned inflight;
	unsigned inflight_max;
	bool admitting;
};

struct queue_waiter {
	struct list link;
	void (*admitted)(struct queue_waiter *waiter);
};

void queue_init(struct queue *queue, unsigned inflight_max);

/* Asks for a place. Returns true if it is there at once; otherwise waiter->admitted is called
 * when it is. Every place taken is given back with queue_leave. */
bool queue_enter(struct queue *queue, struct queue_waiter *waiter);
void queue_leave(struct queue *queue);

/* Whether it still waits (false too for a zeroed one). */
bool queue_waits(const struct queue_waiter *waiter);

/* Withdraws a waiter that has not been admitted; harmless if it was never queued (but zeroed). */
void queue_withdraw(struct queue_waiter *waiter);

#endif
