/*
 * Times of RFC 3659 section 2.3: "YYYYMMDDHHMMSS", UTC. Calendar arithmetic of our own, since
 * timegm(3) and gmtime_r(3) may read the environment and the zone file, and are a dozen times
 * slower than a listing of 100,000 lines can afford.
 *
 * Pure; the whole proleptic Gregorian calendar of years 0 to 9999, times outside are clamped.
 */
#ifndef PROTOCOL_TIME_VALUE_H
#define PROTOCOL_TIME_VALUE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/view.h"

#define TIME_VALUE_LENGTH 14

struct calendar {
	int year;
	int month; /* 1 to 12 */
	int day;
	int hour;
	int minute;
	int second;
};

/* The day and time of seconds since 1970. */
void time_value_calendar(int64_t seconds, struct calendar *ret_calendar);

/* Writes TIME_VALUE_LENGTH digits, no NUL. */
void time_value_format(int64_t seconds, char *ret_text);

/* Reads a whole time-val, fractions allowed and dropped; a leap second (60) counts as the first
 * of the next minute. Returns 0, or -EINVAL for bad syntax or a day that no calendar has. */
int time_value_parse(struct view text, int64_t *ret_seconds);

#endif
