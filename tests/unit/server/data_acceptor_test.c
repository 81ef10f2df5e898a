#include "server/data_acceptor.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/limits.h"
#include "net/address.h"
#include "server/passive_listeners.h"
#include "support/test_ring.h"
#include "sys/calls.h"
#include "transfer/passive_pool.h"

#define PORTS 3
#define STRANGERS 200 /* more than are taken in one turn */
#define ALICE "127.0.0.1"
#define BOB "127.0.0.7"
#define ELSEWHERE "127.0.0.2" /* the server's other address */

/* What has arrived, in order. */
static struct seen {
	uint64_t session;
	unsigned port;
	bool now;
} arrivals[4 * STRANGERS];
static unsigned arrivals_count;
static uint64_t forgetful; /* a session that does not unwant its port */

static struct passive_pool *pool;
static struct passive_listeners listeners;
static struct data_acceptor acceptor;
static struct sockaddr_in bound[2 * PORTS]; /* of each port both addresses */
static int bound_fds[2 * PORTS];
static int clients[4 * STRANGERS];
static unsigned clients_count;

static int accept_error;       /* what accept(2) fails with, */
static unsigned accept_errors; /* so many times */
static unsigned accepts;
static int poll_error; /* what the ring takes no poll for, or 0 */

static void on_arrived(void *context, const struct arrival *arrival, bool now)
{
	assert_ptr_equal(context, &pool);
	assert_true(fcntl(arrival->fd, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(arrival->fd, F_GETFD) & FD_CLOEXEC);
	close(arrival->fd);
	arrivals[arrivals_count++] = (struct seen){ arrival->session, arrival->port, now };
	if (arrival->session != 0 && arrival->session != forgetful)
		data_acceptor_unwant(&acceptor, arrival->port);
	ring_stop(test_ring);
}

static int test_accept(int listener, struct sockaddr *ret_peer, socklen_t *length, int flags)
{
	accepts++;
	if (accept_errors > 0) {
		accept_errors--;
		return accept_error;
	}
	return calls_real.accept(listener, ret_peer, length, flags);
}

static int test_operation(const char *name)
{
	return poll_error && strcmp(name, "poll") == 0 ? poll_error : 0;
}

static void listener_make(unsigned number)
{
	static const char *const hosts[] = { ALICE, ELSEWHERE };
	struct sockaddr_in *address = &bound[number];
	socklen_t length = sizeof(*address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	*address = (struct sockaddr_in){ .sin_family = AF_INET };
	inet_pton(AF_INET, hosts[number / PORTS], &address->sin_addr);
	assert_int_equal(bind(fd, (struct sockaddr *)address, length), 0);
	assert_int_equal(listen(fd, STRANGERS), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)address, &length), 0);
	assert_int_equal(passive_listeners_add(&listeners, fd, number % PORTS), 0);
	bound_fds[number] = fd;
}

/* Worker 0 of two: ports 0 and 2 are in its share. */
static void acceptor_make(bool foreign)
{
	static const uint16_t numbers[PORTS] = { 50000, 50001, 50002 };
	static struct calls faulty;

	faulty = calls_real;
	faulty.accept = test_accept;
	faulty.operation = test_operation;
	calls = &faulty;
	arrivals_count = clients_count = accepts = accept_errors = 0;
	poll_error = 0;
	forgetful = 0;
	assert_int_equal(passive_pool_new(numbers, PORTS, 2, NULL, NULL, &pool), 0);
	for (unsigned i = 0; i < 2 * PORTS; i++)
		listener_make(i);
	assert_int_equal(passive_listeners_open(&listeners, pool, foreign), 0);
	acceptor = (struct data_acceptor){ .ring = test_ring,
					   .listeners = &listeners,
					   .workers = 2,
					   .arrived = on_arrived,
					   .context = &pool };
	assert_int_equal(data_acceptor_open(&acceptor), 0);
	run_for_ms(1);
}

static void acceptor_end(void)
{
	while (clients_count > 0)
		close(clients[--clients_count]);
	for (unsigned i = 0; i < 2 * PORTS; i++)
		close(bound_fds[i]);
	data_acceptor_close(&acceptor);
	passive_listeners_close(&listeners);
	passive_pool_free(pool);
}

static void client_connect(const char *from, unsigned number)
{
	struct sockaddr_in own = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	inet_pton(AF_INET, from, &own.sin_addr);
	assert_int_equal(bind(fd, (struct sockaddr *)&own, sizeof(own)), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&bound[number], sizeof(bound[number])), 0);
	clients[clients_count++] = fd;
}

