/*
 * The served tree: the one place that turns a path of path_join into a descriptor, beneath the
 * session's root and never outside it (fs/resolve.h; symbolic links work inside).
 *
 * An open first tries what the kernel has cached, on the root's own file system, at once. All
 * else goes the long way: the deepest cached folder of the path tells on which file system the
 * wait will be, the open waits for a place in that file system's queue, and then for the ring.
 * So a mount that never answers holds a few opens of its own and no other's.
 *
 * Thread:    the worker's. A request is embedded in what its owner lends for one command.
 * Ownership: paths stay with the owner until done; a descriptor that is returned is the caller's.
 */
#ifndef FS_TREE_H
#define FS_TREE_H

#include <fcntl.h>
#include <sys/stat.h>

#include "fs/kept_files.h"
#include "fs/known_files.h"
#include "fs/resolve.h"
#include "fs/tree_root.h"
#include "jobs/disk_queue.h"
#include "ring/ring.h"

struct tree_request {
	/* Called with a descriptor (tree_open), 0 (the others), or a negative errno; only after a
	 * call that returned -EINPROGRESS. */
	void (*done)(struct tree_request *request, int result);
	struct ring *ring;
	struct disk_queues *disks;
	const struct tree *tree;
	struct known_files *known; /* or NULL */
	struct kept_files *kept;   /* or NULL */

	/* Results of tree_open. */
	struct statx stat; /* of what was opened */
	struct disk disk;  /* on which it lies */
	uint64_t path_hash;
	struct kept_note note; /* of a kept file: how its path was asked about */
	bool recent;	       /* tree_note_read was called for it a moment ago */

	/* Within. */
	struct op op;
	struct queue_waiter waiter;
	struct queue *queue;
	const char *path;
	const char *new_path; /* tree_rename */
	struct open_how how;
	int tries_left; /* of a walk that the kernel gives up (fs/resolve.h) */
	int flags;	/* tree_remove */
	int open_flags;
	bool file;	 /* a regular file is to be opened: it is looked at first */
	bool looked_for; /* a moment ago, so that it is opened at once */
	int fd;
	int parent;
	int result;
	void (*opened)(struct tree_request *request, int result);
	char look[RESOLVE_NUMBER_BYTES]; /* the number of its descriptor */
	char name[256];
	char new_name[256];
	char folder[4096];
};

/* Fills tree->disk in for an open root. Returns 0, or a negative errno. */
int tree_init(struct tree *tree, int root);

/* To read a file. O_NONBLOCK: no open waits for a lease, nor, without a /proc, for a FIFO's other end. */
#define TREE_READ (O_RDONLY | O_NONBLOCK)

/* Opens path with open(2) flags (no O_CREAT, no O_TRUNC; O_CLOEXEC is added). Returns a descriptor,
 * -EINPROGRESS, or another negative errno. Without O_PATH and O_DIRECTORY that is of a regular file
 * alone: a folder is -EISDIR, and what is neither stays closed and is -ENXIO. What lies on procfs,
 * sysfs and their like is -EACCES. */
int tree_open(struct tree_request *request, const char *path, int flags);

/* What the request has opened has been read whole, and will be found in the page cache for a while. */
void tree_note_read(struct tree_request *request);

/* The file that it has opened is needed no more: closed (fs/closing.h) or, if tree_open was called with
 * TREE_READ alone, kept for a moment (fs/kept_files.h). */
void tree_give(struct tree_request *request, int fd);

/* Removes a file (flags 0) or an empty folder (AT_REMOVEDIR). Return -EINPROGRESS, or a negative
 * errno (-EBUSY for the root itself). */
int tree_remove(struct tree_request *request, const char *path, int flags);
int tree_make_folder(struct tree_request *request, const char *path);
int tree_rename(struct tree_request *request, const char *path, const char *new_path);

/* Ends a request that waits for a place in its disk's queue with -ECANCELED, within the call. False:
 * it does not wait there, and comes to its end by itself. */
bool tree_cancel(struct tree_request *request);

/* The disk of path, or of the deepest folder on the way to it, that the kernel has cached: where a
 * wait for path will be. Never blocks. */
struct disk tree_locate(const struct tree *tree, const char *path);

/* Whether names in an open folder can be looked up: 0, -EAGAIN (an open of "." in it will tell, also
 * that they cannot), or another negative errno. What a network says is not waited for. */
int tree_may_enter(const struct disk *disk, int folder);

/* Whether names beside path may be made and removed: 0, or -EACCES, -EROFS or another negative errno;
 * -EBUSY for the root, beside which there is nothing. 0 where it is not known at once. *ret_stat is
 * the folder's that holds path, or all zeros. */
int tree_look_at_folder(const struct tree *tree, const char *path, struct statx *ret_stat);

#endif
