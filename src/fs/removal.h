/*
 * The removal of a folder with all in it (RMDA). Every step goes through the descriptor of a folder
 * that was opened without following a link, so what a link leads to stays, and who moves folders
 * about meanwhile leads it nowhere. What is mounted within is not entered (-EXDEV). The first thing
 * that cannot be removed ends it; what was removed by then is gone.
 *
 * Memory and descriptors are bounded by TREE_DEPTH_MAX, one of each for a folder on the way down.
 *
 * Thread:    job threads, one call at a time.
 * Ownership: what is open is the removal's, until removal_finish.
 */
#ifndef FS_REMOVAL_H
#define FS_REMOVAL_H

#include <stdbool.h>

#include "base/limits.h"
#include "fs/place.h"

struct removal_level {
	int folder;	/* O_RDONLY */
	bool seen;	/* something was, since reading began at the start */
	bool once_more; /* it was empty and yet could not be removed */
	char name[256]; /* in the folder above */
};

struct removal {
	int root;
	char path[PATH_BYTES_MAX]; /* of path_join; after an error, of what could not be removed */
	struct place place;	   /* the folder that holds the one that is removed */
	bool begun;
	unsigned depth;
	struct removal_level levels[TREE_DEPTH_MAX];
};

void removal_init(struct removal *removal, int root, const char *path);

/* Removes a bounded number of names. Returns 0 when all is gone, -EINPROGRESS, or a negative
 * errno: -ENOTDIR for a file or link, -EBUSY for the root itself, -EOVERFLOW for a tree that is
 * too deep. */
int removal_step(struct removal *removal);

void removal_finish(struct removal *removal);

#endif
