#include "fs/upload.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "fs/creation_mode.h"
#include "fs/path.h"
#include "fs/place.h"
#include "fs/resolve.h"
#include "fs/slice.h"
#include "fs/upload_priv.h"
#include "sys/calls.h"

#define UPLOAD_FLAGS (O_WRONLY | O_NOCTTY | O_NONBLOCK)
#define UNIQUE_TRIES_MAX 10000
#define LINKS_MAX 40 /* behind one another, as the kernel follows them */

int upload_stat(int fd, struct statx *ret_stat)
{
	return calls->statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_MNT_ID, ret_stat);
}

/* Makes a file that is not there; without O_EXCL in flags, perhaps through a link. */
static int upload_create(int folder, const char *path, int flags, unsigned mask)
{
	int fd = resolve_open(folder, path, UPLOAD_FLAGS | O_CREAT | flags,
			      creation_mode(NEW_FILE_MODE, mask));

	if (fd >= 0 && flags & O_EXCL)
		creation_settle(fd, NEW_FILE_MODE, mask);
	return fd;
}

/* Opens a file to write, makes it if there is none of that name; says that it did, unless it was
 * through a link. */
static int upload_make_file(int folder, const char *path, unsigned mask, struct statx *ret_stat,
			    bool *ret_made)
{
	int fd = resolve_open_file(folder, path, UPLOAD_FLAGS, ret_stat);
	int r;

	if (fd != -ENOENT)
		return fd;
	fd = upload_create(folder, path, O_EXCL, mask);
	*ret_made = fd >= 0;
	if (fd == -EEXIST) /* a link to a file that is not there, or one that came this moment */
		fd = upload_create(folder, path, 0, mask);
	if (fd < 0)
		return fd;
	r = resolve_stat_file(fd, ret_stat);
	if (r < 0)
		calls->close(fd);
	return r < 0 ? r : fd;
}

/* Opens the folder of the path, and takes note of its disk. */
static int upload_open_folder(struct upload *upload)
{
	char path[PATH_BYTES_MAX];
	struct view folder = path_folder(view_of(upload->path));
	struct view name = path_name(view_of(upload->path));
	struct statx stat;
	int r;

	if (name.length == 0)
		return -EISDIR;
	if (name.length > 255)
		return -ENAMETOOLONG;
	memcpy(path, folder.at, folder.length);
	path[folder.length] = '\0';
	memcpy(upload->name, name.at, name.length);
	upload->name[name.length] = '\0';
	upload->folder = resolve_open(upload->root, path, O_PATH | O_DIRECTORY, 0);
	if (upload->folder < 0)
		return upload->folder;
	r = upload_stat(upload->folder, &stat);
	if (r < 0)
		return r;
	upload->disk = mounts_find(stat.stx_mnt_id);
	return upload->disk.kind == DISK_FORBIDDEN ? -EACCES : 0;
}

/* STOU: takes the first of NAME.1, NAME.2, … that is free, or NAME itself. */
static int upload_take_unique(struct upload *upload)
{
	char base[240];

	snprintf(base, sizeof(base), "%.230s", upload->name);
	for (int i = 0; i < UNIQUE_TRIES_MAX; i++) {
		if (i == 0)
			snprintf(upload->name, sizeof(upload->name), "%s", base);
		else
			snprintf(upload->name, sizeof(upload->name), "%s.%d", base, i);
		upload->fd = upload_create(upload->folder, upload->name, O_EXCL, upload->mask);
		upload->made = upload->fd >= 0;
		if (upload->fd != -EEXIST)
			return upload->fd < 0 ? upload->fd : 0;
	}
	return -EEXIST;
}

/* The path that a link of the tree leads to: the kernel finds out what ".." is in it. Returns 0,
 * or -ENAMETOOLONG. */
static int path_of_link(const char *target, char *path)
{
	struct view folder = path_folder(view_of(path));
	size_t length = target[0] == '/' ? 0 : folder.length;

	if (length + 1 + strlen(target) >= PATH_BYTES_MAX)
		return -ENAMETOOLONG;
	path[length] = '/';
	strcpy(path + length + 1, target);
	return 0;
}

/* Whether the name that place is, if it is a link, can be made where that leads to: 0, or 1 and the path
 * there. */
