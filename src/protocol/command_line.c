#include "protocol/command_line.h"

#include <errno.h>
#include <string.h>

size_t command_line_find(struct view bytes, struct view *ret_line)
{
	const char *end;
	size_t length;

	end = bytes.length > 0 ? memchr(bytes.at, '\n', bytes.length) : NULL;
	if (!end)
		return 0;
	length = (size_t)(end - bytes.at);
	*ret_line = (struct view){ bytes.at, length };
	if (length > 0 && bytes.at[length - 1] == '\r')
		ret_line->length--;
	return length + 1;
}

static bool is_letter(char byte)
{
	return (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z');
}

static bool is_of_verb(char byte, bool first)
{
	return is_letter(byte) || (!first && byte >= '0' && byte <= '9');
}

static char upper_case(char byte)
{
	return is_letter(byte) ? (char)(byte & ~0x20) : byte;
}

static bool is_refused(char byte)
{
	return byte == '\0' || byte == '\r' || byte == '\n';
}

int command_line_parse(struct view line, struct command_line *ret_command)
{
	struct command_line command = { .argument = { "", 0 } };
	size_t length = 0;

	for (size_t i = 0; i < line.length; i++)
		if (is_refused(line.at[i]))
			return -EINVAL;

	while (length < line.length && length < COMMAND_VERB_MAX &&
	       is_of_verb(line.at[length], length == 0)) {
		command.verb[length] = upper_case(line.at[length]);
		length++;
	}
	if (length == 0)
		return -ENOENT;
	if (length < line.length) {
		if (line.at[length] != ' ')
			return -ENOENT;
		command.argument = view_skip(line, length + 1);
		command.has_argument = true;
	}
	*ret_command = command;
	return 0;
}
