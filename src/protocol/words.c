#include "protocol/words.h"

#include <errno.h>

/* Cuts a word in marks off *rest, whose first byte is a mark. Returns its length at ret_bytes, or
 * -EINVAL. */
static int word_cut_quoted(struct view *rest, char *ret_bytes)
{
	struct view left = view_skip(*rest, 1);
	int length = 0;

	while (left.length > 0) {
		char byte = left.at[0];

		left = view_skip(left, 1);
		if (byte == '"') {
			if (left.length == 0 || left.at[0] == ' ') {
				*rest = left;
				return length;
			}
			if (left.at[0] != '"')
				return -EINVAL;
			left = view_skip(left, 1);
		}
		ret_bytes[length++] = byte;
	}
	return -EINVAL;
}

static int word_cut_plain(struct view *rest, char *ret_bytes)
{
	int length = 0;

	while (rest->length > 0 && rest->at[0] != ' ') {
		ret_bytes[length++] = rest->at[0];
		*rest = view_skip(*rest, 1);
	}
	return length;
}

int words_parse(struct view text, char *ret_bytes, struct view *ret_words, int words_max)
{
	int count = 0;

	for (;;) {
		int length;

		while (text.length > 0 && text.at[0] == ' ')
			text = view_skip(text, 1);
		if (text.length == 0)
			return count;
		if (count == words_max)
			return -E2BIG;
		length = text.at[0] == '"' ? word_cut_quoted(&text, ret_bytes)
					   : word_cut_plain(&text, ret_bytes);
		if (length < 0)
			return length;
		ret_words[count++] = (struct view){ ret_bytes, (size_t)length };
		ret_bytes += length;
	}
}
