/*
 * Closing a file without waiting: neither for a disk that does not answer, nor until one has given
 * back the blocks of a file that was removed meanwhile.
 *
 * Thread: the worker's. Ownership: the descriptor is the callee's from the call on.
 */
#ifndef FS_CLOSING_H
#define FS_CLOSING_H

#include "fs/mounts.h"
#include "ring/ring.h"

void file_close(const struct disk *disk, struct ring *ring, int fd);

#endif
