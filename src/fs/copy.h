/*
 * A copy of a file on the server (SITE CPFR, SITE CPTO). The target is written as an atomic upload
 * is (fs/upload.h): under a hidden name that becomes its own at the end, so that it appears whole,
 * and of a copy that fails or is given up nothing is left. A file system that can share blocks
 * does; else the bytes are copied by slices.
 *
 * Thread:    job threads, one call at a time.
 * Ownership: what is open is the copy's, from the first copy_step to copy_finish.
 */
#ifndef FS_COPY_H
#define FS_COPY_H

#include "fs/upload.h"

struct copy {
	char from[PATH_BYTES_MAX]; /* of path_join */
	struct upload upload;	   /* of the target */
	int source;
	off_t size_bytes; /* of the source, when it was opened: no more is copied */
	off_t copied;
	bool begun;
};

/* A copy in root from one path to another, of an owner as uploads have, with a mask as in
 * fs/creation_mode.h: the copy has the rights of the source less that. */
void copy_init(struct copy *copy, int root, const char *from, const char *to, uint64_t owner,
	       unsigned mask);

/* Does a piece of it. Returns 0 at the end, -EINPROGRESS, or a negative errno, as of upload_check
 * and upload_open, and of the source -EISDIR and -ENXIO. */
int copy_step(struct copy *copy);

/* Closes all; complete: gives the target its name. Returns 0 or a negative errno. */
int copy_finish(struct copy *copy, bool complete);

#endif
