/*
 * The hashes of HASH and its kin (draft-bryan-ftpext-hash-02): what they are called, and how one is
 * made of bytes that come in pieces.
 *
 * SHA-256 is the one to use. SHA-1 is there because the draft wants it, MD5 and CRC32 because old
 * clients ask for nothing else: they tell of damage on the way, not of malice.
 *
 * Thread:    any; a digest is used by one at a time.
 * Ownership: a digest is its maker's from digest_new to digest_free.
 */
#ifndef FS_DIGEST_H
#define FS_DIGEST_H

#include "base/view.h"

#define DIGEST_BYTES_MAX 64			  /* SHA-512 */
#define DIGEST_HEX_MAX (2 * DIGEST_BYTES_MAX + 1) /* NUL included */

enum digest_kind {
	DIGEST_SHA256, /* of a new session */
	DIGEST_SHA512,
	DIGEST_SHA1,
	DIGEST_MD5,
	DIGEST_CRC32,
	DIGEST_KINDS,
};

struct digest;

/* The name, as HASH and FEAT have it: "SHA-256". */
const char *digest_name(enum digest_kind kind);

/* The kind of a name in upper or lower case, or -ENOENT. */
int digest_of_name(struct view name);

/* How many bytes the hash has. */
size_t digest_bytes(enum digest_kind kind);

/* Begins one. Returns 0, -ENOMEM, or -EOPNOTSUPP where the library is not allowed to (FIPS). */
int digest_new(enum digest_kind kind, struct digest **ret_digest);

void digest_add(struct digest *digest, const void *bytes, size_t length);

/* The hash of all that was added, digest_bytes() long: once. */
void digest_end(struct digest *digest, unsigned char *ret_bytes);

/* NULL is allowed. */
void digest_free(struct digest *digest);

/* Hexadecimal digits and a NUL into ret_hex[DIGEST_HEX_MAX], and back: -EINVAL if hex is not exactly
 * length bytes in lower case. */
void digest_format(const unsigned char *bytes, size_t length, bool upper_case, char *ret_hex);
int digest_parse(struct view hex, size_t length, unsigned char *ret_bytes);

#endif
