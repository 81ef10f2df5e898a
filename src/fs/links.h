/*
 * Second names of a file: symbolic links and hard links (SITE SYMLINK, SITE LINK).
 *
 * A symbolic link's target is written as it came: whatever it says, it is resolved beneath the
 * session's root when a path leads through it (fs/resolve.h). Other programs of this machine that
 * read the tree follow it as they follow any link.
 *
 * Thread: a job thread's; both block. Each returns 0 or a negative errno (-EEXIST: the name is
 * taken, links replace nothing).
 */
#ifndef FS_LINKS_H
#define FS_LINKS_H

int links_make_symbolic(int root, const char *target, const char *path);

/* existing is a regular file, else -EISDIR or -ENXIO; both lie on one file system (-EXDEV). An
 * error is existing's or path's: *ret_blamed is that of the two, and untouched on success. */
int links_make_hard(int root, const char *existing, const char *path, const char **ret_blamed);

#endif
