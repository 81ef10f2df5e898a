/*
 * A whole tree as one stream of lines (SITE INDEX): those of MLSD (fs/entry_line.h) for each entry
 * below a folder, with its path from there in the place of its name, "sub/deeper/file". A folder
 * comes before what is in it; the order is the file system's. A mirror has with one data
 * connection what would take one for every folder.
 *
 * Symbolic links are listed as links and not followed. A folder that cannot be read, or on which
 * something is mounted that is not served, is listed and not entered. Nothing else is left out in
 * silence: a tree with more than TREE_DEPTH_MAX folders one in the other, or with a path that no
 * command could name, is an error, told after all the rest.
 *
 * Memory and descriptors are bounded by TREE_DEPTH_MAX, one of each for a folder on the way down.
 *
 * Thread:    tree_listing_fill blocks, so it runs in a job thread, one at a time; the rest is the
 *            owner's while none runs.
 * Ownership: the folder's descriptor is the listing's from tree_listing_new on, also if that fails.
 */
#ifndef FS_TREE_LISTING_H
#define FS_TREE_LISTING_H

#include <stddef.h>
#include <sys/types.h>

#include "fs/entry_line.h"
#include "fs/mounts.h"

struct tree_listing;

struct tree_listing_request {
	int folder; /* O_RDONLY | O_DIRECTORY */
	unsigned facts;
	struct entry_rights rights; /* folder_writable is found out for each folder */
	struct disk disk;	    /* on which the folder lies */
};

/* Returns 0 or -ENOMEM. */
int tree_listing_new(const struct tree_listing_request *request, struct tree_listing **ret_listing);

/* Fills buffer with whole lines; size_bytes is at least ENTRY_LINE_MAX. Returns the bytes written,
 * 0 at the end, or a negative errno, which stays: -EOVERFLOW for a tree that is too deep. Ends
 * early where the next folder lies on another disk. */
ssize_t tree_listing_fill(struct tree_listing *listing, char *buffer, size_t size_bytes);

/* The disk that the next fill works on: the queue to wait in is that one's. */
struct disk tree_listing_disk(const struct tree_listing *listing);

void tree_listing_free(struct tree_listing *listing);

#endif
