/* What a session sees as "/" (fs/tree.h fills it in). */
#ifndef FS_TREE_ROOT_H
#define FS_TREE_ROOT_H

#include "fs/mounts.h"

struct tree {
	/* O_PATH | O_DIRECTORY, borrowed; open for the life of the process, so that it stands for the
	 * root in tables. */
	int root;
	struct disk disk; /* on which the root lies */
};

#endif
