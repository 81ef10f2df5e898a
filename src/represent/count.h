/*
 * How many octets a file has under a representation (RFC 3659 section 4): what SIZE says, and what
 * a restart point must lie within.
 *
 * Thread:    a count is one thread's at a time. A step blocks on the disk: for job threads.
 */
#ifndef REPRESENT_COUNT_H
#define REPRESENT_COUNT_H

#include <stdint.h>

#include "represent/representation.h"

/* So many octets of a file are converted at a time, by whoever sends it too: where blocks end
 * depends on it. (What is deflated has no blocks, and comes out the same however it goes in.) */
#define CONVERT_BYTES 163840

/* Whether it is known without looking into the file: the size itself. */
bool count_is_size(const struct representation *representation);

/* A count under way: it goes on where the last step has stopped, so that whoever counts a large file
 * lets others of its disk in between. */
struct count;

/* Begins to count a file of size_bytes; MODE Z counts what is deflated. file stays the caller's. Returns
 * 0; -EFBIG: more than SIZE_COUNT_BYTES_MAX would have to be read; or -ENOMEM. */
int count_new(const struct representation *representation, int file, int64_t size_bytes,
	      struct count **ret_count);
void count_free(struct count *count);

/* Counts slice_bytes of the file, or somewhat more. Returns 0 at its end, -EINPROGRESS before it, or
 * another negative errno (-EIO too for a file that has become shorter, -EFBIG for pages with more
 * data than SIZE_COUNT_BYTES_MAX). */
int count_step(struct count *count, int64_t slice_bytes);

/* The octets, once a step has returned 0. */
int64_t count_octets(const struct count *count);

#endif
