#include "session/seats.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define MAX 8

static const struct address alice = { .v4 = { .sin_family = AF_INET, .sin_addr.s_addr = 1 } };
static const struct address bob = { .v4 = { .sin_family = AF_INET, .sin_addr.s_addr = 2 } };

static struct seats seats;
static struct party taken[MAX + 1];

static int setup(void **state)
{
	(void)state;
	for (int i = 0; i <= MAX; i++)
		taken[i] = (struct party){ 0 };
	seats_init(&seats, MAX, MAX / 4, 0);
	return 0;
}

static void an_address_has_a_quarter_and_leaves_the_rest(void **state)
{
	struct address other_port = alice;

	(void)state;
	other_port.v4.sin_port = 4711;
	assert_int_equal(seats_take(&seats, &alice, &taken[0], 1), 0);
	assert_int_equal(seats_take(&seats, &other_port, &taken[1], 1), 0);
	assert_int_equal(seats_take(&seats, &alice, &taken[2], 1), -ETOOMANYREFS);
	assert_int_equal(seats_take(&seats, &bob, &taken[2], 1), 0);
	assert_int_equal(seats_take(&seats, &bob, &taken[3], 1), 0);
	assert_int_equal(seats_take(&seats, &bob, &taken[4], 1), -ETOOMANYREFS);
}

static void a_seat_that_is_given_is_free_again(void **state)
{
	(void)state;
	assert_int_equal(seats_take(&seats, &alice, &taken[0], 1), 0);
	assert_int_equal(seats_take(&seats, &alice, &taken[1], 1), 0);
	seats_give(&taken[0]);
	assert_int_equal(seats_take(&seats, &alice, &taken[2], 1), 0);
	assert_int_equal(seats_take(&seats, &alice, &taken[0], 1), -ETOOMANYREFS);
}

static void giving_what_was_never_taken_gives_nothing(void **state)
{
	(void)state;
	assert_int_equal(seats_take(&seats, &alice, &taken[0], 1), 0);
	assert_int_equal(seats_take(&seats, &alice, &taken[1], 1), 0);
	assert_int_equal(seats_take(&seats, &alice, &taken[2], 1), -ETOOMANYREFS);
	seats_give(&taken[2]);
	assert_int_equal(seats_take(&seats, &alice, &taken[2], 1), -ETOOMANYREFS);
	seats_give(&taken[1]);
	seats_give(&taken[1]);
	assert_int_equal(seats_take(&seats, &alice, &taken[1], 1), 0);
	assert_int_equal(seats_take(&seats, &alice, &taken[2], 1), -ETOOMANYREFS);
}

static void all_addresses_together_have_no_more_than_there_are(void **state)
{
	struct address each = alice;

	(void)state;
	for (int i = 0; i < MAX; i++) {
		each.v4.sin_addr.s_addr = (uint32_t)i / 2;
		assert_int_equal(seats_take(&seats, &each, &taken[i], 1), 0);
	}
	each.v4.sin_addr.s_addr = MAX;
	assert_int_equal(seats_take(&seats, &each, &taken[MAX], 1), -EUSERS);
	seats_give(&taken[3]);
	assert_int_equal(seats_take(&seats, &each, &taken[MAX], 1), 0);
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
	assert_int_equal(seats_take(&seats, &one, &taken[0], 1), 0);
	assert_int_equal(seats_take(&seats, &same, &taken[1], 1), 0);
	assert_int_equal(seats_take(&seats, &one, &taken[2], 1), -ETOOMANYREFS);
	assert_int_equal(seats_take(&seats, &same, &taken[2], 1), -ETOOMANYREFS);
	assert_int_equal(seats_take(&seats, &other, &taken[2], 1), 0);
}

