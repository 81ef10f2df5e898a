/*
 * Virtual users: a file of lines "name:crypt(3) hash:folder" or "name:crypt(3) hash:folder:account",
 * read whole at start. Empty lines and lines that begin with # are skipped; anything else that is not
 * a user is an error with its line number. A user may read and write in the folder, which is opened
 * at start. A folder may have colons in its name: only if there is none of the whole name, what stands
 * behind the last colon is an account, which the user then has to tell (ACCT) to log in.
 *
 * Thread: loaded in the main thread, read-only afterwards; users_check from a job thread only,
 * for a password hash takes milliseconds on purpose.
 * Ownership: the table owns the names, hashes and folder descriptors.
 */
#ifndef AUTH_USERS_H
#define AUTH_USERS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/view.h"

struct users;

struct user {
	const char *name;
	const char *hash;
	const char *folder;
	const char *account; /* NULL: none is asked for */
	int folder_fd;	     /* O_PATH | O_DIRECTORY */
};

/* Reads path (at most 1 MiB, 100,000 users). Returns 0, or a negative errno with one line in
 * ret_error that names file, line and what would be right. */
int users_load(const char *path, struct users **ret_users, char *ret_error, size_t error_bytes);

void users_free(struct users *users);

/* The user of that name whose password this is, or NULL. An unknown name costs as much time as
 * a wrong password (RFC 2577 section 5): the hash of some user is computed all the same. Names
 * and passwords are NUL-terminated; crypt_r(3) and a comparison in constant time. */
const struct user *users_check(const struct users *users, const char *name, const char *password);

/* Whether the user, who has an account, is of this one; in constant time, any thread. */
bool users_check_account(const struct user *user, struct view account);

#endif
