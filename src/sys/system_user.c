#include "sys/system_user.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "sys/capabilities.h"

/* Besides 0, these say that there is no such user (getpwnam(3)). */
static int look_up_error(int error)
{
	return error == 0 || error == ESRCH || error == EBADF || error == EPERM ? -ENOENT : -error;
}

int system_user_find(const char *name, struct system_user *ret_user)
{
	const struct passwd *found;

	errno = 0;
	found = getpwnam(name);
	if (!found)
		return look_up_error(errno);
	*ret_user =
		(struct system_user){ .name = name, .uid = found->pw_uid, .gid = found->pw_gid };
	return 0;
}

/* The groups first: the user may not choose them. */
int system_user_become(const struct system_user *user)
{
	if (initgroups(user->name, user->gid) < 0)
		return -errno;
	if (setresgid(user->gid, user->gid, user->gid) < 0)
		return -errno;
	/* Else the change from root to another takes all capabilities away (capabilities(7)). */
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		return -errno;
	if (setresuid(user->uid, user->uid, user->uid) < 0)
		return -errno;
	if (prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) < 0)
		return -errno;
	return capabilities_make_effective();
}
