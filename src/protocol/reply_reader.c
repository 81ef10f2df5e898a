#include "protocol/reply_reader.h"

#include <errno.h>

#define CODE_DIGITS 3
#define PREFIX_LENGTH (CODE_DIGITS + 1) /* "ddd " or "ddd-" */

static void reply_begin(struct reply_reader *reader)
{
	reader->code = 0;
	reader->text = (struct view){ reader->buffer, 0 };
	reader->length = 0;
	reader->line_start = 0;
	reader->is_inner = false;
	reader->is_ready = false;
}

void reply_reader_init(struct reply_reader *reader)
{
	reply_begin(reader);
}

/* The code at the start of a line, or -EPROTO. */
static int code_parse(struct view line)
{
	int code = 0;

	if (line.length < CODE_DIGITS)
		return -EPROTO;
	for (size_t i = 0; i < CODE_DIGITS; i++) {
		if (line.at[i] < '0' || line.at[i] > '9')
			return -EPROTO;
		code = 10 * code + (line.at[i] - '0');
	}
	return code >= 100 && code <= 599 ? code : -EPROTO;
}

static int bytes_append(struct reply_reader *reader, const char *bytes, size_t length)
{
	if (length > sizeof(reader->buffer) - reader->length ||
	    length + (reader->length - reader->line_start) > REPLY_LINE_MAX)
		return -EPROTO;
	memcpy(reader->buffer + reader->length, bytes, length);
	reader->length += length;
	return 0;
}

/* The line that is whole now, without its CR. */
static struct view line_whole(struct reply_reader *reader)
{
	struct view line = { reader->buffer + reader->line_start,
			     reader->length - reader->line_start };

	if (line.length > 0 && line.at[line.length - 1] == '\r')
		line.length--;
	return line;
}

/* Takes the line that has become whole. Returns 1 if it is the last one of its reply, 0 if it is
 * not, or -EPROTO. */
static int line_take(struct reply_reader *reader)
{
	struct view line = line_whole(reader);
	int code = code_parse(line);
	/* A first line may be a code alone: some servers send no text, and no space before it. */
	char mark = line.length >= PREFIX_LENGTH ? line.at[CODE_DIGITS] : '\n';
	size_t prefix = 0;

	if (!reader->is_inner) {
		if (line.length == CODE_DIGITS)
			mark = ' ';
		if (code < 0 || (mark != ' ' && mark != '-'))
			return -EPROTO;
		reader->code = code;
		reader->is_inner = true;
	}
	if (code != reader->code)
		mark = '\n';
	if (mark == ' ' || mark == '-')
		prefix = line.length < PREFIX_LENGTH ? line.length : PREFIX_LENGTH;

	memmove(reader->buffer + reader->line_start, line.at + prefix, line.length - prefix);
	reader->length = reader->line_start + line.length - prefix;
	return mark == ' ';
}

/* Makes room for the line after an inner one. */
static int line_next(struct reply_reader *reader)
{
	if (reader->length == sizeof(reader->buffer))
		return -EPROTO;
	reader->buffer[reader->length++] = '\n';
	reader->line_start = reader->length;
	return 0;
}

ssize_t reply_reader_take(struct reply_reader *reader, struct view bytes, bool *ret_ready)
{
	struct view rest = bytes;

	if (reader->is_ready)
		reply_begin(reader);

	while (rest.length > 0 && !reader->is_ready) {
		const char *end = memchr(rest.at, '\n', rest.length);
		size_t length = end ? (size_t)(end - rest.at) : rest.length;
		int r;

		r = bytes_append(reader, rest.at, length);
		if (r < 0)
			return r;
		rest = view_skip(rest, end ? length + 1 : length);
		if (!end)
			break;

		r = line_take(reader);
		if (r == 0)
			r = line_next(reader);
		else if (r > 0)
			reader->is_ready = true;
		if (r < 0)
			return r;
	}
	if (reader->is_ready)
		reader->text.length = reader->length;
	*ret_ready = reader->is_ready;
	return (ssize_t)(bytes.length - rest.length);
}
