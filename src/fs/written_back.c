#include "fs/written_back.h"

#include "sys/calls.h"

static bool much_may_be_left(const struct hash_identity *identity, const struct timespec *looked_at)
{
	return identity->size_bytes > WRITE_BACK_BYTES_MAX &&
	       looked_at->tv_sec - identity->changed_s < WRITE_BACK_AGE_S;
}

bool written_back(int fd, const struct disk *disk, const struct hash_identity *identity,
		  const struct timespec *looked_at)
{
	if (!hash_identity_is_settled(identity, looked_at, disk->kind == DISK_REMOTE))
		return false;
	if (disk->kind == DISK_MEMORY)
		return true;
	if (much_may_be_left(identity, looked_at))
		return false;
	/* A file of an overlay, or of a network, has its pages elsewhere: fdatasync(2) finds them. */
	return (disk->watchable ? calls->write_back(fd) : calls->fdatasync(fd)) == 0;
}
