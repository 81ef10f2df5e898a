/*
 * Paths that led to a regular file a moment ago, and files that were read then. A file is looked at
 * before it is opened, since an open alone can do something to a FIFO or a device; and the page
 * cache is asked before it is read, since a disk can make us wait. For a path that has just been
 * through both, the answers are known: the look and the question are left out. Should the path
 * lead elsewhere by now, the open file says so, and what is no file is closed again.
 *
 * A table of one worker, in rows: a newer path takes the place of its row's oldest.
 *
 * Thread: the worker's.
 */
#ifndef FS_KNOWN_FILES_H
#define FS_KNOWN_FILES_H

#include <stdbool.h>
#include <stdint.h>

#define KNOWN_FILES_ROWS 1024
#define KNOWN_FILES_IN_ROW 4
#define KNOWN_FILE_MS 2000 /* for so long an answer is good */

struct known_files {
	struct known_file {
		uint64_t path; /* a hash of it and of its root; 0: none */
		uint64_t inode;
		uint64_t seen_ms;
	} files[KNOWN_FILES_ROWS][KNOWN_FILES_IN_ROW];
};

uint64_t known_files_hash(int root, const char *path);

/* Whether the path led to a regular file. */
bool known_files_has(const struct known_files *known, uint64_t path, uint64_t now_ms);

/* It does now; with the inode if the file has been read, else with 0. */
void known_files_note(struct known_files *known, uint64_t path, uint64_t inode, uint64_t now_ms);

/* Whether it led to that file, which was read. */
bool known_files_read(const struct known_files *known, uint64_t path, uint64_t inode,
		      uint64_t now_ms);

#endif
