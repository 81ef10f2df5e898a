#include "ring/wheel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define START 1000000 /* ms: no multiple of any level's span */

struct watch {
	struct wheel_timer timer;
	unsigned fired;
	uint64_t at_ms;
};

static struct wheel wheel;
static uint64_t now_ms;
static struct wheel_timer *to_clear;
static struct wheel_timer *to_set;

static void on_fire(struct wheel_timer *timer)
{
	struct watch *watch = (struct watch *)(void *)timer;

	watch->fired++;
	watch->at_ms = now_ms;
	if (to_clear)
		wheel_clear(&wheel, to_clear);
	if (to_set)
		wheel_set(&wheel, to_set, now_ms + 100);
}

static struct watch watch(void)
{
	return (struct watch){ .timer.fire = on_fire };
}

static int setup(void **state)
{
	(void)state;
	now_ms = START;
	to_clear = NULL;
	to_set = NULL;
	wheel_init(&wheel, now_ms);
	return 0;
}

/* Moves time on as a ring does: never past what the wheel says, in steps of at most step_ms. */
static void advance_to(uint64_t until_ms, uint64_t step_ms)
{
	while (now_ms < until_ms) {
		int64_t wait_ms = wheel_wait_ms(&wheel, now_ms);
		uint64_t step = wait_ms < 0 || (uint64_t)wait_ms > step_ms ? step_ms
									   : (uint64_t)wait_ms;

		now_ms += step ? step : 1;
		if (now_ms > until_ms)
			now_ms = until_ms;
		wheel_advance(&wheel, now_ms);
	}
}

static void a_timer_fires_once_never_early_and_hardly_late(void **state)
{
	static const uint64_t afters[] = { 1,	  15,	 16,	  17,	   500,
					   1008,  1024,	 1025,	  1040,	   65535,
					   65536, 65537, 4194303, 4194304, 4194320 };

	(void)state;
	for (size_t i = 0; i < sizeof(afters) / sizeof(afters[0]); i++)
		for (uint64_t shift = 0; shift < 1100; shift += 123) {
			struct watch one = watch();
			uint64_t start = START + shift;

			now_ms = start;
			wheel_init(&wheel, now_ms);
			wheel_set(&wheel, &one.timer, start + afters[i]);
			assert_true(wheel_timer_is_set(&one.timer));
			advance_to(start + afters[i] + 5000, 1000000);
			assert_int_equal(one.fired, 1);
			assert_in_range(one.at_ms, start + afters[i], start + afters[i] + 16);
			assert_false(wheel_timer_is_set(&one.timer));
			assert_int_equal(wheel_wait_ms(&wheel, now_ms), -1);
		}
}

static void a_late_advance_fires_all_that_is_due(void **state)
{
	struct watch many[100];

	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		many[i] = watch();
		wheel_set(&wheel, &many[i].timer, START + (uint64_t)i * i * 7);
	}
	now_ms = START + 100000;
	wheel_advance(&wheel, now_ms);
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(many[i].fired, 1);
	assert_int_equal(wheel.count, 0);
}

static void setting_again_moves_it(void **state)
{
	struct watch one = watch();

	(void)state;
	wheel_set(&wheel, &one.timer, START + 100);
	wheel_set(&wheel, &one.timer, START + 70000);
	assert_int_equal(wheel.count, 1);
	advance_to(START + 69999, 1000);
	assert_int_equal(one.fired, 0);
	wheel_set(&wheel, &one.timer, START + 70100);
	advance_to(START + 80000, 1000);
	assert_int_equal(one.fired, 1);
	assert_true(one.at_ms >= START + 70100);
}

static void a_cleared_timer_does_not_fire(void **state)
{
	struct watch one = watch();

	(void)state;
	wheel_clear(&wheel, &one.timer); /* never set: nothing */
	wheel_set(&wheel, &one.timer, START + 2000);
	wheel_clear(&wheel, &one.timer);
	wheel_clear(&wheel, &one.timer);
	assert_int_equal(wheel_wait_ms(&wheel, now_ms), -1);
	advance_to(START + 10000, 100);
	assert_int_equal(one.fired, 0);
}

