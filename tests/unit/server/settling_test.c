#include "server/settling.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/address.h"
#include "support/test_ring.h"
#include "sys/calls.h"
#include "transfer/passive_pool.h"

static const uint16_t number = 50000;
static const struct address client = { .v4 = { .sin_family = AF_INET, .sin_addr.s_addr = 1 } };
static struct passive_pool *pool;
static struct settlings settlings;
static unsigned takes;
static unsigned left; /* so often something waits on */
static struct calls faulty;

/* The pool tells this with its lock held: what follows from it comes later. */
static bool on_settle(void *context, const struct address *address, unsigned port)
{
	(void)context;
	(void)address;
	assert_int_equal(port, 0);
	return true;
}

static bool take(void *context, unsigned port)
{
	assert_ptr_equal(context, &takes);
	assert_int_equal(port, 0);
	takes++;
	if (left == 0)
		return true;
	left--;
	return false;
}

static void *no_memory(size_t size_bytes)
{
	(void)size_bytes;
	return NULL;
}

/* The only port is given back, and settles. */
static void port_given_back(void)
{
	faulty = calls_real;
	calls = &faulty;
	takes = 0;
	assert_int_equal(passive_pool_new(&number, 1, 1, NULL, on_settle, NULL, &pool), 0);
	settlings = (struct settlings){
		.ring = test_ring, .passive = pool, .take = take, .context = &takes
	};
	settlings_init(&settlings);
	assert_int_equal(passive_pool_reserve(pool, 0, &client, 1), 0);
	passive_pool_release(pool, &client, 0, 1);
	assert_int_equal(passive_pool_claim(pool, &client, 0), PASSIVE_SETTLES);
}

static bool port_is_free(void)
{
	return passive_pool_claim(pool, &client, 0) != PASSIVE_SETTLES;
}

static void end(void)
{
	settlings_fini(&settlings);
	passive_pool_free(pool);
	calls = &calls_real;
}

static void where_nothing_waits_the_port_is_free_at_once(void **state)
{
	(void)state;
	port_given_back();
	left = 0;
	settling_begin(&settlings, &client, 0);
	assert_true(port_is_free());
	assert_int_equal(takes, 1);
	end();
}

static void it_is_looked_at_until_nothing_waits(void **state)
{
	(void)state;
	port_given_back();
	left = 2;
	settling_begin(&settlings, &client, 0);
	assert_false(port_is_free());
	while (!port_is_free())
		run_for_ms(5);
	assert_int_equal(takes, 3);
	end();
}

static void without_memory_it_is_free_at_once(void **state)
{
	(void)state;
	port_given_back();
	left = 1;
	faulty.allocate = no_memory;
	settling_begin(&settlings, &client, 0);
	assert_true(port_is_free());
	end();
}

static void what_is_under_way_at_the_end_is_freed(void **state)
{
	(void)state;
	port_given_back();
	left = 1000;
	settling_begin(&settlings, &client, 0);
	run_for_ms(50);
	assert_false(port_is_free());
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_ON_ENGINES(where_nothing_waits_the_port_is_free_at_once),
		TEST_ON_ENGINES(it_is_looked_at_until_nothing_waits),
		TEST_ON_ENGINES(without_memory_it_is_free_at_once),
		TEST_ON_ENGINES(what_is_under_way_at_the_end_is_freed),
	};

	return cmocka_run_group_tests_name("settling", tests, NULL, NULL);
}
