#include "fs/place.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "fs/path.h"
#include "fs/resolve.h"
#include "sys/calls.h"

/* Which disk fd lies on, if that is one that is served. */
static int place_stat(int fd, struct statx *ret_stat, struct disk *ret_disk)
{
	int r = calls->statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_MNT_ID, ret_stat);

	if (r < 0)
		return r;
	*ret_disk = mounts_find(ret_stat->stx_mnt_id);
	return ret_disk->kind == DISK_FORBIDDEN ? -EACCES : 0;
}

int place_check(int fd, struct statx *ret_stat)
{
	struct disk disk;
	int r = place_stat(fd, ret_stat, &disk);

	if (r < 0)
		return r;
	return S_ISREG(ret_stat->stx_mode) || S_ISDIR(ret_stat->stx_mode) ? 0 : -ENXIO;
}

int place_open(int root, const char *path, struct place *ret_place)
{
	struct view folder = path_folder(view_of(path));
	struct view name = path_name(view_of(path));
	struct place place;
	char folder_path[PATH_BYTES_MAX];
	struct statx stat;
	int r;

	if (name.length == 0)
		return -EBUSY;
	if (name.length >= sizeof(place.name))
		return -ENAMETOOLONG;
	memcpy(place.name, name.at, name.length);
	place.name[name.length] = '\0';
	memcpy(folder_path, folder.at, folder.length);
	folder_path[folder.length] = '\0';
	place.folder = resolve_open(root, folder_path, O_PATH | O_DIRECTORY, 0);
	if (place.folder < 0)
		return place.folder;
	r = place_stat(place.folder, &stat, &place.disk);
	if (r < 0) {
		calls->close(place.folder);
		return r;
	}
	*ret_place = place;
	return 0;
}

void place_close(struct place *place)
{
	calls->close(place->folder);
	place->folder = -1;
}
