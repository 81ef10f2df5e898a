#include "fs/joining.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fs/creation_mode.h"
#include "fs/in_use.h"
#include "fs/resolve.h"
#include "fs/slice.h"
#include "fs/upload_priv.h"
#include "sys/calls.h"

#define PART_FLAGS (O_RDONLY | O_NONBLOCK | O_NOFOLLOW)
#define TARGET_FLAGS (O_WRONLY | O_NOCTTY | O_NONBLOCK)

struct joining *joining_new(unsigned count)
{
	size_t size_bytes = sizeof(struct joining) + count * sizeof(struct joining_part);
	struct joining *joining = calls->allocate(size_bytes);

	if (!joining)
		return NULL;
	memset(joining, 0, sizeof(*joining));
	joining->count = count;
	joining->place.folder = -1;
	joining->fd = -1;
	for (unsigned i = 0; i < count; i++)
		joining->parts[i].fd = -1;
	return joining;
}

static uint64_t device_of(const struct statx *stat)
{
	return (uint64_t)stat->stx_dev_major << 32 | stat->stx_dev_minor;
}

static bool part_is(const struct joining_part *part, const struct statx *stat)
{
	return part->inode == stat->stx_ino && part->device == device_of(stat);
}

/* Whether stat is that of one of the first count parts. */
static bool joining_has(const struct joining *joining, unsigned count, const struct statx *stat)
{
	for (unsigned i = 0; i < count; i++)
		if (part_is(&joining->parts[i], stat))
			return true;
	return false;
}

/* Whether names in the part's folder can be removed. */
static int part_may_go(int root, const struct joining_part *part)
{
	struct place place;
	int r = place_open(root, part->path, &place);

	if (r < 0)
		return r;
	r = calls->may_write(place.folder);
	place_close(&place);
	return r;
}

static int joining_check_part(struct joining *joining, unsigned index)
{
	struct joining_part *part = &joining->parts[index];
	struct statx stat;
	int r;

	part->fd = resolve_open_file(joining->root, part->path, PART_FLAGS, &stat);
	if (part->fd < 0)
		return part->fd;
	if (joining_has(joining, index, &stat))
		return -ENOTUNIQ;
	r = in_use_claim(part->fd);
	if (r < 0)
		return r;
	part->device = device_of(&stat);
	part->inode = stat.stx_ino;
	return part_may_go(joining->root, part);
}

static int joining_make_target(struct joining *joining)
{
	int fd = resolve_open(joining->place.folder, joining->place.name,
			      TARGET_FLAGS | O_CREAT | O_EXCL,
			      creation_mode(NEW_FILE_MODE, joining->mask));

	joining->made = fd >= 0;
	if (fd >= 0)
		creation_settle(fd, NEW_FILE_MODE, joining->mask);
	return fd;
}

static int joining_open_target(struct joining *joining)
{
	struct statx stat;
	int r = place_open(joining->root, joining->target, &joining->place);

	if (r < 0)
		return r == -EBUSY ? -EISDIR : r;
	joining->fd = resolve_open_file(joining->root, joining->target, TARGET_FLAGS, &stat);
	if (joining->fd == -ENOENT)
		joining->fd = joining_make_target(joining);
	r = joining->fd < 0 ? joining->fd : upload_lock(joining->fd);
	if (r == 0)
		r = resolve_stat_file(joining->fd, &stat);
	if (r == 0 && joining_has(joining, joining->count, &stat))
		r = -ENOTUNIQ; /* before its own claim as a part is met */
	if (r == 0)
		r = in_use_claim(joining->fd);
	if (r < 0)
		return r;
	joining->old_bytes = (off_t)stat.stx_size;
	joining->new_bytes = joining->old_bytes;
	return -EINPROGRESS;
}

static int joining_begin(struct joining *joining)
{
	int r = 0;

	joining->begun = true;
	for (unsigned i = 0; i < joining->count && r == 0; i++) {
		joining->blamed = joining->parts[i].path;
		r = joining_check_part(joining, i);
	}
	if (r < 0)
		return r;
	joining->blamed = joining->target;
	return joining_open_target(joining);
}

/* Copies a slice. Returns -EINPROGRESS or an error. */
static int joining_copy(struct joining *joining)
{
	const struct joining_part *part = &joining->parts[joining->at];
	ssize_t r;

	joining->blamed = part->path;
	r = slice_copy(part->fd, joining->copied, joining->fd, joining->new_bytes,
		       SLICE_TO_THE_END);
	if (r < 0)
		return (int)r;
	joining->copied += r;
	joining->new_bytes += r;
	if (r == 0) {
		joining->copied = 0;
		joining->at++;
	}
	return -EINPROGRESS;
}

/* A file of that name that came meanwhile stays. removes: else it is only asked for. */
static int part_settle(int root, const struct joining_part *part, bool removes)
{
	struct place place;
	struct statx stat;
	int r = place_open(root, part->path, &place);

	if (r < 0)
		return r;
	r = calls->statx(place.folder, place.name, AT_SYMLINK_NOFOLLOW, STATX_INO, &stat);
	if (r == 0)
		r = part_is(part, &stat) ? 0 : -ESTALE;
	if (r == 0 && removes)
		r = calls->unlinkat(place.folder, place.name, 0);
	place_close(&place);
	return r;
}

/* Everything is in the target: the parts go, all that can. */
static int joining_remove_parts(struct joining *joining)
{
	int result;

	joining->blamed = joining->target;
	result = calls->fsync(joining->fd);
	for (unsigned i = 0; i < joining->count && result == 0; i++) {
		result = part_settle(joining->root, &joining->parts[i], false);
		if (result < 0)
			joining->blamed = joining->parts[i].path;
	}
	for (unsigned i = 0; i < joining->count && (i == 0 ? result == 0 : joining->complete);
	     i++) {
		int r = part_settle(joining->root, &joining->parts[i], true);

		if (r == 0)
			joining->complete = true; /* no way back */
		else if (result == 0)
			joining->blamed = joining->parts[i].path;
		result = result < 0 ? result : r;
	}
	return result;
}

int joining_step(struct joining *joining)
{
	if (!joining->begun)
		return joining_begin(joining);
	if (joining->at < joining->count)
		return joining_copy(joining);
	return joining_remove_parts(joining);
}

/* The target as it was. */
static void joining_undo(struct joining *joining)
{
	if (joining->made)
		calls->unlinkat(joining->place.folder, joining->place.name, 0);
	else if (joining->new_bytes > joining->old_bytes)
		calls->ftruncate(joining->fd, joining->old_bytes);
}

void joining_finish(struct joining *joining, int result)
{
	for (unsigned i = 0; i < joining->count; i++) {
		if (joining->parts[i].fd >= 0)
			calls->close(joining->parts[i].fd);
		joining->parts[i].fd = -1;
	}
	if (joining->fd >= 0) {
		if (result < 0 && !joining->complete)
			joining_undo(joining);
		calls->close(joining->fd);
	}
	joining->fd = -1;
	if (joining->place.folder >= 0)
		place_close(&joining->place);
}
