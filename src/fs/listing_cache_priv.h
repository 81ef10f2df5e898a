/*
 * What the two files of kept listings share: their structures, and what a draft needs of the cache.
 * All of it with the lock held, unless it says otherwise.
 */
#ifndef FS_LISTING_CACHE_PRIV_H
#define FS_LISTING_CACHE_PRIV_H

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>

#include "base/list.h"
#include "fs/listing_cache.h"
#include "fs/watch.h"

#define LISTING_BUCKETS 1024
#define SLOT_NONE UINT_MAX

/* What a listing is of. No padding: it is compared as bytes. */
struct listing_key {
	uint64_t device;
	uint64_t inode;
	uint64_t mount;
	uint64_t format; /* and flags */
	uint64_t facts;
	uint64_t user;
};

enum listing_state {
	LISTING_DRAFT,
	LISTING_SPOILT, /* a draft that will not be published */
	LISTING_KEPT,
	LISTING_DROPPED, /* kept no more, but lent */
};

struct cached_listing {
	struct listing_cache *cache;
	struct cached_listing *next; /* of its bucket */
	struct list link;	     /* among those kept, or the drafts; else in none */
	struct watcher watcher;
	enum listing_state state;
	unsigned lent;
	unsigned folders; /* watches beside its own folder's */
	unsigned slot;	  /* its place in the file, or SLOT_NONE */
	size_t size_bytes;
	size_t page_bytes;  /* counted in cache->counts.bytes */
	bool writing;	    /* its maker is at it: its place stays */
	bool hopeless;	    /* spoilt by what lasts: kept as a mark, without bytes */
	bool looks;	    /* tells sizes or times */
	atomic_bool spoilt; /* state, for who needs no lock to see it */
	struct statx_timestamp changed;
	struct statx_timestamp modified;
	int64_t begun_ms;
	int64_t made_s;
	_Atomic int64_t until_s;
	struct listing_key key;
	size_t prefix_length;
	char prefix[];
};

/* A place that was given up, until its pages are. */
struct hole {
	unsigned slot;
	size_t page_bytes;
};

struct listing_cache {
	pthread_mutex_t lock; /* see listing_cache.h: protects all that follows, and all listings */
	struct listing_cache_limits limits;
	struct watches *watches;
	int file;
	size_t page; /* bytes */
	struct cached_listing *buckets[LISTING_BUCKETS];
	struct list kept;   /* the first one was not used for the longest time */
	struct list drafts; /* the first one began first */
	struct listing_cache_counts counts;
	unsigned *slots; /* a stack of those that are free */
	unsigned slots_free;
	unsigned holes_count;
	struct hole holes[]; /* to be punched when the lock is let go */
};

/* Milliseconds of a clock that nobody sets. Needs no lock. */
int64_t listing_cache_now_ms(void);

/* Sees to it that so many bytes more may be used. */
bool listing_cache_make_room(struct listing_cache *cache, size_t bytes);

/* Sees to it that one more listing may be begun. */
bool listing_cache_make_place(struct listing_cache *cache);

/* Makes a kept listing of a draft, or of a hopeless one a mark. */
void listing_cache_keep(struct cached_listing *draft);

/* Punches the holes that there are, without the lock, since that may take a while; then lets go. */
void listing_cache_unlock(struct listing_cache *cache);

/* Gives up its place, unless somebody reads or writes there. */
void cached_listing_vacate(struct cached_listing *listing);

/* Ends it; it is in no list, and nobody's. */
void cached_listing_free(struct cached_listing *listing);

/* Whether the change times are those of the folder it was made of. Needs no lock. */
bool cached_listing_is_of(const struct cached_listing *listing, const struct statx *stat);

/* A draft of what request asks for, or NULL. */
struct cached_listing *listing_draft_new(struct listing_cache *cache, const struct listing_key *key,
					 const struct listing_request *request);

/* It will not be published; the struct stays with who makes it. */
void listing_draft_give_up(struct cached_listing *draft);

#endif
