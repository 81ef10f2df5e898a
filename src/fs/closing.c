#include "fs/closing.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "sys/calls.h"

static void closing_done(struct op *op, int result)
{
	if (result == -EAGAIN) /* no job thread took it: it must not be left open */
		calls->close(op->fd);
	free(op);
}

/* Whether a close may have to wait: for the server of a network file system, or for the disk, if
 * the blocks of a file go with its last descriptor, for it has no name any more. */
static bool closing_may_block(const struct disk *disk, int fd)
{
	struct statx stat;

	if (disk->kind != DISK_LOCAL)
		return disk->kind == DISK_REMOTE;
	return calls->statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_NLINK, &stat) < 0 ||
	       stat.stx_nlink == 0;
}

void file_close(const struct disk *disk, struct ring *ring, int fd)
{
	struct op *op;

	op = closing_may_block(disk, fd) ? calls->allocate(sizeof(*op)) : NULL;
	if (!op) {
		calls->close(fd);
		return;
	}
	op->done = closing_done;
	ring_close(ring, op, fd);
}
