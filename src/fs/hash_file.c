#include "fs/hash_file.h"

#include <errno.h>
#include <fcntl.h>

#include "base/limits.h"
#include "fs/hash_xattr.h"
#include "fs/written_back.h"
#include "sys/calls.h"

#ifndef POSIX_FADV_NOREUSE
#define POSIX_FADV_NOREUSE 5
#endif

static bool is_remote(const struct hash_file *file)
{
	return file->disk.kind == DISK_REMOTE;
}

/* What a network file system says now, or the kernel of a local one. */
static int hash_file_stat(const struct hash_file *file, struct hash_identity *ret_identity)
{
	struct statx stat;
	int r = calls->statx(file->fd, "",
			     AT_EMPTY_PATH | (is_remote(file) ? AT_STATX_FORCE_SYNC : 0),
			     STATX_BASIC_STATS, &stat);

	if (r == 0)
		*ret_identity = hash_identity_of(&stat);
	return r;
}

void hash_file_init(struct hash_file *file, const struct statx *stat)
{
	file->identity = hash_identity_of(stat);
	clock_gettime(CLOCK_REALTIME, &file->looked_at);
	file->lasting = file->disk.kind == DISK_MEMORY &&
			hash_identity_is_settled(&file->identity, &file->looked_at, false);
	file->digest = NULL;
	file->read_bytes = 0;
}

static bool hash_file_find(struct hash_file *file)
{
	return file->whole &&
	       hash_cache_find(file->cache, &file->identity, file->kind, file->bytes);
}

bool hash_file_is_known(struct hash_file *file)
{
	return !is_remote(file) && hash_file_find(file);
}

bool hash_file_needs_look(const struct hash_file *file)
{
	return file->whole && (file->disk.kind != DISK_MEMORY || file->xattr);
}

static void hash_file_keep(const struct hash_file *file)
{
	hash_cache_put(file->cache, &file->identity, file->kind, file->bytes);
}

int hash_file_look(struct hash_file *file)
{
	int r;

	if (is_remote(file)) {
		clock_gettime(CLOCK_REALTIME, &file->looked_at);
		r = hash_file_stat(file, &file->identity);
		if (r < 0)
			return r;
		file->end = (off_t)file->identity.size_bytes;
		if (hash_file_find(file))
			return 1;
	} else if (file->xattr &&
		   hash_xattr_read(file->fd, &file->identity, file->kind, file->bytes)) {
		if (hash_identity_is_settled(&file->identity, &file->looked_at, false))
			hash_file_keep(file);
		return 1;
	}
	file->lasting = written_back(file->fd, &file->disk, &file->identity, &file->looked_at);
	return 0;
}

static int hash_file_begin(struct hash_file *file)
{
	int r = digest_new(file->kind, &file->digest);

	if (r == 0) {
		posix_fadvise(file->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
		posix_fadvise(file->fd, 0, 0, POSIX_FADV_NOREUSE);
	}
	return r;
}

static size_t hash_file_piece(const struct hash_file *file)
{
	off_t left = file->end - file->offset;

	return left < TRANSFER_BUFFER_BYTES ? (size_t)left : TRANSFER_BUFFER_BYTES;
}

/* The next piece, if that takes no wait. Returns its bytes, or a negative errno: a read will tell. */
static ssize_t hash_file_read_resident(struct hash_file *file)
{
	size_t piece = hash_file_piece(file);

	if (file->disk.kind == DISK_MEMORY)
		return calls->pread(file->fd, file->buffer, piece, file->offset);
	if (file->disk.kind == DISK_LOCAL)
		return calls->pread_resident(file->fd, file->buffer, piece, file->offset);
	return -EAGAIN;
}

static void hash_file_take(struct hash_file *file, size_t length)
{
	digest_add(file->digest, file->buffer, length);
	file->offset += (off_t)length;
}

int hash_file_turn(struct hash_file *file)
{
	size_t turn = 0;
	int r = file->digest ? 0 : hash_file_begin(file);

	if (r < 0)
		return r;
	if (file->read_bytes > 0) {
		hash_file_take(file, file->read_bytes);
		file->read_bytes = 0;
	}
	while (file->offset < file->end && turn < HASH_TURN_BYTES) {
		ssize_t got = hash_file_read_resident(file);

		if (got < 0)
			return HASH_STEP_READ;
		if (got == 0)
			return -EBUSY;
		hash_file_take(file, (size_t)got);
		turn += (size_t)got;
	}
	if (file->offset < file->end)
		return HASH_STEP_TURN;
	digest_end(file->digest, file->bytes);
	return HASH_STEP_END;
}

int hash_file_read(struct hash_file *file)
{
	ssize_t got = calls->pread(file->fd, file->buffer, hash_file_piece(file), file->offset);

	if (got == -EINTR)
		return 0; /* the next turn asks again */
	if (got <= 0)
		return got < 0 ? (int)got : -EBUSY;
	file->read_bytes = (size_t)got;
	return 0;
}

/* Writes the attribute, which changes the identity: the next who asks reads it there. */
static void hash_file_write_xattr(const struct hash_file *file)
{
	if (file->xattr && !is_remote(file))
		(void)hash_xattr_write(file->fd, &file->identity, file->kind, file->bytes);
}

int hash_file_end(struct hash_file *file)
{
	struct hash_identity now = { .device = 0 };
	int r;

	if (!file->whole)
		return 0;
	r = hash_file_stat(file, &now);
	if (r < 0)
		return r;
	if (now.size_bytes != file->identity.size_bytes ||
	    now.modified_s != file->identity.modified_s ||
	    now.modified_ns != file->identity.modified_ns)
		return -EBUSY;
	/* Another ctime alone: a new name or new rights. It may hide a new mtime, so nothing is kept. */
	if (file->lasting && hash_identity_equal(&now, &file->identity)) {
		hash_file_keep(file);
		hash_file_write_xattr(file);
	}
	return 0;
}

void hash_file_fini(struct hash_file *file)
{
	digest_free(file->digest);
	file->digest = NULL;
}
