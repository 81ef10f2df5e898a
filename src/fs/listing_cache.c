#include "fs/listing_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/limits.h"
#include "fs/listing_cache_priv.h"
#include "fs/listing_request.h"
#include "sys/calls.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x8U
#endif

int64_t listing_cache_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

struct listing_cache_limits listing_cache_limits_of(size_t bytes_max)
{
	return (struct listing_cache_limits){
		.bytes_max = bytes_max,
		.listing_max = bytes_max / 2,
		.listings_max = LISTING_CACHE_LISTINGS_MAX,
		.watches_max = LISTING_CACHE_WATCHES_MAX,
		.folders_max = LISTING_CACHE_FOLDERS_MAX,
		.age_ms = LISTING_CACHE_AGE_MS,
	};
}

/*
 * The end of a listing.
 */

void cached_listing_vacate(struct cached_listing *listing)
{
	struct listing_cache *cache = listing->cache;

	if (listing->slot == SLOT_NONE || listing->writing || listing->lent > 0)
		return;
	cache->counts.bytes -= listing->page_bytes;
	cache->holes[cache->holes_count++] =
		(struct hole){ .slot = listing->slot, .page_bytes = listing->page_bytes };
	listing->slot = SLOT_NONE;
	listing->page_bytes = 0;
	listing->size_bytes = 0;
}

void cached_listing_free(struct cached_listing *listing)
{
	cached_listing_vacate(listing);
	listing->cache->counts.listings--;
	free(listing);
}

/* Pages that cannot be given back stay, in a place that nobody gets. */
static void cache_punch(struct listing_cache *cache, const struct hole *hole)
{
	int r = 0;

	if (hole->page_bytes > 0) {
		pthread_mutex_unlock(&cache->lock);
		r = calls->fallocate(cache->file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				     (off_t)hole->slot * (off_t)cache->limits.listing_max,
				     (off_t)hole->page_bytes);
		pthread_mutex_lock(&cache->lock);
	}
	if (r == 0)
		cache->slots[cache->slots_free++] = hole->slot;
	else
		cache->counts.bytes += hole->page_bytes;
}

void listing_cache_unlock(struct listing_cache *cache)
{
	while (cache->holes_count > 0) {
		struct hole hole = cache->holes[--cache->holes_count];

		cache_punch(cache, &hole);
	}
	pthread_mutex_unlock(&cache->lock);
}

static struct cached_listing **cache_place(struct listing_cache *cache,
					   const struct cached_listing *listing);

/* Takes a kept listing out; who has it lent goes on. */
static void listing_drop(struct cached_listing *listing)
{
	struct listing_cache *cache = listing->cache;

	*cache_place(cache, listing) = listing->next;
	list_remove(&listing->link);
	watches_forget(cache->watches, &listing->watcher);
	listing->state = LISTING_DROPPED;
	if (listing->lent == 0)
		cached_listing_free(listing);
}

/* watches_drain: something in a folder has changed. */
static void listing_on_changed(struct watcher *watcher)
{
	struct cached_listing *listing = list_entry(watcher, struct cached_listing, watcher);

	if (listing->state == LISTING_DRAFT) {
		listing_draft_give_up(listing);
	} else {
		listing->cache->counts.changed++;
		listing_drop(listing);
	}
}

static void cache_empty(struct listing_cache *cache)
{
	struct list *link;

	while ((link = list_shift(&cache->kept)) != NULL)
		listing_drop(list_entry(link, struct cached_listing, link));
	for (link = cache->drafts.next; link != &cache->drafts; link = link->next)
		listing_draft_give_up(list_entry(link, struct cached_listing, link));
	cache->counts.emptied++;
}

/* Takes in all changes that have happened. */
static void cache_drain(struct listing_cache *cache)
{
	if (watches_drain(cache->watches) < 0)
		cache_empty(cache);
}

/*
 * The table.
 */

static uint64_t key_hash(const struct listing_key *key, struct view prefix)
{
	const uint64_t *words = (const uint64_t *)key;
	uint64_t hash = 14695981039346656037ULL;

	for (size_t i = 0; i < sizeof(*key) / sizeof(words[0]); i++)
		hash = (hash ^ words[i] ^ words[i] >> 32) * 1099511628211ULL;
	for (size_t i = 0; i < prefix.length; i++)
		hash = (hash ^ (unsigned char)prefix.at[i]) * 1099511628211ULL;
	return hash ^ hash >> 32;
}

static struct view listing_prefix(const struct cached_listing *listing)
{
	return (struct view){ listing->prefix, listing->prefix_length };
}

