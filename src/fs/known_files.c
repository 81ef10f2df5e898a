#include "fs/known_files.h"

#include <string.h>

#include "base/hash.h"

uint64_t known_files_hash(int root, const char *path)
{
	return hash_octets((unsigned)root, path, strlen(path)) | 1;
}

/* The path's place or, if it has none, the one that it is to take: a free one, or the oldest. */
static struct known_file *known_files_place(const struct known_files *known, uint64_t path)
{
	const struct known_file *row = known->files[(path >> 1 ^ path >> 33) % KNOWN_FILES_ROWS];
	const struct known_file *place = row;

	for (int i = 0; i < KNOWN_FILES_IN_ROW; i++) {
		if (row[i].path == path)
			return (struct known_file *)&row[i];
		if (row[i].seen_ms < place->seen_ms)
			place = &row[i];
	}
	return (struct known_file *)place;
}

static bool known_file_is(const struct known_file *file, uint64_t path, uint64_t now_ms)
{
	return file->path == path && now_ms - file->seen_ms < KNOWN_FILE_MS;
}

bool known_files_has(const struct known_files *known, uint64_t path, uint64_t now_ms)
{
	return known_file_is(known_files_place(known, path), path, now_ms);
}

void known_files_note(struct known_files *known, uint64_t path, uint64_t inode, uint64_t now_ms)
{
	*known_files_place(known, path) =
		(struct known_file){ .path = path, .inode = inode, .seen_ms = now_ms };
}

bool known_files_read(const struct known_files *known, uint64_t path, uint64_t inode,
		      uint64_t now_ms)
{
	const struct known_file *file = known_files_place(known, path);

	return known_file_is(file, path, now_ms) && file->inode == inode;
}
