/*
 * Small files that have just been sent stay open for a moment: whoever wants one of them by the same
 * path again spares the server an open and a close. Before it is lent the path is asked anew: it
 * must lead to the very file that is open, whose rights and contents nobody has touched meanwhile.
 * Else it is closed, and the path is opened like any other. Its contents stay in the page cache
 * alone, so that nothing here can be out of date.
 *
 * Where its folder is watched (fs/watched_folders.h) nothing has to be asked. What no watch tells is
 * seen all the same: a file of several names is asked about each time, any other one every second.
 *
 * The question must not wait for a file system that does not answer, nor leave the root. So the
 * folder is walked to as for an open that may not wait (openat2(2) within the root and its mount,
 * from the cache), and the last name is no link. Of many files of one folder that are wanted at one
 * moment of the ring the folder is walked to once. The ring tells when mounts come or go, and then
 * all are closed; where that cannot be told (no /proc) none is kept. Kept are files of the root's
 * own, local file system alone.
 *
 * A descriptor is lent to one at a time, and of a path one is kept. A table of one worker.
 *
 * Thread: the worker's.
 */
#ifndef FS_KEPT_FILES_H
#define FS_KEPT_FILES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/list.h"
#include "fs/tree_root.h"
#include "fs/watched_folders.h"
#include "ring/ring.h"

#define KEPT_FILES_MAX \
	1024 /* descriptors; all workers' are at most an eighth of those that the process may have */
#define KEPT_FILES_CHAINS 1024
#define KEPT_FILE_MS 2000
#define KEPT_FILE_BYTES_MAX 65536
#define KEPT_FOLDER_BYTES_MAX 256 /* of its path; files in deeper ones are opened each time */
#define KEPT_NAME_BYTES 48 /* of a name, its NUL included; a longer one is asked about each time */
#define KEPT_ASKED_MS 1000 /* for so long a watch is enough */

/* Under which watch a path was asked about, and when. */
struct kept_note {
	uint32_t watch; /* of its folder; 0: none */
	uint64_t asked_ms;
	char name[KEPT_NAME_BYTES];
};

struct kept_files {
	struct ring *ring;
	unsigned max;
	unsigned count;
	int mounts; /* tells when they change; -1: nothing does */
	struct op mounts_op;
	struct wheel_timer timer;
	struct watched_folders watched;
	struct list oldest;
	struct list unused; /* of files, by the same link */
	struct list chains[KEPT_FILES_CHAINS];
	struct kept_folder {
		int fd; /* O_PATH, or -1 */
		int root;
		uint64_t moment; /* of the ring, in which it was walked to */
		char path[KEPT_FOLDER_BYTES_MAX];
	} folder;
	struct kept_file {
		struct list link;
		struct list chain;
		uint64_t path; /* a hash of it and of its root (fs/known_files.h) */
		uint64_t since_ms;
		int fd;
		struct kept_note note;
		struct statx stat;
	} files[KEPT_FILES_MAX];
};

/* Zeroed memory becomes a table, one of so many workers', that keeps files where it can. */
void kept_files_init(struct kept_files *kept, struct ring *ring, unsigned workers);
void kept_files_fini(struct kept_files *kept);
void kept_files_close_all(struct kept_files *kept);

/* Asks where path (of path_join) leads in tree. Returns a descriptor, which is then the caller's, what is
 * known of the file in *ret_stat and, for kept_files_keep, how in *ret_note; or -ENOENT: it is to be
 * opened. */
int kept_files_lend(struct kept_files *kept, uint64_t hash, const struct tree *tree,
		    const char *path, unsigned mask, struct statx *ret_stat,
		    struct kept_note *ret_note);

/* Takes a file that was opened for reading alone, stat being of that moment, with a mount id; note is what
 * kept_files_lend said, or has no watch. False: the caller closes it. */
bool kept_files_keep(struct kept_files *kept, uint64_t hash, const struct statx *stat,
		     const struct kept_note *note, int fd);

#endif