/* Where the listing of a key stands, or would. */
static struct cached_listing **cache_find(struct listing_cache *cache,
					  const struct listing_key *key, struct view prefix)
{
	struct cached_listing **place = &cache->buckets[key_hash(key, prefix) % LISTING_BUCKETS];

	for (; *place; place = &(*place)->next) {
		const struct cached_listing *listing = *place;

		if (memcmp(&listing->key, key, sizeof(*key)) == 0 &&
		    listing->prefix_length == prefix.length &&
		    memcmp(listing->prefix, prefix.at, prefix.length) == 0)
			break;
	}
	return place;
}

static struct cached_listing **cache_place(struct listing_cache *cache,
					   const struct cached_listing *listing)
{
	return cache_find(cache, &listing->key, listing_prefix(listing));
}

/* What must be equal for one listing to be another's. */
static struct listing_key key_of(const struct listing_request *request, const struct statx *stat)
{
	const struct entry_rights *rights = &request->rights;
	const struct entry_rights *own = &request->own_rights;
	bool facts = request->format == LISTING_MLSD;

	return (struct listing_key){
		.device = (uint64_t)stat->stx_dev_major << 32 | stat->stx_dev_minor,
		.inode = stat->stx_ino,
		.mount = stat->stx_mnt_id,
		.format = (uint64_t)request->format << 8 | (uint64_t)own->read_only << 7 |
			  (uint64_t)own->folder_sticky << 6 | (uint64_t)own->folder_writable << 5 |
			  (uint64_t)rights->read_only << 4 | (uint64_t)rights->folder_sticky << 3 |
			  (uint64_t)rights->may_write << 1 | (uint64_t)rights->folder_writable,
		.facts = facts ? request->facts : 0,
		.user = (uint64_t)rights->uid << 32 | rights->gid,
	};
}

/* Whether it is of a kind that is kept. */
static bool request_is_plain(const struct listing_request *request, const struct statx *stat,
			     const struct disk *disk)
{
	bool known = request->format == LISTING_LIST || request->format == LISTING_NLST ||
		     request->format == LISTING_MLSD;

	return known && disk->watchable && stat->stx_mask & STATX_MNT_ID &&
	       request->pattern.length == 0 && request->prefix.length <= LISTING_CACHE_PREFIX_MAX;
}

static bool times_are_equal(const struct statx_timestamp *one, const struct statx_timestamp *other)
{
	return one->tv_sec == other->tv_sec && one->tv_nsec == other->tv_nsec;
}

bool cached_listing_is_of(const struct cached_listing *listing, const struct statx *stat)
{
	return times_are_equal(&listing->changed, &stat->stx_ctime) &&
	       times_are_equal(&listing->modified, &stat->stx_mtime);
}

static bool listing_is_fresh(const struct cached_listing *listing, int64_t now_s)
{
	if (listing->hopeless)
		return true;
	if (listing->looks &&
	    listing_cache_now_ms() - listing->begun_ms >= listing->cache->limits.age_ms)
		return false;
	return now_s >= listing->made_s &&
	       now_s <= atomic_load_explicit(&listing->until_s, memory_order_relaxed);
}

/* The listing of a key if it still holds; else it is dropped. */
static struct cached_listing *cache_look_up(struct listing_cache *cache,
					    const struct listing_key *key,
					    const struct listing_request *request,
					    const struct statx *stat)
{
	struct cached_listing *listing = *cache_find(cache, key, request->prefix);

	if (!listing)
		return NULL;
	if (!cached_listing_is_of(listing, stat))
		cache->counts.changed++;
	else if (!listing_is_fresh(listing, request->now_s))
		cache->counts.expired++;
	else
		return listing;
	listing_drop(listing);
	return NULL;
}

void listing_cache_keep(struct cached_listing *draft)
{
	struct listing_cache *cache = draft->cache;
	struct cached_listing **place = cache_place(cache, draft);

	if (*place)
		listing_drop(*place);
	place = cache_place(cache, draft);
	draft->next = *place;
	*place = draft;
	draft->state = LISTING_KEPT;
	list_remove(&draft->link);
	list_append(&cache->kept, &draft->link);
}

/*
 * Room. What is lent holds its place until it is given back, so it is not worth dropping.
 */

static bool cache_evict(struct listing_cache *cache)
{
	struct list *link;

	for (link = cache->kept.next; link != &cache->kept; link = link->next) {
		struct cached_listing *listing = list_entry(link, struct cached_listing, link);

		if (listing->lent > 0)
			continue;
		cache->counts.evicted++;
		listing_drop(listing);
		return true;
	}
	return false;
}

/* Drafts of slow readers, which are too old by now or will be. */
static void cache_spoil_old(struct listing_cache *cache)
{
	int64_t now = listing_cache_now_ms();
	struct list *link;

	for (link = cache->drafts.next; link != &cache->drafts; link = link->next) {
		struct cached_listing *draft = list_entry(link, struct cached_listing, link);

		if (!draft->writing && now - draft->begun_ms >= cache->limits.age_ms)
			listing_draft_give_up(draft);
	}
}

