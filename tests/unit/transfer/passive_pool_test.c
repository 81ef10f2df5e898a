#include "transfer/passive_pool.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "net/address.h"
#include "sys/calls.h"

#define PORTS 16
#define GRANTS_MAX 2000

/* What the pool has granted, in order, and whether a message can be delivered. */
struct grants {
	unsigned count;
	unsigned refusals; /* so many grants fail first */
	uint64_t sessions[GRANTS_MAX];
	unsigned ports[GRANTS_MAX];
};

static struct grants grants;
static const struct address alice = { .v4 = { .sin_family = AF_INET, .sin_addr.s_addr = 1 } };
static const struct address bob = { .v4 = { .sin_family = AF_INET, .sin_addr.s_addr = 2 } };

static bool on_grant(void *context, uint64_t session, unsigned port)
{
	struct grants *all = context;

	if (all->refusals > 0) {
		all->refusals--;
		return false;
	}
	all->sessions[all->count] = session;
	all->ports[all->count++] = port;
	return true;
}

static struct passive_pool *pool_of(unsigned ports, unsigned workers)
{
	uint16_t numbers[1024];
	struct passive_pool *pool;

	memset(&grants, 0, sizeof(grants));
	for (unsigned i = 0; i < ports; i++)
		numbers[i] = (uint16_t)(50000 + i);
	assert_int_equal(passive_pool_new(numbers, ports, workers, on_grant, &grants, &pool), 0);
	return pool;
}

/* Reserves, and begins at once. */
static int reserve(struct passive_pool *pool, unsigned worker, const struct address *client,
		   uint64_t session)
{
	int port = passive_pool_reserve(pool, worker, client, session);

	if (port >= 0)
		assert_int_not_equal(passive_pool_begin(pool, client, (unsigned)port, session), 0);
	return port;
}

/* Those that were granted begin when they hear of it. */
static uint64_t claim(struct passive_pool *pool, const struct address *client, unsigned port)
{
	uint32_t number;

	for (unsigned i = 0; i < grants.count; i++)
		if (grants.ports[i] == port)
			passive_pool_begin(pool, client, port, grants.sessions[i]);
	return passive_pool_claim(pool, client, port, &number);
}

static void ports_are_those_it_was_made_of(void **state)
{
	struct passive_pool *pool = pool_of(3, 2);

	(void)state;
	assert_int_equal(passive_pool_count(pool), 3);
	assert_int_equal(passive_pool_port(pool, 0), 50000);
	assert_int_equal(passive_pool_port(pool, 2), 50002);
	passive_pool_free(pool);
}

static void no_two_sessions_of_a_client_share_a_port(void **state)
{
	struct passive_pool *pool = pool_of(PORTS, 4);
	bool taken[PORTS] = { false };

	(void)state;
	for (uint64_t session = 1; session <= PORTS; session++) {
		int port = reserve(pool, (unsigned)session, &alice, session);

		assert_in_range(port, 0, PORTS - 1);
		assert_false(taken[port]);
		taken[port] = true;
	}
	assert_int_equal(reserve(pool, 0, &alice, 99), -EAGAIN);
	passive_pool_free(pool);
}

static void own_workers_ports_come_first(void **state)
{
	struct passive_pool *pool = pool_of(PORTS, 4);

	(void)state;
	for (unsigned i = 0; i < PORTS / 4; i++)
		assert_int_equal(reserve(pool, 2, &alice, i + 1) % 4, 2);
	assert_int_equal(reserve(pool, 2, &alice, 50) % 4, 3); /* then the next one's */
	passive_pool_free(pool);
}

static void one_port_serves_eight_workers(void **state)
{
	struct passive_pool *pool = pool_of(1, 8);

	(void)state;
	for (unsigned worker = 0; worker < 8; worker++) {
		assert_int_equal(reserve(pool, worker, &alice, worker + 1), 0);
		assert_int_equal(claim(pool, &alice, 0), worker + 1);
	}
	passive_pool_free(pool);
}