static int upload_follow(struct upload *upload, const struct place *place, char *path)
{
	char target[PATH_BYTES_MAX];
	ssize_t r = calls->readlinkat(place->folder, place->name, target, sizeof(target) - 1);

	if (r == -ENOENT || r == -EINVAL) { /* no link: here it is made */
		upload->disk = place->disk;
		return calls->may_write(place->folder);
	}
	if (r < 0)
		return (int)r;
	target[r] = '\0';
	r = path_of_link(target, path);
	return r < 0 ? (int)r : 1;
}

/* Whether a file can be made, perhaps at the end of links that lead to nothing yet. */
static int upload_check_new(struct upload *upload)
{
	char path[PATH_BYTES_MAX];
	struct place place;
	int r = 1;

	strcpy(path, upload->path);
	for (int i = 0; i <= LINKS_MAX && r > 0; i++) {
		r = place_open(upload->root, path, &place);
		if (r < 0)
			return r == -EBUSY ? -EISDIR : r;
		r = upload_follow(upload, &place, path);
		place_close(&place);
	}
	return r > 0 ? -ELOOP : r;
}

static void upload_note_file(struct upload *upload, const struct statx *stat)
{
	upload->device = (uint64_t)stat->stx_dev_major << 32 | stat->stx_dev_minor;
	upload->inode = stat->stx_ino;
}

/* Of which upload the file is that a marker is to be of. */
static void upload_read_origin(struct upload *upload, int fd)
{
	if (upload->from_marker)
		upload->origin = upload_origin_read(fd, &upload->disk);
}

/* Looks at the file that there is, and whether nobody else appends to it: 0, or an error that is none
 * of -ENOENT. */
static int upload_check_file(struct upload *upload, struct statx *ret_stat)
{
	int fd = resolve_open_file(upload->root, upload->path, UPLOAD_FLAGS, ret_stat);
	int r;

	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	upload->exists = true;
	upload->size_bytes = (off_t)ret_stat->stx_size;
	if (!upload->atomic) /* a link may lead to another disk than the folder's */
		upload->disk = mounts_find(ret_stat->stx_mnt_id);
	upload_read_origin(upload, fd);
	r = upload->append && !upload->atomic ? upload_lock(fd) : 0;
	calls->close(fd); /* and with it the lock, which is taken for good by upload_open */
	return r;
}

/* Looks at what an unfinished upload has left, and whether nobody else goes on with it. It counts as the
 * file while there is none of that name. */
static int upload_check_hidden(struct upload *upload, struct statx *ret_stat)
{
	struct statx stat;
	char hidden[256];
	int fd;
	int r;

	upload_hidden_name(upload->name, upload->owner, hidden);
	fd = resolve_open_file(upload->folder, hidden, UPLOAD_FLAGS | O_NOFOLLOW, &stat);
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	r = upload_lock(fd);
	if (!upload->exists) {
		upload->size_bytes = (off_t)stat.stx_size;
		upload_read_origin(upload, fd);
		*ret_stat = stat;
	}
	calls->close(fd);
	return r;
}

/* Whether the file may be written, or made if it is not there, and whether the restart point lies
 * within it. */
static int upload_check_target(struct upload *upload)
{
	struct statx stat = { 0 };
	int r;

	if (upload->unique)
		return upload_take_unique(upload);
	r = upload_check_file(upload, &stat);
	if (r == 0 && upload->atomic)
		r = calls->may_write(upload->folder);
	else if (r == 0 && !upload->exists)
		r = upload_check_new(upload);
	if (r == 0 && upload->atomic)
		r = upload_check_hidden(upload, &stat);
	if (upload->exists || upload->size_bytes > 0)
		upload_note_file(upload, &stat);
	if (r == 0 && upload->offset > 0 && upload->offset > upload->size_bytes)
		r = -ERANGE;
	return r;
}

static void upload_close(int *fd)
{
	if (*fd >= 0)
		calls->close(*fd);
	*fd = -1;
}

int upload_check(struct upload *upload)
{
	int r;

	upload->fd = -1;
	upload->folder = -1;
	upload->made = false;
	upload->exists = false;
	upload->locked = false;
	upload->partial = false;
	upload->reserved = false;
	upload->noted = false;
	upload->origin = (struct upload_origin){ 0 };
	upload->writer = (struct writer){ .entered = false };
	upload->source = -1;
	upload->copied = 0;
	upload->size_bytes = 0;
	upload->exact = false;
	upload->device = 0;
	upload->inode = 0;
	upload->start = 0;
	upload->end = 0;
	upload->hidden[0] = '\0';
	r = upload_open_folder(upload);
	if (r == 0)
		r = upload_check_target(upload);
	if (r < 0) {
		upload_close(&upload->fd);
		upload_close(&upload->folder);
	}
	return r;
}