static void reserve(uint64_t session, const char *from, unsigned port)
{
	struct address client = { .v4 = { .sin_family = AF_INET } };

	inet_pton(AF_INET, from, &client.v4.sin_addr);
	/* A client has one reservation here: the pool gives its ports in no order. */
	for (int got = -1; got != (int)port;) {
		if (got >= 0)
			passive_pool_release(pool, &client, (unsigned)got, session);
		got = passive_pool_reserve(pool, port % 2, &client, session);
	}
	ring_next_moment(test_ring); /* in which a command comes */
	assert_int_equal(data_acceptor_clear(&acceptor, port), 0);
	assert_int_not_equal(passive_pool_begin(pool, &client, port, session), 0);
}

static void assert_arrival(unsigned at, uint64_t session, unsigned port)
{
	assert_true(at < arrivals_count);
	assert_int_equal(arrivals[at].session, session);
	assert_int_equal(arrivals[at].port, port);
}

static void wait_for_arrivals(unsigned count)
{
	while (arrivals_count < count)
		run_for_ms(10);
}

static void what_has_come_is_taken_at_once(void **state)
{
	(void)state;
	acceptor_make(false);
	reserve(1, ALICE, 0);
	client_connect(ALICE, 0);
	data_acceptor_want(&acceptor, 1, 0);
	assert_arrival(0, 1, 0);
	assert_true(arrivals[0].now);
	acceptor_end();
}

/* Of a port that is not in this worker's share, on the second of its listeners. */
static void what_has_not_come_is_waited_for(void **state)
{
	(void)state;
	acceptor_make(false);
	reserve(1, ALICE, 1);
	data_acceptor_want(&acceptor, 1, 1);
	run_for_ms(20);
	assert_int_equal(arrivals_count, 0);
	client_connect(ALICE, PORTS + 1);
	wait_for_arrivals(1);
	assert_arrival(0, 1, 1);
	assert_true(arrivals[0].now);
	acceptor_end();
}

static void each_of_two_that_wait_gets_its_own(void **state)
{
	(void)state;
	acceptor_make(false);
	reserve(1, ALICE, 1);
	reserve(2, BOB, 1);
	data_acceptor_want(&acceptor, 1, 1);
	data_acceptor_want(&acceptor, 2, 1);
	client_connect(BOB, 1);
	wait_for_arrivals(1);
	client_connect(ALICE, 1);
	wait_for_arrivals(2);
	assert_arrival(0, 2, 1);
	assert_arrival(1, 1, 1);
	acceptor_end();
}

/* Another's connection stands before it. */
static void anothers_session_is_not_run_meanwhile(void **state)
{
	(void)state;
	acceptor_make(false);
	reserve(1, ALICE, 1);
	reserve(2, BOB, 1);
	client_connect(BOB, 1);
	client_connect(ALICE, 1);
	forgetful = 2; /* it does not want its own yet */
	data_acceptor_want(&acceptor, 1, 1);
	assert_int_equal(arrivals_count, 2);
	assert_arrival(0, 2, 1);
	assert_false(arrivals[0].now);
	assert_arrival(1, 1, 1);
	assert_true(arrivals[1].now);
	acceptor_end();
}

static void between_servers_a_reservation_is_anybodys(void **state)
{
	static const struct address anybody;

	(void)state;
	acceptor_make(true);
	while (passive_pool_reserve(pool, 0, &anybody, 1) != 0)
		passive_pool_withdraw(pool, &anybody, 1);
	passive_pool_begin(pool, &anybody, 0, 1);
	client_connect(BOB, 0);
	data_acceptor_want(&acceptor, 1, 0);
	assert_arrival(0, 1, 0);
	acceptor_end();
}

static void strangers_are_seen_without_anybody_wanting(void **state)
{
	(void)state;
	acceptor_make(false);
	client_connect(ALICE, 0);
	wait_for_arrivals(1);
	assert_arrival(0, 0, 0);
	client_connect(BOB, PORTS + 2); /* after a pause */
	wait_for_arrivals(2);
	assert_arrival(1, 0, 2);
	acceptor_end();
}

/* Nothing but the first look takes what another worker's share is. */
static void anothers_share_is_left_alone(void **state)
{
	(void)state;
	acceptor_make(false);
	client_connect(ALICE, 1);
	run_for_ms(250);
	assert_int_equal(arrivals_count, 0);
	acceptor_end();
}

