/*
 * Text from a server made safe for a terminal: control characters (C0, DEL, and C1 in UTF-8),
 * bytes that are no UTF-8, line separators and what turns the direction of writing are shown as
 * \xNN, each byte of such a character by itself. All other text stays as it is, a backslash too:
 * this is for people to read, and JSON for programs.
 *
 * Line ends are control characters: who shows several lines hands them in one by one.
 *
 * Pure.
 */
#ifndef CLIENT_PRINTABLE_H
#define CLIENT_PRINTABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/view.h"

/* What length bytes of text may take, with the NUL. */
#define PRINTABLE_BYTES(length) (4 * (length) + 1)

/* Writes text and a NUL into ret_text[0 .. size_bytes), size_bytes being at least 1. What does not
 * fit is cut, between two characters. Returns the length without the NUL. */
size_t printable_text(struct view text, char *ret_text, size_t size_bytes);

/* The character at the start of text: its length and its code point. False, with a length of 1: a byte
 * that begins none of UTF-8 (RFC 3629 section 4). */
bool printable_read(struct view text, size_t *ret_length, uint32_t *ret_point);

/* Whether a terminal shows a character as itself, where it stands. */
bool printable_is_shown(uint32_t point);

#endif
