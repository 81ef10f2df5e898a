#include "fs/folders.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/limits.h"
#include "fs/creation_mode.h"
#include "fs/place.h"
#include "fs/resolve.h"
#include "sys/calls.h"

/* The kernel's own mode is the right one unless the session has a mask of its own. */
static void folders_settle(const struct place *place, unsigned mask)
{
	static const struct open_how how = { .flags = O_PATH | O_DIRECTORY | O_NOFOLLOW |
						      O_CLOEXEC };
	int fd;

	if (!(mask & CREATION_MASK_SET))
		return;
	fd = calls->openat2(place->folder, place->name, &how);
	if (fd < 0)
		return;
	creation_settle(fd, NEW_FOLDER_MODE, mask);
	calls->close(fd);
}

int folders_make(int root, const char *path, unsigned mask)
{
	struct place place;
	int r = place_open(root, path, &place);

	if (r < 0)
		return r == -EBUSY ? -EEXIST : r;
	r = calls->mkdirat(place.folder, place.name, creation_mode(NEW_FOLDER_MODE, mask));
	if (r == 0)
		folders_settle(&place, mask);
	place_close(&place);
	return r;
}

/* 0 if path is a folder, also through links. */
static int folders_look(int root, const char *path)
{
	int fd = resolve_open(root, path, O_PATH | O_DIRECTORY, 0);

	if (fd >= 0)
		calls->close(fd);
	return fd < 0 ? fd : 0;
}

/* The end of the longest front of path that is a folder. */
static size_t folders_known(int root, char *path, size_t length)
{
	while (length > 1) {
		char last = path[length];
		int r;

		path[length] = '\0';
		r = folders_look(root, path);
		path[length] = last;
		if (r == 0)
			break;
		while (length > 0 && path[--length] != '/')
			;
	}
	return length;
}

int folders_make_all(int root, const char *path, unsigned mask)
{
	size_t length = strlen(path);
	char front[PATH_BYTES_MAX];
	size_t at;
	int r = 0;

	memcpy(front, path, length + 1);
	at = folders_known(root, front, length);
	while (r == 0 && at < length) {
		at += 1 + strcspn(front + at + 1, "/");
		front[at] = '\0';
		r = folders_make(root, front, mask);
		if (r == -EEXIST) /* one that came this moment, or no folder */
			r = folders_look(root, front) == 0 ? 0 : -EEXIST;
		if (at < length)
			front[at] = '/';
	}
	return r;
}
