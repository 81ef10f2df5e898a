/*
 * Folders that are watched because many of their files are asked for: as long as inotify(7) tells of
 * no change, what was found out about a path holds, and nobody need ask again.
 *
 * A watch is of the folder (names that come, go or are exchanged, writing and truncation through
 * these names, attributes) and of those on the way to it from the root on (that they are moved or
 * removed, or that attributes change in them). Each watch has a number of its own. While
 * watched_folders_visit returns the same number for a folder, nothing has happened between the
 * first return of it and this moment of the ring. It returns 0 while there is no watch: the folder
 * has had too few visits, lies beyond a symbolic link or another mount, or there is nothing to watch
 * it with.
 *
 * Not told is what fs/watch.h says of inotify: what is done by another name of a file, by a descriptor
 * whose name was taken away elsewhere, by io_submit(2), and what is done beneath the names of a file
 * system (a snapshot is rolled back, a subvolume with files in it deleted). Who relies on a number looks
 * again at files that have several names, and at all of them once in a while.
 *
 * What has happened is taken in once for each moment of the ring. The first change ends a watch, and
 * a new one takes as many visits as the first, and some time: a folder that changes all the time
 * costs little. A folder has its place by its hash; another takes the place once it has had more
 * visits.
 *
 * The three descriptors are the table's, opened with the first watch and kept until the end.
 *
 * Thread: the worker's. No call waits for a disk: watched are folders of the root's own, local file
 * system, and they are walked to from the cache.
 */
#ifndef FS_WATCHED_FOLDERS_H
#define FS_WATCHED_FOLDERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/view.h"
#include "fs/tree_root.h"
#include "ring/ring.h"

#define WATCHED_FOLDERS_PLACES 64
#define WATCHED_DEPTH_MAX 8 /* folders of a path with the root; deeper ones are not watched */
#define WATCHED_PATH_BYTES_MAX 256
#define WATCHED_FROM 32	      /* visits, from which on a folder is watched */
#define WATCHED_VISITS_MAX 64 /* that count when another folder wants the place */

/* To begin a watch costs the more the more names of the folder the kernel has in memory. So after one that
 * could not be had, or that a change has ended, a folder is left alone for a while and keeps its place, and
 * twice as long each time (not if the change was on the way to it). One that ends unused leaves no pause. */
#define WATCHED_PAUSE_MS 100
#define WATCHED_PAUSE_MS_MAX 64000
#define WATCHED_LASTS_MS 10000 /* a watch of so long has paid */

struct watched_folders {
	struct ring *ring;
	int inotify; /* -1: none yet, or no longer */
	int mounts;
	int changes; /* epoll(7) of both: whether there is anything to be read */
	unsigned count;
	uint32_t last_number;
	uint64_t moment; /* of the ring, in which changes were last taken in */
	struct watched_folder {
		int root;
		uint32_t number; /* 0: not watched */
		uint64_t since_ms;
		uint64_t again_ms; /* not watched before */
		uint64_t pause_ms; /* that it has kept to */
		unsigned visits;
		unsigned depth;
		int watches[WATCHED_DEPTH_MAX]; /* from the root on; the folder's own is the last */
		char path[WATCHED_PATH_BYTES_MAX];
	} folders[WATCHED_FOLDERS_PLACES];
};

/* Zeroed memory becomes a table without watches. */
void watched_folders_init(struct watched_folders *watched, struct ring *ring);
void watched_folders_fini(struct watched_folders *watched);

/* A file of a folder (path_folder of a path_join) is asked for. Returns the number of the folder's watch,
 * or 0. Who looks at the file after this call may rely on what it saw as long as the number stays. */
uint32_t watched_folders_visit(struct watched_folders *watched, const struct tree *tree,
			       struct view folder);

/* Ends all watches. */
void watched_folders_end_all(struct watched_folders *watched);

#endif
