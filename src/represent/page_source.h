/*
 * Which pages of a file are sent under STRU P (RFC 959 section 3.1.2.3): those that hold data. A page
 * that lies in a hole is left out, unless what that does to the file's size could not be described.
 *
 * Thread:    any. All of this may block on the disk: for job threads.
 */
#ifndef REPRESENT_PAGE_SOURCE_H
#define REPRESENT_PAGE_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "represent/representation.h"

/* Whether the size, end, does not follow from the pages that are sent: the file, which is not empty,
 * is no whole number of logical bytes, or ends in a hole. Then it is described (stages_describe). */
bool page_source_describes(const struct representation *representation, int file, off_t end);

/* Reads the next pages that hold data, whole ones but at the end, into buffer, which has room for one
 * page at least; from lies before end. Returns their octets, and in *ret_at where they stand in the
 * file; 0 with *ret_at at the end: nothing but a hole is left; 0 before it: the file has become
 * shorter; or a negative errno. */
ssize_t page_source_read(const struct representation *representation, int file, off_t from,
			 off_t end, char *buffer, size_t buffer_bytes, off_t *ret_at);

#endif
