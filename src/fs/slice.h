/*
 * A bounded piece of a copy from one file to another within the kernel, or, where it cannot (from
 * one file system to another, old kernels), through a buffer. A copy of any length is made of
 * these: between two of them others have the job thread, and whoever wishes the copy may change
 * his mind.
 *
 * Thread: a job thread's; it blocks.
 */
#ifndef FS_SLICE_H
#define FS_SLICE_H

#include <stdint.h>
#include <sys/types.h>

#define SLICE_BYTES 16777216 /* of one piece, at the most, but for a hole */
#define SLICE_TO_THE_END INT64_MAX

/* Copies at most size_bytes to where to has nothing yet; a large hole stays one, and is passed at
 * once. Returns how many bytes were copied, 0 at the end of from, or a negative errno. */
ssize_t slice_copy(int from, off_t from_offset, int to, off_t to_offset, size_t size_bytes);

#endif
