/*
 * A name and the folder that holds it, open: where a job thread makes, links, replaces or removes a
 * name of the served tree. The folder is found beneath the root (fs/resolve.h); what is done to the
 * name goes through the folder's descriptor and follows no link.
 *
 * Thread:    any; place_open blocks.
 * Ownership: the caller's, until place_close.
 */
#ifndef FS_PLACE_H
#define FS_PLACE_H

#include "fs/mounts.h"

struct statx;

struct place {
	int folder; /* O_PATH */
	struct disk disk;
	char name[256];
};

/* Opens the folder of path (of path_join). Returns 0, or a negative errno: -EBUSY for the root
 * itself, -EACCES on procfs and its like. */
int place_open(int root, const char *path, struct place *ret_place);
void place_close(struct place *place);

/* Whether what fd leads to is a regular file or a folder that is served: 0, -ENXIO, or -EACCES. */
int place_check(int fd, struct statx *ret_stat);

#endif
