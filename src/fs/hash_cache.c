#include "fs/hash_cache.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#define WAYS 8 /* entries of a set: where one file and kind may stand */

/* The kernel's clock for file times ticks every 10 ms at the slowest. Times without a fraction are of
 * a file system that has only seconds, or every other one (FAT). */
#define TICK_NS 20000000
#define COARSE_TICK_S 2
#define REMOTE_AGE_S 60

#define NS_PER_S 1000000000

struct hash_entry {
	struct hash_identity identity;
	uint64_t used; /* when, by the cache's own count; 0: empty */
	uint8_t kind;
	unsigned char bytes[DIGEST_BYTES_MAX];
};

struct hash_cache {
	pthread_mutex_t lock; /* protects count and sets */
	uint64_t count;	      /* of look-ups: a clock */
	size_t sets_count;
	struct hash_entry sets[][WAYS];
};

struct hash_identity hash_identity_of(const struct statx *stat)
{
	return (struct hash_identity){
		.device = makedev(stat->stx_dev_major, stat->stx_dev_minor),
		.inode = stat->stx_ino,
		.size_bytes = stat->stx_size,
		.changed_s = stat->stx_ctime.tv_sec,
		.modified_s = stat->stx_mtime.tv_sec,
		.changed_ns = stat->stx_ctime.tv_nsec,
		.modified_ns = stat->stx_mtime.tv_nsec,
	};
}

bool hash_identity_equal(const struct hash_identity *one, const struct hash_identity *other)
{
	return one->device == other->device && one->inode == other->inode &&
	       one->size_bytes == other->size_bytes && one->changed_s == other->changed_s &&
	       one->changed_ns == other->changed_ns && one->modified_s == other->modified_s &&
	       one->modified_ns == other->modified_ns;
}

bool hash_identity_is_settled(const struct hash_identity *identity, const struct timespec *now,
			      bool remote)
{
	int64_t age_s = now->tv_sec - identity->changed_s;
	int64_t age_ns = now->tv_nsec - (int64_t)identity->changed_ns;

	if (remote)
		return age_s > REMOTE_AGE_S;
	if (identity->changed_ns == 0)
		return age_s > COARSE_TICK_S;
	return age_s > 1 || (age_s >= 0 && age_s * NS_PER_S + age_ns > TICK_NS);
}

int hash_cache_new(size_t entries_max, struct hash_cache **ret_cache)
{
	size_t sets_count = (entries_max + WAYS - 1) / WAYS;
	struct hash_cache *cache = calloc(1, sizeof(*cache) + sets_count * sizeof(cache->sets[0]));

	if (!cache)
		return -ENOMEM;
	cache->sets_count = sets_count;
	pthread_mutex_init(&cache->lock, NULL);
	*ret_cache = cache;
	return 0;
}

void hash_cache_free(struct hash_cache *cache)
{
	if (cache)
		pthread_mutex_destroy(&cache->lock);
	free(cache);
}

static uint64_t mix(uint64_t value, uint64_t more)
{
	value = (value ^ more) * 0x9e3779b97f4a7c15;
	return value ^ value >> 32;
}

/* By what stays when the file changes: its old hash is then the first to go. */
static struct hash_entry *set_of(struct hash_cache *cache, const struct hash_identity *identity)
{
	return cache->sets[mix(mix(1, identity->device), identity->inode) % cache->sets_count];
}

static bool entry_is(const struct hash_entry *entry, const struct hash_identity *identity,
		     enum digest_kind kind)
{
	return entry->used > 0 && entry->kind == kind &&
	       hash_identity_equal(&entry->identity, identity);
}

bool hash_cache_find(struct hash_cache *cache, const struct hash_identity *identity,
		     enum digest_kind kind, unsigned char *ret_bytes)
{
	struct hash_entry *set = set_of(cache, identity);
	bool found = false;

	pthread_mutex_lock(&cache->lock);
	for (int i = 0; i < WAYS && !found; i++) {
		found = entry_is(&set[i], identity, kind);
		if (found) {
			memcpy(ret_bytes, set[i].bytes, digest_bytes(kind));
			set[i].used = ++cache->count;
		}
	}
	pthread_mutex_unlock(&cache->lock);
	return found;
}

/* The place for a hash: its own, that of an older state of the file, or that of the least used. */
static struct hash_entry *place_for(struct hash_entry *set, const struct hash_identity *identity,
				    enum digest_kind kind)
{
	struct hash_entry *place = &set[0];

	for (int i = 0; i < WAYS; i++) {
		if (set[i].used > 0 && set[i].kind == kind &&
		    set[i].identity.device == identity->device &&
		    set[i].identity.inode == identity->inode)
			return &set[i];
		if (set[i].used < place->used)
			place = &set[i];
	}
	return place;
}

void hash_cache_put(struct hash_cache *cache, const struct hash_identity *identity,
		    enum digest_kind kind, const unsigned char *bytes)
{
	struct hash_entry *place;

	pthread_mutex_lock(&cache->lock);
	place = place_for(set_of(cache, identity), identity, kind);
	place->identity = *identity;
	place->kind = (uint8_t)kind;
	place->used = ++cache->count;
	memcpy(place->bytes, bytes, digest_bytes(kind));
	pthread_mutex_unlock(&cache->lock);
}
