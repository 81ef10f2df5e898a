/*
 * Listings as they were sent, kept to be sent again: for the same folder, format and rights, as
 * long as nothing in the folder has changed. A listing that is being made is a draft; whoever
 * makes it says what it was made of and appends what it sends, and at its end it is published,
 * unless something spoilt it on the way. Two that make the same one each make it; the later one
 * takes the place of the earlier.
 *
 * The bytes lie in one file in memory (memfd_create(2)), so that a kept listing is sent as every
 * file is: from the page cache to the socket, within the kernel. Each listing has a place of its
 * own in that file, which is used again only after its pages were given back (a hole is punched):
 * what is still on its way to a client stays as it was.
 *
 * When a kept listing is given out (listing_cache_take), after the session itself has opened the
 * folder for reading, it is still true, because
 *
 *   - it is of that very folder: device, inode, mount; and of change times that are the folder's
 *     now. Of a folder that changed within a tick of the kernel's clock before it was read these
 *     would say nothing, so it is not kept;
 *   - no inotify watch of the folder, nor of any folder in it if its line tells of that (its time
 *     is changed by what happens in it), set before it was read, has told of a change: all that
 *     has happened before the call is taken in first (fs/watch.h). If the kernel lost events, or
 *     mounts came or went, nothing is kept;
 *   - nothing in it depends on more than that. Not kept is: what has a pattern; MLSD with symbolic
 *     links, whose lines are of what they point to; what tells sizes or times of a file of several
 *     names (hard links), of a place where something is mounted, or of an entry that could not be
 *     looked at; anything on a network, on FUSE, or on an overlay (fs/mounts.h);
 *   - no line of LIST has become due for the other form of its date since;
 *   - and, for lines that tell sizes or times, it was read less than age_ms ago. That bounds what
 *     inotify is silent about: an entry whose file is written through a name that was made
 *     elsewhere only afterwards (the count of its names likewise), through a shared mapping (from
 *     the last close on, the watch tells), or by io_submit(2). Names are always right.
 *
 * Facts of MLSD must follow from statx(2) of the entry and from struct entry_rights, and none from
 * the time of access, of which nothing tells.
 *
 * bytes_max bounds the pages of all: drafts, kept ones, and such as were dropped while they are
 * sent. For a draft, the kept ones that were not used for the longest time go first, then drafts
 * that are too old to be published; else the draft is spoilt. A listing too large to be kept, or
 * with links, is remembered as such, without its bytes, until its folder changes.
 *
 * Thread:    any. A mutex protects all of it: a look-up is shorter than a message to a thread that
 *            owned it and back. No call here waits for a disk. The maker's side is in
 *            fs/listing_draft.h.
 * Ownership: take lends a listing, give ends the loan. A draft belongs to who makes it.
 */
#ifndef FS_LISTING_CACHE_H
#define FS_LISTING_CACHE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "fs/mounts.h"

struct cached_listing;
struct listing_cache;
struct listing_request;
struct statx;

struct listing_cache_limits {
	size_t bytes_max;   /* of all */
	size_t listing_max; /* of one */
	unsigned listings_max;
	unsigned watches_max;
	unsigned folders_max; /* watches of one listing, but for its own folder's */
	unsigned age_ms;
};

struct listing_cache_counts {
	uint64_t hits;	  /* given out from here */
	uint64_t misses;  /* made, though they might have been here */
	uint64_t passed;  /* asked for, but not of a kind that is kept */
	uint64_t changed; /* dropped because of a change */
	uint64_t expired; /* because of their age */
	uint64_t evicted; /* for want of room */
	uint64_t emptied; /* times that all were dropped: events lost, mounts */
	uint64_t bytes;	  /* in use */
	unsigned listings;
	unsigned watches;
};

/* Limits for bytes_max in all, with those of base/limits.h. */
struct listing_cache_limits listing_cache_limits_of(size_t bytes_max);

/* Returns 0 or a negative errno: there is no inotify, or no memory. */
int listing_cache_new(const struct listing_cache_limits *limits, struct listing_cache **ret_cache);

/* All that was lent is given back, and every draft has ended. */
void listing_cache_free(struct listing_cache *cache);

/* The listing that request (fs/listing_request.h) asks for, of the open folder of which stat (with
 * STATX_MNT_ID) and disk tell. NULL: there is none; *ret_draft is then a draft for
 * listing_new, or NULL if it cannot be kept. cache may be NULL. */
struct cached_listing *listing_cache_take(struct listing_cache *cache,
					  const struct listing_request *request,
					  const struct statx *stat, const struct disk *disk,
					  struct cached_listing **ret_draft);
void listing_cache_give(struct cached_listing *listing);

/* Where its bytes are: [*ret_offset, *ret_end) of the descriptor that is returned, which stays the
 * cache's. */
int listing_cache_file(const struct cached_listing *listing, off_t *ret_offset, off_t *ret_end);

void listing_cache_counts(struct listing_cache *cache, struct listing_cache_counts *ret_counts);

#endif
