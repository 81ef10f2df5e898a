#include "protocol/octet_range.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void octets_are_read_as_far_as_they_go(void **state)
{
	int64_t octets = -1;

	(void)state;
	assert_int_equal(octets_parse(view_of("1234 x"), &octets), 4);
	assert_int_equal(octets, 1234);
	assert_int_equal(octets_parse(view_of("007"), &octets), 3);
	assert_int_equal(octets, 7);
	assert_int_equal(octets_parse(view_of(""), &octets), 0);
	assert_int_equal(octets_parse(view_of("-1"), &octets), 0);
	assert_int_equal(octets_parse(view_of("x"), &octets), 0);
	assert_int_equal(octets, 7);
}

static void octets_that_no_offset_holds_are_none(void **state)
{
	int64_t octets = -1;

	(void)state;
	assert_int_equal(octets_parse(view_of("9223372036854775799"), &octets), 19);
	assert_true(octets == 9223372036854775799);
	assert_int_equal(octets_parse(view_of("9223372036854775808"), &octets), 0);
	assert_int_equal(octets_parse(view_of("18446744073709551617"), &octets), 0);
	assert_int_equal(octets_parse(view_of("99999999999999999999999999"), &octets), 0);
}

static void a_range_is_two_numbers(void **state)
{
	int64_t first = -1;
	int64_t last = -1;

	(void)state;
	assert_int_equal(octet_range_parse(view_of("0 99"), &first, &last), 0);
	assert_int_equal(first, 0);
	assert_int_equal(last, 99);
	assert_int_equal(octet_range_parse(view_of("1 0"), &first, &last), 0);
	assert_int_equal(first, 1);
	assert_int_equal(last, 0);
}

static void what_is_not_two_numbers_is_refused(void **state)
{
	static const char *const texts[] = {
		"",
		" ",
		"1",
		"1 ",
		" 1 2",
		"1  2",
		"1 2 ",
		"1 2 3",
		"1,2",
		"-1 2",
		"1 -2",
		"1\t2",
		"a 2",
		"1 b",
		"1 2b",
		"1x 2",
		"1 9223372036854775808",
		"9223372036854775808 1",
	};
	int64_t first = 5;
	int64_t last = 6;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_int_equal(octet_range_parse(view_of(texts[i]), &first, &last), -EINVAL);
	assert_int_equal(first, 5);
	assert_int_equal(last, 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(octets_are_read_as_far_as_they_go),
		cmocka_unit_test(octets_that_no_offset_holds_are_none),
		cmocka_unit_test(a_range_is_two_numbers),
		cmocka_unit_test(what_is_not_two_numbers_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
