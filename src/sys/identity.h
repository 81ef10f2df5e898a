/*
 * Who this process is to the kernel when it opens a file: effective user and group, and the
 * supplementary groups. Asked for once, since no capability is left to change any of them.
 *
 * Thread: identity_of_process fills its value in at the first call, before the first worker
 * starts; read-only afterwards. Ownership: static.
 */
#ifndef SYS_IDENTITY_H
#define SYS_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IDENTITY_GROUPS_MAX 256 /* further supplementary groups count as not ours */

struct identity {
	uint32_t uid;
	uint32_t gid;
	uint32_t groups[IDENTITY_GROUPS_MAX]; /* in rising order */
	size_t groups_count;
	bool may_give; /* files to another group of its own; a filter of system calls may refuse it */
};

const struct identity *identity_of_process(void);

/* Whether gid is the identity's group or among its supplementary ones. */
bool identity_has_group(const struct identity *identity, uint32_t gid);

#endif
