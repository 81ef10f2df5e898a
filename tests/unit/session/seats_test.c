#include "session/seats.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define MAX 8

static const struct address alice = { .v4 = { .sin_family = AF_INET, .sin_addr.s_addr = 1 } };
static const struct address bob = { .v4 = { .sin_family = AF_INET, .sin_addr.s_addr = 2 } };

static struct seats seats;
static struct seat taken[MAX + 1];

static int setup(void **state)
{
	(void)state;
	for (int i = 0; i <= MAX; i++)
		taken[i] = (struct seat){ 0 };
	seats_init(&seats, MAX);
	return 0;
}

static void an_address_has_a_quarter_and_leaves_the_rest(void **state)
{
	struct address other_port = alice;

	(void)state;
	other_port.v4.sin_port = 4711;
	assert_int_equal(seats_take(&seats, &alice, &taken[0]), 0);
	assert_int_equal(seats_take(&seats, &other_port, &taken[1]), 0);
	assert_int_equal(seats_take(&seats, &alice, &taken[2]), -ETOOMANYREFS);
	assert_int_equal(seats_take(&seats, &bob, &taken[2]), 0);
	assert_int_equal(seats_take(&seats, &bob, &taken[3]), 0);
	assert_int_equal(seats_take(&seats, &bob, &taken[4]), -ETOOMANYREFS);
}

static void a_seat_that_is_given_is_free_again(void **state)
{
	(void)state;
	assert_int_equal(seats_take(&seats, &alice, &taken[0]), 0);
	assert_int_equal(seats_take(&seats, &alice, &taken[1]), 0);
	seat_give(&taken[0]);
	assert_int_equal(seats_take(&seats, &alice, &taken[2]), 0);
	assert_int_equal(seats_take(&seats, &alice, &taken[0]), -ETOOMANYREFS);
}

static void giving_what_was_never_taken_gives_nothing(void **state)
{
	(void)state;
	assert_int_equal(seats_take(&seats, &alice, &taken[0]), 0);
	assert_int_equal(seats_take(&seats, &alice, &taken[1]), 0);
	assert_int_equal(seats_take(&seats, &alice, &taken[2]), -ETOOMANYREFS);
	seat_give(&taken[2]);
	assert_int_equal(seats_take(&seats, &alice, &taken[2]), -ETOOMANYREFS);
	seat_give(&taken[1]);
	seat_give(&taken[1]);
	assert_int_equal(seats_take(&seats, &alice, &taken[1]), 0);
	assert_int_equal(seats_take(&seats, &alice, &taken[2]), -ETOOMANYREFS);
}

static void all_addresses_together_have_no_more_than_there_are(void **state)
{
	struct address each = alice;

	(void)state;
	for (int i = 0; i < MAX; i++) {
		each.v4.sin_addr.s_addr = (uint32_t)i / 2;
		assert_int_equal(seats_take(&seats, &each, &taken[i]), 0);
	}
	each.v4.sin_addr.s_addr = MAX;
	assert_int_equal(seats_take(&seats, &each, &taken[MAX]), -EUSERS);
	seat_give(&taken[3]);
	assert_int_equal(seats_take(&seats, &each, &taken[MAX]), 0);
}

static void an_ipv6_network_of_64_bits_counts_as_one_address(void **state)
{
	struct address one = { .v6 = { .sin6_family = AF_INET6 } };
	struct address same, other;

	(void)state;
	one.v6.sin6_addr.s6_addr[0] = 0x20;
	same = other = one;
	same.v6.sin6_addr.s6_addr[8] = 1;
	other.v6.sin6_addr.s6_addr[7] = 1;
	assert_int_equal(seats_take(&seats, &one, &taken[0]), 0);
	assert_int_equal(seats_take(&seats, &same, &taken[1]), 0);
	assert_int_equal(seats_take(&seats, &one, &taken[2]), -ETOOMANYREFS);
	assert_int_equal(seats_take(&seats, &same, &taken[2]), -ETOOMANYREFS);
	assert_int_equal(seats_take(&seats, &other, &taken[2]), 0);
}

static void of_few_seats_an_address_has_one(void **state)
{
	(void)state;
	for (unsigned max = 1; max <= 4; max++) {
		seats_init(&seats, max);
		assert_int_equal(seats_take(&seats, &alice, &taken[0]), 0);
		assert_int_equal(seats_take(&seats, &alice, &taken[1]), -ETOOMANYREFS);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(an_address_has_a_quarter_and_leaves_the_rest, setup),
		cmocka_unit_test_setup(a_seat_that_is_given_is_free_again, setup),
		cmocka_unit_test_setup(giving_what_was_never_taken_gives_nothing, setup),
		cmocka_unit_test_setup(all_addresses_together_have_no_more_than_there_are, setup),
		cmocka_unit_test_setup(an_ipv6_network_of_64_bits_counts_as_one_address, setup),
		cmocka_unit_test_setup(of_few_seats_an_address_has_one, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
