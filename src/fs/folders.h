/*
 * Making folders in a job thread: with those above (SITE MKDIR), or with a mode of the session's
 * own (MKD after SITE UMASK). MKD alone goes by the ring (fs/tree.h).
 *
 * Thread: a job thread's; both block. mask as in fs/creation_mode.h. Each returns 0 or a negative
 * errno; those above that were made stay.
 */
#ifndef FS_FOLDERS_H
#define FS_FOLDERS_H

/* -EEXIST for a name that is taken. */
int folders_make(int root, const char *path, unsigned mask);

/* The same with all folders above; a folder that is there already is 0. */
int folders_make_all(int root, const char *path, unsigned mask);

#endif
