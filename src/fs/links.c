#include "fs/links.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "fs/place.h"
#include "fs/resolve.h"
#include "sys/calls.h"

int links_make_symbolic(int root, const char *target, const char *path)
{
	struct place place;
	int r = place_open(root, path, &place);

	if (r < 0)
		return r == -EBUSY ? -EEXIST : r;
	r = calls->symlinkat(target, place.folder, place.name);
	place_close(&place);
	return r;
}

/* The file that was looked at is the one that gets the name: through its descriptor's link in
 * /proc/self/fd, for the kernel takes no descriptor itself here without a capability. */
static int links_link(int look, const struct place *place)
{
	char number[RESOLVE_NUMBER_BYTES];

	if (resolve_own_files() < 0)
		return -EOPNOTSUPP;
	resolve_number(look, number);
	return calls->linkat(resolve_own_files(), number, place->folder, place->name,
			     AT_SYMLINK_FOLLOW);
}

static int links_link_at(int root, int look, const char *path)
{
	struct place place;
	int r = place_open(root, path, &place);

	if (r < 0)
		return r == -EBUSY ? -EEXIST : r;
	r = links_link(look, &place);
	place_close(&place);
	return r;
}

int links_make_hard(int root, const char *existing, const char *path, const char **ret_blamed)
{
	struct statx stat;
	const char *blamed = existing;
	int look = resolve_open(root, existing, O_PATH, 0);
	int r = look < 0 ? look : resolve_stat_file(look, &stat);

	if (r == 0) {
		blamed = path;
		r = links_link_at(root, look, path);
	}
	if (look >= 0)
		calls->close(look);
	if (r < 0)
		*ret_blamed = blamed;
	return r;
}
