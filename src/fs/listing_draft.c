#include "fs/listing_draft.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/limits.h"
#include "fs/listing_cache_priv.h"
#include "fs/listing_request.h"
#include "sys/calls.h"

#define TICK_MS 20 /* of the clock that files are stamped by: 10 at the most, and as much again */
#define SECONDS_MS 2000 /* of a file system that knows seconds only, or every second one */
#define FOLDER_MASK (STATX_INO | STATX_MTIME | STATX_CTIME)

struct cached_listing *listing_draft_new(struct listing_cache *cache, const struct listing_key *key,
					 const struct listing_request *request)
{
	struct cached_listing *draft = NULL;

	if (listing_cache_make_place(cache))
		draft = calls->allocate(sizeof(*draft) + request->prefix.length);
	if (!draft)
		return NULL;
	memset(draft, 0, sizeof(*draft));
	draft->cache = cache;
	draft->state = LISTING_DRAFT;
	draft->slot = cache->slots[--cache->slots_free];
	draft->looks = request->format == LISTING_LIST ||
		       (request->format == LISTING_MLSD && entry_line_mask(request->facts) != 0);
	draft->begun_ms = listing_cache_now_ms();
	draft->made_s = request->now_s;
	atomic_init(&draft->spoilt, false);
	atomic_init(&draft->until_s, INT64_MAX);
	draft->key = *key;
	draft->prefix_length = request->prefix.length;
	if (draft->prefix_length > 0)
		memcpy(draft->prefix, request->prefix.at, draft->prefix_length);
	watcher_init(&draft->watcher);
	list_append(&cache->drafts, &draft->link);
	cache->counts.listings++;
	return draft;
}

void listing_draft_give_up(struct cached_listing *draft)
{
	if (draft->state != LISTING_DRAFT)
		return;
	draft->state = LISTING_SPOILT;
	atomic_store_explicit(&draft->spoilt, true, memory_order_relaxed);
	watches_forget(draft->cache->watches, &draft->watcher);
	cached_listing_vacate(draft);
}

static bool draft_is_spoilt(const struct cached_listing *draft)
{
	return !draft || atomic_load_explicit(&draft->spoilt, memory_order_relaxed);
}

void listing_draft_spoil(struct cached_listing *draft, bool lasting)
{
	if (draft_is_spoilt(draft))
		return;
	pthread_mutex_lock(&draft->cache->lock);
	if (lasting && draft->state == LISTING_DRAFT)
		draft->hopeless = true;
	listing_draft_give_up(draft);
	listing_cache_unlock(draft->cache);
}

/* Joins a watch. The lock is held. */
static void draft_watch(struct cached_listing *draft, const char *path)
{
	struct watches *watches = draft->cache->watches;
	int r = draft->state == LISTING_DRAFT ? watches_add(watches, &draft->watcher, path) : 0;

	if (r < 0)
		listing_draft_give_up(draft);
	if (draft->state != LISTING_DRAFT) /* spoilt meanwhile */
		watches_forget(watches, &draft->watcher);
}

/* Whether so little time has passed since the folder changed that its next change could leave it
 * with the same times; or it changed in what the clock takes for the future. */
static bool changed_just_now(const struct statx *stat)
{
	struct timespec now;
	int64_t since_ms;

	clock_gettime(CLOCK_REALTIME, &now);
	since_ms = ((int64_t)now.tv_sec - stat->stx_ctime.tv_sec) * 1000 +
		   (now.tv_nsec - (int64_t)stat->stx_ctime.tv_nsec) / 1000000;
	return since_ms <= (stat->stx_ctime.tv_nsec == 0 ? SECONDS_MS + TICK_MS : TICK_MS);
}

static bool folder_look(int folder, struct statx *ret_stat)
{
	return calls->statx(folder, "", AT_EMPTY_PATH, FOLDER_MASK, ret_stat) == 0 &&
	       (ret_stat->stx_mask & FOLDER_MASK) == FOLDER_MASK;
}

void listing_draft_begin(struct cached_listing *draft, int folder)
{
	char path[sizeof("/proc/self/fd/2147483647/.")];
	struct statx stat;
	bool known;

	if (draft_is_spoilt(draft))
		return;
	snprintf(path, sizeof(path), "/proc/self/fd/%d/.", folder);
	pthread_mutex_lock(&draft->cache->lock);
	draft->begun_ms = listing_cache_now_ms();
	draft_watch(draft, path);
	pthread_mutex_unlock(&draft->cache->lock);

	known = folder_look(folder, &stat);
	pthread_mutex_lock(&draft->cache->lock);
	if (!known || changed_just_now(&stat)) {
		listing_draft_give_up(draft);
	} else {
		draft->changed = stat.stx_ctime;
		draft->modified = stat.stx_mtime;
	}
	listing_cache_unlock(draft->cache);
}

