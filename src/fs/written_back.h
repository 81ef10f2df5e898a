/*
 * Whether from now on each change of a file's bytes gives the file another identity (hash_cache.h):
 * only then what was read of it can be remembered under the identity that it has.
 *
 * A store through a shared mapping sets the file's times when it makes a page dirty, and only then;
 * what is stored in that page until the kernel has written it back shows in no time. So the file is
 * written back first, and then asked for what it says: what is stored later has another time.
 *
 * Writing back takes as long as the disk does, so it is not done where much may be left to write: a
 * file above WRITE_BACK_BYTES_MAX that changed within the last minute. In memory (tmpfs) nothing is ever
 * written back, and stores after a mapping's first to a page are seen by nobody.
 *
 * Blocks on the disk: for job threads.
 */
#ifndef FS_WRITTEN_BACK_H
#define FS_WRITTEN_BACK_H

#include <stdbool.h>

#include "fs/hash_cache.h"
#include "fs/mounts.h"

#define WRITE_BACK_BYTES_MAX 67108864
#define WRITE_BACK_AGE_S 60

/* fd is open for reading or writing, identity what it had at the time looked_at, just now. */
bool written_back(int fd, const struct disk *disk, const struct hash_identity *identity,
		  const struct timespec *looked_at);

#endif
