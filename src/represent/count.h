/*
 * How many octets a file has under a representation (RFC 3659 section 4): what SIZE says, and what
 * a restart point must lie within.
 *
 * Blocks on the disk: for job threads.
 */
#ifndef REPRESENT_COUNT_H
#define REPRESENT_COUNT_H

#include <stdint.h>

#include "represent/representation.h"

/* So many octets of a file are converted at a time, by whoever sends it too: where blocks end
 * depends on it. */
#define CONVERT_BYTES 98304

/* Whether it is known without looking into the file: the size itself. */
bool count_is_size(const struct representation *representation);

/* Counts; MODE Z counts what is deflated. Returns the octets; -EFBIG: the file is larger than
 * SIZE_COUNT_BYTES_MAX; -EOPNOTSUPP: STRU P, where it depends on holes; or another negative
 * errno. */
int64_t count_octets(const struct representation *representation, int file, int64_t size_bytes);

#endif
