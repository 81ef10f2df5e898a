#include "protocol/time_value.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <time.h>

#include <cmocka.h>

#define VIEW(text) ((struct view){ (text), sizeof(text) - 1 })

/* Seconds by hand: days since 1970 * 86400 + second of the day. */
static const struct {
	int64_t seconds;
	const char *text;
} pairs[] = {
	{ 0, "19700101000000" },
	{ -1, "19691231235959" },
	{ 86399, "19700101235959" },
	{ 951782400LL, "20000229000000" }, /* 11016 days: 400 divides 2000, a leap year */
	{ 951868799LL, "20000229235959" },
	{ 951868800LL, "20000301000000" },
	{ 1000000000LL, "20010909014640" },
	{ 2147483648LL, "20380119031408" }, /* past 31 bits */
	{ 4107542400LL, "21000301000000" }, /* 47541 days: 2100 is no leap year */
	{ 4107542399LL, "21000228235959" },
	{ -2203891200LL, "19000301000000" }, /* -25508 days */
	{ -62135596800LL, "00010101000000" },
	{ -62162035201LL, "00000229235959" }, /* year 0 is a leap year */
	{ -62167219200LL, "00000101000000" },
	{ 253402300799LL, "99991231235959" },
};

static void assert_text(int64_t seconds, const char *wanted)
{
	char text[TIME_VALUE_LENGTH + 2] = "***************";

	time_value_format(seconds, text);
	assert_memory_equal(text, wanted, TIME_VALUE_LENGTH);
	assert_int_equal(text[TIME_VALUE_LENGTH], '*');
}

static void format_and_parse_know_the_calendar(void **state)
{
	int64_t seconds;

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		assert_text(pairs[i].seconds, pairs[i].text);
		assert_int_equal(time_value_parse(view_of(pairs[i].text), &seconds), 0);
		assert_int_equal(seconds, pairs[i].seconds);
	}
}

static void format_clamps_what_has_no_four_digit_year(void **state)
{
	(void)state;
	assert_text(-62167219201LL, "00000101000000");
	assert_text(INT64_MIN, "00000101000000");
	assert_text(253402300800LL, "99991231235959");
	assert_text(INT64_MAX, "99991231235959");
}

static void calendar_agrees_with_gmtime_on_every_day(void **state)
{
	(void)state;
	for (int64_t day = -719528; day <= 2932896; day += 1) {
		time_t seconds = day * 86400 + (day & 0xffff);
		struct calendar calendar;
		struct tm tm;

		gmtime_r(&seconds, &tm);
		time_value_calendar(seconds, &calendar);
		if (calendar.year != tm.tm_year + 1900 || calendar.month != tm.tm_mon + 1 ||
		    calendar.day != tm.tm_mday || calendar.hour != tm.tm_hour ||
		    calendar.minute != tm.tm_min || calendar.second != tm.tm_sec)
			fail_msg("day %ld", (long)day);
	}
}

static void format_and_parse_are_a_round_trip_on_every_day(void **state)
{
	(void)state;
	for (int64_t day = -719528; day <= 2932896; day += 1) {
		int64_t seconds = day * 86400 + (day & 0xffff);
		char text[TIME_VALUE_LENGTH];
		int64_t back = 0;

		time_value_format(seconds, text);
		if (time_value_parse((struct view){ text, sizeof(text) }, &back) < 0 ||
		    back != seconds)
			fail_msg("day %ld", (long)day);
	}
}

static void parse_drops_fractions(void **state)
{
	int64_t seconds;

	(void)state;
	assert_int_equal(time_value_parse(VIEW("19700101000001.9"), &seconds), 0);
	assert_int_equal(seconds, 1);
	assert_int_equal(time_value_parse(VIEW("19700101000002.123456789012345678"), &seconds), 0);
	assert_int_equal(seconds, 2);
}

static void parse_takes_a_leap_second_as_the_next_minute(void **state)
{
	int64_t seconds;

	(void)state;
	assert_int_equal(time_value_parse(VIEW("19700101000060"), &seconds), 0);
	assert_int_equal(seconds, 60);
}

static void parse_refuses_other_syntax_and_impossible_days(void **state)
{
	static const struct view texts[] = {
		VIEW(""),
		VIEW("1970010100000"),
		VIEW("197001010000000"),
		VIEW("19700101000000."),
		VIEW("19700101000000,5"),
		VIEW("19700101000000.5x"),
		VIEW("1970010100000a"),
		VIEW(" 19700101000000"),
		VIEW("19700101000000 "),
		VIEW("-9700101000000"),
		VIEW("19700001000000"),
		VIEW("19701301000000"),
		VIEW("19700100000000"),
		VIEW("19700132000000"),
		VIEW("19700431000000"),
		VIEW("19700229000000"),
		VIEW("19000229000000"),
		VIEW("20000230000000"),
		VIEW("19700101240000"),
		VIEW("19700101006000"),
		VIEW("19700101000061"),
		VIEW("1910099120000000"),
		VIEW("19700101000000\0"),
	};
	int64_t seconds = 7;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_int_equal(time_value_parse(texts[i], &seconds), -EINVAL);
	assert_int_equal(seconds, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(format_and_parse_know_the_calendar),
		cmocka_unit_test(format_clamps_what_has_no_four_digit_year),
		cmocka_unit_test(calendar_agrees_with_gmtime_on_every_day),
		cmocka_unit_test(format_and_parse_are_a_round_trip_on_every_day),
		cmocka_unit_test(parse_drops_fractions),
		cmocka_unit_test(parse_takes_a_leap_second_as_the_next_minute),
		cmocka_unit_test(parse_refuses_other_syntax_and_impossible_days),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
