#include "fs/digest.h"

#include <assert.h>
#include <errno.h>
#include <openssl/evp.h>
#include <stdint.h>
#include <stdlib.h>
#include <zlib.h>

#include "sys/calls.h"

struct digest {
	enum digest_kind kind;
	EVP_MD_CTX *context; /* NULL: CRC32 */
	uint32_t crc;
};

static const struct {
	const char *name;
	size_t bytes;
	const EVP_MD *(*method)(void); /* NULL: zlib's */
} kinds[DIGEST_KINDS] = {
	[DIGEST_SHA256] = { "SHA-256", 32, EVP_sha256 },
	[DIGEST_SHA512] = { "SHA-512", 64, EVP_sha512 },
	[DIGEST_SHA1] = { "SHA-1", 20, EVP_sha1 },
	[DIGEST_MD5] = { "MD5", 16, EVP_md5 },
	[DIGEST_CRC32] = { "CRC32", 4, NULL },
};

const char *digest_name(enum digest_kind kind)
{
	return kinds[kind].name;
}

int digest_of_name(struct view name)
{
	for (int kind = 0; kind < DIGEST_KINDS; kind++)
		if (view_is_word(name, kinds[kind].name))
			return kind;
	return -ENOENT;
}

size_t digest_bytes(enum digest_kind kind)
{
	return kinds[kind].bytes;
}

int digest_new(enum digest_kind kind, struct digest **ret_digest)
{
	struct digest *digest = calls->allocate(sizeof(*digest));

	if (!digest)
		return -ENOMEM;
	*digest = (struct digest){ .kind = kind };
	if (kinds[kind].method) {
		digest->context = EVP_MD_CTX_new();
		if (!digest->context) {
			free(digest);
			return -ENOMEM;
		}
		if (EVP_DigestInit_ex(digest->context, kinds[kind].method(), NULL) != 1) {
			digest_free(digest);
			return -EOPNOTSUPP;
		}
	}
	*ret_digest = digest;
	return 0;
}

void digest_add(struct digest *digest, const void *bytes, size_t length)
{
	if (digest->context)
		EVP_DigestUpdate(digest->context, bytes, length);
	else
		digest->crc = (uint32_t)crc32_z(digest->crc, bytes, length);
}

void digest_end(struct digest *digest, unsigned char *ret_bytes)
{
	unsigned length = 0;

	if (digest->context) {
		EVP_DigestFinal_ex(digest->context, ret_bytes, &length);
		assert(length == kinds[digest->kind].bytes);
		return;
	}
	for (int i = 0; i < 4; i++)
		ret_bytes[i] = (unsigned char)(digest->crc >> (24 - 8 * i));
}

void digest_free(struct digest *digest)
{
	if (digest)
		EVP_MD_CTX_free(digest->context);
	free(digest);
}

void digest_format(const unsigned char *bytes, size_t length, bool upper_case, char *ret_hex)
{
	const char *digits = upper_case ? "0123456789ABCDEF" : "0123456789abcdef";

	for (size_t i = 0; i < length; i++) {
		*ret_hex++ = digits[bytes[i] >> 4];
		*ret_hex++ = digits[bytes[i] & 15];
	}
	*ret_hex = '\0';
}

/* The value of a digit, or -1. */
static int digit_value(char digit)
{
	return digit >= '0' && digit <= '9'   ? digit - '0'
	       : digit >= 'a' && digit <= 'f' ? digit - 'a' + 10
					      : -1;
}

int digest_parse(struct view hex, size_t length, unsigned char *ret_bytes)
{
	unsigned char bytes[DIGEST_BYTES_MAX];

	if (hex.length != 2 * length)
		return -EINVAL;
	for (size_t i = 0; i < length; i++) {
		int high = digit_value(hex.at[2 * i]);
		int low = digit_value(hex.at[2 * i + 1]);

		if (high < 0 || low < 0)
			return -EINVAL;
		bytes[i] = (unsigned char)(high << 4 | low);
	}
	memcpy(ret_bytes, bytes, length);
	return 0;
}
