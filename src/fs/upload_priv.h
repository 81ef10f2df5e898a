/*
 * What the files of an upload share: upload.c, its course, and upload_partial.c, the names that
 * unfinished files have and their end when nobody comes back for them.
 */
#ifndef FS_UPLOAD_PRIV_H
#define FS_UPLOAD_PRIV_H

#include <stdint.h>

struct statx;

/* upload.c */
int upload_stat(int fd, struct statx *ret_stat);

/* upload_partial.c: ".NAME.<owner>.part" into ret_hidden, which has 256 bytes; a long name is cut,
 * its hash then tells it from its neighbours. */
void upload_hidden_name(const char *name, uint64_t owner, char *ret_hidden);

/* One upload at a time writes a hidden file or appends to a file: a second one, as of a client that
 * has lost its first connection and come back, is told -EALREADY. The lock goes with the descriptor. */
int upload_lock(int fd);

/* The same of a hidden file, which must be the one of that name still. */
int upload_lock_partial(int fd, int folder, const char *hidden, struct statx *ret_stat);

/* Removes the forgotten partial files of a folder, unless that was done within the last hour, and
 * but for those that are locked. */
void upload_sweep(int folder);

#endif
