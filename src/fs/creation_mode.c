#include "fs/creation_mode.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "fs/inode.h"
#include "sys/calls.h"

mode_t creation_mode(mode_t mode, unsigned mask)
{
	return mode & ~(mode_t)(mask & CREATION_MASK_BITS);
}

void creation_settle(int fd, mode_t mode, unsigned mask)
{
	mode_t wanted = creation_mode(mode, mask);
	struct statx stat;

	if (!(mask & CREATION_MASK_SET) ||
	    calls->statx(fd, "", AT_EMPTY_PATH, STATX_MODE, &stat) < 0)
		return;
	/* What is beyond those bits came from the folder (set-group-ID). */
	if ((stat.stx_mode & CREATION_MASK_BITS) != wanted)
		inode_change_mode(fd, (stat.stx_mode & ~(S_IFMT | CREATION_MASK_BITS)) | wanted);
}
