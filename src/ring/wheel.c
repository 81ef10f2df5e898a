#include "ring/wheel.h"

#include <stddef.h>

#define LEVEL_BITS 6

void wheel_init(struct wheel *wheel, uint64_t now_ms)
{
	for (int level = 0; level < WHEEL_LEVELS; level++)
		for (int slot = 0; slot < WHEEL_SLOTS; slot++)
			list_init(&wheel->slots[level][slot]);
	wheel->tick = now_ms / WHEEL_TICK_MS;
	wheel->count = 0;
}

bool wheel_timer_is_set(const struct wheel_timer *timer)
{
	return timer->link.next != NULL && !list_empty(&timer->link);
}

/* Puts a timer where its time is told apart from now: the nearer, the lower the level. */
static void wheel_place(struct wheel *wheel, struct wheel_timer *timer)
{
	const uint64_t ticks_max = (1ULL << (LEVEL_BITS * WHEEL_LEVELS)) - 1;
	uint64_t ticks;
	int level = 0;

	if (timer->due_tick <= wheel->tick)
		timer->due_tick = wheel->tick + 1;
	ticks = timer->due_tick - wheel->tick;
	if (ticks > ticks_max) {
		timer->due_tick = wheel->tick + ticks_max;
		ticks = ticks_max;
	}
	while (ticks >> (LEVEL_BITS * (level + 1)))
		level++;
	list_append(
		&wheel->slots[level][timer->due_tick >> (LEVEL_BITS * level) & (WHEEL_SLOTS - 1)],
		&timer->link);
}

void wheel_set(struct wheel *wheel, struct wheel_timer *timer, uint64_t due_ms)
{
	wheel_clear(wheel, timer);
	timer->due_tick = (due_ms + WHEEL_TICK_MS - 1) / WHEEL_TICK_MS;
	wheel_place(wheel, timer);
	wheel->count++;
}

void wheel_clear(struct wheel *wheel, struct wheel_timer *timer)
{
	if (wheel_timer_is_set(timer)) {
		list_remove(&timer->link);
		wheel->count--;
	}
	list_init(&timer->link);
}

/* Hands the timers of a higher level's current slot down to where they belong now. */
static void wheel_cascade(struct wheel *wheel, int level)
{
	struct list *slot =
		&wheel->slots[level][wheel->tick >> (LEVEL_BITS * level) & (WHEEL_SLOTS - 1)];
	struct list moved;
	struct list *link;

	list_init(&moved);
	while ((link = list_shift(slot)) != NULL)
		list_append(&moved, link);
	while ((link = list_shift(&moved)) != NULL) {
		struct wheel_timer *timer = list_entry(link, struct wheel_timer, link);

		if (timer->due_tick <= wheel->tick) /* due at this very tick: the slot is next */
			list_append(&wheel->slots[0][wheel->tick & (WHEEL_SLOTS - 1)], link);
		else
			wheel_place(wheel, timer);
	}
}

static void wheel_fire(struct wheel *wheel)
{
	struct list *slot = &wheel->slots[0][wheel->tick & (WHEEL_SLOTS - 1)];
	struct list *link;

	/* A fired timer that sets itself again lands at a later tick, so this ends. */
	while ((link = list_shift(slot)) != NULL) {
		struct wheel_timer *timer = list_entry(link, struct wheel_timer, link);

		wheel->count--;
		timer->fire(timer);
	}
}

void wheel_advance(struct wheel *wheel, uint64_t now_ms)
{
	uint64_t now_tick = now_ms / WHEEL_TICK_MS;

	if (wheel->count == 0 && wheel->tick < now_tick)
		wheel->tick = now_tick;
	while (wheel->tick < now_tick) {
		wheel->tick++;
		for (int level = WHEEL_LEVELS - 1; level > 0; level--)
			if ((wheel->tick & ((1ULL << (LEVEL_BITS * level)) - 1)) == 0)
				wheel_cascade(wheel, level);
		wheel_fire(wheel);
	}
}

int64_t wheel_wait_ms(const struct wheel *wheel, uint64_t now_ms)
{
	uint64_t tick;
	uint64_t due_ms;

	if (wheel->count == 0)
		return -1;
	/* The next timer of the lowest level, or the next time that a cascade may bring one. */
	for (tick = wheel->tick + 1; (tick & (WHEEL_SLOTS - 1)) != 0; tick++)
		if (!list_empty(&wheel->slots[0][tick & (WHEEL_SLOTS - 1)]))
			break;
	due_ms = tick * WHEEL_TICK_MS;
	return due_ms > now_ms ? (int64_t)(due_ms - now_ms) : 0;
}