static void clients_do_not_take_each_others_ports(void **state)
{
	struct passive_pool *pool = pool_of(2, 1);
	int port;

	(void)state;
	for (uint64_t session = 1; session <= 2; session++)
		assert_true(reserve(pool, 0, &alice, session) >= 0);
	for (uint64_t session = 3; session <= 4; session++)
		assert_true(reserve(pool, 0, &bob, session) >= 0);
	port = 0;
	assert_in_range(claim(pool, &alice, (unsigned)port), 1, 2);
	assert_in_range(claim(pool, &bob, (unsigned)port), 3, 4);
	passive_pool_free(pool);
}

static void claim_ends_the_reservation(void **state)
{
	struct passive_pool *pool = pool_of(PORTS, 1);
	unsigned port = (unsigned)reserve(pool, 0, &alice, 7);

	(void)state;
	assert_true(passive_pool_holds(pool, &alice, port, 7));
	assert_false(passive_pool_holds(pool, &alice, port, 8));
	assert_int_equal(claim(pool, &bob, port), 0);
	assert_int_equal(claim(pool, &alice, port), 7);
	assert_int_equal(claim(pool, &alice, port), 0);
	assert_false(passive_pool_holds(pool, &alice, port, 7));
	passive_pool_free(pool);
}

/* What comes before is nobody's, whoever has had the port, or will have it. */
static void a_reservation_that_has_not_begun_is_not_claimed(void **state)
{
	struct passive_pool *pool = pool_of(1, 1);
	uint32_t first;
	uint32_t second;

	(void)state;
	for (uint64_t session = 1; session <= 2; session++) {
		assert_int_equal(passive_pool_reserve(pool, 0, &alice, session), 0);
		assert_int_equal(passive_pool_claim(pool, &alice, 0, &first), 0);
		assert_int_equal(passive_pool_begin(pool, &alice, 0, 3), 0); /* not his */
		assert_int_equal(passive_pool_begin(pool, &bob, 0, session), 0);
		first = passive_pool_begin(pool, &alice, 0, session);
		assert_int_equal(passive_pool_claim(pool, &alice, 0, &second), session);
		assert_int_equal(first, second);
	}
	assert_int_equal(passive_pool_begin(pool, &alice, 0, 2), 0); /* not any more */
	passive_pool_free(pool);
}

static void release_after_a_claim_leaves_the_next_owner_alone(void **state)
{
	struct passive_pool *pool = pool_of(1, 1);

	(void)state;
	assert_int_equal(reserve(pool, 0, &alice, 1), 0);
	assert_int_equal(claim(pool, &alice, 0), 1);
	assert_int_equal(reserve(pool, 0, &alice, 2), 0);
	passive_pool_release(pool, &alice, 0, 1);
	assert_true(passive_pool_holds(pool, &alice, 0, 2));
	passive_pool_free(pool);
}

static void waiting_sessions_are_granted_in_order(void **state)
{
	struct passive_pool *pool = pool_of(2, 1);
	unsigned port = (unsigned)reserve(pool, 0, &alice, 1);

	(void)state;
	assert_true(reserve(pool, 0, &alice, 2) >= 0);
	for (uint64_t session = 3; session <= 5; session++)
		assert_int_equal(reserve(pool, 0, &alice, session), -EAGAIN);
	passive_pool_release(pool, &alice, port, 1);
	assert_int_equal(claim(pool, &alice, 1 - port), 2);
	assert_int_equal(grants.count, 2);
	assert_int_equal(grants.sessions[0], 3);
	assert_int_equal(grants.ports[0], port);
	assert_int_equal(grants.sessions[1], 4);
	assert_int_equal(claim(pool, &alice, port), 3);
	assert_int_equal(grants.sessions[2], 5);
	passive_pool_free(pool);
}

