/*
 * TYPE A on the way to and from a file whose lines end with LF (RFC 959 section 3.1.1.1): every LF
 * becomes CR LF and back. Strict and invertible: a CR that stands before an LF in the file is
 * sent as well, and comes back as it was.
 *
 * Pure functions over bytes; callable from any thread.
 */
#ifndef TRANSLATE_ASCII_H
#define TRANSLATE_ASCII_H

#include <stdbool.h>
#include <stddef.h>

/* LF -> CR LF. to has room for 2 * length bytes and does not overlap. Returns the bytes written. */
size_t ascii_to_network(const char *from, size_t length, char *to);

/* CR LF -> LF. *carriage carries a CR at the end of one buffer over to the next (false at the
 * start); last: no more comes, so a CR that is held is written. to has room for length + 1 bytes
 * and does not overlap. Returns the bytes written. */
size_t ascii_from_network(const char *from, size_t length, bool last, bool *carriage, char *to);

#endif
