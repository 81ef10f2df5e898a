#include "fs/removal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "sys/calls.h"

#define STEP_NAMES 1000 /* looked at in one step */
#define RECORDS_BYTES 8192

static const struct open_how folder_how = {
	.flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
	.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV,
};

void removal_init(struct removal *removal, int root, const char *path)
{
	removal->root = root;
	removal->place.folder = -1;
	removal->begun = false;
	removal->depth = 0;
	strcpy(removal->path, path);
}

static struct removal_level *removal_lowest(struct removal *removal)
{
	return &removal->levels[removal->depth - 1];
}

/* The folder that holds the lowest one. */
static int removal_above(const struct removal *removal)
{
	return removal->depth == 1 ? removal->place.folder
				   : removal->levels[removal->depth - 2].folder;
}

static int removal_enter(struct removal *removal, int above, const char *name)
{
	struct removal_level *level = &removal->levels[removal->depth];

	if (removal->depth == TREE_DEPTH_MAX)
		return -EOVERFLOW;
	if (strlen(name) >= sizeof(level->name))
		return -ENAMETOOLONG;
	level->folder = calls->openat2(above, name, &folder_how);
	if (level->folder < 0)
		return level->folder;
	level->seen = false;
	level->once_more = false;
	strcpy(level->name, name);
	removal->depth++;
	return 0;
}

/* Makes path that of a name in the lowest folder, as far as there is room. */
static void removal_blame(struct removal *removal, const char *name)
{
	size_t length = strlen(removal->path);

	for (unsigned i = 1; i <= removal->depth; i++) {
		const char *part = i < removal->depth ? removal->levels[i].name : name;

		if (length + 1 + strlen(part) >= sizeof(removal->path))
			return;
		removal->path[length++] = '/';
		strcpy(removal->path + length, part);
		length += strlen(part);
	}
}

/* A folder goes at once if it is empty, else it is entered. */
static int removal_remove_folder(struct removal *removal, int above, const char *name)
{
	int r = calls->unlinkat(above, name, AT_REMOVEDIR);

	/* -EBUSY: perhaps a place where something is mounted, which entering it will tell. */
	return r == -ENOTEMPTY || r == -EEXIST || r == -EBUSY ? removal_enter(removal, above, name)
							      : r;
}

static int removal_remove_name(struct removal *removal, const struct dirent64 *entry)
{
	int folder = removal_lowest(removal)->folder;
	int r = -EISDIR;

	if (entry->d_type != DT_DIR)
		r = calls->unlinkat(folder, entry->d_name, 0);
	if (r == -EISDIR)
		r = removal_remove_folder(removal, folder, entry->d_name);
	if (r == -ENOENT) /* somebody else was faster */
		r = 0;
	if (r < 0)
		removal_blame(removal, entry->d_name);
	return r;
}

static bool name_is_dots(const char *name)
{
	return name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'));
}

/* Removes what some records name, up to the first folder that is entered: the others are met again
 * when its own folder is read from its start. */
static int removal_remove_names(struct removal *removal, const char *records, ssize_t length,
				int *names_left)
{
	unsigned depth = removal->depth;
	int r = 0;

	for (ssize_t at = 0; at < length && r == 0 && removal->depth == depth;) {
		const struct dirent64 *entry = (const void *)(records + at);

		at += entry->d_reclen;
		--*names_left;
		if (name_is_dots(entry->d_name))
			continue;
		removal_lowest(removal)->seen = true;
		r = removal_remove_name(removal, entry);
	}
	return r;
}

/* Reads the lowest folder from its start again. */
static int removal_rewind(struct removal_level *level)
{
	int folder = calls->openat2(level->folder, ".", &folder_how);

	if (folder < 0)
		return folder;
	calls->close(level->folder);
	level->folder = folder;
	level->seen = false;
	return 0;
}

/* The lowest folder was read to its end. Nothing in it: it goes. */
static int removal_leave(struct removal *removal)
{
	struct removal_level *level = removal_lowest(removal);
	int r;

	if (level->seen)
		return removal_rewind(level);
	r = calls->unlinkat(removal_above(removal), level->name, AT_REMOVEDIR);
	if (r == -ENOTEMPTY && !level->once_more) { /* something has come into it */
		level->once_more = true;
		return removal_rewind(level);
	}
	if (r < 0 && r != -ENOENT)
		return r;
	calls->close(level->folder);
	removal->depth--;
	return 0;
}

static int removal_begin(struct removal *removal)
{
	int r = place_open(removal->root, removal->path, &removal->place);

	removal->begun = true;
	return r < 0 ? r : removal_enter(removal, removal->place.folder, removal->place.name);
}

int removal_step(struct removal *removal)
{
	char records[RECORDS_BYTES] __attribute__((aligned(8)));
	int names_left = STEP_NAMES;
	int r = 0;

	if (!removal->begun)
		r = removal_begin(removal);
	while (r == 0 && removal->depth > 0 && names_left > 0) {
		ssize_t length =
			calls->getdents(removal_lowest(removal)->folder, records, sizeof(records));

		names_left--;
		if (length < 0)
			r = (int)length;
		else if (length == 0)
			r = removal_leave(removal);
		else
			r = removal_remove_names(removal, records, length, &names_left);
	}
	return r == 0 && removal->depth > 0 ? -EINPROGRESS : r;
}

void removal_finish(struct removal *removal)
{
	while (removal->depth > 0)
		calls->close(removal->levels[--removal->depth].folder);
	if (removal->place.folder >= 0)
		place_close(&removal->place);
}