/* Copies a slice of what the name holds already to the hidden file, so that APPE and REST can go on
 * there. A file system that can share blocks does. Returns -EINPROGRESS, or 0 at the end. */
static int upload_copy(struct upload *upload)
{
	bool whole = upload->append || upload->range_end > 0 || upload->scattered;
	off_t left = whole ? SLICE_TO_THE_END : upload->offset - upload->copied;
	ssize_t r = slice_copy(upload->source, upload->copied, upload->fd, upload->copied,
			       (size_t)left);

	if (r > 0) {
		upload->copied += r;
		return -EINPROGRESS;
	}
	upload_close(&upload->source);
	return (int)r;
}

static int upload_open_source(struct upload *upload)
{
	struct statx stat;
	int r = resolve_open_file(upload->root, upload->path, O_RDONLY | O_NONBLOCK, &stat);

	if (r >= 0)
		upload->source = r;
	return r >= 0 || r == -ENOENT ? 0 : r;
}

/* Opens the hidden file under its lock. What was made for nothing goes, unless another upload came
 * between and has it. */
static int upload_take_hidden(struct upload *upload, struct statx *ret_stat)
{
	bool made = false;
	int r;

	upload->fd =
		upload_make_file(upload->folder, upload->hidden, upload->mask, ret_stat, &made);
	r = upload->fd < 0
		    ? upload->fd
		    : upload_lock_partial(upload->fd, upload->folder, upload->hidden, ret_stat);
	if (r < 0 && r != -EALREADY && made)
		calls->unlinkat(upload->folder, upload->hidden, 0);
	return r;
}

static int upload_open_hidden(struct upload *upload)
{
	struct statx stat;
	int r;

	upload_hidden_name(upload->name, upload->owner, upload->hidden);
	r = upload_take_hidden(upload, &stat);
	if (r < 0)
		return r;
	upload->locked = true;
	upload->partial = !upload->exists && stat.stx_size > 0;
	upload_sweep(upload->folder); /* only now: our own one is locked, however old it is */
	/* What is left of an upload of a name that exists is of no use any more. */
	if (upload->exists && stat.stx_size > 0)
		r = calls->ftruncate(upload->fd, 0);
	if (r == 0 && upload->exists &&
	    (upload->append || upload->offset > 0 || upload->range_end > 0))
		r = upload_open_source(upload);
	return r;
}

static int upload_open_target(struct upload *upload, bool *ret_made)
{
	struct statx stat;

	if (upload->made)
		return 0;
	if (upload->atomic)
		return upload_open_hidden(upload);
	upload->fd = upload_make_file(upload->root, upload->path, upload->mask, &stat, ret_made);
	if (upload->fd < 0)
		return upload->fd;
	return upload->append ? upload_lock(upload->fd) : 0;
}

/* ALLO: blocks, not size. A file system that cannot reserve is no reason to refuse. */
static int upload_reserve(struct upload *upload)
{
	int r;

	if (upload->reserve_bytes <= 0)
		return 0;
	r = calls->fallocate(upload->fd, FALLOC_FL_KEEP_SIZE, upload->start, upload->reserve_bytes);
	if (r == -EOPNOTSUPP || r == -ENOSYS || r == -EINVAL)
		return 0;
	upload->reserved = true; /* of a failure too, a part may remain */
	return r;
}

/* Gives back what was reserved and not used, unless another upload writes the file and will do it. */
static int upload_trim(struct upload *upload)
{
	bool left = upload->reserved && upload->end - upload->start < upload->reserve_bytes;
	struct statx stat;
	int r;

	if (!writer_begin_trim(&upload->writer, left))
		return 0;
	r = upload_stat(upload->fd, &stat);
	if (r == 0)
		r = calls->ftruncate(upload->fd, (off_t)stat.stx_size);
	writer_end_trim(&upload->writer);
	return r;
}

/* Reserves space before it cuts, so that a full disk leaves what was there; what the file has
 * counts. The cut then gives the blocks back, and they are asked for once more. */
