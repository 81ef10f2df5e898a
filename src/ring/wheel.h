/*
 * A timer wheel: setting, clearing and firing cost the same for ten timers as for a million.
 * Four levels of 64 slots; a tick is WHEEL_TICK_MS, and a timer fires up to one slot of its
 * level late: at most 16 ms under a second, a quarter second under a minute. That is fine for
 * what it is used for, waiting for peers.
 *
 * Thread: one. Ownership: timers are embedded in what waits; a timer that is set must be cleared
 * before its owner goes away. Pure: the caller brings the time.
 */
#ifndef RING_WHEEL_H
#define RING_WHEEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"

#define WHEEL_TICK_MS 16
#define WHEEL_LEVELS 4
#define WHEEL_SLOTS 64 /* 4 levels of 64: timers up to 74 hours; longer ones are cut to that */

struct wheel_timer {
	struct list link; /* next is NULL until first set: a zeroed timer is a clear one */
	uint64_t due_tick;
	void (*fire)(struct wheel_timer *timer);
};

struct wheel {
	struct list slots[WHEEL_LEVELS][WHEEL_SLOTS];
	uint64_t tick; /* all up to this one have fired */
	uint64_t count;
};

void wheel_init(struct wheel *wheel, uint64_t now_ms);

/* Sets or moves timer. */
void wheel_set(struct wheel *wheel, struct wheel_timer *timer, uint64_t due_ms);
void wheel_clear(struct wheel *wheel, struct wheel_timer *timer);
bool wheel_timer_is_set(const struct wheel_timer *timer);

/* Fires all that is due; fire may set and clear any timer. */
void wheel_advance(struct wheel *wheel, uint64_t now_ms);

/* Milliseconds until wheel_advance has something to do, or -1 when no timer is set. */
int64_t wheel_wait_ms(const struct wheel *wheel, uint64_t now_ms);

#endif
