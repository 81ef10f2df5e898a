/*
 * Hashes of whole files that were made once, by the identity of the file: its device and inode, its
 * size, and when its bytes and its inode last changed. A file that changes has another identity, so
 * nothing is ever taken back; what nobody asks for any more gives its place up.
 *
 * An identity is good for as long as the next change is sure to make another one: a file system tells
 * times by a clock that ticks, and two changes within one tick look like one. Such a young identity
 * (hash_identity_is_settled) is not kept. What is stored through a shared mapping shows only if the
 * file was written back first (fs/written_back.h).
 *
 * Thread:    any. One lock for a table, held for the look at one set of it: a message to an owner and
 *            its answer would cost many times that.
 * Ownership: the cache's maker's; what is found is copied out.
 */
#ifndef FS_HASH_CACHE_H
#define FS_HASH_CACHE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <time.h>

#include "fs/digest.h"

struct hash_identity {
	uint64_t device;
	uint64_t inode;
	uint64_t size_bytes;
	int64_t changed_s; /* ctime, which nobody can set */
	int64_t modified_s;
	uint32_t changed_ns;
	uint32_t modified_ns;
};

struct hash_cache;

/* Of what statx(2) says (STATX_BASIC_STATS). */
struct hash_identity hash_identity_of(const struct statx *stat);
bool hash_identity_equal(const struct hash_identity *one, const struct hash_identity *other);

/* Whether a change from now on (CLOCK_REALTIME, when the identity was looked at) gives another
 * identity. A network's clock may be another than ours: there it takes a minute, here two ticks. */
bool hash_identity_is_settled(const struct hash_identity *identity, const struct timespec *now,
			      bool remote);

/* A cache of entries_max hashes, rounded up to a whole number of sets. Returns 0 or -ENOMEM. */
int hash_cache_new(size_t entries_max, struct hash_cache **ret_cache);
void hash_cache_free(struct hash_cache *cache);

/* True: the hash is in ret_bytes[digest_bytes(kind)]. */
bool hash_cache_find(struct hash_cache *cache, const struct hash_identity *identity,
		     enum digest_kind kind, unsigned char *ret_bytes);

/* Keeps one, in place of the one of its set that was asked for the longest time ago. */
void hash_cache_put(struct hash_cache *cache, const struct hash_identity *identity,
		    enum digest_kind kind, const unsigned char *bytes);

#endif