/* Has each change within a folder told. */
static void draft_watch_within(struct cached_listing *draft, int folder, const char *name)
{
	char path[PATH_BYTES_MAX];
	int length = snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", folder, name);

	pthread_mutex_lock(&draft->cache->lock);
	if (length >= (int)sizeof(path) || draft->folders == draft->cache->limits.folders_max) {
		draft->hopeless |= draft->state == LISTING_DRAFT;
		listing_draft_give_up(draft);
	} else {
		draft->folders++;
		draft_watch(draft, path);
	}
	listing_cache_unlock(draft->cache);
}

bool listing_draft_look(struct cached_listing *draft, int folder, const char *name,
			const struct statx *stat)
{
	const uint64_t elsewhere = STATX_ATTR_MOUNT_ROOT | STATX_ATTR_AUTOMOUNT;
	bool is_folder = S_ISDIR(stat->stx_mode);

	if (draft_is_spoilt(draft))
		return false;
	if ((!is_folder && stat->stx_nlink != 1) || (stat->stx_mask & STATX_NLINK) == 0 ||
	    (stat->stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) == 0 ||
	    stat->stx_attributes & elsewhere)
		listing_draft_spoil(draft, false);
	else if (is_folder)
		draft_watch_within(draft, folder, name);
	return is_folder && !draft_is_spoilt(draft);
}

void listing_draft_until(struct cached_listing *draft, int64_t until_s)
{
	int64_t before_s;

	if (draft_is_spoilt(draft))
		return;
	before_s = atomic_load_explicit(&draft->until_s, memory_order_relaxed);
	while (until_s < before_s &&
	       !atomic_compare_exchange_weak_explicit(&draft->until_s, &before_s, until_s,
						      memory_order_relaxed, memory_order_relaxed))
		;
}

static size_t whole_pages(const struct listing_cache *cache, size_t bytes)
{
	return (bytes + cache->page - 1) / cache->page * cache->page;
}

/* Gets room for length bytes more. The lock is held. */
static bool draft_grow(struct cached_listing *draft, size_t length)
{
	struct listing_cache *cache = draft->cache;
	size_t page_bytes = whole_pages(cache, draft->size_bytes + length);

	if (draft->state != LISTING_DRAFT)
		return false;
	if (draft->size_bytes + length > cache->limits.listing_max) {
		draft->hopeless = true;
		listing_draft_give_up(draft);
		return false;
	}
	draft->writing = true; /* its own pages are not what makes room */
	if (!listing_cache_make_room(cache, page_bytes - draft->page_bytes)) {
		draft->writing = false;
		listing_draft_give_up(draft);
		return false;
	}
	cache->counts.bytes += page_bytes - draft->page_bytes;
	draft->page_bytes = page_bytes;
	return true;
}

static int write_all(int file, const char *bytes, size_t length, off_t offset)
{
	while (length > 0) {
		ssize_t put = calls->pwrite(file, bytes, length, offset);

		if (put < 0)
			return (int)put;
		bytes += put;
		length -= (size_t)put;
		offset += put;
	}
	return 0;
}

void listing_draft_append(struct cached_listing *draft, const char *bytes, size_t length)
{
	struct listing_cache *cache;
	off_t offset;
	bool grown;
	int r;

	if (draft_is_spoilt(draft) || length == 0)
		return;
	cache = draft->cache;
	pthread_mutex_lock(&cache->lock);
	offset = (off_t)draft->slot * (off_t)cache->limits.listing_max + (off_t)draft->size_bytes;
	grown = draft_grow(draft, length);
	listing_cache_unlock(cache);
	if (!grown)
		return;

	r = write_all(cache->file, bytes, length, offset);
	pthread_mutex_lock(&cache->lock);
	draft->writing = false;
	draft->size_bytes += length;
	if (r < 0)
		listing_draft_give_up(draft);
	if (draft->state != LISTING_DRAFT) /* perhaps meanwhile, when its place had to stay */
		cached_listing_vacate(draft);
	listing_cache_unlock(cache);
}

/* Lets go of the lock. */
static void draft_end(struct cached_listing *draft)
{
	struct listing_cache *cache = draft->cache;

	if (draft->state == LISTING_DRAFT || (draft->state == LISTING_SPOILT && draft->hopeless)) {
		listing_cache_keep(draft);
	} else {
		list_remove(&draft->link);
		cached_listing_free(draft);
	}
	listing_cache_unlock(cache);
}

void listing_draft_publish(struct cached_listing *draft)
{
	if (!draft)
		return;
	pthread_mutex_lock(&draft->cache->lock);
	draft_end(draft);
}

void listing_draft_abandon(struct cached_listing *draft)
{
	if (!draft)
		return;
	pthread_mutex_lock(&draft->cache->lock);
	listing_draft_give_up(draft);
	draft_end(draft);
}