static void while_there_is_plenty_an_address_has_more(void **state)
{
	(void)state;
	seats_init(&seats, 1000, 250, 500);
	assert_int_equal(seats_take(&seats, &alice, &taken[0], 501), -ETOOMANYREFS);
	assert_int_equal(seats_take(&seats, &alice, &taken[0], 400), 0);
	assert_int_equal(seats_take(&seats, &alice, &taken[1], 100), 0);
	assert_int_equal(seats_take(&seats, &alice, &taken[2], 1), -ETOOMANYREFS);
	assert_int_equal(seats_take(&seats, &bob, &taken[2], 251), -ETOOMANYREFS);
	assert_int_equal(seats_take(&seats, &bob, &taken[2], 250), 0);
	seats_give(&taken[0]);
	assert_int_equal(seats_take(&seats, &alice, &taken[0], 151), -ETOOMANYREFS);
	assert_int_equal(seats_take(&seats, &alice, &taken[0], 150), 0); /* 500 are taken then */
	seats_give(&taken[2]);
}

static void several_seats_are_taken_at_once_or_none(void **state)
{
	(void)state;
	seats_init(&seats, 1000, 250, 0);
	assert_int_equal(seats_take(&seats, &alice, &taken[0], 251), -ETOOMANYREFS);
	assert_int_equal(seats_take(&seats, &alice, &taken[0], SIZE_MAX), -EUSERS);
	assert_int_equal(seats_take(&seats, &alice, &taken[0], 200), 0);
	assert_int_equal(seats_take(&seats, &alice, &taken[1], 51), -ETOOMANYREFS);
	assert_int_equal(seats_take(&seats, &alice, &taken[1], 50), 0);
	assert_int_equal(seats_take(&seats, &alice, &taken[2], 0), 0); /* who needs none */
	assert_int_equal(seats.taken, 250);
	seats_give(&taken[2]);
	seats_give(&taken[0]);
	seats_give(&taken[1]);
	assert_int_equal(seats.taken, 0);
}

static void what_all_have_together_is_counted(void **state)
{
	struct address each = alice;

	(void)state;
	seats_init(&seats, 1000, 250, 0);
	for (uint32_t i = 0; i < 4; i++) {
		each.v4.sin_addr.s_addr = i + 1;
		assert_int_equal(seats_take(&seats, &each, &taken[i], 249), 0);
	}
	each.v4.sin_addr.s_addr = 9;
	assert_int_equal(seats_take(&seats, &each, &taken[4], 5), -EUSERS);
	assert_int_equal(seats_take(&seats, &each, &taken[4], 4), 0);
	assert_int_equal(seats_take(&seats, &each, &taken[5], 1), -EUSERS);
}

static void seats_move_between_parties_of_a_client(void **state)
{
	(void)state;
	seats_init(&seats, 1000, 250, 0);
	assert_int_equal(seats_take(&seats, &alice, &taken[0], 250), 0);
	seats_move(&taken[0], &taken[1], 100);
	seats_move(&taken[0], &taken[2], 0);
	assert_int_equal(seats.taken, 250);
	assert_int_equal(seats_take(&seats, &alice, &taken[3], 1), -ETOOMANYREFS);
	seats_give(&taken[0]);
	assert_int_equal(seats.taken, 100);
	assert_int_equal(seats_take(&seats, &alice, &taken[0], 150), 0);
	seats_move(&taken[1], &taken[0], 100); /* all that it has */
	seats_give(&taken[1]);
	assert_int_equal(seats.taken, 250);
	seats_give(&taken[0]);
	assert_int_equal(seats.taken, 0);
	assert_true(list_empty(&seats.parties));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(an_address_has_a_quarter_and_leaves_the_rest, setup),
		cmocka_unit_test_setup(a_seat_that_is_given_is_free_again, setup),
		cmocka_unit_test_setup(giving_what_was_never_taken_gives_nothing, setup),
		cmocka_unit_test_setup(all_addresses_together_have_no_more_than_there_are, setup),
		cmocka_unit_test_setup(an_ipv6_network_of_64_bits_counts_as_one_address, setup),
		cmocka_unit_test_setup(several_seats_are_taken_at_once_or_none, setup),
		cmocka_unit_test_setup(what_all_have_together_is_counted, setup),
		cmocka_unit_test_setup(seats_move_between_parties_of_a_client, setup),
		cmocka_unit_test_setup(while_there_is_plenty_an_address_has_more, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
