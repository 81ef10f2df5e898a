#include "protocol/reply_text.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"

#define TELNET_IAC 255

/* A line under construction: it ends at limit at the latest, with room for CR LF behind. */
struct line {
	struct reply_text *reply;
	size_t limit;
	bool cut; /* something did not fit, so nothing more is put */
};

/* Begins a line that leaves kept bytes of the buffer alone. Returns false if there is no room
 * for a code and an empty text. */
static bool line_begin(struct reply_text *reply, size_t kept, struct line *ret_line)
{
	if (reply->size_bytes - reply->length < 4 + 2 + kept)
		return false;
	*ret_line = (struct line){ reply, reply->size_bytes - 2 - kept, false };
	return true;
}

/* Puts the byte count times or not at all: half an escape would mean something else. */
static void line_put(struct line *line, char byte, size_t count)
{
	struct reply_text *reply = line->reply;

	if (line->cut || line->limit - reply->length < count) {
		line->cut = true;
		return;
	}
	for (size_t i = 0; i < count; i++)
		reply->at[reply->length++] = byte;
}

static void line_put_code(struct line *line, int code, char separator)
{
	line_put(line, (char)('0' + code / 100 % 10), 1);
	line_put(line, (char)('0' + code / 10 % 10), 1);
	line_put(line, (char)('0' + code % 10), 1);
	line_put(line, separator, 1);
}

/* Puts bytes that mean nothing, as many as fit. */
static void line_put_plain(struct line *line, const char *bytes, size_t count)
{
	struct reply_text *reply = line->reply;

	if (line->cut)
		return;
	if (count > line->limit - reply->length) {
		count = line->limit - reply->length;
		line->cut = true;
	}
	memcpy(reply->at + reply->length, bytes, count);
	reply->length += count;
}

static void line_put_text(struct line *line, struct view text, bool in_quotes)
{
	size_t plain = 0;

	for (size_t i = 0; i < text.length; i++) {
		char byte = text.at[i];
		bool twice = (uint8_t)byte == TELNET_IAC || (in_quotes && byte == '"');
		bool ends = byte == '\r' || byte == '\n';

		if (!twice && !ends)
			continue;
		line_put_plain(line, text.at + plain, i - plain);
		line_put(line, ends ? '?' : byte, twice ? 2 : 1);
		plain = i + 1;
	}
	line_put_plain(line, text.at + plain, text.length - plain);
}

static void line_put_bounded(struct line *line, const char *text, size_t length)
{
	bool is_cut = length >= REPLY_MAX;

	line_put_text(line, (struct view){ text, is_cut ? REPLY_MAX - 1 : length }, false);
	line->cut |= is_cut;
}

__attribute__((format(printf, 2, 0))) static void line_put_format(struct line *line,
								  const char *format,
								  va_list arguments)
{
	char text[REPLY_MAX];
	const char *words;
	int length;

	if (!strchr(format, '%') || strcmp(format, "%s") == 0) { /* as most are */
		/* NOLINTNEXTLINE: the caller has begun them */
		words = *format == '%' ? va_arg(arguments, const char *) : format;
		line_put_bounded(line, words, strlen(words));
		return;
	}
	length = vsnprintf(text, sizeof(text), format, arguments);
	if (length >= 0)
		line_put_bounded(line, text, (size_t)length);
}

static void line_end(struct line *line)
{
	struct reply_text *reply = line->reply;

	reply->at[reply->length++] = '\r';
	reply->at[reply->length++] = '\n';
}

void reply_text_line_v(struct reply_text *reply, int code, const char *format, va_list arguments)
{
	struct line line;

	if (!line_begin(reply, 0, &line))
		return;
	line_put_code(&line, code, ' ');
	line_put_format(&line, format, arguments);
	line_end(&line);
}

void reply_text_line(struct reply_text *reply, int code, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	reply_text_line_v(reply, code, format, arguments);
	va_end(arguments);
}

void reply_text_begin(struct reply_text *reply, int code, const char *format, ...)
{
	va_list arguments;
	struct line line;

	if (!line_begin(reply, REPLY_TEXT_KEPT, &line))
		return;
	line_put_code(&line, code, '-');
	va_start(arguments, format);
	line_put_format(&line, format, arguments);
	va_end(arguments);
	line_end(&line);
}

bool reply_text_inner(struct reply_text *reply, const char *format, ...)
{
	size_t start = reply->length;
	va_list arguments;
	struct line line;

	if (!line_begin(reply, REPLY_TEXT_KEPT, &line))
		return false;
	line_put(&line, ' ', 1);
	va_start(arguments, format);
	line_put_format(&line, format, arguments);
	va_end(arguments);
	if (line.cut) {
		reply->length = start;
		return false;
	}
	line_end(&line);
	return true;
}

void reply_text_path(struct reply_text *reply, int code, struct view path, const char *text)
{
	struct line line;

	if (!line_begin(reply, 0, &line))
		return;
	line_put_code(&line, code, ' ');
	line_put(&line, '"', 1);
	line_put_text(&line, path, true);
	line_put(&line, '"', 1);
	line_put(&line, ' ', 1);
	line_put_text(&line, view_of(text), false);
	line_end(&line);
}

void reply_text_name(struct reply_text *reply, int code, const char *before, struct view path,
		     const char *after)
{
	struct line line;

	if (!line_begin(reply, 0, &line))
		return;
	line_put_code(&line, code, ' ');
	line_put_text(&line, view_of(before), false);
	line_put_text(&line, path, false);
	line_put_text(&line, view_of(after), false);
	line_end(&line);
}
