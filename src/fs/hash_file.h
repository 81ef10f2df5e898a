/*
 * The hash of a file, or of a part of it, made by steps, each of which runs in a thread where it may:
 *
 *   look   a job thread, within the disk's queue: what is known already, where asking may wait; writes
 *          the file back, so that later changes show (fs/written_back.h)
 *   turn   a hashing thread of low priority: hashes what is in the page cache, which never waits
 *   read   a job thread, within the disk's queue: a piece that is not, for the next turn
 *   end    a job thread, within the disk's queue: has it changed meanwhile?  keeps the hash
 *
 * So a disk that hangs holds its own share of the job threads (base/limits.h) and no hashing thread,
 * and hashing, which would take every processor, takes two at low priority. Between two steps the owner
 * sees whether the hash is still wanted. Reading it does not push other files out of the page cache
 * (POSIX_FADV_NOREUSE, Linux 6.3), and leaves there what was there: a file that is hashed is often one
 * that is about to be fetched.
 *
 * Thread:    as above, one step at a time; init, known and fini in the worker.
 * Ownership: the owner provides the struct, the descriptor and the buffer until the last step is done.
 */
#ifndef FS_HASH_FILE_H
#define FS_HASH_FILE_H

#include <sys/types.h>

#include "fs/hash_cache.h"
#include "fs/mounts.h"

enum hash_step {
	HASH_STEP_END,	/* all is hashed */
	HASH_STEP_TURN, /* another turn */
	HASH_STEP_READ,
};

struct hash_file {
	/* The wish. */
	int fd;
	struct disk disk;
	enum digest_kind kind;
	off_t offset; /* of the next byte */
	off_t end;    /* one past the last one */
	bool whole;   /* all of the file: worth keeping */
	bool xattr;   /* --hash-xattr=on */
	struct hash_cache *cache;
	char *buffer; /* of TRANSFER_BUFFER_BYTES, from the first turn on */

	/* What came of it. */
	unsigned char bytes[DIGEST_BYTES_MAX];

	/* Within. */
	struct hash_identity identity; /* when it was opened */
	struct timespec looked_at;     /* when that was */
	struct digest *digest;
	size_t read_bytes; /* in buffer, not hashed yet */
	bool lasting;	   /* a later change gives it another identity */
};

/* Begins with what statx(2) said when fd was opened, a moment ago; the wish is filled in. */
void hash_file_init(struct hash_file *file, const struct statx *stat);

/* Whether the cache has it; never waits. Of a network's file only after hash_file_look. */
bool hash_file_is_known(struct hash_file *file);

/* Whether a look may find more than that, or the hash is worth keeping only after one. */
bool hash_file_needs_look(const struct hash_file *file);

/* Returns 1 if bytes are there, 0 if they must be made, or a negative errno. */
int hash_file_look(struct hash_file *file);

/* Returns an enum hash_step, or a negative errno: of digest_new, or -EBUSY if the file became shorter. */
int hash_file_turn(struct hash_file *file);

/* Returns 0 or a negative errno. */
int hash_file_read(struct hash_file *file);

/* Returns 0 with bytes filled in, or a negative errno: -EBUSY if a whole file was changed meanwhile. */
int hash_file_end(struct hash_file *file);

void hash_file_fini(struct hash_file *file);

#endif
