/* A hash for tables and names (FNV-1a). It keeps no secret: who may choose the text can choose the hash. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

/* seed: another hash of the same text for each, 0 where none is wanted. */
static inline uint64_t hash_octets(uint64_t seed, const void *octets, size_t length)
{
	const unsigned char *at = octets;
	uint64_t hash = 0xcbf29ce484222325 ^ seed;

	for (size_t i = 0; i < length; i++)
		hash = (hash ^ at[i]) * 0x100000001b3;
	return hash;
}

#endif