static int upload_cut(struct upload *upload, const struct statx *stat)
{
	int r = upload_reserve(upload);

	if (r < 0 || (off_t)stat->stx_size <= upload->start || upload->range_end > 0 ||
	    (upload->start > 0 && upload->scattered))
		return r;
	r = calls->ftruncate(upload->fd, upload->start);
	return r < 0 ? r : upload_reserve(upload);
}

int upload_note_origin(struct upload *upload)
{
	int r = upload->noted
			? 0
			: upload_origin_begin(upload->fd, &upload->disk, upload->origin.number);

	upload->noted = r == 0;
	return r;
}

/* What goes on from a marker has the marker's origin, and all else one of its own; but a copy of a
 * file, to which an atomic upload from a marker goes, is a file of its own. */
static int upload_take_origin(struct upload *upload, const struct statx *stat)
{
	bool goes_on = upload->from_marker && !(upload->hidden[0] && upload->exists);

	if (!goes_on) {
		upload_origin_forget(upload->fd, &upload->disk, stat);
		upload->origin = (struct upload_origin){ .number = upload_origin_new() };
		return 0;
	}
	if (upload_origin_read(upload->fd, &upload->disk).number != upload->origin.number)
		return -EKEYREJECTED;
	return upload_note_origin(upload);
}

static int upload_begin(struct upload *upload)
{
	struct statx stat;
	int r = upload_stat(upload->fd, &stat);

	if (r < 0)
		return r;
	upload->disk = mounts_find(stat.stx_mnt_id);
	upload_note_file(upload, &stat);
	writer_enter(&upload->writer, upload->device, upload->inode);
	upload->start = upload->append ? (off_t)stat.stx_size : upload->offset;
	upload->end = upload->start;
	/* Also if it has become shorter: an APPE is sent for the size that there was. */
	if ((off_t)stat.stx_size < (upload->append ? upload->size_bytes : upload->start))
		return -ERANGE;
	r = upload_take_origin(upload, &stat);
	if (r == 0)
		r = upload_cut(upload, &stat);
	if (r == 0 && upload->start == 0 && upload->range_end == 0)
		upload->partial = false; /* not any more */
	return r;
}

int upload_open(struct upload *upload)
{
	struct statx stat;
	bool made = false;
	int r = 0;

	if (upload->source < 0)
		r = upload_open_target(upload, &made);
	if (r == 0 && upload->source >= 0)
		r = upload_copy(upload);
	if (r < 0)
		return r;
	r = upload_begin(upload);
	/* A name made for nothing goes, unless another upload writes there by now. */
	if (r < 0 && made && upload_stat(upload->fd, &stat) == 0 && stat.stx_size == 0)
		calls->unlinkat(upload->folder, upload->name, 0);
	return r;
}

static bool upload_has_begun(const struct upload *upload)
{
	return upload->end > upload->start;
}

/* The hidden file becomes the file, or goes if nobody can go on with it: nothing came, or SIZE,
 * APPE and REST are about a file of that name. While fd is open its lock is held, so all this is
 * done before fd is closed. */
static int upload_settle(struct upload *upload, bool complete)
{
	bool useful = !upload->exists && (upload->partial || upload_has_begun(upload));
	int r = upload_trim(upload);

	if (r == 0 && complete && upload->exact)
		r = calls->ftruncate(upload->fd, upload->end);
	if (upload->noted)
		upload_origin_end(upload->fd, &upload->disk, &upload->origin);
	/* What a network file system has to say of the bytes it says now, not after the rename. */
	if (r == 0 && complete && upload->disk.kind == DISK_REMOTE)
		r = calls->fsync(upload->fd);
	if (r == 0 && complete && upload->hidden[0])
		r = calls->renameat2(upload->folder, upload->hidden, upload->folder, upload->name,
				     0);
	if ((r < 0 || !complete) && !useful && upload->locked)
		calls->unlinkat(upload->folder, upload->hidden, 0);
	return r;
}

int upload_finish(struct upload *upload, bool complete)
{
	int r = 0;

	upload_close(&upload->source);
	if (upload->fd >= 0) {
		int closed;

		r = upload_settle(upload, complete);
		writer_leave(&upload->writer);
		closed = calls->close(upload->fd);
		upload->fd = -1;
		r = r < 0 ? r : closed;
	}
	/* A name that was taken for nothing is given back. */
	if (!complete && !upload_has_begun(upload) && upload->made)
		calls->unlinkat(upload->folder, upload->name, 0);
	upload_close(&upload->folder);
	return r;
}