static void another_clients_port_is_not_granted(void **state)
{
	struct passive_pool *pool = pool_of(1, 1);

	(void)state;
	assert_int_equal(reserve(pool, 0, &alice, 1), 0);
	assert_int_equal(reserve(pool, 0, &bob, 2), 0);
	assert_int_equal(reserve(pool, 0, &bob, 3), -EAGAIN);
	passive_pool_release(pool, &alice, 0, 1);
	assert_int_equal(grants.count, 0);
	passive_pool_release(pool, &bob, 0, 2);
	assert_int_equal(grants.sessions[0], 3);
	passive_pool_free(pool);
}

static void a_grant_that_cannot_be_told_goes_to_the_next(void **state)
{
	struct passive_pool *pool = pool_of(1, 1);

	(void)state;
	assert_int_equal(reserve(pool, 0, &alice, 1), 0);
	for (uint64_t session = 2; session <= 3; session++)
		assert_int_equal(reserve(pool, 0, &alice, session), -EAGAIN);
	grants.refusals = 1;
	passive_pool_release(pool, &alice, 0, 1);
	assert_int_equal(grants.count, 1);
	assert_int_equal(grants.sessions[0], 3);
	grants.refusals = 1;
	passive_pool_release(pool, &alice, 0, 3); /* nobody waits: free for all */
	assert_int_equal(reserve(pool, 0, &alice, 4), 0);
	passive_pool_free(pool);
}

static void withdraw_leaves_the_line(void **state)
{
	struct passive_pool *pool = pool_of(1, 1);

	(void)state;
	assert_int_equal(reserve(pool, 0, &alice, 1), 0);
	for (uint64_t session = 2; session <= 4; session++)
		assert_int_equal(reserve(pool, 0, &alice, session), -EAGAIN);
	passive_pool_withdraw(pool, &alice, 2);
	passive_pool_withdraw(pool, &bob, 3); /* he does not wait */
	passive_pool_release(pool, &alice, 0, 1);
	assert_int_equal(grants.sessions[0], 3);
	passive_pool_free(pool);
}

static void withdraw_after_a_grant_gives_the_port_back(void **state)
{
	struct passive_pool *pool = pool_of(1, 1);

	(void)state;
	assert_int_equal(reserve(pool, 0, &alice, 1), 0);
	assert_int_equal(reserve(pool, 0, &alice, 2), -EAGAIN);
	passive_pool_release(pool, &alice, 0, 1);
	assert_true(passive_pool_holds(pool, &alice, 0, 2));
	passive_pool_withdraw(pool, &alice, 2); /* its message is still under way */
	assert_false(passive_pool_holds(pool, &alice, 0, 2));
	assert_int_equal(reserve(pool, 0, &alice, 3), 0);
	passive_pool_free(pool);
}

static void a_port_just_used_is_not_given_again_at_once(void **state)
{
	struct passive_pool *pool = pool_of(PORTS, 1);
	unsigned last_use[PORTS] = { 0 };

	(void)state;
	for (unsigned turn = 1; turn <= 1000; turn++) {
		int port = reserve(pool, 0, &alice, turn);

		assert_in_range(port, 0, PORTS - 1);
		/* One of the half longest free: eight others were used since. */
		if (last_use[port])
			assert_true(turn - last_use[port] > PORTS / 2);
		last_use[port] = turn;
		passive_pool_release(pool, &alice, (unsigned)port, turn);
	}
	passive_pool_free(pool);
}

static void the_order_of_ports_cannot_be_foretold(void **state)
{
	unsigned differ = 0;

	(void)state;
	for (int i = 0; i < 20; i++) {
		struct passive_pool *pool = pool_of(PORTS, 1);
		struct passive_pool *other = pool_of(PORTS, 1);

		for (unsigned j = 1; j <= 8; j++)
			differ += reserve(pool, 0, &alice, j) != reserve(other, 0, &alice, j);
		passive_pool_free(pool);
		passive_pool_free(other);
	}
	assert_true(differ > 80); /* of 160; by chance about 150 */
}

