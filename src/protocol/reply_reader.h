/*
 * Replies as the user-PI reads them (RFC 959 section 4.2): "ddd text", or "ddd-text", any lines,
 * "ddd text" with the same code. The bytes come from a server that is not trusted, in pieces of
 * any size; what they say is bounded before it is kept.
 *
 * Lines end with LF, a CR before it is dropped; NUL is a byte like any other. Telnet commands are
 * taken out before (protocol/telnet.h), since a server doubles the byte 255.
 *
 * Pure: no I/O, no memory of its own. The reader is large and its buffer is touched only as far
 * as replies reach; whoever holds thousands of them does not fill it with zeros.
 */
#ifndef PROTOCOL_REPLY_READER_H
#define PROTOCOL_REPLY_READER_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/limits.h"
#include "base/view.h"

struct reply_reader {
	/* The reply that was read last: 100 to 599, and its lines without their line ends, with LF
	 * between them. "ddd " and "ddd-" at the start of a line are taken off where ddd is the code,
	 * so that the text of a reply is the same in each style in which servers write one; other
	 * lines stand as they came. The text lies within the reader. */
	int code;
	struct view text;

	/* The rest is the reader's own. */
	size_t length;	   /* bytes of buffer in use */
	size_t line_start; /* where in the buffer the line begins that is being read */
	bool is_inner;	   /* a first line "ddd-" has been read */
	bool is_ready;	   /* the next call begins a new reply */
	char buffer[REPLY_READ_MAX];
};

/* A reader before the first byte of a connection. */
void reply_reader_init(struct reply_reader *reader);

/* Takes bytes until one reply is whole. Returns how many were used, all of them while the reply is
 * incomplete; *ret_ready tells whether reader->code and reader->text are a reply, which stays
 * until the next call. Returns -EPROTO if this is no reply: a line that does not begin with a code
 * of 100 to 599 where one must, a line over REPLY_LINE_MAX or a reply over REPLY_READ_MAX bytes;
 * nothing after it can be made sense of, so the connection is to be closed. */
ssize_t reply_reader_take(struct reply_reader *reader, struct view bytes, bool *ret_ready);

#endif