static void a_session_that_wants_nothing_yet_gets_it_too(void **state)
{
	(void)state;
	acceptor_make(false);
	forgetful = 1;
	reserve(1, ALICE, 2);
	client_connect(ALICE, 2);
	wait_for_arrivals(1);
	assert_arrival(0, 1, 2);
	acceptor_end();
}

static void a_crowd_of_strangers_does_not_hide_it(void **state)
{
	(void)state;
	acceptor_make(false);
	reserve(1, ALICE, 1);
	for (int i = 0; i < STRANGERS - 1; i++)
		client_connect(BOB, 1);
	client_connect(ALICE, 1);
	data_acceptor_want(&acceptor, 1, 1);
	assert_true(arrivals_count < STRANGERS); /* others have their turn */
	wait_for_arrivals(STRANGERS);
	assert_arrival(STRANGERS - 1, 1, 1);
	acceptor_end();
}

static void what_was_given_up_is_not_waited_for(void **state)
{
	(void)state;
	acceptor_make(false);
	reserve(1, ALICE, 1);
	data_acceptor_want(&acceptor, 1, 1);
	data_acceptor_unwant(&acceptor, 1);
	client_connect(BOB, 1); /* what is watched already is seen once more */
	wait_for_arrivals(1);
	client_connect(BOB, 1);
	run_for_ms(50);
	assert_int_equal(arrivals_count, 1);
	acceptor_end();
}

static void an_error_is_a_pause(void **state)
{
	(void)state;
	acceptor_make(false);
	reserve(1, ALICE, 1);
	reserve(2, BOB, 1);
	client_connect(ALICE, 1);
	accept_error = -EMFILE;
	accept_errors = 3;
	data_acceptor_want(&acceptor, 1, 1);
	data_acceptor_want(&acceptor, 2, 1);
	assert_int_equal(arrivals_count, 0);
	assert_int_equal(accepts, 2);
	run_for_ms(50);
	assert_int_equal(accepts, 2); /* nobody asks again and again */
	wait_for_arrivals(1);
	client_connect(BOB, 1);
	wait_for_arrivals(2);
	assert_arrival(0, 1, 1);
	assert_arrival(1, 2, 1);
	acceptor_end();
}

static void a_watch_that_fails_is_a_pause(void **state)
{
	(void)state;
	acceptor_make(false);
	reserve(1, ALICE, 1);
	poll_error = -ENOMEM;
	data_acceptor_want(&acceptor, 1, 1);
	run_for_ms(50);
	assert_true(accepts < 10);
	poll_error = 0;
	client_connect(ALICE, 1);
	wait_for_arrivals(1);
	assert_arrival(0, 1, 1);
	acceptor_end();
}

static void what_ended_before_it_was_taken_is_passed_over(void **state)
{
	(void)state;
	acceptor_make(false);
	reserve(1, ALICE, 0);
	client_connect(ALICE, 0);
	accept_error = -ECONNABORTED;
	accept_errors = 2;
	data_acceptor_want(&acceptor, 1, 0);
	assert_arrival(0, 1, 0);
	acceptor_end();
}

static void before_a_reservation_all_is_nobodys(unsigned port)
{
	acceptor_make(false);
	for (int i = 0; i < STRANGERS; i++)
		client_connect(ALICE, i % 2 ? port : PORTS + port);
	reserve(1, ALICE, port);
	assert_int_equal(arrivals_count, STRANGERS);
	for (unsigned i = 0; i < STRANGERS; i++) {
		assert_arrival(i, 0, port);
		assert_false(arrivals[i].now);
	}
	data_acceptor_want(&acceptor, 1, port);
	assert_int_equal(arrivals_count, STRANGERS);
	client_connect(ALICE, port);
	wait_for_arrivals(STRANGERS + 1);
	assert_arrival(STRANGERS, 1, port);
	acceptor_end();
}

/* Of the same client, too: it is not what the session's connection will be. */
static void what_comes_before_a_reservation_is_nobodys(void **state)
{
	(void)state;
	before_a_reservation_all_is_nobodys(0);
}

static void so_it_is_at_a_port_of_anothers_share(void **state)
{
	(void)state;
	before_a_reservation_all_is_nobodys(1);
}

