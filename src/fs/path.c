#include "fs/path.h"

#include <errno.h>
#include <string.h>

static bool is_refused(char byte)
{
	return byte == '\0' || byte == '\r' || byte == '\n';
}

/* The length of path without its last name; the root's is 0 while a path grows. */
static size_t length_of_folder(const char *path, size_t length)
{
	while (length > 0 && path[--length] != '/')
		;
	return length;
}

/* Adds one name of an argument to path[0 .. length). Returns the new length or -ENAMETOOLONG. */
static int name_join(char *path, size_t length, struct view name)
{
	if (name.length == 0 || view_is(name, "."))
		return (int)length;
	if (view_is(name, ".."))
		return (int)length_of_folder(path, length);
	if (length + 1 + name.length >= PATH_BYTES_MAX)
		return -ENAMETOOLONG;
	path[length] = '/';
	memcpy(path + length + 1, name.at, name.length);
	return (int)(length + 1 + name.length);
}

/* Cuts the first name of *rest, and the slash behind it, off. */
static struct view name_cut(struct view *rest)
{
	const char *slash = memchr(rest->at, '/', rest->length);
	struct view name = *rest;

	if (slash)
		name.length = (size_t)(slash - rest->at);
	*rest = view_skip(*rest, name.length + (slash ? 1 : 0));
	return name;
}

int path_join(struct view folder, struct view argument, char *ret_path)
{
	char path[PATH_BYTES_MAX]; /* folder may be what is in ret_path */
	int length = 0;

	for (size_t i = 0; i < argument.length; i++)
		if (is_refused(argument.at[i]))
			return -EINVAL;

	if (argument.length == 0 || argument.at[0] != '/')
		length = name_join(path, 0, view_skip(folder, 1));
	while (length >= 0 && argument.length > 0) {
		struct view name = name_cut(&argument);

		length = name_join(path, (size_t)length, name);
	}
	if (length < 0)
		return length;
	if (length == 0)
		path[length++] = '/';
	memcpy(ret_path, path, (size_t)length);
	ret_path[length] = '\0';
	return length;
}

struct view path_name(struct view path)
{
	return view_skip(path, length_of_folder(path.at, path.length) + 1);
}

struct view path_folder(struct view path)
{
	size_t length = length_of_folder(path.at, path.length);

	return (struct view){ path.at, length > 0 ? length : 1 };
}
