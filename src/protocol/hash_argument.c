#include "protocol/hash_argument.h"

#include <errno.h>

#include "protocol/octet_range.h"

#define NUMBERS_MAX 2

static bool is_between(char byte)
{
	return byte == ' ' || byte == ',' || byte == ';';
}

/* Cuts the last number and what is between it and the rest off *text. False: there is none. */
static bool number_cut_last(struct view *text, int64_t *ret_number)
{
	size_t at = text->length;
	size_t digits;

	while (at > 0 && text->at[at - 1] >= '0' && text->at[at - 1] <= '9')
		at--;
	digits = text->length - at;
	if (digits == 0 || at == 0 || !is_between(text->at[at - 1]) ||
	    octets_parse(view_skip(*text, at), ret_number) != digits)
		return false;
	while (at > 0 && is_between(text->at[at - 1]))
		at--;
	text->length = at;
	return true;
}

/* Takes exactly count numbers off the end of *text. */
static bool numbers_cut(struct view *text, int count, struct hash_argument *argument)
{
	if (count == 2 && !number_cut_last(text, &argument->last))
		return false;
	return count == 0 || number_cut_last(text, &argument->first);
}

/* What stands between two quotes at the beginning of text into buffer. Returns how much of text that
 * takes with its quotes, or 0. */
static size_t quoted_take(struct view text, char *buffer, size_t *ret_length)
{
	size_t length = 0;

	if (text.length < 2 || text.at[0] != '"')
		return 0;
	for (size_t at = 1; at < text.length; at++) {
		if (text.at[at] == '"') {
			if (at + 1 == text.length || text.at[at + 1] != '"') {
				*ret_length = length;
				return at + 1;
			}
			at++;
		}
		buffer[length++] = text.at[at];
	}
	return 0;
}

static int quoted_parse(struct view text, bool numbers, char *buffer,
			struct hash_argument *argument)
{
	size_t length = 0;
	size_t used = quoted_take(text, buffer, &length);
	struct view rest = view_skip(text, used);
	bool read = rest.length == 0;

	for (int count = 1; count <= NUMBERS_MAX && numbers && !read; count++) {
		struct view left = rest;

		*argument = (struct hash_argument){ .last = -1 };
		read = numbers_cut(&left, count, argument) && left.length == 0;
	}
	if (length == 0 || !read)
		return -ENOENT;
	argument->path = (struct view){ buffer, length };
	return 0;
}

int hash_argument_parse(struct view argument, enum hash_reading reading, bool numbers, char *buffer,
			struct hash_argument *ret_argument)
{
	struct hash_argument read = { .path = argument, .last = -1 };
	int count = reading == HASH_READING_TWO ? 2 : reading == HASH_READING_ONE ? 1 : 0;

	if (reading == HASH_READING_QUOTED) {
		if (quoted_parse(argument, numbers, buffer, &read) < 0)
			return -ENOENT;
	} else if ((count > 0 && !numbers) || !numbers_cut(&read.path, count, &read) ||
		   read.path.length == 0) {
		return -ENOENT;
	}
	if (read.last >= 0 && read.last < read.first)
		return -EINVAL;
	*ret_argument = read;
	return 0;
}
