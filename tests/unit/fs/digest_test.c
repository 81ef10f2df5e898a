#include "fs/digest.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sys/calls.h"

/* FIPS 180-4's and RFC 1321's examples, and the check value of CRC-32. */
static const struct {
	enum digest_kind kind;
	const char *text;
	const char *hex;
} known[] = {
	{ DIGEST_SHA256, "abc",
	  "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
	{ DIGEST_SHA256, "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
	{ DIGEST_SHA512, "abc",
	  "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
	  "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f" },
	{ DIGEST_SHA1, "abc", "a9993e364706816aba3e25717850c26c9cd0d89d" },
	{ DIGEST_MD5, "abc", "900150983cd24fb0d6963f7d28e17f72" },
	{ DIGEST_MD5, "", "d41d8cd98f00b204e9800998ecf8427e" },
	{ DIGEST_CRC32, "123456789", "cbf43926" },
	{ DIGEST_CRC32, "", "00000000" },
};

#define KNOWN_COUNT (sizeof(known) / sizeof(known[0]))

static void known_texts_have_their_known_hashes(void **state)
{
	(void)state;
	for (size_t i = 0; i < KNOWN_COUNT; i++) {
		unsigned char bytes[DIGEST_BYTES_MAX];
		char hex[DIGEST_HEX_MAX];
		struct digest *digest;

		assert_int_equal(digest_new(known[i].kind, &digest), 0);
		for (const char *at = known[i].text; *at; at++) /* in pieces */
			digest_add(digest, at, 1);
		digest_end(digest, bytes);
		digest_free(digest);
		digest_format(bytes, digest_bytes(known[i].kind), false, hex);
		assert_string_equal(hex, known[i].hex);
	}
}

static void names_are_found_in_any_case(void **state)
{
	(void)state;
	assert_int_equal(digest_of_name(view_of("sha-256")), DIGEST_SHA256);
	assert_int_equal(digest_of_name(view_of("SHA-1")), DIGEST_SHA1);
	assert_int_equal(digest_of_name(view_of("crc32")), DIGEST_CRC32);
	assert_int_equal(digest_of_name(view_of("SHA-2")), -ENOENT);
	assert_int_equal(digest_of_name(view_of("")), -ENOENT);
	for (int kind = 0; kind < DIGEST_KINDS; kind++)
		assert_int_equal(digest_of_name(view_of(digest_name((enum digest_kind)kind))),
				 kind);
}

static void hex_comes_back_as_bytes(void **state)
{
	static const unsigned char bytes[] = { 0x00, 0x9a, 0xff };
	unsigned char again[3] = { 1, 2, 3 };
	char hex[DIGEST_HEX_MAX];

	(void)state;
	digest_format(bytes, 3, true, hex);
	assert_string_equal(hex, "009AFF");
	assert_int_equal(digest_parse(view_of(hex), 3, again), -EINVAL);
	digest_format(bytes, 3, false, hex);
	assert_string_equal(hex, "009aff");
	assert_int_equal(digest_parse(view_of("009af"), 3, again), -EINVAL);
	assert_int_equal(digest_parse(view_of("009aff0"), 3, again), -EINVAL);
	assert_int_equal(digest_parse(view_of("009agf"), 3, again), -EINVAL);
	assert_int_equal(again[0], 1);
	assert_int_equal(digest_parse(view_of(hex), 3, again), 0);
	assert_memory_equal(again, bytes, 3);
}

static void *no_memory(size_t size_bytes)
{
	(void)size_bytes;
	return NULL;
}

static void without_memory_there_is_none(void **state)
{
	struct calls spoilt = calls_real;
	struct digest *digest = NULL;

	(void)state;
	spoilt.allocate = no_memory;
	calls = &spoilt;
	assert_int_equal(digest_new(DIGEST_SHA256, &digest), -ENOMEM);
	calls = &calls_real;
	assert_null(digest);
	digest_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_texts_have_their_known_hashes),
		cmocka_unit_test(names_are_found_in_any_case),
		cmocka_unit_test(hex_comes_back_as_bytes),
		cmocka_unit_test(without_memory_there_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