/* One look is for all ports of the share, and holds for a moment of the ring. */
static void what_waits_at_other_ports_stays_there(void **state)
{
	(void)state;
	acceptor_make(false);
	client_connect(ALICE, 2);
	reserve(1, ALICE, 0);
	assert_int_equal(arrivals_count, 0);
	assert_int_equal(data_acceptor_clear(&acceptor, 2), 0);
	assert_int_equal(arrivals_count, 1);
	client_connect(ALICE, 2);
	assert_int_equal(data_acceptor_clear(&acceptor, 0), 0);
	assert_int_equal(arrivals_count, 1);
	ring_next_moment(test_ring);
	assert_int_equal(data_acceptor_clear(&acceptor, 2), 0);
	assert_int_equal(arrivals_count, 2);
	acceptor_end();
}

/* Nothing is accepted where nothing waits, so that no descriptor is needed. */
static void a_port_with_nothing_in_it_is_clear_without_a_descriptor(void **state)
{
	(void)state;
	acceptor_make(false);
	accept_error = -EMFILE;
	accept_errors = 1;
	assert_int_equal(data_acceptor_clear(&acceptor, 1), 0);
	assert_int_equal(accept_errors, 1);
	client_connect(ALICE, 1);
	assert_int_equal(data_acceptor_clear(&acceptor, 1), -EMFILE);
	assert_int_equal(data_acceptor_clear(&acceptor, 1), 0);
	assert_int_equal(arrivals_count, 1);
	acceptor_end();
}

/* So many that they do not fit into one turn are taken at once, and no address waits for another. */
/* Whether all of it comes within less than a pause. */
static bool crowd_is_taken(void)
{
	bool all;

	acceptor_make(false);
	client_connect(BOB, 0); /* from here on there is a pause */
	wait_for_arrivals(1);
	for (int i = 0; i < STRANGERS; i++)
		client_connect(BOB, 0);
	client_connect(BOB, PORTS);
	wait_for_arrivals(2);
	run_for_ms(60);
	all = arrivals_count == 1 + STRANGERS + 1;
	wait_for_arrivals(1 + STRANGERS + 1);
	acceptor_end();
	return all;
}

/* A busy machine may need longer than a pause, but not each time. */
static void a_crowd_at_one_address_is_taken_without_a_pause(void **state)
{
	unsigned tries = 0;

	(void)state;
	while (!crowd_is_taken())
		assert_true(++tries < 50);
}

static void a_port_that_is_not_the_pools_is_refused(void **state)
{
	static const uint16_t number = 50000;

	(void)state;
	assert_int_equal(passive_pool_new(&number, 1, 1, NULL, NULL, &pool), 0);
	assert_int_equal(passive_listeners_add(&listeners, 0, 1), 0);
	assert_int_equal(passive_listeners_open(&listeners, pool, false), -ERANGE);
	passive_listeners_close(&listeners);
	for (int i = 0; i <= LISTENERS_MAX; i++)
		assert_int_equal(passive_listeners_add(&listeners, i, 0), 0);
	assert_int_equal(passive_listeners_open(&listeners, pool, false), -E2BIG);
	passive_listeners_close(&listeners);
	passive_pool_free(pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_ON_ENGINES(what_has_come_is_taken_at_once),
		TEST_ON_ENGINES(what_has_not_come_is_waited_for),
		TEST_ON_ENGINES(each_of_two_that_wait_gets_its_own),
		TEST_ON_ENGINES(anothers_session_is_not_run_meanwhile),
		TEST_ON_ENGINES(between_servers_a_reservation_is_anybodys),
		TEST_ON_ENGINES(strangers_are_seen_without_anybody_wanting),
		TEST_ON_ENGINES(anothers_share_is_left_alone),
		TEST_ON_ENGINES(a_session_that_wants_nothing_yet_gets_it_too),
		TEST_ON_ENGINES(a_crowd_of_strangers_does_not_hide_it),
		TEST_ON_ENGINES(what_was_given_up_is_not_waited_for),
		TEST_ON_ENGINES(an_error_is_a_pause),
		TEST_ON_ENGINES(a_watch_that_fails_is_a_pause),
		TEST_ON_ENGINES(what_ended_before_it_was_taken_is_passed_over),
		TEST_ON_ENGINES(what_comes_before_a_reservation_is_nobodys),
		TEST_ON_ENGINES(so_it_is_at_a_port_of_anothers_share),
		TEST_ON_ENGINES(what_waits_at_other_ports_stays_there),
		TEST_ON_ENGINES(a_port_with_nothing_in_it_is_clear_without_a_descriptor),
		TEST_ON_ENGINES(a_crowd_at_one_address_is_taken_without_a_pause),
		cmocka_unit_test(a_port_that_is_not_the_pools_is_refused),
	};

	return cmocka_run_group_tests_name("data_acceptor", tests, NULL, NULL);
}