static void fire_may_clear_another_of_the_same_tick(void **state)
{
	struct watch one = watch(), other = watch();

	(void)state;
	wheel_set(&wheel, &one.timer, START + 160);
	wheel_set(&wheel, &other.timer, START + 160);
	to_clear = &other.timer;
	advance_to(START + 1000, 100);
	assert_int_equal(one.fired, 1);
	assert_int_equal(other.fired, 0);
	assert_int_equal(wheel.count, 0);
}

static void fire_may_set_itself_again(void **state)
{
	struct watch one = watch();

	(void)state;
	to_set = &one.timer;
	wheel_set(&wheel, &one.timer, START + 100);
	advance_to(START + 1000, 10000);
	assert_in_range(one.fired, 8, 10); /* every 100 ms, up to a tick late each */
	wheel_clear(&wheel, &one.timer);
}

static void what_is_due_already_fires_at_the_next_tick(void **state)
{
	struct watch one = watch();

	(void)state;
	wheel_set(&wheel, &one.timer, 0);
	assert_in_range(wheel_wait_ms(&wheel, now_ms), 0, 16);
	advance_to(START + 32, 16);
	assert_int_equal(one.fired, 1);
}

static void a_time_beyond_the_wheel_is_cut_to_its_span(void **state)
{
	const uint64_t span_ms = ((1ULL << 24) - 1) * WHEEL_TICK_MS; /* 74 hours */
	struct watch one = watch();

	(void)state;
	wheel_set(&wheel, &one.timer, START + 100 * span_ms);
	now_ms = START + span_ms - 100000;
	wheel_advance(&wheel, now_ms);
	assert_int_equal(one.fired, 0);
	now_ms = START + span_ms + 32;
	wheel_advance(&wheel, now_ms);
	assert_int_equal(one.fired, 1);
}

static void the_wait_is_never_longer_than_the_next_timer(void **state)
{
	struct watch one = watch();

	(void)state;
	assert_int_equal(wheel_wait_ms(&wheel, now_ms), -1);
	for (uint64_t after = 1; after < 3000; after += 37) {
		wheel_set(&wheel, &one.timer, START + after);
		assert_in_range(wheel_wait_ms(&wheel, now_ms), 0, after + 16);
	}
	wheel_clear(&wheel, &one.timer);
}

static void ten_thousand_timers_each_fire_in_time(void **state)
{
	static struct watch many[10000];
	static uint64_t due_ms[10000];

	(void)state;
	srand(959);
	for (int i = 0; i < 10000; i++) {
		many[i] = watch();
		due_ms[i] = START + (uint64_t)rand() % 300000;
		wheel_set(&wheel, &many[i].timer, due_ms[i]);
	}
	advance_to(START + 301000, 50);
	for (int i = 0; i < 10000; i++) {
		assert_int_equal(many[i].fired, 1);
		assert_in_range(many[i].at_ms, due_ms[i], due_ms[i] + 32);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_timer_fires_once_never_early_and_hardly_late, setup),
		cmocka_unit_test_setup(a_late_advance_fires_all_that_is_due, setup),
		cmocka_unit_test_setup(setting_again_moves_it, setup),
		cmocka_unit_test_setup(a_cleared_timer_does_not_fire, setup),
		cmocka_unit_test_setup(fire_may_clear_another_of_the_same_tick, setup),
		cmocka_unit_test_setup(fire_may_set_itself_again, setup),
		cmocka_unit_test_setup(what_is_due_already_fires_at_the_next_tick, setup),
		cmocka_unit_test_setup(a_time_beyond_the_wheel_is_cut_to_its_span, setup),
		cmocka_unit_test_setup(the_wait_is_never_longer_than_the_next_timer, setup),
		cmocka_unit_test_setup(ten_thousand_timers_each_fire_in_time, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