bool listing_cache_make_room(struct listing_cache *cache, size_t bytes)
{
	while (cache->counts.bytes + bytes > cache->limits.bytes_max)
		if (!cache_evict(cache))
			break;
	if (cache->counts.bytes + bytes > cache->limits.bytes_max)
		cache_spoil_old(cache);
	return cache->counts.bytes + bytes <= cache->limits.bytes_max;
}

/* A place that was given up is free only once its hole is punched: the next one gets it. */
bool listing_cache_make_place(struct listing_cache *cache)
{
	if (cache->counts.listings == cache->limits.listings_max)
		cache_evict(cache);
	return cache->slots_free > 0 && cache->counts.listings < cache->limits.listings_max;
}

/*
 * The door.
 */

/* Kernels before 6.3 know no MFD_NOEXEC_SEAL, others may insist on it. */
static int memory_file(void)
{
	int fd = calls->memfd_create("sluice listings", MFD_CLOEXEC | MFD_NOEXEC_SEAL);

	return fd == -EINVAL ? calls->memfd_create("sluice listings", MFD_CLOEXEC) : fd;
}

int listing_cache_new(const struct listing_cache_limits *limits, struct listing_cache **ret_cache)
{
	size_t holes_bytes = limits->listings_max * sizeof(struct hole);
	struct listing_cache *cache = calls->allocate(sizeof(*cache) + holes_bytes +
						      limits->listings_max * sizeof(unsigned));
	int r;

	if (!cache)
		return -ENOMEM;
	memset(cache, 0, sizeof(*cache));
	cache->limits = *limits;
	cache->page = (size_t)sysconf(_SC_PAGESIZE);
	cache->limits.listing_max -= limits->listing_max % cache->page;
	cache->slots = (unsigned *)(void *)(cache->holes + limits->listings_max);
	for (unsigned i = limits->listings_max; i > 0; i--)
		cache->slots[cache->slots_free++] = i - 1;
	pthread_mutex_init(&cache->lock, NULL);
	list_init(&cache->kept);
	list_init(&cache->drafts);
	cache->file = memory_file();
	if (cache->file < 0) {
		r = cache->file;
		goto fail_memory;
	}
	r = watches_new(&cache->lock, limits->watches_max, listing_on_changed, &cache->watches);
	if (r < 0)
		goto fail_file;
	*ret_cache = cache;
	return 0;

fail_file:
	calls->close(cache->file);
fail_memory:
	pthread_mutex_destroy(&cache->lock);
	free(cache);
	return r;
}

void listing_cache_free(struct listing_cache *cache)
{
	if (!cache)
		return;
	pthread_mutex_lock(&cache->lock);
	cache_empty(cache);
	pthread_mutex_unlock(&cache->lock);
	watches_free(cache->watches);
	calls->close(cache->file);
	pthread_mutex_destroy(&cache->lock);
	free(cache);
}

struct cached_listing *listing_cache_take(struct listing_cache *cache,
					  const struct listing_request *request,
					  const struct statx *stat, const struct disk *disk,
					  struct cached_listing **ret_draft)
{
	struct cached_listing *listing;
	struct listing_key key;

	*ret_draft = NULL;
	if (!cache)
		return NULL;
	key = key_of(request, stat);
	pthread_mutex_lock(&cache->lock);
	cache_drain(cache);
	if (!request_is_plain(request, stat, disk)) {
		cache->counts.passed++;
		listing_cache_unlock(cache);
		return NULL;
	}
	listing = cache_look_up(cache, &key, request, stat);
	if (listing) { /* used last */
		list_remove(&listing->link);
		list_append(&cache->kept, &listing->link);
	}
	if (listing && !listing->hopeless) {
		listing->lent++;
		cache->counts.hits++;
	} else if (listing) {
		listing = NULL;
		cache->counts.passed++;
	} else {
		*ret_draft = listing_draft_new(cache, &key, request);
		cache->counts.misses++;
	}
	listing_cache_unlock(cache);
	return listing;
}

void listing_cache_give(struct cached_listing *listing)
{
	struct listing_cache *cache = listing->cache;

	pthread_mutex_lock(&cache->lock);
	listing->lent--;
	if (listing->lent == 0 && listing->state == LISTING_DROPPED)
		cached_listing_free(listing);
	listing_cache_unlock(cache);
}

int listing_cache_file(const struct cached_listing *listing, off_t *ret_offset, off_t *ret_end)
{
	*ret_offset = (off_t)listing->slot * (off_t)listing->cache->limits.listing_max;
	*ret_end = *ret_offset + (off_t)listing->size_bytes;
	return listing->cache->file;
}

void listing_cache_counts(struct listing_cache *cache, struct listing_cache_counts *ret_counts)
{
	pthread_mutex_lock(&cache->lock);
	*ret_counts = cache->counts;
	ret_counts->watches = watches_count(cache->watches);
	pthread_mutex_unlock(&cache->lock);
}
