#include "server/admission.h"

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "net/address.h"
#include "sys/calls.h"

static const struct address alice = { .v4 = { .sin_family = AF_INET, .sin_addr.s_addr = 1 } };
static const struct address bob = { .v4 = { .sin_family = AF_INET, .sin_addr.s_addr = 2 } };

static struct admission *admission_of(unsigned workers, unsigned all, unsigned each)
{
	struct admission *admission;

	assert_int_equal(admission_new(workers, all, each, &admission), 0);
	return admission;
}

static void sessions_are_dealt_evenly(void **state)
{
	struct admission *admission = admission_of(3, 100, 100);
	unsigned of_worker[3] = { 0 };

	(void)state;
	for (int i = 0; i < 9; i++)
		of_worker[admission_enter(admission, &alice, 0)]++;
	for (int i = 0; i < 3; i++)
		assert_int_equal(of_worker[i], 3);
	admission_free(admission);
}

static void the_worker_with_the_fewest_gets_the_next(void **state)
{
	struct admission *admission = admission_of(3, 100, 100);

	(void)state;
	for (int i = 0; i < 6; i++)
		assert_true(admission_enter(admission, &alice, 0) >= 0);
	admission_leave(admission, &alice, 1);
	assert_int_equal(admission_enter(admission, &bob, 0), 1);
	admission_free(admission);
}

static struct address ipv6(const char *text)
{
	struct address address = { .v6 = { .sin6_family = AF_INET6 } };

	assert_int_equal(inet_pton(AF_INET6, text, &address.v6.sin6_addr), 1);
	return address;
}

static void an_ipv6_network_of_64_bits_counts_as_one_address(void **state)
{
	struct admission *admission = admission_of(1, 100, 2);
	struct address one = ipv6("2001:db8:1:2::1"), same = ipv6("2001:db8:1:2:ffff::2");
	struct address other = ipv6("2001:db8:1:3::1");
	struct address near = ipv6("fe80::1"), beside_it = ipv6("fe80::2");

	(void)state;
	assert_int_equal(admission_enter(admission, &one, 0), 0);
	assert_int_equal(admission_enter(admission, &same, 0), 0);
	assert_int_equal(admission_enter(admission, &one, 0), -EDQUOT);
	assert_int_equal(admission_enter(admission, &other, 0), 0);
	admission_leave(admission, &same, 0);
	assert_int_equal(admission_enter(admission, &one, 0), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(admission_enter(admission, &near, 0), 0);
		assert_int_equal(admission_enter(admission, &beside_it, 0), 0);
	}
	admission_free(admission);
}

static void whoever_accepted_keeps_it_if_no_other_has_fewer(void **state)
{
	struct admission *admission = admission_of(3, 100, 100);

	(void)state;
	assert_int_equal(admission_enter(admission, &alice, 2), 2);
	assert_int_equal(admission_enter(admission, &alice, 1), 1);
	assert_int_equal(admission_enter(admission, &alice, 2), 0);
	assert_int_equal(admission_enter(admission, &alice, 2), 2);
	admission_free(admission);
}

static void a_full_server_says_so_until_somebody_leaves(void **state)
{
	struct admission *admission = admission_of(2, 2, 10);

	(void)state;
	assert_int_equal(admission_enter(admission, &alice, 0), 0);
	assert_int_equal(admission_enter(admission, &bob, 0), 1);
	assert_int_equal(admission_enter(admission, &bob, 0), -EUSERS);
	assert_int_equal(admission_count(admission), 2);
	admission_leave(admission, &alice, 0);
	assert_int_equal(admission_enter(admission, &bob, 0), 0);
	admission_free(admission);
}

static void an_address_gets_its_share_and_no_more(void **state)
{
	struct admission *admission = admission_of(1, 100, 2);
	struct address other_port = alice;

	(void)state;
	other_port.v4.sin_port = 4711;
	assert_int_equal(admission_enter(admission, &alice, 0), 0);
	assert_int_equal(admission_enter(admission, &other_port, 0), 0);
	assert_int_equal(admission_enter(admission, &alice, 0), -EDQUOT);
	assert_int_equal(admission_enter(admission, &bob, 0), 0);
	admission_leave(admission, &other_port, 0);
	assert_int_equal(admission_enter(admission, &alice, 0), 0);
	assert_int_equal(admission_count(admission), 3);
	admission_free(admission);
}

static void *nothing_allocated(size_t size_bytes)
{
	(void)size_bytes;
	return NULL;
}

static void without_memory_nobody_new_is_counted(void **state)
{
	struct admission *admission = admission_of(1, 100, 2);
	struct calls spoilt = calls_real;

	(void)state;
	spoilt.allocate = nothing_allocated;
	calls = &spoilt;
	assert_int_equal(admission_enter(admission, &alice, 0), -ENOMEM);
	calls = &calls_real;
	assert_int_equal(admission_count(admission), 0);
	admission_free(admission);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sessions_are_dealt_evenly),
		cmocka_unit_test(the_worker_with_the_fewest_gets_the_next),
		cmocka_unit_test(whoever_accepted_keeps_it_if_no_other_has_fewer),
		cmocka_unit_test(a_full_server_says_so_until_somebody_leaves),
		cmocka_unit_test(an_address_gets_its_share_and_no_more),
		cmocka_unit_test(an_ipv6_network_of_64_bits_counts_as_one_address),
		cmocka_unit_test(without_memory_nobody_new_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
