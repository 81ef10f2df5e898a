/* Fuzzes path_join: what it makes is absolute and normal, and joined once more stays as it is. */
#include "fs/path.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct view argument = { (const char *)data, size };
	char path[PATH_BYTES_MAX];
	char again[PATH_BYTES_MAX];
	int length;

	length = path_join(view_of("/a/b"), argument, path);
	if (length < 0)
		return 0;
	if (path[0] != '/' || strlen(path) != (size_t)length || strstr(path, "//") ||
	    strstr(path, "/../") || strstr(path, "/./") || (length > 1 && path[length - 1] == '/'))
		abort();
	if (path_join(view_of("/"), view_of(path), again) != length || strcmp(path, again) != 0)
		abort();
	if (path_folder(view_of(path)).length + path_name(view_of(path)).length > (size_t)length)
		abort();
	return 0;
}
