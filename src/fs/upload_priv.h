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

/* Removes the forgotten partial files of a folder, unless that was done within the last hour. */
void upload_sweep(int folder);

#endif
