/*
 * Which files uploads are writing, for what must not mix with them: COMB. A mark is a lock of one
 * octet that no file has, at a place of its own, so that any number of uploads may write one file; a claim
 * is one of all those places, and excludes marks as they exclude it. They go with the descriptor, so
 * nothing is left of a process that dies, and the server before and the one after an upgrade see each
 * other's.
 *
 * Descriptors for writing exclude all; those for reading (the file that an atomic upload has copied; a
 * part of COMB) only those for writing. A file system without locks knows neither.
 *
 * Thread: job threads; a lock of a network is asked for over the network.
 */
#ifndef FS_IN_USE_H
#define FS_IN_USE_H

/* Both return 0 or -EALREADY. */
int in_use_mark(int fd);
int in_use_claim(int fd);

#endif
