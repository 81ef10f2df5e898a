/*
 * The local side of a mirror: a folder tree beneath one root, in which a server's names are made.
 * Every path is walked by openat2 with RESOLVE_BENEATH and RESOLVE_NO_SYMLINKS, and the last name
 * is never followed: a server that first sends a link "x -> /etc" and then a folder "x" finds the
 * link in its way, not /etc.
 *
 * Paths are relative to the root, "" is the root itself; their components are safe (client.h).
 *
 * Thread:    one; the calls block on the local disk.
 * Ownership: a struct mirror_local is the caller's, with two descriptors within.
 */
#ifndef TOOL_MIRROR_LOCAL_H
#define TOOL_MIRROR_LOCAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#define MIRROR_PATH_MAX 4096 /* bytes of a path, NUL included */
#define MIRROR_DEPTH_MAX 100 /* folders within folders; deeper ones are refused: -ELOOP */

struct mirror_local {
	int root;
	int folder; /* the one used last, or -1 */
	char folder_path[MIRROR_PATH_MAX];
};

/* Opens dir as the root, and makes it if make is set and its parent is there. 0 or -errno. */
int mirror_local_open(struct mirror_local *local, const char *dir, bool make);
void mirror_local_close(struct mirror_local *local);

/* What is at path, not following a link. 0, -ENOENT, ... */
int mirror_local_stat(struct mirror_local *local, const char *path, struct stat *ret_stat);

/* Makes a folder. 0 also if there is one. */
int mirror_local_make_folder(struct mirror_local *local, const char *path);

/* Makes a symbolic link, in place of another link or a file. */
int mirror_local_make_link(struct mirror_local *local, const char *target, const char *path);

/* The target of a link at path, NUL-terminated in ret_target[MIRROR_PATH_MAX]. */
int mirror_local_read_link(struct mirror_local *local, const char *path, char *ret_target);

/* Opens a regular file to be read; -EINVAL for anything else. Returns a descriptor or -errno. */
int mirror_local_open_file(struct mirror_local *local, const char *path);

/*
 * The file that path is fetched into, ".NAME.<tag>.sluice" beside it, where tag names the version
 * that is fetched: what an earlier run left of the same version is gone on with, what it left of
 * others is removed. Returns a descriptor, with *ret_size_bytes of what is there, or -errno.
 */
int mirror_local_open_part(struct mirror_local *local, const char *path, uint32_t tag,
			   int64_t *ret_size_bytes);

/* Gives the part its name, its time and, if mode is not negative, its permissions; replaces a file
 * or link of that name. */
int mirror_local_settle_part(struct mirror_local *local, const char *path, uint32_t tag, int fd,
			     int64_t modified_s, int mode);
int mirror_local_remove_part(struct mirror_local *local, const char *path, uint32_t tag);

/* Sets the time of a file that is as it should be otherwise. */
int mirror_local_set_time(struct mirror_local *local, const char *path, int64_t modified_s);

/* Removes a file, a link, or a folder with all that is in it. */
int mirror_local_remove(struct mirror_local *local, const char *path);

/* Calls visit with each name in a folder but "." and ".."; ends early with its negative result. 0 only
 * when all names have been read. */
int mirror_local_each(struct mirror_local *local, const char *path,
		      int (*visit)(void *context, const char *name), void *context);

#endif
