/*
 * Numbers of octets in arguments, and the two of a range: "first last", both decimal and both
 * inclusive (draft-bryan-ftp-range-08 section 3).
 *
 * Pure: bytes in, value out, callable from any thread.
 */
#ifndef PROTOCOL_OCTET_RANGE_H
#define PROTOCOL_OCTET_RANGE_H

#include <stdint.h>

#include "base/view.h"

/* The decimal number that text begins with. Returns the characters it takes; 0 if there is none, or
 * none to which one could be added as a file offset. */
size_t octets_parse(struct view text, int64_t *ret_octets);

/* Returns 0, or -EINVAL if text is not exactly two numbers and a space between. Which of them is the
 * greater is the caller's to look at. */
int octet_range_parse(struct view text, int64_t *ret_first, int64_t *ret_last);

#endif
