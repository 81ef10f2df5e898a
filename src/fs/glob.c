#include "fs/glob.h"

#include <errno.h>
#include <stdint.h>

#include "base/limits.h"

bool glob_is_pattern(struct view text)
{
	for (size_t i = 0; i < text.length; i++)
		if (text.at[i] == '*' || text.at[i] == '?' || text.at[i] == '[')
			return true;
	return false;
}

/* The byte of pattern that *at stands on, or the one after a backslash; moves *at past it. */
static uint8_t byte_take(struct view pattern, size_t *at)
{
	if (pattern.at[*at] == '\\' && *at + 1 < pattern.length)
		++*at;
	return (uint8_t)pattern.at[(*at)++];
}

/* Compares byte with the set whose '[' is just before at. Returns where the pattern goes on, or 0
 * if no ']' ends the set: the '[' is an ordinary byte then. */
static size_t set_compare(struct view pattern, size_t at, uint8_t byte, bool *ret_matches,
			  int *steps_left)
{
	bool inverted = at < pattern.length && (pattern.at[at] == '!' || pattern.at[at] == '^');
	bool matches = false;
	size_t first;

	if (inverted)
		at++;
	first = at; /* a ']' here is a member */
	while (at < pattern.length && (pattern.at[at] != ']' || at == first)) {
		uint8_t low = byte_take(pattern, &at);
		uint8_t high = low;

		if (at + 1 < pattern.length && pattern.at[at] == '-' && pattern.at[at + 1] != ']') {
			at++;
			high = byte_take(pattern, &at);
		}
		matches |= low <= byte && byte <= high;
		--*steps_left;
	}
	if (at >= pattern.length)
		return 0;
	*ret_matches = matches != inverted;
	return at + 1;
}

/* Compares one byte with the element of pattern at at, which is no star. Returns where the pattern
 * goes on, or 0 if they do not match. */
static size_t element_compare(struct view pattern, size_t at, char byte, int *steps_left)
{
	bool matches = false;
	size_t next;

	--*steps_left;
	if (pattern.at[at] == '?')
		return at + 1;
	if (pattern.at[at] == '[') {
		next = set_compare(pattern, at + 1, (uint8_t)byte, &matches, steps_left);
		if (next > 0)
			return matches ? next : 0;
	}
	return byte_take(pattern, &at) == (uint8_t)byte ? at : 0;
}

/* A shell wants the dot of a hidden name written, not matched by chance. */
static bool names_the_dot(struct view pattern)
{
	size_t at = 0;

	return pattern.length > 0 && pattern.at[0] != '*' && pattern.at[0] != '?' &&
	       pattern.at[0] != '[' && byte_take(pattern, &at) == '.';
}

static int pattern_compare(struct view pattern, struct view name, int *steps_left)
{
	bool starred = false;
	size_t after_star = 0; /* in pattern: behind the last star */
	size_t star_end = 0;   /* in name: where what the last star takes ends */
	size_t p = 0;
	size_t n = 0;

	if (name.length > 0 && name.at[0] == '.' && !names_the_dot(pattern))
		return 0;

	/* Going back to the last star alone suffices: whatever an earlier one might take more, the
	 * last one can take instead. */
	while (n < name.length || p < pattern.length) {
		size_t next = 0;

		if (*steps_left <= 0)
			return -E2BIG;
		if (p < pattern.length && pattern.at[p] == '*') {
			starred = true;
			after_star = ++p;
			star_end = n;
			continue;
		}
		if (n < name.length && p < pattern.length)
			next = element_compare(pattern, p, name.at[n], steps_left);
		if (next > 0) {
			p = next;
			n++;
			continue;
		}
		if (!starred || star_end == name.length)
			return 0;
		p = after_star;
		n = ++star_end;
	}
	return 1;
}

int glob_matches(struct view pattern, struct view name, uint64_t *steps)
{
	int steps_left = GLOB_STEPS_MAX;
	int r = pattern_compare(pattern, name, &steps_left);

	*steps += (uint64_t)(GLOB_STEPS_MAX - steps_left);
	return r;
}
