/*
 * Files appended to a target, in order, and removed (COMB): what a client has sent in parts by
 * several connections becomes one file. All or nothing as far as a file system lets it: until all
 * bytes are with the disk no part is removed, and a failure or ABOR until then leaves the target
 * as it was. A part that cannot be removed after another one was is told as an error, with the
 * target complete.
 *
 * The target is locked as by APPE (fs/upload.h): two do not mix. It and the parts are claimed
 * (fs/in_use.h), so that nothing that an upload writes meanwhile is lost.
 *
 * Thread:    job threads, one call at a time.
 * Ownership: what is open is the joining's, until joining_finish.
 */
#ifndef FS_JOINING_H
#define FS_JOINING_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/limits.h"
#include "fs/place.h"

struct joining_part {
	char path[PATH_BYTES_MAX]; /* of path_join */
	uint64_t device;	   /* which file it was when it was checked */
	uint64_t inode;
	int fd; /* for reading, and claimed, or -1 */
};

struct joining {
	/* The wish. */
	int root;
	char target[PATH_BYTES_MAX];
	unsigned mask; /* of the session (fs/creation_mode.h), or 0 */
	unsigned count;

	/* What came of it. */
	const char *blamed; /* the path that an error is about */
	bool complete;	    /* the target is, and stays so */

	/* Within. */
	bool begun;
	bool made;	    /* the target, by us */
	unsigned at;	    /* the part that is copied */
	struct place place; /* of the target */
	int fd;
	off_t old_bytes; /* of the target */
	off_t new_bytes;
	off_t copied; /* of the part */
	struct joining_part parts[];
};

/* Room for count parts, zeroed but for their paths, which the caller fills in with target, root and
 * mask. NULL: no memory. Freed by free(3). */
struct joining *joining_new(unsigned count);

/* Does a piece of it. Returns 0 at the end, -EINPROGRESS, or a negative errno: of any part and of
 * the target -EISDIR and -ENXIO for what is no regular file, -ENOTUNIQ where one of them is
 * another one, -ESTALE for a part that was replaced meanwhile, -EALREADY for one that an upload is
 * writing. */
int joining_step(struct joining *joining);

/* Closes all, and undoes what was done if result, which is joining_step's last or another error, is
 * one and the target not complete. */
void joining_finish(struct joining *joining, int result);

#endif
