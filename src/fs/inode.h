/*
 * What an inode holds besides its data: mode, times, group (SITE CHMOD, UTIME, GROUP). Symbolic
 * links of the path work inside the root and never lead outside it; what is neither a regular file
 * nor a folder is -ENXIO.
 *
 * Thread: a job thread's; all of it blocks. Each returns 0 or a negative errno.
 */
#ifndef FS_INODE_H
#define FS_INODE_H

#include <stdint.h>
#include <sys/types.h>

/* mode has nine bits. A folder keeps its set-group-ID and sticky bits, as with chmod(1); a file
 * loses such bits. */
int inode_set_mode(int root, const char *path, unsigned mode);

/* The same of an open descriptor (O_PATH is enough), and of every bit. */
int inode_change_mode(int fd, unsigned mode);

/* Seconds since 1970. */
int inode_set_times(int root, const char *path, int64_t accessed_s, int64_t modified_s);

int inode_set_group(int root, const char *path, gid_t group);

/* A group by its number or name. -EPERM for one that does not exist, as for one that the process is
 * not in: nobody learns which accounts this machine has. May take as long as the look-up of names
 * does. */
int inode_find_group(const char *name, gid_t *ret_group);

#endif