static void a_thousand_sessions_get_along_with_sixteen_ports(void **state)
{
	struct passive_pool *pool = pool_of(PORTS, 2);
	unsigned served = 0;

	(void)state;
	for (uint64_t session = 1; session <= 1000; session++) {
		int port = reserve(pool, (unsigned)session, &alice, session);

		if (session > PORTS) {
			assert_int_equal(port, -EAGAIN);
			continue;
		}
		grants.sessions[grants.count] = session;
		grants.ports[grants.count++] = (unsigned)port;
	}
	for (unsigned i = 0; i < grants.count; i++) {
		assert_int_equal(claim(pool, &alice, grants.ports[i]), grants.sessions[i]);
		assert_int_equal(grants.sessions[i], i + 1);
		served++;
	}
	assert_int_equal(served, 1000);
	passive_pool_free(pool);
}

static void *nothing_allocated(size_t size_bytes)
{
	(void)size_bytes;
	return NULL;
}

static void without_memory_reserve_says_so(void **state)
{
	struct passive_pool *pool = pool_of(1, 1);
	struct calls spoilt = calls_real;

	(void)state;
	spoilt.allocate = nothing_allocated;
	calls = &spoilt;
	assert_int_equal(reserve(pool, 0, &alice, 1), -ENOMEM);
	calls = &calls_real;
	assert_int_equal(reserve(pool, 0, &alice, 1), 0);
	calls = &spoilt;
	assert_int_equal(reserve(pool, 0, &alice, 2), -ENOMEM);
	calls = &calls_real;
	assert_int_equal(claim(pool, &alice, 0), 1);
	passive_pool_free(pool);
}

static void *reserve_and_claim(void *argument)
{
	struct passive_pool *pool = argument;
	static unsigned next;
	unsigned number = __atomic_add_fetch(&next, 1, __ATOMIC_RELAXED);
	const struct address *client = number % 2 ? &alice : &bob;
	unsigned wrong = 0;

	for (unsigned i = 0; i < 20000; i++) {
		uint64_t session = (uint64_t)number << 32 | i | 1;
		int port = reserve(pool, number, client, session);

		wrong += port < 0 || claim(pool, client, (unsigned)port) != session;
	}
	return (void *)(uintptr_t)wrong;
}

static void four_workers_never_mix_up_reservations(void **state)
{
	struct passive_pool *pool = pool_of(4, 4);
	pthread_t threads[4];

	(void)state;
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, reserve_and_claim, pool), 0);
	for (int i = 0; i < 4; i++) {
		void *wrong;

		pthread_join(threads[i], &wrong);
		assert_null(wrong);
	}
	passive_pool_free(pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ports_are_those_it_was_made_of),
		cmocka_unit_test(no_two_sessions_of_a_client_share_a_port),
		cmocka_unit_test(own_workers_ports_come_first),
		cmocka_unit_test(one_port_serves_eight_workers),
		cmocka_unit_test(clients_do_not_take_each_others_ports),
		cmocka_unit_test(claim_ends_the_reservation),
		cmocka_unit_test(a_reservation_that_has_not_begun_is_not_claimed),
		cmocka_unit_test(release_after_a_claim_leaves_the_next_owner_alone),
		cmocka_unit_test(waiting_sessions_are_granted_in_order),
		cmocka_unit_test(another_clients_port_is_not_granted),
		cmocka_unit_test(a_grant_that_cannot_be_told_goes_to_the_next),
		cmocka_unit_test(withdraw_leaves_the_line),
		cmocka_unit_test(withdraw_after_a_grant_gives_the_port_back),
		cmocka_unit_test(a_port_just_used_is_not_given_again_at_once),
		cmocka_unit_test(the_order_of_ports_cannot_be_foretold),
		cmocka_unit_test(a_thousand_sessions_get_along_with_sixteen_ports),
		cmocka_unit_test(without_memory_reserve_says_so),
		cmocka_unit_test(four_workers_never_mix_up_reservations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
