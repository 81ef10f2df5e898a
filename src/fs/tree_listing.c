#include "fs/tree_listing.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "fs/upload.h"
#include "sys/calls.h"

#define RECORDS_BYTES 4096
#define LOOK_FLAGS (AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC)

/* A folder on the way down. */
struct tree_level {
	int folder;
	struct disk disk;
	struct entry_rights rights;
	size_t path_length; /* of the path from the start to here, with a slash behind it */
	size_t at;	    /* the next record */
	size_t length;	    /* of the records */
	char records[RECORDS_BYTES] __attribute__((aligned(8)));
};

struct tree_listing {
	struct tree_listing_request request;
	bool begun;
	bool too_deep;
	int error;
	struct disk disk;	   /* that a fill works on */
	const char *entering;	   /* a name in the lowest folder, to be entered next, or NULL */
	struct disk entering_disk; /* on which it lies */
	unsigned depth;
	struct tree_level *levels[TREE_DEPTH_MAX];
	char path[PATH_BYTES_MAX];
};

static struct tree_level *lowest(const struct tree_listing *listing)
{
	return listing->levels[listing->depth - 1];
}

/* What the entries of a folder owe to it, as far as perm has to know. */
static void level_set_rights(const struct tree_listing *listing, struct tree_level *level)
{
	struct statx stat = { 0 };
	int may_write = -EACCES;

	level->rights = listing->request.rights;
	if (!(listing->request.facts & FACT_PERM) || !level->rights.may_write)
		return;
	may_write = level->disk.kind == DISK_REMOTE ? 0 : calls->may_write(level->folder);
	if (calls->statx(level->folder, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC,
			 STATX_MODE | STATX_UID | STATX_GID, &stat) < 0)
		may_write = -EACCES;
	entry_rights_of_folder(&level->rights, may_write, &stat);
}

/* Goes down into an open folder, which is closed if that fails. */
static int tree_listing_push(struct tree_listing *listing, int folder, const struct disk *disk,
			     size_t path_length)
{
	struct tree_level *level = calls->allocate(sizeof(*level));

	if (!level) {
		calls->close(folder);
		return -ENOMEM;
	}
	level->folder = folder;
	level->disk = *disk;
	level_set_rights(listing, level);
	level->path_length = path_length;
	level->at = 0;
	level->length = 0;
	listing->levels[listing->depth++] = level;
	return 0;
}

static void tree_listing_pop(struct tree_listing *listing)
{
	struct tree_level *level = listing->levels[--listing->depth];

	calls->close(level->folder);
	free(level);
}

int tree_listing_new(const struct tree_listing_request *request, struct tree_listing **ret_listing)
{
	struct tree_listing *listing = calls->allocate(sizeof(*listing));

	if (!listing) {
		calls->close(request->folder);
		return -ENOMEM;
	}
	memset(listing, 0, offsetof(struct tree_listing, levels));
	listing->request = *request;
	listing->disk = request->disk;
	*ret_listing = listing;
	return 0;
}

void tree_listing_free(struct tree_listing *listing)
{
	if (!listing)
		return;
	if (!listing->begun)
		calls->close(listing->request.folder);
	while (listing->depth > 0)
		tree_listing_pop(listing);
	free(listing);
}

struct disk tree_listing_disk(const struct tree_listing *listing)
{
	return listing->disk;
}

/* Begins with the folder itself, as MLSD does. Returns the length of its line, or an error. */
static ssize_t tree_listing_begin(struct tree_listing *listing, char *line)
{
	const struct tree_listing_request *request = &listing->request;
	unsigned mask = entry_line_mask(request->facts);
	struct statx stat;
	int r;

	listing->begun = true;
	r = tree_listing_push(listing, request->folder, &request->disk, 0);
	if (r < 0)
		return r;
	if (mask == 0 ||
	    calls->statx(request->folder, "", AT_EMPTY_PATH | LOOK_FLAGS, mask, &stat) < 0)
		memset(&stat, 0, sizeof(stat));
	/* Whether it could be removed is its parent's matter. */
	return (ssize_t)entry_line_facts(&stat, view_of("."), "cdir", request->facts,
					 &request->rights, line);
}

/* Opens the folder that is to be entered, if it is what it was when it was listed. */
static int tree_listing_open(struct tree_listing *listing)
{
	static const struct open_how how = {
		.flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
		.resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	struct statx stat;
	int fd = calls->openat2(lowest(listing)->folder, listing->entering, &how);
	int r;

	if (fd < 0)
		return fd;
	r = calls->statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_MNT_ID, &stat);
	if (r == 0 && mounts_find(stat.stx_mnt_id).id != listing->entering_disk.id)
		r = -ENOENT; /* something was mounted there this moment */
	if (r < 0)
		calls->close(fd);
	return r < 0 ? r : fd;
}

/* Whether an error says that a folder is gone, or not for us to read. */
static bool error_is_of_folder(int error)
{
	return error == -EACCES || error == -EPERM || error == -ENOENT || error == -ENOTDIR ||
	       error == -ELOOP;
}

