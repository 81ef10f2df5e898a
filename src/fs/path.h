/*
 * A client's bytes become a path of the served tree here: absolute, "/" between names, no "."
 * or "..", no empty name. ".." is taken away by its text, so that CDUP undoes CWD, also through
 * a symbolic link; the kernel resolves the rest beneath the session's root (fs/tree.h).
 *
 * Pure; callable from any thread. Names are bytes: nothing is decoded.
 */
#ifndef FS_PATH_H
#define FS_PATH_H

#include "base/limits.h"
#include "base/view.h"

/* Joins folder (absolute, normal) and argument into ret_path[PATH_BYTES_MAX], NUL-terminated. An
 * empty argument is the folder itself. Returns the length, -ENAMETOOLONG, or -EINVAL for an
 * argument with NUL, CR or LF in it. */
int path_join(struct view folder, struct view argument, char *ret_path);

/* The last name of a normal path; "" for "/". */
struct view path_name(struct view path);

/* What comes before the last name: "/" for "/a", "/a" for "/a/b". */
struct view path_folder(struct view path);

#endif
