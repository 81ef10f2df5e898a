/*
 * Logins from a netrc file: "machine host login user password secret account secret", "default",
 * "port" and its number skipped, "macdef" up to its empty line, "#" before a keyword for a comment.
 * A word may be put into double quotes; a backslash takes the next byte as it is (as BSD's ftp and wget read it).
 *
 * Secrets of a file that others may read are not used, for they are none.
 *
 * Ownership: a login is the caller's memory, which clears it with explicit_bzero.
 */
#ifndef CLIENT_NETRC_H
#define CLIENT_NETRC_H

#include <stdbool.h>

#include "base/limits.h"
#include "base/view.h"

struct netrc_login {
	char user[LOGIN_FIELD_MAX];
	char password[LOGIN_FIELD_MAX];
	char account[LOGIN_FIELD_MAX];
	bool has_user;
	bool has_password;
	bool has_account;
	unsigned line;	 /* where a text that is no netrc stops to be one */
	bool is_exposed; /* a password or an account was left out: others may read the file */
};

/* Finds the first login for host (any case) in the text of a netrc, in its order: a machine of
 * that name, or default. With a user, one of another user does not count; user may be NULL. Pure.
 * Returns 0, -ENOENT if there is none, or -EINVAL for a text that is no netrc before it is found
 * (ret_login->line then tells where): an unknown keyword, a word missing, over LOGIN_FIELD_MAX, or
 * with a NUL, CR or LF in it. */
int netrc_find(struct view text, const char *host, const char *user, struct netrc_login *ret_login);

/* The file that is read if path is NULL: $NETRC, or ~/.netrc, which ret_path[PATH_BYTES_MAX] may then
 * hold. NULL: there is none, -ENAMETOOLONG as *ret_error if it has too long a name. */
const char *netrc_path(const char *path, char *ret_path, int *ret_error);

/* The same in the file at path; if path is NULL, in that named by $NETRC, else in ~/.netrc. Reads
 * the file, so it may block. Also returns -ENOENT if there is no file, -EFBIG if it has over
 * NETRC_BYTES_MAX, and other errors of open and read. Where others than its owner may read the
 * file, or it is owned neither by this user nor by root, ret_login has no secrets. */
int netrc_look_up(const char *path, const char *host, const char *user,
		  struct netrc_login *ret_login);

#endif