/* Goes down into the folder whose line was written last. */
static void tree_listing_enter(struct tree_listing *listing)
{
	size_t length = lowest(listing)->path_length;
	size_t name_length = strlen(listing->entering);
	int r;

	if (listing->depth == TREE_DEPTH_MAX) {
		listing->too_deep = true;
		listing->entering = NULL;
		return;
	}
	r = tree_listing_open(listing);
	if (r >= 0) {
		memcpy(listing->path + length, listing->entering, name_length);
		listing->path[length + name_length] = '/';
		r = tree_listing_push(listing, r, &listing->entering_disk,
				      length + name_length + 1);
	}
	if (r < 0 && !error_is_of_folder(r))
		listing->error = r;
	listing->entering = NULL;
}

/* The lowest folder's next record, or NULL: it has no more, or the listing an error. */
static const struct dirent64 *tree_listing_record(struct tree_listing *listing)
{
	struct tree_level *level = lowest(listing);
	const struct dirent64 *record;

	if (level->at == level->length) {
		ssize_t r = calls->getdents(level->folder, level->records, sizeof(level->records));

		if (r < 0)
			listing->error = (int)r;
		if (r <= 0)
			return NULL;
		level->length = (size_t)r;
		level->at = 0;
	}
	record = (const void *)(level->records + level->at);
	level->at += record->d_reclen;
	return record;
}

/* Looks at an entry as far as its facts need; at a folder, also where it lies. What cannot be
 * looked at keeps the type that its record has. Returns 0, -ENOENT for an entry that is gone, or
 * an error of what may be a folder, which would else not be entered in silence. */
static int tree_listing_look(const struct tree_listing *listing, const struct dirent64 *record,
			     struct statx *ret_stat)
{
	bool may_be_folder = record->d_type == DT_DIR || record->d_type == DT_UNKNOWN;
	unsigned mask = entry_line_mask(listing->request.facts);
	int r;

	if (may_be_folder)
		mask |= STATX_TYPE | STATX_MNT_ID;
	if (mask != 0) {
		r = calls->statx(lowest(listing)->folder, record->d_name, LOOK_FLAGS, mask,
				 ret_stat);
		if (r == 0 || r == -ENOENT || (may_be_folder && !error_is_of_folder(r)))
			return r;
	}
	memset(ret_stat, 0, sizeof(*ret_stat));
	ret_stat->stx_mode = (uint16_t)DTTOIF(record->d_type);
	ret_stat->stx_mask = record->d_type == DT_UNKNOWN ? 0 : STATX_TYPE;
	return 0;
}

static bool record_is_listed(const char *name)
{
	return name[0] != '.' ||
	       (strcmp(name, ".") != 0 && strcmp(name, "..") != 0 && !upload_is_hidden_name(name));
}

/* Writes an entry's line. Returns its length, 0 for none. */
static size_t tree_listing_line(struct tree_listing *listing, const struct dirent64 *record,
				char *line)
{
	const struct tree_level *level = lowest(listing);
	size_t length = level->path_length + strlen(record->d_name);
	struct statx stat;
	int r;

	if (!record_is_listed(record->d_name))
		return 0;
	if (length + 1 >= sizeof(listing->path)) {
		listing->too_deep = true;
		return 0;
	}
	r = tree_listing_look(listing, record, &stat);
	if (r < 0) {
		listing->error = r == -ENOENT ? 0 : r;
		return 0;
	}
	strcpy(listing->path + level->path_length, record->d_name);
	if (S_ISDIR(stat.stx_mode) && stat.stx_mask & STATX_MNT_ID) {
		listing->entering_disk = mounts_find(stat.stx_mnt_id);
		if (listing->entering_disk.kind != DISK_FORBIDDEN)
			listing->entering = record->d_name;
	}
	return entry_line_facts(&stat, (struct view){ listing->path, length }, NULL,
				listing->request.facts, &level->rights, line);
}

/* One step: a folder is entered or left, or an entry's line written. Returns its length. */
static size_t tree_listing_step(struct tree_listing *listing, char *line)
{
	const struct dirent64 *record;

	if (listing->entering) {
		tree_listing_enter(listing);
		return 0;
	}
	record = tree_listing_record(listing);
	if (record)
		return tree_listing_line(listing, record, line);
	if (listing->error == 0)
		tree_listing_pop(listing);
	return 0;
}

/* The disk of the next step. */
static struct disk tree_listing_next_disk(const struct tree_listing *listing)
{
	return listing->entering    ? listing->entering_disk
	       : listing->depth > 0 ? lowest(listing)->disk
				    : listing->disk;
}

ssize_t tree_listing_fill(struct tree_listing *listing, char *buffer, size_t size_bytes)
{
	size_t length = 0;

	if (!listing->begun) {
		ssize_t r = tree_listing_begin(listing, buffer);

		if (r < 0)
			listing->error = (int)r;
		else
			length = (size_t)r;
	}
	while (listing->depth > 0 && listing->error == 0 && size_bytes - length >= ENTRY_LINE_MAX) {
		struct disk next = tree_listing_next_disk(listing);
		bool moves = next.id != listing->disk.id;

		listing->disk = next;
		if (moves && length > 0) /* there, in the place that the next fill waits for */
			return (ssize_t)length;
		length += tree_listing_step(listing, buffer + length);
	}
	if (listing->depth == 0 && listing->error == 0 && listing->too_deep)
		listing->error = -EOVERFLOW;
	return length > 0 ? (ssize_t)length : listing->error;
}
