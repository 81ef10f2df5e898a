/*
 * The user of this system that the processes run as when they are started with more rights
 * (--user): found by name, then taken on for good with the groups that the system gives it.
 *
 * Thread: main of the supervisor, the only one; ids are per thread to the kernel.
 */
#ifndef SYS_SYSTEM_USER_H
#define SYS_SYSTEM_USER_H

#include <sys/types.h>

struct system_user {
	const char *name; /* as it was asked for */
	uid_t uid;
	gid_t gid;
};

/* Looks the name up (getpwnam(3)). Returns 0, -ENOENT if there is no such user, or what kept the
 * look-up from telling. *ret_user borrows name. */
int system_user_find(const char *name, struct system_user *ret_user);

/* Takes on the user's ids, real, effective and saved, and the user's groups. What capabilities are
 * permitted stay so and are made effective, for the caller to drop. Returns 0, or a negative errno:
 * -EPERM without CAP_SETUID and CAP_SETGID. */
int system_user_become(const struct system_user *user);

#endif
