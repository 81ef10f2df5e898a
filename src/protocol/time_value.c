#include "protocol/time_value.h"

#include <errno.h>

#define SECONDS_MIN (-62167219200LL) /* 0000-01-01 00:00:00 */
#define SECONDS_MAX 253402300799LL   /* 9999-12-31 23:59:59 */
#define DAY_SECONDS 86400

/* A cycle of the calendar. Counting starts with 1 March of year -400: the leap day then ends a
 * year, and no number below is negative. */
#define CYCLE_YEARS 400
#define CYCLE_DAYS 146097
#define DAYS_TO_1970 (719468 + CYCLE_DAYS)

void time_value_calendar(int64_t seconds, struct calendar *ret_calendar)
{
	uint32_t days;
	uint32_t second;
	uint32_t cycle_day;
	uint32_t cycle_year;
	uint32_t year_day;
	uint32_t march_month; /* 0 is March */
	uint32_t month;

	if (seconds < SECONDS_MIN)
		seconds = SECONDS_MIN;
	if (seconds > SECONDS_MAX)
		seconds = SECONDS_MAX;
	seconds += (int64_t)DAYS_TO_1970 * DAY_SECONDS;
	days = (uint32_t)(seconds / DAY_SECONDS);
	second = (uint32_t)(seconds % DAY_SECONDS);

	cycle_day = days % CYCLE_DAYS;
	cycle_year = (cycle_day - cycle_day / 1460 + cycle_day / 36524 - cycle_day / 146096) / 365;
	year_day = cycle_day - (365 * cycle_year + cycle_year / 4 - cycle_year / 100);
	march_month = (5 * year_day + 2) / 153; /* five months from March are 153 days */
	month = march_month < 10 ? march_month + 3 : march_month - 9;

	*ret_calendar = (struct calendar){
		.year = (int)(days / CYCLE_DAYS * CYCLE_YEARS + cycle_year) - CYCLE_YEARS +
			(month <= 2),
		.month = (int)month,
		.day = (int)(year_day - (153 * march_month + 2) / 5 + 1),
		.hour = (int)(second / 3600),
		.minute = (int)(second / 60 % 60),
		.second = (int)(second % 60),
	};
}

static char *put_two(char *at, int number)
{
	at[0] = (char)('0' + number / 10);
	at[1] = (char)('0' + number % 10);
	return at + 2;
}

void time_value_format(int64_t seconds, char *ret_text)
{
	struct calendar calendar;

	time_value_calendar(seconds, &calendar);
	ret_text = put_two(ret_text, calendar.year / 100);
	ret_text = put_two(ret_text, calendar.year % 100);
	ret_text = put_two(ret_text, calendar.month);
	ret_text = put_two(ret_text, calendar.day);
	ret_text = put_two(ret_text, calendar.hour);
	ret_text = put_two(ret_text, calendar.minute);
	put_two(ret_text, calendar.second);
}

static bool is_digit(char byte)
{
	return byte >= '0' && byte <= '9';
}

/* The number of two digits at text. */
static int two_digits(const char *text)
{
	return 10 * (text[0] - '0') + (text[1] - '0');
}

static bool is_leap(int year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static bool calendar_is_valid(const struct calendar *calendar)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	if (calendar->month < 1 || calendar->month > 12 || calendar->day < 1)
		return false;
	if (calendar->day >
	    days[calendar->month - 1] + (calendar->month == 2 && is_leap(calendar->year)))
		return false;
	/* RFC 3659 section 2.3 allows second 60; it counts as the first of the next minute. */
	return calendar->hour <= 23 && calendar->minute <= 59 && calendar->second <= 60;
}

static int64_t calendar_seconds(const struct calendar *calendar)
{
	int year = calendar->year + CYCLE_YEARS - (calendar->month <= 2);
	int march_month = (calendar->month + 9) % 12;
	int days = year * 365 + year / 4 - year / 100 + year / 400 + (153 * march_month + 2) / 5 +
		   calendar->day - 1 - DAYS_TO_1970;

	return (int64_t)days * DAY_SECONDS + calendar->hour * 3600 + calendar->minute * 60 +
	       calendar->second;
}

static bool has_syntax(struct view text)
{
	if (text.length < TIME_VALUE_LENGTH || text.length == TIME_VALUE_LENGTH + 1)
		return false;
	if (text.length > TIME_VALUE_LENGTH && text.at[TIME_VALUE_LENGTH] != '.')
		return false;
	for (size_t i = 0; i < text.length; i++)
		if (i != TIME_VALUE_LENGTH && !is_digit(text.at[i]))
			return false;
	return true;
}

int time_value_parse(struct view text, int64_t *ret_seconds)
{
	struct calendar calendar;

	if (!has_syntax(text))
		return -EINVAL;
	calendar = (struct calendar){
		.year = 100 * two_digits(text.at) + two_digits(text.at + 2),
		.month = two_digits(text.at + 4),
		.day = two_digits(text.at + 6),
		.hour = two_digits(text.at + 8),
		.minute = two_digits(text.at + 10),
		.second = two_digits(text.at + 12),
	};
	if (!calendar_is_valid(&calendar))
		return -EINVAL;
	*ret_seconds = calendar_seconds(&calendar);
	return 0;
}
