/*
 * Replies as bytes (RFC 959 section 4.2): "ddd text", or "ddd-text", lines, "ddd text". An inner
 * line that could be taken for the last one is indented. Bytes that would end a line early (CR,
 * LF) are shown as '?', 255 is doubled (it is IAC on this connection), and a pathname within
 * quotes has its quotes doubled (appendix II): no name of a file can forge a line of a reply.
 *
 * Pure. The caller owns the buffer. A text that does not fit is cut so that its line end stays,
 * and the lines of a longer reply leave REPLY_TEXT_KEPT bytes to its last one: a reply is always
 * whole, and the buffer never runs over. A buffer of REPLY_MAX holds any path within a line.
 */
#ifndef PROTOCOL_REPLY_TEXT_H
#define PROTOCOL_REPLY_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/view.h"

#define REPLY_TEXT_KEPT 128 /* for the line that ends a reply of several */

struct reply_text {
	char *at;
	size_t length; /* so far; 0 at the start */
	size_t size_bytes;
};

/* "code text CRLF". The format knows what printf knows. */
void reply_text_line(struct reply_text *reply, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void reply_text_line_v(struct reply_text *reply, int code, const char *format, va_list arguments)
	__attribute__((format(printf, 3, 0)));

/* "code-text CRLF": the first line of several. */
void reply_text_begin(struct reply_text *reply, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* " text CRLF": a line between, indented by one space (RFC 2389, RFC 3659). Returns false, with
 * nothing written, if it does not fit whole: half a line could name another file. */
bool reply_text_inner(struct reply_text *reply, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* 'code "path" text CRLF', the quotes within path doubled (RFC 959 appendix II). */
void reply_text_path(struct reply_text *reply, int code, struct view path, const char *text);

/* "code", a space, before, path and after with nothing between them, CRLF. The path stands as
 * it is but for CR, LF and IAC. */
void reply_text_name(struct reply_text *reply, int code, const char *before, struct view path,
		     const char *after);

#endif
