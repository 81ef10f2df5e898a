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
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/list.h"
#include "fs/tree_root.h"
#include "fs/watched_folders.h"
#include "ring/ring.h"

#define KEPT_FILES_MAX \
	1024 /* descriptors; all workers' are at most an eighth of those that the process may have */
#define KEPT_FILES_ROWS 512
#define KEPT_FILES_IN_ROW 6 /* another one takes the place of the oldest */
#define KEPT_FILE_MS 2000
#define KEPT_SWEEP_MS 100 /* at least, between two looks for those whose time is over */
#define KEPT_FILE_BYTES_MAX 65536
#define KEPT_FOLDER_BYTES_MAX 256 /* of its path; files in deeper ones are opened each time */
#define KEPT_NAME_BYTES 48 /* of a name, its NUL included; a longer one is asked about each time */
#define KEPT_ASKED_MS 1000 /* for so long a watch is enough */

/* Of a statx(2): what lies behind the mount's number says nothing of the file. */
#define KEPT_STAT_BYTES (offsetof(struct statx, stx_mnt_id) + sizeof(uint64_t))

/* What is known of a path besides: under which watch it was asked about, and when. */
struct kept_note {
	uint32_t watch;	  /* of its folder; 0: none */
	uint64_t read_ms; /* when the file was last read whole; 0: not since it is open */
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
	struct kept_folder {
		int fd; /* O_PATH, or -1 */
		int root;
		uint32_t watch;	 /* under which it was walked to; 0: none */
		uint64_t moment; /* of the ring, in which it was */
		uint64_t since_ms;
		char path[KEPT_FOLDER_BYTES_MAX];
	} folder;
	/* Who is found, and who is too old, is told by a line of the processor's cache or two. */
	struct kept_row {
		uint64_t path[KEPT_FILES_IN_ROW]; /* a hash (fs/known_files.h); 0: none */
		uint16_t file[KEPT_FILES_IN_ROW];
	} rows[KEPT_FILES_ROWS];
	uint64_t since_ms[KEPT_FILES_MAX]; /* by file; 0: unused */
	uint16_t unused[KEPT_FILES_MAX];   /* those that are not kept, the last used one last */
	struct kept_file {
		uint64_t path;
		int fd;
		struct kept_note note;
		char stat[KEPT_STAT_BYTES];
	} files[KEPT_FILES_MAX];
};

/* Zeroed memory becomes a table, one of so many workers', that keeps files where it can. */
void kept_files_init(struct kept_files *kept, struct ring *ring, unsigned workers);
void kept_files_fini(struct kept_files *kept);
void kept_files_close_all(struct kept_files *kept);

/* Asks where path (of path_join) leads in tree. Returns a descriptor, which is then the caller's, what is
 * known of the file in *ret_stat and *ret_note, for kept_files_keep; or -ENOENT: it is to be
 * opened. */
int kept_files_lend(struct kept_files *kept, uint64_t hash, const struct tree *tree,
		    const char *path, unsigned mask, struct statx *ret_stat,
		    struct kept_note *ret_note);

/* Takes a file that was opened for reading alone, stat being of that moment, with a mount id; note is what
 * kept_files_lend said, or has no watch. False: the caller closes it. */
bool kept_files_keep(struct kept_files *kept, uint64_t hash, const struct statx *stat,
		     const struct kept_note *note, int fd);

#endif
