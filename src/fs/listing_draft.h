/*
 * The maker's side of fs/listing_cache.h: a listing that may be kept, while it is made. The maker
 * says, before and while it reads, what its lines depend on, and appends what it sends. Anything
 * that speaks against keeping it spoils the draft, which then costs nothing more.
 *
 * Thread:    job threads: begin, append, publish and abandon of one; look, until and spoil of
 *            several at a time. look and begin may wait for the folder's disk.
 * Ownership: the draft is the maker's until publish or abandon.
 */
#ifndef FS_LISTING_DRAFT_H
#define FS_LISTING_DRAFT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct cached_listing;
struct statx;

/* NULL, and a draft that is spoilt, are taken by all of these. */

/* Before anything is read of folder. */
void listing_draft_begin(struct cached_listing *draft, int folder);

/* The entry name of folder was looked at, and its line tells of stat. True: it is a folder of which
 * each change is told from now on, so it has to be looked at once more. (A watch walks into what is
 * mounted there, and would wait for it; hence not before the first look.) */
bool listing_draft_look(struct cached_listing *draft, int folder, const char *name,
			const struct statx *stat);

/* A line will be another one after until_s. */
void listing_draft_until(struct cached_listing *draft, int64_t until_s);

/* A line depends on what no watch tells of. lasting: and will, until the folder changes. */
void listing_draft_spoil(struct cached_listing *draft, bool lasting);

/* The next bytes. */
void listing_draft_append(struct cached_listing *draft, const char *bytes, size_t length);

/* The end: it was complete, or not. The draft is the cache's from now on. */
void listing_draft_publish(struct cached_listing *draft);
void listing_draft_abandon(struct cached_listing *draft);

#endif
