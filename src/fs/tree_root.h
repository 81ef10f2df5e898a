/* What a session sees as "/" (fs/tree.h fills it in). */
#ifndef FS_TREE_ROOT_H
#define FS_TREE_ROOT_H

#include <stdint.h>

#include "fs/mounts.h"

struct tree {
	int root;	  /* O_PATH | O_DIRECTORY, borrowed */
	struct disk disk; /* on which the root lies */
	uint64_t inode;	  /* of the root, by which with its mount it is known from other roots */
	uint64_t mount;
};

#endif
